use proptest::prelude::*;

use super::geometry::{Point, ShapeError, Units, Zone};
use super::*;

/// The left half, entered after 200 ms and exited after 500 ms.
const RULES: &str = "[[zone]]\nname='door'\npolygon=[[0,0],[0.5,0],[0.5,1],[0,1]]\n";

#[test]
fn a_visit_has_one_start_and_one_end_with_dwell_time() {
    let mut world = World::new(RULES);
    world.looks(5, &[person(1, 80.0, 50.0)]);
    world.looks(20, &[person(1, 20.0, 50.0)]);
    world.looks(10, &[person(1, 80.0, 50.0)]);
    let [entered, exited] = world.events.as_slice() else {
        panic!("{:?}", world.events);
    };
    assert_eq!(entered["event"], "zone.entered");
    assert_eq!(entered["zone"], "door");
    assert_eq!(entered["data"]["inside"], 1);
    // Inside from frame 5; 200 ms later it has entered.
    assert_eq!(entered["frame"]["number"], 7);
    assert_eq!(exited["id"], entered["id"]);
    assert_eq!(exited["data"]["reason"], "outside");
    assert_eq!(exited["data"]["inside"], 0);
    // Inside from 0.5 s to 2.5 s.
    assert_eq!(exited["data"]["duration"], 2.0);
    assert_eq!(exited["frame"]["number"], 30);
}

#[test]
fn a_box_that_trembles_on_the_edge_makes_one_visit() {
    let mut world = World::new(RULES);
    for i in 0..100 {
        let x = if i % 4 == 3 { 51.0 } else { 49.0 };
        world.look(&[person(1, x, 50.0)]);
    }
    assert_eq!(world.happened(), ["zone.entered 1"]);
}

#[test]
fn passing_by_for_a_moment_is_no_visit() {
    let mut world = World::new(RULES);
    world.looks(3, &[person(1, 80.0, 50.0)]);
    world.looks(2, &[person(1, 49.0, 50.0)]);
    world.looks(20, &[person(1, 80.0, 50.0)]);
    assert_eq!(world.happened(), [""; 0]);
}

#[test]
fn an_object_that_vanishes_inside_ends_its_visit_when_it_was_seen_last() {
    type Vanish = fn(&mut World);
    let cases: [(&str, Vanish); 3] = [
        ("absent", |world| world.looks(20, &[])),
        ("lost", |world| {
            let lost = Observation {
                lost: true,
                ..person(1, 20.0, 50.0)
            };
            world.look(&[lost]);
        }),
        ("eos", |world| world.end_all(Reason::Eos)),
    ];
    for (reason, vanish) in cases {
        let mut world = World::new(RULES);
        world.looks(11, &[person(1, 20.0, 50.0)]);
        vanish(&mut world);
        assert_eq!(world.events[1]["data"]["reason"], reason);
        assert_eq!(world.events[1]["data"]["duration"], 1.0);
        assert_eq!(world.happened(), ["zone.entered 1", "zone.exited 1"]);
    }
}

#[test]
fn the_zone_counts_who_is_inside() {
    let mut world = World::new(RULES);
    world.looks(5, &[person(1, 20.0, 50.0), person(2, 30.0, 50.0)]);
    world.looks(10, &[person(1, 20.0, 50.0), person(2, 80.0, 50.0)]);
    let inside: Vec<_> = (world.events.iter())
        .map(|e| e["data"]["inside"].as_u64().unwrap())
        .collect();
    assert_eq!(inside, [1, 2, 1]);
}

#[test]
fn the_anchor_decides_which_point_counts() {
    // Bottom centre (50, 60), size 4 x 8.
    let at = person(1, 50.0, 60.0);
    for (anchor, point) in [
        ("bottom-center", [50.0, 60.0]),
        ("center", [50.0, 56.0]),
        ("top-center", [50.0, 52.0]),
        ("left-center", [48.0, 56.0]),
        ("right-center", [52.0, 56.0]),
    ] {
        let [x, y] = point;
        let rules = format!(
            "[[zone]]\nname='z'\nunits='pixels'\nanchor='{anchor}'\n\
             polygon=[[{},{}],[{},{}],[{},{}]]\n",
            x - 0.1,
            y - 0.1,
            x + 0.3,
            y - 0.1,
            x - 0.1,
            y + 0.3
        );
        let mut world = World::new(&rules);
        world.looks(5, &[at]);
        assert_eq!(world.happened(), ["zone.entered 1"], "{anchor}");
    }
}

#[test]
fn a_zone_that_moves_while_somebody_is_inside_ends_the_visit() {
    let mut world = World::new(RULES);
    world.looks(5, &[person(1, 20.0, 50.0)]);
    world.replace("[[zone]]\nname='door'\npolygon=[[0.5,0],[1,0],[1,1]]\n");
    world.looks(10, &[person(1, 20.0, 50.0)]);
    assert_eq!(world.happened(), ["zone.entered 1", "zone.exited 1"]);
}

#[test]
fn without_a_frame_size_normalized_zones_are_idle() {
    let mut world = World::new(RULES);
    for i in 0..10 {
        let frame = Frame {
            time: i * 100_000_000,
            width: 0,
            height: 0,
            looked: true,
        };
        let mut out = Vec::new();
        (world.engine).process(&frame, &[person(1, 0.0, 0.0)], &mut out);
        assert_eq!(out, []);
    }
}

fn points(list: &[(f64, f64)]) -> Vec<Point> {
    list.iter().map(|&(x, y)| Point { x, y }).collect()
}

