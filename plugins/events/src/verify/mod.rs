//! Events that wait until somebody says whether they are true.
//!
//! ```text
//!  event ──take──▶ its rule verifies nothing ───────────────────────────▶ told
//!                  it does: held ──judge: yes ──────────────────────────▶ told, verified
//!                                 ├─ no ────────────────────────────────▶ never told: refuted
//!                                 └─ no answer, or not in time ─────────▶ as the rule says
//! ```
//!
//! What follows an event (its end) shares its fate: it is held with it, told after it, or not told.
//! Each event that is held is settled exactly once, and is then in exactly one of `verified`,
//! `refuted`, `unverified` and `dropped` of [`Counts`].
//!
//! No GStreamer types. Time is the wall clock: how fast the stream runs says nothing about how long a
//! model takes.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vigil_analytics::verdict::{Answer, Verdict};
use vigil_analytics::{Event, Phase};

use crate::rules::model::{Otherwise, Verify};

/// Most events that wait. Captioners give up long before; this is for one that never answers.
const MOST: usize = 1000;
/// Events of whose verdict is remembered that it would come too late.
const REMEMBERED: usize = 256;
/// Longest text of others in a record, in characters.
const LONGEST_TEXT: usize = 400;
/// Longest reason, in characters, and most different ones: they are names of fields in `stats`.
const LONGEST_REASON: usize = 40;
const MOST_REASONS: usize = 40;

/// What became of events that had to wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Told: the answer was yes.
    pub verified: u64,
    /// Not told: the answer was no.
    pub refuted: u64,
    /// Told without an answer.
    pub unverified: u64,
    /// Not told for want of an answer.
    pub dropped: u64,
    /// Answers that came when nobody waited for them any more.
    pub late: u64,
    /// Why there was no answer: as many as `unverified` and `dropped` together.
    pub unanswered: BTreeMap<String, u64>,
}

/// What becomes of an event now.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is told.
    Told(Event),
    /// It waits; this is what is to be asked about it.
    Held(Event, Arc<Verify>),
    /// Not now, or never.
    Silent,
}

/// An event that waits, with what follows it.
#[derive(Debug)]
struct Held {
    event: Event,
    /// Its end, if that came already.
    later: Vec<Event>,
    verify: Arc<Verify>,
    until: Instant,
}

impl Held {
    fn is_open(&self) -> bool {
        let last = self.later.last().unwrap_or(&self.event);
        matches!(last.phase, Phase::Start | Phase::Update)
    }
}

/// What was decided about a thing that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decided {
    /// Told, and whether it was verified.
    Told(bool),
    Silent,
}

/// Holds events back and lets them go.
#[derive(Debug, Default)]
pub struct Court {
    /// By id: ids sort in the order of their making.
    held: BTreeMap<String, Held>,
    /// Things that began, were settled and have not ended.
    decided: HashMap<String, Decided>,
    /// Settled without an answer; the oldest first.
    given_up: VecDeque<String>,
    counts: Counts,
}

impl Court {
    /// What became of events so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many wait.
    pub fn pending(&self) -> usize {
        self.held.len()
    }

    /// When the first of them has waited long enough.
    pub fn deadline(&self) -> Option<Instant> {
        self.held.values().map(|held| held.until).min()
    }

    /// Takes an event in that happened now; `verify` is what its rule says.
    pub fn take(&mut self, mut event: Event, verify: Option<Arc<Verify>>, now: Instant) -> Fate {
        if let Some(held) = self.held.get_mut(&event.id) {
            held.later.push(event);
            return Fate::Silent;
        }
        if matches!(event.phase, Phase::End | Phase::Update) {
            let decided = match event.phase {
                Phase::End => self.decided.remove(&event.id),
                _ => self.decided.get(&event.id).copied(),
            };
            return match decided {
                Some(Decided::Silent) => Fate::Silent,
                Some(Decided::Told(verified)) => {
                    event.data.insert("verified".into(), verified.into());
                    Fate::Told(event)
                }
                None => Fate::Told(event),
            };
        }
        let Some(verify) = verify else {
            return Fate::Told(event);
        };
        let held = Held {
            event: event.clone(),
            later: Vec::new(),
            until: now + Duration::from_nanos(verify.timeout),
            verify: verify.clone(),
        };
        if self.held.len() >= MOST {
            let mut told = Vec::new();
            self.unanswered(held, "too-many", &mut told);
            return told.pop().map_or(Fate::Silent, Fate::Told);
        }
        self.held.insert(event.id.clone(), held);
        Fate::Held(event, verify)
    }

