//! The steps of a frame.

use super::camera::{Camera, median};
use super::doubtful::{self, Doubtful};
use super::similarity::similarity;
use super::tracks::Tracks;
use super::{Tuning, frames_between};
use crate::geometry::Rect;
use crate::track::config::{Age, Config, Rules};
use crate::track::cost::{Association, Candidate, Taken, choose, sort_by_left_edge};
use crate::track::lifecycle::{Ended, Life, Register};
use crate::track::{Counts, Detection, Time, TrackedObject, Tracker};
use std::cmp::Ordering;

/// Share of a frame's surprise in the memory of the scene's.
const SCENE_MEMORY: f32 = 0.05;
/// Boxes never grow by more than this, relative to their size.
const MAX_REACH: f32 = 0.6;
/// So many tracks tell how the camera moved as well as more of them.
const CAMERA_TRACKS: usize = 40;
/// Shorter times between looks are two looks at one moment: they say nothing of velocities.
const LEAST_STEP: f32 = 0.1;

/// The tracker.
#[derive(Debug)]
pub struct Vigil {
    config: Config,
    rules: Rules,
    tuning: Tuning,
    tracks: Tracks,
    doubtful: Doubtful,
    register: Register,
    /// Time of the last look; `None` before the first one since all tracks ended.
    looked: Option<Time>,
    /// How far from their predictions objects of this scene are found, relative to their height.
    surprise: f32,
    camera: Camera,
    association: Association,
    /// Detections of high and of low score that no track took yet, in order of left edges.
    high: Vec<usize>,
    low: Vec<usize>,
    candidates: Vec<Candidate>,
    pairs: Vec<(usize, usize)>,
    surprises: Vec<f32>,
    taken: Taken,
    /// Ids and centres of tracks on the frame of the next look, in order of id.
    hints: Vec<(u64, (f32, f32))>,
}

impl Vigil {
    /// A tracker of these settings.
    pub fn new(config: &Config) -> Self {
        Self::with_tuning(config, Tuning::default())
    }

    /// The same with other constants, for experiments.
    pub fn with_tuning(config: &Config, tuning: Tuning) -> Self {
        Self {
            config: config.clone(),
            rules: config.rules(),
            surprise: tuning.usual_surprise,
            tuning,
            tracks: Tracks::default(),
            doubtful: Doubtful::default(),
            register: Register::default(),
            looked: None,
            camera: Camera::default(),
            association: Association::default(),
            high: Vec::new(),
            low: Vec::new(),
            candidates: Vec::new(),
            pairs: Vec::new(),
            surprises: Vec::new(),
            taken: Taken::default(),
            hints: Vec::new(),
        }
    }

    /// Tracks are where they were seen, as far as anybody told.
    fn take_hints(&mut self) {
        let (hints, tracks, tuning) = (&self.hints, &mut self.tracks, &self.tuning);
        for (track, life) in tracks.life.iter().enumerate() {
            if let Ok(hint) = hints.binary_search_by_key(&life.id, |(id, _)| *id) {
                tracks.bbox[track] = tracks.motion[track].seen_at(hints[hint].1, tuning);
            }
        }
        self.hints.clear();
    }

    /// Splits detections by score.
    fn choose(&mut self, detections: &[Detection]) {
        let Rules { high, low, .. } = self.rules;
        choose(detections, low, self.config.max_tracks, &mut self.high);
        let is_low = |index: &usize| detections[*index].score < high;
        self.low.clear();
        self.low
            .extend(self.high.iter().copied().filter(|index| is_low(index)));
        self.high.retain(|index| !is_low(index));
    }

    /// How long motion is extrapolated after an object was last seen.
    fn horizon(&self) -> Time {
        match self.rules.max_age {
            Age::Time(age) => age.max(self.config.coast_max),
            Age::Looks(_) => self.config.coast_max,
        }
    }

    /// Lists the tracks that have no detection yet and for which `takes_part` holds, with all that
    /// they may touch: their boxes as predicted and, where `last`, as last seen, grown by `reach`.
    fn list(&mut self, reach: f32, last: bool, takes_part: impl Fn(&Life) -> bool) {
        self.candidates.clear();
        for (track, life) in self.tracks.life.iter().enumerate() {
            if life.detection.is_some() || !takes_part(life) {
                continue;
            }
            let mut bbox = self.tracks.bbox[track];
            if last {
                bbox = bbox.hull(self.tracks.last[track]);
            }
            self.candidates.push(Candidate {
                track,
                bbox: bbox.grown(reach),
                class: life.class,
            });
        }
    }

