//! Appearances: vectors of unit length.

/// Makes the vector one of unit length. `false`, and the vector is useless, where it has none: a
/// number that is not finite, or zeros only.
pub fn normalise(vector: &mut [f32]) -> bool {
    let norm = vector.iter().map(|v| f64::from(*v) * f64::from(*v));
    let norm = norm.sum::<f64>().sqrt();
    if !norm.is_finite() || norm < 1e-12 {
        return false;
    }
    for value in vector {
        *value = (f64::from(*value) / norm) as f32;
    }
    true
}

/// Cosine distance of two vectors of unit length: 0 for the same direction, 1 for right angles, 2
/// for opposite ones.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    (1.0 - dot).clamp(0.0, 2.0)
}

/// Share of what was seen now in the mean of what has been seen: at a look a second, half of the mean
/// is from the last two or three seconds.
const SHARE: f32 = 0.25;

/// Moves a mean towards what was seen; an empty one becomes what was seen.
pub fn follow(mean: &mut Vec<f32>, seen: &[f32]) {
    if mean.len() != seen.len() {
        mean.clear();
        mean.extend_from_slice(seen);
        return;
    }
    for (mean, seen) in mean.iter_mut().zip(seen) {
        *mean += SHARE * (seen - *mean);
    }
    // At this share not even opposite vectors cancel out.
    normalise(mean);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_no_direction_is_no_appearance() {
        for vector in [
            vec![],
            vec![0.0, 0.0],
            vec![f32::NAN, 1.0],
            vec![f32::INFINITY, 1.0],
        ] {
            assert!(!normalise(&mut vector.clone()), "{vector:?}");
        }
        let mut huge = [3e38, 0.0, 4e-38];
        assert!(normalise(&mut huge));
        assert_eq!(huge[0], 1.0);
    }

    #[test]
    fn distance_goes_by_direction() {
        for (b, expected) in [
            ([1.0, 0.0], 0.0),
            ([0.0, 1.0], 1.0),
            ([-1.0, 0.0], 2.0),
            ([0.8, 0.6], 0.2),
        ] {
            assert!((distance(&[1.0, 0.0], &b) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_mean_begins_as_what_was_seen_first_and_follows_what_is_seen() {
        let mut mean = Vec::new();
        follow(&mut mean, &[1.0, 0.0]);
        assert_eq!(mean, [1.0, 0.0]);
        for _ in 0..20 {
            follow(&mut mean, &[0.0, 1.0]);
        }
        assert!(distance(&mean, &[0.0, 1.0]) < 1e-3);
    }

    proptest! {
        #[test]
        fn means_stay_of_unit_length(seen in prop::collection::vec(prop::array::uniform4(-1f32..1.0), 1..20)) {
            let mut mean = Vec::new();
            for mut vector in seen {
                if normalise(&mut vector) {
                    follow(&mut mean, &vector);
                    prop_assert!((mean.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-4);
                }
            }
        }
    }
}
