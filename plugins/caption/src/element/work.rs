//! From READY to PAUSED and back.

use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::asker::Asker;
use super::imp::{CAT, VigilCaption};
use super::memory::Memory;
use super::outbox::Outbox;
use super::stream::State;
use crate::queue::Why;
use crate::server::{Terms, desk};
use crate::spawn;

/// How long shutting down waits for the consumer to take the last captions.
const PATIENCE: Duration = Duration::from_millis(250);
/// Captions that wait for a slow consumer.
const QUEUE: usize = 1000;

impl VigilCaption {
    pub(super) fn start(&self) -> Result<(), gst::ErrorMessage> {
        let wrong = |error: String| gst::error_msg!(gst::LibraryError::Settings, ("{error}"));
        let plan = self.settings().clone().check();
        let plan = Arc::new(plan.map_err(|error| wrong(error.to_string()))?);
        let settings = &plan.settings;
        let outbox = Arc::new(Outbox::new(&self.obj(), settings.text_duration));
        let health = outbox.clone();
        let terms = Terms {
            budget: settings.max_in_flight as usize,
            size: settings.queue_size as usize,
            max_age: Duration::from_nanos(settings.max_age),
            listener: Arc::new(move |state| health.server_state(state)),
        };
        let lane = desk::join(
            plan.identity.clone(),
            plan.patience,
            terms,
            self.spawn_log(),
        );
        let lane = lane.map_err(|error| {
            gst::error_msg!(gst::CoreError::Thread, ("cannot start a thread: {error}"))
        })?;
        let asker = Asker {
            plan: plan.clone(),
            lane,
            outbox,
            chat: Arc::default(),
            memory: Memory::new(plan.settings.cache_ttl),
        };
        *self.state() = Some(State::new(asker, plan));
        self.live_is_known.store(false, Ordering::Relaxed);
        self.start_pads().map_err(|error| {
            gst::error_msg!(gst::CoreError::Thread, ("cannot start a thread: {error}"))
        })
    }

    /// Lines of a server that is started here, in the log of this element; they outlive it, since
    /// others may share the server.
    fn spawn_log(&self) -> spawn::Log {
        let element = self.obj().downgrade();
        Arc::new(move |news| {
            let Some(element) = element.upgrade() else {
                return;
            };
            match news {
                spawn::News::Line(line) => gst::debug!(CAT, obj = element, "server: {line}"),
                spawn::News::Started(port) => {
                    gst::info!(CAT, obj = element, "the server is started on port {port}");
                }
                spawn::News::Ready => gst::info!(CAT, obj = element, "the server is ready"),
                spawn::News::Ended(how, pause) => gst::element_warning!(
                    element,
                    gst::ResourceError::Failed,
                    (
                        "The model's server ended; video goes on, and it is started again in {:.1} s",
                        pause.as_secs_f64()
                    ),
                    ["{how}"]
                ),
            }
        })
    }

    /// Starts the thread of the pad that has none, where the element is at work.
    pub(super) fn start_pads(&self) -> std::io::Result<()> {
        let mut guard = self.state();
        let Some(state) = guard.as_mut() else {
            return Ok(());
        };
        for (_, outlet) in self.pads.start(QUEUE, self.obj().upcast_ref())? {
            Self::catch_up(state, &outlet);
            state.asker.outbox.set_outlet(Some(outlet));
        }
        Ok(())
    }

    /// Gives everything up and stops the thread; does not hang whatever servers and consumers do.
    pub(super) fn stop(&self) {
        self.give_up(Why::Shutdown);
        // Taken out first: dropping it ends requests, and perhaps the server.
        let state = self.state().take();
        drop(state);
        for (pad, n) in self.pads.stop(self.obj().upcast_ref(), PATIENCE) {
            gst::info!(
                CAT,
                obj = pad,
                "{n} captions were not delivered before the shutdown"
            );
        }
    }
}
