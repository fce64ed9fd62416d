//! Tracks over time: which are seen, which are missing, and since when.

use std::collections::HashMap;

use super::engine::Observation;

/// Index of a track: rules keep their own state per track in vectors indexed by it. It is used
/// again once the track is forgotten.
pub(super) type Slot = usize;

/// One object over time.
#[derive(Debug, Clone)]
pub(super) struct Track {
    /// As it was seen last.
    pub last: Observation,
    /// Engine time at which it was seen last, in nanoseconds.
    pub last_seen: u64,
    /// Engine time of the first look that did not find it, since it was seen last.
    missing_since: Option<u64>,
    /// Number of the look on which it was seen last.
    look: u64,
}

/// The tracks that are known.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    slots: Vec<Option<Track>>,
    by_id: HashMap<u64, Slot>,
    free: Vec<Slot>,
}

impl Tracks {
    /// Number of slots in use or free: what per-slot vectors need.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Number of tracks.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn slot_of(&self, id: u64) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    pub fn get(&self, slot: Slot) -> Option<&Track> {
        self.slots.get(slot)?.as_ref()
    }

    /// Takes a sighting in; `None` if the track was already seen on this look (a tracker that
    /// gives two boxes one id).
    pub fn see(&mut self, object: &Observation, now: u64, look: u64) -> Option<Slot> {
        let slot = match self.slot_of(object.track) {
            Some(slot) => slot,
            None => self.add(object, now, look.wrapping_sub(1)),
        };
        let track = self.slots.get_mut(slot)?.as_mut()?;
        if track.look == look {
            return None;
        }
        track.last = *object;
        track.last_seen = now;
        track.missing_since = None;
        track.look = look;
        Some(slot)
    }

    fn add(&mut self, object: &Observation, now: u64, look: u64) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(Track {
            last: *object,
            last_seen: now,
            missing_since: None,
            look,
        });
        self.by_id.insert(object.track, slot);
        slot
    }

    /// If the track of `slot` was not seen on this look: for how long it has been missing.
    ///
    /// Absence counts from the first look that missed the track, not from when it was last seen:
    /// frames that nobody looked at say nothing.
    pub fn absence(&mut self, slot: Slot, now: u64, look: u64) -> Option<u64> {
        let track = self.slots.get_mut(slot)?.as_mut()?;
        if track.look == look {
            return None;
        }
        let since = *track.missing_since.get_or_insert(now);
        Some(now.saturating_sub(since))
    }

    /// Forgets a track; its slot is free.
    pub fn forget(&mut self, slot: Slot) {
        if let Some(track) = self.slots.get_mut(slot).and_then(Option::take) {
            self.by_id.remove(&track.last.track);
            self.free.push(slot);
        }
    }
}
