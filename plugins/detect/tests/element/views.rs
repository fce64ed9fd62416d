//! `regions` and `tiles`: which parts of a frame the model sees.

use crate::common::models::{ModelFile, Tiny};
use crate::common::{self, Rig, Seen};
use gst::prelude::*;
use vigil_analytics::objects::Look;

const LEFT: u8 = 100;
const RIGHT: u8 = 220;

/// A frame of 128 by 64 pixels whose halves differ in brightness.
fn halves(format: &str) -> Vec<u8> {
    let pixels = (0..128 * 64).map(|i| if i % 128 < 64 { LEFT } else { RIGHT });
    match format {
        "GRAY8" => pixels.collect(),
        "RGB" => pixels.flat_map(|v| [v; 3]).collect(),
        "BGRx" => pixels.flat_map(|v| [v, v, v, 0]).collect(),
        // Full range, so that luma is brightness.
        "YUY2" => pixels.flat_map(|v| [v, 128]).collect(),
        "NV12" | "I420" => pixels.chain([128; 128 * 64 / 2]).collect(),
        _ => unreachable!(),
    }
}

fn rig(format: &str, properties: &[(&str, &str)]) -> Rig {
    let mut rig = Rig::new(&Tiny::default().file(), properties);
    rig.caps(&format!(
        "{},colorimetry=1:4:0:0",
        common::video(format, 128, 64)
    ));
    rig
}

fn look(rig: &mut Rig, format: &str) -> Seen {
    let before = common::frames(&rig.log.items()).len();
    let buffer = rig.timed(gst::Buffer::from_mut_slice(halves(format)));
    rig.push_buffer(buffer).unwrap();
    let seen = rig.log.frames(before + 1)[before].clone();
    assert_eq!(seen.look, Look::Inferred);
    seen
}

/// The objects, in any order: label, percent of the score, left, top, right and bottom.
fn objects(seen: &Seen) -> Vec<(&'static str, [i32; 5])> {
    let mut objects: Vec<_> = (seen.objects.iter())
        .map(|object| {
            let bbox = object.bbox;
            let sides = [bbox.x, bbox.y, bbox.x + bbox.w, bbox.y + bbox.h];
            let [x1, y1, x2, y2] = sides.map(|v| v.round() as i32);
            let percent = (object.confidence * 100.0).round() as i32;
            (object.label_str(), [percent, x1, y1, x2, y2])
        })
        .collect();
    objects.sort_unstable();
    objects
}

