//! What a model says, as boxes on the frame.
//!
//! Three stages: the file of the model's [`Head`] turns its outputs into candidates in input pixels
//! (one per box: its best class), [`nms`] leaves one candidate per object, and the letterbox is
//! undone on those that are left. Candidates stay in input pixels until then, as in the references:
//! a box that reaches into the padding competes whole and is clipped afterwards.
//!
//! Heads that say more of an object than its box are read by [`task`], whose [`Details`] go with the
//! detections. Classifiers, which have no boxes, are read by [`classify`]; their classes are among the
//! `Details` too.
//!
//! A [`Decoder`] belongs to one thread at a time, the one that receives an engine's outputs. Its
//! memory is reserved when it is made; from then on it allocates nothing for heads with a fixed
//! number of candidates.

mod classify;
mod detr;
mod end_to_end;
mod fastestdet;
mod grid;
mod nanodet;
mod nms;
mod task;
mod thresholds;
mod yolo_nas;
mod yolo_v5;
mod yolo_v8;
mod yolox;

pub use classify::{Class, HeadClasses};
pub use task::{Details, Keypoint, Mask, OrientedBox};
pub use thresholds::Thresholds;

use crate::model::{Head, ModelSpec};
use crate::preprocess::letterbox::Letterbox;
pub(crate) use nms::{area, intersection};

/// An object on the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Class id, an index into the model's labels.
    pub class: u32,
    /// Confidence, 0..=1.
    pub score: f32,
    /// Left, top, right, bottom in pixels of the frame; clipped to it, and with an area.
    pub xyxy: [f32; 4],
}

/// One output of a model for one picture.
#[derive(Debug, Clone, Copy)]
pub struct OutputView<'a> {
    /// Its axes, with or without a batch axis of 1 in front.
    pub shape: &'a [usize],
    /// Its values, row-major.
    pub data: &'a [f32],
}

impl<'a> OutputView<'a> {
    /// The share of picture `number`, without the batch axis, in this output of a run of `pictures`;
    /// `None` where it has no such axis.
    pub fn share(&self, number: usize, pictures: usize) -> Option<Self> {
        match *self.shape {
            [n, ref rest @ ..] if n == pictures && n > 0 => {
                let values = self.data.len() / n;
                let data = self.data.get(number * values..(number + 1) * values);
                Some(Self {
                    shape: rest,
                    data: data.unwrap_or_default(),
                })
            }
            _ => None,
        }
    }
}

/// An output that is not what the model's specification says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The engine gave fewer outputs than the model has.
    #[error("the engine gave {count} outputs, but output {index} is to be read")]
    MissingOutput {
        /// Number of outputs.
        count: usize,
        /// Index of one that is read.
        index: usize,
    },
    /// The output has another shape than when the model was opened.
    #[error("output of shape {shape:?} with {values} values, expected {expected:?}")]
    Shape {
        /// Shape that the engine gave.
        shape: Vec<usize>,
        /// Number of values that the engine gave.
        values: usize,
        /// Axes that the head needs; 0 for any length.
        expected: [usize; 2],
    },
    /// The prototypes of masks have another shape than when the model was opened.
    #[error("prototypes of shape {shape:?} with {values} values, expected {expected:?}")]
    Protos {
        /// Shape that the engine gave.
        shape: Vec<usize>,
        /// Number of values that the engine gave.
        values: usize,
        /// Channels, height and width.
        expected: [usize; 3],
    },
}

/// A box that a model proposes, in input pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub xyxy: [f32; 4],
    pub score: f32,
    pub class: u32,
}

/// Candidates that are wanted, as the heads find them.
struct Candidates<'a> {
    thresholds: &'a Thresholds,
    list: &'a mut Vec<Candidate>,
}

