//! What no detector should say, and what some say.

use super::*;
use proptest::prelude::*;

#[test]
fn a_detection_that_cannot_be_tracked_is_passed_over() {
    let mut rig = Rig::default();
    let boxes = [
        Rect::new(f32::NAN, 0.0, 10.0, 10.0),
        Rect::new(0.0, 0.0, 0.0, 10.0),
        Rect::new(0.0, 0.0, f32::INFINITY, 10.0),
    ];
    let mut detections = boxes
        .map(|bbox| Detection {
            bbox,
            score: 0.9,
            class: 1,
        })
        .to_vec();
    detections.push(person(100.0, f32::NAN));
    detections.push(person(100.0, 0.9));
    assert_eq!(rig.look(&detections), [None, None, None, None, Some(1)]);
}

#[test]
fn no_more_tracks_than_asked_for_are_kept() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::new(&Config {
            max_tracks: 5,
            ..Config::of(algorithm)
        });
        for i in 0..30 {
            // Each look shows others, and the ones before are not found again.
            let detections: Vec<_> = (0..50)
                .map(|j| person(100.0 * j as f32 + 7000.0 * (i % 3) as f32, 0.9))
                .collect();
            rig.look(&detections);
            let Counts { active, lost, .. } = rig.tracker.counts();
            assert!(active + lost <= 5, "{algorithm:?}: {active} + {lost}");
        }
    }
}

#[test]
fn an_hour_of_nothing_changes_nothing() {
    for algorithm in Algorithm::ALL {
        let mut rig = Rig::new(&Config::of(algorithm));
        for _ in 0..90_000 {
            rig.look(&[]);
        }
        assert_eq!(rig.tracker.counts(), Counts::default());
        for _ in 0..5 {
            rig.look(&[person(100.0, 0.9)]);
        }
        assert_eq!(rig.out[0].id, 1, "{algorithm:?}");
    }
}

#[test]
fn thousands_of_detections_are_taken_in_one_frame() {
    let detections: Vec<_> = (0..5000)
        .map(|i| Detection {
            bbox: Rect::new((i % 100) as f32 * 19.0, (i / 100) as f32 * 21.0, 30.0, 40.0),
            score: 0.5 + (i % 50) as f32 * 0.01,
            class: i % 3,
        })
        .collect();
    for algorithm in [Algorithm::Vigil, Algorithm::ByteTrack, Algorithm::Sort] {
        let mut rig = Rig::new(&Config::of(algorithm));
        for _ in 0..3 {
            rig.look(&detections);
        }
        assert!(rig.tracker.counts().active <= 2000, "{algorithm:?}");
        assert!(rig.tracker.counts().active > 200, "{algorithm:?}");
    }
}

#[test]
fn of_too_many_objects_those_of_the_highest_scores_are_tracked() {
    let mut rig = Rig::new(&Config {
        max_tracks: 2,
        ..Config::default()
    });
    let scores = [0.7, 0.9, 0.65, 0.8];
    let detections: Vec<_> = (0..4)
        .map(|i| person(100.0 * i as f32, scores[i]))
        .collect();
    assert_eq!(rig.look(&detections), [None, Some(1), None, Some(2)]);
}

fn any_detection() -> impl Strategy<Value = Detection> {
    let number = prop_oneof![4 => -100f32..2000.0, 1 => any::<f32>()];
    let size = prop_oneof![4 => 0f32..300.0, 1 => any::<f32>()];
    let score = prop_oneof![4 => 0f32..1.0, 1 => any::<f32>()];
    (number.clone(), number, size.clone(), size, score, 0u32..3).prop_map(
        |(x, y, w, h, score, class)| Detection {
            bbox: Rect::new(x, y, w, h),
            score,
            class,
        },
    )
}

proptest! {
    #[test]
    fn whatever_a_detector_says_ids_are_unique_and_never_used_again(
        algorithm in proptest::sample::select(&Algorithm::ALL[..]),
        per_class in any::<bool>(),
        frames in proptest::collection::vec(
            (0u64..2_000_000_000, proptest::collection::vec(any_detection(), 0..30)), 1..30),
    ) {
        let mut rig = Rig::new(&Config { per_class, ..Config::of(algorithm) });
        let mut ended = Vec::new();
        let mut over = std::collections::HashSet::new();
        let mut seen_last = std::collections::HashMap::new();
        for (step, detections) in frames {
            rig.look_after(step, &detections);
            rig.tracker.take_ended(&mut ended);
            for end in &ended {
                prop_assert!(over.insert(end.id), "{} ended twice", end.id);
                prop_assert!(end.first_seen <= end.last_seen);
            }
            for pair in rig.out.windows(2) {
                prop_assert!(pair[0].id < pair[1].id);
            }
            for object in &rig.out {
                prop_assert!(object.id >= 1 && object.id <= rig.tracker.counts().total);
                prop_assert!(!over.contains(&object.id), "{} was over", object.id);
                prop_assert!(object.bbox.x.is_finite() && object.bbox.w > 0.0);
                let first_seen = *seen_last.entry(object.id).or_insert(object.first_seen);
                prop_assert_eq!(first_seen, object.first_seen);
                prop_assert_eq!(object.last_seen, rig.time);
            }
        }
    }

    #[test]
    fn the_order_of_detections_does_not_matter(seed in any::<u64>()) {
        let mut forward = Rig::default();
        let mut backward = Rig::default();
        let mut scene = Scene::new(25, seed);
        let mut detections = Vec::new();
        for _ in 0..30 {
            scene.next_frame(&mut detections);
            let ids = forward.look(&detections);
            detections.reverse();
            let mut reversed = backward.look(&detections);
            reversed.reverse();
            prop_assert_eq!(ids, reversed);
        }
    }

    #[test]
    fn every_object_of_a_calm_scene_keeps_one_id(seed in 0u64..1000) {
        let mut scene = Scene::new(3, seed);
        let mut rig = Rig::default();
        let mut detections = Vec::new();
        for _ in 0..20 {
            scene.next_frame(&mut detections);
            rig.look(&detections);
        }
        prop_assert!(rig.tracker.counts().total <= 3);
    }
}
