//! The steps of a frame.

use super::association::{Association, Rule, sort_by_left_edge};
use super::track::{State, Track};
use super::{Config, ConfigError};
use crate::tracker::{Counts, Detection, Time, TrackedObject, Tracker};

/// The tracker of ByteTrack's algorithm 1.
#[derive(Debug)]
pub struct ByteTrack {
    config: Config,
    tracks: Vec<Track>,
    last_id: u64,
    /// No frame was looked at yet, or none since all tracks ended.
    fresh: bool,
    association: Association,
    /// Indices of detections of high and of low score that no track took yet, by left edge.
    high: Vec<usize>,
    low: Vec<usize>,
    /// Indices of the tracks that take part in an association.
    pool: Vec<usize>,
    /// By detection, whether it was taken.
    taken: Vec<bool>,
}

impl ByteTrack {
    /// A tracker of these settings, if they can be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            tracks: Vec::new(),
            last_id: 0,
            fresh: true,
            association: Association::default(),
            high: Vec::new(),
            low: Vec::new(),
            pool: Vec::new(),
            taken: Vec::new(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes settings from the next frame on; tracks live on. Settings that cannot be used
    /// change nothing.
    pub fn set_config(&mut self, config: Config) -> Result<(), ConfigError> {
        config.check()?;
        self.config = config;
        Ok(())
    }

    /// Splits detections by score; those that cannot be tracked are left out.
    fn choose(&mut self, detections: &[Detection]) {
        let config = &self.config;
        let (high, low) = (&mut self.high, &mut self.low);
        high.clear();
        low.clear();
        // All of them in `high` first, so that the limit holds for both together.
        high.extend((0..detections.len()).filter(|&index| {
            let detection = &detections[index];
            detection.bbox.is_sane() && detection.score >= config.low_threshold
        }));
        if high.len() > config.max_objects {
            let by_score = |&a: &usize, &b: &usize| {
                let order = detections[b].score.total_cmp(&detections[a].score);
                order.then(a.cmp(&b))
            };
            high.select_nth_unstable_by(config.max_objects, by_score);
            high.truncate(config.max_objects);
        }
        let is_low = |index: &usize| detections[*index].score < config.high_threshold;
        low.extend(high.iter().copied().filter(is_low));
        high.retain(|index| !is_low(index));
        sort_by_left_edge(high, detections);
        sort_by_left_edge(low, detections);
        self.taken.clear();
        self.taken.resize(detections.len(), false);
    }

    /// One association: tracks for which `takes_part` holds, and that have no detection yet, with
    /// what is left of the detections of high or of low score.
    fn associate(
        &mut self,
        detections: &[Detection],
        low: bool,
        rule: Rule,
        takes_part: impl Fn(&Track) -> bool,
    ) {
        self.pool.clear();
        for (index, track) in self.tracks.iter().enumerate() {
            if track.detection.is_none() && takes_part(track) {
                self.pool.push(index);
            }
        }
        let chosen = if low { &mut self.low } else { &mut self.high };
        let pairs = self
            .association
            .solve(&self.tracks, &self.pool, detections, chosen, rule);
        for &(track, index) in pairs {
            self.tracks[track].take(index, &detections[index]);
            self.taken[index] = true;
        }
        chosen.retain(|&index| !self.taken[index]);
    }

    fn start_tracks(&mut self, time: Time, detections: &[Detection]) {
        for &index in &self.high {
            let detection = &detections[index];
            if detection.score >= self.config.new_threshold {
                self.tracks.push(Track::new(time, index, detection));
            }
        }
    }

    /// Of a lost track and one that is seen in the same place, the shorter-lived one is a mistake.
    fn remove_duplicates(&mut self) {
        let is_lost = |track: &Track| matches!(track.state, State::Lost(_));
        self.pool.clear();
        for (b, lost) in self.tracks.iter().enumerate() {
            if !is_lost(lost) {
                continue;
            }
            for (a, seen) in self.tracks.iter().enumerate() {
                let comparable = !self.config.per_class || seen.class == lost.class;
                if is_lost(seen) || !comparable {
                    continue;
                }
                if seen.bbox.iou(lost.bbox) > self.config.duplicate_iou {
                    let seen_is_older = seen.lifetime() > lost.lifetime();
                    self.pool.push(if seen_is_older { b } else { a });
                }
            }
        }
        self.pool.sort_unstable();
        self.pool.dedup();
        for &index in self.pool.iter().rev() {
            self.tracks.remove(index);
        }
    }
}

impl Tracker for ByteTrack {
    fn update(&mut self, time: Time, detections: &[Detection], out: &mut Vec<TrackedObject>) {
        let config = &self.config;
        self.tracks.retain(|track| !track.is_over(time, config));
        for track in &mut self.tracks {
            track.predict(time, config);
        }
        let rule = |min_similarity, fuse_score| Rule {
            min_similarity,
            fuse_score,
            per_class: config.per_class,
        };
        let first = rule(config.min_similarity, true);
        let second = rule(config.min_similarity_low, false);
        let unconfirmed = rule(config.min_similarity_new, true);
        let hits = if self.fresh { 1 } else { config.confirm_hits };

        self.choose(detections);
        self.associate(detections, false, first, Track::is_confirmed);
        self.associate(detections, true, second, |track| {
            track.state == State::Active
        });
        self.associate(detections, false, unconfirmed, |track| {
            !track.is_confirmed()
        });

        self.tracks
            .retain(|track| track.is_confirmed() || track.detection.is_some());
        for track in &mut self.tracks {
            if track.detection.is_none() {
                track.miss();
            }
        }
        self.start_tracks(time, detections);
        for track in &mut self.tracks {
            track.confirm(hits, &mut self.last_id);
        }
        self.fresh = false;
        self.remove_duplicates();

        out.clear();
        let seen = |track: &&Track| track.is_confirmed() && track.detection.is_some();
        out.extend(self.tracks.iter().filter(seen).map(Track::output));
        out.sort_unstable_by_key(|track| track.id);
    }

    fn coast(&self, time: Time, out: &mut Vec<TrackedObject>) {
        out.clear();
        for track in &self.tracks {
            let age = time.saturating_sub(track.last_seen);
            if track.state == State::Active && age <= self.config.max_coast {
                out.push(TrackedObject {
                    detection: None,
                    ..track.coasted(time)
                });
            }
        }
        out.sort_unstable_by_key(|track| track.id);
    }

    fn end_all(&mut self) {
        self.tracks.clear();
        self.fresh = true;
    }

    fn rescale(&mut self, sx: f32, sy: f32) {
        for track in &mut self.tracks {
            track.rescale(sx, sy);
        }
    }

    fn counts(&self) -> Counts {
        let count = |wanted: fn(&State) -> bool| {
            self.tracks
                .iter()
                .filter(|track| wanted(&track.state))
                .count()
        };
        Counts {
            active: count(|state| *state == State::Active),
            lost: count(|state| matches!(state, State::Lost(_))),
            total: self.last_id,
        }
    }
}
