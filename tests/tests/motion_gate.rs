//! `vigildetect motion-gate=true` in whole pipelines: on scenes in which little moves, the same
//! happens as when each frame is inferred, and as the scene itself says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::{summary, write_rules};
use gst::prelude::*;
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use vigil_tests::pipeline::Pipeline;
use vigil_tests::records;
use vigil_tests::watchdog::within;

const SIZE: (u32, u32) = (640, 360);
const FPS: u64 = 10;
const SECONDS: u64 = 120;

const RULES: &str = r#"
[[object]]
name = "all"

[[zone]]
name = "middle"
polygon = [[0.35, 0], [0.65, 0], [0.65, 1], [0.35, 1]]

[[line]]
name = "left"
from = [0.2, 0]
to = [0.2, 1]

[[line]]
name = "right"
from = [0.8, 0]
to = [0.8, 1]
"#;

/// Numbers that look like chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        // Knuth's constants for a linear congruential generator of 64 bits.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }
}

/// A script in which somebody comes now and then, near or far, walks, stands for a while, walks on
/// and leaves; and a car parks. In between nothing moves.
fn script(seed: u64) -> String {
    let mut chance = Chance(seed);
    let mut text = String::from("background = \"street\"\n");
    let mut begin = 8.0;
    for class in ["person", "dog", "person"] {
        // Feet: far, at 0.5, somebody is some 20 pixels high.
        let y = chance.between(0.5, 0.95);
        let (stand, pause) = (chance.between(0.3, 0.7), chance.between(6.0, 12.0));
        let walk = chance.between(2.0, 4.0);
        let (from, to) = if chance.between(0.0, 1.0) < 0.5 {
            (-0.3, 1.3)
        } else {
            (1.3, -0.3)
        };
        let times = [0.0, walk, walk + pause, 2.0 * walk + pause].map(|time| begin + time);
        writeln!(
            text,
            "[[object]]\nclass = \"{class}\"\npath = [[{}, {from}, {y}], [{}, {stand}, {y}], [{}, {stand}, {y}], \
             [{}, {to}, {y}]]",
            times[0], times[1], times[2], times[3]
        )
        .unwrap();
        begin = times[3] + chance.between(8.0, 12.0);
    }
    let park = chance.between(0.4, 0.6);
    writeln!(
        text,
        "[[object]]\nclass = \"car\"\npath = [[{begin}, -0.5, 0.7], [{}, {park}, 0.7], [{}, {park}, 0.7]]",
        begin + 3.0,
        SECONDS + 1
    )
    .unwrap();
    text
}

/// How the light changes: the factor at a time.
type Light = fn(f64) -> f64;

/// What is on the buffers of a pad gets this much brighter or darker, as luma.
fn light_up(pad: &gst::Pad, light: Light) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            let factor = light(buffer.pts().unwrap().nseconds() as f64 / 1e9);
            let mut map = buffer.make_mut().map_writable().unwrap();
            let luma = (SIZE.0 * SIZE.1) as usize;
            for level in &mut map[..luma] {
                let bright = 16.0 + (f64::from(*level) - 16.0) * factor;
                *level = bright.round().clamp(0.0, 255.0) as u8;
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn source(script: &Path, seed: u64, properties: &str) -> String {
    format!(
        "vigiltestsrc name=source scene=script script={} seed={seed} num-buffers={} {properties} ! \
         video/x-raw,format=I420,width={},height={},framerate={FPS}/1",
        script.display(),
        FPS * SECONDS,
        SIZE.0,
        SIZE.1
    )
}

/// What happened, in the words of [`summary`], and when, in seconds.
fn story(events: &[Value]) -> Vec<(String, f64)> {
    records::check_story(events).unwrap();
    let when = |event: &Value| event["pts"].as_u64().unwrap() as f64 / 1e9;
    // Who left the picture is gone by its own edge or because the tracker gave it up.
    let words = |event: &Value| summary(event).replace(" lost", " absent");
    let mut story: Vec<_> = events.iter().map(|e| (words(e), when(e))).collect();
    story.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    story
}

/// Asserts that the same happened, about at the same time.
#[track_caller]
fn assert_same(what: &str, found: &[(String, f64)], expected: &[(String, f64)], seconds: f64) {
    let words = |story: &[(String, f64)]| -> Vec<_> {
        story.iter().map(|(words, _)| words.clone()).collect()
    };
    assert_eq!(
        words(found),
        words(expected),
        "{what}\n{found:#?}\n{expected:#?}"
    );
    for (found, expected) in found.iter().zip(expected) {
        let apart = (found.1 - expected.1).abs();
        assert!(apart <= seconds, "{what}: {found:?} for {expected:?}");
    }
}

/// Which of the true events are told of, and which events are told of that are none.
fn judge(told: &[(String, f64)], truth: &[(String, f64)]) -> [Vec<(String, f64)>; 2] {
    let mut left = told.to_vec();
    let mut is_told = |event: &&(String, f64)| {
        let place = left
            .iter()
            .position(|told| told.0 == event.0 && (told.1 - event.1).abs() < 1.5);
        place.map(|place| left.remove(place)).is_some()
    };
    let found = truth
        .iter()
        .filter(|event| is_told(event))
        .cloned()
        .collect();
    [found, left]
}

/// What is to be compared.
struct Case<'a> {
    seed: u64,
    source: &'a str,
    light: Light,
}

