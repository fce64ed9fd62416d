//! FastestDet: `[5 + classes, rows, columns]`, planes of one grid.
//!
//! As its own tools read it (`runtime.py` of dog-qiuqiu/FastestDet): the score is
//! `objectness^0.6 · class^0.4`, the centre is the cell's corner plus the hyperbolic tangent of the
//! offset, and width and height are logistic, as fractions of the input.

use super::Candidates;
use super::grid::{Grid, places};

/// Values of a cell before the classes: objectness, offset of the centre, width and height.
const BOX_VALUES: usize = 5;

/// `data`: a plane for each value, of all cells of the one grid. Objectness and classes are
/// probabilities.
pub fn decode(data: &[f32], classes: usize, grids: &[Grid], found: &mut Candidates) {
    let threshold = found.thresholds.confidence.max(0.0);
    let cells = data.len() / (BOX_VALUES + classes);
    let value = |plane: usize, cell: usize| data[plane * cells + cell];
    let size = grids.first().map_or([0.0; 2], |grid| grid.covered());
    for (cell, (x, y, stride)) in places(grids).enumerate() {
        let objectness = value(0, cell).powf(0.6);
        // No class has a probability above 1.
        if objectness <= threshold {
            continue;
        }
        let mut best = (0, f32::NEG_INFINITY);
        for class in 0..classes {
            let score = value(BOX_VALUES + class, cell);
            if score > best.1 {
                best = (class as u32, score);
            }
        }
        let side = |plane: usize, length: f32| length / (1.0 + (-value(plane, cell)).exp());
        let centre = |plane: usize, at: f32| (at + value(plane, cell).tanh()) * stride;
        let bbox = [
            centre(1, x),
            centre(2, y),
            side(3, size[0]),
            side(4, size[1]),
        ];
        found.push_centred(best.0, objectness * best.1.powf(0.4), bbox);
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::tests::decode;
    use crate::model::Head;

    /// Cells of 64×64 pixels at a stride of 16.
    const CELLS: usize = 16;

    fn planes(classes: usize) -> Vec<f32> {
        vec![0.0; (5 + classes) * CELLS]
    }

    fn head(classes: usize) -> Head {
        Head::FastestDet {
            classes,
            stride: 16,
        }
    }

    #[test]
    fn boxes_are_those_of_its_own_tools() {
        let mut data = planes(3);
        // second row, third column
        let cell = 4 + 2;
        let values = [0.9, 0.5, -0.25, -1.0, 0.5, 0.05, 0.75, 0.2];
        for (plane, value) in values.into_iter().enumerate() {
            data[plane * CELLS + cell] = value;
        }
        let found = decode(head(3), &[1, 8, 4, 4], &data);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].class, 1);
        // By numpy: 0.9 ** 0.6 * 0.75 ** 0.4, (2 + tanh 0.5) * 16, (1 + tanh -0.25) * 16, and
        // 64 / (1 + exp 1), 64 / (1 + exp -0.5), clipped to the frame.
        assert!(
            (found[0].score - 0.836_700).abs() < 1e-5,
            "{}",
            found[0].score
        );
        let (cx, cy, w, h) = (39.393_87, 12.081_3, 17.212_27, 39.837_39_f32);
        let wanted = [
            cx - w / 2.0,
            f32::max(cy - h / 2.0, 0.0),
            cx + w / 2.0,
            cy + h / 2.0,
        ];
        for (found, wanted) in found[0].xyxy.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
        }
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for plane in 0..6 {
                let mut data = planes(1);
                data[..CELLS].fill(0.9);
                data[5 * CELLS..].fill(0.9);
                data[plane * CELLS..][..CELLS].fill(value);
                let found = decode(head(1), &[6, 4, 4], &data);
                let numbers = found
                    .iter()
                    .flat_map(|d| d.xyxy)
                    .chain(found.iter().map(|d| d.score));
                assert!(numbers.into_iter().all(f32::is_finite), "{plane} {value}");
            }
        }
    }
}
