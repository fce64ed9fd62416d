//! What came out of a model: the second step, from the names and shapes of its outputs.
//!
//! A detector's output has one row (or column) per candidate box, and how many there are follows
//! from the input's size: one per cell of each grid, or three with the anchor boxes of YOLOv5 and
//! v7. Together with the number of values per candidate that tells the layouts apart. Transformers
//! have no grid: they are told by having two or three outputs.
//!
//! [`single`] knows the layouts of one output, [`several`] those of more, [`small`] those of networks
//! for small devices, [`classify`] those without boxes, [`tasks`] those that say more of an object than its box, and [`habits`] how
//! pictures are prepared for each.

mod classify;
mod habits;
mod several;
mod single;
mod small;
mod tasks;

use super::classifier;
use super::error::ModelError;
use super::input::{InputPlan, unsupported};
use super::labels;
use super::names;
use super::onnx::{ElemType, OnnxInfo};
use super::wishes::Wishes;
use super::{Head, HeadKind, LabelsSource, ModelSpec, OutputRef};

/// The most values of an output, for all pictures of a run: 1 GiB. The largest models that people run
/// on one picture have a tenth of it.
const MAX_VALUES: usize = 1 << 28;

/// An output as it is when the model runs.
#[derive(Debug)]
struct Output<'a> {
    index: usize,
    name: &'a str,
    shape: &'a [usize],
    elem_type: ElemType,
}

impl Output<'_> {
    fn is_float(&self) -> bool {
        self.elem_type.is_float()
    }

    /// The last axis.
    fn columns(&self) -> Option<usize> {
        self.shape.last().copied()
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
    let wishes = Wishes {
        labels: user_labels,
        ..Wishes::default()
    };
    recognise_as(info, plan, output_shapes, &wishes)
}

