//! Small whole pipelines.
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
use vigil_analytics::event_meta;

/// A pipeline whose `appsrc name=src` gets frames of a person who goes to and fro.
fn launch(text: &str) -> (gst::Pipeline, gst_app::AppSrc) {
    init();
    let pipeline = gst::parse::launch(text)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    for events in pipeline.iterate_elements().into_iter().flatten() {
        if events
            .factory()
            .is_some_and(|factory| factory.name() == "vigilevents")
        {
            events.set_property("rules", ZONE);
        }
    }
    let src = source(&pipeline, "src");
    (pipeline, src)
}

fn source(pipeline: &gst::Pipeline, name: &str) -> gst_app::AppSrc {
    let src = pipeline
        .by_name(name)
        .unwrap()
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    src.set_caps(Some(&CAPS.parse().unwrap()));
    src.set_format(gst::Format::Time);
    src
}

fn feed(src: &gst_app::AppSrc, frames: u64) {
    for n in 0..frames {
        src.push_buffer(to_and_fro(n)).unwrap();
    }
    src.end_of_stream().unwrap();
}

/// Plays to the end; gives the events on the bus as the application sees them.
fn play(pipeline: &gst::Pipeline) -> Vec<gst::Structure> {
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let mut events = Vec::new();
    for message in bus.iter_timed(gst::ClockTime::from_seconds(30)) {
        match message.view() {
            gst::MessageView::Eos(_) => {
                pipeline.set_state(gst::State::Null).unwrap();
                return events;
            }
            gst::MessageView::Error(error) => panic!("{error:?}"),
            gst::MessageView::Element(element) => {
                let structure = element.structure().unwrap();
                if structure.name() == event_meta::MESSAGE {
                    events.push(structure.to_owned());
                }
            }
            _ => {}
        }
    }
    panic!("no EOS");
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| {
            let value = serde_json::from_str(line).unwrap();
            schema::validate(&value);
            value
        })
        .collect()
}

#[test]
fn the_bus_says_what_the_pad_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let (pipeline, src) = launch(&format!(
        "appsrc name=src ! vigilevents name=e ! fakesink e.events ! filesink location={}",
        path.display()
    ));
    feed(&src, 23);
    let bus = play(&pipeline);
    let pad = lines(&path);
    assert_eq!(pad.len(), 6);
    let expected: Vec<_> = pad
        .iter()
        .map(|event| vigil_analytics::structure::from_json(event_meta::MESSAGE, event))
        .collect();
    for (bus, pad) in bus.iter().zip(&expected) {
        for field in ["id", "event", "phase", "stream", "rule", "zone"] {
            assert_eq!(bus.get::<&str>(field), pad.get::<&str>(field), "{field}");
        }
        for field in ["frame", "data"] {
            let get = |s: &gst::Structure| s.get::<gst::Structure>(field).unwrap().to_string();
            assert_eq!(get(bus), get(pad), "{field}");
        }
        assert_eq!(bus.get::<i64>("pts"), pad.get::<i64>("pts"));
        let object = bus.get::<gst::Structure>("object").unwrap();
        assert_eq!(object.get::<i64>("track"), Ok(1));
        assert_eq!(
            object.get::<gst::Structure>("box").unwrap().get::<f64>("w"),
            Ok(20.0)
        );
    }
    assert_eq!(bus.len(), pad.len());
    assert_eq!(pad.last().unwrap()["data"]["reason"], "eos");
}

#[test]
fn pads_of_two_elements_join_in_a_funnel_as_json_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.jsonl");
    let (pipeline, src) = launch(&format!(
        "funnel name=f ! filesink location={}
         appsrc name=src ! vigilevents name=a stream-id=cam-a ! fakesink a.events ! f.
         appsrc name=other ! vigilevents name=b stream-id=cam-b ! fakesink b.events ! f. b.objects ! f.",
        path.display()
    ));
    feed(&src, 100);
    feed(&source(&pipeline, "other"), 100);
    let bus = play(&pipeline);
    let all = lines(&path);
    let events = |stream: &str| {
        all.iter()
            .filter(|line| line["stream"] == stream && line.get("event").is_some())
            .count()
    };
    assert_eq!((events("cam-a"), events("cam-b")), (20, 20));
    assert_eq!(all.len() - 40, 100);
    assert_eq!(bus.len(), 40);
}

