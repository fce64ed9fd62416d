//! ByteTrack: tracking by associating every detection box, also those of low score.
//!
//! Zhang, Sun, Jiang, Yu, Weng, Yuan, Luo, Liu, Wang, "ByteTrack: Multi-Object Tracking by
//! Associating Every Detection Box", ECCV 2022, algorithm 1; details that the paper leaves open
//! (score fusion, unconfirmed tracks, duplicates) as in the authors' implementation.
//!
//! | file | what |
//! |---|---|
//! | `config` | thresholds, with their names in the paper |
//! | `track` | one track: its motion and its life |
//! | `association` | which track takes which detection, by intersection over union |
//! | `tracker` | the steps of a frame |
//!
//! What differs from the authors' implementation, and why:
//!
//! * Time is in seconds, not in frames: the motion model takes the time that passed
//!   ([`kalman`](crate::kalman)), and a lost track is kept for so many milliseconds. So a stream
//!   of another or varying rate is tracked alike.
//! * A frame that was not looked at is no miss, however long it lasts: the time for which a lost
//!   track is kept starts at the first frame on which it was looked for and not found.
//! * The motion of a track that nobody looks at is extrapolated no longer than a lost one is kept;
//!   then it stays where it is. A parked car keeps its id while nobody looks.
//! * Only detections of a track's own class are associated with it (can be switched off).
//! * A track is given its id when it is confirmed, not for every first detection, so ids have no
//!   holes.
//! * Identities are given to the detections themselves; the filtered box is there as well.

mod association;
mod config;
mod track;
mod tracker;

pub use config::{Config, ConfigError};
pub use tracker::ByteTrack;

#[cfg(test)]
mod tests;
