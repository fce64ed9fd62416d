//! What ends tracks, and who is told of it.

use crate::common::{Rig, clock, look_at, person};
use crate::{FRAME_MS, common, ids, lost};
use gst::prelude::*;
use vigil_analytics::objects::{self, Look, Track};

#[test]
fn tracks_end_at_a_cut_and_ids_go_on() {
    type Cut = fn(&mut Rig) -> u64;
    let cuts: [(&str, Cut); 7] = [
        ("flush", |rig| {
            rig.event(gst::event::FlushStart::new());
            rig.event(gst::event::FlushStop::new(true));
            rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
            160
        }),
        ("another stream", |rig| {
            rig.event(gst::event::StreamStart::new("another"));
            160
        }),
        ("a segment elsewhere", |rig| {
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_base(gst::ClockTime::from_seconds(7));
            rig.segment(&segment);
            160
        }),
        ("back", |_| 0),
        ("a large gap", |_| 10_000),
        ("another picture", |rig| {
            rig.caps("video/x-raw,format=I420,width=480,height=640,framerate=25/1");
            160
        }),
        ("end of stream", |rig| {
            rig.event(gst::event::Eos::new());
            rig.event(gst::event::StreamStart::new("test"));
            rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
            160
        }),
    ];
    for (name, cut) in cuts {
        let mut rig = Rig::new("");
        for i in 0..4 {
            // From 200 to 320 ms: back to 200 ms is more than jitter.
            let out = rig.push(look_at(200 + i * FRAME_MS, &[person(100.0)]));
            assert_eq!(ids(&out), [Some(1)], "{name}");
        }
        let pts = cut(&mut rig);
        let out = rig.push(look_at(pts + 200, &[person(100.0)]));
        let track = common::read(&out).1[0].track.unwrap();
        assert_eq!(
            (track.id, track.first_seen),
            (2, clock(pts + 200)),
            "{name}"
        );
    }
}

#[test]
fn tracks_live_on_where_the_stream_goes_on() {
    type Change = fn(&mut Rig);
    let changes: [(&str, Change); 5] = [
        ("the same stream again", |rig| {
            rig.event(gst::event::StreamStart::new("test"))
        }),
        ("a segment that only ends elsewhere", |rig| {
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_stop(gst::ClockTime::from_seconds(7));
            rig.segment(&segment);
        }),
        ("a gap event", |rig| {
            rig.event(
                gst::event::Gap::builder(clock(150))
                    .duration(clock(10))
                    .build(),
            );
        }),
        ("another frame rate", |rig| {
            rig.caps("video/x-raw,format=I420,width=640,height=480,framerate=30/1");
        }),
        ("a changed property", |rig| {
            rig.element().set_property("max-age", 0.3f64)
        }),
    ];
    for (name, change) in changes {
        let mut rig = Rig::new("");
        for i in 0..4 {
            rig.push(look_at(i * FRAME_MS, &[person(100.0)]));
        }
        change(&mut rig);
        let out = rig.push(look_at(160, &[person(100.0)]));
        assert_eq!(ids(&out), [Some(1)], "{name}");
    }
}

#[test]
fn tracks_follow_a_change_of_resolution() {
    let mut rig = Rig::new("");
    for i in 0..4 {
        rig.push(look_at(i * FRAME_MS, &[person(300.0)]));
    }
    rig.caps("video/x-raw,format=I420,width=320,height=240,framerate=25/1");
    let mut half = person(300.0);
    for value in [
        &mut half.bbox.x,
        &mut half.bbox.y,
        &mut half.bbox.w,
        &mut half.bbox.h,
    ] {
        *value *= 0.5;
    }
    assert_eq!(ids(&rig.push(look_at(160, &[half]))), [Some(1)]);
}

