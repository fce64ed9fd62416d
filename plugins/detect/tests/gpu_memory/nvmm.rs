//! `memory:NVMM`: pictures of DeepStream's buffers, one or several.

use super::common::models::ModelFile;
use super::common::pixels::pixels;
use super::common::{Seen, frames, video};
use super::surfaces::{Spec, entry, sample, surface_of};
use super::{assert_same, assert_says, end, error_of, installed, rig};
use std::ffi::c_void;
use vigil_analytics::objects::Look;
use vigil_nvidia::driver::{DeviceBuffer, Stream};
use vigil_nvidia::memory::PixelFormat;

pub const NV12: u32 = 6;
const CUDA_DEVICE: u32 = 2;
pub const SIZE: (u32, u32) = (64, 48);

pub fn nvmm((width, height): (u32, u32)) -> String {
    video("NV12", width, height).replace("video/x-raw", "video/x-raw(memory:NVMM)")
}

/// A frame in system memory with the samples of picture `index`.
pub fn in_system_memory(index: usize) -> gst::Buffer {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let mut bytes = Vec::new();
    for plane in 0..2 {
        let (row, rows) = PixelFormat::Nv12.plane_size(plane, width, height);
        let at = |i: usize| sample(index, plane, i % row, i / row);
        bytes.extend((0..row * rows).map(at));
    }
    gst::Buffer::from_mut_slice(bytes)
}

/// What the element makes of a buffer that is in system memory, or of one with these caps.
fn see(model: &ModelFile, caps: &str, buffer: gst::Buffer, more: &[(&str, &str)]) -> Seen {
    let mut rig = rig(model, more);
    rig.caps(caps);
    let buffer = rig.timed(buffer);
    rig.push_buffer(buffer).unwrap();
    let seen = frames(&rig.eos()).remove(0);
    assert_eq!(rig.errors(), Vec::<String>::new());
    end(rig);
    seen
}

/// Copies the pictures of a buffer to the fake GPU, where CUDA memory is.
fn to_device(fake: &super::Fake, spec: &Spec, buffer: &gst::Buffer) -> Vec<DeviceBuffer> {
    let context = fake.cuda.context();
    let stream = Stream::new(&context).unwrap();
    let surface = surface_of(buffer);
    let upload = |index: usize| {
        let params = entry(surface, spec.stride, index);
        // SAFETY: the surface is the test's own; its memory is of that size, and stays until the copy
        // is done.
        unsafe {
            let size = (*params).data_size as usize;
            let memory = DeviceBuffer::new(&context, size).unwrap();
            let from = (*params).data_ptr.cast::<u8>();
            stream.upload(memory.pointer(), from, size).unwrap();
            stream.synchronize().unwrap();
            (*params).data_ptr = memory.pointer() as *mut c_void;
            memory
        }
    };
    (0..spec.sizes.len()).map(upload).collect()
}

#[test]
fn objects_are_those_of_the_same_picture_in_system_memory() {
    let fake = installed();
    let model = pixels("N");
    let cases: [&[(&str, &str)]; 4] = [
        &[],
        &[("chroma-resampler", "linear")],
        &[("regions", "[[0.1, 0.1, 0.8, 0.9]]")],
        &[("tiles", "2x2"), ("tile-overlap", "0.3")],
    ];
    for more in cases {
        let system = in_system_memory(0);
        // As decoders mean it, and surfaces say.
        let caps = video("NV12", SIZE.0, SIZE.1) + ",chroma-site=mpeg2,colorimetry=bt601";
        let expected = see(&model, &caps, system, more);
        for old in [false, true] {
            let spec = Spec::new(old, NV12, &[SIZE]);
            let (buffer, _) = spec.buffer(PixelFormat::Nv12);
            let seen = see(&model, &nvmm(SIZE), buffer, more);
            assert_same(
                &seen.objects,
                &expected.objects,
                &format!("{more:?}, system memory"),
            );
            let mut spec = Spec::new(old, NV12, &[SIZE]);
            spec.mem_type = CUDA_DEVICE;
            let (buffer, _) = spec.buffer(PixelFormat::Nv12);
            let memory = to_device(&fake, &spec, &buffer);
            let seen = see(&model, &nvmm(SIZE), buffer, more);
            assert_same(
                &seen.objects,
                &expected.objects,
                &format!("{more:?}, CUDA memory"),
            );
            drop(memory);
        }
    }
    drop(fake);
}

