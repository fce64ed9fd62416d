//! The metadata pads: at most one of each kind, each with its thread between READY and PAUSED.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::outlet::{Outlet, Stopped};

/// What a metadata pad carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Events.
    Events,
    /// One record for each frame.
    Objects,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Events, Self::Objects];

    /// Name of the pad and of its template.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Objects => "objects",
        }
    }

    /// The kind of a pad or a template.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What metadata pads offer.
pub(super) static CAPS: LazyLock<gst::Caps> = LazyLock::new(|| {
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
struct MetaPad {
    kind: Kind,
    pad: gst::Pad,
    run: Option<Run>,
}

/// Its thread.
pub(super) struct Run {
    pub outlet: Arc<Outlet>,
    thread: JoinHandle<()>,
}

impl Run {
    /// See [`Outlet::stop`].
    pub fn stop(self, patience: Duration) -> Stopped {
        self.outlet.stop(self.thread, patience)
    }
}

/// The metadata pads of one element.
#[derive(Default)]
pub(super) struct Pads(Mutex<Vec<MetaPad>>);

impl Pads {
    fn lock(&self) -> MutexGuard<'_, Vec<MetaPad>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a pad in; false if there is one of its kind.
    pub fn add(&self, kind: Kind, pad: &gst::Pad) -> bool {
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
    pub fn remove(&self, pad: &gst::Pad) -> Option<(Kind, Option<Run>)> {
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
    ) -> std::io::Result<Vec<(Kind, Arc<Outlet>)>> {
        let mut started = Vec::new();
        for pad in self.lock().iter_mut().filter(|pad| pad.run.is_none()) {
            let (outlet, thread) = Outlet::start(&pad.pad, capacity, element)?;
            started.push((pad.kind, outlet.clone()));
            pad.run = Some(Run { outlet, thread });
        }
        Ok(started)
    }

    /// Takes the threads of all pads, to stop them.
    pub fn take_runs(&self) -> Vec<(gst::Pad, Run)> {
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
    pub fn outlets(&self) -> Vec<(Kind, Arc<Outlet>)> {
        self.lock()
            .iter()
            .filter_map(|pad| Some((pad.kind, pad.run.as_ref()?.outlet.clone())))
            .collect()
    }
}
