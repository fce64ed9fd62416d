//! What can go wrong with a request, and whether it is tried again.

use std::time::Duration;

use crate::queue::Why;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// A server that was started here is not up yet.
    #[error("the server is not up yet")]
    NotReady,
    /// It cannot be reached, or closed the connection.
    #[error("the server cannot be reached: {0}")]
    Connection(String),
    /// It answered with an error.
    #[error("the server says {status}: {message}")]
    Status {
        /// HTTP status.
        status: u16,
        /// What it says about it.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It said that all is well, and then sent an error.
    #[error("the server fails in the middle of its answer: {0}")]
    Stream(String),
    /// It sends us to somebody else.
    #[error(
        "the server redirects to {0}, which would get the pictures and the key: if that is right, \
         set base-url to it"
    )]
    Redirect(String),
    /// What it sent is no answer.
    #[error("the server's answer cannot be understood: {0}")]
    Malformed(String),
    /// The model takes no pictures.
    #[error(
        "the model {0:?} takes no pictures: serve one with vision (llama-server needs --mmproj)"
    )]
    NoVision(String),
    /// It was ended from here.
    #[error("stopped: {}", .0.as_str())]
    Stopped(Why),
}

impl Failure {
    /// One word for `stats` and signals.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotReady | Self::Connection(_) => "connection",
            Self::Status { status: 429, .. } => "rate-limited",
            Self::Status { status: 500.., .. } | Self::Stream(_) => "server-error",
            Self::Status { .. } => "refused",
            Self::Redirect(_) => "redirect",
            Self::Malformed(_) => "malformed",
            Self::NoVision(_) => "no-vision",
            Self::Stopped(why) => why.as_str(),
        }
    }

    /// Whether the server seems to be down: what the circuit breaker counts.
    pub fn is_servers_fault(&self) -> bool {
        match self {
            Self::NotReady | Self::Connection(_) | Self::Stream(_) | Self::Malformed(_) => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Stopped(why) => matches!(why, Why::FirstToken | Why::Idle | Why::Deadline),
            Self::Redirect(_) | Self::NoVision(_) => false,
        }
    }

    /// Whether the same will be said to whatever is asked next: a person has to do something.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 401 | 403),
            Self::Redirect(_) | Self::NoVision(_) | Self::Stopped(_) => true,
            _ => false,
        }
    }
}

/// Longest wait before something is tried again, where the server says nothing.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// Longest wait that a server may ask for; more is a refusal.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// When to try again: the retry table.
///
/// | failure | tried again |
/// |---|---|
/// | no connection, connection lost before the first word | four times |
/// | 429 | after `Retry-After`, else like the next |
/// | 502, 503, 504 | four times |
/// | a server started here that is not up yet | until the deadline |
/// | 500, an error inside the stream | once: llama-server says 500 for faults of ours too |
/// | other statuses, redirects, answers that are none | never |
///
/// The waits double from 0.25 s to 4 s, with jitter, so that elements that failed together do not
/// come back together.
#[derive(Debug, Default)]
pub struct Policy {
    retries: u32,
    once: bool,
    /// Times that the server was not up yet, which are no retries: it was not asked.
    waits: u32,
}

/// How often something is tried again.
const MOST_RETRIES: u32 = 4;

impl Policy {
    /// How often something was tried again.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// How long to wait after this failure; `None`: not again.
    pub fn wait(&mut self, failure: &Failure) -> Option<Duration> {
        if self.retries >= MOST_RETRIES {
            return None;
        }
        let wait = match failure {
            Failure::Status {
                status: 429,
                retry_after: Some(wait),
                ..
            } => (*wait <= LONGEST_RETRY_AFTER).then_some(*wait)?,
            Failure::NotReady => {
                self.waits += 1;
                return Some(self.back_off(self.waits.min(2)));
            }
            Failure::Connection(_)
            | Failure::Status {
                status: 429 | 502 | 503 | 504,
                ..
            } => self.back_off(self.retries),
            Failure::Status { status: 500, .. } | Failure::Stream(_) if !self.once => {
                self.once = true;
                self.back_off(self.retries)
            }
            _ => return None,
        };
        self.retries += 1;
        Some(wait)
    }

    fn back_off(&self, times: u32) -> Duration {
        let longest = Duration::from_millis(250 << times.min(8)).min(LONGEST_WAIT);
        longest.mul_f64(0.5 + 0.5 * random())
    }
}

/// A number from 0 to 1 that nobody foresees; good enough to keep clients apart.
fn random() -> f64 {
    (ulid::Ulid::generate().random() as u32) as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> Failure {
        Failure::Status {
            status,
            message: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn the_retry_table_holds() {
        let connection = || Failure::Connection(String::new());
        for (failure, times) in [
            (connection(), 4),
            (Failure::NotReady, 9),
            (status(429, None), 4),
            (status(502, None), 4),
            (status(503, None), 4),
            (status(504, None), 4),
            (status(500, None), 1),
            (Failure::Stream(String::new()), 1),
            (status(400, None), 0),
            (status(401, None), 0),
            (status(404, None), 0),
            (status(422, None), 0),
            (status(501, None), 0),
            (Failure::Redirect(String::new()), 0),
            (Failure::Malformed(String::new()), 0),
            (Failure::NoVision(String::new()), 0),
            (Failure::Stopped(Why::Deadline), 0),
        ] {
            let mut policy = Policy::default();
            let tried = (0..9)
                .take_while(|_| policy.wait(&failure).is_some())
                .count();
            assert_eq!(tried, times, "{failure}");
            let is_retry = failure != Failure::NotReady;
            assert_eq!(policy.retries() as usize, if is_retry { times } else { 0 });
        }
    }

    #[test]
    fn waits_grow_and_a_server_may_say_how_long() {
        let mut policy = Policy::default();
        for n in 0..MOST_RETRIES {
            let wait = policy.wait(&status(503, None)).unwrap();
            let longest = Duration::from_millis(250 << n).min(LONGEST_WAIT);
            assert!(wait <= longest && wait >= longest / 2, "{n}: {wait:?}");
        }
        let mut policy = Policy::default();
        assert_eq!(
            policy.wait(&status(429, Some(7))),
            Some(Duration::from_secs(7))
        );
        assert_eq!(policy.wait(&status(429, Some(9999))), None);
    }

    #[test]
    fn faults_of_ours_are_not_the_servers() {
        for (failure, server) in [
            (Failure::Connection(String::new()), true),
            (status(500, None), true),
            (status(400, None), false),
            (status(429, None), false),
            (Failure::Stopped(Why::FirstToken), true),
            (Failure::Stopped(Why::Superseded), false),
            (Failure::Redirect(String::new()), false),
        ] {
            assert_eq!(failure.is_servers_fault(), server, "{failure}");
        }
    }
}
