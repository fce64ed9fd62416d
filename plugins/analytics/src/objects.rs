//! Objects on buffers: `GstAnalyticsODMtd`, `GstAnalyticsTrackingMtd` and their relation.
//!
//! Conventions of the suite:
//!
//! * A buffer that a detector looked at carries a relation meta, even an empty one; a buffer that
//!   it skipped carries none. [`read`] tells the two apart ([`Look`]). GStreamer (1.26 at least)
//!   leaves an emptied relation meta on a buffer that goes back to its pool, so a frame may come
//!   with one from its last use: a detector that skips a buffer takes it off ([`mark_skipped`]).
//! * A tracker may add predicted boxes on a skipped buffer: such a box is *coasted*, its track was
//!   `last_seen` before this buffer's PTS.
//! * `GstAnalyticsODMtd` holds whole pixels, which costs a small object several percent of its
//!   IoU. The exact box travels beside it in a `GstCustomMeta` named [`SUBPIXEL_META`], and is
//!   used wherever it still agrees with the whole-pixel one (an element that moves or scales the
//!   boxes need not know about it).

use gst::prelude::*;
use gst_analytics::prelude::*;
use gst_analytics::{
    AnalyticsMtdRef, AnalyticsODMtd, AnalyticsRelationMeta, AnalyticsRelationMetaInitParams,
    AnalyticsTrackingMtd, RelTypes,
};
use std::sync::Once;

/// Name of the `GstCustomMeta` with the exact boxes.
///
/// Its structure has one field, `boxes`: a `GstValueArray` of floats, five for each box: the id of
/// the `GstAnalyticsODMtd`, then x, y, width, height in pixels.
pub const SUBPIXEL_META: &str = "VigilBoxesMeta";

/// An axis-aligned box in pixels of the frame; `x`, `y` is the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BBox {
    /// Left edge, in pixels.
    pub x: f32,
    /// Top edge, in pixels.
    pub y: f32,
    /// Width, in pixels.
    pub w: f32,
    /// Height, in pixels.
    pub h: f32,
}

impl BBox {
    /// The box in whole pixels whose edges are nearest to this one's: x, y, width, height.
    /// Width and height are at least 1.
    pub fn to_pixels(self) -> (i32, i32, i32, i32) {
        let x = self.x.round() as i32;
        let y = self.y.round() as i32;
        let right = (self.x + self.w).round() as i32;
        let bottom = (self.y + self.h).round() as i32;
        (x, y, (right - x).max(1), (bottom - y).max(1))
    }

    /// Whether `pixels` is what [`to_pixels`](Self::to_pixels) makes of this box.
    fn is_exact_form_of(self, pixels: (i32, i32, i32, i32)) -> bool {
        self.to_pixels() == pixels
    }
}

/// A box that is turned around its centre.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TurnedBox {
    /// Centre, in pixels.
    pub cx: f32,
    /// Centre, in pixels.
    pub cy: f32,
    /// Width before it is turned, in pixels.
    pub w: f32,
    /// Height before it is turned, in pixels.
    pub h: f32,
    /// Radians, clockwise as one looks at the picture, 0..2π, as `GstAnalyticsODMtd` has it.
    pub angle: f32,
}

impl TurnedBox {
    /// The box before it is turned in whole pixels: x, y, width, height. The size is rounded, at
    /// least 1, and the centre stays as near as it can.
    pub fn to_pixels(self) -> (i32, i32, i32, i32) {
        let side = |length: f32| length.round().max(1.0);
        let (w, h) = (side(self.w), side(self.h));
        let x = (self.cx - w / 2.0).round();
        let y = (self.cy - h / 2.0).round();
        (x as i32, y as i32, w as i32, h as i32)
    }
}

/// A detection to be written on a buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Class name, as a quark from a finite set.
    pub label: gst::glib::Quark,
    /// Where, in pixels of the frame.
    pub bbox: BBox,
    /// Score, 0..1.
    pub confidence: f32,
}

/// Identity of an object over time, as `GstAnalyticsTrackingMtd` holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Unique in the stream, never used again.
    pub id: u64,
    /// PTS of the first buffer on which the object was detected.
    pub first_seen: gst::ClockTime,
    /// PTS of the last buffer on which the object was detected.
    pub last_seen: gst::ClockTime,
    /// The tracker gave the object up.
    pub lost: bool,
}

