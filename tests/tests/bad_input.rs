//! Input that is broken, in whole pipelines: an error that says what and where, or a stream that
//! goes on; never a panic, never a hang.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::*;
use gst::prelude::*;
use std::path::{Path, PathBuf};
use vigil_tests::pipeline::{Failed, Pipeline};
use vigil_tests::watchdog::within;
use vigil_tests::{assets, ball, records};

/// Numbers that look random and are the same in every run (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

type Damage = fn(&mut Vec<u8>, &mut Random);

/// Ways to break a file.
const DAMAGES: [(&str, Damage); 4] = [
    ("bits flipped all over", |bytes, random| {
        for _ in 0..bytes.len() / 500 {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
    }),
    ("bits flipped behind the header", |bytes, random| {
        let header = bytes.len() / 10;
        for _ in 0..bytes.len() / 100 {
            let at = header + random.below(bytes.len() - header);
            bytes[at] ^= 1 << random.below(8);
        }
    }),
    ("a hole in the middle", |bytes, _| {
        let middle = bytes.len() / 2..bytes.len() / 2 + bytes.len() / 10;
        bytes[middle].fill(0);
    }),
    ("cut short", |bytes, _| bytes.truncate(bytes.len() * 2 / 3)),
];

/// Frames that are looked at in what is left of a file.
const FRAMES: u64 = 24;

/// The whole job on a broken file: it ends, by EOS or by an error of an element that reads it, and
/// what it told until then holds together.
fn check_broken(video: &Path, decoder: &str, model: &Path, rules: &str) {
    let folder = folder();
    let what = video.file_name().unwrap().display();
    let rules = write_rules(folder.path(), rules);
    let path = folder.path().join("broken");
    let whole = std::fs::read(video).unwrap();
    let mut seen = 0;
    for (seed, (damage, break_it)) in DAMAGES.iter().enumerate() {
        let mut bytes = whole.clone();
        break_it(&mut bytes, &mut Random(seed as u64 + 1));
        std::fs::write(&path, bytes).unwrap();
        // The ball's scores, of how much of a cell it fills, are lower than those of a real model.
        let pipeline = Pipeline::parse(&format!(
            "filesrc location={} ! {decoder} ! vigildetect name=detect model={} ! \
             vigiltrack name=track high-threshold=0.4 new-track-threshold=0.5 ! \
             vigilevents name=e rules-file={} ! fakesink \
             e.events ! appsink name=events sync=false",
            path.display(),
            model.display(),
            rules.display(),
        ))
        .unwrap();
        pipeline.end_after("detect", FRAMES);
        let events = pipeline.collect("events", |sample| {
            records::of_buffer(sample.buffer().unwrap()).unwrap()
        });
        match pipeline.play(60) {
            Ok(messages) => {
                let told = records::of_messages(&messages);
                records::check_story(&told).unwrap();
                assert_eq!(records::difference(&told, &events.items()), None);
                seen += told.len();
                eprintln!("{what}, {damage}: ends after {} events", told.len());
            }
            Err(Failed { element, error, .. }) => {
                eprintln!("{what}, {damage}: {element} says {error}");
                assert!(
                    !["detect", "track", "e"].contains(&element.as_str()),
                    "{error}"
                );
                assert_ne!(error, "no end in time", "{what}, {damage}");
            }
        }
    }
    assert!(seen > 0, "{what}: nothing was seen in what is left");
}

#[test]
fn a_broken_recording_of_a_known_scene_ends() {
    let _watchdog = within(110);
    let folder = folder();
    let there = |name: &str| gst::ElementFactory::find(name).is_some();
    if !there("avimux") || !there("jpegenc") {
        eprintln!("skipped: there is no avimux or no jpegenc");
        return;
    }
    let path = folder.path().join("scene.avi");
    Pipeline::parse(&format!(
        "{} ! jpegenc ! avimux ! filesink location={}",
        ball::scene(60),
        path.display()
    ))
    .unwrap()
    .play(60)
    .unwrap();
    let model = ball::write_model(folder.path()).unwrap();
    check_broken(&path, "avidemux ! jpegdec", &model, BALL_RULES);
}

#[test]
fn broken_real_recordings_end() {
    let _watchdog = within(110);
    let videos = [
        ("vtest_480x360_h264.mp4", "qtdemux ! h264parse ! avdec_h264"),
        (
            "vtest_480x360_h264_aac.avi",
            "avidemux ! h264parse ! avdec_h264",
        ),
    ];
    for (name, decoder) in videos {
        let (Some(video), Some(model)) = (
            assets::find(&format!("videos/{name}")),
            assets::find("models/yolov8n_320_int8.onnx"),
        ) else {
            return;
        };
        check_broken(&video, decoder, &model, PERSON_RULES);
    }
}

/// The first error of a pipeline that must not start.
fn refusal(model: &Path, rules: &Path) -> Failed {
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect name=detect model={} ! vigiltrack ! \
         vigilevents name=e rules-file={} ! fakesink e.events ! fakesink",
        ball::scene(5),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    match pipeline.play(60) {
        Ok(_) => panic!("{} and {} were taken", model.display(), rules.display()),
        Err(failed) => failed,
    }
}

#[test]
fn a_truncated_model_is_refused_by_name() {
    let _watchdog = within(110);
    let folder = folder();
    let rules = write_rules(folder.path(), BALL_RULES);
    let mut models: Vec<PathBuf> = vec![ball::write_model(folder.path()).unwrap()];
    models.extend(assets::find("models/yolox_nano.onnx"));
    for model in models {
        let whole = std::fs::read(&model).unwrap();
        let path = folder.path().join("short.onnx");
        for (length, says) in [
            (0, "is empty"),
            (1, "short.onnx"),
            (whole.len() / 2, "truncated"),
            (whole.len() - 100, "truncated"),
        ] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let failed = refusal(&path, &rules);
            assert_eq!(failed.element, "detect", "{failed}");
            assert!(failed.error.contains(says), "{length} bytes: {failed}");
            assert!(failed.error.contains("short.onnx"), "{failed}");
        }
    }
}

