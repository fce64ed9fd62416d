//! What of a sequence counts, with dense identities and similarities.
//!
//! MOTChallenge's rules (Dendorfer et al., "MOTChallenge: A benchmark for single-camera multiple
//! target tracking", IJCV 2021, §4.1): a tracked box that matches a distractor (a person on a
//! bicycle, a mannequin, a reflection) is neither right nor wrong, and ground truth that is not
//! evaluated is left out.

use super::matching::best_pairs;
use super::mot::Truth;
use gstvigiltrack::geometry::Rect;
use std::collections::HashMap;

/// Boxes this similar are the same thing to CLEAR, Identity and the search for distractors.
pub(super) const SAME: f64 = 0.5;

/// What a tracker said of one object on one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hypothesis {
    /// Identity.
    pub id: u64,
    /// Where.
    pub bbox: Rect,
}

/// One frame: indices of the true objects and of the tracks on it, and how similar they are.
pub(super) struct Frame {
    pub truth: Vec<usize>,
    pub tracks: Vec<usize>,
    /// By true object, then by track.
    pub similarity: Vec<f64>,
}

impl Frame {
    pub fn similarity(&self, truth: usize, track: usize) -> f64 {
        self.similarity[truth * self.tracks.len() + track]
    }
}

/// A sequence, ready to be counted.
pub(super) struct Prepared {
    pub frames: Vec<Frame>,
    /// On how many frames each true object is.
    pub truth_lengths: Vec<f64>,
    /// On how many frames each track is.
    pub track_lengths: Vec<f64>,
}

impl Prepared {
    pub fn new(truth: &[Vec<Truth>], said: &[Vec<Hypothesis>]) -> Self {
        let (mut truth_index, mut track_index) = (HashMap::new(), HashMap::new());
        let mut this = Self {
            frames: Vec::with_capacity(truth.len()),
            truth_lengths: Vec::new(),
            track_lengths: Vec::new(),
        };
        for (number, truth) in truth.iter().enumerate() {
            let said = said.get(number).map_or(&[][..], Vec::as_slice);
            let kept = without_distractors(truth, said);
            let evaluated: Vec<_> = truth.iter().filter(|truth| truth.evaluated).collect();
            let mut similarity = Vec::with_capacity(evaluated.len() * kept.len());
            for truth in &evaluated {
                similarity.extend(kept.iter().map(|track| iou(truth.bbox, track.bbox)));
            }
            this.frames.push(Frame {
                truth: evaluated
                    .iter()
                    .map(|truth| count(&mut truth_index, &mut this.truth_lengths, truth.id))
                    .collect(),
                tracks: kept
                    .iter()
                    .map(|track| count(&mut track_index, &mut this.track_lengths, track.id))
                    .collect(),
                similarity,
            });
        }
        this
    }
}

/// The dense index of an identity, whose length grows by one frame.
fn count(index: &mut HashMap<u64, usize>, lengths: &mut Vec<f64>, id: u64) -> usize {
    let next = index.len();
    let index = *index.entry(id).or_insert(next);
    if index == lengths.len() {
        lengths.push(0.0);
    }
    lengths[index] += 1.0;
    index
}

fn without_distractors(truth: &[Truth], said: &[Hypothesis]) -> Vec<Hypothesis> {
    let similarity = |i: usize, j: usize| iou(truth[i].bbox, said[j].bbox);
    let mut excused = vec![false; said.len()];
    let same = |i, j| Some(similarity(i, j)).filter(|&s| s >= SAME - f64::EPSILON);
    for (i, j) in best_pairs(truth.len(), said.len(), |i, j| same(i, j).unwrap_or(0.0)) {
        excused[j] = truth[i].distractor;
    }
    let kept = said.iter().zip(excused).filter(|(_, excused)| !excused);
    kept.map(|(track, _)| *track).collect()
}

/// [`Rect::iou`] in double precision, as the figures of others are made.
fn iou(a: Rect, b: Rect) -> f64 {
    let [a, b] = [a, b].map(|r| [r.x, r.y, r.w, r.h].map(f64::from));
    let w = (a[0] + a[2]).min(b[0] + b[2]) - a[0].max(b[0]);
    let h = (a[1] + a[3]).min(b[1] + b[3]) - a[1].max(b[1]);
    if w <= 0.0 || h <= 0.0 {
        return 0.0;
    }
    w * h / (a[2] * a[3] + b[2] * b[3] - w * h)
}