impl Candidates<'_> {
    /// Adds a box given by its corners, unless its score or class is not wanted, a value is not
    /// finite, or it has no area.
    fn push(&mut self, class: u32, score: f32, xyxy: [f32; 4]) {
        let [x1, y1, x2, y2] = xyxy;
        let is_wanted = score > self.thresholds.confidence.max(0.0)
            && score.is_finite()
            && xyxy.iter().all(|v| v.is_finite())
            && x1 < x2
            && y1 < y2
            && self.thresholds.wants(class);
        if is_wanted {
            self.list.push(Candidate {
                xyxy,
                score: score.min(1.0),
                class,
            });
        }
    }

    /// As `push`, of a box given by its centre and size.
    fn push_centred(&mut self, class: u32, score: f32, [cx, cy, w, h]: [f32; 4]) {
        let (rx, ry) = (w / 2.0, h / 2.0);
        self.push(class, score, [cx - rx, cy - ry, cx + rx, cy + ry]);
    }
}

/// Candidates that memory is reserved for: those of YOLOv5 on 1920×1920 pixels. A model with more
/// has the rest made on its first frames.
const MOST_RESERVED: usize = 1 << 18;

/// Reads the outputs of one model.
#[derive(Debug)]
pub struct Decoder {
    head: Head,
    /// Indices of the outputs that are read, in the order in which the head names them.
    outputs: Vec<usize>,
    /// Width and height of the input, in pixels.
    size: [f32; 2],
    /// Grids of a head that leaves their decoding to the reader.
    grids: Vec<grid::Grid>,
    scan: yolo_v8::Scan,
    candidates: Vec<Candidate>,
    nms: nms::Nms,
    /// Of a head that says more than boxes: it does all the work then.
    task: Option<Box<task::TaskDecoder>>,
    /// Of a classifier, for which it does all the work.
    classes: Option<Box<classify::ClassDecoder>>,
}

impl Decoder {
    /// A decoder for the model's head, with all the memory that it will need.
    pub fn new(spec: &ModelSpec) -> Self {
        let grids = match &spec.head {
            Head::YoloxRaw { strides, .. } | Head::NanoDet { strides, .. } => {
                grid::grids(spec.input.width, spec.input.height, strides)
            }
            Head::FastestDet { stride, .. } => {
                grid::grids(spec.input.width, spec.input.height, &[*stride])
            }
            _ => Vec::new(),
        };
        let boxes = match &spec.head {
            Head::V8 { anchors, .. } | Head::V5 { anchors, .. } | Head::YoloNas { anchors, .. } => {
                *anchors
            }
            Head::YoloxRaw { .. } | Head::NanoDet { .. } | Head::FastestDet { .. } => {
                grid::cells(&grids)
            }
            Head::EndToEnd { max } => *max,
            // Each class of a query competes for itself.
            Head::Detr { classes, queries } | Head::DetrRows { classes, queries } => {
                (classes * queries).min(nms::MAX_CANDIDATES)
            }
            Head::DetrDecoded { queries, .. } => *queries,
            // Their memory is the task's.
            Head::V8Task { .. } | Head::EndToEndTask { .. } | Head::Classify { .. } => 0,
        };
        let boxes = boxes.min(MOST_RESERVED);
        let classes = spec.head.classes().unwrap_or(0);
        Self {
            head: spec.head.clone(),
            outputs: spec.outputs.iter().map(|output| output.index).collect(),
            size: [spec.input.width as f32, spec.input.height as f32],
            grids,
            scan: yolo_v8::Scan::default(),
            candidates: Vec::with_capacity(boxes),
            nms: nms::Nms::with_capacity(boxes, classes),
            task: task::TaskDecoder::new(&spec.head, [spec.input.width, spec.input.height])
                .map(Box::new),
            classes: (spec.head.class_heads())
                .map(|heads| Box::new(classify::ClassDecoder::new(heads))),
        }
    }

    /// Whether masks are to be made, where the model can: they are unless this is told.
    pub fn want_masks(&mut self, wanted: bool) {
        if let Some(task) = &mut self.task {
            task.want_masks(wanted);
        }
    }

    /// What the model says of the detections that were decoded last, besides their boxes; taken
    /// away, so that masks need not be copied.
    pub fn take_details(&mut self) -> Details {
        if let Some(classes) = &mut self.classes {
            return Details {
                classes: classes.take(),
                ..Details::default()
            };
        }
        let task = self.task.as_mut();
        task.map(|task| task.take_details()).unwrap_or_default()
    }

