//! What one frame does. Runs on the streaming thread, under the state's lock; waits for nothing.

mod choose;

use gst::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use ulid::Ulid;
use vigil_analytics::event;
use vigil_analytics::event_meta;
use vigil_analytics::objects::{self, Look, Object, Track};
use vigil_analytics::pads::queue::Gap;
use vigil_analytics::stats::Latencies;
use vigil_analytics::time::{self, LiveClock};

use super::TriggerFlags;
use super::asker::{Asker, Scene};
use super::frame::with_pixels;
use super::happening::{self, Happening};
use super::settings::Plan;
use crate::chat::History;
use crate::picture::Scaler;
use crate::prompt::Template;
use crate::select::{Keeper, Sighting, Stamp, Window};
use crate::triggers::Trigger;
use crate::triggers::cuts::Cuts;
use crate::triggers::limits::Limits;
use crate::triggers::tracks::{Change, Seen, Tracks};

/// Assumed duration of a frame in nanoseconds where neither PTS nor frame rate tells.
const FRAME_NS: u64 = 40_000_000;
/// Most requests of the application that wait for the next frame.
const MOST_PENDING: usize = 16;

/// What the application wants and needs a frame for.
pub(super) enum Wanted {
    Caption(Ulid, Option<Template>),
    Answer(Ulid, String),
}

/// Costs of the streaming thread.
#[derive(Debug, Default)]
pub(super) struct Costs {
    pub frames: u64,
    /// Frames of which a picture was taken.
    pub taken: u64,
    pub idle: Latencies,
    pub taking: Latencies,
}

/// From PAUSED to READY.
pub(super) struct State {
    pub asker: Asker,
    pub plan: Arc<Plan>,
    pub costs: Costs,
    pub warnings: Vec<String>,
    /// Sticky events for a pad that comes later.
    pub stream_start: Option<gst::event::StreamStart<gst::Event>>,
    pub segment: Option<gst::Event>,
    pub ended: Option<gst::Event>,
    time_segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    info: Option<gst_video::VideoInfo>,
    frame_ns: Option<u64>,
    scene: Scene,
    next_number: u64,
    clock: u64,
    had_frame: bool,
    next_interval: Option<u64>,
    /// The last frame of the window that was asked about.
    window_asked: Option<u64>,
    limits: Limits,
    tracks: Tracks,
    cuts: Cuts,
    keeper: Keeper,
    window: Window,
    history: History,
    pending: VecDeque<Wanted>,
    /// There but for the time that it is at work.
    scaler: Option<Scaler>,
    found: Vec<Object>,
    lost: Vec<Track>,
    seen: Vec<Seen>,
    changes: Vec<Change>,
    sightings: Vec<Sighting>,
    unreadable: bool,
}

impl State {
    pub fn new(asker: Asker, plan: Arc<Plan>) -> Self {
        let settings = &plan.settings;
        let period = (1e9 / settings.sample_fps.max(0.001)) as u64;
        let stream = settings
            .stream_id
            .clone()
            .unwrap_or_else(|| "unknown".into());
        Self {
            costs: Costs::default(),
            warnings: Vec::new(),
            stream_start: None,
            segment: None,
            ended: None,
            time_segment: None,
            info: None,
            frame_ns: None,
            scene: Scene {
                stream,
                ..Scene::default()
            },
            next_number: 0,
            clock: 0,
            had_frame: false,
            next_interval: None,
            window_asked: None,
            limits: Limits::new(
                settings.track_limit,
                settings.min_interval,
                settings.per_minute,
            ),
            tracks: Tracks::new(settings.track_age, settings.track_timeout),
            cuts: Cuts::new(settings.scene_threshold as f32),
            keeper: Keeper::new(plan.view),
            window: Window::new(settings.window, period, settings.max_images as usize),
            history: History::default(),
            pending: VecDeque::new(),
            scaler: None,
            found: Vec::new(),
            lost: Vec::new(),
            seen: Vec::new(),
            changes: Vec::new(),
            sightings: Vec::new(),
            unreadable: false,
            asker,
            plan,
        }
    }

    // ------------------------------------------------------------ the stream

    /// Another stream begins, or the same one again.
    pub fn stream_start(&mut self, event: gst::event::StreamStart<gst::Event>) {
        let id = event.stream_id();
        let before = self.stream_start.as_ref().map(|event| event.stream_id());
        if before.is_some_and(|before| before != id) {
            self.give_up("flush");
            self.restart();
            self.next_number = 0;
        }
        if self.plan.settings.stream_id.is_none() {
            self.scene.stream = event::stream_name(id);
        }
        self.stream_start = Some(event);
        self.ended = None;
    }

