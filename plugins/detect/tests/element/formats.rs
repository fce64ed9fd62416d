//! Caps: formats, sizes, strides, and caps that change.

use crate::common::models::Tiny;
use crate::common::{self, Item, Rig, brightness, video};
use gst::prelude::*;
use vigil_analytics::objects::Look;

/// A grey, and the mean of what a model sees of it in any format: 0.627, or 0.658 where black is 16
/// and white is 235.
const GREY: u8 = 160;
const MEAN: f32 = 0.6425;

/// What the model sees of a grey frame that it gets with borders of 114.
fn with_borders(grey: f32, (width, height): (u32, u32)) -> f32 {
    let share = width.min(height) as f32 / width.max(height) as f32;
    grey * share + brightness(114) * (1.0 - share)
}

#[test]
fn every_template_format_is_detected_on() {
    let file = Tiny::default().file();
    let (element, _) = common::element(None, &[]);
    let caps = element.static_pad("sink").unwrap().pad_template_caps();
    // Of system memory, which comes first.
    let formats: Vec<String> = caps
        .iter()
        .take(1)
        .flat_map(|structure| structure.get::<gst::List>("format").unwrap().to_vec())
        .map(|format| format.get().unwrap())
        .collect();
    let expected = "NV12 I420 YV12 YUY2 UYVY RGB BGR RGBx BGRx RGBA BGRA GRAY8";
    let mut sorted: Vec<_> = expected.split(' ').collect();
    sorted.sort();
    let mut found = formats.clone();
    found.sort();
    assert_eq!(found, sorted);

    let mut rig = Rig::new(&file, &[]);
    for format in formats {
        rig.caps(&video(&format, 128, 128));
        let seen = rig.push_and_wait(GREY);
        seen.assert_answer(MEAN, (128, 128));
    }
    assert_eq!(rig.warnings(), [""; 0]);
}

#[test]
fn with_resize_area_rows_are_seen_that_bilinear_passes_over() {
    // Of each four rows one is bright, and not one of the two in the middle.
    let bytes = (0..256 * 256).map(|i| if i / 256 % 4 == 0 { 240 } else { 140 });
    let picture: Vec<u8> = bytes.collect();
    let file = Tiny::default().file();
    let mut rigs = ["bilinear", "area"].map(|resize| {
        let mut rig = Rig::new(&file, &[("resize", resize)]);
        let caps = video("GRAY8", 256, 256);
        rig.caps(&format!("{caps},colorimetry=1:4:0:0"));
        rig
    });
    // They share a network; each has its own way in turn.
    for turn in 1..4 {
        for (rig, mean) in rigs.iter_mut().zip([140, 165]) {
            let buffer = rig.timed(gst::Buffer::from_slice(picture.clone()));
            rig.push_buffer(buffer).unwrap();
            let seen = rig.log.frames(turn)[turn - 1].clone();
            seen.assert_answer(brightness(mean), (256, 256));
        }
    }
    let streams = rigs
        .each_ref()
        .map(|rig| rig.stats().get::<u32>("streams").unwrap());
    assert_eq!(streams, [2, 2]);
}

#[test]
fn boxes_follow_the_frame_size_when_it_changes_in_mid_stream() {
    let mut rig = Rig::new(&Tiny::default().file(), &[("threads", "2")]);
    let sizes = [(64, 64), (320, 240), (128, 256), (1920, 1080), (64, 64)];
    for size in sizes {
        rig.caps(&common::rgb(size.0, size.1));
        for _ in 0..5 {
            rig.push(200);
        }
    }
    let items = rig.eos();
    assert_eq!(common::frames(&items).len(), 25);
    let mut size = (0, 0);
    for item in items {
        match item {
            Item::Frame(seen) => {
                assert_eq!(seen.size, (size.0 * size.1 * 3) as usize);
                let mean = with_borders(brightness(200), size);
                seen.assert_answer(mean, size);
            }
            Item::Event(event) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    let info = gst_video::VideoInfo::from_caps(caps.caps()).unwrap();
                    size = (info.width(), info.height());
                }
            }
        }
    }
}

