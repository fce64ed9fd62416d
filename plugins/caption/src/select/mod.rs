//! Which pictures a question shows: the best view of an object so far ([`Keeper`]), or what happened
//! lately ([`Window`]).
//!
//! Runs on the streaming thread; pictures are shared with whoever waits to show them.

mod keeper;
mod window;

use std::sync::Arc;
use vigil_analytics::{BBox, ObjectRecord};

use crate::picture::Picture;

pub use keeper::{Keeper, Sighting, View};
pub use window::Window;

/// Which frame something is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Counted from 0 since the stream began.
    pub number: u64,
    /// PTS in nanoseconds, where it has one.
    pub pts: Option<u64>,
    /// Time of the stream in nanoseconds, by which triggers measure.
    pub clock: u64,
}

/// A picture of a frame.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The picture.
    pub picture: Arc<Picture>,
    /// Its frame.
    pub stamp: Stamp,
}

/// An object as it was seen best.
#[derive(Debug, Clone)]
pub struct Shot {
    /// The object with some margin; `None` where it fills the frame, or crops are not wanted.
    pub crop: Option<Arc<Picture>>,
    /// The whole frame; `None` where it is not wanted.
    pub frame: Option<Arc<Picture>>,
    /// Where the object is in the frame, in fractions of it.
    pub part: BBox,
    /// The object on that frame.
    pub object: ObjectRecord,
    /// That frame.
    pub stamp: Stamp,
}
