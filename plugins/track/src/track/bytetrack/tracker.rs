//! The steps of a frame (algorithm 1 of the paper).

use super::motion::Motion;
use super::{DUPLICATE, MATCH_LOW, MATCH_NEW};
use crate::geometry::Rect;
use crate::track::config::{Age, Config, Rules};
use crate::track::cost::{Association, Candidate, Taken, choose};
use crate::track::lifecycle::{Ended, Life, Register, Step};
use crate::track::{Counts, Detection, Time, TrackedObject, Tracker};

/// Added to each gain, so that a pair just similar enough gains something.
const LEAST_GAIN: f32 = 1e-6;

#[derive(Debug)]
struct Track {
    life: Life,
    motion: Motion,
    bbox: Rect,
    /// Found again when it had just been given up: the authors' code then forgets it on its next
    /// miss.
    on_probation: bool,
}

/// The tracker.
#[derive(Debug)]
pub struct ByteTrack {
    config: Config,
    rules: Rules,
    tracks: Vec<Track>,
    register: Register,
    /// No frame was looked at yet, or none since all tracks ended.
    fresh: bool,
    step: Step,
    association: Association,
    /// Detections of high and of low score that no track took yet.
    high: Vec<usize>,
    low: Vec<usize>,
    candidates: Vec<Candidate>,
    pairs: Vec<(usize, usize)>,
    doubles: Vec<usize>,
    taken: Taken,
}

/// Intersection over union of the pixels from the first to the last one of each box, as the
/// authors count them: a box from 0 to 9 has ten.
fn pixel_iou(a: Rect, b: Rect) -> f32 {
    let whole = |r: Rect| Rect::new(r.x, r.y, r.w + 1.0, r.h + 1.0);
    whole(a).iou(whole(b))
}

/// One of the associations of a frame.
struct Round {
    /// With detections of low score, not of high.
    low: bool,
    least: f32,
    /// Similarity is intersection over union times score, not the former alone.
    fuse: bool,
}

impl ByteTrack {
    /// A tracker of these settings.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            rules: config.rules(),
            tracks: Vec::new(),
            register: Register::default(),
            fresh: true,
            step: Step::default(),
            association: Association::default(),
            high: Vec::new(),
            low: Vec::new(),
            candidates: Vec::new(),
            pairs: Vec::new(),
            doubles: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// Splits detections by score.
    fn choose(&mut self, detections: &[Detection]) {
        let Rules { high, low, .. } = self.rules;
        choose(detections, low, self.config.max_tracks, &mut self.high);
        let score = |index: &usize| detections[*index].score;
        self.low.clear();
        // The authors want more than each threshold.
        let is_low = |index: &usize| score(index) > low && score(index) < high;
        self.low.extend(self.high.iter().copied().filter(is_low));
        self.high.retain(|index| score(index) > high);
    }

    /// One association, of the tracks for which `takes_part` holds and that have no detection yet.
    fn associate(
        &mut self,
        time: Time,
        detections: &[Detection],
        round: &Round,
        takes_part: impl Fn(&Life) -> bool,
    ) {
        self.candidates.clear();
        for (index, track) in self.tracks.iter().enumerate() {
            if track.life.detection.is_none() && takes_part(&track.life) {
                self.candidates.push(Candidate {
                    track: index,
                    bbox: track.bbox,
                    class: track.life.class,
                });
            }
        }
        let chosen = if round.low {
            &mut self.low
        } else {
            &mut self.high
        };
        let tracks = &self.tracks;
        let gain = |track: usize, index: usize| {
            let score = detections[index].score.min(1.0);
            let iou = pixel_iou(tracks[track].bbox, detections[index].bbox);
            iou * if round.fuse { score } else { 1.0 } - round.least + LEAST_GAIN
        };
        let rule = (self.config.per_class, 0.0);
        let solved = self
            .association
            .solve(&self.candidates, detections, chosen, rule, gain);
        self.pairs.clear();
        self.pairs.extend_from_slice(solved);
        for &(track, index) in &self.pairs {
            let track = &mut self.tracks[track];
            track.on_probation |= Age::Looks(track.life.misses) == self.rules.max_age;
            track.life.see(time, index, &detections[index]);
            track.motion.update(detections[index].bbox);
            track.bbox = track.motion.bbox();
        }
        self.taken.take(&self.pairs, chosen);
    }

