//! Metadata pads of an element: at most one of each kind, each with its own bounded queue and, from
//! READY to READY, its own thread.
//!
//! ```text
//! whoever makes records                    one thread per metadata pad
//!   record ─▶ queue of the pad ───────────▶ JSON ─▶ pad ─▶ consumer
//! ```
//!
//! Nobody who makes records ever waits for a consumer.
//!
//! | module | what |
//! |---|---|
//! | [`queue`] | what waits, and what is dropped first; without GStreamer |
//! | [`outlet`] | one pad's thread, and how it is stopped whatever its consumer does |
//! | `delivery` | what that thread pushes |
//! | `element` | making, releasing and stopping pads |

mod delivery;
mod element;
pub mod outlet;
pub mod queue;
mod upstream;

pub use upstream::{Upstream, video_query};

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use outlet::{Outlet, Stopped};

/// The kinds of metadata pads that an element has; at most one pad of each.
pub trait PadKind: Copy + Eq {
    /// Name of the pad and of its template.
    fn name(self) -> &'static str;
}

/// What metadata pads offer.
pub static CAPS: LazyLock<gst::Caps> = LazyLock::new(|| {
    gst::Caps::builder_full()
        .structure(gst::Structure::new_empty("application/x-json"))
        .structure(
            gst::Structure::builder("text/x-raw")
                .field("format", "utf8")
                .build(),
        )
        .build()
});

/// One metadata pad.
struct MetaPad<K> {
    kind: K,
    pad: gst::Pad,
    run: Option<Run>,
}

/// The thread of a pad.
struct Run {
    /// Its queue.
    outlet: Arc<Outlet>,
    thread: JoinHandle<()>,
}

impl Run {
    /// See [`Outlet::stop`].
    fn stop(self, patience: Duration) -> Stopped {
        self.outlet.stop(self.thread, patience)
    }
}

/// The metadata pads of one element.
pub struct Pads<K>(Arc<Mutex<Vec<MetaPad<K>>>>);

impl<K> Default for Pads<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }
}

impl<K: PadKind> Pads<K> {
    fn lock(&self) -> MutexGuard<'_, Vec<MetaPad<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a pad in; false if there is one of its kind.
    fn add(&self, kind: K, pad: &gst::Pad) -> bool {
        let mut pads = self.lock();
        let is_new = pads.iter().all(|other| other.kind != kind);
        if is_new {
            pads.push(MetaPad {
                kind,
                pad: pad.clone(),
                run: None,
            });
        }
        is_new
    }

    /// Gives a pad up, with its thread.
    fn remove(&self, pad: &gst::Pad) -> Option<(K, Option<Run>)> {
        let mut pads = self.lock();
        let position = pads.iter().position(|other| other.pad == *pad)?;
        let removed = pads.swap_remove(position);
        Some((removed.kind, removed.run))
    }

    /// Starts the thread of each pad that has none.
    pub fn start(
        &self,
        capacity: usize,
        element: &gst::Element,
    ) -> std::io::Result<Vec<(K, Arc<Outlet>)>> {
        let mut started = Vec::new();
        for pad in self.lock().iter_mut().filter(|pad| pad.run.is_none()) {
            let (outlet, thread) = Outlet::start(&pad.pad, capacity, element)?;
            started.push((pad.kind, outlet.clone()));
            pad.run = Some(Run { outlet, thread });
        }
        Ok(started)
    }

    /// Takes the threads of all pads, to stop them.
    fn take_runs(&self) -> Vec<(gst::Pad, Run)> {
        self.lock()
            .iter_mut()
            .filter_map(|pad| Some((pad.pad.clone(), pad.run.take()?)))
            .collect()
    }

    /// See [`Outlet::wake`].
    pub fn wake(&self, pad: &gst::Pad) {
        let outlet = self
            .lock()
            .iter()
            .find(|other| other.pad == *pad)
            .and_then(|pad| Some(pad.run.as_ref()?.outlet.clone()));
        if let Some(outlet) = outlet {
            outlet.wake();
        }
    }

    /// The outlets that run.
    pub fn outlets(&self) -> Vec<(K, Arc<Outlet>)> {
        self.lock()
            .iter()
            .filter_map(|pad| Some((pad.kind, pad.run.as_ref()?.outlet.clone())))
            .collect()
    }
}

/// The stream-start of a metadata pad of this name: a sparse stream beside the video.
pub fn stream_start(pad: &str, video: &gst::event::StreamStart) -> gst::Event {
    let id = format!("{}/{pad}", video.stream_id());
    gst::event::StreamStart::builder(&id)
        .flags(gst::StreamFlags::SPARSE)
        .group_id_if_some(video.group_id())
        .seqnum(video.seqnum())
        .build()
}

/// Counters of the pads that run, as a structure for each pad of its name: fields of an element's
/// `stats`.
pub fn stats<K: PadKind>(pads: &Pads<K>) -> Vec<(&'static str, gst::Structure)> {
    pads.outlets()
        .into_iter()
        .map(|(kind, outlet)| {
            let (counts, waiting) = outlet.counts();
            let pad = gst::Structure::builder(kind.name())
                .field("received", counts.received)
                .field("delivered", counts.delivered)
                .field("dropped", counts.dropped)
                .field("discarded", counts.discarded)
                .field("waiting", waiting as u64)
                .build();
            (kind.name(), pad)
        })
        .collect()
}
