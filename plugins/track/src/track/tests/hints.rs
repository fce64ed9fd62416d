//! What trackers make of objects that somebody else saw.

use super::*;

/// Two people who stand still, 35 px apart, and after a second without a look both went one place
/// to the right: by boxes alone, the first one has left and somebody came on the right.
fn after_a_step(algorithm: Algorithm, hint: bool) -> Vec<Option<u64>> {
    let mut rig = Rig::new(&Config::of(algorithm));
    for _ in 0..5 {
        let ids = rig.look(&[person(100.0, 0.9), person(135.0, 0.9)]);
        if algorithm == Algorithm::Vigil {
            assert_eq!(ids, [Some(1), Some(2)]);
        }
    }
    let mut seen = rig.skip(25).to_vec();
    for object in &mut seen {
        object.bbox.x += 35.0;
    }
    if hint {
        rig.tracker.hint(&seen);
    }
    rig.look(&[person(135.0, 0.9), person(170.0, 0.9)])
}

#[test]
fn hints_say_who_is_who() {
    assert_eq!(after_a_step(Algorithm::Vigil, true), [Some(1), Some(2)]);
    assert_eq!(after_a_step(Algorithm::Vigil, false)[0], Some(2));
}

#[test]
fn published_trackers_take_no_hints() {
    for algorithm in Algorithm::ALL {
        if algorithm != Algorithm::Vigil {
            let without = after_a_step(algorithm, false);
            assert_eq!(after_a_step(algorithm, true), without, "{algorithm:?}");
        }
    }
}

#[test]
fn hints_hold_for_one_look_and_odd_ones_for_none() {
    let still = [person(100.0, 0.9)];
    let mut rig = Rig::default();
    for _ in 0..5 {
        rig.look(&still);
    }
    let mut nonsense = rig.skip(1).to_vec();
    nonsense[0].bbox.x = f32::NAN;
    nonsense.push(TrackedObject {
        id: 77,
        ..nonsense[0]
    });
    rig.tracker.hint(&nonsense);
    assert_eq!(rig.look(&still), [Some(1)]);
    let mut far = rig.skip(1).to_vec();
    far[0].bbox.x = 600.0;
    rig.tracker.hint(&far);
    rig.look(&[]);
    assert_eq!(rig.look(&still), [Some(1)]);
}
