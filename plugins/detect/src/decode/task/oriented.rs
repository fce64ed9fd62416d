//! Boxes that are turned, and the suppression of doubles among them as Ultralytics has it: boxes as
//! Gaussians, whose likeness (ProbIoU, <https://arxiv.org/abs/2106.06072>) takes the place of
//! intersection over union, and each box that is too like a better one, kept or not, is left out.

use super::super::Thresholds;
use super::super::nms::MAX_CANDIDATES;
use crate::preprocess::letterbox::Letterbox;
use std::f32::consts::{FRAC_PI_2, PI};

/// Against division by 0, as in Ultralytics' `batch_probiou`.
const EPS: f32 = 1e-7;

/// A box that is turned around its centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrientedBox {
    /// Centre, in pixels.
    pub cx: f32,
    /// Centre, in pixels.
    pub cy: f32,
    /// Width before it is turned, in pixels.
    pub w: f32,
    /// Height before it is turned, in pixels.
    pub h: f32,
    /// Radians, clockwise as one looks at the picture, from 0 to below π/2.
    pub angle: f32,
}

impl OrientedBox {
    /// The box, with an angle from 0 to below π/2: width and height change places for it.
    fn regular([cx, cy, w, h]: [f32; 4], angle: f32) -> Self {
        let half_turn = angle.rem_euclid(PI);
        let (w, h, angle) = if half_turn >= FRAC_PI_2 {
            (h, w, half_turn - FRAC_PI_2)
        } else {
            (w, h, half_turn)
        };
        // Rounding may have reached the end, which is the other beginning.
        let (w, h, angle) = if angle >= FRAC_PI_2 {
            (h, w, 0.0)
        } else {
            (w, h, angle.max(0.0))
        };
        Self {
            cx,
            cy,
            w,
            h,
            angle,
        }
    }

    /// The box of the input in pixels of the frame. Where the axes are scaled differently a turned
    /// box would be none any more; its sides are then scaled as Ultralytics does.
    pub fn on_frame(&self, letterbox: &Letterbox) -> Self {
        let [cx, cy, ..] = letterbox.to_source([self.cx, self.cy, self.cx, self.cy]);
        Self {
            cx,
            cy,
            w: self.w / letterbox.gain.0,
            h: self.h / letterbox.gain.1,
            angle: self.angle,
        }
    }

    /// The smallest upright box around it: left, top, right, bottom.
    pub fn hull(&self) -> [f32; 4] {
        let (sin, cos) = self.angle.sin_cos();
        let rx = (self.w * cos.abs() + self.h * sin.abs()) / 2.0;
        let ry = (self.w * sin.abs() + self.h * cos.abs()) / 2.0;
        [self.cx - rx, self.cy - ry, self.cx + rx, self.cy + ry]
    }
}

/// A box as a Gaussian: centre, variances along both axes, covariance.
#[derive(Debug, Clone, Copy)]
struct Gaussian {
    x: f32,
    y: f32,
    a: f32,
    b: f32,
    c: f32,
}

impl Gaussian {
    fn of(b: &OrientedBox) -> Self {
        let (along, across) = (b.w * b.w / 12.0, b.h * b.h / 12.0);
        let (sin, cos) = b.angle.sin_cos();
        Self {
            x: b.cx,
            y: b.cy,
            a: along * cos * cos + across * sin * sin,
            b: along * sin * sin + across * cos * cos,
            c: (along - across) * cos * sin,
        }
    }

    /// How unlike two boxes are, from 0: the Bhattacharyya distance; or any number above `enough`
    /// where it is.
    fn distance(&self, other: &Self, enough: f32) -> f32 {
        let (a, b, c) = (self.a + other.a, self.b + other.b, self.c + other.c);
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        let both = a * b - c * c;
        let apart =
            0.25 * (a * dy * dy + b * dx * dx) / (both + EPS) - 0.5 * c * dx * dy / (both + EPS);
        // The rest is not below 0, and takes a logarithm.
        if apart > enough {
            return apart;
        }
        let area = |g: &Self| (g.a * g.b - g.c * g.c).max(0.0);
        let ratio = both / (4.0 * (area(self) * area(other)).sqrt() + EPS) + EPS;
        (apart + 0.5 * ratio.ln()).clamp(EPS, 100.0)
    }
}

/// The distance below which two boxes have a likeness above `iou`.
fn distance_of(iou: f32) -> f32 {
    // likeness = 1 − √(1 − e⁻ᵈ + ε)
    let rest = 1.0 - iou;
    -(1.0 + EPS - rest * rest).max(f32::MIN_POSITIVE).ln()
}

#[derive(Debug, Clone, Copy)]
struct Found {
    class: u32,
    score: f32,
    oriented: OrientedBox,
    gaussian: Gaussian,
}

/// Collects oriented boxes in input pixels and leaves one for each object.
#[derive(Debug, Default)]
pub struct Finder {
    found: Vec<Found>,
    /// Of each, once doubles are suppressed.
    is_double: Vec<bool>,
}