    /// Moves the tracks along with the camera.
    fn follow_camera(&mut self, detections: &[Detection], dt: f32) {
        let reach = self.tuning.camera_reach;
        self.list(reach, false, Life::is_active);
        thin_out(&mut self.candidates, CAMERA_TRACKS);
        let tuning = &self.tuning;
        let shift = self.camera.shift(
            &self.candidates,
            detections,
            &self.high,
            &self.tracks.bbox,
            (self.config.per_class, reach),
            tuning.camera_doubt,
        );
        if let Some(shift) = shift {
            let dt = dt.max(LEAST_STEP);
            self.tracks.follow_camera(shift, dt, tuning);
            self.doubtful.follow_camera(shift, dt, tuning);
        }
    }

    /// By how much boxes grow in a scene as erratic as this one.
    fn reach(&self) -> f32 {
        let unusual = (self.surprise - self.tuning.usual_surprise).max(0.0);
        (self.tuning.reach * unusual).min(MAX_REACH)
    }

    /// First: confirmed tracks, also lost ones, with detections of high score.
    fn associate_high(&mut self, detections: &[Detection], looked: Time) {
        let reach = self.reach();
        self.list(reach, true, Life::is_confirmed);
        let (tracks, tuning, rules) = (&self.tracks, &self.tuning, &self.rules);
        let gain = |track: usize, index: usize| {
            let (detection, life) = (&detections[index], &tracks.life[track]);
            let predicted = similarity(tracks.bbox[track], detection.bbox, reach);
            let seen = similarity(tracks.last[track], detection.bbox, reach);
            let alike = predicted.max(tuning.last_weight * seen);
            let score = detection.score.min(1.0);
            let unlike = tuning.score_weight * (life.score - score).abs();
            let in_vain = looked.saturating_sub(life.last_seen) as f32 * 1e-9;
            let gain = alike * score * (1.0 - unlike) - tuning.age_cost * in_vain - rules.match_iou;
            rather_seen(gain, life, tuning)
        };
        let pairs = self.association.solve(
            &self.candidates,
            detections,
            &self.high,
            (self.config.per_class, reach),
            gain,
        );
        self.pairs.clear();
        self.pairs.extend_from_slice(pairs);
    }

    /// Second: tracks that are left, if they were seen a moment ago, with detections of low score.
    fn associate_low(&mut self, detections: &[Detection]) {
        self.pairs.clear();
        if self.low.is_empty() {
            return;
        }
        let (reach, tuning) = (self.reach(), &self.tuning);
        let misses = tuning.low_misses;
        self.list(reach, false, |life| {
            life.is_confirmed() && life.misses <= misses
        });
        let (tracks, tuning) = (&self.tracks, &self.tuning);
        let gain = |track: usize, index: usize| {
            let (detection, life) = (&detections[index], &tracks.life[track]);
            let unlike = tuning.score_weight * (life.score - detection.score).abs();
            let alike = similarity(tracks.bbox[track], detection.bbox, reach);
            rather_seen(alike * (1.0 - unlike) - tuning.match_low, life, tuning)
        };
        let pairs = self.association.solve(
            &self.candidates,
            detections,
            &self.low,
            (self.config.per_class, reach),
            gain,
        );
        self.pairs.extend_from_slice(pairs);
    }

    /// Third: tracks that are not yet confirmed with what is left of high score.
    fn associate_new(&mut self, detections: &[Detection]) {
        self.pairs.clear();
        if self.high.is_empty() {
            return;
        }
        let reach = (self.reach() + self.tuning.new_reach).min(MAX_REACH);
        self.list(reach, false, |life| !life.is_confirmed());
        let (tracks, tuning) = (&self.tracks, &self.tuning);
        let gain = |track: usize, index: usize| {
            let (detection, life) = (&detections[index], &tracks.life[track]);
            let score = detection.score.min(1.0);
            let unlike = tuning.score_weight * (life.score - score).abs();
            let alike = similarity(tracks.bbox[track], detection.bbox, reach);
            alike * score * (1.0 - unlike) - tuning.match_new
        };
        let pairs = self.association.solve(
            &self.candidates,
            detections,
            &self.high,
            (self.config.per_class, reach),
            gain,
        );
        self.pairs.extend_from_slice(pairs);
    }

