//! Whether detections equal a reference's.

use crate::assets::ReferenceBox;

/// A detection as a test found it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Class name.
    pub name: String,
    /// Score, 0..1.
    pub score: f32,
    /// Corners in pixels.
    pub xyxy: [f32; 4],
}

/// How near detections must be to the reference's.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Boxes with lower scores are not asked for.
    pub from_score: f32,
    /// Least intersection over union.
    pub iou: f32,
    /// Largest difference of scores.
    pub score: f32,
}

/// Intersection over union of two boxes given by their corners.
pub fn iou(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |r: [f32; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let inner = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    inner / (area(a) + area(b) - inner).max(f32::MIN_POSITIVE)
}

/// Every difference between `found` and `expected`, as a sentence; none if they are equal within
/// the tolerance. Each box of one side matches one of the other at most.
pub fn differences(
    found: &[Found],
    expected: &[ReferenceBox],
    tolerance: Tolerance,
) -> Vec<String> {
    let mut taken = vec![false; found.len()];
    let mut differences = Vec::new();
    for wanted in expected {
        let best = found
            .iter()
            .enumerate()
            .filter(|(i, got)| {
                !taken[*i]
                    && got.name == wanted.name
                    && (got.score - wanted.score).abs() <= tolerance.score
                    && iou(got.xyxy, wanted.xyxy) >= tolerance.iou
            })
            .max_by(|(_, a), (_, b)| iou(a.xyxy, wanted.xyxy).total_cmp(&iou(b.xyxy, wanted.xyxy)))
            .map(|(i, _)| i);
        match best {
            Some(i) => taken[i] = true,
            // Below the limit a box may be on either side of the detector's threshold.
            None if wanted.score < tolerance.from_score => {}
            None => {
                let nearest = found
                    .iter()
                    .filter(|got| got.name == wanted.name)
                    .max_by(|a, b| iou(a.xyxy, wanted.xyxy).total_cmp(&iou(b.xyxy, wanted.xyxy)));
                differences.push(format!(
                    "missing {wanted:?}; nearest {nearest:?}, IoU {:.4}",
                    nearest.map_or(0.0, |got| iou(got.xyxy, wanted.xyxy))
                ));
            }
        }
    }
    for (got, taken) in found.iter().zip(&taken) {
        if !taken && got.score >= tolerance.from_score {
            differences.push(format!("not in the reference: {got:?}"));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_a_moved_and_an_extra_box_are_differences() {
        let tolerance = Tolerance {
            from_score: 0.3,
            iou: 0.9,
            score: 0.02,
        };
        let expected = [ReferenceBox {
            cls: 0,
            name: "a".into(),
            score: 0.5,
            xyxy: [0.0, 0.0, 10.0, 10.0],
        }];
        let found = |score, shift| Found {
            name: "a".into(),
            score,
            xyxy: [shift, 0.0, 10.0 + shift, 10.0],
        };
        assert!(differences(&[found(0.51, 0.1)], &expected, tolerance).is_empty());
        assert_eq!(differences(&[], &expected, tolerance).len(), 1);
        assert_eq!(
            differences(&[found(0.5, 2.0)], &expected, tolerance).len(),
            2
        );
        assert_eq!(
            differences(&[found(0.6, 0.0)], &expected, tolerance).len(),
            2
        );
        let twice = [found(0.5, 0.0), found(0.5, 0.0)];
        assert_eq!(differences(&twice, &expected, tolerance).len(), 1);
    }
}