    /// Of a lost track and one that is seen in the same place, the shorter-lived one is a mistake.
    fn remove_duplicates(&mut self) {
        self.doubles.clear();
        let lifetime = |life: &Life| life.last_seen.saturating_sub(life.first_seen);
        for (b, lost) in self.tracks.iter().enumerate() {
            if !lost.life.is_lost() {
                continue;
            }
            for (a, seen) in self.tracks.iter().enumerate() {
                let comparable = !self.config.per_class || seen.life.class == lost.life.class;
                if seen.life.is_lost() || !comparable {
                    continue;
                }
                if pixel_iou(seen.bbox, lost.bbox) > DUPLICATE {
                    let seen_is_older = lifetime(&seen.life) > lifetime(&lost.life);
                    self.doubles.push(if seen_is_older { b } else { a });
                }
            }
        }
        self.doubles.sort_unstable();
        self.doubles.dedup();
        for &index in self.doubles.iter().rev() {
            let track = self.tracks.remove(index);
            self.register.end(&track.life);
        }
    }

    fn start_tracks(&mut self, time: Time, detections: &[Detection]) {
        let hits = if self.fresh { 1 } else { self.rules.min_hits };
        for &index in &self.high {
            let detection = &detections[index];
            let room = self.tracks.len() < self.config.max_tracks;
            if room && detection.score >= self.rules.new {
                self.tracks.push(Track {
                    life: Life::new(time, index, detection),
                    motion: Motion::new(detection.bbox),
                    bbox: detection.bbox,
                    on_probation: false,
                });
            }
        }
        for track in &mut self.tracks {
            if track.life.detection.is_some() && track.life.hits >= hits {
                track.life.confirm(&mut self.register);
            }
        }
        self.fresh = false;
    }

    /// Moves confirmed tracks on by one look; the others stay where they were seen.
    fn predict(&mut self) {
        for track in &mut self.tracks {
            track.life.detection = None;
            if track.life.is_confirmed() {
                if track.life.is_lost() {
                    track.motion.stop_growth();
                }
                track.motion.predict();
                track.bbox = track.motion.bbox();
            }
        }
    }
}

impl Tracker for ByteTrack {
    fn update(&mut self, time: Time, detections: &[Detection], out: &mut Vec<TrackedObject>) {
        self.step.advance(time);
        let (rules, register) = (self.rules, &mut self.register);
        self.tracks.retain(|track| {
            let over = track.life.is_over(time, rules.max_age)
                || (track.on_probation && track.life.is_lost());
            if over {
                register.end(&track.life);
            }
            !over
        });
        self.predict();
        self.choose(detections);
        self.taken.start(detections.len());
        let round = |low, least, fuse| Round { low, least, fuse };
        let first = round(false, rules.match_iou, true);
        self.associate(time, detections, &first, Life::is_confirmed);
        let second = round(true, MATCH_LOW, false);
        self.associate(time, detections, &second, Life::is_active);
        let unconfirmed = round(false, MATCH_NEW, true);
        self.associate(time, detections, &unconfirmed, |life| !life.is_confirmed());

        self.tracks
            .retain(|track| track.life.is_confirmed() || track.life.detection.is_some());
        for track in &mut self.tracks {
            if track.life.detection.is_none() {
                track.life.miss();
            }
        }
        self.start_tracks(time, detections);
        self.remove_duplicates();

        out.clear();
        let seen = |track: &&Track| track.life.is_confirmed() && track.life.detection.is_some();
        let tracks = self.tracks.iter().filter(seen);
        out.extend(tracks.map(|track| track.life.output(track.bbox)));
        out.sort_unstable_by_key(|track| track.id);
    }

    fn coast(&self, time: Time, out: &mut Vec<TrackedObject>) {
        out.clear();
        let looks = self.step.looks_until(time);
        for track in self.tracks.iter().filter(|track| track.life.is_active()) {
            if time.saturating_sub(track.life.last_seen) <= self.config.coast_max {
                let Rect { x, y, w, h } = track.bbox;
                let (vx, vy) = track.motion.velocity();
                let moved = Rect::new(x + vx * looks, y + vy * looks, w, h);
                out.push(track.life.coasted(moved));
            }
        }
        out.sort_unstable_by_key(|track| track.id);
    }

    fn end_all(&mut self) {
        for track in self.tracks.drain(..) {
            self.register.end(&track.life);
        }
        self.fresh = true;
        self.step = Step::default();
    }

    fn take_ended(&mut self, out: &mut Vec<Ended>) {
        self.register.take_ended(out);
    }

    fn rescale(&mut self, sx: f32, sy: f32) {
        for track in &mut self.tracks {
            track.motion.rescale(sx, sy);
            track.bbox = track.bbox.scaled(sx, sy);
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
