//! The first half of the pipeline: opens the input and decodes its video.

use gst::prelude::*;

/// Links the first video stream of `source`; other streams are not decoded.
pub fn link_first_video(source: &gst::Element, queue: &gst::Element) {
    source.connect("select-stream", false, |values| {
        let choose = || {
            let bin = values[0].get::<gst::Element>().ok()?;
            let collection = values[1].get::<gst::StreamCollection>().ok()?;
            let stream = values[2].get::<gst::Stream>().ok()?;
            let videos = || {
                collection
                    .iter()
                    .filter(|stream| stream.stream_type().contains(gst::StreamType::VIDEO))
            };
            if videos().next().is_none() {
                gst::element_error!(bin, gst::StreamError::WrongType, ["no video in the input"]);
            }
            let first = videos().next().and_then(|first| first.stream_id());
            Some(i32::from(first.is_some() && first == stream.stream_id()))
        };
        // -1: let the bin decide.
        Some(choose().unwrap_or(-1).to_value())
    });
    let queue = queue.downgrade();
    source.connect_pad_added(move |_, pad| {
        let Some(sink) = queue.upgrade().and_then(|queue| queue.static_pad("sink")) else {
            return;
        };
        if pad.name().starts_with("video") && !sink.is_linked() {
            // A failure shows as an error of the source: not linked.
            let _ = pad.link(&sink);
        }
    });
}
