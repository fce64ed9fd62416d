//! What is decided from what was seen.

use super::*;
use proptest::prelude::*;

/// Somebody is seen for a second and leaves.
fn came_and_went(hue: f32) -> Looks {
    let mut looks = Looks::new(Rules::default());
    for ms in [0, 500, 1000] {
        assert_eq!(looks.look(ms, &[seen(7, 100.0, hue)]), [Some(1)]);
    }
    for ms in [1500, 2000, 4000] {
        looks.look(ms, &[]);
    }
    looks
}

#[test]
fn who_comes_back_is_known_and_who_looks_different_is_new() {
    for (hue, expected) in [(0.0, 1), (1.0, 1), (2.0, 2), (6.0, 2)] {
        for ends_before in [true, false] {
            let mut looks = came_and_went(0.0);
            if ends_before {
                assert_eq!(looks.end(7, 1000), Some(1));
            }
            let found = looks.look(5000, &[seen(8, 300.0, hue)]);
            assert_eq!(found, [Some(expected)], "hue {hue}");
            assert_eq!(looks.identities.taken_up(), u64::from(expected == 1));
            // The track that it was taken from ends for nobody.
            if !ends_before {
                assert_eq!(looks.end(7, 1000), (expected == 2).then_some(1));
            }
            assert_eq!(looks.end(8, 5000), Some(expected));
        }
    }
}

#[test]
fn the_time_of_the_first_look_stays_with_the_identity() {
    let mut looks = came_and_went(0.0);
    looks.look(5000, &[seen(8, 300.0, 0.0)]);
    let ended = Ended {
        id: 8,
        first_seen: 5000 * MS,
        last_seen: 5000 * MS,
    };
    let told = looks.identities.end(&ended).unwrap();
    assert_eq!(
        (told.id, told.first_seen, told.last_seen),
        (1, 0, 5000 * MS)
    );
}

#[test]
fn nobody_is_remembered_for_longer_than_is_asked_for_nor_over_a_cut() {
    for (ms, cut, expected) in [(10_900, false, 1), (11_100, false, 2), (5000, true, 2)] {
        let mut looks = came_and_went(0.0);
        looks.end(7, 1000);
        if cut {
            looks.identities.end_all();
        }
        assert_eq!(looks.look(ms, &[seen(8, 300.0, 0.0)]), [Some(expected)]);
    }
}

#[test]
fn who_was_seen_beside_somebody_is_not_that_one() {
    let mut looks = Looks::new(Rules::default());
    let twins = [seen(1, 100.0, 0.0), seen(2, 300.0, 0.0)];
    assert_eq!(looks.look(0, &twins), [Some(1), Some(2)]);
    looks.look(500, &twins);
    // One of them is hidden, and somebody like both appears: only the hidden one can be meant.
    looks.look(1000, &twins[..1]);
    let found = looks.look(1500, &[twins[0], seen(3, 350.0, 0.0)]);
    assert_eq!(found, [Some(1), Some(2)]);
    // The track that had been given up for it is found after all: it is somebody else.
    let found = looks.look(2000, &[twins[0], seen(3, 350.0, 0.0), seen(2, 300.0, 0.0)]);
    assert_eq!(found, [Some(1), Some(2), Some(3)]);
}

#[test]
fn of_several_who_come_back_each_gets_its_own_identity() {
    let mut looks = Looks::new(Rules::default());
    let people = [
        seen(1, 100.0, 0.0),
        seen(2, 200.0, 1.0),
        seen(3, 300.0, 5.0),
    ];
    assert_eq!(looks.look(0, &people), [Some(1), Some(2), Some(3)]);
    looks.look(1000, &[]);
    for track in 1..=3 {
        looks.end(track, 0);
    }
    // 1 and 2 are within the threshold of each other, and so is each of the newcomers of both.
    let back = [
        seen(9, 120.0, 5.1),
        seen(8, 220.0, 0.2),
        seen(7, 320.0, 0.9),
    ];
    assert_eq!(looks.look(3000, &back), [Some(3), Some(1), Some(2)]);
}