#[test]
fn rules_fit_into_a_launch_line() {
    init();
    let pipeline = gst::parse::launch(
        r#"videotestsrc num-buffers=3 ! vigilevents name=e rules="{ \"line\": [ { \"name\": \"gate\",
         \"from\": [0, 0.5], \"to\": [1, 0.5] } ] }" ! fakesink"#,
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let e = pipeline.by_name("e").unwrap();
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(30)).0.unwrap();
    let stats: gst::Structure = e.property("stats");
    assert_eq!(stats.get::<u64>("rules"), Ok(1));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn the_stream_is_called_as_upstream_calls_it() {
    let (pipeline, src) = launch("appsrc name=src ! vigilevents name=e ! fakesink");
    let src_pad = src.static_pad("src").unwrap();
    src_pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        if let Some(event) = info.event()
            && event.type_() == gst::EventType::StreamStart
        {
            let id = format!("{}/video:0", "ab".repeat(32));
            info.data = Some(gst::PadProbeData::Event(gst::event::StreamStart::new(&id)));
        }
        gst::PadProbeReturn::Ok
    });
    feed(&src, 3);
    let events = play(&pipeline);
    assert_eq!(events[0].get::<&str>("stream"), Ok("abababab/video:0"));
}

#[test]
fn a_text_overlay_takes_events_as_text() {
    init();
    if gst::ElementFactory::find("textoverlay").is_none() {
        println!("skipped: no element textoverlay here (package gstreamer1.0-plugins-base, pango)");
        return;
    }
    let (pipeline, src) = launch(
        "appsrc name=src ! vigilevents name=e ! videoconvert ! textoverlay name=t ! fakesink sync=false
         e.events ! t.text_sink",
    );
    feed(&src, 23);
    let events = pipeline.by_name("e").unwrap().static_pad("events");
    pipeline.set_state(gst::State::Paused).unwrap();
    let caps = || pipeline.by_name("e")?.static_pad("events")?.current_caps();
    wait_until("negotiation", || caps().is_some());
    assert_eq!(
        caps().unwrap().to_string(),
        "text/x-raw, format=(string)utf8"
    );
    assert_eq!(play(&pipeline).len(), 6);
    drop(events);
}

#[test]
fn caps_are_what_the_consumer_takes() {
    for caps in ["application/x-json", "text/x-raw,format=utf8"] {
        let (pipeline, src) = launch(&format!(
            "appsrc name=src ! vigilevents name=e ! fakesink
             e.events ! capsfilter caps={caps} ! queue ! fakesink name=sink"
        ));
        feed(&src, 10);
        pipeline.set_state(gst::State::Paused).unwrap();
        let pad = pipeline
            .by_name("sink")
            .unwrap()
            .static_pad("sink")
            .unwrap();
        wait_until("negotiation", || pad.current_caps().is_some());
        let expected: gst::Caps = caps.parse().unwrap();
        assert_eq!(pad.current_caps().unwrap(), expected);
        assert_eq!(play(&pipeline).len(), 2);
    }
}

#[test]
fn sinks_that_are_in_sync_preroll_and_end_without_events() {
    let (pipeline, src) = launch(
        "appsrc name=src ! vigilevents name=e ! fakesink
         e.events ! queue ! fakesink sync=true e.objects ! queue ! fakesink sync=true",
    );
    for n in 0..5 {
        src.push_buffer(skipped(n)).unwrap();
    }
    pipeline.set_state(gst::State::Paused).unwrap();
    let (result, ..) = pipeline.state(gst::ClockTime::from_seconds(30));
    assert_eq!(result, Ok(gst::StateChangeSuccess::Success));
    src.end_of_stream().unwrap();
    assert_eq!(play(&pipeline).len(), 0);
}

