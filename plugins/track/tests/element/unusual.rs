//! Streams as no detector, no tracker and no source should make them, and as some do.

use crate::common::{Rig, clock, look_at, person};
use crate::{FRAME_MS, common, ids, lost};
use gst::prelude::*;
use vigil_analytics::objects::{self, Track};

#[test]
fn buffers_without_video_caps_are_tracked() {
    for caps in [
        "",
        "application/x-anything",
        "video/x-h264,width=640,height=480",
    ] {
        let mut rig = Rig::with_caps("", caps);
        for i in 0..3 {
            let out = rig.push(look_at(i * FRAME_MS, &[person(100.0)]));
            assert_eq!(ids(&out), [Some(1)], "{caps:?}");
        }
        let (_, objects) = common::read(&rig.push(common::buffer(3 * FRAME_MS)));
        assert_eq!(objects.len(), 1, "{caps:?}");
    }
}

#[test]
fn buffers_without_pts_are_tracked_at_the_frame_rate_and_not_coasted() {
    let mut rig = Rig::new("max-age=0.2");
    let push = |rig: &mut Rig, detections: Option<&[objects::Detection]>| {
        let mut buffer = match detections {
            Some(detections) => look_at(0, detections),
            None => common::buffer(0),
        };
        buffer.get_mut().unwrap().set_pts(None);
        rig.push(buffer)
    };
    for _ in 0..3 {
        assert_eq!(ids(&push(&mut rig, Some(&[person(100.0)]))), [Some(1)]);
    }
    assert_eq!(ids(&push(&mut rig, None)), []);
    // With the skipped one, five frames of 40 ms are within 200 ms, seven are not.
    for (missed, id) in [(4, Some(1)), (6, None)] {
        for _ in 0..missed {
            push(&mut rig, Some(&[]));
        }
        assert_eq!(
            ids(&push(&mut rig, Some(&[person(100.0)]))),
            [id],
            "{missed} missed"
        );
    }
}

#[test]
fn tracks_of_another_tracker_are_left_alone_with_a_warning() {
    let mut rig = Rig::new("");
    for i in 0..3 {
        let mut buffer = look_at(i * FRAME_MS, &[person(100.0), person(300.0)]);
        let theirs = Track {
            id: 77,
            first_seen: clock(0),
            last_seen: clock(i * FRAME_MS),
            lost: false,
        };
        let (_, objects) = common::read(&buffer);
        objects::write_tracks(buffer.get_mut().unwrap(), &[(objects[0].id, theirs)]).unwrap();
        assert_eq!(ids(&rig.push(buffer)), [Some(77), Some(1)]);
    }
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("one tracker only"), "{warnings:?}");
}

#[test]
fn objects_of_two_detectors_on_one_buffer_are_all_tracked() {
    let mut rig = Rig::new("");
    for i in 0..3 {
        let mut buffer = look_at(i * FRAME_MS, &[person(100.0)]);
        objects::write_detections(buffer.get_mut().unwrap(), &[person(300.0)]).unwrap();
        assert_eq!(ids(&rig.push(buffer)), [Some(1), Some(2)]);
    }
}

#[test]
fn boxes_that_are_none_disturb_nobody() {
    let mut rig = Rig::new("");
    let with = |x: f32, y: f32, w: f32, h: f32, confidence: f32| objects::Detection {
        bbox: objects::BBox { x, y, w, h },
        confidence,
        ..person(0.0)
    };
    let nonsense = [
        with(f32::NAN, 0.0, 10.0, 10.0, 0.9),
        with(0.0, 0.0, -10.0, -10.0, f32::NAN),
        with(-1e9, -1e9, 2e9, 2e9, 0.9),
        with(0.0, 0.0, f32::INFINITY, 1.0, 2.0),
    ];
    for i in 0..5 {
        let mut detections = nonsense.to_vec();
        detections.push(person(100.0));
        let out = rig.push(look_at(i * FRAME_MS, &detections));
        let ids = ids(&out);
        assert!(ids[4].is_some(), "{ids:?}");
        let mut given: Vec<_> = ids.iter().flatten().collect();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), ids.iter().flatten().count(), "{ids:?}");
    }
}

/// A stream of a few thousand buffers on which everything is wrong that can be: times, flags, boxes,
/// sizes, flushes, settings.
#[test]
fn whatever_a_stream_does_ids_are_never_shared_nor_used_again() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut rig = Rig::new("");
    let mut over = std::collections::HashSet::new();
    let mut pts = 0;
    for _ in 0..3000 {
        match random(60) {
            0 => pts += 3_600_000 * random(5),
            1 => pts = pts.saturating_sub(random(7_200_000)),
            2 => {
                rig.event(gst::event::FlushStart::new());
                rig.event(gst::event::FlushStop::new(true));
                rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
            }
            3 => {
                let name = ["vigil", "sort", "bytetrack", "ocsort"][random(4) as usize];
                rig.element().set_property_from_str("algorithm", name);
            }
            4 => {
                let name = ["never", "flush", "discont"][random(3) as usize];
                rig.element().set_property_from_str("reset-on", name);
            }
            5 => {
                let (w, h) = [(640, 480), (320, 240), (480, 640)][random(3) as usize];
                rig.caps(&format!("video/x-raw,format=I420,width={w},height={h}"));
            }
            6 => rig.element().set_property("per-class", random(2) == 0),
            _ => pts += random(100),
        }
        let boxes: Vec<_> = (0..random(12))
            .map(|i| objects::Detection {
                label: gst::glib::Quark::from_str(["person", "car"][random(2) as usize]),
                bbox: objects::BBox {
                    x: (i * 60 + random(8)) as f32,
                    y: random(8) as f32,
                    w: [40.0, 0.0, -5.0, f32::NAN, 1e9, 41.0, 42.0, 43.0][random(8) as usize],
                    h: 100.0,
                },
                confidence: random(110) as f32 / 100.0,
            })
            .collect();
        let mut buffer = match random(4) {
            0 => common::buffer(pts),
            _ => look_at(pts, &boxes),
        };
        let writable = buffer.get_mut().unwrap();
        if random(20) == 0 {
            writable.set_pts(None);
        }
        if random(20) == 0 {
            writable.set_flags(gst::BufferFlags::DISCONT);
        }
        let out = rig.push(buffer);
        let mut given: Vec<_> = ids(&out).into_iter().flatten().collect();
        let number = given.len();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), number, "two boxes share an id");
        assert!(given.iter().all(|id| !over.contains(id) && *id < 1 << 53));
        for id in lost(&out) {
            assert!(
                !given.contains(&id) && over.insert(id),
                "{id} was lost twice"
            );
        }
    }
    assert!(rig.stat("tracks-total") > 500);
}

#[test]
fn a_hundred_rapid_state_changes_break_nothing() {
    common::init();
    let pipeline = gst::parse::launch(
        "videotestsrc is-live=false ! video/x-raw,width=64,height=48 ! vigiltrack name=t ! \
         fakesink sync=false",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let states = [
        gst::State::Playing,
        gst::State::Paused,
        gst::State::Ready,
        gst::State::Null,
    ];
    for i in 0..100 {
        pipeline
            .set_state(states[(i * 7 + i / 3) % states.len()])
            .unwrap();
    }
    pipeline.set_state(gst::State::Playing).unwrap();
    let (result, state, _) = pipeline.state(gst::ClockTime::from_seconds(20));
    assert!(result.is_ok());
    assert_eq!(state, gst::State::Playing);
    pipeline.set_state(gst::State::Null).unwrap();
}
