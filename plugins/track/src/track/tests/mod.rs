//! What trackers do, in scenes of a few objects: ours, and where it says so, all of them.

use super::{Algorithm, Config, Counts, Detection, Ended, Time, TrackedObject, Tracker};
use crate::geometry::Rect;
use crate::synthetic::Scene;

mod bad_input;
mod doubtful;
mod hints;

const MS: Time = 1_000_000;
const FRAME: Time = 40 * MS;

fn person(x: f32, score: f32) -> Detection {
    Detection {
        bbox: Rect::new(x, 100.0, 40.0, 100.0),
        score,
        class: 1,
    }
}

/// A tracker, its clock and what it said last.
struct Rig {
    tracker: Box<dyn Tracker>,
    time: Time,
    out: Vec<TrackedObject>,
}

impl Rig {
    fn new(config: &Config) -> Self {
        Self {
            tracker: config.build().unwrap(),
            time: 0,
            out: Vec::new(),
        }
    }

    /// Looks at a frame after `step` and gives the id of each detection.
    fn look_after(&mut self, step: Time, detections: &[Detection]) -> Vec<Option<u64>> {
        self.time += step;
        self.tracker.update(self.time, detections, &mut self.out);
        let id_of = |index| {
            let mut given = self
                .out
                .iter()
                .filter(|object| object.detection == Some(index));
            let id = given.next().map(|object| object.id);
            assert_eq!(given.next(), None, "two tracks took detection {index}");
            id
        };
        (0..detections.len()).map(id_of).collect()
    }

    fn look(&mut self, detections: &[Detection]) -> Vec<Option<u64>> {
        self.look_after(FRAME, detections)
    }

    /// Skips frames, and gives what is coasted on the last.
    fn skip(&mut self, frames: u64) -> &[TrackedObject] {
        for _ in 0..frames {
            self.time += FRAME;
            self.tracker.coast(self.time, &mut self.out);
        }
        &self.out
    }
}

impl Default for Rig {
    fn default() -> Self {
        Self::new(&Config::default())
    }
}

#[test]
fn crossing_objects_keep_their_ids() {
    let mut rig = Rig::default();
    for i in 0..60 {
        let dx = 5.0 * i as f32;
        // Two sizes, as one is nearer; they pass each other on frame 30.
        let mut near = person(100.0 + dx, 0.9);
        near.bbox = Rect::new(near.bbox.x, 80.0, 60.0, 150.0);
        let ids = rig.look(&[near, person(400.0 - dx, 0.9)]);
        assert_eq!(ids, [Some(1), Some(2)], "frame {i}");
    }
}

#[test]
fn an_occluded_object_comes_back_with_its_id_within_the_buffer() {
    for (missed_ms, id) in [(400, 1), (1000, 1), (1040, 2)] {
        let mut rig = Rig::new(&Config {
            max_age: Some(1000 * MS),
            ..Config::default()
        });
        let x = |time: Time| 100.0 + 2.0 * (time / FRAME) as f32;
        for _ in 0..25 {
            let at = x(rig.time + FRAME);
            rig.look(&[person(at, 0.9)]);
        }
        for _ in 0..missed_ms / 40 {
            rig.look(&[]);
        }
        let at = x(rig.time + FRAME);
        rig.look(&[person(at, 0.9)]);
        let at = x(rig.time + FRAME);
        let ids = rig.look(&[person(at, 0.9)]);
        assert_eq!(ids, [Some(id)], "after {missed_ms} ms");
    }
}

#[test]
fn a_single_miss_ends_nothing_however_far_the_next_look_is() {
    for (misses, id) in [(1, 1), (2, 2)] {
        let mut rig = Rig::default();
        for _ in 0..10 {
            rig.look(&[person(100.0, 0.9)]);
        }
        for _ in 0..misses {
            rig.skip(2000 * MS / FRAME);
            rig.look(&[]);
        }
        rig.skip(2000 * MS / FRAME);
        rig.look(&[person(100.0, 0.9)]);
        assert_eq!(rig.look(&[person(100.0, 0.9)]), [Some(id)], "{misses}");
    }
}

#[test]
fn a_skipped_frame_is_no_miss_and_an_empty_one_is() {
    // Four times as long as a lost track is kept.
    let frames = 4000 * MS / FRAME;
    let mut skipped = Rig::default();
    let mut empty = Rig::default();
    for rig in [&mut skipped, &mut empty] {
        for _ in 0..10 {
            assert_eq!(rig.look(&[person(100.0, 0.9)]), [Some(1)]);
        }
    }
    skipped.skip(frames);
    assert_eq!(
        skipped.tracker.counts(),
        Counts {
            active: 1,
            lost: 0,
            total: 1
        }
    );
    assert_eq!(skipped.look(&[person(100.0, 0.9)]), [Some(1)]);
    empty.look(&[]);
    assert_eq!(
        empty.tracker.counts(),
        Counts {
            active: 0,
            lost: 1,
            total: 1
        }
    );
    for _ in 1..frames {
        empty.look(&[]);
    }
    assert_eq!(
        empty.tracker.counts(),
        Counts {
            active: 0,
            lost: 0,
            total: 1
        }
    );
    assert_eq!(empty.look(&[person(100.0, 0.9)]), [None]);
    assert_eq!(empty.look(&[person(100.0, 0.9)]), [Some(2)]);
}

