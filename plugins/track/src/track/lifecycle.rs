//! Identities, and what every track knows of its own life, whatever its algorithm.

use super::{Age, Counts, Detection, Time, TrackedObject};
use crate::geometry::Rect;

/// A track that was given up. It has been seen, and will not be again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Identity.
    pub id: u64,
    /// Time of its first detection.
    pub first_seen: Time,
    /// Time of its last detection.
    pub last_seen: Time,
}

/// Gives ids, and keeps a list of those whose tracks ended until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Register {
    last_id: u64,
    given: u64,
    ended: Vec<Ended>,
}

/// Ends that nobody asks for are forgotten beyond this number, oldest first.
const ENDED_LIMIT: usize = 4096;

impl Register {
    /// The next id. They stay below 2^53, so that JSON's numbers hold them, for as long as a
    /// machine can run: at a thousand ids a second for 285,000 years.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.given += 1;
        self.last_id
    }

    /// Counts on from `id`.
    pub fn continue_after(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }

    /// Notes the end of a track, if it ever had an id.
    pub fn end(&mut self, life: &Life) {
        if life.is_confirmed() {
            if self.ended.len() == ENDED_LIMIT {
                self.ended.remove(0);
            }
            self.ended.push(Ended {
                id: life.id,
                first_seen: life.first_seen,
                last_seen: life.last_seen,
            });
        }
    }

    /// Counts of tracks with these lives.
    pub fn counts<'a>(&self, lives: impl Iterator<Item = &'a Life>) -> Counts {
        let mut counts = Counts {
            total: self.given,
            ..Counts::default()
        };
        for life in lives {
            counts.active += usize::from(life.is_active());
            counts.lost += usize::from(life.is_lost());
        }
        counts
    }

    /// Moves what ended into `out` (cleared first), in order of id.
    pub fn take_ended(&mut self, out: &mut Vec<Ended>) {
        out.clear();
        out.append(&mut self.ended);
        out.sort_unstable_by_key(|ended| ended.id);
    }
}

/// What every track knows of its own life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Life {
    /// 0 while unconfirmed.
    pub id: u64,
    /// Class of its last detection.
    pub class: u32,
    /// Score of its last detection.
    pub score: f32,
    /// Detection of the look in hand.
    pub detection: Option<usize>,
    pub first_seen: Time,
    pub last_seen: Time,
    /// Looks that found it.
    pub hits: u32,
    /// Looks in a row that did not find it.
    pub misses: u32,
}

impl Life {
    /// Starts with a first detection, without an id.
    pub fn new(time: Time, index: usize, detection: &Detection) -> Self {
        Self {
            id: 0,
            class: detection.class,
            score: detection.score,
            detection: Some(index),
            first_seen: time,
            last_seen: time,
            hits: 1,
            misses: 0,
        }
    }

    pub fn is_confirmed(&self) -> bool {
        self.id != 0
    }

    /// Confirmed, and seen when it was last looked for.
    pub fn is_active(&self) -> bool {
        self.is_confirmed() && self.misses == 0
    }

    /// Confirmed, and not seen when it was last looked for.
    pub fn is_lost(&self) -> bool {
        self.is_confirmed() && self.misses > 0
    }

    /// Takes a detection of the look in hand.
    pub fn see(&mut self, time: Time, index: usize, detection: &Detection) {
        self.class = detection.class;
        self.score = detection.score;
        self.detection = Some(index);
        self.last_seen = time;
        self.hits = self.hits.saturating_add(1);
        self.misses = 0;
    }

    /// Gives it an id, unless it has one.
    pub fn confirm(&mut self, register: &mut Register) {
        if !self.is_confirmed() {
            self.id = register.next_id();
        }
    }

    /// Whether it has not been seen for too long.
    pub fn is_over(&self, time: Time, max_age: Age) -> bool {
        match max_age {
            Age::Looks(looks) => self.misses > looks,
            // One look alone does not end it, however far the next one is away: a detector may
            // miss an object once. A stream may have jumped back.
            Age::Time(age) => self.misses > 1 && time.abs_diff(self.last_seen) > age,
        }
    }

    /// Was looked for and not found.
    pub fn miss(&mut self) {
        self.misses = self.misses.saturating_add(1);
    }

    /// What the tracker says of it, with this box.
    pub fn output(&self, bbox: Rect) -> TrackedObject {
        TrackedObject {
            id: self.id,
            class: self.class,
            score: self.score,
            bbox,
            detection: self.detection,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }

    /// The same on a frame that nobody looked at.
    pub fn coasted(&self, bbox: Rect) -> TrackedObject {
        TrackedObject {
            detection: None,
            ..self.output(bbox)
        }
    }
}

/// The time between looks, for trackers that count looks: a skipped frame is a part of one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    last: Option<Time>,
    length: Time,
}

impl Step {
    /// A look at this time.
    pub fn advance(&mut self, time: Time) {
        if let Some(last) = self.last {
            self.length = time.saturating_sub(last);
        }
        self.last = Some(time);
    }

    /// From the last look to `time`, in looks; 0 while their distance is not known.
    pub fn looks_until(&self, time: Time) -> f32 {
        match self.last {
            Some(last) if self.length > 0 => {
                (time.saturating_sub(last) as f64 / self.length as f64) as f32
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_once_and_only_of_tracks_that_had_an_id() {
        let detection = Detection {
            bbox: Rect::new(0.0, 0.0, 10.0, 10.0),
            score: 0.9,
            class: 0,
        };
        let mut register = Register::default();
        let mut known = Life::new(1, 0, &detection);
        known.id = register.next_id();
        known.see(5, 0, &detection);
        register.end(&known);
        register.end(&Life::new(2, 0, &detection));
        let mut ended = Vec::new();
        register.take_ended(&mut ended);
        let expected = Ended {
            id: 1,
            first_seen: 1,
            last_seen: 5,
        };
        assert_eq!(ended, [expected]);
        register.take_ended(&mut ended);
        assert_eq!(ended, []);
    }

    #[test]
    fn ids_go_on_after_those_of_another_tracker() {
        let mut register = Register::default();
        register.continue_after(41);
        assert_eq!(register.next_id(), 42);
        assert_eq!(register.counts([].iter()).total, 1);
        register.continue_after(7);
        assert_eq!(register.next_id(), 43);
    }
}
