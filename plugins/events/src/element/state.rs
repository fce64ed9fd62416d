//! What one frame does. Runs on the streaming thread, under the state's lock; waits for nothing.

use gst::prelude::*;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use vigil_analytics::classes::{self, Classes};
use vigil_analytics::event::{self, ObjectRecord, ObjectsRecord, SCHEMA};
use vigil_analytics::keypoints::{self, Keypoints};
use vigil_analytics::objects::{self, Look, Object};
use vigil_analytics::pads::outlet::Outlet;
use vigil_analytics::pads::queue::{Gap, Payload, Record};
use vigil_analytics::parts;
use vigil_analytics::stats::Latencies;
use vigil_analytics::time::{self, LiveClock};

use super::verdicts::Pending;
use crate::rules::{Context, Engine, Frame, Observation, Occurrence, Reason, Rules};
use crate::verify::{Court, Fate};

/// Assumed duration of a frame in nanoseconds where neither PTS nor frame rate tells.
const FRAME_NS: u64 = 40_000_000;

/// Looks at objects without any track, until that is taken for a missing tracker: trackers need a
/// few frames to confirm an object.
const LOOKS_WITHOUT_TRACKS: u32 = 50;

/// What has to be done outside the lock.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Events that are told now: for the bus, and for the buffer if there is one.
    pub structures: Vec<gst::Structure>,
    /// Events that were told since the buffer before, for this one.
    pub late: Vec<gst::Structure>,
    /// Events that wait for a verdict, for the buffer.
    pub pending: Vec<Pending>,
    /// For the bus.
    pub warnings: Vec<String>,
}

/// Counters for `stats`.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub frames: u64,
    pub inferred: u64,
    pub events: u64,
    pub latencies: Latencies,
}

/// The frame that was last, for events that come without one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub pts: Option<u64>,
    time: Option<time::Timestamp>,
    frame: event::Frame,
}

/// From PAUSED to READY.
pub(super) struct State {
    pub engine: Engine,
    /// Rules that hold from the next frame on.
    pub next_rules: Option<Rules>,
    pub events: Option<Arc<Outlet>>,
    pub objects: Option<Arc<Outlet>>,
    pub counters: Counters,
    /// Sticky events for pads that come later: the video's own stream-start, segment and end.
    pub stream_start: Option<gst::event::StreamStart<gst::Event>>,
    pub segment: Option<gst::Event>,
    pub ended: Option<gst::Event>,
    /// The end of the stream, which the pad with events hears of when no event waits any more.
    pub eos: Option<gst::Event>,
    /// Events that wait for a verdict.
    pub court: Court,
    /// What was told since the last buffer.
    pub(super) late: Vec<gst::Structure>,
    /// Whether the application knows that nobody verifies.
    pub(super) told_of_nobody: bool,
    /// The same segment, if it is one of time.
    time_segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    rules: Rules,
    /// What the user calls the stream.
    name: Option<String>,
    stream: String,
    number: u64,
    width: u32,
    height: u32,
    frame_ns: Option<u64>,
    clock: u64,
    pub(super) last: Option<Last>,
    looks_without_tracks: u32,
    found: Vec<Object>,
    lost: Vec<objects::Track>,
    keypoints: Keypoints,
    classes: Classes,
    observations: Vec<Observation>,
    occurrences: Vec<Occurrence>,
}

impl State {
    pub fn new(rules: Rules, name: Option<String>) -> Self {
        Self {
            engine: Engine::new(rules.clone()),
            next_rules: None,
            events: None,
            objects: None,
            counters: Counters::default(),
            stream_start: None,
            segment: None,
            ended: None,
            eos: None,
            court: Court::default(),
            late: Vec::new(),
            told_of_nobody: false,
            time_segment: None,
            rules,
            stream: name.clone().unwrap_or_else(|| "unknown".into()),
            name,
            number: 0,
            width: 0,
            height: 0,
            frame_ns: None,
            clock: 0,
            last: None,
            looks_without_tracks: 0,
            found: Vec::new(),
            lost: Vec::new(),
            keypoints: Keypoints::default(),
            classes: Classes::default(),
            observations: Vec::new(),
            occurrences: Vec::new(),
        }
    }

    pub fn outlets(&self) -> impl Iterator<Item = &Arc<Outlet>> {
        self.events.iter().chain(&self.objects)
    }

    /// Another stream begins, or the same one again.
    pub fn stream_start(&mut self, event: gst::event::StreamStart<gst::Event>, out: &mut Output) {
        let id = event.stream_id();
        let before = self.stream_start.as_ref().map(|event| event.stream_id());
        if before.is_some_and(|before| before != id) {
            self.end_all(Reason::StreamChanged, out);
            self.number = 0;
            self.last = None;
        }
        if self.name.is_none() {
            self.stream = event::stream_name(id);
        }
        self.looks_without_tracks = 0;
        self.stream_start = Some(event);
        self.ended = None;
    }

