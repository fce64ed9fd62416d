//! How alike two boxes are.

use crate::geometry::Rect;

/// Intersection over union, times the share of their common height to the power of 3/2, of two
/// boxes that grew by `reach` of their size on each side.
///
/// Height says more than width of how near a standing object is, so of who it is, and changes
/// less as it moves (Hybrid-SORT, equation 3, with a power of 1). Growing lets boxes meet that
/// motion took apart (C-BIoU, §3.2).
pub(super) fn similarity(a: Rect, b: Rect, reach: f32) -> f32 {
    let right = (a.x + a.w * (1.0 + reach)).min(b.x + b.w * (1.0 + reach));
    let w = right - (a.x - a.w * reach).max(b.x - b.w * reach);
    if w <= 0.0 {
        return 0.0;
    }
    let (a_top, b_top) = (a.y - a.h * reach, b.y - b.h * reach);
    let (a_bottom, b_bottom) = (a.y + a.h * (1.0 + reach), b.y + b.h * (1.0 + reach));
    let h = a_bottom.min(b_bottom) - a_top.max(b_top);
    if h <= 0.0 {
        return 0.0;
    }
    let growth = 1.0 + 2.0 * reach;
    let areas = (a.w * a.h + b.w * b.h) * growth * growth;
    let share = h / (a_bottom.max(b_bottom) - a_top.min(b_top));
    w * h / (areas - w * h) * share * share.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_difference_in_height_weighs_more_than_one_in_width() {
        let a = Rect::new(0.0, 0.0, 40.0, 100.0);
        let narrower = Rect::new(0.0, 0.0, 30.0, 100.0);
        let lower = Rect::new(0.0, 0.0, 40.0, 75.0);
        assert_eq!(a.iou(narrower), a.iou(lower));
        assert!(similarity(a, narrower, 0.0) > similarity(a, lower, 0.0));
        assert_eq!(similarity(a, narrower, 0.0), a.iou(narrower));
    }

    #[test]
    fn boxes_that_reach_out_meet() {
        let (a, b) = (
            Rect::new(0.0, 0.0, 10.0, 10.0),
            Rect::new(13.0, 0.0, 10.0, 10.0),
        );
        for (reach, meets) in [(0.0, false), (0.1, false), (0.2, true)] {
            assert_eq!(similarity(a, b, reach) > 0.0, meets, "{reach}");
        }
    }

    proptest! {
        #[test]
        fn it_is_symmetric_bounded_and_free_of_scale(
            a in (0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0),
            b in (0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0),
            reach in 0f32..0.6,
        ) {
            let a = Rect::new(a.0, a.1, a.2, a.3);
            let b = Rect::new(b.0, b.1, b.2, b.3);
            let ab = similarity(a, b, reach);
            prop_assert!((0.0..=1.0 + 1e-4).contains(&ab));
            prop_assert!((ab - similarity(b, a, reach)).abs() < 1e-4);
            prop_assert!((ab - similarity(a.scaled(2.0, 3.0), b.scaled(2.0, 3.0), reach)).abs() < 1e-3);
        }
    }
}
