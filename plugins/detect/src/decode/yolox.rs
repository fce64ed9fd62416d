//! YOLOX as its own tools export it: `[cells, 5 + classes]`, relative to the grid.
//!
//! `demo_postprocess` of YOLOX: centre `(xy + cell) · stride`, size `exp(wh) · stride`; the score is
//! objectness times class probability, both after their sigmoid.

use super::grid::{Grid, places};
use super::{Candidates, best_class};

/// `data`: rows of `x, y, w, h, objectness` and a probability for each class, a row per cell.
pub fn decode(data: &[f32], classes: usize, grids: &[Grid], found: &mut Candidates) {
    let threshold = found.thresholds.confidence.max(0.0);
    for ((x, y, stride), row) in places(grids).zip(data.chunks_exact(5 + classes)) {
        let objectness = row[4];
        if objectness > threshold {
            let (class, probability) = best_class(&row[5..]);
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
