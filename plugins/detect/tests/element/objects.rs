//! `on=objects`: what a model says of the objects that others found, and classifiers in general.

mod inside;
mod tracks;

use crate::common::models::{Colours, ModelFile, Says};
use crate::common::{self, Rig, Seen};
use gst::glib::Quark;
use gst::prelude::*;
use vigil_analytics::objects::{self, BBox, Detection, Look, Track};

/// Width and height of the frames.
const SIZE: (usize, usize) = (320, 240);

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// Something on a frame.
#[derive(Debug, Clone, Copy)]
struct Thing {
    label: &'static str,
    /// Left, top, width, height.
    rect: [f32; 4],
    colour: [u8; 3],
    track: Option<u64>,
}

fn thing(rect: [f32; 4], colour: [u8; 3], track: Option<u64>) -> Thing {
    Thing {
        label: "car",
        rect,
        colour,
        track,
    }
}

/// The samples of a grey frame with things on it.
fn paint(format: &str, things: &[Thing]) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut pixels = vec![[128u8; 3]; width * height];
    for thing in things {
        let [x, y, w, h] = thing.rect.map(|v| v as usize);
        for row in y..(y + h).min(height) {
            for pixel in &mut pixels[row * width..][x.min(width)..(x + w).min(width)] {
                *pixel = thing.colour;
            }
        }
    }
    match format {
        "RGB" => pixels.concat(),
        "BGRx" => pixels
            .iter()
            .flat_map(|[r, g, b]| [*b, *g, *r, 0])
            .collect(),
        "I420" => yuv(&pixels),
        _ => unreachable!(),
    }
}

/// BT.601 of full range.
fn yuv(pixels: &[[u8; 3]]) -> Vec<u8> {
    let (width, height) = SIZE;
    let mix = |pixel: [u8; 3], weights: [f32; 3], offset: f32| {
        let sum: f32 = (0..3).map(|c| f32::from(pixel[c]) * weights[c]).sum();
        (sum + offset).round() as u8
    };
    let chroma = |weights: [f32; 3]| {
        let sample = move |i: usize| {
            let (x, y) = (2 * (i % (width / 2)), 2 * (i / (width / 2)));
            mix(pixels[y * width + x], weights, 128.0)
        };
        (0..width * height / 4).map(sample).collect::<Vec<_>>()
    };
    let luma = pixels
        .iter()
        .map(|pixel| mix(*pixel, [0.299, 0.587, 0.114], 0.0));
    let luma: Vec<_> = luma.collect();
    let u = chroma([-0.168_736, -0.331_264, 0.5]);
    let v = chroma([0.5, -0.418_688, -0.081_312]);
    [luma, u, v].concat()
}

/// An element on frames of this format, from a file.
fn rig(model: &ModelFile, format: &str, properties: &[(&str, &str)]) -> Rig {
    prepared(Rig::new(model, properties), format)
}

/// Gives a rig frames of this format.
fn prepared(mut rig: Rig, format: &str) -> Rig {
    let caps = common::video(format, SIZE.0 as u32, SIZE.1 as u32);
    let caps = match format {
        "I420" => format!("{caps},colorimetry=1:4:0:0,chroma-site=jpeg"),
        _ => caps,
    };
    rig.caps(&caps);
    rig
}

/// A frame with these things on it, and in its metadata, as a detector and a tracker leave them.
fn frame(rig: &mut Rig, format: &str, things: &[Thing]) -> gst::Buffer {
    let mut buffer = rig.timed(gst::Buffer::from_mut_slice(paint(format, things)));
    let pts = buffer.pts();
    tell(&mut buffer, things, pts);
    buffer
}

/// Writes things on a buffer, as last seen at this time.
fn tell(buffer: &mut gst::Buffer, things: &[Thing], last_seen: Option<gst::ClockTime>) {
    let buffer = buffer.get_mut().unwrap();
    let detection = |thing: &Thing| {
        let [x, y, w, h] = thing.rect;
        Detection {
            label: Quark::from_str(thing.label),
            bbox: BBox { x, y, w, h },
            confidence: 0.5,
        }
    };
    let detections: Vec<_> = things.iter().map(detection).collect();
    let ids = objects::write_turned(buffer, &detections, &[]).unwrap();
    let track = |(id, thing): (u32, &Thing)| {
        let track = Track {
            id: thing.track?,
            first_seen: gst::ClockTime::ZERO,
            last_seen: last_seen.unwrap(),
            lost: false,
        };
        Some((id, track))
    };
    let tracks: Vec<_> = ids.into_iter().zip(things).filter_map(track).collect();
    objects::write_tracks(buffer, &tracks).unwrap();
}

