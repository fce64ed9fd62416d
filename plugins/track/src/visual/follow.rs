//! All tracks' filters: who is looked for on which frame, and how far what was found is believed.

use super::Tuning;
use super::fft::{Fft, Grid, Plane, SIDE, ZERO};
use super::filter::{Filter, Found, find, hill};
use super::patch::{Sampler, Window};
use crate::geometry::Rect;
use crate::track::{Detection, Time, TrackedObject};
use vigil_analytics::frame::FrameView;

/// An offset is taken to have grown evenly, and to go on so for up to this many times as long.
const MAX_GROWTH: f32 = 3.0;

/// What became of predicted boxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Moved to where the object was seen.
    pub corrected: u64,
    /// Not seen, or too hidden, too small or too far outside to be looked for.
    pub refused: u64,
    /// Left for the next frame, as there were too many objects.
    pub deferred: u64,
}

/// A track whose looks are known.
#[derive(Debug, Clone, Copy)]
struct Target {
    id: u64,
    /// Which filter is its own.
    filter: usize,
    /// Number of the frame on which it was last looked for, or learned.
    turn: u64,
    /// When a detector found it.
    detected: Time,
    /// When it was last seen, if later, and how far from its prediction it was then, in pixels.
    seen: Time,
    offset: (f32, f32),
}

/// Follows tracks on frames that no detector looks at.
///
/// Told of every frame, in order: on a skipped one [`coast`](Self::coast); on one that is looked
/// at [`hint`](Self::hint) before the tracker's update and [`learn`](Self::learn) after it. It
/// allocates for more tracks than there ever were, and else nothing. A frame costs no more than
/// [`Tuning::max_objects`] objects do, of whatever size.
#[derive(Debug)]
pub struct Follower {
    tuning: Tuning,
    eye: Eye,
    /// In order of id.
    targets: Vec<Target>,
    filters: Vec<Filter>,
    /// Filters that no target has.
    free: Vec<usize>,
    /// Number of the frame.
    frame: u64,
    /// Looks in a row since a frame was skipped.
    looks: u32,
    counts: Counts,
    /// Objects whose turn it is, and all boxes, of the frame in hand.
    turns: Vec<(u64, usize)>,
    boxes: Vec<Rect>,
}

/// What is needed to see, the same for all tracks.
#[derive(Debug)]
struct Eye {
    fft: Fft,
    window: Window,
    sampler: Sampler,
    /// Spectrum of the response that is wanted.
    wanted: Plane,
    prior: Plane,
    patch: Plane,
    spectrum: Grid,
    response: Grid,
}

impl Eye {
    fn new(tuning: &Tuning) -> Self {
        let fft = Fft::default();
        let mut wanted = Grid {
            re: hill(tuning.hill),
            im: ZERO,
        };
        fft.forward(&mut wanted);
        Self {
            fft,
            window: Window::default(),
            sampler: Sampler::default(),
            wanted: wanted.re,
            prior: hill(tuning.reach),
            patch: ZERO,
            spectrum: Grid::ZERO,
            response: Grid::ZERO,
        }
    }

    /// Takes the spectrum of a part of the frame.
    fn look_at(&mut self, frame: &FrameView, part: Rect) {
        self.sampler.sample(frame, part, &mut self.patch);
        self.window.fade(&self.patch, &mut self.spectrum);
        self.fft.forward(&mut self.spectrum);
    }

    fn learn(&mut self, frame: &FrameView, part: Rect, filter: &mut Filter, rate: f32) {
        self.look_at(frame, part);
        filter.learn(&self.spectrum, &self.wanted, rate);
    }

    fn find(&mut self, frame: &FrameView, part: Rect, filter: &Filter, floor: f32) -> Found {
        self.look_at(frame, part);
        filter.respond(&self.spectrum, floor, &self.fft, &mut self.response);
        find(&self.response.re, &self.prior)
    }
}

impl Default for Follower {
    fn default() -> Self {
        Self::new(Tuning::default())
    }
}

impl Follower {
    /// One that knows no track. [`Default`] has the constants that are in use.
    pub fn new(tuning: Tuning) -> Self {
        Self {
            eye: Eye::new(&tuning),
            looks: tuning.patience,
            tuning,
            targets: Vec::new(),
            filters: Vec::new(),
            free: Vec::new(),
            frame: 0,
            counts: Counts::default(),
            turns: Vec::new(),
            boxes: Vec::new(),
        }
    }

