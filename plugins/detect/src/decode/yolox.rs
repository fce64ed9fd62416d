//! YOLOX as its own tools export it: `[cells, 5 + classes]`, relative to the grid.
//!
//! `demo_postprocess` of YOLOX: centre `(xy + cell) · stride`, size `exp(wh) · stride`; the score is
//! objectness times class probability, both after their sigmoid.

use super::{Candidates, best_class};

/// One grid of cells, whose rows come one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    stride: u32,
    columns: u32,
    rows: u32,
}

/// The grids of an input of this size, in the order of the output.
pub fn grids(width: u32, height: u32, strides: &[u32]) -> Vec<Grid> {
    let grid = |&stride: &u32| Grid {
        stride,
        columns: width.div_ceil(stride),
        rows: height.div_ceil(stride),
    };
    strides.iter().map(grid).collect()
}

/// Cells of all grids.
pub fn cells(grids: &[Grid]) -> usize {
    grids
        .iter()
        .map(|g| g.columns as usize * g.rows as usize)
        .sum()
}

/// `data`: rows of `x, y, w, h, objectness` and a probability for each class, a row per cell.
pub fn decode(data: &[f32], classes: usize, grids: &[Grid], found: &mut Candidates) {
    let threshold = found.thresholds.confidence.max(0.0);
    let cells = grids.iter().flat_map(|grid| {
        (0..grid.rows).flat_map(move |y| (0..grid.columns).map(move |x| (x, y, grid.stride)))
    });
    for ((x, y, stride), row) in cells.zip(data.chunks_exact(5 + classes)) {
        let objectness = row[4];
        if objectness > threshold {
            let (class, probability) = best_class(&row[5..]);
            let (x, y, stride) = (x as f32, y as f32, stride as f32);
            let centred = [
                (row[0] + x) * stride,
                (row[1] + y) * stride,
                row[2].exp() * stride,
                row[3].exp() * stride,
            ];
            found.push_centred(class, objectness * probability, centred);
        }
    }
}
