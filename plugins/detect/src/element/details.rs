//! What a model says of its detections besides their boxes, and its outputs, as metadata.

use crate::decode::Details;
use crate::outputs::RawOutput;
use gst::glib;
use vigil_analytics::keypoints::{self, Keypoint};
use vigil_analytics::{Detection, TurnedBox, objects};

/// What else is known of a frame.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub details: Details,
    /// The model's outputs by name, where they are to be attached.
    pub tensors: Vec<(String, RawOutput)>,
}

/// What can only be attached with GStreamer 1.26, in the words of the log; `None` where this build
/// can.
pub(super) const NEEDS_V1_26: Option<&str> = if cfg!(feature = "v1_26") {
    None
} else {
    Some("this build is for GStreamer 1.24: the Cargo feature v1_26 is needed")
};

/// Writes the detections, what goes with each of them, and the outputs. Returns the ids of the
/// `GstAnalyticsODMtd`s.
pub(super) fn write(
    buffer: &mut gst::BufferRef,
    detections: &[Detection],
    extras: Extras,
) -> Result<Vec<u32>, glib::BoolError> {
    let Extras { details, tensors } = extras;
    let turned: Vec<_> = of_each(&details.oriented, detections)
        .iter()
        .map(|found| TurnedBox {
            cx: found.cx,
            cy: found.cy,
            w: found.w,
            h: found.h,
            angle: found.angle,
        })
        .collect();
    let ids = objects::write_turned(buffer, detections, &turned)?;
    if details.keypoints.len() == ids.len() * details.keypoints_each {
        let points = details.keypoints.iter();
        let points: Vec<_> = points.map(|&point| keypoint(point)).collect();
        keypoints::write(buffer, details.frame, &ids, &points)?;
    }
    #[cfg(feature = "v1_26")]
    write_v1_26(buffer, &ids, details, tensors)?;
    #[cfg(not(feature = "v1_26"))]
    drop(tensors);
    Ok(ids)
}

/// The list, if it has an entry for each detection.
fn of_each<'a, T>(list: &'a [T], detections: &[Detection]) -> &'a [T] {
    if list.len() == detections.len() {
        list
    } else {
        &[]
    }
}

fn keypoint(point: crate::decode::Keypoint) -> Keypoint {
    Keypoint {
        x: point.x,
        y: point.y,
        score: point.score,
    }
}

#[cfg(feature = "v1_26")]
fn write_v1_26(
    buffer: &mut gst::BufferRef,
    ids: &[u32],
    details: Details,
    tensors: Vec<(String, RawOutput)>,
) -> Result<(), glib::BoolError> {
    use vigil_analytics::segmentation::{self, Mask};
    use vigil_analytics::tensors::{self, FloatTensor};

    if details.masks.len() == ids.len() {
        for (id, mask) in ids.iter().zip(details.masks) {
            let Some(mask) = mask else { continue };
            let mask = Mask {
                // Frames are not that large.
                x: i32::try_from(mask.x).unwrap_or(i32::MAX),
                y: i32::try_from(mask.y).unwrap_or(i32::MAX),
                width: mask.width,
                height: mask.height,
                region: mask.region,
                pixels: mask.pixels,
            };
            segmentation::write(buffer, *id, mask)?;
        }
    }
    if !tensors.is_empty() {
        let tensor = |(name, RawOutput { dims, values })| FloatTensor { name, dims, values };
        tensors::write(buffer, tensors.into_iter().map(tensor).collect());
    }
    Ok(())
}
