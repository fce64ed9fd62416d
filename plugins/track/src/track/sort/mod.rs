//! SORT: Bewley, Ge, Ott, Ramos, Upcroft, "Simple online and realtime tracking", ICIP 2016, with
//! the rules of the authors' implementation: they count looks, not seconds, and whoever is not
//! found on the next look is gone.
//!
//! Known differences: ids are given when a track is confirmed, and never twice; classes are kept
//! apart where that is asked for.

mod motion;
mod tracker;

pub use motion::Motion;
pub use tracker::{Model, SortBy};

use super::{Age, Rules};

/// The tracker.
pub type Sort = SortBy<Motion>;

/// The authors' defaults. SORT takes what is above its detector's threshold; this is the one it
/// is compared with in later papers.
pub(super) const RULES: Rules = Rules {
    high: 0.6,
    low: 0.6,
    new: 0.6,
    match_iou: 0.3,
    min_hits: 3,
    max_age: Age::Looks(1),
};
