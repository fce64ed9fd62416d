//! `zone.entered` and `zone.exited`.

use serde_json::Map;
use vigil_analytics::Phase;

use super::engine::{Now, Open};
use super::model::ZoneRule;
use super::occurrence::{Occurrence, Place, Reason, end_data};
use super::tracks::{Slot, Track};

/// What is remembered of one track.
#[derive(Debug, Clone, Default)]
struct State {
    /// Sightings that matched the filter, up to the number that it takes.
    sightings: u32,
    /// Time of the first look of the present stay inside.
    inside_since: Option<u64>,
    /// Time of the first look outside after a stay inside.
    outside_since: Option<u64>,
    open: Option<Open>,
}

/// A zone rule at work.
#[derive(Debug)]
pub(super) struct ZoneWatch {
    pub rule: ZoneRule,
    states: Vec<State>,
    /// Visits that are open.
    inside: usize,
}

impl ZoneWatch {
    pub fn new(rule: ZoneRule) -> Self {
        Self {
            rule,
            states: Vec::new(),
            inside: 0,
        }
    }

    pub fn reserve(&mut self, slots: usize) {
        if self.states.len() < slots {
            self.states.resize_with(slots, State::default);
        }
    }

    pub fn open(&self) -> usize {
        self.inside
    }

    pub fn seen(&mut self, slot: Slot, track: &Track, now: &Now, out: &mut Vec<Occurrence>) {
        let rule = &self.rule;
        let Some(point) =
            (rule.anchor).place(track.last.bbox, rule.zone.units, now.width, now.height)
        else {
            return;
        };
        let state = &mut self.states[slot];
        let qualified = state.sightings >= rule.filter.min_sightings;
        if !qualified && (rule.filter).matches(track.last.label, track.last.confidence) {
            state.sightings += 1;
        }
        if rule.zone.contains(point) {
            self.is_inside(slot, track, now, out);
        } else {
            self.is_outside(slot, track, now, out);
        }
    }

    fn is_inside(&mut self, slot: Slot, track: &Track, now: &Now, out: &mut Vec<Occurrence>) {
        let state = &mut self.states[slot];
        state.outside_since = None;
        let since = *state.inside_since.get_or_insert(now.time);
        let stayed = now.time.saturating_sub(since) >= self.rule.enter_after;
        let qualified = state.sightings >= self.rule.filter.min_sightings;
        if state.open.is_some() || !stayed || !qualified {
            return;
        }
        let open = Open::new(since);
        state.open = Some(open);
        self.inside += 1;
        let data = Map::new();
        out.push(self.occurrence(open, track, Phase::Start, data));
    }

    fn is_outside(&mut self, slot: Slot, track: &Track, now: &Now, out: &mut Vec<Occurrence>) {
        let state = &mut self.states[slot];
        let Some(open) = state.open else {
            state.inside_since = None;
            return;
        };
        let since = *state.outside_since.get_or_insert(now.time);
        if now.time.saturating_sub(since) < self.rule.exit_after {
            return;
        }
        state.open = None;
        state.inside_since = None;
        state.outside_since = None;
        self.inside -= 1;
        let data = end_data(since.saturating_sub(open.since), Reason::Outside);
        out.push(self.occurrence(open, track, Phase::End, data));
    }

    pub fn gone(&mut self, slot: Slot, track: &Track, reason: Reason, out: &mut Vec<Occurrence>) {
        let Some(state) = self.states.get_mut(slot).map(std::mem::take) else {
            return;
        };
        let Some(open) = state.open else {
            return;
        };
        self.inside -= 1;
        let until = state.outside_since.unwrap_or(track.last_seen);
        let data = end_data(until.saturating_sub(open.since), reason);
        out.push(self.occurrence(open, track, Phase::End, data));
    }

    pub fn adopt(&mut self, old: &mut Self) -> bool {
        let same = self.rule.name == old.rule.name;
        if same {
            self.states = std::mem::take(&mut old.states);
            self.inside = std::mem::take(&mut old.inside);
        }
        same
    }

    /// `data.inside` is how many objects are in the zone after this.
    fn occurrence(
        &self,
        open: Open,
        track: &Track,
        phase: Phase,
        mut data: Map<String, serde_json::Value>,
    ) -> Occurrence {
        data.insert("inside".into(), self.inside.into());
        let event = match phase {
            Phase::Start => "zone.entered",
            _ => "zone.exited",
        };
        Occurrence {
            id: open.id,
            event,
            phase,
            rule: self.rule.name.clone(),
            verify: self.rule.verify.clone(),
            place: Place::Zone,
            object: track.last,
            data,
        }
    }
}
