//! Statistics over time and over values: plain functions of plain numbers.

use crate::axis::{Bins, time_step};

/// What is so little before the end of a bin, in seconds, is in the next.
const ROUNDING: f64 = 1e-9;

/// A value that holds from each time on until the next; 0 before the first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps(Vec<(f64, f64)>);

impl Steps {
    /// Of (time, value) in any order; of those at one time the last counts.
    pub fn new(mut points: Vec<(f64, f64)>) -> Self {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(points)
    }

    /// How many of these (begin, end) are going on at a time.
    pub fn open(spans: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut changes: Vec<(f64, f64)> = Vec::new();
        for (begin, end) in spans {
            changes.push((begin, 1.0));
            changes.push((end.max(begin), -1.0));
        }
        // Ends before begins at the same time: who leaves makes room for who comes.
        changes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut value = 0.0;
        let points = changes.into_iter().map(|(time, change)| {
            value += change;
            // A span without length ends before it begins here.
            (time, f64::max(value, 0.0))
        });
        Self(points.collect())
    }

    /// The value at the end.
    pub fn last(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, value)| *value)
    }

    /// The highest value.
    pub fn max(&self) -> f64 {
        self.0.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }

    /// The time-weighted mean and the peak of each bin.
    pub fn mean_and_peak(&self, bins: &Bins) -> Vec<(f64, f64)> {
        let mut value = 0.0;
        let mut next = 0;
        (0..bins.count)
            .map(|i| {
                let (from, to) = bins.range(i);
                let (mut at, mut area, mut peak) = (from, 0.0, value);
                // The last bin holds what is at the very end of the axis.
                let is_last = i + 1 == bins.count;
                while let Some((time, new)) = self.0.get(next)
                    && (*time < to - ROUNDING || is_last)
                {
                    let time = time.clamp(from, to);
                    area += value * (time - at);
                    (at, value) = (time, *new);
                    // Of several values at one time, only the last one holds.
                    if self.0.get(next + 1).is_none_or(|(later, _)| *later > time) {
                        peak = if time == from { value } else { peak.max(value) };
                    }
                    next += 1;
                }
                area += value * (to - at);
                let length = to - from;
                (if length > 0.0 { area / length } else { value }, peak)
            })
            .collect()
    }

    /// The value at the end of each bin.
    pub fn ends(&self, bins: &Bins) -> Vec<f64> {
        let mut next = 0;
        let mut value = 0.0;
        (0..bins.count)
            .map(|i| {
                let (_, to) = bins.range(i);
                let is_last = i + 1 == bins.count;
                while let Some((time, new)) = self.0.get(next)
                    && (*time < to - ROUNDING || is_last)
                {
                    value = *new;
                    next += 1;
                }
                value
            })
            .collect()
    }

    /// The points to draw: all, or, where there are more than `most`, the peak of each of `most`
    /// bins. The second value says which.
    pub fn drawn(&self, bins: &Bins, most: usize) -> (Vec<(f64, f64)>, bool) {
        if self.0.len() <= most {
            return (self.0.clone(), false);
        }
        let peaks = self.mean_and_peak(bins);
        let at = |i| bins.range(i).0;
        let peaks = peaks.iter().enumerate();
        (peaks.map(|(i, (_, peak))| (at(i), *peak)).collect(), true)
    }
}

/// A total from a counter that may start again from 0.
#[derive(Debug, Default)]
pub struct Counter {
    last: f64,
    total: f64,
}

impl Counter {
    /// Takes what the counter shows; gives the total so far.
    pub fn shows(&mut self, value: f64) -> f64 {
        self.total += if value >= self.last {
            value - self.last
        } else {
            value
        };
        self.last = value;
        self.total
    }
}

/// The `p`-th percentile (0..100) of sorted values, by nearest rank; `None` of nothing.
pub fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * p / 100.0).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// How often durations were how long, in equal bins from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Width of a bin, in seconds.
    pub width: f64,
    /// How many of each kind are in each bin.
    pub counts: Vec<[usize; 2]>,
    /// The last bin holds all that is longer too.
    pub open_ended: bool,
}

impl Histogram {
    /// Of durations in seconds of two kinds, in at most about `most` bins. Where a few are much
    /// longer than the rest, they are in the last bin together, so that the rest can be seen.
    pub fn new(durations: &[(f64, usize)], most: usize) -> Self {
        let mut sorted: Vec<f64> = durations.iter().map(|(seconds, _)| *seconds).collect();
        sorted.sort_by(f64::total_cmp);
        let longest = percentile(&sorted, 100.0).unwrap_or(0.0);
        let usual = percentile(&sorted, 95.0).unwrap_or(0.0);
        let open_ended = usual > 0.0 && longest > 3.0 * usual;
        let top = if open_ended { 1.5 * usual } else { longest };
        let width = if top > 0.0 { time_step(top, most) } else { 1.0 };
        let count = (top / width + 1e-9).floor() as usize + 1;
        let mut counts = vec![[0; 2]; count];
        for (seconds, kind) in durations {
            let bin = ((seconds / width + 1e-9).floor().max(0.0) as usize).min(count - 1);
            counts[bin][*kind] += 1;
        }
        Self {
            width,
            counts,
            open_ended,
        }
    }
}

