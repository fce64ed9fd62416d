//! How the kernels read a model's outputs.

use crate::model::{Head, ModelSpec};
use vigil_nvidia::kernels::{HeadPlan, Layout, NumberType, Precision};
use vigil_nvidia::tensorrt::DataType;

/// The plan for a model whose outputs are of these types, in the head's order; `None` where the CPU
/// has to decode: the model gives more than boxes, its layout is none that the kernels know, or the
/// outputs are of other types than they read.
pub(super) fn plan(spec: &ModelSpec, outputs: &[DataType]) -> Option<HeadPlan> {
    let (layout, rows, classes) = match &spec.head {
        Head::V8 {
            classes,
            anchors,
            transposed,
        } => {
            let layout = if *transposed {
                Layout::V8Transposed
            } else {
                Layout::V8
            };
            (layout, *anchors, *classes)
        }
        Head::V5 { classes, anchors } => (Layout::V5, *anchors, *classes),
        Head::YoloxRaw { classes, strides } => (Layout::Yolox, cells(spec, strides), *classes),
        Head::YoloNas { classes, anchors } => (Layout::YoloNas, *anchors, *classes),
        Head::EndToEnd { max } => (Layout::EndToEnd, *max, 0),
        Head::Detr { classes, queries } => (Layout::Detr, *queries, *classes),
        Head::DetrRows { classes, queries } => (Layout::DetrRows, *queries, *classes),
        Head::DetrDecoded { queries, .. } => (Layout::DetrDecoded, *queries, 0),
        _ => return None,
    };
    let read = outputs.get(..layout.outputs())?;
    let (labels, floats) = match layout {
        Layout::DetrDecoded => (number_type(*read.first()?)?, &read[1..]),
        _ => (NumberType::Float32, read),
    };
    let precision = precision(floats.iter().copied())?;
    let grids = match &spec.head {
        Head::YoloxRaw { strides, .. } => strides.iter().map(|s| grid(spec, *s)).collect(),
        _ => Vec::new(),
    };
    Some(HeadPlan {
        layout,
        rows,
        classes,
        grids,
        precision,
        labels,
        size: [spec.input.width, spec.input.height],
    })
}

/// Columns, rows and stride of a grid over the input.
fn grid(spec: &ModelSpec, stride: u32) -> [u32; 3] {
    let stride = stride.max(1);
    let across = |side: u32| side.div_ceil(stride);
    [across(spec.input.width), across(spec.input.height), stride]
}

fn cells(spec: &ModelSpec, strides: &[u32]) -> usize {
    let cells = |stride: &u32| {
        let [columns, rows, _] = grid(spec, *stride);
        columns as usize * rows as usize
    };
    strides.iter().map(cells).sum()
}

/// The one type that all of them have.
fn precision(mut types: impl Iterator<Item = DataType>) -> Option<Precision> {
    let first = types.next()?;
    let precision = match first {
        DataType::Float => Precision::Single,
        DataType::Half => Precision::Half,
        _ => return None,
    };
    types.all(|kind| kind == first).then_some(precision)
}

fn number_type(kind: DataType) -> Option<NumberType> {
    Some(match kind {
        DataType::Float => NumberType::Float32,
        DataType::Half => NumberType::Float16,
        DataType::Int32 => NumberType::Int32,
        DataType::Int64 => NumberType::Int64,
        _ => return None,
    })
}
