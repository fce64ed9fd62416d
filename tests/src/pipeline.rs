//! Running pipelines in tests.

use crate::matching::Found;
use gst::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vigil_analytics::objects::{self, Look, Object};

/// What ends a pipeline other than EOS.
#[derive(Debug)]
pub struct Failed {
    /// Name of the element that failed.
    pub element: String,
    /// Its error.
    pub error: String,
    /// Its debug information.
    pub debug: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.element, self.error, self.debug)
    }
}

impl std::error::Error for Failed {}

/// A pipeline that is set to NULL when it goes out of scope.
pub struct Pipeline(pub gst::Pipeline);

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

impl Pipeline {
    /// Parses a `gst-launch-1.0` string.
    ///
    /// # Errors
    /// It is none, or an element is missing.
    pub fn parse(description: &str) -> Result<Self, gst::glib::Error> {
        gst::parse::launch(description)?
            .downcast::<gst::Pipeline>()
            .map(Self)
            .map_err(|_| gst::glib::Error::new(gst::ParseError::Syntax, "no pipeline"))
    }

    /// An element of the pipeline, as its type.
    ///
    /// # Panics
    /// There is none of this name and type: the test is wrong.
    pub fn element<T: IsA<gst::Element>>(&self, name: &str) -> T {
        match self.0.by_name(name).map(|element| element.downcast::<T>()) {
            Some(Ok(element)) => element,
            _ => unreachable!("no element {name} of this type"),
        }
    }

    /// Plays to the end and returns the messages seen until then.
    ///
    /// # Errors
    /// The first error on the bus, or that there was no end within `seconds`.
    pub fn play(&self, seconds: u64) -> Result<Vec<gst::Message>, Failed> {
        self.play_until(seconds, |message| {
            message.is_some_and(|message| message.type_() == gst::MessageType::Eos)
        })
    }

    /// Plays until `done` says so, which is asked for each message and every 50 ms at least;
    /// returns the messages seen until then.
    ///
    /// # Errors
    /// The first error on the bus, or that there was no end within `seconds`.
    pub fn play_until(
        &self,
        seconds: u64,
        mut done: impl FnMut(Option<&gst::Message>) -> bool,
    ) -> Result<Vec<gst::Message>, Failed> {
        let fail = |error: &str| Failed {
            element: self.0.name().into(),
            error: error.into(),
            debug: String::new(),
        };
        let bus = self.0.bus().ok_or_else(|| fail("no bus"))?;
        // An error that made the state change fail is on the bus too, and says more.
        let changed = self.0.set_state(gst::State::Playing);
        let mut messages = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < deadline {
            let message = bus.timed_pop(50 * gst::ClockTime::MSECOND);
            if let Some(gst::MessageView::Error(error)) = message.as_ref().map(|m| m.view()) {
                return Err(Failed {
                    element: error.src().map_or("?".into(), |src| src.name().into()),
                    error: error.error().to_string(),
                    debug: error.debug().unwrap_or_default().into(),
                });
            }
            let is_done = done(message.as_ref());
            let is_quiet = message.is_none();
            messages.extend(message);
            if is_done {
                messages.extend(bus.iter());
                return Ok(messages);
            }
            if is_quiet && changed.is_err() {
                return Err(fail("the state did not change"));
            }
        }
        Err(fail("no end in time"))
    }

    /// Ends the stream before the element `name` after so many frames.
    ///
    /// (`identity eos-after` lets through what a decoder still gives after that.)
    ///
    /// # Panics
    /// There is no such element with a pad `sink`: the test is wrong.
    pub fn end_after(&self, name: &str, frames: u64) {
        let Some(pad) = self.element::<gst::Element>(name).static_pad("sink") else {
            unreachable!("{name} has no pad sink");
        };
        let seen = AtomicU64::new(0);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if seen.fetch_add(1, Ordering::SeqCst) < frames {
                return gst::PadProbeReturn::Ok;
            }
            if let Some(upstream) = pad.peer() {
                upstream.push_event(gst::event::Eos::new());
            }
            info.flow_res = Err(gst::FlowError::Eos);
            gst::PadProbeReturn::Drop
        });
    }

    /// Keeps what `map` makes of each sample of an `appsink`. It runs on the thread that brings the
    /// samples, so that its slowness is the consumer's.
    ///
    /// # Panics
    /// There is no such `appsink`: the test is wrong.
    pub fn collect<T: Send + 'static>(
        &self,
        name: &str,
        mut map: impl FnMut(&gst::Sample) -> T + Send + 'static,
    ) -> Collected<T> {
        let sink: gst_app::AppSink = self.element(name);
        let collected = Collected(Arc::default());
        let items = collected.0.clone();
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let item = map(&sample);
            items
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(item);
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        collected
    }
}

/// What came to an `appsink` so far.
pub struct Collected<T>(Arc<Mutex<Vec<T>>>);

impl<T> Collected<T> {
    /// All of it.
    pub fn items(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much it is.
    pub fn count(&self) -> usize {
        self.items().len()
    }
}

/// The objects of a buffer as tests compare them, and whether a detector looked.
pub fn found(buffer: &gst::BufferRef) -> (Look, Vec<Found>) {
    let mut objects = Vec::new();
    let look = objects::read(buffer, &mut objects);
    let found = objects.iter().map(found_of).collect();
    (look, found)
}

fn found_of(object: &Object) -> Found {
    let bbox = object.bbox;
    Found {
        name: object.label_str().into(),
        score: object.confidence,
        xyxy: [bbox.x, bbox.y, bbox.x + bbox.w, bbox.y + bbox.h],
    }
}
