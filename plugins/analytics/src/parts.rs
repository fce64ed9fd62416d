//! Objects inside of objects: the relation between two `GstAnalyticsODMtd`s, `CONTAIN` from the whole to
//! the part and `IS_PART_OF` back.

use crate::objects::relation_meta_mut;
use gst_analytics::prelude::*;
use gst_analytics::{AnalyticsODMtd, AnalyticsRelationMeta, RelTypes};

/// Says on `buffer`, which must be writable, that the objects with these ids are parts of the object
/// `whole`.
///
/// # Errors
/// One of them is not there.
pub fn write(
    buffer: &mut gst::BufferRef,
    whole: u32,
    parts: &[u32],
) -> Result<(), gst::glib::BoolError> {
    if parts.is_empty() {
        return Ok(());
    }
    let mut meta = relation_meta_mut(buffer, 0);
    for part in parts {
        meta.set_relation(RelTypes::CONTAIN, whole, *part)?;
        meta.set_relation(RelTypes::IS_PART_OF, *part, whole)?;
    }
    Ok(())
}

/// The object that the one with this id is a part of, if any.
pub fn whole_of(buffer: &gst::BufferRef, part: u32) -> Option<u32> {
    let meta = buffer.meta::<AnalyticsRelationMeta>()?;
    let mut wholes = meta.iter_direct_related::<AnalyticsODMtd>(part, RelTypes::IS_PART_OF);
    wholes.next().map(|whole| whole.id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{self, BBox, Detection, Look, Track};

    /// A thing somewhere.
    fn thing() -> Detection {
        Detection {
            label: gst::glib::Quark::from_str("thing"),
            bbox: BBox::default(),
            confidence: 0.5,
        }
    }

    #[test]
    fn a_part_knows_its_whole_and_no_other() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let ids = {
            let buffer = buffer.get_mut().unwrap();
            let ids = objects::write_turned(buffer, &[thing(); 4], &[]).unwrap();
            write(buffer, ids[0], &ids[2..]).unwrap();
            write(buffer, ids[1], &[]).unwrap();
            assert!(write(buffer, 99, &ids[..1]).is_err());
            ids
        };
        let wholes: Vec<_> = ids.iter().map(|id| whole_of(&buffer, *id)).collect();
        assert_eq!(wholes, [None, None, Some(ids[0]), Some(ids[0])]);
    }

    #[test]
    fn parts_that_moved_along_with_a_prediction_are_no_look_at_the_frame() {
        gst::init().unwrap();
        let frame = |last_seen: u64| {
            let mut buffer = gst::Buffer::new();
            let edit = buffer.get_mut().unwrap();
            let times = [100, last_seen].map(gst::ClockTime::from_mseconds);
            edit.set_pts(times[0]);
            let track = Track {
                id: 1,
                first_seen: gst::ClockTime::ZERO,
                last_seen: times[1],
                lost: false,
            };
            objects::write_coasted(edit, &[(thing(), track)]).unwrap();
            let mut found = Vec::new();
            objects::read(edit, &mut found);
            let parts = objects::write_turned(edit, &[thing()], &[]).unwrap();
            write(edit, found[0].id, &parts).unwrap();
            buffer
        };
        for (last_seen, look) in [(60, Look::Skipped), (100, Look::Inferred)] {
            let mut found = Vec::new();
            assert_eq!(objects::read(&frame(last_seen), &mut found), look);
            assert_eq!(found.len(), 2);
        }
        // A thing of its own was seen.
        let mut other = frame(60);
        objects::write_turned(other.get_mut().unwrap(), &[thing()], &[]).unwrap();
        assert_eq!(objects::read(&other, &mut Vec::new()), Look::Inferred);
    }
}
