//! The real job from end to end: video in, detected, tracked, turned into events.
//!
//! With the built-in scene (`vigil_tests::ball`), where it is known to the pixel what happens, and
//! with real models and videos (optional local test assets).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::*;
use gst::prelude::*;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use vigil_tests::assets;
use vigil_tests::ball;
use vigil_tests::pipeline::Pipeline;
use vigil_tests::records;
use vigil_tests::watchdog::within;

// ---------------------------------------------------------------- the scene that is known

#[test]
fn a_known_scene_gives_the_events_that_it_must() {
    let _watchdog = within(120);
    let frames = 2 * ball::PERIOD;
    let seen = watch_ball(frames, "");
    assert_eq!(seen.frames.len() as u64, frames);
    assert_eq!(seen.objects.len() as u64, frames);
    // The ball goes to the right over the gate and back to the left, once in each period.
    let told: Vec<_> = seen.events.iter().map(summary).collect();
    let visit = [
        "zone.entered start right",
        "line.crossed instant gate backward",
        "line.crossed instant gate forward",
        "zone.exited end right outside",
    ];
    let expected: Vec<_> = ["object.appeared start balls"]
        .into_iter()
        .chain(visit)
        .chain(visit)
        .chain(["object.left end balls eos"])
        .collect();
    assert_eq!(told, expected);
    // Where it was when it happened: the model's cells are 8 pixels wide, the gate's margin is
    // 0.005 of the height, and the speed 4.4 pixels a frame at most.
    for event in records::of_kind(&seen.events, "line.crossed") {
        let (x, _) = ball::centre(event["frame"]["number"].as_u64().unwrap());
        let gate = 0.7 * f64::from(ball::SIZE.0);
        assert!((x - gate).abs() < 8.0 + 4.4 + 2.0, "{event} at {x}");
    }
    for event in records::of_kind(&seen.events, "zone.exited") {
        let dwell = event["data"]["duration"].as_f64().unwrap();
        let (low, high) = ball_visit_seconds();
        assert!((low..high).contains(&dwell), "{event}: {low}..{high}");
    }
    assert_eq!(seen.stat("vigildetect", "inferred"), frames);
    assert_eq!(seen.stat("vigiltrack", "tracks-total"), 1);
    assert_eq!(seen.stat("vigilevents", "frames"), frames);
}

/// How long the ball is in the zone of [`BALL_RULES`] in each period, with a cell's width of
/// doubt at either end.
fn ball_visit_seconds() -> (f64, f64) {
    let seconds = |edge: f64| {
        let inside = (0..ball::PERIOD).filter(|&n| ball::centre(n).0 > edge);
        inside.count() as f64 / ball::FPS as f64
    };
    let edge = 0.55 * f64::from(ball::SIZE.0);
    (seconds(edge + 12.0), seconds(edge - 12.0))
}

#[test]
fn boxes_follow_the_ball_and_its_track_stays_one() {
    let _watchdog = within(120);
    // Whatever engine the machine has, and the one that is always there.
    for engine in ["auto", "rten"] {
        let seen = watch_ball(150, &format!("engine={engine}"));
        for (number, record) in seen.objects.iter().enumerate() {
            let [object] = record["objects"].as_array().unwrap().as_slice() else {
                panic!("one ball: {record}");
            };
            let side = |field: &str| object["box"][field].as_f64().unwrap();
            let (x, y) = ball::centre(number as u64);
            let left = (x - ball::HALF_BOX).max(0.0);
            let top = (y - ball::HALF_BOX).max(0.0);
            assert!((side("x") - left).abs() < 12.0, "{record}: {left}");
            assert!((side("y") - top).abs() < 12.0, "{record}: {top}");
            if number > 1 {
                assert_eq!(object["track"], seen.objects[2]["objects"][0]["track"]);
            }
        }
    }
}

#[test]
fn skipped_frames_change_nothing_about_what_happens() {
    let _watchdog = within(120);
    let all = watch_ball(ball::PERIOD, "");
    let third = watch_ball(ball::PERIOD, "interval=2");
    let told = |seen: &Seen| seen.events.iter().map(summary).collect::<Vec<_>>();
    assert_eq!(told(&all), told(&third));
    for (number, record) in third.objects.iter().enumerate() {
        assert_eq!(record["inferred"], number % 3 == 0, "{record}");
    }
    assert_eq!(
        third.stat("vigildetect", "inferred"),
        ball::PERIOD.div_ceil(3)
    );
    for (every, some) in all.events.iter().zip(&third.events) {
        let number = |event: &Value| event["frame"]["number"].as_i64().unwrap();
        assert!((number(every) - number(some)).abs() <= 9, "{every}\n{some}");
    }
}

