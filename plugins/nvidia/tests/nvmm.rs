//! NVMM buffers without a GPU: surfaces in system memory, and every way in which they can be wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod common {
    pub mod surfaces;
}

use common::surfaces::{Spec, sample};
use std::sync::atomic::Ordering;
use vigil_nvidia::memory::nvmm::Reader;
use vigil_nvidia::memory::{
    Crop, MappedGpuFrame, Matrix, MemoryError, Picture, PixelFormat, Planes,
};

const NV12: u32 = 6;
const RGBA: u32 = 19;

fn reader() -> Reader {
    gst::init().unwrap();
    Reader::without_gpu("this test has none")
}

fn map(spec: &Spec, pixels: PixelFormat) -> Result<MappedGpuFrame, MemoryError> {
    reader().map(spec.buffer(pixels).0)
}

/// Compares every byte of a picture in system memory with what it was made of.
fn assert_samples(picture: &Picture) {
    let Planes::Host { planes } = picture.planes else {
        panic!("{:?} is not in system memory", picture.planes);
    };
    let format = picture.format;
    for (i, plane) in planes.iter().enumerate().take(format.pixels.planes()) {
        let (width, height) = (format.width as usize, format.height as usize);
        let (row, rows) = format.pixels.plane_size(i, width, height);
        assert_eq!(plane.data.len(), plane.pitch * (rows - 1) + row);
        for y in 0..rows {
            for x in 0..row {
                let expected = sample(picture.index, i, x, y);
                let found = plane.data[y * plane.pitch + x];
                assert_eq!(found, expected, "plane {i} at {x}, {y}");
            }
        }
    }
}

#[test]
fn pictures_are_read_where_they_lie_under_both_layouts() {
    for old in [true, false] {
        for (code, pixels, matrix, full_range) in [
            (NV12, PixelFormat::Nv12, Matrix::Bt601, false),
            (33, PixelFormat::Nv12, Matrix::Bt709, false),
            (34, PixelFormat::Nv12, Matrix::Bt709, true),
            (36, PixelFormat::Nv12, Matrix::Bt2020, false),
            (RGBA, PixelFormat::Rgba, Matrix::Bt709, true),
            (24, PixelFormat::Bgrx, Matrix::Bt709, true),
        ] {
            for sizes in [
                &[(64, 48)][..],
                &[(17, 13)],
                &[(64, 48), (64, 48)],
                &[(64, 48), (31, 7), (128, 2), (1, 1)],
            ] {
                let frame = map(&Spec::new(old, code, sizes), pixels).unwrap();
                assert_eq!(frame.len(), sizes.len());
                for (i, picture) in frame.pictures().enumerate() {
                    let format = picture.format;
                    assert_eq!((format.width, format.height), sizes[i]);
                    assert_eq!((format.pixels, picture.index), (pixels, i));
                    assert_eq!(format.colorimetry.full_range, full_range);
                    assert_eq!(format.colorimetry.matrix, matrix);
                    assert_samples(&picture);
                }
            }
        }
    }
}

#[test]
fn a_batch_that_is_not_full_has_the_pictures_that_are_there() {
    for old in [true, false] {
        let mut spec = Spec::new(old, NV12, &[(32, 16); 4]);
        spec.num_filled = 3;
        let frame = map(&spec, PixelFormat::Nv12).unwrap();
        assert_eq!(frame.len(), 3);
        frame
            .pictures()
            .for_each(|picture| assert_samples(&picture));
        spec.num_filled = 1;
        assert_eq!(map(&spec, PixelFormat::Nv12).unwrap().len(), 1);
        spec.num_filled = 0;
        let error = map(&spec, PixelFormat::Nv12).unwrap_err().to_string();
        assert!(error.contains("numFilled is 0 of batchSize 4"), "{error}");
    }
    // Some elements leave the number at 0 where there is but one surface.
    let mut spec = Spec::new(true, NV12, &[(32, 16)]);
    spec.num_filled = 0;
    assert_eq!(map(&spec, PixelFormat::Nv12).unwrap().len(), 1);
}

#[test]
fn the_second_entry_tells_the_stride_where_the_size_of_the_head_does_not() {
    for (stride, head) in [(384, 72), (416, 64)] {
        let mut spec = Spec::new(true, NV12, &[(64, 48), (48, 64), (16, 16)]);
        (spec.stride, spec.head) = (stride, head);
        let frame = map(&spec, PixelFormat::Nv12).unwrap();
        frame
            .pictures()
            .for_each(|picture| assert_samples(&picture));
    }
}

