//! Kalman filter of one quantity and its velocity.
//!
//! The motion models of SORT, DeepSORT, ByteTrack and OC-SORT couple each quantity of a box only
//! with its own velocity, in the transition, the process noise and the measurement noise alike. So
//! their covariance stays block diagonal, and a filter of 7 or 8 states is four small ones that
//! give the same numbers at a fraction of the work. The tests compare with the plain form.

/// White noise on a quantity and its velocity during a step: the covariance it adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Of the quantity.
    pub xx: f64,
    /// Of the quantity with its velocity.
    pub xv: f64,
    /// Of the velocity.
    pub vv: f64,
}

impl Noise {
    /// Added once a step, as in the published trackers, with these variances.
    pub const fn discrete(x: f64, v: f64) -> Self {
        Self {
            xx: x,
            xv: 0.0,
            vv: v,
        }
    }

    /// That of a time step in continuous time, with these variances per unit of time: two steps
    /// add what one of their sum adds. Bar-Shalom, Li, Kirubarajan, "Estimation with applications
    /// to tracking and navigation", 2001, §6.2.2.
    #[cfg(test)]
    pub fn continuous(dt: f64, x: f64, v: f64) -> Self {
        Self {
            xx: dt * (x + v * dt * dt / 3.0),
            xv: v * dt * dt / 2.0,
            vv: v * dt,
        }
    }
}

/// A quantity, its velocity and their covariance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Axis {
    pub x: f64,
    pub v: f64,
    pub pxx: f64,
    pub pxv: f64,
    pub pvv: f64,
}

impl Axis {
    /// At rest, with these variances.
    pub fn new(x: f64, pxx: f64, pvv: f64) -> Self {
        Self {
            x,
            v: 0.0,
            pxx,
            pxv: 0.0,
            pvv,
        }
    }

    /// x ← F x, P ← F P Fᵀ + Q with F = [1 dt; 0 1].
    pub fn predict(&mut self, dt: f64, noise: Noise) {
        self.x += self.v * dt;
        self.pxx += dt * (2.0 * self.pxv + dt * self.pvv) + noise.xx;
        self.pxv += dt * self.pvv + noise.xv;
        self.pvv += noise.vv;
    }

    /// Gain and update with H = [1 0] and this variance of the measurement.
    pub fn update(&mut self, measured: f64, variance: f64) {
        let innovation_variance = self.pxx + variance;
        let gain = self.pxx / innovation_variance;
        let gain_velocity = self.pxv / innovation_variance;
        let innovation = measured - self.x;
        self.x += gain * innovation;
        self.v += gain_velocity * innovation;
        self.pvv -= gain_velocity * self.pxv;
        self.pxv -= gain * self.pxv;
        self.pxx -= gain * self.pxx;
    }

