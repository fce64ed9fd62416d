//! Identities by what objects look like, on GStreamer's side: frames, the model's thread, troubles.
//!
//! All of it runs on the streaming thread, which copies the parts of a frame that are to be looked
//! at. Looking at them is the worker's. A live stream never waits for it: what it has said by the
//! next look is taken in then. Any other stream waits where a vector decides on an identity, so that
//! the same file gives the same identities each time.

use super::settings::Settings;
use crate::appearance::model::{LoadError, Model};
use crate::appearance::{Identities, Job, Outcome, Request, Worker};
use crate::track::{Detection, Ended, Time, TrackedObject};
use gstvigildetect::engine::EngineError;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use vigil_analytics::frame::FrameFormat;
use vigil_analytics::frame::video;

/// Why there is no model, in words that a user can do something with.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppearanceError {
    #[error("{0}")]
    Settings(String),
    #[error("property appearance: {0}")]
    Model(#[from] LoadError),
    #[error("property appearance: {0}")]
    Engine(#[from] EngineError),
    #[error("property appearance: no thread for the model: {0}")]
    Thread(#[from] std::io::Error),
}

/// What a user should know, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There are no pictures to look at.
    NoPictures(String),
    /// The model gives nothing.
    Failed(String),
}

/// Frames that can be read.
struct Pictures {
    info: gst_video::VideoInfo,
    format: FrameFormat,
}

/// Identities of a stream.
pub(super) struct Appearance {
    worker: Worker,
    identities: Identities,
    reason: String,
    pictures: Result<Pictures, String>,
    /// Nobody waits for vectors: the stream is live.
    hurry: bool,
    requests: Vec<Request>,
    /// Those that were told of, by kind.
    told: [bool; 2],
    trouble: Option<Trouble>,
}

impl Appearance {
    /// Loads the model; `None` where there is to be none.
    pub fn new(settings: &Settings) -> Result<Option<Self>, AppearanceError> {
        let options = settings.appearance_model();
        let Some(options) = options.map_err(AppearanceError::Settings)? else {
            return Ok(None);
        };
        let model = Model::get(&options)?;
        let reason = model.reason.clone();
        Ok(Some(Self {
            worker: Worker::new(Box::new(model.embedder()?))?,
            identities: Identities::new(settings.appearance_rules()),
            reason,
            pictures: Err("there are no caps".into()),
            hurry: false,
            requests: Vec::new(),
            told: [false; 2],
            trouble: None,
        }))
    }

    pub fn configure(&mut self, settings: &Settings) {
        self.identities.set_rules(settings.appearance_rules());
    }

    /// While `stop` is set no thread waits for the model.
    pub fn set_stop(&mut self, stop: Arc<AtomicBool>) {
        self.worker.set_stop(stop);
    }

    /// Whether the stream is live.
    pub fn set_live(&mut self, live: bool) {
        self.hurry = live;
    }

    /// Takes over new caps.
    pub fn set_caps(&mut self, caps: &gst::CapsRef) {
        self.pictures = pictures(caps);
    }

    /// A buffer that was looked at: puts identities in place of the tracker's numbers, and leaves out
    /// tracks whose identity is not known yet.
    pub fn update(
        &mut self,
        buffer: &gst::BufferRef,
        time: Time,
        detections: &[Detection],
        tracked: &mut Vec<TrackedObject>,
    ) {
        let identities = &mut self.identities;
        // Without a hurry what was sent with the look before is taken in now, not sooner or later.
        match self.hurry {
            true => self.worker.read(&mut |job| take(identities, job)),
            false => self.worker.read_all(&mut |job| take(identities, job)),
        }
        identities.see(time, tracked);
        self.look(buffer, time, detections, tracked);
        let identities = &mut self.identities;
        if !self.hurry && identities.is_waiting() {
            self.worker.read_all(&mut |job| take(identities, job));
        }
        identities.settle(time);
        identities.publish(tracked);
    }

    /// A buffer that was not looked at.
    pub fn coast(&self, tracked: &mut Vec<TrackedObject>) {
        self.identities.publish(tracked);
    }

    /// Sends crops of this frame on their way.
    fn look(
        &mut self,
        buffer: &gst::BufferRef,
        time: Time,
        detections: &[Detection],
        tracked: &[TrackedObject],
    ) {
        let pictures = match &self.pictures {
            Ok(pictures) => pictures,
            // Whoever tracks nothing needs no pictures.
            Err(_) if tracked.is_empty() || self.told[0] => return,
            Err(why) => {
                let trouble = Trouble::NoPictures(why.clone());
                return self.tell(0, trouble);
            }
        };
        let size = (pictures.format.width as f32, pictures.format.height as f32);
        let all = (tracked, detections);
        (self.identities).wanted(time, all, size, self.hurry, &mut self.requests);
        // A frame is only mapped where there is something to look at.
        if self.requests.is_empty() {
            return;
        }
        let mapped = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &pictures.info);
        let view = mapped
            .as_ref()
            .map_err(|error| error.to_string())
            .and_then(|frame| {
                video::frame_view(pictures.format, frame).map_err(|error| error.to_string())
            });
        let frame = match view {
            Ok(frame) => frame,
            Err(why) => return self.tell(0, Trouble::NoPictures(why)),
        };
        let identities = &mut self.identities;
        for request in &self.requests {
            let job = (self.worker).blank(self.hurry, &mut |job| take(identities, job));
            let Some(mut job) = job else {
                break;
            };
            job.crop.copy(&frame, request.bbox);
            (job.track, job.time) = (request.track, time);
            (job.sight, job.urgent) = (request.sight, request.urgent);
            self.worker.send(job, self.hurry);
            identities.asked(time, request);
        }
    }

    /// A track ended. As whom it is to be told of; `None` if it had no identity.
    pub fn end(&mut self, ended: &Ended) -> Option<Ended> {
        self.identities.end(ended)
    }

    /// An identity that no track has any more, though none ended: it is to be told of as lost.
    pub fn take_left(&mut self) -> Option<Ended> {
        self.identities.take_left()
    }

    /// All tracks ended, and nobody is to be known again.
    pub fn end_all(&mut self) {
        self.identities.end_all();
    }

    pub fn rescale(&mut self, sx: f32, sy: f32) {
        self.identities.rescale(sx, sy);
    }

    /// How many identities were given.
    pub fn given(&self) -> u64 {
        self.identities.given()
    }

    fn tell(&mut self, kind: usize, trouble: Trouble) {
        if !std::mem::replace(&mut self.told[kind], true) {
            self.trouble = Some(trouble);
        }
    }

    /// What is wrong, each kind once.
    pub fn take_trouble(&mut self) -> Option<Trouble> {
        if let Some(error) = self.worker.take_error() {
            self.tell(1, Trouble::Failed(error));
        }
        self.trouble.take()
    }

    /// Its part of the property `stats`.
    pub fn add_stats(&self, stats: &mut gst::Structure) {
        let report = self.worker.report();
        stats.set("appearance-engine", &self.reason);
        stats.set("appearance-looks", report.looks);
        stats.set("appearance-dropped", report.dropped);
        stats.set("appearance-failed", report.failed);
        stats.set("appearance-taken-up", self.identities.taken_up());
        stats.set("appearance-told-apart", self.identities.told_apart());
        stats.set("appearance-too-late", self.identities.too_late());
        stats.set("appearance-run-p50-ms", report.run.percentile_ms(50.0));
        stats.set("appearance-run-p95-ms", report.run.percentile_ms(95.0));
    }
}

/// Takes in what came of a crop.
fn take(identities: &mut Identities, job: &Job) {
    match job.outcome {
        Outcome::Seen => {
            identities.answer(job.track, job.time, job.sight, Some(&job.feature));
        }
        Outcome::Failed | Outcome::None => {
            identities.answer(job.track, job.time, job.sight, None);
        }
        Outcome::Dropped => identities.dropped(job.track),
    }
}

/// What frames of these caps are like, or why they cannot be looked at.
fn pictures(caps: &gst::CapsRef) -> Result<Pictures, String> {
    let of_system = |features: &gst::CapsFeaturesRef| {
        features.is_empty() || features.contains("memory:SystemMemory")
    };
    if !caps.features(0).is_none_or(of_system) {
        return Err(format!("frames are not in system memory: {caps}"));
    }
    let info = gst_video::VideoInfo::from_caps(caps).ok();
    let known = info.and_then(|info| Some((video::frame_format(&info)?, info)));
    let (format, info) = known.ok_or_else(|| format!("frames are {caps}"))?;
    Ok(Pictures { info, format })
}
