//! How alike a track and a detection are, and which pairs can be alike at all.
//!
//! Boxes that do not touch have nothing in common, so pairs are found by a sweep over left edges:
//! detections are sorted once a frame, and each track looks only at those that begin where they
//! can touch it.
//!
//! | file | what |
//! |---|---|
//! | this one | which detections take part, and an association of what touches |
//! | `sweep` | what touches |
//! | `all_pairs` | the association of SORT and OC-SORT |

use super::Detection;
use super::assignment::Assignment;
use crate::geometry::Rect;

mod all_pairs;
mod sweep;
pub(super) use all_pairs::AllPairs;
pub(super) use sweep::Sweep;

/// Puts indices of detections in order of left edges.
pub(super) fn sort_by_left_edge(indices: &mut [usize], detections: &[Detection]) {
    // Ties by index: the order must not depend on how sorting is done.
    indices.sort_unstable_by(|&a, &b| {
        let by_edge = detections[a].bbox.x.total_cmp(&detections[b].bbox.x);
        by_edge.then(a.cmp(&b))
    });
}

/// Fills `indices` (cleared first) with the detections of at least this score that can be tracked:
/// at most `limit`, those of the highest scores, in order of left edges.
pub(super) fn choose(
    detections: &[Detection],
    least_score: f32,
    limit: usize,
    indices: &mut Vec<usize>,
) {
    indices.clear();
    let usable = |index: &usize| {
        let detection = &detections[*index];
        detection.is_sane() && detection.score >= least_score
    };
    indices.extend((0..detections.len()).filter(usable));
    if indices.len() > limit {
        let by_score = |&a: &usize, &b: &usize| {
            let order = detections[b].score.total_cmp(&detections[a].score);
            order.then(a.cmp(&b))
        };
        indices.select_nth_unstable_by(limit, by_score);
        indices.truncate(limit);
    }
    sort_by_left_edge(indices, detections);
}

/// Which detections of a frame were taken, by index.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<bool>);

impl Taken {
    /// A frame of so many detections, of which none was taken.
    pub fn start(&mut self, detections: usize) {
        self.0.clear();
        self.0.resize(detections, false);
    }

    /// Takes the detections of these pairs (of a track and a detection) out of `chosen`.
    pub fn take(&mut self, pairs: &[(usize, usize)], chosen: &mut Vec<usize>) {
        if pairs.is_empty() {
            return;
        }
        for &(_, detection) in pairs {
            self.0[detection] = true;
        }
        chosen.retain(|&index| !self.0[index]);
    }
}

/// A track that takes part in an association.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Its index.
    pub track: usize,
    /// Where it is thought to be; or, where that is larger, all that it may touch.
    pub bbox: Rect,
    pub class: u32,
}

/// Associates tracks with detections, keeping its memory from one frame to the next.
#[derive(Debug, Default)]
pub(super) struct Association {
    sweep: Sweep,
    assignment: Assignment,
    pairs: Vec<(usize, usize)>,
}