    /// Fills `out` (whose old content is dropped) with the detections of one picture, the best
    /// first; of equal scores the one that comes first in the output.
    ///
    /// `outputs` are all of the model's, in its order; `letterbox` is how the picture was brought
    /// to the input. Values that are not finite are left out.
    pub fn decode(
        &mut self,
        outputs: &[OutputView],
        letterbox: &Letterbox,
        thresholds: &Thresholds,
        out: &mut Vec<Detection>,
    ) -> Result<(), DecodeError> {
        out.clear();
        if let Some(task) = &mut self.task {
            return task.decode(outputs, &self.outputs, letterbox, thresholds, out);
        }
        if let Some(classes) = &mut self.classes {
            return classes.decode(outputs, &self.outputs, thresholds);
        }
        self.candidates.clear();
        self.find_candidates(outputs, thresholds)?;
        // An IoU never exceeds 1: then nothing is suppressed.
        let iou = if self.head.is_finished() {
            1.0
        } else {
            thresholds.iou
        };
        let limit = thresholds.max_detections.min(self.most());
        self.nms.run(&self.candidates, iou, |best| {
            let xyxy = letterbox.clip(letterbox.to_source(best.xyxy));
            if xyxy[0] < xyxy[2] && xyxy[1] < xyxy[3] && out.len() < limit {
                out.push(Detection {
                    class: best.class,
                    score: best.score,
                    xyxy,
                });
            }
            out.len() < limit
        });
        Ok(())
    }

    /// Most boxes of a picture: as the references, no more than there are queries.
    fn most(&self) -> usize {
        match self.head {
            Head::Detr { queries, .. } | Head::DetrRows { queries, .. } => queries,
            _ => usize::MAX,
        }
    }

    fn find_candidates(
        &mut self,
        outputs: &[OutputView],
        thresholds: &Thresholds,
    ) -> Result<(), DecodeError> {
        let view = |role: usize| view(outputs, &self.outputs, role);
        let mut found = Candidates {
            thresholds,
            list: &mut self.candidates,
        };
        match &self.head {
            Head::V8 {
                classes,
                anchors,
                transposed: false,
            } => {
                let data = values(view(0)?, [4 + classes, *anchors])?;
                yolo_v8::decode(data, *anchors, &mut self.scan, &mut found);
            }
            Head::V8 {
                classes,
                anchors,
                transposed: true,
            } => {
                let data = values(view(0)?, [*anchors, 4 + classes])?;
                yolo_v8::decode_transposed(data, *classes, &mut found);
            }
            Head::V5 { classes, anchors } => {
                let data = values(view(0)?, [*anchors, 5 + classes])?;
                yolo_v5::decode(data, *classes, &mut found);
            }
            Head::YoloxRaw { classes, .. } => {
                let data = values(view(0)?, [grid::cells(&self.grids), 5 + classes])?;
                yolox::decode(data, *classes, &self.grids, &mut found);
            }
            Head::NanoDet {
                classes,
                bins,
                centred,
                split,
                ..
            } => {
                let layout = nanodet::Layout {
                    bins: *bins,
                    offset: if *centred { 0.5 } else { 0.0 },
                    size: self.size,
                };
                let sides = 4 * bins;
                if !split {
                    let shape = [grid::cells(&self.grids), classes + sides];
                    let rows = values(view(0)?, shape)?.chunks_exact(classes + sides);
                    let rows = rows.map(|row| row.split_at(*classes));
                    nanodet::decode(rows, layout, &self.grids, &mut found);
                } else {
                    for (level, grid) in self.grids.chunks(1).enumerate() {
                        let cells = grid::cells(grid);
                        let scores = values(view(level)?, [cells, *classes])?;
                        let level = self.grids.len() + level;
                        let distances = values(view(level)?, [cells, sides])?;
                        let rows = scores.chunks_exact(*classes);
                        let rows = rows.zip(distances.chunks_exact(sides));
                        nanodet::decode(rows, layout, grid, &mut found);
                    }
                }
            }
            Head::FastestDet { classes, .. } => {
                let data = planes(view(0)?, 5 + classes, &self.grids)?;
                fastestdet::decode(data, *classes, &self.grids, &mut found);
            }
            Head::YoloNas { classes, anchors } => {
                let boxes = values(view(0)?, [*anchors, 4])?;
                let scores = values(view(1)?, [*anchors, *classes])?;
                yolo_nas::decode(boxes, scores, *classes, &mut found);
            }
            Head::EndToEnd { .. } => {
                let data = values(view(0)?, [0, end_to_end::VALUES])?;
                end_to_end::decode(data, &mut found);
            }
            Head::Detr { classes, queries } => {
                let logits = values(view(0)?, [*queries, *classes])?;
                let boxes = values(view(1)?, [*queries, 4])?;
                detr::decode(logits, boxes, *classes, self.size, &mut found);
            }
            Head::DetrRows { classes, queries } => {
                let data = values(view(0)?, [*queries, 4 + classes])?;
                detr::decode_rows(data, *classes, self.size, &mut found);
            }
            Head::DetrDecoded { .. } => {
                let boxes = values(view(1)?, [0, 4])?;
                let labels = column(view(0)?, boxes.len() / 4)?;
                let scores = column(view(2)?, boxes.len() / 4)?;
                detr::decode_finished(labels, boxes, scores, &mut found);
            }
            Head::V8Task { .. } | Head::EndToEndTask { .. } | Head::Classify { .. } => {}
        }
        Ok(())
    }
}

