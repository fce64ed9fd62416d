//! The motion model of DeepSORT and ByteTrack: centre, aspect ratio and height of a box and their
//! velocities per look; noise is relative to the height.
//!
//! Wojke, Bewley, Paulus, "Simple online and realtime tracking with a deep association metric",
//! ICIP 2017, §2.1, and the constants of the authors' implementation.

use crate::geometry::Rect;
use crate::track::kalman::{Axis, Noise};

/// Standard deviation of a position and of a velocity, relative to the height of the box.
const POSITION: f64 = 1.0 / 20.0;
const VELOCITY: f64 = 1.0 / 160.0;
/// Standard deviation of the aspect ratio: at a detection, of its change in a look, and of its
/// velocity.
const RATIO: f64 = 1e-1;
const RATIO_STEP: f64 = 1e-2;
const RATIO_VELOCITY: f64 = 1e-5;

/// The filter of one box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Motion {
    /// Centre x, y, width over height, height.
    axes: [Axis; 4],
}

fn measure(bbox: Rect) -> [f64; 4] {
    let [x, y, w, h] = [bbox.x, bbox.y, bbox.w, bbox.h].map(f64::from);
    [x + w * 0.5, y + h * 0.5, w / h, h]
}

fn square(x: f64) -> f64 {
    x * x
}

impl Motion {
    /// Starts from a first detection, at rest.
    pub fn new(bbox: Rect) -> Self {
        let z = measure(bbox);
        let (p, v) = (
            square(2.0 * POSITION * z[3]),
            square(10.0 * VELOCITY * z[3]),
        );
        let length = |x| Axis::new(x, p, v);
        let ratio = Axis::new(z[2], square(RATIO_STEP), square(RATIO_VELOCITY));
        Self {
            axes: [length(z[0]), length(z[1]), ratio, length(z[3])],
        }
    }

    /// Moves on by one look.
    pub fn predict(&mut self) {
        let h = self.scale_length();
        let length = Noise::discrete(square(POSITION * h), square(VELOCITY * h));
        let ratio = Noise::discrete(square(RATIO_STEP), square(RATIO_VELOCITY));
        for (axis, noise) in self.axes.iter_mut().zip([length, length, ratio, length]) {
            axis.predict(1.0, noise);
        }
    }

    /// Corrects by a detection.
    pub fn update(&mut self, bbox: Rect) {
        let z = measure(bbox);
        let length = square(POSITION * self.scale_length());
        for (i, noise) in [length, length, square(RATIO), length]
            .into_iter()
            .enumerate()
        {
            self.axes[i].update(z[i], noise);
        }
    }

    /// Lets the box keep its height from here on: that of an object out of sight says little.
    pub fn stop_growth(&mut self) {
        self.axes[3].v = 0.0;
    }

    /// The box of the present state.
    pub fn bbox(&self) -> Rect {
        let [cx, cy, ratio, h] = self.axes.map(|axis| axis.x);
        // A box that shrank while it was predicted must not turn inside out.
        let h = h.max(1.0);
        let w = (ratio * h).max(1.0);
        let [x, y, w, h] = [cx - w * 0.5, cy - h * 0.5, w, h].map(|value| value as f32);
        Rect::new(x, y, w, h)
    }

    /// Velocity of the centre, in pixels per look.
    pub fn velocity(&self) -> (f32, f32) {
        (self.axes[0].v as f32, self.axes[1].v as f32)
    }

    /// Multiplies the axes of the image.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        let (sx, sy) = (f64::from(sx), f64::from(sy));
        for (axis, factor) in self.axes.iter_mut().zip([sx, sy, sx / sy, sy]) {
            axis.scale(factor);
        }
    }

    /// The length that noise is relative to. Never 0, or a vanishing box would become certain.
    fn scale_length(&self) -> f64 {
        self.axes[3].x.abs().max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::kalman::tests::Plain;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn four_small_filters_equal_the_plain_one(
            (x, y, w, h) in (0f32..1000.0, 0f32..1000.0, 5f32..300.0, 10f32..400.0),
            steps in proptest::collection::vec((-0.05f32..0.05, -0.05f32..0.05, 0.95f32..1.05), 1..40),
        ) {
            let mut bbox = Rect::new(x, y, w, h);
            let mut motion = Motion::new(bbox);
            let noise = |h: f64| {
                let (p, v) = ((h / 20.0).powi(2), (h / 160.0).powi(2));
                [p, p, 1e-4, p, v, v, 1e-10, v]
            };
            let first = f64::from(h);
            let [p, _, a, _, v, _, va, _] = noise(first);
            let start = [4.0 * p, 4.0 * p, a, 4.0 * p, 100.0 * v, 100.0 * v, va, 100.0 * v];
            let mut plain = Plain::new(measure(bbox), start);
            for (dx, dy, growth) in steps {
                motion.predict();
                plain.predict(noise(plain.x[3][0].abs().max(1.0)));
                bbox = Rect::new(bbox.x + dx * bbox.h, bbox.y + dy * bbox.h, bbox.w * growth, bbox.h);
                motion.update(bbox);
                let p = (plain.x[3][0].abs().max(1.0) / 20.0).powi(2);
                plain.update(measure(bbox), [p, p, 1e-2, p]);
                prop_assert!(plain.distance(motion.axes, [first, first, 1.0, first]) < 1e-3);
            }
        }
    }
}