/// A frame in, and the same one out.
#[track_caller]
fn look(rig: &mut Rig, format: &str, things: &[Thing]) -> Seen {
    let buffer = frame(rig, format, things);
    pass(rig, buffer)
}

#[track_caller]
fn pass(rig: &mut Rig, buffer: gst::Buffer) -> Seen {
    let before = common::frames(&rig.log.items()).len();
    rig.push_buffer(buffer).unwrap();
    rig.log.frames(before + 1)[before].clone()
}

/// The best class of each object, in the order in which they were written; nothing for one without.
fn classes(seen: &Seen) -> Vec<&'static str> {
    let mut ids: Vec<_> = seen.objects.iter().map(|object| object.id).collect();
    ids.sort_unstable();
    let best = |id: u32| seen.classes_of(id).first().map_or("", |class| class.0);
    ids.into_iter().map(best).collect()
}

const OBJECTS: (&str, &str) = ("on", "objects");

#[test]
fn each_object_has_the_class_of_its_own_pixels() {
    // At the edges, at odd places, beyond the frame, thin, as small as may be.
    let things = [
        thing([0.0, 0.0, 40.0, 30.0], RED, None),
        thing([101.0, 51.0, 37.0, 41.0], GREEN, None),
        thing([280.0, 200.0, 40.0, 40.0], BLUE, None),
        thing([300.0, 10.0, 90.0, 30.0], RED, None),
        thing([10.0, 100.0, 16.0, 120.0], GREEN, None),
        thing([60.0, 150.0, 16.0, 16.0], BLUE, None),
    ];
    let model = Colours::default().file();
    for format in ["RGB", "BGRx", "I420"] {
        let mut rig = rig(&model, format, &[OBJECTS]);
        let seen = look(&mut rig, format, &things);
        let expected = ["red", "green", "blue", "red", "green", "blue"];
        assert_eq!(classes(&seen), expected, "{format}");
        for object in &seen.objects {
            let [(_, percent)] = seen.classes_of(object.id)[..] else {
                panic!("{seen:?}");
            };
            // Crops begin at even pixels, so of the odd ones a rim is grey.
            assert!(percent > 90, "{format}: {seen:?}");
        }
        // What was there is as it was.
        assert_eq!(seen.objects.len(), things.len());
        assert_eq!(seen.labels(), ["car"; 6]);
        assert_eq!(rig.stat("objects-inferred"), 6);
        assert_eq!((rig.stat("inferred"), rig.stat("objects")), (1, 0));
    }
}

#[test]
fn only_objects_that_are_asked_for_and_can_be_seen_are_looked_at() {
    let things = [
        thing([10.0, 10.0, 40.0, 40.0], RED, None),
        Thing {
            label: "person",
            ..thing([60.0, 10.0, 40.0, 40.0], RED, None)
        },
        thing([110.0, 10.0, 15.0, 40.0], RED, None),
        thing([400.0, 10.0, 40.0, 40.0], RED, None),
        thing([130.0, 10.0, 1.0, 1.0], RED, None),
        Thing {
            label: "Van",
            ..thing([160.0, 10.0, 40.0, 40.0], RED, None)
        },
        thing([200.0, 10.0, f32::NAN, 40.0], RED, None),
    ];
    let model = Colours::default().file();
    let properties = [OBJECTS, ("on-classes", "car, van, no such thing")];
    let mut rig = rig(&model, "RGB", &properties);
    let seen = look(&mut rig, "RGB", &things);
    assert_eq!(classes(&seen), ["red", "", "", "", "", "red", ""]);
    assert_eq!(rig.stat("objects-inferred"), 2);
    assert_eq!(rig.stat("objects-too-small"), 4);
    // While it plays.
    rig.element.set_property("on-min-size", 1u32);
    rig.element.set_property("on-classes", "");
    let seen = look(&mut rig, "RGB", &things);
    assert_eq!(classes(&seen)[..6], ["red", "red", "red", "", "red", "red"]);
}

