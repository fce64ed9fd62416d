//! What one buffer does: objects → detections → tracker → tracks on the buffer.

use super::appearance::{Appearance, AppearanceError};
use super::settings::{ResetOn, Settings};
use super::sight::Sight;
use super::stats::Stats;
use crate::geometry::Rect;
use crate::timeline::{Position, Timeline};
use crate::track::{
    Algorithm, ConfigError, Counts, Detection, Ended, Time, TrackedObject, Tracker,
};
use gst::glib;
use std::time::Instant;
use vigil_analytics::objects::{self, BBox, Look, Object, Track};

/// What the caps say of the frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FrameSize {
    width: i32,
    height: i32,
    /// Width over height as displayed.
    aspect: f32,
}

impl FrameSize {
    /// From any caps with a width and a height, raw or not.
    pub fn from_caps(structure: &gst::StructureRef) -> Option<Self> {
        let (width, height): (i32, i32) =
            (structure.get("width").ok()?, structure.get("height").ok()?);
        let pixel = structure.get::<gst::Fraction>("pixel-aspect-ratio");
        let pixel = pixel.map_or(1.0, |ratio| ratio.numer() as f32 / ratio.denom() as f32);
        (width > 0 && height > 0).then_some(Self {
            width,
            height,
            aspect: width as f32 / height as f32 * pixel,
        })
    }

    /// Whether a frame of `other` size may show the same scene, only scaled.
    fn shows_the_same(self, other: Self) -> bool {
        // Sizes are rounded, often to multiples of 16.
        (self.aspect / other.aspect - 1.0).abs() < 0.03
    }

    /// The part of a box that is on the frame, if at least a pixel of it is.
    fn clip(self, bbox: BBox) -> Option<BBox> {
        let (x, y) = (bbox.x.max(0.0), bbox.y.max(0.0));
        let w = (bbox.x + bbox.w).min(self.width as f32) - x;
        let h = (bbox.y + bbox.h).min(self.height as f32) - y;
        (w >= 1.0 && h >= 1.0).then_some(BBox { x, y, w, h })
    }
}

/// What became of a buffer, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    /// The stream jumped: tracks ended.
    pub jumped: bool,
    /// Objects that another tracker had given identities were left alone.
    pub foreign: bool,
}

/// Why a stream cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("property {0}")]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Appearance(#[from] AppearanceError),
}

/// Ends that no buffer could tell of are forgotten beyond this number.
const UNTOLD_LIMIT: usize = 4096;

/// State of a stream. Grows to the largest number of objects, then allocates nothing of its own.
pub(super) struct Stream {
    tracker: Box<dyn Tracker>,
    /// Identities by what objects look like, where they are wanted.
    pub appearance: Option<Box<Appearance>>,
    algorithm: Algorithm,
    /// Labels to be tracked; none for all.
    classes: Vec<glib::Quark>,
    reset_on: ResetOn,
    timeline: Timeline,
    size: Option<FrameSize>,
    pub stats: Stats,
    pub sight: Sight,
    /// Labels by the class that stands for them in the tracker.
    labels: Vec<Option<glib::Quark>>,
    objects: Vec<Object>,
    detections: Vec<Detection>,
    /// Id of the `GstAnalyticsODMtd` of each detection.
    ids: Vec<u32>,
    tracked: Vec<TrackedObject>,
    ended: Vec<Ended>,
    /// Tracks that ended and of which no buffer told yet.
    untold: Vec<Track>,
    /// The last id given.
    last_id: u64,
    /// How many ids other algorithms gave before.
    given_before: u64,
    tracks: Vec<(u32, Track)>,
    coasted: Vec<(objects::Detection, Track)>,
}

