//! The steps of a frame (§3.3 and §3.4 of the paper), whatever follows a single object.

use super::Motion;
use crate::geometry::Rect;
use crate::track::config::{Config, Rules};
use crate::track::cost::{AllPairs, Candidate, Taken, choose};
use crate::track::lifecycle::{Ended, Life, Register, Step};
use crate::track::{Counts, Detection, Time, TrackedObject, Tracker};

/// What follows a single object, and what it says of a detection.
pub trait Model: Send {
    /// Whether a detection can gain something beside its intersection over union.
    const HAS_BONUS: bool = false;
    /// Whether a score that equals the threshold is too low.
    const MORE_THAN_THRESHOLD: bool = false;

    /// Starts from a first detection.
    fn new(bbox: Rect) -> Self;
    /// Moves on by one look.
    fn predict(&mut self);
    /// Takes the detection of this look.
    fn observe(&mut self, bbox: Rect);
    /// Was not found on this look.
    fn miss(&mut self);
    /// The filter.
    fn motion(&self) -> &Motion;
    /// Multiplies the axes of the image.
    fn rescale(&mut self, sx: f32, sy: f32);

    /// What a detection gains beside its intersection over union.
    fn bonus(&self, _detection: &Detection) -> f32 {
        0.0
    }

    /// Where to look for a track that was not found where it was predicted.
    fn last_observation(&self) -> Option<Rect> {
        None
    }
}

impl Model for Motion {
    fn new(bbox: Rect) -> Self {
        Self::new(bbox)
    }

    fn predict(&mut self) {
        self.predict();
    }

    fn observe(&mut self, bbox: Rect) {
        self.update(bbox);
    }

    fn miss(&mut self) {}

    fn motion(&self) -> &Motion {
        self
    }

    fn rescale(&mut self, sx: f32, sy: f32) {
        self.rescale(sx, sy);
    }
}

#[derive(Debug)]
struct Track<M> {
    life: Life,
    model: M,
    bbox: Rect,
    /// Looks in a row that found it, the first one not counted.
    streak: u32,
}

/// A tracker by SORT's rules.
#[derive(Debug)]
pub struct SortBy<M> {
    config: Config,
    rules: Rules,
    tracks: Vec<Track<M>>,
    register: Register,
    /// Looks since tracks began.
    looks: u32,
    step: Step,
    association: AllPairs,
    pairs: Vec<(usize, usize)>,
    /// Detections that no track took yet.
    chosen: Vec<usize>,
    candidates: Vec<Candidate>,
    taken: Taken,
}

impl<M: Model> SortBy<M> {
    /// A tracker of these settings.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            rules: config.rules(),
            tracks: Vec::new(),
            register: Register::default(),
            looks: 0,
            step: Step::default(),
            association: AllPairs::default(),
            pairs: Vec::new(),
            chosen: Vec::new(),
            candidates: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// Moves all tracks on by one look.
    fn predict(&mut self) {
        self.candidates.clear();
        let register = &mut self.register;
        self.tracks.retain_mut(|track| {
            track.model.predict();
            track.life.detection = None;
            let Some(bbox) = track.model.motion().bbox() else {
                register.end(&track.life);
                return false;
            };
            track.bbox = bbox;
            true
        });
        for (index, track) in self.tracks.iter().enumerate() {
            self.candidates.push(Candidate {
                track: index,
                bbox: track.bbox,
                class: track.life.class,
            });
        }
    }

    /// The first association, with what was predicted.
    fn associate(&mut self, time: Time, detections: &[Detection]) {
        let tracks = &self.tracks;
        let bonus = |track: usize, index: usize| tracks[track].model.bonus(&detections[index]);
        self.association.solve(
            &self.candidates,
            detections,
            &self.chosen,
            (self.config.per_class, self.rules.match_iou),
            M::HAS_BONUS.then_some(bonus),
            &mut self.pairs,
        );
        self.take_pairs(time, detections);
    }

