//! Points and directions of the world, in metres: x to the right, y up, z away from the camera.

use std::ops::{Add, Mul, Sub};

/// A point or a direction.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vec3 {
    /// To the right.
    pub x: f32,
    /// Up; the ground is at 0.
    pub y: f32,
    /// Away from the camera.
    pub z: f32,
}

/// A [`Vec3`] from its parts.
pub const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        vec3(self.x * factor, self.y * factor, self.z * factor)
    }
}

/// A place on the ground, or a direction along it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ground {
    /// To the right.
    pub x: f32,
    /// Away from the camera.
    pub z: f32,
}

/// A [`Ground`] from its parts.
pub const fn ground(x: f32, z: f32) -> Ground {
    Ground { x, z }
}

impl Ground {
    /// The point `y` above this place.
    pub fn up(self, y: f32) -> Vec3 {
        vec3(self.x, y, self.z)
    }

    /// Length.
    pub fn length(self) -> f32 {
        self.x.hypot(self.z)
    }

    /// The direction to the right of this one.
    pub fn right(self) -> Self {
        ground(self.z, -self.x)
    }

    /// In between: this at 0, `other` at 1.
    pub fn towards(self, other: Self, share: f32) -> Self {
        self + (other - self) * share
    }
}

impl Add for Ground {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        ground(self.x + other.x, self.z + other.z)
    }
}

impl Sub for Ground {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        ground(self.x - other.x, self.z - other.z)
    }
}

impl Mul<f32> for Ground {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        ground(self.x * factor, self.z * factor)
    }
}
