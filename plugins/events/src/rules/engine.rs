//! The engine: follows tracks over frames and asks each rule about them.

use std::sync::{Mutex, PoisonError};
use ulid::{Generator, Ulid};
use vigil_analytics::BBox;

use super::line::LineWatch;
use super::model::{MS, Rules};
use super::object::ObjectWatch;
use super::occurrence::{Occurrence, Reason};
use super::tracks::{Slot, Track, Tracks};
use super::zone::ZoneWatch;

/// An object on a frame, as a tracker tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Id of the track, unique in the stream.
    pub track: u64,
    /// Class name; class names come from a finite set.
    pub label: &'static str,
    /// Score, 0..1.
    pub confidence: f32,
    /// Where, in pixels of the frame.
    pub bbox: BBox,
    /// Time at which the track was first seen, in nanoseconds.
    pub first_seen: u64,
    /// The box is a prediction: rules do not look at it.
    pub coasted: bool,
    /// The tracker gave the object up.
    pub lost: bool,
}

/// A frame, as far as rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Time in nanoseconds.
    pub time: u64,
    /// Width in pixels; 0 where unknown.
    pub width: u32,
    /// Height in pixels; 0 where unknown.
    pub height: u32,
    /// Whether a detector looked: only then does absence mean anything.
    pub looked: bool,
}

/// Time that jumps back by more than this starts a new timeline; less is jitter.
const JUMP_BACK: u64 = 1_000 * MS;

/// Tracks that are missing are remembered for this long at least, so that an object that was
/// hidden while it crossed a line is still known on the other side.
const REMEMBER: u64 = 10_000 * MS;

/// Makes ids that sort in the order of their making, in this process.
fn new_id() -> Ulid {
    static GENERATOR: Mutex<Generator> = Mutex::new(Generator::new());
    let mut generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    generator
        .generate()
        .unwrap_or_else(|overflow| overflow.commit_overflow_random())
}

/// Something that began and has not ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub id: Ulid,
    /// Engine time.
    pub since: u64,
}

impl Open {
    pub fn new(since: u64) -> Self {
        Self {
            id: new_id(),
            since,
        }
    }
}

/// Makes the id of an instant event.
pub(super) fn instant_id() -> Ulid {
    new_id()
}

/// What rules are told beside the track.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub time: u64,
    pub width: u32,
    pub height: u32,
}

/// One rule with what it remembers of each track.
#[derive(Debug)]
enum Watch {
    Object(ObjectWatch),
    Zone(ZoneWatch),
    Line(LineWatch),
}

impl Watch {
    fn seen(&mut self, slot: Slot, track: &Track, now: &Now, out: &mut Vec<Occurrence>) {
        match self {
            Self::Object(watch) => watch.seen(slot, track, now, out),
            Self::Zone(watch) => watch.seen(slot, track, now, out),
            Self::Line(watch) => watch.seen(slot, track, now, out),
        }
    }

    /// The track is no longer there. Ends what is open for it.
    fn gone(&mut self, slot: Slot, track: &Track, reason: Reason, out: &mut Vec<Occurrence>) {
        match self {
            Self::Object(watch) => watch.gone(slot, track, reason, out),
            Self::Zone(watch) => watch.gone(slot, track, reason, out),
            Self::Line(_) => {}
        }
    }

    /// The slot will be used for another track.
    fn forget(&mut self, slot: Slot) {
        if let Self::Line(watch) = self {
            watch.forget(slot);
        }
    }

    fn reserve(&mut self, slots: usize) {
        match self {
            Self::Object(watch) => watch.reserve(slots),
            Self::Zone(watch) => watch.reserve(slots),
            Self::Line(watch) => watch.reserve(slots),
        }
    }

    /// After how long an absence a track is gone for this rule.
    fn left_after(&self) -> Option<u64> {
        match self {
            Self::Object(watch) => Some(watch.rule.left_after),
            Self::Zone(watch) => Some(watch.rule.left_after),
            Self::Line(_) => None,
        }
    }

    /// How many things are open.
    fn open(&self) -> usize {
        match self {
            Self::Object(watch) => watch.open(),
            Self::Zone(watch) => watch.open(),
            Self::Line(_) => 0,
        }
    }

    /// Takes over what `old` remembers, if it is the same rule by kind and name.
    fn adopt(&mut self, old: &mut Watch) -> bool {
        match (self, old) {
            (Self::Object(new), Self::Object(old)) => new.adopt(old),
            (Self::Zone(new), Self::Zone(old)) => new.adopt(old),
            (Self::Line(new), Self::Line(old)) => new.adopt(old),
            _ => false,
        }
    }
}

fn watches(rules: Rules) -> Vec<Watch> {
    let objects = rules.objects.into_iter().map(ObjectWatch::new);
    let zones = rules.zones.into_iter().map(ZoneWatch::new);
    let lines = rules.lines.into_iter().map(LineWatch::new);
    objects
        .map(Watch::Object)
        .chain(zones.map(Watch::Zone))
        .chain(lines.map(Watch::Line))
        .collect()
}

