//! Heads that say more of an object than its box: masks, keypoints, angles.
//!
//! As with plain boxes, candidates are found and doubles suppressed in input pixels; what else
//! there is to say is worked out for the boxes that are left only.

mod mask;
mod oriented;

pub use mask::Mask;
pub use oriented::OrientedBox;

use super::{
    Candidate, Candidates, DecodeError, Detection, HeadClasses, MOST_RESERVED, OutputView,
    Thresholds, class_id,
};
use super::{nms, values, view, yolo_v8};
use crate::model::{Head, Task};
use crate::preprocess::letterbox::Letterbox;

/// A point of an object, such as a joint.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Keypoint {
    /// In pixels of the frame, clipped to it.
    pub x: f32,
    /// In pixels of the frame, clipped to it.
    pub y: f32,
    /// How sure the model is that it can be seen, 0..=1; 1 where the model does not say, 0 for a
    /// point that is no number.
    pub score: f32,
}

/// What a model says of its detections besides their boxes. Each list has an entry for each
/// detection, in the same order, or none at all; but for `classes`, which are the picture's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details {
    /// Width and height of the frame.
    pub frame: (u32, u32),
    /// The boxes that the axis-aligned ones of the detections are the hulls of.
    pub oriented: Vec<OrientedBox>,
    /// `keypoints_each` for each detection.
    pub keypoints: Vec<Keypoint>,
    /// Keypoints of a detection.
    pub keypoints_each: usize,
    /// `None` for an object without a pixel.
    pub masks: Vec<Option<Mask>>,
    /// Classes of the picture itself, for each head of a classifier.
    pub classes: Vec<HeadClasses>,
}

impl Details {
    /// The details of what was found on several parts of a frame, of this width and height: those
    /// of the detections that are left, each by the number of its part and its place in that
    /// part's list.
    pub fn join(parts: Vec<Self>, left: &[(usize, usize)], frame: (u32, u32)) -> Self {
        let mut parts = parts;
        let each = |part: &Self| part.keypoints_each;
        let mut joined = Self {
            frame,
            keypoints_each: parts.iter().map(each).max().unwrap_or(0),
            // A classifier sees one part only.
            classes: parts
                .iter_mut()
                .flat_map(|part| std::mem::take(&mut part.classes))
                .collect(),
            ..Self::default()
        };
        for (number, (part, index)) in left.iter().enumerate() {
            let Some(part) = parts.get_mut(*part) else {
                continue;
            };
            joined.oriented.extend(part.oriented.get(*index));
            let points = index * part.keypoints_each..(index + 1) * part.keypoints_each;
            joined
                .keypoints
                .extend(part.keypoints.get(points).unwrap_or_default());
            if let Some(mask) = part.masks.get_mut(*index) {
                let mask = mask.take().map(|mask| mask.numbered(number));
                joined.masks.push(mask);
            }
        }
        joined
    }
}

/// Where the values of the task lie of a candidate.
#[derive(Debug, Clone, Copy)]
struct Values<'a> {
    data: &'a [f32],
    start: usize,
    step: usize,
}

impl Values<'_> {
    fn get(&self, i: usize) -> f32 {
        let value = self.data.get(self.start + i * self.step);
        value.copied().unwrap_or(f32::NAN)
    }
}

/// Reads the outputs of a head with a task.
#[derive(Debug)]
pub struct TaskDecoder {
    layout: Layout,
    task: Task,
    scan: yolo_v8::Scan,
    candidates: Vec<Candidate>,
    /// Where each candidate is in the output.
    places: Vec<u32>,
    nms: nms::Nms,
    oriented: oriented::Finder,
    masks: Option<mask::Maker>,
    details: Details,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    Candidates { classes: usize, anchors: usize },
    Finished,
}

impl Layout {
    /// What the task adds for the candidate at `place`.
    fn values<'a>(&self, data: &'a [f32], task: Task, place: u32) -> Values<'a> {
        let place = place as usize;
        match *self {
            Self::Candidates { classes, anchors } => Values {
                data,
                start: (4 + classes) * anchors + place,
                step: anchors,
            },
            Self::Finished => Values {
                data,
                start: place * (FINISHED_VALUES + task.values()) + FINISHED_VALUES,
                step: 1,
            },
        }
    }
}

/// Values of a finished box: corners, score, class.
const FINISHED_VALUES: usize = 6;

impl TaskDecoder {
    /// A decoder of a head for an input of this width and height; `None` where it has no task.
    pub fn new(head: &Head, size: [u32; 2]) -> Option<Self> {
        let (layout, boxes, task) = match *head {
            Head::V8Task {
                classes,
                anchors,
                task,
            } => (Layout::Candidates { classes, anchors }, anchors, task),
            Head::EndToEndTask { max, task } => (Layout::Finished, max, task),
            _ => return None,
        };
        let boxes = boxes.min(MOST_RESERVED);
        let masks = match task {
            Task::Segment { protos } => Some(mask::Maker::new(protos, size)),
            _ => None,
        };
        Some(Self {
            layout,
            task,
            scan: yolo_v8::Scan::default(),
            candidates: Vec::with_capacity(boxes),
            places: Vec::with_capacity(boxes),
            nms: nms::Nms::with_capacity(boxes, head.classes().unwrap_or(0)),
            oriented: oriented::Finder::default(),
            masks,
            details: Details::default(),
        })
    }

    /// As [`super::Decoder::want_masks`].
    pub fn want_masks(&mut self, wanted: bool) {
        if let Some(masks) = &mut self.masks {
            masks.wanted = wanted;
        }
    }

    /// As [`super::Decoder::take_details`].
    pub fn take_details(&mut self) -> Details {
        std::mem::take(&mut self.details)
    }

