//! Properties, stats and refusals of a replay.

use super::{REPLAY, mot, places, records};
use crate::common::models::{ModelFile, Tiny};
use crate::common::{self, Rig};
use gst::prelude::*;
use vigil_analytics::objects::Look;

#[test]
fn interval_thresholds_and_classes_apply_while_playing() {
    let rows: String = (1..=12)
        .map(|n| format!("{n},-1,{n},2,10,20,0.9,1\n{n},-1,{n},2,10,20,0.5,3\n"))
        .collect();
    let file = ModelFile::named("det.txt", rows);
    let mut rig = Rig::new(&file, &[REPLAY]);
    let table: [(_, _, &[&str]); 7] = [
        ("confidence-threshold", "0.25", &["pedestrian", "car"]),
        ("confidence-threshold", "0.6", &["pedestrian"]),
        ("confidence-threshold", "0.25", &["pedestrian", "car"]),
        ("max-detections", "1", &["pedestrian"]),
        ("max-detections", "300", &["pedestrian", "car"]),
        ("classes", "3", &["car"]),
        ("classes", "", &["pedestrian", "car"]),
    ];
    for (name, value, expected) in table {
        rig.element.set_property_from_str(name, value);
        assert_eq!(rig.push_and_wait(0).labels(), expected, "{name}={value}");
    }
    rig.element.set_property("classes", "cars");
    let warnings = rig.warnings();
    assert!(warnings[0].contains("did you mean 'car'"), "{warnings:?}");
    rig.element.set_property("interval", 2u32);
    let looks: Vec<_> = (0..5).map(|_| rig.push_and_wait(0).look).collect();
    use Look::{Inferred, Skipped};
    assert_eq!(looks, [Skipped, Skipped, Inferred, Skipped, Skipped]);
}

#[test]
fn interval_counts_from_frames_that_were_looked_at() {
    // Recorded every second frame from the second on, as records say that have an interval too.
    let line = |i: u64| {
        let (pts, inferred) = (i * 40_000_000, i % 2 == 1);
        format!("{{\"pts\":{pts},\"inferred\":{inferred},\"objects\":[]}}\n")
    };
    let file = ModelFile::named("o.jsonl", (0..8).map(line).collect::<String>());
    use Look::{Inferred, Skipped};
    for (interval, expected) in [
        (
            "0",
            [
                Skipped, Inferred, Skipped, Inferred, Skipped, Inferred, Skipped, Inferred,
            ],
        ),
        (
            "1",
            [
                Skipped, Inferred, Skipped, Inferred, Skipped, Inferred, Skipped, Inferred,
            ],
        ),
        (
            "2",
            [
                Skipped, Inferred, Skipped, Skipped, Skipped, Inferred, Skipped, Skipped,
            ],
        ),
    ] {
        let mut rig = Rig::new(&file, &[REPLAY, ("interval", interval)]);
        let looks: Vec<_> = (0..8).map(|_| rig.push_and_wait(0).look).collect();
        assert_eq!(looks, expected, "{interval}");
    }
}

#[test]
fn classes_that_the_file_does_not_have_find_nothing_with_a_warning() {
    let file = records(&[0, 40]);
    let mut rig = Rig::new(&file, &[REPLAY, ("classes", "car")]);
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("\"car\""), "{warnings:?}");
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![]));
    rig.element.set_property("classes", "Person");
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![2]));
}

#[test]
fn stats_say_how_much_of_the_recording_was_used() {
    let line = |pts: u64, inferred: bool| {
        format!(
            "{{\"pts\":{},\"inferred\":{inferred},\"objects\":[]}}\n",
            pts * 1_000_000
        )
    };
    let text = [
        line(0, true),
        line(40, false),
        line(80, true),
        line(9999, true),
    ]
    .concat();
    let file = ModelFile::named("o.jsonl", text);
    let mut rig = Rig::new(&file, &[REPLAY]);
    for _ in 0..5 {
        rig.push(0);
    }
    let untimed = rig.frame(0);
    let mut untimed = untimed.copy();
    untimed.get_mut().unwrap().set_pts(gst::ClockTime::NONE);
    rig.push_buffer(untimed).unwrap();
    rig.eos();
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("without PTS"), "{warnings:?}");
    let stats = rig.stats();
    let text = |name: &str| stats.get::<String>(name).unwrap();
    assert_eq!(
        ["engine", "labels-source"].map(text),
        ["replay", "recording"]
    );
    for part in ["o.jsonl", "asked for", "JSON Lines", "4 frames", "by PTS"] {
        assert!(
            text("engine-reason").contains(part),
            "{}",
            text("engine-reason")
        );
    }
    let counters = [
        "records",
        "frames",
        "inferred",
        "matched",
        "unmatched",
        "skipped-unrecorded",
        "failed",
    ];
    assert_eq!(counters.map(|name| rig.stat(name)), [4, 6, 2, 3, 2, 3, 1]);
}

