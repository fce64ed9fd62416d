//! Synthetic scenes for tests and benchmarks: objects that walk across a frame and bounce off its
//! edges, with a detector's noise.

use crate::geometry::Rect;
use crate::track::{Detection, Tracker};
use std::time::{Duration, Instant};

/// Size of the frame of a scene.
const WIDTH: f32 = 1920.0;
const HEIGHT: f32 = 1080.0;
/// Share of objects that a detector misses, and that it sees with a low score.
const MISSED: f32 = 0.05;
const UNSURE: f32 = 0.15;

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
/// a few lines that give the same scene everywhere.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    /// Uniform in 0..1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.next()
    }
}

/// A scene of a fixed number of objects.
#[derive(Debug, Clone)]
pub struct Scene {
    random: Random,
    /// Box and velocity in pixels a frame.
    objects: Vec<(Rect, f32, f32)>,
}

impl Scene {
    /// A scene of so many objects; the same seed gives the same scene.
    pub fn new(objects: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let objects = (0..objects)
            .map(|_| {
                let h = random.between(40.0, 160.0);
                let (x, y) = (random.next() * (WIDTH - h), random.next() * (HEIGHT - h));
                let (vx, vy) = (random.between(-3.0, 3.0), random.between(-1.0, 1.0));
                (Rect::new(x, y, h * 0.4, h), vx, vy)
            })
            .collect();
        Self { random, objects }
    }

    /// Moves on by a frame and fills `out` (cleared first) with what a detector finds.
    pub fn next_frame(&mut self, out: &mut Vec<Detection>) {
        out.clear();
        for (bbox, vx, vy) in &mut self.objects {
            bbox.x += *vx;
            bbox.y += *vy;
            if bbox.x < 0.0 || bbox.right() > WIDTH {
                *vx = -*vx;
            }
            if bbox.y < 0.0 || bbox.bottom() > HEIGHT {
                *vy = -*vy;
            }
            let noise = 0.02 * bbox.h;
            let luck = self.random.next();
            if luck < MISSED {
                continue;
            }
            let unsure = luck < MISSED + UNSURE;
            let (from, to) = if unsure { (0.15, 0.5) } else { (0.75, 0.95) };
            out.push(Detection {
                bbox: Rect {
                    x: bbox.x + self.random.between(-noise, noise),
                    y: bbox.y + self.random.between(-noise, noise),
                    ..*bbox
                },
                score: self.random.between(from, to),
                class: 0,
            });
        }
    }
}

/// Mean time that `tracker` takes for a frame of a scene of so many objects at 30 frames a second,
/// after a warm-up of 30 frames. Making the scene is not counted.
pub fn time_per_frame(tracker: &mut dyn Tracker, objects: usize, frames: u32) -> Duration {
    const WARM_UP: u32 = 30;
    let mut scene = Scene::new(objects, 1);
    let mut next = || {
        let mut detections = Vec::new();
        scene.next_frame(&mut detections);
        detections
    };
    let looks: Vec<_> = (0..WARM_UP + frames).map(|_| next()).collect();
    let (mut out, mut started) = (Vec::new(), Instant::now());
    // The clock is read once: with few objects it would cost a part of what it measures.
    for (number, detections) in (0..).zip(&looks) {
        if number == WARM_UP {
            started = Instant::now();
        }
        let time = u64::from(number) * 1_000_000_000 / 30;
        tracker.update(time, detections, &mut out);
    }
    started.elapsed() / frames.max(1)
}
