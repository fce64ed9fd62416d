//! What is known of the objects on a frame, for others: as an imperfect detector would see them,
//! and as a file.

pub mod imperfect;
pub mod mot;

use crate::scene::Object;
use vigil_analytics::BBox;

/// The part of a box that is inside a picture of this size; `None` where there is none. A box that
/// is inside stays as it is, to the last bit.
pub fn clip(mut bbox: BBox, width: u32, height: u32) -> Option<BBox> {
    let cut = |start: &mut f32, length: &mut f32, limit: f32| {
        if *start < 0.0 {
            *length += *start;
            *start = 0.0;
        }
        if *start + *length > limit {
            *length = limit - *start;
        }
    };
    cut(&mut bbox.x, &mut bbox.w, width as f32);
    cut(&mut bbox.y, &mut bbox.h, height as f32);
    // Written so that a box of NaN is none.
    (bbox.w > 0.0 && bbox.h > 0.0).then_some(bbox)
}

/// The whole box of an object.
pub fn whole(object: &Object) -> BBox {
    BBox {
        x: object.x,
        y: object.y,
        w: object.w,
        h: object.h,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bbox([x, y, w, h]: [f32; 4]) -> BBox {
        BBox { x, y, w, h }
    }

    #[test]
    fn a_box_is_cut_at_the_edges() {
        for (whole, expected) in [
            ([10.0, 10.0, 5.0, 5.0], Some([10.0, 10.0, 5.0, 5.0])),
            ([-4.0, 10.0, 5.0, 5.0], Some([0.0, 10.0, 1.0, 5.0])),
            ([98.5, 49.0, 5.0, 5.0], Some([98.5, 49.0, 1.5, 1.0])),
            ([-9.0, -9.0, 200.0, 200.0], Some([0.0, 0.0, 100.0, 50.0])),
            ([-5.0, 10.0, 5.0, 5.0], None),
            ([100.0, 10.0, 5.0, 5.0], None),
            ([10.0, 60.0, 5.0, 5.0], None),
            ([10.0, 10.0, f32::NAN, 5.0], None),
        ] {
            assert_eq!(clip(bbox(whole), 100, 50), expected.map(bbox), "{whole:?}");
        }
    }
}
