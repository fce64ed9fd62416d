//! The axis of time, and round numbers for axes of anything.

use vigil_analytics::time::Timestamp;

/// What the seconds of an [`Axis`] mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clock {
    /// Position in the stream: 0 is its first frame.
    Media,
    /// Seconds after a time of day, told in UTC.
    Wall(Timestamp),
}

impl Clock {
    /// Seconds from midnight to the axis' 0.
    fn offset(self) -> f64 {
        match self {
            Self::Media => 0.0,
            Self::Wall(origin) => (origin.as_millisecond() as f64 / 1e3).rem_euclid(86_400.0),
        }
    }

    /// A time with this many digits after the point: `1:05`, `1:02:05`, and `14:03:05` by the
    /// wall clock.
    pub fn label(self, seconds: f64, digits: usize) -> String {
        let unit = 10f64.powi(digits as i32);
        // Rounded as a whole first: 59.99 with one digit is 1:00.0.
        let total = ((seconds + self.offset()) * unit).round().max(0.0) / unit;
        let wall = matches!(self, Self::Wall(_));
        let total = if wall { total % 86_400.0 } else { total };
        let minutes = (total / 60.0 + 1e-9).floor();
        let rest = (total - minutes * 60.0).max(0.0);
        let width = if digits == 0 { 2 } else { digits + 3 };
        let rest = format!("{rest:0width$.digits$}");
        let (hours, minutes) = (minutes as u64 / 60, minutes as u64 % 60);
        match (wall, hours) {
            (true, _) => format!("{hours:02}:{minutes:02}:{rest}"),
            (false, 0) => format!("{minutes}:{rest}"),
            (false, _) => format!("{hours}:{minutes:02}:{rest}"),
        }
    }
}

/// Steps of a time axis, in seconds, that people count in.
const STEPS: [f64; 33] = [
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    345_600.0,
    604_800.0,
    2_419_200.0,
    7_257_600.0,
    31_536_000.0,
];

/// The shortest of [`STEPS`] that divides `seconds` into `parts` or fewer.
pub fn time_step(seconds: f64, parts: usize) -> f64 {
    let least = seconds / parts.max(1) as f64;
    let step = STEPS.into_iter().find(|step| *step >= least * (1.0 - 1e-9));
    step.unwrap_or(least)
}

/// The smallest of 1, 2, 2.5, 5 × 10ⁿ that divides 0..`max` into `parts` or fewer; 1 at least where
/// only whole numbers make sense.
pub fn value_step(max: f64, parts: usize, whole: bool) -> f64 {
    let least = max / parts.max(1) as f64;
    if least.is_nan() || least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .filter(|step| !whole || step.fract() == 0.0)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power);
    if whole { step.max(1.0) } else { step }
}

/// From when to when, and what the numbers mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Start, in seconds.
    pub from: f64,
    /// End, in seconds; after the start.
    pub to: f64,
    /// What the seconds mean.
    pub clock: Clock,
}

impl Axis {
    /// An axis that holds times from `first` to `last`, of any length but 0.
    pub fn new(first: f64, last: f64, clock: Clock) -> Self {
        // A stream that was looked at from its start on should be seen from its start on.
        let from = match clock {
            Clock::Media if first <= 0.5 * last => 0.0,
            _ => first,
        };
        let to = if last > from { last } else { from + 1.0 };
        Self { from, to, clock }
    }

    /// Length in seconds.
    pub fn length(&self) -> f64 {
        self.to - self.from
    }

    /// Where a time is on the axis, 0..1; times beyond the ends are at the ends.
    pub fn fraction(&self, seconds: f64) -> f64 {
        ((seconds - self.from) / self.length()).clamp(0.0, 1.0)
    }

    /// At most about `most` round times with their labels.
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let step = time_step(self.length(), most);
        let digits = digits_of(step);
        self.multiples(step)
            .map(|t| (t, self.clock.label(t, digits)))
            .collect()
    }

    /// Equal spans of a round length, `least` seconds or more; `most` or one more of them.
    pub fn bins(&self, most: usize, least: f64) -> Bins {
        let width = time_step(self.length(), most).max(least);
        let offset = self.clock.offset();
        let start = ((self.from + offset) / width + 1e-9).floor() * width - offset;
        let count = ((self.to - start) / width - 1e-9).ceil().max(1.0) as usize;
        Bins {
            axis: *self,
            start,
            width,
            count,
        }
    }

    /// A time as precise as events are told: hundredths of a second.
    pub fn exact(&self, seconds: f64) -> String {
        self.clock.label(seconds, 2)
    }

    fn multiples(&self, step: f64) -> impl Iterator<Item = f64> + use<> {
        let offset = self.clock.offset();
        let first = ((self.from + offset) / step - 1e-9).ceil();
        let last = ((self.to + offset) / step + 1e-9).floor();
        (0..=(last - first).max(-1.0) as i64).map(move |i| (first + i as f64) * step - offset)
    }
}

/// Digits after the point that multiples of `step` need, 3 at most.
pub fn digits_of(step: f64) -> usize {
    (0..3)
        .find(|digits| {
            let scaled = step * 10f64.powi(*digits);
            (scaled - scaled.round()).abs() < 1e-9
        })
        .unwrap_or(3) as usize
}

