//! Exact crossing of lines by paths.

use proptest::prelude::*;

use super::geometry::{Crossing, Line, Path, Point, Units};

/// From (2, 5) to (8, 5): forward is downwards, to larger y.
fn line() -> Line {
    let at = |x| Point { x, y: 5.0 };
    Line::new(at(2.0), at(8.0), Units::Pixels).unwrap()
}

fn crossings(line: &Line, points: &[(f64, f64)]) -> String {
    let mut path = Path::default();
    points
        .iter()
        .filter_map(|&(x, y)| path.step(line, Point { x, y }))
        .map(|crossing| match crossing {
            Crossing::Forward => 'F',
            Crossing::Backward => 'B',
        })
        .collect()
}

#[test]
fn crossing_touching_and_running_along_are_told_apart() {
    for (what, points, expected) in [
        ("crosses", &[(5., 4.), (5., 6.)][..], "F"),
        ("crosses back", &[(5., 6.), (5., 4.)], "B"),
        ("touches and goes back", &[(5., 4.), (5., 5.), (5., 4.)], ""),
        ("touches and goes on", &[(5., 4.), (5., 5.), (5., 6.)], "F"),
        (
            "rests on it and goes on",
            &[(5., 4.), (5., 5.), (5., 5.), (6., 6.)],
            "F",
        ),
        ("reverses", &[(5., 4.), (5., 6.), (5., 4.), (5., 6.)], "FBF"),
        ("jumps far", &[(5., -1000.), (5., 1000.)], "F"),
        ("runs along it", &[(2., 5.), (8., 5.), (3., 5.)], ""),
        (
            "runs along it and returns",
            &[(5., 4.), (3., 5.), (7., 5.), (7., 4.)],
            "",
        ),
        (
            "runs along it and leaves beyond",
            &[(5., 4.), (3., 5.), (7., 5.), (7., 6.)],
            "F",
        ),
        (
            "runs past its end before leaving",
            &[(5., 4.), (7., 5.), (9., 5.), (9., 6.)],
            "",
        ),
        (
            "comes along it from past its end",
            &[(1., 4.), (1., 5.), (7., 5.), (7., 6.)],
            "",
        ),
        ("passes its end", &[(9., 4.), (9., 6.)], ""),
        ("just past its end", &[(8.000001, 4.), (8.000001, 6.)], ""),
        ("through its end", &[(8., 4.), (8., 6.)], "F"),
        ("slanted past its end", &[(7., 4.), (10., 6.)], ""),
        ("slanted through it", &[(6., 4.), (9., 6.)], "F"),
        (
            "goes round its end",
            &[(5., 4.), (9., 4.), (9., 6.), (5., 6.)],
            "",
        ),
        ("starts on it", &[(5., 5.), (5., 6.)], ""),
        ("stays on one side", &[(5., 4.), (1., 4.9), (9., 4.9)], ""),
    ] {
        assert_eq!(crossings(&line(), points), expected, "{what}");
    }
}

/// Points on a coarse grid: many are exactly on the line, on its ends, or collinear with it.
fn path() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((0i64..11, 2i64..9), 0..40)
}

fn floats(path: &[(i64, i64)]) -> Vec<(f64, f64)> {
    path.iter().map(|&(x, y)| (x as f64, y as f64)).collect()
}

/// Crossings of a path that never stops on the line's height, in whole numbers.
fn reference(path: &[(i64, i64)]) -> String {
    path.windows(2)
        .filter_map(|step| {
            let ((px, py), (qx, qy)) = (step[0], step[1]);
            if (py < 5) == (qy < 5) {
                return None;
            }
            // x at y = 5, times (qy - py).
            let (x, d) = (px * (qy - py) + (5 - py) * (qx - px), qy - py);
            let (x, d) = if d < 0 { (-x, -d) } else { (x, d) };
            (x >= 2 * d && x <= 8 * d).then_some(if py < 5 { 'F' } else { 'B' })
        })
        .collect()
}

proptest! {
    #[test]
    fn steps_cross_where_exact_arithmetic_says(path in path()) {
        let path: Vec<_> = path.into_iter().filter(|(_, y)| *y != 5).collect();
        prop_assert_eq!(crossings(&line(), &floats(&path)), reference(&path));
    }

    #[test]
    fn going_back_the_same_way_undoes_every_crossing(path in path()) {
        let there = floats(&path);
        let back: Vec<_> = there.iter().rev().copied().collect();
        let swap = |c| if c == 'F' { 'B' } else { 'F' };
        let undone: String = crossings(&line(), &there).chars().rev().map(swap).collect();
        prop_assert_eq!(crossings(&line(), &back), undone);
    }

    #[test]
    fn a_stop_in_the_middle_of_a_step_changes_nothing(path in path()) {
        // Halves are exact.
        let path = floats(&path);
        let mut slow: Vec<(f64, f64)> = Vec::new();
        for step in path.windows(2) {
            let ((px, py), (qx, qy)) = (step[0], step[1]);
            slow.extend([(px, py), ((px + qx) / 2.0, (py + qy) / 2.0)]);
        }
        slow.extend(path.last());
        prop_assert_eq!(crossings(&line(), &slow), crossings(&line(), &path));
    }

    #[test]
    fn turning_the_line_round_swaps_the_directions(path in path()) {
        let at = |x| Point { x, y: 5.0 };
        let turned = Line::new(at(8.0), at(2.0), Units::Pixels).unwrap();
        let swapped: String = crossings(&line(), &floats(&path))
            .chars()
            .map(|c| if c == 'F' { 'B' } else { 'F' })
            .collect();
        prop_assert_eq!(crossings(&turned, &floats(&path)), swapped);
    }
}
