//! Who is in the scene at a time.
//!
//! A scene has a fixed number of slots. In each slot one life follows the other: somebody comes
//! into the picture, goes about, leaves; then comes the next. All lives of a slot last equally
//! long, so that what is there at any time is found at once, without the time before it: a seek
//! to the third hour costs what the next frame costs.

use super::figure::Figure;
use super::layout::Layout;
use super::path::{Path, Pose, Waypoint};
use super::random::Random;
use super::vector::{Ground, ground};
use super::{Class, SceneOptions};

/// Something that is in the scene at a time.
#[derive(Debug, Clone, Copy)]
pub struct Actor {
    /// Unique in the stream, from 1; 0 for what is no object.
    pub id: u64,
    /// How it looks.
    pub figure: Figure,
    /// Where it is and how it moves.
    pub pose: Pose,
    /// Since when it is in the scene, in seconds, from 0.
    pub since: f64,
}

/// One after the other in one place of the scene.
#[derive(Debug, Clone)]
struct Slot {
    class: Class,
    /// Of looks; those of ways are shared in a group.
    seed: u64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// On foot: lives of `period` seconds, the first of which began `phase` seconds ago. Who walks
    /// with others takes their ways, this far apart from them.
    Walks {
        ways: u64,
        period: f64,
        phase: f64,
        apart: Ground,
    },
    /// In a lane, this share of its way behind the first one.
    Drives { lane: usize, share: f64 },
}

/// All slots of a scene.
pub struct Population {
    layout: Layout,
    lanes: Vec<Traffic>,
    slots: Vec<Slot>,
    speed: f64,
    lit: bool,
}

/// The way of a lane with times.
struct Traffic {
    path: Path,
    period: f64,
    stops: bool,
}

/// A traffic light stops a lane once in this time, in seconds.
const STOP_PERIOD: f64 = 26.0;
/// For so long, and so slowly does it come to a stop and set off.
const STOP_FOR: f64 = 2.5;
const STOP_RAMP: f64 = 2.0;
/// Usual speed on foot, in metres a second.
const WALKING: f64 = 1.25;
/// Room for a vehicle in a lane, in metres.
const HEADWAY: (f32, f32) = (11.0, 4.0);

impl Population {
    /// The slots of a scene.
    pub fn new(options: &SceneOptions, layout: Layout) -> Self {
        let lanes = layout.lanes.iter().map(|lane| {
            let way: Vec<_> = lane
                .way
                .iter()
                .map(|&at| Waypoint { at, pause: 0.0 })
                .collect();
            let period = f64::from(length(&way) / lane.speed);
            Traffic {
                path: Path::lasting(&way, period),
                period,
                stops: lane.stops,
            }
        });
        let mut this = Self {
            lanes: lanes.collect(),
            layout,
            slots: Vec::new(),
            speed: options.speed,
            lit: options.light < 0.4,
        };
        this.fill(options);
        this
    }

    fn fill(&mut self, options: &SceneOptions) {
        let mut left = options.objects as usize;
        let mut in_lane = vec![0usize; self.lanes.len()];
        let mut index = 0;
        while left > 0 {
            let seed = options.seed.wrapping_mul(1009).wrapping_add(index);
            index += 1;
            let mut random = Random::of(&[seed, 0x510f]);
            let mut class = self.choose(&mut random);
            let mut kind = None;
            if matches!(class, Class::Car | Class::Truck | Class::Bicycle) {
                kind = self.take_lane(class, &mut in_lane, &mut random);
                if kind.is_none() || (class == Class::Bicycle && left < 2) {
                    class = Class::Person;
                    kind = None;
                }
            }
            let kind = kind.unwrap_or_else(|| self.take_walk(seed, class, &mut random));
            left -= if class == Class::Bicycle { 2 } else { 1 };
            self.slots.push(Slot { class, seed, kind });
        }
        self.spread_traffic(&in_lane);
    }

    fn choose(&self, random: &mut Random) -> Class {
        let total: f32 = self.layout.mix.iter().map(|(_, share)| share).sum();
        let mut at = random.range(0.0, total);
        for &(class, share) in self.layout.mix {
            if at < share {
                return class;
            }
            at -= share;
        }
        Class::Person
    }

    /// Room in a lane, if there is any; its place is given by [`spread_traffic`](Self::spread_traffic).
    fn take_lane(&self, class: Class, in_lane: &mut [usize], random: &mut Random) -> Option<Kind> {
        let bicycle = class == Class::Bicycle;
        let room = |index: &usize| {
            let lane = &self.layout.lanes[*index];
            let headway = if bicycle { HEADWAY.1 } else { HEADWAY.0 };
            let length = lane.speed * self.lanes[*index].period as f32;
            lane.bicycles == bicycle && (in_lane[*index] + 1) as f32 * headway <= length
        };
        let free: Vec<_> = (0..in_lane.len()).filter(room).collect();
        let lane = *free.get((random.next() >> 32) as usize % free.len().max(1))?;
        in_lane[lane] += 1;
        Some(Kind::Drives { lane, share: 0.0 })
    }

