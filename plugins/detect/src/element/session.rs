//! One run of the element from READY to PAUSED and back: the lane, and what finds the objects.

use super::details::{self, Extras};
use super::finder::{Entry, Finder, Mode, SharedThresholds};
use super::gpu::deepstream::DeepStream;
use super::gpu::memory::Memory;
use super::gpu::nvds::Nvds;
use super::network::Network;
use super::on::OnError;
use super::replay::Replay;
use super::second::{EXPECTED_OBJECTS, SecondStage};
use super::settings::{Settings, SettingsError, Task};
use super::stats::Stats;
use crate::decode::Detection;
use crate::detector::{LoadError, Timings};
use crate::model;
use crate::objects::{Answer, Plan};
use crate::preprocess::FrameFormat;
use crate::replay::{Cursor, Position, ReplayError};
use crate::schedule;
use crate::views::{Part, ViewOptions, Views};
use gst::glib;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use vigil_analytics::{BBox, classes};
use vigil_nvidia::deepstream::NvDsError;

/// What the caps say.
#[derive(Debug)]
pub(super) struct StreamFormat {
    pub info: gst_video::VideoInfo,
    pub frame: FrameFormat,
    pub memory: Memory,
    /// The parts of such a frame that are looked at.
    pub views: Views,
}

/// A frame on its way through the lane.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub buffer: gst::Buffer,
    pub format: Arc<StreamFormat>,
    /// What is to be done for its objects, where the model looks at objects.
    pub plan: Option<Arc<Plan>>,
}

impl Frame {
    /// The parts of it that the model looks at.
    pub fn parts(&self) -> Vec<Part> {
        match &self.plan {
            Some(plan) => plan.looks().collect(),
            None => self.format.views.parts().collect(),
        }
    }

    /// Whether the model has nothing to look at.
    pub fn has_nothing(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| !plan.has_looks())
    }

    /// The frame's samples, for reading.
    pub fn map(&self) -> Result<gst_video::VideoFrameRef<&gst::BufferRef>, Failure> {
        let (buffer, info) = (&self.buffer, &self.format.info);
        if self.format.memory.is_on_gpu() {
            // What mapping gives is no samples, or takes a download.
            let memory = self.format.memory.as_str();
            let text = format!("a frame in a GPU's memory ({memory}) is not read on the CPU");
            return Err(Failure::Engine(text));
        }
        gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(|_| {
            Failure::Frame(format!(
                "a buffer of {} bytes does not hold a {}x{} {} frame",
                buffer.size(),
                info.width(),
                info.height(),
                info.format(),
            ))
        })
    }
}

/// What was found on a frame.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub detections: Vec<Detection>,
    /// Where the buffer holds several pictures: each one's place in the batch, and what was found on
    /// it, in place of `detections`.
    pub batch: Vec<(usize, Vec<Detection>)>,
    pub extras: Extras,
    /// Of each look at an object, where those are looked at.
    pub answers: Vec<Answer>,
    pub timings: Timings,
}

/// Why nothing is known of a frame.
#[derive(Debug)]
pub(super) enum Failure {
    /// The buffer does not hold such a frame: the next one may.
    Frame(String),
    /// The engine failed: so it will again.
    Engine(String),
}

pub(super) type Lane = schedule::Lane<Frame, gst::Event, Result<Found, Failure>>;

/// Frames that may be in a lane, inferred or not, before it stops taking more: for a file, as many
/// as keep the workers busy, and no more than this.
pub(super) const CAPACITY: usize = 64;

/// The same of a live stream, which must not wait for a result: [`LONGEST_LATENCY`] at 90 frames a
/// second, and a few.
pub(super) const LIVE_CAPACITY: usize = 192;

/// Frames in flight of a live stream: one with the worker, and one that it finds when it is done.
pub(super) const LIVE_LIMIT: usize = 2;

/// How much longer than before frames are waited for when the model turns out to be slow.
const MORE_LATENCY: f64 = 1.5;

/// The most that latency grows to when the model is slower than in its trial.
const LONGEST_LATENCY: Duration = Duration::from_secs(2);

/// Why a session could not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Nvds(#[from] NvDsError),
}

