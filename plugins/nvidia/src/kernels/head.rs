//! What is to be made of a model's outputs, and the memory that it takes.

use super::Precision;
use super::params::{Detected, HeadParams, Kept, MOST_GRIDS, ResultHeader};

/// How boxes are written in the outputs. Shapes are of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Layout {
    /// `[4 + classes, rows]`: rows of cx, cy, w, h in input pixels, then a score for each class.
    V8 = 0,
    /// `[rows, 4 + classes]`, the same.
    V8Transposed = 1,
    /// `[rows, 5 + classes]`: cx, cy, w, h in input pixels, objectness, a score for each class.
    V5 = 2,
    /// As `V5`, relative to the cells of grids, sizes as logarithms.
    Yolox = 3,
    /// Corners `[rows, 4]` in input pixels and scores `[rows, classes]`.
    YoloNas = 4,
    /// `[rows, 6]`: corners in input pixels, score, class.
    EndToEnd = 5,
    /// Logits `[rows, classes]` and fractions cx, cy, w, h `[rows, 4]`.
    Detr = 6,
    /// `[rows, 4 + classes]`: fractions cx, cy, w, h, a score for each class.
    DetrRows = 7,
    /// Labels `[rows]`, corners `[rows, 4]` in input pixels, scores `[rows]`.
    DetrDecoded = 8,
}

impl Layout {
    /// Whether the model has suppressed doubles itself.
    pub const fn is_finished(self) -> bool {
        matches!(
            self,
            Self::EndToEnd | Self::Detr | Self::DetrRows | Self::DetrDecoded
        )
    }

    /// How many outputs are read.
    pub const fn outputs(self) -> usize {
        match self {
            Self::YoloNas | Self::Detr => 2,
            Self::DetrDecoded => 3,
            _ => 1,
        }
    }
}

/// Numbers of an output of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[allow(missing_docs, reason = "what they are called everywhere")]
pub enum NumberType {
    Float32 = 0,
    Float16 = 1,
    Int32 = 2,
    Int64 = 3,
}

/// What is to be made of the outputs of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadPlan {
    /// How boxes are written.
    pub layout: Layout,
    /// Boxes that the outputs have room for.
    pub rows: usize,
    /// Classes, where the outputs have a score for each; else 0.
    pub classes: usize,
    /// Columns, rows and stride of each grid of `Yolox`, at most four.
    pub grids: Vec<[u32; 3]>,
    /// Numbers of the outputs.
    pub precision: Precision,
    /// Numbers of the labels of `DetrDecoded`.
    pub labels: NumberType,
    /// Width and height of the input, in pixels.
    pub size: [u32; 2],
}

/// Candidates beyond the best so many are left out, as on the CPU.
pub const MOST_CONSIDERED: usize = 30_000;

/// Which detections are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// For each class, only boxes with a score above it; infinity for classes that are not wanted.
    /// Classes beyond have the last one. At least one.
    pub thresholds: Vec<f32>,
    /// Of two boxes of a class that overlap by more than this intersection over union, only the
    /// better one; not of models that have done that.
    pub iou: f32,
    /// At most so many boxes of a picture, the best ones.
    pub limit: usize,
}

/// Bytes of each picture that decoding needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scratch {
    /// Of keys.
    pub keys: usize,
    /// Of kept boxes.
    pub kept: usize,
    /// Of the result.
    pub result: usize,
}

impl HeadPlan {
    /// Places of the outputs that can hold a candidate.
    pub fn places(&self) -> usize {
        match self.layout {
            Layout::Detr => self.rows * self.classes,
            _ => self.rows,
        }
    }

    /// Numbers that an output holds for each picture.
    pub fn output_len(&self, output: usize) -> usize {
        let (rows, classes) = (self.rows, self.classes);
        match (self.layout, output) {
            (Layout::V8 | Layout::V8Transposed | Layout::DetrRows, _) => rows * (4 + classes),
            (Layout::V5 | Layout::Yolox, _) => rows * (5 + classes),
            (Layout::EndToEnd, _) => rows * 6,
            (Layout::YoloNas, 0) | (Layout::Detr | Layout::DetrDecoded, 1) => rows * 4,
            (Layout::YoloNas, _) | (Layout::Detr, _) => rows * classes,
            (Layout::DetrDecoded, _) => rows,
        }
    }

    /// Bytes of an output for each picture.
    pub fn output_bytes(&self, output: usize) -> usize {
        let number = match (self.layout, output, self.labels) {
            (Layout::DetrDecoded, 0, NumberType::Int64) => 8,
            (Layout::DetrDecoded, 0, NumberType::Float16) => 2,
            (Layout::DetrDecoded, 0, _) => 4,
            _ => self.precision.bytes(),
        };
        self.output_len(output) * number
    }

    fn capacity(&self) -> usize {
        self.places().next_power_of_two()
    }

    fn most_kept(&self) -> usize {
        self.places().min(MOST_CONSIDERED)
    }

    /// What each picture needs for as many detections.
    pub fn scratch(&self, limit: usize) -> Scratch {
        Scratch {
            keys: self.capacity() * size_of::<u64>(),
            kept: self.most_kept() * size_of::<Kept>(),
            result: result_bytes(self.limit(limit)),
        }
    }

    /// Most detections of a picture: no more than there are rows.
    pub fn limit(&self, wanted: usize) -> usize {
        wanted.min(self.rows)
    }

    /// The kernels' parameters, without addresses.
    pub fn params(&self, wanted: &Wanted) -> HeadParams {
        let lowest = wanted
            .thresholds
            .iter()
            .copied()
            .fold(f32::INFINITY, f32::min);
        let lowest = lowest.max(0.0);
        let limit = self.limit(wanted.limit);
        let mut grid = [[0; 3]; MOST_GRIDS];
        for (to, from) in grid.iter_mut().zip(&self.grids) {
            *to = *from;
        }
        HeadParams {
            layout: self.layout as u32,
            labels: self.labels as u32,
            rows: self.rows as u32,
            classes: self.classes.max(1) as u32,
            known: wanted.thresholds.len().max(1) as u32,
            capacity: self.capacity() as u32,
            most_kept: self.most_kept() as u32,
            limit: limit as u32,
            considered: MOST_CONSIDERED as u32,
            stride: result_bytes(limit) as u32,
            size: self.size.map(|side| side as f32),
            least: match self.layout {
                Layout::Detr => least_logit(lowest),
                _ => lowest,
            },
            iou: if self.layout.is_finished() {
                1.0
            } else {
                wanted.iou
            },
            grids: self.grids.len().min(MOST_GRIDS) as u32,
            grid,
            ..Default::default()
        }
    }
}

/// Logits this much below the threshold's are not looked at: more than rounding can be wrong by.
const SLACK: f32 = 1e-3;

/// The logit below which no score is above the threshold.
fn least_logit(threshold: f32) -> f32 {
    let threshold = threshold.clamp(0.0, 1.0);
    (threshold / (1.0 - threshold)).ln() - SLACK
}

/// Bytes of a result with so many detections.
pub fn result_bytes(limit: usize) -> usize {
    (size_of::<ResultHeader>() + limit * size_of::<Detected>()).next_multiple_of(8)
}

/// Places of the outputs that can hold a candidate.
pub(super) fn places(head: &HeadParams) -> u32 {
    if head.layout == Layout::Detr as u32 {
        head.rows * head.classes
    } else {
        head.rows
    }
}
