//! HOTA: Luiten, Osep, Dendorfer, Torr, Geiger, Leal-Taixé, Leibe, "HOTA: A Higher Order Metric
//! for Evaluating Multi-Object Tracking", IJCV 2020.

use super::matching::best_pairs;
use super::percent;
use super::prepare::Prepared;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Localisation thresholds α: 0.05, 0.10 … 0.95.
const ALPHAS: usize = 19;

fn alpha(index: usize) -> f64 {
    0.05 * (index + 1) as f64
}

/// Counts at each localisation threshold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hota {
    matched: [f64; ALPHAS],
    missed: [f64; ALPHAS],
    invented: [f64; ALPHAS],
    /// Sum of A(c), equation 8, over the matched.
    association: [f64; ALPHAS],
}

impl Hota {
    pub(super) fn count(prepared: &Prepared) -> Self {
        let alignment = Alignment::new(prepared);
        let mut this = Self::default();
        // By α: on how many frames each pair of identities was matched. In order, so that sums of
        // them are the same on each run to the last digit.
        let mut together = vec![BTreeMap::<(usize, usize), f64>::new(); ALPHAS];
        for frame in &prepared.frames {
            let mut matched = [0.0; ALPHAS];
            let gain = |i: usize, j: usize| {
                alignment.of(frame.truth[i], frame.tracks[j]) * frame.similarity(i, j)
            };
            for (i, j) in best_pairs(frame.truth.len(), frame.tracks.len(), gain) {
                let similarity = frame.similarity(i, j);
                for a in (0..ALPHAS).take_while(|&a| similarity >= alpha(a) - f64::EPSILON) {
                    matched[a] += 1.0;
                    let pair = (frame.truth[i], frame.tracks[j]);
                    *together[a].entry(pair).or_default() += 1.0;
                }
            }
            for (a, matched) in matched.into_iter().enumerate() {
                this.matched[a] += matched;
                this.missed[a] += frame.truth.len() as f64 - matched;
                this.invented[a] += frame.tracks.len() as f64 - matched;
            }
        }
        for (a, pairs) in together.iter().enumerate() {
            let mut sum = 0.0;
            for (&(truth, track), &n) in pairs {
                let union = prepared.truth_lengths[truth] + prepared.track_lengths[track] - n;
                sum += n * n / union.max(1.0);
            }
            this.association[a] = sum;
        }
        this
    }

    /// HOTA in percent: over all α, the mean of the geometric means of detection and association
    /// accuracy.
    pub fn hota(&self) -> f64 {
        self.mean(|a| (self.detection_at(a) * self.association_at(a)).sqrt())
    }

    /// Detection accuracy (DetA) in percent.
    pub fn deta(&self) -> f64 {
        self.mean(|a| self.detection_at(a))
    }

    /// Association accuracy (AssA) in percent.
    pub fn assa(&self) -> f64 {
        self.mean(|a| self.association_at(a))
    }

    fn mean(&self, at: impl Fn(usize) -> f64) -> f64 {
        (0..ALPHAS).map(at).sum::<f64>() / ALPHAS as f64
    }

    fn detection_at(&self, a: usize) -> f64 {
        percent(
            self.matched[a],
            self.matched[a] + self.missed[a] + self.invented[a],
        )
    }

    fn association_at(&self, a: usize) -> f64 {
        percent(self.association[a], self.matched[a])
    }
}

impl AddAssign<&Self> for Hota {
    fn add_assign(&mut self, other: &Self) {
        for a in 0..ALPHAS {
            self.matched[a] += other.matched[a];
            self.missed[a] += other.missed[a];
            self.invented[a] += other.invented[a];
            self.association[a] += other.association[a];
        }
    }
}

/// How well identities go together over the whole sequence: guides the matching of each frame
/// (§5.3 of the paper).
struct Alignment {
    tracks: usize,
    scores: Vec<f64>,
}

impl Alignment {
    fn new(prepared: &Prepared) -> Self {
        let tracks = prepared.track_lengths.len();
        let mut scores = vec![0.0; prepared.truth_lengths.len() * tracks];
        for frame in &prepared.frames {
            let (rows, cols) = (frame.truth.len(), frame.tracks.len());
            let of_row: Vec<f64> = (0..rows)
                .map(|i| (0..cols).map(|j| frame.similarity(i, j)).sum())
                .collect();
            let of_col: Vec<f64> = (0..cols)
                .map(|j| (0..rows).map(|i| frame.similarity(i, j)).sum())
                .collect();
            for i in 0..rows {
                for j in 0..cols {
                    let similarity = frame.similarity(i, j);
                    let union = of_row[i] + of_col[j] - similarity;
                    if union > f64::EPSILON {
                        scores[frame.truth[i] * tracks + frame.tracks[j]] += similarity / union;
                    }
                }
            }
        }
        for (i, truth_length) in prepared.truth_lengths.iter().enumerate() {
            for (j, track_length) in prepared.track_lengths.iter().enumerate() {
                let score = &mut scores[i * tracks + j];
                *score /= truth_length + track_length - *score;
            }
        }
        Self { tracks, scores }
    }

    fn of(&self, truth: usize, track: usize) -> f64 {
        self.scores[truth * self.tracks + track]
    }
}
