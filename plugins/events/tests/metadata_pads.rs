//! What consumers of the metadata pads see.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::*;
use gst::prelude::*;
use gst_check::Harness;
use serde_json::Value;
use vigil_analytics::classes::{self, Class};
use vigil_analytics::keypoints::{self, Keypoint};
use vigil_analytics::objects::{BBox, Detection, Track};

struct Setup {
    video: Harness,
    element: gst::Element,
}

fn setup(rules: Option<&str>) -> Setup {
    let element = element(rules);
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    video.set_live(false);
    video.set_src_caps_str(CAPS);
    Setup { video, element }
}

impl Setup {
    fn pad(&self, name: &str) -> Harness {
        Harness::with_element(&self.element, None, Some(name))
    }

    fn frames(&mut self, frames: std::ops::Range<u64>) {
        for n in frames {
            self.video.push(to_and_fro(n)).unwrap();
        }
    }
}

/// The next event of this type.
fn next_event(harness: &mut Harness, type_: gst::EventType) -> gst::Event {
    loop {
        let event = harness.pull_event().unwrap();
        if event.type_() == type_ {
            return event;
        }
    }
}

fn pull(harness: &mut Harness) -> Value {
    record(&harness.pull().unwrap())
}

/// A consumer that plays without a pipeline.
fn appsink() -> gst_app::AppSink {
    let sink = gst::ElementFactory::make("appsink")
        .property("sync", false)
        .property("async", false)
        .build()
        .unwrap();
    sink.set_state(gst::State::Playing).unwrap();
    sink.downcast().unwrap()
}

fn sample(sink: &gst_app::AppSink) -> Value {
    let sample = sink
        .try_pull_sample(gst::ClockTime::from_seconds(30))
        .unwrap();
    record(sample.buffer().unwrap())
}

#[test]
fn a_pad_starts_with_its_own_sparse_stream_caps_and_segment() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.frames(0..1);
    let types: Vec<_> = (0..3).map(|_| events.pull_event().unwrap()).collect();
    let gst::EventView::StreamStart(start) = types[0].view() else {
        panic!("{types:?}");
    };
    assert!(start.stream_id().ends_with("/events"), "{start:?}");
    assert!(start.stream_flags().contains(gst::StreamFlags::SPARSE));
    let gst::EventView::Caps(caps) = types[1].view() else {
        panic!("{types:?}");
    };
    assert_eq!(caps.caps().to_string(), "application/x-json");
    assert_eq!(types[2].type_(), gst::EventType::Segment);
}

#[test]
fn records_have_the_time_of_their_frame() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.frames(0..6);
    for (n, name) in [(0u64, "zone.entered start"), (5, "zone.exited end")] {
        let buffer = events.pull().unwrap();
        let event = record(&buffer);
        assert_eq!(summary(&event), name);
        assert_eq!(event["stream"], "cam-1");
        assert_eq!(event["frame"]["number"], n);
        assert_eq!(event["pts"], n * 100_000_000);
        assert_eq!(buffer.pts().unwrap().mseconds(), n * 100);
        // Not live, and the camera says nothing.
        assert!(event.get("time").is_none());
    }
}

#[test]
fn the_time_of_the_camera_is_the_time_of_the_event() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    let mut buffer = to_and_fro(0);
    gst::ReferenceTimestampMeta::add(
        buffer.get_mut().unwrap(),
        &gst::Caps::new_empty_simple("timestamp/x-unix"),
        gst::ClockTime::from_nseconds(1_767_268_800_123_000_000),
        gst::ClockTime::NONE,
    );
    setup.video.push(buffer).unwrap();
    assert_eq!(pull(&mut events)["time"], "2026-01-01T12:00:00.123Z");
}

