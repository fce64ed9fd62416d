//! Where an object will be, and how sure that is: a Kalman filter of centre and size at constant
//! velocity.
//!
//! Both coordinates of the centre have the same noise at any time, and so have width and height,
//! and each is coupled only with its own velocity. So there are only two different covariances,
//! of three numbers each.

use super::Tuning;
use crate::geometry::Rect;

/// Covariance of a quantity and its velocity: of the former, of both, of the latter.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Covariance {
    xx: f32,
    xv: f32,
    vv: f32,
}

impl Covariance {
    /// That after `dt`, with noise in continuous time: Bar-Shalom, Li, Kirubarajan, "Estimation
    /// with applications to tracking and navigation", 2001, §6.2.2. Two steps give what one of
    /// their sum gives.
    fn predict(&mut self, dt: f32, x: f32, v: f32) {
        self.xx += dt * (2.0 * self.xv + dt * self.vv) + dt * (x + v * dt * dt / 3.0);
        self.xv += dt * (self.vv + v * dt * 0.5);
        self.vv += v * dt;
    }

    /// That after a measurement of this variance; gives the gains of quantity and velocity.
    fn update(&mut self, variance: f32) -> (f32, f32) {
        let scale = 1.0 / (self.xx + variance);
        let (gain, gain_velocity) = (self.xx * scale, self.xv * scale);
        self.vv -= gain_velocity * self.xv;
        self.xv -= gain * self.xv;
        self.xx -= gain * self.xx;
        (gain, gain_velocity)
    }
}

/// The filter of one box. Lengths are in pixels, times in nominal frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Motion {
    /// Centre x, y, width, height.
    at: [f32; 4],
    velocity: [f32; 4],
    place: Covariance,
    size: Covariance,
}

/// The longest time step (an hour): keeps the covariance finite.
const MAX_STEP: f32 = 30.0 * 3600.0;
/// How much less sure a first velocity is than a later one's change in a frame.
const START_VELOCITY: f32 = 10.0;
/// Sides of a box are never thinner, in pixels, however fast it shrinks.
const LEAST_SIDE: f32 = 1.0;
/// How much more or less noise than usual there can be.
const NOISE_RANGE: (f32, f32) = (0.3, 4.0);

fn measure(bbox: Rect) -> [f32; 4] {
    let (cx, cy) = bbox.center();
    [cx, cy, bbox.w, bbox.h]
}

fn square(x: f32) -> f32 {
    x * x
}

impl Motion {
    /// Starts from a first detection, at rest.
    pub fn new(bbox: Rect, tuning: &Tuning) -> Self {
        let start = Covariance {
            xx: square(2.0 * tuning.position_noise * bbox.h),
            xv: 0.0,
            vv: square(START_VELOCITY * tuning.velocity_noise * bbox.h),
        };
        Self {
            at: measure(bbox),
            velocity: [0.0; 4],
            place: start,
            size: start,
        }
    }

    /// Moves on by `dt`. `surprise` is how far from its prediction the object was found of late,
    /// relative to its height: who surprises is predicted with less confidence.
    pub fn predict(&mut self, dt: f32, surprise: f32, tuning: &Tuning) {
        let dt = dt.clamp(0.0, MAX_STEP);
        let noise = (surprise / tuning.usual_surprise).clamp(NOISE_RANGE.0, NOISE_RANGE.1);
        let unit = noise * self.at[3];
        let x = square(tuning.position_noise * unit);
        let v = square(tuning.velocity_noise * unit);
        self.place.predict(dt, x, v);
        self.size.predict(dt, x, v * tuning.size_noise);
        for (at, velocity) in self.at.iter_mut().zip(self.velocity) {
            *at += velocity * dt;
        }
        self.at[2] = self.at[2].max(LEAST_SIDE);
        self.at[3] = self.at[3].max(LEAST_SIDE);
    }

    /// Trusts the growth of the box less: this share of it is kept.
    pub fn slow_growth(&mut self, kept: f32) {
        for velocity in &mut self.velocity[2..] {
            *velocity *= kept;
        }
    }

    /// Corrects by a detection of this score.
    pub fn update(&mut self, bbox: Rect, score: f32, tuning: &Tuning) {
        let z = measure(bbox);
        let doubt = 1.0 + tuning.doubt_noise * (1.0 - score.clamp(0.0, 1.0));
        let unit = 0.5 * (self.at[3] + z[3]);
        let variance = square(tuning.measurement_noise * doubt * unit);
        let place = self.place.update(variance);
        let size = self.size.update(variance);
        for (i, (gain, gain_velocity)) in [place, place, size, size].into_iter().enumerate() {
            let innovation = z[i] - self.at[i];
            self.at[i] += gain * innovation;
            self.velocity[i] += gain_velocity * innovation;
        }
    }

    /// The box of the present state if its centre was seen here by other means than a detector.
    /// Nothing is learned from that.
    pub fn seen_at(&self, (x, y): (f32, f32), tuning: &Tuning) -> Rect {
        let mut this = *self;
        let (gain, _) = this.place.update(square(tuning.hint_noise * self.at[3]));
        this.at[0] += gain * (x - self.at[0]);
        this.at[1] += gain * (y - self.at[1]);
        this.bbox()
    }

