//! Bringing the stream to its end before it ends by itself.

use gst::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Ends the stream in good order: what was decoded is still analysed, and the files are finished.
#[derive(Clone)]
pub struct Stopper {
    first_queue: gst::Element,
    stopping: Arc<AtomicBool>,
}

impl Stopper {
    /// Stops at the first queue after the decoder.
    pub fn new(first_queue: &gst::Element) -> Self {
        Self {
            first_queue: first_queue.clone(),
            stopping: Arc::default(),
        }
    }

    /// Ends the stream; may be called from any thread, and more than once.
    pub fn stop(&self) {
        if self.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        // Not through the source: a camera that is silent would never pass it on. The pad's stream
        // lock is held while the decoder waits for room in the queue, hence the thread.
        let queue = self.first_queue.clone();
        std::thread::spawn(move || {
            if let Some(pad) = queue.static_pad("sink") {
                pad.send_event(gst::event::Eos::new());
            }
        });
    }

    /// Stops after a number of frames, or a time since the first one, that pass `pad`.
    pub fn limit(&self, pad: &gst::Pad, (frames, time): (Option<u64>, Option<gst::ClockTime>)) {
        if frames.is_none() && time.is_none() {
            return;
        }
        let stopper = self.clone();
        let mut passed = 0u64;
        let mut first = None;
        let is_over = Mutex::new(move |buffer: &gst::BufferRef| {
            let elapsed = buffer
                .pts()
                .map(|pts| pts.saturating_sub(*first.get_or_insert(pts)));
            let over = frames.is_some_and(|limit| passed >= limit)
                || time.zip(elapsed).is_some_and(|(limit, t)| t >= limit);
            passed += 1;
            over
        });
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let over = match (info.buffer(), is_over.lock()) {
                (Some(buffer), Ok(mut is_over)) => is_over(buffer),
                _ => false,
            };
            if over {
                stopper.stop();
                return gst::PadProbeReturn::Drop;
            }
            gst::PadProbeReturn::Ok
        });
    }
}
