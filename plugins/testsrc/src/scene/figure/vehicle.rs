//! Cars and trucks: blocks with windows, wheels and lights.

use super::palette;
use super::shape::{Color, Pen, rgb};
use crate::scene::path::Pose;
use crate::scene::random::Random;
use crate::scene::vector::{Vec3, vec3};

/// A block across the vehicle: along from..to at the bottom and at the top, up from..to, half its
/// width at the bottom and at the top; in metres.
#[derive(Debug, Clone, Copy)]
struct Block {
    along: [(f32, f32); 2],
    up: (f32, f32),
    half: (f32, f32),
    color: Color,
    /// Windows in these faces.
    windows: Windows,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Windows {
    None,
    Around,
    Front,
}

/// How a car or a truck looks.
#[derive(Debug, Clone, Copy)]
pub struct Vehicle {
    blocks: [Block; 2],
    /// Along the vehicle, of each axle.
    axles: [Option<f32>; 3],
    wheel: f32,
    /// A stripe along the box of a truck.
    stripe: Option<Color>,
    /// Its lights are on.
    lit: bool,
}

const GLASS: Color = rgb(58, 74, 88);
const TYRE: Color = rgb(26, 26, 28);

impl Vehicle {
    /// Some car.
    pub fn car(random: &mut Random, lit: bool) -> Self {
        let color = palette::paint(random);
        let length = random.range(3.8, 4.8);
        let half = random.range(0.84, 0.95);
        let front = length / 2.0;
        // Limousine, hatchback, or a tall one.
        let (roof, rear, height): (f32, f32, f32) = *random.pick(&[
            ((0.55), 0.7, 1.42),
            ((0.55), 0.1, 1.46),
            ((0.7), 0.05, 1.72),
        ]);
        let belt = height * 0.62;
        Self {
            blocks: [
                Block {
                    along: [(-front, front), (-front + 0.08, front - 0.12)],
                    up: (0.28, belt),
                    half: (half, half - 0.05),
                    color,
                    windows: Windows::None,
                },
                Block {
                    along: [
                        (-front + rear, front - 1.05),
                        (-front + rear + 0.25, front - 1.05 - roof),
                    ],
                    up: (belt, height),
                    half: (half - 0.08, half - 0.24),
                    color,
                    windows: Windows::Around,
                },
            ],
            axles: [Some(-front + 0.78), Some(front - 0.82), None],
            wheel: 0.33,
            stripe: None,
            lit,
        }
    }

    /// Some truck.
    pub fn truck(random: &mut Random, lit: bool) -> Self {
        let length = random.range(6.2, 7.8);
        let front = length / 2.0;
        let cab = random.range(1.7, 2.1);
        let height = random.range(2.7, 3.3);
        let cargo = palette::paint(random);
        let color = if random.chance(0.5) {
            rgb(226, 226, 222).shaded(random.range(0.8, 1.0))
        } else {
            cargo
        };
        Self {
            blocks: [
                Block {
                    along: [(-front, front - cab - 0.15); 2],
                    up: (0.62, height),
                    half: (1.15, 1.15),
                    color,
                    windows: Windows::None,
                },
                Block {
                    along: [(front - cab, front), (front - cab, front - 0.2)],
                    up: (0.4, height * 0.82),
                    half: (1.08, 1.02),
                    color: palette::paint(random),
                    windows: Windows::Front,
                },
            ],
            axles: [Some(-front + 1.0), Some(-front + 2.1), Some(front - 0.9)],
            wheel: 0.46,
            stripe: random.chance(0.6).then(|| palette::cloth(random)),
            lit,
        }
    }

    /// Corners of the ground that it covers.
    pub fn footprint(&self, pose: &Pose) -> [Vec3; 4] {
        let ends = self
            .blocks
            .iter()
            .flat_map(|block| [block.along[0].0, block.along[0].1]);
        let (rear, front) = ends.fold((0.0f32, 0.0f32), |(low, high), end| {
            (low.min(end), high.max(end))
        });
        let half = self.blocks[0].half.0;
        let at = placed(pose);
        [
            at(rear, 0.0, -half),
            at(front, 0.0, -half),
            at(front, 0.0, half),
            at(rear, 0.0, half),
        ]
    }

