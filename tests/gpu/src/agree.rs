//! Whether numbers and boxes of two engines are the same, within a tolerance.

use gstvigildetect::decode::Detection;

/// The least overlap of boxes that are the same.
pub const LEAST_IOU: f32 = 0.98;

/// How far numbers are apart.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Distance {
    /// Numbers that were compared.
    pub count: usize,
    /// The largest difference, in parts of the number, or of 1 where the number is smaller: scores
    /// near zero are compared as they are.
    pub worst: f32,
    /// The mean of them.
    pub mean: f64,
}

/// Compares what an engine gives with what it should give. NaN and infinities have to be in the same
/// places.
pub fn distance(found: &[f32], expected: &[f32]) -> Result<Distance, String> {
    if found.len() != expected.len() {
        return Err(format!("{} numbers for {}", found.len(), expected.len()));
    }
    let mut all = Distance::default();
    let mut sum = 0.0;
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found == expected || (found.is_nan() && expected.is_nan());
        let apart = match same {
            true => 0.0,
            false => (found - expected).abs() / expected.abs().max(1.0),
        };
        if !apart.is_finite() {
            return Err(format!("{found} for {expected} at {i}"));
        }
        all.worst = all.worst.max(apart);
        sum += f64::from(apart);
    }
    all.count = found.len();
    all.mean = sum / all.count.max(1) as f64;
    Ok(all)
}

/// How alike boxes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alike {
    /// Boxes that have a partner.
    pub pairs: usize,
    /// The least overlap of partners.
    pub iou: f32,
    /// The largest difference of their scores.
    pub score: f32,
}

impl Default for Alike {
    fn default() -> Self {
        Self {
            pairs: 0,
            iou: 1.0,
            score: 0.0,
        }
    }
}

impl Alike {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            pairs: self.pairs + other.pairs,
            iou: self.iou.min(other.iou),
            score: self.score.max(other.score),
        }
    }
}

/// Finds for each box the one of the same class that overlaps it most. Boxes whose score is within
/// `tolerance` of `threshold` need no partner: the other engine may have them below it.
pub fn boxes(
    found: &[Detection],
    expected: &[Detection],
    threshold: f32,
    tolerance: f32,
) -> Result<Alike, String> {
    let mut alike = Alike::default();
    for (which, these, those) in [("missing", expected, found), ("too many", found, expected)] {
        for one in these {
            let of_class = those.iter().filter(|other| other.class == one.class);
            let mut near: Vec<_> = of_class
                .map(|other| (iou(&one.xyxy, &other.xyxy), other))
                .collect();
            near.sort_by(|a, b| b.0.total_cmp(&a.0));
            // Of boxes that are the same but for their scores, the one with the score counts.
            let partner = near.iter().find(|(iou, other)| {
                *iou >= LEAST_IOU && (one.score - other.score).abs() <= tolerance
            });
            match (partner, near.first()) {
                (Some((iou, other)), _) => {
                    let pairs = usize::from(which == "missing");
                    let score = (one.score - other.score).abs();
                    alike = alike.and(Alike {
                        pairs,
                        iou: *iou,
                        score,
                    });
                }
                _ if one.score <= threshold + tolerance => {}
                (None, best) => {
                    let nearest = best.map_or("none of its class".to_owned(), |(iou, other)| {
                        format!(
                            "the nearest has an IoU of {iou:.4} and score {:.4}",
                            other.score
                        )
                    });
                    return Err(format!(
                        "{which}: class {}, score {:.4}, {:?}; {nearest}",
                        one.class, one.score, one.xyxy
                    ));
                }
            }
        }
    }
    Ok(alike)
}

/// The part that two boxes have in common, of all that they cover.
fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    if a == b {
        return 1.0;
    }
    let area = |r: &[f32; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let common = [
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ];
    let common = area(&common);
    common / (area(a) + area(b) - common).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(class: u32, score: f32, xyxy: [f32; 4]) -> Detection {
        Detection { class, score, xyxy }
    }

    #[test]
    fn differences_are_in_parts_of_the_number_and_of_one_below() {
        let cases = [
            (vec![101.0], vec![100.0], Ok(0.01)),
            (vec![0.011], vec![0.001], Ok(0.01)),
            (
                vec![f32::NAN, f32::INFINITY],
                vec![f32::NAN, f32::INFINITY],
                Ok(0.0),
            ),
            (vec![f32::NAN], vec![1.0], Err(())),
            (vec![1.0], vec![f32::INFINITY], Err(())),
            (vec![1.0, 2.0], vec![1.0], Err(())),
        ];
        for (found, expected, wanted) in cases {
            let got = distance(&found, &expected).map(|d| d.worst).map_err(|_| ());
            match (got, wanted) {
                (Ok(got), Ok(wanted)) => assert!((got - wanted).abs() < 1e-5, "{got}"),
                (got, wanted) => assert_eq!(got.is_err(), wanted.is_err(), "{found:?}"),
            }
        }
    }

    #[test]
    fn boxes_that_moved_or_changed_their_class_are_not_the_same() {
        let a = detection(1, 0.8, [0.0, 0.0, 100.0, 100.0]);
        let near = detection(1, 0.805, [0.0, 0.5, 100.0, 100.0]);
        let same = boxes(&[near], &[a], 0.25, 0.01).unwrap();
        assert_eq!(same.pairs, 1);
        assert!((same.iou - 0.995).abs() < 1e-5);
        let others = [
            detection(2, 0.8, a.xyxy),
            detection(1, 0.8, [0.0, 3.0, 100.0, 100.0]),
            detection(1, 0.82, a.xyxy),
        ];
        for other in others {
            let refused = boxes(&[other], &[a], 0.25, 0.01);
            assert!(refused.unwrap_err().starts_with("missing: class 1"));
        }
        let twice = [detection(1, 0.4, a.xyxy), a];
        assert_eq!(boxes(&twice, &twice, 0.25, 0.01).unwrap().pairs, 2);
        let more = boxes(&[a, detection(0, 0.9, [0.0; 4])], &[a], 0.25, 0.01);
        assert!(more.unwrap_err().starts_with("too many: class 0"));
    }

    #[test]
    fn a_box_at_the_threshold_may_be_missing() {
        let faint = detection(0, 0.2549, [0.0, 0.0, 9.0, 9.0]);
        let alike = boxes(&[], &[faint], 0.25, 0.01).unwrap();
        assert_eq!(alike.pairs, 0);
        assert!(boxes(&[], &[faint], 0.25, 0.001).is_err());
    }
}
