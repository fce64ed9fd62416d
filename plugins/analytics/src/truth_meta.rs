//! What is really on a frame, from a source that knows (`VigilTruthMeta`).
//!
//! `GstAnalyticsODMtd` says what a detector found, or would have found; this meta says what is
//! there, with what no mtd has room for: how much of each object can be seen, and its whole box
//! where a part of it is outside the frame. A judge of detectors and trackers needs both.

use crate::objects::BBox;
use gst::prelude::*;
use std::sync::Once;

/// Name of the `GstCustomMeta`.
///
/// Fields of its structure:
///
/// | field | type | what |
/// |---|---|---|
/// | `width`, `height` | uint | size in pixels of the frame that the boxes are on; a frame that was scaled since has another |
/// | `classes` | `GstValueArray` of strings | class names |
/// | `objects` | `GstValueArray` of doubles | seven for each object: identity, index into `classes`, visible share, x, y, width, height in pixels |
pub const META: &str = "VigilTruthMeta";

/// Numbers of an object in the meta.
const NUMBERS: usize = 7;

/// An object that is on a frame, whether or not a detector finds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueObject {
    /// Identity, unique in the stream; also that of its `GstAnalyticsTrackingMtd`, if it has one.
    /// Exact up to 2⁵³.
    pub id: u64,
    /// Class name, from a finite set.
    pub label: gst::glib::Quark,
    /// The share of its area that is inside the frame and not hidden by something, 0..1.
    pub visible: f32,
    /// The whole of it, in pixels; may reach outside the frame.
    pub bbox: BBox,
}

/// The objects of a frame of a certain size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truth {
    /// Width of the frame in pixels.
    pub width: u32,
    /// Height of the frame in pixels.
    pub height: u32,
    /// In painting order: the nearest last.
    pub objects: Vec<TrueObject>,
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if !gst::meta::CustomMeta::is_registered(META) {
            gst::meta::CustomMeta::register(META, &[]);
        }
    });
}

/// Puts the truth on `buffer`, which must be writable, in place of one that is there.
pub fn write(buffer: &mut gst::BufferRef, truth: &Truth) -> Result<(), gst::glib::BoolError> {
    register();
    let mut classes: Vec<gst::glib::Quark> = Vec::new();
    let mut numbers = Vec::with_capacity(truth.objects.len() * NUMBERS);
    for object in &truth.objects {
        let class = classes
            .iter()
            .position(|class| *class == object.label)
            .unwrap_or_else(|| {
                classes.push(object.label);
                classes.len() - 1
            });
        let BBox { x, y, w, h } = object.bbox;
        numbers.push((object.id as f64).to_send_value());
        numbers.push((class as f64).to_send_value());
        numbers.extend([object.visible, x, y, w, h].map(|v| f64::from(v).to_send_value()));
    }
    let classes = classes.iter().map(|class| class.as_str().to_send_value());
    let classes = gst::Array::from_values(classes);
    let fill = |structure: &mut gst::StructureRef| {
        structure.set("width", truth.width);
        structure.set("height", truth.height);
        structure.set("classes", classes);
        structure.set("objects", gst::Array::from_values(numbers));
    };
    if let Ok(mut meta) = gst::meta::CustomMeta::from_mut_buffer(buffer, META) {
        fill(meta.mut_structure());
        return Ok(());
    }
    fill(gst::meta::CustomMeta::add(buffer, META)?.mut_structure());
    Ok(())
}

/// Reads the truth of `buffer` into `truth` (emptied first) and says whether there is one. What is
/// no object in it is left out.
pub fn read(buffer: &gst::BufferRef, truth: &mut Truth) -> bool {
    register();
    truth.objects.clear();
    let Ok(meta) = gst::meta::CustomMeta::from_buffer(buffer, META) else {
        return false;
    };
    let structure = meta.structure();
    let (Ok(width), Ok(height), Ok(classes), Ok(numbers)) = (
        structure.get("width"),
        structure.get("height"),
        structure.get::<gst::ArrayRef>("classes"),
        structure.get::<gst::ArrayRef>("objects"),
    ) else {
        return false;
    };
    (truth.width, truth.height) = (width, height);
    let classes: Vec<Option<gst::glib::Quark>> = classes
        .as_slice()
        .iter()
        .map(|name| name.get::<&str>().ok().map(gst::glib::Quark::from_str))
        .collect();
    for object in numbers.as_slice().chunks_exact(NUMBERS) {
        let number = |i: usize| object[i].get::<f64>().unwrap_or(f64::NAN);
        let Some(Some(label)) = classes.get(number(1) as usize) else {
            continue;
        };
        truth.objects.push(TrueObject {
            id: number(0) as u64,
            label: *label,
            visible: number(2) as f32,
            bbox: BBox {
                x: number(3) as f32,
                y: number(4) as f32,
                w: number(5) as f32,
                h: number(6) as f32,
            },
        });
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: u64, label: &str) -> TrueObject {
        TrueObject {
            id,
            label: gst::glib::Quark::from_str(label),
            visible: 0.25,
            bbox: BBox {
                x: -3.5,
                y: 2.25,
                w: 10.5,
                h: 20.75,
            },
        }
    }

    #[test]
    fn the_truth_survives_a_round_trip_and_a_copy() {
        gst::init().unwrap();
        let mut truth = Truth {
            width: 640,
            height: 480,
            objects: vec![object(1 << 40, "car"), object(2, "dog"), object(3, "car")],
        };
        let mut buffer = gst::Buffer::new();
        let mut back = Truth::default();
        assert!(!read(&buffer, &mut back));
        write(buffer.get_mut().unwrap(), &truth).unwrap();
        assert!(read(&buffer.copy(), &mut back));
        assert_eq!(back, truth);
        // The next frame in the same buffer.
        truth.objects.remove(0);
        write(buffer.get_mut().unwrap(), &truth).unwrap();
        assert!(read(&buffer, &mut back));
        assert_eq!(back, truth);
    }

    #[test]
    fn an_empty_frame_has_a_truth_too() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        write(buffer.get_mut().unwrap(), &Truth::default()).unwrap();
        let mut back = Truth::default();
        assert!(read(&buffer, &mut back));
        assert_eq!(back, Truth::default());
    }
}
