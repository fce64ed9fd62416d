//! One track: its motion and its life.

use super::Config;
use crate::geometry::Rect;
use crate::kalman::{Kalman, frames_between};
use crate::tracker::{Detection, Time, TrackedObject};

/// Where a track is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not yet seen often enough to be believed; a miss ends it.
    Unconfirmed,
    /// Confirmed, and seen when it was last looked for.
    Active,
    /// Confirmed, and not found since a look at this time.
    Lost(Time),
}

/// A track.
#[derive(Debug, Clone)]
pub(super) struct Track {
    /// 0 while unconfirmed.
    pub id: u64,
    pub class: u32,
    pub score: f32,
    pub state: State,
    /// Detection of the frame in hand.
    pub detection: Option<usize>,
    /// Where it is thought to be on the frame in hand.
    pub bbox: Rect,
    pub first_seen: Time,
    pub last_seen: Time,
    /// Box of its last detection.
    last_box: Rect,
    hits: u32,
    /// Looks in a row that did not find it.
    misses: u32,
    kalman: Kalman,
    /// Time of the filter's state.
    at: Time,
}

impl Track {
    /// Starts an unconfirmed track.
    pub fn new(time: Time, index: usize, detection: &Detection) -> Self {
        Self {
            id: 0,
            class: detection.class,
            score: detection.score,
            state: State::Unconfirmed,
            detection: Some(index),
            bbox: detection.bbox,
            first_seen: time,
            last_seen: time,
            last_box: detection.bbox,
            hits: 1,
            misses: 0,
            kalman: Kalman::new(detection.bbox),
            at: time,
        }
    }

    pub fn is_confirmed(&self) -> bool {
        self.state != State::Unconfirmed
    }

    /// Moves on to a frame that was looked at.
    pub fn predict(&mut self, time: Time, config: &Config) {
        if matches!(self.state, State::Lost(_)) {
            self.kalman.stop_growth();
        }
        let until = time.min(self.last_seen.saturating_add(config.max_motion()));
        self.kalman.predict(frames_between(self.at, until));
        self.at = time;
        self.bbox = self.kalman.bbox();
        self.detection = None;
    }

    /// Takes a detection of the frame that it was moved on to.
    pub fn take(&mut self, index: usize, detection: &Detection) {
        self.kalman.update(detection.bbox);
        self.bbox = self.kalman.bbox();
        self.last_box = detection.bbox;
        self.class = detection.class;
        self.score = detection.score;
        self.detection = Some(index);
        self.last_seen = self.at;
        self.hits = self.hits.saturating_add(1);
        self.misses = 0;
        if self.is_confirmed() {
            self.state = State::Active;
        }
    }

    /// Confirms the track if it was seen often enough, drawing its id from `last_id`.
    pub fn confirm(&mut self, hits: u32, last_id: &mut u64) {
        if !self.is_confirmed() && self.hits >= hits {
            *last_id += 1;
            self.id = *last_id;
            self.state = State::Active;
        }
    }

    /// Was looked for on this frame and not found.
    pub fn miss(&mut self) {
        self.misses = self.misses.saturating_add(1);
        if self.state == State::Active {
            self.state = State::Lost(self.at);
        }
    }

    /// Whether a lost track has not been found for too long. One look alone does not end it,
    /// however far the next one is away: a detector may miss an object once.
    pub fn is_over(&self, time: Time, config: &Config) -> bool {
        let is_over = |since| time.saturating_sub(since) > config.max_lost;
        self.misses > 1 && matches!(self.state, State::Lost(since) if is_over(since))
    }

    /// How long it was seen.
    pub fn lifetime(&self) -> Time {
        self.last_seen - self.first_seen
    }

    /// Its last detection moved on at the learned velocity: nearer to where the next detection
    /// will be than the filtered box, whose size lags behind.
    pub fn coasted(&self, time: Time) -> TrackedObject {
        let frames = frames_between(self.last_seen, time);
        let (vx, vy) = self.kalman.velocity();
        let Rect { x, y, w, h } = self.last_box;
        TrackedObject {
            bbox: Rect::new(x + vx * frames, y + vy * frames, w, h),
            ..self.output()
        }
    }

    pub fn output(&self) -> TrackedObject {
        TrackedObject {
            id: self.id,
            class: self.class,
            score: self.score,
            bbox: self.bbox,
            detection: self.detection,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }

    pub fn rescale(&mut self, sx: f32, sy: f32) {
        self.kalman.rescale(sx, sy);
        self.bbox = self.bbox.scaled(sx, sy);
        self.last_box = self.last_box.scaled(sx, sy);
    }
}
