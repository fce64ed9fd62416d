//! Classifiers: an output `[N, classes]`, or with further axes of 1, for each question that the model
//! answers.
//!
//! Such an output may as well be the features of a picture, and what its values are cannot be seen:
//! so somebody has to say it (the metadata, the file beside the model, the user), or the graph ends
//! in an operator that makes scores.

use super::{Output, Reading, Seen};
use crate::model::classifier::says_classify;
use crate::model::{ClassHead, Head, HeadKind, Scores};

/// Operators that make scores, 0..=1.
const SCORING: [&str; 3] = ["Softmax", "Sigmoid", "HardSigmoid"];

/// How the outputs are read where they are a classifier's; `None` where they are not.
pub(super) fn reading(seen: &Seen, asked: Option<HeadKind>) -> Result<Option<Reading>, String> {
    let asked_scores = asked.and_then(HeadKind::scores);
    if asked.is_some() && asked_scores.is_none() {
        return Ok(None);
    }
    let is_said = asked_scores.is_some() || says_classify(seen.info);
    let Some(heads) = heads(seen, is_said)? else {
        return Ok(None);
    };
    let ends_in = |output: &Output| ends_in(seen, output);
    let kind = match asked {
        Some(kind) => {
            let scored = seen.outputs.iter().find_map(|o| Some((o, ends_in(o)?)));
            if let Some((output, operator)) = scored.filter(|_| kind != HeadKind::Classify) {
                return Err(format!(
                    "head {} takes its values for logits, but its output {:?} has gone through \
                     {operator} already: head classify is right",
                    kind.as_str(),
                    output.name
                ));
            }
            kind
        }
        None => {
            let unknown = (seen.outputs.iter()).find(|output| ends_in(output).is_none());
            if let Some(output) = unknown.filter(|_| !says_classify(seen.info)) {
                return Err(ambiguous(output));
            }
            HeadKind::Classify
        }
    };
    let scores = kind.scores().unwrap_or(Scores::Final);
    let head = |classes| ClassHead { classes, scores };
    Ok(Some(Reading {
        kind,
        head: Head::Classify {
            heads: heads.into_iter().map(head).collect(),
        },
        outputs: seen.outputs.iter().map(|output| output.index).collect(),
    }))
}

/// The operator that an output ends in, if that makes scores.
fn ends_in(seen: &Seen, output: &Output) -> Option<&'static str> {
    let operator = seen.info.last_operators.get(output.index)?;
    SCORING.into_iter().find(|name| name == operator)
}

/// The number of classes of each output; `None` where one of them is no classifier's, which is an
/// error where it `is_said` that the model is one.
fn heads(seen: &Seen, is_said: bool) -> Result<Option<Vec<usize>>, String> {
    if seen.outputs.is_empty() {
        return Ok(None);
    }
    let mut heads = Vec::new();
    for output in &seen.outputs {
        match classes(output, is_said, ends_in(seen, output).is_some()) {
            Some(classes) => heads.push(classes),
            None if is_said => {
                return Err(format!(
                    "it is said to be a classifier, but its output {:?} is {} {:?}: each output of \
                     one is [N, classes] or [N, classes, 1, 1] of f32 or f16",
                    output.name, output.elem_type, output.shape
                ));
            }
            None => return Ok(None),
        }
    }
    Ok(Some(heads))
}

/// How many classes an output has values of. Where nobody says that it is a classifier's, only those
/// shapes count that no detector has; a grid of one cell is one where it has scores.
fn classes(output: &Output, is_said: bool, is_scored: bool) -> Option<usize> {
    let [_, axes @ ..] = output.shape else {
        return None;
    };
    let classes = *axes.iter().max()?;
    let is_list = axes.iter().filter(|axis| **axis != 1).count() <= 1 && classes > 0;
    let is_usual = match axes {
        [_] => true,
        [_, 1, 1] => is_scored,
        _ => false,
    };
    (is_list && output.is_float() && (is_said || is_usual)).then_some(classes)
}