#[test]
fn frames_without_objects_stay_what_they_are() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS]);
    let bare = rig.timed(gst::Buffer::from_mut_slice(paint("RGB", &[])));
    assert_eq!(pass(&mut rig, bare).look, Look::Skipped);
    // Somebody looked, and there was nothing.
    let seen = look(&mut rig, "RGB", &[]);
    assert_eq!((seen.look, seen.objects.len()), (Look::Inferred, 0));
    let counters = ["frames", "inferred", "skipped-unneeded", "objects-inferred"];
    assert_eq!(counters.map(|name| rig.stat(name)), [2, 0, 2, 0]);
}

#[test]
fn the_elements_page_has_every_field_of_the_stats() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vigildetect.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rig = rig(&Colours::default().file(), "RGB", &[OBJECTS]);
    for (field, _) in rig
        .stats()
        .iter()
        .filter(|(field, _)| !field.ends_with("-ms"))
    {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn classes_are_as_many_and_as_good_as_is_asked_for() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("max-classes", "3")]);
    let orange = [thing([10.0, 10.0, 40.0, 40.0], [255, 128, 0], None)];
    let of_first = |seen: &Seen| seen.classes_of(seen.objects[0].id);
    let seen = look(&mut rig, "RGB", &orange);
    assert_eq!(of_first(&seen), [("red", 100), ("green", 50), ("blue", 0)]);
    rig.element.set_property("class-threshold", 0.25f32);
    let seen = look(&mut rig, "RGB", &orange);
    assert_eq!(of_first(&seen), [("red", 100), ("green", 50)]);
    rig.element.set_property("classes", "green;blue");
    let seen = look(&mut rig, "RGB", &orange);
    assert_eq!(of_first(&seen), [("green", 50)]);
    rig.element.set_property("class-threshold", 1.0f32);
    let seen = look(&mut rig, "RGB", &orange);
    assert_eq!(of_first(&seen), []);
    assert_eq!(rig.stat("objects-inferred"), 4);
}

#[test]
fn each_output_of_a_model_has_classes_of_its_own() {
    let table = [
        (Says::Everything, "", "bright"),
        (
            Says::Scores,
            "[[outputs]]\nname = 'brightness'\nnames = ['light']\n\
             [[outputs]]\nname = 'colour'\nnames = ['red', 'green', 'blue']",
            "light",
        ),
    ];
    for (says, card, last) in table {
        let model = Colours {
            says,
            brightness: true,
            ..Colours::default()
        }
        .file();
        if !card.is_empty() {
            std::fs::write(model.path().with_extension("toml"), card).unwrap();
        }
        let mut rig = rig(&model, "RGB", &[OBJECTS]);
        let seen = look(
            &mut rig,
            "RGB",
            &[thing([10.0, 10.0, 40.0, 40.0], GREEN, None)],
        );
        let classes = seen.classes_of(seen.objects[0].id);
        let labels: Vec<_> = classes.iter().map(|class| class.0).collect();
        assert_eq!(labels, ["green", last], "{says:?}");
        assert!(classes[0].1 > 95 && classes[1].1 < 40, "{classes:?}");
    }
}

#[test]
fn a_head_or_a_card_says_what_the_values_of_a_model_are() {
    let model = Colours {
        says: Says::Nothing,
        ..Colours::default()
    }
    .file();
    // The softmax of 1, 0, 0, and the sigmoid of each, of samples that are not normalised.
    let plain = ("preprocess", "mean=0,0,0;std=1,1,1");
    for (head, expected) in [
        ("classify", [100, 0, 0]),
        ("classify-logits", [58, 21, 21]),
        ("classify-sigmoid", [73, 50, 50]),
    ] {
        let properties = [
            OBJECTS,
            plain,
            ("head", head),
            ("labels", "red;green;blue"),
            ("max-classes", "3"),
        ];
        let mut rig = rig(&model, "RGB", &properties);
        let seen = look(
            &mut rig,
            "RGB",
            &[thing([10.0, 10.0, 40.0, 40.0], RED, None)],
        );
        let found = seen.classes_of(seen.objects[0].id);
        let percents: Vec<_> = found.iter().map(|class| class.1).collect();
        assert_eq!(
            (found[0].0, &percents[..]),
            ("red", &expected[..]),
            "{head}"
        );
    }
}

