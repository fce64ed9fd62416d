//! NanoDet-Plus: `[cells, classes + 4·8]`.
//!
//! Each side of a box is a distribution over its distance from the cell, in strides (generalised
//! focal loss, Li et al. 2020): the mean of it is taken. The cell's place is its top left corner,
//! `get_single_level_center_priors` of NanoDet.

use super::grid::{Grid, places};
use super::{Candidates, best_class};

/// Distances that a distribution covers: 0 to 7 strides (`reg_max` of all published models).
const BINS: usize = 8;

/// Values of a row after the classes.
pub const BOX_VALUES: usize = 4 * BINS;

/// `data`: a row per cell: a score for each class, then distributions of the distances to the left,
/// top, right and bottom side, before their softmax. `size` is the input's, to which boxes are
/// clipped as in `distance2bbox`.
pub fn decode(
    data: &[f32],
    classes: usize,
    grids: &[Grid],
    [width, height]: [f32; 2],
    found: &mut Candidates,
) {
    let threshold = found.thresholds.confidence.max(0.0);
    for ((x, y, stride), row) in places(grids).zip(data.chunks_exact(classes + BOX_VALUES)) {
        let (scores, sides) = row.split_at(classes);
        let (class, score) = best_class(scores);
        if score > threshold {
            let side = |i: usize| expected(&sides[i * BINS..][..BINS]) * stride;
            let (x, y) = (x * stride, y * stride);
            let corners = [
                (x - side(0)).clamp(0.0, width),
                (y - side(1)).clamp(0.0, height),
                (x + side(2)).clamp(0.0, width),
                (y + side(3)).clamp(0.0, height),
            ];
            found.push(class, score, corners);
        }
    }
}

/// The mean of a distribution over 0, 1, 2, … that is given by its logits.
fn expected(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (i, logit) in logits.iter().enumerate() {
        let weight = (logit - most).exp();
        sum += weight;
        weighted += weight * i as f32;
    }
    weighted / sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::tests::decode;
    use crate::model::Head;
    use proptest::prelude::*;

    /// Cells of 64×64 pixels: 8×8, 4×4, 2×2 and 1.
    const CELLS: usize = 85;

    fn head(classes: usize) -> Head {
        let strides = vec![8, 16, 32, 64];
        Head::NanoDet { classes, strides }
    }

    /// Logits of a distribution that has nearly all at `bin`.
    fn at(bin: usize) -> [f32; BINS] {
        let mut logits = [-50.0; BINS];
        logits[bin] = 50.0;
        logits
    }

    #[test]
    fn boxes_reach_from_the_cells_corner_as_far_as_is_expected() {
        let width = 2 + BOX_VALUES;
        let mut data = vec![0.0; CELLS * width];
        // second row, third column of the stride 16 grid: corner at 32, 16
        let row = &mut data[(64 + 4 + 2) * width..][..width];
        row[..2].copy_from_slice(&[0.3, 0.8]);
        let half = [0.0, 0.0, -50.0, -50.0, -50.0, -50.0, -50.0, -50.0];
        for (i, side) in [at(1), half, at(0), at(2)].iter().enumerate() {
            row[2 + i * BINS..][..BINS].copy_from_slice(side);
        }
        let found = decode(head(2), &[1, CELLS, width], &data);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].class, found[0].score), (1, 0.8));
        // one stride to the left, half a one up, none to the right, two down
        for (found, wanted) in found[0].xyxy.iter().zip([16.0, 8.0, 32.0, 48.0]) {
            assert!((found - wanted).abs() < 1e-4, "{found} {wanted}");
        }
    }

    #[test]
    fn boxes_end_at_the_borders_of_the_input() {
        let width = 1 + BOX_VALUES;
        let mut data = vec![0.0; CELLS * width];
        // the one cell of stride 64: corner at 0, 0
        let row = &mut data[84 * width..];
        row[0] = 0.9;
        for i in 0..4 {
            row[1 + i * BINS..][..BINS].copy_from_slice(&at(7));
        }
        let found = decode(head(1), &[CELLS, width], &data);
        assert_eq!(found[0].xyxy, [0.0, 0.0, 64.0, 64.0]);
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let width = 1 + BOX_VALUES;
            let mut data = vec![value; CELLS * width];
            for row in data.chunks_exact_mut(width) {
                row[0] = 0.9;
            }
            assert_eq!(decode(head(1), &[CELLS, width], &data), []);
        }
    }

    proptest! {
        #[test]
        fn the_expected_distance_is_that_of_the_definition(
            logits in prop::collection::vec(-30f32..30.0, BINS),
        ) {
            let weights: Vec<f64> = logits.iter().map(|l| f64::from(*l).exp()).collect();
            let weighted = weights.iter().enumerate().map(|(i, w)| i as f64 * w);
            let wanted = weighted.sum::<f64>() / weights.iter().sum::<f64>();
            prop_assert!((f64::from(expected(&logits)) - wanted).abs() < 1e-5);
        }
    }
}
