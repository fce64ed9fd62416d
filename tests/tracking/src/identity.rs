//! Identity: Ristani, Solera, Zou, Cucchiara, Tomasi, "Performance measures and a data set for
//! multi-target, multi-camera tracking", ECCV workshops 2016.

use super::matching::best_pairs;
use super::percent;
use super::prepare::{Prepared, SAME};
use std::ops::AddAssign;

/// Counts of boxes under the best one-to-one matching of identities over the whole sequence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identity {
    matched: f64,
    missed: f64,
    invented: f64,
}

impl Identity {
    pub(super) fn count(prepared: &Prepared) -> Self {
        let (truths, tracks) = (prepared.truth_lengths.len(), prepared.track_lengths.len());
        let mut together = vec![0.0; truths * tracks];
        for frame in &prepared.frames {
            for (i, &truth) in frame.truth.iter().enumerate() {
                for (j, &track) in frame.tracks.iter().enumerate() {
                    if frame.similarity(i, j) >= SAME {
                        together[truth * tracks + track] += 1.0;
                    }
                }
            }
        }
        // Fewest boxes wrong (missed plus invented) is most boxes right: their sum is constant.
        let together = |truth: usize, track: usize| together[truth * tracks + track];
        let pairs = best_pairs(truths, tracks, together);
        let matched: f64 = pairs
            .iter()
            .map(|&(truth, track)| together(truth, track))
            .sum();
        Self {
            matched,
            missed: prepared.truth_lengths.iter().sum::<f64>() - matched,
            invented: prepared.track_lengths.iter().sum::<f64>() - matched,
        }
    }

    /// Identification F1 (IDF1) in percent.
    pub fn idf1(&self) -> f64 {
        let boxes = 2.0 * self.matched + self.missed + self.invented;
        percent(2.0 * self.matched, boxes)
    }
}

impl AddAssign<&Self> for Identity {
    fn add_assign(&mut self, other: &Self) {
        self.matched += other.matched;
        self.missed += other.missed;
        self.invented += other.invented;
    }
}
