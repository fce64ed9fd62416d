//! Keypoints on the buffer that they are of: points of an object, such as joints.
//!
//! GStreamer has no mtd for them that 1.26 knows, so they travel in a `GstCustomMeta` beside the
//! `GstAnalyticsODMtd`s of their objects.

use gst::prelude::*;
use std::sync::Once;

/// Name of the `GstCustomMeta`. Its structure has
///
/// | field | type | |
/// |---|---|---|
/// | `width`, `height` | uint | size of the frame that the points are on; a frame that was scaled since has another |
/// | `per-object` | uint | points of each object |
/// | `objects` | `GstValueArray` of uint | for each object the id of its `GstAnalyticsODMtd` |
/// | `keypoints` | `GstValueArray` of floats | three for each point, object after object: x and y in pixels, and how sure the detector is that it can be seen, 0..1 |
///
/// A buffer that several detectors looked at may have several.
pub const META: &str = "VigilKeypointsMeta";

/// Numbers of a point in the meta.
const NUMBERS: usize = 3;

/// A point of an object.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Keypoint {
    /// In pixels of the frame.
    pub x: f32,
    /// In pixels of the frame.
    pub y: f32,
    /// How sure the detector is that it can be seen, 0..1.
    pub score: f32,
}

/// The keypoints of the objects of a buffer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keypoints {
    /// Id of the object's `GstAnalyticsODMtd`, and where its points are.
    objects: Vec<(u32, std::ops::Range<usize>)>,
    points: Vec<Keypoint>,
}

impl Keypoints {
    /// Those of the object with this id; none where it has none.
    pub fn of(&self, object: u32) -> &[Keypoint] {
        let found = self.objects.iter().find(|(id, _)| *id == object);
        found.map_or(&[], |(_, range)| &self.points[range.clone()])
    }

    /// Whether no object has any.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if !gst::meta::CustomMeta::is_registered(META) {
            gst::meta::CustomMeta::register(META, &[]);
        }
    });
}

/// Puts keypoints on `buffer`, which must be writable: `points` are as many for each of the
/// `objects`, which are ids of `GstAnalyticsODMtd`s, on a frame of this size. Nothing is written for
/// no points.
pub fn write(
    buffer: &mut gst::BufferRef,
    (width, height): (u32, u32),
    objects: &[u32],
    points: &[Keypoint],
) -> Result<(), gst::glib::BoolError> {
    if points.is_empty() || objects.is_empty() {
        return Ok(());
    }
    register();
    let per_object = points.len() / objects.len();
    let numbers = points.iter().flat_map(|p| [p.x, p.y, p.score]);
    let numbers = gst::Array::from_values(numbers.map(|number| number.to_send_value()));
    let mut meta = gst::meta::CustomMeta::add(buffer, META)?;
    let structure = meta.mut_structure();
    structure.set("width", width);
    structure.set("height", height);
    structure.set("per-object", per_object as u32);
    let objects = objects.iter().map(|id| id.to_send_value());
    structure.set("objects", gst::Array::from_values(objects));
    structure.set("keypoints", numbers);
    Ok(())
}

/// Reads the keypoints of `buffer` into `out` (emptied first). What makes no sense is left out.
pub fn read(buffer: &gst::BufferRef, out: &mut Keypoints) {
    register();
    out.objects.clear();
    out.points.clear();
    for meta in buffer.iter_meta::<gst::Meta>() {
        let Some(custom) = meta.try_as_custom_meta() else {
            continue;
        };
        if custom.structure().name() == META {
            let _ = read_structure(custom.structure(), out);
        }
    }
}

fn read_structure(structure: &gst::StructureRef, out: &mut Keypoints) -> Option<()> {
    let per_object = structure.get::<u32>("per-object").ok()? as usize;
    let objects = structure.get::<gst::ArrayRef>("objects").ok()?;
    let numbers = structure.get::<gst::ArrayRef>("keypoints").ok()?;
    let numbers_each = per_object.checked_mul(NUMBERS).filter(|n| *n > 0)?;
    let points = numbers.as_slice().chunks_exact(numbers_each);
    for (object, points) in objects.as_slice().iter().zip(points) {
        let Ok(object) = object.get::<u32>() else {
            continue;
        };
        let start = out.points.len();
        for point in points.chunks_exact(NUMBERS) {
            let number = |i: usize| point[i].get::<f32>().ok().filter(|n| n.is_finite());
            out.points.push(match (number(0), number(1), number(2)) {
                (Some(x), Some(y), Some(score)) => Keypoint { x, y, score },
                _ => Keypoint::default(),
            });
        }
        out.objects.push((object, start..out.points.len()));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(first: f32, n: usize) -> Vec<Keypoint> {
        let point = |i: usize| Keypoint {
            x: first + i as f32,
            y: 0.5,
            score: 0.25,
        };
        (0..n).map(point).collect()
    }

    #[test]
    fn keypoints_of_several_detectors_survive_a_round_trip_and_a_copy() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let mut back = Keypoints::default();
        read(&buffer, &mut back);
        assert!(back.is_empty());
        {
            let buffer = buffer.get_mut().unwrap();
            write(buffer, (64, 48), &[3, 5], &points(10.0, 6)).unwrap();
            write(buffer, (64, 48), &[7], &points(90.0, 2)).unwrap();
            write(buffer, (64, 48), &[8], &[]).unwrap();
        }
        read(&buffer.copy(), &mut back);
        assert_eq!(back.of(3), points(10.0, 3));
        assert_eq!(back.of(5), points(13.0, 3));
        assert_eq!(back.of(7), points(90.0, 2));
        assert_eq!(back.of(8), []);
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        gst::init().unwrap();
        register();
        let mut buffer = gst::Buffer::new();
        let fields = [
            "per-object=(uint)0, objects=(uint)<1>, keypoints=(float)<1.0,2.0,3.0>",
            "per-object=(uint)4294967295, objects=(uint)<1>, keypoints=(float)<1.0,2.0,3.0>",
            "per-object=(uint)1, objects=(uint)<1,2,3>, keypoints=(float)<1.0,2.0>",
            "per-object=(uint)1, objects=(string)<a,b>, keypoints=(float)<1.0,2.0,3.0>",
            "objects=(uint)<1>",
        ];
        for fields in fields {
            let buffer = buffer.get_mut().unwrap();
            let mut meta = gst::meta::CustomMeta::add(buffer, META).unwrap();
            let structure: gst::Structure = format!("{META}, {fields}").parse().unwrap();
            for (name, value) in structure.iter() {
                meta.mut_structure().set_value(name, value.clone());
            }
        }
        let mut back = Keypoints::default();
        read(&buffer, &mut back);
        assert!(back.is_empty(), "{back:?}");
    }
}
