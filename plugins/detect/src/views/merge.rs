//! One list of objects from what overlapping parts of a frame show.
//!
//! As SAHI's greedy non-maximum merging (`GREEDYNMM` with the metric IOS at 0.5, its default): from
//! the best box on, boxes of the same class are joined to it whose intersection is more than half
//! of the smaller of the two: a part of an object that a tile's edge cuts off lies within the
//! whole, however small it is. The joined box is the one around them, its score the best one.
//!
//! Unlike there, boxes of one part are never joined: the model itself told them apart, and people
//! in a crowd overlap by as much. So a box takes at most one from each other part, the most alike
//! first; and as it has grown by that, pieces of it are found that the best box alone was not near.

use super::Place;
use crate::decode::{Detection, area, intersection};

/// Least intersection, as a share of the smaller box.
const SHARE_OF_SMALLER: f32 = 0.5;

/// Joins what was found on the parts of a frame, each with its place, to objects, best first; of
/// equal scores, those of the first part first. An object's place is that of its best box.
pub(super) fn merge(found: &mut Vec<(Detection, Place)>) {
    found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
    let parts = found.iter().map(|(_, (part, _))| part + 1).max();
    let mut is_taken = vec![false; found.len()];
    let mut is_joined = vec![false; parts.unwrap_or(0)];
    for i in 0..found.len() {
        if is_taken[i] {
            continue;
        }
        is_joined.fill(false);
        is_joined[found[i].1.0] = true;
        while let Some(j) = nearest(found, i, &is_taken, &is_joined) {
            is_taken[j] = true;
            is_joined[found[j].1.0] = true;
            found[i].0.xyxy = around(&found[i].0.xyxy, &found[j].0.xyxy);
        }
    }
    let mut is_taken = is_taken.into_iter();
    found.retain(|_| is_taken.next() == Some(false));
}

/// What is to be joined to box `i` next: of the worse boxes, of parts that none was taken from, the
/// one that is most alike.
fn nearest(
    found: &[(Detection, Place)],
    i: usize,
    is_taken: &[bool],
    is_joined: &[bool],
) -> Option<usize> {
    let best = &found[i].0;
    let others = found.iter().enumerate().skip(i + 1);
    others
        .filter(|(j, (other, (part, _)))| {
            !is_taken[*j] && !is_joined[*part] && other.class == best.class
        })
        .map(|(j, (other, _))| (j, shared(&best.xyxy, &other.xyxy)))
        .filter(|(_, (of_smaller, _))| *of_smaller > SHARE_OF_SMALLER)
        .max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b))
        .map(|(j, _)| j)
}

/// The intersection as a share of the smaller box and of the union.
fn shared(a: &[f32; 4], b: &[f32; 4]) -> (f32, f32) {
    let inner = intersection(a, b);
    let (a, b) = (area(a), area(b));
    let least = f32::MIN_POSITIVE;
    (
        inner / a.min(b).max(least),
        inner / (a + b - inner).max(least),
    )
}

fn around(a: &[f32; 4], b: &[f32; 4]) -> [f32; 4] {
    [
        a[0].min(b[0]),
        a[1].min(b[1]),
        a[2].max(b[2]),
        a[3].max(b[3]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(class: u32, score: f32, xyxy: [f32; 4]) -> Detection {
        Detection { class, score, xyxy }
    }

    fn merge(parts: &[&[Detection]]) -> Vec<(u32, f32, [f32; 4])> {
        let mut out = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let places = (0..).map(|index| (number, index));
            out.extend(part.iter().copied().zip(places));
        }
        super::merge(&mut out);
        // Each is still where its score was found.
        for (detection, (part, index)) in &out {
            assert_eq!(detection.score, parts[*part][*index].score);
        }
        out.iter()
            .map(|(d, _)| (d.class, d.score, d.xyxy))
            .collect()
    }

    #[test]
    fn an_object_that_two_parts_show_whole_is_one() {
        let merged = merge(&[
            &[found(0, 0.6, [10.0, 10.0, 30.0, 60.0])],
            &[found(0, 0.8, [11.0, 9.0, 30.0, 61.0])],
        ]);
        assert_eq!(merged, [(0, 0.8, [10.0, 9.0, 30.0, 61.0])]);
    }

    #[test]
    fn what_tiles_cut_off_belongs_to_the_whole() {
        let whole = found(2, 0.5, [0.0, 0.0, 200.0, 50.0]);
        let left = found(2, 0.9, [0.0, 0.0, 110.0, 50.0]);
        let right = found(2, 0.7, [90.0, 0.0, 200.0, 50.0]);
        for parts in [
            [&[whole][..], &[left], &[right]],
            [&[right], &[left], &[whole]],
        ] {
            assert_eq!(merge(&parts), [(2, 0.9, [0.0, 0.0, 200.0, 50.0])]);
        }
    }

    #[test]
    fn halves_that_share_most_of_one_are_one() {
        let merged = merge(&[
            &[found(0, 0.9, [0.0, 0.0, 60.0, 20.0])],
            &[found(0, 0.5, [40.0, 0.0, 70.0, 20.0])],
        ]);
        assert_eq!(merged, [(0, 0.9, [0.0, 0.0, 70.0, 20.0])]);
        let apart = merge(&[
            &[found(0, 0.9, [0.0, 0.0, 50.0, 20.0])],
            &[found(0, 0.5, [40.0, 0.0, 70.0, 20.0])],
        ]);
        assert_eq!(apart.len(), 2);
    }

    #[test]
    fn other_classes_and_other_places_stay_apart() {
        let merged = merge(&[
            &[found(0, 0.9, [0.0, 0.0, 20.0, 20.0])],
            &[
                found(1, 0.8, [0.0, 0.0, 20.0, 20.0]),
                found(0, 0.7, [50.0, 0.0, 70.0, 20.0]),
            ],
        ]);
        assert_eq!(merged.len(), 3);
        assert_eq!(merged[1], (1, 0.8, [0.0, 0.0, 20.0, 20.0]));
    }

    #[test]
    fn people_who_overlap_stay_two_as_each_part_says() {
        // One behind the other: their boxes share more than half, of 200 by 1.
        let front = [0.0, 0.0, 40.0, 100.0];
        let back = [12.0, 0.0, 52.0, 96.0];
        let seen = |a: f32, b: f32, shift: f32| {
            let moved = |xyxy: [f32; 4]| xyxy.map(|v| v + shift);
            [found(0, a, moved(front)), found(0, b, moved(back))]
        };
        let (full, tile) = (seen(0.9, 0.6, 0.0), seen(0.8, 0.7, 1.0));
        let merged = merge(&[&full, &tile]);
        assert_eq!(
            merged,
            [
                (0, 0.9, [0.0, 0.0, 41.0, 101.0]),
                (0, 0.7, [12.0, 0.0, 53.0, 97.0])
            ]
        );
        // One part alone is left as it is.
        assert_eq!(merge(&[&full]).len(), 2);
    }

    #[test]
    fn nothing_is_merged_of_nothing() {
        assert_eq!(merge(&[]), []);
        assert_eq!(merge(&[&[], &[]]), []);
    }
}
