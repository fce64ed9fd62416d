//! Constant-velocity Kalman filter of a box, as in DeepSORT and ByteTrack, with a time step.
//!
//! The state is [cx, cy, a, h] (centre, aspect ratio w/h, height; pixels) and the velocity of
//! each. Transition, process noise and measurement noise of the published filter couple each
//! quantity only with its own velocity, so the 8×8 covariance stays four 2×2 blocks: four
//! independent filters give the same numbers at a fraction of the work (the tests compare them
//! with the plain 8×8 form).
//!
//! Time is in [nominal frames](FRAME_NS) of 1/30 s, not in frames of the stream: the published
//! noise is "per frame" of the MOTChallenge sequences at about 30 fps, so that with this unit its
//! constants keep their meaning, while a stream of another rate, a skipped frame or a gap is just
//! another time step. Process noise is that of white noise on position and on velocity in
//! continuous time, which makes two steps equal to one of their sum; for a step of 1 it differs
//! from the published one by less than 1 %.
//!
//! Wojke, Bewley, Paulus, "Simple online and realtime tracking with a deep association metric",
//! ICIP 2017, for the state and the noise; Bar-Shalom, Li, Kirubarajan, "Estimation with
//! applications to tracking and navigation", 2001, §6.2, for the noise in continuous time.

use crate::geometry::Rect;
use crate::tracker::Time;

/// Length of a nominal frame, the unit of time of the filter, in nanoseconds: 1/30 s.
pub const FRAME_NS: f64 = 1e9 / 30.0;

/// From one time to a later one, in nominal frames; 0 where `to` is not later.
pub fn frames_between(from: Time, to: Time) -> f32 {
    (to.saturating_sub(from) as f64 / FRAME_NS) as f32
}

/// Standard deviation of a position, relative to the height of the box.
pub const STD_POSITION: f32 = 1.0 / 20.0;
/// Standard deviation of a velocity per nominal frame, relative to the height of the box.
pub const STD_VELOCITY: f32 = 1.0 / 160.0;
/// Standard deviation of the aspect ratio: at a detection, and of its change in a nominal frame.
pub const STD_ASPECT: (f32, f32) = (1e-1, 1e-2);
/// Standard deviation of the velocity of the aspect ratio.
pub const STD_ASPECT_VELOCITY: f32 = 1e-5;

/// The longest time step, in nominal frames (an hour): keeps the covariance finite.
const MAX_STEP: f32 = 30.0 * 3600.0;

/// One quantity and its velocity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Axis {
    x: f32,
    v: f32,
    /// Covariance: of position, of position with velocity, of velocity.
    pxx: f32,
    pxv: f32,
    pvv: f32,
}

impl Axis {
    fn new(x: f32, std_position: f32, std_velocity: f32) -> Self {
        let (pxx, pvv) = (std_position * std_position, std_velocity * std_velocity);
        Self {
            x,
            v: 0.0,
            pxx,
            pxv: 0.0,
            pvv,
        }
    }

    /// x ← F x, P ← F P Fᵀ + Q with F = [1 dt; 0 1].
    fn predict(&mut self, dt: f32, std_position: f32, std_velocity: f32) {
        let (qx, qv) = (std_position * std_position, std_velocity * std_velocity);
        self.x += self.v * dt;
        self.pxx += dt * (2.0 * self.pxv + dt * self.pvv) + dt * (qx + qv * dt * dt / 3.0);
        self.pxv += dt * self.pvv + qv * dt * dt / 2.0;
        self.pvv += qv * dt;
    }

    /// Kalman gain and update with H = [1 0].
    fn update(&mut self, measured: f32, std: f32) {
        let innovation_variance = self.pxx + std * std;
        let gain = self.pxx / innovation_variance;
        let gain_velocity = self.pxv / innovation_variance;
        let innovation = measured - self.x;
        self.x += gain * innovation;
        self.v += gain_velocity * innovation;
        self.pvv -= gain_velocity * self.pxv;
        self.pxv -= gain * self.pxv;
        self.pxx -= gain * self.pxx;
    }