#[test]
fn a_model_with_flipped_bits_is_refused_or_works() {
    let _watchdog = within(110);
    let folder = folder();
    let rules = write_rules(folder.path(), BALL_RULES);
    let whole = ball::model();
    let path = folder.path().join("flipped.onnx");
    let mut random = Random(7);
    let mut refused = 0;
    for _ in 0..40 {
        let mut bytes = whole.clone();
        // The graph's structure is at the beginning, weights are behind.
        let at = random.below(1000);
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&path, bytes).unwrap();
        let pipeline = Pipeline::parse(&format!(
            "{} ! vigildetect name=detect model={} ! vigiltrack ! \
             vigilevents rules-file={} ! fakesink",
            ball::scene(3),
            path.display(),
            rules.display(),
        ))
        .unwrap();
        if let Err(failed) = pipeline.play(60) {
            assert_eq!(failed.element, "detect", "{failed}");
            assert!(!failed.error.contains("panic"), "byte {at}: {failed}");
            refused += 1;
        }
    }
    assert!(refused > 0);
}

#[test]
fn rules_with_an_error_are_refused_with_its_line() {
    let _watchdog = within(110);
    let folder = folder();
    let model = ball::write_model(folder.path()).unwrap();
    let zone = "[[zone]]\nname = \"door\"\n";
    let table = [
        (
            format!("{zone}polygon = [[0.1, 0.1], [0.9, 0.9]]"),
            3,
            "3 points",
        ),
        (
            format!("{zone}\npolygon = [[0, 0], [1, 1], [1, 0], [0, 1]]"),
            4,
            "cross",
        ),
        (
            format!("{zone}polygon = [[0, 0], [1, 0],\n  [1, 1.5]]"),
            4,
            "1.5",
        ),
        (format!("{zone}polygons = [[0, 0]]"), 3, "polygon"),
        ("\n\n[[zones]]\nname = \"door\"".into(), 3, "zone"),
        ("[[object]]\nname = ".into(), 2, ""),
        (
            "[[object]]\nname = \"a\"\n[[object]]\nname = \"a\"".into(),
            4,
            "\"a\"",
        ),
        (
            "[[line]]\nname = \"gate\"\nfrom = [0.5, 0.5]\nto = [0.5, 0.5]".into(),
            4,
            "gate",
        ),
    ];
    for (text, line, says) in table {
        let rules = write_rules(folder.path(), &text);
        let failed = refusal(&model, &rules);
        assert_eq!(failed.element, "e", "{failed}");
        assert!(failed.error.contains("rules.toml"), "{failed}");
        assert!(
            failed.error.contains(&format!("line {line}")),
            "{text}\n{failed}"
        );
        assert!(failed.error.contains(says), "{text}\n{failed}");
    }
}

