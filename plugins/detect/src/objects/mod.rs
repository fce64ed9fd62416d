//! The second stage: a model that looks at the objects that others found on a frame.
//!
//! ```text
//!  streaming thread                 workers                    output thread, frames in order
//!  objects ──Planner──► Plan ──► a picture of each look ──► Answers ──Memory──► what is told
//! ```
//!
//! An object that has a track is not looked at on every frame. The [`Planner`] says when it is: when
//! it is new, when its last look is old, and when it has grown. The [`Memory`] keeps what was said of
//! it and tells it of every frame that shows the object. As frames leave in order, whatever is told of
//! a frame follows from the frames before it alone, however many are in flight.
//!
//! Both forget a track that has not been seen for a while, by the same rule and the same times.

mod memory;
mod planner;

pub use memory::{Memory, Told};
pub use planner::{Counts, Planner};

use crate::decode::{Details, Detection};
use crate::views::Part;
use std::collections::HashMap;

/// The most tracks that are remembered; of more, those are forgotten that were not seen for longest.
pub const MOST_TRACKS: usize = 4096;

/// Which objects are looked at, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectOptions {
    /// Labels of those objects; none for all. Case does not matter.
    pub classes: Vec<String>,
    /// Objects whose shorter side has fewer pixels are not looked at.
    pub min_size: u32,
    /// At most so many are looked at on a frame; 0 for any number.
    pub max_objects: usize,
    /// How long a look holds, in nanoseconds.
    pub interval: u64,
    /// For how long a track that is not seen is remembered, in nanoseconds.
    pub max_age: u64,
}

impl Default for ObjectOptions {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            min_size: 16,
            max_objects: 32,
            interval: 1_000_000_000,
            max_age: 5_000_000_000,
        }
    }
}

impl ObjectOptions {
    /// Whether objects of this label are looked at.
    fn wants(&self, label: &str) -> bool {
        let is_same = |class: &String| {
            class.eq_ignore_ascii_case(label)
                || !label.is_ascii() && class.to_lowercase() == label.to_lowercase()
        };
        self.classes.is_empty() || self.classes.iter().any(is_same)
    }
}

/// An object that somebody found on a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    /// What the frame's metadata call it.
    pub id: u32,
    /// Its class; empty where nobody says.
    pub label: &'a str,
    /// Left, top, right, bottom in pixels of the frame. It may be anything.
    pub xyxy: [f32; 4],
    /// Its identity, where a tracker gave one.
    pub track: Option<u64>,
    /// Whether its box is a prediction: such an object is not looked at.
    pub predicted: bool,
}

/// An object of a [`Plan`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned {
    /// As in [`Candidate`].
    pub id: u32,
    /// As in [`Candidate`].
    pub track: Option<u64>,
    /// Its box, clipped to the frame.
    pub xyxy: [f32; 4],
    /// The part of the frame that is looked at for it; `None` where it is not.
    pub look: Option<Part>,
}

/// What is to be done for the objects of a frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Which stretch of the stream the frame belongs to: tracks of another one are others.
    pub epoch: u64,
    /// The frame's time in nanoseconds, where it has one.
    pub time: Option<u64>,
    /// The objects that something may be told of.
    pub objects: Vec<Planned>,
}

impl Plan {
    /// The parts of the frame that are looked at, in the order of their objects.
    pub fn looks(&self) -> impl Iterator<Item = Part> + '_ {
        self.objects.iter().filter_map(|object| object.look)
    }

    /// Whether anything is looked at.
    pub fn has_looks(&self) -> bool {
        self.looks().next().is_some()
    }
}

/// What the model said of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// What it found inside, in pixels of the frame.
    pub detections: Vec<Detection>,
    /// What else it said of these, and classes of the object itself.
    pub details: Details,
}

impl Answer {
    /// Its detections, carried along with an object that was at `from` and is at `to` now. What
    /// does not reach into the frame, of this width and height, is left out.
    pub fn carried(
        &self,
        from: [f32; 4],
        to: [f32; 4],
        (width, height): (u32, u32),
    ) -> Vec<Detection> {
        let along = |value: f32, axis: usize, side: u32| {
            let length = (from[axis + 2] - from[axis]).max(f32::MIN_POSITIVE);
            let share = (value - from[axis]) / length;
            let value = to[axis] + share * (to[axis + 2] - to[axis]);
            value.clamp(0.0, side as f32)
        };
        let carry = |detection: &Detection| {
            let [x1, y1, x2, y2] = detection.xyxy;
            let xyxy = [
                along(x1, 0, width),
                along(y1, 1, height),
                along(x2, 0, width),
                along(y2, 1, height),
            ];
            let has_area = xyxy[0] < xyxy[2] && xyxy[1] < xyxy[3];
            has_area.then_some(Detection { xyxy, ..*detection })
        };
        self.detections.iter().filter_map(carry).collect()
    }
}

/// Forgets what was not `seen` for longer than `max_age` at `time`.
fn forget_old<T>(
    tracks: &mut HashMap<u64, T>,
    time: Option<u64>,
    max_age: u64,
    seen: impl Fn(&T) -> Option<u64>,
) {
    // Of what has no time nobody can tell.
    let Some(time) = time else {
        return;
    };
    tracks.retain(|_, track| seen(track).is_none_or(|seen| time.saturating_sub(seen) <= max_age));
}

/// Forgets those that go beyond [`MOST_TRACKS`].
fn forget_more<T>(tracks: &mut HashMap<u64, T>, seen: impl Fn(&T) -> Option<u64>) {
    while tracks.len() > MOST_TRACKS {
        // The track decides where times are equal, so that both forget the same one.
        let oldest = tracks.iter().min_by_key(|(id, track)| (seen(track), **id));
        let Some(oldest) = oldest.map(|(id, _)| *id) else {
            return;
        };
        tracks.remove(&oldest);
    }
}

#[cfg(test)]
mod tests;
