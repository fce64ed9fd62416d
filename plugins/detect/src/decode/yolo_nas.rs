//! YOLO-NAS: boxes `[cells, 4]` and scores `[cells, classes]`, both finished but for suppression.

use super::{Candidates, best_class};

/// `boxes`: rows of `x1, y1, x2, y2` in input pixels. `scores`: a row of `classes` for each.
pub fn decode(boxes: &[f32], scores: &[f32], classes: usize, found: &mut Candidates) {
    for (corners, scores) in boxes.chunks_exact(4).zip(scores.chunks_exact(classes)) {
        let (class, score) = best_class(scores);
        let corners = [corners[0], corners[1], corners[2], corners[3]];
        found.push(class, score, corners);
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::tests::{ONE_BOX, decode_outputs};
    use crate::decode::{Detection, OutputView};
    use crate::model::Head;

    #[test]
    fn boxes_are_taken_with_the_best_class_and_doubles_suppressed() {
        let nudged = ONE_BOX.map(|v| v + 1.0);
        let boxes = [ONE_BOX, nudged, [50.0, 50.0, 60.0, 60.0], [f32::NAN; 4]];
        let scores = [[0.1, 0.9, 0.2], [0.0, 0.8, 0.1], [0.2, 0.0, 0.1], [0.9; 3]];
        let views = [
            OutputView {
                shape: &[1, 4, 4],
                data: boxes.as_flattened(),
            },
            OutputView {
                shape: &[1, 4, 3],
                data: scores.as_flattened(),
            },
        ];
        let (classes, anchors) = (3, 4);
        let found = decode_outputs(Head::YoloNas { classes, anchors }, &views);
        let expected = Detection {
            class: 1,
            score: 0.9,
            xyxy: ONE_BOX,
        };
        assert_eq!(found, [expected]);
    }
}
