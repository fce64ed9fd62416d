//! YOLOv5 and v7: `[anchors, 5 + classes]`, with anchor boxes and objectness, decoded in the model.
//!
//! A class's score is objectness times class probability.

use super::{Candidates, best_class};

/// `data`: rows of `cx, cy, w, h, objectness` and a probability for each class.
pub fn decode(data: &[f32], classes: usize, found: &mut Candidates) {
    let threshold = found.thresholds.confidence.max(0.0);
    for row in data.chunks_exact(5 + classes) {
        let objectness = row[4];
        // Probabilities are at most 1, so most rows need no look at their classes.
        if objectness > threshold {
            let (class, probability) = best_class(&row[5..]);
            found.push_centred(
                class,
                objectness * probability,
                [row[0], row[1], row[2], row[3]],
            );
        }
    }
}