    /// Distances in a lane: even, but for a little chance.
    fn spread_traffic(&mut self, in_lane: &[usize]) {
        let mut placed = vec![0usize; in_lane.len()];
        for slot in &mut self.slots {
            if let Kind::Drives { lane, share } = &mut slot.kind {
                let chance = Random::of(&[slot.seed, 0x5a4e]).range(0.0, 0.25);
                *share = (placed[*lane] as f64 + f64::from(chance)) / in_lane[*lane] as f64;
                placed[*lane] += 1;
            }
        }
    }

    fn take_walk(&self, seed: u64, class: Class, random: &mut Random) -> Kind {
        // Some walk with whoever came before them.
        let joins = if class == Class::Dog { 0.6 } else { 0.3 };
        if random.chance(joins)
            && let Some(Slot {
                class: Class::Person,
                kind:
                    Kind::Walks {
                        ways,
                        period,
                        phase,
                        apart,
                    },
                ..
            }) = self.slots.last()
            && apart.length() < 2.0
        {
            // Staggered: who is seen from the side is not quite hidden by who is beside.
            let aside = random.range(0.95, 1.4) * if apart.x < 0.0 { -1.0 } else { 1.0 };
            let behind = random.range(0.3, 0.8) * if random.chance(0.5) { 1.0 } else { -1.0 };
            return Kind::Walks {
                ways: *ways,
                period: *period,
                phase: *phase,
                apart: *apart + ground(aside, behind),
            };
        }
        // What ways of this slot usually take.
        let usual: f64 = (0..4)
            .map(|life| {
                let way = self.way(seed, life);
                let pauses: f64 = way.iter().map(|point| point.pause).sum();
                f64::from(length(&way)) / WALKING + pauses
            })
            .sum::<f64>()
            / 4.0;
        let period = usual * f64::from(random.range(0.9, 1.2));
        Kind::Walks {
            ways: seed,
            period,
            phase: period * f64::from(random.unit()),
            apart: ground(0.0, 0.0),
        }
    }

    fn way(&self, seed: u64, life: i64) -> Vec<Waypoint> {
        let mut habit = Random::of(&[seed, 0x4ab1]);
        self.layout
            .walk(&mut habit, &mut Random::of(&[seed, 0x3a1, life as u64]))
    }

    /// Adds who is there at `time` to `actors`.
    pub fn at(&self, time: f64, actors: &mut Vec<Actor>) {
        let time = time * self.speed;
        for (index, slot) in self.slots.iter().enumerate() {
            let (life, pose, since) = match &slot.kind {
                Kind::Walks {
                    ways,
                    period,
                    phase,
                    apart,
                } => {
                    let life = ((time + phase) / period).floor();
                    let start = life * period - phase;
                    let way = self.layout.beside(self.way(*ways, life as i64), *apart);
                    let path = Path::lasting(&way, *period);
                    (life as i64, path.at(time - start), start)
                }
                Kind::Drives { lane, share } => {
                    let traffic = &self.lanes[*lane];
                    let clock = |time| if traffic.stops { stopping(time) } else { time };
                    let offset = share * traffic.period;
                    let now = clock(time) + offset;
                    let life = (now / traffic.period).floor();
                    let mut pose = traffic.path.at(now - life * traffic.period);
                    let ahead = clock(time + 0.05) - clock(time - 0.05);
                    pose.speed *= (ahead / 0.1) as f32;
                    let start = inverse(clock, life * traffic.period - offset, time);
                    (life as i64, pose, start)
                }
            };
            let since = if self.speed > 0.0 {
                (since / self.speed).max(0.0)
            } else {
                0.0
            };
            self.add(actors, (index, slot), life, pose, since);
        }
    }

    fn add(
        &self,
        actors: &mut Vec<Actor>,
        (index, slot): (usize, &Slot),
        life: i64,
        pose: Pose,
        since: f64,
    ) {
        let mut random = Random::of(&[slot.seed, 0x100c, life as u64]);
        let figure = Figure::new(slot.class, self.lit, &mut random);
        // The lives at time 0 are number 0; two ids for each life, for a bicycle and who rides it.
        let number = life.max(0) as u64 * self.slots.len() as u64 + index as u64;
        let actor = Actor {
            id: 2 * number + 1,
            figure,
            pose,
            since,
        };
        actors.push(actor);
        if slot.class == Class::Bicycle {
            actors.push(Actor {
                id: 2 * number + 2,
                figure: Figure::rider(&mut random),
                ..actor
            });
        }
    }