#[test]
fn a_live_pipeline_tells_the_time_of_day() {
    let (pipeline, src) = launch(
        "appsrc name=src is-live=true do-timestamp=true ! vigilevents name=e ! fakesink
         e.events ! appsink name=sink sync=false",
    );
    put_somebody_inside(&pipeline.by_name("src").unwrap());
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut buffer = skipped(0);
    buffer.get_mut().unwrap().set_pts(None);
    let before = utc_now();
    src.push_buffer(buffer).unwrap();
    let sink = pipeline
        .by_name("sink")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    let sample = sink
        .try_pull_sample(gst::ClockTime::from_seconds(30))
        .unwrap();
    let event = record(sample.buffer().unwrap());
    let time = event["time"].as_str().unwrap();
    // Same day; or the next, at midnight.
    assert!(
        time[..10] == before[..10] || time[..10] == utc_now()[..10],
        "{time} {before}"
    );
    pipeline.set_state(gst::State::Null).unwrap();
}

/// Has a detector find the same person on every frame that leaves `element`.
fn put_somebody_inside(element: &gst::Element) {
    let pad = element.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            find(buffer.make_mut(), &[(1, 80.0, 120.0)]);
        }
        gst::PadProbeReturn::Ok
    });
}

fn utc_now() -> String {
    let now = gst::glib::DateTime::now_utc().unwrap();
    now.format("%Y-%m-%dT%H:%M:%S").unwrap().to_string()
}

#[test]
fn a_seek_ends_what_is_open_and_starts_anew() {
    init();
    let pipeline = gst::parse::launch(
        "videotestsrc num-buffers=25 ! capsfilter name=size caps=video/x-raw,width=320,height=240,framerate=10/1
         ! vigilevents name=e ! fakesink name=video sync=true
         e.events ! appsink name=sink sync=false",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    pipeline.by_name("e").unwrap().set_property("rules", ZONE);
    put_somebody_inside(&pipeline.by_name("size").unwrap());
    let sink = pipeline
        .by_name("sink")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    let next = || {
        let sample = sink
            .try_pull_sample(gst::ClockTime::from_seconds(30))
            .unwrap();
        record(sample.buffer().unwrap())
    };
    pipeline.set_state(gst::State::Playing).unwrap();
    let first = next();
    pipeline
        .seek_simple(gst::SeekFlags::FLUSH, 10 * gst::ClockTime::SECOND)
        .unwrap();
    let end = next();
    assert_eq!(
        (&end["id"], end["data"]["reason"].as_str()),
        (&first["id"], Some("flush"))
    );
    let again = next();
    assert_eq!(summary(&again), "zone.entered start");
    assert!(again["pts"].as_u64().unwrap() >= 10_000_000_000);
    assert_eq!(next()["data"]["reason"], "eos");
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_hundred_rapid_state_changes_leave_no_trace() {
    let (pipeline, _src) = launch(
        "videotestsrc ! video/x-raw,width=320,height=240 ! vigilevents name=e ! fakesink
         e.events ! fakesink e.objects ! appsink max-buffers=1 appsrc name=src ! fakesink async=false",
    );
    let states = [
        gst::State::Playing,
        gst::State::Null,
        gst::State::Paused,
        gst::State::Ready,
        gst::State::Playing,
        gst::State::Paused,
    ];
    let changed = pipeline.clone();
    within_time("changing states", move || {
        for i in 0..100 {
            changed.set_state(states[i % states.len()]).unwrap();
            if i % 7 == 0 {
                let _ = changed.state(gst::ClockTime::from_mseconds(20));
            }
        }
        changed.set_state(gst::State::Null).unwrap();
    });
    let bus = pipeline.bus().unwrap();
    assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
}

#[test]
fn a_pipeline_stops_while_its_metadata_sinks_are_full() {
    let (pipeline, src) = launch(
        "appsrc name=src ! vigilevents name=e ! fakesink
         e.events ! appsink max-buffers=1 e.objects ! appsink max-buffers=1",
    );
    for n in 0..50 {
        src.push_buffer(to_and_fro(n)).unwrap();
    }
    pipeline.set_state(gst::State::Playing).unwrap();
    let e = pipeline.by_name("e").unwrap();
    let frames = move || e.property::<gst::Structure>("stats").get::<u64>("frames");
    wait_until("video passing", || frames() == Ok(50));
    within_time("stopping", move || {
        pipeline.set_state(gst::State::Null).unwrap()
    });
}
