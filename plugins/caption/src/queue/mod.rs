//! What one element wants to ask and has not asked yet. Small, and never the reason to wait: when it
//! is full, what matters least goes, and what is too old to matter is not asked at all.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use ulid::Ulid;

/// How much a request matters; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Something to say from time to time.
    Interval,
    /// About a track.
    Track,
    /// About an event.
    Event,
    /// Whether an event is true.
    Verification,
    /// Somebody waits for the answer.
    Person,
}

/// Which requests stand for each other: the newest of one key is enough.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The scene, from time to time.
    Interval,
    /// The scene, because it changed.
    Scene,
    /// This track.
    Track(u64),
    /// The event of this id.
    Event(String),
    /// Nothing else is like it.
    Request(Ulid),
    /// A question in the chat: each is answered, one after the other.
    Chat,
}

impl Key {
    /// Whether a newer request makes one pointless that is on its way. Not so for what comes again
    /// and again: on a slow server none of it would ever be answered.
    pub fn supersedes_running(&self) -> bool {
        matches!(self, Self::Track(_) | Self::Event(_))
    }

    /// Whether only one of them may be on its way.
    pub fn is_serial(&self) -> bool {
        matches!(self, Self::Chat)
    }

    fn stands_for(&self, other: &Self) -> bool {
        self == other && !matches!(self, Self::Chat | Self::Request(_))
    }
}

/// Why a request was not asked, or its answer not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// There was no room, and this mattered least.
    Full,
    /// A newer one stands for it.
    Superseded,
    /// It waited too long.
    Expired,
    /// Somebody said so.
    Cancelled,
    /// The stream was flushed.
    Flush,
    /// The element stops.
    Shutdown,
    /// The answer took too long.
    Deadline,
    /// The first word took too long.
    FirstToken,
    /// The next word took too long.
    Idle,
}

impl Why {
    /// Every reason, for tables.
    pub const ALL: [Self; 9] = [
        Self::Full,
        Self::Superseded,
        Self::Expired,
        Self::Cancelled,
        Self::Flush,
        Self::Shutdown,
        Self::Deadline,
        Self::FirstToken,
        Self::Idle,
    ];

    /// As it is in `stats`, records and signals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "queue-full",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Flush => "flush",
            Self::Shutdown => "shutdown",
            Self::Deadline => "deadline",
            Self::FirstToken => "first-token-timeout",
            Self::Idle => "idle-timeout",
        }
    }
}

/// A request that waits.
#[derive(Debug, Clone)]
pub struct Job<T> {
    /// Its id.
    pub id: Ulid,
    /// What it stands for.
    pub key: Key,
    /// How much it matters.
    pub priority: Priority,
    /// When it was made.
    pub made: Instant,
    /// What to do.
    pub task: T,
}

/// Requests of one element that wait.
#[derive(Debug)]
pub struct Queue<T> {
    jobs: VecDeque<Job<T>>,
    size: usize,
    max_age: Duration,
}

/// A job that is given up, and why.
pub type Dropped<T> = (Job<T>, Why);

impl<T> Queue<T> {
    /// A queue for this many jobs, at least one, none of which waits for longer than `max_age`.
    pub fn new(size: usize, max_age: Duration) -> Self {
        Self {
            jobs: VecDeque::new(),
            size: size.max(1),
            max_age,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Puts a job in, and gives back what is given up for it; that may be the job itself.
    pub fn push(&mut self, job: Job<T>, now: Instant) -> Vec<Dropped<T>> {
        let mut dropped = self.expire(now);
        let older = |other: &Job<T>| job.key.stands_for(&other.key);
        dropped.extend(self.take_all(older).map(|job| (job, Why::Superseded)));
        if self.jobs.len() >= self.size {
            let least = self.jobs.iter().map(|job| job.priority).min();
            if least.is_some_and(|least| least > job.priority) {
                dropped.push((job, Why::Full));
                return dropped;
            }
            // The oldest of those that matter least.
            let oldest = self.jobs.iter().position(|job| Some(job.priority) == least);
            let oldest = oldest.and_then(|at| self.jobs.remove(at));
            dropped.extend(oldest.map(|job| (job, Why::Full)));
        }
        self.jobs.push_back(job);
        dropped
    }

    /// How much the next job matters that `may` run.
    pub fn next_priority(&self, may: impl Fn(&Job<T>) -> bool) -> Option<Priority> {
        let allowed = self.jobs.iter().filter(|job| may(job));
        allowed.map(|job| job.priority).max()
    }

    /// Takes out the oldest of those jobs that matter most, of those that `may` run.
    pub fn pop(&mut self, may: impl Fn(&Job<T>) -> bool) -> Option<Job<T>> {
        let most = self.next_priority(&may)?;
        let chosen = |job: &Job<T>| job.priority == most && may(job);
        let at = self.jobs.iter().position(chosen)?;
        self.jobs.remove(at)
    }

    /// Takes out what waited too long.
    pub fn expire(&mut self, now: Instant) -> Vec<Dropped<T>> {
        let max_age = self.max_age;
        // Somebody who waits has a deadline of their own.
        let old = |job: &Job<T>| {
            job.priority < Priority::Person && now.saturating_duration_since(job.made) > max_age
        };
        if !self.jobs.iter().any(old) {
            return Vec::new();
        }
        self.take_all(old).map(|job| (job, Why::Expired)).collect()
    }

    /// Takes the job of this id out.
    pub fn remove(&mut self, id: Ulid) -> Option<Job<T>> {
        let at = self.jobs.iter().position(|job| job.id == id)?;
        self.jobs.remove(at)
    }

    /// Takes all jobs out.
    pub fn drain(&mut self) -> Vec<Job<T>> {
        self.jobs.drain(..).collect()
    }

    fn take_all(&mut self, matches: impl Fn(&Job<T>) -> bool) -> impl Iterator<Item = Job<T>> {
        let (taken, kept) = std::mem::take(&mut self.jobs)
            .into_iter()
            .partition(|job| matches(job));
        self.jobs = kept;
        let taken: VecDeque<Job<T>> = taken;
        taken.into_iter()
    }
}

#[cfg(test)]
mod tests;
