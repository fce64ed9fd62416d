//! The element through its pads.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod common;

use common::{Rig, clock, look_at, person, person_with_score};
use gst::prelude::*;
use vigil_analytics::objects::{self, Look, Track};

const FRAME_MS: u64 = 40;

/// Ids of the tracks on a buffer, by object.
fn ids(buffer: &gst::Buffer) -> Vec<Option<u64>> {
    let (_, objects) = common::read(buffer);
    objects
        .iter()
        .map(|object| object.track.map(|track| track.id))
        .collect()
}

#[test]
fn objects_of_looked_at_buffers_get_related_tracks() {
    let mut rig = Rig::new("");
    for i in 0..5 {
        let out = rig.push(look_at(i * FRAME_MS, &[person(100.0), person(300.0)]));
        let (look, objects) = common::read(&out);
        assert_eq!(look, Look::Inferred);
        let track = |id| {
            Some(Track {
                id,
                first_seen: gst::ClockTime::ZERO,
                last_seen: clock(i * FRAME_MS),
                lost: false,
            })
        };
        assert_eq!((objects[0].track, objects[1].track), (track(1), track(2)));
    }
    assert_eq!(rig.stat("frames"), 5);
    assert_eq!(rig.stat("inferred"), 5);
    assert_eq!(rig.stat("tracks-active"), 2);
    assert_eq!(rig.stat("tracks-total"), 2);
    assert!(rig.stats().get::<f64>("update-p50-us").unwrap() > 0.0);
}

#[test]
fn a_detection_too_weak_gets_no_track() {
    let mut rig = Rig::new("");
    for i in 0..3 {
        let detections = [person(100.0), person_with_score(300.0, 0.3)];
        let out = rig.push(look_at(i * FRAME_MS, &detections));
        assert_eq!(ids(&out), [Some(1), None]);
    }
}

#[test]
fn skipped_buffers_get_coasted_objects_for_a_while() {
    let mut rig = Rig::new("coast-max=0.2");
    for i in 0..10 {
        rig.push(look_at(i * FRAME_MS, &[person(100.0 + 4.0 * i as f32)]));
    }
    for i in 10..15 {
        let out = rig.push(common::buffer(i * FRAME_MS));
        let (look, objects) = common::read(&out);
        assert_eq!(look, Look::Skipped, "coasted objects are nobody's look");
        let object = objects[0];
        assert!(object.is_coasted(out.pts()));
        assert_eq!(object.label_str(), "person");
        assert!(
            (object.bbox.x - (100.0 + 4.0 * i as f32)).abs() < 4.0,
            "{:?}",
            object.bbox
        );
        let track = object.track.unwrap();
        assert_eq!((track.id, track.last_seen), (1, clock(9 * FRAME_MS)));
    }
    let (_, objects) = common::read(&rig.push(common::buffer(15 * FRAME_MS)));
    assert_eq!(objects, [], "201 ms is too long");
    assert_eq!((rig.stat("skipped"), rig.stat("tracks-active")), (6, 1));
}

#[test]
fn a_skipped_buffer_without_tracks_stays_one_that_nobody_looked_at() {
    for settings in ["", "coast=false"] {
        let mut rig = Rig::new(settings);
        if !settings.is_empty() {
            rig.push(look_at(0, &[person(100.0)]));
        }
        let out = rig.push(common::buffer(FRAME_MS));
        assert!(
            out.meta::<gst_analytics::AnalyticsRelationMeta>().is_none(),
            "{settings}"
        );
    }
}

#[test]
fn a_skipped_buffer_is_no_miss_and_an_empty_one_is() {
    for (empty, id) in [(false, Some(1)), (true, None)] {
        let mut rig = Rig::new("max-age=0.5");
        rig.push(look_at(0, &[person(100.0)]));
        for i in 1..50 {
            rig.push(if empty {
                look_at(i * FRAME_MS, &[])
            } else {
                common::buffer(i * FRAME_MS)
            });
        }
        let out = rig.push(look_at(50 * FRAME_MS, &[person(100.0)]));
        assert_eq!(ids(&out), [id]);
    }
}

#[test]
fn coasted_objects_stay_on_the_frame() {
    let mut rig = Rig::new("");
    for i in 0..10 {
        rig.push(look_at(i * FRAME_MS, &[person(500.0 + 10.0 * i as f32)]));
    }
    // 640 wide: at 600 it begins to leave, at 640 it is gone.
    let (_, objects) = common::read(&rig.push(common::buffer(12 * FRAME_MS)));
    assert!((objects[0].bbox.x + objects[0].bbox.w - 640.0).abs() < 0.01);
    let (_, objects) = common::read(&rig.push(common::buffer(16 * FRAME_MS)));
    assert_eq!(objects, []);
}

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
fn settings_that_do_not_fit_are_refused_with_a_reason() {
    common::init();
    let element = gst::ElementFactory::make("vigiltrack")
        .property("low-threshold", 0.8f32)
        .build()
        .unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else {
        unreachable!("filtered")
    };
    let text = format!("{} {:?}", error.error(), error.debug());
    assert!(text.contains("low-threshold is 0.8"), "{text}");
    element.set_state(gst::State::Null).unwrap();
}

#[test]
fn settings_that_stop_fitting_while_playing_warn_and_change_nothing() {
    let mut rig = Rig::new("");
    for i in 0..4 {
        if i == 2 {
            rig.element().set_property("low-threshold", 0.8f32);
        }
        let out = rig.push(look_at(i * FRAME_MS, &[person_with_score(100.0, 0.75)]));
        assert_eq!(ids(&out), [Some(1)]);
    }
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("low-threshold is 0.8"), "{warnings:?}");
}

