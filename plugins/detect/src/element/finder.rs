//! What turns frames into detections: a network on worker threads, or a recording.

use super::session::{Failure, Found, Frame, LIVE_CAPACITY, Lane};
use crate::decode::Thresholds;
use crate::replay::{Cursor, Position};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Frames of a file that may wait to leave: enough to let both threads run.
const FILE_CAPACITY: usize = 4;

/// How the work is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub live: bool,
    pub workers: usize,
    pub threads_per_worker: usize,
}

/// Thresholds that may change while playing: settings write them, every frame reads them.
#[derive(Clone)]
pub(super) struct SharedThresholds(Arc<Mutex<Arc<Thresholds>>>);

impl SharedThresholds {
    pub fn new(thresholds: Thresholds) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(thresholds))))
    }

    pub fn get(&self) -> Arc<Thresholds> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn set(&self, thresholds: Thresholds) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(thresholds);
    }
}

/// What becomes of a frame that is to have its objects found.
pub(super) enum Entry {
    /// Workers find them.
    Work,
    /// It is known already.
    Done(Box<Result<Found, Failure>>),
    /// It goes on as one that nobody looked at.
    Pass,
}

/// What turns frames into detections. It is made where the state changes, and called from there
/// where it does not say otherwise.
pub(super) trait Finder: Send + Sync {
    /// Name of the engine, as the property has it.
    fn engine(&self) -> &'static str;

    /// Why this engine, in one line.
    fn reason(&self) -> &str;

    /// What it works with, for the log.
    fn summary(&self) -> String;

    /// Names of the classes, by id.
    fn labels(&self) -> &[String];

    /// Width and height of the picture that it looks at; `None` where it looks at none.
    fn input_size(&self) -> Option<(u32, u32)> {
        None
    }

    /// Whether it says what a picture is of, and not where something is on it.
    fn classifies(&self) -> bool {
        false
    }

    /// Adds what it knows of itself to the property `stats`. Any thread.
    fn add_to(&self, structure: &mut gst::StructureRef);

    /// What a user should know of what was loaded.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// What the log should say once.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it can work on frames like these: `Ok` with a warning where there is reason for
    /// one, `Err` with what is wrong and what would be right. Streaming thread.
    fn check_format(&self, _info: &gst_video::VideoInfo) -> Result<Option<String>, String> {
        Ok(None)
    }

    /// Why it does not take frames in a GPU's memory, and what would; `None` where it does.
    fn refuses_gpu_memory(&self) -> Option<String> {
        Some(format!(
            "engine {} reads frames in system memory: engine=tensorrt reads them on the GPU",
            self.engine()
        ))
    }

    /// The most that a frame of a live stream waits for its result at first.
    fn latency(&self) -> Duration {
        Duration::ZERO
    }

    /// Starts its workers and gives the lane its limits, with the first frame. `patience` is how
    /// long a live frame waits for its result. Streaming thread.
    ///
    /// One that has no workers needs only little room for frames.
    fn start(
        &self,
        lane: &Arc<Lane>,
        _thresholds: &SharedThresholds,
        live: bool,
        _patience: Duration,
    ) -> Mode {
        lane.set_capacity(if live { LIVE_CAPACITY } else { FILE_CAPACITY });
        Mode {
            live,
            workers: 0,
            threads_per_worker: 0,
        }
    }

    /// What is to be done with a frame. Streaming thread: must not take long.
    fn enter(
        &self,
        frame: &Frame,
        position: Position,
        cursor: &mut Cursor,
        thresholds: &SharedThresholds,
    ) -> Entry;

    /// How the work is divided now, if not as it was at the start. Any thread.
    fn mode(&self, at_start: Mode) -> Mode {
        at_start
    }

    /// Waits for its workers to be done with the lane, once that is shut down.
    fn stop(&self) {}
}
