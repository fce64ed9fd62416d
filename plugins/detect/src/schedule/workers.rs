//! The threads of a pool: each takes frames, works on them, and gives them back.

use super::lane::{Job, Lane};
use super::pool::Pool;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// What is done with frames, and in what terms.
pub trait Work: Send + Sync + Sized + 'static {
    /// A frame; a clone is another share in it.
    type Frame: Clone + Send + 'static;
    /// What keeps its place between frames.
    type Event: Send + 'static;
    /// What becomes of a frame.
    type Result: Send + 'static;
    /// What workers are to know of a frame's stream.
    type Stream: Send + Sync + 'static;
    /// What one worker needs. It is made and used on that worker's thread.
    type Hands;

    /// Makes what one worker of a pool that is so divided needs. May take its time.
    fn hands(&self, division: Division) -> Self::Hands;

    /// Works on frames, at most as many as [`Division::batch`] says, and finishes each. One that
    /// is not finished goes on without work.
    fn work(&self, hands: &mut Self::Hands, frames: &mut Vec<Taken<Self>>);

    /// The result of a frame whose work ended in a panic, or which nobody can work on.
    fn failed(&self, why: &str) -> Self::Result;
}

/// What workers are divided for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All threads work on one run: the shortest time for a frame.
    Latency,
    /// Each thread works on a run of its own: the most frames a second.
    Throughput,
}

impl Mode {
    /// As the property `mode` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
        }
    }
}

/// How the threads of a pool are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    /// What for.
    pub mode: Mode,
    /// Number of workers.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
    /// The most frames that a worker takes at a time.
    pub batch: usize,
}

impl Division {
    /// Of so many threads, with so many frames at a time.
    pub fn new(mode: Mode, threads: usize, batch: usize) -> Self {
        let threads = threads.max(1);
        let (workers, threads) = match mode {
            Mode::Latency => (1, threads),
            Mode::Throughput => (threads, 1),
        };
        Self {
            mode,
            workers,
            threads,
            batch: batch.max(1),
        }
    }

    /// Frames that keep all workers busy: those that they work on, and as many that they find when
    /// they are done.
    pub fn in_flight(&self) -> usize {
        2 * self.workers * self.batch
    }
}

/// The lanes that a pool of this work serves.
pub(super) type LaneOf<W> = Lane<<W as Work>::Frame, <W as Work>::Event, <W as Work>::Result>;

/// A frame that a worker has taken. Dropped unfinished, it goes on without work.
pub struct Taken<W: Work> {
    pub(super) lane: Arc<LaneOf<W>>,
    /// `None` once it has been given back.
    pub(super) job: Option<Job<W::Frame>>,
    /// What is known of its stream.
    pub stream: Arc<W::Stream>,
    /// Until when it may wait for others to be worked on with it.
    pub(super) until: Instant,
}

impl<W: Work> Taken<W> {
    /// The frame.
    pub fn frame(&self) -> &W::Frame {
        match &self.job {
            Some(job) => &job.frame,
            None => unreachable!("it is given back by what ends it"),
        }
    }

    /// Gives the frame back with its result.
    pub fn finish(mut self, result: W::Result) {
        if let Some(job) = self.job.take() {
            self.lane.finish(job, result);
        }
    }
}

impl<W: Work> Drop for Taken<W> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.lane.give_up(job);
        }
    }
}

/// Starts a worker of this generation.
pub(super) fn spawn<W: Work>(
    pool: &Arc<Pool<W>>,
    generation: u64,
    division: Division,
    number: usize,
) -> std::io::Result<JoinHandle<()>> {
    let pool = pool.clone();
    std::thread::Builder::new()
        .name(format!("vigildetect{number}"))
        .spawn(move || run(&pool, generation, division))
}

fn run<W: Work>(pool: &Pool<W>, generation: u64, division: Division) {
    if !pool.is_current(generation) {
        return;
    }
    let work = pool.work();
    let make = || catch_unwind(AssertUnwindSafe(|| work.hands(division))).map_err(panic_text);
    let mut hands = make();
    pool.is_ready(generation);
    let mut frames = Vec::with_capacity(division.batch);
    while pool.take(generation, division.batch, &mut frames) {
        let worked = match &mut hands {
            // An engine that panics must cost an error, not the frames and the pipeline.
            Ok(hands) => {
                let work = || work.work(hands, &mut frames);
                catch_unwind(AssertUnwindSafe(work)).map_err(panic_text)
            }
            Err(why) => Err(why.clone()),
        };
        if let Err(why) = worked {
            for frame in frames.drain(..) {
                frame.finish(work.failed(&why));
            }
            // What it had in its hands may be broken.
            hands = make();
        }
        frames.clear();
    }
}

fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of unknown type");
    format!("panic: {text}")
}