    fn scale(&mut self, factor: f32) {
        self.x *= factor;
        self.v *= factor;
        self.pxx *= factor * factor;
        self.pxv *= factor * factor;
        self.pvv *= factor * factor;
    }
}

/// The filter of one box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kalman {
    cx: Axis,
    cy: Axis,
    aspect: Axis,
    height: Axis,
}

impl Kalman {
    /// Starts from a first detection, at rest. The box must be [sane](Rect::is_sane).
    pub fn new(bbox: Rect) -> Self {
        let (cx, cy) = bbox.center();
        let (position, velocity) = (2.0 * STD_POSITION * bbox.h, 10.0 * STD_VELOCITY * bbox.h);
        Self {
            cx: Axis::new(cx, position, velocity),
            cy: Axis::new(cy, position, velocity),
            aspect: Axis::new(bbox.w / bbox.h, STD_ASPECT.1, STD_ASPECT_VELOCITY),
            height: Axis::new(bbox.h, position, velocity),
        }
    }

    /// Moves the state on by `dt` nominal frames.
    pub fn predict(&mut self, dt: f32) {
        let dt = dt.clamp(0.0, MAX_STEP);
        let position = STD_POSITION * self.scale_length();
        let velocity = STD_VELOCITY * self.scale_length();
        self.cx.predict(dt, position, velocity);
        self.cy.predict(dt, position, velocity);
        self.aspect.predict(dt, STD_ASPECT.1, STD_ASPECT_VELOCITY);
        self.height.predict(dt, position, velocity);
    }

    /// Corrects the state by a detection at the present time. The box must be
    /// [sane](Rect::is_sane).
    pub fn update(&mut self, bbox: Rect) {
        let (cx, cy) = bbox.center();
        let std = STD_POSITION * self.scale_length();
        self.cx.update(cx, std);
        self.cy.update(cy, std);
        self.aspect.update(bbox.w / bbox.h, STD_ASPECT.0);
        self.height.update(bbox.h, std);
    }

    /// Lets the box keep its height from here on: that of an object out of sight says little.
    pub fn stop_growth(&mut self) {
        self.height.v = 0.0;
    }

    /// The box of the present state.
    pub fn bbox(&self) -> Rect {
        // A box that shrank while it was predicted must not turn inside out.
        let h = self.height.x.max(1.0);
        let w = (self.aspect.x * h).max(1.0);
        Rect::new(self.cx.x - w * 0.5, self.cy.x - h * 0.5, w, h)
    }

    /// Velocity of the centre, in pixels per nominal frame.
    pub fn velocity(&self) -> (f32, f32) {
        (self.cx.v, self.cy.v)
    }

