//! What is wanted of a model's answers.

use crate::model::ClassSet;

/// Which detections are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// Only boxes with a score above it.
    pub confidence: f32,
    /// Of two boxes of a class that overlap by more than this intersection over union, only the
    /// better one. Models that finish their boxes themselves are not filtered again.
    pub iou: f32,
    /// At most so many boxes, the best ones.
    pub max_detections: usize,
    /// Only these classes; `None` for all.
    pub classes: Option<ClassSet>,
    /// Of a classifier: only classes with this score or a higher one.
    pub class_score: f32,
    /// Of a classifier: at most so many classes for each head, the best ones.
    pub max_classes: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            confidence: 0.25,
            iou: 0.45,
            max_detections: 300,
            classes: None,
            class_score: 0.0,
            max_classes: 1,
        }
    }
}

impl Thresholds {
    /// Whether objects of this class are wanted.
    pub(crate) fn wants(&self, class: u32) -> bool {
        self.classes
            .as_ref()
            .is_none_or(|classes| classes.contains(class))
    }
}
