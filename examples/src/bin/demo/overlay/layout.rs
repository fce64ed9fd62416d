//! Zones and lines in their places on pictures of one size: made when the size is known, drawn on
//! every frame.

use super::stencil::{Art, Point};
use crate::canvas::Colour;
use crate::scene::{Scene, Shape};

/// Zones take these in turn: apart from each other, and from a street's greys and greens.
const ZONES: &[Colour] = &[
    [255, 190, 60],
    [60, 200, 255],
    [255, 120, 200],
    [150, 230, 90],
];
/// Lines.
const LINE: Colour = [255, 240, 110];

/// How large things are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Of everything, 1 for a height of 720.
    pub of: f32,
    /// Thickness of boxes, in pixels.
    pub stroke: i32,
    /// Height of the small text, in pixels.
    pub text: f32,
}

impl Scale {
    /// What suits pictures of this size.
    pub fn new((width, height): (u32, u32)) -> Self {
        // Text has to be read on small pictures too, and a tall one is no wider for it.
        let of = (height.min(width) as f32 / 720.0).clamp(0.72, 6.0);
        Self {
            of,
            stroke: ((2.0 * of).round() as i32).max(1),
            text: (15.0 * of).round(),
        }
    }

    /// A length in pixels, given for a height of 720.
    pub fn px(&self, length: f32) -> i32 {
        (length * self.of).round() as i32
    }
}

/// A zone.
pub struct ZoneArt {
    /// The rule's name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// Its inside.
    pub fill: Art,
    /// A dark rim, and the edge itself.
    pub edges: [Art; 2],
    /// Where its name is: the uppermost corner.
    pub tag: Point,
}

/// A line.
pub struct LineArt {
    /// The rule's name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// A dark rim, and the line itself.
    pub edges: [Art; 2],
    /// Where its name is: its first end.
    pub tag: Point,
    /// To the right-hand side and to the left-hand side of somebody who walks along the line: an
    /// arrow, and the middle of the count beside it.
    pub sides: [(Art, Point); 2],
}

/// All of them.
pub struct Layout {
    /// Size of the pictures.
    pub size: (u32, u32),
    /// How large things are drawn.
    pub scale: Scale,
    /// The zones.
    pub zones: Vec<ZoneArt>,
    /// The lines.
    pub lines: Vec<LineArt>,
}

impl Layout {
    /// The scene on pictures of this size.
    pub fn new(scene: &Scene, size: (u32, u32)) -> Self {
        let scale = Scale::new(size);
        let mut this = Self {
            size,
            scale,
            zones: Vec::new(),
            lines: Vec::new(),
        };
        for shape in &scene.shapes {
            let points = pixels(shape, size);
            match points.as_slice() {
                [from, to] if !shape.closed => this.add_line(shape, *from, *to),
                _ if shape.closed => this.add_zone(shape, &points),
                _ => (),
            }
        }
        this
    }

    fn add_zone(&mut self, shape: &Shape, points: &[Point]) {
        let tag = points.iter().copied().min_by(|a, b| {
            (a.1, a.0)
                .partial_cmp(&(b.1, b.0))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        self.zones.push(ZoneArt {
            name: shape.name.clone(),
            colour: ZONES[self.zones.len() % ZONES.len()],
            fill: Art::polygon(points, self.size),
            edges: self.edges(points, true, 1.6),
            tag: tag.unwrap_or_default(),
        });
    }

    fn add_line(&mut self, shape: &Shape, from: Point, to: Point) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-3);
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        // y points down: a quarter turn to the right of (dx, dy) is (-dy, dx).
        let right = (-dy / length, dx / length);
        self.lines.push(LineArt {
            name: shape.name.clone(),
            colour: LINE,
            edges: self.edges(&[from, to], false, 3.0),
            tag: from,
            sides: [right, (-right.0, -right.1)].map(|way| self.side(middle, way)),
        });
    }

    /// An arrow from a line's middle, and the place of the count beyond it.
    fn side(&self, middle: Point, way: Point) -> (Art, Point) {
        let along = (-way.1, way.0);
        let at = |out: f32, aside: f32| {
            let (out, aside) = (out * self.scale.of, aside * self.scale.of);
            (
                middle.0 + way.0 * out + along.0 * aside,
                middle.1 + way.1 * out + along.1 * aside,
            )
        };
        let arrow = [at(8.0, -9.0), at(20.0, 0.0), at(8.0, 9.0)];
        (Art::polygon(&arrow, self.size), at(36.0, 0.0))
    }

    fn edges(&self, points: &[Point], closed: bool, width: f32) -> [Art; 2] {
        let width = width * self.scale.of;
        [width + 2.5 * self.scale.of, width]
            .map(|width| Art::line(points, closed, width, self.size))
    }
}

/// The corners of a shape in pixels.
fn pixels(shape: &Shape, (width, height): (u32, u32)) -> Vec<Point> {
    let (sx, sy) = match shape.pixels {
        true => (1.0, 1.0),
        false => (width as f32, height as f32),
    };
    shape.points.iter().map(|(x, y)| (x * sx, y * sy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(closed: bool, pixels: bool, points: &[Point]) -> Shape {
        Shape {
            name: "place".into(),
            points: points.to_vec(),
            closed,
            pixels,
        }
    }

    #[test]
    fn fractions_and_pixels_are_put_where_they_belong() {
        let zone = [(0.25, 0.5), (0.5, 0.25), (0.5, 0.5)];
        let scene = Scene {
            shapes: vec![
                shape(true, false, &zone),
                shape(true, true, &[(10.0, 20.0), (30.0, 20.0), (30.0, 50.0)]),
            ],
        };
        let layout = Layout::new(&scene, (200, 100));
        assert_eq!(layout.zones[0].tag, (100.0, 25.0));
        assert_eq!(layout.zones[1].tag, (10.0, 20.0));
        assert_ne!(layout.zones[0].colour, layout.zones[1].colour);
    }

    #[test]
    fn forward_is_to_the_right_of_who_walks_along_the_line() {
        // From, to, and on which side of the line's middle the forward count is.
        for (from, to, (x, y)) in [
            ((0.0, 50.0), (100.0, 50.0), (0.0, 1.0)),
            ((100.0, 50.0), (0.0, 50.0), (0.0, -1.0)),
            ((50.0, 0.0), (50.0, 100.0), (-1.0, 0.0)),
        ] {
            let scene = Scene {
                shapes: vec![shape(false, true, &[from, to])],
            };
            let layout = Layout::new(&scene, (100, 100));
            let [(_, forward), (_, backward)] = &layout.lines[0].sides;
            let side = ((forward.0 - 50.0) * x + (forward.1 - 50.0) * y).signum();
            assert_eq!(side, 1.0, "{from:?} to {to:?}: {forward:?}");
            assert_eq!(
                (forward.0 + backward.0, forward.1 + backward.1),
                (100.0, 100.0)
            );
        }
    }

    #[test]
    fn text_is_readable_at_any_size() {
        for (size, least, most) in [
            ((160, 120), 10.0, 12.0),
            ((1280, 720), 15.0, 15.0),
            ((3840, 2160), 45.0, 45.0),
        ] {
            let text = Scale::new(size).text;
            assert!(text >= least && text <= most, "{size:?}: {text}");
        }
    }
}
