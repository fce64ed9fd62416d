//! The places: how a camera sees them, where people walk and where vehicles drive.

use super::camera::{Camera, View};
use super::path::Waypoint;
use super::random::Random;
use super::vector::{Ground, ground};
use super::{Class, SceneKind};

/// Where vehicles drive, one after the other, at one speed.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The way, from outside the picture to outside it.
    pub way: Vec<Ground>,
    /// In metres a second.
    pub speed: f32,
    /// Only bicycles.
    pub bicycles: bool,
    /// Whether what drives there stops now and then, as at a traffic light.
    pub stops: bool,
}

/// A place.
#[derive(Debug, Clone)]
pub struct Layout {
    /// How often there is what.
    pub mix: &'static [(Class, f32)],
    /// Where vehicles drive.
    pub lanes: Vec<Lane>,
    /// Poles: where, radius and height in metres.
    pub poles: Vec<(Ground, f32, f32)>,
    kind: SceneKind,
    camera: Camera,
}

const STREET: &[(Class, f32)] = &[
    (Class::Person, 0.5),
    (Class::Car, 0.22),
    (Class::Bicycle, 0.12),
    (Class::Truck, 0.08),
    (Class::Dog, 0.08),
];
const PEOPLE: &[(Class, f32)] = &[(Class::Person, 0.9), (Class::Dog, 0.1)];

/// What is seen at the side of the picture from further away than this, in metres, has entered it.
const MARGIN: f32 = 0.9;
/// What is nearer than this is below the picture, in metres.
const BELOW: f32 = 3.0;

impl Layout {
    /// The place of `kind` in a picture of this size. No two cameras hang quite alike: the `seed`
    /// decides.
    pub fn new(kind: SceneKind, seed: u64, width: u32, height: u32) -> Self {
        let (mut view, mix) = match kind {
            SceneKind::Street | SceneKind::Empty => (
                View {
                    height: 6.2,
                    pitch: 21.5,
                    focal: 1.9,
                },
                STREET,
            ),
            SceneKind::Crossing => (
                View {
                    height: 7.0,
                    pitch: 24.5,
                    focal: 1.85,
                },
                STREET,
            ),
            SceneKind::Corridor => (
                View {
                    height: 5.2,
                    pitch: 23.0,
                    focal: 1.6,
                },
                PEOPLE,
            ),
            SceneKind::Crowd => (
                View {
                    height: 8.0,
                    pitch: 30.0,
                    focal: 1.8,
                },
                PEOPLE,
            ),
        };
        let mut random = Random::of(&[seed, 0xca3e]);
        view.height *= random.range(0.92, 1.1);
        view.pitch += random.range(-1.2, 1.6);
        view.focal *= random.range(0.95, 1.06);
        let camera = Camera::new(view, width, height);
        let mut this = Self {
            mix,
            lanes: Vec::new(),
            poles: Vec::new(),
            kind,
            camera,
        };
        this.place_lanes();
        this.place_poles();
        this
    }

    /// The camera of this place.
    pub fn camera(&self) -> Camera {
        self.camera
    }

    fn edge(&self, z: f32, margin: f32) -> f32 {
        self.camera.half_width_at(z) + margin
    }

    fn place_lanes(&mut self) {
        let across = |this: &Self, z: f32, to_the_right: bool, length: f32| {
            let edge = this.edge(z, length / 2.0 + 0.5);
            let ends = [ground(-edge, z), ground(edge, z)];
            if to_the_right {
                ends.to_vec()
            } else {
                ends.iter().rev().copied().collect()
            }
        };
        let lane = |way, speed, bicycles, stops| Lane {
            way,
            speed,
            bicycles,
            stops,
        };
        match self.kind {
            SceneKind::Street | SceneKind::Empty => {
                self.lanes = vec![
                    lane(across(self, 14.2, true, 8.0), 5.5, false, true),
                    lane(across(self, 17.2, false, 8.0), 7.0, false, false),
                    lane(across(self, 12.2, true, 2.0), 3.6, true, false),
                    lane(across(self, 19.1, false, 2.0), 4.2, true, false),
                ];
            }
            SceneKind::Crossing => {
                let mut turning = across(self, 15.4, true, 8.0);
                turning.truncate(1);
                turning.extend(quarter_turn(ground(-1.6, 15.4), ground(1.7, 12.1)));
                turning.push(ground(1.7, 2.0));
                let mut leaving = vec![
                    ground(-1.8, 2.0),
                    ground(-1.8, 15.8),
                    ground(-1.1, 17.6),
                    ground(0.4, 18.6),
                ];
                leaving.push(ground(self.edge(18.7, 4.5), 18.7));
                self.lanes = vec![
                    lane(turning, 4.0, false, true),
                    lane(across(self, 18.7, false, 8.0), 6.5, false, false),
                    lane(leaving, 4.2, true, false),
                    lane(across(self, 13.4, true, 2.0), 3.8, true, false),
                ];
            }
            SceneKind::Corridor | SceneKind::Crowd => (),
        }
    }

