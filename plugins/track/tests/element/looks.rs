//! Buffers that were looked at and ones that were skipped.

use crate::common::{Rig, clock, look_at, person, person_with_score};
use crate::{FRAME_MS, common, ids};
use gst::prelude::*;
use vigil_analytics::objects::{self, Look, Track};

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
