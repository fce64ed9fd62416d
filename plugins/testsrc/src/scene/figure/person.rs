//! People: a skeleton that walks, stands or rides, in clothes.

use super::palette;
use super::shape::{Color, Pen};
use crate::scene::path::Pose;
use crate::scene::random::Random;
use crate::scene::vector::{Ground, Vec3, vec3};

/// How somebody looks.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// In metres.
    height: f32,
    /// Broad above 1, slim below.
    breadth: f32,
    skin: Color,
    hair: Color,
    top: Color,
    trousers: Color,
    shoes: Color,
    /// Long sleeves.
    sleeves: bool,
    outfit: Outfit,
    load: Load,
    /// Hair that reaches the neck, or a hat.
    head: Head,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outfit {
    Trousers,
    Shorts,
    Skirt,
    Coat,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Load {
    None,
    Bag(Color),
    Backpack(Color),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Head {
    Short,
    Long,
    Hat(Color),
}

/// How the body is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Posture {
    /// On foot.
    Upright,
    /// On a bicycle; the pedals are at this angle, in radians.
    Riding(f32),
}

/// Way of a whole stride, two steps, in metres, of somebody who is 1.75 m tall.
const STRIDE: f32 = 1.45;

impl Person {
    /// Somebody.
    pub fn new(random: &mut Random) -> Self {
        let outfit = *random.pick(&[
            Outfit::Trousers,
            Outfit::Trousers,
            Outfit::Trousers,
            Outfit::Shorts,
            Outfit::Skirt,
            Outfit::Coat,
        ]);
        let load = match random.next() % 6 {
            0 => Load::Bag(palette::cloth(random)),
            1 => Load::Backpack(palette::cloth(random)),
            _ => Load::None,
        };
        let head = match random.next() % 5 {
            0 => Head::Hat(palette::cloth(random)),
            1 | 2 => Head::Long,
            _ => Head::Short,
        };
        Self {
            height: random.range(1.52, 1.95),
            breadth: random.range(0.88, 1.2),
            skin: *random.pick(&palette::SKIN),
            hair: *random.pick(&palette::HAIR),
            top: palette::cloth(random),
            trousers: palette::dark_cloth(random),
            shoes: palette::dark_cloth(random),
            sleeves: random.chance(0.6),
            outfit,
            load,
            head,
        }
    }

    /// Draws it.
    pub fn draw(&self, pen: &mut Pen, pose: &Pose, posture: Posture) {
        let body = Body::new(self, pose, posture);
        // The side that is farther from the camera first.
        let near = if pen.camera.depth(body.at(0.0, 1.0, 1.0))
            < pen.camera.depth(body.at(0.0, 1.0, -1.0))
        {
            1.0
        } else {
            -1.0
        };
        let away = pose.heading.z > 0.0;
        if !away {
            self.draw_backpack(pen, &body);
        }
        self.draw_arm(pen, &body, -near, posture);
        self.draw_leg(pen, &body, -near, posture);
        self.draw_leg(pen, &body, near, posture);
        self.draw_torso(pen, &body);
        if away {
            self.draw_backpack(pen, &body);
        }
        self.draw_head(pen, &body, away);
        self.draw_arm(pen, &body, near, posture);
        if let Load::Bag(color) = self.load
            && posture == Posture::Upright
        {
            let at = |along, up| body.at(along, up, near * 0.3);
            pen.solid(
                &[
                    at(-0.16, 0.62),
                    at(0.16, 0.62),
                    at(0.16, 0.88),
                    at(-0.16, 0.88),
                ],
                color,
            );
        }
    }

    fn draw_leg(&self, pen: &mut Pen, body: &Body, side: f32, posture: Posture) {
        let [hip, knee, ankle] = body.leg(side, posture);
        let (thigh, shin) = match self.outfit {
            Outfit::Trousers => (self.trousers, self.trousers.shaded(0.92)),
            Outfit::Coat => (self.trousers, self.trousers.shaded(0.92)),
            Outfit::Shorts => (self.trousers, self.skin),
            Outfit::Skirt => (self.skin, self.skin),
        };
        let size = body.scale;
        // What is nearer to the camera is in the light.
        let light = if side > 0.0 { 1.0 } else { 0.88 };
        pen.limb(hip, 0.095 * size, knee, 0.07 * size, thigh.shaded(light));
        pen.limb(knee, 0.068 * size, ankle, 0.045 * size, shin.shaded(light));
        let toe = ankle + body.forward * (0.17 * size) - vec3(0.0, 0.03 * size, 0.0);
        pen.limb(ankle, 0.05 * size, toe, 0.04 * size, self.shoes);
    }

    fn draw_arm(&self, pen: &mut Pen, body: &Body, side: f32, posture: Posture) {
        let [shoulder, elbow, hand] = body.arm(side, posture);
        let size = body.scale;
        let lower = if self.sleeves || self.outfit == Outfit::Coat {
            self.top.shaded(0.9)
        } else {
            self.skin
        };
        pen.limb(
            shoulder,
            0.065 * size,
            elbow,
            0.052 * size,
            self.top.shaded(0.9),
        );
        pen.limb(elbow, 0.05 * size, hand, 0.038 * size, lower);
        pen.ball(hand, 0.048 * size, self.skin);
    }

    fn draw_torso(&self, pen: &mut Pen, body: &Body) {
        let broad = self.breadth;
        let block = |low: f32, low_half: f32, high: f32, high_half: f32, deep: f32| {
            let mut corners = [Vec3::default(); 8];
            let mut corner = corners.iter_mut();
            for (up, half) in [(low, low_half), (high, high_half)] {
                for (along, side) in [(-deep, -half), (-deep, half), (deep, -half), (deep, half)] {
                    if let Some(corner) = corner.next() {
                        *corner = body.leaning(along, up, side * broad);
                    }
                }
            }
            corners
        };
        match self.outfit {
            Outfit::Skirt => pen.solid(&block(0.52, 0.23, 0.98, 0.15, 0.12), self.trousers),
            Outfit::Coat => pen.solid(&block(0.6, 0.21, 1.0, 0.17, 0.12), self.top.shaded(0.94)),
            _ => pen.solid(&block(0.82, 0.15, 1.0, 0.155, 0.1), self.trousers),
        }
        pen.solid(&block(0.95, 0.155, 1.46, 0.2, 0.11), self.top);
    }

    fn draw_backpack(&self, pen: &mut Pen, body: &Body) {
        let Load::Backpack(color) = self.load else {
            return;
        };
        let at = |along, up, side| body.leaning(along, up, side);
        pen.solid(
            &[
                at(-0.12, 1.02, -0.15),
                at(-0.12, 1.02, 0.15),
                at(-0.3, 1.04, -0.13),
                at(-0.3, 1.04, 0.13),
                at(-0.12, 1.44, -0.14),
                at(-0.12, 1.44, 0.14),
                at(-0.26, 1.4, -0.12),
                at(-0.26, 1.4, 0.12),
            ],
            color,
        );
    }

    fn draw_head(&self, pen: &mut Pen, body: &Body, away: bool) {
        let size = body.scale;
        let (neck, head) = (body.leaning(0.0, 1.45, 0.0), body.leaning(0.02, 1.62, 0.0));
        pen.limb(neck, 0.06 * size, head, 0.06 * size, self.skin.shaded(0.9));
        let crown = body.leaning(-0.02, 1.655, 0.0);
        let face = body.leaning(0.035, 1.605, 0.0);
        if self.head == Head::Long {
            pen.limb(
                crown,
                0.12 * size,
                body.leaning(-0.06, 1.48, 0.0),
                0.09 * size,
                self.hair,
            );
        } else {
            pen.ball(crown, 0.118 * size, self.hair);
        }
        if !away || body.forward.x.abs() > 0.5 {
            pen.ball(face, 0.1 * size, self.skin);
        }
        if let Head::Hat(color) = self.head {
            let brim = body.leaning(0.02, 1.685, 0.0);
            pen.limb(
                brim,
                0.125 * size,
                body.leaning(0.0, 1.74, 0.0),
                0.09 * size,
                color,
            );
        }
    }
}

/// Where the joints are.
struct Body {
    origin: Vec3,
    forward: Vec3,
    side: Vec3,
    scale: f32,
    /// Phase of the stride, in radians.
    phase: f32,
    /// Swing of the limbs: 0 who stands, 1 who walks briskly.
    swing: f32,
    /// How far the upper body leans forward, per metre above the hips.
    lean: f32,
}

impl Body {
    fn new(person: &Person, pose: &Pose, posture: Posture) -> Self {
        let scale = person.height / 1.75;
        let right = pose.heading.right();
        let riding = posture != Posture::Upright;
        Self {
            origin: pose.at.up(if riding { 0.12 } else { 0.0 }),
            forward: flat(pose.heading),
            side: flat(right),
            scale,
            phase: std::f32::consts::TAU * pose.travelled / (STRIDE * scale),
            swing: (pose.speed / 1.3).min(1.3),
            lean: if riding {
                0.45
            } else {
                0.03 * pose.speed.min(3.0)
            },
        }
    }

    /// A point of the upright body: forward, up and to the right, in metres of somebody who is
    /// 1.75 m tall.
    fn at(&self, forward: f32, up: f32, right: f32) -> Vec3 {
        self.origin
            + self.forward * (forward * self.scale)
            + self.side * (right * self.scale)
            + vec3(0.0, up * self.scale, 0.0)
    }

    /// The same of the upper body, which leans.
    fn leaning(&self, forward: f32, up: f32, right: f32) -> Vec3 {
        let above = (up - 0.92).max(0.0);
        self.at(
            forward + above * self.lean,
            up - above * self.lean * self.lean * 0.5,
            right,
        )
    }

    fn leg(&self, side: f32, posture: Posture) -> [Vec3; 3] {
        let right = 0.085 * side;
        let hip = self.at(0.0, 0.9, right);
        if let Posture::Riding(pedal) = posture {
            let (sin, cos) = (pedal
                + if side > 0.0 {
                    0.0
                } else {
                    std::f32::consts::PI
                })
            .sin_cos();
            let ankle = self.at(0.22 + 0.17 * cos, 0.24 + 0.17 * sin, right);
            let knee = self.at(0.38 + 0.06 * cos, 0.66 + 0.1 * sin, right);
            return [hip, knee, ankle];
        }
        let phase = self.phase
            + if side > 0.0 {
                0.0
            } else {
                std::f32::consts::PI
            };
        let thigh = 0.5 * self.swing * phase.sin();
        // The knee bends while the leg swings forward.
        let bend = 0.9 * self.swing * (phase.cos()).max(0.0) + 0.05;
        let shin = thigh - bend;
        let knee = self.at(0.43 * thigh.sin(), 0.9 - 0.43 * thigh.cos(), right);
        let ankle = self.at(
            0.43 * thigh.sin() + 0.41 * shin.sin(),
            (0.9 - 0.43 * thigh.cos() - 0.41 * shin.cos()).max(0.06),
            right,
        );
        [hip, knee, ankle]
    }

    fn arm(&self, side: f32, posture: Posture) -> [Vec3; 3] {
        let right = 0.235 * side;
        let shoulder = self.leaning(0.0, 1.4, right * 0.95);
        if posture != Posture::Upright {
            return [
                shoulder,
                self.at(0.42, 1.12, right),
                self.at(0.6, 0.98, right * 0.95),
            ];
        }
        let phase = self.phase
            + if side > 0.0 {
                std::f32::consts::PI
            } else {
                0.0
            };
        let upper = 0.55 * self.swing * phase.sin();
        let lower = upper + 0.25 + 0.2 * self.swing;
        let elbow = shoulder + self.away(0.29, upper);
        [shoulder, elbow, elbow + self.away(0.27, lower)]
    }

    /// Downwards by `length`, turned forward by `angle` radians.
    fn away(&self, length: f32, angle: f32) -> Vec3 {
        let length = length * self.scale;
        self.forward * (length * angle.sin()) - vec3(0.0, length * angle.cos(), 0.0)
    }
}

fn flat(direction: Ground) -> Vec3 {
    direction.up(0.0)
}