#[test]
fn an_unlinked_events_pad_does_not_stop_the_video() {
    let _watchdog = within(110);
    let folder = folder();
    let (pipeline, events) = ball_pipeline(folder.path());
    let pad = events.request_pad_simple("events").unwrap();
    let objects = events.request_pad_simple("objects").unwrap();
    let frames = pipeline.collect("video", |_| ());
    let messages = pipeline.play(60).unwrap();
    assert_eq!(frames.count(), 300);
    records::check_story(&records::of_messages(&messages)).unwrap();
    assert!(!pad.is_linked() && !objects.is_linked());
    let stats: gst::Structure = events.property("stats");
    let stats: gst::Structure = stats.get("objects").unwrap();
    assert_eq!(stats.get("delivered"), Ok(0u64));
}

#[test]
fn metadata_pads_may_come_and_go_in_mid_stream() {
    let _watchdog = within(110);
    let folder = folder();
    let (pipeline, events) = ball_pipeline(folder.path());
    let frames = pipeline.collect("video", |_| ());
    let mut rounds = 0;
    let mut linked: Option<(gst::Pad, gst::Element)> = None;
    let bin = pipeline.0.clone();
    let source = events.static_pad("sink").unwrap();
    source.add_probe(gst::PadProbeType::BUFFER, |_, _| {
        // Slow enough that pads change while it plays.
        std::thread::sleep(std::time::Duration::from_millis(5));
        gst::PadProbeReturn::Ok
    });
    let counter = &frames;
    let mut change_at = 20;
    let messages = pipeline
        .play_until(60, |message| {
            if counter.count() >= change_at {
                change_at += 20;
                match linked.take() {
                    Some((pad, sink)) => {
                        events.release_request_pad(&pad);
                        sink.set_state(gst::State::Null).unwrap();
                        bin.remove(&sink).unwrap();
                        rounds += 1;
                    }
                    None => linked = Some(link_sink(&bin, &events)),
                }
            }
            message.is_some_and(|message| message.type_() == gst::MessageType::Eos)
        })
        .unwrap();
    assert_eq!(frames.count(), 300);
    assert!(rounds >= 3, "{rounds} pads came and went");
    records::check_story(&records::of_messages(&messages)).unwrap();
}

fn link_sink(bin: &gst::Pipeline, events: &gst::Element) -> (gst::Pad, gst::Element) {
    let sink = gst::ElementFactory::make("fakesink")
        .property("async", false)
        .property("sync", false)
        .build()
        .unwrap();
    bin.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    let pad = events.request_pad_simple("events").unwrap();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    (pad, sink)
}

/// 300 frames of the scene; its `vigilevents` has no metadata pads.
fn ball_pipeline(folder: &Path) -> (Pipeline, gst::Element) {
    let model = ball::write_model(folder).unwrap();
    let rules = write_rules(folder, BALL_RULES);
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect model={} ! vigiltrack ! vigilevents name=e queue-size=16 \
         rules-file={} ! appsink name=video sync=false",
        ball::scene(300),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    let events = pipeline.element("e");
    (pipeline, events)
}
