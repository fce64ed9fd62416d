//! How the camera moved, from the tracks alone: what most objects did that nobody predicted.
//!
//! Each object moves for itself, the camera moves all of them alike. So the median difference of
//! detections from predictions is the camera's doing, as far as it is larger than what a few
//! objects could do by chance. Pictures are not needed, and a moving crowd costs no more than its
//! boxes.

use super::similarity::similarity;
use crate::geometry::Rect;
use crate::track::Detection;
use crate::track::cost::{Candidate, Sweep};

/// Fewer pairs say nothing.
const LEAST_PAIRS: usize = 4;
/// Pairs less alike than this say nothing.
const LEAST_SIMILARITY: f32 = 0.1;

/// The most similar one that was found so far, and how similar it is.
#[derive(Debug, Clone, Copy, Default)]
struct Best {
    index: usize,
    similarity: f32,
}

impl Best {
    fn offer(&mut self, index: usize, similarity: f32) {
        if similarity > self.similarity {
            *self = Self { index, similarity };
        }
    }
}

/// Estimates the camera's motion, keeping its memory from one frame to the next.
#[derive(Debug, Default)]
pub(super) struct Camera {
    sweep: Sweep,
    of_track: Vec<Best>,
    of_detection: Vec<Best>,
    dx: Vec<f32>,
    dy: Vec<f32>,
}

impl Camera {
    /// By how many pixels the picture moved beside what was predicted for `tracks`, the candidates
    /// with grown boxes, and `boxes`, by track, as they are. `rule` is whether classes are kept
    /// apart, and by how much boxes grow to find each other; `doubt` is how many times its
    /// variance the square of a motion must be.
    pub fn shift(
        &mut self,
        tracks: &[Candidate],
        detections: &[Detection],
        chosen: &[usize],
        boxes: &[Rect],
        rule: (bool, f32),
        doubt: f32,
    ) -> Option<(f32, f32)> {
        if tracks.len() < LEAST_PAIRS || chosen.len() < LEAST_PAIRS {
            return None;
        }
        self.match_mutually(tracks, detections, chosen, boxes, rule);
        let n = self.dx.len();
        if n < LEAST_PAIRS {
            return None;
        }
        let (x, y) = (median(&mut self.dx), median(&mut self.dy));
        for (values, middle) in [(&mut self.dx, x), (&mut self.dy, y)] {
            values
                .iter_mut()
                .for_each(|value| *value = (*value - middle).abs());
        }
        // Spread of a median by that of its sample; James and Stein's shrinkage of the estimate
        // ("Estimation with quadratic loss", 1961), which leaves nothing of what may be chance.
        let (sx, sy) = (median(&mut self.dx), median(&mut self.dy));
        let variance = doubt * (sx * sx + sy * sy) / n as f32;
        let share = 1.0 - variance / (x * x + y * y);
        (share > 0.0).then_some((x * share, y * share))
    }

    /// Collects how far detections are from those tracks to which they are the most similar one,
    /// and which are so to them.
    fn match_mutually(
        &mut self,
        tracks: &[Candidate],
        detections: &[Detection],
        chosen: &[usize],
        boxes: &[Rect],
        rule: (bool, f32),
    ) {
        for (best, len) in [
            (&mut self.of_track, tracks.len()),
            (&mut self.of_detection, chosen.len()),
        ] {
            best.clear();
            best.resize(len, Best::default());
        }
        let (of_track, of_detection) = (&mut self.of_track, &mut self.of_detection);
        let reach = rule.1;
        let each = |row: usize, col: usize| {
            let (track, detection) = (tracks[row].track, chosen[col]);
            let similarity = similarity(boxes[track], detections[detection].bbox, reach);
            of_track[row].offer(col, similarity);
            of_detection[col].offer(row, similarity);
        };
        self.sweep.run(tracks, detections, chosen, rule, each);
        self.dx.clear();
        self.dy.clear();
        for (row, best) in self.of_track.iter().enumerate() {
            let mutual = || self.of_detection[best.index].index == row;
            if best.similarity > LEAST_SIMILARITY && mutual() {
                let (x, y) = detections[chosen[best.index]].bbox.center();
                let (from_x, from_y) = boxes[tracks[row].track].center();
                self.dx.push(x - from_x);
                self.dy.push(y - from_y);
            }
        }
    }
}

/// The middle value, the upper one of two. `values` must not be empty; their order is lost.
pub(super) fn median(values: &mut [f32]) -> f32 {
    /// Of so few, each is sooner compared with all than they are put in order.
    const FEW: usize = 20;
    let middle = values.len() / 2;
    if values.len() <= FEW {
        // Narrow counters, which fit into the same registers as the values.
        let is_middle = |of: f32| {
            let (mut less, mut not_more) = (0u32, 0u32);
            for &value in values.iter() {
                less += u32::from(value < of);
                not_more += u32::from(value <= of);
            }
            (less..not_more).contains(&(middle as u32))
        };
        if let Some(value) = values.iter().find(|&&value| is_middle(value)) {
            return *value;
        }
    }
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shift found where boxes of these left edges moved by `moved`.
    fn shift(lefts: &[f32], moved: &[f32]) -> Option<(f32, f32)> {
        let at = |x: f32| Rect::new(x, 50.0, 40.0, 100.0);
        let tracks: Vec<_> = lefts
            .iter()
            .enumerate()
            .map(|(track, &x)| Candidate {
                track,
                bbox: at(x).grown(0.4),
                class: 0,
            })
            .collect();
        let boxes: Vec<_> = lefts.iter().map(|&x| at(x)).collect();
        let detections: Vec<_> = lefts
            .iter()
            .zip(moved)
            .map(|(x, dx)| Detection {
                bbox: at(x + dx),
                score: 0.9,
                class: 0,
            })
            .collect();
        let chosen: Vec<_> = (0..detections.len()).collect();
        Camera::default().shift(&tracks, &detections, &chosen, &boxes, (true, 0.4), 4.0)
    }

    const APART: [f32; 5] = [0.0, 200.0, 400.0, 600.0, 800.0];

    #[test]
    fn the_median_is_the_middle_one_however_many_there_are() {
        for n in 1..60 {
            // All of 0..n, each at another place; and the same with many equal ones.
            for of in [|i: usize| i, |i: usize| i / 3] {
                let number = |i: usize| of(i * 37 % n) as f32;
                let mut values: Vec<_> = if n % 37 == 0 {
                    (0..n).map(|i| of(i) as f32).collect()
                } else {
                    (0..n).map(number).collect()
                };
                assert_eq!(median(&mut values), of(n / 2) as f32, "{n}");
            }
        }
    }

    #[test]
    fn what_all_do_alike_is_the_cameras_motion() {
        let (x, y) = shift(&APART, &[9.0, 10.0, 10.0, 11.0, 10.0]).unwrap();
        assert!((x - 10.0).abs() < 1.0 && y == 0.0, "{x} {y}");
    }

    #[test]
    fn one_who_runs_does_not_move_the_camera() {
        let (x, _) = shift(&APART, &[10.0, 10.0, 40.0, 10.0, 10.0]).unwrap();
        assert!((x - 10.0).abs() < 1.0, "{x}");
    }

    #[test]
    fn what_may_be_chance_is_none() {
        assert_eq!(shift(&APART, &[5.0, -4.0, 1.0, -5.0, 4.0]), None);
        assert_eq!(shift(&APART[..3], &[10.0; 3]), None, "too few to tell");
    }
}