    /// Times are relative to another segment from here on.
    pub fn set_segment(&mut self, event: &gst::Event, segment: &gst::Segment) {
        self.segment = Some(event.clone());
        self.time_segment = segment.downcast_ref().cloned();
    }

    /// The video has another format.
    pub fn caps(&mut self, caps: &gst::CapsRef, out: &mut Output) {
        let Some(structure) = caps.structure(0) else {
            return;
        };
        let size = |field| structure.get::<i32>(field).ok();
        let size = |field| size(field).and_then(|size| u32::try_from(size).ok());
        let is_image =
            structure.name().starts_with("video/") || structure.name().starts_with("image/");
        (self.width, self.height) = match (size("width"), size("height")) {
            (Some(width), Some(height)) if is_image => (width, height),
            _ => (0, 0),
        };
        self.frame_ns = structure
            .get::<gst::Fraction>("framerate")
            .ok()
            .filter(|rate| rate.numer() > 0 && rate.denom() > 0)
            .and_then(|rate| {
                1_000_000_000u64.mul_div_floor(rate.denom() as u64, rate.numer() as u64)
            });
        out.warnings.extend(self.check_size(structure.name()));
    }

    /// What does not fit the rules about the frame's size.
    fn check_size(&self, media: &str) -> Option<String> {
        if self.width == 0 || self.height == 0 {
            let names = self.rules.needing_frame_size();
            return (!names.is_empty()).then(|| {
                format!(
                    "{media} has no frame size: rules in fractions of the frame cannot work and \
                     are idle: {}. Put vigilevents where the video is raw, or use \
                     units = \"pixels\"",
                    names.join(", ")
                )
            });
        }
        let names = self.rules.outside_frame(self.width, self.height);
        (!names.is_empty()).then(|| {
            let (width, height) = (self.width, self.height);
            let names = names.join(", ");
            format!("rules in pixels reach outside the frame of {width}x{height}: {names}")
        })
    }

    /// Takes a frame in.
    pub fn frame(&mut self, buffer: &gst::BufferRef, live: Option<&LiveClock>, out: &mut Output) {
        let began = Instant::now();
        let pts = buffer.pts();
        self.tick(buffer);
        let last = Last {
            pts: pts.map(gst::ClockTime::nseconds),
            time: time::wall_time(buffer, self.running_time(pts), live),
            frame: event::Frame {
                number: self.number,
                width: self.width,
                height: self.height,
            },
        };
        self.last = Some(last);
        self.number += 1;
        out.late = std::mem::take(&mut self.late);
        let look = objects::read(buffer, &mut self.found);
        objects::read_lost(buffer, &mut self.lost);
        if self.objects.is_some() {
            keypoints::read(buffer, &mut self.keypoints);
            classes::read(buffer, &mut self.classes);
        }
        self.observe(pts, look, out);
        self.apply_rules(look, out);
        self.emit(out);
        if out.structures.is_empty() {
            self.gap(buffer);
        }
        self.record_objects(buffer, look, out);
        self.counters.frames += 1;
        self.counters.inferred += u64::from(look == Look::Inferred);
        self.counters.latencies.add(began.elapsed());
    }

    /// Moves the clock that rules measure by.
    fn tick(&mut self, buffer: &gst::BufferRef) {
        self.clock = match buffer.pts().or(buffer.dts()) {
            Some(time) => time.nseconds(),
            None if self.last.is_none() => 0,
            None => self.clock + self.frame_ns.unwrap_or(FRAME_NS),
        };
    }

    fn running_time(&self, pts: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
        self.time_segment.as_ref()?.to_running_time(pts?)
    }

    /// Makes observations of the objects that have a track.
    fn observe(&mut self, pts: Option<gst::ClockTime>, look: Look, out: &mut Output) {
        self.observations.clear();
        for object in &mut self.found {
            object.confidence = sane(object.confidence);
        }
        let observed = self.found.iter().filter_map(|object| {
            let track = object.track?;
            Some(Observation {
                track: track.id,
                label: object.label_str(),
                confidence: object.confidence,
                bbox: object.bbox,
                first_seen: track.first_seen.nseconds(),
                coasted: object.is_coasted(pts),
                lost: track.lost,
            })
        });
        self.observations.extend(observed);
        if !self.observations.is_empty() {
            self.looks_without_tracks = 0;
        } else if look == Look::Inferred && !self.found.is_empty() {
            self.looks_without_tracks = self.looks_without_tracks.saturating_add(1);
            if self.looks_without_tracks == LOOKS_WITHOUT_TRACKS && self.engine.rules() > 0 {
                out.warnings.push(
                    "objects have no tracks, so that rules cannot tell them apart: put a tracker \
                     (vigiltrack) before vigilevents"
                        .into(),
                );
            }
        }
    }

