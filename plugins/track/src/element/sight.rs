//! `visual`: lets the follower see frames, where they can be read.

use super::settings::VisualChoice;
use crate::track::{Detection, Time, TrackedObject, Tracker};
use crate::visual::{Counts, Follower};
use std::time::Instant;
use vigil_analytics::frame::video::{frame_format, frame_view};
use vigil_analytics::frame::{FrameFormat, FrameView};
use vigil_analytics::stats::Latencies;

/// Frames as the caps have them, if they can be read; if not, why.
type Readable = Result<(gst_video::VideoInfo, FrameFormat), String>;

/// Eyes of a stream.
pub(super) struct Sight {
    choice: VisualChoice,
    follower: Follower,
    readable: Readable,
    /// Why a skipped frame could not be read, to be told; and whether that was told of these caps.
    complaint: Option<String>,
    complained: bool,
    /// Time that a frame took.
    pub time: Latencies,
    hints: Vec<TrackedObject>,
}

impl Sight {
    pub fn new(choice: VisualChoice) -> Self {
        Self {
            choice,
            follower: Follower::default(),
            readable: Err("there are no caps".into()),
            complaint: None,
            complained: false,
            time: Latencies::default(),
            hints: Vec::new(),
        }
    }

    pub fn configure(&mut self, choice: VisualChoice) {
        if choice != self.choice {
            self.choice = choice;
            self.complained = false;
            self.follower.forget();
        }
    }

    pub fn set_caps(&mut self, caps: &gst::CapsRef) {
        self.readable = readable(caps);
        self.complained = false;
    }

    /// The frame size changed by these factors and shows the same scene.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        self.follower.rescale(sx, sy);
    }

    /// The stream is cut here.
    pub fn forget(&mut self) {
        self.follower.forget();
    }

    /// What became of predicted boxes so far.
    pub fn counts(&self) -> Counts {
        self.follower.counts()
    }

    /// Why frames that should be cannot be read, once.
    pub fn take_complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// A skipped frame: moves predicted objects to where they are seen.
    pub fn coast(&mut self, buffer: &gst::BufferRef, time: Time, objects: &mut [TrackedObject]) {
        if self.choice == VisualChoice::Off || objects.is_empty() {
            return;
        }
        let seen = self.with_frame(buffer, |follower, frame, _| {
            follower.coast(frame, time, objects);
        });
        if let Err(why) = seen
            && !std::mem::replace(&mut self.complained, true)
        {
            self.complaint = Some(why);
        }
    }

    /// Before a look: tells the tracker where its objects are seen.
    pub fn hint(&mut self, buffer: &gst::BufferRef, time: Time, tracker: &mut dyn Tracker) {
        if !self.is_awake() {
            return;
        }
        tracker.coast(time, &mut self.hints);
        if self.hints.is_empty() {
            return;
        }
        // A frame that cannot be read was told of when one was skipped.
        let seen = self.with_frame(buffer, |follower, frame, hints| {
            follower.hint(frame, time, hints);
        });
        if seen.is_ok() {
            tracker.hint(&self.hints);
        }
    }

    /// After a look: learns what the objects look like.
    pub fn learn(
        &mut self,
        buffer: &gst::BufferRef,
        time: Time,
        tracked: &[TrackedObject],
        detections: &[Detection],
    ) {
        if self.is_awake() {
            let _ = self.with_frame(buffer, |follower, frame, _| {
                follower.learn(frame, time, tracked, detections);
            });
        }
    }

    fn is_awake(&self) -> bool {
        self.choice != VisualChoice::Off && self.follower.is_awake()
    }

    /// Calls `act` with the frame, if it can be read.
    fn with_frame(
        &mut self,
        buffer: &gst::BufferRef,
        act: impl FnOnce(&mut Follower, &FrameView, &mut Vec<TrackedObject>),
    ) -> Result<(), String> {
        let (info, format) = self.readable.as_ref().map_err(Clone::clone)?;
        let started = Instant::now();
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
            .map_err(|_| "a buffer cannot be mapped as a frame of its caps".to_owned())?;
        let view = frame_view(*format, &frame).map_err(|error| error.to_string())?;
        act(&mut self.follower, &view, &mut self.hints);
        self.time.add(started.elapsed());
        Ok(())
    }
}

/// Whether frames of these caps can be read: raw ones in system memory, of a known format.
fn readable(caps: &gst::CapsRef) -> Readable {
    const SYSTEM: &str = "memory:SystemMemory";
    let elsewhere = |feature: &str| !feature.starts_with("meta:") && feature != SYSTEM;
    if let Some(features) = caps.features(0)
        && let Some(feature) = features.iter().find(|feature| elsewhere(feature.as_str()))
    {
        return Err(format!("frames are {feature}, not in system memory"));
    }
    let name = caps
        .structure(0)
        .map_or("of no caps", |s| s.name().as_str());
    let info = Some(caps).filter(|_| name == "video/x-raw");
    let info = info.and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
    let info = info.ok_or_else(|| format!("frames are {name}, not raw video"))?;
    let format = frame_format(&info).ok_or_else(|| {
        let known = vigil_analytics::frame::video::FORMATS.map(|format| format.to_str().to_owned());
        format!(
            "frames are in {}, which is none of {}",
            info.format(),
            known.join(", ")
        )
    })?;
    Ok((info, format))
}
