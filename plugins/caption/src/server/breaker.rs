//! A circuit breaker: a server that is down is not asked, only looked after from time to time.

use std::time::{Duration, Instant};

/// How long a server that went down is left alone at first; doubles each time it is still down.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a server was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It answered, whatever it said.
    Up,
    /// It did not, and why.
    Down(String),
    /// The request says nothing about it.
    Unknown,
}

/// Whether a job may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Pass,
    /// Look whether the server is back; nobody else does.
    Probe,
    /// Not for so long.
    Wait(Duration),
}

/// Counts failures in a row.
#[derive(Debug)]
pub struct Breaker {
    limit: u32,
    failures: u32,
    /// While it is down: when to look next, and the pause after that.
    down: Option<(Instant, Duration)>,
    probing: bool,
}

impl Breaker {
    /// So many failures in a row, at least one, mean that the server is down.
    pub fn new(limit: u32) -> Self {
        Self {
            limit: limit.max(1),
            failures: 0,
            down: None,
            probing: false,
        }
    }

    /// Whether the server is taken to be up.
    pub fn is_up(&self) -> bool {
        self.down.is_none()
    }

    /// Whether a job may be started now.
    pub fn gate(&mut self, now: Instant) -> Gate {
        match self.down {
            None => Gate::Pass,
            Some(_) if self.probing => Gate::Wait(LONGEST_PAUSE),
            Some((at, _)) if now >= at => {
                self.probing = true;
                Gate::Probe
            }
            Some((at, _)) => Gate::Wait(at - now),
        }
    }

    /// Takes in how the server was; true if it went down or came back.
    pub fn report(&mut self, health: &Health, now: Instant) -> bool {
        match health {
            Health::Unknown => false,
            Health::Up => {
                self.failures = 0;
                self.probing = false;
                self.down.take().is_some()
            }
            Health::Down(_) => {
                self.failures = self.failures.saturating_add(1);
                // Requests that were on their way when it went down say nothing new.
                let pause = match self.down {
                    None if self.failures < self.limit => return false,
                    Some(_) if !self.probing => return false,
                    None => FIRST_PAUSE,
                    Some((_, pause)) => (pause * 2).min(LONGEST_PAUSE),
                };
                self.probing = false;
                self.down.replace((now + pause, pause)).is_none()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Health {
        Health::Down(String::new())
    }

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn failures_in_a_row_open_it_and_one_answer_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(2);
        assert!(!breaker.report(&down(), now) && !breaker.report(&Health::Up, now));
        assert!(!breaker.report(&down(), now) && breaker.is_up());
        assert!(!breaker.report(&Health::Unknown, now));
        assert!(breaker.report(&down(), now) && !breaker.is_up());
        // Others that were on their way.
        assert!(!breaker.report(&down(), now));
        assert_eq!(breaker.gate(now), Gate::Wait(S));
        assert!(breaker.report(&Health::Up, now) && breaker.is_up());
        assert_eq!(breaker.gate(now), Gate::Pass);
    }

    #[test]
    fn one_looks_at_a_time_and_less_often() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(1);
        assert!(breaker.report(&down(), now));
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(breaker.gate(now), Gate::Wait(pause * S));
            now += pause * S;
            assert_eq!(breaker.gate(now), Gate::Probe);
            assert_eq!(breaker.gate(now), Gate::Wait(LONGEST_PAUSE));
            assert!(!breaker.report(&down(), now));
        }
        now += 30 * S;
        assert_eq!(breaker.gate(now), Gate::Probe);
        assert!(breaker.report(&Health::Up, now));
    }
}
