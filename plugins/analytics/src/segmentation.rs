//! Masks of objects: `GstAnalyticsSegmentationMtd`, one for each object, related to its
//! `GstAnalyticsODMtd` both ways (`RELATE_TO`), as GStreamer's own decoders do.
//!
//! A mask is a GRAY8 picture with a `GstVideoMeta`, of the object's box in pixels of the frame: the
//! region's id where the object is, 0 elsewhere. The mtd's regions are 0, the background, and that
//! id, which differs between the objects of a buffer as far as 255 values allow.

use gst_analytics::prelude::*;
use gst_analytics::{AnalyticsRelationMeta, RelTypes, ffi};

/// The mask of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Left of the rectangle that it covers, in pixels of the frame.
    pub x: i32,
    /// Top of the rectangle.
    pub y: i32,
    /// Width of the rectangle, and of the mask.
    pub width: u32,
    /// Height of the rectangle, and of the mask.
    pub height: u32,
    /// Value of the pixels that are the object's, not 0.
    pub region: u8,
    /// Row by row, without padding.
    pub pixels: Vec<u8>,
}

/// Adds the mask of the object with this id to `buffer`, which must be writable and have its
/// relation meta.
///
/// # Errors
/// The buffer has no such object, or the mask's pixels are not as many as its sides say.
pub fn write(
    buffer: &mut gst::BufferRef,
    object: u32,
    mask: Mask,
) -> Result<(), gst::glib::BoolError> {
    let (width, height) = (mask.width, mask.height);
    if mask.pixels.len() != width as usize * height as usize {
        return Err(gst::glib::bool_error!("the mask is not {width}x{height}"));
    }
    let stride =
        i32::try_from(width).map_err(|_| gst::glib::bool_error!("a mask {width} pixels wide"))?;
    let mut picture = gst::Buffer::from_mut_slice(mask.pixels);
    if let Some(picture) = picture.get_mut() {
        let flags = gst_video::VideoFrameFlags::empty();
        let format = gst_video::VideoFormat::Gray8;
        // GStreamer's own overlay takes rows for unpadded.
        gst_video::VideoMeta::add_full(picture, flags, format, width, height, &[0], &[stride])?;
    }
    let mut meta = buffer
        .meta_mut::<AnalyticsRelationMeta>()
        .ok_or_else(|| gst::glib::bool_error!("the buffer has no relation meta"))?;
    let mut regions = [0, u32::from(mask.region)];
    let mut mtd = std::mem::MaybeUninit::<ffi::GstAnalyticsSegmentationMtd>::uninit();
    // SAFETY: the meta is borrowed mutably; the function takes the picture over, copies the ids and
    // fills the mtd where it returns true.
    let id = unsafe {
        let added = ffi::gst_analytics_relation_meta_add_segmentation_mtd(
            meta.as_mut_ptr(),
            gst::glib::translate::IntoGlibPtr::into_glib_ptr(picture),
            ffi::GST_SEGMENTATION_TYPE_INSTANCE,
            regions.len(),
            regions.as_mut_ptr(),
            mask.x,
            mask.y,
            width,
            height,
            mtd.as_mut_ptr(),
        );
        if added == gst::glib::ffi::GFALSE {
            return Err(gst::glib::bool_error!("the mask could not be added"));
        }
        mtd.assume_init().id
    };
    meta.set_relation(RelTypes::RELATE_TO, object, id)?;
    meta.set_relation(RelTypes::RELATE_TO, id, object)
}

/// The masks on `buffer`, each with the id of the object that it is related to. Only those that
/// have the size of the rectangle that they cover, as [`write()`] makes them.
pub fn read(buffer: &gst::BufferRef) -> Vec<(u32, Mask)> {
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else {
        return Vec::new();
    };
    let objects = meta.iter::<gst_analytics::AnalyticsODMtd>();
    objects
        .flat_map(|object| masks_of(&meta, object.id()))
        .collect()
}

