//! One list of objects from what overlapping parts of a frame show.
//!
//! As in SAHI's greedy merging, from the best box on, others of its class are joined to it that show
//! the same object. There it is the same if more than half of the smaller box is shared, wherever
//! the boxes are from, and the joined box is the one around all. So a child disappears in the adult
//! before whom it stands, and boxes grow by whatever each look at them is off. Here it matters what
//! the parts can show of an object:
//!
//! - Two boxes are the same object if they agree on what both their parts show: what lies of them in
//!   the overlap of the parts has an IoU of more than a half. A tile's edge cuts the whole as it cut
//!   the piece.
//! - Boxes of one part are never joined: the model itself told them apart, and people in a crowd
//!   overlap by as much. So an object has at most one box from each part, the most alike first.
//! - An object is the best of its boxes that no part's edge cuts off, with that one's score: a piece
//!   may look more like its class than the whole does, but tells neither where the whole ends nor
//!   how sure it is. Where there are pieces only, they are put together around the best one.
//!
//! On COCO's pictures that is what keeps large objects: joined as in SAHI they lose a third of their
//! average precision to tiles.

use super::{Part, Place};
use crate::decode::{Detection, area, intersection};

/// Least intersection over union of the same object on two parts.
const SAME: f32 = 0.5;

/// How near to a part's edge a box is cut off by it, as a share of the part's side.
const NEAR: f32 = 0.02;

/// A part as corners, and which of its edges cut the picture: left, top, right, bottom.
#[derive(Clone, Copy)]
struct Window {
    xyxy: [f32; 4],
    cuts: [bool; 4],
}

impl Window {
    fn all(parts: &[Part]) -> Vec<Self> {
        let corners = |[x, y, w, h]: &Part| [*x, *y, x + w, y + h].map(|v| v as f32);
        let all = parts.iter().map(corners).reduce(|a, b| around(&a, &b));
        let window = |part| {
            let xyxy = corners(part);
            let cuts = std::array::from_fn(|side| all.is_some_and(|all| all[side] != xyxy[side]));
            Self { xyxy, cuts }
        };
        parts.iter().map(window).collect()
    }

    /// Which sides of a box its part's edges cut off.
    fn cut_off(&self, xyxy: &[f32; 4]) -> [bool; 4] {
        std::array::from_fn(|side| {
            let length = self.xyxy[side % 2 + 2] - self.xyxy[side % 2];
            self.cuts[side] && (xyxy[side] - self.xyxy[side]).abs() <= NEAR * length
        })
    }
}

/// Joins what was found on the parts of a frame, each with its place, to objects, best first; of
/// equal scores, those of the first part first. An object has the score and the place of its best
/// whole box, or of its best piece.
pub(super) fn merge(found: &mut Vec<(Detection, Place)>, parts: &[Part]) {
    let windows = Window::all(parts);
    found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
    let mut is_taken = vec![false; found.len()];
    let mut is_joined = vec![false; windows.len()];
    let mut members = Vec::new();
    let mut objects = Vec::with_capacity(found.len());
    for i in 0..found.len() {
        if is_taken[i] {
            continue;
        }
        is_joined.fill(false);
        members.clear();
        let mut next = Some(i);
        while let Some(j) = next {
            is_taken[j] = true;
            is_joined[found[j].1.0] = true;
            members.push(j);
            next = nearest(found, &windows, &members, &is_taken, &is_joined);
        }
        members.sort_unstable();
        objects.extend(whole(found, &windows, &members));
    }
    // A whole may be worse than a piece of it was.
    objects.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
    *found = objects;
}

/// What is to be joined next to these boxes: of the worse ones, of parts that none was taken from,
/// the one that is most alike one of them.
fn nearest(
    found: &[(Detection, Place)],
    windows: &[Window],
    members: &[usize],
    is_taken: &[bool],
    is_joined: &[bool],
) -> Option<usize> {
    let first = *members.first()?;
    let class = found[first].0.class;
    let likeness = |j: usize| {
        let each = members
            .iter()
            .map(|i| alike(&found[*i], &found[j], windows));
        each.fold(0.0, f32::max)
    };
    (first + 1..found.len())
        .filter(|j| !is_taken[*j] && !is_joined[found[*j].1.0] && found[*j].0.class == class)
        .map(|j| (j, likeness(j)))
        .filter(|(_, alike)| *alike > SAME)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(j, _)| j)
}

