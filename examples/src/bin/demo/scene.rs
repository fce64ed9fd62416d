//! Zones and lines of the rules file, so that they can be drawn.
//!
//! `vigilevents` is what checks the file; here, whatever is not understood is not drawn.

use std::path::Path;
use toml::{Table, Value};

/// A point: fractions of the frame's width and height, or pixels.
pub type Point = (f32, f32);

/// A zone or a line.
#[derive(Debug, PartialEq)]
pub struct Shape {
    /// The rule's name.
    pub name: String,
    /// Corners of the zone, or the two ends of the line.
    pub points: Vec<Point>,
    /// The points bound a zone.
    pub closed: bool,
    /// The points are in pixels.
    pub pixels: bool,
}

/// What the rules look at.
#[derive(Debug, Default)]
pub struct Scene {
    /// Zones and lines, in the file's order.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// The scene of a rules file; nothing for no file.
    pub fn of(rules: Option<&Path>) -> Self {
        let text = rules.and_then(|file| std::fs::read_to_string(file).ok());
        Self::parse(&text.unwrap_or_default())
    }

    /// The scene of rules in TOML or JSON.
    pub fn parse(text: &str) -> Self {
        let json = || serde_json::from_str(text).ok();
        let table: Table = text.parse().ok().or_else(json).unwrap_or_default();
        let file_pixels = is_pixels(&table);
        let of_kind = |kind: &str| {
            let rules = table.get(kind).and_then(Value::as_array);
            rules.into_iter().flatten().filter_map(Value::as_table)
        };
        let zones = of_kind("zone").filter_map(|rule| {
            let points = rule.get("polygon")?.as_array()?;
            Some((rule, points.iter().map(point).collect::<Option<_>>()?, true))
        });
        let lines = of_kind("line").filter_map(|rule| {
            let ends = [point(rule.get("from")?)?, point(rule.get("to")?)?];
            Some((rule, ends.to_vec(), false))
        });
        let shapes = zones
            .chain(lines)
            .map(|(rule, points, closed)| Shape {
                name: rule
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                points,
                closed,
                pixels: file_pixels || is_pixels(rule),
            })
            .collect();
        Self { shapes }
    }
}

fn is_pixels(table: &Table) -> bool {
    table.get("units").and_then(Value::as_str) == Some("pixels")
}

fn point(value: &Value) -> Option<Point> {
    let number = |value: &Value| {
        let whole = value.as_integer().map(|n| n as f64);
        value.as_float().or(whole).map(|n| n as f32)
    };
    match value.as_array()?.as_slice() {
        [x, y] => Some((number(x)?, number(y)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_lines_are_read() {
        let scene = Scene::parse(
            r#"
            [[object]]
            name = "all"
            [[zone]]
            name = "door"
            polygon = [[0, 0.5], [1, 0.5], [1, 1]]
            [[line]]
            name = "gate"
            from = [10, 20]
            to = [30, 40.5]
            units = "pixels"
            "#,
        );
        assert_eq!(
            scene.shapes,
            [
                Shape {
                    name: "door".into(),
                    points: vec![(0.0, 0.5), (1.0, 0.5), (1.0, 1.0)],
                    closed: true,
                    pixels: false,
                },
                Shape {
                    name: "gate".into(),
                    points: vec![(10.0, 20.0), (30.0, 40.5)],
                    closed: false,
                    pixels: true,
                },
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_not_drawn() {
        for text in ["", "not toml", "[[zone]]\nname = 'a'", "zone = 5"] {
            assert!(Scene::parse(text).shapes.is_empty(), "{text}");
        }
    }
}