#[test]
fn a_track_that_is_found_again_with_another_look_is_somebody_else() {
    for (missing_ms, hue, expected) in [
        (400, 6.0, Some(1)), // a moment: the boxes are right
        (600, 6.0, Some(2)), // clearly another one
        (600, 1.2, Some(1)), // light has changed
        (600, 0.0, Some(1)),
    ] {
        let mut looks = Looks::new(Rules::default());
        looks.look(0, &[seen(7, 100.0, 0.0)]);
        looks.look(100, &[]);
        let found = looks.look(missing_ms, &[seen(7, 110.0, hue)]);
        assert_eq!(found, [expected], "{missing_ms} {hue}");
        let apart = u64::from(expected == Some(2));
        assert_eq!(looks.identities.told_apart(), apart);
        // Who was lost can come back, and is known.
        if apart == 1 {
            let both = [seen(7, 110.0, hue), seen(8, 300.0, 0.0)];
            assert_eq!(looks.look(2000, &both), [Some(2), Some(1)]);
        }
    }
}

#[test]
fn two_who_took_each_others_track_behind_a_tree_get_their_own_identity_back() {
    let mut looks = Looks::new(Rules::default());
    for ms in [0, 500] {
        let found = looks.look(ms, &[seen(1, 100.0, 0.0), seen(2, 400.0, 6.0)]);
        assert_eq!(found, [Some(1), Some(2)]);
    }
    looks.look(1000, &[]);
    let found = looks.look(1500, &[seen(1, 120.0, 6.0), seen(2, 380.0, 0.0)]);
    assert_eq!(found, [Some(2), Some(1)]);
}

#[test]
fn without_anybody_who_could_be_meant_an_identity_is_given_at_once() {
    let mut looks = Looks::new(Rules::default());
    looks.answers = false;
    assert_eq!(looks.look(0, &[seen(1, 100.0, 0.0)]), [Some(1)]);
    let found = looks.look(40, &[seen(1, 100.0, 0.0), seen(2, 300.0, 0.0)]);
    assert_eq!(found, [Some(1), Some(2)]);
    // Of another class.
    let mut looks = came_and_went(0.0);
    looks.answers = false;
    let car = Seen {
        class: 1,
        ..seen(8, 100.0, 0.0)
    };
    assert_eq!(looks.look(5000, &[car]), [Some(2)]);
}

#[test]
fn an_identity_is_withheld_until_the_answer_comes_but_no_longer_than_asked_for() {
    // A model that answers by the next look.
    let mut looks = came_and_went(0.0);
    looks.at_once = false;
    assert_eq!(looks.look(5000, &[seen(8, 300.0, 0.0)]), [None]);
    assert_eq!(looks.look(5040, &[seen(8, 300.0, 0.0)]), [Some(1)]);
    // One that never does.
    let mut looks = came_and_went(0.0);
    looks.answers = false;
    for (ms, expected) in [(5000, None), (5280, None), (5300, Some(2)), (5340, Some(2))] {
        assert_eq!(looks.look(ms, &[seen(8, 300.0, 0.0)]), [expected]);
    }
    assert_eq!(looks.identities.too_late(), 1);
    // What comes then changes nothing that was told.
    looks.answers = true;
    assert_eq!(looks.look(5380, &[seen(8, 300.0, 0.0)]), [Some(2)]);
}

