//! One server, shared by all elements of the process that ask it.
//!
//! ```text
//!  element ─▶ lane (its queue) ─┐                 ┌─ worker ─▶ request
//!  element ─▶ lane (its queue) ─┼─ turns, budget ─┼─ worker ─▶ request
//!  element ─▶ lane (its queue) ─┘                 └─ …
//!                                    watch: alarms of requests, age of what waits
//! ```
//!
//! There are as many workers as requests may be on their way at once. A worker takes the next job
//! ([`turns`]) and sees it through; the watch ends what takes too long. While the server is down
//! ([`breaker`]) jobs wait, until they are too old, and one worker looks from time to time whether
//! it is back. Elements only ever put something into their lane; nothing here waits for them, nor
//! they for it.
//!
//! What a job is, is the [`Backend`]'s business.

pub mod breaker;
pub mod desk;
pub mod turns;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ulid::Ulid;

use crate::client::cancel::Cancel;
use crate::queue::{Dropped, Job, Key, Priority, Queue, Why};
use breaker::{Breaker, Gate, Health};

/// How often the watch looks while something is on its way or waits.
const WATCH: Duration = Duration::from_millis(25);

/// Who does the work.
pub trait Backend: Send + Sync + Sized + 'static {
    /// What is to be done.
    type Task: Send + 'static;

    /// Does it, on a worker, and says how the server was.
    fn serve(&self, id: Ulid, task: Self::Task, cancel: &Cancel) -> Health;

    /// A job will not be done. On any thread; must not wait.
    fn give_up(&self, id: Ulid, task: Self::Task, why: Why);

    /// Whether the server answers again. On a worker.
    fn probe(&self) -> bool;

    /// The last element is gone.
    fn stop(&self);
}

/// Hears that the server went down (with the reason) or came back. On a worker; must not wait.
pub type Listener = Arc<dyn Fn(&Health) + Send + Sync>;

struct LaneState<T> {
    id: u64,
    queue: Queue<T>,
    /// The turn in which it was served last.
    served: u64,
    budget: usize,
    listener: Listener,
}

struct Running {
    lane: u64,
    id: Ulid,
    key: Key,
    cancel: Cancel,
}

struct Inner<T> {
    lanes: Vec<LaneState<T>>,
    running: Vec<Running>,
    breaker: Breaker,
    next_lane: u64,
    turn: u64,
    workers: usize,
    watched: bool,
    stop: bool,
}

impl<T> Inner<T> {
    /// Requests that may be on their way at once: what the most generous element allows.
    fn budget(&self) -> usize {
        self.lanes.iter().map(|lane| lane.budget).max().unwrap_or(0)
    }

    fn is_serial_running(&self, lane: u64, key: &Key) -> bool {
        key.is_serial()
            && self
                .running
                .iter()
                .any(|run| run.lane == lane && run.key == *key)
    }

    /// Takes the next job, if the budget allows one more.
    fn take(&mut self) -> Option<(Job<T>, Cancel)> {
        if self.running.len() >= self.budget() {
            return None;
        }
        let waiting: Vec<(Option<Priority>, u64)> = self
            .lanes
            .iter()
            .map(|lane| {
                let may = |job: &Job<T>| !self.is_serial_running(lane.id, &job.key);
                (lane.queue.next_priority(may), lane.served)
            })
            .collect();
        let chosen = turns::choose(&waiting, self.turn)?;
        self.turn += 1;
        let (turn, id) = (self.turn, self.lanes[chosen].id);
        let serial = self
            .running
            .iter()
            .filter(|run| run.lane == id && run.key.is_serial())
            .map(|run| run.key.clone())
            .collect::<Vec<_>>();
        let lane = &mut self.lanes[chosen];
        lane.served = turn;
        let job = lane.queue.pop(|job| !serial.contains(&job.key))?;
        let cancel = Cancel::default();
        self.running.push(Running {
            lane: id,
            id: job.id,
            key: job.key.clone(),
            cancel: cancel.clone(),
        });
        Some((job, cancel))
    }

    fn waits(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.queue.is_empty())
    }

    fn listeners(&self) -> Vec<Listener> {
        self.lanes
            .iter()
            .map(|lane| lane.listener.clone())
            .collect()
    }
}

/// A server with its workers.
pub struct Server<B: Backend> {
    backend: B,
    inner: Mutex<Inner<B::Task>>,
    changed: Condvar,
}

