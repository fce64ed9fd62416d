//! Greedy non-maximum suppression, each class for itself.
//!
//! The best box is kept and suppresses all boxes of its class that overlap it by more than a
//! threshold of intersection over union; then the best of the rest, and so on. A box has only to be
//! compared with the kept ones of its class, of which there are few, so that thousands of
//! candidates cost thousands of comparisons, not millions.

use super::Candidate;

/// Candidates beyond the best so many are left out, as in Ultralytics' `max_nms`: nobody looks for
/// so many objects, and a model that proposes them is noise.
pub(super) const MAX_CANDIDATES: usize = 30_000;

/// "No box" in the lists.
const NONE: u32 = u32::MAX;

/// A kept box and, as a linked list through all of them, the one of its class kept before.
#[derive(Debug, Clone, Copy)]
struct Kept {
    xyxy: [f32; 4],
    area: f32,
    before: u32,
}

/// The memory that suppression needs.
#[derive(Debug)]
pub struct Nms {
    /// Score and index of each candidate such that ascending order is best first.
    order: Vec<u64>,
    kept: Vec<Kept>,
    /// Last kept box by class.
    last: Vec<u32>,
}

impl Nms {
    /// Room for so many candidates of so many classes.
    pub fn with_capacity(candidates: usize, classes: usize) -> Self {
        Self {
            order: Vec::with_capacity(candidates),
            kept: Vec::with_capacity(candidates.min(MAX_CANDIDATES)),
            last: Vec::with_capacity(classes),
        }
    }

    /// Calls `keep` with each candidate that is left, the best first, of equal scores the earlier
    /// one, until it returns `false`.
    ///
    /// Scores must be positive and boxes finite, `x1 < x2` and `y1 < y2`.
    pub(crate) fn run(
        &mut self,
        candidates: &[Candidate],
        iou_threshold: f32,
        mut keep: impl FnMut(&Candidate) -> bool,
    ) {
        self.run_indexed(candidates, iou_threshold, |_, candidate| keep(candidate));
    }

    /// As `run`, with the place of each candidate in the list.
    pub(crate) fn run_indexed(
        &mut self,
        candidates: &[Candidate],
        iou_threshold: f32,
        mut keep: impl FnMut(usize, &Candidate) -> bool,
    ) {
        self.sort(candidates);
        self.kept.clear();
        self.last.clear();
        for key in &self.order {
            let index = *key as u32 as usize;
            let candidate = &candidates[index];
            let class = candidate.class as usize;
            // IoU never exceeds 1: nothing to compare with.
            if iou_threshold < 1.0 {
                if self.last.len() <= class {
                    self.last.resize(class + 1, NONE);
                }
                let area = area(&candidate.xyxy);
                if self.is_suppressed(candidate, area, iou_threshold) {
                    continue;
                }
                let before = std::mem::replace(&mut self.last[class], self.kept.len() as u32);
                self.kept.push(Kept {
                    xyxy: candidate.xyxy,
                    area,
                    before,
                });
            }
            if !keep(index, candidate) {
                return;
            }
        }
    }

    fn sort(&mut self, candidates: &[Candidate]) {
        self.order.clear();
        // The bits of positive floats are ordered as the floats are.
        let key = |(i, c): (u32, &Candidate)| u64::from(!c.score.to_bits()) << 32 | u64::from(i);
        self.order.extend((0..).zip(candidates).map(key));
        if self.order.len() > MAX_CANDIDATES {
            self.order.select_nth_unstable(MAX_CANDIDATES);
            self.order.truncate(MAX_CANDIDATES);
        }
        self.order.sort_unstable();
    }

    fn is_suppressed(&self, candidate: &Candidate, area: f32, threshold: f32) -> bool {
        let mut at = self.last[candidate.class as usize];
        while let Some(kept) = self.kept.get(at as usize) {
            let shared = intersection(&kept.xyxy, &candidate.xyxy);
            if shared > 0.0 && shared / (kept.area + area - shared) > threshold {
                return true;
            }
            at = kept.before;
        }
        false
    }
}

/// Area of a box that has one.
pub(crate) fn area([x1, y1, x2, y2]: &[f32; 4]) -> f32 {
    (x2 - x1) * (y2 - y1)
}

