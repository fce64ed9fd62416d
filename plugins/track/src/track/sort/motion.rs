//! SORT's motion model (§3.2 of the paper): centre, area and aspect ratio of a box; all but the
//! last have a velocity. Also that of OC-SORT.

use crate::geometry::Rect;
use crate::track::kalman::{Axis, Noise};

/// Noise variances of the authors' implementation, in pixels (and square pixels) per look.
const MEASUREMENT: [f64; 4] = [1.0, 1.0, 10.0, 10.0];
const PROCESS: [(f64, f64); 4] = [(1.0, 0.01), (1.0, 0.01), (1.0, 0.0001), (1.0, 0.0)];
const START: [(f64, f64); 4] = [(10.0, 1e4), (10.0, 1e4), (10.0, 1e4), (10.0, 0.0)];

/// The filter of one box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Centre x, y, area, width over height.
    axes: [Axis; 4],
}

fn measure(bbox: Rect) -> [f64; 4] {
    let [x, y, w, h] = [bbox.x, bbox.y, bbox.w, bbox.h].map(f64::from);
    [x + w * 0.5, y + h * 0.5, w * h, w / h]
}

impl Motion {
    /// Starts from a first detection, at rest.
    pub fn new(bbox: Rect) -> Self {
        let z = measure(bbox);
        let axis = |i: usize| Axis::new(z[i], START[i].0, START[i].1);
        Self {
            axes: std::array::from_fn(axis),
        }
    }

    /// Moves on by one look. An area about to vanish stops shrinking.
    pub fn predict(&mut self) {
        let area = &mut self.axes[2];
        if area.x + area.v <= 0.0 {
            area.v = 0.0;
        }
        for (axis, (x, v)) in self.axes.iter_mut().zip(PROCESS) {
            axis.predict(1.0, Noise::discrete(x, v));
        }
    }

    /// Corrects by a detection.
    pub fn update(&mut self, bbox: Rect) {
        let z = measure(bbox);
        for i in 0..4 {
            self.axes[i].update(z[i], MEASUREMENT[i]);
        }
    }

    /// The box of the present state; `None` where the filter lost all sense of its size.
    pub fn bbox(&self) -> Option<Rect> {
        let [cx, cy, area, ratio] = self.axes.map(|axis| axis.x);
        let w = (area * ratio).sqrt();
        let h = area / w;
        let [x, y, w, h] = [cx - w * 0.5, cy - h * 0.5, w, h].map(|value| value as f32);
        let bbox = Rect::new(x, y, w, h);
        bbox.is_sane().then_some(bbox)
    }

    /// Velocity of the centre, in pixels per look.
    pub fn velocity(&self) -> (f32, f32) {
        (self.axes[0].v as f32, self.axes[1].v as f32)
    }

    /// Multiplies the axes of the image.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        let (sx, sy) = (f64::from(sx), f64::from(sy));
        for (axis, factor) in self.axes.iter_mut().zip([sx, sy, sx * sy, sx / sy]) {
            axis.scale(factor);
        }
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
            (x, y, w, h) in (0f32..1000.0, 0f32..1000.0, 20f32..300.0, 20f32..400.0),
            steps in proptest::collection::vec((-5f32..5.0, -5f32..5.0, 0.95f32..1.05), 1..30),
        ) {
            let mut bbox = Rect::new(x, y, w, h);
            let mut motion = Motion::new(bbox);
                        let mut plain = Plain::new(measure(bbox), [10.0, 10.0, 10.0, 10.0, 1e4, 1e4, 1e4]);
            for (dx, dy, growth) in steps {
                motion.predict();
                plain.predict([1.0, 1.0, 1.0, 1.0, 0.01, 0.01, 0.0001]);
                bbox = Rect::new(bbox.x + dx, bbox.y + dy, bbox.w * growth, bbox.h);
                motion.update(bbox);
                plain.update(measure(bbox), [1.0, 1.0, 10.0, 10.0]);
                let area = f64::from(bbox.w * bbox.h);
                prop_assert!(plain.distance(motion.axes, [1.0, 1.0, area, 1.0]) < 1e-2);
            }
        }
    }
}
