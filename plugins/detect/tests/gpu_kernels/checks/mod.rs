//! The GPU's kernels against the CPU's preprocessing and decoding: the same numbers to the bit, and
//! the same boxes. On whatever GPU there is: the fake one of the tests here, or a real one
//! (`tests/gpu`). What is not the same is a panic that says what.

pub mod decode;
pub mod numbers;
pub mod preprocess;

use numbers::{Random, bytes_of, floats, half, halves, to_half};
use std::ffi::c_int;
use vigil_nvidia::driver::memory::Rows;
use vigil_nvidia::driver::raw::{CUarray, CUresult};
use vigil_nvidia::driver::{Context, DeviceBuffer, Stream};
use vigil_nvidia::kernels::Kernels;

/// Compares the kernels with the CPU, and panics where they differ.
pub type Check = fn(&Gpu);

/// What is checked, as a sentence, and how.
pub const ALL: [(&str, Check); 5] = [
    (
        "frames of each format become the tensor that the CPU makes",
        preprocess::frames_of_each_format_become_the_tensor_that_the_cpu_makes,
    ),
    (
        "arrays are read through textures beside frames that are not",
        preprocess::arrays_are_read_through_textures_beside_frames_that_are_not,
    ),
    (
        "the same boxes come out of each layout",
        decode::the_same_boxes_come_out_of_each_layout,
    ),
    (
        "thousands of candidates that tie are sorted and suppressed alike",
        decode::thousands_of_candidates_that_tie_are_sorted_and_suppressed_alike,
    ),
    (
        "each class has its own threshold",
        decode::each_class_has_its_own_threshold,
    ),
];

/// A GPU with the kernels loaded.
pub struct Gpu {
    pub kernels: Kernels,
    pub stream: Stream,
    pub context: Context,
    /// The driver's library, for arrays: nothing but these checks makes any.
    library: libloading::Library,
}

impl Gpu {
    pub fn new(context: &Context) -> Self {
        let driver = context.driver().table().path();
        Self {
            kernels: Kernels::load(context).unwrap(),
            stream: Stream::new(context).unwrap(),
            context: context.clone(),
            // SAFETY: it is loaded already.
            library: unsafe { libloading::Library::new(driver) }.unwrap(),
        }
    }

    pub fn room(&self, bytes: usize) -> DeviceBuffer {
        DeviceBuffer::new(&self.context, bytes).unwrap()
    }

    pub fn upload(&self, bytes: &[u8]) -> DeviceBuffer {
        let buffer = self.room(bytes.len());
        // SAFETY: the driver has read memory that is not pinned before it returns.
        unsafe {
            self.stream
                .upload(buffer.pointer(), bytes.as_ptr(), bytes.len())
        }
        .unwrap();
        buffer
    }

    pub fn download(&self, buffer: &DeviceBuffer) -> Vec<u8> {
        let mut bytes = vec![0; buffer.bytes()];
        // SAFETY: the stream is waited for.
        unsafe {
            self.stream
                .download(bytes.as_mut_ptr(), buffer.pointer(), buffer.bytes())
                .unwrap();
        }
        self.stream.synchronize().unwrap();
        bytes
    }

    /// An array of 8-bit samples with this content, to be destroyed by
    /// [`destroy_array`](Self::destroy_array).
    pub fn array(&self, [width, channels]: [usize; 2], data: &[u8]) -> CUarray {
        #[repr(C)]
        struct Descriptor(usize, usize, c_int, u32);
        type Create = unsafe extern "C" fn(*mut CUarray, *const Descriptor) -> CUresult;
        /// `CU_AD_FORMAT_UNSIGNED_INT8`
        const BYTES: c_int = 1;
        let height = data.len() / (width * channels);
        let (mut array, _current) = (std::ptr::null_mut(), self.context.enter().unwrap());
        let descriptor = Descriptor(width, height, BYTES, channels as u32);
        // SAFETY: `array` receives the array; the copy is done before the data goes.
        unsafe {
            let create = self.library.get::<Create>(b"cuArrayCreate_v2\0").unwrap();
            assert_eq!(create(&raw mut array, &raw const descriptor), 0);
            let rows = Rows::Host(data.as_ptr(), width * channels);
            let stream = &self.stream;
            stream
                .copy_rows(Rows::Array(array), rows, width * channels, height)
                .unwrap();
            stream.synchronize().unwrap();
        }
        array
    }

    pub fn destroy_array(&self, array: CUarray) {
        type Destroy = unsafe extern "C" fn(CUarray) -> CUresult;
        let _current = self.context.enter().unwrap();
        // SAFETY: made by `array`.
        let code = unsafe { self.library.get::<Destroy>(b"cuArrayDestroy\0").unwrap()(array) };
        assert_eq!(code, 0);
    }
}
