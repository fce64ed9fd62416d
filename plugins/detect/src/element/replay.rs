//! A recording as a [`Finder`]: frames get what was recorded at their time.
//!
//! Looking that up takes microseconds, so it is done on the streaming thread, and no worker is
//! needed.

use super::finder::{Entry, Finder, SharedThresholds};
use super::session::{Failure, Found, Frame};
use super::settings::ReplayOptions;
use crate::model;
use crate::replay::{Clock, Cursor, Position, Rate, Recorded, Recording, ReplayError};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A recording, and how much of it was used.
pub(super) struct Replay {
    recording: Recording,
    reason: String,
    matched: AtomicU64,
    unmatched: AtomicU64,
    skipped: AtomicU64,
    warned_of_rate: AtomicBool,
}

impl Replay {
    /// Reads the file. Takes its time.
    pub fn load(options: ReplayOptions) -> Result<Self, ReplayError> {
        let mut recording = Recording::load(&options.file, options.labels)?;
        recording.add_labels(model::class_items(&options.classes));
        Ok(Self {
            reason: reason(&recording),
            recording,
            matched: AtomicU64::new(0),
            unmatched: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            warned_of_rate: AtomicBool::new(false),
        })
    }

    fn recorded_rate(&self) -> Option<Rate> {
        self.recording.info().and_then(|info| info.rate)
    }
}

fn reason(recording: &Recording) -> String {
    let times = match (recording.clock(), recording.info()) {
        (Clock::Pts, _) => "by PTS".into(),
        (Clock::StreamTime, _) => "by stream time".into(),
        (Clock::FrameNumber, None) => "by number".into(),
        (Clock::FrameNumber, Some(info)) => format!("by number, with {}", info.path.display()),
    };
    format!(
        "{}: asked for; {}, {} frames recorded {times}",
        recording.path().display(),
        recording.format().as_str(),
        recording.records(),
    )
}

/// The rate that the caps say; `None` for a variable one.
fn rate_of(info: &gst_video::VideoInfo) -> Option<Rate> {
    let fps = info.fps();
    let part = |part: i32| u32::try_from(part).ok();
    Rate::new(part(fps.numer())?, part(fps.denom())?)
}

impl Finder for Replay {
    fn engine(&self) -> &'static str {
        "replay"
    }

    fn reason(&self) -> &str {
        &self.reason
    }

    fn summary(&self) -> String {
        let labels = self.recording.labels();
        format!(
            "{} labels ({})",
            labels.len(),
            self.recording.labels_source()
        )
    }

    fn labels(&self) -> &[String] {
        self.recording.labels()
    }

    fn add_to(&self, structure: &mut gst::StructureRef) {
        structure.set("labels-source", self.recording.labels_source());
        structure.set("records", self.recording.records() as u64);
        for (name, counter) in [
            ("matched", &self.matched),
            ("unmatched", &self.unmatched),
            ("skipped-unrecorded", &self.skipped),
        ] {
            structure.set(name, counter.load(Ordering::Relaxed));
        }
    }

    fn warnings(&self) -> &[String] {
        self.recording.warnings()
    }

    fn check_format(&self, info: &gst_video::VideoInfo) -> Result<Option<String>, String> {
        if self.recording.clock() != Clock::FrameNumber {
            return Ok(None);
        }
        let path = self.recording.path().display();
        match (rate_of(info), self.recorded_rate()) {
            (None, None) => Err(format!(
                "property model: {path} numbers its frames, so their rate must be known, but these \
                 caps have a variable one (framerate=0/1): put a seqinfo.ini with frameRate=… \
                 beside it, or videorate and caps with a framerate before vigildetect"
            )),
            (Some(caps), Some(recorded)) if caps.differs_from(recorded) => {
                let is_news = !self.warned_of_rate.swap(true, Ordering::Relaxed);
                Ok(is_news.then(|| {
                    format!(
                        "{path} was recorded at {} frames per second, and this video has {}: its \
                         n-th frame gets what was recorded of the n-th; if frames were dropped or \
                         repeated, use the video as it was",
                        recorded.fps(),
                        caps.fps(),
                    )
                }))
            }
            _ => Ok(None),
        }
    }

    fn refuses_gpu_memory(&self) -> Option<String> {
        None
    }

    fn enter(
        &self,
        frame: &Frame,
        position: Position,
        cursor: &mut Cursor,
        thresholds: &SharedThresholds,
    ) -> Entry {
        if position.pts.is_none() {
            return Entry::Done(Box::new(Err(Failure::Frame(
                "a buffer without PTS: what was recorded at its time cannot be known".into(),
            ))));
        }
        let info = &frame.format.info;
        let recorded = self.recording.find(position, rate_of(info), cursor);
        let has_record = match recorded {
            Recorded::Looked(found) => found.is_recorded(),
            Recorded::Skipped(has_record) => has_record,
        };
        let counter = if has_record {
            &self.matched
        } else {
            &self.unmatched
        };
        counter.fetch_add(1, Ordering::Relaxed);
        match recorded {
            Recorded::Looked(found) => {
                let size = (info.width(), info.height());
                let mut detections = found.detections(size, &thresholds.get());
                frame.format.views.keep_inside(&mut detections);
                Entry::Done(Box::new(Ok(Found {
                    detections,
                    ..Default::default()
                })))
            }
            Recorded::Skipped(_) => {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                Entry::Pass
            }
        }
    }
}
