//! How often may be asked.

/// A token bucket: holds some tokens, gets new ones at an even pace, and gives one for each request.
#[derive(Debug, Clone)]
pub struct Bucket {
    tokens: f64,
    capacity: f64,
    /// Tokens for each nanosecond.
    rate: f64,
    last: Option<u64>,
}

impl Bucket {
    /// So many requests a minute, and up to a quarter of them at once.
    pub fn per_minute(n: u32) -> Self {
        let capacity = (f64::from(n) / 4.0).max(1.0);
        Self {
            tokens: capacity,
            capacity,
            rate: f64::from(n) / 60e9,
            last: None,
        }
    }

    /// Whether there is a token at this time, in nanoseconds. Time that jumps back gives none.
    fn refill(&mut self, now: u64) -> bool {
        let passed = now.saturating_sub(self.last.unwrap_or(now));
        self.last = Some(now);
        self.tokens = (self.tokens + passed as f64 * self.rate).min(self.capacity);
        self.tokens >= 1.0
    }
}

/// Why a trigger is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limited {
    /// There were enough requests about this track.
    Track,
    /// The last request of this stream was too short a time ago.
    Stream,
    /// The minute's requests are used up.
    Minute,
}

impl Limited {
    /// As it is in `stats`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track-limit",
            Self::Stream => "min-interval",
            Self::Minute => "per-minute",
        }
    }
}

/// The limits of one stream.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most requests about one track; 0: no limit.
    per_track: u32,
    /// Shortest time between two requests, in nanoseconds.
    apart: u64,
    /// Without, there is no limit.
    bucket: Option<Bucket>,
    last: Option<u64>,
}

impl Limits {
    /// Limits: for one track, nanoseconds between requests, and requests a minute; 0 is none.
    pub fn new(per_track: u32, apart: u64, per_minute: u32) -> Self {
        Self {
            per_track,
            apart,
            bucket: (per_minute > 0).then(|| Bucket::per_minute(per_minute)),
            last: None,
        }
    }

    /// Whether a request may be made at this time, of a track about which `asked` were made before;
    /// it counts if so.
    ///
    /// # Errors
    /// The limit that is in the way.
    pub fn allow(&mut self, now: u64, asked: Option<u32>) -> Result<(), Limited> {
        if self.per_track > 0 && asked.is_some_and(|asked| asked >= self.per_track) {
            return Err(Limited::Track);
        }
        // After a jump back nothing is too soon.
        let too_soon = |last: u64| now >= last && now - last < self.apart;
        if self.last.is_some_and(too_soon) {
            return Err(Limited::Stream);
        }
        if let Some(bucket) = &mut self.bucket {
            if !bucket.refill(now) {
                return Err(Limited::Minute);
            }
            bucket.tokens -= 1.0;
        }
        self.last = Some(now);
        Ok(())
    }

    /// As [`allow`](Self::allow) for a request that somebody waits for: only the minute's requests
    /// limit it.
    ///
    /// # Errors
    /// They are used up.
    pub fn allow_urgent(&mut self, now: u64) -> Result<(), Limited> {
        if let Some(bucket) = &mut self.bucket {
            if !bucket.refill(now) {
                return Err(Limited::Minute);
            }
            bucket.tokens -= 1.0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_bucket_gives_a_burst_and_then_an_even_pace() {
        let mut limits = Limits::new(0, 0, 12);
        let allowed = |limits: &mut Limits, seconds: std::ops::Range<u64>| {
            seconds
                .filter(|s| limits.allow(s * S, None).is_ok())
                .count()
        };
        // Three at once, then one in 5 s.
        assert_eq!(allowed(&mut limits, 0..1) + allowed(&mut limits, 0..1), 2);
        assert_eq!(allowed(&mut limits, 0..60), 12);
        assert_eq!(limits.allow(60 * S, None), Ok(()));
        assert_eq!(limits.allow(60 * S, None), Err(Limited::Minute));
    }

    #[test]
    fn a_track_and_the_stream_have_limits_of_their_own() {
        let mut limits = Limits::new(2, S, 0);
        assert_eq!(limits.allow(0, Some(2)), Err(Limited::Track));
        assert_eq!(limits.allow(0, Some(1)), Ok(()));
        assert_eq!(limits.allow(S - 1, Some(0)), Err(Limited::Stream));
        assert_eq!(limits.allow(S, None), Ok(()));
        // What was refused is not counted.
        assert_eq!(limits.allow(2 * S, Some(5)), Err(Limited::Track));
        assert_eq!(limits.allow(2 * S, None), Ok(()));
    }

    #[test]
    fn what_is_urgent_is_stopped_by_the_minute_alone() {
        let mut limits = Limits::new(1, S, 8);
        assert_eq!(limits.allow(0, Some(0)), Ok(()));
        assert_eq!(limits.allow_urgent(0), Ok(()));
        assert_eq!(limits.allow_urgent(0), Err(Limited::Minute));
        // It does not count for the time between others.
        assert_eq!(limits.allow_urgent(9 * S), Ok(()));
        assert_eq!(limits.allow(9 * S, None), Err(Limited::Minute));
        assert_eq!(Limits::new(0, 0, 0).allow_urgent(0), Ok(()));
    }

    #[test]
    fn time_that_jumps_back_stops_nothing() {
        let mut limits = Limits::new(0, S, 60);
        assert_eq!(limits.allow(100 * S, None), Ok(()));
        assert_eq!(limits.allow(3 * S, None), Ok(()));
    }
}
