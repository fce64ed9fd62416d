//! NVMM on GPUs and on Jetson, with fakes of the driver and of libnvbufsurface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod common {
    pub mod gpu;
    pub mod surfaces;
}
#[path = "fake/mod.rs"]
mod fake;

use common::gpu::{NvBuf, SIZES, SURFACE_ARRAY, assert_planes, buffer, picture, spec};
use common::surfaces::{sample, surface_of};
use std::ffi::{c_long, c_void};
use std::path::Path;
use vigil_nvidia::driver::Context;
use vigil_nvidia::memory::nvmm::{Library, Reader};
use vigil_nvidia::memory::{MemoryError, PixelFormat, Planes};

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
