//! YOLOv8, v9 and 11: `[4 + classes, anchors]`, anchor-free, no objectness.
//!
//! The output is stored by value, not by candidate: rows of `cx`, `cy`, `w`, `h`, then a row of
//! scores for each class. Reading it candidate by candidate would touch a cache line for each
//! value, so the rows are read one after the other, keeping each candidate's best score, which
//! compilers turn into vector code. Which class it was is looked up for the few whose score is
//! wanted, while their part of the rows is still in the cache.

use super::{Candidates, best_class};

/// Candidates that are looked at together: few enough for their part of all rows to stay in the
/// second-level cache, enough for the memory's read-ahead.
const BLOCK: usize = 1024;

/// Best scores of a block of candidates.
#[derive(Debug)]
pub struct Scan([f32; BLOCK]);

impl Default for Scan {
    fn default() -> Self {
        Self([0.0; BLOCK])
    }
}

/// `data`: `4 + classes` rows of `anchors` values.
pub fn decode(data: &[f32], anchors: usize, scan: &mut Scan, found: &mut Candidates) {
    let threshold = found.thresholds.confidence;
    each(
        data,
        anchors,
        threshold,
        scan,
        |_, class, score, centred| {
            found.push_centred(class, score, centred);
        },
    );
}

/// Calls `take` with each candidate whose best score is above `threshold` and 0: which one it is,
/// its class, that score, and centre and size of its box.
pub fn each(
    data: &[f32],
    anchors: usize,
    threshold: f32,
    scan: &mut Scan,
    mut take: impl FnMut(usize, u32, f32, [f32; 4]),
) {
    if anchors == 0 {
        return;
    }
    let (boxes, scores) = data.split_at(4 * anchors);
    let threshold = threshold.max(0.0);
    for start in (0..anchors).step_by(BLOCK) {
        let best = &mut scan.0[..BLOCK.min(anchors - start)];
        best_scores(scores, anchors, start, best);
        for (at, &score) in (start..)
            .zip(best.iter())
            .filter(|(_, score)| **score > threshold)
        {
            let class = class_of(scores, anchors, at, score);
            let value = |row: usize| boxes[row * anchors + at];
            take(at, class, score, [value(0), value(1), value(2), value(3)]);
        }
    }
}

/// The best score of each candidate from `start` on, as many as `best` is long. Scores that are not
/// numbers are passed over.
fn best_scores(scores: &[f32], anchors: usize, start: usize, best: &mut [f32]) {
    best.fill(f32::NEG_INFINITY);
    for row in scores.chunks_exact(anchors) {
        for (best, &score) in best.iter_mut().zip(&row[start..]) {
            // Not `f32::max`, whose rules for NaN cost further instructions.
            *best = if score > *best { score } else { *best };
        }
    }
}

/// The first class with this score.
fn class_of(scores: &[f32], anchors: usize, at: usize, score: f32) -> u32 {
    let column = scores[at..].iter().step_by(anchors);
    (0..)
        .zip(column)
        .find(|(_, s)| **s == score)
        .map_or(0, |(class, _)| class)
}

/// `data`: rows of `4 + classes` values.
pub fn decode_transposed(data: &[f32], classes: usize, found: &mut Candidates) {
    for row in data.chunks_exact(4 + classes) {
        let (class, score) = best_class(&row[4..]);
        found.push_centred(class, score, [row[0], row[1], row[2], row[3]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_scan_by_rows_finds_what_a_scan_by_candidates_finds(
            classes in 1usize..6,
            anchors in 1usize..40,
            start in 0usize..40,
            seed in prop::collection::vec(
                prop_oneof![8 => 0f32..1.0, 1 => Just(f32::NAN), 1 => Just(0.5f32)], 240),
        ) {
            let scores = &seed[..classes * anchors];
            let start = start % anchors;
            let len = anchors - start;
            let mut best = vec![0.0; len];
            best_scores(scores, anchors, start, &mut best);
            for i in 0..len {
                let column: Vec<f32> =
                    (0..classes).map(|c| scores[c * anchors + start + i]).collect();
                prop_assert_eq!(best[i], best_class(&column).1);
                let class = class_of(scores, anchors, start + i, best[i]);
                prop_assert_eq!(class, best_class(&column).0);
            }
        }
    }
}