/// Equal spans of time that cover an axis; the first and the last may reach beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bins {
    axis: Axis,
    start: f64,
    /// Length of each, in seconds.
    pub width: f64,
    /// How many there are; at least 1.
    pub count: usize,
}

impl Bins {
    /// The bin that a time is in; times beyond the ends are in the first or the last.
    pub fn index(&self, seconds: f64) -> usize {
        // 0.3 s is in the fourth bin of 0.1 s, though 0.3 / 0.1 is less than 3.
        let index = ((seconds - self.start) / self.width + 1e-6)
            .floor()
            .max(0.0);
        (index as usize).min(self.count - 1)
    }

    /// From when to when a bin is, without what is beyond the axis.
    pub fn range(&self, index: usize) -> (f64, f64) {
        let from = self.start + index as f64 * self.width;
        (
            from.max(self.axis.from),
            (from + self.width).min(self.axis.to),
        )
    }

    /// A bin in words: `0:10 – 0:12`.
    pub fn label(&self, index: usize) -> String {
        let (from, to) = self.range(index);
        let digits = digits_of(self.width);
        let clock = self.axis.clock;
        format!(
            "{} – {}",
            clock.label(from, digits),
            clock.label(to, digits)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        let wall = Clock::Wall("2026-01-01T12:00:04.200Z".parse().unwrap());
        for (clock, seconds, digits, expected) in [
            (Clock::Media, 0.0, 0, "0:00"),
            (Clock::Media, 65.0, 0, "1:05"),
            (Clock::Media, 59.99, 1, "1:00.0"),
            (Clock::Media, 3725.25, 2, "1:02:05.25"),
            (Clock::Media, -3.0, 0, "0:00"),
            (wall, 0.0, 1, "12:00:04.2"),
            (wall, 55.8, 0, "12:01:00"),
            (wall, 12.0 * 3600.0, 0, "00:00:04"),
        ] {
            assert_eq!(clock.label(seconds, digits), expected, "{seconds}");
        }
    }

    #[test]
    fn steps_are_round_and_never_too_many() {
        for (length, parts, expected) in [
            (79.5, 60, 2.0),
            (60.0, 60, 1.0),
            (60.1, 60, 2.0),
            (3600.0, 6, 600.0),
            (86_400.0, 8, 10_800.0),
            (1e12, 10, 1e11),
        ] {
            assert_eq!(time_step(length, parts), expected, "{length}");
        }
        for (max, parts, whole, expected) in [
            (7.0, 4, true, 2.0),
            (2.0, 4, true, 1.0),
            (2.0, 4, false, 0.5),
            (93.0, 4, false, 25.0),
            (93.0, 4, true, 25.0),
            (9.0, 4, true, 5.0),
            (9.0, 4, false, 2.5),
            (0.0, 4, false, 1.0),
        ] {
            assert_eq!(value_step(max, parts, whole), expected, "{max}");
        }
    }

    #[test]
    fn ticks_are_round_by_the_clock_that_is_shown() {
        let labels = |axis: Axis, most| -> Vec<String> {
            axis.ticks(most)
                .into_iter()
                .map(|(_, label)| label)
                .collect()
        };
        let media = Axis::new(0.4, 79.5, Clock::Media);
        assert_eq!(
            labels(media, 6),
            ["0:00", "0:15", "0:30", "0:45", "1:00", "1:15"]
        );
        let wall = Clock::Wall("2026-01-01T12:00:04.200Z".parse().unwrap());
        let wall = Axis::new(0.0, 60.0, wall);
        assert_eq!(
            labels(wall, 4),
            ["12:00:15", "12:00:30", "12:00:45", "12:01:00"]
        );
        assert_eq!(
            labels(Axis::new(5.0, 5.0, Clock::Media), 2),
            ["0:05.0", "0:05.5", "0:06.0"]
        );
    }

    #[test]
    fn bins_cover_the_axis_and_end_with_it() {
        let bins = Axis::new(0.0, 7.0, Clock::Media).bins(4, 0.0);
        assert_eq!((bins.width, bins.count), (2.0, 4));
        assert_eq!(bins.range(0), (0.0, 2.0));
        assert_eq!(bins.range(3), (6.0, 7.0));
        assert_eq!(bins.label(1), "0:02 – 0:04");
        for (t, index) in [(-1.0, 0), (0.0, 0), (1.99, 0), (2.0, 1), (7.0, 3), (9.0, 3)] {
            assert_eq!(bins.index(t), index, "{t}");
        }
        let tenths = Axis::new(0.0, 6.0, Clock::Media).bins(60, 0.0);
        assert!((0..60).all(|i| tenths.index(f64::from(i) / 10.0) == i as usize));
        assert_eq!(Axis::new(0.0, 6.0, Clock::Media).bins(60, 0.5).count, 12);
        let late = Axis::new(101.0, 103.0, Clock::Media);
        assert_eq!(
            (late.from, late.bins(4, 0.0).range(0)),
            (101.0, (101.0, 101.5))
        );
    }
}
