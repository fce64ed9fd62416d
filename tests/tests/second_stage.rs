//! A detector, a tracker, and a second stage on what they found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "in a test a panic is the report; models are written for other tests too"
)]

#[path = "../../plugins/detect/tests/common/models.rs"]
mod models;
#[path = "../../plugins/detect/tests/common/onnx.rs"]
mod onnx;

use gst::prelude::*;
use models::Colours;
use serde_json::Value;
use vigil_tests::ball;
use vigil_tests::pipeline::Pipeline;
use vigil_tests::watchdog::within;

/// Share of the ball's own box that is white.
const WHITE: f64 =
    std::f64::consts::PI * ball::RADIUS * ball::RADIUS / (4.0 * ball::HALF_BOX * ball::HALF_BOX);

/// What the second stage counted, and the records of the objects, of so many frames of the ball.
fn watch(frames: u64, properties: &str) -> (gst::Structure, Vec<Value>) {
    vigil_tests::init();
    let folder = tempfile::tempdir().unwrap();
    let detector = ball::write_model(folder.path()).unwrap();
    let classifier = Colours::default().file();
    let records = folder.path().join("objects.jsonl");
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect engine=rten model={} labels=ball ! vigiltrack ! \
         vigildetect name=second on=objects engine=rten model={} {properties} ! \
         vigilevents name=e ! fakesink  e.objects ! filesink location={}",
        ball::scene(frames),
        detector.display(),
        classifier.path().display(),
        records.display(),
    ))
    .unwrap();
    pipeline.play(100).unwrap();
    let stats = pipeline.element::<gst::Element>("second").property("stats");
    let records = std::fs::read_to_string(records).unwrap();
    let records = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (stats, records.collect())
}

#[test]
fn a_tracked_object_is_looked_at_once_in_a_while_and_has_its_class_on_every_frame() {
    let _watchdog = within(120);
    let frames = 3 * ball::FPS;
    let (stats, records) = watch(frames, "on-classes=BALL");
    let count = |name: &str| stats.get::<u64>(name).unwrap();
    assert_eq!(records.len() as u64, frames);
    for record in &records {
        let [object] = &record["objects"].as_array().unwrap()[..] else {
            panic!("{record}");
        };
        let [class] = &object["classes"].as_array().unwrap()[..] else {
            panic!("{record}");
        };
        // The ball is white, so any colour may be the best one; anywhere else it is black.
        let score = class["confidence"].as_f64().unwrap();
        assert!((score - WHITE).abs() < 0.1, "{record}: {WHITE}");
    }
    // Once for each second, and until the tracker has given it a track.
    let looks = count("objects-inferred");
    assert!((3..=6).contains(&looks), "{stats:?}");
    assert_eq!(looks + count("objects-reused"), frames);
    assert_eq!(count("inferred") + count("skipped-unneeded"), frames);
}

#[test]
fn objects_of_other_classes_and_too_small_ones_are_left_alone() {
    let _watchdog = within(120);
    for (properties, too_small) in [("on-classes=car", 0), ("on-min-size=60", 30)] {
        let (stats, records) = watch(30, properties);
        let count = |name: &str| stats.get::<u64>(name).unwrap();
        assert_eq!(
            (count("inferred"), count("objects-too-small")),
            (0, too_small)
        );
        assert_eq!(records.len(), 30);
        for record in &records {
            let objects = record["objects"].as_array().unwrap();
            assert!(objects.iter().all(|object| object.get("classes").is_none()));
        }
    }
}
