//! All tracks, an array for each concern: each step of a frame goes over what it needs only.

use super::motion::Motion;
use super::{Tuning, frames_between};
use crate::geometry::Rect;
use crate::track::lifecycle::{Life, Register};
use crate::track::{Detection, Time};

/// The tracks. All arrays have the same length.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    pub life: Vec<Life>,
    pub motion: Vec<Motion>,
    /// Where each is thought to be on the frame in hand.
    pub bbox: Vec<Rect>,
    /// Box of the last detection, moved along with the camera.
    pub last: Vec<Rect>,
    /// How far from its prediction each was found of late, relative to its height.
    pub surprise: Vec<f32>,
}

impl Tracks {
    pub fn len(&self) -> usize {
        self.life.len()
    }

    /// Starts a track, of which as much surprise is expected as of the others.
    pub fn start(&mut self, life: Life, detection: &Detection, surprise: f32, tuning: &Tuning) {
        self.life.push(life);
        self.motion.push(Motion::new(detection.bbox, tuning));
        self.bbox.push(detection.bbox);
        self.last.push(detection.bbox);
        self.surprise.push(surprise);
    }

    /// Takes over a track of `other`, which is left without it once it [ends](Self::end_where).
    pub fn take_over(&mut self, other: &Self, track: usize, life: Life) {
        self.life.push(life);
        self.motion.push(other.motion[track]);
        self.bbox.push(other.bbox[track]);
        self.last.push(other.last[track]);
        self.surprise.push(other.surprise[track]);
    }

    /// Moves all on from one look to the next. Nobody is moved further than `horizon` beyond the
    /// time it was last seen at.
    pub fn predict(&mut self, from: Time, to: Time, horizon: Time, tuning: &Tuning) {
        let whole = frames_between(from, to);
        // Costs more than all else of a track, and most are seen.
        let mut growth_kept = None;
        for (index, life) in self.life.iter_mut().enumerate() {
            life.detection = None;
            let until = life.last_seen.saturating_add(horizon);
            let step = if until >= to {
                whole
            } else {
                frames_between(from, until)
            };
            let motion = &mut self.motion[index];
            if life.misses > 0 {
                motion.slow_growth(
                    *growth_kept.get_or_insert_with(|| tuning.growth_kept.powf(whole)),
                );
            }
            motion.predict(step, self.surprise[index], tuning);
            self.bbox[index] = motion.bbox();
        }
    }

    /// Moves all along with the camera, which moved by `shift` pixels in `dt`.
    pub fn follow_camera(&mut self, shift: (f32, f32), dt: f32, tuning: &Tuning) {
        for motion in &mut self.motion {
            motion.shift(shift, tuning.camera_memory, dt);
        }
        for bbox in self.bbox.iter_mut().chain(&mut self.last) {
            bbox.x += shift.0;
            bbox.y += shift.1;
        }
    }

    /// A track takes a detection of the look in hand; gives how much of a surprise it was.
    pub fn see(
        &mut self,
        track: usize,
        time: Time,
        (index, detection): (usize, &Detection),
        tuning: &Tuning,
    ) -> f32 {
        let (x, y) = detection.bbox.center();
        let (predicted_x, predicted_y) = self.bbox[track].center();
        let (dx, dy) = (x - predicted_x, y - predicted_y);
        // Sane boxes are too small for the squares to overflow.
        let distance = (dx * dx + dy * dy).sqrt();
        let surprise = (distance / detection.bbox.h).min(1.0);
        let memory = &mut self.surprise[track];
        *memory += tuning.surprise_memory * (surprise - *memory);
        let motion = &mut self.motion[track];
        motion.update(detection.bbox, detection.score, tuning);
        self.bbox[track] = motion.bbox();
        self.last[track] = detection.bbox;
        self.life[track].see(time, index, detection);
        surprise
    }

    /// Ends the tracks for which `ends` holds; the others stay in order.
    pub fn end_where(&mut self, register: &mut Register, ends: impl Fn(&Life) -> bool) {
        let mut kept = 0;
        for index in 0..self.len() {
            if ends(&self.life[index]) {
                register.end(&self.life[index]);
                continue;
            }
            if kept < index {
                self.life[kept] = self.life[index];
                self.motion[kept] = self.motion[index];
                self.bbox[kept] = self.bbox[index];
                self.last[kept] = self.last[index];
                self.surprise[kept] = self.surprise[index];
            }
            kept += 1;
        }
        self.life.truncate(kept);
        self.motion.truncate(kept);
        self.bbox.truncate(kept);
        self.last.truncate(kept);
        self.surprise.truncate(kept);
    }

    /// Multiplies the axes of the image.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        for motion in &mut self.motion {
            motion.rescale(sx, sy);
        }
        for bbox in self.bbox.iter_mut().chain(&mut self.last) {
            *bbox = bbox.scaled(sx, sy);
        }
    }
}
