//! How good detections are: average precision, and what is found and what is false.
//!
//! A detection is right when it overlaps an object of its class, which no better detection has
//! taken, by a least IoU: half, or COCO's ten. Objects that do not count (hidden for more than half) are
//! neither right nor wrong to find, and so is a detection at least half of which lies on one. Where
//! only some sizes are asked for, so are objects of others, and what was found on them or in their
//! sizes on nothing: as in pycocotools.

use crate::matching::{Found, iou};
use std::ops::RangeInclusive;

/// Least IoU with the object that was found, where no other is said; and least share of a detection
/// on an object that does not count.
const OVERLAP: f32 = 0.5;

/// COCO's average precision is the mean of those at these overlaps (Lin et al. 2014).
pub const COCO_OVERLAPS: [f32; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// What COCO calls small, medium and large: areas in square pixels.
pub const COCO_SIZES: [RangeInclusive<f32>; 3] =
    [0.0..=1024.0, 1024.0..=9216.0, 9216.0..=f32::INFINITY];

/// A true object.
#[derive(Debug, Clone)]
pub struct Truth {
    /// Class name.
    pub name: String,
    /// Corners in pixels.
    pub xyxy: [f32; 4],
    /// Whether it has to be found.
    pub counts: bool,
}

/// What was judged of any number of pictures.
#[derive(Debug)]
pub struct Tally {
    /// Least IoU with the object that was found.
    overlap: f32,
    /// Areas of the objects that count.
    sizes: RangeInclusive<f32>,
    /// Class, score and whether it is right, of each detection that counts.
    said: Vec<(String, f32, bool)>,
    /// Class of each object that counts.
    objects: Vec<String>,
}

impl Default for Tally {
    fn default() -> Self {
        Self::with_overlap(OVERLAP)
    }
}

impl Tally {
    /// One that asks for at least this IoU with an object.
    pub fn with_overlap(overlap: f32) -> Self {
        Self {
            overlap,
            sizes: 0.0..=f32::INFINITY,
            said: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// The same, of objects of these areas only.
    #[must_use]
    pub fn of_sizes(self, sizes: RangeInclusive<f32>) -> Self {
        Self { sizes, ..self }
    }

    /// Judges one picture.
    pub fn add(&mut self, truth: &[Truth], found: &[Found]) {
        let mut order: Vec<_> = found.iter().collect();
        order.sort_by(|a, b| b.score.total_cmp(&a.score));
        let is_of_size = |xyxy: [f32; 4]| self.sizes.contains(&area(xyxy));
        let mut taken = vec![false; truth.len()];
        for said in order {
            let mut take = |of_size: bool| {
                let best = (0..truth.len())
                    .filter(|&i| truth[i].counts && is_of_size(truth[i].xyxy) == of_size)
                    .filter(|&i| !taken[i] && truth[i].name == said.name)
                    .map(|i| (i, iou(truth[i].xyxy, said.xyxy)))
                    .filter(|(_, overlap)| *overlap >= self.overlap)
                    .max_by(|a, b| a.1.total_cmp(&b.1));
                best.map(|(i, _)| taken[i] = true).is_some()
            };
            let is_right = take(true);
            let is_excused = !is_right
                && (take(false)
                    || !is_of_size(said.xyxy)
                    || truth.iter().any(|object| excuses(object, said)));
            if !is_excused {
                self.said.push((said.name.clone(), said.score, is_right));
            }
        }
        let counting = truth.iter();
        let counting = counting.filter(|object| object.counts && is_of_size(object.xyxy));
        self.objects
            .extend(counting.map(|object| object.name.clone()));
    }

    /// Number of objects that count.
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Share of the objects that were found with at least this score.
    pub fn recall(&self, score: f32) -> f64 {
        let right = self
            .said
            .iter()
            .filter(|said| said.2 && said.1 >= score)
            .count();
        right as f64 / self.objects.len().max(1) as f64
    }

    /// Share of the detections with at least this score that are false.
    pub fn false_share(&self, score: f32) -> f64 {
        let said = || self.said.iter().filter(|said| said.1 >= score);
        said().filter(|said| !said.2).count() as f64 / said().count().max(1) as f64
    }

    /// Names of the classes of which there are objects.
    pub fn classes(&self) -> Vec<&str> {
        let mut classes: Vec<_> = self.objects.iter().map(String::as_str).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// Average precision of a class, as COCO's at IoU 0.5: the mean, at 101 recalls, of the best
    /// precision at this recall or a higher one.
    pub fn average_precision(&self, class: &str) -> f64 {
        let objects = self.objects.iter().filter(|name| *name == class).count();
        let mut said: Vec<_> = self.said.iter().filter(|said| said.0 == class).collect();
        said.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut curve: Vec<(f64, f64)> = Vec::new();
        let mut right = 0;
        for (index, said) in said.iter().enumerate() {
            right += usize::from(said.2);
            curve.push((
                right as f64 / objects.max(1) as f64,
                right as f64 / (index + 1) as f64,
            ));
        }
        let mut best = 0.0f64;
        for point in curve.iter_mut().rev() {
            best = best.max(point.1);
            point.1 = best;
        }
        let at = |recall: f64| {
            curve
                .iter()
                .find(|point| point.0 >= recall)
                .map_or(0.0, |point| point.1)
        };
        (0..=100)
            .map(|step| at(f64::from(step) / 100.0))
            .sum::<f64>()
            / 101.0
    }

    /// Mean of [`average_precision`](Self::average_precision) over all classes.
    pub fn mean_average_precision(&self) -> f64 {
        let classes = self.classes();
        let sum: f64 = classes
            .iter()
            .map(|class| self.average_precision(class))
            .sum();
        sum / classes.len().max(1) as f64
    }
}

fn area([x1, y1, x2, y2]: [f32; 4]) -> f32 {
    (x2 - x1).max(0.0) * (y2 - y1).max(0.0)
}

/// Whether `said` is on an object that does not count.
fn excuses(object: &Truth, said: &Found) -> bool {
    let [a, b] = [object.xyxy, said.xyxy];
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = ((b[2] - b[0]) * (b[3] - b[1])).max(f32::MIN_POSITIVE);
    !object.counts && object.name == said.name && width * height / area >= OVERLAP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(x: f32, counts: bool) -> Truth {
        Truth {
            name: "car".into(),
            xyxy: [x, 0.0, x + 10.0, 10.0],
            counts,
        }
    }

    fn found(x: f32, score: f32) -> Found {
        Found {
            name: "car".into(),
            score,
            xyxy: [x, 0.0, x + 10.0, 10.0],
        }
    }

    #[test]
    fn precision_and_recall_are_those_of_a_count_by_hand() {
        let mut tally = Tally::default();
        // Right, a second box on the same object, one on a hidden object, one on nothing.
        tally.add(
            &[truth(0.0, true), truth(100.0, false), truth(300.0, true)],
            &[
                found(1.0, 0.9),
                found(0.0, 0.4),
                found(102.0, 0.8),
                found(200.0, 0.7),
            ],
        );
        assert_eq!(tally.objects(), 2);
        assert_eq!(tally.recall(0.5), 0.5);
        assert_eq!(tally.recall(0.95), 0.0);
        assert_eq!(tally.false_share(0.5), 0.5);
        assert_eq!(tally.false_share(0.0), 2.0 / 3.0);
        // Precision 1 up to a recall of a half, 0 beyond: 51 of 101 points.
        assert!((tally.average_precision("car") - 51.0 / 101.0).abs() < 1e-9);
    }

    #[test]
    fn objects_of_other_sizes_are_neither_right_nor_wrong() {
        // Two objects of 100 square pixels and one of 400.
        let large = Truth {
            xyxy: [200.0, 0.0, 220.0, 20.0],
            ..truth(0.0, true)
        };
        let said = |x: f32, side: f32, score: f32| Found {
            xyxy: [x, 0.0, x + side, side],
            ..found(x, score)
        };
        let found = [
            said(0.0, 10.0, 0.9),
            said(200.0, 20.0, 0.8),
            // On nothing: of the large ones' size, and of the small ones'.
            said(300.0, 20.0, 0.7),
            said(400.0, 10.0, 0.6),
        ];
        for (sizes, objects, false_share) in [(0.0..=100.0, 2, 0.5), (101.0..=1e6, 1, 0.5)] {
            let mut tally = Tally::default().of_sizes(sizes);
            tally.add(
                &[truth(0.0, true), truth(50.0, true), large.clone()],
                &found,
            );
            assert_eq!(tally.objects(), objects);
            assert_eq!(tally.false_share(0.0), false_share);
        }
    }

    #[test]
    fn other_classes_do_not_match() {
        let mut tally = Tally::default();
        let dog = Found {
            name: "dog".into(),
            ..found(0.0, 0.9)
        };
        tally.add(&[truth(0.0, true)], &[dog]);
        assert_eq!(tally.recall(0.0), 0.0);
        assert_eq!(tally.classes(), ["car"]);
    }
}
