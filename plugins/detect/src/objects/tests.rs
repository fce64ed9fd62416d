use super::*;
use crate::decode::Class;
use proptest::prelude::*;

const SIZE: (usize, usize) = (640, 360);
const MS: u64 = 1_000_000;

/// An object of a track, at `x`, with this side.
fn at(id: u32, track: Option<u64>, x: f32, side: f32) -> Candidate<'static> {
    Candidate {
        id,
        label: "car",
        xyxy: [x, 100.0, x + side, 100.0 + side],
        track,
        predicted: false,
    }
}

fn plan(
    planner: &mut Planner,
    options: &ObjectOptions,
    ms: u64,
    objects: &[Candidate],
) -> (Plan, Counts) {
    let objects = objects.iter().copied();
    planner.plan(options, Some(ms * MS), SIZE, objects, |_| true)
}

/// Ids of the objects that are looked at.
fn looked(plan: &Plan) -> Vec<u32> {
    let looks = plan.objects.iter().filter(|object| object.look.is_some());
    looks.map(|object| object.id).collect()
}

/// An answer that is told from others by its class.
fn answer(class: u32) -> Answer {
    Answer {
        details: Details {
            classes: vec![vec![Class { class, score: 1.0 }]],
            ..Details::default()
        },
        ..Answer::default()
    }
}

fn classes(told: &[Told]) -> Vec<(u32, u32, bool)> {
    let class = |told: &Told| told.answer.details.classes[0][0].class;
    told.iter()
        .map(|told| (told.object.id, class(told), told.is_fresh))
        .collect()
}

#[test]
fn tracked_objects_are_looked_at_when_new_old_or_grown() {
    let options = ObjectOptions::default();
    let mut planner = Planner::default();
    // time in ms, side, whether it is looked at
    for (ms, side, expected) in [
        (0, 40.0, true),
        (40, 40.0, false),
        (80, 43.0, false),
        // 1.21 times the area
        (120, 44.0, true),
        (160, 44.0, false),
        (1119, 44.0, false),
        (1120, 44.0, true),
        // time went back
        (40, 44.0, true),
        (80, 30.0, false),
    ] {
        let (plan, _) = plan(&mut planner, &options, ms, &[at(1, Some(7), 10.0, side)]);
        assert_eq!(plan.has_looks(), expected, "{ms} ms");
        assert_eq!(plan.objects.len(), 1);
    }
}

#[test]
fn an_object_without_a_track_or_a_time_is_looked_at_on_every_frame() {
    let options = ObjectOptions::default();
    let mut planner = Planner::default();
    for ms in 0..3 {
        let objects = [at(1, None, 10.0, 40.0), at(2, Some(5), 100.0, 40.0)];
        let (plan, _) = plan(&mut planner, &options, ms, &objects);
        assert_eq!(looked(&plan), if ms == 0 { vec![1, 2] } else { vec![1] });
    }
    for _ in 0..3 {
        let objects = [at(2, Some(6), 100.0, 40.0)].into_iter();
        let (plan, _) = planner.plan(&options, None, SIZE, objects, |_| true);
        assert!(plan.has_looks());
    }
    let always = ObjectOptions {
        interval: 0,
        ..options
    };
    for ms in 3..6 {
        let (plan, _) = plan(&mut planner, &always, ms, &[at(2, Some(5), 100.0, 40.0)]);
        assert!(plan.has_looks());
    }
}

#[test]
fn only_wanted_large_and_seen_objects_are_looked_at() {
    let options = ObjectOptions {
        classes: vec!["Car".into(), "грузовик".into()],
        ..ObjectOptions::default()
    };
    let labelled = |label| Candidate {
        label,
        ..at(1, None, 10.0, 40.0)
    };
    let boxed = |xyxy| Candidate {
        xyxy,
        ..at(1, None, 0.0, 0.0)
    };
    let nan = f32::NAN;
    // object, looked at, too small
    let table = [
        (labelled("car"), true, 0),
        (labelled("ГРУЗОВИК"), true, 0),
        (labelled("person"), false, 0),
        (labelled(""), false, 0),
        (at(1, None, 10.0, 16.0), true, 0),
        (at(1, None, 10.0, 15.0), false, 1),
        // 10 pixels of it are in the frame
        (boxed([630.0, 0.0, 700.0, 100.0]), false, 1),
        (boxed([620.0, -50.0, 700.0, 100.0]), true, 0),
        (boxed([700.0, 0.0, 800.0, 100.0]), false, 1),
        (boxed([50.0, 50.0, 20.0, 20.0]), false, 1),
        (boxed([nan, 0.0, 100.0, 100.0]), false, 1),
        (boxed([0.0, 0.0, f32::INFINITY, nan]), false, 1),
        (boxed([0.0, 0.0, f32::INFINITY, f32::INFINITY]), true, 0),
        (
            Candidate {
                predicted: true,
                ..at(1, Some(3), 10.0, 40.0)
            },
            false,
            0,
        ),
    ];
    for (object, expected, too_small) in table {
        let (plan, counts) = plan(&mut Planner::default(), &options, 0, &[object]);
        assert_eq!(plan.has_looks(), expected, "{object:?}");
        assert_eq!(counts.too_small, too_small, "{object:?}");
    }
    let objects = [at(1, None, 10.0, 40.0), at(2, None, 400.0, 40.0)].into_iter();
    let left = |xyxy: [f32; 4]| xyxy[0] < 320.0;
    let (plan, _) = Planner::default().plan(&options, None, SIZE, objects, left);
    assert_eq!(looked(&plan), [1]);
}

