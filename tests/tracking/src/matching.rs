//! Best matching of a frame.

use gstvigiltrack::track::assignment::Dense;

/// The pairs of an assignment of largest total gain; only pairs that gain something.
pub(super) fn best_pairs(
    rows: usize,
    cols: usize,
    gain: impl Fn(usize, usize) -> f64,
) -> Vec<(usize, usize)> {
    let mut dense = Dense::default();
    let turned = rows > cols;
    dense.start(rows.min(cols), rows.max(cols));
    for row in 0..rows {
        for col in 0..cols {
            let (a, b) = if turned { (col, row) } else { (row, col) };
            dense.set_cost(a, b, -gain(row, col));
        }
    }
    let pairs = dense.solve();
    if turned {
        pairs.map(|(a, b)| (b, a)).collect()
    } else {
        pairs.collect()
    }
}
