//! Models that finish their boxes themselves (NMS inside, YOLOv10, 26): `[rows, 6]`.

use super::Candidates;

/// Values of a row.
pub const VALUES: usize = 6;

/// Above it, a class id is damage: a label would be made for each.
const MAX_CLASS: f32 = 65535.0;

/// `data`: rows of `x1, y1, x2, y2, score, class`; unused rows are zeros.
pub fn decode(data: &[f32], found: &mut Candidates) {
    for row in data.chunks_exact(VALUES) {
        let class = row[5].round();
        if (0.0..=MAX_CLASS).contains(&class) {
            found.push(class as u32, row[4], [row[0], row[1], row[2], row[3]]);
        }
    }
}