#[test]
fn skipping_leaves_no_trace() {
    let mut with = Rig::default();
    let mut without = Rig::default();
    let mut scene = Scene::new(20, 3);
    let mut detections = Vec::new();
    for _ in 0..50 {
        scene.next_frame(&mut detections);
        with.look(&detections);
        without.look(&detections);
        assert_eq!(with.out, without.out);
        with.skip(4);
        without.time += 4 * FRAME;
    }
    assert!(with.tracker.counts().total >= 15);
}

#[test]
fn low_scores_keep_a_track_but_do_not_start_one() {
    let mut rig = Rig::default();
    for _ in 0..5 {
        assert_eq!(rig.look(&[person(100.0, 0.9)]), [Some(1)]);
    }
    for _ in 0..50 {
        let ids = rig.look(&[person(100.0, 0.2), person(400.0, 0.4)]);
        assert_eq!(ids, [Some(1), None]);
    }
    // Below the low threshold it is as if it were not there.
    assert_eq!(rig.look(&[person(100.0, 0.05)]), [None]);
    assert_eq!(rig.tracker.counts().lost, 1);
}

#[test]
fn a_score_between_high_and_new_takes_part_but_does_not_start_a_track() {
    let mut rig = Rig::default();
    for _ in 0..5 {
        assert_eq!(rig.look(&[person(100.0, 0.55)]), [None]);
    }
    assert_eq!(rig.tracker.counts(), Counts::default());
}

#[test]
fn irregular_frame_times_are_no_irregular_motion() {
    let mut rig = Rig::default();
    // 300 pixels a second: a box width in 133 ms.
    for step in [
        40, 40, 40, 40, 40, 40, 40, 40, 200, 40, 10, 10, 320, 80, 500, 40,
    ] {
        let x = 300.0 * ((rig.time + step * MS) as f32 / 1e9);
        let ids = rig.look_after(step * MS, &[person(x, 0.9)]);
        assert_eq!(ids, [Some(1)], "{step} ms");
    }
}

#[test]
fn coasted_boxes_follow_the_motion_for_a_while() {
    let mut rig = Rig::default();
    for i in 0..25 {
        rig.look(&[person(100.0 + 4.0 * i as f32, 0.8)]);
    }
    let seen = rig.time;
    let coasted = rig.skip(5).to_vec();
    let expected = Rect::new(100.0 + 4.0 * 29.0, 100.0, 40.0, 100.0);
    assert!(
        coasted[0].bbox.iou(expected) > 0.95,
        "{:?}",
        coasted[0].bbox
    );
    assert_eq!((coasted[0].id, coasted[0].detection), (1, None));
    assert_eq!((coasted[0].score, coasted[0].class), (0.8, 1));
    assert_eq!((coasted[0].first_seen, coasted[0].last_seen), (FRAME, seen));
    assert_eq!(rig.skip(20).len(), 1);
    assert_eq!(
        rig.skip(1).len(),
        0,
        "more than max_coast after it was seen"
    );
}

#[test]
fn what_was_missed_is_not_coasted() {
    let mut rig = Rig::default();
    rig.look(&[person(100.0, 0.9), person(400.0, 0.9)]);
    rig.look(&[person(100.0, 0.9)]);
    let ids: Vec<_> = rig.skip(1).iter().map(|object| object.id).collect();
    assert_eq!(ids, [1]);
}

#[test]
fn a_single_flash_gets_no_id_and_leaves_no_hole() {
    let mut rig = Rig::default();
    assert_eq!(rig.look(&[person(100.0, 0.9)]), [Some(1)]);
    assert_eq!(
        rig.look(&[person(100.0, 0.9), person(400.0, 0.9)]),
        [Some(1), None]
    );
    assert_eq!(rig.look(&[person(100.0, 0.9)]), [Some(1)]);
    assert_eq!(
        rig.look(&[person(100.0, 0.9), person(700.0, 0.9)]),
        [Some(1), None]
    );
    assert_eq!(
        rig.look(&[person(100.0, 0.9), person(700.0, 0.9)]),
        [Some(1), Some(2)]
    );
    // Seen since its first detection, though that had no id yet.
    assert_eq!(rig.out[1].first_seen, 4 * FRAME);
}

#[test]
fn confirmation_takes_as_many_looks_as_asked_for() {
    for hits in 1..5 {
        let mut rig = Rig::new(&Config {
            min_hits: Some(hits),
            ..Config::default()
        });
        rig.look(&[]);
        for look in 1..6 {
            let expected = (look >= hits).then_some(1);
            assert_eq!(
                rig.look(&[person(100.0, 0.9)]),
                [expected],
                "{hits} hits, look {look}"
            );
        }
    }
}