/// Points of a line thinned to at most `most`: in each of equal parts, the one that `better`
/// prefers, with its time.
pub fn thin(points: &[(f64, f64)], most: usize, better: fn(f64, f64) -> bool) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let size = points.len().div_ceil(most);
    let best = |part: &[(f64, f64)]| {
        part.iter()
            .copied()
            .reduce(|a, b| if better(b.1, a.1) { b } else { a })
    };
    points.chunks(size).filter_map(best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::{Axis, Clock};

    fn bins(to: f64, most: usize) -> Bins {
        Axis::new(0.0, to, Clock::Media).bins(most, 0.0)
    }

    #[test]
    fn what_is_open_is_counted_and_weighted_by_time() {
        // One from 1 to 5, another from 2 to 3.
        let steps = Steps::open([(1.0, 5.0), (2.0, 3.0)]);
        assert_eq!((steps.max(), steps.last()), (2.0, 0.0));
        assert_eq!(
            steps.mean_and_peak(&bins(8.0, 4)),
            [(0.5, 1.0), (1.5, 2.0), (0.5, 1.0), (0.0, 0.0)]
        );
    }

    #[test]
    fn who_leaves_makes_room_for_who_comes() {
        let steps = Steps::open([(0.0, 2.0), (2.0, 4.0), (3.0, 3.0)]);
        assert_eq!(steps.max(), 1.0);
        assert_eq!(steps.last(), 0.0);
    }

    #[test]
    fn of_values_at_one_time_the_last_one_holds() {
        let steps = Steps::new(vec![(1.0, 5.0), (1.0, 2.0), (2.0, 0.0)]);
        let (_, peak) = steps.mean_and_peak(&bins(4.0, 1))[0];
        assert_eq!(peak, 2.0);
        // What was before a bin's first moment is no peak of it.
        assert_eq!(steps.mean_and_peak(&bins(4.0, 4))[2], (0.0, 0.0));
    }

    #[test]
    fn changes_at_the_very_end_are_in_the_last_bin() {
        let steps = Steps::new(vec![(0.5, 1.0), (4.0, 3.0)]);
        assert_eq!(steps.ends(&bins(4.0, 2)), [1.0, 3.0]);
        let (mean, peak) = steps.mean_and_peak(&bins(4.0, 2))[1];
        assert_eq!((mean, peak), (1.0, 3.0));
    }

    #[test]
    fn many_steps_are_drawn_by_their_peaks() {
        let points: Vec<_> = (0..1000)
            .map(|i| (f64::from(i) / 100.0, f64::from(i % 7)))
            .collect();
        let steps = Steps::new(points);
        let (few, thinned) = steps.drawn(&bins(10.0, 10), 100);
        assert!(thinned);
        assert_eq!(few.len(), 10);
        assert!(few.iter().all(|(_, value)| *value == 6.0), "{few:?}");
        assert!(!steps.drawn(&bins(10.0, 10), 1000).1);
    }

    #[test]
    fn a_counter_that_starts_again_goes_on() {
        let mut counter = Counter::default();
        let totals: Vec<_> = [1.0, 2.0, 5.0, 1.0, 1.0, 3.0]
            .into_iter()
            .map(|value| counter.shows(value))
            .collect();
        assert_eq!(totals, [1.0, 2.0, 5.0, 6.0, 6.0, 8.0]);
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        let values = [1.0, 2.0, 3.0, 4.0];
        for (p, expected) in [
            (0.0, 1.0),
            (25.0, 1.0),
            (50.0, 2.0),
            (51.0, 3.0),
            (100.0, 4.0),
        ] {
            assert_eq!(percentile(&values, p), Some(expected), "p{p}");
        }
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
    }

    #[test]
    fn durations_fall_into_round_bins() {
        let kinds =
            |seconds: &[f64]| -> Vec<(f64, usize)> { seconds.iter().map(|s| (*s, 0)).collect() };
        let mut durations = kinds(&[0.0, 0.5, 1.0, 1.9, 9.5]);
        durations[1].1 = 1;
        let histogram = Histogram::new(&durations, 10);
        assert_eq!((histogram.width, histogram.open_ended), (1.0, false));
        let expected: Vec<[usize; 2]> = [
            [1, 1],
            [2, 0],
            [0, 0],
            [0, 0],
            [0, 0],
            [0, 0],
            [0, 0],
            [0, 0],
            [0, 0],
            [1, 0],
        ]
        .to_vec();
        assert_eq!(histogram.counts, expected);

        let mut long = vec![1.0; 99];
        long.push(500.0);
        let histogram = Histogram::new(&kinds(&long), 10);
        assert_eq!((histogram.width, histogram.open_ended), (0.2, true));
        assert_eq!(histogram.counts.last(), Some(&[1, 0]));
        assert_eq!(histogram.counts[5], [99, 0]);

        for nothing in [&[][..], &[0.0, 0.0]] {
            let histogram = Histogram::new(&kinds(nothing), 10);
            assert_eq!(histogram.counts, [[nothing.len(), 0]]);
        }
    }

    #[test]
    fn thinning_keeps_what_is_preferred() {
        let points: Vec<_> = (0..100)
            .map(|i| (f64::from(i), f64::from(i % 10)))
            .collect();
        let peaks = thin(&points, 10, |new, old| new > old);
        assert_eq!(peaks.len(), 10);
        assert!(peaks.iter().all(|(_, value)| *value == 9.0));
        assert_eq!(thin(&points, 100, |_, _| false), points);
    }
}
