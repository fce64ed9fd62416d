//! What a model is, found out without asking the user: from the ONNX file itself ([`onnx`]), then
//! from the shapes that its outputs have.
//!
//! It takes two steps, because the outputs of a model with dynamic axes are only known once it has
//! run: [`plan_input`] says what to feed, an engine runs that once, [`recognise`] says what came
//! out. Where the file fixes all shapes ([`OnnxInfo::fixed_output_shapes`]) no run is needed.
//!
//! Everything here happens on the way to PAUSED, never on the streaming thread.

pub mod builtin;
mod coco;
mod error;
mod input;
mod labels;
mod names;
pub mod onnx;
mod proto;
mod recognise;
mod sniff;

pub use error::{ModelError, SUPPORTED};
pub use input::{InputPlan, SizeSource, plan_input};
pub use labels::{ClassSet, LabelsSource, class_items, numbered, parse_classes, parse_labels};
pub(crate) use onnx::open;
pub use onnx::{Dim, ElemType, OnnxInfo, TensorInfo, read};
pub use recognise::recognise;
pub(crate) use sniff::{Outline, looks_like, outline};

use crate::preprocess::letterbox::Fit;
use std::borrow::Cow;

/// Order of the colour channels in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// What a model wants to see: a tensor `[batch, 3, height, width]` of f32.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    /// As the graph names it.
    pub name: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures in each run; `None` for any number.
    pub batch: Option<usize>,
    /// Order of the channels.
    pub order: ChannelOrder,
    /// What a sample 0..=255 is multiplied by.
    pub scale: f32,
    /// How a frame is brought to the input's size.
    pub fit: Fit,
    /// Sample 0..=255 of the padding, the same in each channel.
    pub pad: u8,
}

/// Which output holds the boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRef {
    /// Among the model's outputs, in the file's order.
    pub index: usize,
    /// As the graph names it.
    pub name: String,
}

/// How the boxes are written in the output. Shapes are of one picture, without the batch axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// YOLOv8, v9, 11: `[4 + classes, anchors]`, rows `cx, cy, w, h` in input pixels, then a score
    /// for each class. With `transposed`, `[anchors, 4 + classes]`.
    V8 {
        /// Number of classes.
        classes: usize,
        /// Number of candidate boxes.
        anchors: usize,
        /// One candidate after the other, in place of one value after the other.
        transposed: bool,
    },
    /// YOLOv5, v7, and YOLOX exported with its decoding: `[anchors, 5 + classes]`, columns
    /// `cx, cy, w, h` in input pixels, objectness, then a score for each class.
    V5 {
        /// Number of classes.
        classes: usize,
        /// Number of candidate boxes.
        anchors: usize,
    },
    /// YOLOX as its own tools export it: as `V5`, with `cx, cy` relative to the cell of a grid and
    /// `w, h` as logarithms, in units of the grid's stride.
    YoloxRaw {
        /// Number of classes.
        classes: usize,
        /// Input pixels per cell of each grid, in the order of the rows.
        strides: Vec<u32>,
    },
    /// Finished boxes, `[max, 6]`: `x1, y1, x2, y2` in input pixels, score, class.
    EndToEnd {
        /// Rows, of which those that are not needed have score 0; a model with dynamic axes may
        /// give more or fewer.
        max: usize,
    },
}

impl Head {
    /// Number of classes, where the output's shape tells.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::V8 { classes, .. }
            | Self::V5 { classes, .. }
            | Self::YoloxRaw { classes, .. } => Some(*classes),
            Self::EndToEnd { .. } => None,
        }
    }

    /// Short name of the layout, for a log line or `stats`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::V8 { .. } => "yolov8",
            Self::V5 { .. } => "yolov5",
            Self::YoloxRaw { .. } => "yolox",
            Self::EndToEnd { .. } => "end-to-end",
        }
    }
}

/// Everything that is to be known of a model to feed it and to read what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// What goes in.
    pub input: InputSpec,
    /// Which output is read.
    pub output: OutputRef,
    /// How it is read.
    pub head: Head,
    /// Names by class id; empty where the number of classes is not known either.
    pub labels: Vec<String>,
    /// Where they come from.
    pub labels_source: LabelsSource,
}

impl ModelSpec {
    /// The name of a class, `class <id>` for one beyond the labels.
    pub fn label(&self, class: u32) -> Cow<'_, str> {
        match self.labels.get(class as usize) {
            Some(label) => Cow::Borrowed(label),
            None => Cow::Owned(numbered(class as usize)),
        }
    }
}