impl Finder {
    /// Forgets all boxes.
    pub fn clear(&mut self) {
        self.found.clear();
        self.is_double.clear();
    }

    /// Adds a box, unless its score or class is not wanted, a value is not finite, or it has no
    /// area.
    pub fn push(
        &mut self,
        thresholds: &Thresholds,
        class: u32,
        score: f32,
        centred: [f32; 4],
        angle: f32,
    ) {
        let is_wanted = score > thresholds.confidence.max(0.0)
            && score.is_finite()
            && centred.iter().all(|value| value.is_finite())
            && angle.is_finite()
            && centred[2] > 0.0
            && centred[3] > 0.0
            && thresholds.wants(class);
        if is_wanted {
            let oriented = OrientedBox::regular(centred, angle);
            self.found.push(Found {
                class,
                score: score.min(1.0),
                gaussian: Gaussian::of(&oriented),
                oriented,
            });
        }
    }

    /// Sorts the boxes, the best first, and marks those that have a likeness above `iou` to a better
    /// one of their class; none for 1.
    pub fn suppress(&mut self, iou: f32) {
        // Stable: of equal ones the earlier.
        self.found.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.found.truncate(MAX_CANDIDATES);
        self.is_double.clear();
        if iou >= 1.0 {
            self.is_double.resize(self.found.len(), false);
            return;
        }
        let limit = distance_of(iou);
        for (i, found) in self.found.iter().enumerate() {
            let is_like = |better: &Found| {
                better.class == found.class
                    && better.gaussian.distance(&found.gaussian, limit) < limit
            };
            self.is_double.push(self.found[..i].iter().any(is_like));
        }
    }

    /// What is left: class, score and box.
    pub fn kept(&self) -> impl Iterator<Item = (u32, f32, OrientedBox)> {
        let all = self.found.iter().zip(&self.is_double);
        all.filter(|(_, is_double)| !**is_double)
            .map(|(found, _)| (found.class, found.score, found.oriented))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn angles_are_brought_into_a_quarter_turn() {
        // angle, and what Ultralytics' regularize_rboxes makes of a box 30 wide and 10 high
        let table = [
            (0.0, (30.0, 10.0, 0.0)),
            (0.3, (30.0, 10.0, 0.3)),
            (FRAC_PI_2 + 0.3, (10.0, 30.0, 0.3)),
            (-0.3, (10.0, 30.0, FRAC_PI_2 - 0.3)),
            (PI + 0.3, (30.0, 10.0, 0.3)),
            (-PI, (30.0, 10.0, 0.0)),
        ];
        for (angle, (w, h, expected)) in table {
            let found = OrientedBox::regular([5.0, 6.0, 30.0, 10.0], angle);
            assert_eq!((found.cx, found.cy), (5.0, 6.0));
            assert_eq!((found.w, found.h), (w, h), "{angle}");
            assert!((found.angle - expected).abs() < 1e-6, "{angle}: {found:?}");
        }
    }

    #[test]
    fn hulls_hold_the_turned_corners() {
        let upright = OrientedBox::regular([50.0, 40.0, 20.0, 10.0], 0.0);
        assert_eq!(upright.hull(), [40.0, 35.0, 60.0, 45.0]);
        let turned = OrientedBox::regular([50.0, 40.0, 20.0, 10.0], PI / 4.0).hull();
        let r = 15.0 * std::f32::consts::FRAC_1_SQRT_2;
        for (found, expected) in turned
            .into_iter()
            .zip([50.0 - r, 40.0 - r, 50.0 + r, 40.0 + r])
        {
            assert!((found - expected).abs() < 1e-4, "{turned:?}");
        }
    }

    proptest! {
        #[test]
        fn the_shortcut_decides_as_the_definition_does(
            a in prop::array::uniform5(0.5f32..60.0),
            b in prop::array::uniform5(0.5f32..60.0),
            iou in 0.01f32..0.99,
        ) {
            let gaussian = |v: [f32; 5]| Gaussian::of(&OrientedBox::regular(
                [v[0], v[1], v[2], v[3]], v[4] / 10.0));
            let (a, b) = (gaussian(a), gaussian(b));
            let distance = a.distance(&b, f32::INFINITY);
            let likeness = 1.0 - (1.0 - (-distance).exp() + EPS).sqrt();
            // Rounding decides closer to it.
            prop_assume!((likeness - iou).abs() > 1e-4);
            let limit = distance_of(iou);
            prop_assert_eq!(a.distance(&b, limit) < limit, likeness > iou);
        }

        #[test]
        fn regular_boxes_are_the_same_boxes(angle in -20.0f32..20.0) {
            let found = OrientedBox::regular([0.0, 0.0, 30.0, 10.0], angle);
            prop_assert!((0.0..FRAC_PI_2).contains(&found.angle), "{:?}", found);
            let raw = OrientedBox { cx: 0.0, cy: 0.0, w: 30.0, h: 10.0, angle };
            for (a, b) in found.hull().into_iter().zip(raw.hull()) {
                prop_assert!((a - b).abs() < 1e-3, "{:?}", found);
            }
        }
    }
}