    /// Tracks take the detections that the last association gave them.
    fn take_pairs(&mut self, time: Time, detections: &[Detection], low: bool) {
        for &(track, index) in &self.pairs {
            let seen = (index, &detections[index]);
            let surprise = self.tracks.see(track, time, seen, &self.tuning);
            self.surprises.push(surprise);
        }
        let chosen = if low { &mut self.low } else { &mut self.high };
        self.taken.take(&self.pairs, chosen);
    }

    /// Starts tracks on what is left of high score, the surest first, but not where an object is
    /// that was found already.
    fn start_tracks(&mut self, time: Time, detections: &[Detection], first: bool, far: bool) {
        let new = self.rules.new;
        let weak = |index: &usize| detections[*index].score < new;
        self.low
            .extend(self.high.iter().copied().filter(|index| weak(index)));
        self.high.retain(|index| !weak(index));
        self.high.sort_unstable_by(|&a, &b| {
            let order = detections[b].score.total_cmp(&detections[a].score);
            order.then_with(|| by_place(&detections[a].bbox, &detections[b].bbox))
        });
        for i in 0..self.high.len() {
            let index = self.high[i];
            let detection = &detections[index];
            let room = self.tracks.len() < self.config.max_tracks;
            if !room || self.is_duplicate(detection) {
                continue;
            }
            let mut life = Life::new(time, index, detection);
            if far && detection.score >= self.tuning.sure_score {
                life.hits += 1;
            }
            if first || life.hits >= self.rules.min_hits {
                life.confirm(&mut self.register);
            }
            let (surprise, tuning) = (self.surprise, &self.tuning);
            self.tracks.start(life, detection, surprise, tuning);
        }
    }

    /// Follows what is left of all, in case that it is an object; those who are get ids.
    fn follow_doubtful(&mut self, time: Time, detections: &[Detection]) {
        // Who says from which score on tracks start has said that others do not.
        if self.config.new_track_threshold.is_some() {
            self.doubtful.clear();
            return;
        }
        let look = doubtful::Look {
            time,
            detections,
            rule: (self.config.per_class, self.reach()),
            least_score: self.tuning.doubtful_share * self.rules.high,
            min_hits: self.rules.min_hits,
            max_tracks: self.config.max_tracks,
        };
        let mut left = std::mem::take(&mut self.low);
        left.retain(|&index| {
            let detection = &detections[index];
            detection.score >= look.least_score && !self.is_duplicate(detection)
        });
        sort_by_left_edge(&mut left, detections);
        let tuning = &self.tuning;
        self.doubtful
            .follow(&look, &mut left, &mut self.taken, tuning);
        self.doubtful
            .promote(&look, &mut self.tracks, &mut self.register, tuning);
        for &index in &left {
            let room = self.tracks.len() + self.doubtful.len() < look.max_tracks;
            let bbox = detections[index].bbox;
            if room && !self.doubtful.is_at(bbox, tuning.duplicate_iou) {
                self.doubtful.start(&look, index, self.surprise, tuning);
            }
        }
        self.low = left;
    }

    fn is_duplicate(&self, detection: &Detection) -> bool {
        let tracks = &self.tracks;
        (0..tracks.len()).any(|track| {
            let life = &tracks.life[track];
            let comparable = !self.config.per_class || life.class == detection.class;
            life.is_active()
                && comparable
                && tracks.last[track].iou(detection.bbox) > self.tuning.duplicate_iou
        })
    }

    /// Notes who was not found, ends who has not been for too long and confirms who was found
    /// often enough.
    fn settle(&mut self, time: Time, far: bool) {
        for life in &mut self.tracks.life {
            if life.detection.is_none() {
                life.miss();
                continue;
            }
            if far && !life.is_confirmed() && life.score >= self.tuning.sure_score {
                life.hits = life.hits.saturating_add(1);
            }
            if life.hits >= self.rules.min_hits {
                life.confirm(&mut self.register);
            }
        }
        let max_age = self.rules.max_age;
        self.tracks.end_where(&mut self.register, |life| {
            let unfounded = !life.is_confirmed() && life.misses > 0;
            unfounded || life.is_over(time, max_age)
        });
        if self.surprises.len() >= 3 {
            let surprise = median(&mut self.surprises);
            self.surprise += SCENE_MEMORY * (surprise - self.surprise);
        }
    }
}

