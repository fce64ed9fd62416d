//! What downstream says reaches upstream, and the stream always comes to an end.

use crate::common::models::Tiny;
use crate::common::pipeline::Pipeline;
use crate::common::{self, Item, Rig};
use gst::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lets downstream answer `flow` from the frame after the first `good` ones on; returns how many
/// frames it was given.
fn answer(rig: &Rig, good: usize, flow: gst::FlowError) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let peer = rig.element.static_pad("src").unwrap().peer().unwrap();
    peer.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if counter.fetch_add(1, Ordering::SeqCst) < good {
            return gst::PadProbeReturn::Ok;
        }
        info.flow_res = Err(flow);
        gst::PadProbeReturn::Handled
    })
    .unwrap();
    count
}

/// Pushes until upstream hears of it.
fn push_until_refused(rig: &mut Rig) -> gst::FlowError {
    for _ in 0..100_000 {
        if let Err(flow) = rig.try_push(200) {
            return flow;
        }
    }
    panic!("upstream never heard of it");
}

#[test]
fn what_downstream_answers_reaches_upstream() {
    use gst::FlowError::{CustomError, Eos, Error, NotLinked, NotNegotiated};
    for flow in [Eos, Error, NotLinked, NotNegotiated, CustomError] {
        let mut rig = Rig::new(&Tiny::default().file(), &[("threads", "2")]);
        let count = answer(&rig, 3, flow);
        assert_eq!(push_until_refused(&mut rig), flow);
        assert_eq!(rig.try_push(200), Err(flow), "and again");
        assert_eq!(count.load(Ordering::SeqCst), 4, "{flow}: nothing after it");
    }
}

#[test]
fn after_a_flush_downstream_is_asked_again() {
    for flow in [gst::FlowError::Eos, gst::FlowError::Error] {
        let mut rig = Rig::new(&Tiny::default().file(), &[]);
        let count = answer(&rig, 0, flow);
        assert_eq!(push_until_refused(&mut rig), flow);
        rig.flush_start();
        rig.flush_stop();
        rig.segment();
        assert_eq!(push_until_refused(&mut rig), flow);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn the_end_of_the_stream_passes_a_downstream_that_takes_no_more_frames() {
    let mut rig = Rig::new(&Tiny::default().file(), &[("threads", "2")]);
    answer(&rig, 3, gst::FlowError::Eos);
    assert_eq!(push_until_refused(&mut rig), gst::FlowError::Eos);
    rig.eos();
    assert_eq!(rig.errors(), [""; 0]);
}

#[test]
fn the_end_that_waits_behind_refused_frames_passes_too() {
    let mut rig = Rig::new(
        &Tiny {
            work: 60,
            ..Tiny::default()
        }
        .file(),
        &[("threads", "4")],
    );
    answer(&rig, 0, gst::FlowError::Eos);
    for _ in 0..4 {
        let _ = rig.try_push(255);
    }
    rig.eos();
}

#[test]
fn a_new_segment_opens_a_downstream_that_was_at_its_end() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    let peer = rig.element.static_pad("src").unwrap().peer().unwrap();
    let probe = peer
        .add_probe(gst::PadProbeType::BUFFER, |_, info| {
            info.flow_res = Err(gst::FlowError::Eos);
            gst::PadProbeReturn::Handled
        })
        .unwrap();
    assert_eq!(push_until_refused(&mut rig), gst::FlowError::Eos);
    peer.remove_probe(probe);
    assert_eq!(rig.try_push(200), Err(gst::FlowError::Eos));
    rig.segment();
    rig.log.clear();
    assert_eq!(rig.push_and_wait(200).labels(), ["block", "slider"]);
}

#[test]
fn a_stream_that_ends_while_nobody_takes_it_is_an_error() {
    for flow in [gst::FlowError::NotLinked, gst::FlowError::NotNegotiated] {
        // Upstream may be done before the answer comes, or may not care for it: the element speaks.
        for heard in [false, true] {
            let mut rig = Rig::new(&Tiny::default().file(), &[]);
            answer(&rig, 0, flow);
            if heard {
                assert_eq!(push_until_refused(&mut rig), flow);
            } else {
                rig.push(200);
            }
            rig.event(gst::event::Eos::new());
            let timeout = gst::ClockTime::from_seconds(60);
            let message = rig
                .bus
                .timed_pop_filtered(timeout, &[gst::MessageType::Error]);
            assert!(message.is_some(), "{flow}: neither error nor end");
            assert_eq!(rig.errors(), [""; 0], "one is enough");
        }
    }
}

#[test]
fn a_link_made_later_gets_the_frames_from_then_on() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    let src = rig.element.static_pad("src").unwrap();
    let peer = src.peer().unwrap();
    src.unlink(&peer).unwrap();
    assert_eq!(push_until_refused(&mut rig), gst::FlowError::NotLinked);
    rig.caps(&common::rgb(96, 96));
    src.link(&peer).unwrap();
    rig.log.clear();
    rig.push(200);
    // One that was on its way at the time of the link may come before it.
    let is_new = |seen: &common::Seen| seen.size == 96 * 96 * 3;
    let items = rig
        .log
        .wait(|items| common::frames(items).iter().any(is_new));
    let seen = common::frames(&items).into_iter().find(is_new).unwrap();
    seen.assert_answer(200.0 / 255.0, (96, 96));
    let caps = peer.current_caps().unwrap();
    let width = caps.structure(0).unwrap().get::<i32>("width");
    assert_eq!(width, Ok(96));
}

#[test]
fn a_sink_that_has_enough_ends_the_pipeline() {
    let file = Tiny::default().file();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc ! video/x-raw,format=I420,width=64,height=64 ! {} ! \
         appsink name=sink sync=false",
        common::detect(&file)
    ));
    let sink = pipeline.pipeline.by_name("sink").unwrap();
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    let count = AtomicUsize::new(0);
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
                match count.fetch_add(1, Ordering::SeqCst) {
                    10 => Err(gst::FlowError::Eos),
                    _ => Ok(gst::FlowSuccess::Ok),
                }
            })
            .build(),
    );
    assert_eq!(pipeline.run(), Ok(()));
}

#[test]
fn an_error_downstream_ends_the_pipeline_with_that_error() {
    let file = Tiny::default().file();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc ! video/x-raw,format=I420,width=64,height=64 ! {} ! \
         identity error-after=5 ! fakesink",
        common::detect(&file)
    ));
    let error = pipeline.run().unwrap_err();
    assert!(error.contains("Failed after iterations"), "{error}");
}

#[test]
fn a_downstream_that_does_not_return_is_left_when_the_state_changes() {
    let file = Tiny::default().file();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc ! video/x-raw,format=I420,width=64,height=64 ! {} ! fakesink sync=true",
        common::detect(&file)
    ));
    // The first frame sits in the sink's preroll and the producer in front of a full lane.
    pipeline.pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.settle();
    pipeline
        .log
        .wait(|items| items.iter().any(|item| matches!(item, Item::Frame(_))));
    pipeline.pipeline.set_state(gst::State::Null).unwrap();
    assert!(pipeline.stats().get::<u32>("queued") == Ok(0));
}
