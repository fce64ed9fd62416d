//! The association of SORT and OC-SORT.

use super::{Association, Candidate};
use crate::geometry::Rect;
use crate::track::Detection;
use crate::track::assignment::Dense;

/// The rule by which SORT and OC-SORT associate: all pairs are assigned at best and poor ones are
/// dropped afterwards, unless the good ones leave no choice.
#[derive(Debug, Default)]
pub(in crate::track) struct AllPairs {
    association: Association,
    dense: Dense,
    /// How many good pairs each track and each detection is in.
    of_track: Vec<u32>,
    of_detection: Vec<u32>,
    good: Vec<(usize, usize)>,
    /// By index of the track.
    boxes: Vec<Rect>,
}

/// Above so many pairs, only those that touch are assigned: the others matter little, and the work
/// grows with the third power of the number of objects.
const DENSE_LIMIT: usize = 1 << 18;
/// The cost of a pair that is not allowed.
const FORBIDDEN: f64 = 1e3;

impl AllPairs {
    /// Fills `pairs` (cleared first) with the pairs of at least `least` intersection over union,
    /// of one class where `per_class`. `bonus` is what a pair gains beside it; without one, pairs
    /// that do not touch change nothing.
    pub fn solve(
        &mut self,
        tracks: &[Candidate],
        detections: &[Detection],
        chosen: &[usize],
        (per_class, least): (bool, f32),
        bonus: Option<impl Fn(usize, usize) -> f32>,
        pairs: &mut Vec<(usize, usize)>,
    ) {
        let number = tracks.iter().map(|track| track.track + 1).max();
        for (counts, len) in [
            (&mut self.of_track, number.unwrap_or(0)),
            (&mut self.of_detection, detections.len()),
        ] {
            counts.clear();
            counts.resize(len, 0);
        }
        self.boxes.clear();
        self.boxes.resize(number.unwrap_or(0), Rect::default());
        for track in tracks {
            self.boxes[track.track] = track.bbox;
        }
        let boxes = &self.boxes;
        self.good.clear();
        let (of_track, of_detection, good) =
            (&mut self.of_track, &mut self.of_detection, &mut self.good);
        let mut clear = true;
        let count = |track: usize, detection: usize| {
            let iou = boxes[track].iou(detections[detection].bbox);
            if iou >= least {
                of_track[track] += 1;
                of_detection[detection] += 1;
                clear &= of_track[track] == 1 && of_detection[detection] == 1;
                good.push((track, detection));
            }
            iou + bonus.as_ref().map_or(0.0, |bonus| bonus(track, detection))
        };
        let solved = self
            .association
            .solve(tracks, detections, chosen, (per_class, 0.0), count);
        good.sort_unstable();
        let is_good = |pair: &(usize, usize)| good.binary_search(pair).is_ok();
        pairs.clear();
        match bonus {
            _ if clear => pairs.extend_from_slice(good),
            Some(bonus) if tracks.len() * chosen.len() <= DENSE_LIMIT => {
                let cost = |row: &Candidate, index: usize| {
                    let detection = &detections[index];
                    if per_class && row.class != detection.class {
                        return FORBIDDEN;
                    }
                    f64::from(-row.bbox.iou(detection.bbox) - bonus(row.track, index))
                };
                let solved = solve_all(&mut self.dense, tracks, chosen, cost);
                pairs.extend(solved.filter(is_good));
            }
            _ => pairs.extend(solved.iter().copied().filter(is_good)),
        }
    }
}

/// Assigns every track or every detection, whichever are fewer.
fn solve_all<'a>(
    dense: &'a mut Dense,
    tracks: &'a [Candidate],
    chosen: &'a [usize],
    cost: impl Fn(&Candidate, usize) -> f64,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let turned = tracks.len() > chosen.len();
    let (rows, cols) = (tracks.len(), chosen.len());
    dense.start(rows.min(cols), rows.max(cols));
    for (row, track) in tracks.iter().enumerate() {
        for (col, &index) in chosen.iter().enumerate() {
            let (a, b) = if turned { (col, row) } else { (row, col) };
            dense.set_cost(a, b, cost(track, index));
        }
    }
    dense.solve().map(move |(a, b)| {
        let (row, col) = if turned { (b, a) } else { (a, b) };
        (tracks[row].track, chosen[col])
    })
}