#[test]
fn a_slow_consumer_loses_nothing() {
    let _watchdog = within(120);
    let folder = folder();
    let rules = write_rules(folder.path(), BALL_RULES);
    let model = ball::write_model(folder.path()).unwrap();
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect model={} ! vigiltrack ! vigilevents name=e rules-file={} ! \
         fakesink name=video  e.events ! appsink name=events max-buffers=1 sync=false \
         e.objects ! appsink name=objects max-buffers=1 sync=false",
        ball::scene(300),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    let slow = |pause| {
        move |sample: &gst::Sample| {
            std::thread::sleep(Duration::from_millis(pause));
            records::of_buffer(sample.buffer().unwrap()).unwrap()
        }
    };
    let events = pipeline.collect("events", slow(200));
    let objects = pipeline.collect("objects", slow(10));
    let messages = pipeline.play(90).unwrap();
    let told = records::of_messages(&messages);
    assert_eq!(records::difference(&told, &events.items()), None);
    records::check_story(&events.items()).unwrap();
    assert!(told.len() >= 6);
    let numbers: Vec<_> = objects
        .items()
        .iter()
        .map(|record| record["frame"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
}

#[test]
fn video_ends_although_a_consumer_hangs() {
    let _watchdog = within(120);
    let folder = folder();
    let rules = write_rules(folder.path(), BALL_RULES);
    let model = ball::write_model(folder.path()).unwrap();
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect model={} ! vigiltrack ! vigilevents name=e rules-file={} queue-size=8 ! \
         fakesink name=video  e.events ! fakesink name=events async=false \
         e.objects ! fakesink name=objects async=false",
        ball::scene(300),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    // Consumers that take the first record and do not return until the test lets them.
    let (let_go, locked) = mpsc::channel::<()>();
    let locked = Arc::new(std::sync::Mutex::new(locked));
    for name in ["events", "objects"] {
        let locked = locked.clone();
        let pad = sink_pad(&pipeline, name);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let _ = locked.lock().unwrap().recv();
            gst::PadProbeReturn::Ok
        });
    }
    let frames = count_buffers(&pipeline, "video");
    let ended = flag_eos(&pipeline, "video");
    let messages = pipeline
        .play_until(60, |_| ended.load(Ordering::SeqCst))
        .unwrap();
    assert_eq!(frames.load(Ordering::SeqCst), 300);
    // The bus has them all, whatever the pads do.
    let events = records::of_messages(&messages);
    records::check_story(&events).unwrap();
    let full = messages.iter().any(|message| match message.view() {
        gst::MessageView::Warning(warning) => warning.error().to_string().contains("queue is full"),
        _ => false,
    });
    assert!(full, "nobody says that records were dropped");
    drop(let_go);
}

#[test]
fn streams_share_one_file_of_events() {
    let _watchdog = within(120);
    let folder = folder();
    let rules = write_rules(folder.path(), BALL_RULES);
    let model = ball::write_model(folder.path()).unwrap();
    let path = folder.path().join("all.jsonl");
    let cameras = ["east", "west", "north"];
    let streams: Vec<_> = cameras
        .iter()
        .map(|camera| {
            format!(
                "{} ! vigildetect model={} ! vigiltrack ! \
                 vigilevents name={camera} stream-id={camera} rules-file={} ! fakesink \
                 {camera}.events ! all. {camera}.objects ! all.",
                ball::scene(150),
                model.display(),
                rules.display(),
            )
        })
        .collect();
    let pipeline = Pipeline::parse(&format!(
        "funnel name=all ! filesink location={} {}",
        path.display(),
        streams.join(" ")
    ))
    .unwrap();
    let messages = pipeline.play(60).unwrap();
    let lines = records::of_file(&path).unwrap();
    for camera in cameras {
        let of_camera = lines.iter().filter(|line| line["stream"] == camera);
        let (events, objects): (Vec<_>, Vec<_>) = of_camera
            .cloned()
            .partition(|line| line.get("event").is_some());
        assert_eq!(objects.len(), 150, "{camera}");
        assert_eq!(events.len(), 6, "{camera}");
        records::check_story(&events).unwrap();
        let told: Vec<_> = records::of_messages(&messages)
            .into_iter()
            .filter(|event| event["stream"] == camera)
            .collect();
        assert_eq!(records::difference(&events, &told), None);
    }
    assert_eq!(lines.len(), 3 * 156);
}

