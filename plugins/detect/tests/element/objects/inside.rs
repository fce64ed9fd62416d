//! Detectors that look inside of objects.

use super::{OBJECTS, Thing, look, rig, thing};
use crate::common::models::{Tiny, constant};
use crate::common::{Seen, brightness};
use gst::prelude::*;
use gstvigildetect::preprocess::letterbox::{Fit, Letterbox};
use std::sync::mpsc;
use vigil_analytics::keypoints::{self, Keypoints};

const GREY: u8 = 200;

fn grey(rect: [f32; 4], track: Option<u64>) -> Thing {
    thing(rect, [GREY; 3], track)
}

/// What was found inside of each object of others, by their ids in ascending order: label, and left,
/// top, right and bottom in whole pixels.
fn inside(seen: &Seen) -> Vec<Vec<(&'static str, [i32; 4])>> {
    let mut of_each = std::collections::BTreeMap::new();
    for (object, whole) in seen.objects.iter().zip(&seen.wholes) {
        let Some(whole) = whole else {
            of_each.entry(object.id).or_insert_with(Vec::new);
            continue;
        };
        let bbox = object.bbox;
        let corners = [bbox.x, bbox.y, bbox.x + bbox.w, bbox.y + bbox.h];
        let found = (object.label_str(), corners.map(|v| v.round() as i32));
        of_each.entry(*whole).or_insert_with(Vec::new).push(found);
    }
    of_each.into_values().collect()
}

/// What the model finds inside of a grey object with this rectangle of whole and even pixels.
fn answer([x, y, w, h]: [u32; 4]) -> Vec<(&'static str, [i32; 4])> {
    // Without bars, which would change the mean.
    let letterbox = Letterbox::new((w, h), (64, 64), Fit::Stretch).within((x, y));
    let names = ["block", "slider"];
    Tiny::answer(brightness(GREY))
        .map(|(class, _, xyxy)| {
            let corners = letterbox.clip(letterbox.to_source(xyxy));
            (names[class], corners.map(|v| v.round() as i32))
        })
        .to_vec()
}

#[test]
fn what_is_found_inside_is_in_pixels_of_the_frame_and_part_of_its_object() {
    let model = Tiny::default().file();
    let stretch = ("preprocess", "fit=stretch");
    let mut rig = rig(&model, "RGB", &[OBJECTS, stretch]);
    let things = [
        grey([20.0, 30.0, 64.0, 64.0], None),
        grey([100.0, 40.0, 128.0, 32.0], None),
        // Only half of it is in the frame.
        grey([288.0, 176.0, 64.0, 64.0], None),
    ];
    let seen = look(&mut rig, "RGB", &things);
    let expected = [
        answer([20, 30, 64, 64]),
        answer([100, 40, 128, 32]),
        answer([288, 176, 32, 64]),
    ];
    assert_eq!(inside(&seen), expected);
    assert_eq!((rig.stat("objects"), rig.stat("objects-inferred")), (6, 3));
    // The next stage sees them as it sees all objects.
    assert_eq!(seen.objects.len(), 9);
}

#[test]
fn what_was_found_inside_goes_along_with_a_track() {
    let model = Tiny::default().file();
    let stretch = ("preprocess", "fit=stretch");
    let mut rig = rig(&model, "RGB", &[OBJECTS, stretch]);
    let first = look(&mut rig, "RGB", &[grey([20.0, 30.0, 64.0, 64.0], Some(5))]);
    assert_eq!(inside(&first), [answer([20, 30, 64, 64])]);
    let second = look(&mut rig, "RGB", &[grey([120.0, 50.0, 64.0, 64.0], Some(5))]);
    assert_eq!(inside(&second), [answer([120, 50, 64, 64])]);
    // At the right edge: what would be beyond it ends there.
    let third = look(&mut rig, "RGB", &[grey([280.0, 50.0, 40.0, 64.0], Some(5))]);
    assert!(
        inside(&third)[0]
            .iter()
            .all(|(_, [.., right, _])| *right <= 320)
    );
    assert_eq!(
        ["objects-inferred", "objects-reused"].map(|name| rig.stat(name)),
        [1, 2]
    );
    assert_eq!(rig.stat("inferred"), 1);
}

#[test]
fn keypoints_inside_are_in_pixels_of_the_frame_that_they_were_seen_on() {
    // A box and a point of it, whatever is seen: `[1, 4 + 1 + 3, 84]`.
    let mut values = vec![0.0; 8 * 84];
    for (row, value) in [32.0, 32.0, 32.0, 16.0, 0.9, 16.0, 24.0, 0.5]
        .into_iter()
        .enumerate()
    {
        values[row * 84] = value;
    }
    let metadata = [
        ("task", "pose"),
        ("kpt_shape", "[1, 3]"),
        ("names", "['plate']"),
    ];
    let model = constant(&[("output0", &[1, 8, 84], values)], &metadata);
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("preprocess", "fit=stretch")]);
    let (sender, buffers) = mpsc::channel();
    let pad = rig.element.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = sender.send(info.buffer().unwrap().clone());
        gst::PadProbeReturn::Ok
    });
    for is_fresh in [true, false] {
        let seen = look(
            &mut rig,
            "RGB",
            &[grey([100.0, 40.0, 128.0, 64.0], Some(1))],
        );
        assert_eq!(inside(&seen), [[("plate", [132, 64, 196, 80])]]);
        let mut points = Keypoints::default();
        keypoints::read(&buffers.recv().unwrap(), &mut points);
        let plate = seen
            .objects
            .iter()
            .find(|object| object.label_str() == "plate");
        let points = points
            .of(plate.unwrap().id)
            .iter()
            .map(|p| [p.x, p.y, p.score]);
        let expected: &[[f32; 3]] = if is_fresh { &[[132.0, 64.0, 0.5]] } else { &[] };
        assert_eq!(points.collect::<Vec<_>>(), expected);
    }
}
