//! What every element does for its metadata pads: making, releasing and stopping them.

use gst::prelude::*;
use std::sync::Arc;
use std::time::Duration;

use super::outlet::Stopped;
use super::{PadKind, Pads};

impl<K: PadKind + Send + 'static> Pads<K> {
    /// Makes the pad of this kind and adds it to `element`. `wire` sets its functions; `active`:
    /// whether the element is at work; `start` starts the pad's thread if so.
    ///
    /// # Errors
    /// There is one already, or it cannot be added or started: what to log.
    pub fn request(
        &self,
        kind: K,
        template: &gst::PadTemplate,
        element: &gst::Element,
        active: bool,
        wire: impl FnOnce(gst::PadBuilder<gst::Pad>) -> gst::PadBuilder<gst::Pad>,
        start: impl FnOnce() -> std::io::Result<()>,
    ) -> Result<gst::Pad, String> {
        let builder = gst::Pad::builder_from_template(template).name(kind.name());
        let pad = wire(builder).build();
        if !self.add(kind, &pad) {
            return Err(format!("there is a pad {} already", kind.name()));
        }
        // Weak: the pads hold this pad.
        let pads = Arc::downgrade(&self.0);
        pad.connect_linked(move |pad, _| {
            if let Some(pads) = pads.upgrade() {
                Self(pads).wake(pad);
            }
        });
        if active {
            let _ = pad.set_active(true);
        }
        let added = element.add_pad(&pad).map_err(|error| error.to_string());
        let started = added.and_then(|()| start().map_err(|error| error.to_string()));
        match started {
            Ok(()) => Ok(pad),
            Err(error) => {
                self.remove(&pad);
                let _ = element.remove_pad(&pad);
                Err(format!("cannot add pad {}: {error}", kind.name()))
            }
        }
    }

    /// Takes a pad off `element`, within 1.1 s even if its consumer hangs; `forget` is called before
    /// its thread is stopped. `what` is what the pad carries, in the plural.
    pub fn release(
        &self,
        pad: &gst::Pad,
        element: &gst::Element,
        what: &str,
        forget: impl FnOnce(K),
    ) {
        let Some((kind, run)) = self.remove(pad) else {
            return;
        };
        forget(kind);
        if let Some(run) = run {
            let Stopped {
                discarded,
                abandoned,
            } = run.stop(Duration::ZERO);
            if discarded > 0 {
                gst::element_warning!(
                    element,
                    gst::StreamError::Failed,
                    (
                        "Pad {} was released with {discarded} {what} that were not delivered",
                        kind.name()
                    )
                );
            }
            if abandoned {
                warn_abandoned(element, pad);
            }
        }
        let _ = pad.set_active(false);
        let _ = element.remove_pad(pad);
    }

    /// Stops the threads of all pads, after giving consumers `patience` to take what waits; does not
    /// hang whatever they do. Gives how many records of which pad were not delivered.
    pub fn stop(&self, element: &gst::Element, patience: Duration) -> Vec<(gst::Pad, u64)> {
        let mut undelivered = Vec::new();
        for (pad, run) in self.take_runs() {
            let stopped = run.stop(patience);
            if stopped.abandoned {
                warn_abandoned(element, &pad);
            }
            if stopped.discarded > 0 {
                undelivered.push((pad, stopped.discarded));
            }
        }
        undelivered
    }
}

fn warn_abandoned(element: &gst::Element, pad: &gst::Pad) {
    gst::element_warning!(
        element,
        gst::StreamError::Failed,
        (
            "Pad {}: its consumer does not return from a buffer, not even when flushed; the pad's \
             thread ends when it does",
            pad.name()
        )
    );
}
