//! Objects with tracks, which are not looked at on every frame.

use super::{
    BLUE, GREEN, OBJECTS, RED, Thing, classes, frame, look, pass, prepared, rig, tell, thing,
};
use crate::common::models::{Colours, Tiny};
use crate::common::{self, Rig};
use gst::prelude::*;
use vigil_analytics::objects::Look;

/// A tracked object of this colour, with this side.
fn tracked(track: u64, side: f32, colour: [u8; 3]) -> Thing {
    thing([40.0 * track as f32, 20.0, side, side], colour, Some(track))
}

#[test]
fn what_was_said_of_a_track_stays_until_it_is_looked_at_again() {
    let model = Colours::default().file();
    // Frames are 40 ms apart.
    let interval = ("on-interval", "120000000");
    let mut rig = rig(&model, "RGB", &[OBJECTS, interval]);
    let colours = [RED, GREEN, GREEN, GREEN, BLUE, BLUE];
    let expected = ["red", "red", "red", "green", "green", "green"];
    for (colour, expected) in colours.into_iter().zip(expected) {
        let seen = look(&mut rig, "RGB", &[tracked(1, 36.0, colour)]);
        assert_eq!(classes(&seen), [expected]);
    }
    // A fifth more of area, and a track that nobody knows yet.
    let things = [tracked(1, 40.0, RED), tracked(2, 30.0, BLUE)];
    assert_eq!(classes(&look(&mut rig, "RGB", &things)), ["red", "blue"]);
    assert_eq!(
        ["objects-inferred", "objects-reused"].map(|name| rig.stat(name)),
        [4, 4]
    );
    assert_eq!(["inferred", "frames"].map(|name| rig.stat(name)), [3, 7]);
    // On every frame from now on.
    rig.element.set_property("on-interval", 0u64);
    for (colour, expected) in [(RED, "red"), (GREEN, "green"), (BLUE, "blue")] {
        let seen = look(&mut rig, "RGB", &[tracked(1, 36.0, colour)]);
        assert_eq!(classes(&seen), [expected]);
    }
}

#[test]
fn frames_in_flight_are_told_what_the_first_of_them_showed() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("threads", "4")]);
    for i in 0..20 {
        let colour = if i == 0 { RED } else { BLUE };
        let things = [
            tracked(1, 36.0, colour),
            thing([200.0, 100.0, 30.0, 30.0], GREEN, None),
        ];
        let buffer = frame(&mut rig, "RGB", &things);
        rig.push_buffer(buffer).unwrap();
    }
    for seen in common::frames(&rig.eos()) {
        assert_eq!(classes(&seen), ["red", "green"], "{}", seen.index());
    }
    assert_eq!(
        ["objects-inferred", "objects-reused"].map(|name| rig.stat(name)),
        [21, 19]
    );
}

#[test]
fn after_a_flush_a_new_stream_or_new_caps_tracks_are_others() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS]);
    assert_eq!(
        classes(&look(&mut rig, "RGB", &[tracked(1, 36.0, RED)])),
        ["red"]
    );
    rig.flush_start();
    rig.flush_stop();
    rig.segment();
    assert_eq!(
        classes(&look(&mut rig, "RGB", &[tracked(1, 36.0, BLUE)])),
        ["blue"]
    );
    assert!(rig.event(gst::event::StreamStart::new("another")));
    rig.segment();
    assert_eq!(
        classes(&look(&mut rig, "RGB", &[tracked(1, 36.0, GREEN)])),
        ["green"]
    );
    let mut rig = prepared(rig, "BGRx");
    assert_eq!(
        classes(&look(&mut rig, "BGRx", &[tracked(1, 36.0, RED)])),
        ["red"]
    );
    assert_eq!(rig.stat("objects-inferred"), 4);
}

#[test]
fn a_track_that_is_gone_for_long_is_forgotten() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("on-max-age", "50000000")]);
    let mut step = |things: &[Thing]| classes(&look(&mut rig, "RGB", things));
    assert_eq!(step(&[tracked(1, 36.0, RED)]), ["red"]);
    assert_eq!(step(&[tracked(1, 36.0, BLUE)]), ["red"]);
    assert!(step(&[]).is_empty());
    assert_eq!(step(&[tracked(1, 36.0, BLUE)]), ["blue"]);
}

