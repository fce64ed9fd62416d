//! Messages for the bus, in the order in which they were made, whichever thread made them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<gst::Structure>,
    /// A thread is posting; it posts what others add meanwhile.
    posting: bool,
}

/// What is to be posted.
#[derive(Debug, Default)]
pub(super) struct Posts(Mutex<Inner>);

impl Posts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds messages.
    pub fn push(&self, structures: &[gst::Structure]) {
        if !structures.is_empty() {
            self.lock().waiting.extend(structures.iter().cloned());
        }
    }

    /// Posts what waits, unless another thread does; waits for nobody.
    pub fn post(&self, post: impl Fn(gst::Structure)) {
        if std::mem::replace(&mut self.lock().posting, true) {
            return;
        }
        loop {
            let mut inner = self.lock();
            let Some(next) = inner.waiting.pop_front() else {
                inner.posting = false;
                return;
            };
            drop(inner);
            post(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_is_posted_once_and_in_order_whoever_posts() {
        gst::init().unwrap();
        let (posts, order) = (Posts::default(), Mutex::new(0u64));
        let (seen, count) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        {
                            let mut next = order.lock().unwrap();
                            let n = gst::Structure::builder("n").field("n", *next).build();
                            posts.push(&[n]);
                            *next += 1;
                        }
                        posts.post(|structure| {
                            seen.lock()
                                .unwrap()
                                .push(structure.get::<u64>("n").unwrap());
                            count.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::SeqCst), 800);
        assert_eq!(*seen.lock().unwrap(), (0..800).collect::<Vec<_>>());
    }
}
