//! What came out of a model: the second step, from the names and shapes of its outputs.
//!
//! A detector's output has one row (or column) per candidate box, and how many there are follows
//! from the input's size: one per cell of each grid, or three with the anchor boxes of YOLOv5 and
//! v7. Together with the number of values per candidate that tells the layouts apart. Transformers
//! have no grid: they are told by having two or three outputs.
//!
//! [`single`] knows the layouts of one output, [`several`] those of more, [`habits`] how pictures
//! are prepared for each.

mod habits;
mod several;
mod single;

use super::error::ModelError;
use super::input::{InputPlan, unsupported};
use super::labels;
use super::names;
use super::onnx::{ElemType, OnnxInfo};
use super::{Head, HeadKind, ModelSpec, OutputRef};

/// An output as it is when the model runs.
#[derive(Debug)]
struct Output<'a> {
    index: usize,
    name: &'a str,
    shape: &'a [usize],
    elem_type: ElemType,
}

impl Output<'_> {
    fn is_f32(&self) -> bool {
        self.elem_type == ElemType::F32
    }
}

/// What is known of a model when its outputs are looked at.
struct Seen<'a> {
    info: &'a OnnxInfo,
    plan: &'a InputPlan,
    outputs: Vec<Output<'a>>,
}

/// One way to read the outputs.
#[derive(Debug)]
struct Reading {
    kind: HeadKind,
    head: Head,
    /// Indices of the outputs that are read, in the order in which the head names them.
    outputs: Vec<usize>,
}

/// What the model is, from the shapes of its outputs (in the file's order) when it ran with `plan`.
///
/// `user_labels` are the property `labels`. Fails for outputs that are no known detector's, and for
/// labels that are not as many as the model's classes.
pub fn recognise(
    info: &OnnxInfo,
    plan: &InputPlan,
    output_shapes: &[(String, Vec<usize>)],
    user_labels: Option<Vec<String>>,
) -> Result<ModelSpec, ModelError> {
    let refuse = |why: String| unsupported(info, output_shapes, why);
    let seen = Seen {
        info,
        plan,
        outputs: outputs(info, output_shapes),
    };
    let metadata_names = metadata_names(info, user_labels.is_some())?;
    let readings = readings(&seen).map_err(refuse)?;
    let names = metadata_names.as_ref().or(user_labels.as_ref());
    let (reading, doubts) =
        choose(readings, names.map(Vec::len), metadata_names.is_some()).map_err(refuse)?;
    let (labels, labels_source) =
        labels::choose(user_labels, metadata_names, reading.head.classes())?;
    let output = |index: &usize| OutputRef {
        index: *index,
        name: output_shapes[*index].0.clone(),
    };
    Ok(ModelSpec {
        input: habits::input_spec(&seen, &reading).map_err(refuse)?,
        outputs: reading.outputs.iter().map(output).collect(),
        kind: reading.kind,
        doubts,
        head: reading.head,
        labels,
        labels_source,
    })
}

fn outputs<'a>(info: &OnnxInfo, shapes: &'a [(String, Vec<usize>)]) -> Vec<Output<'a>> {
    shapes
        .iter()
        .enumerate()
        .map(|(index, (name, shape))| Output {
            index,
            name,
            shape,
            elem_type: info
                .outputs
                .get(index)
                .map_or(ElemType::F32, |output| output.elem_type),
        })
        .collect()
}

/// The names that the file has; where they are damaged, none if the user gives some.
fn metadata_names(info: &OnnxInfo, user_gives: bool) -> Result<Option<Vec<String>>, ModelError> {
    match info.metadata.get("names").map(|text| names::parse(text)) {
        Some(Err(why)) if !user_gives => Err(ModelError::Names { why }),
        Some(names) => Ok(names.ok()),
        None => Ok(None),
    }
}

/// All ways to read the outputs, the likeliest first, at least one.
fn readings(seen: &Seen) -> Result<Vec<Reading>, String> {
    let readings = several::readings(seen);
    if readings.is_empty() {
        single::readings(seen)
    } else {
        Ok(readings)
    }
}

/// The reading whose class count is the one that the model or the user speaks of, else the first;
/// and what else the model may be.
fn choose(
    mut readings: Vec<Reading>,
    classes: Option<usize>,
    file_says_so: bool,
) -> Result<(Reading, Vec<HeadKind>), String> {
    let matches = |reading: &Reading| {
        let has = reading.head.classes();
        has.is_none() || has == classes
    };
    let at = match readings.iter().position(matches) {
        Some(at) => at,
        None if file_says_so => {
            let has = readings.first().and_then(|reading| reading.head.classes());
            return Err(format!(
                "its output has {} classes, but its metadata names {}",
                has.unwrap_or(0),
                classes.unwrap_or(0)
            ));
        }
        None => 0,
    };
    let reading = readings.remove(at);
    let rivals = readings.iter().filter(|rival| {
        rival.kind != reading.kind && rival.head.classes() == reading.head.classes()
    });
    let doubts = rivals.map(|rival| rival.kind).collect();
    Ok((reading, doubts))
}

#[cfg(test)]
pub(super) mod tests;
