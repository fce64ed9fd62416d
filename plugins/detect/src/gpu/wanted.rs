//! What is wanted of a batch whose pictures may be of different streams.

use crate::decode::Thresholds;
use std::sync::Arc;
use vigil_nvidia::kernels::head::Wanted;

/// What has to come back so that each picture can have what its own thresholds say: the lowest of
/// them for each class. A box is suppressed by better ones only, so that those which are above a
/// picture's own threshold are the same whatever lower one was asked for.
///
/// All have the same `iou`: see [`alike`].
pub(super) fn wanted(all: &[Arc<Thresholds>], classes: usize) -> Wanted {
    let lowest = |class: u32| {
        all.iter()
            .filter(|t| t.wants(class))
            .map(|t| t.confidence)
            .fold(f32::INFINITY, f32::min)
    };
    let named = all.iter().filter_map(|t| t.classes.as_ref()?.ids().last());
    let known = named
        .map(|id| id + 1)
        .max()
        .unwrap_or(0)
        .max(classes as u32);
    let mut thresholds: Vec<f32> = (0..known).map(lowest).collect();
    // Classes that the model does not know of, one threshold for all of them.
    thresholds.push(lowest(u32::MAX));
    Wanted {
        thresholds,
        iou: all.first().map_or(1.0, |t| t.iou),
        limit: all.iter().map(|t| t.max_detections).max().unwrap_or(0),
    }
}

/// Whether pictures with these thresholds can be in one batch.
pub(super) fn alike(a: &Thresholds, b: &Thresholds) -> bool {
    a.iou == b.iou
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClassSet;

    fn thresholds(confidence: f32, classes: Option<&[u32]>, most: usize) -> Arc<Thresholds> {
        Arc::new(Thresholds {
            confidence,
            max_detections: most,
            classes: classes.map(|ids| ClassSet::from_ids(ids.iter().copied())),
            ..Thresholds::default()
        })
    }

    #[test]
    fn of_several_streams_the_lowest_threshold_of_each_class_counts() {
        let all = [
            thresholds(0.5, Some(&[0, 2]), 10),
            thresholds(0.3, Some(&[2]), 30),
        ];
        let none = f32::INFINITY;
        let wanted = wanted(&all, 4);
        assert_eq!(wanted.thresholds, [0.5, none, 0.3, none, none]);
        assert_eq!((wanted.limit, wanted.iou), (30, 0.45));
    }

    #[test]
    fn classes_beyond_the_models_are_wanted_where_all_are() {
        let all = wanted(&[thresholds(0.25, None, 1)], 0);
        assert_eq!(all.thresholds, [0.25]);
        let one = wanted(&[thresholds(0.25, Some(&[1]), 1)], 0);
        assert_eq!(one.thresholds, [f32::INFINITY, 0.25, f32::INFINITY]);
    }
}