    /// The second association, of what is left with what was last observed.
    fn recover(&mut self, time: Time, detections: &[Detection]) {
        self.candidates.clear();
        for (index, track) in self.tracks.iter().enumerate() {
            let last = track.model.last_observation();
            if let (None, Some(bbox)) = (track.life.detection, last) {
                self.candidates.push(Candidate {
                    track: index,
                    bbox,
                    class: track.life.class,
                });
            }
        }
        if self.candidates.is_empty() {
            return;
        }
        self.association.solve(
            &self.candidates,
            detections,
            &self.chosen,
            (self.config.per_class, self.rules.match_iou),
            None::<fn(usize, usize) -> f32>,
            &mut self.pairs,
        );
        self.take_pairs(time, detections);
    }

    fn take_pairs(&mut self, time: Time, detections: &[Detection]) {
        for &(index, number) in &self.pairs {
            let (track, detection) = (&mut self.tracks[index], &detections[number]);
            track.life.see(time, number, detection);
            track.model.observe(detection.bbox);
            track.streak += 1;
        }
        self.taken.take(&self.pairs, &mut self.chosen);
    }

    /// Notes who was not found and forgets those who have not been for too long.
    fn miss(&mut self, time: Time) {
        let (rules, register) = (&self.rules, &mut self.register);
        self.tracks.retain_mut(|track| {
            if track.life.detection.is_some() {
                return true;
            }
            track.life.miss();
            track.model.miss();
            track.streak = 0;
            let over = track.life.is_over(time, rules.max_age);
            if over {
                register.end(&track.life);
            }
            !over
        });
    }

    /// Starts tracks with what is left.
    fn start_tracks(&mut self, time: Time, detections: &[Detection]) {
        for &number in &self.chosen {
            let detection = &detections[number];
            if self.tracks.len() < self.config.max_tracks && detection.score >= self.rules.new {
                self.tracks.push(Track {
                    life: Life::new(time, number, detection),
                    model: M::new(detection.bbox),
                    bbox: detection.bbox,
                    streak: 0,
                });
            }
        }
    }
}

impl<M: Model> Tracker for SortBy<M> {
    fn update(&mut self, time: Time, detections: &[Detection], out: &mut Vec<TrackedObject>) {
        self.looks = self.looks.saturating_add(1);
        self.step.advance(time);
        self.predict();
        let least = self.rules.high;
        self.taken.start(detections.len());
        choose(detections, least, self.config.max_tracks, &mut self.chosen);
        if M::MORE_THAN_THRESHOLD {
            self.chosen.retain(|&index| detections[index].score > least);
        }
        self.associate(time, detections);
        self.recover(time, detections);
        self.miss(time);
        self.start_tracks(time, detections);

        out.clear();
        // Nobody can have been seen often enough on the first looks.
        let early = self.looks <= self.rules.min_hits;
        for track in &mut self.tracks {
            let enough = early || track.streak >= self.rules.min_hits;
            if track.life.detection.is_some() && enough {
                track.life.confirm(&mut self.register);
                let bbox = track.model.motion().bbox();
                out.push(track.life.output(bbox.unwrap_or(track.bbox)));
            }
        }
        out.sort_unstable_by_key(|track| track.id);
    }

    fn coast(&self, time: Time, out: &mut Vec<TrackedObject>) {
        out.clear();
        for track in self.tracks.iter().filter(|track| track.life.is_active()) {
            if time.saturating_sub(track.life.last_seen) > self.config.coast_max {
                continue;
            }
            let looks = self.step.looks_until(time);
            let (vx, vy) = track.model.motion().velocity();
            out.extend(track.model.motion().bbox().map(|Rect { x, y, w, h }| {
                let moved = Rect::new(x + vx * looks, y + vy * looks, w, h);
                track.life.coasted(moved)
            }));
        }
        out.sort_unstable_by_key(|track| track.id);
    }

    fn end_all(&mut self) {
        for track in self.tracks.drain(..) {
            self.register.end(&track.life);
        }
        self.looks = 0;
        self.step = Step::default();
    }

    fn take_ended(&mut self, out: &mut Vec<Ended>) {
        self.register.take_ended(out);
    }

    fn rescale(&mut self, sx: f32, sy: f32) {
        for track in &mut self.tracks {
            track.model.rescale(sx, sy);
        }
    }

    fn configure(&mut self, config: &Config) {
        self.config = config.clone();
        self.rules = config.rules();
    }

    fn continue_after(&mut self, id: u64) {
        self.register.continue_after(id);
    }

    fn counts(&self) -> Counts {
        self.register
            .counts(self.tracks.iter().map(|track| &track.life))
    }
}
