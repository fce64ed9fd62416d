//! The ordered queue between the streaming thread, the workers and the output thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What to do with a frame when as many are in flight as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overload {
    /// Wait for one to be finished.
    Wait,
    /// Pass the frame on without work.
    Skip,
}

/// The lane is flushing or shut down: nothing goes in or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// What became of a frame that was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// A worker will take it.
    ForWork,
    /// It goes on without work.
    Skipped,
}

/// A frame taken by a worker, to be given back with [`Lane::finish`] or [`Lane::give_up`].
#[derive(Debug)]
pub struct Job<F> {
    /// The frame.
    pub frame: F,
    /// When it entered the lane.
    pub entered: Instant,
    serial: u64,
}

/// What leaves a lane, in the order in which it entered.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<F, E, R> {
    /// Something that only had to keep its place.
    Event(E),
    /// A frame with what the workers made of it.
    Done(F, R, Duration),
    /// A frame that was not worked on.
    Skipped(F),
    /// A frame whose result did not come in time.
    Overdue(F),
}

enum Slot<F, E, R> {
    Event(E),
    Skipped(F),
    Waiting(F),
    Working(F),
    Done(F, R),
}

struct Entry<F, E, R> {
    serial: u64,
    entered: Instant,
    slot: Slot<F, E, R>,
}

struct State<F, E, R> {
    entries: VecDeque<Entry<F, E, R>>,
    /// Serial of the next entry; those of the entries ascend.
    next: u64,
    /// Frames that wait for a worker.
    waiting: usize,
    /// Frames that wait for a worker or are with one, late ones included.
    in_flight: usize,
    flushing: bool,
    shut_down: bool,
    patience: Option<Duration>,
    limit: usize,
    capacity: usize,
}

/// Called where a frame has come that waits for a worker.
type Bell = Box<dyn Fn() + Send + Sync>;

/// An ordered queue of frames `F`, which workers turn into results `R`, and of events `E`.
///
/// Every method may be called from any thread.
pub struct Lane<F, E, R> {
    state: Mutex<State<F, E, R>>,
    /// Tells those who take frames. Never called under the lock.
    bell: OnceLock<Bell>,
    /// There is room for another frame, or one less is with the workers.
    room: Condvar,
    /// The first entry may have become ready.
    ready: Condvar,
}