#[test]
fn edges_and_corners_belong_to_the_zone() {
    let zone = Zone::new(
        &points(&[(0.1, 0.1), (0.7, 0.1), (0.7, 0.7), (0.1, 0.7)]),
        Units::Normalized,
    )
    .unwrap();
    for (x, y) in [(0.1, 0.1), (0.7, 0.7), (0.4, 0.1), (0.7, 0.3), (0.1, 0.6)] {
        assert!(zone.contains(Point { x, y }), "({x}, {y})");
    }
    assert!(!zone.contains(Point {
        x: 0.1f64.next_down(),
        y: 0.3
    }));
    assert!(!zone.contains(Point {
        x: 0.7f64.next_up(),
        y: 0.3
    }));
}

#[test]
fn shapes_that_bound_no_area_are_refused() {
    let new = |list: &[(f64, f64)]| Zone::new(&points(list), Units::Pixels).unwrap_err();
    assert_eq!(new(&[(0., 0.), (9., 9.)]), ShapeError::TooFewPoints(2));
    assert_eq!(new(&[(0., 0.), (5., 5.), (9., 9.)]), ShapeError::ZeroArea);
    // Bow tie, spike, edge through a corner.
    for list in [
        &[(0., 0.), (9., 9.), (9., 0.), (0., 9.)][..],
        &[(0., 0.), (9., 0.), (4., 0.), (4., 9.)],
        &[(0., 0.), (9., 0.), (9., 9.), (4., 0.), (0., 9.)],
    ] {
        assert!(
            matches!(new(list), ShapeError::SelfCrossing { .. }),
            "{list:?}"
        );
    }
    // A ring that is closed by repeating its first point is fine.
    assert!(
        Zone::new(
            &points(&[(0., 0.), (9., 0.), (9., 9.), (0., 0.)]),
            Units::Pixels
        )
        .is_ok()
    );
}

/// A star-shaped polygon around (50, 50) is simple whatever its radii; corners on whole pixels.
fn star() -> impl Strategy<Value = Vec<(f64, f64)>> {
    proptest::collection::vec(5.0f64..45.0, 3..12).prop_map(|radii| {
        let n = radii.len() as f64;
        let corner = |(i, r): (usize, &f64)| {
            let angle = i as f64 / n * std::f64::consts::TAU;
            (
                (50.0 + r * angle.cos()).round(),
                (50.0 + r * angle.sin()).round(),
            )
        };
        radii.iter().enumerate().map(corner).collect()
    })
}

/// Crossing number with whole numbers, so exact: 1 inside, 0 on the edge, -1 outside.
fn reference(polygon: &[(i64, i64)], (x, y): (i64, i64)) -> i32 {
    let mut inside = false;
    for i in 0..polygon.len() {
        let ((ax, ay), (bx, by)) = (polygon[i], polygon[(i + 1) % polygon.len()]);
        let cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
        let in_box = x >= ax.min(bx) && x <= ax.max(bx) && y >= ay.min(by) && y <= ay.max(by);
        if cross == 0 && in_box {
            return 0;
        }
        if (ay > y) != (by > y) && ((cross > 0) == (by > ay)) {
            inside = !inside;
        }
    }
    if inside { 1 } else { -1 }
}

proptest! {
    #[test]
    fn inside_is_what_exact_arithmetic_says(corners in star(), x in 0i64..100, y in 0i64..100) {
        let Ok(zone) = Zone::new(&points(&corners), Units::Pixels) else {
            return Ok(()); // Rounding made corners fall together.
        };
        let exact: Vec<_> = corners.iter().map(|&(x, y)| (x as i64, y as i64)).collect();
        let point = Point { x: x as f64, y: y as f64 };
        prop_assert_eq!(zone.contains(point), reference(&exact, (x, y)) >= 0);
    }

    #[test]
    fn the_sense_of_rotation_and_the_first_corner_do_not_matter(
        corners in star(), turn in 0usize..12, x in 0i64..100, y in 0i64..100,
    ) {
        let Ok(zone) = Zone::new(&points(&corners), Units::Pixels) else {
            return Ok(());
        };
        let mut other = corners.clone();
        other.rotate_left(turn % corners.len());
        other.reverse();
        let other = Zone::new(&points(&other), Units::Pixels).unwrap();
        let point = Point { x: x as f64, y: y as f64 };
        prop_assert_eq!(zone.contains(point), other.contains(point));
    }

    #[test]
    fn visits_are_always_start_then_end_and_balanced(xs in proptest::collection::vec(0u8..100, 0..80)) {
        let mut world = World::new(RULES);
        for x in xs {
            world.look(&[person(1, f32::from(x), 50.0)]);
        }
        world.end_all(Reason::Eos);
        for pair in world.events.chunks(2) {
            prop_assert_eq!(pair.len(), 2);
            prop_assert_eq!(&pair[0]["phase"], "start");
            prop_assert_eq!(&pair[1]["phase"], "end");
            prop_assert_eq!(&pair[0]["id"], &pair[1]["id"]);
        }
    }
}

#[test]
fn who_is_given_up_inside_has_exited_and_counts_stay_right() {
    let mut world = World::new(
        "[[zone]]\nname='z'\npolygon=[[0,0],[0.5,0],[0.5,1],[0,1]]\nenter-after-ms=0\nmin-sightings=1",
    );
    let both = [person(1, 20.0, 50.0), person(2, 30.0, 50.0)];
    world.look(&both);
    let mut out = Vec::new();
    world.engine.lose(1, &mut out);
    world.take(out);
    // Back, and still inside: another visit.
    world.look(&both);
    world.end_all(Reason::Eos);
    let inside: Vec<_> = (world.events.iter())
        .map(|e| {
            (
                e["data"]["inside"].as_u64().unwrap(),
                e["data"]["reason"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        inside,
        [
            (1, None),
            (2, None),
            (1, Some("lost")),
            (2, None),
            (1, Some("eos")),
            (0, Some("eos"))
        ]
    );
}
