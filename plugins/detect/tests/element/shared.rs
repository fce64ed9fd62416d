//! Several elements of one process with the same model.

use crate::common::models::{ModelFile, Tiny};
use crate::common::pipeline::Pipeline;
use crate::common::{self, Rig, brightness};
use gst::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn busy() -> Tiny {
    Tiny {
        work: 20,
        ..Tiny::default()
    }
}

fn streams(rig: &Rig) -> u32 {
    rig.stats().get("streams").unwrap()
}

/// Pushes frames of these brightnesses to the end, and asserts that each has the result that it
/// has alone.
fn run(rig: &mut Rig, values: impl Iterator<Item = u8> + Clone) {
    for value in values.clone() {
        rig.push(value);
    }
    let frames = common::frames(&rig.eos());
    assert_eq!(frames.len(), values.clone().count());
    for ((i, seen), value) in (0..).zip(&frames).zip(values) {
        assert_eq!(seen.index(), i);
        seen.assert_answer(brightness(value), (64, 64));
    }
}

#[test]
fn elements_with_the_same_model_share_it_and_each_frame_gets_its_own_result() {
    let file = busy().file();
    let mut rigs: Vec<_> = (0..5)
        .map(|_| Rig::new(&file, &[("threads", "2")]))
        .collect();
    for rig in &mut rigs {
        rig.push_and_wait(200);
    }
    assert_eq!(rigs.iter().map(streams).collect::<Vec<_>>(), [5; 5]);
    drop(rigs);
    thread::scope(|scope| {
        for i in 0..5u32 {
            let file = &file;
            scope.spawn(move || {
                let mut rig = Rig::new(file, &[("threads", "2")]);
                let values = (0..60).map(|frame| (150 + (frame * 7 + i * 20) % 100) as u8);
                run(&mut rig, values);
                assert_eq!(rig.stat("inferred"), 60);
            });
        }
    });
}

/// Worker threads of this process.
fn workers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks
        .flatten()
        .map(|task| std::fs::read_to_string(task.path().join("comm")));
    names
        .flatten()
        .filter(|name| is_worker(name.trim()))
        .count()
}

