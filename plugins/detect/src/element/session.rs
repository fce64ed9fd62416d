//! One run of the element from READY to PAUSED and back: the model, the lane and its workers.

use super::frame::frame_view;
use super::settings::{Settings, SettingsError};
use super::stats::Stats;
use crate::decode::{Detection, Thresholds};
use crate::detector::{Detector, LoadError, LoadOptions, LoadedModel, Timings};
use crate::engine::Runner;
use crate::preprocess::{Chroma, FrameFormat};
use crate::schedule;
use gst::glib;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use vigil_analytics::{BBox, objects};

/// What the caps say.
#[derive(Debug)]
pub(super) struct StreamFormat {
    pub info: gst_video::VideoInfo,
    pub frame: FrameFormat,
}

/// A frame on its way through the lane.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub buffer: gst::Buffer,
    pub format: Arc<StreamFormat>,
}

/// What a worker found on a frame.
#[derive(Debug)]
pub(super) struct Found {
    detections: Vec<Detection>,
    timings: Timings,
}

/// Why a worker found nothing.
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
const CAPACITY: usize = 64;

/// The same of a live stream, which must not wait for a result: [`LONGEST_LATENCY`] at 90 frames a
/// second, and a few.
const LIVE_CAPACITY: usize = 192;

/// Frames in flight of a live stream: one with the worker, and one that it finds when it is done.
const LIVE_LIMIT: usize = 2;

/// How much longer than in its trial a live model may take before frames are given up.
const LATENCY_MARGIN: f64 = 1.5;

/// The most that latency grows to when the model is slower than in its trial.
const LONGEST_LATENCY: Duration = Duration::from_secs(2);

/// Why a session could not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// How the work is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub live: bool,
    pub workers: usize,
    pub threads_per_worker: usize,
}

pub(super) struct Session {
    pub lane: Arc<Lane>,
    pub loaded: Arc<LoadedModel>,
    pub stats: Mutex<Stats>,
    options: LoadOptions,
    /// As it was when the state changed; it may change while playing.
    interval: u32,
    chroma: Chroma,
    labels: Vec<glib::Quark>,
    thresholds: Arc<Mutex<Arc<Thresholds>>>,
    /// The trial's runner, until the first worker takes it.
    runner: Mutex<Option<Box<dyn Runner>>>,
    mode: OnceLock<Mode>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    latency_ns: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Loads the model. Takes its time: called where the state changes.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let options = settings.check()?;
        let (loaded, runner) = LoadedModel::load(&options)?;
        let thresholds = settings.thresholds(&loaded.spec)?;
        let labels = loaded
            .spec
            .labels
            .iter()
            .map(glib::Quark::from_str)
            .collect();
        let latency = loaded.run_time.mul_f64(LATENCY_MARGIN * LIVE_LIMIT as f64);
        Ok(Self {
            lane: Arc::new(Lane::new(LIVE_LIMIT, CAPACITY)),
            latency_ns: AtomicU64::new(latency.min(LONGEST_LATENCY).as_nanos() as u64),
            loaded: Arc::new(loaded),
            stats: Mutex::default(),
            chroma: settings.chroma_resampler.into(),
            options,
            interval: settings.interval,
            labels,
            thresholds: Arc::new(Mutex::new(Arc::new(thresholds))),
            runner: Mutex::new(Some(runner)),
            mode: OnceLock::new(),
            workers: Mutex::default(),
        })
    }

    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    /// How the work is divided; `None` before the first frame.
    pub fn mode(&self) -> Option<Mode> {
        self.mode.get().copied()
    }

    /// Starts the workers with the first frame, when it is known whether the stream is live.
    ///
    /// A live stream has one worker with all threads, for the shortest latency. A file has one
    /// worker for each thread: inference on one thread each uses the cores best, and
    /// preprocessing and decoding overlap it.
    pub fn start(&self, is_live: impl FnOnce() -> bool) -> Mode {
        *self.mode.get_or_init(|| {
            let threads = self.options.threads;
            let mode = if is_live() {
                self.lane.set_limit(LIVE_LIMIT);
                self.lane.set_capacity(LIVE_CAPACITY);
                self.lane.set_patience(Some(self.latency()));
                Mode {
                    live: true,
                    workers: 1,
                    threads_per_worker: threads,
                }
            } else {
                let limit = 2 * threads;
                self.lane.set_limit(limit);
                // Beside each frame for the workers there are those that `interval` passes.
                let per_inferred = 1 + self.interval as usize;
                let capacity = limit.saturating_mul(2).saturating_mul(per_inferred);
                self.lane.set_capacity(capacity.min(CAPACITY));
                Mode {
                    live: false,
                    workers: threads,
                    threads_per_worker: 1,
                }
            };
            let mut trial = lock(&self.runner).take();
            if mode.threads_per_worker != threads {
                trial = None;
            }
            let workers = (0..mode.workers).map(|i| self.spawn(i, mode, trial.take()));
            *lock(&self.workers) = workers.collect();
            mode
        })
    }

    fn spawn(&self, i: usize, mode: Mode, runner: Option<Box<dyn Runner>>) -> JoinHandle<()> {
        let worker = Worker {
            lane: self.lane.clone(),
            loaded: self.loaded.clone(),
            thresholds: self.thresholds.clone(),
            threads: mode.threads_per_worker,
            chroma: self.chroma,
        };
        let work = move || worker.run(runner);
        match std::thread::Builder::new()
            .name(format!("vigildetect{i}"))
            .spawn(work)
        {
            Ok(handle) => handle,
            // Without threads there is no process to speak of; an empty one keeps the count.
            Err(_) => std::thread::spawn(|| {}),
        }
    }

    /// Ends the workers. Waits for the frames that they are working on.
    pub fn stop(&self) {
        self.lane.shut_down();
        for worker in lock(&self.workers).drain(..) {
            // A worker that panicked has reported it as the result of its frame.
            let _ = worker.join();
        }
    }

    /// Takes over thresholds that may change while playing.
    pub fn update(&self, settings: &Settings) -> Result<(), SettingsError> {
        let thresholds = settings.thresholds(&self.loaded.spec)?;
        *lock(&self.thresholds) = Arc::new(thresholds);
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
            .mul_f64(LATENCY_MARGIN)
            .max(Duration::from_millis(10))
            .min(LONGEST_LATENCY);
        self.latency_ns
            .store(longer.as_nanos() as u64, Ordering::Relaxed);
        self.lane.set_patience(Some(longer));
        true
    }

    /// Writes what was found on the buffer.
    pub fn annotate(
        &self,
        buffer: &mut gst::BufferRef,
        found: &Found,
        latency: Duration,
    ) -> Result<(), glib::BoolError> {
        let detections: Vec<_> = found
            .detections
            .iter()
            .map(|detection| objects::Detection {
                label: self.label(detection.class),
                bbox: bbox(detection.xyxy),
                confidence: detection.score,
            })
            .collect();
        objects::write_detections(buffer, &detections)?;
        self.stats()
            .inferred(detections.len(), found.timings, latency);
        Ok(())
    }

    fn label(&self, class: u32) -> glib::Quark {
        match self.labels.get(class as usize) {
            Some(label) => *label,
            None => glib::Quark::from_str(self.loaded.spec.label(class).as_ref()),
        }
    }
}

