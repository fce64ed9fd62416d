//! Which track takes which detection.

use super::track::Track;
use crate::assignment::Assignment;
use crate::tracker::Detection;

/// What a track and a detection must have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Least similarity, itself included.
    pub min_similarity: f32,
    /// Similarity is intersection over union times the detection's score, not the former alone:
    /// of two overlapping detections the better one is preferred.
    pub fuse_score: bool,
    /// Only detections of the track's own class.
    pub per_class: bool,
}

/// Added to each gain, so that a pair just similar enough gains something.
const LEAST_GAIN: f32 = 1e-6;

/// Associates tracks with detections, keeping its memory from one frame to the next.
#[derive(Debug, Default)]
pub(super) struct Association {
    assignment: Assignment,
    pairs: Vec<(usize, usize)>,
}

impl Association {
    /// The pairs (index into `tracks`, index into `detections`) of largest total similarity, among
    /// those tracks that are in `pool` and those detections that are in `chosen`. The latter must
    /// be in order of left edges ([`sort_by_left_edge`]).
    pub fn solve(
        &mut self,
        tracks: &[Track],
        pool: &[usize],
        detections: &[Detection],
        chosen: &[usize],
        rule: Rule,
    ) -> &[(usize, usize)] {
        self.assignment.start(pool.len(), chosen.len());
        let widest = chosen.iter().fold(0.0f32, |widest, &index| {
            widest.max(detections[index].bbox.w)
        });
        for (row, &index) in pool.iter().enumerate() {
            let track = &tracks[index];
            // Only boxes that begin in this range can touch the track's.
            let (from, to) = (track.bbox.x - widest, track.bbox.right());
            let first = chosen.partition_point(|&index| detections[index].bbox.x < from);
            for (col, &index) in chosen.iter().enumerate().skip(first) {
                let detection = &detections[index];
                if detection.bbox.x > to {
                    break;
                }
                if rule.per_class && detection.class != track.class {
                    continue;
                }
                let iou = track.bbox.iou(detection.bbox);
                let similarity = if rule.fuse_score {
                    iou * detection.score.min(1.0)
                } else {
                    iou
                };
                if iou > 0.0 && similarity >= rule.min_similarity {
                    let gain = similarity - rule.min_similarity + LEAST_GAIN;
                    self.assignment.allow(row, col, gain);
                }
            }
        }
        self.pairs.clear();
        let solved = self.assignment.solve();
        self.pairs
            .extend(solved.iter().map(|&(row, col)| (pool[row], chosen[col])));
        &self.pairs
    }
}

/// Puts indices of detections in order of left edges.
pub(super) fn sort_by_left_edge(indices: &mut [usize], detections: &[Detection]) {
    // Ties by index: the order must not depend on how sorting is done.
    indices.sort_unstable_by(|&a, &b| {
        let by_edge = detections[a].bbox.x.total_cmp(&detections[b].bbox.x);
        by_edge.then(a.cmp(&b))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;
    use proptest::prelude::*;

    const RULE: Rule = Rule {
        min_similarity: 0.2,
        fuse_score: true,
        per_class: true,
    };

    fn detection((x, y, w, score, class): (f32, f32, f32, f32, u32)) -> Detection {
        Detection {
            bbox: Rect::new(x, y, w, 20.0),
            score,
            class,
        }
    }

    fn solve(tracks: &[Detection], detections: &[Detection], rule: Rule) -> Vec<(usize, usize)> {
        let tracks: Vec<_> = tracks.iter().map(|track| Track::new(0, 0, track)).collect();
        let pool: Vec<_> = (0..tracks.len()).collect();
        let mut chosen: Vec<_> = (0..detections.len()).collect();
        sort_by_left_edge(&mut chosen, detections);
        let mut association = Association::default();
        association
            .solve(&tracks, &pool, detections, &chosen, rule)
            .to_vec()
    }

    #[test]
    fn a_person_never_becomes_a_car_unless_classes_are_ignored() {
        let tracks = [detection((0.0, 0.0, 10.0, 0.9, 1))];
        let detections = [detection((0.0, 0.0, 10.0, 0.9, 2))];
        assert_eq!(solve(&tracks, &detections, RULE), []);
        let any_class = Rule {
            per_class: false,
            ..RULE
        };
        assert_eq!(solve(&tracks, &detections, any_class), [(0, 0)]);
    }

    #[test]
    fn the_better_of_two_equal_boxes_is_taken() {
        let tracks = [detection((0.0, 0.0, 10.0, 0.9, 1))];
        let detections = [0.6, 0.9, 0.7].map(|score| detection((0.0, 0.0, 10.0, score, 1)));
        assert_eq!(solve(&tracks, &detections, RULE), [(0, 1)]);
    }

    #[test]
    fn just_similar_enough_is_enough() {
        let tracks = [detection((0.0, 0.0, 10.0, 0.9, 1))];
        let detections = [detection((0.0, 0.0, 10.0, 0.5, 1))];
        for (min_similarity, pairs) in [(0.5, 1), (0.501, 0)] {
            let rule = Rule {
                min_similarity,
                ..RULE
            };
            assert_eq!(solve(&tracks, &detections, rule).len(), pairs);
        }
    }

    fn some_boxes() -> impl Strategy<Value = Vec<Detection>> {
        let one = (0f32..100.0, 0f32..40.0, 1f32..60.0, 0.5f32..1.0, 0u32..2);
        proptest::collection::vec(one.prop_map(detection), 0..12)
    }

    proptest! {
        #[test]
        fn the_sweep_misses_no_pair(tracks in some_boxes(), detections in some_boxes()) {
            let similarity = |track: usize, detection: usize| {
                let (track, detection) = (&tracks[track], &detections[detection]);
                let iou = track.bbox.iou(detection.bbox);
                let gain = iou * detection.score - RULE.min_similarity;
                if iou > 0.0 && track.class == detection.class { gain } else { -1.0 }
            };
            let mut all_pairs = Assignment::default();
            all_pairs.start(tracks.len(), detections.len());
            for track in 0..tracks.len() {
                for detection in 0..detections.len() {
                    if similarity(track, detection) >= 0.0 {
                        all_pairs.allow(track, detection, similarity(track, detection) + LEAST_GAIN);
                    }
                }
            }
            let sum = |pairs: &[(usize, usize)]| -> f32 {
                pairs.iter().map(|&(a, b)| similarity(a, b) + LEAST_GAIN).sum()
            };
            let swept = solve(&tracks, &detections, RULE);
            prop_assert!((sum(&swept) - sum(all_pairs.solve())).abs() < 1e-5);
        }
    }
}