#[test]
fn what_is_seen_in_part_can_tell_who_it_is_but_hardly_who_it_is_not() {
    let entering = |hue| Seen {
        bbox: Rect::new(0.0, 100.0, 40.0, 100.0),
        ..seen(8, 0.0, hue)
    };
    let mut looks = came_and_went(0.0);
    assert_eq!(looks.look(5000, &[entering(0.0)]), [Some(1)]);
    // A part that is not quite like anybody may yet become the one that it is.
    let mut looks = came_and_went(0.0);
    assert_eq!(looks.look(5000, &[entering(1.5)]), [None]);
    assert_eq!(looks.look(5100, &[entering(1.5)]), [None]);
    assert_eq!(looks.look(5200, &[seen(8, 30.0, 0.0)]), [Some(1)]);
    let mut looks = came_and_went(0.0);
    for (ms, expected) in [(5000, None), (5100, None), (5300, Some(2))] {
        assert_eq!(looks.look(ms, &[entering(1.5)]), [expected]);
    }
    // One that is like nobody at all is waited for no longer.
    let mut looks = came_and_went(0.0);
    assert_eq!(looks.look(5000, &[entering(6.0)]), [Some(2)]);
}

/// Two of these hues are seen beside each other for a while, then the first one is away.
fn beside_each_other(hues: [f32; 2]) -> Looks {
    let mut looks = Looks::new(Rules::default());
    let people = hues.map(|hue| seen(hue as u64 + 1, 100.0 + 100.0 * hue, hue));
    for second in 0..5 {
        looks.look(second * 1000, &people);
    }
    looks.look(5000, &people[1..]);
    looks
}

#[test]
fn where_strangers_look_alike_likeness_says_nothing() {
    // Within the threshold of who is away, 33 degrees: but somebody else was nearer than that.
    for (hues, expected) in [([0.0, 6.0], 1), ([0.0, 1.0], 3)] {
        let mut looks = beside_each_other(hues);
        let other = seen(hues[1] as u64 + 1, 100.0 + 100.0 * hues[1], hues[1]);
        let found = looks.look(6000, &[other, seen(9, 110.0, -1.1)]);
        assert_eq!(found, [Some(2), Some(expected)], "{hues:?}");
    }
}

#[test]
fn who_is_nearer_to_somebody_who_is_there_is_nobody_who_is_not() {
    let mut looks = Looks::new(Rules::default());
    looks.look(0, &[seen(1, 100.0, 0.0)]);
    looks.look(1000, &[seen(2, 300.0, 1.5)]);
    // 24 degrees from who is away, 21 from who is there.
    let found = looks.look(2000, &[seen(2, 300.0, 1.5), seen(3, 120.0, 0.8)]);
    assert_eq!(found, [Some(2), Some(3)]);
}

#[test]
fn a_track_that_ends_before_it_had_an_identity_is_told_of_to_nobody() {
    let mut looks = came_and_went(0.0);
    looks.answers = false;
    assert_eq!(looks.look(5000, &[seen(8, 300.0, 0.0)]), [None]);
    looks.look(5400, &[]);
    assert_eq!(looks.end(8, 5000), None);
    assert_eq!(looks.identities.given(), 1);
    assert_eq!(looks.end(99, 0), None, "never heard of");
}

#[test]
fn a_crop_that_comes_back_after_its_track_ended_is_not_lost() {
    let mut looks = Looks::new(Rules::default());
    (looks.at_once, looks.answers) = (false, false);
    looks.look(0, &[seen(1, 100.0, 0.0)]);
    assert_eq!(looks.end(1, 0), Some(1));
    // Somebody appears who may be the one.
    assert_eq!(looks.look(1000, &[seen(2, 100.0, 0.0)]), [None]);
    assert!(looks.identities.is_waiting());
    looks.answers = true;
    assert_eq!(looks.look(1040, &[seen(2, 100.0, 0.0)]), [Some(1)]);
}

#[test]
fn an_object_is_looked_at_once_in_a_while_and_only_while_it_can_be_seen() {
    let mut looks = Looks::new(Rules::default());
    let mut asked = Vec::new();
    for ms in (0..3000).step_by(100) {
        let mut objects = vec![seen(1, 100.0, 0.0)];
        if (900..1400).contains(&ms) {
            // Somebody walks by in front.
            let bbox = Rect::new(110.0, 110.0, 40.0, 100.0);
            objects.push(Seen {
                bbox,
                ..seen(2, 0.0, 6.0)
            });
        }
        looks.look(ms, &objects);
        let of_first = |request: &&Request| request.track == 1;
        asked.extend(looks.requests.iter().filter(of_first).map(|_| ms));
    }
    assert_eq!(asked, [0, 1400, 2400]);
}

