//! Trackers: what every one takes and gives, and which there are.
//!
//! | folder or file | what |
//! |---|---|
//! | `vigil` | ours, the default |
//! | `sort`, `bytetrack`, `ocsort` | published ones, exactly as their authors have them |
//! | `kalman` | one quantity and its velocity |
//! | `assignment` | which track takes which detection, at best |
//! | `cost` | how alike a track and a detection are, and which pairs can be alike at all |
//! | `lifecycle` | identities, and what every track knows of its own life |
//! | `config` | settings, and what each algorithm makes of those that are not given |

pub mod assignment;
pub mod bytetrack;
mod config;
mod cost;
mod kalman;
mod lifecycle;
pub mod ocsort;
pub mod sort;
pub mod vigil;

pub use config::{Age, Algorithm, Config, ConfigError, Rules};
pub use lifecycle::Ended;

use crate::geometry::Rect;

/// A position in the stream, in nanoseconds. It never goes back between two calls of a tracker;
/// [`Timeline`](crate::timeline::Timeline) makes it of presentation times.
pub type Time = u64;

/// What a detector found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where, in pixels.
    pub bbox: Rect,
    /// Score, 0..1.
    pub score: f32,
    /// Class, any numbering.
    pub class: u32,
}

impl Detection {
    /// Whether it can be tracked: the box is [sane](Rect::is_sane) and the score is a number.
    pub fn is_sane(&self) -> bool {
        self.bbox.is_sane() && !self.score.is_nan()
    }
}

/// A track on one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackedObject {
    /// Identity: counted from 1, never used again by the same tracker.
    pub id: u64,
    /// Class of its last detection.
    pub class: u32,
    /// Score of its last detection.
    pub score: f32,
    /// Where the motion model has it, in pixels: filtered if it was detected on this frame,
    /// predicted if it was coasted.
    pub bbox: Rect,
    /// Index, in the slice given to [`Tracker::update`], of the detection that it was given;
    /// `None` if it was coasted.
    pub detection: Option<usize>,
    /// Time of its first detection.
    pub first_seen: Time,
    /// Time of its last detection.
    pub last_seen: Time,
}

/// How many tracks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Confirmed and seen on the last frame that was looked at.
    pub active: usize,
    /// Confirmed, not seen on the last frame that was looked at, kept in case they come back.
    pub lost: usize,
    /// Confirmed since the tracker was made, that is, ids given.
    pub total: u64,
}

/// Gives identities to detections.
///
/// A tracker is told of every frame, in order: [`update`](Self::update) for one that a detector
/// looked at, whether it found something or not, and [`coast`](Self::coast) for one that it
/// skipped. The same calls give the same tracks, on any machine.
pub trait Tracker: Send {
    /// A frame that was looked at: what is not among `detections` was not seen. Fills `out`
    /// (cleared first) with the confirmed tracks that were given a detection, in order of id.
    ///
    /// A detection that cannot be tracked ([`Detection::is_sane`]) is passed over.
    fn update(&mut self, time: Time, detections: &[Detection], out: &mut Vec<TrackedObject>);

    /// A frame that was not looked at: nobody can say what was seen, so no track is missed.
    /// Fills `out` (cleared first) with where the active tracks are thought to be, in order of
    /// id. Leaves no trace in the tracker: the next update gives the same with or without it.
    fn coast(&self, time: Time, out: &mut Vec<TrackedObject>);

    /// Says where tracks are on the frame of the next [`update`](Self::update), which somebody
    /// saw by other means than a detector: in order of id; of a box its place counts, not its
    /// size. Trackers that are as published take no hints.
    fn hint(&mut self, _seen: &[TrackedObject]) {}

    /// Ends all tracks, as at a cut in the stream. Ids go on counting.
    fn end_all(&mut self);

    /// Takes the tracks that ended since the last call, each once, into `out` (cleared first).
    fn take_ended(&mut self, out: &mut Vec<Ended>);

    /// The frame size changed by these factors and shows the same scene: moves the tracks along.
    fn rescale(&mut self, sx: f32, sy: f32);

    /// Changes settings from the next frame on; tracks live on. The algorithm stays what it is.
    fn configure(&mut self, config: &Config);

    /// Ids are counted on from this one: what another tracker of the same stream gave before.
    fn continue_after(&mut self, id: u64);

    /// How many tracks there are.
    fn counts(&self) -> Counts;
}

#[cfg(test)]
mod tests;