/// An object found on a buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object {
    /// Id of the `GstAnalyticsODMtd` in the buffer's relation meta.
    pub id: u32,
    /// Class name; `None` where the detector gave none.
    pub label: Option<gst::glib::Quark>,
    /// Where, in pixels of the frame.
    pub bbox: BBox,
    /// Score, 0..1.
    pub confidence: f32,
    /// Identity, where a tracker gave one.
    pub track: Option<Track>,
}

impl Object {
    /// The class name, or an empty string.
    pub fn label_str(&self) -> &'static str {
        self.label.map_or("", |quark| quark.as_str().as_str())
    }

    /// Whether the box is a tracker's prediction on the buffer of this PTS, not a detection.
    pub fn is_coasted(&self, pts: Option<gst::ClockTime>) -> bool {
        match (self.track, pts) {
            (Some(track), Some(pts)) => track.last_seen < pts,
            _ => false,
        }
    }
}

/// What a buffer says about having been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// No detector looked at this buffer: absence of objects means nothing. Objects, if any,
    /// are predictions.
    Skipped,
    /// A detector looked: what is not there was not seen.
    Inferred,
}

/// Registers [`SUBPIXEL_META`]; several plugins in one process do so, the first one wins.
fn register_subpixel_meta() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if !gst::meta::CustomMeta::is_registered(SUBPIXEL_META) {
            gst::meta::CustomMeta::register(SUBPIXEL_META, &[]);
        }
    });
}

/// Writes what a detector found on `buffer`, which must be writable.
///
/// Adds the relation meta even for no detections: that is what tells "nothing there" from "not
/// looked". Where the buffer has one already, the detections are added to it.
pub fn write_detections(
    buffer: &mut gst::BufferRef,
    detections: &[Detection],
) -> Result<(), gst::glib::BoolError> {
    write_turned(buffer, detections, &[]).map(drop)
}

/// As [`write_detections`], of boxes that may be turned: `turned` has one for each detection, whose
/// own box is its hull, or none. Returns the ids of the `GstAnalyticsODMtd`s.
///
/// Without the feature `v1_26` the hulls are written.
pub fn write_turned(
    buffer: &mut gst::BufferRef,
    detections: &[Detection],
    turned: &[TurnedBox],
) -> Result<Vec<u32>, gst::glib::BoolError> {
    register_subpixel_meta();
    let mut exact = Vec::with_capacity(detections.len() * 5);
    let mut ids = Vec::with_capacity(detections.len());
    {
        let mut meta = relation_meta_mut(buffer, detections.len());
        for (i, detection) in detections.iter().enumerate() {
            let id = add_box(&mut meta, detection, turned.get(i))?;
            push_exact(&mut exact, id, detection.bbox);
            ids.push(id);
        }
    }
    add_exact(buffer, exact)?;
    Ok(ids)
}

/// Adds the mtd of a detection and returns its id.
fn add_box(
    meta: &mut gst::MetaRefMut<'_, AnalyticsRelationMeta, gst::meta::Standalone>,
    detection: &Detection,
    turned: Option<&TurnedBox>,
) -> Result<u32, gst::glib::BoolError> {
    let (label, confidence) = (detection.label, detection.confidence);
    #[cfg(feature = "v1_26")]
    if let Some(turned) = turned {
        let (x, y, w, h) = turned.to_pixels();
        let mtd = meta.add_oriented_od_mtd(label, x, y, w, h, turned.angle, confidence)?;
        return Ok(mtd.id());
    }
    #[cfg(not(feature = "v1_26"))]
    let _ = turned;
    let (x, y, w, h) = detection.bbox.to_pixels();
    Ok(meta.add_od_mtd(label, x, y, w, h, confidence)?.id())
}

/// Says that no detector looked at `buffer`: takes off an empty relation meta, which is left from
/// the last use of a buffer from a pool. Objects that somebody else found stay.
pub fn mark_skipped(buffer: &mut gst::Buffer) {
    let left_over = |meta: gst::MetaRef<AnalyticsRelationMeta>| meta.is_empty();
    if buffer
        .meta::<AnalyticsRelationMeta>()
        .is_some_and(left_over)
        && let Some(meta) = buffer.make_mut().meta_mut::<AnalyticsRelationMeta>()
    {
        // Fails only for a locked meta, which this one is not.
        let _ = meta.remove();
    }
}

