//! NVMM on GPUs and on Jetson, with fakes of the driver and of libnvbufsurface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod common {
    pub mod surfaces;
}
#[path = "fake/mod.rs"]
mod fake;

use common::surfaces::{Spec, entry, sample, surface_of};
use std::ffi::{CStr, c_char, c_long, c_void};
use std::path::Path;
use std::sync::Arc;
use vigil_nvidia::driver::{Context, DeviceBuffer, Stream};
use vigil_nvidia::memory::nvmm::{Library, Reader};
use vigil_nvidia::memory::{MappedGpuFrame, MemoryError, PixelFormat, Planes};

const NV12: u32 = 6;
const SURFACE_ARRAY: u32 = 4;

/// libnvbufsurface of a version, with a state of its own.
struct NvBuf {
    library: Arc<Library>,
    raw: libloading::Library,
    _folder: tempfile::TempDir,
}

impl NvBuf {
    fn new(old: bool) -> Self {
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

    fn set(&self, text: &CStr) {
        type Set = unsafe extern "C" fn(*const c_char);
        // SAFETY: a function of the fake.
        unsafe { self.raw.get::<Set>("vigil_fake_nvbuf_set").unwrap()(text.as_ptr()) };
    }

    /// How often surfaces were mapped and unmapped.
    fn counts(&self) -> [c_long; 2] {
        ["vigil_fake_nvbuf_maps", "vigil_fake_nvbuf_unmaps"].map(|name| {
            type Count = unsafe extern "C" fn() -> c_long;
            // SAFETY: a function of the fake.
            unsafe { self.raw.get::<Count>(name).unwrap()() }
        })
    }
}

/// The planes of a picture in device memory, as [`sample`] has them.
fn picture(
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
fn assert_planes(context: &Context, frame: &MappedGpuFrame) {
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
fn buffer(spec: &Spec, pictures: &[[u64; 2]]) -> gst::Buffer {
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

fn spec(old: bool, mem_type: u32, sizes: &[(u32, u32)]) -> Spec {
    let mut spec = Spec::new(old, NV12, sizes);
    spec.mem_type = mem_type;
    spec
}

const SIZES: [(u32, u32); 2] = [(64, 48), (33, 17)];

#[test]
fn device_memory_is_read_at_its_own_address_in_batches_of_both_layouts() {
    let cuda = fake::Cuda::new("");
    let context = cuda.context();
    let made: Vec<_> = (0..2).map(|i| picture(&context, i, SIZES[i])).collect();
    let pictures: Vec<_> = made.iter().map(|(_, ptrs)| *ptrs).collect();
    for old in [true, false] {
        let nvbuf = NvBuf::new(old);
        // CUDA device, unified, and the platform's default
        for mem_type in [2, 3, 0] {
            let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
            let frame = reader
                .map(buffer(&spec(old, mem_type, &SIZES), &pictures))
                .unwrap();
            assert_eq!(frame.len(), 2);
            assert_planes(&context, &frame);
        }
        assert_eq!(nvbuf.counts(), [0, 0]);
    }
    let calls = cuda.calls("cuMemcpyDtoDAsync_v2") + cuda.calls("cuMemcpy2DAsync_v2");
    assert_eq!(calls, 0, "nothing is copied on the way");
}

#[test]
fn surfaces_of_another_gpu_are_refused_with_both_numbers() {
    let cuda = fake::Cuda::new("devices=2");
    let context = Context::primary(&cuda.driver().device(1).unwrap()).unwrap();
    let (_kept, ptrs) = picture(&context, 0, SIZES[0]);
    let mut spec = spec(true, 2, &SIZES[..1]);
    let reader = Reader::new(context.clone());
    let error = reader.map(buffer(&spec, &[ptrs])).unwrap_err();
    assert_eq!(error, MemoryError::OtherGpu { found: 0, ours: 1 });
    let text = error.to_string();
    assert!(
        text.contains("GPU 0") && text.contains("GPU 1") && text.contains("device=0"),
        "{text}"
    );
    spec.gpu_id = 1;
    assert_planes(&context, &reader.map(buffer(&spec, &[ptrs])).unwrap());
}

#[test]
fn surface_arrays_are_made_known_to_cuda_once_and_until_they_are_freed() {
    // By EGL with the old library, by CUDA buffers with the new one.
    for old in [true, false] {
        let cuda = fake::Cuda::new("");
        let nvbuf = NvBuf::new(old);
        let context = cuda.context();
        let made: Vec<_> = (0..2).map(|i| picture(&context, i, SIZES[i])).collect();
        let pictures: Vec<_> = made.iter().map(|(_, ptrs)| *ptrs).collect();
        let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
        let buffers: Vec<_> = (0..3)
            .map(|_| buffer(&spec(old, SURFACE_ARRAY, &SIZES), &pictures))
            .collect();
        for _ in 0..5 {
            for buffer in &buffers {
                assert_planes(&context, &reader.map(buffer.clone()).unwrap());
            }
        }
        assert_eq!(nvbuf.counts(), [6, 0], "two surfaces of three buffers");
        let images = if old { 6 } else { 0 };
        assert_eq!(egl_images(&cuda), images);
        assert_eq!(cuda.calls("cuGraphicsEGLRegisterImage"), images);
        // A frame that is still read keeps its buffer.
        let frame = reader.map(buffers[0].clone()).unwrap();
        drop(reader);
        drop(buffers);
        assert_eq!(nvbuf.counts(), [6, 4]);
        assert_planes(&context, &frame);
        drop(frame);
        assert_eq!(nvbuf.counts(), [6, 6]);
        assert_eq!(egl_images(&cuda), 0);
    }
}

fn egl_images(cuda: &fake::Cuda) -> usize {
    let count: unsafe extern "C" fn() -> usize = cuda.symbol(c"vigil_fake_cuda_egl_images");
    // SAFETY: a function of the fake.
    unsafe { count() }
}

#[test]
fn cuda_buffers_that_a_platform_has_not_give_way_to_egl() {
    for fault in [c"cuda=fail", c"cuda=null"] {
        let cuda = fake::Cuda::new("");
        let nvbuf = NvBuf::new(false);
        nvbuf.set(fault);
        let context = cuda.context();
        let (_kept, ptrs) = picture(&context, 0, SIZES[0]);
        let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
        let frame = reader.map(buffer(&spec(false, SURFACE_ARRAY, &SIZES[..1]), &[ptrs]));
        assert_planes(&context, &frame.unwrap());
        assert_eq!(cuda.calls("cuGraphicsEGLRegisterImage"), 1);
    }
}

/// What the fake driver's texture objects are.
#[repr(C)]
struct View {
    data: *const u8,
    pitch: u32,
    width: u32,
    height: u32,
    channels: u32,
}

#[test]
fn block_linear_surfaces_are_read_through_textures() {
    let cuda = fake::Cuda::new("");
    let nvbuf = NvBuf::new(false);
    nvbuf.set(c"arrays");
    let context = cuda.context();
    let [luma, chroma] = [0, 1].map(|plane| {
        let (row, rows) = PixelFormat::Nv12.plane_size(plane, 64, 48);
        let at = |i: usize| sample(0, plane, i % row, i / row);
        let bytes: Vec<u8> = (0..row * rows).map(at).collect();
        (
            cuda.array(&context, [row / (plane + 1), plane + 1], &bytes),
            bytes,
        )
    });
    let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
    let mut spec = spec(false, SURFACE_ARRAY, &SIZES[..1]);
    spec.layout = 1;
    let buffer = buffer(&spec, &[[luma.0 as u64, chroma.0 as u64]]);
    for _ in 0..2 {
        let frame = reader.map(buffer.clone()).unwrap();
        let Planes::Textures { textures } = frame.first().planes else {
            panic!("{:?} is no texture", frame.first().planes);
        };
        for (i, (texture, bytes)) in textures.into_iter().zip([&luma.1, &chroma.1]).enumerate() {
            // SAFETY: the fake's textures are views of its arrays, while they live.
            let (view, found) = unsafe {
                let view = &*(texture as *const View);
                (view, std::slice::from_raw_parts(view.data, bytes.len()))
            };
            assert_eq!(
                (view.width, view.height, view.channels),
                (64 >> i, 48 >> i, 1 + i as u32)
            );
            assert_eq!((found, view.pitch), (&bytes[..], 64));
        }
    }
    assert_eq!(cuda.calls("cuTexObjectCreate"), 2);
    drop(buffer);
    assert_eq!(
        (cuda.calls("cuTexObjectDestroy"), egl_images(&cuda)),
        (2, 0)
    );
    cuda.destroy_array(&context, luma.0);
    cuda.destroy_array(&context, chroma.0);
}

#[test]
fn what_somebody_else_unmapped_is_made_again_and_what_they_mapped_is_theirs() {
    for (old, map, unmap) in [
        (true, "NvBufSurfaceMapEglImage", "NvBufSurfaceUnMapEglImage"),
        (
            false,
            "NvBufSurfaceMapCudaBuffer",
            "NvBufSurfaceUnMapCudaBuffer",
        ),
    ] {
        somebody_else(old, map, unmap);
    }
}

fn somebody_else(old: bool, map: &str, unmap: &str) {
    let cuda = fake::Cuda::new("");
    let nvbuf = NvBuf::new(old);
    let context = cuda.context();
    let (_kept, ptrs) = picture(&context, 0, SIZES[0]);
    let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
    let spec = spec(old, SURFACE_ARRAY, &SIZES[..1]);
    let make = || buffer(&spec, &[ptrs]);
    let theirs = |name: &str, buffer: &gst::Buffer| {
        type Call = unsafe extern "C" fn(*mut c_void, i32) -> i32;
        // SAFETY: a function of the fake, and a surface.
        let result = unsafe { nvbuf.raw.get::<Call>(name).unwrap()(surface_of(buffer).cast(), 0) };
        assert_eq!(result, 0);
    };
    let (ours, mapped) = (make(), make());
    drop(reader.map(ours.clone()).unwrap());
    theirs(unmap, &ours);
    assert_planes(&context, &reader.map(ours.clone()).unwrap());
    assert_eq!(nvbuf.counts(), [2, 1]);
    drop(ours);
    assert_eq!((nvbuf.counts(), egl_images(&cuda)), ([2, 2], 0));
    theirs(map, &mapped);
    assert_planes(&context, &reader.map(mapped.clone()).unwrap());
    assert_eq!(nvbuf.counts(), [3, 2]);
    // Theirs to unmap, also when ours is gone.
    theirs(unmap, &mapped);
    drop(mapped);
    assert_eq!((nvbuf.counts(), egl_images(&cuda)), ([3, 3], 0));
}

#[test]
fn what_jetsons_libraries_refuse_is_told_and_left_tidy() {
    for (old, fault, driver, parts) in [
        (
            true,
            c"egl=fail",
            "",
            &["NvBufSurfaceMapEglImage gave -1"][..],
        ),
        (true, c"egl=null", "", &["left mappedAddr.eglImage null"]),
        (
            true,
            c"ok",
            "fail=cuGraphicsEGLRegisterImage:1:801",
            &["cuGraphicsEGLRegisterImage gave 801"],
        ),
        (
            true,
            c"ok",
            "fail=cuGraphicsResourceGetMappedEglFrame:1:1",
            &["cuGraphicsResourceGetMappedEglFrame gave 1"],
        ),
        (
            false,
            c"cuda=fail",
            "fail=cuGraphicsEGLRegisterImage:1:801",
            &[
                "NvBufSurfaceMapCudaBuffer gave -1; ",
                "cuGraphicsEGLRegisterImage gave 801",
            ],
        ),
    ] {
        let cuda = fake::Cuda::new(driver);
        let nvbuf = NvBuf::new(old);
        nvbuf.set(fault);
        let context = cuda.context();
        let (_kept, ptrs) = picture(&context, 0, SIZES[0]);
        let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
        let buffer = buffer(&spec(old, SURFACE_ARRAY, &SIZES[..1]), &[ptrs]);
        let error = reader.map(buffer.clone()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{fault:?} {driver}: {error}");
        }
        assert_eq!(egl_images(&cuda), 0);
        // The next one finds the way free.
        nvbuf.set(c"ok");
        assert_planes(&context, &reader.map(buffer.clone()).unwrap());
        drop(buffer);
        let [maps, unmaps] = nvbuf.counts();
        let lost = c_long::from(fault == c"egl=null");
        assert_eq!(maps, unmaps + lost, "{fault:?} {driver}");
    }
}

#[test]
fn a_missing_library_is_named() {
    let error = Library::open_at(Path::new("/nowhere/libnvbufsurface.so")).unwrap_err();
    assert!(
        error.to_string().contains("/nowhere/libnvbufsurface.so"),
        "{error}"
    );
}
