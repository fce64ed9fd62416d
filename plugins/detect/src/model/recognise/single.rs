//! Layouts of one output.

use super::{Output, Reading, Seen};
use crate::model::onnx::OnnxInfo;
use crate::model::{Head, HeadKind, InputPlan};

/// Strides of the grids that detectors have: the usual three, the four of "P6" models, the four of
/// "P2" models for small objects, and the two of the "tiny" ones.
const STRIDE_SETS: [&[u32]; 4] = [&[8, 16, 32], &[8, 16, 32, 64], &[4, 8, 16, 32], &[16, 32]];
/// Anchor boxes per cell of YOLOv5 and v7.
const V5_BOXES_PER_CELL: usize = 3;
/// Values per finished box.
const END_TO_END_VALUES: usize = 6;

/// All layouts that the one output's shape allows, the likeliest first.
pub(super) fn readings(seen: &Seen) -> Result<Vec<Reading>, String> {
    let (output, rows, columns) = detections(seen)?;
    let shape = Shape {
        rows,
        columns,
        plan: seen.plan,
    };
    let heads = heads(seen.info, &shape);
    if heads.is_empty() {
        return Err(shape.why_unknown());
    }
    let reading = |(kind, head)| Reading {
        kind,
        head,
        outputs: vec![output.index],
    };
    Ok(heads.into_iter().map(reading).collect())
}

/// The output that holds the boxes, and its two axes after the batch.
fn detections<'a>(seen: &'a Seen) -> Result<(&'a Output<'a>, usize, usize), String> {
    let mut found = None;
    for output in &seen.outputs {
        match *output.shape {
            [_, rows, columns] if found.is_none() => found = Some((output, rows, columns)),
            [_, _, _] => return Err("it has several outputs with 3 axes in place of one".into()),
            // The three raw grids that YOLOv5 gives besides its boxes.
            [_, _, _, _, _] => {}
            _ => {
                return Err(format!(
                    "output {:?} has {} axes in place of 3",
                    output.name,
                    output.shape.len()
                ));
            }
        }
    }
    let found = found.ok_or("it has no output with 3 axes")?;
    if found.0.is_f32() {
        Ok(found)
    } else {
        Err(format!(
            "its output is of {}, not of f32",
            found.0.elem_type
        ))
    }
}

/// The two axes of the output, and the input that they are to be understood by.
struct Shape<'a> {
    rows: usize,
    columns: usize,
    plan: &'a InputPlan,
}

/// Cells of all grids of these strides on the input.
fn cells(plan: &InputPlan, strides: &[u32]) -> usize {
    let along = |side: u32, stride: u32| side.div_ceil(stride) as usize;
    strides
        .iter()
        .map(|&s| along(plan.width, s) * along(plan.height, s))
        .sum()
}

/// The strides of the grids that have so many cells.
pub(super) fn strides_with(plan: &InputPlan, wanted: usize) -> Option<&'static [u32]> {
    STRIDE_SETS
        .into_iter()
        .find(|strides| cells(plan, strides) == wanted)
}

impl Shape<'_> {
    fn strides_with(&self, cells: usize) -> Option<&'static [u32]> {
        strides_with(self.plan, cells)
    }

    fn why_unknown(&self) -> String {
        format!(
            "its output [N,{},{}] is no known detector's: an input of {}x{} has {} grid cells",
            self.rows,
            self.columns,
            self.plan.width,
            self.plan.height,
            cells(self.plan, STRIDE_SETS[0]),
        )
    }
}

/// All layouts that the shape allows, the likeliest first.
fn heads(info: &OnnxInfo, shape: &Shape) -> Vec<(HeadKind, Head)> {
    let Shape { rows, columns, .. } = *shape;
    let finished = (HeadKind::EndToEnd, Head::EndToEnd { max: rows });
    if says_end_to_end(info) && columns == END_TO_END_VALUES {
        return vec![finished];
    }
    let mut heads = Vec::new();
    if rows > 4 && shape.strides_with(columns).is_some() {
        let head = Head::V8 {
            classes: rows - 4,
            anchors: columns,
            transposed: false,
        };
        heads.push((HeadKind::Yolov8, head));
    }
    if columns > 5
        && rows.is_multiple_of(V5_BOXES_PER_CELL)
        && shape.strides_with(rows / V5_BOXES_PER_CELL).is_some()
    {
        let head = Head::V5 {
            classes: columns - 5,
            anchors: rows,
        };
        heads.push((HeadKind::Yolov5, head));
    }
    if let Some(strides) = shape.strides_with(rows).filter(|_| columns > 4) {
        heads.extend(one_row_per_cell(info, shape, strides));
    }
    if heads.is_empty() && columns == END_TO_END_VALUES {
        heads.push(finished);
    }
    heads
}

/// The layouts with a row for each cell.
fn one_row_per_cell(info: &OnnxInfo, shape: &Shape, strides: &[u32]) -> Vec<(HeadKind, Head)> {
    let Shape { rows, columns, .. } = *shape;
    let transposed = Head::V8 {
        classes: columns - 4,
        anchors: rows,
        transposed: true,
    };
    let mut heads = vec![(HeadKind::Yolov8, transposed)];
    if !from_ultralytics(info) && columns > 5 {
        // 84 values can be 80 classes or, with objectness, 79: nobody's number.
        let at = usize::from(columns - 4 == 80);
        heads.insert(at, (HeadKind::Yolox, yolox_head(info, shape, strides)));
    }
    heads
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
