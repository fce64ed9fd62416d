//! ByteTrack: tracking by associating every detection box, also those of low score.
//!
//! Zhang, Sun, Jiang, Yu, Weng, Yuan, Luo, Liu, Wang, "ByteTrack: Multi-Object Tracking by
//! Associating Every Detection Box", ECCV 2022, algorithm 1; what the paper leaves open (score
//! fusion, unconfirmed tracks, duplicates) as in the authors' implementation, which counts looks,
//! not seconds.
//!
//! Known differences: ids are given when a track is confirmed, and never twice; classes are kept
//! apart where that is asked for.

mod motion;
mod tracker;

pub use tracker::ByteTrack;

use super::{Age, Rules};

/// The authors' defaults; in brackets their names.
pub(super) const RULES: Rules = Rules {
    // [track_thresh]
    high: 0.6,
    // [the literal 0.1]
    low: 0.1,
    // [det_thresh = track_thresh + 0.1]
    new: 0.7,
    // [1 - match_thresh]
    match_iou: 0.1,
    min_hits: 2,
    // [track_buffer = 30; what is given up still takes part in the next look]
    max_age: Age::Looks(31),
};

/// Least intersection over union in the second association, that of low scores [1 - 0.5].
const MATCH_LOW: f32 = 0.5;
/// Least intersection over union times score of an unconfirmed track [1 - 0.7].
const MATCH_NEW: f32 = 0.3;
/// Of two tracks, one of them lost, that overlap by more than this intersection over union, the
/// shorter-lived one is ended [1 - 0.15].
const DUPLICATE: f32 = 0.85;
