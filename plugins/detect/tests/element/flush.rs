//! Flushes and seeks: nothing stale comes out afterwards, and it goes on.

use crate::common::models::Tiny;
use crate::common::pipeline::Pipeline;
use crate::common::{self, Item, Rig, brightness};
use gst::prelude::*;
use vigil_analytics::objects::Look;

fn slow() -> Tiny {
    Tiny {
        work: 60,
        ..Tiny::default()
    }
}

/// What came after the last flush.
fn after_flush(items: &[Item]) -> &[Item] {
    let flush = items.iter().rposition(
        |item| matches!(item, Item::Event(event) if event.type_() == gst::EventType::FlushStop),
    );
    &items[flush.unwrap() + 1..]
}

#[test]
fn a_flush_drops_the_frames_in_flight_and_nothing_stale_comes_after_it() {
    let mut rig = Rig::new(&slow().file(), &[("threads", "3")]);
    let mut first = 0;
    for round in 0..20 {
        rig.log.clear();
        // From none to more than are in flight at a time.
        for _ in 0..round % 8 {
            rig.push(255);
        }
        rig.flush_start();
        let refused = rig.try_push(255);
        assert_eq!(refused, Err(gst::FlowError::Flushing));
        rig.flush_stop();
        rig.segment();
        first += round % 8 + 1;
        rig.push(150);
        rig.push(151);
        let items = rig.log.wait(|items| {
            let flushed = items.iter().any(
                |item| matches!(item, Item::Event(event) if event.type_() == gst::EventType::FlushStop),
            );
            flushed && common::frames(after_flush(items)).len() >= 2
        });
        let frames = common::frames(after_flush(&items));
        let came: Vec<_> = frames.iter().map(|seen| seen.index()).collect();
        assert_eq!(came, [first, first + 1]);
        frames[0].assert_answer(brightness(150), (64, 64));
        frames[1].assert_answer(brightness(151), (64, 64));
        first += 2;
    }
    assert_eq!(common::frames(after_flush(&rig.eos())).len(), 2);
    assert_eq!(rig.errors(), [""; 0]);
}

#[test]
fn a_flush_wakes_a_producer_that_waits_for_room() {
    let file = Tiny {
        work: 150,
        ..Tiny::default()
    }
    .file();
    let mut rig = Rig::new(&file, &[("threads", "1")]);
    let sink = rig.element.static_pad("sink").unwrap();
    let pushed_out = rig.log.clone();
    // From another thread, as a seek does: the producer sits in its push meanwhile.
    let flusher = std::thread::spawn(move || {
        pushed_out.frames(1);
        assert!(sink.send_event(gst::event::FlushStart::new()));
    });
    let mut pushed = 0;
    while rig.try_push(255).is_ok() {
        pushed += 1;
        assert!(pushed < 10_000, "it never flushed");
    }
    flusher.join().unwrap();
    rig.flush_stop();
    rig.segment();
    rig.log.clear();
    assert_eq!(rig.push_and_wait(100).look, Look::Inferred);
}

#[test]
fn interval_counts_anew_after_a_flush() {
    let mut rig = Rig::new(&Tiny::default().file(), &[("interval", "9")]);
    rig.push_and_wait(200);
    assert_eq!(rig.push_and_wait(200).look, Look::Skipped);
    rig.flush_start();
    rig.flush_stop();
    rig.segment();
    assert_eq!(rig.push_and_wait(200).look, Look::Inferred);
}

/// A stream that can seek, of 25 frames a second.
fn seekable(model: &common::models::ModelFile) -> Pipeline {
    Pipeline::new(&format!(
        "videotestsrc num-buffers=2000 pattern=white ! \
         video/x-raw,format=I420,width=64,height=64,framerate=25/1 ! \
         {} threads=2 ! fakesink sync=true",
        common::detect(model)
    ))
}

#[test]
fn seeks_show_what_was_asked_for_and_nothing_of_before() {
    let file = slow().file();
    let pipeline = seekable(&file);
    pipeline.pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.settle();
    pipeline.play();
    for seconds in [40, 10, 10, 60, 0] {
        let to = gst::ClockTime::from_seconds(seconds);
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        pipeline.pipeline.seek_simple(flags, to).unwrap();
        pipeline.settle();
        let items = pipeline.log.items();
        let first = common::frames(after_flush(&items))[0].clone();
        assert_eq!((first.pts, first.look), (Some(to), Look::Inferred));
        pipeline.log.clear();
    }
}

#[test]
fn a_part_of_a_file_is_detected_on_to_its_last_frame() {
    let file = slow().file();
    let pipeline = seekable(&file);
    pipeline.pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.settle();
    let sink = pipeline.pipeline.iterate_sinks().next().unwrap().unwrap();
    sink.set_property("sync", false);
    pipeline
        .pipeline
        .seek(
            1.0,
            gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
            gst::SeekType::Set,
            gst::ClockTime::from_seconds(8),
            gst::SeekType::Set,
            gst::ClockTime::from_seconds(10),
        )
        .unwrap();
    assert_eq!(pipeline.run(), Ok(()));
    let frames = common::frames(after_flush(&pipeline.log.items()));
    let came: Vec<_> = frames.iter().map(|seen| seen.index()).collect();
    assert_eq!(came, (200..250).collect::<Vec<_>>());
    assert!(frames.iter().all(|seen| seen.look == Look::Inferred));
}