#[test]
fn odd_sizes_are_detected_on() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    for format in ["I420", "NV12", "YUY2", "RGB", "GRAY8"] {
        for size in [(1, 1), (17, 13), (13, 17), (3, 64), (641, 1)] {
            rig.caps(&video(format, size.0, size.1));
            let seen = rig.push_and_wait(GREY);
            assert_eq!(seen.look, Look::Inferred, "{format} {size:?}");
            if size == (17, 13) || size == (1, 1) {
                seen.assert_answer(with_borders(MEAN, size), size);
            }
            for object in &seen.objects {
                let bbox = object.bbox;
                assert!(
                    bbox.x >= 0.0
                        && bbox.y >= 0.0
                        && bbox.x + bbox.w <= size.0 as f32
                        && bbox.y + bbox.h <= size.1 as f32,
                    "{format} {size:?}: {bbox:?}"
                );
            }
        }
    }
}

#[test]
fn the_largest_frames_are_detected_on() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    let size = (7680, 4320);
    rig.caps(&video("NV12", size.0, size.1));
    rig.push_and_wait(GREY)
        .assert_answer(with_borders(MEAN, size), size);
}

#[test]
fn padding_in_the_rows_is_no_part_of_the_picture() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    // 52 pixels a row in 64, after 100 bytes of something else.
    let (width, height, stride, offset) = (52, 52, 256, 100);
    rig.caps(&video("RGB", width, height));
    let mut samples = vec![255; offset + stride * height as usize];
    for row in samples[offset..].chunks_mut(stride) {
        row[..width as usize * 3].fill(180);
    }
    let mut buffer = gst::Buffer::from_mut_slice(samples);
    gst_video::VideoMeta::add_full(
        buffer.get_mut().unwrap(),
        gst_video::VideoFrameFlags::empty(),
        gst_video::VideoFormat::Rgb,
        width,
        height,
        &[offset],
        &[stride as i32],
    )
    .unwrap();
    let buffer = rig.timed(buffer);
    rig.push_buffer(buffer).unwrap();
    rig.log.frames(1)[0].assert_answer(brightness(180), (width, height));
}

#[test]
fn interlaced_video_is_warned_of_once_and_detected_on() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    assert_eq!(rig.warnings(), [""; 0]);
    for (width, height) in [(64, 64), (128, 128)] {
        let caps = video("I420", width, height);
        rig.caps(&format!("{caps},interlace-mode=interleaved"));
        for _ in 0..3 {
            rig.push_and_wait(GREY).assert_answer(MEAN, (width, height));
        }
    }
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("interlaced") && warnings[0].contains("deinterlace"),
        "{warnings:?}"
    );
}

#[test]
fn a_buffer_too_short_for_its_caps_is_warned_of_and_passed() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    for size in [0, 1, 64 * 64 * 3 - 1] {
        let before = common::frames(&rig.log.items()).len();
        let buffer = rig.timed(gst::Buffer::from_mut_slice(vec![200; size]));
        rig.push_buffer(buffer).unwrap();
        let seen = rig.log.frames(before + 1)[before].clone();
        assert_eq!((seen.size, seen.look), (size, Look::Skipped));
        let warnings = rig.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].contains(&format!("{size} bytes")) && warnings[0].contains("64x64"),
            "{warnings:?}"
        );
        rig.push_and_wait(200)
            .assert_answer(brightness(200), (64, 64));
    }
    assert_eq!((rig.stat("failed"), rig.stat("inferred")), (3, 3));
    assert_eq!(rig.errors(), [""; 0]);
}

#[test]
fn caps_that_are_no_video_of_the_template_are_refused() {
    let (element, _) = common::element(None, &[]);
    let sink = element.static_pad("sink").unwrap();
    for caps in [
        "video/x-raw,format=P010_10LE,width=64,height=64",
        "audio/x-raw",
        "image/jpeg",
    ] {
        let caps: gst::Caps = caps.parse().unwrap();
        assert!(!sink.query_accept_caps(&caps), "{caps}");
    }
}

#[test]
fn upstream_learns_that_strides_are_free() {
    let rig = Rig::new(&Tiny::default().file(), &[]);
    let caps: gst::Caps = common::rgb(64, 64).parse().unwrap();
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    assert!(rig.element.static_pad("sink").unwrap().query(&mut query));
    assert!(
        query
            .find_allocation_meta::<gst_video::VideoMeta>()
            .is_some()
    );
    let (pool, size, min, max) = query.allocation_pools().next().unwrap();
    // No pool of ours, but enough buffers for the frames in flight.
    assert!(pool.is_none());
    assert_eq!((size, max), (64 * 64 * 3, 0));
    assert!(min > 2, "{min}");
}
