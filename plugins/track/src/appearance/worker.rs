//! The thread on which crops become vectors.
//!
//! Crops go round: the streaming thread takes an empty job, fills it and sends it; the worker makes
//! the vector; the streaming thread reads it and has an empty job again. There are so many and no
//! more, so that a model that is too slow costs neither memory nor time.

use super::{Crop, Sight};
use crate::track::Time;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use vigil_analytics::frame::FrameView;
use vigil_analytics::stats::Latencies;

/// So many crops are on their way at most.
const MOST_JOBS: usize = 32;
/// The longest that a thread is waited for before it is looked whether it is still there.
const LOOK_AFTER: Duration = Duration::from_millis(200);

/// Makes vectors of crops, on a thread of its own.
pub trait Embed: Send {
    /// How many crops one run takes.
    fn most(&self) -> usize;

    /// Makes the vector of each crop, any number up to [`most`](Self::most), and hands it to `read`
    /// with the crop's number.
    ///
    /// # Errors
    /// What went wrong, in words.
    fn run(
        &mut self,
        crops: &[FrameView<'_>],
        read: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<(), String>;
}

/// What became of a crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Nothing yet.
    #[default]
    None,
    /// It has a vector, of unit length.
    Seen,
    /// Others were more urgent.
    Dropped,
    /// The model failed, or its vector has no direction.
    Failed,
}

/// A crop and its vector.
#[derive(Debug)]
pub struct Job {
    /// Of this track.
    pub track: u64,
    /// Time of the frame.
    pub time: Time,
    /// How well the object can be seen.
    pub sight: Sight,
    /// An identity waits for it.
    pub urgent: bool,
    /// What is to be looked at.
    pub crop: Crop,
    /// What came of it.
    pub outcome: Outcome,
    /// The vector, where one did.
    pub feature: Vec<f32>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            track: 0,
            time: 0,
            sight: Sight::Hidden,
            urgent: false,
            crop: Crop::default(),
            outcome: Outcome::None,
            feature: Vec::new(),
        }
    }
}

/// What the worker has done.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Crops that were looked at.
    pub looks: u64,
    /// Crops that were not, as there were too many.
    pub dropped: u64,
    /// Crops of which nothing came.
    pub failed: u64,
    /// Time of a run, from crops to vectors.
    pub run: Latencies,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// How many the thread is at.
    running: usize,
    done: VecDeque<Job>,
    free: Vec<Job>,
    closed: bool,
    report: Report,
    /// Why a run failed.
    error: Option<String>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something waits, or it is over.
    work: Condvar,
    /// Something is done, or it is over.
    progress: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.progress.notify_all();
    }
}

/// The thread; it ends when this is dropped, after the run in hand.
pub struct Worker {
    shared: Arc<Shared>,
    /// Nobody is to wait.
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has none left.
    pub fn new(embed: Box<dyn Embed>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.lock().free = (0..MOST_JOBS).map(|_| Job::default()).collect();
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("vigiltrack-look".into())
            .spawn(move || work(&theirs, embed))?;
        Ok(Self {
            shared,
            stop: Arc::default(),
            thread: Some(thread),
        })
    }

    /// While `stop` is set nobody waits for it, whatever is on its way.
    pub fn set_stop(&mut self, stop: Arc<AtomicBool>) {
        self.stop = stop;
    }

    /// An empty job. Where all are on their way: in a hurry, the crop that waits for longest and for
    /// which nobody else waits is given up; `None` where there is no such one. Without a hurry it
    /// waits for one to be done, and hands what is done to `read`.
    pub fn blank(&self, hurry: bool, read: &mut dyn FnMut(&Job)) -> Option<Job> {
        let mut queue = self.shared.lock();
        loop {
            if let Some(job) = queue.free.pop() {
                return Some(job);
            }
            if !queue.done.is_empty() {
                Self::read_done(&mut queue, read);
                continue;
            }
            if hurry {
                let oldest = queue.waiting.iter().position(|job| !job.urgent)?;
                let mut job = queue.waiting.remove(oldest)?;
                queue.report.dropped += 1;
                job.outcome = Outcome::Dropped;
                read(&job);
                return Some(job);
            }
            queue = self.wait(queue)?;
        }
    }

    /// Puts a job that is not needed back.
    pub fn put_back(&self, job: Job) {
        self.shared.lock().free.push(job);
    }