    fn place_poles(&mut self) {
        let poles: &[(f32, f32, f32, f32)] = match self.kind {
            SceneKind::Street | SceneKind::Empty => &[
                (-4.6, 11.2, 0.08, 5.0),
                (4.4, 11.2, 0.08, 5.0),
                (0.6, 11.1, 0.05, 1.0),
                (1.9, 11.1, 0.05, 1.0),
            ],
            SceneKind::Crossing => &[
                (-6.2, 11.4, 0.08, 5.5),
                (6.2, 11.4, 0.08, 5.5),
                (3.6, 10.2, 0.05, 1.0),
            ],
            SceneKind::Corridor => &[
                (-4.2, 11.0, 0.16, 6.0),
                (4.2, 11.0, 0.16, 6.0),
                (-4.2, 16.5, 0.16, 6.0),
                (4.2, 16.5, 0.16, 6.0),
            ],
            SceneKind::Crowd => &[(-4.0, 14.0, 0.1, 6.0), (5.0, 11.5, 0.1, 6.0)],
        };
        self.poles = poles
            .iter()
            .map(|&(x, z, radius, height)| (ground(x, z), radius, height))
            .collect();
    }

    /// A way that somebody takes on foot, from outside the picture to outside it. `habit` is the
    /// same for all ways of one slot, so that they take about the same time.
    pub fn walk(&self, habit: &mut Random, random: &mut Random) -> Vec<Waypoint> {
        match self.kind {
            SceneKind::Street | SceneKind::Empty => {
                self.along_pavement((7.8, 10.9), (20.1, 21.6), habit, random)
            }
            SceneKind::Crossing => {
                if habit.chance(0.3) {
                    self.over_the_zebra(random)
                } else {
                    self.along_pavement((8.6, 11.2), (21.0, 22.4), habit, random)
                }
            }
            SceneKind::Corridor => self.through_corridor(random),
            SceneKind::Crowd => self.over_the_square(random),
        }
    }

    /// The way of somebody who keeps `apart` of who takes `way`, but enters and leaves outside of
    /// the picture as well.
    pub fn beside(&self, mut way: Vec<Waypoint>, apart: Ground) -> Vec<Waypoint> {
        let last = way.len().saturating_sub(1);
        for (index, point) in way.iter_mut().enumerate() {
            let before = point.at;
            point.at = before + apart;
            if index != 0 && index != last {
                continue;
            }
            if before.z < BELOW {
                point.at.z = point.at.z.min(before.z);
            } else {
                let edge = self.edge(point.at.z, MARGIN);
                point.at.x = point.at.x.abs().max(edge).copysign(before.x);
            }
        }
        way
    }