    /// Takes a verdict in; what is told now is appended to `out`, each event before what follows it.
    /// False if the event is none of ours.
    pub fn judge(&mut self, verdict: &Verdict, out: &mut Vec<Event>) -> bool {
        let Some(held) = self.held.remove(&verdict.event) else {
            let known = self.given_up.contains(&verdict.event);
            self.counts.late += u64::from(known);
            return known;
        };
        match verdict.answer {
            Answer::Yes => {
                self.counts.verified += 1;
                self.tell(held, true, verification(verdict), out);
            }
            Answer::No => {
                self.counts.refuted += 1;
                self.silence(&held);
            }
            Answer::Unsure => self.give_up(held, "unsure", verification(verdict), out),
            Answer::None => {
                let reason = word(verdict.reason.as_deref().unwrap_or_default());
                let mut verification = verification(verdict);
                verification.insert("reason".into(), reason.as_str().into());
                self.give_up(held, &reason, verification, out);
            }
        }
        true
    }

    /// Settles what has waited long enough.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<Event>) {
        let due = |(id, held): (&String, &Held)| (held.until <= now).then(|| id.clone());
        let due: Vec<String> = self.held.iter().filter_map(due).collect();
        self.abandon(&due, "timeout", out);
    }

    /// Settles these events without an answer.
    pub fn abandon(&mut self, ids: &[String], reason: &str, out: &mut Vec<Event>) {
        for id in ids {
            if let Some(held) = self.held.remove(id) {
                self.unanswered(held, reason, out);
            }
        }
    }

    /// Settles all that waits without an answer.
    pub fn abandon_all(&mut self, reason: &str, out: &mut Vec<Event>) {
        for (_, held) in std::mem::take(&mut self.held) {
            self.unanswered(held, reason, out);
        }
    }

    /// Drops all that waits, whatever the rules say: what is still to be told is of no use.
    pub fn clear(&mut self, reason: &str) {
        for (_, held) in std::mem::take(&mut self.held) {
            self.note(&held, reason);
            self.counts.dropped += 1;
            self.silence(&held);
        }
    }

    fn unanswered(&mut self, held: Held, reason: &str, out: &mut Vec<Event>) {
        let mut verification = Map::new();
        verification.insert("reason".into(), reason.into());
        self.give_up(held, reason, verification, out);
    }

    fn give_up(
        &mut self,
        held: Held,
        reason: &str,
        verification: Map<String, Value>,
        out: &mut Vec<Event>,
    ) {
        self.note(&held, reason);
        match held.verify.otherwise {
            Otherwise::Publish => {
                self.counts.unverified += 1;
                self.tell(held, false, verification, out);
            }
            Otherwise::Drop => {
                self.counts.dropped += 1;
                self.silence(&held);
            }
        }
    }

    fn note(&mut self, held: &Held, reason: &str) {
        let table = &mut self.counts.unanswered;
        let known = table.contains_key(reason) || table.len() < MOST_REASONS;
        let reason = if known { reason } else { "other" };
        *table.entry(reason.to_string()).or_default() += 1;
        if self.given_up.len() >= REMEMBERED {
            self.given_up.pop_front();
        }
        self.given_up.push_back(held.event.id.clone());
    }

    fn tell(
        &mut self,
        held: Held,
        verified: bool,
        verification: Map<String, Value>,
        out: &mut Vec<Event>,
    ) {
        if held.is_open() {
            let id = held.event.id.clone();
            self.decided.insert(id, Decided::Told(verified));
        }
        let mut event = held.event;
        event
            .data
            .insert("verification".into(), verification.into());
        for mut event in std::iter::once(event).chain(held.later) {
            event.data.insert("verified".into(), verified.into());
            out.push(event);
        }
    }

    fn silence(&mut self, held: &Held) {
        if held.is_open() {
            let id = held.event.id.clone();
            self.decided.insert(id, Decided::Silent);
        }
    }
}

/// `data.verification`: how the verdict came about. Others wrote it: lines of bounded length.
fn verification(verdict: &Verdict) -> Map<String, Value> {
    let mut fields = Map::new();
    if verdict.answer != Answer::None {
        fields.insert("answer".into(), verdict.answer.as_str().into());
    }
    // Only what is an id is one.
    let caption = verdict.caption.as_deref();
    let caption = caption.filter(|id| ulid::Ulid::from_string(id).is_ok());
    for (name, text) in [
        ("caption", caption),
        ("text", verdict.text.as_deref()),
        ("model", verdict.model.as_deref()),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let plain = text.chars().filter(|c| !c.is_control());
            let plain: String = plain.take(LONGEST_TEXT).collect();
            fields.insert(name.into(), plain.into());
        }
    }
    if let Some(seconds) = verdict.latency {
        fields.insert("latency".into(), json!((seconds * 1e3).round() / 1e3));
    }
    fields
}

/// A reason as one word: who sends it may be anybody.
fn word(reason: &str) -> String {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = reason.len() <= LONGEST_REASON
        && reason.starts_with(|c: char| c.is_ascii_lowercase())
        && reason.chars().all(is_word);
    if fits { reason.into() } else { "other".into() }
}
