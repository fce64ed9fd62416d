//! What came out of a model: the second step, from the shapes of its outputs.
//!
//! A detector's output has one row (or column) per candidate box, and how many there are follows
//! from the input's size: one per cell of each grid, or three with the anchor boxes of YOLOv5 and
//! v7. Together with the number of values per candidate that tells the layouts apart.

use super::error::ModelError;
use super::input::{InputPlan, unsupported};
use super::labels;
use super::names;
use super::onnx::{ElemType, OnnxInfo};
use super::{ChannelOrder, Head, InputSpec, ModelSpec, OutputRef};
use crate::preprocess::letterbox::Fit;

/// Strides of the grids that detectors have: the usual three, the four of "P6" models, the four of
/// "P2" models for small objects, and the two of the "tiny" ones.
const STRIDE_SETS: [&[u32]; 4] = [&[8, 16, 32], &[8, 16, 32, 64], &[4, 8, 16, 32], &[16, 32]];
/// Anchor boxes per cell of YOLOv5 and v7.
const V5_BOXES_PER_CELL: usize = 3;
/// The key of the metadata that says how a picture is brought to the input's size.
const FIT: &str = "fit";
/// Values per finished box.
const END_TO_END_VALUES: usize = 6;

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
    let (index, rows, columns) = detections(info, output_shapes).map_err(refuse)?;
    let metadata_names = match info.metadata.get("names") {
        Some(text) => match names::parse(text) {
            Ok(names) => Some(names),
            Err(_) if user_labels.is_some() => None,
            Err(why) => return Err(ModelError::Names { why }),
        },
        None => None,
    };
    let shape = Shape {
        rows,
        columns,
        plan,
    };
    let readings = readings(info, &shape);
    // A layout whose class count is the one that the model or the user speaks of, else the first.
    let known = metadata_names
        .as_ref()
        .or(user_labels.as_ref())
        .map(Vec::len);
    let matching = readings
        .iter()
        .find(|r| r.head.classes().is_none() || r.head.classes() == known);
    let reading = match (matching, readings.first(), &metadata_names) {
        (Some(reading), ..) => reading,
        (None, Some(reading), None) => reading,
        (None, Some(reading), Some(names)) => {
            let classes = reading.head.classes().unwrap_or(0);
            return Err(refuse(format!(
                "its output has {classes} classes, but its metadata names {}",
                names.len()
            )));
        }
        (None, None, _) => return Err(refuse(shape.why_unknown())),
    };
    let (labels, labels_source) =
        labels::choose(user_labels, metadata_names, reading.head.classes())?;
    Ok(ModelSpec {
        input: input_spec(info, plan, reading.family).map_err(refuse)?,
        output: OutputRef {
            index,
            name: output_shapes[index].0.clone(),
        },
        head: reading.head.clone(),
        labels,
        labels_source,
    })
}

/// The output that holds the boxes: index, and the two axes after the batch.
fn detections(
    info: &OnnxInfo,
    shapes: &[(String, Vec<usize>)],
) -> Result<(usize, usize, usize), String> {
    let mut found = None;
    for (index, (name, shape)) in shapes.iter().enumerate() {
        match shape.as_slice() {
            [_, rows, columns] if found.is_none() => found = Some((index, *rows, *columns)),
            [_, _, _] => return Err("it has several outputs with 3 axes in place of one".into()),
            // The three raw grids that YOLOv5 gives besides its boxes.
            [_, _, _, _, _] => {}
            _ => {
                return Err(format!(
                    "output {name:?} has {} axes in place of 3",
                    shape.len()
                ));
            }
        }
    }
    let found = found.ok_or("it has no output with 3 axes")?;
    match info.outputs.get(found.0).map(|o| o.elem_type) {
        Some(elem_type) if elem_type != ElemType::F32 => {
            Err(format!("its output is of {elem_type}, not of f32"))
        }
        _ => Ok(found),
    }
}

/// The two axes of the output, and the input that they are to be understood by.
struct Shape<'a> {
    rows: usize,
    columns: usize,
    plan: &'a InputPlan,
}

impl Shape<'_> {
    /// Cells of all grids of these strides.
    fn cells(&self, strides: &[u32]) -> usize {
        let along = |side: u32, stride: u32| side.div_ceil(stride) as usize;
        strides
            .iter()
            .map(|&s| along(self.plan.width, s) * along(self.plan.height, s))
            .sum()
    }

    fn strides_with(&self, cells: usize) -> Option<&'static [u32]> {
        STRIDE_SETS
            .into_iter()
            .find(|strides| self.cells(strides) == cells)
    }

    fn why_unknown(&self) -> String {
        format!(
            "its output [N,{},{}] is no known detector's: an input of {}x{} has {} grid cells",
            self.rows,
            self.columns,
            self.plan.width,
            self.plan.height,
            self.cells(STRIDE_SETS[0]),
        )
    }
}