    /// Draws it.
    pub fn draw(&self, pen: &mut Pen, pose: &Pose) {
        let at = placed(pose);
        let near = if pen.camera.depth(at(0.0, 0.5, 1.0)) < pen.camera.depth(at(0.0, 0.5, -1.0)) {
            1.0
        } else {
            -1.0
        };
        self.draw_wheels(pen, pose, -near);
        let is_truck = self.blocks[1].windows == Windows::Front;
        // The cab of a truck is hidden by its box where it drives away from the camera.
        let cab_first = is_truck && pose.heading.z > 0.0;
        let order = if cab_first { [1, 0] } else { [0, 1] };
        if is_truck {
            self.draw_chassis(pen, pose);
        }
        for (turn, index) in order.into_iter().enumerate() {
            self.draw_block(pen, pose, &self.blocks[index]);
            // The wheels are on the lower block of a car, and between a truck's.
            if turn == usize::from(is_truck) {
                self.draw_wheels(pen, pose, near);
            }
        }
        self.draw_lights(pen, pose);
        if let Some(color) = self.stripe {
            let (rear, front) = self.blocks[0].along[0];
            let half = self.blocks[0].half.0 * near;
            let middle = (self.blocks[0].up.0 + self.blocks[0].up.1) / 2.0;
            pen.face(
                &[
                    at(rear + 0.4, middle - 0.25, half),
                    at(front - 0.4, middle - 0.25, half),
                    at(front - 0.4, middle + 0.25, half),
                    at(rear + 0.4, middle + 0.25, half),
                ],
                color,
            );
        }
    }

    fn draw_chassis(&self, pen: &mut Pen, pose: &Pose) {
        let at = placed(pose);
        let (rear, front) = (self.blocks[0].along[0].0, self.blocks[1].along[0].1);
        let corners = [(rear, -0.9), (rear, 0.9), (front, -0.9), (front, 0.9)];
        let mut all = [Vec3::default(); 8];
        for (corner, (along, side)) in all.chunks_exact_mut(2).zip(corners) {
            corner[0] = at(along, 0.42, side);
            corner[1] = at(along, 0.66, side);
        }
        pen.solid(&all, rgb(40, 40, 44));
    }

    fn draw_wheels(&self, pen: &mut Pen, pose: &Pose, side: f32) {
        let at = placed(pose);
        let plane = (pose.heading.up(0.0), vec3(0.0, 1.0, 0.0));
        for axle in self.axles.into_iter().flatten() {
            let half = self.blocks[0].half.0 * side;
            let center = at(axle, self.wheel, half);
            // Inwards it is a roller.
            let inner = at(axle, self.wheel, half - 0.2 * side);
            pen.disc(inner, self.wheel, plane, TYRE);
            pen.disc(center, self.wheel, plane, TYRE);
            pen.disc(center, self.wheel * 0.58, plane, rgb(150, 152, 158));
        }
    }