#[test]
fn nothing_happening_is_told_by_gaps() {
    let mut setup = setup(Some(r#"{"zone":[]}"#));
    let mut events = setup.pad("events");
    for n in 0..3 {
        setup.video.push(skipped(n)).unwrap();
        let gap = next_event(&mut events, gst::EventType::Gap);
        let gst::EventView::Gap(gap) = gap.view() else {
            unreachable!()
        };
        let (start, duration) = gap.get();
        assert_eq!(start.mseconds(), n * 100);
        assert_eq!(duration.unwrap().mseconds(), 100);
    }
    assert_eq!(events.buffers_received(), 0);
}

#[test]
fn the_objects_pad_has_a_record_for_each_frame() {
    let mut setup = setup(Some(ZONE));
    let mut objects = setup.pad("objects");
    setup.video.push(looked(0, &[(7, 80.0, 120.0)])).unwrap();
    setup.video.push(skipped(1)).unwrap();
    setup.video.push(looked(2, &[])).unwrap();
    let first = pull(&mut objects);
    assert_eq!(first["inferred"], true);
    assert_eq!(first["objects"][0]["track"], 7);
    assert_eq!(first["objects"][0]["label"], "person");
    assert_eq!(first["objects"][0]["box"]["x"], 70.0);
    assert!(first["objects"][0].get("coasted").is_none());
    let second = pull(&mut objects);
    assert_eq!(
        (&second["inferred"], &second["objects"]),
        (&false.into(), &Value::Array(vec![]))
    );
    assert_eq!(second["frame"]["number"], 1);
    assert_eq!(pull(&mut objects)["inferred"], true);
}

#[test]
fn keypoints_are_in_the_record_of_their_object() {
    let mut setup = setup(None);
    let mut objects = setup.pad("objects");
    let mut frame = looked(0, &[(7, 80.0, 120.0), (8, 120.0, 120.0)]);
    let mut found = Vec::new();
    vigil_analytics::objects::read(&frame, &mut found);
    let point = |x, y, score| Keypoint { x, y, score };
    let points = [point(80.333, 90.0, 0.75), point(81.0, 95.5, 1.5)];
    let buffer = frame.get_mut().unwrap();
    keypoints::write(buffer, (320, 240), &[found[1].id], &points).unwrap();
    setup.video.push(frame).unwrap();
    setup.video.push(looked(1, &[(7, 80.0, 120.0)])).unwrap();
    let record = pull(&mut objects);
    assert!(record["objects"][0].get("keypoints").is_none());
    let expected = serde_json::json!([[80.33, 90.0, 0.75], [81.0, 95.5, 1.0]]);
    assert_eq!(record["objects"][1]["keypoints"], expected);
    // The next frame has none.
    assert!(pull(&mut objects)["objects"][0].get("keypoints").is_none());
}

#[test]
fn classes_are_in_the_record_of_their_object() {
    let mut setup = setup(None);
    let mut objects = setup.pad("objects");
    let mut frame = looked(0, &[(7, 80.0, 120.0), (8, 120.0, 120.0)]);
    let mut found = Vec::new();
    vigil_analytics::objects::read(&frame, &mut found);
    let class = |label, confidence| Class {
        label: gst::glib::Quark::from_str(label),
        confidence,
    };
    let heads = [
        vec![class("red", 0.91), class("blue", 0.05)],
        vec![class("van", 1.5)],
    ];
    classes::write(frame.get_mut().unwrap(), Some(found[1].id), &heads).unwrap();
    setup.video.push(frame).unwrap();
    setup.video.push(looked(1, &[(7, 80.0, 120.0)])).unwrap();
    let record = pull(&mut objects);
    assert!(record["objects"][0].get("classes").is_none());
    let expected = serde_json::json!([
        {"label": "red", "confidence": 0.91},
        {"label": "blue", "confidence": 0.05},
        {"label": "van", "confidence": 1.0},
    ]);
    assert_eq!(record["objects"][1]["classes"], expected);
    assert!(pull(&mut objects)["objects"][0].get("classes").is_none());
}

#[test]
fn everything_open_ends_before_eos() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.frames(0..3);
    assert!(setup.video.push_event(gst::event::Eos::new()));
    let entered = pull(&mut events);
    let exited = pull(&mut events);
    assert_eq!(exited["id"], entered["id"]);
    assert_eq!(exited["data"]["reason"], "eos");
    assert_eq!(exited["frame"]["number"], 2);
    next_event(&mut events, gst::EventType::Eos);
}

#[test]
fn a_flush_ends_what_is_open_and_the_end_comes_after_it() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.frames(0..3);
    let entered = pull(&mut events);
    setup.video.push_event(gst::event::FlushStart::new());
    setup.video.push_event(gst::event::FlushStop::new(true));
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(100 * gst::ClockTime::SECOND);
    segment.set_time(100 * gst::ClockTime::SECOND);
    setup.video.push_event(gst::event::Segment::new(&segment));
    next_event(&mut events, gst::EventType::FlushStart);
    next_event(&mut events, gst::EventType::FlushStop);
    let buffer = events.pull().unwrap();
    let exited = record(&buffer);
    assert_eq!(exited["id"], entered["id"]);
    assert_eq!(exited["data"]["reason"], "flush");
    assert_eq!(exited["pts"], 200_000_000);
    // Sinks drop what is outside the segment.
    assert_eq!(buffer.pts().unwrap().seconds(), 100);
    setup.frames(1000..1001);
    assert_eq!(summary(&pull(&mut events)), "zone.entered start");
}

