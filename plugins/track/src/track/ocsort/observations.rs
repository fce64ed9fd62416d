//! What a track was last observed to do: the observation-centric side of OC-SORT (§4 of the
//! paper).

use super::INERTIA;
use crate::geometry::Rect;
use crate::track::Detection;
use crate::track::sort::{Model, Motion};

/// Looks over which a direction is measured [delta_t].
const DIRECTION_LOOKS: u64 = 3;
/// Room for the observations that directions are measured from, and the one in hand.
const ROOM: usize = DIRECTION_LOOKS as usize + 1;

/// Observations of a track and the filter that follows them.
#[derive(Debug)]
pub struct Observed {
    motion: Motion,
    /// Looks since the track began.
    age: u64,
    /// Recent observations, each with the age it was made at, by age modulo [`ROOM`].
    recent: [Option<(u64, Rect)>; ROOM],
    /// The last one. As in the authors' implementation the detection that began the track is none.
    last: Option<(u64, Rect)>,
    /// Unit vector, 0 while unknown.
    direction: (f32, f32),
    /// The filter as it was predicted for the first look that missed the track.
    before_gap: Option<Motion>,
}

impl Observed {
    /// The observation of three looks ago, or the oldest since, or the last one.
    fn earlier(&self) -> Option<Rect> {
        for looks in (1..=DIRECTION_LOOKS.min(self.age)).rev() {
            let age = self.age - looks;
            if let Some((made, bbox)) = self.recent[age as usize % ROOM]
                && made == age
            {
                return Some(bbox);
            }
        }
        self.last.map(|(_, bbox)| bbox)
    }

    /// How well a detection goes on in the track's direction, -0.5..0.5 (observation-centric
    /// momentum, §4.2, equation 7).
    fn momentum(&self, detection: Rect) -> f32 {
        let Some(earlier) = self.earlier() else {
            return 0.0;
        };
        let (x, y) = direction(earlier, detection);
        let cosine = (self.direction.0 * x + self.direction.1 * y).clamp(-1.0, 1.0);
        0.5 - cosine.acos() / std::f32::consts::PI
    }

    /// Leads the filter along a straight line over the looks that missed the track
    /// (observation-centric re-update, §4.1).
    fn follow(&mut self, from: Rect, to: Rect, looks: u64) {
        let ((x1, y1), (x2, y2)) = (from.center(), to.center());
        for look in 1..=looks {
            let share = look as f32 / looks as f32;
            let between = |a: f32, b: f32| a + (b - a) * share;
            let (w, h) = (between(from.w, to.w), between(from.h, to.h));
            let (x, y) = (between(x1, x2), between(y1, y2));
            let bbox = Rect::new(x - w * 0.5, y - h * 0.5, w, h);
            self.motion.update(bbox);
            if look < looks {
                self.motion.predict();
            }
        }
    }
}

impl Model for Observed {
    const HAS_BONUS: bool = true;
    const MORE_THAN_THRESHOLD: bool = true;

    fn new(bbox: Rect) -> Self {
        Self {
            motion: Motion::new(bbox),
            age: 0,
            recent: [None; ROOM],
            last: None,
            direction: (0.0, 0.0),
            before_gap: None,
        }
    }

    fn predict(&mut self) {
        self.motion.predict();
        self.age += 1;
    }

    fn observe(&mut self, bbox: Rect) {
        if let Some(earlier) = self.earlier() {
            self.direction = direction(earlier, bbox);
        }
        if let (Some(before), Some((age, from))) = (self.before_gap.take(), self.last) {
            self.motion = before;
            self.follow(from, bbox, self.age - age);
        }
        self.motion.update(bbox);
        self.last = Some((self.age, bbox));
        self.recent[self.age as usize % ROOM] = self.last;
    }

    fn miss(&mut self) {
        if self.before_gap.is_none() && self.last.is_some() {
            self.before_gap = Some(self.motion);
        }
    }

    fn motion(&self) -> &Motion {
        &self.motion
    }

    fn rescale(&mut self, sx: f32, sy: f32) {
        self.motion.rescale(sx, sy);
        if let Some(motion) = &mut self.before_gap {
            motion.rescale(sx, sy);
        }
        for (_, bbox) in self.recent.iter_mut().chain([&mut self.last]).flatten() {
            *bbox = bbox.scaled(sx, sy);
        }
    }

    fn bonus(&self, detection: &Detection) -> f32 {
        INERTIA * self.momentum(detection.bbox) * detection.score
    }

    fn last_observation(&self) -> Option<Rect> {
        self.last.map(|(_, bbox)| bbox)
    }
}

/// From the centre of one box to that of another, of length 1; 0 where they are one.
fn direction(from: Rect, to: Rect) -> (f32, f32) {
    let ((x1, y1), (x2, y2)) = (from.center(), to.center());
    let (dx, dy) = (x2 - x1, y2 - y1);
    let length = dx.hypot(dy) + 1e-6;
    (dx / length, dy / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Rect {
        Rect::new(x, 0.0, 10.0, 20.0)
    }

    #[test]
    fn going_on_is_better_than_turning_round() {
        let mut observed = Observed::new(at(0.0));
        assert_eq!(observed.momentum(at(5.0)), 0.0, "nothing observed yet");
        for x in [5.0, 10.0, 15.0] {
            observed.predict();
            observed.observe(at(x));
        }
        observed.predict();
        assert!((observed.momentum(at(20.0)) - 0.5).abs() < 1e-3);
        assert!((observed.momentum(at(0.0)) + 0.5).abs() < 1e-3);
    }

    #[test]
    fn a_filter_that_lost_its_way_is_led_back_along_a_line() {
        let velocity = |observed: &Observed| observed.motion().velocity().0;
        let mut observed = Observed::new(at(0.0));
        for i in 1..10 {
            observed.predict();
            observed.observe(at(5.0 * i as f32));
        }
        for _ in 0..9 {
            observed.predict();
            observed.miss();
        }
        // It stood still meanwhile.
        observed.predict();
        observed.observe(at(45.0));
        assert!(velocity(&observed).abs() < 2.0, "{}", velocity(&observed));
    }
}
