//! The second half of the pipeline: scales, encodes and writes the video.

use gst::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::elements::{make, pad, queue};
use super::encoder::encoder;
use crate::Result;

/// The elements that record.
pub struct Recording {
    /// In the order in which they are linked.
    pub elements: Vec<gst::Element>,
}

impl Recording {
    /// Records to a file.
    ///
    /// # Errors
    /// For an element that is not installed.
    pub fn new(file: &Path) -> Result<Self> {
        let (scale, size) = (make("videoscale")?, make("capsfilter")?);
        keep_first_size(&pad(&scale, "sink")?, &size);
        let encoder = encoder()?;
        make_time_advance(&pad(&encoder, "sink")?);
        let sink = make("filesink")?;
        sink.set_property("location", file);
        let elements = vec![
            queue()?,
            scale,
            size,
            // For an encoder of hardware that takes NV12 only.
            make("videoconvert")?,
            encoder,
            make("h264parse")?,
            make("mp4mux")?,
            sink,
        ];
        Ok(Self { elements })
    }

    /// Where frames come in.
    pub fn input(&self) -> &gst::Element {
        &self.elements[0]
    }

    /// Pads that frames pass in the thread that encodes, before they are drawn on and while: in
    /// the size in which objects were found.
    pub fn drawing(&self) -> Result<(gst::Pad, gst::Pad)> {
        Ok((
            pad(&self.elements[0], "src")?,
            pad(&self.elements[1], "sink")?,
        ))
    }
}

/// Fixes the size of the recording at that of the first frame, made even as H.264 wants it: an MP4
/// file holds one size, and a camera may change its own.
fn keep_first_size(pad: &gst::Pad, filter: &gst::Element) {
    let filter = filter.downgrade();
    let done = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view()) else {
            return gst::PadProbeReturn::Ok;
        };
        let size = caps.caps().structure(0).and_then(|caps| {
            let [width, height] = ["width", "height"].map(|name| caps.get::<i32>(name).ok());
            width.zip(height)
        });
        if let (Some((width, height)), Some(filter)) = (size, filter.upgrade())
            && !done.swap(true, Ordering::SeqCst)
        {
            let even = |size: i32| (size / 2 * 2).max(16);
            let caps = gst::Caps::builder("video/x-raw")
                .field("width", even(width))
                .field("height", even(height))
                .build();
            filter.set_property("caps", caps);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Gives each frame a PTS after that of the one before: encoders and MP4 want it so, and decoders of
/// streams with missing or doubtful times do not always have it so.
fn make_time_advance(pad: &gst::Pad) {
    /// What is missing is taken to be 25 frames a second, what goes back to be a moment later.
    const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);
    const MOMENT: gst::ClockTime = gst::ClockTime::from_mseconds(1);
    let last = std::sync::Mutex::new(None::<gst::ClockTime>);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let (Some(buffer), Ok(mut last)) = (info.buffer_mut(), last.lock()) {
            let pts = match (buffer.pts(), *last) {
                (Some(pts), Some(last)) => pts.max(last + MOMENT),
                (Some(pts), None) => pts,
                (None, Some(last)) => last + buffer.duration().unwrap_or(FRAME),
                (None, None) => gst::ClockTime::ZERO,
            };
            if buffer.pts() != Some(pts) {
                buffer.make_mut().set_pts(pts);
            }
            *last = Some(pts);
        }
        gst::PadProbeReturn::Ok
    });
}