fn masks_of(meta: &gst::MetaRef<AnalyticsRelationMeta>, object: u32) -> Vec<(u32, Mask)> {
    let mut masks = Vec::new();
    let (mut state, mut mtd) = (std::ptr::null_mut(), std::mem::MaybeUninit::uninit());
    // SAFETY: the meta is only read; the state belongs to the loop, and the mtd is filled where the
    // function returns true.
    unsafe {
        let mtd_type = ffi::gst_analytics_segmentation_mtd_get_mtd_type();
        let meta = meta.as_ptr().cast_mut();
        while ffi::gst_analytics_relation_meta_get_direct_related(
            meta,
            object,
            ffi::GST_ANALYTICS_REL_TYPE_RELATE_TO,
            mtd_type,
            &mut state,
            mtd.as_mut_ptr(),
        ) != gst::glib::ffi::GFALSE
        {
            masks.extend(mask_of(&mtd.assume_init()).map(|mask| (object, mask)));
        }
    }
    masks
}

/// # Safety
/// The mtd must be of a segmentation, in a meta that is alive.
unsafe fn mask_of(mtd: &ffi::GstAnalyticsMtd) -> Option<Mask> {
    let mtd = std::ptr::from_ref(mtd).cast::<ffi::GstAnalyticsSegmentationMtd>();
    let (mut x, mut y, mut width, mut height) = (0, 0, 0, 0);
    // SAFETY: as the caller says; the buffer that is returned is a reference of ours.
    let (picture, region) = unsafe {
        let picture = ffi::gst_analytics_segmentation_mtd_get_mask(
            mtd,
            &mut x,
            &mut y,
            &mut width,
            &mut height,
        );
        let picture: Option<gst::Buffer> = gst::glib::translate::from_glib_full(picture);
        let regions = ffi::gst_analytics_segmentation_mtd_get_region_count(mtd);
        let last = regions.checked_sub(1)?;
        let region = ffi::gst_analytics_segmentation_mtd_get_region_id(mtd, last);
        (picture?, region)
    };
    let pixels = picture.map_readable().ok()?.to_vec();
    let fits = pixels.len() == width as usize * height as usize;
    fits.then_some(Mask {
        x,
        y,
        width,
        height,
        region: u8::try_from(region).ok()?,
        pixels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{self, BBox, Detection};

    fn mask(region: u8) -> Mask {
        Mask {
            x: 3,
            y: -2,
            width: 5,
            height: 2,
            region,
            pixels: [0, region, region, 0, 0].repeat(2),
        }
    }

    fn buffer(objects: usize) -> (gst::Buffer, Vec<u32>) {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let detection = Detection {
            label: gst::glib::Quark::from_str("person"),
            bbox: BBox {
                x: 3.0,
                y: -2.0,
                w: 5.0,
                h: 2.0,
            },
            confidence: 0.5,
        };
        let detections = vec![detection; objects];
        let ids = objects::write_turned(buffer.get_mut().unwrap(), &detections, &[]).unwrap();
        (buffer, ids)
    }

    #[test]
    fn masks_are_related_to_their_objects() {
        let (mut buffer, ids) = buffer(3);
        for (id, region) in [(ids[2], 1), (ids[0], 255)] {
            write(buffer.get_mut().unwrap(), id, mask(region)).unwrap();
        }
        let expected = [(ids[0], mask(255)), (ids[2], mask(1))];
        assert_eq!(read(&buffer), expected);
        // A copy shares the pictures.
        assert_eq!(read(&buffer.copy()), expected);
        let mut found = Vec::new();
        objects::read(&buffer, &mut found);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_mask_of_no_object_or_of_another_size_is_an_error() {
        let (mut buffer, ids) = buffer(1);
        let mut bare = gst::Buffer::new();
        assert!(write(bare.get_mut().unwrap(), 0, mask(1)).is_err());
        let mut short = mask(1);
        short.pixels.pop();
        assert!(write(buffer.get_mut().unwrap(), ids[0], short).is_err());
        assert_eq!(read(&buffer), []);
    }
}
