//! Video passes through untouched.
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
use vigil_analytics::event_meta;

fn harness(rules: Option<&str>) -> (Harness, gst::Element) {
    let element = element(rules);
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str(CAPS);
    (harness, element)
}

#[test]
fn a_frame_without_events_is_the_same_buffer() {
    let (mut harness, _element) = harness(Some(ZONE));
    let buffer = looked(0, &[]);
    let pointer = buffer.as_ptr();
    harness.push(buffer).unwrap();
    assert_eq!(harness.pull().unwrap().as_ptr(), pointer);
}

#[test]
fn events_ride_on_their_frame_and_its_pixels_are_not_copied() {
    let (mut harness, _element) = harness(Some(ZONE));
    for n in 0..6 {
        let buffer = to_and_fro(n);
        let memory = buffer.peek_memory(0).as_ptr();
        harness.push(buffer).unwrap();
        let out = harness.pull().unwrap();
        assert_eq!(out.peek_memory(0).as_ptr(), memory);
        let events: Vec<_> = event_meta::read(&out)
            .iter()
            .map(|event| event.get::<String>("event").unwrap())
            .collect();
        let expected: &[&str] = match n {
            0 => &["zone.entered"],
            5 => &["zone.exited"],
            _ => &[],
        };
        assert_eq!(events, expected, "frame {n}");
    }
}

#[test]
fn any_caps_pass_and_questions_about_them_go_through() {
    for caps in [
        CAPS,
        "video/x-raw(memory:NVMM),format=NV12,width=17,height=13",
        "video/x-h264,stream-format=byte-stream",
        "application/x-rtp",
    ] {
        init();
        let element = element(None);
        let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_sink_caps_str(caps);
        let sink = element.static_pad("sink").unwrap();
        let caps: gst::Caps = caps.parse().unwrap();
        assert_eq!(sink.query_caps(None), caps);
        // A metadata pad has no say in it.
        let _pad = element.request_pad_simple("events").unwrap();
        assert_eq!(sink.query_caps(None), caps);
        assert!(sink.query_accept_caps(&caps));
        assert!(!sink.query_accept_caps(&gst::Caps::new_empty_simple("audio/x-raw")));
    }
}

#[test]
fn frame_sizes_are_those_of_the_moment() {
    let (mut harness, element) = harness(Some(ZONE));
    let mut events = Harness::with_element(&element, None, Some("events"));
    harness.push(looked(0, &[(1, 80.0, 120.0)])).unwrap();
    // 80 of 100 pixels is in the right half.
    harness.set_src_caps_str("video/x-raw,format=GRAY8,width=100,height=200,framerate=10/1");
    harness.push(looked(1, &[(1, 80.0, 120.0)])).unwrap();
    let size = |event: &serde_json::Value| {
        (
            event["frame"]["width"].clone(),
            event["frame"]["height"].clone(),
        )
    };
    let entered = record(&events.pull().unwrap());
    assert_eq!(
        (summary(&entered).as_str(), size(&entered)),
        ("zone.entered start", (320.into(), 240.into()))
    );
    let exited = record(&events.pull().unwrap());
    assert_eq!(
        (summary(&exited).as_str(), size(&exited)),
        ("zone.exited end", (100.into(), 200.into()))
    );
}

#[test]
fn odd_frame_sizes_work() {
    for (width, height) in [(1, 1), (17, 13), (7680, 4320)] {
        let (mut harness, element) = harness(Some(ZONE));
        let mut events = Harness::with_element(&element, None, Some("events"));
        harness.set_src_caps_str(&format!(
            "video/x-raw,format=GRAY8,width={width},height={height},framerate=0/1,interlace-mode=mixed"
        ));
        harness.push(looked(0, &[(1, 0.0, 0.0)])).unwrap();
        let entered = record(&events.pull().unwrap());
        assert_eq!(entered["frame"]["width"], width);
    }
}

#[test]
fn without_a_frame_size_the_application_hears_which_rules_are_idle() {
    let element = element(Some(ZONE));
    let bus = bus_of(&element);
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str("application/x-rtp");
    for n in 0..5 {
        harness.push(to_and_fro(n)).unwrap();
    }
    let warnings = warnings(&bus);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("application/x-rtp has no frame size"),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("left"), "{warnings:?}");
}

#[test]
fn pixel_rules_outside_the_frame_are_told() {
    let rules =
        r#"{"line": [{"name": "gate", "units": "pixels", "from": [0, 500], "to": [10, 500]}]}"#;
    let element = element(Some(rules));
    let bus = bus_of(&element);
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str(CAPS);
    let warnings = warnings(&bus);
    assert!(
        warnings[0].contains("outside the frame of 320x240: gate"),
        "{warnings:?}"
    );
}

#[test]
fn objects_without_tracks_are_told_once() {
    let element = element(None);
    let bus = bus_of(&element);
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str(CAPS);
    for n in 0..200 {
        let mut buffer = skipped(n);
        let detection = vigil_analytics::Detection {
            label: gst::glib::Quark::from_str("person"),
            bbox: vigil_analytics::BBox::default(),
            confidence: f32::NAN,
        };
        vigil_analytics::objects::write_detections(buffer.get_mut().unwrap(), &[detection])
            .unwrap();
        harness.push(buffer).unwrap();
    }
    let warnings = warnings(&bus);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("put a tracker (vigiltrack) before vigilevents"));
}

#[test]
fn frames_without_timestamps_are_counted_by_the_frame_rate() {
    let (mut harness, element) = harness(None);
    let mut events = Harness::with_element(&element, None, Some("events"));
    let mut people: &[Person] = &[(1, 80.0, 120.0)];
    for n in 0..30 {
        let mut buffer = looked(n, people);
        let frame = buffer.get_mut().unwrap();
        frame.set_pts(None);
        frame.set_dts(None);
        harness.push(buffer).unwrap();
        if n == 10 {
            people = &[];
        }
    }
    let appeared = record(&events.pull().unwrap());
    assert!(appeared.get("pts").is_none());
    let left = record(&events.pull().unwrap());
    assert_eq!(left["data"]["duration"], 1.0);
    assert_eq!(left["data"]["reason"], "absent");
}