    /// As [`super::Decoder::decode`]; `indices` are those of the outputs that the head names.
    pub fn decode(
        &mut self,
        outputs: &[OutputView],
        indices: &[usize],
        letterbox: &Letterbox,
        thresholds: &Thresholds,
        out: &mut Vec<Detection>,
    ) -> Result<(), DecodeError> {
        self.details = Details {
            frame: letterbox.src,
            ..Details::default()
        };
        let data = self.main_output(view(outputs, indices, 0)?)?;
        if self.task == Task::Oriented {
            self.decode_oriented(data, letterbox, thresholds, out);
            return Ok(());
        }
        let protos = match &self.masks {
            Some(masks) => Some(masks.protos(view(outputs, indices, 1)?)?),
            None => None,
        };
        self.find(data, thresholds);
        let iou = match self.layout {
            Layout::Candidates { .. } => thresholds.iou,
            // Nothing is suppressed.
            Layout::Finished => 1.0,
        };
        let (layout, task, details) = (self.layout, self.task, &mut self.details);
        let (places, masks) = (&self.places, &mut self.masks);
        if let Task::Pose { keypoints, .. } = task {
            details.keypoints_each = keypoints;
        }
        self.nms.run_indexed(&self.candidates, iou, |index, best| {
            let xyxy = letterbox.clip(letterbox.to_source(best.xyxy));
            if xyxy[0] < xyxy[2] && xyxy[1] < xyxy[3] && out.len() < thresholds.max_detections {
                let values = layout.values(data, task, places[index]);
                if let Task::Pose {
                    keypoints,
                    values: n,
                } = task
                {
                    let points = (0..keypoints).map(|i| keypoint(values, i * n, n, letterbox));
                    details.keypoints.extend(points);
                }
                if let (Some(masks), Some(protos)) = (masks.as_mut(), protos)
                    && masks.wanted
                {
                    let region = mask::region(out.len());
                    let mask = masks.make(protos, |i| values.get(i), region, xyxy, letterbox);
                    details.masks.push(mask);
                }
                out.push(Detection {
                    class: best.class,
                    score: best.score,
                    xyxy,
                });
            }
            out.len() < thresholds.max_detections
        });
        Ok(())
    }

    /// The values of the output with the boxes.
    fn main_output<'a>(&self, view: &OutputView<'a>) -> Result<&'a [f32], DecodeError> {
        let extra = self.task.values();
        let shape = match self.layout {
            Layout::Candidates { classes, anchors } => [4 + classes + extra, anchors],
            Layout::Finished => [0, FINISHED_VALUES + extra],
        };
        values(view, shape)
    }

    /// Fills `candidates` and `places`.
    fn find(&mut self, data: &[f32], thresholds: &Thresholds) {
        self.candidates.clear();
        self.places.clear();
        let mut found = Candidates {
            thresholds,
            list: &mut self.candidates,
        };
        let places = &mut self.places;
        match self.layout {
            Layout::Candidates { classes, anchors } => {
                let boxes = &data[..(4 + classes) * anchors];
                let take = |place: usize, class, score, centred| {
                    found.push_centred(class, score, centred);
                    // Unless it was not wanted.
                    places.resize(found.list.len(), place as u32);
                };
                yolo_v8::each(boxes, anchors, thresholds.confidence, &mut self.scan, take);
            }
            Layout::Finished => {
                let row = FINISHED_VALUES + self.task.values();
                for (place, values) in (0..).zip(data.chunks_exact(row)) {
                    if let Some(class) = class_id(values[5]) {
                        found.push(
                            class,
                            values[4],
                            [values[0], values[1], values[2], values[3]],
                        );
                        places.resize(found.list.len(), place);
                    }
                }
            }
        }
    }

    fn decode_oriented(
        &mut self,
        data: &[f32],
        letterbox: &Letterbox,
        thresholds: &Thresholds,
        out: &mut Vec<Detection>,
    ) {
        let finder = &mut self.oriented;
        finder.clear();
        match self.layout {
            Layout::Candidates { classes, anchors } => {
                let angles = &data[(4 + classes) * anchors..];
                let boxes = &data[..(4 + classes) * anchors];
                let take = |at: usize, class, score, centred| {
                    finder.push(thresholds, class, score, centred, angles[at]);
                };
                yolo_v8::each(boxes, anchors, thresholds.confidence, &mut self.scan, take);
                finder.suppress(thresholds.iou);
            }
            Layout::Finished => {
                for values in data.chunks_exact(FINISHED_VALUES + 1) {
                    let centred = [values[0], values[1], values[2], values[3]];
                    if let Some(class) = class_id(values[5]) {
                        finder.push(thresholds, class, values[4], centred, values[6]);
                    }
                }
                finder.suppress(1.0);
            }
        }
        for (class, score, found) in finder.kept() {
            let on_frame = found.on_frame(letterbox);
            let xyxy = letterbox.clip(on_frame.hull());
            if out.len() >= thresholds.max_detections {
                break;
            }
            if xyxy[0] < xyxy[2] && xyxy[1] < xyxy[3] {
                out.push(Detection { class, score, xyxy });
                self.details.oriented.push(on_frame);
            }
        }
    }
}

/// The keypoint whose values, as many as `len`, start at `first`.
fn keypoint(values: Values, first: usize, len: usize, letterbox: &Letterbox) -> Keypoint {
    let (x, y) = (values.get(first), values.get(first + 1));
    let score = if len == 3 { values.get(first + 2) } else { 1.0 };
    if !(x.is_finite() && y.is_finite() && score.is_finite()) {
        return Keypoint::default();
    }
    let [x, y, ..] = letterbox.clip(letterbox.to_source([x, y, x, y]));
    Keypoint {
        x,
        y,
        score: score.clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests;
