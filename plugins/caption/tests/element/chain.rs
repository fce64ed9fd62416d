//! The whole way of an event that has to be verified: from rules to a model and back.

use crate::common::*;
use crate::llama::Llama;
use crate::mock::{self, Mock};
use gst::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex};
use vigil_analytics::event_meta;

const LEFT: [f32; 4] = [40.0, 60.0, 60.0, 100.0];

/// People in the left half, in and out at once.
fn rules(more: &str) -> String {
    format!(
        r#"{{"zone": [{{"name": "left", "polygon": [[0,0],[0.5,0],[0.5,1],[0,1]], "enter-after-ms": 0,
            "exit-after-ms": 0, "min-sightings": 1, "verify": "Is the {{label}} red?"{more}}}]}}"#
    )
}

/// `appsrc ! vigilevents ! vigilcaption ! fakesink`, with `between` before the captioner.
struct Chain {
    pipeline: gst::Pipeline,
    src: gst_app::AppSrc,
    events: gst_app::AppSink,
    /// Frames that came out.
    frames: Arc<Mutex<Vec<u64>>>,
}

impl Chain {
    fn new(rules: &str, between: &str, properties: &[(&str, &str)]) -> Self {
        init();
        // Whatever is installed: this is the one to be tested with.
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| gstvigilevents::plugin_register_static().unwrap());
        let pipeline = gst::parse::launch(&format!(
            "appsrc name=src format=time ! vigilevents name=e stream-id=cam-1 ! {between} \
             vigilcaption name=c trigger=manual per-minute=0 queue-size=100 ! \
             fakesink name=video sync=false \
             e.events ! appsink name=events sync=false"
        ))
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        pipeline.by_name("e").unwrap().set_property("rules", rules);
        let captioner = pipeline.by_name("c").unwrap();
        for (name, value) in properties {
            captioner.set_property_from_str(name, value);
        }
        let src: gst_app::AppSrc = pipeline.by_name("src").unwrap().downcast().unwrap();
        src.set_caps(Some(&CAPS.parse().unwrap()));
        let events = pipeline.by_name("events").unwrap().downcast().unwrap();
        let frames = Arc::new(Mutex::new(Vec::new()));
        let seen = frames.clone();
        let sink = pipeline
            .by_name("video")
            .unwrap()
            .static_pad("sink")
            .unwrap();
        sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let pts = info.buffer().unwrap().pts().unwrap();
            seen.lock().unwrap().push(pts.mseconds() / 100);
            gst::PadProbeReturn::Ok
        });
        if pipeline.set_state(gst::State::Playing).is_err() {
            let bus = pipeline.bus().unwrap();
            let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
            let gst::MessageView::Error(error) = message.view() else {
                unreachable!()
            };
            panic!("{}", error.error());
        }
        Self {
            pipeline,
            src,
            events,
            frames,
        }
    }

    fn push(&self, n: u64, things: &[Thing]) {
        self.src.push_buffer(with_things(n, GREY, things)).unwrap();
    }

    /// The video is through up to this frame.
    fn wait_for_frame(&self, n: u64) {
        wait_until("the video passing", || {
            self.frames.lock().unwrap().last() == Some(&n)
        });
    }

    /// The next event on the pad.
    #[track_caller]
    fn event(&self) -> Value {
        let timeout = gst::ClockTime::from_seconds(LONG.as_secs());
        let sample = self.events.try_pull_sample(timeout).expect("no event");
        line(sample.buffer().unwrap())
    }

    fn count(&self, field: &str) -> u64 {
        let events = self.pipeline.by_name("e").unwrap();
        let stats: gst::Structure = events.property("stats");
        let verification: gst::Structure = stats.get("verification").unwrap();
        verification.get(field).unwrap()
    }

    /// All that is told until the end of the stream, on the pad; the bus says the same.
    fn finish(&self) -> Vec<Value> {
        self.src.end_of_stream().unwrap();
        let mut told = Vec::new();
        while !self.events.is_eos() {
            if let Some(sample) = self.events.try_pull_sample(20 * gst::ClockTime::MSECOND) {
                told.push(line(sample.buffer().unwrap()));
            }
        }
        told
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn verdict(answer: &str) -> String {
    format!(r#"{{"observation": "somebody", "verdict": "{answer}"}}"#)
}

#[test]
fn a_model_decides_about_what_rules_ask_it() {
    for between in ["", "queue !", "videoconvert ! queue !"] {
        for (answer, expected) in [("yes", Some(true)), ("no", None), ("unsure", Some(false))] {
            let said: &'static str = Box::leak(verdict(answer).into_boxed_str());
            let mock = Mock::saying(said);
            let chain = Chain::new(&rules(""), between, &[("base-url", &mock.url)]);
            for n in 0..10 {
                let things = [person(7, LEFT, RED)];
                chain.push(n, if n < 5 { &things } else { &[] });
            }
            let told = chain.finish();
            let verified: Vec<_> = (told.iter())
                .map(|event| event["data"]["verified"].as_bool())
                .collect();
            let both = expected.map_or(vec![], |verified| vec![Some(verified); 2]);
            assert_eq!(verified, both, "{between} {answer}");
            if let Some(start) = told.first() {
                assert_eq!(
                    (start["pts"].as_u64(), &told[1]["id"]),
                    (Some(0), &start["id"])
                );
                let verification = &start["data"]["verification"];
                assert_eq!(
                    (&verification["answer"], &verification["text"]),
                    (&answer.into(), &"somebody".into())
                );
            }
            assert_eq!(chain.count("pending"), 0);
        }
    }
}

#[test]
fn the_video_goes_on_while_a_model_thinks() {
    // Answers when it is told to.
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let open = gate.clone();
    let mock = Mock::new(move |_, _, stream| {
        let waiting = open.0.lock().unwrap();
        drop(open.1.wait_while(waiting, |open| !*open).unwrap());
        mock::say(stream, &[&verdict("yes")]);
    });
    let properties = [
        ("base-url", mock.url.as_str()),
        ("first-token-timeout", "60000000000"),
        ("deadline", "60000000000"),
    ];
    let chain = Chain::new(&rules(""), "", &properties);
    for n in 0..300 {
        chain.push(n, &[person(7, LEFT, RED)]);
    }
    // Half a minute of video later nothing was told, nothing is lost, and no frame is missing.
    chain.wait_for_frame(299);
    assert_eq!(*chain.frames.lock().unwrap(), (0..300).collect::<Vec<_>>());
    assert_eq!((chain.count("pending"), chain.count("unverified")), (1, 0));
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    let event = chain.event();
    assert_eq!(
        (event["pts"].as_u64(), &event["data"]["verified"]),
        (Some(0), &true.into())
    );
}

#[test]
fn servers_that_fail_cost_neither_video_nor_events() {
    let dead = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        format!("http://{}/v1", listener.local_addr().unwrap())
    };
    let hung = Mock::hung();
    let slow = Mock::new(|_, _, stream| {
        mock::begin(stream);
        std::thread::sleep(std::time::Duration::from_secs(30));
    });
    for (url, what) in [(&dead, "dead"), (&hung.url, "hung"), (&slow.url, "30 s")] {
        for (otherwise, told) in [("publish", 2), ("drop", 0)] {
            let more = format!(r#", "verify-timeout-ms": 300, "verify-otherwise": "{otherwise}""#);
            let chain = Chain::new(&rules(&more), "", &[("base-url", url)]);
            for n in 0..50 {
                chain.push(n, &[person(7, LEFT, RED)]);
            }
            chain.wait_for_frame(49);
            let events = chain.finish();
            assert_eq!(chain.frames.lock().unwrap().len(), 50);
            assert_eq!(events.len(), told, "{what} {otherwise} {events:?}");
            for event in &events {
                assert_eq!(event["data"]["verified"], false);
            }
            let settled = chain.count("unverified") + chain.count("dropped");
            assert_eq!(
                (settled, chain.count("pending")),
                (1, 0),
                "{what} {otherwise}"
            );
        }
    }
}

#[test]
fn the_bus_says_what_the_pad_says() {
    // Yes and no by turns, for many people.
    let mock = Mock::new(|n, _, stream| {
        mock::say(stream, &[&verdict(["yes", "no", "unsure"][n % 3])]);
    });
    let chain = Chain::new(
        &rules(""),
        "queue !",
        &[("base-url", &mock.url), ("max-in-flight", "4")],
    );
    for n in 0..60 {
        chain.push(n, &[person(n / 4, LEFT, RED)]);
        // Slow enough that the queue holds them all.
        chain.wait_for_frame(n);
    }
    let told = chain.finish();
    let mut starts = BTreeMap::new();
    for event in &told {
        let id = event["id"].as_str().unwrap().to_string();
        *starts.entry(id).or_insert(0) += if event["phase"] == "start" { 1 } else { -1 };
    }
    assert!(starts.values().all(|open| *open == 0), "{told:#?}");
    let settled: HashMap<_, _> = ["verified", "refuted", "unverified", "dropped"]
        .map(|field| (field, chain.count(field)))
        .into();
    assert_eq!(settled.values().sum::<u64>(), 15, "{settled:?}");
    let published = settled["verified"] + settled["unverified"];
    assert_eq!(starts.len() as u64, published);
    let bus = chain.pipeline.bus().unwrap();
    let types = [gst::MessageType::Element];
    let messages = std::iter::from_fn(|| bus.pop_filtered(&types));
    let posted: Vec<(String, String)> = messages
        .filter_map(|message| {
            let event = message.structure()?;
            let is_event = event.name() == event_meta::MESSAGE && event.has_field("rule");
            let text = |field: &str| event.get::<String>(field).unwrap();
            is_event.then(|| (text("id"), text("phase")))
        })
        .collect();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_string();
    let on_pad: Vec<_> = (told.iter())
        .map(|event| (text(event, "id"), text(event, "phase")))
        .collect();
    assert_eq!(posted, on_pad);
}

/// The tiny model says yes of what is red.
#[test]
fn a_real_model_lets_only_what_is_true_pass() {
    let Some(llama) = Llama::new(1) else { return };
    let mut properties = llama.properties();
    properties.extend([
        ("view", "crop"),
        ("crop-margin", "0"),
        ("eos-timeout", "60000000000"),
    ]);
    let chain = Chain::new(&rules(""), "", &properties);
    let colors = [RED, BLUE, GREEN, RED];
    for (track, color) in colors.into_iter().enumerate() {
        for n in 0..5 {
            let n = track as u64 * 5 + n;
            chain.push(n, &[person(track as u64, LEFT, color)]);
        }
    }
    let told = chain.finish();
    let story: Vec<_> = (told.iter())
        .map(|event| {
            (
                event["object"]["track"].as_u64().unwrap(),
                event["phase"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        story,
        [(0, "start"), (0, "end"), (3, "start"), (3, "end")],
        "{told:#?}"
    );
    for event in told.iter().filter(|event| event["phase"] == "start") {
        let verification = &event["data"]["verification"];
        assert_eq!(verification["answer"], "yes");
        let text = verification["text"].as_str().unwrap();
        assert!(text.contains("mostly red"), "{text}");
    }
    assert_eq!((chain.count("verified"), chain.count("refuted")), (2, 2));
}
