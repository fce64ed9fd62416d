//! How much of an object its box shows.

use crate::geometry::Rect;

/// How well an object can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Too little of it, or too small.
    Hidden,
    /// Another object is in front of a part of it, or the picture ends there.
    Partly,
    /// As good as it gets.
    Clear,
}

/// A box whose shorter side has fewer pixels shows nothing by which one could be known.
const LEAST_SIDE: f32 = 12.0;
/// Share of a box behind one other box up to which it is clear, and up to which it shows something.
const CLEAR_UP_TO: f32 = 0.3;
const PARTLY_UP_TO: f32 = 0.6;
/// Boxes that end so near to the border of the picture, in pixels, may go on beyond it.
const BORDER: f32 = 1.5;

/// How well the object in `boxes[index]` can be seen on a picture of this size. Cameras look down on
/// people and cars: in front is whose box ends lower.
pub fn sight(
    index: usize,
    boxes: impl Iterator<Item = Rect>,
    bbox: Rect,
    size: (f32, f32),
) -> Sight {
    let inside = bbox.clipped(size);
    if inside.w.min(inside.h) < LEAST_SIDE {
        return Sight::Hidden;
    }
    let area = bbox.w * bbox.h;
    let mut behind = 0f32;
    for (_, other) in boxes.enumerate().filter(|(other, _)| *other != index) {
        if other.is_sane() && other.bottom() > bbox.bottom() {
            behind = behind.max(bbox.common(other) / area);
        }
    }
    let shown = inside.w * inside.h / area;
    if behind > PARTLY_UP_TO || shown < 1.0 - PARTLY_UP_TO {
        return Sight::Hidden;
    }
    let (width, height) = size;
    let cut_off = bbox.x < BORDER
        || bbox.y < BORDER
        || bbox.right() > width - BORDER
        || bbox.bottom() > height - BORDER;
    if behind > CLEAR_UP_TO || cut_off {
        return Sight::Partly;
    }
    Sight::Clear
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_front_or_cut_off_is_told_from_who_is_behind() {
        let person = Rect::new(100.0, 100.0, 40.0, 100.0);
        let table = [
            (person, vec![], Sight::Clear),
            // Who stands further back hides nothing, however close.
            (
                person,
                vec![Rect::new(105.0, 90.0, 40.0, 100.0)],
                Sight::Clear,
            ),
            // Who stands in front does: a quarter, a half, nearly all.
            (
                person,
                vec![Rect::new(130.0, 105.0, 40.0, 100.0)],
                Sight::Clear,
            ),
            (
                person,
                vec![Rect::new(120.0, 105.0, 40.0, 100.0)],
                Sight::Partly,
            ),
            (
                person,
                vec![Rect::new(105.0, 105.0, 40.0, 100.0)],
                Sight::Hidden,
            ),
            (
                person,
                vec![Rect::new(f32::NAN, 0.0, 1e30, 1e30)],
                Sight::Clear,
            ),
            // The picture ends.
            (Rect::new(0.0, 100.0, 40.0, 100.0), vec![], Sight::Partly),
            (Rect::new(300.0, 139.5, 40.0, 100.0), vec![], Sight::Partly),
            (Rect::new(-30.0, 100.0, 40.0, 100.0), vec![], Sight::Hidden),
            (Rect::new(900.0, 900.0, 40.0, 100.0), vec![], Sight::Hidden),
            // Too small.
            (Rect::new(100.0, 100.0, 11.0, 30.0), vec![], Sight::Hidden),
        ];
        for (bbox, others, expected) in table {
            let boxes = [vec![bbox], others.clone()].concat();
            let found = sight(0, boxes.into_iter(), bbox, (320.0, 240.0));
            assert_eq!(found, expected, "{bbox:?} {others:?}");
        }
    }
}
