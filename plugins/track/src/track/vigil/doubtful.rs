//! Objects of which the detector is never sure.
//!
//! A detector that was made for other pictures may give a real object no score that would start a
//! track. What tells it from noise is time: noise of a low score comes and goes, an object stays.
//! So what is left of a look is followed without an id, apart from the tracks, and becomes one of
//! them when it was found for long enough: evidence adds up as in Wald's sequential test
//! ("Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 1945), the
//! faster the higher the score is above what noise has.

use super::Tuning;
use super::similarity::similarity;
use super::tracks::Tracks;
use crate::geometry::Rect;
use crate::track::cost::{Association, Candidate, Taken};
use crate::track::lifecycle::{Life, Register};
use crate::track::{Detection, Time};

/// Nobody gets an id at fewer looks than this, however far apart they are.
const LEAST_HITS: u32 = 3;
/// Stands for the misses of one who was moved to the tracks.
const GONE: u32 = u32::MAX;

/// Those who are followed.
#[derive(Debug, Default)]
pub(super) struct Doubtful {
    tracks: Tracks,
    association: Association,
    candidates: Vec<Candidate>,
    pairs: Vec<(usize, usize)>,
}

/// A look, as far as this is concerned.
pub(super) struct Look<'a> {
    pub time: Time,
    pub detections: &'a [Detection],
    /// Whether classes are kept apart, and by how much boxes grow.
    pub rule: (bool, f32),
    /// A score that an object of doubt must have.
    pub least_score: f32,
    /// Looks that must find an object before it gets an id.
    pub min_hits: u32,
    /// At most so many tracks are kept.
    pub max_tracks: usize,
}

impl Doubtful {
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// See [`Tracks::predict`].
    pub fn predict(&mut self, from: Time, to: Time, horizon: Time, tuning: &Tuning) {
        self.tracks.predict(from, to, horizon, tuning);
    }

    /// See [`Tracks::follow_camera`].
    pub fn follow_camera(&mut self, shift: (f32, f32), dt: f32, tuning: &Tuning) {
        self.tracks.follow_camera(shift, dt, tuning);
    }

    /// See [`Tracks::rescale`].
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        self.tracks.rescale(sx, sy);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.tracks.end_where(&mut Register::default(), |_| true);
    }

    /// Follows the detections `left` (in order of left edges), and forgets who was not found.
    /// What nobody took stays in `left`.
    pub fn follow(
        &mut self,
        look: &Look,
        left: &mut Vec<usize>,
        taken: &mut Taken,
        tuning: &Tuning,
    ) {
        let reach = look.rule.1;
        self.candidates.clear();
        let lives = self.tracks.life.iter().enumerate();
        self.candidates.extend(lives.map(|(track, life)| Candidate {
            track,
            bbox: self.tracks.bbox[track].grown(reach),
            class: life.class,
        }));
        let tracks = &self.tracks;
        let gain = |track: usize, index: usize| {
            let detection = &look.detections[index];
            let unlike = tuning.score_weight * (tracks.life[track].score - detection.score).abs();
            let alike = similarity(tracks.bbox[track], detection.bbox, reach);
            alike * (1.0 - unlike) - tuning.match_low
        };
        let pairs =
            self.association
                .solve(&self.candidates, look.detections, left, look.rule, gain);
        self.pairs.clear();
        self.pairs.extend_from_slice(pairs);
        for &(track, index) in &self.pairs {
            let seen = (index, &look.detections[index]);
            self.tracks.see(track, look.time, seen, tuning);
        }
        taken.take(&self.pairs, left);
        for life in &mut self.tracks.life {
            if life.detection.is_none() {
                life.miss();
            }
        }
        let misses = tuning.low_misses;
        // Nobody here has an id, so nobody's end is told.
        self.tracks
            .end_where(&mut Register::default(), |life| life.misses > misses);
    }

    /// Moves those to `tracks` who were found for long enough, as long as there is room.
    pub fn promote(
        &mut self,
        look: &Look,
        tracks: &mut Tracks,
        register: &mut Register,
        tuning: &Tuning,
    ) {
        let proven = |life: &Life| {
            let seconds = look.time.saturating_sub(life.first_seen) as f32 * 1e-9;
            let score = life.score.min(1.0) - look.least_score;
            life.misses == 0
                && life.hits >= look.min_hits.max(LEAST_HITS)
                && seconds * score >= tuning.doubtful_proof
        };
        for track in 0..self.tracks.len() {
            let mut life = self.tracks.life[track];
            if proven(&life) && tracks.len() < look.max_tracks {
                life.confirm(register);
                tracks.take_over(&self.tracks, track, life);
                self.tracks.life[track].misses = GONE;
            }
        }
        self.tracks
            .end_where(&mut Register::default(), |life| life.misses == GONE);
    }

    /// Begins to follow a detection.
    pub fn start(&mut self, look: &Look, index: usize, surprise: f32, tuning: &Tuning) {
        let detection = &look.detections[index];
        let life = Life::new(look.time, index, detection);
        self.tracks.start(life, detection, surprise, tuning);
    }

    /// Whether somebody is followed whose last box overlaps this one by more than `iou`.
    pub fn is_at(&self, bbox: Rect, iou: f32) -> bool {
        self.tracks.last.iter().any(|last| last.iou(bbox) > iou)
    }
}