/// Waits for so many of them: a thread has its name only once it runs.
fn wait_for_workers(expected: usize) {
    for _ in 0..500 {
        if workers() == expected {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(workers(), expected);
}

/// `vigildetect` and a number; the tasks of pads have other names.
fn is_worker(name: &str) -> bool {
    name.strip_prefix("vigildetect")
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

#[test]
fn the_last_element_ends_the_workers() {
    let file = Tiny::default().file();
    assert_eq!(workers(), 0);
    let mut rigs: Vec<_> = (0..4)
        .map(|_| Rig::new(&file, &[("threads", "3")]))
        .collect();
    for rig in &mut rigs {
        rig.push_and_wait(200);
        wait_for_workers(3);
    }
    while let Some(rig) = rigs.pop() {
        rig.element.set_state(gst::State::Ready).unwrap();
        wait_for_workers(if rigs.is_empty() { 0 } else { 3 });
    }
}

#[test]
fn only_those_share_who_want_the_same() {
    let file = Tiny::default().file();
    let copy = Tiny::default().file();
    let mut first = Rig::new(&file, &[]);
    first.push_and_wait(200);
    // property that differs, whether the network is shared all the same
    let table = [
        (("confidence-threshold", "0.9"), true),
        (("classes", "slider"), true),
        (("max-detections", "1"), true),
        (("interval", "2"), true),
        (("chroma-resampler", "linear"), true),
        (("resize", "area"), true),
        (("threads", "7"), false),
        (("labels", "a;b"), false),
        (("preprocess", "scale=1"), false),
    ];
    for (property, shared) in table {
        let mut rig = Rig::new(&file, &[property]);
        rig.push_and_wait(200);
        assert_eq!(streams(&rig), 1 + u32::from(shared), "{property:?}");
        assert_eq!(streams(&first), 1 + u32::from(shared), "{property:?}");
    }
    let mut other = Rig::new(&copy, &[]);
    other.push_and_wait(200);
    assert_eq!(streams(&other), 1, "the same content elsewhere");
    drop(other);
    assert_eq!(streams(&first), 1);
}

#[test]
fn each_element_has_thresholds_and_classes_of_its_own() {
    let file = busy().file();
    // scores are 0.784 and 0.5
    let table: [(_, &[&str]); 4] = [
        (("confidence-threshold", "0.25"), &["block", "slider"]),
        (("confidence-threshold", "0.6"), &["block"]),
        (("classes", "slider"), &["slider"]),
        (("confidence-threshold", "0.9"), &[]),
    ];
    thread::scope(|scope| {
        for (property, expected) in table {
            let file = &file;
            scope.spawn(move || {
                let mut rig = Rig::new(file, &[property]);
                for _ in 0..30 {
                    rig.push(200);
                }
                let frames = common::frames(&rig.eos());
                assert_eq!(frames.len(), 30);
                assert!(frames.iter().all(|seen| seen.labels() == expected));
            });
        }
    });
}

#[test]
fn streams_of_different_formats_and_sizes_share_a_network() {
    let file = busy().file();
    let formats = [
        ("RGB", 64, 64),
        ("I420", 160, 40),
        ("NV12", 40, 160),
        ("GRAY8", 64, 64),
    ];
    thread::scope(|scope| {
        for (format, width, height) in formats {
            let file = &file;
            scope.spawn(move || {
                let mut alone = Rig::new(&busy().file(), &[("threads", "1")]);
                let mut rig = Rig::new(file, &[("threads", "1")]);
                let caps = common::video(format, width, height);
                for rig in [&mut alone, &mut rig] {
                    rig.caps(&caps);
                    for i in 0..40 {
                        rig.push(160 + i);
                    }
                }
                let frames = common::frames(&rig.eos());
                let expected = common::frames(&alone.eos());
                assert_eq!(frames.len(), 40);
                for (found, expected) in frames.iter().zip(&expected) {
                    let boxes = |seen: &common::Seen| -> Vec<_> {
                        let objects = seen.objects.iter();
                        objects
                            .map(|o| (o.label_str(), o.bbox, o.confidence))
                            .collect()
                    };
                    assert_eq!(boxes(found), boxes(expected), "{format}");
                }
            });
        }
    });
}

#[test]
fn a_stream_whose_downstream_is_blocked_does_not_hold_the_others() {
    let file = busy().file();
    let mut stuck = Rig::new(&file, &[("threads", "2")]);
    let pad = stuck.element.static_pad("src").unwrap();
    let block = pad
        .add_probe(
            gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER,
            |_, _| gst::PadProbeReturn::Ok,
        )
        .unwrap();
    thread::scope(|scope| {
        // Its sender waits, once all is full.
        let sender = scope.spawn(|| {
            for i in 0..50 {
                stuck.push(100 + i);
            }
        });
        let mut rig = Rig::new(&file, &[("threads", "2")]);
        run(&mut rig, (0..100).map(|i| 150 + i));
        assert!(!sender.is_finished());
        pad.remove_probe(block);
        sender.join().unwrap();
    });
    assert_eq!(common::frames(&stuck.eos()).len(), 50);
}

#[test]
fn state_changes_of_one_element_leave_the_others_alone() {
    let file = busy().file();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rig = Rig::new(&file, &[("threads", "2")]);
            let mut round = 0u8;
            while !is_over.load(Ordering::SeqCst) {
                round = round.wrapping_add(1);
                for _ in 0..round % 5 {
                    rig.push(255);
                }
                if round.is_multiple_of(3) {
                    rig.flush_start();
                    rig.flush_stop();
                    rig.segment();
                    rig.push(200);
                } else {
                    let state = [gst::State::Ready, gst::State::Null][usize::from(round % 2)];
                    rig.element.set_state(state).unwrap();
                    rig.element.set_state(gst::State::Playing).unwrap();
                    rig.log.clear();
                    rig.start(&common::rgb(64, 64));
                }
            }
        });
        let others: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut rig = Rig::new(&file, &[("threads", "2")]);
                    run(&mut rig, (0..200).map(|i| 130 + i % 120));
                    assert_eq!(rig.errors(), [""; 0]);
                })
            })
            .collect();
        for other in others {
            other.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_model_that_is_replaced_is_loaded_by_those_who_come_later_only() {
    let file = busy().file();
    let mut before = Rig::new(&file, &[("threads", "2")]);
    before.push_and_wait(200);
    let other = Tiny {
        names: ["car", "bus"],
        ..busy()
    };
    std::fs::copy(other.file().path(), file.path()).unwrap();
    let mut after = Rig::new(&file, &[("threads", "2")]);
    for _ in 0..10 {
        assert_eq!(before.push_and_wait(200).labels(), ["block", "slider"]);
        assert_eq!(after.push_and_wait(200).labels(), ["car", "bus"]);
    }
    assert_eq!([&before, &after].map(streams), [1, 1]);
    // It loads what is there when it starts again.
    before.element.set_state(gst::State::Ready).unwrap();
    before.element.set_state(gst::State::Playing).unwrap();
    before.log.clear();
    before.start(&common::rgb(64, 64));
    assert_eq!(before.push_and_wait(200).labels(), ["car", "bus"]);
    assert_eq!([&before, &after].map(streams), [2, 2]);
    // And a file that is gone is missed by new ones only.
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(after.push_and_wait(200).labels(), ["car", "bus"]);
}

#[test]
fn stats_of_a_stream_that_has_ended_say_how_it_was() {
    let file = Tiny::default().file();
    let mut rigs = [0; 3].map(|_| Rig::new(&file, &[]));
    for rig in &mut rigs {
        rig.push_and_wait(200);
    }
    rigs[0].element.set_state(gst::State::Ready).unwrap();
    assert_eq!(rigs.each_ref().map(streams), [3, 2, 2]);
}

fn source(kind: &str, frames: u32) -> String {
    format!(
        "videotestsrc {kind} num-buffers={frames} pattern=solid-color foreground-color=0xffc0c0c0 ! \
         video/x-raw,format=RGB,width=64,height=64,framerate=50/1"
    )
}

fn detect(file: &ModelFile, name: &str) -> String {
    format!(
        "vigildetect name={name} engine=rten threads=2 model={} ! fakesink",
        file.path().display()
    )
}

#[test]
fn pipelines_with_several_elements_each_run_to_their_ends() {
    let file = busy().file();
    thread::scope(|scope| {
        for _ in 0..3 {
            let file = &file;
            scope.spawn(move || {
                let pipeline = Pipeline::new(&format!(
                    "{} ! {} {} ! {} {} ! tee name=t ! queue ! {} t. ! queue ! {}",
                    source("", 80),
                    detect(file, "detect"),
                    source("", 40),
                    detect(file, "second"),
                    source("", 20),
                    detect(file, "third"),
                    detect(file, "fourth"),
                ));
                assert_eq!(pipeline.run(), Ok(()));
                for (name, frames) in [
                    ("detect", 80),
                    ("second", 40),
                    ("third", 20),
                    ("fourth", 20),
                ] {
                    let element = pipeline.pipeline.by_name(name).unwrap();
                    let stats: gst::Structure = element.property("stats");
                    let counts = ["frames", "inferred"].map(|name| stats.get::<u64>(name).unwrap());
                    assert_eq!(counts, [frames; 2], "{name}");
                }
                let seen = pipeline.log.frames(80);
                assert!(seen.iter().all(|seen| seen.objects.len() == 2));
            });
        }
    });
}

#[test]
fn a_camera_gets_its_turn_while_a_file_takes_all_there_is() {
    let file = busy().file();
    let pipeline = Pipeline::new(&format!(
        "{} ! {} {} ! {}",
        source("is-live=true", 60),
        detect(&file, "detect"),
        source("", 2000),
        detect(&file, "file"),
    ));
    assert_eq!(pipeline.run(), Ok(()));
    let inferred = pipeline.stat("inferred");
    assert_eq!(pipeline.stat("frames"), 60);
    assert!(inferred > 30, "{inferred}");
    let other = pipeline.pipeline.by_name("file").unwrap();
    let stats: gst::Structure = other.property("stats");
    assert_eq!(stats.get::<u64>("inferred"), Ok(2000));
}