/// What happens in a scene, as it says itself; its objects go to a file.
fn truth(case: &Case, script: &Path, rules: &Path, objects: &Path) -> Vec<(String, f64)> {
    let properties = format!("ground-truth=true {}", case.source);
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigilevents name=e stream-id=a rules-file={} ! fakesink sync=false \
         e.events ! appsink name=events sync=false \
         e.objects ! filesink location={}",
        source(script, case.seed, &properties),
        rules.display(),
        objects.display()
    ))
    .unwrap();
    let record = |sample: &gst::Sample| records::of_buffer(sample.buffer().unwrap()).unwrap();
    let events = pipeline.collect("events", record);
    pipeline.play(200).unwrap();
    let events = events.items();
    story(&events)
}

/// What detectors of this kind let happen, the gated one first; and how many frames that one
/// inferred.
fn watched(
    case: &Case,
    script: &Path,
    rules: &Path,
    detector: &str,
) -> ([Vec<(String, f64)>; 2], u64) {
    // Of somebody who comes in at the edge there is a piece at first: two looks at one are too few to
    // tell, and this is about the gate.
    let branch = |name: &str, gate: bool| {
        format!(
            "tee. ! queue ! vigildetect name={name} {detector} motion-gate={gate} \
             confidence-threshold=0.1 ! vigiltrack min-hits=3 ! \
             vigilevents name=e-{name} rules-file={} ! fakesink sync=false \
             e-{name}.events ! appsink name=events-{name} sync=false ",
            rules.display()
        )
    };
    let pipeline = Pipeline::parse(&format!(
        "{} ! tee name=tee {} {}",
        source(script, case.seed, case.source),
        branch("gated", true),
        branch("all", false)
    ))
    .unwrap();
    let source: gst::Element = pipeline.element("source");
    light_up(&source.static_pad("src").unwrap(), case.light);
    let record = |sample: &gst::Sample| records::of_buffer(sample.buffer().unwrap()).unwrap();
    let events = ["events-gated", "events-all"].map(|name| pipeline.collect(name, record));
    pipeline.play(200).unwrap();
    let gated: gst::Element = pipeline.element("gated");
    let stats: gst::Structure = gated.property("stats");
    let count = |name: &str| stats.get::<u64>(name).unwrap();
    assert_eq!(count("frames"), FPS * SECONDS);
    assert_eq!(count("inferred") + count("skipped-still"), FPS * SECONDS);
    println!(
        "seed {} {}: {} of {} frames inferred",
        case.seed,
        case.source,
        count("inferred"),
        count("frames")
    );
    let stories = events.map(|events| story(&events.items()));
    (stories, count("inferred"))
}

fn prepare(folder: &Path, seed: u64) -> (PathBuf, PathBuf) {
    let file = folder.join(format!("{seed}.toml"));
    std::fs::write(&file, script(seed)).unwrap();
    (file, write_rules(folder, RULES))
}

const STEADY: Light = |_| 1.0;
/// A cloud passes in ten seconds, and passes off.
const CLOUD: Light = |time| {
    1.0 - 0.3 * ((time - 20.0) / 10.0).clamp(0.0, 1.0)
        + 0.3 * ((time - 45.0) / 10.0).clamp(0.0, 1.0)
};
/// The camera adapts, within a frame.
const STEPS: Light = |time| {
    if ((time / 13.0) as u64).is_multiple_of(2) {
        1.0
    } else {
        0.8
    }
};

