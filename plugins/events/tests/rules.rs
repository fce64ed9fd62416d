//! Rules as properties: wrong ones on the way to PAUSED, and other ones while playing.
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

/// The error that an element posts on the way to PAUSED.
fn error_of(element: &gst::Element) -> String {
    let bus = bus_of(element);
    assert!(element.set_state(gst::State::Paused).is_err());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else {
        unreachable!()
    };
    element.set_state(gst::State::Null).unwrap();
    error.error().to_string()
}

#[test]
fn wrong_rules_fail_the_way_to_paused_with_line_and_remedy() {
    init();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let two_points = "\n[[zone]]\nname='door'\npolygon=[[0,0],[1,1]]\n";
    for (property, value, expected) in [
        (
            "rules",
            r#"{"zone":[{"name":"door","polygn":[]}]}"#.to_string(),
            "rules, line 1, column 25: zone \"door\": unknown field \"polygn\": did you mean \"polygon\"?",
        ),
        (
            "rules",
            "zone".into(),
            "rules, line 1, column 1: no valid JSON",
        ),
        (
            "rules-file",
            file("rules.toml", two_points),
            "rules.toml, line 4, column 9: zone \"door\": polygon: a zone needs 3 points",
        ),
        (
            "rules-file",
            "/nowhere/rules.toml".into(),
            "cannot read rules-file /nowhere/rules.toml",
        ),
        (
            "stream-id",
            "a\nb".into(),
            "stream-id \"a\\nb\" has control characters",
        ),
    ] {
        let element = gst::ElementFactory::make("vigilevents")
            .property(property, &value)
            .build()
            .unwrap();
        let error = error_of(&element);
        assert!(error.contains(expected), "gave: {error}\nnot: {expected}");
        // It is not broken for good.
        element.set_property(property, None::<&str>);
        element.set_state(gst::State::Paused).unwrap();
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn what_was_set_last_holds() {
    let element = element(Some(ZONE));
    assert_eq!(
        element.property::<Option<String>>("rules").as_deref(),
        Some(ZONE)
    );
    element.set_property("rules-file", "a.toml");
    assert_eq!(element.property::<Option<String>>("rules"), None);
    assert_eq!(
        element.property::<Option<String>>("rules-file").as_deref(),
        Some("a.toml")
    );
    element.set_property("rules", "");
    assert_eq!(element.property::<Option<String>>("rules-file"), None);
}

#[test]
fn without_rules_objects_appear_and_leave() {
    let element = element(None);
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    let mut events = Harness::with_element(&element, None, Some("events"));
    video.set_src_caps_str(CAPS);
    for n in 0..3 {
        video.push(to_and_fro(n)).unwrap();
    }
    video.push_event(gst::event::Eos::new());
    for expected in ["object.appeared start", "object.left end"] {
        assert_eq!(summary(&record(&events.pull().unwrap())), expected);
    }
}

#[test]
fn other_rules_hold_from_the_next_frame_on() {
    let element = element(Some(ZONE));
    let bus = bus_of(&element);
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    let mut events = Harness::with_element(&element, None, Some("events"));
    video.set_src_caps_str(CAPS);
    for n in 0..3 {
        video.push(to_and_fro(n)).unwrap();
    }
    let entered = record(&events.pull().unwrap());
    element.set_property(
        "rules",
        r#"{"object": [{"name": "people", "min-sightings": 1}]}"#,
    );
    video.push(to_and_fro(3)).unwrap();
    let exited = record(&events.pull().unwrap());
    assert_eq!(exited["id"], entered["id"]);
    assert_eq!(exited["data"]["reason"], "rules-changed");
    assert_eq!(
        summary(&record(&events.pull().unwrap())),
        "object.appeared start"
    );
    assert_eq!(warnings(&bus), [""; 0]);
}

#[test]
fn wrong_rules_while_playing_are_told_and_the_old_ones_stay() {
    let element = element(Some(ZONE));
    let bus = bus_of(&element);
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    let mut events = Harness::with_element(&element, None, Some("events"));
    video.set_src_caps_str(CAPS);
    video.push(to_and_fro(0)).unwrap();
    element.set_property("rules", r#"{"zone": [{}]}"#);
    element.set_property("rules-file", "/nowhere/rules.toml");
    let warnings = warnings(&bus);
    assert!(
        warnings[0].contains("zone: name is missing"),
        "{warnings:?}"
    );
    assert!(
        warnings[0].contains("The rules stay as they were"),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("cannot read"), "{warnings:?}");
    assert_eq!(
        element.property::<Option<String>>("rules").as_deref(),
        Some(ZONE)
    );
    for n in 1..6 {
        video.push(to_and_fro(n)).unwrap();
    }
    assert_eq!(
        summary(&record(&events.pull().unwrap())),
        "zone.entered start"
    );
    assert_eq!(record(&events.pull().unwrap())["data"]["reason"], "outside");
}

#[test]
fn a_rules_file_that_is_set_again_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.toml");
    let path_text = path.display().to_string();
    std::fs::write(&path, "[[object]]\nname='a'\n").unwrap();
    let element = element(None);
    element.set_property("rules-file", &path_text);
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    video.set_src_caps_str(CAPS);
    let rules = || {
        element
            .property::<gst::Structure>("stats")
            .get::<u64>("rules")
            .unwrap()
    };
    video.push(to_and_fro(0)).unwrap();
    assert_eq!(rules(), 1);
    std::fs::write(&path, "[[object]]\nname='a'\n[[object]]\nname='b'\n").unwrap();
    element.set_property("rules-file", &path_text);
    video.push(to_and_fro(1)).unwrap();
    assert_eq!(rules(), 2);
}

#[test]
fn stats_say_what_happened() {
    let element = element(Some(ZONE));
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    video.set_src_caps_str(CAPS);
    for n in 0..7 {
        video.push(to_and_fro(n)).unwrap();
    }
    video.push(skipped(7)).unwrap();
    let stats: gst::Structure = element.property("stats");
    for (field, expected) in [
        ("frames", 8u64),
        ("inferred-frames", 7),
        ("events", 2),
        ("open", 0),
        ("tracks", 1),
        ("rules", 1),
    ] {
        assert_eq!(stats.get::<u64>(field).unwrap(), expected, "{field}");
    }
    assert!(
        stats.get::<f64>("latency-p99-ms").unwrap() >= stats.get::<f64>("latency-p50-ms").unwrap()
    );
}
