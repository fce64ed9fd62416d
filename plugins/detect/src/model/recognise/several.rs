//! Layouts of several outputs.

use super::single::strides_with;
use super::{Output, Reading, Seen};
use crate::model::onnx::ElemType;
use crate::model::{Head, HeadKind};

/// What the outputs can be, the likeliest first; none where they are no such layout. What is `asked`
/// for need not be likely.
pub(super) fn readings(seen: &Seen, asked: Option<HeadKind>) -> Vec<Reading> {
    let finished = finished(seen).into_iter();
    let pair = pair(seen, asked).into_iter().flatten();
    finished.chain(pair).collect()
}

/// The output of this name.
fn named<'a>(seen: &'a Seen, name: &str) -> Option<&'a Output<'a>> {
    seen.outputs.iter().find(|output| output.name == name)
}

/// `labels`, `boxes` and `scores` of DETR-like models with their post-processing: by name or, where
/// they have others, by type and shape.
fn finished(seen: &Seen) -> Option<Reading> {
    let is_integer = |output: &Output| [ElemType::I32, ElemType::I64].contains(&output.elem_type);
    let rows = |output: &Output| match *output.shape {
        [_, rows] => Some(rows),
        _ => None,
    };
    let by_name = || {
        Some([
            named(seen, "labels")?,
            named(seen, "boxes")?,
            named(seen, "scores")?,
        ])
    };
    let by_shape = || {
        let [a, b, c] = &seen.outputs[..] else {
            return None;
        };
        let find = |wanted: &dyn Fn(&Output) -> bool| [a, b, c].into_iter().find(|o| wanted(o));
        Some([
            find(&|o| is_integer(o) && rows(o).is_some())?,
            find(&|o| o.is_float() && o.shape.len() == 3)?,
            find(&|o| o.is_float() && rows(o).is_some())?,
        ])
    };
    let [labels, boxes, scores] = by_name().or_else(by_shape)?;
    let queries = rows(labels)?;
    let fits = matches!(*boxes.shape, [_, n, 4] if n == queries)
        && rows(scores) == Some(queries)
        && (is_integer(labels) || labels.is_float())
        && boxes.is_float()
        && scores.is_float();
    fits.then(|| Reading {
        kind: HeadKind::DetrDecoded,
        head: Head::DetrDecoded {
            classes: seen.info.scored_classes,
            queries,
        },
        outputs: vec![labels.index, boxes.index, scores.index],
    })
}

/// Boxes `[N, Q, 4]` and as many rows of values for each class: by name, whatever other outputs
/// there are, or where there are two outputs, by shape. One of them for each cell of the grids is
/// YOLO-NAS.
fn pair(seen: &Seen, asked: Option<HeadKind>) -> Option<Vec<Reading>> {
    let by_name = |boxes, scores| Some((named(seen, boxes)?, named(seen, scores)?));
    let of_queries = by_name("pred_boxes", "logits").or_else(|| by_name("dets", "labels"));
    let (boxes, scores) = of_queries.or_else(|| pair_by_shape(seen))?;
    let ([_, rows, 4], [_, rows_of_scores, classes]) = (boxes.shape, scores.shape) else {
        return None;
    };
    let fits = rows == rows_of_scores && *classes > 0 && boxes.is_float() && scores.is_float();
    fits.then_some(())?;
    let (classes, rows) = (*classes, *rows);
    let detr = Reading {
        kind: HeadKind::Detr,
        head: Head::Detr {
            classes,
            queries: rows,
        },
        outputs: vec![scores.index, boxes.index],
    };
    let nas = Reading {
        kind: HeadKind::YoloNas,
        head: Head::YoloNas {
            classes,
            anchors: rows,
        },
        outputs: vec![boxes.index, scores.index],
    };
    let is_grid = of_queries.is_none() && strides_with(seen.plan, rows).is_some();
    if is_grid || asked == Some(HeadKind::YoloNas) {
        Some(vec![nas, detr])
    } else {
        Some(vec![detr])
    }
}

