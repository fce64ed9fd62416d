//! A network as a [`Finder`]: the workers of a [`SharedNetwork`] preprocess, infer and decode.

use super::ModeChoice;
use super::details::NEEDS_V1_26;
use super::finder::{Entry, Finder, Mode, SharedThresholds};
use super::inference::StreamTerms;
use super::session::{CAPACITY, Frame, LIVE_CAPACITY, LIVE_LIMIT, Lane, lock};
use super::shared::SharedNetwork;
use crate::detector::{LoadError, LoadOptions};
use crate::model::Task;
use crate::preprocess::{Fit, Resize, Sampling};
use crate::replay::{Cursor, Position};
use crate::schedule::{self, Division, PoolStats, Terms};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How much longer than in its trial a live model may take before frames are given up.
const LATENCY_MARGIN: f64 = 1.5;

/// How to set a network up.
pub(super) struct NetworkOptions {
    pub load: LoadOptions,
    pub sampling: Sampling,
    /// As it was when the state changed; it may change while playing.
    pub interval: u32,
    /// What the threads are to be divided for.
    pub mode: ModeChoice,
    /// How long a frame may wait for others of its run.
    pub batch_timeout: Duration,
    /// Whether the model's outputs go with each frame.
    pub attach_tensors: bool,
}

/// One element's part in a network.
pub(super) struct Network {
    shared: Arc<SharedNetwork>,
    options: NetworkOptions,
    /// From the first frame on, until the end.
    lane: Mutex<Option<Arc<Lane>>>,
    /// How the workers were at the end.
    last: Mutex<Option<PoolStats>>,
    /// Pictures that were sent from system memory to a GPU's.
    uploads: Arc<AtomicU64>,
}

impl Network {
    /// Loads the model, where no other element has. Takes its time.
    pub fn load(options: NetworkOptions) -> Result<Self, LoadError> {
        Ok(Self {
            shared: SharedNetwork::get(&options.load)?,
            options,
            lane: Mutex::default(),
            last: Mutex::default(),
            uploads: Arc::default(),
        })
    }

    /// How the threads would be divided for this stream alone.
    fn division(&self, live: bool) -> Division {
        let loaded = &self.shared.loaded;
        // A GPU's threads are its own business: there is nothing to bundle for latency.
        let mode = match loaded.engine.kind().is_on_gpu() {
            true => schedule::Mode::Throughput,
            false => self.options.mode.of_stream(live),
        };
        Division::new(mode, self.shared.threads, loaded.batch)
    }

    /// How the workers are, or were at the end; `None` before the first frame.
    fn pool_stats(&self) -> Option<PoolStats> {
        let is_served = lock(&self.lane).is_some();
        is_served
            .then(|| self.shared.pool.stats())
            .or_else(|| *lock(&self.last))
    }
}

