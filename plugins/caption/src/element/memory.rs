//! Questions that need not be asked, because the answer is known. Runs on workers, where they are
//! made.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::answers::Facts;
use crate::cache::{Cache, Subject};
use crate::client::answer::Usage;
use crate::client::question::Part;
use crate::server::desk::{Made, Outcome};
use crate::triggers::Trigger;

/// What was said of this stream.
#[derive(Clone)]
pub(super) struct Memory(Option<Arc<Mutex<Cache<Outcome>>>>);

impl Memory {
    /// Remembers for so many nanoseconds of the stream; nothing, if 0.
    pub fn new(ttl: u64) -> Self {
        Self((ttl > 0).then(|| Arc::new(Mutex::new(Cache::new(ttl)))))
    }

    fn lock(&self) -> Option<MutexGuard<'_, Cache<Outcome>>> {
        let cache = self.0.as_ref()?;
        Some(cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What comes has nothing to do with what was said.
    pub fn clear(&self) {
        if let Some(mut cache) = self.lock() {
            cache.clear();
        }
    }

    /// Looks after one question, if the answer to one like it would do: not where somebody wants to
    /// know, nor where an event stands or falls by it. `clock` is the time of the present frame: what
    /// is shown may be older.
    pub fn of(&self, facts: &Facts, clock: u64) -> Option<Recall> {
        let asks_anew = matches!(facts.trigger, Trigger::Manual | Trigger::Ask);
        let memory = (self.0.is_some() && !asks_anew && !facts.verdict).then(|| self.clone())?;
        Some(Recall {
            memory,
            track: facts.object.as_ref().and_then(|object| object.track),
            clock,
            // Of a scene that is as it was, there is nothing to say; a track or an event asked.
            silent: matches!(facts.trigger, Trigger::Interval | Trigger::SceneChange),
            subject: Arc::default(),
        })
    }
}

/// One question and what is known of it.
#[derive(Clone)]
pub(super) struct Recall {
    memory: Memory,
    track: Option<u64>,
    clock: u64,
    silent: bool,
    /// Known when the question is made.
    subject: Arc<OnceLock<Subject>>,
}

impl Recall {
    /// What is known of a question with this prompt and these pictures.
    pub fn find(&self, prompt: &str, parts: &[Part]) -> Option<Made> {
        let subject = Subject::new(self.track, prompt, parts);
        let known = self.memory.lock()?.find(&subject, self.clock);
        let _ = self.subject.set(subject);
        let known = known?;
        if self.silent && known.is_last {
            return Some(Made::Nothing("unchanged"));
        }
        Some(Made::Known(Box::new(known.answer)))
    }

    /// Remembers the answer, which has this id, unless it is one that was known, or is not whole.
    pub fn keep(&self, outcome: &Outcome, id: &str) {
        let whole = outcome.answer.cut.is_none() && outcome.schema_error.is_none();
        if !whole || outcome.cached.is_some() {
            return;
        }
        let Some((mut cache, subject)) = self.memory.lock().zip(self.subject.get()) else {
            return;
        };
        let mut known = outcome.clone();
        known.cached = Some(id.into());
        known.answer.usage = Usage::default();
        known.answer.first_token = std::time::Duration::ZERO;
        cache.add(subject.clone(), self.clock, known);
    }
}