#[test]
fn a_stride_that_nobody_knows_is_refused_with_what_was_found() {
    let mut spec = Spec::new(false, NV12, &[(64, 48); 3]);
    spec.stride = 448;
    let error = map(&spec, PixelFormat::Nv12).unwrap_err().to_string();
    for part in ["entry 1 at 416 bytes has", "at 384", "DeepStream 5 to 7"] {
        assert!(error.contains(part), "{error}");
    }
}

/// What is wrong, how it is made so, and a part of the message.
type Wrong = (&'static str, fn(&mut Spec), &'static str);

#[test]
fn what_cannot_be_read_is_refused_with_what_is_wrong() {
    let wrong: &[Wrong] = &[
        ("short", |s| s.head = 16, "maps to 16 bytes"),
        (
            "filled",
            |s| s.num_filled = 9,
            "numFilled is 9, more than batchSize 2",
        ),
        ("type", |s| s.mem_type = 77, "memType is 77"),
        (
            "handle",
            |s| s.mem_type = 5,
            "memory type 5 (handle) is not supported",
        ),
        (
            "array",
            |s| s.mem_type = 7,
            "memory type 7 (CUDA array) is not supported",
        ),
        (
            "device",
            |s| s.mem_type = 2,
            "no GPU to read it: this test has none",
        ),
        (
            "jetson",
            |s| s.mem_type = 4,
            "no GPU to read it: this test has none",
        ),
        (
            "default",
            |s| s.mem_type = 0,
            "no GPU to read it: this test has none",
        ),
        (
            "10 bits",
            |s| s.color_format = 29,
            "colour format 29 (NV12_10LE) is not supported",
        ),
        (
            "invalid",
            |s| s.color_format = 0,
            "colour format 0 (invalid) is not supported",
        ),
        (
            "newer",
            |s| s.color_format = 140,
            "colour format 140 (not known here)",
        ),
        ("tiles", |s| s.layout = 1, "surface 0 is block-linear"),
        ("layout", |s| s.layout = 2, "the layout 2"),
        (
            "null",
            |s| s.change = |p| p.data_ptr = std::ptr::null_mut(),
            "has no dataPtr",
        ),
        ("size", |s| s.change = |p| p.width = 0, "the size 0x48"),
        (
            "planes",
            |s| s.change = |p| p.plane_params.num_planes = 5,
            "5 planes",
        ),
        (
            "plane",
            |s| s.change = |p| p.plane_params.num_planes = 1,
            "has 2 planes, here are 1",
        ),
        (
            "pitch",
            |s| s.change = |p| p.plane_params.pitch[1] = 60,
            "plane 1 of surface 0 needs 64",
        ),
        (
            "end",
            |s| s.change = |p| p.data_size -= 33,
            "plane 1 of surface 0 needs",
        ),
        (
            "offset",
            |s| s.change = |p| p.plane_params.offset[0] = u32::MAX,
            "plane 0 of surface 0",
        ),
    ];
    for (name, change, part) in wrong {
        let mut spec = Spec::new(true, NV12, &[(64, 48); 2]);
        change(&mut spec);
        let error = map(&spec, PixelFormat::Nv12).unwrap_err().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
}

#[test]
fn a_buffer_with_no_or_several_memories_is_no_nvmm_buffer() {
    let reader = reader();
    let mut buffer = gst::Buffer::new();
    assert!(reader.map(buffer.clone()).is_err());
    for _ in 0..2 {
        let memory = gst::Memory::from_slice([0u8; 64]);
        buffer.get_mut().unwrap().append_memory(memory);
    }
    let error = reader.map(buffer).unwrap_err().to_string();
    assert!(error.contains("it has 2 memories"), "{error}");
}

#[test]
fn the_buffer_is_kept_until_the_guard_is_dropped() {
    let (buffer, freed) = Spec::new(true, NV12, &[(64, 48)]).buffer(PixelFormat::Nv12);
    let frame = reader().map(buffer).unwrap();
    assert!(!freed.load(Ordering::SeqCst));
    let frame = std::thread::spawn(move || {
        assert_samples(&frame.first());
        frame
    });
    let frame = frame.join().unwrap();
    assert_samples(&frame.first());
    drop(frame);
    assert!(freed.load(Ordering::SeqCst));
}

#[test]
fn a_crop_comes_along() {
    let (mut buffer, _) = Spec::new(true, NV12, &[(64, 48)]).buffer(PixelFormat::Nv12);
    gst_video::VideoCropMeta::add(buffer.get_mut().unwrap(), (8, 4, 32, 16));
    let frame = reader().map(buffer).unwrap();
    let crop = Crop {
        x: 8,
        y: 4,
        width: 32,
        height: 16,
    };
    assert_eq!(frame.first().crop, Some(crop));
}
