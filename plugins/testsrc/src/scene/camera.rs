//! A pinhole camera above the ground, looking ahead and down.

use super::random::Random;
use super::vector::{Ground, Vec3, ground};

/// Where a camera stands and how it looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Above the ground, in metres.
    pub height: f32,
    /// Downwards from the horizontal, in degrees.
    pub pitch: f32,
    /// Focal length, in heights of the picture.
    pub focal: f32,
}

/// A point in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pixel {
    /// From the left edge, in pixels.
    pub x: f32,
    /// From the top edge, in pixels.
    pub y: f32,
    /// Pixels of a metre there.
    pub scale: f32,
}

/// Nearer than this nothing is shown, in metres.
const NEAR: f32 = 0.5;

/// A camera with a picture of a certain size.
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    height: f32,
    sin: f32,
    cos: f32,
    focal: f32,
    half_width: f32,
    center: (f32, f32),
}

impl Camera {
    /// A camera for pictures of `width`×`height` pixels.
    pub fn new(view: View, width: u32, height: u32) -> Self {
        let (sin, cos) = view.pitch.to_radians().sin_cos();
        Self {
            height: view.height,
            sin,
            cos,
            focal: view.focal * height as f32,
            half_width: width as f32 / 2.0,
            center: (width as f32 / 2.0, height as f32 / 2.0),
        }
    }

    /// The same camera with its picture moved by this many pixels.
    pub fn shifted(mut self, by: (f32, f32)) -> Self {
        self.center.0 += by.0;
        self.center.1 += by.1;
        self
    }

    /// Where a point is seen.
    pub fn project(&self, p: Vec3) -> Pixel {
        let up = (p.y - self.height) * self.cos + p.z * self.sin;
        let scale = self.focal / self.depth(p).max(NEAR);
        Pixel {
            x: self.center.0 + p.x * scale,
            y: self.center.1 - up * scale,
            scale,
        }
    }

    /// How far in front of the camera a point is, in metres.
    pub fn depth(&self, p: Vec3) -> f32 {
        (self.height - p.y) * self.sin + p.z * self.cos
    }

    /// The place on the ground that is seen at `(x, y)`; above the horizon the farthest one, a
    /// hundred metres away.
    pub fn ground_at(&self, x: f32, y: f32) -> Ground {
        let up = (self.center.1 - y) / self.focal;
        let fall = self.sin - up * self.cos;
        let depth = if fall > 1e-6 {
            (self.height / fall).min(100.0)
        } else {
            100.0
        };
        ground(
            (x - self.center.0) / self.focal * depth,
            depth * self.cos + up * depth * self.sin,
        )
    }

    /// Half the width of what is seen of the ground at distance `z`, in metres.
    pub fn half_width_at(&self, z: f32) -> f32 {
        self.half_width / self.focal * self.depth(ground(0.0, z).up(0.0))
    }
}

/// How a camera on a pole shakes: a few slow swings and a fast tremble.
#[derive(Debug, Clone)]
pub struct Shake {
    /// In pixels.
    amplitude: f32,
    /// Cycles a second and phase, of x and y.
    swings: [[(f64, f64); 3]; 2],
}

/// Share of the picture's height that a shake of 1 moves it by, at most.
const SHAKE: f32 = 0.02;

impl Shake {
    /// For `amount` from 0 (none) to 1.
    pub fn new(seed: u64, amount: f64, height: u32) -> Self {
        let mut random = Random::of(&[seed, 0x5ba4e]);
        let mut swing = |low, high| {
            let rate = random.range(low, high);
            (
                f64::from(rate),
                f64::from(random.range(0.0, std::f32::consts::TAU)),
            )
        };
        Self {
            amplitude: amount as f32 * SHAKE * height as f32,
            swings: [(); 2].map(|()| [swing(0.15, 0.3), swing(0.8, 1.6), swing(4.0, 7.0)]),
        }
    }

    /// The most that it moves the picture by, in whole pixels.
    pub fn margin(&self) -> u32 {
        self.amplitude.ceil() as u32
    }

    /// Whole pixels that the picture is moved by at `time`.
    pub fn at(&self, time: f64) -> (i32, i32) {
        let offset = |swings: &[(f64, f64); 3]| {
            let weights = [0.55, 0.3, 0.15];
            let sum: f64 = swings
                .iter()
                .zip(weights)
                .map(|((rate, phase), weight)| {
                    weight * (std::f64::consts::TAU * rate * time + phase).sin()
                })
                .sum();
            (sum as f32 * self.amplitude).round() as i32
        };
        (offset(&self.swings[0]), offset(&self.swings[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VIEW: View = View {
        height: 4.5,
        pitch: 14.0,
        focal: 1.3,
    };

    proptest! {
        #[test]
        fn the_ground_is_found_where_it_is_seen(x in -10.0f32..10.0, z in 5.0f32..60.0) {
            let camera = Camera::new(VIEW, 1280, 720).shifted((3.0, -4.0));
            let seen = camera.project(ground(x, z).up(0.0));
            let found = camera.ground_at(seen.x, seen.y);
            prop_assert!((found.x - x).abs() < 0.01 && (found.z - z).abs() < 0.05, "{:?}", found);
        }

        #[test]
        fn shaking_stays_within_its_margin(time in 0.0f64..1e6, amount in 0.0f64..1.0) {
            let shake = Shake::new(5, amount, 720);
            let (x, y) = shake.at(time);
            prop_assert!(x.unsigned_abs() <= shake.margin() && y.unsigned_abs() <= shake.margin());
        }
    }

    #[test]
    fn what_stands_at_the_edge_is_seen_there() {
        let camera = Camera::new(VIEW, 1280, 720);
        let edge = camera.half_width_at(12.0);
        assert!((camera.project(ground(edge, 12.0).up(0.0)).x - 1280.0).abs() < 0.01);
    }

    #[test]
    fn above_the_horizon_the_ground_is_far_away() {
        let camera = Camera::new(VIEW, 1280, 720);
        assert!(camera.ground_at(0.0, -200.0).z > 50.0);
    }
}