    /// Times are relative to another segment from here on.
    pub fn set_segment(&mut self, event: &gst::Event, segment: &gst::Segment) {
        self.segment = Some(event.clone());
        self.time_segment = segment.downcast_ref().cloned();
    }

    /// The video has another format.
    pub fn caps(&mut self, caps: &gst::CapsRef) {
        self.info = gst_video::VideoInfo::from_caps(caps).ok();
        self.unreadable = false;
        let Some(info) = &self.info else {
            return;
        };
        self.scene.size = (info.width(), info.height());
        let fps = info.fps();
        self.frame_ns = (fps.numer() > 0 && fps.denom() > 0)
            .then(|| 1_000_000_000u64.mul_div_floor(fps.denom() as u64, fps.numer() as u64))
            .flatten();
    }

    /// What was seen so far has nothing to do with what comes.
    pub fn restart(&mut self) {
        self.ended = None;
        self.tracks.clear();
        self.cuts.clear();
        self.keeper.clear();
        self.window.clear();
        self.history.clear();
        self.asker.memory.clear();
        self.next_interval = None;
        self.window_asked = None;
        self.had_frame = false;
        let mut chat = self
            .asker
            .chat
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        chat.reset();
    }

    /// Gives up what the application waits for.
    pub fn give_up(&mut self, why: &'static str) {
        for wanted in std::mem::take(&mut self.pending) {
            let (Wanted::Caption(id, _) | Wanted::Answer(id, _)) = wanted;
            let generation = self.asker.outbox.ask();
            self.asker
                .outbox
                .drop_request(generation, &id.to_string(), why, None);
        }
    }

    /// The stream ends: asks about what the window holds and nobody asked about.
    pub fn finish(&mut self) {
        let last = self.window.epoch().last().map(|last| last.stamp.number);
        if self.plan.has(TriggerFlags::INTERVAL) && last.is_some() && last != self.window_asked {
            self.asker
                .scene(&self.scene, Trigger::Interval, self.window.epoch(), None);
            self.window_asked = last;
        }
    }

    // ------------------------------------------------------------ the application

    /// Wants a caption of the next frame; false if too many wait already.
    pub fn want(&mut self, wanted: Wanted) -> bool {
        let room = self.pending.len() < MOST_PENDING;
        if room {
            self.pending.push_back(wanted);
        }
        room
    }

    /// Takes back what the application wanted and what still waits for a frame; false if there is
    /// nothing of this id.
    pub fn withdraw(&mut self, id: Ulid) -> bool {
        let before = self.pending.len();
        self.pending.retain(|wanted| {
            let (Wanted::Caption(other, _) | Wanted::Answer(other, _)) = wanted;
            *other != id
        });
        self.pending.len() != before
    }

    /// Asks at once where the window has frames, else with the next frame; false if too many wait.
    pub fn question(&mut self, id: Ulid, question: String, seconds: u64) -> bool {
        let span = seconds.saturating_mul(1_000_000_000);
        let frames = self.window.last(self.clock, span);
        if frames.is_empty() {
            return self.want(Wanted::Answer(id, question));
        }
        self.asker
            .question(&self.scene, id, &question, frames, &self.history);
        true
    }

    // ------------------------------------------------------------ a frame

    /// Takes a frame in.
    pub fn frame(&mut self, buffer: &gst::BufferRef, live: Option<&LiveClock>) {
        let began = Instant::now();
        self.tick(buffer, live);
        let look = objects::read(buffer, &mut self.found);
        let happenings = self.events(buffer);
        self.follow(buffer, look);
        let taken = self.look(buffer, look, &happenings);
        self.asker.outbox.settle_unasked();
        self.forget_gone();
        self.costs.frames += 1;
        self.costs.taken += u64::from(taken);
        let costs = if taken {
            &mut self.costs.taking
        } else {
            &mut self.costs.idle
        };
        costs.add(began.elapsed());
    }

    /// Where the video is after this frame, and that nothing was said until then.
    pub fn gap(&self, buffer: &gst::BufferRef) -> Option<u64> {
        let start = buffer.pts()?.nseconds();
        let duration = buffer.duration().map(gst::ClockTime::nseconds);
        let end = start.saturating_add(duration.or(self.frame_ns).unwrap_or(0));
        if let Some(outlet) = self.asker.outbox.outlet() {
            outlet.push_gap(Gap { start, end });
        }
        Some(end)
    }

