//! Regions from JSON, with errors that say where.

use super::{Point, polygon};
use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};
use geo::{Intersects, Line, Polygon};
use serde_json::Value;

/// Nobody draws more, and each pair of edges is looked at.
const MAX_POINTS: usize = 500;
const MAX_REGIONS: usize = 100;

const EXPECTED: &str = "a list of polygons [[x, y], [x, y], [x, y], …] and boxes \
     [x1, y1, x2, y2] in fractions of the frame, such as [[0.1, 0.2, 0.5, 0.9]]";

/// Reads the areas; none for an empty text.
pub(super) fn areas(text: &str) -> Result<Vec<Polygon<f64>>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("{}: expected {EXPECTED}", reason(&error)))?;
    let Value::Array(items) = value else {
        return Err(format!("found {}, expected {EXPECTED}", kind(&value)));
    };
    if items.is_empty() {
        return Err(format!(
            "the list is empty: leave the property out for the whole frame, or give {EXPECTED}"
        ));
    }
    if items.len() > MAX_REGIONS {
        let found = items.len();
        return Err(format!("{found} regions, {MAX_REGIONS} at most are taken"));
    }
    (1..)
        .zip(&items)
        .map(|(number, item)| area(item, &items).map_err(|e| format!("region {number}{e}")))
        .collect()
}

/// What serde_json says, with the place as a user counts it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!(
        "no valid JSON at line {}, column {} ({what})",
        error.line(),
        error.column()
    )
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// One region; `all` is the list that it stands in. Errors go on after "region 1".
fn area(item: &Value, all: &[Value]) -> Result<Polygon<f64>, String> {
    let Value::Array(items) = item else {
        return Err(format!(": found {}, expected {EXPECTED}", kind(item)));
    };
    let numbers = items.iter().filter(|item| item.is_number()).count();
    if numbers == 0 || numbers < items.len() {
        return polygon_of(items);
    }
    match items.len() {
        4 => box_of(items),
        // One pair of brackets is missing.
        2 if all.len() > 2 => Err(format!(
            ": found a point {item}, expected a polygon: put its points into a list of their own, \
             as in [[[x, y], [x, y], [x, y]]]"
        )),
        n => Err(format!(
            ": found a list of {n} numbers; a box has four, [x1, y1, x2, y2], and a polygon is a \
             list of points [x, y]"
        )),
    }
}

fn box_of(items: &[Value]) -> Result<Polygon<f64>, String> {
    let mut sides = [0.0; 4];
    for ((side, item), name) in sides.iter_mut().zip(items).zip(["x1", "y1", "x2", "y2"]) {
        *side = fraction(item, name).map_err(|error| format!(": {error}"))?;
    }
    let [x1, y1, x2, y2] = sides;
    if x1 >= x2 || y1 >= y2 {
        return Err(format!(
            ": the box [{x1}, {y1}, {x2}, {y2}] has no area: it must be [left, top, right, bottom] \
             with left < right and top < bottom"
        ));
    }
    let corner = |x, y| Point { x, y };
    Ok(polygon(vec![
        corner(x1, y1),
        corner(x2, y1),
        corner(x2, y2),
        corner(x1, y2),
    ]))
}

fn polygon_of(items: &[Value]) -> Result<Polygon<f64>, String> {
    let points = (1..)
        .zip(items)
        .map(|(number, item)| point(item).map_err(|error| format!(", point {number}: {error}")));
    let mut points = points.collect::<Result<Vec<_>, _>>()?;
    if points.len() > 3 && points.first() == points.last() {
        points.pop();
    }
    match points.len() {
        0..3 => Err(format!(
            ": a polygon has 3 points or more, this one has {}",
            points.len()
        )),
        n if n > MAX_POINTS => Err(format!(
            ": a polygon has {MAX_POINTS} points at most, this one has {n}"
        )),
        _ => check(&points).map(|()| polygon(points)),
    }
}

fn point(item: &Value) -> Result<Point, String> {
    match item.as_array().map(Vec::as_slice) {
        Some([x, y]) => Ok(Point {
            x: fraction(x, "x")?,
            y: fraction(y, "y")?,
        }),
        _ => Err(format!("found {item}, expected a point [x, y]")),
    }
}