#[test]
fn another_stream_ends_what_was_open_in_the_last() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.frames(0..3);
    let entered = pull(&mut events);
    setup
        .video
        .push_event(gst::event::StreamStart::new("another"));
    setup.video.set_src_caps_str(CAPS);
    let exited = pull(&mut events);
    assert_eq!(exited["id"], entered["id"]);
    assert_eq!(exited["data"]["reason"], "stream-changed");
    setup.frames(0..1);
    assert_eq!(pull(&mut events)["frame"]["number"], 0);
}

#[test]
fn a_new_segment_without_a_flush_goes_on() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.frames(0..3);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_base(gst::ClockTime::SECOND);
    setup.video.push_event(gst::event::Segment::new(&segment));
    setup.frames(3..6);
    assert_eq!(summary(&pull(&mut events)), "zone.entered start");
    assert_eq!(pull(&mut events)["data"]["duration"], 0.5);
}

#[test]
fn a_pad_requested_in_mid_stream_starts_properly() {
    let mut setup = setup(Some(ZONE));
    setup.frames(0..3);
    let mut events = setup.pad("events");
    setup.frames(3..11);
    for type_ in [
        gst::EventType::StreamStart,
        gst::EventType::Caps,
        gst::EventType::Segment,
    ] {
        assert_eq!(events.pull_event().unwrap().type_(), type_);
    }
    // The visit that began before is not its business; the next one is.
    let event = pull(&mut events);
    assert_eq!(
        (summary(&event).as_str(), &event["frame"]["number"]),
        ("zone.entered start", &10.into())
    );
}

#[test]
fn records_wait_until_their_pad_is_linked() {
    let mut setup = setup(Some(ZONE));
    let pad = setup.element.request_pad_simple("events").unwrap();
    setup.frames(0..20);
    wait_until("waiting", || stat(&setup.element, "events", "waiting") == 4);
    let sink = appsink();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    let ids: Vec<_> = (0..4).map(|_| sample(&sink)["id"].clone()).collect();
    assert_eq!((&ids[0], &ids[2]), (&ids[1], &ids[3]));
    sink.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_consumer_that_is_unlinked_and_replaced_loses_nothing() {
    let mut setup = setup(Some(ZONE));
    let pad = setup.element.request_pad_simple("events").unwrap();
    let mut got = Vec::new();
    for round in 0..5u64 {
        let sink = appsink();
        let sink_pad = sink.static_pad("sink").unwrap();
        setup.frames(round * 10..round * 10 + 5);
        pad.link(&sink_pad).unwrap();
        setup.frames(round * 10 + 5..round * 10 + 10);
        for _ in 0..2 {
            got.push(summary(&sample(&sink)));
        }
        pad.unlink(&sink_pad).unwrap();
        sink.set_state(gst::State::Null).unwrap();
    }
    assert_eq!(got, ["zone.entered start", "zone.exited end"].repeat(5));
}

#[test]
fn there_is_one_pad_of_each_kind() {
    let element = element(None);
    let events = element.request_pad_simple("events").unwrap();
    assert_eq!(events.name(), "events");
    assert!(element.request_pad_simple("events").is_none());
    assert!(element.request_pad_simple("objects").is_some());
    element.release_request_pad(&events);
    assert!(element.request_pad_simple("events").is_some());
}

#[test]
fn a_pad_requested_after_the_end_ends_too() {
    let mut setup = setup(Some(ZONE));
    setup.frames(0..3);
    assert!(setup.video.push_event(gst::event::Eos::new()));
    for name in ["events", "objects"] {
        let mut pad = setup.pad(name);
        next_event(&mut pad, gst::EventType::StreamStart);
        next_event(&mut pad, gst::EventType::Eos);
    }
}

#[test]
fn lateness_of_an_event_sink_is_not_told_upstream() {
    let setup = setup(None);
    let events = setup.pad("events");
    let mut video = setup.video;
    while video.try_pull_upstream_event().is_some() {}
    let pad = setup.element.static_pad("events").unwrap();
    let qos = gst::event::Qos::new(gst::QOSType::Underflow, 2.0, 0, gst::ClockTime::ZERO);
    assert!(pad.send_event(qos));
    assert!(pad.send_event(gst::event::Reconfigure::new()));
    assert!(video.try_pull_upstream_event().is_none());
    drop(events);
}

#[test]
fn a_seek_that_comes_by_two_pads_goes_upstream_once() {
    let mut setup = setup(None);
    let _events = setup.pad("events");
    while setup.video.try_pull_upstream_event().is_some() {}
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::FLUSH,
        gst::SeekType::Set,
        gst::ClockTime::ZERO,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    );
    for pad in ["src", "events"] {
        setup
            .element
            .static_pad(pad)
            .unwrap()
            .send_event(seek.clone());
    }
    let seeks = std::iter::from_fn(|| setup.video.try_pull_upstream_event())
        .filter(|event| event.type_() == gst::EventType::Seek);
    assert_eq!(seeks.count(), 1);
}