    /// Sends a job: one that is urgent before all that are not where there is a `hurry`.
    pub fn send(&self, mut job: Job, hurry: bool) {
        job.outcome = Outcome::None;
        let mut queue = self.shared.lock();
        let calm = queue.waiting.iter().position(|job| !job.urgent);
        match calm.filter(|_| hurry && job.urgent) {
            Some(place) => queue.waiting.insert(place, job),
            None => queue.waiting.push_back(job),
        }
        drop(queue);
        self.shared.work.notify_one();
    }

    /// Hands what is done to `read`. Waits for nothing.
    pub fn read(&self, read: &mut dyn FnMut(&Job)) {
        Self::read_done(&mut self.shared.lock(), read);
    }

    /// Waits until everything that was sent is done, and hands it to `read`.
    pub fn read_all(&self, read: &mut dyn FnMut(&Job)) {
        let mut queue = self.shared.lock();
        while !queue.waiting.is_empty() || queue.running > 0 {
            match self.wait(queue) {
                Some(next) => queue = next,
                None => return,
            }
        }
        Self::read_done(&mut queue, read);
    }

    /// What it has done so far.
    pub fn report(&self) -> Report {
        self.shared.lock().report.clone()
    }

    /// Why a run failed, if one did since this was last asked.
    pub fn take_error(&self) -> Option<String> {
        self.shared.lock().error.take()
    }

    /// Waits for progress; `None` where there will be none.
    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> Option<MutexGuard<'a, Queue>> {
        let is_over = |queue: &Queue| {
            let stopped = queue.closed || self.stop.load(Ordering::Relaxed);
            stopped || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
        };
        if is_over(&queue) {
            return None;
        }
        let (queue, _) = (self.shared.progress)
            .wait_timeout(queue, LOOK_AFTER)
            .unwrap_or_else(PoisonError::into_inner);
        (!is_over(&queue)).then_some(queue)
    }

    fn read_done(queue: &mut Queue, read: &mut dyn FnMut(&Job)) {
        while let Some(job) = queue.done.pop_front() {
            read(&job);
            queue.free.push(job);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// Says that it is over, however the thread ends.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().error = Some("the thread that runs it panicked".into());
        }
        self.0.close();
    }
}

fn work(shared: &Shared, mut embed: Box<dyn Embed>) {
    let _closing = Closing(shared);
    let mut batch = Vec::new();
    while take(shared, embed.most().max(1), &mut batch) {
        let started = Instant::now();
        let result = look(&mut *embed, &mut batch);
        let mut queue = shared.lock();
        queue.report.run.add(started.elapsed());
        queue.report.looks += batch.len() as u64;
        queue.error = result.err().or(queue.error.take());
        let failed = batch.iter().filter(|job| job.outcome != Outcome::Seen);
        queue.report.failed += failed.count() as u64;
        queue.running = 0;
        queue.done.extend(batch.drain(..));
        drop(queue);
        shared.progress.notify_all();
    }
}

/// Takes the jobs of a run; `false` where it is over.
fn take(shared: &Shared, most: usize, batch: &mut Vec<Job>) -> bool {
    let mut queue = shared.lock();
    while queue.waiting.is_empty() && !queue.closed {
        queue = (shared.work)
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner);
    }
    if queue.closed {
        return false;
    }
    let count = most.min(queue.waiting.len());
    batch.extend(queue.waiting.drain(..count));
    queue.running = count;
    true
}

fn look(embed: &mut dyn Embed, batch: &mut [Job]) -> Result<(), String> {
    for job in batch.iter_mut() {
        job.outcome = Outcome::Failed;
        job.feature.clear();
    }
    // The crops are read while the vectors are written, so they are taken apart for the time.
    let crops: Vec<Crop> = batch
        .iter_mut()
        .map(|job| std::mem::take(&mut job.crop))
        .collect();
    let views: Vec<FrameView<'_>> = crops.iter().filter_map(Crop::view).collect();
    let result = if views.len() == crops.len() {
        embed.run(&views, &mut |number, feature| {
            if let Some(job) = batch.get_mut(number) {
                job.feature.clear();
                job.feature.extend_from_slice(feature);
                if super::feature::normalise(&mut job.feature) {
                    job.outcome = Outcome::Seen;
                }
            }
        })
    } else {
        Err("a crop is empty".into())
    };
    for (job, crop) in batch.iter_mut().zip(crops) {
        job.crop = crop;
    }
    let is_seen = |job: &Job| job.outcome == Outcome::Seen;
    if result.is_ok() && !batch.iter().all(is_seen) {
        return Err("the model's output has numbers that are not finite, or zeros only".into());
    }
    result
}