#[test]
fn tracked_objects_come_first_and_of_these_the_longest_unseen_and_then_the_largest() {
    let options = ObjectOptions {
        max_objects: 2,
        interval: 100 * MS,
        ..ObjectOptions::default()
    };
    let mut planner = Planner::default();
    let objects = [
        at(1, Some(1), 0.0, 40.0),
        at(2, Some(2), 100.0, 60.0),
        at(3, Some(3), 200.0, 50.0),
        at(4, None, 300.0, 20.0),
    ];
    for (ms, expected, over) in [
        (0, vec![2, 3], 2),
        (40, vec![1, 4], 0),
        (80, vec![4], 0),
        // 2 and 3 are due, and 4 is on every frame
        (100, vec![2, 3], 1),
        (120, vec![4], 0),
        (140, vec![1, 4], 0),
        (240, vec![2, 3], 2),
        (280, vec![1, 4], 0),
    ] {
        let (plan, counts) = plan(&mut planner, &options, ms, &objects);
        assert_eq!(
            (looked(&plan), counts.over_limit),
            (expected, over),
            "{ms} ms"
        );
    }
    let all = ObjectOptions {
        max_objects: 0,
        ..options
    };
    let many: Vec<_> = (0..500)
        .map(|i| at(i, Some(1000 + u64::from(i)), i as f32, 40.0))
        .collect();
    assert_eq!(looked(&plan(&mut planner, &all, 300, &many).0).len(), 500);
}

#[test]
fn a_look_of_which_nothing_came_is_taken_again() {
    let options = ObjectOptions::default();
    let mut planner = Planner::default();
    let object = [at(1, Some(7), 10.0, 40.0)];
    let (first, _) = plan(&mut planner, &options, 0, &object);
    planner.undo(&first);
    let (second, _) = plan(&mut planner, &options, 40, &object);
    assert!(second.has_looks());
    // What came later holds.
    planner.undo(&first);
    assert!(!plan(&mut planner, &options, 80, &object).0.has_looks());
    // What came before holds as long as it would have.
    let grown = [at(1, Some(7), 10.0, 60.0)];
    let (larger, _) = plan(&mut planner, &options, 500, &grown);
    assert!(larger.has_looks());
    planner.undo(&larger);
    for (ms, expected) in [(600, false), (1040, true)] {
        let (plan, _) = plan(&mut planner, &options, ms, &object);
        assert_eq!(plan.has_looks(), expected, "{ms} ms");
    }
    planner.restart();
    let (third, _) = plan(&mut planner, &options, 80, &object);
    assert!(third.has_looks() && third.epoch != second.epoch);
    planner.undo(&second);
    assert!(!plan(&mut planner, &options, 120, &object).0.has_looks());
}

#[test]
fn what_was_said_of_a_track_is_told_of_every_frame_with_it() {
    let options = ObjectOptions::default();
    let (mut planner, mut memory) = (Planner::default(), Memory::default());
    let objects = [at(1, Some(7), 10.0, 40.0), at(2, None, 100.0, 40.0)];
    // Two frames are planned before the first is told of.
    let (first, _) = plan(&mut planner, &options, 0, &objects);
    let (second, _) = plan(&mut planner, &options, 40, &objects);
    let told = memory.tell(&first, vec![answer(3), answer(4)], options.max_age);
    assert_eq!(classes(&told), [(1, 3, true), (2, 4, true)]);
    let told = memory.tell(&second, vec![answer(5)], options.max_age);
    assert_eq!(classes(&told), [(1, 3, false), (2, 5, true)]);
    // Nothing came of this one's looks, so what was said before is told.
    let (third, _) = plan(&mut planner, &options, 1000, &objects);
    assert_eq!(looked(&third), [1, 2]);
    let told = memory.tell(&third, Vec::new(), options.max_age);
    assert_eq!(classes(&told), [(1, 3, false)]);
    planner.restart();
    let (fourth, _) = plan(&mut planner, &options, 1040, &objects[..1]);
    assert!(memory.tell(&fourth, Vec::new(), options.max_age).is_empty());
}

