//! Workers that serve several lanes.

use super::turns::{Member, Turns};
use super::workers::{self, Division, LaneOf, Mode, Taken, Work};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Frames in flight that each lane of a file may have, however many lanes there are: one that is
/// worked on, and one that its sender makes meanwhile.
const LEAST_IN_FLIGHT: usize = 2;

/// On what terms a lane is served.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Its frames come before those of lanes that are not live. Its limits are its own: those of
    /// other lanes are the pool's business.
    pub live: bool,
    /// What it wants workers to be divided for. Where lanes want different things, latency it is.
    pub mode: Mode,
    /// How long a frame may wait for others that are worked on with it, where workers take several
    /// at a time.
    pub wait: Duration,
    /// Entries of a lane that is not live for each frame in flight.
    pub entries_per_frame: usize,
    /// The most entries of a lane that is not live.
    pub most_entries: usize,
}

/// What a pool has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// How its threads are divided.
    pub division: Division,
    /// Lanes that it serves.
    pub lanes: usize,
    /// Frames that wait for a worker, in all lanes.
    pub waiting: usize,
    /// How often a worker took frames.
    pub runs: u64,
    /// How many those were.
    pub frames: u64,
}

/// How many frames workers take at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// In general.
    pub size: usize,
    /// Where all threads work on one run, and there are several lanes to fill it.
    pub for_latency: usize,
}

impl From<usize> for Batch {
    /// As many in each case.
    fn from(size: usize) -> Self {
        Self {
            size,
            for_latency: size,
        }
    }
}

struct State<W: Work> {
    turns: Turns<W>,
    division: Division,
    /// Counts the divisions; workers belong to one.
    generation: u64,
    /// The first generation whose workers are still wanted.
    wanted: u64,
    threads: Vec<JoinHandle<()>>,
    /// Workers that wait for a frame.
    idle: usize,
    /// A worker waits for more frames to take with those that it has.
    gathers: bool,
    /// It is to wait no longer.
    hurry: bool,
    /// There could not be a single thread: nobody works.
    nobody: Option<String>,
    shut_down: bool,
}

/// Workers that serve several lanes by turns: live ones first, in each lane the oldest frame first.
/// How the threads are divided follows from what the lanes want.
///
/// ```text
///  lane 1 ──┐                 ┌─► worker ─┐
///  lane 2 ──┼─► whose turn? ──┼─► worker ─┼─► each frame back to its lane
///  lane 3 ──┘                 └─► worker ─┘
/// ```
///
/// A lane that nobody takes anything out of is full some time and has no turn any more; the others
/// go on. The pool is locked for taking frames only. Every method may be called from any thread.
pub struct Pool<W: Work> {
    work: W,
    threads: usize,
    batch: Batch,
    state: Mutex<State<W>>,
    /// Workers that have nothing to do.
    idle: Condvar,
    /// The worker that waits for more.
    gathering: Condvar,
    runs: AtomicU64,
    frames: AtomicU64,
}

impl<W: Work> Pool<W> {
    /// A pool of so many threads, whose workers take up to `batch` frames at a time. Workers are
    /// started with the first lane.
    pub fn new(work: W, threads: usize, batch: impl Into<Batch>) -> Arc<Self> {
        let batch = batch.into();
        Arc::new(Self {
            work,
            threads,
            batch,
            state: Mutex::new(State {
                turns: Turns::new(),
                division: Division::new(Mode::Throughput, threads, batch.size),
                generation: 0,
                wanted: 0,
                threads: Vec::new(),
                idle: 0,
                gathers: false,
                hurry: false,
                nobody: None,
                shut_down: false,
            }),
            idle: Condvar::new(),
            gathering: Condvar::new(),
            runs: AtomicU64::new(0),
            frames: AtomicU64::new(0),
        })
    }

    /// What the workers do.
    pub fn work(&self) -> &W {
        &self.work
    }

    /// Serves a lane from now on. It must be one that no pool has served.
    pub fn join(self: &Arc<Self>, lane: &Arc<LaneOf<W>>, stream: W::Stream, terms: Terms) {
        let pool = Arc::downgrade(self);
        lane.set_bell(move || {
            if let Some(pool) = pool.upgrade() {
                pool.ring();
            }
        });
        let mut state = self.lock();
        state.turns.add(lane.clone(), Arc::new(stream), terms);
        self.divide(&mut state);
        drop(state);
        self.ring();
    }

    /// Serves a lane no more. Frames of it that were taken are finished.
    pub fn leave(self: &Arc<Self>, lane: &LaneOf<W>) {
        let mut state = self.lock();
        state.turns.remove(lane);
        state.hurry = true;
        if !state.turns.members().is_empty() {
            self.divide(&mut state);
        }
        drop(state);
        self.gathering.notify_all();
    }

