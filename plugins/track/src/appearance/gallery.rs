//! What is known of each identity.

use super::Rules;
use super::feature;
use crate::geometry::Rect;
use crate::track::Time;

/// So many identities without a track are remembered at most, those that were seen last.
const MOST_REMEMBERED: usize = 1024;
/// In a moment, and in a second besides, an object moves by so many times the longer side of its box.
/// A person walks one of them a second, a car drives five; the rest is for cameras that pan.
const REACH: (f32, f32) = (2.0, 10.0);

/// Share of its size within which a box is at a side of the picture.
const NEAR_SIDE: f32 = 0.25;

/// An identity that was given.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub id: u64,
    pub class: u32,
    pub first_seen: Time,
    /// When it was last given to an object that was detected.
    pub last_seen: Time,
    /// Where that was.
    pub bbox: Rect,
    /// The track that has it; `None` where that ended.
    pub track: Option<u64>,
    /// What it looks like; empty while nobody knows.
    pub feature: Vec<f32>,
}

/// The identities that tracks have, and those that are remembered, in order of id.
#[derive(Debug, Default)]
pub(super) struct Gallery {
    identities: Vec<Identity>,
    /// Forgotten ones, whose memory is used again.
    free: Vec<Identity>,
    last_id: u64,
    /// Of the picture.
    size: (f32, f32),
}

impl Gallery {
    /// Gives an identity that nobody has had.
    pub fn add(&mut self, track: u64, class: u32, first_seen: Time) -> u64 {
        self.last_id += 1;
        let mut identity = self.free.pop().unwrap_or_default();
        identity.feature.clear();
        self.identities.push(Identity {
            id: self.last_id,
            class,
            first_seen,
            last_seen: first_seen,
            bbox: Rect::default(),
            track: Some(track),
            feature: identity.feature,
        });
        self.last_id
    }

    /// How many identities were given.
    pub fn given(&self) -> u64 {
        self.last_id
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.identities
            .binary_search_by_key(&id, |identity| identity.id)
            .ok()
    }

    pub fn get(&self, id: u64) -> Option<&Identity> {
        Some(&self.identities[self.place(id)?])
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Identity> {
        let place = self.place(id)?;
        Some(&mut self.identities[place])
    }

    /// Learns what an identity looks like.
    pub fn learn(&mut self, id: u64, seen: &[f32]) {
        if let Some(identity) = self.get_mut(id) {
            feature::follow(&mut identity.feature, seen);
        }
    }

    /// The identities that an object of this class may have that came to be here since then.
    pub fn candidates<'a>(
        &'a self,
        rules: &'a Rules,
        class: u32,
        (since, bbox): (Time, Rect),
    ) -> impl Iterator<Item = &'a Identity> {
        self.identities.iter().filter(move |identity| {
            let away = since.saturating_sub(identity.last_seen);
            // Who was seen beside an object is not that object.
            identity.last_seen < since
                && away <= rules.max_age
                && (!rules.per_class || identity.class == class)
                && is_reachable(identity.bbox, bbox, away)
                && comes_from_there(identity.bbox, bbox, self.size)
        })
    }

    /// Those of this class who have been seen since then, and whose looks are known.
    pub fn seen_since(&self, class: u32, since: Time) -> impl Iterator<Item = &Identity> {
        self.identities.iter().filter(move |identity| {
            identity.last_seen >= since && identity.class == class && !identity.feature.is_empty()
        })
    }

    /// Forgets who has no track and was not seen for too long.
    pub fn forget(&mut self, time: Time, max_age: Time) {
        let mut remembered = 0;
        self.drop_where(|identity| {
            remembered += usize::from(identity.track.is_none());
            identity.track.is_none() && time.saturating_sub(identity.last_seen) > max_age
        });
        for _ in MOST_REMEMBERED..remembered {
            let lost = self.identities.iter().filter(|i| i.track.is_none());
            let Some(oldest) = lost.map(|i| (i.last_seen, i.id)).min() else {
                return;
            };
            self.drop_where(|identity| identity.id == oldest.1);
        }
    }

    /// Forgets everybody. Ids go on counting.
    pub fn clear(&mut self) {
        self.free.append(&mut self.identities);
    }

    fn drop_where(&mut self, mut is_over: impl FnMut(&Identity) -> bool) {
        let over = |identity: &mut Identity| is_over(identity);
        self.free.extend(self.identities.extract_if(.., over));
    }

    /// Sets the size of the picture.
    pub fn set_size(&mut self, size: (f32, f32)) {
        self.size = size;
    }

    /// The axes of the picture were multiplied.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        for identity in &mut self.identities {
            identity.bbox = identity.bbox.scaled(sx, sy);
        }
    }
}