impl Finder for Network {
    fn engine(&self) -> &'static str {
        self.shared.loaded.engine.kind().as_str()
    }

    fn reason(&self) -> &str {
        &self.shared.loaded.reason
    }

    fn summary(&self) -> String {
        let spec = &self.shared.loaded.spec;
        let doubts: String = (spec.doubts.iter())
            .map(|kind| format!(" (or {}, if head says so)", kind.as_str()))
            .collect();
        let several = (self.shared.loaded.several.iter())
            .map(|s| {
                format!(
                    ", {:.2} times as many frames in runs of {}",
                    s.gain, s.batch
                )
            })
            .collect::<String>();
        format!(
            "{} model{doubts}, input {}x{}, {} classes ({}), {:?} a run{several}",
            spec.kind.as_str(),
            spec.input.width,
            spec.input.height,
            spec.labels.len(),
            spec.labels_source.as_str(),
            self.shared.loaded.run_time,
        )
    }

    fn labels(&self) -> &[String] {
        &self.shared.loaded.spec.labels
    }

    fn input_size(&self) -> Option<(u32, u32)> {
        let input = &self.shared.loaded.spec.input;
        Some((input.width, input.height))
    }

    fn classifies(&self) -> bool {
        self.shared.loaded.spec.head.class_heads().is_some()
    }

    fn add_to(&self, structure: &mut gst::StructureRef) {
        let spec = &self.shared.loaded.spec;
        structure.set("precision", self.options.load.precision.as_str());
        structure.set("head", spec.kind.as_str());
        if self.shared.loaded.engine.kind().is_on_gpu() {
            structure.set("device", self.options.load.device);
            structure.set("uploads", self.uploads.load(Ordering::Relaxed));
        }
        structure.set("input-width", spec.input.width);
        structure.set("input-height", spec.input.height);
        structure.set("labels-source", spec.labels_source.as_str());
        if let Some(stats) = self.pool_stats() {
            structure.set("mode", stats.division.mode.as_str());
            structure.set("streams", stats.lanes as u32);
            structure.set("waiting", stats.waiting as u32);
            structure.set("batch-size", stats.division.batch as u32);
            let per_run = stats.frames as f64 / stats.runs.max(1) as f64;
            structure.set("frames-per-run", per_run);
        }
    }

    fn notes(&self) -> Vec<String> {
        let lost = match self.shared.loaded.spec.head.task() {
            Some(Task::Segment { .. }) => "masks are not attached",
            Some(Task::Oriented) => "of turned boxes the upright hull is attached",
            _ => return Vec::new(),
        };
        let note = NEEDS_V1_26.map(|why| format!("{lost}, boxes are: {why}"));
        note.into_iter().collect()
    }

    fn refuses_gpu_memory(&self) -> Option<String> {
        let kind = self.shared.loaded.engine.kind();
        if !kind.is_on_gpu() {
            return Some(format!(
                "engine {} reads frames in system memory: engine=tensorrt reads them on the GPU",
                kind.as_str()
            ));
        }
        if self.options.attach_tensors {
            return Some("property attach-tensors is true, for which the CPU reads frames".into());
        }
        if self.shared.loaded.spec.input.fit == Fit::CentreCrop {
            return Some("pictures are fitted in by centre-crop, which the CPU does".into());
        }
        (self.options.sampling.resize == Resize::Area)
            .then(|| "property resize is area, which the CPU does: leave it at bilinear".into())
    }

    fn latency(&self) -> Duration {
        // The trial was of one picture on all threads.
        let Division { mode, batch, .. } = self.division(true);
        let slower = match mode {
            // Larger runs take little longer there.
            _ if self.shared.loaded.engine.kind().is_on_gpu() => self.shared.threads,
            schedule::Mode::Latency => batch,
            schedule::Mode::Throughput => batch * self.shared.threads,
        };
        let wait = match batch {
            1 => Duration::ZERO,
            _ => self.options.batch_timeout,
        };
        let runs = LATENCY_MARGIN * (LIVE_LIMIT * slower) as f64;
        self.shared.loaded.run_time.mul_f64(runs) + wait
    }

    fn start(
        &self,
        lane: &Arc<Lane>,
        thresholds: &SharedThresholds,
        live: bool,
        patience: Duration,
    ) -> Mode {
        let division = self.division(live);
        if live {
            // A frame for each that may be worked on, and one that is found then.
            lane.set_limit(match division.mode {
                schedule::Mode::Latency => LIVE_LIMIT,
                schedule::Mode::Throughput => division.in_flight() / 2 + 1,
            });
            lane.set_capacity(LIVE_CAPACITY);
            lane.set_patience(Some(patience));
        }
        let stream = StreamTerms {
            thresholds: thresholds.clone(),
            sampling: self.options.sampling,
            attach_tensors: self.options.attach_tensors,
            uploads: self.uploads.clone(),
        };
        let terms = Terms {
            live,
            mode: division.mode,
            wait: self.options.batch_timeout,
            // Beside each frame for the workers there are those that `interval` passes.
            entries_per_frame: (self.options.interval as usize).saturating_add(1),
            most_entries: CAPACITY,
        };
        self.shared.pool.join(lane, stream, terms);
        *lock(&self.lane) = Some(lane.clone());
        self.mode(Mode {
            live,
            workers: 1,
            threads_per_worker: 1,
        })
    }

    fn mode(&self, at_start: Mode) -> Mode {
        match self.pool_stats() {
            Some(PoolStats { division, .. }) => Mode {
                workers: division.workers,
                threads_per_worker: division.threads,
                ..at_start
            },
            None => at_start,
        }
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
        let stats = self.pool_stats();
        let Some(lane) = lock(&self.lane).take() else {
            return;
        };
        *lock(&self.last) = stats;
        self.shared.pool.leave(&lane);
        lane.wait_for_workers();
    }
}