#[test]
fn a_person_never_becomes_a_car() {
    for (per_class, id) in [(true, None), (false, Some(1))] {
        let mut rig = Rig::new(&Config {
            per_class,
            ..Config::default()
        });
        rig.look(&[person(100.0, 0.9)]);
        let car = Detection {
            class: 2,
            ..person(100.0, 0.9)
        };
        assert_eq!(rig.look(&[car]), [id]);
    }
}

#[test]
fn a_parked_car_keeps_its_id_while_nobody_looks() {
    let mut rig = Rig::default();
    for i in 0..30 {
        // A detector's noise looks like a little motion.
        rig.look(&[person(100.0 + 0.3 * i as f32, 0.9)]);
    }
    rig.skip(300_000 * MS / FRAME);
    assert_eq!(rig.look(&[person(109.0, 0.9)]), [Some(1)]);
}

#[test]
fn ids_go_on_after_all_tracks_ended() {
    let mut rig = Rig::default();
    rig.look(&[person(100.0, 0.9), person(400.0, 0.9)]);
    rig.tracker.end_all();
    assert_eq!(
        rig.tracker.counts(),
        Counts {
            active: 0,
            lost: 0,
            total: 2
        }
    );
    // Confirmed at once, as on the first frame of all.
    assert_eq!(rig.look(&[person(100.0, 0.9)]), [Some(3)]);
}

#[test]
fn tracks_move_along_with_a_new_frame_size() {
    let mut rig = Rig::default();
    let at = |i: i32| person(100.0 + 3.0 * i as f32, 0.9);
    for i in 0..10 {
        rig.look(&[at(i)]);
    }
    rig.tracker.rescale(0.25, 0.25);
    for i in 10..20 {
        let small = Detection {
            bbox: at(i).bbox.scaled(0.25, 0.25),
            ..at(i)
        };
        assert_eq!(rig.look(&[small]), [Some(1)]);
    }
}

#[test]
fn a_second_box_around_an_object_starts_no_track() {
    let mut rig = Rig::default();
    for _ in 0..5 {
        let ids = rig.look(&[person(100.0, 0.95), person(104.0, 0.9)]);
        assert_eq!(ids, [Some(1), None]);
    }
}

#[test]
fn a_sure_object_counts_twice_where_looks_are_far_apart() {
    for (step, id) in [(40, None), (200, Some(1))] {
        let mut rig = Rig::default();
        rig.look(&[]);
        assert_eq!(rig.look_after(step * MS, &[person(100.0, 0.9)]), [id]);
    }
}

#[test]
fn a_pan_of_the_camera_takes_lost_objects_along() {
    let mut rig = Rig::default();
    let crowd = |shift: f32, all: bool| -> Vec<_> {
        let people = if all { 0..6 } else { 1..6 };
        people
            .map(|i| person(200.0 * i as f32 + shift, 0.9))
            .collect()
    };
    for _ in 0..10 {
        rig.look(&crowd(0.0, true));
    }
    let before: Vec<_> = rig.out.iter().map(|object| object.id).collect();
    // A sudden pan by two thirds of a person's width a frame, while the first one is hidden.
    for i in 1..=8 {
        rig.look(&crowd(27.0 * i as f32, false));
    }
    rig.look(&crowd(27.0 * 9.0, true));
    let after: Vec<_> = rig.out.iter().map(|object| object.id).collect();
    assert_eq!(before, after);
}

#[test]
fn a_track_that_is_given_up_is_told_of_once() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::new(&Config {
            max_age: Some(200 * MS),
            ..Config::of(algorithm)
        });
        let mut ended = Vec::new();
        for _ in 0..8 {
            rig.look(&[person(100.0, 0.9)]);
            rig.tracker.take_ended(&mut ended);
            assert_eq!(ended, [], "{algorithm:?}");
        }
        let last_seen = rig.time;
        let mut told = Vec::new();
        for _ in 0..20 {
            rig.look(&[]);
            rig.tracker.take_ended(&mut ended);
            told.append(&mut ended);
        }
        let expected = Ended {
            id: 1,
            first_seen: FRAME,
            last_seen,
        };
        assert_eq!(told, [expected], "{algorithm:?}");
    }
}

#[test]
fn every_algorithm_coasts_what_moves() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::new(&Config::of(algorithm));
        for i in 0..25 {
            rig.look(&[person(100.0 + 4.0 * i as f32, 0.9)]);
        }
        let coasted = rig.skip(2).to_vec();
        let expected = Rect::new(100.0 + 4.0 * 26.0, 100.0, 40.0, 100.0);
        assert_eq!(coasted.len(), 1, "{algorithm:?}");
        assert!(coasted[0].bbox.iou(expected) > 0.9, "{algorithm:?}");
    }
}