/// Turns frames with tracked objects into occurrences.
#[derive(Debug)]
pub struct Engine {
    watches: Vec<Watch>,
    tracks: Tracks,
    /// Time of the last frame; never goes back within a timeline.
    time: u64,
    /// Counts looks, so that "seen on this look" is one comparison.
    look: u64,
    remember: u64,
}

impl Engine {
    /// An engine that has seen nothing yet.
    pub fn new(rules: Rules) -> Self {
        let watches = watches(rules);
        Self {
            remember: remember(&watches),
            watches,
            tracks: Tracks::default(),
            time: 0,
            look: 0,
        }
    }

    /// Takes one frame in and appends what happened to `out`, object by object, then rule by rule.
    pub fn process(&mut self, frame: &Frame, objects: &[Observation], out: &mut Vec<Occurrence>) {
        if frame.time + JUMP_BACK < self.time {
            self.end_all(Reason::Discontinuity, out);
            self.time = frame.time;
        }
        self.time = self.time.max(frame.time);
        let now = Now {
            time: self.time,
            width: frame.width,
            height: frame.height,
        };
        self.look = self.look.wrapping_add(1);
        for object in objects {
            if object.lost {
                self.lose(object.track, out);
            } else if frame.looked && !object.coasted {
                self.see(object, &now, out);
            }
        }
        if frame.looked {
            self.miss(now.time, out);
        }
    }

    fn see(&mut self, object: &Observation, now: &Now, out: &mut Vec<Occurrence>) {
        let Some(slot) = self.tracks.see(object, now.time, self.look) else {
            return;
        };
        let capacity = self.tracks.capacity();
        if let Some(track) = self.tracks.get(slot) {
            for watch in &mut self.watches {
                watch.reserve(capacity);
                watch.seen(slot, track, now, out);
            }
        }
    }

    /// The tracker gave this track up: what is open for it ends. Call it before [`process`] of the
    /// same frame: a track that is on it as well is back.
    ///
    /// The track is remembered like one that is missing: should its identity come back, it appears
    /// anew, and lines that it crossed meanwhile are crossed.
    ///
    /// [`process`]: Self::process
    pub fn lose(&mut self, track: u64, out: &mut Vec<Occurrence>) {
        let Some(slot) = self.tracks.slot_of(track) else {
            return;
        };
        if let Some(track) = self.tracks.get(slot) {
            for watch in &mut self.watches {
                watch.gone(slot, track, Reason::Lost, out);
            }
        }
    }

    /// Looks at the tracks that this look did not find.
    fn miss(&mut self, now: u64, out: &mut Vec<Occurrence>) {
        for slot in 0..self.tracks.capacity() {
            let Some(absence) = self.tracks.absence(slot, now, self.look) else {
                continue;
            };
            if let Some(track) = self.tracks.get(slot) {
                for watch in &mut self.watches {
                    if watch.left_after().is_some_and(|after| absence >= after) {
                        watch.gone(slot, track, Reason::Absent, out);
                    }
                }
            }
            if absence >= self.remember {
                self.drop_track(slot, Reason::Absent, out);
            }
        }
    }

    fn drop_track(&mut self, slot: Slot, reason: Reason, out: &mut Vec<Occurrence>) {
        if let Some(track) = self.tracks.get(slot) {
            for watch in &mut self.watches {
                watch.gone(slot, track, reason, out);
                watch.forget(slot);
            }
        }
        self.tracks.forget(slot);
    }

    /// Ends everything that is open and forgets all tracks. Running counts begin anew with
    /// another stream, and only then.
    pub fn end_all(&mut self, reason: Reason, out: &mut Vec<Occurrence>) {
        for slot in 0..self.tracks.capacity() {
            self.drop_track(slot, reason, out);
        }
        self.time = 0;
        if reason == Reason::StreamChanged {
            for watch in &mut self.watches {
                if let Watch::Line(watch) = watch {
                    watch.reset_counts();
                }
            }
        }
    }

    /// Puts other rules in place of the present ones. A rule of the same kind and name goes on
    /// with what it remembers; what is open of other rules ends.
    pub fn replace(&mut self, rules: Rules, out: &mut Vec<Occurrence>) {
        let mut new = watches(rules);
        for mut old in std::mem::take(&mut self.watches) {
            if new.iter_mut().any(|watch| watch.adopt(&mut old)) {
                continue;
            }
            for slot in 0..self.tracks.capacity() {
                if let Some(track) = self.tracks.get(slot) {
                    old.gone(slot, track, Reason::RulesChanged, out);
                }
            }
        }
        for watch in &mut new {
            watch.reserve(self.tracks.capacity());
        }
        self.remember = remember(&new);
        self.watches = new;
    }

    /// How many things began and have not ended.
    pub fn open(&self) -> usize {
        self.watches.iter().map(Watch::open).sum()
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.watches.len()
    }

    /// How many tracks are known, seen or missing.
    pub fn tracks(&self) -> usize {
        self.tracks.len()
    }
}

fn remember(watches: &[Watch]) -> u64 {
    let longest = watches.iter().filter_map(Watch::left_after).max();
    longest.unwrap_or(0).max(REMEMBER)
}
