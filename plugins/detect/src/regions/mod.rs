//! The parts of the picture that count: polygons and boxes in fractions of the frame.

mod parse;

use geo::{BoundingRect, Coord, Intersects, LineString, Polygon, Rect};

/// A point in fractions of the frame's width and height; y grows downwards.
type Point = Coord<f64>;

/// Areas of the frame, one at least. Their edges belong to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Regions {
    areas: Vec<Polygon<f64>>,
    bounds: Rect<f64>,
}

impl Regions {
    /// From the text of the property: JSON, a list of polygons `[[x, y], …]` and boxes
    /// `[x1, y1, x2, y2]`. `None` for an empty text.
    ///
    /// # Errors
    /// A text that says which region and which point is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let areas = parse::areas(text)?;
        Ok(Self::of(areas))
    }

    fn of(areas: Vec<Polygon<f64>>) -> Option<Self> {
        let all = areas.iter().filter_map(BoundingRect::bounding_rect);
        let bounds = all.reduce(|a, b| {
            let (min, max) = (
                (a.min().x.min(b.min().x), a.min().y.min(b.min().y)),
                (a.max().x.max(b.max().x), a.max().y.max(b.max().y)),
            );
            Rect::new(min, max)
        })?;
        Some(Self { areas, bounds })
    }

    /// Left, top, right and bottom of the box around all of them, in fractions of the frame.
    pub fn bounds(&self) -> [f64; 4] {
        let (min, max) = (self.bounds.min(), self.bounds.max());
        [min.x, min.y, max.x, max.y]
    }

    /// Whether they have a point in common with this box, left, top, right, bottom in fractions of
    /// the frame.
    pub fn touch(&self, [x1, y1, x2, y2]: [f64; 4]) -> bool {
        let rect = Rect::new((x1, y1), (x2, y2));
        self.areas.iter().any(|area| area.intersects(&rect))
    }

    /// Whether an object with this box, left, top, right, bottom in pixels of a frame of this
    /// size, stands in one of them: the middle of its bottom edge does. A box that the edge of the
    /// area around the regions cuts off stands on that edge.
    pub fn hold(&self, [x1, _, x2, y2]: [f32; 4], (width, height): (usize, usize)) -> bool {
        let (min, max) = (self.bounds.min(), self.bounds.max());
        // The picture that the network sees ends at a whole pixel, up to two away from the edge.
        let near = |v: f64, low: f64, high: f64, side: usize| {
            let margin = 2.0 / side as f64;
            if (low - margin..=high + margin).contains(&v) {
                v.clamp(low, high)
            } else {
                v
            }
        };
        let foot = Point {
            x: near(f64::from(x1 + x2) / 2.0 / width as f64, min.x, max.x, width),
            y: near(f64::from(y2) / height as f64, min.y, max.y, height),
        };
        self.areas.iter().any(|area| area.intersects(&foot))
    }
}

fn polygon(corners: Vec<Point>) -> Polygon<f64> {
    Polygon::new(LineString::new(corners), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(text: &str) -> Regions {
        Regions::parse(text).unwrap().unwrap()
    }

    #[test]
    fn an_object_is_where_it_stands() {
        // A triangle in the left half, a box at the bottom right.
        let regions = regions("[[[0.1, 0.1], [0.5, 0.1], [0.1, 0.9]], [0.75, 0.5, 1, 1]]");
        for (bbox, inside) in [
            // left, top, right, bottom on a frame of 1000 by 500
            ([150.0, 10.0, 250.0, 200.0], true),
            ([150.0, 10.0, 250.0, 370.0], false),
            ([600.0, 10.0, 700.0, 400.0], false),
            // feet in the box, head above it
            ([800.0, 10.0, 900.0, 400.0], true),
            // head in it, feet cut off by the frame
            ([800.0, 400.0, 900.0, 500.0], true),
            // on the edge
            ([700.0, 10.0, 800.0, 300.0], true),
            ([700.0, 10.0, 780.0, 300.0], false),
        ] {
            assert_eq!(regions.hold(bbox, (1000, 500)), inside, "{bbox:?}");
        }
    }

    #[test]
    fn a_box_that_is_cut_off_at_the_edge_of_all_regions_stands_on_it() {
        // The edge is at 333.33 and 166.67; the network's picture ends at 334 and 167.
        let regions = regions("[[0, 0, 0.33333333, 0.33333333]]");
        assert!(regions.hold([300.0, 20.0, 334.0, 167.0], (1000, 500)));
        assert!(!regions.hold([300.0, 20.0, 334.0, 170.0], (1000, 500)));
    }

    #[test]
    fn cells_touch_what_they_share_a_point_with() {
        let regions = regions("[[[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]]]");
        for (cell, touches) in [
            ([0.0, 0.0, 0.2, 0.2], false),
            ([0.0, 0.0, 0.25, 0.25], true),
            ([0.45, 0.4, 0.55, 0.5], true),
            ([0.0, 0.0, 1.0, 1.0], true),
            ([0.25, 0.6, 0.3, 0.7], false),
            ([0.0, 0.3, 1.0, 0.31], true),
        ] {
            assert_eq!(regions.touch(cell), touches, "{cell:?}");
        }
    }

    #[test]
    fn bounds_are_those_of_all_regions_together() {
        let regions = regions("[[0.5, 0.25, 0.75, 0.5], [[0.1, 0.3], [0.2, 0.3], [0.1, 0.9]]]");
        assert_eq!(regions.bounds(), [0.1, 0.25, 0.75, 0.9]);
    }
}
