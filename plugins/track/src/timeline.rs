//! From presentation times to the time that a tracker lives in.
//!
//! A tracker wants a time that never goes back. Buffers may lack a PTS, arrive out of order by a
//! little, jump (a seek, a camera that was away, a looping file) or run backwards.

use crate::track::Time;

/// Later times than this many nanoseconds before the latest one are jitter, not a jump.
const JITTER_NS: u64 = 100_000_000;
/// Taken for the length of a frame where neither buffer nor caps say.
const DEFAULT_FRAME_NS: u64 = 33_333_333;
/// Where times are mirrored in reverse playback: far beyond any PTS.
const MIRROR: u64 = 1 << 62;

/// Where a buffer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// For the tracker.
    pub time: Time,
    /// The stream jumped before this buffer: tracks from before it are over.
    pub jumped: bool,
}

/// Follows the stream, buffer by buffer.
#[derive(Debug, Clone)]
pub struct Timeline {
    max_gap: u64,
    reverse: bool,
    frame: u64,
    last: Option<Time>,
    /// Length of the last buffer, where it was known.
    last_duration: Option<u64>,
}

impl Timeline {
    /// A stream in which tracks outlive a gap between two buffers of up to `max_gap_ns`.
    pub fn new(max_gap_ns: u64) -> Self {
        Self {
            max_gap: max_gap_ns,
            reverse: false,
            frame: DEFAULT_FRAME_NS,
            last: None,
            last_duration: None,
        }
    }

    /// Changes the longest gap.
    pub fn set_max_gap(&mut self, max_gap_ns: u64) {
        self.max_gap = max_gap_ns;
    }

    /// Sets the nominal length of a frame; `None` where the caps do not say.
    pub fn set_frame_duration(&mut self, ns: Option<u64>) {
        self.frame = ns.filter(|&ns| ns > 0).unwrap_or(DEFAULT_FRAME_NS);
    }

    /// Sets the direction of playback. A change forgets the position.
    pub fn set_reverse(&mut self, reverse: bool) {
        if self.reverse != reverse {
            self.reverse = reverse;
            self.forget();
        }
    }

    /// Whether presentation times run backwards.
    pub fn is_reverse(&self) -> bool {
        self.reverse
    }

    /// Forgets the position, as after a flush: the next buffer may be anywhere.
    pub fn forget(&mut self) {
        self.last = None;
        self.last_duration = None;
    }

    /// Where a buffer of this PTS and duration (nanoseconds) stands. One without a PTS follows the
    /// last one by that one's duration, else by the nominal length of a frame.
    pub fn advance(&mut self, pts: Option<u64>, duration: Option<u64>) -> Position {
        let time = match (pts, self.last) {
            (Some(pts), _) => self.mirrored(pts),
            (None, Some(last)) => last.saturating_add(self.last_duration.unwrap_or(self.frame)),
            (None, None) => self.mirrored(0),
        };
        self.last_duration = duration.filter(|&duration| duration > 0);
        let (time, jumped) = match self.last {
            None => (time, false),
            Some(last) if time >= last => (time, time - last > self.max_gap),
            Some(last) if last - time <= JITTER_NS => (last, false),
            Some(_) => (time, true),
        };
        self.last = Some(time);
        Position { time, jumped }
    }

    /// The presentation time of a time of the tracker.
    pub fn to_pts(&self, time: Time) -> u64 {
        self.mirrored(time)
    }

    /// From PTS to time and back: mirroring is its own inverse.
    fn mirrored(&self, time: u64) -> u64 {
        if self.reverse {
            MIRROR.saturating_sub(time)
        } else {
            time
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Positions of buffers (PTS and duration in ms), as (ms, jumped).
    fn follow(buffers: &[(Option<u64>, Option<u64>)]) -> Vec<(u64, bool)> {
        let mut timeline = Timeline::new(5000 * MS);
        timeline.set_frame_duration(Some(40 * MS));
        buffers
            .iter()
            .map(|(pts, duration)| {
                let position = timeline.advance(pts.map(|v| v * MS), duration.map(|v| v * MS));
                (position.time / MS, position.jumped)
            })
            .collect()
    }

    #[test]
    fn a_missing_pts_follows_from_durations() {
        let buffers = [
            (None, None),
            (None, Some(10)),
            (None, None),
            (Some(200), Some(0)),
            (None, None),
        ];
        let expected = [
            (0, false),
            (40, false),
            (50, false),
            (200, false),
            (240, false),
        ];
        assert_eq!(follow(&buffers), expected);
    }

    #[test]
    fn jumps_are_told_from_jitter_and_pauses() {
        let pts = [1000, 1040, 1000, 1080, 6080, 11081, 500, 540];
        let buffers = pts.map(|pts| (Some(pts), None));
        let expected = [
            (1000, false),
            (1040, false),
            (1040, false), // 40 ms back: jitter
            (1080, false),
            (6080, false), // just not too long
            (11081, true), // too long
            (500, true),   // back
            (540, false),
        ];
        assert_eq!(follow(&buffers), expected);
    }

    #[test]
    fn reverse_playback_is_no_jump_and_keeps_presentation_times() {
        let mut timeline = Timeline::new(5000 * MS);
        timeline.set_reverse(true);
        let mut last = 0;
        for pts in [1000, 960, 920, 880] {
            let position = timeline.advance(Some(pts * MS), None);
            assert!(!position.jumped && position.time > last);
            assert_eq!(timeline.to_pts(position.time), pts * MS);
            last = position.time;
        }
        assert!(timeline.advance(Some(2000 * MS), None).jumped);
    }

    #[test]
    fn after_a_flush_the_stream_may_go_on_anywhere() {
        let mut timeline = Timeline::new(5000 * MS);
        timeline.advance(Some(10_000 * MS), None);
        timeline.forget();
        let position = timeline.advance(Some(0), None);
        assert_eq!(
            position,
            Position {
                time: 0,
                jumped: false
            }
        );
    }
}