#[test]
fn a_part_says_of_which_object() {
    let mut setup = setup(None);
    let mut objects = setup.pad("objects");
    let mut frame = looked(0, &[(7, 80.0, 120.0), (8, 120.0, 120.0)]);
    let mut found = Vec::new();
    vigil_analytics::objects::read(&frame, &mut found);
    let head = Detection {
        label: gst::glib::Quark::from_str("head"),
        bbox: BBox {
            x: 112.0,
            y: 80.0,
            w: 10.0,
            h: 10.0,
        },
        confidence: 0.5,
    };
    let edit = frame.get_mut().unwrap();
    let parts = vigil_analytics::objects::write_turned(edit, &[head], &[]).unwrap();
    vigil_analytics::parts::write(edit, found[1].id, &parts).unwrap();
    setup.video.push(frame).unwrap();
    let record = pull(&mut objects);
    let part_of: Vec<_> = (record["objects"].as_array().unwrap().iter())
        .map(|object| (object["label"].as_str().unwrap(), object.get("part_of")))
        .collect();
    let whole = serde_json::json!(1);
    assert_eq!(
        part_of,
        [("person", None), ("person", None), ("head", Some(&whole))]
    );
}

#[test]
fn what_a_tracker_gives_up_ends_at_once() {
    let mut setup = setup(Some(ZONE));
    let mut events = setup.pad("events");
    setup.video.push(looked(0, &[(7, 80.0, 120.0)])).unwrap();
    // Nobody looked, or looked and missed it: it may come back.
    setup.video.push(skipped(1)).unwrap();
    setup.video.push(looked(2, &[])).unwrap();
    let mut frame = looked(3, &[]);
    let lost = Track {
        id: 7,
        first_seen: gst::ClockTime::ZERO,
        last_seen: gst::ClockTime::ZERO,
        lost: true,
    };
    vigil_analytics::objects::write_lost(frame.get_mut().unwrap(), &[lost]).unwrap();
    setup.video.push(frame).unwrap();
    // The same identity again.
    setup.video.push(looked(4, &[(7, 80.0, 120.0)])).unwrap();
    let story: Vec<_> = (0..3).map(|_| pull(&mut events)).collect();
    assert_eq!(summary(&story[1]), "zone.exited end");
    assert_eq!(
        (&story[1]["data"]["reason"], &story[1]["pts"]),
        (&"lost".into(), &300_000_000.into())
    );
    assert_eq!(summary(&story[2]), "zone.entered start");
    assert_eq!(story[2]["data"]["inside"], 1);
}