    /// Multiplies the unit, as when the frame is scaled.
    pub fn scale(&mut self, factor: f64) {
        self.x *= factor;
        self.v *= factor;
        self.pxx *= factor * factor;
        self.pxv *= factor * factor;
        self.pvv *= factor * factor;
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! The filters in their plain form, for the tests of the motion models.

    use super::*;
    use proptest::prelude::*;

    pub type Matrix<const R: usize, const C: usize> = [[f64; C]; R];

    pub fn mul<const A: usize, const B: usize, const C: usize>(
        a: &Matrix<A, B>,
        b: &Matrix<B, C>,
    ) -> Matrix<A, C> {
        std::array::from_fn(|i| std::array::from_fn(|j| (0..B).map(|k| a[i][k] * b[k][j]).sum()))
    }

    pub fn add<const A: usize, const B: usize>(a: &Matrix<A, B>, b: &Matrix<A, B>) -> Matrix<A, B> {
        std::array::from_fn(|i| std::array::from_fn(|j| a[i][j] + b[i][j]))
    }

    pub fn transpose<const A: usize, const B: usize>(a: &Matrix<A, B>) -> Matrix<B, A> {
        std::array::from_fn(|i| std::array::from_fn(|j| a[j][i]))
    }

    pub fn diagonal<const N: usize>(values: [f64; N]) -> Matrix<N, N> {
        std::array::from_fn(|i| std::array::from_fn(|j| if i == j { values[i] } else { 0.0 }))
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

    /// A filter of four quantities, the first `N - 4` of which have a velocity.
    pub struct Plain<const N: usize> {
        pub x: Matrix<N, 1>,
        pub p: Matrix<N, N>,
    }

    impl<const N: usize> Plain<N> {
        pub fn new(z: [f64; 4], variances: [f64; N]) -> Self {
            Self {
                x: std::array::from_fn(|i| [z.get(i).copied().unwrap_or(0.0)]),
                p: diagonal(variances),
            }
        }

        pub fn predict(&mut self, noise: [f64; N]) {
            let mut f = diagonal([1.0; N]);
            for i in 0..N - 4 {
                f[i][i + 4] = 1.0;
            }
            self.x = mul(&f, &self.x);
            self.p = add(&mul(&mul(&f, &self.p), &transpose(&f)), &diagonal(noise));
        }

        pub fn update(&mut self, z: [f64; 4], noise: [f64; 4]) {
            let observe: Matrix<4, N> =
                std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
            let pht = mul(&self.p, &transpose(&observe));
            let s = add(&mul(&observe, &pht), &diagonal(noise));
            let gain = mul(&pht, &inverse(&s));
            let innovation: Matrix<4, 1> = std::array::from_fn(|i| [z[i] - self.x[i][0]]);
            self.x = add(&self.x, &mul(&gain, &innovation));
            let minus_kh = mul(&gain, &observe).map(|row| row.map(|value| -value));
            self.p = add(&self.p, &mul(&minus_kh, &self.p));
        }

        /// Largest difference of a mean from an axis, relative to the unit of each quantity.
        pub fn distance(&self, axes: [Axis; 4], units: [f64; 4]) -> f64 {
            let mut worst = 0.0f64;
            for (i, axis) in axes.iter().enumerate() {
                worst = worst.max((axis.x - self.x[i][0]).abs() / units[i]);
                if i + 4 < N {
                    worst = worst.max((axis.v - self.x[i + 4][0]).abs() / units[i]);
                }
            }
            worst
        }
    }

    proptest! {
        #[test]
        fn two_steps_in_continuous_time_equal_one_of_their_sum(
            v in -5f64..5.0, a in 0.0f64..10.0, b in 0.0f64..10.0,
        ) {
            let mut two = Axis { v, ..Axis::new(100.0, 4.0, 1.0) };
            let mut one = two;
            let noise = |dt| Noise::continuous(dt, 2.0, 0.1);
            two.predict(a, noise(a));
            two.predict(b, noise(b));
            one.predict(a + b, noise(a + b));
            prop_assert!((two.x - one.x).abs() < 1e-3);
            for (two, one) in [(two.pxx, one.pxx), (two.pxv, one.pxv), (two.pvv, one.pvv)] {
                prop_assert!((two - one).abs() < 1e-3 * one.abs().max(1.0));
            }
        }

        #[test]
        fn scaling_the_unit_and_filtering_commute(z in -50f64..50.0, factor in 0.3f64..3.0) {
            let mut after = Axis::new(10.0, 4.0, 1.0);
            let mut before = Axis::new(10.0 * factor, 4.0 * factor * factor, factor * factor);
            after.predict(1.5, Noise::continuous(1.5, 2.0, 0.1));
            let square = factor * factor;
            before.predict(1.5, Noise::continuous(1.5, 2.0 * square, 0.1 * square));
            after.update(z, 3.0);
            before.update(z * factor, 3.0 * square);
            after.scale(factor);
            prop_assert!((before.x - after.x).abs() < 1e-2);
            prop_assert!((before.pxx - after.pxx).abs() < 1e-2);
        }
    }
}