/// As [`recognise`], with what the user says of the model.
pub fn recognise_as(
    info: &OnnxInfo,
    plan: &InputPlan,
    output_shapes: &[(String, Vec<usize>)],
    wishes: &Wishes,
) -> Result<ModelSpec, ModelError> {
    let refuse = |why: String| unsupported(info, output_shapes, why);
    let seen = Seen {
        info,
        plan,
        outputs: outputs(info, output_shapes),
    };
    check_sizes(&seen).map_err(refuse)?;
    let known = names_of(info, wishes)?;
    let readings = readings(&seen, &known, wishes).map_err(refuse)?;
    let (reading, doubts) = choose(readings, &known, wishes).map_err(refuse)?;
    let output = |index: &usize| OutputRef {
        index: *index,
        name: output_shapes[*index].0.clone(),
    };
    let outputs: Vec<_> = reading.outputs.iter().map(output).collect();
    let beside = names_beside(wishes, &reading.head, &outputs)?;
    let (labels, labels_source) = labels_of(known, beside, wishes, reading.head.classes())?;
    Ok(ModelSpec {
        input: habits::input_spec(&seen, &reading, wishes).map_err(refuse)?,
        outputs,
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

/// Whether there is something in every output, and not too much. An output that is empty on the
/// picture of the trial, and not by what the file says, is a model that found nothing.
fn check_sizes(seen: &Seen) -> Result<(), String> {
    for output in &seen.outputs {
        let values = (output.shape.iter()).try_fold(1usize, |all, axis| all.checked_mul(*axis));
        let said = seen.info.outputs.get(output.index);
        if said.is_some_and(|said| said.dims.iter().any(|dim| dim.fixed() == Some(0))) {
            return Err(format!("its output {:?} never holds anything", output.name));
        }
        if values.is_none_or(|values| values > MAX_VALUES) {
            return Err(format!(
                "its output {:?} of shape {:?} has more than {MAX_VALUES} values",
                output.name, output.shape
            ));
        }
    }
    Ok(())
}

/// The names that the model's metadata have. Where they are damaged that is an error, unless the
/// user gives some.
fn names_of(info: &OnnxInfo, wishes: &Wishes) -> Result<Option<Vec<String>>, ModelError> {
    let beside = wishes.sidecar.as_ref().is_some_and(|s| s.names.is_some());
    match info.metadata.get("names").map(|text| names::parse(text)) {
        Some(Err(why)) if wishes.labels.is_none() && !beside => Err(ModelError::Names { why }),
        Some(names) => Ok(names.ok()),
        None => Ok(None),
    }
}

/// All ways to read the outputs, the likeliest first, at least one; or those that are asked for.
fn readings(
    seen: &Seen,
    metadata: &Option<Vec<String>>,
    wishes: &Wishes,
) -> Result<Vec<Reading>, String> {
    let asked = wishes.head();
    let kind = asked.as_ref().map(|(kind, _)| *kind);
    let known = said(metadata, wishes).map(|(classes, _)| classes);
    let labels = wishes.labels.as_ref().map(Vec::len);
    let mut readings: Vec<Reading> = classify::reading(seen, kind)?.into_iter().collect();
    if readings.is_empty() {
        readings.extend(tasks::reading(seen, kind, known.or(labels))?);
    }
    if readings.is_empty() {
        readings.extend(small::readings(seen));
        readings.extend(several::readings(seen, kind));
    }
    if readings.is_empty() {
        readings = single::readings(seen, kind)?;
    }
    if let Some((kind, who)) = asked {
        let possible: Vec<&str> = readings.iter().map(|r| r.kind.as_str()).collect();
        let why = format!(
            "{who} asks for {}, which its outputs do not have the shapes of; they have those of {}",
            kind.as_str(),
            possible.join(", ")
        );
        readings.retain(|reading| reading.kind == kind);
        if readings.is_empty() {
            return Err(why);
        }
    }
    Ok(readings)
}

/// How many classes there are, and who says so: the file beside the model, or its metadata.
fn said(metadata: &Option<Vec<String>>, wishes: &Wishes) -> Option<(usize, String)> {
    let beside = wishes.sidecar.as_ref();
    let beside = beside.and_then(|s| Some((s.classes()?, format!("{:?} speaks of", s.path))));
    beside.or_else(|| Some((metadata.as_ref()?.len(), "its metadata names".into())))
}

/// The reading whose class count is the one that somebody speaks of (the file beside the model, its
/// metadata, or else the user's labels), else the first; and what else the model may be.
fn choose(
    mut readings: Vec<Reading>,
    metadata: &Option<Vec<String>>,
    wishes: &Wishes,
) -> Result<(Reading, Vec<HeadKind>), String> {
    let said = said(metadata, wishes);
    let labels = wishes.labels.as_ref().map(Vec::len);
    let classes = said.as_ref().map(|(classes, _)| *classes).or(labels);
    let matches = |reading: &Reading| {
        let has = reading.head.classes();
        has.is_none() || has == classes
    };
    let at = match (readings.iter().position(matches), said) {
        (Some(at), _) => at,
        (None, Some((classes, who))) => {
            let has = readings.first().and_then(|reading| reading.head.classes());
            return Err(format!(
                "its output has {} classes, but {who} {classes}",
                has.unwrap_or(0),
            ));
        }
        (None, None) => 0,
    };
    let reading = readings.remove(at);
    let rivals = readings.iter().filter(|rival| {
        rival.kind != reading.kind && rival.head.classes() == reading.head.classes()
    });
    let doubts = rivals.map(|rival| rival.kind).collect();
    Ok((reading, doubts))
}

/// The names that the file beside the model has, of all classes or output by output.
fn names_beside(
    wishes: &Wishes,
    head: &Head,
    outputs: &[OutputRef],
) -> Result<Option<Vec<String>>, ModelError> {
    let Some(sidecar) = &wishes.sidecar else {
        return Ok(None);
    };
    match head
        .class_heads()
        .filter(|_| !sidecar.output_names.is_empty())
    {
        Some(heads) if sidecar.names.is_none() => {
            let names = classifier::names_by_output(&sidecar.output_names, outputs, heads);
            names.map(Some).map_err(|why| ModelError::Sidecar {
                path: sidecar.path.clone(),
                why,
            })
        }
        _ => Ok(sidecar.names.clone()),
    }
}

/// The names of a model's classes, from who is asked first.
fn labels_of(
    metadata: Option<Vec<String>>,
    beside: Option<Vec<String>>,
    wishes: &Wishes,
    classes: Option<usize>,
) -> Result<(Vec<String>, LabelsSource), ModelError> {
    match beside {
        Some(names) if wishes.labels.is_none() => Ok((names, LabelsSource::Sidecar)),
        _ => labels::choose(wishes.labels.clone(), metadata, classes),
    }
}

#[cfg(test)]
pub(super) mod tests;