    /// What became of predicted boxes so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether it has anything to do on a frame that is looked at. Where no frames are skipped it
    /// has not, and the first time that one is, it knows nobody.
    pub fn is_awake(&self) -> bool {
        self.looks < self.tuning.patience
    }

    /// Forgets all tracks, as at a cut in the stream.
    pub fn forget(&mut self) {
        let filters = self.targets.drain(..).map(|target| target.filter);
        self.free.extend(filters);
    }

    /// The frame size changed by these factors and shows the same scene.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        for target in &mut self.targets {
            target.offset = (target.offset.0 * sx, target.offset.1 * sy);
        }
    }

    /// A frame that was skipped: moves predicted `objects`, in order of id, to where they are
    /// seen.
    pub fn coast(&mut self, frame: &FrameView, time: Time, objects: &mut [TrackedObject]) {
        self.looks = 0;
        self.correct(frame, time, objects);
    }

    /// A frame that is about to be looked at: of predicted `objects`, in order of id, leaves those
    /// that were seen since they were last detected, where they are seen now.
    pub fn hint(&mut self, frame: &FrameView, time: Time, objects: &mut Vec<TrackedObject>) {
        self.correct(frame, time, objects);
        objects.retain(|object| {
            let target = index(&self.targets, object.id).map(|index| &self.targets[index]);
            target.is_some_and(|target| target.seen > target.detected)
        });
    }

    /// A frame that was looked at: learns what the `tracked` objects, in order of id, look like at
    /// their `detections`, and forgets the others. Counts looks in a row: where there are too many
    /// to expect a skipped frame, see [`is_awake`](Self::is_awake), all are forgotten.
    pub fn learn(
        &mut self,
        frame: &FrameView,
        time: Time,
        tracked: &[TrackedObject],
        detections: &[Detection],
    ) {
        self.frame += 1;
        self.looks = self.looks.saturating_add(1);
        if !self.is_awake() {
            return self.forget();
        }
        let free = &mut self.free;
        self.targets.retain(|target| {
            let kept = tracked.binary_search_by_key(&target.id, |object| object.id);
            if kept.is_err() {
                free.push(target.filter);
            }
            kept.is_ok()
        });
        self.boxes.clear();
        self.turns.clear();
        for (place, object) in tracked.iter().enumerate() {
            let detection = object.detection.and_then(|index| detections.get(index));
            let bbox = detection.map_or(object.bbox, |detection| detection.bbox);
            self.boxes.push(bbox);
            let known = index(&self.targets, object.id);
            if let Some(known) = known {
                let target = &mut self.targets[known];
                (target.detected, target.seen, target.offset) = (time, time, (0.0, 0.0));
            }
            // Who is not known yet comes first.
            let turn = known.map_or(0, |known| self.targets[known].turn);
            self.turns.push((turn, place));
        }
        self.take_turns();
        for turn in 0..self.turns.len() {
            let (_, place) = self.turns[turn];
            self.learn_one(frame, time, tracked[place].id, place);
        }
    }

    /// Leaves those whose turn it is.
    fn take_turns(&mut self) {
        if self.turns.len() > self.tuning.max_objects {
            self.turns.sort_unstable();
            self.turns.truncate(self.tuning.max_objects);
        }
    }

    fn learn_one(&mut self, frame: &FrameView, time: Time, id: u64, place: usize) {
        let bbox = self.boxes[place];
        if !self.can_be_seen(frame, place, bbox) {
            return;
        }
        let (target, rate) = match self.targets.binary_search_by_key(&id, |target| target.id) {
            Ok(known) => (known, self.tuning.rate),
            Err(place) => {
                self.targets.insert(
                    place,
                    Target {
                        id,
                        filter: self.free.pop().unwrap_or(self.filters.len()),
                        turn: self.frame,
                        detected: time,
                        seen: time,
                        offset: (0.0, 0.0),
                    },
                );
                (place, 1.0)
            }
        };
        let target = &mut self.targets[target];
        target.turn = self.frame;
        if target.filter == self.filters.len() {
            self.filters.push(Filter::default());
        }
        let part = padded(bbox, self.tuning.padding);
        let filter = &mut self.filters[target.filter];
        self.eye.learn(frame, part, filter, rate);
    }

    fn correct(&mut self, frame: &FrameView, time: Time, objects: &mut [TrackedObject]) {
        self.frame += 1;
        self.boxes.clear();
        self.turns.clear();
        for (place, object) in objects.iter().enumerate() {
            let known = index(&self.targets, object.id).map(|known| &self.targets[known]);
            let expected = known.map_or((0.0, 0.0), |target| target.offset_at(time));
            self.boxes.push(moved(object.bbox, expected, 1.0));
            self.turns.extend(known.map(|target| (target.turn, place)));
        }
        let known = self.turns.len();
        self.take_turns();
        self.counts.deferred += (known - self.turns.len()) as u64;
        for turn in 0..self.turns.len() {
            let (_, place) = self.turns[turn];
            if self.look_for(frame, time, objects[place].id, place) {
                self.counts.corrected += 1;
            } else {
                self.counts.refused += 1;
            }
        }
        for object in objects {
            if let Some(known) = index(&self.targets, object.id) {
                let target = &self.targets[known];
                let age = time.saturating_sub(target.detected) as f32 * 1e-9;
                let (age, even) = (age * age, self.tuning.even * self.tuning.even);
                let share = age / (age + even);
                object.bbox = moved(object.bbox, target.offset_at(time), share);
            }
        }
    }

    /// Looks for an object around its expected box; says whether it was seen.
    fn look_for(&mut self, frame: &FrameView, time: Time, id: u64, place: usize) -> bool {
        let Some(known) = index(&self.targets, id) else {
            return false;
        };
        self.targets[known].turn = self.frame;
        let bbox = self.boxes[place];
        if !self.can_be_seen(frame, place, bbox) {
            return false;
        }
        let part = padded(bbox, self.tuning.padding);
        let filter = &self.filters[self.targets[known].filter];
        let found = self.eye.find(frame, part, filter, self.tuning.floor);
        let (none, full) = self.tuning.trust;
        let trust = ((found.psr - none) / (full - none)).min(1.0);
        if trust.is_nan() || trust <= 0.0 {
            return false;
        }
        let target = &mut self.targets[known];
        let (x, y) = target.offset_at(time);
        target.offset = (
            x + trust * found.dx * part.w / SIDE as f32,
            y + trust * found.dy * part.h / SIDE as f32,
        );
        target.seen = time;
        true
    }

    /// Whether a box shows enough of its object: it is not too small, is on the frame for the most
    /// part, and no other one covers it.
    fn can_be_seen(&self, frame: &FrameView, place: usize, bbox: Rect) -> bool {
        let (width, height) = (frame.format().width as f32, frame.format().height as f32);
        bbox.is_sane()
            && bbox.w.min(bbox.h) >= self.tuning.least_side
            && cover(bbox, Rect::new(0.0, 0.0, width, height)) >= 0.5
            && !self.boxes.iter().enumerate().any(|(other, &another)| {
                other != place && cover(bbox, another) > self.tuning.covered
            })
    }
}