/// Gives identities to objects of `buffer`, which must be writable: for each pair, the id of the
/// `GstAnalyticsODMtd` (from [`read`]) and its track. An object keeps what another tracker said of
/// it; consumers take the tracking mtd that comes first.
pub fn write_tracks(
    buffer: &mut gst::BufferRef,
    tracks: &[(u32, Track)],
) -> Result<(), gst::glib::BoolError> {
    if tracks.is_empty() {
        return Ok(());
    }
    tracks
        .iter()
        .try_for_each(|(object, track)| add_track(buffer, *object, *track))
}

/// Says on `buffer`, which must be writable and have been looked at, that tracks were given up: a
/// `GstAnalyticsTrackingMtd` for each, marked as lost and related to no object, as there is none.
pub fn write_lost(
    buffer: &mut gst::BufferRef,
    tracks: &[Track],
) -> Result<(), gst::glib::BoolError> {
    for track in tracks {
        let id = relation_meta_mut(buffer, tracks.len())
            .add_tracking_mtd(track.id, track.first_seen)?
            .id();
        update_track(buffer, id, track.last_seen, true)?;
    }
    Ok(())
}

/// Reads the tracks that were given up on `buffer` ([`write_lost`]) into `out` (cleared first).
pub fn read_lost(buffer: &gst::BufferRef, out: &mut Vec<Track>) {
    out.clear();
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else {
        return;
    };
    for tracking in meta.iter::<AnalyticsTrackingMtd>() {
        let (id, first_seen, last_seen, lost) = tracking.info();
        let has_object = || {
            meta.iter_direct_related::<AnalyticsODMtd>(tracking.id(), RelTypes::RELATE_TO)
                .next()
                .is_some()
        };
        if lost && !has_object() {
            out.push(Track {
                id,
                first_seen,
                last_seen,
                lost,
            });
        }
    }
}

/// Adds predicted objects with their tracks to `buffer`, which must be writable. Nothing is
/// written, not even an empty relation meta, for an empty list: a buffer on which nothing was
/// predicted stays one that nobody looked at.
pub fn write_coasted(
    buffer: &mut gst::BufferRef,
    objects: &[(Detection, Track)],
) -> Result<(), gst::glib::BoolError> {
    if objects.is_empty() {
        return Ok(());
    }
    register_subpixel_meta();
    let mut exact = Vec::with_capacity(objects.len() * 5);
    for (detection, track) in objects {
        let (x, y, w, h) = detection.bbox.to_pixels();
        let id = relation_meta_mut(buffer, objects.len())
            .add_od_mtd(detection.label, x, y, w, h, detection.confidence)?
            .id();
        add_track(buffer, id, *track)?;
        push_exact(&mut exact, id, detection.bbox);
    }
    add_exact(buffer, exact)
}

/// Reads the objects of `buffer` into `out` (cleared first) and says whether a detector looked.
///
/// Allocates nothing once `out` has grown to the largest number of objects. A buffer whose objects
/// are all coasted, or parts of such ones, counts as skipped.
pub fn read(buffer: &gst::BufferRef, out: &mut Vec<Object>) -> Look {
    out.clear();
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else {
        return Look::Skipped;
    };
    for od in meta.iter::<AnalyticsODMtd>() {
        let Ok(location) = od.location() else {
            continue;
        };
        out.push(Object {
            id: od.id(),
            label: od.obj_type(),
            bbox: BBox {
                x: location.x as f32,
                y: location.y as f32,
                w: location.w as f32,
                h: location.h as f32,
            },
            confidence: location.loc_conf_lvl,
            track: track_of(&meta, &od),
        });
    }
    refine(buffer, out);
    let pts = buffer.pts();
    let is_guess =
        |object: &Object| object.is_coasted(pts) || is_in_coasted(&meta, out, object, pts);
    if !out.is_empty() && out.iter().all(is_guess) {
        Look::Skipped
    } else {
        Look::Inferred
    }
}

/// Whether an object is a part of one whose box is a prediction, with which it was carried along.
fn is_in_coasted(
    meta: &gst::MetaRef<AnalyticsRelationMeta>,
    objects: &[Object],
    part: &Object,
    pts: Option<gst::ClockTime>,
) -> bool {
    if part.track.is_some() {
        return false;
    }
    let mut wholes = meta.iter_direct_related::<AnalyticsODMtd>(part.id, RelTypes::IS_PART_OF);
    wholes.any(|whole| {
        // Ids grow with the order of reading.
        let whole = objects.binary_search_by_key(&whole.id(), |object| object.id);
        whole.is_ok_and(|whole| objects[whole].is_coasted(pts))
    })
}

