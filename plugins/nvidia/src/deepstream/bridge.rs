//! Between `NvDsObjectMeta` and GstAnalytics, for one stream.

use super::error::NvDsError;
use super::library::Library;
use super::meta::{Found, Frame, NvObject};
use gst::glib;
use std::collections::HashMap;
use std::sync::Arc;
use vigil_analytics::objects;
use vigil_analytics::{BBox, Detection, Look, Object, Track};

/// Which way an element translates: its property `nvds-meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Direction {
    /// DeepStream's metadata is passed on untouched.
    #[default]
    None,
    /// Its objects become GstAnalytics' before the element's own work.
    Read,
    /// The element's objects become DeepStream's.
    Write,
    /// Both.
    Both,
}

impl Direction {
    /// Whether objects are read.
    pub fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    /// Whether objects are written.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// How long a track that is not seen any more is remembered.
const FORGET: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// Translates for one stream, which may be one of `nvstreamdemux`.
#[derive(Debug)]
pub struct Bridge {
    library: Arc<Library>,
    /// What GstAnalytics wants to know of a track and DeepStream does not say.
    tracks: HashMap<u64, Times>,
    /// When `tracks` was last searched for old ones.
    cleaned: gst::ClockTime,
    frames: Vec<Frame>,
    detections: Vec<Detection>,
    /// Of each detection.
    identities: Vec<Option<Track>>,
    tracked: Vec<(u32, Track)>,
    coasted: Vec<(Detection, Track)>,
    objects: Vec<Object>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    first: gst::ClockTime,
    last: gst::ClockTime,
}

impl Bridge {
    /// A bridge for a stream that begins.
    pub fn new(library: Arc<Library>) -> Self {
        Self {
            library,
            tracks: HashMap::new(),
            cleaned: gst::ClockTime::ZERO,
            frames: Vec::new(),
            detections: Vec::new(),
            identities: Vec::new(),
            tracked: Vec::new(),
            coasted: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// Forgets the tracks: at a flush, and when the stream ends.
    pub fn reset(&mut self) {
        self.tracks.clear();
        self.cleaned = gst::ClockTime::ZERO;
    }

    /// How many tracks are remembered.
    pub fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// Adds DeepStream's objects to the buffer as `GstAnalyticsODMtd`s, with `GstAnalyticsTrackingMtd`s
    /// where they have identities. A frame that `nvinfer` skipped stays one that nobody looked at,
    /// and what only `nvtracker` has on it is a prediction. What is on the buffer already stays.
    ///
    /// An object without a class name gets `class-N`, and one without any score the score 1: it comes
    /// from a detector that keeps none (`cluster-mode` of grouped rectangles).
    ///
    /// # Errors
    /// The buffer has no batch, a batch of several frames, or objects of unknown layout.
    pub fn read(&mut self, buffer: &mut gst::BufferRef) -> Result<Look, NvDsError> {
        self.library.read(buffer, &mut self.frames)?;
        let frame = match self.frames.as_slice() {
            [] => return Ok(Look::Skipped),
            [frame] => frame,
            frames => return Err(NvDsError::Batched(frames.len())),
        };
        self.detections.clear();
        self.identities.clear();
        self.coasted.clear();
        let now = buffer.pts();
        // Where nobody says that a detector looked, a detector's score does.
        let looked = frame.inferred || frame.objects.iter().any(|o| o.confidence.is_some());
        for object in &frame.objects {
            let detection = detection(object);
            let unscored = object.tracker_confidence.is_none();
            let found_here = looked && (object.confidence.is_some() || unscored);
            let track = object
                .object_id
                .map(|id| track(&mut self.tracks, id, now, found_here));
            match track {
                Some(track) if !found_here => self.coasted.push((detection, track)),
                track => {
                    self.detections.push(detection);
                    self.identities.push(track);
                }
            }
        }
        let look = match looked || !self.detections.is_empty() {
            true => Look::Inferred,
            false => Look::Skipped,
        };
        if look == Look::Inferred {
            self.add(buffer)?;
        }
        objects::write_coasted(buffer, &self.coasted).map_err(refused)?;
        self.forget(now);
        Ok(look)
    }

    /// Adds the objects that GstAnalytics has on the buffer to the frame of its batch as
    /// `NvDsObjectMeta`s, with their identities, if they have any. On a frame that nobody looked at
    /// nothing is written but a tracker's predictions: DeepStream's `bInferDone` stays as it is.
    ///
    /// `class_of` gives the number of a class by its name; a class of several models has one.
    ///
    /// # Errors
    /// The buffer has no batch, a batch of several frames, or objects of unknown layout.
    pub fn write(
        &mut self,
        buffer: &mut gst::BufferRef,
        component: i32,
        class_of: impl Fn(glib::Quark) -> i32,
    ) -> Result<(), NvDsError> {
        let look = objects::read(buffer, &mut self.objects);
        if look == Look::Skipped && self.objects.is_empty() {
            return Ok(());
        }
        self.library.read(buffer, &mut self.frames)?;
        let frame = match self.frames.as_slice() {
            [] => {
                let found = "none".into();
                return Err(NvDsError::NoFrame { wanted: 0, found });
            }
            [frame] => frame,
            frames => return Err(NvDsError::Batched(frames.len())),
        };
        let found = self.objects.iter().map(|object| Found {
            class_id: object.label.map_or(-1, &class_of),
            label: object.label_str(),
            rect: [object.bbox.x, object.bbox.y, object.bbox.w, object.bbox.h],
            confidence: object.confidence,
            object_id: object.track.map(|track| track.id),
        });
        self.library
            .write(buffer, frame.batch_id, look, component, found)
    }

    /// Adds the detections, and the identities that they have.
    fn add(&mut self, buffer: &mut gst::BufferRef) -> Result<(), NvDsError> {
        let ids = objects::write_turned(buffer, &self.detections, &[]).map_err(refused)?;
        self.tracked.clear();
        for (id, track) in ids.into_iter().zip(&self.identities) {
            self.tracked.extend(track.map(|track| (id, track)));
        }
        objects::write_tracks(buffer, &self.tracked).map_err(refused)
    }

    /// Forgets tracks that have not been seen for long, now and then.
    fn forget(&mut self, now: Option<gst::ClockTime>) {
        let Some(now) = now else { return };
        if now.saturating_sub(self.cleaned) < FORGET {
            return;
        }
        self.cleaned = now;
        self.tracks
            .retain(|_, times| now.saturating_sub(times.last) < FORGET);
    }
}

/// What GstAnalytics is told of a track that is on a frame.
fn track(
    tracks: &mut HashMap<u64, Times>,
    id: u64,
    now: Option<gst::ClockTime>,
    found_here: bool,
) -> Track {
    let now = now.unwrap_or(gst::ClockTime::ZERO);
    let times = tracks.entry(id).or_insert(Times {
        first: now,
        // Older than now: a track that begins as a prediction is one.
        last: now.saturating_sub(gst::ClockTime::from_nseconds(1)),
    });
    if found_here {
        times.last = now;
    }
    Track {
        id,
        first_seen: times.first,
        last_seen: times.last,
        lost: false,
    }
}

fn detection(object: &NvObject) -> Detection {
    let [x, y, w, h] = object.rect;
    Detection {
        label: object.label.unwrap_or_else(|| unnamed(object.class_id)),
        bbox: BBox { x, y, w, h },
        confidence: object
            .confidence
            .or(object.tracker_confidence)
            .unwrap_or(1.0),
    }
}

/// A name for a class that has none. Classes are few; a number that is none gets no name of its own,
/// since names are kept for ever.
fn unnamed(class_id: i32) -> glib::Quark {
    match class_id {
        0..10_000 => glib::Quark::from_str(format!("class-{class_id}")),
        _ => glib::Quark::from_str("object"),
    }
}

fn refused(error: glib::BoolError) -> NvDsError {
    NvDsError::Analytics(error.to_string())
}