#[test]
fn properties_take_effect_while_playing() {
    let mut rig = Rig::new("");
    let car = |i| {
        let mut car = person(100.0);
        car.label = gst::glib::Quark::from_str("car");
        look_at(i * FRAME_MS, &[car])
    };
    rig.push(look_at(0, &[person(100.0)]));
    assert_eq!(ids(&rig.push(car(1))), [None]);
    rig.push(look_at(2 * FRAME_MS, &[person(100.0)]));
    rig.element().set_property("per-class", false);
    assert_eq!(ids(&rig.push(car(3))), [Some(1)]);
}

/// Ids of the tracks that a buffer says were given up.
fn lost(buffer: &gst::Buffer) -> Vec<u64> {
    let mut lost = Vec::new();
    objects::read_lost(buffer, &mut lost);
    lost.iter().map(|track| track.id).collect()
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
fn only_the_classes_asked_for_are_tracked() {
    let mut rig = Rig::new("classes=\"car, dog\"");
    let thing = |label: &str, x: f32| objects::Detection {
        label: gst::glib::Quark::from_str(label),
        ..person(x)
    };
    for i in 0..3 {
        let things = [
            thing("person", 100.0),
            thing("dog", 300.0),
            thing("car", 500.0),
        ];
        let out = rig.push(look_at(i * FRAME_MS, &things));
        assert_eq!(ids(&out), [None, Some(1), Some(2)]);
    }
    rig.element().set_property("classes", "person");
    let things = [thing("person", 100.0), thing("dog", 300.0)];
    for i in 3..5 {
        let out = rig.push(look_at(i * FRAME_MS, &things));
        assert_eq!(ids(&out)[1], None);
    }
}

#[test]
fn ids_go_on_where_the_algorithm_changes() {
    let mut rig = Rig::new("");
    let mut last = 0;
    for (round, algorithm) in ["vigil", "sort", "bytetrack", "ocsort", "vigil"]
        .into_iter()
        .enumerate()
    {
        rig.element().set_property_from_str("algorithm", algorithm);
        for i in 0..6 {
            let pts = (round as u64 * 6 + i) * FRAME_MS;
            let out = rig.push(look_at(pts, &[person(100.0), person(300.0)]));
            let ids: Vec<_> = ids(&out).into_iter().flatten().collect();
            assert_eq!(ids, [last + 1, last + 2], "{algorithm}");
            assert_eq!(lost(&out).len(), if i == 0 && last > 0 { 2 } else { 0 });
        }
        last += 2;
    }
    assert_eq!(rig.stat("tracks-total"), last);
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
fn an_object_that_changes_its_class_is_another_one_unless_classes_are_mixed() {
    for (properties, expected) in [
        ("min-hits=1", [1, 2]),
        ("min-hits=1 per-class=false", [1, 1]),
    ] {
        let mut rig = Rig::new(properties);
        for (i, label) in ["car", "truck"].into_iter().enumerate() {
            for j in 0..3 {
                let thing = objects::Detection {
                    label: gst::glib::Quark::from_str(label),
                    ..person(100.0)
                };
                let out = rig.push(look_at((3 * i as u64 + j) * FRAME_MS, &[thing]));
                assert_eq!(ids(&out), [Some(expected[i])], "{properties}");
            }
        }
    }
}

/// The default as the page of the element writes it.
fn default_of(spec: &gst::glib::ParamSpec) -> String {
    let value = spec.default_value();
    let number = value
        .get::<f32>()
        .map(|value| value.to_string())
        .or_else(|_| value.get::<f64>().map(|value| value.to_string()))
        .or_else(|_| value.get::<u32>().map(|value| value.to_string()))
        .or_else(|_| value.get::<bool>().map(|value| value.to_string()));
    let nick = || gst::glib::EnumValue::from_value(value).map(|(_, value)| value.nick().to_owned());
    number.ok().or_else(nick).unwrap_or_default()
}

#[test]
fn every_property_has_its_default_and_is_on_the_page_with_it() {
    common::init();
    let page = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vigiltrack.md"),
    )
    .unwrap();
    let element = gst::ElementFactory::make("vigiltrack").build().unwrap();
    let inherited = ["name", "parent", "qos", "stats"];
    let mut seen = 0;
    for spec in element.list_properties() {
        let name = spec.name();
        if inherited.contains(&name) {
            continue;
        }
        seen += 1;
        let row = format!(
            "| `{name}` | {} | {} |",
            default_of(&spec),
            spec.blurb().unwrap()
        );
        assert!(page.contains(&row), "docs/vigiltrack.md lacks: {row}");
        let value = element.property_value(name);
        assert_eq!(
            format!("{value:?}"),
            format!("{:?}", spec.default_value()),
            "{name}"
        );
    }
    assert_eq!(seen, 20);
}

#[test]
fn frames_pass_untouched_and_in_order() {
    let mut rig = Rig::new("");
    for i in 0..5u8 {
        let mut buffer = gst::Buffer::from_slice([i; 16]);
        {
            let buffer = buffer.get_mut().unwrap();
            buffer.set_pts(clock(u64::from(i) * FRAME_MS));
            buffer.set_offset(u64::from(i));
            objects::write_detections(buffer, &[person(100.0)]).unwrap();
        }
        // Somebody else holds on to it: it must not be changed under them.
        let kept = buffer.clone();
        let out = rig.push(buffer);
        assert_eq!(out.map_readable().unwrap().as_slice(), [i; 16]);
        assert_eq!((out.pts(), out.offset()), (kept.pts(), u64::from(i)));
        assert_eq!(ids(&kept), [None]);
        assert_eq!(ids(&out), [Some(1)]);
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