pub(super) struct Session {
    pub lane: Arc<Lane>,
    pub finder: Box<dyn Finder>,
    pub stats: Mutex<Stats>,
    /// Where the model looks at objects.
    pub second: Option<SecondStage>,
    /// Where DeepStream's metadata is translated.
    pub nvds: Option<Nvds>,
    labels: Vec<glib::Quark>,
    views: ViewOptions,
    thresholds: SharedThresholds,
    mode: OnceLock<Mode>,
    latency_ns: AtomicU64,
    /// How often the model runs for a frame, from the first caps on.
    runs: AtomicU32,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Loads the model. Takes its time: called where the state changes.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let views = settings.focus.views()?;
        let nvds = settings.nvds.open(settings.engine)?;
        let finder: Box<dyn Finder> = match settings.check()? {
            Task::Network(options) => Box::new(Network::load(*options)?),
            Task::Replay(options) => Box::new(Replay::load(options)?),
            Task::DeepStream => Box::new(DeepStream),
        };
        if finder.classifies() && settings.focus.tiles().is_some() {
            return Err(SettingsError::from(OnError::Tiles).into());
        }
        let thresholds = settings.thresholds(finder.labels())?;
        let labels = finder.labels().iter().map(glib::Quark::from_str).collect();
        let latency = finder.latency().min(LONGEST_LATENCY);
        Ok(Self {
            lane: Arc::new(Lane::new(LIVE_LIMIT, CAPACITY)),
            finder,
            stats: Mutex::default(),
            second: settings.on.objects().map(SecondStage::new),
            nvds,
            labels,
            views,
            thresholds: SharedThresholds::new(thresholds),
            mode: OnceLock::new(),
            latency_ns: AtomicU64::new(latency.as_nanos() as u64),
            runs: AtomicU32::new(0),
        })
    }

    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    /// How the work is divided; `None` before the first frame.
    pub fn mode(&self) -> Option<Mode> {
        self.mode.get().map(|mode| self.finder.mode(*mode))
    }

    /// Starts the workers with the first frame, when it is known whether the stream is live.
    pub fn start(&self, is_live: impl FnOnce() -> bool) -> Mode {
        *self.mode.get_or_init(|| {
            let (live, patience) = (is_live(), self.latency());
            self.finder
                .start(&self.lane, &self.thresholds, live, patience)
        })
    }

    /// The parts of frames of this format that are looked at, and whether a live stream is to wait
    /// longer for its results, as the model runs for each of them.
    pub fn views(&self, frame: &FrameFormat) -> (Views, bool) {
        let views = Views::new(&self.views, frame, self.finder.input_size());
        let runs = match self.second {
            Some(_) => EXPECTED_OBJECTS,
            None => views.runs() as u32,
        };
        let before = self.runs.swap(runs, Ordering::Relaxed).max(1);
        let is_more = runs > before && !self.finder.latency().is_zero();
        if is_more {
            self.wait_for((self.latency() / before * runs).min(LONGEST_LATENCY));
        }
        (views, is_more)
    }

    /// How often the model runs for a frame; `None` before the caps, and where that is as often as
    /// there are objects.
    pub fn runs(&self) -> Option<u32> {
        let runs = self.runs.load(Ordering::Relaxed);
        (runs > 0 && self.second.is_none()).then_some(runs)
    }

    /// Objects from now on have nothing to do with those before.
    pub fn restart_objects(&self) {
        if let Some(second) = &self.second {
            second.restart();
        }
    }

    /// Takes back what was planned for the objects of a frame that passes, so that the next one has
    /// it. Streaming thread: what is planned for the next frame must not depend on when this one
    /// leaves.
    pub fn nothing_comes_of(&self, plan: Option<&Plan>) {
        if let Some((second, plan)) = self.second.as_ref().zip(plan) {
            second.undo(plan);
        }
    }

    /// What is to be done with a frame that is wanted.
    pub fn enter(&self, frame: &Frame, position: Position, cursor: &mut Cursor) -> Entry {
        self.finder.enter(frame, position, cursor, &self.thresholds)
    }

    /// Takes the lane from the workers. Waits for the frames that they are working on.
    pub fn stop(&self) {
        self.lane.shut_down();
        self.finder.stop();
    }

    /// Takes over thresholds that may change while playing.
    pub fn update(&self, settings: &Settings) -> Result<(), SettingsError> {
        if settings.focus.motion().is_some() && self.stats().memory.is_on_gpu() {
            return Err(SettingsError::MotionOnGpu);
        }
        self.thresholds
            .set(settings.thresholds(self.finder.labels())?);
        if let Some((second, options)) = self.second.as_ref().zip(settings.on.objects()) {
            second.set_options(options);
        }
        Ok(())
    }

    /// The most that a frame of a live stream waits for its result.
    pub fn latency(&self) -> Duration {
        Duration::from_nanos(self.latency_ns.load(Ordering::Relaxed))
    }

    /// Waits longer from now on, since the model is slower than it was in its trial; false where
    /// it waits as long as it may already.
    pub fn raise_latency(&self) -> bool {
        let latency = self.latency();
        if latency >= LONGEST_LATENCY {
            return false;
        }
        let longer = latency
            .mul_f64(MORE_LATENCY)
            .max(Duration::from_millis(10))
            .min(LONGEST_LATENCY);
        self.wait_for(longer);
        true
    }

    fn wait_for(&self, latency: Duration) {
        self.latency_ns
            .store(latency.as_nanos() as u64, Ordering::Relaxed);
        if self.mode().is_some_and(|mode| mode.live) {
            self.lane.set_patience(Some(latency));
        }
    }

    /// Writes what was found on the buffer.
    pub fn annotate(
        &self,
        buffer: &mut gst::BufferRef,
        found: Found,
        latency: Duration,
    ) -> Result<(), glib::BoolError> {
        let detections = self.detections(&found.detections);
        let heads = self.classes(&found.extras.details.classes);
        details::write(buffer, &detections, found.extras)?;
        classes::write(buffer, None, &heads)?;
        self.stats()
            .inferred(detections.len(), found.timings, latency);
        Ok(())
    }

    /// Names of the classes, by number.
    pub fn labels(&self) -> &[glib::Quark] {
        &self.labels
    }

    /// The name of a class.
    pub fn label(&self, class: u32) -> glib::Quark {
        match self.labels.get(class as usize) {
            Some(label) => *label,
            None => glib::Quark::from_str(model::numbered(class as usize)),
        }
    }
}

pub(super) fn bbox([x1, y1, x2, y2]: [f32; 4]) -> BBox {
    BBox {
        x: x1,
        y: y1,
        w: x2 - x1,
        h: y2 - y1,
    }
}
