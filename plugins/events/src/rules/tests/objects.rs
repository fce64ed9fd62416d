use super::*;

const RULES: &str = "[[object]]\nname = 'people'\nlabels = ['person']\nmin-confidence = 0.5\n";

#[test]
fn an_object_appears_once_and_leaves_once_with_the_same_id() {
    let mut world = World::new(RULES);
    world.looks(10, &[person(1, 50.0, 50.0)]);
    world.looks(15, &[]);
    let [appeared, left] = world.events.as_slice() else {
        panic!("{:?}", world.events);
    };
    assert_eq!(appeared["phase"], "start");
    assert_eq!(appeared["rule"], "people");
    assert_eq!(appeared["frame"]["number"], 1);
    assert_eq!(left["phase"], "end");
    assert_eq!(left["id"], appeared["id"]);
    assert_eq!(left["data"]["reason"], "absent");
    // Seen from 0.0 s to 0.9 s.
    assert_eq!(left["data"]["duration"], 0.9);
    // First missed at 1.0 s, gone 1 s later.
    assert_eq!(left["frame"]["number"], 20);
}

#[test]
fn one_sighting_alone_is_no_object() {
    let mut world = World::new(RULES);
    world.look(&[person(1, 50.0, 50.0)]);
    world.looks(20, &[]);
    assert_eq!(world.happened(), [""; 0]);
}

#[test]
fn frames_that_nobody_looked_at_are_no_absence() {
    let mut world = World::new(RULES);
    world.looks(3, &[person(1, 50.0, 50.0)]);
    world.skip(100);
    world.look(&[person(1, 50.0, 50.0)]);
    world.skip(100);
    // One look that misses it does not say for how long it has been away.
    world.look(&[]);
    world.skip(100);
    world.look(&[person(1, 50.0, 50.0)]);
    assert_eq!(world.happened(), ["object.appeared 1"]);
}

#[test]
fn a_lost_track_leaves_at_once() {
    let mut world = World::new(RULES);
    world.looks(3, &[person(1, 50.0, 50.0)]);
    let lost = Observation {
        lost: true,
        coasted: true,
        ..person(1, 50.0, 50.0)
    };
    world.frame(false, &[lost]);
    assert_eq!(world.events[1]["data"]["reason"], "lost");
    world.looks(20, &[]);
    assert_eq!(world.happened(), ["object.appeared 1", "object.left 1"]);
}

/// What a tracker gave up, as it tells of it: by its id alone.
fn lose(world: &mut World, track: u64) {
    let mut out = Vec::new();
    world.engine.lose(track, &mut out);
    world.take(out);
}

#[test]
fn a_track_that_is_given_up_ends_once_and_at_once() {
    let mut world = World::new(RULES);
    world.looks(3, &[person(1, 50.0, 50.0), person(2, 20.0, 20.0)]);
    world.look(&[person(2, 20.0, 20.0)]);
    for track in [1, 1, 77] {
        lose(&mut world, track);
    }
    assert_eq!(world.events[2]["data"]["reason"], "lost");
    assert_eq!(world.events[2]["data"]["duration"], 0.2);
    world.looks(200, &[]);
    let story = world.happened();
    assert_eq!(
        story,
        [
            "object.appeared 1",
            "object.appeared 2",
            "object.left 1",
            "object.left 2"
        ]
    );
}

#[test]
fn an_identity_that_comes_back_appears_anew() {
    let mut world = World::new(RULES);
    for round in 0..3u64 {
        // Given up and found again on one frame, and after a while.
        let back = Observation {
            first_seen: 7,
            ..person(1, 50.0, 50.0)
        };
        lose(&mut world, 1);
        world.looks(3, &[back]);
        if round == 1 {
            lose(&mut world, 1);
            world.looks(5, &[]);
        }
    }
    world.end_all(Reason::Eos);
    let (mut open, mut ids) = (None, std::collections::HashSet::new());
    for event in &world.events {
        assert_eq!(event["object"]["first_seen"], 7);
        match event["phase"].as_str().unwrap() {
            "start" => {
                assert!(open.is_none() && ids.insert(event["id"].to_string()));
                open = Some(event["id"].clone());
            }
            _ => assert_eq!(open.take().unwrap(), event["id"]),
        }
    }
    assert_eq!((ids.len(), open), (3, None));
    assert_eq!(world.engine.open(), 0);
}

