//! What tells a classifier from a detector, and its heads.

use super::onnx::OnnxInfo;
use super::wishes::Wishes;
use super::{HeadKind, OutputRef};

/// What the values of a classifier's head are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scores {
    /// Scores already, 0..=1.
    Final,
    /// Logits of classes of which one is right: their softmax are the scores.
    Softmax,
    /// Logits of classes that each hold or not: the sigmoid of each is its score.
    Sigmoid,
}

/// A head of a classifier: one question that it answers, such as which colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassHead {
    /// How many answers there are. Class ids count on from head to head.
    pub classes: usize,
    /// What its values are.
    pub scores: Scores,
}

impl HeadKind {
    /// What the values of a classifier's heads are; `None` for a detector's layout.
    pub fn scores(self) -> Option<Scores> {
        match self {
            Self::Classify => Some(Scores::Final),
            Self::ClassifyLogits => Some(Scores::Softmax),
            Self::ClassifySigmoid => Some(Scores::Sigmoid),
            _ => None,
        }
    }
}

/// Whether the metadata say that the file is a classifier.
pub(super) fn says_classify(info: &OnnxInfo) -> bool {
    info.metadata
        .get("task")
        .is_some_and(|task| task == "classify")
}

/// Whether it is a classifier as far as that can be known before it has run: somebody says so, or
/// all outputs have two axes, which no detector's have.
pub(super) fn looks_like_one(info: &OnnxInfo, wishes: &Wishes) -> bool {
    match wishes.head() {
        Some((kind, _)) => kind.scores().is_some(),
        None => {
            says_classify(info)
                || !info.outputs.is_empty() && info.outputs.iter().all(|o| o.dims.len() == 2)
        }
    }
}

/// The names of all classes, head by head, from names for each output by its name.
///
/// # Errors
/// An output that is not read has names, one that is read has none, or not as many as classes.
pub(super) fn names_by_output(
    names: &[(String, Vec<String>)],
    outputs: &[OutputRef],
    heads: &[ClassHead],
) -> Result<Vec<String>, String> {
    let known = || {
        let known: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
        known.join(", ")
    };
    let is_read = |name: &String| outputs.iter().any(|output| output.name == *name);
    if let Some((name, _)) = names.iter().find(|(name, _)| !is_read(name)) {
        return Err(format!(
            "outputs has names for \"{name}\", but the outputs that are read are {}",
            known()
        ));
    }
    let mut all = Vec::new();
    for (output, head) in outputs.iter().zip(heads) {
        let Some((_, names)) = names.iter().find(|(name, _)| *name == output.name) else {
            return Err(format!(
                "outputs has names for some of the outputs, but none for \"{}\"",
                output.name
            ));
        };
        if names.len() != head.classes {
            return Err(format!(
                "outputs has {} names for \"{}\", which has {} classes",
                names.len(),
                output.name,
                head.classes
            ));
        }
        all.extend(names.iter().cloned());
    }
    Ok(all)
}
