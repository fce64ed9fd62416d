//! Bicycles.

use super::palette;
use super::shape::{Color, Pen, rgb};
use crate::scene::path::Pose;
use crate::scene::random::Random;
use crate::scene::vector::vec3;

/// How a bicycle looks.
#[derive(Debug, Clone, Copy)]
pub struct Bicycle {
    frame: Color,
    /// Carries a basket or a box in front.
    basket: Option<Color>,
}

/// Radius of a wheel, and distance of the hubs from the middle, in metres.
const WHEEL: f32 = 0.35;
const HUBS: f32 = 0.54;
/// Way of one turn of the pedals, in metres.
const GEAR: f32 = 5.0;

impl Bicycle {
    /// Some bicycle.
    pub fn new(random: &mut Random) -> Self {
        Self {
            frame: palette::paint(random),
            basket: random.chance(0.3).then(|| palette::dark_cloth(random)),
        }
    }

    /// Angle of the pedals, in radians.
    pub fn pedals(pose: &Pose) -> f32 {
        -std::f32::consts::TAU * pose.travelled / GEAR
    }

    /// Draws it.
    pub fn draw(&self, pen: &mut Pen, pose: &Pose) {
        let forward = pose.heading.up(0.0);
        let across = pose.heading.right().up(0.0);
        let at = |along: f32, up: f32| pose.at.up(0.0) + forward * along + vec3(0.0, up, 0.0);
        let plane = (forward, vec3(0.0, 1.0, 0.0));
        let tyre = rgb(24, 24, 26);
        for along in [-HUBS, HUBS] {
            pen.disc(
                at(along, WHEEL),
                WHEEL - 0.03,
                plane,
                rgb(150, 152, 156).faint(70),
            );
            pen.ring(at(along, WHEEL), (WHEEL, WHEEL - 0.065), plane, tyre);
            // Seen from ahead the ring is a line: the tyre has a thickness.
            pen.limb(
                at(along, 0.04),
                0.03,
                at(along, 2.0 * WHEEL - 0.04),
                0.03,
                tyre.faint(150),
            );
        }
        let (hub, fork) = (at(-HUBS, WHEEL), at(HUBS, WHEEL));
        let (pedals, seat, head) = (at(-0.05, 0.3), at(-0.22, 0.88), at(0.4, 0.86));
        for (from, to) in [
            (hub, pedals),
            (hub, seat),
            (pedals, seat),
            (pedals, head),
            (seat, head),
            (head, fork),
        ] {
            pen.limb(from, 0.028, to, 0.028, self.frame);
        }
        pen.limb(at(-0.34, 0.95), 0.06, at(-0.1, 0.96), 0.035, tyre);
        let bar = at(0.42, 1.02);
        pen.limb(head, 0.025, bar, 0.025, self.frame.shaded(0.8));
        pen.limb(bar + across * 0.26, 0.025, bar - across * 0.26, 0.025, tyre);
        if let Some(color) = self.basket {
            let corner = |along, up, side: f32| at(along, up) + across * side;
            pen.solid(
                &[
                    corner(0.46, 0.76, -0.17),
                    corner(0.46, 0.76, 0.17),
                    corner(0.8, 0.76, -0.17),
                    corner(0.8, 0.76, 0.17),
                    corner(0.46, 1.02, -0.17),
                    corner(0.46, 1.02, 0.17),
                    corner(0.8, 1.02, -0.17),
                    corner(0.8, 1.02, 0.17),
                ],
                color,
            );
        }
    }
}
