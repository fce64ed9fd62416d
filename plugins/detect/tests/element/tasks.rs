//! What models say of an object besides its box, as metadata on the frame.

use crate::common::models::{ModelFile, constant};
use crate::common::{Rig, rgb};
use gst::prelude::*;
use std::sync::mpsc;
use vigil_analytics::keypoints::{self, Keypoints};
use vigil_analytics::objects::{self, Object};

/// Cells of the grids of strides 8, 16 and 32 on an input of 64×64.
const CELLS: usize = 84;

/// Keys and values.
type Metadata<'a> = &'a [(&'a str, &'a str)];

/// Values of a candidate: centre, size, scores of two classes, and what the task adds.
type Candidate<'a> = &'a [f32];

/// `[1, values, cells]` of some candidates, and others of score 0.
fn candidates(found: &[Candidate]) -> (&'static str, [i64; 3], Vec<f32>) {
    let rows = found[0].len();
    let mut values = vec![0.0; rows * CELLS];
    for (cell, candidate) in found.iter().enumerate() {
        for (row, value) in candidate.iter().enumerate() {
            values[row * CELLS + cell] = *value;
        }
    }
    ("output0", [1, rows as i64, CELLS as i64], values)
}

fn model(found: &[Candidate], metadata: &[(&str, &str)]) -> ModelFile {
    let (name, dims, values) = candidates(found);
    constant(&[(name, &dims, values)], &with_names(metadata))
}

fn with_names<'a>(metadata: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("names", "['a', 'b']")], metadata].concat()
}

/// Prototypes of which one is above 0 everywhere, the other left of the middle.
fn segmenter(found: &[Candidate]) -> ModelFile {
    let (name, dims, values) = candidates(found);
    let protos = (0..512).map(|i| match (i / 256, i % 16) {
        (0, _) => 1.0,
        (_, x) => 7.5 - x as f32,
    });
    let outputs: [(_, &[i64], _); 2] = [
        (name, &dims, values),
        ("output1", &[1, 2, 16, 16], protos.collect()),
    ];
    constant(&outputs, &with_names(&[("task", "segment")]))
}

/// The frame of this size as it leaves the element, and the objects on it.
fn look(rig: &mut Rig, (width, height): (u32, u32)) -> (gst::Buffer, Vec<Object>) {
    let (sender, frames) = mpsc::channel();
    let pad = rig.element.static_pad("src").unwrap();
    let probe = pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            let _ = sender.send(buffer.clone());
        }
        gst::PadProbeReturn::Ok
    });
    rig.caps(&rgb(width, height));
    rig.push_and_wait(128);
    let buffer = frames.recv().unwrap();
    pad.remove_probe(probe.unwrap());
    let mut found = Vec::new();
    objects::read(&buffer, &mut found);
    (buffer, found)
}

fn boxes(found: &[Object]) -> Vec<(&'static str, [f32; 4])> {
    let of = |o: &Object| (o.label_str(), [o.bbox.x, o.bbox.y, o.bbox.w, o.bbox.h]);
    found.iter().map(of).collect()
}

const FIRST: [f32; 6] = [20.0, 30.0, 20.0, 20.0, 0.9, 0.0];
const SECOND: [f32; 6] = [45.0, 30.0, 20.0, 10.0, 0.0, 0.8];

#[test]
fn keypoints_come_with_the_ids_of_their_objects() {
    let first = [&FIRST[..], &[12.0, 22.0, 0.5, f32::NAN, 1.0, 1.0]].concat();
    let second = [&SECOND[..], &[45.0, 32.0, 1.0, 90.0, 0.0, 0.25]].concat();
    let metadata = [("task", "pose"), ("kpt_shape", "[2, 3]")];
    let model = model(&[&second, &first], &metadata);
    let mut rig = Rig::new(&model, &[]);
    assert_eq!(rig.stats().get::<&str>("head"), Ok("yolov8-pose"));
    let (buffer, found) = look(&mut rig, (128, 96));
    // The padding of 8 rows above is undone.
    let expected = [
        ("a", [20.0, 24.0, 40.0, 40.0]),
        ("b", [70.0, 34.0, 40.0, 20.0]),
    ];
    assert_eq!(boxes(&found), expected);
    let mut points = Keypoints::default();
    keypoints::read(&buffer, &mut points);
    let of = |i: usize| -> Vec<[f32; 3]> {
        let points = points.of(found[i].id).iter();
        points.map(|p| [p.x, p.y, p.score]).collect()
    };
    assert_eq!(of(0), [[24.0, 28.0, 0.5], [0.0; 3]]);
    assert_eq!(of(1), [[90.0, 48.0, 1.0], [128.0, 0.0, 0.25]]);
    // Plain fields, for any language.
    let meta = gst::meta::CustomMeta::from_buffer(&buffer, keypoints::META).unwrap();
    assert_eq!(meta.structure().get("width"), Ok(128u32));
    assert_eq!(meta.structure().get("per-object"), Ok(2u32));
    assert_eq!((rig.warnings(), rig.errors()), (vec![], vec![]));
}