/// Which of two outputs are the boxes, and which the values for each class.
fn pair_by_shape<'a>(seen: &'a Seen) -> Option<(&'a Output<'a>, &'a Output<'a>)> {
    match &seen.outputs[..] {
        // With four classes both have the boxes' shape.
        [a, b] if a.shape == b.shape => match (a.name.contains("box"), b.name.contains("box")) {
            (true, false) => Some((a, b)),
            (false, true) => Some((b, a)),
            _ => None,
        },
        [a, b] if a.shape.last() == Some(&4) => Some((a, b)),
        [a, b] if b.shape.last() == Some(&4) => Some((b, a)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recognise::tests::{info, recognise_fixed};
    use crate::model::{InputSpec, LabelsSource, ModelSpec};
    use crate::preprocess::letterbox::Fit;

    const PICTURE: &str = "pixel_values f32 1,3,640,640";
    const SIZES: &str = "orig_target_sizes i64 1,2";

    fn recognise(inputs: &[&str], outputs: &[&str]) -> ModelSpec {
        recognise_fixed(&info(inputs, outputs, &[]), None).unwrap()
    }

    fn indices(spec: &ModelSpec) -> Vec<usize> {
        spec.outputs.iter().map(|output| output.index).collect()
    }

    #[test]
    fn finished_queries_are_known_by_name_or_by_type() {
        let head = Head::DetrDecoded {
            classes: None,
            queries: 300,
        };
        let table: [(&[&str], _); 4] = [
            (
                &["labels i64 1,300", "boxes f32 1,300,4", "scores f32 1,300"],
                [0, 1, 2],
            ),
            (
                &["scores f32 1,300", "labels i32 1,300", "boxes f32 1,300,4"],
                [1, 2, 0],
            ),
            (&["a f32 1,300", "b f32 1,300,4", "c i64 1,300"], [2, 1, 0]),
            // whatever else it gives
            (
                &[
                    "x f32 1,9",
                    "labels i64 1,300",
                    "boxes f32 1,300,4",
                    "scores f32 1,300",
                ],
                [1, 2, 3],
            ),
        ];
        for (outputs, expected) in table {
            let spec = recognise(&[PICTURE, SIZES], outputs);
            assert_eq!((&spec.head, spec.kind), (&head, HeadKind::DetrDecoded));
            assert_eq!(indices(&spec), expected, "{outputs:?}");
            assert_eq!(spec.input.fit, Fit::Stretch);
        }
    }

    #[test]
    fn the_layer_that_scores_classes_tells_how_many_there_are() {
        let outputs = ["labels i64 1,300", "boxes f32 1,300,4", "scores f32 1,300"];
        let mut info = info(&[PICTURE, SIZES], &outputs, &[]);
        info.scored_classes = Some(80);
        let spec = recognise_fixed(&info, None).unwrap();
        assert_eq!(spec.labels_source, LabelsSource::CocoAssumed);
        info.scored_classes = Some(2);
        let error = recognise_fixed(&info, Some(&["one"])).unwrap_err();
        assert!(error.to_string().contains("2 classes"), "{error}");
    }

    #[test]
    fn raw_queries_are_known_by_name_or_by_shape() {
        // outputs, classes, which outputs are logits and boxes
        let table: [(&[&str], _, _); 6] = [
            (
                &["logits f32 1,300,80", "pred_boxes f32 1,300,4"],
                80,
                [0, 1],
            ),
            (&["dets f32 1,300,4", "labels f32 1,300,91"], 91, [1, 0]),
            (&["a f32 1,300,7", "b f32 1,300,4"], 7, [0, 1]),
            (&["b f32 1,300,4", "a f32 1,300,7"], 7, [1, 0]),
            (&["x f32 1,300,4", "boxes f32 1,300,4"], 4, [0, 1]),
            (
                &[
                    "hidden f32 1,300,256",
                    "logits f32 1,300,80",
                    "pred_boxes f32 1,300,4",
                ],
                80,
                [1, 2],
            ),
        ];
        for (outputs, classes, expected) in table {
            let spec = recognise(&[PICTURE], outputs);
            let queries = 300;
            assert_eq!(spec.head, Head::Detr { classes, queries });
            assert_eq!(
                (spec.kind, indices(&spec)),
                (HeadKind::Detr, expected.into())
            );
        }
    }

    #[test]
    fn boxes_and_scores_for_each_cell_are_yolo_nas() {
        for (outputs, expected) in [
            (["boxes f32 1,8400,4", "scores f32 1,8400,80"], [0, 1]),
            (["a f32 1,8400,80", "b f32 1,8400,4"], [1, 0]),
        ] {
            let spec = recognise(&[PICTURE], &outputs);
            let (classes, anchors) = (80, 8400);
            assert_eq!(spec.head, Head::YoloNas { classes, anchors });
            assert_eq!(indices(&spec), expected);
            assert_eq!(spec.doubts, [HeadKind::Detr]);
            assert_eq!(
                (spec.input.fit, spec.input.mean),
                (Fit::LetterboxCenter, [0.0; 3])
            );
        }
        let named = ["logits f32 1,8400,80", "pred_boxes f32 1,8400,4"];
        assert_eq!(recognise(&[PICTURE], &named).kind, HeadKind::Detr);
    }

    #[test]
    fn only_models_on_dino_are_normalised_as_imagenet() {
        let input = |outputs: &[&str]| recognise(&[PICTURE], outputs).input;
        let plain = input(&["logits f32 1,300,80", "pred_boxes f32 1,300,4"]);
        let (scale, fit) = (1.0 / 255.0, Fit::Stretch);
        assert_eq!((plain.scale, plain.fit), (scale, fit));
        assert_eq!((plain.mean, plain.std), ([0.0; 3], [1.0; 3]));
        let normalised = InputSpec {
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            ..plain
        };
        for outputs in [
            ["dets f32 1,300,4", "labels f32 1,300,3"],
            ["logits f32 1,300,91", "pred_boxes f32 1,300,4"],
        ] {
            assert_eq!(input(&outputs), normalised);
        }
        let outputs = ["labels i64 1,300", "boxes f32 1,300,4", "scores f32 1,300"];
        let mut deim = info(&[PICTURE, SIZES], &outputs, &[]);
        deim.has_dino_weights = true;
        assert_eq!(recognise_fixed(&deim, None).unwrap().input, normalised);
    }

    #[test]
    fn classes_by_cocos_own_ids_have_their_names() {
        let spec = recognise(&[PICTURE], &["dets f32 1,300,4", "labels f32 1,300,91"]);
        assert_eq!(spec.labels_source, LabelsSource::CocoIdsAssumed);
        assert_eq!(
            (spec.label(1), spec.label(90)),
            ("person".into(), "toothbrush".into())
        );
    }

    #[test]
    fn outputs_that_do_not_belong_together_are_refused() {
        let table: [&[&str]; 5] = [
            &["labels i64 1,300", "boxes f32 1,200,4", "scores f32 1,300"],
            &["labels i64 1,300", "boxes f32 1,300,5", "scores f32 1,300"],
            &["labels i64 1,300", "boxes f32 1,300,4", "scores i64 1,300"],
            &["logits f32 1,300,80", "pred_boxes f32 1,200,4"],
            &["a f32 1,300,4", "b f32 1,300,4"],
        ];
        for outputs in table {
            let info = info(&[PICTURE, SIZES], outputs, &[]);
            assert!(recognise_fixed(&info, None).is_err(), "{outputs:?}");
        }
    }
}