    fn draw_block(&self, pen: &mut Pen, pose: &Pose, block: &Block) {
        let at = placed(pose);
        let corner = |high: bool, front: bool, side: f32| {
            let (along, up, half) = if high {
                (block.along[1], block.up.1, block.half.1)
            } else {
                (block.along[0], block.up.0, block.half.0)
            };
            at(if front { along.1 } else { along.0 }, up, half * side)
        };
        let around = block.windows == Windows::Around;
        let upright = |front: bool, other: bool, side: f32, other_side: f32| {
            [
                corner(false, front, side),
                corner(false, other, other_side),
                corner(true, other, other_side),
                corner(true, front, side),
            ]
        };
        let faces = [
            (
                upright(true, true, 1.0, -1.0),
                0.95,
                block.windows != Windows::None,
            ),
            (upright(false, false, -1.0, 1.0), 0.85, around),
            (upright(false, true, 1.0, 1.0), 0.9, around),
            (upright(true, false, -1.0, -1.0), 0.9, around),
        ];
        for (face, light, glass) in faces {
            if !is_seen(pen, &face) {
                continue;
            }
            pen.face(&face, block.color.shaded(light));
            if glass {
                let low = if around { 0.08 } else { 0.5 };
                pen.face(&inset(&face, 0.06, low, 0.9), GLASS);
            } else if block.windows == Windows::Front {
                pen.face(&inset(&face, 0.35, 0.55, 0.88), GLASS);
            } else {
                // The lower part is in its own shadow.
                pen.face(
                    &inset(&face, 0.0, 0.0, 0.22),
                    block.color.shaded(light * 0.7),
                );
            }
        }
        let roof = [
            corner(true, true, 1.0),
            corner(true, true, -1.0),
            corner(true, false, -1.0),
            corner(true, false, 1.0),
        ];
        pen.face(&roof, block.color.shaded(1.12));
    }

    fn draw_lights(&self, pen: &mut Pen, pose: &Pose) {
        let at = placed(pose);
        let front = self.blocks[0].along[0].1.max(self.blocks[1].along[0].1);
        let rear = self.blocks[0].along[0].0;
        let half = self.blocks[0].half.0;
        let heads = if self.lit {
            rgb(255, 250, 220)
        } else {
            rgb(222, 224, 214)
        };
        let tails = if self.lit {
            rgb(255, 40, 30)
        } else {
            rgb(150, 26, 24)
        };
        let toward = |end: f32| {
            // A light is seen where its end is nearer than the middle.
            pen.camera.depth(at(end, 0.5, 0.0)) < pen.camera.depth(at(0.0, 0.5, 0.0))
        };
        let (ahead, behind) = (toward(front), toward(rear));
        for (end, shown, color) in [(front, ahead, heads), (rear, behind, tails)] {
            if !shown {
                continue;
            }
            let end = end * 0.985;
            for side in [-1.0f32, 1.0] {
                let (inner, outer) = (side * (half - 0.4), side * (half - 0.08));
                pen.face(
                    &[
                        at(end, 0.58, inner),
                        at(end, 0.58, outer),
                        at(end, 0.74, outer),
                        at(end, 0.74, inner),
                    ],
                    color,
                );
            }
        }
    }
}

/// Points of a vehicle: along it, up, to its right.
fn placed(pose: &Pose) -> impl Fn(f32, f32, f32) -> Vec3 + Copy {
    let (origin, forward, right) = (
        pose.at.up(0.0),
        pose.heading.up(0.0),
        pose.heading.right().up(0.0),
    );
    move |along, up, side| origin + forward * along + right * side + vec3(0.0, up, 0.0)
}

/// Whether the outer side of a face, whose corners go round it, is seen.
fn is_seen(pen: &Pen, face: &[Vec3; 4]) -> bool {
    let corners = face.map(|corner| pen.camera.project(corner));
    let area: f32 = (0..4)
        .map(|i| {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            a.x * b.y - b.x * a.y
        })
        .sum();
    area < 0.0
}

/// The part of a face (low, low, high, high corners) without `sides` of its width at both sides,
/// from `low` to `high` of its height.
fn inset(face: &[Vec3; 4], sides: f32, low: f32, high: f32) -> [Vec3; 4] {
    let between = |a: Vec3, b: Vec3, share: f32| a + (b - a) * share;
    let edge = |up: f32| {
        let (left, right) = (between(face[0], face[3], up), between(face[1], face[2], up));
        (
            between(left, right, sides),
            between(left, right, 1.0 - sides),
        )
    };
    let (bottom, top) = (edge(low), edge(high));
    [bottom.0, bottom.1, top.1, top.0]
}
