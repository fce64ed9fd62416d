//! Boxes in the image plane.

/// An axis-aligned box: top left corner and size, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Rect {
    /// A box of this top left corner and size.
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// Whether the box can be tracked: finite, neither a thousandth of a pixel thin nor so large
    /// that its area, or the ratio of its sides, would lose all precision.
    pub fn is_sane(self) -> bool {
        const LEAST: f32 = 1e-3;
        const LIMIT: f32 = 1e7;
        let position = self.x.abs() < LIMIT && self.y.abs() < LIMIT;
        position
            && [self.w, self.h]
                .iter()
                .all(|side| (LEAST..LIMIT).contains(side))
    }

    /// Right edge.
    pub fn right(self) -> f32 {
        self.x + self.w
    }

    /// Bottom edge.
    pub fn bottom(self) -> f32 {
        self.y + self.h
    }

    /// The centre.
    pub fn center(self) -> (f32, f32) {
        (self.x + self.w * 0.5, self.y + self.h * 0.5)
    }

    /// The box with both axes multiplied, as when the frame it lies in is scaled.
    pub fn scaled(self, sx: f32, sy: f32) -> Self {
        Self::new(self.x * sx, self.y * sy, self.w * sx, self.h * sy)
    }

    /// The box with this share of its size added on each side.
    pub fn grown(self, share: f32) -> Self {
        let (w, h) = (self.w * share, self.h * share);
        Self::new(self.x - w, self.y - h, self.w + 2.0 * w, self.h + 2.0 * h)
    }

    /// The smallest box around both.
    pub fn hull(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (right, bottom) = (
            self.right().max(other.right()),
            self.bottom().max(other.bottom()),
        );
        Self::new(x, y, right - x, bottom - y)
    }

    /// The part of it that is on a picture of this size; without area where none is.
    pub fn clipped(self, (width, height): (f32, f32)) -> Self {
        // Unlike `clamp`, these take what is not a number for nothing.
        let (x, y) = (self.x.max(0.0).min(width), self.y.max(0.0).min(height));
        let (right, bottom) = (
            self.right().max(x).min(width),
            self.bottom().max(y).min(height),
        );
        Self::new(x, y, right - x, bottom - y)
    }

    /// Area of the intersection, in pixels.
    pub fn common(self, other: Self) -> f32 {
        let w = self.right().min(other.right()) - self.x.max(other.x);
        let h = self.bottom().min(other.bottom()) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union (Jaccard index), 0..1; 0 where either box is empty.
    pub fn iou(self, other: Self) -> f32 {
        let w = self.right().min(other.right()) - self.x.max(other.x);
        let h = self.bottom().min(other.bottom()) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let intersection = w * h;
        intersection / (self.w * self.h + other.w * other.h - intersection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn iou_is_the_share_of_common_area() {
        let unit = Rect::new(0.0, 0.0, 10.0, 10.0);
        for (other, expected) in [
            (unit, 1.0),
            (Rect::new(5.0, 0.0, 10.0, 10.0), 1.0 / 3.0),
            (Rect::new(0.0, 0.0, 10.0, 5.0), 0.5),
            (Rect::new(10.0, 0.0, 10.0, 10.0), 0.0),
            (Rect::new(30.0, 30.0, 1.0, 1.0), 0.0),
            (Rect::new(5.0, 5.0, 0.0, 0.0), 0.0),
        ] {
            let iou = unit.iou(other);
            assert!((iou - expected).abs() < 1e-6, "{other:?}: {iou}");
        }
    }

    #[test]
    fn a_clipped_box_is_what_is_on_the_picture() {
        for (rect, expected) in [
            (
                Rect::new(5.0, 5.0, 10.0, 10.0),
                Rect::new(5.0, 5.0, 10.0, 10.0),
            ),
            (
                Rect::new(-5.0, 90.0, 10.0, 20.0),
                Rect::new(0.0, 90.0, 5.0, 10.0),
            ),
            (
                Rect::new(200.0, -50.0, 10.0, 20.0),
                Rect::new(100.0, 0.0, 0.0, 0.0),
            ),
        ] {
            assert_eq!(rect.clipped((100.0, 100.0)), expected);
        }
        let unit = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(unit.common(Rect::new(5.0, 8.0, 10.0, 10.0)), 10.0);
        assert_eq!(unit.common(Rect::new(30.0, 0.0, 10.0, 10.0)), 0.0);
    }

    #[test]
    fn boxes_that_cannot_be_tracked_are_known() {
        for (rect, sane) in [
            (Rect::new(-5.0, -5.0, 10.0, 10.0), true),
            (Rect::new(0.0, 0.0, 0.0, 10.0), false),
            (Rect::new(0.0, 0.0, 10.0, -1.0), false),
            (Rect::new(f32::NAN, 0.0, 10.0, 10.0), false),
            (Rect::new(0.0, 0.0, f32::INFINITY, 10.0), false),
            (Rect::new(0.0, 0.0, 10.0, f32::NAN), false),
            (Rect::new(1e30, 0.0, 10.0, 10.0), false),
        ] {
            assert_eq!(rect.is_sane(), sane, "{rect:?}");
        }
    }

    proptest! {
        #[test]
        fn iou_is_symmetric_bounded_and_free_of_scale(
            a in (0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0),
            b in (0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0),
        ) {
            let a = Rect::new(a.0, a.1, a.2, a.3);
            let b = Rect::new(b.0, b.1, b.2, b.3);
            prop_assert!((0.0..=1.0 + 1e-5).contains(&a.iou(b)));
            prop_assert!((a.iou(b) - b.iou(a)).abs() < 1e-5);
            prop_assert!((a.iou(b) - a.scaled(2.0, 3.0).iou(b.scaled(2.0, 3.0))).abs() < 1e-4);
        }
    }
}
