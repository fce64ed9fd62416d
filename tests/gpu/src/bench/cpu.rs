//! How busy cores are, as the kernel counts it.

use std::time::Instant;

/// Counters of a moment.
pub struct Snapshot {
    /// Ticks in which each core was busy, and all of its ticks.
    cores: Vec<(u64, u64)>,
    /// Ticks of this process.
    own: u64,
    at: Instant,
}

/// What was between two moments.
pub struct Load {
    /// Of the core that had most to do, in percent.
    pub busiest: f64,
    /// Cores that this process kept busy.
    pub used: f64,
}

/// Ticks a second, of every Linux on the machines that CUDA knows (`USER_HZ`).
const TICKS: f64 = 100.0;

impl Snapshot {
    pub fn take() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            cores: cores(&read("/proc/stat")),
            own: own(&read("/proc/self/stat")),
            at: Instant::now(),
        }
    }

    /// The load since then.
    pub fn load(&self) -> Load {
        let now = Self::take();
        let each = self.cores.iter().zip(&now.cores).map(|(before, after)| {
            let busy = after.0.saturating_sub(before.0) as f64;
            100.0 * busy / (after.1.saturating_sub(before.1).max(1)) as f64
        });
        let seconds = (now.at - self.at).as_secs_f64().max(1e-3);
        Load {
            busiest: each.fold(0.0, f64::max),
            used: now.own.saturating_sub(self.own) as f64 / TICKS / seconds,
        }
    }
}

/// Of each core: busy ticks and all. The fourth and fifth number are idle ones.
fn cores(stat: &str) -> Vec<(u64, u64)> {
    let lines = stat
        .lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    lines
        .map(|line| {
            // The last two are parts of the first two.
            let ticks = line.split_whitespace().skip(1).take(8);
            let ticks: Vec<u64> = ticks.filter_map(|n| n.parse().ok()).collect();
            let all: u64 = ticks.iter().sum();
            let idle: u64 = ticks.iter().skip(3).take(2).sum();
            (all - idle, all)
        })
        .collect()
}

/// User and system time of a process, behind its name, which may have anything in it.
fn own(stat: &str) -> u64 {
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let numbers = rest.split_whitespace().skip(11).take(2);
    numbers.filter_map(|n| n.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_ticks_are_not_busy() {
        let stat = "cpu  9 9 9 9\ncpu0 10 1 4 80 5 0 0 0 0 0\ncpu1 0 0 0 100 0 0 0 0 0 0\nintr 5\n";
        assert_eq!(cores(stat), [(15, 100), (0, 100)]);
    }

    #[test]
    fn a_process_of_any_name_has_its_ticks() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20";
        assert_eq!(own(stat), 100);
    }
}