impl<F: Clone, E, R> Lane<F, E, R> {
    /// A lane with at most `limit` frames in flight and `capacity` frames in all.
    pub fn new(limit: usize, capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                entries: VecDeque::with_capacity(capacity * 2),
                next: 0,
                waiting: 0,
                in_flight: 0,
                flushing: false,
                shut_down: false,
                patience: None,
                limit: limit.max(1),
                capacity: capacity.max(limit),
            }),
            bell: OnceLock::new(),
            room: Condvar::new(),
            ready: Condvar::new(),
        }
    }

    /// Says whom to tell of frames that wait for a worker: the first one that is said counts.
    pub fn set_bell(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _ = self.bell.set(Box::new(bell));
    }

    /// The most frames in flight.
    pub fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Sets the most frames in flight; those that are stay.
    pub fn set_limit(&self, limit: usize) {
        let mut state = self.lock();
        state.limit = limit.max(1);
        state.capacity = state.capacity.max(limit);
        drop(state);
        self.room.notify_all();
    }

    /// Lets one more frame be in flight, up to `most`, where all that may be are with workers.
    /// Returns whether it does.
    pub fn raise_limit(&self, most: usize) -> bool {
        let mut state = self.lock();
        let is_short = state.waiting == 0 && state.in_flight >= state.limit && state.limit < most;
        if is_short {
            state.limit += 1;
            state.capacity = state.capacity.max(2 * state.limit);
            drop(state);
            self.room.notify_all();
        }
        is_short
    }

    /// Sets the most entries, of which frames beyond the limit only wait for their turn.
    pub fn set_capacity(&self, capacity: usize) {
        let mut state = self.lock();
        state.capacity = capacity.max(state.limit);
        drop(state);
        self.room.notify_all();
    }

    /// How many entries wait to leave.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// How many frames wait for a worker.
    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Whether nothing waits to leave.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From when on a frame that has not been finished leaves as [`Output::Overdue`], counted
    /// from when it entered; `None` waits for good. A frame that is given up still counts as in
    /// flight until its worker is done with it.
    pub fn set_patience(&self, patience: Option<Duration>) {
        self.lock().patience = patience;
        self.ready.notify_all();
    }

    /// Puts something in the queue that keeps its place. Never waits.
    ///
    /// # Errors
    /// The lane is closed.
    pub fn push(&self, event: E) -> Result<(), Closed> {
        let mut state = self.lock();
        state.add(Slot::Event(event))?;
        self.ready.notify_one();
        Ok(())
    }

    /// Passes a frame on without work, in its place. Waits while the lane is full.
    ///
    /// # Errors
    /// The lane is closed, or was while this waited.
    pub fn pass(&self, frame: F) -> Result<(), Closed> {
        let mut state = self.wait_for_room(self.lock(), |_| false);
        state.add(Slot::Skipped(frame))?;
        self.ready.notify_one();
        Ok(())
    }

    /// Passes a frame on with a result that needs no worker, in its place. Waits while the lane is
    /// full.
    ///
    /// # Errors
    /// The lane is closed, or was while this waited.
    pub fn pass_done(&self, frame: F, result: R) -> Result<(), Closed> {
        let mut state = self.wait_for_room(self.lock(), |_| false);
        state.add(Slot::Done(frame, result))?;
        self.ready.notify_one();
        Ok(())
    }

    /// Gives a frame to the workers, or passes it on without work, as `overload` says.
    ///
    /// # Errors
    /// The lane is closed, or was while this waited.
    pub fn submit(&self, frame: F, overload: Overload) -> Result<Submitted, Closed> {
        let mut state = self.wait_for_room(self.lock(), |state| {
            overload == Overload::Wait && state.in_flight >= state.limit
        });
        if state.in_flight >= state.limit {
            state.add(Slot::Skipped(frame))?;
            self.ready.notify_one();
            return Ok(Submitted::Skipped);
        }
        state.add(Slot::Waiting(frame))?;
        state.in_flight += 1;
        state.waiting += 1;
        if state.patience.is_some() {
            // Who waits for the first entry has to wait for no longer than that from now on.
            self.ready.notify_one();
        }
        drop(state);
        if let Some(bell) = self.bell.get() {
            bell();
        }
        Ok(Submitted::ForWork)
    }

    /// The oldest frame that waits for a worker, if there is one.
    pub fn take(&self) -> Option<Job<F>> {
        let mut state = self.lock();
        if state.waiting == 0 {
            return None;
        }
        let entry = state
            .entries
            .iter_mut()
            .find(|entry| matches!(entry.slot, Slot::Waiting(_)))?;
        let Slot::Waiting(frame) = &entry.slot else {
            return None;
        };
        let job = Job {
            frame: frame.clone(),
            entered: entry.entered,
            serial: entry.serial,
        };
        entry.slot = Slot::Working(job.frame.clone());
        state.waiting -= 1;
        Some(job)
    }

    /// Gives a result back. Results for frames that were flushed or given up are dropped. The
    /// job's share in the frame ends before the frame can leave.
    pub fn finish(&self, job: Job<F>, result: R) {
        self.settle(job, |frame| Slot::Done(frame, result));
    }

    /// Gives a frame back on which no work was done: it goes on without.
    pub fn give_up(&self, job: Job<F>) {
        self.settle(job, Slot::Skipped);
    }

    fn settle(&self, job: Job<F>, settled: impl FnOnce(F) -> Slot<F, E, R>) {
        let Job { frame, serial, .. } = job;
        drop(frame);
        let mut state = self.lock();
        state.in_flight -= 1;
        let index = state
            .entries
            .binary_search_by_key(&serial, |entry| entry.serial);
        if let Ok(index) = index
            && let Some(entry) = state.entries.get_mut(index)
            && let Slot::Working(frame) = &entry.slot
        {
            entry.slot = settled(frame.clone());
        }
        drop(state);
        self.ready.notify_one();
        self.room.notify_all();
    }

    /// Waits until the workers are done with the frames that they have taken. For a lane that has
    /// been shut down.
    pub fn wait_for_workers(&self) {
        let mut state = self.lock();
        while state.in_flight > state.waiting {
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next entry, once it is ready; waits for it.
    ///
    /// # Errors
    /// The lane is closed, or was while this waited.
    pub fn pop(&self) -> Result<Output<F, E, R>, Closed> {
        let mut state = self.lock();
        loop {
            if state.flushing || state.shut_down {
                return Err(Closed);
            }
            let now = Instant::now();
            if state.front_is_ready(now)
                && let Some(entry) = state.entries.pop_front()
            {
                if matches!(entry.slot, Slot::Waiting(_)) {
                    // Nobody will take it any more.
                    state.waiting -= 1;
                    state.in_flight -= 1;
                }
                drop(state);
                self.room.notify_all();
                return Ok(entry.into_output(now));
            }
            let overdue_in = match (state.patience, state.entries.front()) {
                (Some(patience), Some(entry)) => {
                    Some(patience.saturating_sub(now.duration_since(entry.entered)))
                }
                _ => None,
            };
            state = match overdue_in {
                Some(duration) => {
                    self.ready
                        .wait_timeout(state, duration)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .ready
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Waits until everything that is in the lane has left it.
    ///
    /// # Errors
    /// The lane is closed, or was while this waited.
    pub fn drain(&self) -> Result<(), Closed> {
        let mut state = self.lock();
        loop {
            if state.flushing || state.shut_down {
                return Err(Closed);
            }
            if state.entries.is_empty() {
                return Ok(());
            }
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Drops the frames that entered before the first event that is a `barrier`, or all frames
    /// where there is none; events stay. Returns whether there is such an event.
    pub fn drop_frames(&self, barrier: impl Fn(&E) -> bool) -> bool {
        let mut state = self.lock();
        let barrier = state
            .entries
            .iter()
            .position(|entry| matches!(&entry.slot, Slot::Event(event) if barrier(event)));
        let end = barrier.unwrap_or(state.entries.len());
        let rest = state.entries.split_off(end);
        let (mut kept, dropped): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut state.entries)
            .into_iter()
            .partition(|entry| matches!(entry.slot, Slot::Event(_)));
        kept.extend(rest);
        state.entries = kept;
        state.forget(&dropped);
        drop(state);
        self.wake();
        // Frames are freed outside the lock.
        drop(dropped);
        barrier.is_some()
    }

    /// Drops everything and closes the lane until [`resume`](Self::resume); who waits returns.
    pub fn flush(&self) {
        let mut state = self.lock();
        state.flushing = true;
        let dropped = std::mem::take(&mut state.entries);
        state.forget(&dropped);
        drop(state);
        self.wake();
        // Frames are freed outside the lock.
        drop(dropped);
    }

    /// Opens the lane again after a flush.
    pub fn resume(&self) {
        self.lock().flushing = false;
    }

    /// Ends the lane for good: everybody sees it closed.
    pub fn shut_down(&self) {
        self.flush();
        self.lock().shut_down = true;
        self.wake();
    }

    fn wake(&self) {
        self.room.notify_all();
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<F, E, R>> {
        // No code of others runs under the lock, so a panic elsewhere cannot have torn the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<F, E, R>>,
        full: impl Fn(&State<F, E, R>) -> bool,
    ) -> MutexGuard<'a, State<F, E, R>> {
        while !state.flushing
            && !state.shut_down
            && (state.entries.len() >= state.capacity || full(&state))
        {
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}

impl<F, E, R> State<F, E, R> {
    fn add(&mut self, slot: Slot<F, E, R>) -> Result<(), Closed> {
        if self.flushing || self.shut_down {
            return Err(Closed);
        }
        self.entries.push_back(Entry {
            serial: self.next,
            entered: Instant::now(),
            slot,
        });
        self.next += 1;
        Ok(())
    }

    /// Counts what was dropped while it waited for a worker.
    fn forget(&mut self, dropped: &VecDeque<Entry<F, E, R>>) {
        let is_waiting = |entry: &&Entry<F, E, R>| matches!(entry.slot, Slot::Waiting(_));
        let waited = dropped.iter().filter(is_waiting).count();
        self.waiting -= waited;
        self.in_flight -= waited;
    }

    fn front_is_ready(&self, now: Instant) -> bool {
        self.entries.front().is_some_and(|entry| match entry.slot {
            Slot::Event(_) | Slot::Skipped(_) | Slot::Done(..) => true,
            Slot::Waiting(_) | Slot::Working(_) => self
                .patience
                .is_some_and(|patience| now.duration_since(entry.entered) >= patience),
        })
    }
}

impl<F, E, R> Entry<F, E, R> {
    fn into_output(self, now: Instant) -> Output<F, E, R> {
        match self.slot {
            Slot::Event(event) => Output::Event(event),
            Slot::Skipped(frame) => Output::Skipped(frame),
            Slot::Done(frame, result) => {
                Output::Done(frame, result, now.duration_since(self.entered))
            }
            Slot::Waiting(frame) | Slot::Working(frame) => Output::Overdue(frame),
        }
    }
}

#[cfg(test)]
mod tests;