/// Whose preprocessing a model wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Ultralytics,
    Yolox,
}

struct Reading {
    head: Head,
    family: Family,
}

/// All layouts that the shape allows, the likeliest first.
fn readings(info: &OnnxInfo, shape: &Shape) -> Vec<Reading> {
    use Family::{Ultralytics, Yolox};
    let Shape { rows, columns, .. } = *shape;
    let mut readings = Vec::new();
    let mut add = |head, family| readings.push(Reading { head, family });
    if says_end_to_end(info) && columns == END_TO_END_VALUES {
        add(Head::EndToEnd { max: rows }, Ultralytics);
        return readings;
    }
    if rows > 4 && shape.strides_with(columns).is_some() {
        add(
            Head::V8 {
                classes: rows - 4,
                anchors: columns,
                transposed: false,
            },
            Ultralytics,
        );
    }
    if columns > 5
        && rows.is_multiple_of(V5_BOXES_PER_CELL)
        && shape.strides_with(rows / V5_BOXES_PER_CELL).is_some()
    {
        add(
            Head::V5 {
                classes: columns - 5,
                anchors: rows,
            },
            Ultralytics,
        );
    }
    if let Some(strides) = shape.strides_with(rows).filter(|_| columns > 4) {
        let transposed = Head::V8 {
            classes: columns - 4,
            anchors: rows,
            transposed: true,
        };
        let is_yolox = !from_ultralytics(info) && columns > 5;
        // 84 values can be 80 classes or, with objectness, 79: nobody's number.
        if is_yolox && columns - 4 != 80 {
            add(yolox_head(info, shape, strides), Yolox);
            add(transposed, Ultralytics);
        } else {
            add(transposed, Ultralytics);
            if is_yolox {
                add(yolox_head(info, shape, strides), Yolox);
            }
        }
    }
    if readings.is_empty() && columns == END_TO_END_VALUES {
        readings.push(Reading {
            head: Head::EndToEnd { max: rows },
            family: Ultralytics,
        });
    }
    readings
}

/// YOLOX' own exporter leaves the decoding of the grid to the reader, unless it is told otherwise.
/// What tells is the exponential of the width and height, which nothing else in the network needs.
fn yolox_head(info: &OnnxInfo, shape: &Shape, strides: &[u32]) -> Head {
    let classes = shape.columns - 5;
    if info.operators.contains("Exp") {
        Head::V5 {
            classes,
            anchors: shape.rows,
        }
    } else {
        Head::YoloxRaw {
            classes,
            strides: strides.to_vec(),
        }
    }
}

fn from_ultralytics(info: &OnnxInfo) -> bool {
    let has = |key| info.metadata.contains_key(key);
    info.metadata
        .get("author")
        .is_some_and(|author| author == "Ultralytics")
        || (has("names") && has("stride"))
}

/// Whether Ultralytics says that its boxes are finished: a head without NMS, or one inside.
fn says_end_to_end(info: &OnnxInfo) -> bool {
    let end2end = info.metadata.get("end2end").is_some_and(|v| v == "True");
    let args = info.metadata.get("args").map_or("", String::as_str);
    end2end || args.contains("'nms': True")
}

/// What the input is fed with: by habit of the family, or as the file itself says.
fn input_spec(info: &OnnxInfo, plan: &InputPlan, family: Family) -> Result<InputSpec, String> {
    let (order, scale, fit) = match family {
        Family::Ultralytics => (ChannelOrder::Rgb, 1.0 / 255.0, Fit::LetterboxCenter),
        Family::Yolox => (ChannelOrder::Bgr, 1.0, Fit::LetterboxTopLeft),
    };
    let fit = match info.metadata.get(FIT).map(String::as_str) {
        None => fit,
        Some(name) => Fit::from_name(name).ok_or_else(|| {
            format!(
                "its metadata asks for the fit {name:?}, where {} are known",
                Fit::ALL.map(Fit::as_str).join(", ")
            )
        })?,
    };
    Ok(InputSpec {
        name: plan.name.clone(),
        width: plan.width,
        height: plan.height,
        batch: plan.batch,
        order,
        scale,
        fit,
        pad: 114,
    })
}

#[cfg(test)]
pub(super) mod tests;