#[test]
fn turned_boxes_have_their_hulls_as_boxes() {
    let angle = std::f32::consts::FRAC_PI_6;
    let first = [&FIRST[..2], &[24.0, 8.0], &FIRST[4..], &[angle]].concat();
    let model = model(&[&first], &[("task", "obb")]);
    let mut rig = Rig::new(&model, &[]);
    assert_eq!(rig.stats().get::<&str>("head"), Ok("yolov8-obb"));
    let (_buffer, found) = look(&mut rig, (128, 96));
    // 48×16 around (40, 44)
    let (rx, ry) = (
        24.0 * angle.cos() + 8.0 * angle.sin(),
        24.0 * angle.sin() + 8.0 * angle.cos(),
    );
    let expected = [40.0 - rx, 44.0 - ry, 2.0 * rx, 2.0 * ry];
    assert_eq!(found.len(), 1);
    for (found, expected) in boxes(&found)[0].1.into_iter().zip(expected) {
        assert!((found - expected).abs() <= 1.5, "{found} is not {expected}");
    }
    #[cfg(feature = "v1_26")]
    {
        use gst_analytics::prelude::*;
        let meta = _buffer
            .meta::<gst_analytics::AnalyticsRelationMeta>()
            .unwrap();
        let od = meta
            .mtd::<gst_analytics::AnalyticsODMtd>(found[0].id)
            .unwrap();
        let at = od.oriented_location().unwrap();
        assert_eq!((at.x, at.y, at.w, at.h, at.r), (16, 36, 48, 16, angle));
    }
    assert_eq!((rig.warnings(), rig.errors()), (vec![], vec![]));
}

#[test]
fn masks_are_of_their_objects_boxes() {
    let [everywhere, left] = [[1.0, 0.0], [0.0, 1.0]].map(|c| c.to_vec());
    let first = [&FIRST[..], &everywhere].concat();
    let second = [&SECOND[..2], &[40.0, 10.0], &SECOND[4..], &left].concat();
    let third = [&[20.0, 50.0, 8.0, 8.0, 0.7, 0.0], &[-1.0, 0.0][..]].concat();
    let model = segmenter(&[&first, &second, &third]);
    let mut rig = Rig::new(&model, &[]);
    assert_eq!(rig.stats().get::<&str>("head"), Ok("yolov8-seg"));
    let (_buffer, found) = look(&mut rig, (64, 64));
    let expected = [
        ("a", [10.0, 20.0, 20.0, 20.0]),
        ("b", [25.0, 25.0, 39.0, 10.0]),
        ("a", [16.0, 46.0, 8.0, 8.0]),
    ];
    assert_eq!(boxes(&found), expected);
    #[cfg(feature = "v1_26")]
    {
        use vigil_analytics::segmentation::{self, Mask};
        let half = [[2; 7].as_slice(), &[0; 32]].concat();
        let mask = |x, y, width, height, region, pixels| Mask {
            x,
            y,
            width,
            height,
            region,
            pixels,
        };
        // Of the third there is no pixel, so no mask.
        let expected = [
            (found[0].id, mask(10, 20, 20, 20, 1, vec![1; 400])),
            (found[1].id, mask(25, 25, 39, 10, 2, half.repeat(10))),
        ];
        assert_eq!(segmentation::read(&_buffer), expected);
    }
    assert_eq!((rig.warnings(), rig.errors()), (vec![], vec![]));
}

