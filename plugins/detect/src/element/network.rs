//! A network as a [`Finder`]: workers preprocess, infer and decode.

use super::details::{Extras, NEEDS_V1_26};
use super::finder::{Entry, Finder, Mode, SharedThresholds};
use super::frame::frame_view;
use super::session::{CAPACITY, Failure, Found, Frame, LIVE_CAPACITY, LIVE_LIMIT, Lane, lock};
use crate::decode::Thresholds;
use crate::detector::{Detector, LoadError, LoadOptions, LoadedModel};
use crate::engine::Runner;
use crate::model::Task;
use crate::preprocess::Chroma;
use crate::replay::{Cursor, Position};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How much longer than in its trial a live model may take before frames are given up.
const LATENCY_MARGIN: f64 = 1.5;

/// How to set a network up.
pub(super) struct NetworkOptions {
    pub load: LoadOptions,
    pub chroma: Chroma,
    /// As it was when the state changed; it may change while playing.
    pub interval: u32,
    /// Whether the model's outputs go with each frame.
    pub attach_tensors: bool,
}

/// A model that an engine has loaded, and the workers that run it.
pub(super) struct Network {
    loaded: Arc<LoadedModel>,
    options: NetworkOptions,
    /// The trial's runner, until the first worker takes it.
    runner: Mutex<Option<Box<dyn Runner>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Network {
    /// Loads the model. Takes its time.
    pub fn load(options: NetworkOptions) -> Result<Self, LoadError> {
        let (loaded, runner) = LoadedModel::load(&options.load)?;
        Ok(Self {
            loaded: Arc::new(loaded),
            options,
            runner: Mutex::new(Some(runner)),
            workers: Mutex::default(),
        })
    }

    /// A live stream has one worker with all threads, for the shortest latency. A file has one
    /// worker for each thread: inference on one thread each uses the cores best, and preprocessing
    /// and decoding overlap it.
    fn divide(&self, lane: &Lane, live: bool, patience: Duration) -> Mode {
        let threads = self.options.load.threads;
        if live {
            lane.set_limit(LIVE_LIMIT);
            lane.set_capacity(LIVE_CAPACITY);
            lane.set_patience(Some(patience));
            return Mode {
                live: true,
                workers: 1,
                threads_per_worker: threads,
            };
        }
        let limit = 2 * threads;
        lane.set_limit(limit);
        // Beside each frame for the workers there are those that `interval` passes.
        let per_inferred = 1 + self.options.interval as usize;
        let capacity = limit.saturating_mul(2).saturating_mul(per_inferred);
        lane.set_capacity(capacity.min(CAPACITY));
        Mode {
            live: false,
            workers: threads,
            threads_per_worker: 1,
        }
    }
}

impl Finder for Network {
    fn engine(&self) -> &'static str {
        self.loaded.engine.kind().as_str()
    }

    fn reason(&self) -> &str {
        &self.loaded.reason
    }

    fn summary(&self) -> String {
        let spec = &self.loaded.spec;
        let doubts: String = (spec.doubts.iter())
            .map(|kind| format!(" (or {}, if head says so)", kind.as_str()))
            .collect();
        format!(
            "{} model{doubts}, input {}x{}, {} classes ({}), {:?} a run",
            spec.kind.as_str(),
            spec.input.width,
            spec.input.height,
            spec.labels.len(),
            spec.labels_source.as_str(),
            self.loaded.run_time,
        )
    }

    fn labels(&self) -> &[String] {
        &self.loaded.spec.labels
    }

    fn add_to(&self, structure: &mut gst::StructureRef) {
        let spec = &self.loaded.spec;
        structure.set("precision", self.options.load.precision.as_str());
        structure.set("head", spec.kind.as_str());
        structure.set("input-width", spec.input.width);
        structure.set("input-height", spec.input.height);
        structure.set("labels-source", spec.labels_source.as_str());
    }

    fn notes(&self) -> Vec<String> {
        let lost = match self.loaded.spec.head.task() {
            Some(Task::Segment { .. }) => "masks are not attached",
            Some(Task::Oriented) => "of turned boxes the upright hull is attached",
            _ => return Vec::new(),
        };
        let note = NEEDS_V1_26.map(|why| format!("{lost}, boxes are: {why}"));
        note.into_iter().collect()
    }

    fn latency(&self) -> Duration {
        let runs = LATENCY_MARGIN * LIVE_LIMIT as f64;
        self.loaded.run_time.mul_f64(runs)
    }

    fn start(
        &self,
        lane: &Arc<Lane>,
        thresholds: &SharedThresholds,
        live: bool,
        patience: Duration,
    ) -> Mode {
        let mode = self.divide(lane, live, patience);
        (self.loaded.engine).plan_runners(mode.workers, mode.threads_per_worker);
        let mut trial = lock(&self.runner).take();
        if mode.threads_per_worker != self.options.load.threads {
            trial = None;
        }
        let workers = (0..mode.workers).map(|i| {
            let worker = Worker {
                lane: lane.clone(),
                loaded: self.loaded.clone(),
                thresholds: thresholds.clone(),
                threads: mode.threads_per_worker,
                chroma: self.options.chroma,
                attach_tensors: self.options.attach_tensors,
            };
            worker.spawn(i, trial.take())
        });
        *lock(&self.workers) = workers.collect();
        mode
    }

    fn enter(
        &self,
        _frame: &Frame,
        _position: Position,
        _cursor: &mut Cursor,
        _thresholds: &SharedThresholds,
    ) -> Entry {
        Entry::Work
    }

    fn stop(&self) {
        for worker in lock(&self.workers).drain(..) {
            // A worker that panicked has reported it as the result of its frame.
            let _ = worker.join();
        }
    }
}

/// One worker thread.
struct Worker {
    lane: Arc<Lane>,
    loaded: Arc<LoadedModel>,
    thresholds: SharedThresholds,
    threads: usize,
    chroma: Chroma,
    attach_tensors: bool,
}

impl Worker {
    fn spawn(self, i: usize, runner: Option<Box<dyn Runner>>) -> JoinHandle<()> {
        let work = move || self.run(runner);
        match std::thread::Builder::new()
            .name(format!("vigildetect{i}"))
            .spawn(work)
        {
            Ok(handle) => handle,
            // Without threads there is no process to speak of; an empty one keeps the count.
            Err(_) => std::thread::spawn(|| {}),
        }
    }

    fn run(self, runner: Option<Box<dyn Runner>>) {
        let mut detector = match runner {
            Some(runner) => Ok(Detector::new(&self.loaded.spec, runner, self.chroma)),
            None => self.loaded.detector(self.threads, self.chroma),
        };
        if let Ok(detector) = &mut detector {
            detector.want_masks(NEEDS_V1_26.is_none());
            detector.keep_outputs(self.attach_tensors);
        }
        while let Some(job) = self.lane.take() {
            let result = match &mut detector {
                Ok(detector) => {
                    let thresholds = self.thresholds.get();
                    // An engine that panics must cost an error, not the frame and the pipeline.
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        detect(detector, &job.frame, &thresholds).map(|found| Found {
                            extras: extras(detector, &self.loaded),
                            ..found
                        })
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

/// What goes with the detections of the frame that was looked at last.
fn extras(detector: &mut Detector, loaded: &LoadedModel) -> Extras {
    let names = loaded.output_names.iter().cloned();
    Extras {
        details: detector.take_details(),
        tensors: names.zip(detector.take_outputs()).collect(),
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
        ..Found::default()
    })
}
