//! What a model is, found out without asking the user: from the ONNX file itself ([`onnx`]), then
//! from the shapes that its outputs have.
//!
//! It takes two steps, because the outputs of a model with dynamic axes are only known once it has
//! run: [`plan_input`] says what to feed, an engine runs that once, [`recognise`] says what came
//! out. Where the file fixes all shapes ([`OnnxInfo::fixed_output_shapes`]) no run is needed.
//! [`plan_input_as`] and [`recognise_as`] do the same for a user who knows better ([`Wishes`]).
//!
//! Everything here happens on the way to PAUSED, never on the streaming thread.

pub mod builtin;
mod classifier;
mod coco;
mod constant;
mod error;
mod input;
mod labels;
mod names;
pub mod onnx;
mod proto;
mod recognise;
mod sidecar;
mod sniff;
mod task;
mod wishes;

pub use classifier::{ClassHead, Scores};
pub use constant::{ConstantInput, ConstantValues};
pub use error::{ModelError, SUPPORTED};
pub use input::{InputPlan, SizeSource, plan_input, plan_input_as};
pub use labels::{ClassSet, LabelsSource, class_items, numbered, parse_classes, parse_labels};
pub(crate) use onnx::open;
pub use onnx::{Dim, ElemType, OnnxInfo, TensorInfo, read};
pub use recognise::{recognise, recognise_as};
pub use sidecar::Sidecar;
pub(crate) use sniff::{Outline, looks_like, outline};
pub use task::Task;
pub use wishes::{InputWishes, Wishes, parse_head};

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
    /// With `mean` and `std`: a sample is `(level · scale − mean) / std`, of a level 0..=255.
    pub scale: f32,
    /// For each channel, in the order of `order`.
    pub mean: [f32; 3],
    /// For each channel, in the order of `order`.
    pub std: [f32; 3],
    /// How a frame is brought to the input's size.
    pub fit: Fit,
    /// Level 0..=255 of the padding, the same in each channel.
    pub pad: u8,
}

impl InputSpec {
    /// As most of the YOLO family is fed: RGB from 0 to 1, at the centre of grey bars.
    pub fn of_yolo(name: &str, (width, height): (u32, u32), batch: Option<usize>) -> Self {
        Self {
            name: name.into(),
            width,
            height,
            batch,
            order: ChannelOrder::Rgb,
            scale: 1.0 / 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            fit: Fit::LetterboxCenter,
            pad: 114,
        }
    }
}

/// An output that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRef {
    /// Among the model's outputs, in the file's order.
    pub index: usize,
    /// As the graph names it.
    pub name: String,
}

/// How the boxes are written in the outputs. Shapes are of one picture, without the batch axis.
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
    /// YOLOv5, v6, v7, and YOLOX exported with its decoding: `[anchors, 5 + classes]`, columns
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
    /// NanoDet: `[anchors, classes + 4·bins]`, columns of a score for each class, then for each
    /// side of the box how likely it is to be 0, 1, 2, … strides away from the cell. Or an output
    /// `[cells, classes]` for each grid, then an output `[cells, 4·bins]` for each.
    NanoDet {
        /// Number of classes.
        classes: usize,
        /// Input pixels per cell of each grid, in the order of the rows.
        strides: Vec<u32>,
        /// Distances of a distribution.
        bins: usize,
        /// Distances are from the cell's centre, in place of its top left corner (NanoDet-Plus).
        centred: bool,
        /// Each grid has outputs of its own.
        split: bool,
    },
    /// FastestDet: `[5 + classes, rows, columns]`, planes of objectness, offset of the centre, width
    /// and height, then a score for each class.
    FastestDet {
        /// Number of classes.
        classes: usize,
        /// Input pixels per cell.
        stride: u32,
    },
    /// YOLO-NAS: boxes `[anchors, 4]`, `x1, y1, x2, y2` in input pixels, and scores
    /// `[anchors, classes]`.
    YoloNas {
        /// Number of classes.
        classes: usize,
        /// Number of candidate boxes.
        anchors: usize,
    },
    /// Finished boxes, `[max, 6]`: `x1, y1, x2, y2` in input pixels, score, class.
    EndToEnd {
        /// Rows, of which those that are not needed have score 0; a model with dynamic axes may
        /// give more or fewer.
        max: usize,
    },
    /// Queries of a transformer: logits `[queries, classes]`, boxes `[queries, 4]`: `cx, cy, w, h`
    /// as fractions of the input.
    Detr {
        /// Number of classes.
        classes: usize,
        /// Number of candidate boxes.
        queries: usize,
    },
    /// Queries as Ultralytics exports RT-DETR: `[queries, 4 + classes]`, columns `cx, cy, w, h` as
    /// fractions of the input, then a score for each class.
    DetrRows {
        /// Number of classes.
        classes: usize,
        /// Number of candidate boxes.
        queries: usize,
    },
    /// Queries with their post-processing inside: class ids `[queries]`, boxes `[queries, 4]`
    /// `x1, y1, x2, y2` in input pixels, scores `[queries]`.
    DetrDecoded {
        /// Number of classes, where the file tells.
        classes: Option<usize>,
        /// Number of boxes.
        queries: usize,
    },
    /// As `V8`, with what the task adds behind the classes: `[4 + classes + values, anchors]`.
    V8Task {
        /// Number of classes.
        classes: usize,
        /// Number of candidate boxes.
        anchors: usize,
        /// What else is said of each object.
        task: Task,
    },
    /// As `EndToEnd`, with what the task adds behind the class: `[max, 6 + values]`. Oriented boxes
    /// are `cx, cy, w, h` in place of corners.
    EndToEndTask {
        /// Rows; a model with dynamic axes may give more or fewer.
        max: usize,
        /// What else is said of each object.
        task: Task,
    },
    /// Classes of the whole picture in place of boxes: an output `[classes]`, or with further axes
    /// of 1, for each head.
    Classify {
        /// In the order of the outputs that are read.
        heads: Vec<ClassHead>,
    },
}