/// Area that two boxes share.
pub(crate) fn intersection(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let w = a[2].min(b[2]) - a[0].max(b[0]);
    let h = a[3].min(b[3]) - a[1].max(b[1]);
    w.max(0.0) * h.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(candidates: &[Candidate], iou: f32) -> Vec<usize> {
        let mut kept = Vec::new();
        Nms::with_capacity(0, 0).run(candidates, iou, |c| {
            let index = candidates.iter().position(|other| std::ptr::eq(other, c));
            kept.push(index.unwrap());
            true
        });
        kept
    }

    /// The definition: repeatedly take the best of what is left and remove what overlaps it.
    fn reference(candidates: &[Candidate], threshold: f32) -> Vec<usize> {
        let iou = |a: &[f32; 4], b: &[f32; 4]| {
            let w = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
            let h = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
            let area = |r: &[f32; 4]| (r[2] - r[0]) * (r[3] - r[1]);
            w * h / (area(a) + area(b) - w * h)
        };
        let mut left: Vec<usize> = (0..candidates.len()).collect();
        let mut kept = Vec::new();
        while !left.is_empty() {
            let mut best = left[0];
            for &i in &left {
                if candidates[i].score > candidates[best].score {
                    best = i;
                }
            }
            kept.push(best);
            let b = candidates[best];
            left.retain(|&i| {
                let c = candidates[i];
                i != best && (c.class != b.class || iou(&b.xyxy, &c.xyxy) <= threshold)
            });
        }
        kept
    }

    fn candidate(x: f32, y: f32, w: f32, h: f32, score: f32, class: u32) -> Candidate {
        Candidate {
            xyxy: [x, y, x + w, y + h],
            score,
            class,
        }
    }

    #[test]
    fn the_better_of_two_boxes_on_one_object_is_kept() {
        let boxes = [
            candidate(0.0, 0.0, 10.0, 10.0, 0.6, 0),
            candidate(1.0, 0.0, 10.0, 10.0, 0.9, 0),
            candidate(50.0, 0.0, 10.0, 10.0, 0.5, 0),
        ];
        assert_eq!(run(&boxes, 0.45), [1, 2]);
    }

    #[test]
    fn classes_do_not_suppress_each_other() {
        let boxes = [
            candidate(0.0, 0.0, 10.0, 10.0, 0.6, 0),
            candidate(0.0, 0.0, 10.0, 10.0, 0.9, 70),
        ];
        assert_eq!(run(&boxes, 0.45), [1, 0]);
    }

    #[test]
    fn an_overlap_of_just_the_threshold_does_not_suppress() {
        // intersection 1, union 2
        let boxes = [
            candidate(0.0, 0.0, 2.0, 1.0, 0.9, 0),
            candidate(0.0, 0.0, 1.0, 1.0, 0.8, 0),
        ];
        assert_eq!(run(&boxes, 0.5), [0, 1]);
        assert_eq!(run(&boxes, 0.49), [0]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        let boxes = [
            candidate(0.0, 0.0, 10.0, 10.0, 0.9, 0),
            candidate(4.0, 0.0, 10.0, 10.0, 0.8, 0),
            candidate(8.0, 0.0, 10.0, 10.0, 0.7, 0),
        ];
        assert_eq!(run(&boxes, 0.4), [0, 2]);
    }

    #[test]
    fn equal_scores_keep_their_order() {
        let boxes: Vec<_> = (0..50)
            .map(|i| candidate(i as f32 * 20.0, 0.0, 9.0, 9.0, 0.5, 0))
            .collect();
        assert_eq!(run(&boxes, 0.45), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_looked_at_after_the_caller_has_enough() {
        let boxes: Vec<_> = (0..9)
            .map(|i| candidate(i as f32 * 20.0, 0.0, 9.0, 9.0, 0.5, 0))
            .collect();
        let mut calls = 0;
        Nms::with_capacity(0, 0).run(&boxes, 0.45, |_| {
            calls += 1;
            calls < 3
        });
        assert_eq!(calls, 3);
    }

    #[test]
    fn of_too_many_candidates_the_best_are_looked_at() {
        let n = MAX_CANDIDATES + 1000;
        let score = |i: usize| (i + 1) as f32 / (n + 1) as f32;
        let boxes: Vec<_> = (0..n)
            .map(|i| candidate(i as f32 * 4.0, 0.0, 2.0, 2.0, score(i), i as u32 % 900))
            .collect();
        let kept = run(&boxes[..], 1.0);
        assert_eq!(kept.len(), MAX_CANDIDATES);
        assert_eq!(
            (kept[0], kept[MAX_CANDIDATES - 1]),
            (n - 1, n - MAX_CANDIDATES)
        );
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_the_definition_keeps(
            boxes in prop::collection::vec(
                (0u8..40, 0u8..40, 1u8..20, 1u8..20, 1u8..20, 0u32..3), 0..80),
            iou in 0.05f32..0.95,
        ) {
            let candidates: Vec<_> = boxes
                .iter()
                .map(|&(x, y, w, h, score, class)| {
                    let [x, y, w, h] = [x, y, w, h].map(f32::from);
                    candidate(x, y, w, h, f32::from(score) / 20.0, class)
                })
                .collect();
            prop_assert_eq!(run(&candidates, iou), reference(&candidates, iou));
        }
    }
}
