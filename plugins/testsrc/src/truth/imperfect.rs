//! An imperfect detector, made from the truth: it misses objects, draws its boxes inexactly, is
//! unsure of them, and sees what is not there.
//!
//! All of it follows from the seed, the time of the frame and the identity of the object, so that
//! a frame is seen the same way each time, in whatever order frames are looked at.

use super::{clip, whole};
use crate::convert::gaussian;
use crate::scene::random::Random;
use crate::scene::{Class, Object};
use vigil_analytics::BBox;

/// How imperfect the detector is; not at all by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flaws {
    /// Probability that an object is not found, 0..1.
    pub miss_rate: f64,
    /// Standard deviation of a box's centre, width and height, in its own width and height.
    pub jitter: f64,
    /// Expected number of boxes a frame where nothing is.
    pub false_positive_rate: f64,
    /// How far the score of an object that is there is below 1, typically.
    pub score_noise: f64,
}

/// What the detector found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Index of the object in the truth; `None` where nothing is.
    pub object: Option<usize>,
    /// What it is taken for.
    pub class: Class,
    /// Where, in pixels, clipped to the frame.
    pub bbox: BBox,
    /// Score, 0..1.
    pub score: f32,
}

/// Most boxes on a frame where nothing is.
const MAX_FALSE: usize = 1000;
/// Scores of boxes where nothing is: below those of most objects, but not of all.
const FALSE_SCORES: (f32, f32) = (0.1, 0.7);
/// A score of 0 would be no detection.
const MIN_SCORE: f64 = 0.01;

impl Flaws {
    /// Whether the detector says what is there, and nothing else.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// Fills `out` (emptied first) with what is found on the frame that shows `time`
    /// (nanoseconds), in the order of the truth, with what is not there at the end.
    pub fn look(
        &self,
        seed: u64,
        time: u64,
        truth: &[Object],
        (width, height): (u32, u32),
        out: &mut Vec<Finding>,
    ) {
        out.clear();
        for (i, object) in truth.iter().enumerate() {
            let mut random = Random::of(&[seed, time, object.id]);
            // Drawn even where not needed, so that one flaw does not change another's outcome.
            let missed = unit(&mut random) < self.miss_rate;
            let offsets: [f64; 4] = std::array::from_fn(|_| gaussian(&mut random));
            let doubt = gaussian(&mut random).abs() * self.score_noise;
            if missed {
                continue;
            }
            let bbox = shaken(whole(object), offsets.map(|offset| offset * self.jitter));
            if let Some(bbox) = clip(bbox, width, height) {
                out.push(Finding {
                    object: Some(i),
                    class: object.class,
                    bbox,
                    score: (1.0 - doubt).max(MIN_SCORE) as f32,
                });
            }
        }
        self.imagine(seed, time, (width as f32, height as f32), out);
    }

    /// Adds boxes where nothing is.
    fn imagine(&self, seed: u64, time: u64, (width, height): (f32, f32), out: &mut Vec<Finding>) {
        // No object has this identity.
        let mut random = Random::of(&[seed, time, 0]);
        for _ in 0..poisson(&mut random, self.false_positive_rate) {
            let class = *random.pick(&Class::ALL);
            let h = height * random.range(0.03, 0.3);
            let w = (h * random.range(0.3, 1.5)).min(width);
            let bbox = BBox {
                x: random.range(0.0, width - w),
                y: random.range(0.0, height - h),
                w,
                h,
            };
            let score = random.range(FALSE_SCORES.0, FALSE_SCORES.1);
            out.push(Finding {
                object: None,
                class,
                bbox,
                score,
            });
        }
    }
}

/// A box moved and resized by shares of its size.
fn shaken(bbox: BBox, [x, y, w, h]: [f64; 4]) -> BBox {
    let (dx, dy) = (x as f32 * bbox.w, y as f32 * bbox.h);
    // A tenth is left of it at least.
    let w_after = bbox.w * (1.0 + w as f32).max(0.1);
    let h_after = bbox.h * (1.0 + h as f32).max(0.1);
    BBox {
        x: bbox.x + dx + (bbox.w - w_after) / 2.0,
        y: bbox.y + dy + (bbox.h - h_after) / 2.0,
        w: w_after,
        h: h_after,
    }
}

/// From 0 to below 1.
fn unit(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 53) as f64
}