#[cfg(feature = "v1_26")]
#[test]
fn the_models_outputs_are_attached_where_that_is_asked_for() {
    use vigil_analytics::tensors::{self, FloatTensor};
    let first = [&FIRST[..], &[1.0, 0.0]].concat();
    let model = segmenter(&[&first]);
    let mut rig = Rig::new(&model, &[("attach-tensors", "true")]);
    for _ in 0..2 {
        let (buffer, found) = look(&mut rig, (64, 64));
        assert_eq!(found.len(), 1);
        let tensors = tensors::read(&buffer);
        let shapes: Vec<_> = tensors
            .iter()
            .map(|t| (t.name.as_str(), &t.dims[..]))
            .collect();
        let expected: [(_, &[usize]); 2] =
            [("output0", &[1, 8, CELLS]), ("output1", &[1, 2, 16, 16])];
        assert_eq!(shapes, expected);
        assert_eq!(tensors[0].values, candidates(&[&first]).2);
    }
    let mut rig = Rig::new(&model, &[]);
    let (buffer, found) = look(&mut rig, (64, 64));
    assert_eq!(
        (found.len(), tensors::read(&buffer)),
        (1, Vec::<FloatTensor>::new())
    );
}

#[cfg(not(feature = "v1_26"))]
#[test]
fn tensors_are_refused_by_a_build_that_cannot_attach_them() {
    let model = model(&[&FIRST], &[]);
    let properties = [("engine", "rten"), ("attach-tensors", "true")];
    let (element, bus) = crate::common::element(Some(&model), &properties);
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = crate::common::texts(&bus, gst::MessageType::Error);
    for part in ["attach-tensors", "v1_26"] {
        assert!(errors[0].contains(part), "{errors:?}");
    }
    element.set_state(gst::State::Null).unwrap();
}

#[test]
fn metadata_that_contradict_the_outputs_are_refused() {
    let found = [&FIRST[..], &[1.0, 0.0, 0.5]].concat();
    let table: [(Metadata, &[&str]); 3] = [
        (
            &[("task", "segment")],
            &[
                "task=segment",
                "prototypes",
                "[N,32,16,16]",
                "there is none",
            ],
        ),
        (
            &[("task", "pose"), ("kpt_shape", "[17, 5]")],
            &["kpt_shape", "[17, 5]", "[keypoints, 3]"],
        ),
        (
            &[("task", "obb")],
            &["9 values", "2 of the classes and 1 of the angle would be 7"],
        ),
    ];
    for (metadata, parts) in table {
        let model = model(&[&found], metadata);
        let (element, bus) = crate::common::element(Some(&model), &[("engine", "rten")]);
        assert!(element.set_state(gst::State::Paused).is_err());
        let errors = crate::common::texts(&bus, gst::MessageType::Error);
        element.set_state(gst::State::Null).unwrap();
        for part in parts {
            assert!(errors[0].contains(part), "{errors:?}");
        }
    }
}

#[test]
fn what_a_build_leaves_out_is_logged_once() {
    let needed = usize::from(!cfg!(feature = "v1_26"));
    let masks = segmenter(&[&[&FIRST[..], &[1.0, 0.0]].concat()]);
    let turned = model(&[&[&FIRST[..], &[0.1]].concat()], &[("task", "obb")]);
    let plain = model(&[&FIRST], &[]);
    for (model, part, count) in [
        (masks, "masks are not attached", needed),
        (turned, "the upright hull is attached", needed),
        (plain, "v1_26", 0),
    ] {
        let (sender, lines) = mpsc::channel();
        let mut rig = Rig::new(&model, &[]);
        rig.element.set_state(gst::State::Ready).unwrap();
        let ours = rig.element.name();
        gst::log::set_threshold_for_name("vigildetect", gst::DebugLevel::Warning);
        let logger = gst::log::add_log_function(move |_, _, _, _, _, object, message| {
            let text = message
                .get()
                .map(|text| text.to_string())
                .unwrap_or_default();
            if object.is_some_and(|object| object.to_string().contains(ours.as_str())) {
                let _ = sender.send(text);
            }
        });
        rig.element.set_state(gst::State::Playing).unwrap();
        rig.start(&rgb(64, 64));
        rig.push_and_wait(128);
        rig.push_and_wait(128);
        gst::log::remove_log_function(logger);
        let said = lines.try_iter().filter(|line| line.contains(part)).count();
        assert_eq!(said, count, "{part}");
    }
}
