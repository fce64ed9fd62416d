//! Objects of which the detector is never sure.

use super::*;

/// When an object of these scores, in turn, gets its id, if it does within ten seconds; and how
/// many ids it has by then.
fn id_after(config: &Config, step: Time, scores: &[f32]) -> (Option<Time>, u64) {
    let mut rig = Rig::new(config);
    // The first look, at which whatever is sure gets an id at once, is over.
    rig.look(&[]);
    let begun = rig.time + step;
    let mut after = None;
    for score in scores.iter().cycle() {
        let x = 100.0 + 2e-9 * rig.time as f32;
        let ids = rig.look_after(step, &[person(x, *score)]);
        if ids[0].is_some() {
            after.get_or_insert(rig.time - begun);
        }
        if rig.time > 10_000 * MS {
            break;
        }
    }
    (after, rig.tracker.counts().total)
}

#[test]
fn who_stays_gets_an_id_the_sooner_the_higher_its_score_is() {
    for step in [33 * MS, 100 * MS, 200 * MS] {
        let mut last = Time::MAX;
        for (score, from, to) in [(0.4, 2000, 2800), (0.5, 1000, 1600), (0.65, 500, 1000)] {
            let (after, ids) = id_after(&Config::default(), step, &[score]);
            let after = after.unwrap();
            assert!((from * MS..=to * MS).contains(&after), "{score}: {after}");
            assert!(after < last && ids == 1, "{score}: {after}, {ids} ids");
            last = after;
        }
        let (after, ids) = id_after(&Config::default(), step, &[0.25]);
        assert_eq!((after, ids), (None, 0), "noise");
    }
}

#[test]
fn scores_that_flicker_around_the_thresholds_are_of_one_object() {
    for scores in [
        &[0.49, 0.67, 0.52, 0.6][..],
        &[0.55, 0.5, 0.45, 0.6],
        &[0.6, 0.2, 0.6],
    ] {
        let (after, ids) = id_after(&Config::default(), FRAME, scores);
        assert!(after.unwrap() <= 1500 * MS, "{scores:?}: {after:?}");
        assert_eq!(ids, 1, "{scores:?}");
    }
}

#[test]
fn looks_that_are_far_apart_are_no_proof_by_themselves() {
    let (after, ids) = id_after(&Config::default(), 2000 * MS, &[0.6]);
    assert_eq!((after, ids), (Some(4000 * MS), 1), "at the third look");
}

#[test]
fn who_says_where_tracks_start_has_said_where_not() {
    let config = Config {
        new_track_threshold: Some(0.68),
        ..Config::default()
    };
    assert_eq!(id_after(&config, FRAME, &[0.6]), (None, 0));
    let config = Config {
        min_hits: Some(100),
        ..Config::default()
    };
    assert_eq!(id_after(&config, FRAME, &[0.6]).0, Some(99 * FRAME));
}

#[test]
fn what_flashes_here_and_there_gets_none() {
    let mut rig = Rig::default();
    for i in 0..500u64 {
        let x = (i * 7919 % 1800) as f32;
        assert_eq!(rig.look(&[person(x, 0.6)]), [None]);
    }
}

#[test]
fn a_part_of_an_object_that_is_known_is_none_by_itself() {
    let mut rig = Rig::default();
    for _ in 0..100 {
        let mut part = person(102.0, 0.6);
        part.bbox.h = 90.0;
        assert_eq!(rig.look(&[person(100.0, 0.9), part]), [Some(1), None]);
    }
}

#[test]
fn they_follow_the_camera_and_a_new_frame_size() {
    let mut rig = Rig::default();
    let scene = |t: u64| {
        let pan = 6.0 * t as f32;
        let mut all: Vec<_> = (0..8)
            .map(|i| person(150.0 * i as f32 + pan, 0.9))
            .collect();
        all.push(person(1300.0 + pan, 0.55));
        all
    };
    for t in 0..15 {
        assert_eq!(rig.look(&scene(t))[8], None);
    }
    rig.tracker.rescale(0.5, 0.5);
    let mut ids = Vec::new();
    for t in 15..40 {
        let half = scene(t).into_iter().map(|detection| Detection {
            bbox: detection.bbox.scaled(0.5, 0.5),
            ..detection
        });
        ids = rig.look(&half.collect::<Vec<_>>());
    }
    assert_eq!(ids[8], Some(9), "after less than a second more");
}

#[test]
fn a_cut_forgets_them() {
    let mut rig = Rig::default();
    let mut look = |cut: bool| {
        if cut {
            rig.tracker.end_all();
        }
        rig.look(&[person(100.0, 0.55)])
    };
    // A second would do.
    for i in 0..200 {
        assert_eq!(look(i % 15 == 0), [None]);
    }
    for _ in 0..40 {
        look(false);
    }
    assert_eq!(look(false), [Some(1)]);
}

#[test]
fn they_take_no_room_that_tracks_have() {
    let mut rig = Rig::new(&Config {
        max_tracks: 3,
        ..Config::default()
    });
    for _ in 0..100 {
        let all: Vec<_> = (0..6)
            .map(|i| person(100.0 * i as f32, if i < 2 { 0.9 } else { 0.6 }))
            .collect();
        let sure = rig.look(&all);
        assert_eq!((sure[0], sure[1]), (Some(1), Some(2)));
        let Counts { active, lost, .. } = rig.tracker.counts();
        assert!(active + lost <= 3, "{active} + {lost}");
    }
}