fn bbox([x1, y1, x2, y2]: [f32; 4]) -> BBox {
    BBox {
        x: x1,
        y: y1,
        w: x2 - x1,
        h: y2 - y1,
    }
}

/// One worker thread.
struct Worker {
    lane: Arc<Lane>,
    loaded: Arc<LoadedModel>,
    thresholds: Arc<Mutex<Arc<Thresholds>>>,
    threads: usize,
    chroma: Chroma,
}

impl Worker {
    fn run(self, runner: Option<Box<dyn Runner>>) {
        let mut detector = match runner {
            Some(runner) => Ok(Detector::new(&self.loaded.spec, runner, self.chroma)),
            None => self.loaded.detector(self.threads, self.chroma),
        };
        while let Some(job) = self.lane.take() {
            let result = match &mut detector {
                Ok(detector) => {
                    let thresholds = lock(&self.thresholds).clone();
                    // An engine that panics must cost an error, not the frame and the pipeline.
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        detect(detector, &job.frame, &thresholds)
                    }))
                    .unwrap_or_else(|panic| {
                        Err(Failure::Engine(format!("panic: {}", panic_text(&panic))))
                    })
                }
                Err(error) => Err(Failure::Engine(error.to_string())),
            };
            self.lane.finish(job, result);
        }
    }
}

fn panic_text(panic: &Box<dyn std::any::Any + Send>) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of unknown type")
}

fn detect(
    detector: &mut Detector,
    frame: &Frame,
    thresholds: &Thresholds,
) -> Result<Found, Failure> {
    let mapped =
        gst_video::VideoFrameRef::from_buffer_ref_readable(&frame.buffer, &frame.format.info)
            .map_err(|_| {
                Failure::Frame(format!(
                    "a buffer of {} bytes does not hold a {}x{} {} frame",
                    frame.buffer.size(),
                    frame.format.info.width(),
                    frame.format.info.height(),
                    frame.format.info.format(),
                ))
            })?;
    let view = frame_view(frame.format.frame, &mapped)
        .map_err(|error| Failure::Frame(error.to_string()))?;
    let mut detections = Vec::new();
    let timings = detector
        .detect(&view, thresholds, &mut detections)
        .map_err(|error| Failure::Engine(error.to_string()))?;
    Ok(Found {
        detections,
        timings,
    })
}
