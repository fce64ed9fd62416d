//! Transformers of the DETR family: a fixed number of queries, each a box, no grid and no NMS.

use super::{Candidates, best_class, class_id};

/// Logits this much below the threshold's are not looked at: more than rounding can be wrong by.
const SLACK: f32 = 1e-3;

/// Raw queries: RF-DETR, and Hugging Face's exports of RT-DETR, RT-DETRv2 and D-FINE. A class's
/// score is the sigmoid of its logit, and each class of a query competes for itself, as in their
/// `post_process_object_detection`.
///
/// `logits`: a row of `classes` for each query. `boxes`: rows of `cx, cy, w, h` as fractions of an
/// input of `size`, width by height.
pub fn decode(
    logits: &[f32],
    boxes: &[f32],
    classes: usize,
    size: [f32; 2],
    found: &mut Candidates,
) {
    let threshold = found.thresholds.confidence.clamp(0.0, 1.0);
    let least = (threshold / (1.0 - threshold)).ln() - SLACK;
    let [width, height] = size;
    let queries = logits.chunks_exact(classes).zip(boxes.chunks_exact(4));
    for (logits, centred) in queries {
        for (class, &logit) in (0..).zip(logits) {
            if logit > least {
                let [cx, cy, w, h] = [centred[0], centred[1], centred[2], centred[3]];
                let score = 1.0 / (1.0 + (-logit).exp());
                found.push_centred(
                    class,
                    score,
                    [cx * width, cy * height, w * width, h * height],
                );
            }
        }
    }
}

/// As `decode`, with both in one row, and scores that are past their sigmoid: Ultralytics' RT-DETR,
/// whose `RTDETRPredictor` takes the best class of each query.
pub fn decode_rows(
    data: &[f32],
    classes: usize,
    [width, height]: [f32; 2],
    found: &mut Candidates,
) {
    for row in data.chunks_exact(4 + classes) {
        let (class, score) = best_class(&row[4..]);
        let centred = [
            row[0] * width,
            row[1] * height,
            row[2] * width,
            row[3] * height,
        ];
        found.push_centred(class, score, centred);
    }
}