#[test]
fn with_a_perfect_detector_the_same_happens_as_without_the_gate() {
    let _watchdog = within(400);
    let folder = common::folder();
    for (seed, source, light) in [
        (1, "noise=0", STEADY),
        (2, "noise=0.1", STEADY),
        (3, "noise=0.3", STEADY),
        (4, "noise=0.1", CLOUD),
        (5, "noise=0.2", STEPS),
        (6, "noise=0.1 light=0.3", STEADY),
    ] {
        let case = Case {
            seed,
            source,
            light,
        };
        let (script, rules) = prepare(folder.path(), seed);
        let recording = folder.path().join("objects.jsonl");
        let truth = truth(&case, &script, &rules, &recording);
        // Four come, and go or stay; the walkers cross both lines, and all go through the middle.
        assert!(truth.len() >= 20, "{truth:#?}");
        let replay = format!("engine=replay model={}", recording.display());
        let ([gated, all], inferred) = watched(&case, &script, &rules, &replay);
        let name = format!("seed {seed}, {source}");
        // Where somebody comes in at the edge, a tracker may take a piece of him for another.
        let places = |story: &[(String, f64)]| -> Vec<_> {
            let is_place = |what: &&(String, f64)| !what.0.starts_with("object");
            story.iter().filter(is_place).cloned().collect()
        };
        assert_same(&name, &places(&gated), &places(&truth), 0.5);
        assert_same(&name, &gated, &all, 0.5);
        assert!(inferred < FPS * SECONDS * 3 / 5, "{name}: {inferred}");
    }
}

#[test]
fn with_the_built_in_detector_no_event_is_missed_and_none_is_false_that_was_not() {
    let _watchdog = within(400);
    let folder = common::folder();
    for (seed, source, light) in [(11, "noise=0.1", STEADY), (13, "noise=0.1", CLOUD)] {
        let case = Case {
            seed,
            source,
            light,
        };
        let (script, rules) = prepare(folder.path(), seed);
        let recording = folder.path().join("objects.jsonl");
        let truth = truth(&case, &script, &rules, &recording);
        let ([gated, all], inferred) = watched(&case, &script, &rules, "engine=rten");
        // A detector is not perfect: what is asked for is what it does without the gate.
        let ([gated_found, gated_false], [all_found, all_false]) =
            (judge(&gated, &truth), judge(&all, &truth));
        println!(
            "seed {seed}: {} of {} events, {} false; without the gate {}, {} false",
            gated_found.len(),
            truth.len(),
            gated_false.len(),
            all_found.len(),
            all_false.len()
        );
        assert!(
            all_found.len() * 10 >= truth.len() * 9,
            "{all:#?}\n{truth:#?}"
        );
        for event in all_found {
            assert!(
                gated_found.contains(&event),
                "seed {seed}: {event:?} is missed\n{gated:#?}"
            );
        }
        assert!(
            gated_false.len() <= all_false.len(),
            "seed {seed}: {gated_false:#?}"
        );
        assert!(inferred < FPS * SECONDS * 3 / 5, "seed {seed}: {inferred}");
    }
}

#[test]
fn on_a_still_scene_hardly_a_frame_is_inferred() {
    let _watchdog = within(200);
    let folder = common::folder();
    let file = folder.path().join("empty.toml");
    std::fs::write(&file, "background = \"street\"\n").unwrap();
    let rules = write_rules(folder.path(), RULES);
    for (seed, source, light) in [
        (1, "noise=0", STEADY),
        (2, "noise=0.1", STEADY),
        (3, "noise=0.5", CLOUD),
        (4, "noise=1", STEADY),
    ] {
        let case = Case {
            seed,
            source,
            light,
        };
        let recording = folder.path().join("empty.jsonl");
        let looked = |n| format!("{{\"frame\":{n},\"objects\":[]}}\n");
        let records: String = (0..FPS * SECONDS).map(looked).collect();
        std::fs::write(&recording, records).unwrap();
        let replay = format!("engine=replay model={}", recording.display());
        let ([gated, _], looks) = watched(&case, &file, &rules, &replay);
        assert!(gated.is_empty());
        // Three seconds at first, then one look in two seconds.
        let most = 3 * FPS + SECONDS / 2 + 5;
        assert!(looks <= most, "{source}: {looks} of {most}");
    }
}
