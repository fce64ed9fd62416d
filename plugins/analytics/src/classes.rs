//! Classes of objects and of whole frames: `GstAnalyticsClsMtd`.
//!
//! What a classifier says of an object is related to its `GstAnalyticsODMtd` in both directions: the
//! object contains its classes (`CONTAIN`, as DL Streamer has it), they are part of it
//! (`IS_PART_OF`), and both are related (`RELATE_TO`), so that who asks for any of these finds them.
//! Classes of a whole frame are related to nothing, as GStreamer's own decoder of classifiers leaves
//! them.

use crate::objects::relation_meta_mut;
use gst_analytics::prelude::*;
use gst_analytics::{
    AnalyticsClassificationMtd, AnalyticsMtdRef, AnalyticsODMtd, AnalyticsRelationMeta, RelTypes,
};

/// A class with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Class {
    /// Class name, as a quark from a finite set.
    pub label: gst::glib::Quark,
    /// Score, 0..1.
    pub confidence: f32,
}

impl Class {
    /// The class name.
    pub fn label_str(&self) -> &'static str {
        self.label.as_str().as_str()
    }
}

/// What classifiers said of the objects of a buffer, and of its frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Classes {
    /// Each with the id of its object's `GstAnalyticsODMtd`.
    of_objects: Vec<(u32, Class)>,
    of_frame: Vec<Class>,
}

impl Classes {
    /// Those of the object with this id, classifier after classifier.
    pub fn of(&self, object: u32) -> impl Iterator<Item = Class> + '_ {
        let is_its = move |(id, _): &&(u32, Class)| *id == object;
        self.of_objects
            .iter()
            .filter(is_its)
            .map(|(_, class)| *class)
    }

    /// Those of the whole frame.
    pub fn of_frame(&self) -> &[Class] {
        &self.of_frame
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.of_objects.is_empty() && self.of_frame.is_empty()
    }
}

/// Writes what a classifier said on `buffer`, which must be writable: a mtd for each of its `heads`
/// that has a class, best first. They are classes of the object with this id, or of the whole frame.
///
/// For a frame the relation meta is added even where there is no class, as detectors do.
pub fn write(
    buffer: &mut gst::BufferRef,
    object: Option<u32>,
    heads: &[Vec<Class>],
) -> Result<(), gst::glib::BoolError> {
    let heads = heads.iter().filter(|head| !head.is_empty());
    if object.is_some() && heads.clone().next().is_none() {
        return Ok(());
    }
    let mut meta = relation_meta_mut(buffer, heads.clone().count());
    for head in heads {
        let levels: Vec<_> = head.iter().map(|class| class.confidence).collect();
        let labels: Vec<_> = head.iter().map(|class| class.label).collect();
        let id = meta.add_cls_mtd(&levels, &labels)?.id();
        if let Some(object) = object {
            meta.set_relation(RelTypes::CONTAIN | RelTypes::RELATE_TO, object, id)?;
            meta.set_relation(RelTypes::IS_PART_OF | RelTypes::RELATE_TO, id, object)?;
        }
    }
    Ok(())
}

/// Reads the classes of `buffer` into `out` (emptied first), whoever wrote them: those that an object
/// contains or is related to are the object's, and those that are related to nothing the frame's.
pub fn read(buffer: &gst::BufferRef, out: &mut Classes) {
    out.of_objects.clear();
    out.of_frame.clear();
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else {
        return;
    };
    if meta.iter::<AnalyticsClassificationMtd>().next().is_none() {
        return;
    }
    let mut of_objects = Vec::new();
    for object in meta.iter::<AnalyticsODMtd>() {
        let types = RelTypes::CONTAIN | RelTypes::RELATE_TO;
        for mtd in meta.iter_direct_related::<AnalyticsClassificationMtd>(object.id(), types) {
            let classes = classes_of(&mtd).map(|class| (object.id(), class));
            out.of_objects.extend(classes);
            of_objects.push(mtd.id());
        }
    }
    of_objects.sort_unstable();
    let count = meta.len() as u32;
    for mtd in meta.iter::<AnalyticsClassificationMtd>() {
        let id = mtd.id();
        if of_objects.binary_search(&id).is_ok() {
            continue;
        }
        let is_related = |other: u32| {
            let related = |a, b| meta.relation(a, b) != RelTypes::NONE;
            related(id, other) || related(other, id)
        };
        if !(0..count).any(|other| other != id && is_related(other)) {
            out.of_frame.extend(classes_of(&mtd));
        }
    }
}

