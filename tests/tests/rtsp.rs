//! The real job on a live camera: an RTSP server in this process, H.264 over loopback.
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
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use vigil_analytics::time::{self, Timestamp};
use vigil_tests::pipeline::{Collected, Failed, Pipeline};
use vigil_tests::server::{self, Server};
use vigil_tests::watchdog::within;
use vigil_tests::{assets, ball, records};

/// A pipeline that watches a camera.
struct Client {
    pipeline: Pipeline,
    frames: Collected<gst::ClockTime>,
    events: Collected<Value>,
    objects: Collected<Value>,
}

impl Client {
    fn new(url: &str, source: &str, model: &Path, rules: &Path) -> Self {
        let pipeline = Pipeline::parse(&format!(
            "rtspsrc name=camera location={url} latency=100 {source} ! rtph264depay ! h264parse ! \
             avdec_h264 ! vigildetect name=detect model={} ! vigiltrack ! \
             vigilevents name=e stream-id=cam-1 rules-file={} ! \
             appsink name=video max-buffers=8 \
             e.events ! appsink name=events e.objects ! appsink name=objects sync=false",
            model.display(),
            rules.display(),
        ))
        .unwrap();
        let record = |sample: &gst::Sample| records::of_buffer(sample.buffer().unwrap()).unwrap();
        Self {
            frames: pipeline.collect("video", |sample| {
                sample
                    .buffer()
                    .unwrap()
                    .pts()
                    .expect("a live frame has a PTS")
            }),
            events: pipeline.collect("events", record),
            objects: pipeline.collect("objects", record),
            pipeline,
        }
    }

    /// Plays until so many frames and events were there.
    fn watch(&self, frames: usize, events: usize) -> Vec<gst::Message> {
        self.pipeline
            .play_until(60, |_| {
                self.frames.count() >= frames && self.events.count() >= events
            })
            .unwrap_or_else(|error| {
                let (frames, events) = (self.frames.count(), self.events.count());
                panic!("{error}; {frames} frames and {events} events")
            })
    }

    fn stats(&self) -> gst::Structure {
        self.pipeline
            .element::<gst::Element>("detect")
            .property("stats")
    }
}

/// The client of a camera that sees the ball; none, with a line on standard error, where there is
/// no encoder.
fn watch_ball_camera(frames: Option<u64>, source: &str) -> Option<(Server, Client)> {
    let folder = folder();
    let camera = server::ball_camera(frames)?;
    let server = Server::start(&camera).unwrap();
    let model = ball::write_model(folder.path()).unwrap();
    let rules = write_rules(folder.path(), BALL_RULES);
    let client = Client::new(&server.url(), source, &model, &rules);
    // Rules and model are read on the way to PAUSED, while the folder is there.
    client.pipeline.0.set_state(gst::State::Paused).unwrap();
    Some((server, client))
}

fn time_of(event: &Value) -> Timestamp {
    event["time"].as_str().expect("time").parse().unwrap()
}

fn check_live_records(client: &Client, started: Timestamp) {
    let stats = client.stats();
    assert_eq!(stats.get("live"), Ok(true));
    // How busy the machine is decides how many frames are inferred, not whether any are.
    assert!(stats.get::<u64>("inferred").unwrap() > 0, "{stats}");
    let events = client.events.items();
    let objects = client.objects.items();
    assert!(!events.is_empty() && !objects.is_empty());
    let now = Timestamp::now();
    for record in events.iter().chain(objects.iter()) {
        let time = time_of(record);
        // Camera and client share a clock here; frames cannot be older than the pipeline.
        let second = 1_000;
        assert!(
            time.as_millisecond() > started.as_millisecond() - second
                && time.as_millisecond() < now.as_millisecond() + second,
            "{time} is not between {started} and {now}: {record}"
        );
    }
    let numbers: Vec<_> = objects
        .iter()
        .map(|record| record["frame"]["number"].as_u64().unwrap())
        .collect();
    assert!(
        numbers.iter().copied().eq(0..numbers.len() as u64),
        "{numbers:?}"
    );
}

#[test]
fn a_camera_over_udp_gives_events_with_the_time_of_day() {
    let _watchdog = within(100);
    let started = Timestamp::now();
    let Some((_server, client)) = watch_ball_camera(None, "protocols=udp") else {
        return;
    };
    client.watch(60, 2);
    check_live_records(&client, started);
}

#[test]
fn a_camera_over_tcp_gives_events_with_the_time_of_day() {
    let _watchdog = within(100);
    let started = Timestamp::now();
    let Some((_server, client)) = watch_ball_camera(None, "protocols=tcp") else {
        return;
    };
    client.watch(60, 2);
    check_live_records(&client, started);
}

