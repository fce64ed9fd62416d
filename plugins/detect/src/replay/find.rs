//! Which record belongs to which frame.

use super::store::{Entry, Store};

const SECOND: i128 = 1_000_000_000;

/// How far a frame may be from its record where nothing says how long a frame is: half of 1/25 s.
const DEFAULT_TOLERANCE: i64 = 20_000_000;

/// Frames per second, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    num: u32,
    den: u32,
}

impl Rate {
    /// `num / den` frames per second; `None` for a variable rate (0) and for what is none.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        (num > 0 && den > 0).then_some(Self { num, den })
    }

    /// A rate with decimals, to a millionth; `None` for what is no rate.
    pub fn from_fps(fps: f64) -> Option<Self> {
        const PARTS: u32 = 1_000_000;
        if fps.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&fps) {
            return Self::new(fps as u32, 1);
        }
        let num = (fps * f64::from(PARTS)).round();
        // A number that is none fails the comparison too.
        (num >= 1.0 && num <= f64::from(u32::MAX)).then_some(Self {
            num: num as u32,
            den: PARTS,
        })
    }

    /// Frames per second.
    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Whether the other one is so different that frames drift apart within seconds.
    pub fn differs_from(self, other: Self) -> bool {
        (self.fps() / other.fps() - 1.0).abs() > 0.005
    }

    /// Number of the frame that is nearest to a time in nanoseconds: frame 0 is at time 0.
    fn frame_at(self, ns: i64) -> i64 {
        let frames = i128::from(ns) * i128::from(self.num);
        let per_frame = SECOND * i128::from(self.den);
        saturate((frames + per_frame / 2).div_euclid(per_frame))
    }

    /// Half of the time of a frame, in nanoseconds.
    fn half_frame(self) -> i64 {
        saturate(SECOND * i128::from(self.den) / (2 * i128::from(self.num)))
    }
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// What the times of a recording are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// PTS of the buffers that were recorded, in nanoseconds.
    Pts,
    /// Time since the beginning of the stream, in nanoseconds.
    StreamTime,
    /// Numbers of frames, from 0.
    FrameNumber,
}

/// Where a frame stands, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The buffer's PTS.
    pub pts: Option<i64>,
    /// The buffer's stream time: that since the beginning of the stream, negative before it.
    pub stream_time: Option<i64>,
}

/// Follows a stream, so that frames of the same time get records of the same time one after the
/// other.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    last: Option<i64>,
    again: usize,
}

/// What a recording says of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match<'a> {
    /// There is a record of it.
    Entry(&'a Entry),
    /// There is none, which says that a detector looked and found nothing.
    Nothing,
    /// There is none, which says nothing.
    Unknown,
}

/// When the frames of a recording are.
#[derive(Debug)]
pub(super) struct Times {
    /// What the times are.
    pub clock: Clock,
    /// The recording's own rate, where it is known.
    pub rate: Option<Rate>,
    /// First and last of the times for which a missing record says that nothing was found.
    pub complete: Option<(u64, u64)>,
    /// Half of the usual time between two records, in nanoseconds.
    half_spacing: Option<i64>,
}

impl Times {
    pub fn new(
        clock: Clock,
        rate: Option<Rate>,
        complete: Option<(u64, u64)>,
        store: &Store,
    ) -> Self {
        let half_spacing = match clock {
            Clock::FrameNumber => None,
            Clock::Pts | Clock::StreamTime => {
                usual_spacing(store).map(|ns| saturate(ns.into()) / 2)
            }
        };
        Self {
            clock,
            rate,
            complete,
            half_spacing,
        }
    }

    /// What is recorded of the frame at `position` of a video of this rate (`None`: variable).
    pub fn find<'a>(
        &self,
        store: &'a Store,
        position: Position,
        rate: Option<Rate>,
        cursor: &mut Cursor,
    ) -> Match<'a> {
        let Some((at, tolerance)) = self.place(position, rate) else {
            return Match::Unknown;
        };
        let again = cursor.count(at);
        match nearest(store.entries(), at, tolerance, again) {
            Some(entry) => Match::Entry(entry),
            None => match (self.complete, u64::try_from(at)) {
                (Some((first, last)), Ok(at)) if (first..=last).contains(&at) => Match::Nothing,
                _ => Match::Unknown,
            },
        }
    }

    /// When the frame is by the recording's clock, and how far its record may be from it.
    fn place(&self, position: Position, rate: Option<Rate>) -> Option<(i64, i64)> {
        let tolerance = || {
            let half_frame = rate.map(Rate::half_frame).or(self.half_spacing);
            half_frame.unwrap_or(DEFAULT_TOLERANCE)
        };
        Some(match self.clock {
            Clock::Pts => (position.pts?, tolerance()),
            Clock::StreamTime => (position.stream_time?, tolerance()),
            Clock::FrameNumber => (rate.or(self.rate)?.frame_at(position.stream_time?), 0),
        })
    }
}