impl Association {
    /// The pairs (index of a track, index of a detection) of largest total gain, among `tracks`
    /// and `chosen` detections (in order of left edges). `gain` is asked for pairs that [`Sweep::run`]
    /// finds, with the track and the detection's index; a pair whose gain is not greater than 0 is
    /// never taken.
    pub fn solve(
        &mut self,
        tracks: &[Candidate],
        detections: &[Detection],
        chosen: &[usize],
        rule: (bool, f32),
        mut gain: impl FnMut(usize, usize) -> f32,
    ) -> &[(usize, usize)] {
        self.pairs.clear();
        if tracks.is_empty() || chosen.is_empty() {
            return &self.pairs;
        }
        self.assignment.start(tracks.len(), chosen.len());
        let assignment = &mut self.assignment;
        let each = |row: usize, col: usize| {
            let gain = gain(tracks[row].track, chosen[col]);
            assignment.allow(row, col, gain);
        };
        self.sweep.run(tracks, detections, chosen, rule, each);
        let solved = self.assignment.solve();
        self.pairs.extend(
            solved
                .iter()
                .map(|&(row, col)| (tracks[row].track, chosen[col])),
        );
        &self.pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn detection((x, y, w, score, class): (f32, f32, f32, f32, u32)) -> Detection {
        Detection {
            bbox: Rect::new(x, y, w, 20.0),
            score,
            class,
        }
    }

    fn candidates(tracks: &[Detection]) -> Vec<Candidate> {
        let candidate = |(track, detection): (usize, &Detection)| Candidate {
            track,
            bbox: detection.bbox,
            class: detection.class,
        };
        tracks.iter().enumerate().map(candidate).collect()
    }

    fn solve(
        tracks: &[Detection],
        detections: &[Detection],
        per_class: bool,
    ) -> Vec<(usize, usize)> {
        let mut chosen = Vec::new();
        choose(detections, 0.0, usize::MAX, &mut chosen);
        let gain = |track: usize, index: usize| {
            let iou = tracks[track].bbox.iou(detections[index].bbox);
            iou * detections[index].score - 0.2
        };
        let mut association = Association::default();
        association
            .solve(
                &candidates(tracks),
                detections,
                &chosen,
                (per_class, 0.0),
                gain,
            )
            .to_vec()
    }

    #[test]
    fn a_person_never_becomes_a_car_unless_classes_are_ignored() {
        let tracks = [detection((0.0, 0.0, 10.0, 0.9, 1))];
        let detections = [detection((0.0, 0.0, 10.0, 0.9, 2))];
        assert_eq!(solve(&tracks, &detections, true), []);
        assert_eq!(solve(&tracks, &detections, false), [(0, 0)]);
    }

    #[test]
    fn the_better_of_two_equal_boxes_is_taken() {
        let tracks = [detection((0.0, 0.0, 10.0, 0.9, 1))];
        let detections = [0.6, 0.9, 0.7].map(|score| detection((0.0, 0.0, 10.0, score, 1)));
        assert_eq!(solve(&tracks, &detections, true), [(0, 1)]);
    }

    #[test]
    fn of_too_many_detections_those_of_the_highest_scores_are_chosen() {
        let detections: Vec<_> = [0.7, 0.9, 0.05, f32::NAN, 0.65, 0.8]
            .iter()
            .enumerate()
            .map(|(i, &score)| detection((900.0 - 100.0 * i as f32, 0.0, 10.0, score, 0)))
            .collect();
        let mut chosen = Vec::new();
        choose(&detections, 0.1, 3, &mut chosen);
        assert_eq!(chosen, [5, 1, 0], "by left edge");
    }

    fn some_boxes() -> impl Strategy<Value = Vec<Detection>> {
        let one = (0f32..100.0, 0f32..40.0, 1f32..60.0, 0.5f32..1.0, 0u32..2);
        proptest::collection::vec(one.prop_map(detection), 0..12)
    }

    proptest! {
        #[test]
        fn the_sweep_misses_no_pair(tracks in some_boxes(), detections in some_boxes()) {
            let gain = |track: usize, detection: usize| {
                let (track, detection) = (&tracks[track], &detections[detection]);
                let iou = track.bbox.iou(detection.bbox);
                if track.class == detection.class { iou * detection.score - 0.2 } else { -1.0 }
            };
            let mut all_pairs = Assignment::default();
            all_pairs.start(tracks.len(), detections.len());
            for track in 0..tracks.len() {
                for detection in 0..detections.len() {
                    all_pairs.allow(track, detection, gain(track, detection));
                }
            }
            let sum = |pairs: &[(usize, usize)]| -> f32 {
                pairs.iter().map(|&(a, b)| gain(a, b)).sum()
            };
            let swept = solve(&tracks, &detections, true);
            prop_assert!((sum(&swept) - sum(all_pairs.solve())).abs() < 1e-5);
        }
    }
}