/// IoU of what lies of two boxes in the overlap of their parts.
fn alike(
    (a, (of_a, _)): &(Detection, Place),
    (b, (of_b, _)): &(Detection, Place),
    windows: &[Window],
) -> f32 {
    let (of_a, of_b) = (windows[*of_a], windows[*of_b]);
    let both = inside(&of_a.xyxy, &of_b.xyxy);
    iou(&inside(&a.xyxy, &both), &inside(&b.xyxy, &both))
}

/// An object of these boxes, best first.
fn whole(
    found: &[(Detection, Place)],
    windows: &[Window],
    members: &[usize],
) -> Option<(Detection, Place)> {
    let cut_off = |i: usize| windows[found[i].1.0].cut_off(&found[i].0.xyxy);
    let (best, others) = members.split_first()?;
    if let Some(whole) = members.iter().find(|i| !cut_off(**i).contains(&true)) {
        return Some(found[*whole]);
    }
    let mut object = found[*best];
    let cut = cut_off(*best);
    for side in (0..4).filter(|side| cut[*side]) {
        let outer = |a: f32, b: f32| if side < 2 { a.min(b) } else { a.max(b) };
        let reach = |i: &usize| found[*i].0.xyxy[side];
        let end = match others.iter().find(|i| !cut_off(**i)[side]) {
            Some(i) => reach(i),
            None => others.iter().map(reach).fold(object.0.xyxy[side], outer),
        };
        object.0.xyxy[side] = outer(object.0.xyxy[side], end);
    }
    Some(object)
}

fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let inner = intersection(a, b);
    inner / (area(a) + area(b) - inner).max(f32::MIN_POSITIVE)
}