    /// The place.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

fn length(way: &[Waypoint]) -> f32 {
    way.iter()
        .zip(way.iter().skip(1))
        .map(|(a, b)| (b.at - a.at).length())
        .sum()
}

/// The clock of a lane that stops once in each [`STOP_PERIOD`].
fn stopping(time: f64) -> f64 {
    let whole = STOP_FOR + 2.0 * STOP_RAMP;
    let lost_in_all = STOP_FOR + STOP_RAMP;
    let period = (time / STOP_PERIOD).floor();
    // The stop is in the middle of the period.
    let within = time - period * STOP_PERIOD - (STOP_PERIOD - whole) / 2.0;
    // Integral of how much slower it is: up along half a cosine, constant, down again.
    let ramp = |x: f64| {
        let x = x.clamp(0.0, STOP_RAMP);
        x / 2.0 - STOP_RAMP / std::f64::consts::TAU * (std::f64::consts::PI * x / STOP_RAMP).sin()
    };
    let down = ramp(within);
    let still = (within - STOP_RAMP).clamp(0.0, STOP_FOR);
    let up =
        ramp(STOP_RAMP) - ramp(STOP_RAMP - (within - STOP_RAMP - STOP_FOR).clamp(0.0, STOP_RAMP));
    time - period * lost_in_all - down - still - up
}

/// The time, up to `latest`, at which the `clock` shows `shown`.
fn inverse(clock: impl Fn(f64) -> f64, shown: f64, latest: f64) -> f64 {
    if shown <= 0.0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, latest);
    for _ in 0..48 {
        let middle = (low + high) / 2.0;
        if clock(middle) < shown {
            low = middle
        } else {
            high = middle
        }
    }
    high
}

/// What a script says that is there, in the place that the camera of `layout` sees.
pub fn scripted(
    script: &super::script::Script,
    layout: &Layout,
    size: (u32, u32),
    seed: u64,
    lit: bool,
) -> Vec<Scripted> {
    let camera = layout.camera();
    let on_ground = |point: &super::script::Point| {
        camera.ground_at(
            point.x as f32 * size.0 as f32,
            point.y as f32 * size.1 as f32,
        )
    };
    let actor = |(index, object): (usize, &super::script::ScriptObject)| {
        let mut random = Random::of(&[seed, 0x5c21, index as u64]);
        let figure = Figure::new(object.class, lit, &mut random);
        let rider = (object.class == Class::Bicycle).then(|| Figure::rider(&mut random));
        // Straight lines of the picture are straight on the ground, but not at one speed: short
        // pieces keep the error below a thousandth of the picture.
        let pieces = |(a, b): (&super::script::Point, &super::script::Point)| {
            let (a, b) = (*a, *b);
            let at = move |share: f64| super::script::Point {
                time: a.time + (b.time - a.time) * share,
                x: a.x + (b.x - a.x) * share,
                y: a.y + (b.y - a.y) * share,
            };
            (0..PIECES).map(move |i| {
                (
                    at(i as f64 / PIECES as f64),
                    at((i + 1) as f64 / PIECES as f64),
                )
            })
        };
        let legs = object
            .points
            .iter()
            .zip(object.points.iter().skip(1))
            .flat_map(pieces);
        let mut path =
            Path::through(legs.map(|(a, b)| (a.time, b.time, on_ground(&a), on_ground(&b))));
        let only = object.points.first().copied();
        if let (1, Some(point)) = (object.points.len(), only) {
            path = Path::through(std::iter::once((
                point.time,
                point.time,
                on_ground(&point),
                on_ground(&point),
            )));
        }
        let end = if object.points.len() > 1 {
            object.points.last().map(|point| point.time)
        } else {
            None
        };
        Scripted {
            id: 2 * index as u64 + 1,
            figure,
            rider,
            path,
            start: only.map_or(0.0, |point| point.time),
            end,
        }
    };
    script.objects.iter().enumerate().map(actor).collect()
}

/// Pieces of a straight line in the picture.
const PIECES: usize = 24;

/// An object of a script.
pub struct Scripted {
    id: u64,
    figure: Figure,
    rider: Option<Figure>,
    path: Path,
    start: f64,
    /// `None` for what stays.
    end: Option<f64>,
}

impl Scripted {
    /// Adds it to `actors`, and who rides it, if it is there at `time`.
    pub fn at(&self, time: f64, actors: &mut Vec<Actor>) {
        if time < self.start || self.end.is_some_and(|end| time > end) {
            return;
        }
        let actor = Actor {
            id: self.id,
            figure: self.figure,
            pose: self.path.at(time),
            since: self.start.max(0.0),
        };
        actors.push(actor);
        if let Some(figure) = self.rider {
            actors.push(Actor {
                id: self.id + 1,
                figure,
                ..actor
            });
        }
    }
}

/// The poles of a place.
pub fn poles(layout: &Layout) -> impl Iterator<Item = Actor> {
    layout.poles.iter().map(|&(at, radius, height)| {
        let pose = Pose {
            at,
            heading: ground(1.0, 0.0),
            speed: 0.0,
            travelled: 0.0,
        };
        Actor {
            id: 0,
            figure: Figure::Pole(radius, height),
            pose,
            since: 0.0,
        }
    })
}

/// Where `actor` comes in the painting order: the farthest first, a rider after the bicycle.
pub fn painting_order(actor: &Actor) -> f32 {
    let nearer = if matches!(actor.figure, Figure::Rider(_)) {
        0.05
    } else {
        0.0
    };
    let Ground { z, .. } = actor.pose.at;
    nearer - z
}