impl Target {
    /// How far it is from its prediction, by how far it was: what is wrong with the prediction of
    /// a velocity grows evenly.
    fn offset_at(&self, time: Time) -> (f32, f32) {
        let (since, then) = (
            time.saturating_sub(self.detected) as f32,
            self.seen.saturating_sub(self.detected) as f32,
        );
        let growth = if then > 0.0 {
            (since / then).min(MAX_GROWTH)
        } else {
            1.0
        };
        (self.offset.0 * growth, self.offset.1 * growth)
    }
}

fn index(targets: &[Target], id: u64) -> Option<usize> {
    targets.binary_search_by_key(&id, |target| target.id).ok()
}

/// A box moved by this share of an offset.
fn moved(bbox: Rect, (dx, dy): (f32, f32), share: f32) -> Rect {
    Rect::new(bbox.x + share * dx, bbox.y + share * dy, bbox.w, bbox.h)
}

/// What a patch of a box shows.
fn padded(bbox: Rect, padding: f32) -> Rect {
    bbox.grown(0.5 * (padding - 1.0))
}

/// The share of a box that lies in another one.
fn cover(bbox: Rect, another: Rect) -> f32 {
    let w = bbox.right().min(another.right()) - bbox.x.max(another.x);
    let h = bbox.bottom().min(another.bottom()) - bbox.y.max(another.y);
    w.max(0.0) * h.max(0.0) / (bbox.w * bbox.h)
}

#[cfg(test)]
pub(super) mod tests;