#[test]
fn a_second_run_of_the_same_pipeline_tells_the_same() {
    let _watchdog = within(120);
    let folder = folder();
    let rules = write_rules(folder.path(), BALL_RULES);
    let model = ball::write_model(folder.path()).unwrap();
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect model={} ! vigiltrack ! vigilevents rules-file={} ! fakesink",
        ball::scene(150),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    let mut runs = Vec::new();
    for _ in 0..2 {
        let messages = pipeline.play(60).unwrap();
        pipeline.0.set_state(gst::State::Null).unwrap();
        let events = records::of_messages(&messages);
        records::check_story(&events).unwrap();
        let told = |event: &Value| (summary(event), event["pts"].clone(), event["frame"].clone());
        runs.push(events.iter().map(told).collect::<Vec<_>>());
    }
    assert_eq!(runs[0].len(), 6);
    assert_eq!(runs[0], runs[1]);
}

// ---------------------------------------------------------------- real models on real video

#[test]
fn a_person_comes_crosses_the_line_and_leaves() {
    let Some(clip) = Clip::find(
        "one-by-one-person-detection.mp4",
        "one-by-one-person-detection_yolov8n",
        "qtdemux ! h264parse ! avdec_h264",
    ) else {
        return;
    };
    let frames = 240;
    let seen = clip.watch(frames, PERSON_RULES);
    // One person of the reference comes into the picture, walks from the left to the right and
    // leaves it: the first and the last frame on which the reference is sure.
    let sure: Vec<_> = (0..frames)
        .filter(|&n| clip.reference_has(n, "person", 0.5))
        .collect();
    let (first, last) = (sure[0] as i64, sure[sure.len() - 1] as i64);
    let number = |event: &Value| event["frame"]["number"].as_i64().unwrap();
    let of_person = |kind: &str| -> Vec<i64> {
        records::of_kind(&seen.events, kind)
            .into_iter()
            .filter(|event| event["object"]["label"] == "person")
            .map(number)
            .collect()
    };
    let (appeared, left) = (of_person("object.appeared"), of_person("object.left"));
    assert!(
        (first - 10..first + 15).contains(&appeared[0]),
        "{appeared:?}: the reference has a person from frame {first} on"
    );
    // 10 frames is `left-after-ms`.
    let gone = *left.last().unwrap();
    assert!(
        (last - 10..last + 25).contains(&gone),
        "{left:?}: the reference has a person up to frame {last}"
    );
    let crossed = records::of_kind(&seen.events, "line.crossed");
    assert!(!crossed.is_empty());
    let counts = &crossed.last().unwrap()["data"]["counts"];
    // From left to right, seen from the top of the line: from its left-hand to its right-hand is
    // the other way.
    assert!(
        counts["backward"].as_u64() > counts["forward"].as_u64(),
        "{counts}"
    );
    let dwells = records::of_kind(&seen.events, "zone.exited");
    assert!(!dwells.is_empty());
    for dwell in dwells {
        assert!(dwell["data"]["duration"].as_f64() > Some(0.0), "{dwell}");
    }
}

/// Persons of the model at 320 in a small picture are fewer than the reference's at 640.
const OF_REFERENCE: f64 = 0.5;

#[test]
fn a_crowd_is_the_same_from_mp4_and_from_avi_without_timestamps() {
    let reference = "vtest_480x360_h264_aac_yolov8n";
    let from_mp4 = Clip::find(
        "vtest_480x360_h264.mp4",
        reference,
        "qtdemux ! h264parse ! avdec_h264",
    );
    let from_avi = Clip::find(
        "vtest_480x360_h264_aac.avi",
        reference,
        "avidemux ! h264parse ! avdec_h264",
    );
    let (Some(from_mp4), Some(from_avi)) = (from_mp4, from_avi) else {
        return;
    };
    let frames = 90;
    let mp4 = from_mp4.watch(frames, PERSON_RULES);
    let avi = from_avi.watch(frames, PERSON_RULES);
    let persons = |record: &Value| {
        let objects = record["objects"].as_array().unwrap();
        objects.iter().filter(|o| o["label"] == "person").count()
    };
    let of_reference: usize = (0..frames)
        .map(|n| from_mp4.reference_count(n, "person", 0.25))
        .sum();
    for seen in [&mp4, &avi] {
        let found: usize = seen.objects.iter().map(persons).sum();
        let share = found as f64 / of_reference as f64;
        assert!(
            (OF_REFERENCE..1.0 / OF_REFERENCE).contains(&share),
            "{found} persons, the reference has {of_reference}"
        );
        // Tracks are persons, not detections: far fewer than one a frame.
        let appeared = records::of_kind(&seen.events, "object.appeared").len();
        let most = (0..frames)
            .map(|n| from_mp4.reference_count(n, "person", 0.5))
            .max();
        assert!(appeared >= 3 && appeared <= 4 * most.unwrap(), "{appeared}");
    }
    // The same pictures: the same on every frame, whatever the container says about time.
    for (a, b) in mp4.objects.iter().zip(&avi.objects) {
        assert_eq!(persons(a), persons(b), "{a}\n{b}");
    }
}

