//! What elements report in their `stats`.

/// A latency histogram with fixed memory: 8 buckets for each doubling from 1 µs to about an hour,
/// so a percentile is off by 6 % at most.
#[derive(Debug, Clone)]
pub struct Latencies {
    buckets: [u64; Self::BUCKETS],
    count: u64,
    max_us: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            buckets: [0; Self::BUCKETS],
            count: 0,
            max_us: 0,
        }
    }
}

impl Latencies {
    const PER_DOUBLING: usize = 8;
    const BUCKETS: usize = 32 * Self::PER_DOUBLING;

    /// Counts one duration.
    pub fn add(&mut self, duration: std::time::Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = ((us.max(1) as f64).log2() * Self::PER_DOUBLING as f64) as usize;
        self.buckets[bucket.min(Self::BUCKETS - 1)] += 1;
        self.count += 1;
        self.max_us = self.max_us.max(us);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest, in milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.max_us as f64 / 1e3
    }

    /// The `p`-th percentile (0..100) in milliseconds; 0 where nothing was counted.
    pub fn percentile_ms(&self, p: f64) -> f64 {
        let rank = (self.count as f64 * p / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, n) in self.buckets.iter().enumerate() {
            seen += n;
            if self.count > 0 && seen >= rank {
                let us = ((bucket as f64 + 0.5) / Self::PER_DOUBLING as f64).exp2();
                return (us / 1e3).min(self.max_ms());
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn percentiles_are_within_a_bucket() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile_ms(50.0), 0.0);
        for ms in 1..=1000u64 {
            latencies.add(Duration::from_millis(ms));
        }
        for (p, expected) in [(50.0, 500.0), (95.0, 950.0), (99.0, 990.0), (100.0, 1000.0)] {
            let got = latencies.percentile_ms(p);
            assert!((got / expected - 1.0).abs() < 0.07, "p{p}: {got}");
        }
        assert_eq!(latencies.max_ms(), 1000.0);
        assert_eq!(latencies.count(), 1000);
    }
}
