//! Numbers and times of frames, without rounding errors that add up.

const SECOND: u128 = 1_000_000_000;

/// Which frame is shown when. Times are in nanoseconds of the stream.
///
/// Frame numbers go on where the rate changes; the times before that stay as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    /// Frames in `period` seconds; 0 for a stream of one frame.
    frames: u128,
    period: u128,
    /// A frame and its time, from which the others are counted.
    origin: (u64, u64),
}

impl Timing {
    /// `frames`/`period` frames a second, from number and time 0 on.
    pub fn new(frames: u32, period: u32) -> Self {
        Self {
            frames: frames.into(),
            period: period.max(1).into(),
            origin: (0, 0),
        }
    }

    /// This rate from frame `number` on, which keeps its time.
    pub fn change_rate(&mut self, number: u64, frames: u32, period: u32) {
        let time = self.time(number);
        *self = Self {
            origin: (number, time),
            ..Self::new(frames, period)
        };
    }

    /// The same rate from number and time 0 on.
    fn restarted(self) -> Self {
        Self {
            origin: (0, 0),
            ..self
        }
    }

    /// Whether there are frames after the first one.
    pub fn is_moving(&self) -> bool {
        self.frames > 0
    }

    /// Whether frame `number` exists.
    pub fn has(&self, number: u64) -> bool {
        self.is_moving() || number <= self.origin.0
    }

    /// When frame `number` is shown.
    pub fn time(&self, number: u64) -> u64 {
        let (first, start) = self.origin;
        if !self.is_moving() {
            return start;
        }
        let since = u128::from(number.saturating_sub(first)) * self.period * SECOND / self.frames;
        start.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// For how long frame `number` is shown; `None` for the only one.
    pub fn duration(&self, number: u64) -> Option<u64> {
        self.is_moving()
            .then(|| self.time(number.saturating_add(1)) - self.time(number))
    }

    /// Frame that is shown at `time`; the first one before the origin.
    pub fn at(&self, time: u64) -> u64 {
        let (first, start) = self.origin;
        let since = u128::from(time.saturating_sub(start));
        let number = first + (since * self.frames / (self.period * SECOND)) as u64;
        // Times are rounded down, so the next one may have begun.
        let has_next_begun = self.is_moving() && self.time(number + 1) <= time;
        number + u64::from(has_next_begun)
    }

    /// First frame that begins at `time` or later.
    pub fn not_before(&self, time: u64) -> u64 {
        let number = self.at(time);
        if self.time(number) < time && self.is_moving() {
            number + 1
        } else {
            number
        }
    }
}

/// Where the source is in its stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    timing: Option<Timing>,
    next: Next,
}

/// The frame to be made next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The one that is shown at this time: nothing was made since a start or a seek.
    At(u64),
    /// The one of this number.
    Number(u64),
}

impl Default for Next {
    fn default() -> Self {
        Self::At(0)
    }
}

impl Position {
    /// Goes to the frame that is shown at `time`.
    pub fn seek(&mut self, time: u64) {
        self.next = Next::At(time);
        // As if the rate had been the same from the beginning on.
        self.timing = self.timing.map(Timing::restarted);
    }

    /// Takes over a rate for the frames to come.
    pub fn set_rate(&mut self, frames: u32, period: u32) {
        match (&mut self.timing, self.next) {
            (Some(timing), Next::Number(number)) => timing.change_rate(number, frames, period),
            (timing, _) => *timing = Some(Timing::new(frames, period)),
        }
    }

    /// Times of the frames, once the rate is known.
    pub fn timing(&self) -> Option<Timing> {
        self.timing
    }

    /// Whether nothing was made since a start or a seek.
    pub fn is_fresh(&self) -> bool {
        matches!(self.next, Next::At(_))
    }

    /// Number of the frame to be made next.
    pub fn number(&self) -> u64 {
        match (self.next, self.timing) {
            (Next::Number(number), _) => number,
            (Next::At(time), Some(timing)) => timing.at(time),
            (Next::At(_), None) => 0,
        }
    }

    /// The frame of this number was made.
    pub fn made(&mut self, number: u64) {
        self.next = Next::Number(number + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thirty_frames_are_a_second() {
        let timing = Timing::new(30, 1);
        assert_eq!(timing.time(1), 33_333_333);
        assert_eq!(timing.duration(1), Some(33_333_333));
        assert_eq!(timing.duration(2), Some(33_333_334));
        assert_eq!(timing.time(30), 1_000_000_000);
        // A day of NTSC.
        assert_eq!(
            Timing::new(30_000, 1001).time(2_592_000),
            86_486_400_000_000
        );
    }

    #[test]
    fn a_rate_of_nothing_is_one_frame() {
        let timing = Timing::new(0, 1);
        assert_eq!((timing.time(0), timing.duration(0)), (0, None));
        assert!(timing.has(0) && !timing.has(1));
        assert_eq!((timing.at(1 << 60), timing.not_before(1 << 60)), (0, 0));
    }

    #[test]
    fn a_new_rate_goes_on_from_where_it_begins() {
        let mut timing = Timing::new(30, 1);
        timing.change_rate(3, 10, 1);
        assert_eq!(
            [3, 4, 5].map(|n| timing.time(n)),
            [100_000_000, 200_000_000, 300_000_000]
        );
        assert_eq!(timing.at(250_000_000), 4);
        timing.change_rate(5, 0, 1);
        assert_eq!(
            (timing.time(5), timing.has(5), timing.has(6)),
            (300_000_000, true, false)
        );
    }

    #[test]
    fn a_seek_leads_to_the_frame_of_that_time() {
        let mut position = Position::default();
        position.seek(100_000_000);
        assert_eq!((position.number(), position.timing()), (0, None));
        position.set_rate(30, 1);
        assert_eq!((position.number(), position.is_fresh()), (3, true));
        position.made(3);
        position.set_rate(10, 1);
        assert_eq!((position.number(), position.is_fresh()), (4, false));
        let time = |position: &Position, n| position.timing().unwrap().time(n);
        assert_eq!(
            [4, 5].map(|n| time(&position, n)),
            [133_333_333, 233_333_333]
        );
        position.seek(1_000_000_000);
        assert_eq!(position.number(), 10);
        assert_eq!(time(&position, 10), 1_000_000_000);
    }

    proptest! {
        #[test]
        fn every_time_is_in_its_frame(
            frames in 1..100_000u32,
            period in 1..2000u32,
            time in 0..1_000_000_000_000_000u64,
            origin in 0..1000u64,
        ) {
            let mut timing = Timing::new(25, 1);
            timing.change_rate(origin, frames, period);
            let number = timing.at(time);
            prop_assert!(timing.time(number) <= time || number == origin);
            prop_assert!(timing.time(number + 1) > time);
            let next = timing.not_before(time);
            prop_assert!(timing.time(next) >= time.min(timing.time(next)));
            prop_assert!(next == origin || timing.time(next - 1) < time);
        }

        #[test]
        fn a_frame_is_found_at_its_own_time(number in 0..10_000_000u64, frames in 1..1001u32) {
            let timing = Timing::new(frames, 1);
            prop_assert_eq!(timing.at(timing.time(number)), number);
            prop_assert_eq!(timing.not_before(timing.time(number)), number);
        }
    }
}
