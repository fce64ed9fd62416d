//! The element `vigiltrack`: gives objects identities.
//!
//! Everything but properties runs on the streaming thread: `imp` receives buffers and events,
//! `stream` is what one buffer does. Properties are set from any thread; the streaming thread
//! looks at them once for each buffer. With a model for appearances, `appearance` copies parts of
//! frames on the streaming thread, and a thread of its own looks at them.

mod appearance;
mod imp;
mod settings;
mod sight;
mod stats;
mod stream;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// Gives detected objects identities that last, and predicts them on frames that no detector
    /// looked at.
    ///
    /// ```sh
    /// gst-launch-1.0 filesrc location=street.mp4 ! decodebin3 ! \
    ///     vigildetect model=yolov8n.onnx interval=2 ! vigiltrack ! \
    ///     objectdetectionoverlay ! videoconvert ! autovideosink
    /// ```
    ///
    /// Every `GstAnalyticsODMtd` that belongs to a track gets a related `GstAnalyticsTrackingMtd`;
    /// a detection too weak to start or to join one gets none. Buffers without a relation meta
    /// were not looked at: they get coasted objects, whose `last_seen` is older than the PTS.
    pub struct VigilTrack(ObjectSubclass<imp::VigilTrack>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "vigiltrack",
        gst::Rank::NONE,
        VigilTrack::static_type(),
    )
}