impl Head {
    /// Number of classes, where the file tells.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::V8 { classes, .. }
            | Self::V5 { classes, .. }
            | Self::YoloxRaw { classes, .. }
            | Self::NanoDet { classes, .. }
            | Self::FastestDet { classes, .. }
            | Self::YoloNas { classes, .. }
            | Self::Detr { classes, .. }
            | Self::DetrRows { classes, .. }
            | Self::V8Task { classes, .. } => Some(*classes),
            Self::DetrDecoded { classes, .. } => *classes,
            Self::Classify { heads } => Some(heads.iter().map(|head| head.classes).sum()),
            Self::EndToEnd { .. } | Self::EndToEndTask { .. } => None,
        }
    }

    /// Whether each object has one box only, so that none is to be suppressed.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::EndToEnd { .. }
            | Self::EndToEndTask { .. }
            | Self::Detr { .. }
            | Self::DetrRows { .. }
            | Self::DetrDecoded { .. }
            | Self::Classify { .. } => true,
            Self::V8 { .. }
            | Self::V5 { .. }
            | Self::YoloxRaw { .. }
            | Self::NanoDet { .. }
            | Self::FastestDet { .. }
            | Self::YoloNas { .. }
            | Self::V8Task { .. } => false,
        }
    }

    /// The heads of a classifier; `None` for a detector.
    pub fn class_heads(&self) -> Option<&[ClassHead]> {
        match self {
            Self::Classify { heads } => Some(heads),
            _ => None,
        }
    }

    /// What is said of each object besides its box; `None` for nothing.
    pub fn task(&self) -> Option<Task> {
        match self {
            Self::V8Task { task, .. } | Self::EndToEndTask { task, .. } => Some(*task),
            _ => None,
        }
    }
}

/// A layout of outputs with the habits of those who use it, by the name that cards give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind {
    /// [`Head::V8`] of Ultralytics.
    Yolov8,
    /// [`Head::V5`] of Ultralytics.
    Yolov5,
    /// [`Head::V5`] of YOLOv6, whose objectness is always 1.
    Yolov6,
    /// [`Head::YoloxRaw`], or [`Head::V5`] where the graph decodes.
    Yolox,
    /// [`Head::NanoDet`].
    NanoDet,
    /// [`Head::FastestDet`].
    FastestDet,
    /// [`Head::YoloNas`].
    YoloNas,
    /// [`Head::EndToEnd`].
    EndToEnd,
    /// [`Head::Detr`].
    Detr,
    /// [`Head::DetrRows`].
    DetrRows,
    /// [`Head::DetrDecoded`].
    DetrDecoded,
    /// [`Head::V8Task`] with masks.
    Yolov8Segment,
    /// [`Head::V8Task`] with keypoints.
    Yolov8Pose,
    /// [`Head::V8Task`] with angles.
    Yolov8Oriented,
    /// [`Head::EndToEndTask`] with masks.
    EndToEndSegment,
    /// [`Head::EndToEndTask`] with keypoints.
    EndToEndPose,
    /// [`Head::EndToEndTask`] with angles.
    EndToEndOriented,
    /// [`Head::Classify`] whose values are scores.
    Classify,
    /// [`Head::Classify`] whose values are logits of classes of which one is right.
    ClassifyLogits,
    /// [`Head::Classify`] whose values are logits of classes that each hold for themselves.
    ClassifySigmoid,
}

impl HeadKind {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Yolov8,
        Self::Yolov5,
        Self::Yolov6,
        Self::Yolox,
        Self::NanoDet,
        Self::FastestDet,
        Self::YoloNas,
        Self::EndToEnd,
        Self::Detr,
        Self::DetrRows,
        Self::DetrDecoded,
        Self::Yolov8Segment,
        Self::Yolov8Pose,
        Self::Yolov8Oriented,
        Self::EndToEndSegment,
        Self::EndToEndPose,
        Self::EndToEndOriented,
        Self::Classify,
        Self::ClassifyLogits,
        Self::ClassifySigmoid,
    ];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yolov8 => "yolov8",
            Self::Yolov5 => "yolov5",
            Self::Yolov6 => "yolov6",
            Self::Yolox => "yolox",
            Self::NanoDet => "nanodet",
            Self::FastestDet => "fastestdet",
            Self::YoloNas => "yolo-nas",
            Self::EndToEnd => "end-to-end",
            Self::Detr => "detr",
            Self::DetrRows => "detr-rows",
            Self::DetrDecoded => "detr-decoded",
            Self::Yolov8Segment => "yolov8-seg",
            Self::Yolov8Pose => "yolov8-pose",
            Self::Yolov8Oriented => "yolov8-obb",
            Self::EndToEndSegment => "end-to-end-seg",
            Self::EndToEndPose => "end-to-end-pose",
            Self::EndToEndOriented => "end-to-end-obb",
            Self::Classify => "classify",
            Self::ClassifyLogits => "classify-logits",
            Self::ClassifySigmoid => "classify-sigmoid",
        }
    }
}

/// Everything that is to be known of a model to feed it and to read what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// What goes in.
    pub input: InputSpec,
    /// Which outputs are read, in the order in which the head names them.
    pub outputs: Vec<OutputRef>,
    /// Whose layout it is.
    pub kind: HeadKind,
    /// Other layouts that the file would fit as well, for as many classes.
    pub doubts: Vec<HeadKind>,
    /// How they are read.
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
