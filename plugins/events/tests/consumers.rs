//! Consumers of metadata pads that are slow, hang, refuse or go away: video never waits, nothing
//! hangs, and what is lost is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::*;
use gst::prelude::*;
use gst_check::Harness;
use std::sync::{Arc, Condvar, Mutex};

/// Three records, then it is full.
const QUEUE: u32 = 3;

struct Setup {
    video: Harness,
    element: gst::Element,
    pad: gst::Pad,
    bus: gst::Bus,
}

fn setup() -> Setup {
    let element = element(Some(ZONE));
    element.set_property("queue-size", QUEUE);
    let bus = bus_of(&element);
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    video.set_src_caps_str(CAPS);
    let pad = element.request_pad_simple("events").unwrap();
    Setup {
        video,
        element,
        pad,
        bus,
    }
}

impl Setup {
    fn frames(&mut self, frames: std::ops::Range<u64>) {
        for n in frames {
            self.video.push(to_and_fro(n)).unwrap();
        }
    }

    fn release(self) -> (gst::Element, Vec<String>, Harness) {
        let (element, pad) = (self.element.clone(), self.pad.clone());
        within_time("releasing the pad", move || {
            element.release_request_pad(&pad)
        });
        let warnings = warnings(&self.bus);
        (self.element, warnings, self.video)
    }
}

/// An appsink that takes one buffer and then waits for somebody to pull, who never comes.
fn full_appsink(pad: &gst::Pad) -> gst::Element {
    let sink = gst::ElementFactory::make("appsink")
        .property("sync", false)
        .property("async", false)
        .property("max-buffers", 1u32)
        .build()
        .unwrap();
    sink.set_state(gst::State::Playing).unwrap();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    sink
}

/// A pad whose chain function does not return until it is let go, not even when flushed.
struct HangingPad {
    pad: gst::Pad,
    gate: Arc<(Mutex<(bool, bool)>, Condvar)>,
}

impl HangingPad {
    fn link(to: &gst::Pad) -> Self {
        let gate = Arc::new((Mutex::new((false, false)), Condvar::new()));
        let inside = gate.clone();
        let pad = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, _| {
                let (lock, changed) = &*inside;
                let mut state = lock.lock().unwrap();
                state.0 = true;
                changed.notify_all();
                drop(changed.wait_while(state, |state| !state.1).unwrap());
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(|_, _, _| true)
            .build();
        pad.set_active(true).unwrap();
        to.link(&pad).unwrap();
        Self { pad, gate }
    }

    fn wait_until_it_hangs(&self) {
        wait_until("hanging", || self.gate.0.lock().unwrap().0);
    }

    fn let_go(&self) {
        self.gate.0.lock().unwrap().1 = true;
        self.gate.1.notify_all();
    }
}

#[test]
fn an_unlinked_pad_does_not_stall_the_video_and_the_loss_is_told() {
    let mut setup = setup();
    setup.frames(0..100);
    assert_eq!(setup.video.buffers_received(), 100);
    let waiting = stat(&setup.element, "events", "waiting");
    assert!((1..=u64::from(QUEUE)).contains(&waiting), "{waiting}");
    let warnings = warnings(&setup.bus);
    // Rate-limited: one, not one for each of the 17 that were dropped.
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("Pad events: its queue is full"),
        "{warnings:?}"
    );
}

#[test]
fn a_hanging_consumer_does_not_stall_the_video() {
    let mut setup = setup();
    let hanging = HangingPad::link(&setup.pad);
    setup.frames(0..1);
    hanging.wait_until_it_hangs();
    setup.frames(1..100);
    assert_eq!(setup.video.buffers_received(), 100);
    hanging.let_go();
    // Whatever was dropped, the visit that the consumer knows of has its end.
    setup.video.push_event(gst::event::Eos::new());
    wait_until("delivery", || {
        stat(&setup.element, "events", "waiting") == 0
    });
    assert!(stat(&setup.element, "events", "dropped") > 0);
}