#[test]
fn the_elements_page_has_every_field_of_the_stats() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vigildetect.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut rig = Rig::new(&mot([1]), &[REPLAY]);
    rig.push_and_wait(0);
    for (field, _) in rig.stats().iter() {
        assert!(
            field.ends_with("-ms") || page.contains(&format!("`{field}`")),
            "{field}"
        );
    }
}

#[test]
fn what_happens_to_the_file_later_changes_nothing() {
    let file = mot(1..=3);
    let mut rig = Rig::new(&file, &[REPLAY]);
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![1]));
    std::fs::write(file.path(), "nonsense").unwrap();
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![2]));
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![3]));
}

/// The error with which the element refuses to go to PAUSED.
#[track_caller]
fn refusal(file: Option<&ModelFile>, properties: &[(&str, &str)]) -> String {
    let (element, bus) = common::element(file, properties);
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = common::texts(&bus, gst::MessageType::Error);
    element.set_state(gst::State::Null).unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

#[test]
fn what_cannot_be_replayed_is_refused_in_words_that_help() {
    let named = |text: &str| Some(ModelFile::named("det.txt", text));
    let row = "1,-1,1,2,3,4,0.9,3\n";
    // File, further properties, what the error says.
    type Case<'a> = (Option<ModelFile>, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let table: [Case; 8] = [
        (None, &[], &["property model", "model=det.txt"]),
        (
            Some(ModelFile::missing()),
            &[],
            &["tiny.onnx", "does not exist"],
        ),
        (
            Some(Tiny::default().file()),
            &[],
            &["tiny.onnx", "an ONNX model", "MOTChallenge"],
        ),
        (
            named(&format!("{row}2,-1,1,2,-3,4,0.9\n")),
            &[],
            &["det.txt:2: width is -3"],
        ),
        (named("{\"pts\":1}\n"), &[], &["det.txt:1: ", "\"objects\""]),
        (
            named("{\"pts\":1,\"objects\":[]}"),
            &[("labels", "a")],
            &["property labels"],
        ),
        (
            named(row),
            &[("labels", "a;b")],
            &["det.txt:1: class 3", "1 to 2"],
        ),
        (
            named(row),
            &[("classes", "trolley")],
            &["property classes", "\"trolley\""],
        ),
    ];
    for (file, properties, parts) in table {
        let properties = [&[REPLAY], properties].concat();
        let text = refusal(file.as_ref(), &properties);
        for part in parts {
            assert!(text.contains(part), "no {part:?} in: {text}");
        }
    }
}

#[test]
fn other_engines_say_what_to_set_for_a_recording() {
    for file in [mot([1]), records(&[0])] {
        for engine in ["auto", "rten"] {
            let text = refusal(Some(&file), &[("engine", engine)]);
            for part in ["not an ONNX file", "engine=replay"] {
                assert!(text.contains(part), "no {part:?} in: {text}");
            }
        }
    }
}

#[test]
fn an_element_may_change_between_a_network_and_a_recording() {
    let (model, file) = (Tiny::default().file(), mot(1..=9));
    let mut rig = Rig::new(&file, &[REPLAY]);
    assert_eq!(rig.push_and_wait(200).labels(), ["pedestrian"]);
    for (engine, path, labels) in [
        ("rten", model.path(), &["block", "slider"][..]),
        ("replay", file.path(), &["pedestrian"]),
    ] {
        rig.element.set_state(gst::State::Ready).unwrap();
        rig.element.set_property_from_str("engine", engine);
        rig.element.set_property("model", path.to_str().unwrap());
        rig.element.set_state(gst::State::Playing).unwrap();
        rig.log.clear();
        rig.start(&common::rgb(64, 64));
        assert_eq!(rig.push_and_wait(200).labels(), labels);
    }
}
