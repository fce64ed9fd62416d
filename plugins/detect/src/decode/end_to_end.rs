//! Models that finish their boxes themselves (NMS inside, YOLOv10, 26): `[rows, 6]`.

use super::{Candidates, class_id};

/// Values of a row.
pub const VALUES: usize = 6;

/// `data`: rows of `x1, y1, x2, y2, score, class`; unused rows are zeros.
pub fn decode(data: &[f32], found: &mut Candidates) {
    for row in data.chunks_exact(VALUES) {
        if let Some(class) = class_id(row[5]) {
            found.push(class, row[4], [row[0], row[1], row[2], row[3]]);
        }
    }
}