    fn along_pavement(
        &self,
        near: (f32, f32),
        far: (f32, f32),
        habit: &mut Random,
        random: &mut Random,
    ) -> Vec<Waypoint> {
        let near_side = habit.chance(0.68);
        let band = if near_side { near } else { far };
        let crosses = near_side && random.chance(0.15);
        let forth = if random.chance(0.5) { 1.0 } else { -1.0 };
        let z = random.range(band.0, band.1);
        let mut way = vec![stop(ground(-forth * self.edge(z, MARGIN), z), 0.0)];
        let half = self.edge(z, 0.0);
        let turn = random.range(-0.5, 0.5) * half;
        let pause = if random.chance(0.35) {
            f64::from(random.range(1.5, 5.0))
        } else {
            0.0
        };
        let on = random.range(band.0, band.1);
        way.push(stop(ground(turn, on), pause));
        if crosses {
            let over = random.range(far.0, far.1);
            way.push(stop(ground(turn + forth * 0.5, band.1 + 0.4), 0.8));
            way.push(stop(ground(turn + forth * 1.4, far.0 - 0.2), 0.0));
            way.push(stop(ground(forth * self.edge(over, MARGIN), over), 0.0));
        } else if random.chance(0.15) {
            // Turns round.
            way.push(stop(ground(-forth * self.edge(on, MARGIN), on), 0.0));
        } else {
            let end = random.range(band.0, band.1);
            way.push(stop(ground(forth * self.edge(end, MARGIN), end), 0.0));
        }
        way
    }

    fn over_the_zebra(&self, random: &mut Random) -> Vec<Waypoint> {
        let side = if random.chance(0.5) { 1.0 } else { -1.0 };
        let x = side * random.range(3.6, 5.2);
        let (near, far) = (random.range(10.4, 11.2), random.range(21.0, 21.9));
        let mut way = vec![
            stop(ground(side * self.edge(near, MARGIN), near), 0.0),
            stop(ground(x, near + 0.5), f64::from(random.range(0.0, 3.0))),
            stop(ground(x + random.range(-0.6, 0.6), far - 0.5), 0.0),
            stop(ground(-side * self.edge(far, MARGIN), far), 0.0),
        ];
        if random.chance(0.5) {
            way.reverse();
        }
        way
    }

    fn through_corridor(&self, random: &mut Random) -> Vec<Waypoint> {
        let half = |this: &Self, z: f32| this.edge(z, MARGIN);
        // In or out: below the picture, or at its left or right.
        let door = |this: &Self, random: &mut Random, below: f32| {
            if random.chance(below) {
                ground(random.range(-1.6, 1.6), 2.2)
            } else {
                let z = random.range(7.0, 17.5);
                let side = if random.chance(0.5) { 1.0 } else { -1.0 };
                ground(side * half(this, z), z)
            }
        };
        let (from, to) = (door(self, random, 0.4), door(self, random, 0.3));
        let mut way = vec![stop(from, 0.0)];
        for _ in 0..=random.next() % 2 {
            let z = random.range(6.6, 17.5);
            let x = random.range(-0.7, 0.7) * self.edge(z, 0.0);
            let pause = if random.chance(0.3) {
                f64::from(random.range(1.0, 5.0))
            } else {
                0.0
            };
            way.push(stop(ground(x, z), pause));
        }
        way.push(stop(to, 0.0));
        way
    }

    fn over_the_square(&self, random: &mut Random) -> Vec<Waypoint> {
        let edge = |this: &Self, random: &mut Random| {
            let z = random.range(7.6, 20.0);
            let side = if random.chance(0.5) { 1.0 } else { -1.0 };
            ground(side * this.edge(z, MARGIN), z)
        };
        let from = edge(self, random);
        let mut way = vec![stop(from, 0.0)];
        for _ in 0..1 + random.next() % 2 {
            let z = random.range(7.6, 19.0);
            let x = random.range(-0.8, 0.8) * self.edge(z, 0.0);
            let pause = if random.chance(0.4) {
                f64::from(random.range(1.0, 7.0))
            } else {
                0.0
            };
            way.push(stop(ground(x, z), pause));
        }
        way.push(stop(edge(self, random), 0.0));
        way
    }
}

fn stop(at: Ground, pause: f64) -> Waypoint {
    Waypoint { at, pause }
}

/// A quarter of a circle from `from`, entered along x, to `to`, left along z.
fn quarter_turn(from: Ground, to: Ground) -> Vec<Ground> {
    (0..=8)
        .map(|i| {
            let (sin, cos) = (std::f32::consts::FRAC_PI_2 * i as f32 / 8.0).sin_cos();
            ground(from.x + (to.x - from.x) * sin, to.z + (from.z - to.z) * cos)
        })
        .collect()
}