    fn apply_rules(&mut self, look: Look, out: &mut Output) {
        if let Some(rules) = self.next_rules.take() {
            self.rules = rules.clone();
            self.engine.replace(rules, &mut self.occurrences);
            out.warnings.extend(self.check_size("this stream"));
        }
        let frame = Frame {
            time: self.clock,
            width: self.width,
            height: self.height,
            looked: look == Look::Inferred,
        };
        for track in &self.lost {
            self.engine.lose(track.id, &mut self.occurrences);
        }
        self.engine
            .process(&frame, &self.observations, &mut self.occurrences);
    }

    fn context(&self) -> Context {
        let last = self.last;
        Context {
            stream: self.stream.clone(),
            pts: last.and_then(|last| last.pts),
            time: last.and_then(|last| last.time).map(time::to_rfc3339),
            frame: last.map_or(
                event::Frame {
                    number: 0,
                    width: self.width,
                    height: self.height,
                },
                |last| last.frame,
            ),
        }
    }

    /// Makes events of what happened and queues them.
    fn emit(&mut self, out: &mut Output) {
        self.emit_to(out, |outlet, record| outlet.push(record));
    }

    fn emit_to(&mut self, out: &mut Output, queue: impl Fn(&Outlet, Record) -> Option<u64>) {
        if self.occurrences.is_empty() {
            return;
        }
        let (context, now) = (self.context(), Instant::now());
        let mut told = Vec::new();
        for occurrence in self.occurrences.drain(..) {
            let verify = occurrence.verify.clone();
            match self
                .court
                .take(occurrence.into_event(&context), verify, now)
            {
                Fate::Told(event) => told.push(event),
                Fate::Held(event, verify) => out.pending.push(Pending { event, verify }),
                Fate::Silent => {}
            }
        }
        self.publish(told, out, queue);
    }

    fn gap(&self, buffer: &gst::BufferRef) {
        if let (Some(outlet), Some(pts)) = (&self.events, buffer.pts()) {
            let duration = buffer.duration().map(gst::ClockTime::nseconds);
            let start = pts.nseconds();
            outlet.push_gap(Gap {
                start,
                end: start.saturating_add(duration.or(self.frame_ns).unwrap_or(0)),
            });
        }
    }

    /// Upstream itself has nothing for a while.
    pub fn upstream_gap(&self, start: gst::ClockTime, duration: Option<gst::ClockTime>) {
        let start = start.nseconds();
        let end = start.saturating_add(duration.map_or(0, gst::ClockTime::nseconds));
        for outlet in self.outlets() {
            outlet.push_gap(Gap { start, end });
        }
    }

    fn record_objects(&self, buffer: &gst::BufferRef, look: Look, out: &mut Output) {
        let Some(outlet) = &self.objects else {
            return;
        };
        // Ids grow with the order of reading.
        let index = |id| {
            self.found
                .binary_search_by_key(&id, |object: &Object| object.id)
        };
        let context = self.context();
        let record = ObjectsRecord {
            schema: Cow::Borrowed(SCHEMA),
            stream: context.stream,
            pts: context.pts,
            time: context.time,
            frame: context.frame,
            inferred: look == Look::Inferred,
            objects: self
                .found
                .iter()
                .map(|object| {
                    let keypoints = self.keypoints.of(object.id);
                    let classes = self.classes.of(object.id);
                    let whole = parts::whole_of(buffer, object.id);
                    ObjectRecord::new(object, buffer.pts())
                        .with_keypoints(keypoints)
                        .with_classes(classes)
                        .with_part_of(whole.and_then(|whole| index(whole).ok()))
                })
                .collect(),
        };
        let dropped = outlet.push(Record {
            pts: record.pts,
            payload: Payload::Objects(Arc::new(record)),
        });
        out.warnings.extend(dropped.map(|n| overflow("objects", n)));
    }

    /// Ends everything that is open.
    pub fn end_all(&mut self, reason: Reason, out: &mut Output) {
        self.engine.end_all(reason, &mut self.occurrences);
        if reason == Reason::Flush {
            self.emit_to(out, |outlet, record| {
                outlet.hold(record);
                None
            });
        } else {
            self.emit(out);
        }
    }
}

pub(super) fn overflow(pad: &str, dropped: u64) -> String {
    format!(
        "Pad {pad}: its queue is full because its consumer does not keep up; {dropped} records \
         were dropped"
    )
}

/// Scores of other people's elements may be anything.
fn sane(confidence: f32) -> f32 {
    if confidence.is_finite() {
        confidence.clamp(0.0, 1.0)
    } else {
        0.0
    }
}
