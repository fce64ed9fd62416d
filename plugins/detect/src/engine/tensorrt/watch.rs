//! Who hears how far the build of a plan is, and who can give it up.
//!
//! Models are loaded by an element's state change, far from here; the element says on that thread
//! who is to be told, and what is loaded there then tells it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_nvidia::tensorrt::{Cancel, Severity};

/// How far a build is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildProgress {
    /// What TensorRT calls what it does.
    pub phase: String,
    /// Steps done.
    pub step: u32,
    /// Steps in all, which are told of where the phase begins; else 0.
    pub steps: u32,
    /// Whether the phase ends with this.
    pub finished: bool,
}

/// Somebody who waits for a build.
#[derive(Clone)]
pub struct Watch {
    /// Is told, from any thread.
    pub progress: Arc<dyn Fn(&BuildProgress) + Send + Sync>,
    /// Gives the build up.
    pub cancel: Cancel,
}

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

impl Watch {
    /// Is told of builds that `load` has to wait for, on this thread.
    pub fn over<T>(self, load: impl FnOnce() -> T) -> T {
        /// Puts back what was there, even if `load` panics.
        struct Restore(Option<Watch>);
        impl Drop for Restore {
            fn drop(&mut self) {
                WATCH.with(|watch| watch.replace(self.0.take()));
            }
        }
        let _restore = Restore(WATCH.with(|watch| watch.replace(Some(self))));
        load()
    }

    /// Who watches what this thread loads; nobody by default.
    pub(super) fn current() -> Self {
        let watch = WATCH.with(|watch| watch.borrow().clone());
        watch.unwrap_or_else(|| Self {
            progress: Arc::new(|_| {}),
            cancel: Cancel::default(),
        })
    }
}

/// What takes TensorRT's log.
type Log = fn(Severity, &str);

static LOG: Mutex<Option<Log>> = Mutex::new(None);

/// Says where TensorRT's log goes, of which there is one in a process.
pub fn set_log(log: Log) {
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
}

pub(super) fn log(severity: Severity, text: &str) {
    let log = *LOG.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(log) = log {
        log(severity, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn only_what_is_loaded_under_a_watch_is_told_to_it() {
        let told = Arc::new(AtomicU32::new(0));
        let counter = told.clone();
        let watch = Watch {
            progress: Arc::new(move |progress| {
                counter.fetch_add(progress.step, Ordering::Relaxed);
            }),
            cancel: Cancel::default(),
        };
        let tell = || {
            (Watch::current().progress)(&BuildProgress {
                phase: String::new(),
                step: 1,
                steps: 2,
                finished: false,
            });
        };
        tell();
        watch.over(|| {
            tell();
            std::thread::scope(|scope| scope.spawn(tell).join()).unwrap();
        });
        tell();
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
