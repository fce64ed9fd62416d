//! Dogs.

use super::palette;
use super::shape::{Color, Pen};
use crate::scene::path::Pose;
use crate::scene::random::Random;
use crate::scene::vector::{Vec3, vec3};

/// How a dog looks.
#[derive(Debug, Clone, Copy)]
pub struct Dog {
    /// 1 is a dog of about 0.6 m at the shoulder.
    size: f32,
    fur: Color,
    patch: Color,
    /// Ears and tail stand up.
    perky: bool,
}

/// Way of a whole stride of a dog of size 1, in metres.
const STRIDE: f32 = 0.8;

impl Dog {
    /// Some dog.
    pub fn new(random: &mut Random) -> Self {
        let fur = palette::fur(random);
        Self {
            size: random.range(0.95, 1.2),
            fur,
            patch: if random.chance(0.4) {
                palette::fur(random)
            } else {
                fur.shaded(0.9)
            },
            perky: random.chance(0.5),
        }
    }

    /// Draws it.
    pub fn draw(&self, pen: &mut Pen, pose: &Pose) {
        let (forward, side) = (pose.heading.up(0.0), pose.heading.right().up(0.0));
        let size = self.size;
        let at = |along: f32, up: f32, right: f32| {
            pose.at.up(0.0)
                + forward * (along * size)
                + side * (right * size)
                + vec3(0.0, up * size, 0.0)
        };
        let near = if pen.camera.depth(at(0.0, 0.5, 1.0)) < pen.camera.depth(at(0.0, 0.5, -1.0)) {
            1.0
        } else {
            -1.0
        };
        let phase = std::f32::consts::TAU * pose.travelled / (STRIDE * size);
        let swing = (pose.speed / 1.5).min(1.0);
        let legs = |pen: &mut Pen, side: f32, color: Color| {
            for (along, offset) in [(0.3, 0.0), (-0.32, 0.5)] {
                // A trot: legs across from each other move together.
                let turn = std::f32::consts::TAU * (offset + if side > 0.0 { 0.0 } else { 0.5 });
                let angle = 0.5 * swing * (phase + turn).sin();
                let hip = at(along, 0.42, 0.09 * side);
                let paw = at(
                    along + 0.38 * angle.sin(),
                    (0.42 - 0.4 * angle.cos()).max(0.03),
                    0.09 * side,
                );
                pen.limb(hip, 0.075 * size, paw, 0.035 * size, color);
            }
        };
        legs(pen, -near, self.fur.shaded(0.8));
        let towards = forward.z < -0.5;
        if towards {
            self.tail(pen, at);
        }
        legs(pen, near, self.fur.shaded(0.95));
        pen.limb(
            at(-0.34, 0.5, 0.0),
            0.14 * size,
            at(0.3, 0.52, 0.0),
            0.16 * size,
            self.fur,
        );
        pen.limb(
            at(-0.1, 0.56, 0.02 * near),
            0.1 * size,
            at(0.12, 0.57, 0.02 * near),
            0.1 * size,
            self.patch,
        );
        if !towards {
            self.tail(pen, at);
        }
        self.head(pen, at);
    }

    fn tail(&self, pen: &mut Pen, at: impl Fn(f32, f32, f32) -> Vec3) {
        let tip = if self.perky {
            at(-0.55, 0.82, 0.0)
        } else {
            at(-0.62, 0.4, 0.0)
        };
        pen.limb(
            at(-0.42, 0.56, 0.0),
            0.05 * self.size,
            tip,
            0.03 * self.size,
            self.fur.shaded(0.9),
        );
    }

    fn head(&self, pen: &mut Pen, at: impl Fn(f32, f32, f32) -> Vec3) {
        let size = self.size;
        let head = at(0.48, 0.78, 0.0);
        pen.limb(
            at(0.32, 0.58, 0.0),
            0.12 * size,
            head,
            0.09 * size,
            self.fur,
        );
        for side in [-0.08, 0.08] {
            let tip = if self.perky {
                at(0.42, 0.96, side)
            } else {
                at(0.4, 0.7, side * 1.5)
            };
            pen.limb(
                at(0.44, 0.85, side),
                0.045 * size,
                tip,
                0.03 * size,
                self.patch.shaded(0.8),
            );
        }
        pen.ball(head, 0.115 * size, self.fur);
        pen.limb(
            at(0.54, 0.75, 0.0),
            0.075 * size,
            at(0.68, 0.72, 0.0),
            0.05 * size,
            self.fur.shaded(1.05),
        );
        pen.ball(at(0.72, 0.735, 0.0), 0.025 * size, palette::HAIR[0]);
    }
}