#[test]
fn the_latency_of_the_detector_is_part_of_the_pipelines() {
    let _watchdog = within(100);
    let Some((_server, client)) = watch_ball_camera(None, "protocols=tcp") else {
        return;
    };
    client.watch(10, 0);
    let query = |pad: &str| {
        let detector: gst::Element = client.pipeline.element("detect");
        let mut query = gst::query::Latency::new();
        let pad = detector.static_pad(pad).unwrap();
        let answered = match pad.direction() {
            gst::PadDirection::Sink => pad.peer_query(&mut query),
            _ => pad.query(&mut query),
        };
        assert!(answered);
        query.result()
    };
    let (live_before, before, _) = query("sink");
    let (live_after, after, _) = query("src");
    assert!(live_before && live_after);
    assert!(
        after > before,
        "{before} before the detector, {after} after it"
    );
}

#[test]
fn a_camera_that_says_goodbye_ends_the_stream_and_what_is_open() {
    let _watchdog = within(100);
    let Some((_server, client)) = watch_ball_camera(Some(75), "protocols=tcp") else {
        return;
    };
    let messages = client.pipeline.play(60).unwrap();
    let events = records::of_messages(&messages);
    records::check_story(&events).unwrap();
    assert_eq!(records::difference(&events, &client.events.items()), None);
    assert_eq!(events.last().unwrap()["data"]["reason"], "eos");
    assert!(client.frames.count() > 10);
}

#[test]
fn a_camera_that_vanishes_is_told_and_hangs_nothing() {
    let _watchdog = within(100);
    let Some((server, client)) = watch_ball_camera(None, "protocols=tcp") else {
        return;
    };
    // What is still open ends when the pipeline does, where nobody reads the bus any more.
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let bus = client.pipeline.0.bus().unwrap();
    bus.set_sync_handler(move |_, message| {
        tell.lock().unwrap().push(message.clone());
        gst::BusSyncReply::Pass
    });
    client.watch(30, 1);
    drop(server);
    if let Err(Failed { element, error, .. }) = client.pipeline.play(60) {
        assert_eq!(element, "camera", "{error}");
    }
    client.pipeline.0.set_state(gst::State::Null).unwrap();
    bus.unset_sync_handler();
    let events = records::of_messages(told.lock().unwrap().iter());
    assert!(!events.is_empty());
    records::check_story(&events).unwrap();
}

#[test]
fn two_viewers_of_one_camera_do_not_disturb_each_other() {
    let _watchdog = within(100);
    let Some((server, client)) = watch_ball_camera(None, "protocols=tcp") else {
        return;
    };
    let folder = folder();
    let model = ball::write_model(folder.path()).unwrap();
    let rules = write_rules(folder.path(), BALL_RULES);
    let other = Client::new(&server.url(), "protocols=udp", &model, &rules);
    other.pipeline.0.set_state(gst::State::Playing).unwrap();
    client.watch(40, 1);
    other.watch(40, 1);
    for viewer in [&client, &other] {
        let events = viewer.events.items();
        assert_eq!(summary(&events[0]), "object.appeared start balls");
    }
}

#[test]
fn a_cameras_own_clock_is_the_time_of_its_events() {
    let _watchdog = within(100);
    let source = "protocols=tcp add-reference-timestamp-meta=true";
    let Some((_server, client)) = watch_ball_camera(None, source) else {
        return;
    };
    // What the camera says of each frame, as it comes to the rules.
    let said = Arc::new(Mutex::new(BTreeMap::new()));
    let record = said.clone();
    let events: gst::Element = client.pipeline.element("e");
    let pad = events.static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer()
            && buffer.meta::<gst::ReferenceTimestampMeta>().is_some()
            && let Some(time) = time::wall_time(buffer, None, None)
        {
            let pts = buffer.pts().unwrap().nseconds();
            record.lock().unwrap().insert(pts, time::to_rfc3339(time));
        }
        gst::PadProbeReturn::Ok
    });
    // Its clock is known from its first sender report on.
    client
        .pipeline
        .play_until(60, |_| said.lock().unwrap().len() >= 10)
        .unwrap();
    client.pipeline.0.set_state(gst::State::Null).unwrap();
    let said = said.lock().unwrap();
    let mut compared = 0;
    for record in client.objects.items().iter() {
        if let Some(time) = said.get(&record["pts"].as_u64().unwrap()) {
            assert_eq!(record["time"].as_str(), Some(time.as_str()), "{record}");
            compared += 1;
        }
    }
    assert!(compared > 0, "no record of {} frames", said.len());
}

#[test]
fn a_real_street_over_rtsp_gives_events() {
    let _watchdog = within(100);
    let folder = folder();
    let (Some(video), Some(model)) = (
        assets::find("videos/vtest_480x360_h264.mp4"),
        assets::find("models/yolov8n_320_int8.onnx"),
    ) else {
        return;
    };
    let server = Server::start(&format!(
        "filesrc location={} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96",
        video.display()
    ))
    .unwrap();
    let started = Timestamp::now();
    let rules = write_rules(folder.path(), PERSON_RULES);
    let client = Client::new(&server.url(), "protocols=tcp", &model, &rules);
    client.watch(50, 3);
    check_live_records(&client, started);
    let events = client.events.items();
    assert!(
        events
            .iter()
            .all(|event| event["object"]["label"] == "person")
    );
}