fn ambiguous(output: &Output) -> String {
    format!(
        "its output {:?} {:?} may be a classifier's, or the features of a picture, and does not end in \
         Softmax or Sigmoid: the property head (or boxes.head in the file beside the model) has to \
         say what its values are: classify-logits where one class is right, as with the models of \
         torchvision and timm, classify-sigmoid where each class holds or not, classify where they \
         are scores already",
        output.name, output.shape
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recognise::tests::{Metadata, ULTRALYTICS, info};
    use crate::model::{ChannelOrder, ModelSpec, Sidecar, Wishes, plan_input_as, recognise_as};
    use crate::preprocess::letterbox::Fit;
    use std::path::Path;

    /// Each with the operator that it ends in.
    type Outputs<'a> = &'a [(&'a str, &'a str)];

    const I224: &str = "images f32 1,3,224,224";
    const TASK: (&str, &str) = ("task", "classify");

    /// What a model of these outputs is, each with the operator it ends in.
    fn recognise(
        outputs: Outputs,
        metadata: Metadata,
        head: Option<HeadKind>,
        card: Option<&str>,
    ) -> Result<ModelSpec, String> {
        let names: Vec<_> = outputs.iter().map(|(output, _)| *output).collect();
        let mut info = info(&[I224], &names, metadata);
        info.last_operators = outputs.iter().map(|(_, last)| last.to_string()).collect();
        let card = card.map(|text| Sidecar::parse(Path::new("m.toml"), text).unwrap());
        let wishes = Wishes {
            head,
            sidecar: card,
            ..Wishes::default()
        };
        let plan = plan_input_as(&info, None, &wishes).map_err(|error| error.to_string())?;
        let shapes = info.fixed_output_shapes().unwrap();
        recognise_as(&info, &plan, &shapes, &wishes).map_err(|error| error.to_string())
    }

    #[test]
    fn classifiers_are_known_by_who_says_so_or_by_their_last_operator() {
        use HeadKind::{Classify, ClassifyLogits, ClassifySigmoid};
        let table: [(Outputs, Metadata, _, _, &[usize]); 9] = [
            (&[("o f32 1,10", "Softmax")], &[], None, Classify, &[10]),
            (&[("o f32 1,10", "Sigmoid")], &[], None, Classify, &[10]),
            (&[("o f32 1,10", "Gemm")], &[TASK], None, Classify, &[10]),
            (
                &[("o f32 1,10", "Gemm")],
                &[],
                Some(ClassifyLogits),
                ClassifyLogits,
                &[10],
            ),
            (
                &[("o f32 1,10", "Gemm")],
                &[],
                Some(ClassifySigmoid),
                ClassifySigmoid,
                &[10],
            ),
            (
                &[("o f32 1,10", "Gemm")],
                &[],
                Some(Classify),
                Classify,
                &[10],
            ),
            // As OpenVINO's vehicle attributes.
            (
                &[
                    ("color f32 1,7,1,1", "Softmax"),
                    ("type f32 1,4,1,1", "Softmax"),
                ],
                &[],
                None,
                Classify,
                &[7, 4],
            ),
            // A single class, and axes that only somebody who knows may call a classifier's.
            (&[("o f32 1,1", "Sigmoid")], &[], None, Classify, &[1]),
            (
                &[("o f32 1,1,5", "Gemm")],
                &[],
                Some(Classify),
                Classify,
                &[5],
            ),
        ];
        for (outputs, metadata, head, kind, classes) in table {
            let spec = recognise(outputs, metadata, head, None).unwrap();
            assert_eq!(spec.kind, kind, "{outputs:?}");
            let heads = spec.head.class_heads().unwrap();
            let found: Vec<_> = heads.iter().map(|head| head.classes).collect();
            assert_eq!(found, classes, "{outputs:?}");
            let scores = kind.scores().unwrap();
            assert!(heads.iter().all(|head| head.scores == scores));
            assert_eq!(spec.labels.len(), classes.iter().sum::<usize>());
        }
    }

    #[test]
    fn what_cannot_be_known_says_which_setting_decides() {
        let error = recognise(&[("o f32 1,512", "Gemm")], &[], None, None).unwrap_err();
        for part in [
            "\"o\" [1, 512]",
            "property head",
            "boxes.head",
            "classify-logits",
            "classify-sigmoid",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_is_said_and_what_is_there_must_agree() {
        let logits = Some(HeadKind::ClassifyLogits);
        let table: [(&str, &str, Metadata, _, &str); 4] = [
            (
                "o f32 1,10",
                "Softmax",
                &[],
                logits,
                "head classify is right",
            ),
            ("o f32 1,10,5", "Gemm", &[], logits, "[1, 10, 5]"),
            ("o i64 1,10", "Gemm", &[TASK], None, "i64"),
            ("o f32 1,84,1029", "Concat", &[TASK], None, "[N, classes]"),
        ];
        for (output, last, metadata, head, why) in table {
            let error = recognise(&[(output, last)], metadata, head, None).unwrap_err();
            assert!(error.contains(why), "{output}: {error}");
        }
        // Detectors stay detectors.
        let found = recognise(&[("o f32 1,84,1029", "Concat")], &[], None, None).unwrap();
        assert_eq!(found.kind, HeadKind::Yolov8);
    }

    #[test]
    fn pictures_are_prepared_as_those_who_made_the_model_do() {
        let gemm = &[("o f32 1,10", "Gemm")][..];
        let ours = recognise(gemm, &[TASK, ULTRALYTICS], None, None)
            .unwrap()
            .input;
        assert_eq!(
            (ours.fit, ours.mean, ours.std),
            (Fit::CentreCrop, [0.0; 3], [1.0; 3])
        );
        assert_eq!((ours.scale, ours.order), (1.0 / 255.0, ChannelOrder::Rgb));
        let theirs = recognise(gemm, &[], Some(HeadKind::ClassifyLogits), None).unwrap();
        assert_eq!(theirs.input.fit, Fit::Stretch);
        assert_eq!(theirs.input.mean, [0.485, 0.456, 0.406]);
        let plain = recognise(gemm, &[], Some(HeadKind::Classify), None).unwrap();
        assert_eq!(
            (plain.input.fit, plain.input.mean),
            (Fit::Stretch, [0.0; 3])
        );
        let card =
            "boxes.head = 'classify'\n[input]\nfit = 'centre-crop'\nscale = 1\ncolour = 'bgr'";
        let card = recognise(gemm, &[], None, Some(card)).unwrap().input;
        assert_eq!(
            (card.fit, card.scale, card.order),
            (Fit::CentreCrop, 1.0, ChannelOrder::Bgr)
        );
    }

    #[test]
    fn a_card_names_the_classes_of_each_output() {
        let outputs = &[
            ("color f32 1,2,1,1", "Softmax"),
            ("type f32 1,3,1,1", "Softmax"),
        ][..];
        let card = "[[outputs]]\nname = 'type'\nnames = ['car', 'van', 'bus']\n\
                    [[outputs]]\nname = 'color'\nnames = ['white', 'black']";
        let spec = recognise(outputs, &[], None, Some(card)).unwrap();
        assert_eq!(spec.labels, ["white", "black", "car", "van", "bus"]);
        let all = "classes.names = ['white', 'black', 'car', 'van', 'bus']";
        let spec = recognise(outputs, &[], None, Some(all)).unwrap();
        assert_eq!(spec.labels[2], "car");
        for (card, why) in [
            (
                "[[outputs]]\nname = 'type'\nnames = ['car', 'van', 'bus']",
                "none for \"color\"",
            ),
            (
                "[[outputs]]\nname = 'kind'\nnames = ['car']",
                "read are color, type",
            ),
            (
                "[[outputs]]\nname = 'color'\nnames = ['white']",
                "1 names for \"color\", which has 2",
            ),
            ("classes.names = ['white', 'black']", "5 classes"),
        ] {
            let error = recognise(outputs, &[], None, Some(card)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
