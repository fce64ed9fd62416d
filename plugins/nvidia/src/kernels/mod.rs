//! Our kernels: pictures to tensors, and a model's outputs to boxes.
//!
//! The sources are CUDA C++ (`preprocess.cu`, `decode.cu` and what they include), without NVIDIA's
//! headers. `tools/kernels` compiles them with clang to PTX 6.0 for sm_53, the oldest GPU that is
//! still served; newer drivers compile that text for whatever GPU there is. The text is committed
//! (`ptx/`) and embedded here, so that neither compiler is needed to build. Tests make it again and
//! compare, assemble it for the GPUs in use, and run the same sources, compiled for the host, against
//! the CPU's preprocessing and decoding.
//!
//! | file | |
//! |---|---|
//! | `prelude.cuh` | threads, memory and number conversions, on the GPU and on the host |
//! | `picture.cuh`, `preprocess.cu` | colour, crop, letterbox, number format in one pass |
//! | `head.cuh` | the candidate at a place of a model's outputs |
//! | `decode.cu`, `nms.cuh` | all candidates, sorted, without doubles, on the source |
//! | [`params`] | the structures that both sides know |
//! | [`source`], [`head`] | those structures from what a caller knows |

pub mod head;
pub mod params;
pub mod source;

pub use head::{HeadPlan, Layout, NumberType};
pub use params::{Detected, HeadParams, PictureParams, ResultHeader, Target};
pub use source::{ColorMap, Planes, Samples, SourceFormat};

use crate::driver::module::Launch;
use crate::driver::{CUdeviceptr, Context, DriverError, Function, Module, Stream};
use std::ffi::{CStr, c_void};

/// The text that drivers compile, and its name.
pub const PTX: [(&str, &str); 2] = [
    ("preprocess", include_str!("ptx/preprocess.ptx")),
    ("decode", include_str!("ptx/decode.ptx")),
];

/// Numbers of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    Single,
    /// 16 bits.
    Half,
}

impl Precision {
    /// Bytes of a number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Half => 2,
        }
    }
}

/// One kernel for each precision.
#[derive(Debug, Clone)]
struct Pair([Function; 2]);

impl Pair {
    fn new(module: &Module, names: [&CStr; 2]) -> Result<Self, DriverError> {
        let [single, half] = names;
        Ok(Self([module.function(single)?, module.function(half)?]))
    }

    fn of(&self, precision: Precision) -> &Function {
        &self.0[usize::from(precision == Precision::Half)]
    }
}

/// Which kinds of pictures a batch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Kinds {
    /// Samples by address and pitch.
    pub linear: bool,
    /// Samples through textures.
    pub textured: bool,
}

/// The kernels, loaded into a context. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Kernels {
    linear: Pair,
    textured: Pair,
    candidates: Pair,
    select: Pair,
}

/// Threads of a block along x and y, columns and rows that each makes: as in `preprocess.cu`.
const BLOCK: [u32; 2] = [32, 8];
const PER_THREAD: [u32; 2] = [2, 4];

/// Threads of a block that looks for candidates, and of one that selects: as `CHUNK` in `nms.cuh`.
const CHUNK: u32 = 256;

impl Kernels {
    /// Has the driver compile them for the context's GPU, which takes a moment the first time.
    ///
    /// # Errors
    /// [`DriverError::Module`], which would be a defect of ours, or the driver's own.
    pub fn load(context: &Context) -> Result<Self, DriverError> {
        let [preprocess, decode] = PTX.map(|(name, ptx)| Module::from_ptx(context, name, ptx));
        let (preprocess, decode) = (preprocess?, decode?);
        Ok(Self {
            linear: Pair::new(
                &preprocess,
                [
                    c"vigil_preprocess_linear_f32",
                    c"vigil_preprocess_linear_f16",
                ],
            )?,
            textured: Pair::new(
                &preprocess,
                [
                    c"vigil_preprocess_texture_f32",
                    c"vigil_preprocess_texture_f16",
                ],
            )?,
            candidates: Pair::new(&decode, [c"vigil_candidates_f32", c"vigil_candidates_f16"])?,
            select: Pair::new(&decode, [c"vigil_select_f32", c"vigil_select_f16"])?,
        })
    }

    /// Fills the tensor from the pictures at `pictures`, as many [`PictureParams`].
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// All that the parameters point at must be there, of the sizes that they say, until the stream
    /// has passed this; pictures of the `kinds` that are said only.
    pub unsafe fn preprocess(
        &self,
        stream: &Stream,
        pictures: CUdeviceptr,
        count: u32,
        kinds: Kinds,
        precision: Precision,
        target: &Target,
    ) -> Result<(), DriverError> {
        let blocks = |size: u32, axis: usize| size.div_ceil(BLOCK[axis] * PER_THREAD[axis]);
        let launch = Launch {
            grid: [blocks(target.width, 0), blocks(target.height, 1), count],
            block: [BLOCK[0], BLOCK[1], 1],
            shared: 0,
        };
        let mut arguments = [argument(&pictures), argument(target)];
        for (kernel, is_there) in [
            (&self.linear, kinds.linear),
            (&self.textured, kinds.textured),
        ] {
            if is_there {
                // SAFETY: the kernels take a pointer and a `Target`; the rest is the caller's promise.
                unsafe {
                    kernel
                        .of(precision)
                        .launch(stream, launch, &mut arguments)?
                };
            }
        }
        Ok(())
    }

    /// Makes the detections of so many pictures from the outputs.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// As of [`preprocess`](Self::preprocess).
    pub unsafe fn decode(
        &self,
        stream: &Stream,
        pictures: CUdeviceptr,
        count: u32,
        precision: Precision,
        head: &HeadParams,
    ) -> Result<(), DriverError> {
        let places = head::places(head);
        let mut arguments = [argument(head)];
        let find = Launch {
            grid: [places.div_ceil(CHUNK).max(1), count, 1],
            block: [CHUNK, 1, 1],
            shared: 0,
        };
        // SAFETY: the kernel takes a `HeadParams`; the rest is the caller's promise.
        unsafe {
            stream.fill(head.counts, 0, count as usize * size_of::<u32>())?;
            let kernel = self.candidates.of(precision);
            kernel.launch(stream, find, &mut arguments)?;
        }
        let mut arguments = [argument(&pictures), argument(head)];
        let select = Launch {
            grid: [count, 1, 1],
            ..find
        };
        // SAFETY: the kernel takes a pointer and a `HeadParams`; the rest is the caller's promise.
        unsafe {
            self.select
                .of(precision)
                .launch(stream, select, &mut arguments)
        }
    }
}

/// A parameter as launches take it. They only read it.
fn argument<T>(value: &T) -> *mut c_void {
    std::ptr::from_ref(value).cast_mut().cast()
}