/// How an element takes part.
#[derive(Clone)]
pub struct Terms {
    /// Requests that may be on their way at once, of all elements.
    pub budget: usize,
    /// Jobs of this element that may wait.
    pub size: usize,
    /// How long they may wait.
    pub max_age: Duration,
    /// Hears of the server's health.
    pub listener: Listener,
}

impl<B: Backend> Server<B> {
    /// A server that nobody asks yet. `failures`: how many in a row mean that it is down.
    pub fn new(backend: B, failures: u32) -> Arc<Self> {
        Arc::new(Self {
            backend,
            inner: Mutex::new(Inner {
                lanes: Vec::new(),
                running: Vec::new(),
                breaker: Breaker::new(failures),
                next_lane: 0,
                turn: 0,
                workers: 0,
                watched: false,
                stop: false,
            }),
            changed: Condvar::new(),
        })
    }

    /// Who does the work.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    fn lock(&self) -> MutexGuard<'_, Inner<B::Task>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a lane, and as many workers as it takes. `None` if the last element just left: this
    /// server is over, make another.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn join(self: &Arc<Self>, terms: Terms) -> std::io::Result<Option<Lane<B>>> {
        let mut inner = self.lock();
        if inner.stop {
            return Ok(None);
        }
        let id = inner.next_lane;
        inner.next_lane += 1;
        let served = inner.turn;
        inner.lanes.push(LaneState {
            id,
            queue: Queue::new(terms.size, terms.max_age),
            served,
            budget: terms.budget.max(1),
            listener: terms.listener,
        });
        // From here on, leaving takes the lane away again.
        let lane = Lane {
            server: self.clone(),
            id,
        };
        let (budget, workers, watched) = (inner.budget(), inner.workers, inner.watched);
        drop(inner);
        if !watched {
            self.start("caption watch", Self::watch)?;
            self.lock().watched = true;
        }
        for n in workers..budget {
            self.start(&format!("caption {n}"), Self::work)?;
            self.lock().workers += 1;
        }
        Ok(Some(lane))
    }

    fn start(self: &Arc<Self>, name: &str, run: fn(&Self)) -> std::io::Result<()> {
        let server = self.clone();
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || run(&server))
            .map(drop)
    }

    fn give_up_all(&self, dropped: Vec<Dropped<B::Task>>) {
        for (job, why) in dropped {
            self.backend.give_up(job.id, job.task, why);
        }
    }

    // ------------------------------------------------------------ threads

    fn work(&self) {
        let mut inner = self.lock();
        while !inner.stop {
            let gate = if inner.waits() {
                inner.breaker.gate(Instant::now())
            } else {
                Gate::Pass
            };
            match gate {
                Gate::Probe => {
                    drop(inner);
                    let health = if self.backend.probe() {
                        Health::Up
                    } else {
                        Health::Down("it does not answer".into())
                    };
                    self.report(&health);
                    inner = self.lock();
                }
                Gate::Pass => match inner.take() {
                    Some((job, cancel)) => {
                        drop(inner);
                        self.changed.notify_all();
                        self.serve(job, &cancel);
                        inner = self.lock();
                    }
                    None => inner = self.wait(inner, None),
                },
                Gate::Wait(time) => inner = self.wait(inner, Some(time)),
            }
        }
    }

    fn serve(&self, job: Job<B::Task>, cancel: &Cancel) {
        let id = job.id;
        let health = self.backend.serve(id, job.task, cancel);
        self.lock().running.retain(|run| run.id != id);
        self.report(&health);
        self.changed.notify_all();
    }

    /// Takes in how the server was, and tells everybody if that is news.
    fn report(&self, health: &Health) {
        let (news, listeners) = {
            let mut inner = self.lock();
            let news = inner.breaker.report(health, Instant::now());
            (news, inner.listeners())
        };
        if news {
            listeners.iter().for_each(|listener| listener(health));
        }
        self.changed.notify_all();
    }

    fn wait<'a>(
        &'a self,
        inner: MutexGuard<'a, Inner<B::Task>>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Inner<B::Task>> {
        match time {
            Some(time) => {
                let waited = self.changed.wait_timeout(inner, time);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Ends what takes too long, and gives up what waits too long.
    fn watch(&self) {
        let mut inner = self.lock();
        while !inner.stop {
            if inner.running.is_empty() && !inner.waits() {
                inner = self.wait(inner, None);
                continue;
            }
            let now = Instant::now();
            let cancels: Vec<_> = inner.running.iter().map(|run| run.cancel.clone()).collect();
            let lanes = inner.lanes.iter_mut();
            let expired: Vec<_> = lanes.flat_map(|lane| lane.queue.expire(now)).collect();
            drop(inner);
            cancels.iter().for_each(|cancel| cancel.check(now));
            self.give_up_all(expired);
            inner = self.wait_a_little(self.lock());
        }
    }

    /// Waits for [`WATCH`], whatever else changes meanwhile.
    fn wait_a_little<'a>(
        &'a self,
        inner: MutexGuard<'a, Inner<B::Task>>,
    ) -> MutexGuard<'a, Inner<B::Task>> {
        let waited = self
            .changed
            .wait_timeout_while(inner, WATCH, |inner| !inner.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An element's way to a server; dropped, it takes everything back.
pub struct Lane<B: Backend> {
    server: Arc<Server<B>>,
    id: u64,
}

impl<B: Backend> Lane<B> {
    /// Who does the work.
    pub fn backend(&self) -> &B {
        &self.server.backend
    }

    /// Puts a job in; does not wait. What it makes pointless, waiting or on its way, is given up.
    pub fn push(&self, job: Job<B::Task>) {
        let mut superseded = Vec::new();
        let dropped = {
            let mut inner = self.server.lock();
            if job.key.supersedes_running() {
                let same = |run: &&Running| run.lane == self.id && run.key == job.key;
                let same = inner.running.iter().filter(same);
                superseded.extend(same.map(|run| run.cancel.clone()));
            }
            let lane = inner.lanes.iter_mut().find(|lane| lane.id == self.id);
            match lane {
                Some(lane) => lane.queue.push(job, Instant::now()),
                None => vec![(job, Why::Shutdown)],
            }
        };
        self.server.changed.notify_all();
        superseded
            .iter()
            .for_each(|cancel| cancel.cancel(Why::Superseded));
        self.server.give_up_all(dropped);
    }

    /// Gives a job up, waiting or on its way; false if there is none of this id.
    pub fn cancel(&self, id: Ulid, why: Why) -> bool {
        let (job, cancel) = {
            let mut inner = self.server.lock();
            // One that was ended already is only not yet gone.
            let mine =
                |run: &&Running| run.lane == self.id && run.id == id && run.cancel.why().is_none();
            let cancel = inner
                .running
                .iter()
                .find(mine)
                .map(|run| run.cancel.clone());
            let lane = inner.lanes.iter_mut().find(|lane| lane.id == self.id);
            (lane.and_then(|lane| lane.queue.remove(id)), cancel)
        };
        let found = job.is_some() || cancel.is_some();
        self.server
            .give_up_all(job.into_iter().map(|job| (job, why)).collect());
        if let Some(cancel) = cancel {
            cancel.cancel(why);
        }
        found
    }

    /// Gives everything up.
    pub fn cancel_all(&self, why: Why) {
        let (jobs, cancels) = {
            let mut inner = self.server.lock();
            let mine = inner.running.iter().filter(|run| run.lane == self.id);
            let cancels: Vec<_> = mine.map(|run| run.cancel.clone()).collect();
            let lane = inner.lanes.iter_mut().find(|lane| lane.id == self.id);
            (
                lane.map(|lane| lane.queue.drain()).unwrap_or_default(),
                cancels,
            )
        };
        cancels.iter().for_each(|cancel| cancel.cancel(why));
        self.server
            .give_up_all(jobs.into_iter().map(|job| (job, why)).collect());
        self.server.changed.notify_all();
    }

    /// How many jobs wait, and how many are on their way.
    pub fn load(&self) -> (usize, usize) {
        let inner = self.server.lock();
        let lane = inner.lanes.iter().find(|lane| lane.id == self.id);
        let running = inner
            .running
            .iter()
            .filter(|run| run.lane == self.id)
            .count();
        (lane.map_or(0, |lane| lane.queue.len()), running)
    }

    /// Whether the server is taken to be up.
    pub fn is_up(&self) -> bool {
        self.server.lock().breaker.is_up()
    }
}

impl<B: Backend> Drop for Lane<B> {
    fn drop(&mut self) {
        self.cancel_all(Why::Shutdown);
        let is_last = {
            let mut inner = self.server.lock();
            inner.lanes.retain(|lane| lane.id != self.id);
            inner.stop = inner.lanes.is_empty();
            inner.stop
        };
        self.server.changed.notify_all();
        if is_last {
            self.server.backend.stop();
        }
    }
}

#[cfg(test)]
mod tests;