#[test]
fn streams_whose_frames_are_in_different_memory_share_runs() {
    let fake = installed();
    let model = pixels("N");
    let more = [("batch-size", "4"), ("batch-timeout", "20000000")];
    let system = video("NV12", SIZE.0, SIZE.1) + ",chroma-site=mpeg2,colorimetry=bt601";
    let run = |caps: &str, frame: fn() -> gst::Buffer| {
        let mut rig = rig(&model, &more);
        rig.caps(caps);
        for _ in 0..12 {
            let buffer = rig.timed(frame());
            rig.push_buffer(buffer).unwrap();
        }
        let seen = frames(&rig.eos());
        assert_eq!(rig.errors(), Vec::<String>::new());
        end(rig);
        seen
    };
    let of_nvmm = || {
        let (buffer, _) = Spec::new(false, NV12, &[SIZE]).buffer(PixelFormat::Nv12);
        buffer
    };
    let expected = see(&model, &system, in_system_memory(0), &[]).objects;
    let all = std::thread::scope(|scope| {
        let threads = [
            scope.spawn(|| run(&system, || in_system_memory(0))),
            scope.spawn(|| run(&nvmm(SIZE), of_nvmm)),
        ];
        threads.map(|thread| thread.join().unwrap())
    });
    for seen in all.iter().flatten() {
        assert_same(&seen.objects, &expected, "of two streams");
    }
    assert_eq!(all.map(|seen| seen.len()), [12, 12]);
    drop(fake);
}

#[test]
fn frames_leave_as_they_came_and_stats_say_where_they_are() {
    let fake = installed();
    let model = pixels("1");
    let mut rig = rig(&model, &[]);
    rig.caps(&nvmm(SIZE));
    let (buffer, freed) = Spec::new(false, NV12, &[SIZE]).buffer(PixelFormat::Nv12);
    let buffer = rig.timed(buffer);
    rig.push_buffer(buffer).unwrap();
    let seen = frames(&rig.eos()).remove(0);
    assert_eq!((seen.look, seen.size), (Look::Inferred, 72));
    assert_eq!(rig.stats().get::<&str>("memory"), Ok("nvmm"));
    assert_eq!(rig.stats().get::<u32>("device"), Ok(0));
    end(rig);
    assert!(
        freed.load(std::sync::atomic::Ordering::SeqCst),
        "nobody keeps it"
    );
    drop(fake);
}

#[test]
fn a_batch_without_a_way_to_tell_of_it_is_refused_with_two_ways_out() {
    let fake = installed();
    let model = pixels("N");
    let mut rig = rig(&model, &[]);
    rig.caps(&nvmm(SIZE));
    let (buffer, _) = Spec::new(false, NV12, &[SIZE; 3]).buffer(PixelFormat::Nv12);
    let buffer = rig.timed(buffer);
    let _ = rig.push_buffer(buffer);
    let text = error_of(&rig);
    assert_says(
        &text,
        &["batch of 3 pictures", "nvstreamdemux", "nvds-meta=write"],
    );
    end(rig);
    drop(fake);
}

#[test]
fn a_buffer_that_is_no_picture_is_told_of_and_the_next_one_is_looked_at() {
    let fake = installed();
    let model = pixels("1");
    let mut rig = rig(&model, &[]);
    rig.caps(&nvmm(SIZE));
    let mut spec = Spec::new(false, NV12, &[SIZE]);
    spec.change = |params| params.data_ptr = std::ptr::null_mut();
    let small = Spec::new(false, NV12, &[(32, 24)]);
    let good = Spec::new(false, NV12, &[SIZE]);
    for spec in [spec, small, good] {
        let (buffer, _) = spec.buffer(PixelFormat::Nv12);
        let buffer = rig.timed(buffer);
        rig.push_buffer(buffer).unwrap();
    }
    let looks: Vec<_> = frames(&rig.eos()).iter().map(|seen| seen.look).collect();
    assert_eq!(looks, [Look::Skipped, Look::Skipped, Look::Inferred]);
    let warnings = rig.warnings().join("\n");
    assert_says(&warnings, &["dataPtr", "caps say 64x48", "is 32x24"]);
    end(rig);
    drop(fake);
}

#[test]
fn a_picture_of_another_gpu_or_format_ends_the_stream_with_what_helps() {
    let fake = installed();
    let model = pixels("1");
    for (color, gpu, parts) in [
        (NV12, 1, ["GPU 1", "device=1"]),
        (2, 0, ["colour format 2 ", "nvvideoconvert"]),
    ] {
        let mut rig = rig(&model, &[]);
        rig.caps(&nvmm(SIZE));
        let mut spec = Spec::new(false, color, &[SIZE]);
        (spec.gpu_id, spec.mem_type) = (gpu, CUDA_DEVICE);
        let (buffer, _) = spec.buffer(PixelFormat::Nv12);
        let buffer = rig.timed(buffer);
        let _ = rig.push_buffer(buffer);
        assert_says(&error_of(&rig), &parts);
        end(rig);
    }
    drop(fake);
}