impl Stream {
    /// A stream that begins, with settings that can be used.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let config = settings.check()?;
        Ok(Self {
            tracker: config.build()?,
            appearance: Appearance::new(settings)?.map(Box::new),
            algorithm: config.algorithm,
            classes: settings.classes(),
            reset_on: settings.reset_on,
            timeline: Timeline::new(settings.max_gap()),
            size: None,
            stats: Stats::default(),
            sight: Sight::new(settings.visual),
            labels: Vec::new(),
            objects: Vec::new(),
            detections: Vec::new(),
            ids: Vec::new(),
            tracked: Vec::new(),
            ended: Vec::new(),
            untold: Vec::new(),
            last_id: 0,
            given_before: 0,
            tracks: Vec::new(),
            coasted: Vec::new(),
        })
    }

    /// Takes over changed settings; ones that cannot be used change nothing. Another algorithm
    /// begins without tracks, and with ids that were never given.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), ConfigError> {
        let config = settings.check()?;
        if let Some(appearance) = &mut self.appearance {
            appearance.configure(settings);
        }
        if config.algorithm == self.algorithm {
            self.tracker.configure(&config);
        } else {
            let mut tracker = config.build()?;
            self.tracker.end_all();
            self.take_ended();
            self.given_before += self.tracker.counts().total;
            tracker.continue_after(self.last_id);
            self.tracker = tracker;
            self.sight.forget();
            self.algorithm = config.algorithm;
        }
        self.classes = settings.classes();
        self.reset_on = settings.reset_on;
        self.sight.configure(settings.visual);
        self.timeline.set_max_gap(settings.max_gap());
        Ok(())
    }

    /// The stream is cut here: ends all tracks, unless they are to outlive that.
    pub fn cut(&mut self) {
        if self.reset_on != ResetOn::Never {
            self.end_all();
        }
        self.timeline.forget();
    }

    fn end_all(&mut self) {
        self.tracker.end_all();
        self.sight.forget();
        self.take_ended();
        if let Some(appearance) = &mut self.appearance {
            appearance.end_all();
        }
        self.count();
    }

    /// The property `stats`.
    pub fn stats(&self) -> gst::Structure {
        let mut stats = self.stats.to_structure(&self.sight.time);
        if let Some(appearance) = &self.appearance {
            appearance.add_stats(&mut stats);
        }
        stats
    }

    fn count(&mut self) {
        let counts = self.tracker.counts();
        self.stats.tracks = Counts {
            total: match &self.appearance {
                Some(appearance) => appearance.given(),
                None => counts.total + self.given_before,
            },
            ..counts
        };
        self.stats.visual = self.sight.counts();
    }

    /// Notes what ended since the last call.
    fn take_ended(&mut self) {
        self.tracker.take_ended(&mut self.ended);
        if let Some(appearance) = &mut self.appearance {
            self.ended.retain_mut(|ended| {
                let told = appearance.end(ended);
                *ended = told.unwrap_or(*ended);
                told.is_some()
            });
            self.ended
                .extend(std::iter::from_fn(|| appearance.take_left()));
        }
        for ended in &self.ended {
            if self.untold.len() < UNTOLD_LIMIT {
                self.untold.push(Track {
                    id: ended.id,
                    first_seen: pts_of(&self.timeline, ended.first_seen),
                    last_seen: pts_of(&self.timeline, ended.last_seen),
                    lost: true,
                });
            }
        }
    }

    /// Takes over new caps.
    pub fn set_caps(&mut self, caps: &gst::CapsRef) {
        self.sight.set_caps(caps);
        let Some(structure) = caps.structure(0) else {
            return;
        };
        let rate = structure.get::<gst::Fraction>("framerate").ok();
        let rate = rate.filter(|rate| rate.numer() > 0 && rate.denom() > 0);
        self.timeline.set_frame_duration(
            rate.map(|rate| rate.denom() as u64 * 1_000_000_000 / rate.numer() as u64),
        );
        let size = FrameSize::from_caps(structure);
        if let (Some(old), Some(new)) = (self.size, size)
            && (old.width, old.height) != (new.width, new.height)
        {
            if old.shows_the_same(new) {
                let sx = new.width as f32 / old.width as f32;
                let sy = new.height as f32 / old.height as f32;
                self.tracker.rescale(sx, sy);
                self.sight.rescale(sx, sy);
                if let Some(appearance) = &mut self.appearance {
                    appearance.rescale(sx, sy);
                }
            } else {
                self.cut();
            }
        }
        self.size = size.or(self.size);
    }

    /// Sets the direction of playback. No track outlives a change: its times would be others.
    pub fn set_reverse(&mut self, reverse: bool) {
        if self.timeline.is_reverse() != reverse {
            self.end_all();
            self.timeline.set_reverse(reverse);
        }
    }

    /// Tracks the objects of a buffer.
    pub fn process(
        &mut self,
        buffer: &mut gst::Buffer,
        coast: bool,
    ) -> Result<Outcome, glib::BoolError> {
        let started = Instant::now();
        let look = objects::read(buffer, &mut self.objects);
        let pts = buffer.pts();
        let nanoseconds = |time: Option<gst::ClockTime>| time.map(gst::ClockTime::nseconds);
        let Position { time, jumped } = self
            .timeline
            .advance(nanoseconds(pts), nanoseconds(buffer.duration()));
        let flagged =
            self.reset_on == ResetOn::Discont && buffer.flags().contains(gst::BufferFlags::DISCONT);
        let jumped = (jumped || flagged) && self.reset_on != ResetOn::Never;
        if jumped {
            self.end_all();
        }
        let foreign = match look {
            Look::Inferred => {
                let foreign = self.update(buffer, time)?;
                self.stats.inferred += 1;
                self.stats.update.add(started.elapsed());
                foreign
            }
            Look::Skipped => {
                self.stats.skipped += 1;
                if let Some(pts) = pts.filter(|_| coast) {
                    self.coast(buffer, time, pts)?;
                }
                false
            }
        };
        self.count();
        Ok(Outcome { jumped, foreign })
    }

    /// A buffer that was looked at. Says whether another tracker had been there.
    fn update(&mut self, buffer: &mut gst::Buffer, time: Time) -> Result<bool, glib::BoolError> {
        self.detections.clear();
        self.ids.clear();
        let mut foreign = false;
        for object in &self.objects {
            foreign |= object.track.is_some();
            let wanted = |class| self.classes.is_empty() || self.classes.contains(&class);
            let unwanted = !object.label.map_or(self.classes.is_empty(), wanted);
            if object.track.is_some() || unwanted {
                continue;
            }
            let BBox { x, y, w, h } = object.bbox;
            self.ids.push(object.id);
            self.detections.push(Detection {
                bbox: Rect::new(x, y, w, h),
                score: object.confidence,
                class: class_of(&mut self.labels, object.label),
            });
        }
        self.sight.hint(buffer, time, &mut *self.tracker);
        self.tracker
            .update(time, &self.detections, &mut self.tracked);
        self.sight
            .learn(buffer, time, &self.tracked, &self.detections);
        for tracked in &self.tracked {
            self.last_id = self.last_id.max(tracked.id);
        }
        if let Some(appearance) = &mut self.appearance {
            appearance.update(buffer, time, &self.detections, &mut self.tracked);
        }
        self.tracks.clear();
        for tracked in &self.tracked {
            if let Some(index) = tracked.detection {
                self.tracks
                    .push((self.ids[index], track(&self.timeline, tracked)));
            }
        }
        self.take_ended();
        // Tracks of nothing would cost a shared buffer a copy for nothing.
        if !self.tracks.is_empty() || !self.untold.is_empty() {
            let buffer = buffer.make_mut();
            objects::write_tracks(buffer, &self.tracks)?;
            objects::write_lost(buffer, &self.untold)?;
            self.untold.clear();
        }
        Ok(foreign)
    }

    /// A buffer that was not looked at.
    fn coast(
        &mut self,
        buffer: &mut gst::Buffer,
        time: Time,
        pts: gst::ClockTime,
    ) -> Result<(), glib::BoolError> {
        // Objects that somebody else coasted are there already. In reverse playback a coasted
        // object cannot be told from a detected one, whose PTS is the older one.
        if !self.objects.is_empty() || self.timeline.is_reverse() {
            return Ok(());
        }
        self.tracker.coast(time, &mut self.tracked);
        self.sight.coast(buffer, time, &mut self.tracked);
        if let Some(appearance) = &self.appearance {
            appearance.coast(&mut self.tracked);
        }
        self.coasted.clear();
        for tracked in &self.tracked {
            let track = track(&self.timeline, tracked);
            let Rect { x, y, w, h } = tracked.bbox;
            let bbox = BBox { x, y, w, h };
            let visible = match self.size {
                Some(size) => size.clip(bbox),
                None => Some(bbox),
            };
            // A buffer that is late by a little may be older than the last look.
            if let Some(bbox) = visible.filter(|_| track.last_seen < pts) {
                let label = self.labels.get(tracked.class as usize).copied().flatten();
                let detection = objects::Detection {
                    label: label.unwrap_or_else(|| glib::Quark::from_str("")),
                    bbox,
                    confidence: tracked.score,
                };
                self.coasted.push((detection, track));
            }
        }
        if self.coasted.is_empty() {
            return Ok(());
        }
        objects::write_coasted(buffer.make_mut(), &self.coasted)
    }
}

/// The number of a label, a new one where it is new.
fn class_of(labels: &mut Vec<Option<glib::Quark>>, label: Option<glib::Quark>) -> u32 {
    let class = labels.iter().position(|known| *known == label);
    let class = class.unwrap_or_else(|| {
        labels.push(label);
        labels.len() - 1
    });
    class as u32
}

fn pts_of(timeline: &Timeline, time: Time) -> gst::ClockTime {
    // The largest number stands for no time at all.
    gst::ClockTime::from_nseconds(timeline.to_pts(time).min(u64::MAX - 1))
}

fn track(timeline: &Timeline, tracked: &TrackedObject) -> Track {
    Track {
        id: tracked.id,
        first_seen: pts_of(timeline, tracked.first_seen),
        last_seen: pts_of(timeline, tracked.last_seen),
        lost: false,
    }
}