#[test]
fn a_track_that_is_given_up_is_told_of_once() {
    let mut rig = Rig::new("max-age=0.2");
    for i in 0..4 {
        let out = rig.push(look_at(i * FRAME_MS, &[person(100.0), person(300.0)]));
        assert!(lost(&out).is_empty());
    }
    let mut told = Vec::new();
    for i in 4..20 {
        let out = rig.push(look_at(i * FRAME_MS, &[person(300.0)]));
        let mut tracks = Vec::new();
        objects::read_lost(&out, &mut tracks);
        told.append(&mut tracks);
        // It has no box, so readers of objects see nothing of it.
        assert_eq!(ids(&out), [Some(2)]);
    }
    let expected = Track {
        id: 1,
        first_seen: gst::ClockTime::ZERO,
        last_seen: clock(3 * FRAME_MS),
        lost: true,
    };
    assert_eq!(told, [expected]);
}

#[test]
fn tracks_that_a_cut_ended_are_told_of_on_the_next_look() {
    let mut rig = Rig::new("");
    rig.push(look_at(0, &[person(100.0)]));
    rig.event(gst::event::FlushStart::new());
    rig.event(gst::event::FlushStop::new(true));
    rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
    let skipped = rig.push(common::buffer(0));
    assert_eq!(common::read(&skipped).0, Look::Skipped);
    let out = rig.push(look_at(FRAME_MS, &[person(100.0)]));
    assert_eq!((lost(&out), ids(&out)), (vec![1], vec![Some(2)]));
    assert!(lost(&rig.push(look_at(2 * FRAME_MS, &[]))).is_empty());
}

#[test]
fn what_ends_all_tracks_can_be_chosen() {
    type Cut = fn(&mut Rig) -> gst::Buffer;
    let flush: Cut = |rig| {
        rig.event(gst::event::FlushStart::new());
        rig.event(gst::event::FlushStop::new(true));
        rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
        look_at(200, &[person(100.0)])
    };
    let back: Cut = |_| look_at(0, &[person(100.0)]);
    let hours: Cut = |_| look_at(5 * 3_600_000, &[person(100.0)]);
    let discont: Cut = |_| {
        let mut buffer = look_at(200, &[person(100.0)]);
        let flags = gst::BufferFlags::DISCONT;
        buffer.get_mut().unwrap().set_flags(flags);
        buffer
    };
    for (reset_on, cut, ends) in [
        ("never", flush, false),
        ("never", back, false),
        ("never", hours, false),
        ("never", discont, false),
        ("flush", flush, true),
        ("flush", back, true),
        ("flush", hours, true),
        ("flush", discont, false),
        ("discont", flush, true),
        ("discont", discont, true),
    ] {
        let mut rig = Rig::new(&format!("reset-on={reset_on}"));
        for i in 0..4 {
            rig.push(look_at(160 + i * FRAME_MS / 4, &[person(100.0)]));
        }
        let buffer = cut(&mut rig);
        let at = buffer.pts();
        let out = rig.push(buffer);
        let expected = if ends { 2 } else { 1 };
        assert_eq!(ids(&out), [Some(expected)], "{reset_on} {at:?}");
    }
}

#[test]
fn reverse_playback_keeps_ids_and_presentation_times() {
    let mut rig = Rig::new("");
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(-1.0);
    segment.set_stop(clock(10_000));
    rig.event(gst::event::FlushStart::new());
    rig.event(gst::event::FlushStop::new(true));
    rig.segment(&segment);
    for i in (0..10).rev() {
        let out = rig.push(look_at(1000 + i * FRAME_MS, &[person(100.0)]));
        let track = common::read(&out).1[0].track.unwrap();
        assert_eq!((track.id, track.last_seen), (1, out.pts().unwrap()));
    }
    let (_, objects) = common::read(&rig.push(common::buffer(960)));
    assert_eq!(objects, []);
}

#[test]
fn ids_begin_again_only_when_the_element_was_stopped() {
    let mut rig = Rig::new("");
    rig.push(look_at(0, &[person(100.0)]));
    rig.element().set_state(gst::State::Null).unwrap();
    rig.element().set_state(gst::State::Playing).unwrap();
    rig.start("video/x-raw,format=I420,width=640,height=480,framerate=25/1");
    assert_eq!(ids(&rig.push(look_at(0, &[person(300.0)]))), [Some(1)]);
    assert_eq!(rig.stat("frames"), 1);
}