impl Cursor {
    /// How many frames of the same time came directly before this one.
    fn count(&mut self, at: i64) -> usize {
        self.again = match self.last {
            Some(last) if last == at => self.again + 1,
            _ => 0,
        };
        self.last = Some(at);
        self.again
    }
}

/// The entry whose time is nearest to `at`, the earlier one of two; of several of that time the
/// one of this number, or the last.
fn nearest(entries: &[Entry], at: i64, tolerance: i64, number: usize) -> Option<&Entry> {
    let distance = |entry: &Entry| (i128::from(entry.at) - i128::from(at)).unsigned_abs();
    let after = entries.partition_point(|entry| i128::from(entry.at) < i128::from(at));
    let before = after.checked_sub(1).and_then(|i| entries.get(i));
    let found = match (before, entries.get(after)) {
        (Some(before), Some(after)) if distance(after) < distance(before) => after,
        (before, after) => before.or(after)?,
    };
    if distance(found) > tolerance.unsigned_abs().into() {
        return None;
    }
    let first = entries.partition_point(|entry| entry.at < found.at);
    let same = entries[first..].partition_point(|entry| entry.at == found.at);
    entries.get(first + number.min(same.saturating_sub(1)))
}

/// The median of the times between frames of different times.
fn usual_spacing(store: &Store) -> Option<u64> {
    let pairs = store.entries().windows(2);
    let mut spacings: Vec<u64> = pairs
        .map(|pair| pair[1].at - pair[0].at)
        .filter(|spacing| *spacing > 0)
        .collect();
    if spacings.is_empty() {
        return None;
    }
    let middle = (spacings.len() - 1) / 2;
    Some(*spacings.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn rate(num: u32) -> Option<Rate> {
        Rate::new(num, 1)
    }

    /// Frames with these times, told apart by their widths.
    fn store(times: &[u64]) -> Store {
        let mut store = Store::default();
        for (i, at) in times.iter().enumerate() {
            store.add_frame(*at, [i as u32, 0], true).unwrap();
        }
        store.sort();
        store.finish();
        store
    }

    /// What frames at these times (ms) of a video of this rate get: indices of records.
    fn follow(
        times: &Times,
        store: &Store,
        rate: Option<Rate>,
        frames: &[f64],
    ) -> Vec<Option<u32>> {
        let mut cursor = Cursor::default();
        let at = |ms: &f64| Position {
            pts: Some((ms * 1e6) as i64),
            stream_time: Some((ms * 1e6) as i64),
        };
        let find = |ms| match times.find(store, at(ms), rate, &mut cursor) {
            Match::Entry(entry) => Some(entry.size[0]),
            Match::Nothing => panic!("times do not say so"),
            Match::Unknown => None,
        };
        frames.iter().map(find).collect()
    }

    fn of_times(times_ms: &[u64]) -> (Times, Store) {
        let times: Vec<_> = times_ms.iter().map(|ms| ms * MS as u64).collect();
        let store = store(&times);
        (Times::new(Clock::Pts, None, None, &store), store)
    }

    #[test]
    fn a_frame_gets_the_nearest_record_within_half_a_frame() {
        let (times, store) = of_times(&[0, 40, 80, 200]);
        // The video's rate, its frames in ms, the records that they get.
        let table: [(_, &[f64], &[Option<u32>]); 7] = [
            // As they are, and jittered.
            (25, &[0.0, 40.0, 80.0], &[Some(0), Some(1), Some(2)]),
            (25, &[3.0, 33.4, 94.9], &[Some(0), Some(1), Some(2)]),
            // Half a frame is still near, and of two records the earlier one is taken.
            (
                25,
                &[20.0, 20.1, 180.0, 179.9],
                &[Some(0), Some(1), Some(3), None],
            ),
            // At twice the rate every second frame has no record of its own.
            (
                50,
                &[0.0, 20.0, 40.0, 60.0],
                &[Some(0), None, Some(1), None],
            ),
            // At half of it every second record has no frame.
            (12, &[0.0, 80.0, 160.0], &[Some(0), Some(2), Some(3)]),
            // Outside, gaps.
            (
                25,
                &[-20.0, -20.1, 120.0, 220.0, 220.1],
                &[Some(0), None, None, Some(3), None],
            ),
            // In any order, as after seeks.
            (
                25,
                &[200.0, 0.0, 80.0, 40.0],
                &[Some(3), Some(0), Some(2), Some(1)],
            ),
        ];
        for (fps, frames, expected) in table {
            assert_eq!(
                follow(&times, &store, rate(fps), frames),
                expected,
                "{fps} {frames:?}"
            );
        }
    }

    #[test]
    fn with_a_variable_rate_the_spacing_of_the_records_counts() {
        let (times, store) = of_times(&[0, 40, 80, 200]);
        let frames = [19.0, 21.0, 60.0, 61.0, 100.0, 101.0];
        let expected = [Some(0), Some(1), Some(1), Some(2), Some(2), None];
        // Of 40, 40 and 120 ms the usual one.
        let wider = [19.0, 21.0, 60.0, 61.0, 100.0];
        assert_eq!(follow(&times, &store, None, &wider), expected[..5]);
        assert_eq!(follow(&times, &store, None, &frames), expected);
        let (times, store) = of_times(&[100]);
        assert_eq!(
            follow(&times, &store, None, &[80.0, 79.0, 120.0, 121.0]),
            [Some(0), None, Some(0), None]
        );
    }

    #[test]
    fn frames_of_the_same_time_get_its_records_one_after_the_other() {
        let (times, store) = of_times(&[0, 40, 40, 40, 80]);
        let frames = [0.0, 40.0, 40.0, 80.0, 80.0, 40.0, 40.0, 40.0, 40.0];
        let expected = [0, 1, 2, 4, 4, 1, 2, 3, 3].map(Some);
        assert_eq!(follow(&times, &store, rate(25), &frames), expected);
    }

    #[test]
    fn numbered_frames_are_where_the_rate_puts_them() {
        let store = store(&[0, 1, 2, 30]);
        let times = |own| Times::new(Clock::FrameNumber, own, None, &store);
        let frames = [0.0, 33.366, 34.0, 66.7, 1001.0, 1034.0];
        let expected = [Some(0), Some(1), Some(1), Some(2), Some(3), None];
        let ntsc = Rate::new(30_000, 1001);
        // The video's own rate goes first.
        for (own, video) in [(None, ntsc), (rate(7), ntsc), (ntsc, None)] {
            assert_eq!(follow(&times(own), &store, video, &frames), expected);
        }
        assert_eq!(follow(&times(None), &store, None, &frames), [None; 6]);
        // Far into a long video the frames are still the right ones.
        let hours = |frame: u64| (frame * 1001 * 1_000_000_000 / 30_000) as i64;
        for frame in [1, 107_892, 10_000_000] {
            assert_eq!(ntsc.unwrap().frame_at(hours(frame)), frame as i64);
        }
    }

    #[test]
    fn within_a_complete_range_no_record_says_that_nothing_is_there() {
        let store = store(&[2, 4]);
        let times = Times::new(Clock::FrameNumber, None, Some((2, 5)), &store);
        let find = |ms: i64| {
            let position = Position {
                pts: None,
                stream_time: Some(ms * MS),
            };
            times.find(&store, position, rate(25), &mut Cursor::default())
        };
        for (ms, nothing) in [
            (-40, false),
            (40, false),
            (61, false),
            (120, true),
            (219, true),
        ] {
            let expected = if nothing {
                Match::Nothing
            } else {
                Match::Unknown
            };
            let found = find(ms);
            if ms == 61 {
                assert!(matches!(found, Match::Entry(_)), "{found:?}");
            } else {
                assert_eq!(found, expected, "{ms} ms");
            }
        }
        assert_eq!(find(221), Match::Unknown);
    }

    #[test]
    fn a_frame_without_a_time_has_no_record() {
        let (times, store) = of_times(&[0]);
        let position = Position::default();
        let found = times.find(&store, position, rate(25), &mut Cursor::default());
        assert_eq!(found, Match::Unknown);
    }

    #[test]
    fn rates_are_fractions_or_decimals() {
        assert_eq!(Rate::from_fps(25.0), Rate::new(25, 1));
        assert_eq!(Rate::from_fps(12.5), Rate::new(12_500_000, 1_000_000));
        for none in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9, 1e12, 5000.5] {
            assert_eq!(Rate::from_fps(none), None, "{none}");
        }
        assert_eq!(Rate::new(0, 1), None);
        let (pal, ntsc) = (rate(25).unwrap(), Rate::new(30_000, 1001).unwrap());
        assert!(pal.differs_from(ntsc) && !ntsc.differs_from(rate(30).unwrap()));
    }
}