/// Queries whose post-processing is in the graph: RT-DETR, D-FINE and DEIM as their own tools
/// export them.
///
/// `labels` are class ids, `boxes` rows of `x1, y1, x2, y2` in input pixels.
pub fn decode_finished(labels: &[f32], boxes: &[f32], scores: &[f32], found: &mut Candidates) {
    for ((label, corners), score) in labels.iter().zip(boxes.chunks_exact(4)).zip(scores) {
        if let Some(class) = class_id(*label) {
            let corners = [corners[0], corners[1], corners[2], corners[3]];
            found.push(class, *score, corners);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::tests::{ONE_BOX, same_size, spec};
    use crate::decode::{DecodeError, Decoder, Detection, OutputView, Thresholds};
    use crate::model::Head;
    use proptest::prelude::*;

    fn decode(
        head: Head,
        outputs: &[(&[usize], &[f32])],
        thresholds: &Thresholds,
    ) -> Result<Vec<Detection>, DecodeError> {
        let views: Vec<_> = outputs
            .iter()
            .map(|&(shape, data)| OutputView { shape, data })
            .collect();
        let mut out = Vec::new();
        Decoder::new(&spec(head)).decode(&views, &same_size(), thresholds, &mut out)?;
        Ok(out)
    }

    /// The inverse of the sigmoid.
    fn logit(p: f32) -> f32 {
        (p / (1.0 - p)).ln()
    }

    /// `ONE_BOX` as fractions of 64×64 pixels.
    const FRACTIONS: [f32; 4] = [20.0 / 64.0, 30.0 / 64.0, 20.0 / 64.0, 20.0 / 64.0];

    #[test]
    fn each_class_of_a_query_competes_for_itself() {
        let logits = [logit(0.9), logit(0.1), logit(0.5), -20.0, logit(0.2), 20.0];
        let boxes = [FRACTIONS, [0.5, 0.5, 1.0, 1.0]];
        let head = Head::Detr {
            classes: 3,
            queries: 2,
        };
        let outputs: [(&[usize], &[f32]); 2] =
            [(&[1, 2, 3], &logits), (&[1, 2, 4], boxes.as_flattened())];
        let found = decode(head, &outputs, &Thresholds::default()).unwrap();
        // Two of them, the best: no more than there are queries.
        let expected = [(2, 1.0, [0.0, 0.0, 64.0, 64.0]), (0, 0.9, ONE_BOX)];
        assert_eq!(found.len(), 2);
        for (found, (class, score, xyxy)) in found.iter().zip(expected) {
            assert_eq!((found.class, found.xyxy), (class, xyxy));
            assert!((found.score - score).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn equal_queries_are_not_suppressed() {
        let logits = [3.0, 3.0, 2.0];
        let boxes = [FRACTIONS; 3];
        let head = Head::Detr {
            classes: 1,
            queries: 3,
        };
        let outputs: [(&[usize], &[f32]); 2] =
            [(&[3, 1], &logits), (&[3, 4], boxes.as_flattened())];
        assert_eq!(
            decode(head, &outputs, &Thresholds::default())
                .unwrap()
                .len(),
            3
        );
    }

    #[test]
    fn rows_of_box_and_scores_are_taken_with_their_best_class() {
        let [cx, cy, w, h] = FRACTIONS;
        let rows = [
            [cx, cy, w, h, 0.1, 0.9, 0.3],
            [cx, cy, w, h, 0.2, 0.8, 0.0],
            [cx, cy, w, h, 0.2, 0.1, 0.0],
        ];
        let (classes, queries) = (3, 3);
        let outputs: [(&[usize], &[f32]); 1] = [(&[1, 3, 7], rows.as_flattened())];
        let head = Head::DetrRows { classes, queries };
        let found = decode(head, &outputs, &Thresholds::default()).unwrap();
        let expected = [0.9, 0.8].map(|score| Detection {
            class: 1,
            score,
            xyxy: ONE_BOX,
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn finished_queries_are_taken_as_they_are() {
        let labels = [7.0, 7.0, -1.0, f32::NAN, 3.0];
        let boxes = [ONE_BOX; 5];
        let scores = [0.5, 0.9, 0.9, 0.9, 0.2];
        let head = Head::DetrDecoded {
            classes: None,
            queries: 5,
        };
        let outputs: [(&[usize], &[f32]); 3] = [
            (&[1, 5], &labels),
            (&[1, 5, 4], boxes.as_flattened()),
            (&[1, 5], &scores),
        ];
        let found = decode(head, &outputs, &Thresholds::default()).unwrap();
        let expected = [0.9, 0.5].map(|score| Detection {
            class: 7,
            score,
            xyxy: ONE_BOX,
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn outputs_of_different_lengths_are_an_error() {
        let head = Head::DetrDecoded {
            classes: None,
            queries: 2,
        };
        let boxes = [ONE_BOX; 2];
        let boxes: (&[usize], &[f32]) = (&[1, 2, 4], boxes.as_flattened());
        let (two, three): ((&[usize], &[f32]), _) = (
            (&[1, 2], &[0.5; 2]),
            (&[1usize, 3] as &[_], &[0.5f32; 3] as &[_]),
        );
        for outputs in [[three, boxes, two], [two, boxes, three]] {
            let error = decode(head.clone(), &outputs, &Thresholds::default()).unwrap_err();
            assert!(matches!(error, DecodeError::Shape { .. }), "{error}");
        }
        let error = decode(head, &[two, boxes], &Thresholds::default()).unwrap_err();
        assert_eq!(error, DecodeError::MissingOutput { count: 2, index: 2 });
    }

    proptest! {
        #[test]
        fn raw_queries_equal_a_plain_reference(
            logits in prop::collection::vec(
                prop_oneof![8 => -6f32..6.0, 1 => Just(f32::NAN), 1 => Just(100f32)], 12),
            confidence in prop_oneof![0f32..1.0, Just(0.0), Just(1.0)],
        ) {
            let head = Head::Detr { classes: 3, queries: 4 };
            let boxes = [FRACTIONS; 4];
            let outputs: [(&[usize], &[f32]); 2] =
                [(&[4, 3], &logits), (&[4, 4], boxes.as_flattened())];
            let thresholds = Thresholds { confidence, ..Thresholds::default() };
            let found = decode(head, &outputs, &thresholds).unwrap();
            let mut scores: Vec<f32> = logits
                .iter()
                .map(|logit| 1.0 / (1.0 + (-logit).exp()))
                .filter(|score| *score > confidence)
                .collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores.truncate(4);
            let found: Vec<f32> = found.iter().map(|d| d.score).collect();
            prop_assert_eq!(found, scores);
        }
    }
}
