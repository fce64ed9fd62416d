//! A way through the scene, with times.

use super::vector::{Ground, ground};

/// A point of a way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waypoint {
    /// Where.
    pub at: Ground,
    /// How long something stops there, in seconds.
    pub pause: f64,
}

/// Where something is and how it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Where.
    pub at: Ground,
    /// Direction in which it faces, of length 1.
    pub heading: Ground,
    /// In metres a second.
    pub speed: f32,
    /// Way that it has come, in metres: where it is in its stride.
    pub travelled: f32,
}

/// A part of a way, at constant speed.
#[derive(Debug, Clone, Copy)]
struct Leg {
    start: f64,
    end: f64,
    from: Ground,
    to: Ground,
    /// Way that was come before it.
    before: f32,
}

/// A way with times: a function from time to place.
#[derive(Debug, Clone, Default)]
pub struct Path {
    legs: Vec<Leg>,
}

/// A corner is turned, and a stop is reached, over this time to both sides, in seconds.
const SMOOTHING: f64 = 0.25;

impl Path {
    /// The way along `points` that takes `duration` seconds, at one speed but for the pauses. The
    /// pauses are shortened where they would take more than half of the time.
    pub fn lasting(points: &[Waypoint], duration: f64) -> Self {
        let pairs = || points.iter().zip(points.iter().skip(1));
        let length: f32 = pairs().map(|(a, b)| (b.at - a.at).length()).sum();
        let pauses: f64 = points.iter().map(|point| point.pause).sum();
        let shorten = if pauses > duration / 2.0 {
            duration / 2.0 / pauses
        } else {
            1.0
        };
        let moving = duration - pauses * shorten;
        let seconds_a_metre = moving / f64::from(length.max(1e-3));
        let times = pairs().map(|(a, b)| {
            (
                f64::from((b.at - a.at).length()) * seconds_a_metre,
                a.pause * shorten,
            )
        });
        let mut now = 0.0;
        let timed: Vec<_> = times
            .map(|(takes, pause)| {
                let start = now + pause;
                now = start + takes;
                (start, now)
            })
            .collect();
        Self::through(
            pairs()
                .zip(timed)
                .map(|((a, b), (start, end))| (start, end, a.at, b.at)),
        )
    }

    /// The way through legs of start, end, from, to.
    pub fn through(legs: impl Iterator<Item = (f64, f64, Ground, Ground)>) -> Self {
        let mut before = 0.0;
        let legs = legs
            .map(|(start, end, from, to)| {
                let leg = Leg {
                    start,
                    end,
                    from,
                    to,
                    before,
                };
                before += (to - from).length();
                leg
            })
            .collect();
        Self { legs }
    }

    /// Where something is at `time`; before the start it is there, after the end it stays there.
    pub fn at(&self, time: f64) -> Pose {
        let (at, travelled) = self.place(time);
        let (behind, _) = self.place(time - SMOOTHING);
        let (ahead, _) = self.place(time + SMOOTHING);
        let way = ahead - behind;
        let length = way.length();
        let heading = if length > 1e-3 {
            way * length.recip()
        } else {
            self.direction_before(time)
        };
        Pose {
            at,
            heading,
            speed: length / (2.0 * SMOOTHING as f32),
            travelled,
        }
    }

    fn place(&self, time: f64) -> (Ground, f32) {
        let Some(leg) = self.legs.iter().rev().find(|leg| leg.start <= time) else {
            return (
                self.legs.first().map_or(ground(0.0, 0.0), |leg| leg.from),
                0.0,
            );
        };
        let share = ((time - leg.start) / (leg.end - leg.start).max(1e-9)).min(1.0) as f32;
        let at = leg.from.towards(leg.to, share);
        (at, leg.before + (at - leg.from).length())
    }

    /// The direction of the last leg of some length that began before `time`, else of the first.
    fn direction_before(&self, time: f64) -> Ground {
        let direction = |leg: &Leg| {
            let way = leg.to - leg.from;
            let length = way.length();
            (length > 1e-3).then(|| way * length.recip())
        };
        let before = self.legs.iter().rev().filter(|leg| leg.start <= time);
        before
            .chain(self.legs.iter())
            .find_map(direction)
            .unwrap_or(ground(1.0, 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(points: &[(f32, f32, f64)]) -> Vec<Waypoint> {
        let point = |&(x, z, pause): &(f32, f32, f64)| Waypoint {
            at: ground(x, z),
            pause,
        };
        points.iter().map(point).collect()
    }

    #[test]
    fn a_way_takes_the_time_it_is_given() {
        let path = Path::lasting(
            &way(&[(0.0, 0.0, 0.0), (6.0, 0.0, 2.0), (6.0, 4.0, 0.0)]),
            12.0,
        );
        for (time, x, z, speed) in [
            (-1.0, 0.0, 0.0, 0.0),
            (3.0, 3.0, 0.0, 1.0),
            (6.0, 6.0, 0.0, 0.5), // half of the smoothing is before the stop
            (7.0, 6.0, 0.0, 0.0),
            (10.0, 6.0, 2.0, 1.0),
            (99.0, 6.0, 4.0, 0.0),
        ] {
            let pose = path.at(time);
            assert!(
                (pose.at.x - x).abs() < 1e-4 && (pose.at.z - z).abs() < 1e-4,
                "{time}: {pose:?}"
            );
            assert!((pose.speed - speed).abs() < 0.01, "{time}: {pose:?}");
        }
    }

    #[test]
    fn who_stops_keeps_facing_ahead() {
        let path = Path::lasting(
            &way(&[(0.0, 0.0, 0.0), (0.0, 5.0, 3.0), (5.0, 5.0, 0.0)]),
            13.0,
        );
        assert_eq!(path.at(6.5).heading, ground(0.0, 1.0));
        assert_eq!(path.at(10.0).heading, ground(1.0, 0.0));
    }

    #[test]
    fn pauses_never_take_all_of_the_time() {
        let path = Path::lasting(&way(&[(0.0, 0.0, 50.0), (4.0, 0.0, 0.0)]), 8.0);
        assert_eq!(path.at(4.0).at, ground(0.0, 0.0));
        assert!((path.at(6.0).at.x - 2.0).abs() < 1e-4);
        assert!((path.at(8.0).at.x - 4.0).abs() < 1e-4);
    }
}