/// The track that is directly related to an object, if any.
fn track_of<'a>(
    meta: &'a gst::MetaRef<'a, AnalyticsRelationMeta>,
    od: &AnalyticsMtdRef<'a, AnalyticsODMtd>,
) -> Option<Track> {
    let tracking = meta
        .iter_direct_related::<AnalyticsTrackingMtd>(od.id(), RelTypes::RELATE_TO)
        .next()?;
    let (id, first_seen, last_seen, lost) = tracking.info();
    Some(Track {
        id,
        first_seen,
        last_seen,
        lost,
    })
}

/// Replaces whole-pixel boxes by the exact ones that still agree with them.
fn refine(buffer: &gst::BufferRef, objects: &mut [Object]) {
    register_subpixel_meta();
    for meta in buffer.iter_meta::<gst::Meta>() {
        let Some(custom) = meta.try_as_custom_meta() else {
            continue;
        };
        if custom.structure().name() != SUBPIXEL_META {
            continue;
        }
        let Ok(boxes) = custom.structure().get::<gst::ArrayRef>("boxes") else {
            continue;
        };
        for exact in boxes.as_slice().chunks_exact(5) {
            let value = |i: usize| exact[i].get::<f32>().unwrap_or(f32::NAN);
            let id = value(0) as u32;
            let bbox = BBox {
                x: value(1),
                y: value(2),
                w: value(3),
                h: value(4),
            };
            // Ids grow with the order of writing, so the objects are sorted by id.
            if let Ok(i) = objects.binary_search_by_key(&id, |object| object.id)
                && bbox.is_exact_form_of(objects[i].bbox.to_pixels())
            {
                objects[i].bbox = bbox;
            }
        }
    }
}

/// The buffer's relation meta, made where there is none, with room for `n` more mtds.
pub(crate) fn relation_meta_mut(
    buffer: &mut gst::BufferRef,
    n: usize,
) -> gst::MetaRefMut<'_, AnalyticsRelationMeta, gst::meta::Standalone> {
    if buffer.meta::<AnalyticsRelationMeta>().is_none() {
        // Twice the objects, for the tracks that usually follow; 40 bytes hold an ODMtd.
        let params = AnalyticsRelationMetaInitParams::new((n * 2).max(8), (n * 2).max(8) * 40);
        return AnalyticsRelationMeta::add_full(buffer, &params);
    }
    // add() returns the one that is there.
    AnalyticsRelationMeta::add(buffer)
}

fn add_track(
    buffer: &mut gst::BufferRef,
    object: u32,
    track: Track,
) -> Result<(), gst::glib::BoolError> {
    let id = {
        let mut meta = relation_meta_mut(buffer, 1);
        let id = meta.add_tracking_mtd(track.id, track.first_seen)?.id();
        // Both ways, as upstream's ioutracker does: readers start from either end.
        meta.set_relation(RelTypes::RELATE_TO, object, id)?;
        meta.set_relation(RelTypes::RELATE_TO, id, object)?;
        id
    };
    update_track(buffer, id, track.last_seen, track.lost)
}

fn update_track(
    buffer: &mut gst::BufferRef,
    id: u32,
    last_seen: gst::ClockTime,
    lost: bool,
) -> Result<(), gst::glib::BoolError> {
    // mtd_mut() keeps its meta borrowed for good, hence one of its own.
    let mut meta = relation_meta_mut(buffer, 0);
    let mut mtd = meta
        .mtd_mut::<AnalyticsTrackingMtd>(id)
        .ok_or_else(|| gst::glib::bool_error!("tracking mtd {id} is gone"))?;
    mtd.update_last_seen(last_seen)?;
    if lost {
        mtd.set_lost()?;
    }
    Ok(())
}

fn push_exact(exact: &mut Vec<gst::glib::SendValue>, id: u32, bbox: BBox) {
    for value in [id as f32, bbox.x, bbox.y, bbox.w, bbox.h] {
        exact.push(value.to_send_value());
    }
}

fn add_exact(
    buffer: &mut gst::BufferRef,
    exact: Vec<gst::glib::SendValue>,
) -> Result<(), gst::glib::BoolError> {
    if exact.is_empty() {
        return Ok(());
    }
    let mut meta = gst::meta::CustomMeta::add(buffer, SUBPIXEL_META)?;
    meta.mut_structure()
        .set("boxes", gst::Array::from_values(exact));
    Ok(())
}

#[cfg(test)]
mod tests;