    /// Multiplies the axes of the image, as when the frame is scaled.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        self.cx.scale(sx);
        self.cy.scale(sy);
        self.height.scale(sy);
        self.aspect.scale(sx / sy);
    }

    /// The length that noise is relative to. Never 0, or a vanishing box would become certain.
    fn scale_length(&self) -> f32 {
        self.height.x.abs().max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Matrix<const R: usize, const C: usize> = [[f64; C]; R];

    fn mul<const A: usize, const B: usize, const C: usize>(
        a: &Matrix<A, B>,
        b: &Matrix<B, C>,
    ) -> Matrix<A, C> {
        std::array::from_fn(|i| std::array::from_fn(|j| (0..B).map(|k| a[i][k] * b[k][j]).sum()))
    }

    fn add<const A: usize, const B: usize>(a: &Matrix<A, B>, b: &Matrix<A, B>) -> Matrix<A, B> {
        std::array::from_fn(|i| std::array::from_fn(|j| a[i][j] + b[i][j]))
    }

    fn transpose<const A: usize, const B: usize>(a: &Matrix<A, B>) -> Matrix<B, A> {
        std::array::from_fn(|i| std::array::from_fn(|j| a[j][i]))
    }

    /// The matrix of the squares of these on its diagonal.
    fn diagonal<const N: usize>(roots: [f64; N]) -> Matrix<N, N> {
        std::array::from_fn(|i| {
            std::array::from_fn(|j| if i == j { roots[i] * roots[i] } else { 0.0 })
        })
    }

    /// By Gauss-Jordan elimination; the matrices here are positive definite.
    fn inverse(a: &Matrix<4, 4>) -> Matrix<4, 4> {
        let mut a = *a;
        let mut out = diagonal([1.0; 4]);
        for i in 0..4 {
            let pivot = a[i][i];
            for j in 0..4 {
                a[i][j] /= pivot;
                out[i][j] /= pivot;
            }
            for k in (0..4).filter(|&k| k != i) {
                let factor = a[k][i];
                for j in 0..4 {
                    a[k][j] -= factor * a[i][j];
                    out[k][j] -= factor * out[i][j];
                }
            }
        }
        out
    }

    /// The filter in its plain form: 8 states, full covariance, [cx, cy, a, h, and velocities].
    struct Reference {
        x: Matrix<8, 1>,
        p: Matrix<8, 8>,
    }

    fn measurement(bbox: Rect) -> [f64; 4] {
        let (cx, cy) = bbox.center();
        [cx, cy, bbox.w / bbox.h, bbox.h].map(f64::from)
    }

    impl Reference {
        fn new(bbox: Rect) -> Self {
            let z = measurement(bbox);
            let (p, v) = (2.0 * z[3] / 20.0, 10.0 * z[3] / 160.0);
            let std = [p, p, 1e-2, p, v, v, 1e-5, v];
            Self {
                x: std::array::from_fn(|i| [z.get(i).copied().unwrap_or(0.0)]),
                p: diagonal(std),
            }
        }

        fn predict(&mut self, dt: f64) {
            let h = self.x[3][0].abs().max(1.0);
            let mut f = diagonal([1.0; 8]);
            let mut q = [[0.0; 8]; 8];
            for i in 0..4 {
                f[i][i + 4] = dt;
                let (position, velocity) = if i == 2 {
                    (1e-2, 1e-5)
                } else {
                    (h / 20.0, h / 160.0)
                };
                let (qx, qv) = (position * position, velocity * velocity);
                q[i][i] = qx * dt + qv * dt.powi(3) / 3.0;
                q[i][i + 4] = qv * dt.powi(2) / 2.0;
                q[i + 4][i] = q[i][i + 4];
                q[i + 4][i + 4] = qv * dt;
            }
            self.x = mul(&f, &self.x);
            self.p = add(&mul(&mul(&f, &self.p), &transpose(&f)), &q);
        }

        fn update(&mut self, bbox: Rect) {
            let z = measurement(bbox);
            let h = self.x[3][0].abs().max(1.0);
            let r = diagonal([h / 20.0, h / 20.0, 1e-1, h / 20.0]);
            let observe: Matrix<4, 8> =
                std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
            let pht = mul(&self.p, &transpose(&observe));
            let gain = mul(&pht, &inverse(&add(&mul(&observe, &pht), &r)));
            let innovation: Matrix<4, 1> = std::array::from_fn(|i| [z[i] - self.x[i][0]]);
            self.x = add(&self.x, &mul(&gain, &innovation));
            let minus_kh = mul(&gain, &observe).map(|row| row.map(|value| -value));
            self.p = add(&self.p, &mul(&minus_kh, &self.p));
        }

        /// Largest difference of means and of variances, relative to the size of the box.
        fn distance(&self, kalman: &Kalman) -> f64 {
            let axes = [kalman.cx, kalman.cy, kalman.aspect, kalman.height];
            let mut worst = 0.0f64;
            for (i, axis) in axes.iter().enumerate() {
                let unit = if i == 2 {
                    1.0
                } else {
                    self.x[3][0].abs().max(1.0)
                };
                let pairs = [
                    (f64::from(axis.x), self.x[i][0], unit),
                    (f64::from(axis.v), self.x[i + 4][0], unit),
                    (f64::from(axis.pxx), self.p[i][i], unit * unit),
                    (f64::from(axis.pxv), self.p[i][i + 4], unit * unit),
                    (f64::from(axis.pvv), self.p[i + 4][i + 4], unit * unit),
                ];
                for (got, expected, unit) in pairs {
                    worst = worst.max((got - expected).abs() / unit);
                }
            }
            worst
        }
    }

    fn boxes() -> impl Strategy<Value = Rect> {
        (0f32..1000.0, 0f32..1000.0, 5f32..300.0, 10f32..400.0)
            .prop_map(|(x, y, w, h)| Rect::new(x, y, w, h))
    }

    proptest! {
        #[test]
        fn four_small_filters_equal_the_plain_one(
            first in boxes(),
            steps in proptest::collection::vec((0.1f32..5.0, -0.05f32..0.05, -0.05f32..0.05, 0.95f32..1.05), 1..40),
        ) {
            let mut kalman = Kalman::new(first);
            let mut reference = Reference::new(first);
            let mut bbox = first;
            for (dt, dx, dy, growth) in steps {
                kalman.predict(dt);
                reference.predict(f64::from(dt));
                prop_assert!(reference.distance(&kalman) < 1e-3, "predict");
                bbox = Rect::new(bbox.x + dx * bbox.h, bbox.y + dy * bbox.h, bbox.w * growth, bbox.h);
                kalman.update(bbox);
                reference.update(bbox);
                prop_assert!(reference.distance(&kalman) < 1e-3, "update");
            }
        }

        #[test]
        fn two_steps_equal_one_of_their_sum(first in boxes(), a in 0.0f32..10.0, b in 0.0f32..10.0) {
            let mut two = Kalman::new(first);
            two.cx.v = first.h * 0.1;
            let mut one = two;
            two.predict(a);
            two.predict(b);
            one.predict(a + b);
            for (two, one) in [(two.cx, one.cx), (two.height, one.height)] {
                let unit = first.h * first.h;
                prop_assert!((two.x - one.x).abs() < 1e-3 * first.h);
                prop_assert!((two.pxx - one.pxx).abs() < 1e-3 * unit);
                prop_assert!((two.pxv - one.pxv).abs() < 1e-3 * unit);
                prop_assert!((two.pvv - one.pvv).abs() < 1e-3 * unit);
            }
        }

        #[test]
        fn scaling_the_frame_and_filtering_commute(first in boxes(), sx in 0.3f32..3.0, dx in -5f32..5.0) {
            // Uniform: noise is relative to the height alone.
            let moved = Rect::new(first.x + dx, first.y, first.w, first.h);
            let mut before = Kalman::new(first.scaled(sx, sx));
            let mut after = Kalman::new(first);
            before.predict(1.5);
            before.update(moved.scaled(sx, sx));
            after.predict(1.5);
            after.update(moved);
            after.rescale(sx, sx);
            let (before, after) = (before.bbox(), after.bbox());
            prop_assert!((before.x - after.x).abs() < 1e-2 && (before.w - after.w).abs() < 1e-2);
        }
    }

    #[test]
    fn a_steady_walk_is_learned() {
        let at = |t: f32| Rect::new(100.0 + 3.0 * t, 50.0 - t, 40.0, 100.0);
        let mut kalman = Kalman::new(at(0.0));
        for i in 1..=60 {
            kalman.predict(2.0);
            kalman.update(at(2.0 * i as f32));
        }
        let (vx, vy) = kalman.velocity();
        assert!(
            (vx - 3.0).abs() < 0.05 && (vy + 1.0).abs() < 0.05,
            "{vx} {vy}"
        );
        kalman.predict(10.0);
        assert!(kalman.bbox().iou(at(130.0)) > 0.95);
    }

    #[test]
    fn an_hour_without_a_look_stays_finite() {
        let mut kalman = Kalman::new(Rect::new(0.0, 0.0, 4000.0, 4000.0));
        kalman.predict(f32::INFINITY);
        kalman.update(Rect::new(10.0, 10.0, 1.0, 1.0));
        assert!(kalman.bbox().is_sane());
    }

    #[test]
    fn frames_are_of_a_thirtieth_of_a_second() {
        for (from, to, frames) in [
            (0, 1_000_000_000, 30.0),
            (1_000_000_000, 1_100_000_000, 3.0),
            (5, 5, 0.0),
            (10, 5, 0.0),
        ] {
            assert!((frames_between(from, to) - frames).abs() < 1e-5);
        }
    }
}
