//! NanoDet and NanoDet-Plus: a row per cell, of scores and of four sides.
//!
//! Each side of a box is a distribution over its distance from the cell, in strides (generalised
//! focal loss, Li et al. 2020): the mean of it is taken. The cell's place is its centre in NanoDet
//! (`get_single_level_center_point` of its version 0), and its top left corner in NanoDet-Plus
//! (`get_single_level_center_priors`).

use super::grid::{Grid, places};
use super::{Candidates, best_class};

/// How rows are to be read.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Distances that a distribution covers: from 0 strides on.
    pub bins: usize,
    /// Where a cell is, from its top left corner, in strides.
    pub offset: f32,
    /// Width and height of the input, to which boxes are clipped as in `distance2bbox`.
    pub size: [f32; 2],
}

/// `rows` are those of the grids' cells, one after the other: a score for each class, and the
/// distributions of the distances to the left, top, right and bottom side, before their softmax.
pub fn decode<'a>(
    rows: impl Iterator<Item = (&'a [f32], &'a [f32])>,
    layout: Layout,
    grids: &[Grid],
    found: &mut Candidates,
) {
    let threshold = found.thresholds.confidence.max(0.0);
    let Layout { bins, offset, size } = layout;
    let [width, height] = size;
    for ((x, y, stride), (scores, sides)) in places(grids).zip(rows) {
        let (class, score) = best_class(scores);
        if score > threshold {
            let side = |i: usize| expected(&sides[i * bins..][..bins]) * stride;
            let (x, y) = ((x + offset) * stride, (y + offset) * stride);
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
    use super::expected;
    use crate::decode::tests::{decode, same_size, spec};
    use crate::decode::{DecodeError, Decoder, OutputView, Thresholds};
    use crate::model::{Head, OutputRef};
    use proptest::prelude::*;

    const BINS: usize = 8;
    const BOX_VALUES: usize = 4 * BINS;
    /// Cells of 64×64 pixels: 8×8, 4×4, 2×2 and 1.
    const CELLS: usize = 85;

    fn head(classes: usize) -> Head {
        Head::NanoDet {
            classes,
            strides: vec![8, 16, 32, 64],
            bins: BINS,
            centred: false,
            split: false,
        }
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

    /// NanoDet of two classes on 64×64 pixels, of `bins`, with an output for each grid's scores and
    /// then one for each grid's sides.
    fn split(bins: usize) -> Decoder {
        let mut spec = spec(Head::NanoDet {
            classes: 2,
            strides: vec![8, 16, 32],
            bins,
            centred: true,
            split: true,
        });
        spec.outputs = (0..6)
            .map(|index| OutputRef {
                index,
                name: format!("{index}"),
            })
            .collect();
        Decoder::new(&spec)
    }

    #[test]
    fn boxes_reach_from_the_cells_centre_where_each_grid_has_outputs_of_its_own() {
        for bins in [8, 11] {
            let cells = [64, 16, 4];
            let mut scores = cells.map(|cells| vec![0.0; cells * 2]);
            let mut sides = cells.map(|cells| vec![-50.0; cells * 4 * bins]);
            // second row, third column of the stride 16 grid: centre at 40, 24
            let cell = 4 + 2;
            scores[1][cell * 2 + 1] = 0.8;
            for (side, bin) in [1, 0, 1, 2].into_iter().enumerate() {
                sides[1][(cell * 4 + side) * bins + bin] = 50.0;
            }
            let shapes: Vec<_> = (cells.iter().map(|&cells| [1, cells, 2]))
                .chain(cells.iter().map(|&cells| [1, cells, 4 * bins]))
                .collect();
            let data = scores.iter().chain(&sides);
            let views: Vec<_> = (shapes.iter().zip(data))
                .map(|(shape, data)| OutputView { shape, data })
                .collect();
            let mut found = Vec::new();
            let thresholds = Thresholds::default();
            (split(bins).decode(&views, &same_size(), &thresholds, &mut found)).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].class, found[0].score), (1, 0.8));
            for (found, wanted) in found[0].xyxy.iter().zip([24.0, 24.0, 56.0, 56.0]) {
                assert!((found - wanted).abs() < 1e-4, "{found} {wanted}");
            }
            let error = split(bins).decode(&views[..5], &same_size(), &thresholds, &mut found);
            let missing = DecodeError::MissingOutput { count: 5, index: 5 };
            assert_eq!(error, Err(missing));
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
