//! Our tracker: what works in the literature, in seconds instead of frames, with one setting for
//! crowds, vehicles and sports, high and low frame rates.
//!
//! | file | what |
//! |---|---|
//! | `tuning` | its constants |
//! | `similarity` | how alike two boxes are |
//! | `motion` | where an object will be, and how sure that is |
//! | `camera` | how the camera moved, from the tracks alone |
//! | `tracks` | all tracks, an array for each concern |
//! | `doubtful` | objects of which the detector is never sure |
//! | `tracker` | the steps of a frame |
//!
//! What is taken from where:
//!
//! * two associations, of high and of low scores, and similarity times score: ByteTrack (Zhang et
//!   al., ECCV 2022);
//! * the share of common height in the similarity (HMIoU) and the likeness of scores (TCM):
//!   Hybrid-SORT (Yang et al., AAAI 2024, §3.1 and §3.2);
//! * similarity to the last observation beside that to the prediction (OCR): OC-SORT (Cao et al.,
//!   CVPR 2023, §4.2);
//! * wider boxes where motion is erratic: C-BIoU (Yang et al., WACV 2023);
//! * no new track where one is seen already (TAI): TrackTrack (Shim et al., CVPR 2025);
//! * noise relative to the size of the box: DeepSORT (Wojke et al., ICIP 2017); noise of the
//!   measurement by score: StrongSORT (Du et al., TMM 2023, NSA);
//! * rather a track that was just seen than one that was lost: the matching cascade of DeepSORT
//!   (Wojke et al., ICIP 2017, §2.3), here a difference instead of an order;
//! * process noise by how much an object has surprised so far: innovation-based adaptive
//!   estimation (Mehra, "Approaches to adaptive filtering", IEEE TAC 1972).
//!
//! Time is in [nominal frames](FRAME_NS) of 1/30 s, whatever the frame rate. A skipped frame is no
//! miss, only time. Motion is extrapolated no longer than a lost track is kept: a parked car keeps
//! its id while nobody looks.

mod camera;
mod doubtful;
mod motion;
mod similarity;
mod tracker;
mod tracks;
mod tuning;

pub use tracker::Vigil;
pub use tuning::Tuning;

use super::{Age, Rules, Time};

/// Length of a nominal frame, the unit of time of the motion model, in nanoseconds: 1/30 s.
const FRAME_NS: f64 = 1e9 / 30.0;

/// From one time to a later one, in nominal frames; 0 where `to` is not later.
fn frames_between(from: Time, to: Time) -> f32 {
    (to.saturating_sub(from) as f64 / FRAME_NS) as f32
}

/// The defaults.
pub(super) const RULES: Rules = Rules {
    high: 0.54,
    low: 0.06,
    new: 0.68,
    match_iou: 0.08,
    min_hits: 2,
    max_age: Age::Time(2_200_000_000),
};