/// What the model answers of a half of this brightness that begins at column `x`.
fn answer(value: u8, x: i32) -> [(&'static str, [i32; 5]); 2] {
    let mean = common::brightness(value);
    let labels = ["block", "slider"];
    Tiny::answer(mean).map(|(class, score, xyxy)| {
        let [x1, y1, x2, y2] = xyxy.map(|v| v.round() as i32);
        let percent = (score * 100.0).round() as i32;
        (labels[class], [percent, x + x1, y1, x + x2, y2])
    })
}

#[test]
fn the_model_sees_the_box_around_the_regions_and_boxes_are_in_pixels_of_the_frame() {
    for format in ["RGB", "BGRx", "GRAY8", "YUY2", "NV12", "I420"] {
        for (regions, expected) in [
            ("[[0.5, 0, 1, 1]]", answer(RIGHT, 64)),
            ("[[0, 0, 0.5, 1]]", answer(LEFT, 0)),
            // Two that are together the right half.
            (
                "[[[0.5, 0], [1, 0], [1, 0.5], [0.5, 0.5]], [0.5, 0.5, 1, 1]]",
                answer(RIGHT, 64),
            ),
        ] {
            let mut rig = rig(format, &[("regions", regions)]);
            let seen = look(&mut rig, format);
            assert_eq!(objects(&seen), expected, "{format} {regions}");
        }
    }
}

#[test]
fn objects_that_stand_outside_the_regions_are_left_out() {
    // The block stands at 3/4 of the height, the slider at 7/8.
    for (regions, expected) in [
        ("[[0.5, 0, 1, 0.8], [0.5, 0.95, 0.51, 1]]", &["block"][..]),
        ("[[0.5, 0.8, 1, 1], [0.5, 0, 0.51, 0.1]]", &["slider"]),
        (
            "[[[0.5, 0], [1, 0], [1, 1], [0.99, 0.1], [0.5, 0.1]], [0.5, 0.9, 0.6, 1]]",
            &[],
        ),
    ] {
        let mut rig = rig("RGB", &[("regions", regions)]);
        assert_eq!(look(&mut rig, "RGB").labels(), expected, "{regions}");
    }
}

#[test]
fn recorded_objects_outside_the_regions_are_left_out_too() {
    let file = ModelFile::named(
        "det.txt",
        "1,-1,10,10,10,20,0.9,1\n1,-1,90,10,10,20,0.9,1\n",
    );
    let properties = [("engine", "replay"), ("regions", "[[0.5, 0, 1, 1]]")];
    let mut rig = Rig::new(&file, &properties);
    rig.caps(&common::rgb(128, 64));
    let seen = look(&mut rig, "RGB");
    assert_eq!(seen.objects.len(), 1);
    assert_eq!(seen.objects[0].bbox.x, 90.0);
}

#[test]
fn each_tile_is_looked_at_by_itself() {
    let properties = [
        ("tiles", "2x1"),
        ("tile-overlap", "0"),
        ("tiles-full", "false"),
    ];
    for format in ["RGB", "NV12"] {
        let mut rig = rig(format, &properties);
        let mut expected = [answer(LEFT, 0), answer(RIGHT, 64)].concat();
        expected.sort_unstable();
        for _ in 0..3 {
            assert_eq!(objects(&look(&mut rig, format)), expected, "{format}");
        }
        assert_eq!(rig.stats().get::<u32>("runs-per-frame"), Ok(2));
        assert_eq!(rig.stat("inferred"), 3);
    }
}

#[test]
fn the_whole_picture_is_looked_at_too_and_each_object_is_told_of_once() {
    let properties = [("tiles", "1x2"), ("tile-overlap", "0")];
    let mut rig = rig("RGB", &properties);
    // The block is 32..96 by 0..64 on the whole, and its upper and lower half on the tiles, whose
    // sliders lie below them.
    let seen = look(&mut rig, "RGB");
    assert_eq!(rig.stats().get::<u32>("runs-per-frame"), Ok(3));
    assert_eq!(seen.labels(), ["block", "slider"]);
    let bbox = seen.objects[0].bbox;
    assert_eq!([bbox.x, bbox.y, bbox.w, bbox.h], [32.0, 0.0, 64.0, 64.0]);
    // No more than are wanted.
    rig.element.set_property("max-detections", 1u32);
    assert_eq!(look(&mut rig, "RGB").objects.len(), 1);
}

#[test]
fn tiles_are_of_the_regions_where_there_are_any() {
    let properties = [
        ("regions", "[[0.5, 0, 1, 1]]"),
        ("tiles", "1x2"),
        ("tile-overlap", "0"),
        ("tiles-full", "false"),
    ];
    let mut rig = rig("RGB", &properties);
    look(&mut rig, "RGB");
    assert_eq!(rig.stats().get::<u32>("runs-per-frame"), Ok(2));
}

#[test]
fn frames_smaller_than_the_grid_are_cut_less() {
    let properties = [("tiles", "16x16"), ("regions", "[[0.3, 0.3, 0.7, 0.7]]")];
    let mut rig = Rig::new(&Tiny::default().file(), &properties);
    for (width, height, runs) in [
        (1, 1, 1),
        (3, 2, 1),
        (79, 79, 1),
        (160, 80, 3),
        (200, 200, 5),
    ] {
        rig.caps(&common::rgb(width, height));
        let seen = rig.push_and_wait(200);
        assert_eq!(seen.look, Look::Inferred);
        let found = rig.stats().get::<u32>("runs-per-frame");
        assert_eq!(found, Ok(runs), "{width}x{height}");
    }
}

#[test]
fn a_live_stream_waits_longer_for_more_runs() {
    let mut rig = Rig::live(&Tiny::default().file(), &[("tiles", "16x16")]);
    rig.push_and_wait(200);
    assert_eq!(rig.stats().get::<u32>("runs-per-frame"), Ok(5));
    let (_, before, _) = rig.latency();
    while rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_some() {}
    rig.caps(&common::rgb(512, 512));
    assert_eq!(rig.stats().get::<u32>("runs-per-frame"), Ok(257));
    let (_, after, _) = rig.latency();
    assert!(after > before, "{after} {before}");
    assert!(rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_some());
}
