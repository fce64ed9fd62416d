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
    use crate::objects::{self, BBox, Detection};

    #[test]
    fn a_part_knows_its_whole_and_no_other() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let detection = Detection {
            label: gst::glib::Quark::from_str("thing"),
            bbox: BBox::default(),
            confidence: 0.5,
        };
        let ids = {
            let buffer = buffer.get_mut().unwrap();
            let ids = objects::write_turned(buffer, &[detection; 4], &[]).unwrap();
            write(buffer, ids[0], &ids[2..]).unwrap();
            write(buffer, ids[1], &[]).unwrap();
            assert!(write(buffer, 99, &ids[..1]).is_err());
            ids
        };
        let wholes: Vec<_> = ids.iter().map(|id| whole_of(&buffer, *id)).collect();
        assert_eq!(wholes, [None, None, Some(ids[0]), Some(ids[0])]);
    }
}