#[test]
fn a_crop_that_was_dropped_is_asked_for_again_and_one_on_its_way_is_not() {
    let mut looks = Looks::new(Rules {
        interval: 0,
        ..Rules::default()
    });
    (looks.at_once, looks.answers) = (false, false);
    let requests = |looks: &mut Looks, ms| {
        looks.look(ms, &[seen(1, 100.0, 0.0)]);
        looks.requests.len()
    };
    assert_eq!(requests(&mut looks, 0), 1);
    assert_eq!(requests(&mut looks, 40), 0);
    looks.identities.dropped(1);
    assert_eq!(requests(&mut looks, 80), 1);
}

#[test]
fn crops_of_a_look_are_few_and_those_for_which_somebody_waits_come_first() {
    let mut looks = Looks::new(Rules {
        interval: 0,
        ..Rules::default()
    });
    let crowd = |from: u64| -> Vec<Seen> {
        let place = |track: u64| Rect::new(10.0 + (track % 30) as f32 * 20.0, 100.0, 18.0, 60.0);
        (from..from + 30)
            .map(|track| Seen {
                bbox: place(track),
                ..seen(track, 0.0, 0.0)
            })
            .collect()
    };
    looks.look(0, &crowd(0));
    // All are new, and nobody is lost: no identity waits, but that is not known before the look.
    assert_eq!(looks.requests.len(), 16);
    looks.look(40, &crowd(0));
    assert_eq!(looks.requests.len(), 4);
    let new: Vec<_> = crowd(0).into_iter().chain([seen(90, 0.0, 0.0)]).collect();
    looks.look(80, &new);
    assert_eq!(looks.requests.len(), 5);
    assert!(looks.requests[0].urgent && looks.requests[0].track == 90);
    // Those that were not looked at for longest come first: in the end everybody was.
    let mut tracks = Vec::new();
    for i in 3..9 {
        looks.look(40 * i, &crowd(0));
        tracks.extend(looks.requests.iter().map(|request| request.track));
    }
    tracks.sort_unstable();
    tracks.dedup();
    assert_eq!(tracks.len(), 24);
}

proptest! {
    /// Tracks come, go, are found again and end at random, with looks of their own or of others.
    #[test]
    fn identities_are_never_shared_and_were_given_before(
        script in prop::collection::vec(
            prop::collection::vec((0u64..6, 0f32..600.0, 0u8..4, any::<bool>()), 0..5), 1..40),
        at_once in any::<bool>(),
        step in 30u64..900,
    ) {
        let mut looks = Looks::new(Rules::default());
        looks.at_once = at_once;
        // The tracker numbers its tracks upwards and never uses one again.
        let mut current: Vec<u64> = (1..=6).collect();
        let mut next = 7;
        let mut most = 0;
        for (i, objects) in script.iter().enumerate() {
            let ms = i as u64 * step;
            let mut frame: Vec<Seen> = Vec::new();
            for (slot, x, hue, ends) in objects {
                let slot = *slot as usize;
                if frame.iter().any(|object| object.track == current[slot]) {
                    continue;
                }
                if *ends {
                    looks.end(current[slot], ms);
                    current[slot] = next;
                    next += 1;
                }
                frame.push(seen(current[slot], *x, f32::from(*hue) * 2.0));
            }
            // `look` panics where two objects share an identity.
            let ids = looks.look(ms, &frame);
            for id in ids.into_iter().flatten() {
                prop_assert!(id >= 1 && id <= looks.identities.given());
                most = most.max(id);
            }
        }
        prop_assert!(most <= looks.identities.given());
    }
}