    /// Ends the workers and waits for them. Not to be called by one of them.
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.shut_down = true;
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        self.idle.notify_all();
        self.gathering.notify_all();
        for thread in threads {
            // One that panicked has given back its frames.
            let _ = thread.join();
        }
    }

    /// What was done up to now.
    pub fn stats(&self) -> PoolStats {
        let state = self.lock();
        let lanes = state.turns.members();
        PoolStats {
            division: state.division,
            lanes: lanes.len(),
            waiting: lanes.iter().map(|member| member.lane.waiting()).sum(),
            runs: self.runs.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
        }
    }

    /// Divides the threads as the lanes that are there want it, and the frames in flight among them.
    fn divide(self: &Arc<Self>, state: &mut State<W>) {
        let wants_latency = |member: &Member<W>| member.terms.mode == Mode::Latency;
        let mode = match state.turns.members().iter().any(wants_latency) {
            true => Mode::Latency,
            false => Mode::Throughput,
        };
        let batch = match mode {
            Mode::Latency if state.turns.members().len() > 1 => self.batch.for_latency,
            _ => self.batch.size,
        };
        let division = Division::new(mode, self.threads, batch);
        if state.generation == 0 || division != state.division {
            state.division = division;
            state.generation += 1;
            self.start_workers(state);
        }
        let senders = state.turns.members().iter().filter(|m| !m.terms.live);
        let share = division
            .in_flight()
            .div_ceil(senders.clone().count().max(1));
        for Member { lane, terms, .. } in senders {
            let limit = share.max(LEAST_IN_FLIGHT);
            let entries = limit
                .saturating_mul(2)
                .saturating_mul(terms.entries_per_frame);
            lane.set_limit(limit);
            lane.set_capacity(entries.min(terms.most_entries));
        }
    }

    /// Starts the workers of the present division. Those of the one before go on until the first
    /// of these is ready.
    fn start_workers(self: &Arc<Self>, state: &mut State<W>) {
        state.threads.retain(|thread| !thread.is_finished());
        let mut failed = None;
        let mut started = 0;
        for number in 0..state.division.workers {
            match workers::spawn(self, state.generation, state.division, number) {
                Ok(thread) => {
                    state.threads.push(thread);
                    started += 1;
                }
                Err(error) => failed = Some(format!("no thread could be started: {error}")),
            }
        }
        if started > 0 {
            state.nobody = None;
        } else if state.threads.is_empty() {
            state.nobody = failed;
        }
    }

    /// Whether the threads are still divided so. Where they were divided anew before a worker has
    /// begun, it is not needed.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.lock().generation == generation
    }

    /// A worker of this generation can work: those of earlier ones are not needed any more.
    pub(super) fn is_ready(&self, generation: u64) {
        let mut state = self.lock();
        if generation > state.wanted {
            state.wanted = generation;
            drop(state);
            self.idle.notify_all();
        }
    }

    /// Says that a frame waits.
    fn ring(&self) {
        let mut state = self.lock();
        if let Some(why) = state.nobody.clone() {
            let mut frames = Vec::new();
            while state.turns.take(&mut frames, false) {}
            drop(state);
            for frame in frames {
                frame.finish(self.work.failed(&why));
            }
        } else if state.gathers {
            self.gathering.notify_one();
        } else {
            self.idle.notify_one();
        }
    }

    /// Takes the frames for a worker's next run, at least one; waits for it. `false` where the
    /// worker is needed no more.
    pub(super) fn take(&self, generation: u64, batch: usize, frames: &mut Vec<Taken<W>>) -> bool {
        let mut state = self.lock();
        loop {
            if state.shut_down || generation < state.wanted {
                drop(state);
                // It may have been called for a frame, which is now another worker's.
                self.idle.notify_one();
                return false;
            }
            if !state.gathers && state.turns.take(frames, false) {
                break;
            }
            state.idle += 1;
            state.ask_for_more();
            state = wait(&self.idle, state);
            state.idle -= 1;
        }
        state.ask_for_more();
        if batch > 1 {
            self.gather(state, batch, frames);
        }
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.frames
            .fetch_add(frames.len() as u64, Ordering::Relaxed);
        true
    }

    /// Takes what else there is for the same run, and waits for more as long as the frames may.
    fn gather(
        &self,
        mut state: MutexGuard<'_, State<W>>,
        batch: usize,
        frames: &mut Vec<Taken<W>>,
    ) {
        state.gathers = true;
        state.hurry = false;
        let mut has_waited = false;
        loop {
            // For latency a frame must not wait for the next one of its own stream.
            let one_each = state.division.mode == Mode::Latency;
            while frames.len() < batch && state.turns.take(frames, one_each) {}
            let may_come = !one_each || frames.len() < state.turns.members().len();
            let until = frames.iter().map(|frame| frame.until).min();
            let left = until.map_or(Duration::ZERO, |until| {
                until.saturating_duration_since(Instant::now())
            });
            let is_done = frames.len() >= batch || !may_come || left.is_zero();
            if is_done || state.hurry || state.shut_down {
                break;
            }
            state.ask_for_more();
            has_waited = true;
            state = self
                .gathering
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.gathers = false;
        drop(state);
        if has_waited {
            // Others had to leave alone what came meanwhile.
            self.idle.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Work> State<W> {
    /// Where workers have nothing to do, lanes that have all their frames with others may send
    /// more.
    fn ask_for_more(&self) {
        if self.idle == 0 && !self.gathers {
            return;
        }
        for member in self.turns.members() {
            if !member.terms.live {
                member.lane.raise_limit(self.division.in_flight());
            }
        }
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}