    /// The picture moved by this many pixels, `share` of which each frame of `dt` goes on to move.
    pub fn shift(&mut self, shift: (f32, f32), share: f32, dt: f32) {
        for (i, shift) in [shift.0, shift.1].into_iter().enumerate() {
            self.at[i] += shift;
            self.velocity[i] += shift * share / dt;
        }
    }

    /// The box of the present state.
    pub fn bbox(&self) -> Rect {
        let [cx, cy, w, h] = self.at;
        Rect::new(cx - w * 0.5, cy - h * 0.5, w, h)
    }

    /// `bbox`, seen `dt` ago, moved on by what was learned.
    pub fn extrapolate(&self, bbox: Rect, dt: f32) -> Rect {
        let [cx, cy, w, h] = measure(bbox);
        let [vx, vy, vw, vh] = self.velocity;
        // Growth is known less well than motion.
        let grown = |side: f32, v: f32| (side + 0.5 * v * dt).max(LEAST_SIDE);
        let (w, h) = (grown(w, vw), grown(h, vh));
        Rect::new(cx + vx * dt - w * 0.5, cy + vy * dt - h * 0.5, w, h)
    }

    /// Multiplies the axes of the image.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        for (i, factor) in [sx, sy, sx, sy].into_iter().enumerate() {
            self.at[i] *= factor;
            self.velocity[i] *= factor;
        }
        for covariance in [&mut self.place, &mut self.size] {
            covariance.xx *= sy * sy;
            covariance.xv *= sy * sy;
            covariance.vv *= sy * sy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::kalman::{Axis, Noise};
    use proptest::prelude::*;

    #[test]
    fn a_steady_walk_is_learned() {
        let tuning = Tuning::default();
        let at = |t: f32| Rect::new(100.0 + 3.0 * t, 50.0 - t, 40.0, 100.0);
        let mut motion = Motion::new(at(0.0), &tuning);
        for i in 1..=60 {
            motion.predict(2.0, 0.02, &tuning);
            motion.update(at(2.0 * i as f32), 0.9, &tuning);
        }
        assert!(motion.extrapolate(at(120.0), 10.0).iou(at(130.0)) > 0.9);
        motion.predict(10.0, 0.02, &tuning);
        assert!(motion.bbox().iou(at(130.0)) > 0.9);
    }

    #[test]
    fn an_hour_without_a_look_stays_finite() {
        let tuning = Tuning::default();
        let mut motion = Motion::new(Rect::new(0.0, 0.0, 4000.0, 4000.0), &tuning);
        motion.predict(f32::INFINITY, 1.0, &tuning);
        motion.update(Rect::new(10.0, 10.0, 1.0, 1.0), 0.5, &tuning);
        assert!(motion.bbox().is_sane());
    }

    proptest! {
        #[test]
        fn it_is_four_plain_filters(
            (x, y, w, h) in (0f32..1000.0, 0f32..1000.0, 5f32..300.0, 10f32..400.0),
            steps in proptest::collection::vec((0.1f32..5.0, -0.05f32..0.05, 0.95f32..1.05), 1..20),
        ) {
            let tuning = Tuning { doubt_noise: 0.0, ..Tuning::default() };
            let mut bbox = Rect::new(x, y, w, h);
            let mut motion = Motion::new(bbox, &tuning);
            let z = |bbox| measure(bbox).map(f64::from);
            let first = f64::from(h);
            let p = (2.0 * f64::from(tuning.position_noise) * first).powi(2);
            let v = (10.0 * f64::from(tuning.velocity_noise) * first).powi(2);
            let mut axes = z(bbox).map(|value| Axis::new(value, p, v));
            for (dt, dx, growth) in steps {
                let unit = axes[3].x;
                let x = (f64::from(tuning.position_noise) * unit).powi(2);
                let v = (f64::from(tuning.velocity_noise) * unit).powi(2);
                motion.predict(dt, tuning.usual_surprise, &tuning);
                for (i, axis) in axes.iter_mut().enumerate() {
                    let v = if i < 2 { v } else { v * f64::from(tuning.size_noise) };
                    axis.predict(f64::from(dt), Noise::continuous(f64::from(dt), x, v));
                }
                bbox = Rect::new(bbox.x + dx * bbox.h, bbox.y, bbox.w * growth, bbox.h * growth);
                let unit = 0.5 * (axes[3].x + f64::from(bbox.h));
                let variance = (f64::from(tuning.measurement_noise) * unit).powi(2);
                motion.update(bbox, 1.0, &tuning);
                for (axis, z) in axes.iter_mut().zip(z(bbox)) {
                    axis.update(z, variance);
                }
                for (at, axis) in motion.at.iter().zip(&axes) {
                    prop_assert!((f64::from(*at) - axis.x).abs() < 2e-3 * first);
                }
            }
        }
    }
}