/// A count of this mean (Knuth, "The Art of Computer Programming", volume 2, 3.4.1).
fn poisson(random: &mut Random, mean: f64) -> usize {
    let limit = (-mean).exp();
    let mut product = unit(random);
    let mut count = 0;
    while product > limit && count < MAX_FALSE {
        product *= unit(random);
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (1000, 800);

    fn object(id: u64) -> Object {
        Object {
            id,
            class: Class::Car,
            x: 400.0,
            y: 300.0,
            w: 100.0,
            h: 50.0,
            visible: 1.0,
            appeared: 0.0,
        }
    }

    fn look(flaws: Flaws, time: u64, truth: &[Object]) -> Vec<Finding> {
        let mut out = vec![];
        flaws.look(3, time, truth, SIZE, &mut out);
        out
    }

    fn looks(flaws: Flaws) -> Vec<Finding> {
        let truth: Vec<Object> = (1..=50).map(object).collect();
        (0..200)
            .flat_map(|time| look(flaws, time, &truth))
            .collect()
    }

    /// Mean and standard deviation.
    fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
        let n = values.clone().count() as f64;
        let mean = values.clone().map(f64::from).sum::<f64>() / n;
        let squares = values.map(|v| (f64::from(v) - mean).powi(2)).sum::<f64>();
        (mean, (squares / n).sqrt())
    }

    #[test]
    fn a_perfect_detector_says_what_is_there() {
        let mut leaving = object(9);
        leaving.x = -60.0;
        let found = look(Flaws::default(), 5, &[object(1), leaving]);
        assert!(Flaws::default().are_none());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bbox, whole(&object(1)));
        assert_eq!((found[1].bbox.x, found[1].bbox.w), (0.0, 40.0));
        assert!(
            found
                .iter()
                .all(|f| f.score == 1.0 && f.class == Class::Car)
        );
        let indices: Vec<_> = found.iter().map(|f| f.object).collect();
        assert_eq!(indices, [Some(0), Some(1)]);
    }

    #[test]
    fn rates_are_what_was_asked_for() {
        let missed = looks(Flaws {
            miss_rate: 0.3,
            ..Flaws::default()
        });
        assert!((missed.len() as f64 / 10_000.0 - 0.7).abs() < 0.02);
        let flaws = Flaws {
            false_positive_rate: 2.5,
            ..Flaws::default()
        };
        let found = looks(flaws);
        let invented: Vec<_> = found.iter().filter(|f| f.object.is_none()).collect();
        assert!(
            (invented.len() as f64 / 200.0 - 2.5).abs() < 0.3,
            "{}",
            invented.len()
        );
        for f in invented {
            assert_eq!(clip(f.bbox, SIZE.0, SIZE.1), Some(f.bbox));
            assert!((0.1..0.7).contains(&f.score));
        }
        let nothing = Flaws {
            miss_rate: 1.0,
            ..Flaws::default()
        };
        assert_eq!(looks(nothing), []);
    }

    #[test]
    fn boxes_and_scores_scatter_as_asked_for() {
        let found = looks(Flaws {
            jitter: 0.1,
            score_noise: 0.2,
            ..Flaws::default()
        });
        let center = |f: &Finding| (f.bbox.x + f.bbox.w / 2.0, f.bbox.y + f.bbox.h / 2.0);
        for (what, (mean, deviation), expected) in [
            (
                "x",
                moments(found.iter().map(|f| center(f).0)),
                (450.0, 10.0),
            ),
            (
                "y",
                moments(found.iter().map(|f| center(f).1)),
                (325.0, 5.0),
            ),
            ("w", moments(found.iter().map(|f| f.bbox.w)), (100.0, 10.0)),
            ("h", moments(found.iter().map(|f| f.bbox.h)), (50.0, 5.0)),
        ] {
            assert!((mean - expected.0).abs() < 0.5, "{what} {mean}");
            assert!((deviation - expected.1).abs() < 0.3, "{what} {deviation}");
        }
        // The mean of a half-normal distribution.
        let (mean, _) = moments(found.iter().map(|f| f.score));
        assert!((1.0 - mean - 0.2 * 0.798).abs() < 0.01, "{mean}");
    }

    #[test]
    fn a_frame_is_seen_the_same_way_each_time() {
        let flaws = Flaws {
            miss_rate: 0.2,
            jitter: 0.1,
            false_positive_rate: 1.0,
            score_noise: 0.1,
        };
        let truth: Vec<Object> = (1..=50).map(object).collect();
        assert_eq!(look(flaws, 7, &truth), look(flaws, 7, &truth));
        assert_ne!(look(flaws, 7, &truth), look(flaws, 8, &truth));
        // Whoever else is there changes nothing for an object.
        let alone = look(flaws, 7, &truth[30..31]);
        let among = look(flaws, 7, &truth);
        let found = |findings: &[Finding], i: usize| {
            let finding = findings.iter().find(|f| f.object == Some(i));
            finding.map(|f| (f.bbox, f.score))
        };
        assert_eq!(found(&alone, 0), found(&among, 30));
        // Nor does one flaw change another's outcome.
        let only_misses = Flaws {
            miss_rate: 0.2,
            ..Flaws::default()
        };
        let ids =
            |findings: Vec<Finding>| findings.iter().filter_map(|f| f.object).collect::<Vec<_>>();
        assert_eq!(ids(look(only_misses, 7, &truth)), ids(among));
    }

    #[test]
    fn the_smallest_and_the_wildest_frames_are_fine() {
        let flaws = Flaws {
            miss_rate: 0.5,
            jitter: 1.0,
            false_positive_rate: 100.0,
            score_noise: 1.0,
        };
        let mut out = vec![];
        let mut tiny = object(1);
        (tiny.x, tiny.y, tiny.w, tiny.h) = (0.2, 0.2, 0.5, 0.5);
        for time in 0..100 {
            flaws.look(1, time, &[tiny], (1, 1), &mut out);
            assert!(out.len() > 30 && out.len() < 250, "{}", out.len());
            for f in &out {
                assert_eq!(clip(f.bbox, 1, 1), Some(f.bbox));
                assert!(f.score > 0.0 && f.score <= 1.0);
            }
        }
    }
}