/// What lies of `a` in `b`.
fn inside(a: &[f32; 4], b: &[f32; 4]) -> [f32; 4] {
    [
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]
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

    /// A picture, its halves, which overlap, and its middle.
    const ALL: Part = [0, 0, 200, 100];
    const LEFT: Part = [0, 0, 110, 100];
    const RIGHT: Part = [90, 0, 110, 100];
    const MIDDLE: Part = [50, 0, 100, 100];

    type Seen<'a> = (Part, &'a [Detection]);

    fn found(class: u32, score: f32, xyxy: [f32; 4]) -> Detection {
        Detection { class, score, xyxy }
    }

    fn merge(seen: &[Seen]) -> Vec<(u32, f32, [f32; 4])> {
        let merged = places(seen).into_iter();
        merged.map(|(d, _)| (d.class, d.score, d.xyxy)).collect()
    }

    fn places(seen: &[Seen]) -> Vec<(Detection, Place)> {
        let mut out = Vec::new();
        for (number, (_, boxes)) in seen.iter().enumerate() {
            let places = (0..).map(|index| (number, index));
            out.extend(boxes.iter().copied().zip(places));
        }
        let parts: Vec<_> = seen.iter().map(|(part, _)| *part).collect();
        super::merge(&mut out, &parts);
        out
    }

    #[test]
    fn an_object_that_two_parts_show_whole_is_one_as_the_better_shows_it() {
        let merged = merge(&[
            (ALL, &[found(0, 0.6, [10.0, 10.0, 30.0, 60.0])]),
            (LEFT, &[found(0, 0.8, [11.0, 9.0, 30.0, 61.0])]),
        ]);
        assert_eq!(merged, [(0, 0.8, [11.0, 9.0, 30.0, 61.0])]);
    }

    #[test]
    fn what_tiles_cut_off_comes_out_whole() {
        let whole = found(2, 0.5, [12.0, 10.0, 180.0, 60.0]);
        let left = found(2, 0.9, [10.0, 12.0, 109.0, 61.0]);
        let right = found(2, 0.7, [91.0, 9.0, 181.0, 59.0]);
        for seen in [
            [(ALL, &[whole][..]), (LEFT, &[left]), (RIGHT, &[right])],
            [(RIGHT, &[right]), (LEFT, &[left]), (ALL, &[whole])],
        ] {
            assert_eq!(merge(&seen), [(2, 0.5, whole.xyxy)]);
        }
        // Where nobody shows it whole: the better half, and where the other one ends.
        let halves = merge(&[(LEFT, &[left]), (RIGHT, &[right])]);
        assert_eq!(halves, [(2, 0.9, [10.0, 12.0, 181.0, 61.0])]);
    }

    #[test]
    fn an_object_over_three_tiles_is_one() {
        let tiles: [Part; 3] = [[0, 0, 80, 100], [60, 0, 80, 100], [120, 0, 80, 100]];
        let seen = [
            (tiles[0], &[found(1, 0.6, [10.0, 20.0, 80.0, 80.0])][..]),
            (tiles[1], &[found(1, 0.5, [60.0, 21.0, 140.0, 80.0])]),
            (tiles[2], &[found(1, 0.7, [120.0, 20.0, 190.0, 79.0])]),
        ];
        assert_eq!(merge(&seen), [(1, 0.7, [10.0, 20.0, 190.0, 79.0])]);
        // Which nobody shows the end of.
        let seen = [seen[0], seen[1]];
        let whole = [(ALL, &[][..]), seen[0], seen[1]];
        assert_eq!(merge(&whole), [(1, 0.6, [10.0, 20.0, 140.0, 80.0])]);
    }

    #[test]
    fn a_child_before_an_adult_stays_a_child() {
        let adult = found(0, 0.9, [20.0, 0.0, 80.0, 100.0]);
        for score in [0.5, 0.95] {
            let child = found(0, score, [40.0, 50.0, 65.0, 98.0]);
            assert_eq!(merge(&[(ALL, &[adult]), (LEFT, &[child])]).len(), 2);
        }
    }

    #[test]
    fn a_piece_of_an_object_is_no_other_object() {
        // The end of a lorry, which the tile that cuts it is the surer of.
        let lorry = found(7, 0.6, [20.0, 20.0, 180.0, 80.0]);
        let end = found(7, 0.8, [90.5, 22.0, 181.0, 80.0]);
        let merged = merge(&[(ALL, &[lorry]), (RIGHT, &[end])]);
        assert_eq!(merged, [(7, 0.6, lorry.xyxy)]);
    }

    #[test]
    fn other_classes_and_other_places_stay_apart() {
        let merged = merge(&[
            (ALL, &[found(0, 0.9, [0.0, 0.0, 20.0, 20.0])]),
            (
                LEFT,
                &[
                    found(1, 0.8, [0.0, 0.0, 20.0, 20.0]),
                    found(0, 0.7, [50.0, 0.0, 70.0, 20.0]),
                ],
            ),
        ]);
        assert_eq!(merged.len(), 3);
        assert_eq!(merged[1], (1, 0.8, [0.0, 0.0, 20.0, 20.0]));
    }

    #[test]
    fn people_who_overlap_stay_two_as_each_part_says() {
        // One behind the other: their boxes share more than half.
        let front = [10.0, 0.0, 50.0, 100.0];
        let back = [20.0, 0.0, 60.0, 96.0];
        let seen = |a: f32, b: f32, shift: f32| {
            let moved = |xyxy: [f32; 4]| xyxy.map(|v| v + shift);
            [found(0, a, moved(front)), found(0, b, moved(back))]
        };
        let (full, tile) = (seen(0.9, 0.6, 0.0), seen(0.8, 0.7, 1.0));
        let merged = merge(&[(ALL, &full), (LEFT, &tile)]);
        let back = back.map(|v| v + 1.0);
        assert_eq!(merged, [(0, 0.9, front), (0, 0.7, back)]);
        // One part alone is left as it is.
        assert_eq!(merge(&[(ALL, &full)]).len(), 2);
    }

    #[test]
    fn an_object_is_where_it_was_found_whole() {
        let whole = found(0, 0.5, [10.0, 10.0, 140.0, 60.0]);
        let left = found(0, 0.9, [10.0, 10.0, 110.0, 60.0]);
        let places = places(&[(LEFT, &[left]), (ALL, &[whole])]);
        assert_eq!(places, [(whole, (1, 0))]);
        // The better one, where more than one shows it whole.
        let [less, more] = [0.6, 0.7].map(|score| found(0, score, [60.0, 0.0, 90.0, 50.0]));
        let places = super::tests::places(&[(LEFT, &[less]), (MIDDLE, &[more])]);
        assert_eq!(places, [(more, (1, 0))]);
    }

    #[test]
    fn objects_are_best_first_by_the_score_of_the_whole() {
        let whole = found(0, 0.3, [10.0, 10.0, 140.0, 60.0]);
        let left = found(0, 0.9, [10.0, 10.0, 110.0, 60.0]);
        let other = found(0, 0.6, [150.0, 10.0, 190.0, 90.0]);
        let merged = merge(&[(ALL, &[other, whole]), (LEFT, &[left])]);
        assert_eq!(merged, [(0, 0.6, other.xyxy), (0, 0.3, whole.xyxy)]);
    }

    #[test]
    fn nothing_is_merged_of_nothing() {
        assert_eq!(merge(&[]), []);
        assert_eq!(merge(&[(ALL, &[]), (LEFT, &[])]), []);
    }
}
