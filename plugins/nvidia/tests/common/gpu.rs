//! Surfaces on a fake GPU, and a fake libnvbufsurface.

#![allow(dead_code, reason = "each test uses a part of it")]

use super::surfaces::{Spec, entry, sample, surface_of};
use crate::fake;
use std::ffi::{CStr, c_char, c_long, c_void};
use std::sync::Arc;
use vigil_nvidia::driver::{Context, DeviceBuffer, Stream};
use vigil_nvidia::memory::nvmm::Library;
use vigil_nvidia::memory::{MappedGpuFrame, PixelFormat, Planes};

pub const NV12: u32 = 6;
pub const SURFACE_ARRAY: u32 = 4;

/// libnvbufsurface of a version, with a state of its own.
pub struct NvBuf {
    pub library: Arc<Library>,
    pub raw: libloading::Library,
    _folder: tempfile::TempDir,
}

impl NvBuf {
    pub fn new(old: bool) -> Self {
        let source = fake::nvidia().join("tests/fake/nvbufsurface");
        let (name, flags): (_, &[&str]) = match old {
            true => ("nvbuf7", &[]),
            false => ("nvbuf9", &["-DCUDA_BUFFERS"]),
        };
        let made = fake::compile(name, &fake::sources(&source, "cpp"), &[source], flags);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libnvbufsurface.so");
        std::fs::copy(made, &path).unwrap();
        Self {
            library: Arc::new(Library::open_at(&path).unwrap()),
            // SAFETY: a library of the tests.
            raw: unsafe { libloading::Library::new(&path) }.unwrap(),
            _folder: folder,
        }
    }

    pub fn set(&self, text: &CStr) {
        type Set = unsafe extern "C" fn(*const c_char);
        // SAFETY: a function of the fake.
        unsafe { self.raw.get::<Set>("vigil_fake_nvbuf_set").unwrap()(text.as_ptr()) };
    }

    /// How often surfaces were mapped and unmapped.
    pub fn counts(&self) -> [c_long; 2] {
        ["vigil_fake_nvbuf_maps", "vigil_fake_nvbuf_unmaps"].map(|name| {
            type Count = unsafe extern "C" fn() -> c_long;
            // SAFETY: a function of the fake.
            unsafe { self.raw.get::<Count>(name).unwrap()() }
        })
    }
}

/// The planes of a picture in device memory, as [`sample`] has them.
pub fn picture(
    context: &Context,
    index: usize,
    (width, height): (u32, u32),
) -> (DeviceBuffer, [u64; 2]) {
    let (width, height) = (width as usize, height as usize);
    let mut bytes = vec![0; 1 << 14];
    for plane in 0..2 {
        let (row, rows) = PixelFormat::Nv12.plane_size(plane, width, height);
        for (y, x) in (0..rows).flat_map(|y| (0..row).map(move |x| (y, x))) {
            bytes[plane * 8192 + y * 96 + x] = sample(index, plane, x, y);
        }
    }
    let buffer = DeviceBuffer::new(context, bytes.len()).unwrap();
    let stream = Stream::new(context).unwrap();
    // SAFETY: the bytes stay until the copy is done.
    unsafe { stream.upload(buffer.pointer(), bytes.as_ptr(), bytes.len()) }.unwrap();
    stream.synchronize().unwrap();
    let pointer = buffer.pointer();
    (buffer, [pointer, pointer + 8192])
}

/// Compares planes on the device with what they were made of.
pub fn assert_planes(context: &Context, frame: &MappedGpuFrame) {
    let stream = Stream::new(context).unwrap();
    for picture in frame.pictures() {
        let Planes::Device { ptrs, pitches } = picture.planes else {
            panic!("{:?} is not on the device", picture.planes);
        };
        for plane in 0..2 {
            let (width, height) = (
                picture.format.width as usize,
                picture.format.height as usize,
            );
            let (row, rows) = picture.format.pixels.plane_size(plane, width, height);
            let mut bytes = vec![0u8; pitches[plane] * (rows - 1) + row];
            // SAFETY: the bytes stay until the copy is done.
            unsafe { stream.download(bytes.as_mut_ptr(), ptrs[plane], bytes.len()) }.unwrap();
            stream.synchronize().unwrap();
            for (y, x) in (0..rows).flat_map(|y| (0..row).map(move |x| (y, x))) {
                let expected = sample(picture.index, plane, x, y);
                assert_eq!(
                    bytes[y * pitches[plane] + x],
                    expected,
                    "plane {plane} at {x}, {y}"
                );
            }
        }
    }
}

/// A buffer whose surfaces are on the device: as addresses for CUDA memory, or hidden as a surface
/// array's are, where only the fake of libnvbufsurface finds them.
pub fn buffer(spec: &Spec, pictures: &[[u64; 2]]) -> gst::Buffer {
    let (buffer, _) = spec.buffer(PixelFormat::Nv12);
    let surface = surface_of(&buffer);
    for (i, ptrs) in pictures.iter().enumerate() {
        let params = entry(surface, spec.stride, i);
        // SAFETY: the surface is the test's own, and nobody reads it now.
        unsafe {
            (*params).pitch = 96;
            (*params).plane_params.pitch = [96; 4];
            (*params).plane_params.offset = [0, 8192, 0, 0];
            (*params).data_size = 1 << 14;
            let is_array = spec.mem_type == SURFACE_ARRAY;
            (*params).data_ptr = if is_array { 0 } else { ptrs[0] } as *mut c_void;
            (*params).mapped_addr = [ptrs[0], ptrs[1], 0, ptrs[0]].map(|p| p as *mut c_void);
        }
    }
    buffer
}

pub fn spec(old: bool, mem_type: u32, sizes: &[(u32, u32)]) -> Spec {
    let mut spec = Spec::new(old, NV12, sizes);
    spec.mem_type = mem_type;
    spec
}

pub const SIZES: [(u32, u32); 2] = [(64, 48), (33, 17)];