#[test]
fn a_full_appsink_gets_the_end_of_what_it_saw_begin() {
    let mut setup = setup();
    let sink = full_appsink(&setup.pad);
    setup.frames(0..200);
    assert_eq!(setup.video.buffers_received(), 200);
    setup.video.push_event(gst::event::Eos::new());
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    let mut open = std::collections::HashSet::new();
    let mut n = 0;
    while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(30)) {
        let event = record(sample.buffer().unwrap());
        let id = event["id"].to_string();
        match event["phase"].as_str().unwrap() {
            "start" => assert!(open.insert(id)),
            "end" => assert!(open.remove(&id)),
            _ => {}
        }
        n += 1;
    }
    assert!(sink.is_eos());
    assert!(open.is_empty(), "{open:?}");
    assert!((2..40).contains(&n), "{n}");
    sink.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_pad_is_released_while_its_appsink_is_full() {
    let mut setup = setup();
    let sink = full_appsink(&setup.pad);
    setup.frames(0..100);
    let (element, warnings, mut video) = setup.release();
    assert!(element.static_pad("events").is_none());
    let released = warnings.last().unwrap();
    assert!(
        released.contains("Pad events was released with"),
        "{warnings:?}"
    );
    video.push(to_and_fro(100)).unwrap();
    sink.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_pad_is_released_while_its_consumer_hangs_for_good() {
    let mut setup = setup();
    let hanging = HangingPad::link(&setup.pad);
    setup.frames(0..1);
    hanging.wait_until_it_hangs();
    setup.frames(1..10);
    let (_element, warnings, mut video) = setup.release();
    let text = warnings.join("\n");
    assert!(text.contains("Pad events was released with"), "{text}");
    assert!(text.contains("does not return from a buffer"), "{text}");
    video.push(to_and_fro(10)).unwrap();
    hanging.let_go();
}

#[test]
fn a_pad_that_kept_up_is_released_without_a_word() {
    let mut setup = setup();
    let sink = gst::ElementFactory::make("fakesink")
        .property("async", false)
        .build()
        .unwrap();
    sink.set_state(gst::State::Playing).unwrap();
    setup.pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    setup.frames(0..6);
    wait_until("delivery", || {
        stat(&setup.element, "events", "delivered") == 2
    });
    let (_element, warnings, mut video) = setup.release();
    assert_eq!(warnings, [""; 0]);
    video.push(to_and_fro(6)).unwrap();
    sink.set_state(gst::State::Null).unwrap();
}

#[test]
fn shutting_down_does_not_wait_for_a_blocked_consumer() {
    type Block = fn(&gst::Pad) -> Box<dyn std::any::Any>;
    let blocks: [(&str, Block); 4] = [
        ("a full appsink", |pad| Box::new(full_appsink(pad))),
        ("a hanging pad", |pad| Box::new(HangingPad::link(pad))),
        ("a blocking probe", |pad| {
            let sink = gst::Pad::builder(gst::PadDirection::Sink)
                .chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok))
                .build();
            sink.set_active(true).unwrap();
            pad.link(&sink).unwrap();
            pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| {
                gst::PadProbeReturn::Ok
            });
            Box::new(sink)
        }),
        ("an unlinked pad", |_| Box::new(())),
    ];
    for (what, block) in blocks {
        let mut setup = setup();
        let blocked = block(&setup.pad);
        setup.frames(0..20);
        let element = setup.element.clone();
        within_time(what, move || element.set_state(gst::State::Null).unwrap());
        // And it works again.
        if let Some(hanging) = blocked.downcast_ref::<HangingPad>() {
            hanging.let_go();
        }
        setup.element.set_state(gst::State::Playing).unwrap();
        let element = setup.element.clone();
        within_time(what, move || element.set_state(gst::State::Null).unwrap());
        if let Some(sink) = blocked.downcast_ref::<gst::Element>() {
            sink.set_state(gst::State::Null).unwrap();
        }
    }
}

#[test]
fn a_consumer_that_refuses_is_told_once_and_the_video_goes_on() {
    let mut setup = setup();
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(|_, _, _| Err(gst::FlowError::Error))
        .event_function(|_, _, _| true)
        .build();
    sink.set_active(true).unwrap();
    setup.pad.link(&sink).unwrap();
    setup.frames(0..20);
    wait_until("refusal", || stat(&setup.element, "events", "waiting") == 0);
    setup.frames(20..60);
    wait_until("discarding", || {
        stat(&setup.element, "events", "waiting") == 0
    });
    assert_eq!(setup.video.buffers_received(), 60);
    let warnings = warnings(&setup.bus);
    let refusals = (warnings.iter()).filter(|text| text.contains("its consumer refuses data"));
    assert_eq!(refusals.count(), 1, "{warnings:?}");
}

#[test]
fn a_consumer_that_releases_the_pad_from_its_own_thread_does_not_deadlock() {
    let mut setup = setup();
    let element = setup.element.downgrade();
    let released = Arc::new(Mutex::new(false));
    let done = released.clone();
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .event_function(|_, _, _| true)
        .chain_function(move |pad, _, _| {
            if let (Some(element), Some(peer)) = (element.upgrade(), pad.peer()) {
                element.release_request_pad(&peer);
                *done.lock().unwrap() = true;
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    sink.set_active(true).unwrap();
    setup.pad.link(&sink).unwrap();
    setup.frames(0..20);
    wait_until("release", || *released.lock().unwrap());
    setup.frames(20..30);
    assert!(setup.element.static_pad("events").is_none());
}

#[test]
fn a_flush_frees_a_blocked_consumer_and_the_stream_goes_on() {
    let mut setup = setup();
    let sink = full_appsink(&setup.pad)
        .downcast::<gst_app::AppSink>()
        .unwrap();
    setup.frames(0..1);
    wait_until("delivery", || {
        stat(&setup.element, "events", "delivered") == 1
    });
    let first = record(sink.pull_sample().unwrap().buffer().unwrap());
    setup.frames(1..40);
    setup.video.push_event(gst::event::FlushStart::new());
    setup.video.push_event(gst::event::FlushStop::new(true));
    setup.video.set_src_caps_str(CAPS);
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    setup.video.push_event(gst::event::Segment::new(&segment));
    setup.frames(0..6);
    // The end of what it had seen begin, then what came after; nothing of what was flushed
    // unless it was delivered before.
    let mut open = std::collections::HashSet::from([first["id"].to_string()]);
    setup.video.push_event(gst::event::Eos::new());
    while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(30)) {
        let event = record(sample.buffer().unwrap());
        let id = event["id"].to_string();
        if event["phase"] == "start" {
            assert!(open.insert(id));
        } else {
            open.remove(&id);
        }
    }
    assert!(sink.is_eos());
    sink.set_state(gst::State::Null).unwrap();
}

#[test]
fn hanging_pads_hold_no_element_alive() {
    let mut setup = setup();
    let hanging = HangingPad::link(&setup.pad);
    setup.frames(0..1);
    hanging.wait_until_it_hangs();
    let weak = setup.element.downgrade();
    let element = setup.element.clone();
    within_time("shutting down", move || {
        element.set_state(gst::State::Null).unwrap()
    });
    // Messages that wait on the bus hold their source.
    setup.bus.set_flushing(true);
    let Setup {
        video,
        element,
        pad,
        bus,
    } = setup;
    drop((video, element, pad, bus));
    hanging.let_go();
    wait_until("freeing the element", || weak.upgrade().is_none());
    drop(hanging.pad.clone());
}
