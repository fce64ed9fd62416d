//! What a figure is made of: filled polygons in the picture, in painting order.

use crate::scene::camera::{Camera, Pixel};
use crate::scene::vector::Vec3;

/// A colour, not premultiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Color {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// 255 hides what is behind.
    pub alpha: u8,
}

/// An opaque colour.
pub const fn rgb(r: u8, g: u8, b: u8) -> Color {
    Color {
        rgb: [r, g, b],
        alpha: 255,
    }
}

impl Color {
    /// Brighter (above 1) or darker.
    pub fn shaded(self, factor: f32) -> Self {
        let shade = |level: u8| (f32::from(level) * factor).round().clamp(0.0, 255.0) as u8;
        Self {
            rgb: self.rgb.map(shade),
            ..self
        }
    }

    /// The same with another alpha.
    pub const fn faint(self, alpha: u8) -> Self {
        Self {
            rgb: self.rgb,
            alpha,
        }
    }
}

/// Points of polygons, one contour after the other; a part is filled by the even-odd rule.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    points: Vec<(f32, f32)>,
    /// For each contour, where its points end.
    contours: Vec<usize>,
    /// For each part, where its contours end, and its colour.
    parts: Vec<(usize, Color)>,
    hull: Vec<(f32, f32)>,
}

/// Left, top, right and bottom edge, in pixels.
pub type Bounds = (f32, f32, f32, f32);

impl Shape {
    /// Makes it empty; keeps its memory.
    pub fn clear(&mut self) {
        self.points.clear();
        self.contours.clear();
        self.parts.clear();
    }

    /// The parts: their contours and colours.
    pub fn parts(
        &self,
    ) -> impl Iterator<Item = (impl Iterator<Item = &[(f32, f32)]> + Clone, Color)> {
        let mut first = 0;
        self.parts.iter().map(move |&(end, color)| {
            let contours = first..end;
            first = end;
            let contour = move |index: usize| {
                let start = if index == 0 {
                    0
                } else {
                    self.contours[index - 1]
                };
                &self.points[start..self.contours[index]]
            };
            (contours.map(contour), color)
        })
    }

    /// The smallest upright box around all parts; `None` without any.
    pub fn bounds(&self) -> Option<Bounds> {
        let (&(x, y), rest) = self.points.split_first()?;
        Some(rest.iter().fold((x, y, x, y), |(l, t, r, b), &(x, y)| {
            (l.min(x), t.min(y), r.max(x), b.max(y))
        }))
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: impl IntoIterator<Item = (f32, f32)>, color: Color) {
        self.contour(points);
        self.finish(color);
    }

    /// What is between two polygons.
    pub fn between(
        &mut self,
        outer: impl IntoIterator<Item = (f32, f32)>,
        inner: impl IntoIterator<Item = (f32, f32)>,
        color: Color,
    ) {
        self.contour(outer);
        self.contour(inner);
        self.finish(color);
    }

    /// The convex hull of some points (Andrew's monotone chain, 1979).
    pub fn hull(&mut self, points: impl IntoIterator<Item = (f32, f32)>, color: Color) {
        let mut sorted = std::mem::take(&mut self.hull);
        sorted.clear();
        sorted.extend(points);
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        // The last point of each half is the first one of the other.
        if sorted.len() > 1 {
            self.half_hull(sorted.iter());
            self.points.pop();
            self.half_hull(sorted.iter().rev());
            self.points.pop();
        }
        self.contours.push(self.points.len());
        self.finish(color);
        self.hull = sorted;
    }

    fn half_hull<'a>(&mut self, points: impl Iterator<Item = &'a (f32, f32)>) {
        let start = self.points.len();
        for &c in points {
            while let [.., a, b] = self.points[start..] {
                let turn = (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
                if turn > 0.0 {
                    break;
                }
                self.points.pop();
            }
            self.points.push(c);
        }
    }

    fn contour(&mut self, points: impl IntoIterator<Item = (f32, f32)>) {
        self.points.extend(points);
        self.contours.push(self.points.len());
    }

    fn finish(&mut self, color: Color) {
        self.parts.push((self.contours.len(), color));
    }
}