/// The classes of a mtd.
fn classes_of<'a>(
    mtd: &'a AnalyticsMtdRef<'_, AnalyticsClassificationMtd>,
) -> impl Iterator<Item = Class> + use<'a> {
    (0..mtd.len()).map(|i| Class {
        label: mtd.quark(i),
        confidence: mtd.level(i),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{self, BBox, Detection};
    use gst::glib::Quark;

    fn class(label: &str, confidence: f32) -> Class {
        Class {
            label: Quark::from_str(label),
            confidence,
        }
    }

    /// A buffer with so many objects, and their ids.
    fn with_objects(n: usize) -> (gst::Buffer, Vec<u32>) {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let detection = |i: usize| Detection {
            label: Quark::from_str("car"),
            bbox: BBox {
                x: i as f32,
                y: 0.0,
                w: 10.0,
                h: 10.0,
            },
            confidence: 0.5,
        };
        let detections: Vec<_> = (0..n).map(detection).collect();
        let ids = objects::write_turned(buffer.get_mut().unwrap(), &detections, &[]).unwrap();
        (buffer, ids)
    }

    #[test]
    fn classes_of_objects_and_of_the_frame_survive_a_round_trip_and_a_copy() {
        let (mut buffer, ids) = with_objects(3);
        let colour = vec![class("red", 0.75), class("blue", 0.25)];
        let kind = vec![class("van", 0.5)];
        {
            let buffer = buffer.get_mut().unwrap();
            write(buffer, Some(ids[0]), &[colour.clone(), kind.clone()]).unwrap();
            write(buffer, Some(ids[1]), &[Vec::new(), kind.clone()]).unwrap();
            write(buffer, Some(ids[2]), &[Vec::new()]).unwrap();
            write(buffer, None, &[vec![class("street", 1.0)]]).unwrap();
        }
        let mut back = Classes::default();
        read(&buffer.copy(), &mut back);
        let of = |id: u32| back.of(id).collect::<Vec<_>>();
        assert_eq!(of(ids[0]), [colour, kind.clone()].concat());
        assert_eq!(of(ids[1]), kind);
        assert_eq!(of(ids[2]), []);
        assert_eq!(back.of_frame(), [class("street", 1.0)]);
        assert_eq!(back.of_frame()[0].label_str(), "street");
        // The objects are what they were.
        let mut found = Vec::new();
        objects::read(&buffer, &mut found);
        assert_eq!(
            found.iter().map(|object| object.id).collect::<Vec<_>>(),
            ids
        );
    }

    #[test]
    fn classes_are_found_by_each_relation_that_readers_ask_for() {
        let (mut buffer, ids) = with_objects(1);
        write(
            buffer.get_mut().unwrap(),
            Some(ids[0]),
            &[vec![class("red", 1.0)]],
        )
        .unwrap();
        let meta = buffer.meta::<AnalyticsRelationMeta>().unwrap();
        for (types, expected) in [
            (RelTypes::CONTAIN, 1),
            (RelTypes::RELATE_TO, 1),
            (RelTypes::IS_PART_OF, 0),
        ] {
            let found = meta.iter_direct_related::<AnalyticsClassificationMtd>(ids[0], types);
            assert_eq!(found.count(), expected, "{types:?}");
        }
        let id = meta
            .iter::<AnalyticsClassificationMtd>()
            .next()
            .unwrap()
            .id();
        for types in [RelTypes::IS_PART_OF, RelTypes::RELATE_TO] {
            assert_eq!(
                meta.iter_direct_related::<AnalyticsODMtd>(id, types)
                    .count(),
                1
            );
        }
    }

    #[test]
    fn a_frame_that_no_class_was_found_for_was_looked_at() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        write(buffer.get_mut().unwrap(), Some(0), &[]).unwrap();
        assert!(buffer.meta::<AnalyticsRelationMeta>().is_none());
        write(buffer.get_mut().unwrap(), None, &[Vec::new()]).unwrap();
        assert!(buffer.meta::<AnalyticsRelationMeta>().unwrap().is_empty());
        let mut back = Classes::default();
        read(&buffer, &mut back);
        assert!(back.is_empty());
    }
}