fn fraction(item: &Value, name: &str) -> Result<f64, String> {
    match item.as_f64() {
        Some(value) if (0.0..=1.0).contains(&value) => Ok(value),
        Some(value) if value > 1.0 => Err(format!(
            "{name} is {item}, must be from 0 to 1: coordinates are fractions of the frame, not \
             pixels"
        )),
        Some(_) => Err(format!("{name} is {item}, must be from 0 to 1")),
        None => Err(format!(
            "{name} is {}, must be a number from 0 to 1",
            kind(item)
        )),
    }
}

/// Whether the corners bound an area, in order.
fn check(corners: &[Point]) -> Result<(), String> {
    let flat = |corner: &Point| {
        RobustKernel::orient2d(corners[0], corners[1], *corner) == Orientation::Collinear
    };
    if corners.iter().all(flat) {
        return Err(": the polygon has no area: all its points are on one line".into());
    }
    let n = corners.len();
    let edge = |i: usize| Line::new(corners[i], corners[(i + 1) % n]);
    for first in 0..n {
        // Neighbours share a point, so do the first and the last.
        let last = if first == 0 { n - 1 } else { n };
        if let Some(second) = (first + 2..last).find(|i| edge(first).intersects(&edge(*i))) {
            return Err(format!(
                ": the polygon crosses itself: the edge after point {} meets the edge after point \
                 {}; list the corners in order around the region",
                first + 1,
                second + 1
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygons_and_boxes_are_taken_together() {
        let text =
            " [[[0, 0], [1, 0], [0.5, 1]], [0.25, 0.25, 1, 0.5],\n [[0,0],[1,0],[1,1],[0,0]]]";
        let corners: Vec<_> = (areas(text).unwrap().iter())
            .map(|area| area.exterior().0.len() - 1)
            .collect();
        assert_eq!(corners, [3, 4, 3]);
    }

    #[test]
    fn no_text_is_no_region() {
        assert!(areas("").unwrap().is_empty());
        assert!(areas(" \n").unwrap().is_empty());
    }

    #[test]
    fn errors_say_which_region_and_point_and_what_would_be_right() {
        for (text, parts) in [
            (
                "[[0, 0, 1",
                &[
                    "no valid JSON at line 1, column 9",
                    "[[0.1, 0.2, 0.5, 0.9]]",
                ][..],
            ),
            ("0.5", &["found a number", "a list of polygons"]),
            ("[]", &["the list is empty"]),
            ("[7]", &["region 1: found a number"]),
            (
                "[[]]",
                &["region 1: a polygon has 3 points or more, this one has 0"],
            ),
            (
                "[[0, 0, 1, 1], [[0.1, 0.1], [0.9, 1.5], [0, 1]]]",
                &["region 2, point 2: y is 1.5, must be from 0 to 1"],
            ),
            (
                "[[[640, 0], [1, 0], [0, 1]]]",
                &["region 1, point 1: x is 640", "not pixels"],
            ),
            (
                "[[-0.1, 0, 1, 1]]",
                &["region 1: x1 is -0.1, must be from 0 to 1"],
            ),
            (
                "[[0.5, 0, 0.5, 1]]",
                &["region 1: the box [0.5, 0, 0.5, 1] has no area"],
            ),
            (
                "[[0, 0, 1]]",
                &["region 1: found a list of 3 numbers", "four"],
            ),
            (
                "[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]",
                &["region 1: found a point [0.1,0.1]", "a list of their own"],
            ),
            (
                "[[[0, 0], [1, 0]]]",
                &["region 1: a polygon has 3 points or more, this one has 2"],
            ),
            (
                "[[[0, 0], [1, 0], 3]]",
                &["region 1, point 3: found 3, expected a point [x, y]"],
            ),
            (
                "[[[0, 0], [1, 0], [0, \"1\"]]]",
                &["region 1, point 3: y is text"],
            ),
            (
                "[[[0, 0], [0.5, 0.5], [1, 1]]]",
                &["region 1: the polygon has no area"],
            ),
            (
                "[[[0, 0], [1, 1], [1, 0], [0, 1]]]",
                &["region 1: the polygon crosses itself", "point 1", "point 3"],
            ),
        ] {
            let error = areas(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }
}