#[test]
fn predictions_of_a_tracker_are_not_looked_at_but_told_of() {
    let model = Colours::default().file();
    let mut rig = rig(&model, "RGB", &[OBJECTS, ("on-interval", "0")]);
    assert_eq!(
        classes(&look(&mut rig, "RGB", &[tracked(1, 36.0, RED)])),
        ["red"]
    );
    // Nobody looked at this frame: the tracker knows what it saw on the one before.
    let samples = super::paint("RGB", &[tracked(1, 36.0, BLUE), tracked(2, 36.0, BLUE)]);
    let mut coasted = rig.timed(gst::Buffer::from_mut_slice(samples));
    let things = [tracked(1, 36.0, BLUE), tracked(2, 36.0, BLUE)];
    tell(&mut coasted, &things, Some(gst::ClockTime::ZERO));
    let seen = pass(&mut rig, coasted);
    assert_eq!(
        (seen.look, classes(&seen)),
        (Look::Skipped, vec!["red", ""])
    );
    assert_eq!(
        ["objects-inferred", "objects-reused"].map(|name| rig.stat(name)),
        [1, 1]
    );
}

#[test]
fn skipped_frames_are_told_what_is_known_and_the_next_one_is_looked_at() {
    let model = Colours::default().file();
    // Of three frames one is looked at.
    let properties = [OBJECTS, ("interval", "2"), ("on-interval", "0")];
    let mut rig = rig(&model, "RGB", &properties);
    let colours = [RED, GREEN, BLUE, GREEN, BLUE];
    let expected = ["red", "red", "red", "green", "green"];
    for (colour, expected) in colours.into_iter().zip(expected) {
        assert_eq!(
            classes(&look(&mut rig, "RGB", &[tracked(1, 36.0, colour)])),
            [expected]
        );
    }
    assert_eq!(
        ["inferred", "skipped-interval"].map(|name| rig.stat(name)),
        [2, 3]
    );
    // A look that holds for long, at an object that comes on a frame that is skipped.
    rig.element.set_property("on-interval", u64::MAX);
    let both = [tracked(1, 36.0, RED), tracked(2, 36.0, BLUE)];
    assert_eq!(classes(&look(&mut rig, "RGB", &both)), ["green", ""]);
    assert_eq!(classes(&look(&mut rig, "RGB", &both)), ["green", "blue"]);
    assert_eq!(classes(&look(&mut rig, "RGB", &both)), ["green", "blue"]);
}

#[test]
fn a_live_stream_passes_frames_whose_objects_the_model_is_too_slow_for() {
    let tiny = Tiny {
        work: 150,
        ..Tiny::default()
    };
    let live = Rig::live(&tiny.file(), &[OBJECTS, ("threads", "1")]);
    let mut rig = prepared(live, "RGB");
    let (is_live, latency, _) = rig.latency();
    assert!(is_live && latency > gst::ClockTime::from_mseconds(22));
    let white = [255; 3];
    for _ in 0..30 {
        let things: Vec<_> = (0..4)
            .map(|n| thing([n as f32 * 50.0, 0.0, 40.0, 40.0], white, None))
            .collect();
        let buffer = frame(&mut rig, "RGB", &things);
        rig.push_buffer(buffer).unwrap();
    }
    let frames = common::frames(&rig.eos());
    let came: Vec<_> = frames.iter().map(|seen| seen.index()).collect();
    assert_eq!(came, (0..30).collect::<Vec<_>>());
    // The objects of others are there, whoever was skipped.
    for seen in &frames {
        let others = seen
            .labels()
            .iter()
            .filter(|label| **label == "car")
            .count();
        assert_eq!((others, seen.look), (4, Look::Inferred));
    }
    let counters = ["inferred", "skipped-overload", "overdue"].map(|name| rig.stat(name));
    assert!(counters[1] > 0, "{counters:?}");
    assert_eq!((rig.stat("frames"), counters.iter().sum()), (30, 30));
}