#[test]
fn a_classifier_of_frames_says_what_the_frame_is() {
    let model = Colours::default().file();
    let mut whole = rig(&model, "RGB", &[]);
    // Ultralytics' own crop of the middle does not see what is at the sides.
    let sides = [
        thing([0.0, 0.0, 40.0, 240.0], RED, None),
        thing([280.0, 0.0, 40.0, 240.0], RED, None),
        thing([40.0, 0.0, 240.0, 240.0], BLUE, None),
    ];
    let bare = whole.timed(gst::Buffer::from_mut_slice(paint("RGB", &sides)));
    let seen = pass(&mut whole, bare);
    let found = seen.classes_of_frame();
    // But for a trace of what is next to it.
    assert!(matches!(found[..], [("blue", 95..=100)]), "{found:?}");
    assert_eq!((seen.look, seen.objects.len()), (Look::Inferred, 0));
    // A region is what it sees then.
    let mut region = rig(&model, "RGB", &[("regions", "[[0, 0, 0.125, 1]]")]);
    let bare = region.timed(gst::Buffer::from_mut_slice(paint("RGB", &sides)));
    assert_eq!(pass(&mut region, bare).classes_of_frame(), [("red", 100)]);
    // Nothing good enough is a look, too.
    let mut strict = rig(&model, "RGB", &[("class-threshold", "0.9")]);
    let bare = strict.timed(gst::Buffer::from_mut_slice(paint("RGB", &[])));
    let seen = pass(&mut strict, bare);
    assert_eq!(
        (seen.look, seen.classes_of_frame()),
        (Look::Inferred, vec![])
    );
}

#[test]
fn hundreds_of_objects_are_looked_at_in_batches_each_for_itself() {
    let model = Colours {
        batch: "n",
        ..Colours::default()
    }
    .file();
    let colours = [RED, GREEN, BLUE];
    let place = |i: usize| [(i % 20 * 16) as f32, (i / 20 * 16) as f32, 16.0, 16.0];
    let things: Vec<_> = (0..300)
        .map(|i| thing(place(i), colours[i % 7 % 3], None))
        .collect();
    let names = ["red", "green", "blue"];
    let expected: Vec<_> = (0..300).map(|i| names[i % 7 % 3]).collect();
    for batch in ["1", "8", "64"] {
        let properties = [OBJECTS, ("on-max-objects", "0"), ("batch-size", batch)];
        let mut rig = rig(&model, "RGB", &properties);
        for _ in 0..2 {
            assert_eq!(
                classes(&look(&mut rig, "RGB", &things)),
                expected,
                "{batch}"
            );
        }
        assert_eq!(rig.stat("objects-inferred"), 600);
        // A run is counted once, however many objects are in it.
        let longest = |name: &str| rig.stats().get::<f64>(name).unwrap();
        assert!(longest("inference-max-ms") <= longest("latency-max-ms"));
    }
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("on-max-objects", "10")]);
    let seen = look(&mut rig, "RGB", &things);
    assert_eq!(
        classes(&seen)
            .iter()
            .filter(|class| !class.is_empty())
            .count(),
        10
    );
    assert_eq!(
        (rig.stat("objects-inferred"), rig.stat("objects-over-limit")),
        (10, 290)
    );
}

#[test]
fn frames_leave_in_order_with_their_own_classes_and_all_before_the_end() {
    let model = Colours {
        batch: "n",
        ..Colours::default()
    }
    .file();
    let properties = [OBJECTS, ("threads", "3"), ("batch-size", "4")];
    let mut rig = rig(&model, "RGB", &properties);
    let colours = [RED, GREEN, BLUE];
    for i in 0..30 {
        let objects = if i % 5 == 4 { 0 } else { 1 + i % 3 };
        let place = |n: usize| [n as f32 * 50.0, 20.0, 40.0, 40.0];
        let things: Vec<_> = (0..objects)
            .map(|n| thing(place(n), colours[i % 3], None))
            .collect();
        let buffer = frame(&mut rig, "RGB", &things);
        rig.push_buffer(buffer).unwrap();
    }
    let frames = common::frames(&rig.eos());
    assert_eq!(frames.len(), 30);
    for (i, seen) in frames.iter().enumerate() {
        assert_eq!(seen.index(), i as u64);
        let name = ["red", "green", "blue"][i % 3];
        let objects = if i % 5 == 4 { 0 } else { 1 + i % 3 };
        assert_eq!(classes(seen), vec![name; objects], "{i}");
    }
}

#[test]
fn a_region_leaves_out_what_stands_outside_of_it() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("regions", "[[0, 0, 0.5, 1]]")]);
    let things = [
        thing([10.0, 10.0, 40.0, 40.0], RED, None),
        thing([200.0, 10.0, 40.0, 40.0], RED, None),
    ];
    assert_eq!(classes(&look(&mut rig, "RGB", &things)), ["red", ""]);
}
