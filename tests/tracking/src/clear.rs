//! CLEAR: Bernardin, Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT
//! metrics", EURASIP Journal on Image and Video Processing 2008.

use super::matching::best_pairs;
use super::percent;
use super::prepare::{Prepared, SAME};
use std::ops::AddAssign;

/// Worth more than any similarity: a pair of the frame before is kept while it is similar enough.
const KEPT: f64 = 1000.0;

/// Counts of detections and of changes of identity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clear {
    matched: f64,
    missed: f64,
    invented: f64,
    switches: f64,
}

impl Clear {
    pub(super) fn count(prepared: &Prepared) -> Self {
        let mut this = Self::default();
        let mut last_track = vec![None; prepared.truth_lengths.len()];
        let mut track_before = last_track.clone();
        for frame in &prepared.frames {
            let (truths, tracks) = (frame.truth.len() as f64, frame.tracks.len() as f64);
            let gain = |i: usize, j: usize| match frame.similarity(i, j) {
                similarity if similarity < SAME - f64::EPSILON => 0.0,
                similarity if track_before[frame.truth[i]] == Some(frame.tracks[j]) => {
                    similarity + KEPT
                }
                similarity => similarity,
            };
            let pairs = best_pairs(frame.truth.len(), frame.tracks.len(), gain);
            // A frame without tracks or truth does not end a pair.
            if truths > 0.0 && tracks > 0.0 {
                track_before.fill(None);
            }
            for &(i, j) in &pairs {
                let (truth, track) = (frame.truth[i], Some(frame.tracks[j]));
                if last_track[truth].is_some() && last_track[truth] != track {
                    this.switches += 1.0;
                }
                last_track[truth] = track;
                track_before[truth] = track;
            }
            let matched = pairs.len() as f64;
            this.matched += matched;
            this.missed += truths - matched;
            this.invented += tracks - matched;
        }
        this
    }

    /// Multi-object tracking accuracy (MOTA) in percent; negative where more is wrong than right.
    pub fn mota(&self) -> f64 {
        let right = self.matched - self.invented - self.switches;
        percent(right, self.matched + self.missed)
    }

    /// Share of the tracked boxes that are a true object, in percent.
    pub fn precision(&self) -> f64 {
        percent(self.matched, self.matched + self.invented)
    }

    /// Share of the true objects that were tracked, in percent.
    pub fn recall(&self) -> f64 {
        percent(self.matched, self.matched + self.missed)
    }

    /// How often an object changed its identity.
    pub fn switches(&self) -> u64 {
        self.switches as u64
    }
}

impl AddAssign<&Self> for Clear {
    fn add_assign(&mut self, other: &Self) {
        self.matched += other.matched;
        self.missed += other.missed;
        self.invented += other.invented;
        self.switches += other.switches;
    }
}