#[test]
fn tracks_that_are_gone_for_long_are_forgotten() {
    let options = ObjectOptions {
        interval: u64::MAX,
        max_age: 100 * MS,
        ..ObjectOptions::default()
    };
    let (mut planner, mut memory) = (Planner::default(), Memory::default());
    let one = [at(1, Some(7), 10.0, 40.0)];
    let mut step = |ms, objects: &[Candidate], class| {
        let (plan, _) = plan(&mut planner, &options, ms, objects);
        let told = memory.tell(
            &plan,
            plan.looks().map(|_| answer(class)).collect(),
            options.max_age,
        );
        classes(&told)
    };
    assert_eq!(step(0, &one, 1), [(1, 1, true)]);
    assert_eq!(step(50, &[], 2), []);
    assert_eq!(step(100, &one, 3), [(1, 1, false)]);
    assert_eq!(step(201, &[], 4), []);
    assert_eq!(step(202, &one, 5), [(1, 5, true)]);
}

#[test]
fn no_more_tracks_are_kept_than_are_bounded() {
    let options = ObjectOptions {
        max_objects: 0,
        max_age: u64::MAX,
        interval: u64::MAX,
        ..ObjectOptions::default()
    };
    let (mut planner, mut memory) = (Planner::default(), Memory::default());
    for ms in 0..10_u64 {
        let track = |i: u64| at(i as u32, Some(ms * 1000 + i), 10.0, 40.0);
        let objects: Vec<_> = (0..1000).map(track).collect();
        let (plan, _) = plan(&mut planner, &options, ms, &objects);
        let answers = plan.looks().map(|_| answer(0)).collect();
        memory.tell(&plan, answers, options.max_age);
        assert!(planner.tracks() <= MOST_TRACKS && memory.tracks() <= MOST_TRACKS);
    }
    assert_eq!(
        (planner.tracks(), memory.tracks()),
        (MOST_TRACKS, MOST_TRACKS)
    );
    // The last ones are among them.
    let last = [at(1, Some(9999), 10.0, 40.0)];
    let (plan, _) = plan(&mut planner, &options, 11, &last);
    assert!(!plan.has_looks());
    assert_eq!(memory.tell(&plan, Vec::new(), options.max_age).len(), 1);
}

#[test]
fn what_was_found_inside_moves_and_grows_with_its_object() {
    let found = |xyxy| Detection {
        class: 0,
        score: 0.5,
        xyxy,
    };
    let answer = Answer {
        detections: vec![
            found([10.0, 10.0, 20.0, 20.0]),
            found([0.0, 0.0, 5.0, 40.0]),
        ],
        ..Answer::default()
    };
    let from = [0.0, 0.0, 40.0, 40.0];
    assert_eq!(answer.carried(from, from, (100, 100)), answer.detections);
    let carried = answer.carried(from, [10.0, 20.0, 90.0, 60.0], (100, 100));
    assert_eq!(carried[0].xyxy, [30.0, 30.0, 50.0, 40.0]);
    assert_eq!(carried[1].xyxy, [10.0, 20.0, 20.0, 60.0]);
    // The second one is outside of the frame now.
    let carried = answer.carried(from, [-30.0, 0.0, 10.0, 40.0], (100, 100));
    assert_eq!(carried, []);
    let carried = answer.carried([5.0; 4], from, (100, 100));
    assert!(
        carried
            .iter()
            .all(|found| found.xyxy.iter().all(|v| v.is_finite()))
    );
}

proptest! {
    #[test]
    fn looks_lie_in_the_frame_and_cover_their_objects(
        (width, height) in (1usize..2000, 1usize..2000),
        edges in prop::array::uniform4(-100.0f32..2100.0),
    ) {
        let object = Candidate { xyxy: edges, ..at(1, None, 0.0, 0.0) };
        let options = ObjectOptions { min_size: 0, ..ObjectOptions::default() };
        let objects = [object].into_iter();
        let (plan, _) = Planner::default().plan(&options, None, (width, height), objects, |_| true);
        for (object, [x, y, w, h]) in plan.objects.iter().zip(plan.looks()) {
            prop_assert!(x % 2 == 0 && y % 2 == 0 && w > 0 && h > 0);
            prop_assert!(x + w <= width && y + h <= height);
            let [x1, y1, x2, y2] = object.xyxy;
            prop_assert!(x as f32 <= x1 && y as f32 <= y1);
            prop_assert!((x + w) as f32 >= x2 && (y + h) as f32 >= y2);
            prop_assert!(x1 - (x as f32) < 2.0 && (x + w) as f32 - x2 < 2.0);
        }
    }
}