#[test]
fn a_car_is_an_event_for_its_own_rule_only() {
    let Some(clip) = Clip::find(
        "person-bicycle-car-detection_trim38s.mp4",
        "person-bicycle-car-detection_trim38s_yolov8n",
        "qtdemux ! h264parse ! avdec_h264",
    ) else {
        return;
    };
    let frames = 70;
    let seen = clip.watch(frames, ROAD_RULES);
    let sure: Vec<_> = (0..frames)
        .filter(|&n| clip.reference_has(n, "car", 0.6))
        .collect();
    assert!(!sure.is_empty(), "the reference is sure of a car");
    let there = presence(&seen.events, "cars");
    let is_there = |&n: &usize| there.iter().any(|frames| frames.contains(&n));
    let found = sure.iter().filter(|n| is_there(n)).count();
    assert!(
        found * 2 >= sure.len(),
        "cars on frames {there:?}; the reference is sure of one on {sure:?}"
    );
    assert!((0..frames).all(|n| !clip.reference_has(n, "person", 0.25)));
    assert!(presence(&seen.events, "people").is_empty());
}

#[test]
fn a_live_stream_skips_inference_and_no_frames() {
    let _watchdog = within(120);
    // More than two cores can do: 640x640 for each of 30 frames a second.
    let Some(model) = assets::find("models/yolov8n.onnx") else {
        return;
    };
    let folder = folder();
    let rules = write_rules(folder.path(), PERSON_RULES);
    let pipeline = Pipeline::parse(&format!(
        "videotestsrc is-live=true num-buffers=75 pattern=ball ! {} ! \
         vigildetect name=detect threads=1 model={} ! vigiltrack ! \
         vigilevents name=e rules-file={} ! fakesink name=video sync=false \
         e.objects ! appsink name=objects sync=false",
        ball::caps(),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    let objects = pipeline.collect("objects", |sample| {
        records::of_buffer(sample.buffer().unwrap()).unwrap()
    });
    let frames = count_buffers(&pipeline, "video");
    pipeline.play(60).unwrap();
    assert_eq!(frames.load(Ordering::SeqCst), 75);
    assert_eq!(objects.count(), 75);
    let looks = |inferred: bool| {
        let is = |record: &&Value| record["inferred"] == inferred;
        objects.items().iter().filter(is).count() as u64
    };
    let stats: gst::Structure = pipeline.element::<gst::Element>("detect").property("stats");
    assert_eq!(stats.get("inferred"), Ok(looks(true)), "{stats}");
    assert!(looks(true) > 0, "{stats}");
    let skipped: u64 = ["skipped-overload", "overdue"]
        .iter()
        .map(|field| stats.get::<u64>(*field).unwrap())
        .sum();
    assert_eq!(skipped, looks(false), "{stats}");
}

/// From which to which frame the objects of a rule were there.
fn presence(events: &[Value], rule: &str) -> Vec<std::ops::Range<usize>> {
    let number = |event: &Value| event["frame"]["number"].as_u64().unwrap() as usize;
    let left = records::of_kind(events, "object.left");
    records::of_kind(events, "object.appeared")
        .into_iter()
        .filter(|start| start["rule"] == rule)
        .map(|start| {
            let end = left.iter().find(|end| end["id"] == start["id"]).unwrap();
            number(start)..number(end)
        })
        .collect()
}

// ---------------------------------------------------------------- helpers of this file

fn sink_pad(pipeline: &Pipeline, element: &str) -> gst::Pad {
    let element: gst::Element = pipeline.element(element);
    element.static_pad("sink").unwrap()
}

fn count_buffers(pipeline: &Pipeline, element: &str) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    sink_pad(pipeline, element).add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        gst::PadProbeReturn::Ok
    });
    count
}

fn flag_eos(pipeline: &Pipeline, element: &str) -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = ended.clone();
    sink_pad(pipeline, element).add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().map(|event| event.type_()) == Some(gst::EventType::Eos) {
            flag.store(true, Ordering::SeqCst);
        }
        gst::PadProbeReturn::Ok
    });
    ended
}
