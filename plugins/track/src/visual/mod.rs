//! Where objects are on frames that no detector looked at, by what they look like: a correlation
//! filter for each track, the idea of MOSSE (Bolme et al., CVPR 2010) and of the trackers after it.
//!
//! | file | what |
//! |---|---|
//! | `tuning` | its constants |
//! | `fft` | the Fourier transform of a patch |
//! | `patch` | a part of a frame as a patch of 32×32 numbers |
//! | `filter` | learns a patch, and finds it again |
//! | `follow` | who is looked for on which frame, and how far what was found is believed |
//!
//! A motion model knows what an object did until it was last detected, this what it did since
//! then: it starts, stops, turns, or the camera does. A track is learned on each look that detects
//! it, looked for around its prediction on each skipped frame, and once more on the next look,
//! before detections are associated: there the tracker takes what was seen as a
//! [hint](crate::track::Tracker::hint).

mod fft;
mod filter;
mod follow;
mod patch;
mod tuning;

pub use follow::{Counts, Follower};
pub use tuning::Tuning;
