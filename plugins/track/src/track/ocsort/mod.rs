//! OC-SORT: Cao, Pang, Weng, Khirodkar, Kitani, "Observation-Centric SORT: Rethinking SORT for
//! Robust Multi-Object Tracking", CVPR 2023, with the rules and constants of the authors'
//! implementation, which counts looks, not seconds.
//!
//! Known differences: ids are given when a track is confirmed, and never twice; classes are kept
//! apart where that is asked for; a pair of boxes that do not touch is never considered, not even
//! to be dropped afterwards.

mod observations;

pub use observations::Observed;

use super::sort::SortBy;
use super::{Age, Rules};

/// The tracker: SORT's steps, with objects followed by their observations.
pub type OcSort = SortBy<Observed>;

/// The authors' defaults; in brackets their names.
pub(super) const RULES: Rules = Rules {
    // [det_thresh]
    high: 0.6,
    low: 0.6,
    new: 0.6,
    // [iou_threshold]
    match_iou: 0.3,
    min_hits: 3,
    max_age: Age::Looks(30),
};

/// Weight of a consistent direction beside the intersection over union [inertia].
const INERTIA: f32 = 0.2;