#[test]
fn predicted_boxes_are_no_sightings() {
    let mut world = World::new(RULES);
    let coasted = Observation {
        coasted: true,
        ..person(1, 50.0, 50.0)
    };
    for _ in 0..20 {
        world.frame(false, &[coasted]);
    }
    assert_eq!(world.happened(), [""; 0]);
}

#[test]
fn only_what_the_rule_asks_for_appears() {
    let mut world = World::new(RULES);
    let car = Observation {
        label: "car",
        ..person(1, 50.0, 50.0)
    };
    let faint = Observation {
        confidence: 0.4,
        ..person(2, 50.0, 50.0)
    };
    world.looks(10, &[car, faint, person(3, 50.0, 50.0)]);
    assert_eq!(world.happened(), ["object.appeared 3"]);
}

#[test]
fn an_object_that_became_faint_is_still_there() {
    let mut world = World::new(RULES);
    world.looks(3, &[person(1, 50.0, 50.0)]);
    let other = Observation {
        label: "dog",
        confidence: 0.1,
        ..person(1, 50.0, 50.0)
    };
    world.looks(30, &[other]);
    assert_eq!(world.happened(), ["object.appeared 1"]);
}

#[test]
fn an_object_that_comes_back_appears_again_with_another_id() {
    let mut world = World::new(RULES);
    for _ in 0..2 {
        world.looks(3, &[person(1, 50.0, 50.0)]);
        world.looks(20, &[]);
    }
    let ids: std::collections::HashSet<_> =
        world.events.iter().map(|e| e["id"].to_string()).collect();
    assert_eq!((world.events.len(), ids.len()), (4, 2));
}

#[test]
fn everything_open_ends_with_the_stream() {
    for (reason, text) in [
        (Reason::Eos, "eos"),
        (Reason::Flush, "flush"),
        (Reason::StreamChanged, "stream-changed"),
        (Reason::Shutdown, "shutdown"),
    ] {
        let mut world = World::new(RULES);
        world.looks(3, &[person(1, 50.0, 50.0), person(2, 20.0, 20.0)]);
        world.end_all(reason);
        world.end_all(reason);
        assert_eq!(world.engine.open(), 0);
        let ends: Vec<_> = world.events[2..].to_vec();
        assert_eq!(ends.len(), 2);
        assert!(ends.iter().all(|e| e["data"]["reason"] == text));
    }
}

#[test]
fn time_that_jumps_back_ends_what_is_open_and_jitter_does_not() {
    let mut world = World::new(RULES);
    world.ms = 60_000;
    world.looks(3, &[person(1, 50.0, 50.0)]);
    world.ms -= 500;
    world.looks(3, &[person(1, 50.0, 50.0)]);
    assert_eq!(world.happened(), ["object.appeared 1"]);
    world.ms = 0;
    world.looks(3, &[person(1, 50.0, 50.0)]);
    assert_eq!(world.events[0]["data"]["reason"], "discontinuity");
    assert_eq!(world.happened(), ["object.left 1", "object.appeared 1"]);
}

#[test]
fn other_rules_end_what_has_no_rule_any_more_and_keep_the_rest() {
    let both = "[[object]]\nname='a'\n[[object]]\nname='b'\n";
    let mut world = World::new(both);
    world.looks(3, &[person(1, 50.0, 50.0)]);
    let id = world.events[1]["id"].clone();
    world.happened();
    world.replace("[[object]]\nname='b'\n[[object]]\nname='c'\n");
    assert_eq!(world.events.len(), 1);
    assert_eq!(world.events[0]["rule"], "a");
    assert_eq!(world.events[0]["data"]["reason"], "rules-changed");
    world.looks(3, &[person(1, 50.0, 50.0)]);
    assert_eq!(world.events[1]["rule"], "c");
    world.looks(20, &[]);
    assert_eq!(world.events[2]["id"], id);
    assert_eq!(world.events.len(), 4);
}

#[test]
fn two_boxes_of_one_track_are_one_sighting() {
    let mut world = World::new(RULES);
    world.look(&[person(1, 50.0, 50.0), person(1, 60.0, 50.0)]);
    assert_eq!(world.happened(), [""; 0]);
    world.look(&[person(1, 50.0, 50.0)]);
    assert_eq!(world.happened(), ["object.appeared 1"]);
}
