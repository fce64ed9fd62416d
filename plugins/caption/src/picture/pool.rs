//! Memory of pictures, used again: a picture is made on the streaming thread, which should not have
//! to ask for memory, and is gone on a worker when nobody shows it any more.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Most buffers that are kept for later: those of a long window come back at once.
const MOST: usize = 64;
/// Most bytes that they have together.
const MOST_BYTES: usize = 64 << 20;

/// Buffers that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// A buffer of `size` zeros: the smallest one that is large enough, or a new one.
    pub fn take(self: &Arc<Self>, size: usize) -> Spare {
        let spare = {
            let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = spare.iter().enumerate();
            let fits = fits.filter(|(_, buffer)| buffer.capacity() >= size);
            let best = fits.min_by_key(|(_, buffer)| buffer.capacity());
            let best = best.map(|(i, _)| i);
            // Room for all that may come back: putting back allocates nothing.
            let room = MOST - spare.len();
            spare.reserve_exact(room);
            best.map(|i| spare.swap_remove(i))
        };
        let mut data = spare.unwrap_or_else(|| Vec::with_capacity(size));
        data.clear();
        data.resize(size, 0);
        Spare {
            data,
            pool: Arc::downgrade(self),
        }
    }

    fn put(&self, buffer: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = spare.iter().map(Vec::capacity).sum();
        if bytes + buffer.capacity() > MOST_BYTES {
            return;
        }
        if spare.len() < MOST {
            spare.push(buffer);
            return;
        }
        // Large ones are of use for small pictures too.
        let smallest = spare.iter_mut().min_by_key(|buffer| buffer.capacity());
        if let Some(smallest) = smallest.filter(|other| other.capacity() < buffer.capacity()) {
            *smallest = buffer;
        }
    }
}

/// A buffer that goes back to its pool, if that is still there.
#[derive(Debug)]
pub(super) struct Spare {
    data: Vec<u8>,
    pool: Weak<Pool>,
}

impl Spare {
    /// A buffer of nobody's.
    pub fn own(data: Vec<u8>) -> Self {
        Self {
            data,
            pool: Weak::new(),
        }
    }

    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }
}

impl Deref for Spare {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.put(std::mem::take(&mut self.data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_the_smallest_that_fits_is_used() {
        let pool = Arc::new(Pool::default());
        let (mut small, large) = (pool.take(10), pool.take(1000));
        small.data_mut().fill(7);
        let (of_small, of_large) = (small.as_ptr(), large.as_ptr());
        drop((small, large));
        let again = pool.take(9);
        assert_eq!((again.as_ptr(), &again[..]), (of_small, &[0; 9][..]));
        assert_eq!(pool.take(11).as_ptr(), of_large);
    }

    #[test]
    fn few_are_kept_and_the_large_ones() {
        let pool = Arc::new(Pool::default());
        let many: Vec<_> = (1..=100).map(|n| pool.take(n * 100)).collect();
        drop(many);
        let kept = pool.0.lock().unwrap();
        assert_eq!(kept.len(), MOST);
        assert!(kept.iter().all(|buffer| buffer.capacity() > 3600));
        drop(kept);
        let huge: Vec<_> = (0..9).map(|_| pool.take(MOST_BYTES / 4)).collect();
        drop(huge);
        let bytes: usize = pool.0.lock().unwrap().iter().map(Vec::capacity).sum();
        assert!(bytes <= MOST_BYTES);
    }

    #[test]
    fn a_picture_outlives_its_pool() {
        let pool = Arc::new(Pool::default());
        let buffer = pool.take(5);
        drop(pool);
        assert_eq!(&buffer[..], [0; 5]);
    }
}
