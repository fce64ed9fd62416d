//! A thread that does something at a time, however still the stream stands.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Debug, Default)]
struct Inner {
    running: bool,
    /// Counts starts and stops: a thread of an earlier start ends.
    epoch: u64,
    until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// The thread, which is started where it is needed.
#[derive(Debug, Default)]
pub(super) struct Alarm(Arc<Shared>);

impl Alarm {
    /// Starts it, if it does not run yet: it calls `ring` whenever the time that was set is over.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(&self, name: &str, ring: impl Fn() + Send + 'static) -> std::io::Result<()> {
        let mut inner = self.0.lock();
        if inner.running {
            return Ok(());
        }
        inner.epoch += 1;
        let (shared, epoch) = (self.0.clone(), inner.epoch);
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || shared.run(epoch, &ring))?;
        inner.running = true;
        Ok(())
    }

    /// When to ring next, or not at all.
    pub fn set(&self, until: Option<Instant>) {
        let mut inner = self.0.lock();
        if inner.until != until {
            inner.until = until;
            self.0.changed.notify_all();
        }
    }

    /// Ends the thread. Does not wait for it: it may be in the hands of an application that waits for
    /// whoever calls this.
    pub fn stop(&self) {
        let mut inner = self.0.lock();
        inner.running = false;
        inner.epoch += 1;
        inner.until = None;
        self.0.changed.notify_all();
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, epoch: u64, ring: &dyn Fn()) {
        let mut inner = self.lock();
        while inner.epoch == epoch {
            let now = Instant::now();
            inner = match inner.until {
                None => (self.changed.wait(inner)).unwrap_or_else(PoisonError::into_inner),
                Some(until) if until <= now => {
                    inner.until = None;
                    drop(inner);
                    ring();
                    self.lock()
                }
                Some(until) => {
                    let waited = self.changed.wait_timeout(inner, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn it_rings_when_it_is_time_and_not_after_it_was_stopped() {
        let alarm = Alarm::default();
        let (told, rings) = mpsc::channel();
        for _ in 0..2 {
            let told = told.clone();
            alarm
                .start("alarm", move || {
                    let _ = told.send(Instant::now());
                })
                .unwrap();
            let until = Instant::now() + Duration::from_millis(20);
            // Later first, then sooner: the last holds.
            alarm.set(Some(until + LONG * 100));
            alarm.set(Some(until));
            assert!(rings.recv_timeout(LONG).unwrap() >= until);
            alarm.set(Some(Instant::now() + LONG * 100));
            alarm.stop();
        }
        alarm.set(Some(Instant::now()));
        drop((told, alarm));
        // Both threads are gone, without another ring.
        assert_eq!(
            rings.recv_timeout(LONG),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }
}
