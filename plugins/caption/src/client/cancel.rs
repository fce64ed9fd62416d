//! Ending a request from outside, at once or when it took too long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;

use crate::queue::Why;

#[derive(Default)]
struct Inner {
    why: Option<Why>,
    agent: Option<Agent>,
    alarm: Option<(Instant, Why)>,
}

/// A handle on a request. Clones are the same handle.
#[derive(Clone, Default)]
pub struct Cancel(Arc<(Mutex<Inner>, Condvar)>);

impl Cancel {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the request: its sockets are shut down, so that the server notices. The first reason
    /// stays.
    pub fn cancel(&self, why: Why) {
        let agent = {
            let mut inner = self.lock();
            inner.why.get_or_insert(why);
            inner.agent.take()
        };
        self.0.1.notify_all();
        if let Some(agent) = agent {
            agent.shutdown();
        }
    }

    /// Why it was ended, if it was.
    pub fn why(&self) -> Option<Why> {
        self.lock().why
    }

    /// The connections to shut down from here on.
    ///
    /// # Errors
    /// The request was ended.
    pub fn attach(&self, agent: &Agent) -> Result<(), Why> {
        let mut inner = self.lock();
        if let Some(why) = inner.why {
            return Err(why);
        }
        inner.agent = Some(agent.clone());
        Ok(())
    }

    /// It is over by itself.
    pub fn detach(&self) {
        let mut inner = self.lock();
        inner.agent = None;
        inner.alarm = None;
    }

    /// Ends the request at this time; takes the place of an earlier alarm.
    pub fn alarm(&self, at: Instant, why: Why) {
        self.lock().alarm = Some((at, why));
    }

    /// When the alarm goes off.
    pub fn next_alarm(&self) -> Option<Instant> {
        let inner = self.lock();
        inner.why.map_or(inner.alarm.map(|(at, _)| at), |_| None)
    }

    /// Ends the request if its alarm is due.
    pub fn check(&self, now: Instant) {
        let due = self.lock().alarm.filter(|(at, _)| *at <= now);
        if let Some((_, why)) = due {
            self.cancel(why);
        }
    }

    /// Waits, unless the request is ended.
    ///
    /// # Errors
    /// It was ended.
    pub fn sleep(&self, time: Duration) -> Result<(), Why> {
        let inner = self.lock();
        let waited = self
            .0
            .1
            .wait_timeout_while(inner, time, |inner| inner.why.is_none());
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inner.why.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let cancel = Cancel::default();
        assert_eq!(cancel.why(), None);
        cancel.cancel(Why::Superseded);
        cancel.clone().cancel(Why::Shutdown);
        assert_eq!(cancel.why(), Some(Why::Superseded));
        assert_eq!(
            cancel.attach(&Agent::new_with_defaults()),
            Err(Why::Superseded)
        );
        assert_eq!(
            cancel.sleep(Duration::from_secs(3600)),
            Err(Why::Superseded)
        );
    }

    #[test]
    fn an_alarm_ends_the_request_when_it_is_due() {
        let cancel = Cancel::default();
        let now = Instant::now();
        cancel.alarm(now + Duration::from_secs(5), Why::FirstToken);
        cancel.check(now);
        assert_eq!(
            (cancel.why(), cancel.next_alarm()),
            (None, Some(now + Duration::from_secs(5)))
        );
        cancel.alarm(now + Duration::from_secs(1), Why::Idle);
        cancel.check(now + Duration::from_secs(1));
        assert_eq!((cancel.why(), cancel.next_alarm()), (Some(Why::Idle), None));
    }

    #[test]
    fn who_waits_is_woken() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        let waiting = std::thread::spawn(move || other.sleep(Duration::from_secs(3600)));
        cancel.cancel(Why::Cancelled);
        assert_eq!(waiting.join().unwrap(), Err(Why::Cancelled));
    }
}