/// Whether an object could have got from one box to the other in that time.
fn is_reachable(from: Rect, to: Rect, time: Time) -> bool {
    let ((x, y), (to_x, to_y)) = (from.center(), to.center());
    let side = from.w.max(from.h).max(to.w).max(to.h);
    let seconds = time as f32 * 1e-9;
    (to_x - x).hypot(to_y - y) <= side * (REACH.0 + REACH.1 * seconds)
}

/// Who left the picture over one side comes back over that side, whether it moved or the camera did.
fn comes_from_there(left: Rect, now: Rect, size: (f32, f32)) -> bool {
    let (left, now) = (sides(left, size), sides(now, size));
    let touches = |sides: [bool; 4]| sides.contains(&true);
    let in_common = left.iter().zip(now).any(|(left, now)| *left && now);
    in_common || !touches(left) || !touches(now)
}

/// Which sides of the picture a box is at, within a quarter of its own size: left, right, top, bottom.
fn sides(bbox: Rect, (width, height): (f32, f32)) -> [bool; 4] {
    let (x, y) = (bbox.w * NEAR_SIDE, bbox.h * NEAR_SIDE);
    [
        bbox.x < x,
        bbox.right() > width - x,
        bbox.y < y,
        bbox.bottom() > height - y,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Rect = Rect::new(100.0, 100.0, 40.0, 100.0);

    #[test]
    fn who_left_over_one_side_comes_back_over_that_side() {
        let at = |x: f32| Rect { x, ..BOX };
        for (left, now, expected) in [
            (300.0, 500.0, true),
            (5.0, 300.0, true),
            (300.0, 595.0, true),
            (5.0, 0.0, true),
            (-20.0, 595.0, false),
            (610.0, 5.0, false),
        ] {
            let found = comes_from_there(at(left), at(now), (640.0, 480.0));
            assert_eq!(found, expected, "{left} {now}");
        }
    }

    #[test]
    fn only_so_many_are_remembered_and_never_longer_than_they_should() {
        let mut gallery = Gallery::default();
        for track in 0..MOST_REMEMBERED as u64 + 10 {
            let id = gallery.add(track, 0, track);
            gallery.get_mut(id).unwrap().track = (track % 2 == 1).then_some(track);
        }
        gallery.forget(2000, 5000);
        assert_eq!(gallery.identities.len(), MOST_REMEMBERED + 10);
        for identity in &mut gallery.identities {
            identity.track = None;
        }
        gallery.forget(2000, 5000);
        assert_eq!(gallery.identities.len(), MOST_REMEMBERED);
        assert_eq!(gallery.identities[0].id, 11, "the oldest are gone");
        gallery.forget(2000, 1000);
        assert_eq!(gallery.identities[0].last_seen, 1000);
        gallery.clear();
        assert_eq!(gallery.add(7, 0, 0), MOST_REMEMBERED as u64 + 11);
    }

    #[test]
    fn a_candidate_is_of_the_class_was_away_meanwhile_and_not_too_far() {
        let rules = Rules::default();
        let mut gallery = Gallery::default();
        gallery.add(1, 3, 0);
        let identity = gallery.get_mut(1).unwrap();
        (identity.last_seen, identity.bbox) = (1_000_000_000, BOX);
        gallery.set_size((1000.0, 500.0));
        let at = |x: f32| Rect { x, ..BOX };
        for (class, seconds, bbox, expected) in [
            (3, 1.5, BOX, true),
            (4, 1.5, BOX, false),
            (3, 1.0, BOX, false),
            (3, 0.5, BOX, false),
            (3, 11.5, BOX, false),
            (3, 1.5, at(800.0), true),
            (3, 1.5, at(801.0), false),
            (3, 3.5, at(801.0), true),
        ] {
            let since = (seconds * 1e9) as Time;
            let found = gallery.candidates(&rules, class, (since, bbox)).count();
            assert_eq!(found == 1, expected, "{class} {seconds} {bbox:?}");
        }
        let any = Rules {
            per_class: false,
            ..rules
        };
        let since = 1_500_000_000;
        assert_eq!(gallery.candidates(&any, 4, (since, BOX)).count(), 1);
    }
}
