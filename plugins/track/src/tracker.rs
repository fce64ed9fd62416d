//! What every tracker takes and gives, whatever its algorithm.

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
/// skipped. The same calls give the same tracks, on any machine. Once its buffers have grown to
/// the largest scene, a tracker allocates nothing.
pub trait Tracker: Send {
    /// A frame that was looked at: what is not among `detections` was not seen. Fills `out`
    /// (cleared first) with the confirmed tracks that were given a detection, in order of id.
    ///
    /// A detection with a box that cannot be tracked ([`Rect::is_sane`]) or a score that is no
    /// number is passed over.
    fn update(&mut self, time: Time, detections: &[Detection], out: &mut Vec<TrackedObject>);

    /// A frame that was not looked at: nobody can say what was seen, so no track is missed.
    /// Fills `out` (cleared first) with where the active tracks are thought to be, in order of
    /// id. Leaves no trace in the tracker: the next update gives the same with or without it.
    fn coast(&self, time: Time, out: &mut Vec<TrackedObject>);

    /// Ends all tracks, as at a cut in the stream. Ids go on counting.
    fn end_all(&mut self);

    /// The frame size changed by these factors and shows the same scene: moves the tracks along.
    fn rescale(&mut self, sx: f32, sy: f32);

    /// How many tracks there are.
    fn counts(&self) -> Counts;
}
