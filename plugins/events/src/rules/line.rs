//! `line.crossed`.

use serde_json::json;
use vigil_analytics::Phase;

use super::engine::{Now, instant_id};
use super::geometry::{Crossing, Path, Point, Units};
use super::model::{Directions, LineRule};
use super::occurrence::{Occurrence, Place};
use super::tracks::{Slot, Track};

/// What is remembered of one track.
#[derive(Debug, Clone, Default)]
struct State {
    /// Sightings that matched the filter, up to the number that it takes.
    sightings: u32,
    path: Path,
    /// A crossing that does not count yet: the object is still within the margin, or has not been
    /// seen often enough. Going back undoes it.
    pending: Option<Crossing>,
}

/// A line rule at work.
#[derive(Debug)]
pub(super) struct LineWatch {
    pub rule: LineRule,
    states: Vec<State>,
    forward: u64,
    backward: u64,
}

impl LineWatch {
    pub fn new(rule: LineRule) -> Self {
        Self {
            rule,
            states: Vec::new(),
            forward: 0,
            backward: 0,
        }
    }

    pub fn reserve(&mut self, slots: usize) {
        if self.states.len() < slots {
            self.states.resize_with(slots, State::default);
        }
    }

    pub fn seen(&mut self, slot: Slot, track: &Track, now: &Now, out: &mut Vec<Occurrence>) {
        let rule = &self.rule;
        let Some(point) =
            (rule.anchor).place(track.last.bbox, rule.line.units, now.width, now.height)
        else {
            return;
        };
        let state = &mut self.states[slot];
        if let Some(crossing) = state.path.step(&rule.line, point) {
            state.pending = match state.pending {
                Some(pending) if pending != crossing => None,
                _ => Some(crossing),
            };
        }
        let qualified = state.sightings >= rule.filter.min_sightings;
        if !qualified && (rule.filter).matches(track.last.label, track.last.confidence) {
            state.sightings += 1;
        }
        if state.pending.is_some()
            && state.sightings >= rule.filter.min_sightings
            && is_clear(rule, point, now)
            && let Some(crossing) = state.pending.take()
        {
            self.count(crossing, track, out);
        }
    }

    fn count(&mut self, crossing: Crossing, track: &Track, out: &mut Vec<Occurrence>) {
        let (direction, counter, wanted) = match crossing {
            Crossing::Forward => ("forward", &mut self.forward, Directions::Forward),
            Crossing::Backward => ("backward", &mut self.backward, Directions::Backward),
        };
        *counter += 1;
        if self.rule.directions != Directions::Both && self.rule.directions != wanted {
            return;
        }
        let mut data = serde_json::Map::new();
        data.insert("direction".into(), direction.into());
        data.insert(
            "counts".into(),
            json!({"forward": self.forward, "backward": self.backward}),
        );
        out.push(Occurrence {
            id: instant_id(),
            event: "line.crossed",
            phase: Phase::Instant,
            rule: self.rule.name.clone(),
            verify: self.rule.verify.clone(),
            place: Place::Line,
            object: track.last,
            data,
        });
    }

    pub fn forget(&mut self, slot: Slot) {
        if let Some(state) = self.states.get_mut(slot) {
            *state = State::default();
        }
    }

    pub fn reset_counts(&mut self) {
        self.forward = 0;
        self.backward = 0;
    }

    pub fn adopt(&mut self, old: &mut Self) -> bool {
        let same = self.rule.name == old.rule.name;
        if same {
            self.forward = old.forward;
            self.backward = old.backward;
            // A path is relative to its line: where that moved, it begins anew.
            if self.rule.line == old.rule.line && self.rule.anchor == old.rule.anchor {
                self.states = std::mem::take(&mut old.states);
            }
        }
        same
    }
}

/// Whether the point is far enough from the line for its side to be sure.
fn is_clear(rule: &LineRule, point: Point, now: &Now) -> bool {
    let aspect = match rule.line.units {
        Units::Normalized => f64::from(now.width) / f64::from(now.height),
        Units::Pixels => 1.0,
    };
    rule.line.side(point).is_some() && rule.line.distance(point, aspect) >= rule.margin
}