/// The output of this role among all of a model's; `indices` are those of the roles.
fn view<'a, 'b>(
    outputs: &'a [OutputView<'b>],
    indices: &[usize],
    role: usize,
) -> Result<&'a OutputView<'b>, DecodeError> {
    let index = indices.get(role).copied().unwrap_or(usize::MAX);
    outputs.get(index).ok_or(DecodeError::MissingOutput {
        count: outputs.len(),
        index,
    })
}

/// The values of an output with one axis of this length.
fn column<'a>(view: &OutputView<'a>, expected: usize) -> Result<&'a [f32], DecodeError> {
    match *view.shape {
        [n] | [1, n] if n == expected && view.data.len() == n => Ok(view.data),
        _ => Err(DecodeError::Shape {
            shape: view.shape.to_vec(),
            values: view.data.len(),
            expected: [1, expected],
        }),
    }
}

/// The values of an output, which must have these two axes (0: any length).
fn values<'a>(view: &OutputView<'a>, expected: [usize; 2]) -> Result<&'a [f32], DecodeError> {
    let axes = match *view.shape {
        [rows, columns] | [1, rows, columns] => Some([rows, columns]),
        _ => None,
    };
    axes.filter(|axes| {
        let fits = |(have, want): (&usize, &usize)| *want == 0 || have == want;
        axes.iter().zip(&expected).all(fits)
            && axes[0].checked_mul(axes[1]) == Some(view.data.len())
    })
    .map(|_| view.data)
    .ok_or_else(|| DecodeError::Shape {
        shape: view.shape.to_vec(),
        values: view.data.len(),
        expected,
    })
}

/// The values of an output with so many planes, each of the cells of the grids.
fn planes<'a>(
    view: &OutputView<'a>,
    planes: usize,
    grids: &[grid::Grid],
) -> Result<&'a [f32], DecodeError> {
    let cells = grid::cells(grids);
    match *view.shape {
        [n, rows, columns] | [1, n, rows, columns]
            if n == planes && rows * columns == cells && view.data.len() == n * cells =>
        {
            Ok(view.data)
        }
        _ => Err(DecodeError::Shape {
            shape: view.shape.to_vec(),
            values: view.data.len(),
            expected: [planes, cells],
        }),
    }
}

/// Above it, a class id is damage: a label would be made for each.
const MAX_CLASS: f32 = 65535.0;

/// A class id that an output holds as a number.
fn class_id(value: f32) -> Option<u32> {
    let class = value.round();
    (0.0..=MAX_CLASS).contains(&class).then_some(class as u32)
}

/// The best of a candidate's class scores: class and score. Scores that are not numbers are passed
/// over.
#[inline]
fn best_class(scores: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (class, &score) in (0..).zip(scores) {
        if score > best.1 {
            best = (class, score);
        }
    }
    best
}

#[cfg(test)]
pub(crate) mod tests;
