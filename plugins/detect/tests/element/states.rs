//! State changes, and input that is damaged.

use crate::common::models::{ModelFile, Tiny};
use crate::common::pipeline::Pipeline;
use crate::common::{self, Rig, brightness};
use gst::prelude::*;
use std::time::Duration;

/// Numbers that look random, the same in each run.
fn random(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}

#[test]
fn a_hundred_rapid_state_changes_neither_hang_nor_lose_an_error() {
    let file = Tiny {
        work: 20,
        ..Tiny::default()
    }
    .file();
    let missing = ModelFile::missing();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc is-live=true ! \
         video/x-raw,format=I420,width=64,height=64,framerate=500/1 ! \
         {} threads=2 ! fakesink",
        common::detect(&file)
    ));
    let bus = pipeline.pipeline.bus().unwrap();
    let mut seed = 1;
    for i in 0..100 {
        let is_good = i % 10 != 7;
        let model = if is_good { &file } else { &missing };
        pipeline
            .detect
            .set_property("model", model.path().to_str().unwrap());
        let started = pipeline.pipeline.set_state(gst::State::Playing);
        assert_eq!(started.is_ok(), is_good, "change {i}");
        std::thread::sleep(Duration::from_micros(u64::from(random(&mut seed) % 12_000)));
        if is_good && random(&mut seed).is_multiple_of(3) {
            let _ = pipeline.pipeline.set_state(gst::State::Paused);
        }
        // Else NULL flushes the bus.
        let to = if is_good && random(&mut seed).is_multiple_of(2) {
            gst::State::Null
        } else {
            gst::State::Ready
        };
        pipeline.pipeline.set_state(to).unwrap();
        let errors = common::texts(&bus, gst::MessageType::Error);
        assert_eq!(errors.len(), usize::from(!is_good), "{i}: {errors:?}");
    }
}

#[test]
fn a_second_run_starts_afresh() {
    let file = Tiny::default().file();
    let mut rig = Rig::new(&file, &[("interval", "1")]);
    for _ in 0..3 {
        rig.push(200);
    }
    rig.eos();
    assert_eq!(rig.stat("frames"), 3);
    rig.element.set_state(gst::State::Ready).unwrap();
    assert_eq!(rig.stat("frames"), 3, "stats can be read after the end");
    rig.element.set_state(gst::State::Playing).unwrap();
    rig.start(&common::rgb(32, 32));
    rig.push_and_wait(200)
        .assert_answer(brightness(200), (32, 32));
    assert_eq!(["frames", "inferred"].map(|name| rig.stat(name)), [1; 2]);
}

#[test]
fn properties_set_between_two_runs_are_judged_by_the_next_model() {
    let block = Tiny::default().file();
    let car = Tiny {
        names: ["car", "bus"],
        ..Tiny::default()
    }
    .file();
    let mut rig = Rig::new(&block, &[]);
    rig.push_and_wait(200);
    rig.element.set_state(gst::State::Ready).unwrap();
    rig.element.set_property("classes", "bus");
    rig.element
        .set_property("model", car.path().to_str().unwrap());
    assert_eq!(rig.warnings(), [""; 0]);
    rig.element.set_state(gst::State::Playing).unwrap();
    rig.start(&common::rgb(64, 64));
    assert_eq!(rig.push_and_wait(200).labels(), ["bus"]);
}

#[test]
fn two_elements_with_different_models_work_side_by_side() {
    let files = [["cat", "dog"], ["car", "bus"]].map(|names| {
        let tiny = Tiny {
            names,
            work: 20,
            ..Tiny::default()
        };
        (names, tiny.file())
    });
    std::thread::scope(|scope| {
        for (names, file) in &files {
            scope.spawn(move || {
                let mut rig = Rig::new(file, &[("threads", "2")]);
                for _ in 0..50 {
                    rig.push(200);
                }
                let frames = common::frames(&rig.eos());
                assert_eq!(frames.len(), 50);
                assert!(frames.iter().all(|seen| seen.labels() == names));
            });
        }
    });
}

/// A short H.264 stream, or `None`, with a printed line, where there is no encoder.
fn h264(path: &std::path::Path) -> Option<Vec<u8>> {
    common::init();
    let encoder = ["x264enc key-int-max=15", "openh264enc gop-size=15"]
        .into_iter()
        .find(|encoder| {
            let name = encoder.split(' ').next().unwrap();
            gst::ElementFactory::find(name).is_some()
        });
    let decoder = gst::ElementFactory::find("avdec_h264");
    let (Some(encoder), Some(_)) = (encoder, decoder) else {
        println!("skipped: there is no H.264 encoder or decoder");
        return None;
    };
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc num-buffers=60 pattern=ball ! \
         video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! {encoder} ! \
         video/x-h264,stream-format=byte-stream ! filesink location={}",
        path.display()
    ))
    .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = pipeline.bus().unwrap();
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds);
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(message.unwrap().type_(), gst::MessageType::Eos);
    Some(std::fs::read(path).unwrap())
}

#[test]
fn damaged_video_comes_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.h264");
    let Some(whole) = h264(&path) else { return };
    let file = Tiny::default().file();
    // One byte in so many is another one.
    for one_in in [1000, 100, 10] {
        let mut seed = one_in;
        let mut bytes = whole.clone();
        for byte in &mut bytes[200..] {
            if random(&mut seed).is_multiple_of(one_in) {
                *byte = random(&mut seed) as u8;
            }
        }
        bytes.truncate(whole.len() - 100);
        std::fs::write(&path, &bytes).unwrap();
        let pipeline = Pipeline::new(&format!(
            "filesrc location={} ! h264parse ! avdec_h264 ! {} ! fakesink",
            path.display(),
            common::detect(&file)
        ));
        // Either is an end: wait() fails without one.
        let end = pipeline.run();
        let frames = pipeline.stat("frames");
        println!("one byte in {one_in}: {end:?} after {frames} frames");
        assert_eq!(frames, pipeline.stat("inferred") + pipeline.stat("failed"));
    }
}