/// What a pair gains: it is likelier that an object which is seen stays so than that one which was
/// hidden comes back at this very look, so of two who want one detection it is rather the former.
fn rather_seen(gain: f32, life: &Life, tuning: &Tuning) -> f32 {
    if gain > 0.0 && life.misses == 0 {
        gain + tuning.seen_bonus
    } else {
        gain
    }
}

/// Keeps about `limit` candidates, evenly spread over the list.
fn thin_out(candidates: &mut Vec<Candidate>, limit: usize) {
    let stride = candidates.len().div_ceil(limit).max(1);
    let mut position = 0;
    candidates.retain(|_| {
        position += 1;
        (position - 1) % stride == 0
    });
}

/// An order of boxes that does not depend on that of the detections.
fn by_place(a: &Rect, b: &Rect) -> Ordering {
    let [a, b] = [a, b].map(|r| [r.x, r.y, r.w, r.h]);
    let orders = a.iter().zip(&b).map(|(a, b)| a.total_cmp(b));
    orders.fold(Ordering::Equal, Ordering::then)
}

impl Tracker for Vigil {
    fn update(&mut self, time: Time, detections: &[Detection], out: &mut Vec<TrackedObject>) {
        let looked = self.looked.replace(time);
        let from = looked.unwrap_or(time);
        let dt = frames_between(from, time);
        let far = dt >= self.tuning.far_apart;
        let horizon = self.horizon();
        self.surprises.clear();
        self.taken.start(detections.len());
        self.tracks.predict(from, time, horizon, &self.tuning);
        self.doubtful.predict(from, time, horizon, &self.tuning);
        self.choose(detections);
        // The camera moves what was predicted; hints are of places where things already are.
        self.follow_camera(detections, dt);
        if !self.hints.is_empty() {
            self.take_hints();
        }

        self.associate_high(detections, from);
        self.take_pairs(time, detections, false);
        self.associate_low(detections);
        self.take_pairs(time, detections, true);
        self.associate_new(detections);
        self.take_pairs(time, detections, false);
        self.settle(time, far);
        self.start_tracks(time, detections, looked.is_none(), far);
        self.follow_doubtful(time, detections);

        out.clear();
        for (life, bbox) in self.tracks.life.iter().zip(&self.tracks.bbox) {
            if life.is_active() {
                out.push(life.output(*bbox));
            }
        }
        out.sort_unstable_by_key(|track| track.id);
    }

    fn coast(&self, time: Time, out: &mut Vec<TrackedObject>) {
        out.clear();
        for (index, life) in self.tracks.life.iter().enumerate() {
            let age = time.saturating_sub(life.last_seen);
            if life.is_active() && age <= self.config.coast_max {
                let last = self.tracks.last[index];
                let dt = frames_between(life.last_seen, time);
                let bbox = self.tracks.motion[index].extrapolate(last, dt);
                out.push(life.coasted(bbox));
            }
        }
        out.sort_unstable_by_key(|track| track.id);
    }

    fn hint(&mut self, seen: &[TrackedObject]) {
        self.hints.clear();
        let places = seen.iter().filter(|object| object.bbox.is_sane());
        let places = places.map(|object| (object.id, object.bbox.center()));
        self.hints.extend(places);
    }

    fn end_all(&mut self) {
        self.tracks.end_where(&mut self.register, |_| true);
        self.doubtful.clear();
        self.hints.clear();
        self.looked = None;
        self.surprise = self.tuning.usual_surprise;
    }

    fn take_ended(&mut self, out: &mut Vec<Ended>) {
        self.register.take_ended(out);
    }

    fn rescale(&mut self, sx: f32, sy: f32) {
        self.tracks.rescale(sx, sy);
        self.doubtful.rescale(sx, sy);
    }

    fn configure(&mut self, config: &Config) {
        self.config = config.clone();
        self.rules = config.rules();
    }

    fn continue_after(&mut self, id: u64) {
        self.register.continue_after(id);
    }

    fn counts(&self) -> Counts {
        self.register.counts(self.tracks.life.iter())
    }
}
