//! Which frames of a live stream come too late to be worth drawing.

/// A frame may be late by so much, in nanoseconds, on top of the pipeline's latency: a hiccup of
/// the machine is no overload.
const GRACE: u64 = 50_000_000;

/// What is known of how late frames are. Times are running times in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lateness {
    /// Frames before this are too late, says downstream.
    earliest: u64,
    /// Latency of the pipeline.
    latency: u64,
}

impl Lateness {
    /// Downstream says that the frame of `time` came `diff` after it should have (before, where
    /// negative). As decoders do, it is assumed that what is late will be later still.
    pub fn tell(&mut self, time: u64, diff: i64) {
        let diff = if diff > 0 {
            diff.saturating_mul(2)
        } else {
            diff
        };
        self.earliest = time.saturating_add_signed(diff);
    }

    /// Sets the latency of the pipeline.
    pub fn set_latency(&mut self, latency: u64) {
        self.latency = latency;
    }

    /// Forgets what downstream said, since the stream begins anew.
    pub fn forget(&mut self) {
        self.earliest = 0;
    }

    /// The running time from which on frames are worth drawing, where one of `time`, shown for
    /// `duration`, is too late `now`; `None` where it is not.
    pub fn skip_to(&self, time: u64, duration: u64, now: Option<u64>) -> Option<u64> {
        let last_moment = time
            .saturating_add(duration)
            .saturating_add(self.latency)
            .saturating_add(GRACE);
        // Like a camera: what could not be taken is lost, what comes next is of now.
        let now = now.filter(|now| *now > last_moment);
        let to = now.unwrap_or(0).max(self.earliest);
        (to > time).then_some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_frame_in_time_is_drawn() {
        let lateness = Lateness::default();
        assert_eq!(lateness.skip_to(40 * MS, 40 * MS, None), None);
        assert_eq!(lateness.skip_to(40 * MS, 40 * MS, Some(20 * MS)), None);
        assert_eq!(lateness.skip_to(40 * MS, 40 * MS, Some(130 * MS)), None);
    }

    #[test]
    fn frames_that_the_clock_has_left_behind_are_skipped() {
        let mut lateness = Lateness::default();
        assert_eq!(
            lateness.skip_to(40 * MS, 40 * MS, Some(131 * MS)),
            Some(131 * MS)
        );
        lateness.set_latency(20 * MS);
        assert_eq!(lateness.skip_to(40 * MS, 40 * MS, Some(131 * MS)), None);
        assert_eq!(
            lateness.skip_to(40 * MS, 40 * MS, Some(151 * MS)),
            Some(151 * MS)
        );
    }

    #[test]
    fn frames_that_downstream_is_too_late_for_are_skipped() {
        let mut lateness = Lateness::default();
        lateness.tell(40 * MS, 100 * MS as i64);
        assert_eq!(lateness.skip_to(200 * MS, 40 * MS, None), Some(240 * MS));
        assert_eq!(lateness.skip_to(240 * MS, 40 * MS, None), None);
        // In time again.
        lateness.tell(280 * MS, -(5 * MS as i64));
        assert_eq!(lateness.skip_to(280 * MS, 40 * MS, None), None);
        lateness.tell(1, i64::MIN);
        assert_eq!(lateness.skip_to(0, 40 * MS, None), None);
        lateness.tell(u64::MAX, i64::MAX);
        assert_eq!(lateness.skip_to(0, u64::MAX, Some(5)), Some(u64::MAX));
        lateness.forget();
        assert_eq!(lateness.skip_to(0, 40 * MS, None), None);
    }
}