/// Draws things of the world into a [`Shape`], as a camera sees them.
pub struct Pen<'a> {
    /// What is drawn into.
    pub shape: &'a mut Shape,
    /// Who sees it.
    pub camera: &'a Camera,
}

/// Corners of a circle this small, and of a large one.
const CORNERS: (usize, usize) = (8, 20);

impl Pen<'_> {
    /// A limb: what is between and around two balls.
    pub fn limb(&mut self, a: Vec3, a_radius: f32, b: Vec3, b_radius: f32, color: Color) {
        let (a, b) = (self.camera.project(a), self.camera.project(b));
        self.shape
            .hull(circle(a, a_radius).chain(circle(b, b_radius)), color);
    }

    /// A ball.
    pub fn ball(&mut self, center: Vec3, radius: f32, color: Color) {
        let center = self.camera.project(center);
        self.shape.polygon(circle(center, radius), color);
    }

    /// The outline of what has these corners.
    pub fn solid(&mut self, corners: &[Vec3], color: Color) {
        let camera = self.camera;
        self.shape.hull(
            corners.iter().map(|&corner| flat(camera.project(corner))),
            color,
        );
    }

    /// A flat face, whichever side of it is seen.
    pub fn face(&mut self, corners: &[Vec3], color: Color) {
        let camera = self.camera;
        self.shape.polygon(
            corners.iter().map(|&corner| flat(camera.project(corner))),
            color,
        );
    }

    /// A disc around `center` in the plane of two directions of length 1.
    pub fn disc(&mut self, center: Vec3, radius: f32, plane: (Vec3, Vec3), color: Color) {
        let camera = self.camera;
        self.shape
            .polygon(rim(camera, center, radius, plane), color);
    }

    /// The rim of a disc.
    pub fn ring(&mut self, center: Vec3, radii: (f32, f32), plane: (Vec3, Vec3), color: Color) {
        let camera = self.camera;
        let (outer, inner) = (radii.0, radii.1);
        self.shape.between(
            rim(camera, center, outer, plane),
            rim(camera, center, inner, plane),
            color,
        );
    }
}

fn flat(pixel: Pixel) -> (f32, f32) {
    (pixel.x, pixel.y)
}

fn corners(radius: f32) -> usize {
    if radius < 6.0 { CORNERS.0 } else { CORNERS.1 }
}

fn circle(center: Pixel, radius: f32) -> impl Iterator<Item = (f32, f32)> {
    let radius = radius * center.scale;
    let n = corners(radius);
    (0..n).map(move |i| {
        let (sin, cos) = (std::f32::consts::TAU * i as f32 / n as f32).sin_cos();
        (center.x + radius * cos, center.y + radius * sin)
    })
}

fn rim(
    camera: &Camera,
    center: Vec3,
    radius: f32,
    (a, b): (Vec3, Vec3),
) -> impl Iterator<Item = (f32, f32)> {
    let n = corners(radius * camera.project(center).scale);
    (0..n).map(move |i| {
        let (sin, cos) = (std::f32::consts::TAU * i as f32 / n as f32).sin_cos();
        flat(camera.project(center + a * (radius * cos) + b * (radius * sin)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_leaves_out_what_is_inside() {
        let mut shape = Shape::default();
        let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0)];
        shape.hull(
            square
                .into_iter()
                .chain([(1.0, 1.0), (2.0, 0.0), (4.0, 2.0)]),
            rgb(1, 2, 3),
        );
        let (mut contours, color) = shape.parts().next().unwrap();
        assert_eq!(color, rgb(1, 2, 3));
        let corners: std::collections::HashSet<_> = contours
            .next()
            .unwrap()
            .iter()
            .map(|&(x, y)| (x as i32, y as i32))
            .collect();
        assert_eq!(corners, [(0, 0), (4, 0), (4, 3), (0, 3)].into());
        assert_eq!(shape.bounds(), Some((0.0, 0.0, 4.0, 3.0)));
    }

    #[test]
    fn points_in_one_place_are_no_trouble() {
        let mut shape = Shape::default();
        shape.hull([(1.0, 1.0); 5], rgb(0, 0, 0));
        shape.hull([], rgb(0, 0, 0));
        assert_eq!(shape.parts().count(), 2);
        shape.clear();
        assert_eq!(shape.bounds(), None);
    }
}
