//! `object.appeared` and `object.left`.

use serde_json::Map;
use vigil_analytics::Phase;

use super::engine::{Now, Open};
use super::model::ObjectRule;
use super::occurrence::{Occurrence, Place, Reason, end_data};
use super::tracks::{Slot, Track};

/// What is remembered of one track.
#[derive(Debug, Clone, Default)]
struct State {
    /// Sightings that matched the filter, up to the number that it takes.
    sightings: u32,
    /// Time of the first sighting that matched.
    first: u64,
    open: Option<Open>,
}

/// An object rule at work.
#[derive(Debug)]
pub(super) struct ObjectWatch {
    pub rule: ObjectRule,
    states: Vec<State>,
}

impl ObjectWatch {
    pub fn new(rule: ObjectRule) -> Self {
        Self {
            rule,
            states: Vec::new(),
        }
    }

    pub fn reserve(&mut self, slots: usize) {
        if self.states.len() < slots {
            self.states.resize_with(slots, State::default);
        }
    }

    pub fn open(&self) -> usize {
        self.states.iter().filter(|s| s.open.is_some()).count()
    }

    pub fn seen(&mut self, slot: Slot, track: &Track, now: &Now, out: &mut Vec<Occurrence>) {
        let filter = &self.rule.filter;
        let state = &mut self.states[slot];
        if state.open.is_some() || !filter.matches(track.last.label, track.last.confidence) {
            return;
        }
        if state.sightings == 0 {
            state.first = now.time;
        }
        state.sightings += 1;
        if state.sightings < filter.min_sightings {
            return;
        }
        let open = Open::new(state.first);
        state.open = Some(open);
        out.push(self.occurrence(open, track, Phase::Start, Map::new()));
    }

    pub fn gone(&mut self, slot: Slot, track: &Track, reason: Reason, out: &mut Vec<Occurrence>) {
        let Some(state) = self.states.get_mut(slot).map(std::mem::take) else {
            return;
        };
        let Some(open) = state.open else {
            return;
        };
        let data = end_data(track.last_seen.saturating_sub(open.since), reason);
        out.push(self.occurrence(open, track, Phase::End, data));
    }

    pub fn adopt(&mut self, old: &mut Self) -> bool {
        let same = self.rule.name == old.rule.name;
        if same {
            self.states = std::mem::take(&mut old.states);
        }
        same
    }

    fn occurrence(
        &self,
        open: Open,
        track: &Track,
        phase: Phase,
        data: Map<String, serde_json::Value>,
    ) -> Occurrence {
        let event = match phase {
            Phase::Start => "object.appeared",
            _ => "object.left",
        };
        Occurrence {
            id: open.id,
            event,
            phase,
            rule: self.rule.name.clone(),
            verify: self.rule.verify.clone(),
            place: Place::Everywhere,
            object: track.last,
            data,
        }
    }
}