    fn tick(&mut self, buffer: &gst::BufferRef, live: Option<&LiveClock>) {
        let pts = buffer.pts();
        let clock = match pts.or(buffer.dts()) {
            Some(time) => time.nseconds(),
            None if !self.had_frame => 0,
            None => self.clock + self.frame_ns.unwrap_or(FRAME_NS),
        };
        // A jump back without a flush: an hour of frames must not be waited for again.
        if self.had_frame && clock.saturating_add(1_000_000_000) < self.clock {
            self.restart();
        }
        self.had_frame = true;
        self.clock = clock;
        let running = pts.and_then(|pts| self.time_segment.as_ref()?.to_running_time(pts));
        self.scene.time = time::wall_time(buffer, running, live);
        self.scene.stamp = Stamp {
            number: self.next_number,
            pts: pts.map(gst::ClockTime::nseconds),
            clock,
        };
        self.next_number += 1;
    }

    /// Reads the events of the frame; all go into the history, those to ask about are returned.
    fn events(&mut self, buffer: &gst::BufferRef) -> Vec<Happening> {
        let mut wanted = Vec::new();
        for structure in event_meta::read(buffer) {
            let Some(happening) = happening::read(&structure) else {
                continue;
            };
            let line = happening::story(self.clock, &happening);
            self.history.add(&line, &happening.parent.kind);
            let is_wanted =
                self.plan.events.contain(&happening.parent.kind) || self.plan.verifies(&happening);
            if self.plan.has(TriggerFlags::EVENT) && is_wanted && happening.phase != "update" {
                wanted.push(happening);
            }
        }
        for structure in event_meta::read_pending(buffer) {
            // Whatever comes of it, upstream hears.
            if let Ok(id) = structure.get::<&str>("id") {
                self.asker.outbox.expect(id);
            }
            wanted.extend(happening::read_pending(&structure));
        }
        wanted
    }

    /// Follows the tracks.
    fn follow(&mut self, buffer: &gst::BufferRef, look: Look) {
        self.changes.clear();
        if !self.plan.keeps_tracks() {
            return;
        }
        let pts = buffer.pts();
        self.seen.clear();
        objects::read_lost(buffer, &mut self.lost);
        let given_up = self.lost.iter().map(|track| track.id);
        self.seen
            .extend(given_up.map(|track| Seen { track, lost: true }));
        let seen = self.found.iter().filter_map(|object| {
            let track = object.track?;
            // A prediction is no sighting, but the end of a track is its end.
            let counts = track.lost || !object.is_coasted(pts);
            counts.then_some(Seen {
                track: track.id,
                lost: track.lost,
            })
        });
        self.seen.extend(seen);
        self.tracks.look(
            self.clock,
            look == Look::Inferred,
            &self.seen,
            &mut self.changes,
        );
    }

    /// Whether anything may want this frame's pixels.
    fn wants_pixels(&self, look: Look, happenings: &[Happening]) -> bool {
        let plan = &self.plan;
        let objects = plan.keeps_tracks() && look == Look::Inferred && !self.found.is_empty();
        let window = plan.settings.window > 0 && self.window.is_due(self.clock);
        objects
            || window
            || !happenings.is_empty()
            || !self.pending.is_empty()
            || plan.has(TriggerFlags::SCENE_CHANGE)
            || self.interval_is_due()
    }

    fn interval_is_due(&self) -> bool {
        self.plan.has(TriggerFlags::INTERVAL)
            && self.next_interval.is_none_or(|next| self.clock >= next)
    }

    /// Looks at the pixels, if need be; whether a picture was taken.
    fn look(&mut self, buffer: &gst::BufferRef, look: Look, happenings: &[Happening]) -> bool {
        if !self.wants_pixels(look, happenings) && self.changes.is_empty() {
            return false;
        }
        let Some(info) = self.info.clone() else {
            return false;
        };
        // Moved out, so that what is borrowed of it does not hold up the rest.
        let mut scaler = self.scaler.take().unwrap_or_default();
        let result = with_pixels(buffer, &info, |view| {
            self.ask_about(view, buffer.pts(), look, happenings, &mut scaler)
        });
        self.scaler = Some(scaler);
        match result {
            Ok(taken) => taken,
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    self.warnings.push(format!(
                        "frames cannot be read, and nothing is asked: {error}"
                    ));
                }
                false
            }
        }
    }
}
