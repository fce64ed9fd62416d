//! The bounded queue of one metadata pad, without GStreamer types.
//!
//! The streaming thread puts records in, the pad's thread takes them out. Neither ever waits for
//! the other: when the queue is full, something is dropped, in this order, oldest first:
//!
//! 1. records of the `objects` pad,
//! 2. `instant` and `update` events,
//! 3. pairs of a `start` and its `end` that both still wait,
//! 4. a `start` that waits (its `end`, when it comes, is dropped too).
//!
//! The `end` of a `start` that was delivered is never dropped, even if that takes the queue over
//! its size for a moment; there are no more of these than things that are open. An `end` or
//! `update` whose `start` the pad has not got is not queued at all.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::event::{Event, ObjectsRecord, Phase};

/// What a record says.
#[derive(Debug, Clone)]
pub enum Payload {
    /// A line of the `events` pad.
    Event(Arc<Event>),
    /// A line of the `objects` pad.
    Objects(Arc<ObjectsRecord>),
    /// A line of the `captions` pad, or words to show.
    Caption(Caption),
}

/// An event that has words to show: a consumer of text gets these in place of the JSON.
#[derive(Debug, Clone)]
pub struct Caption {
    /// The event.
    pub event: Arc<Event>,
    /// The words.
    pub text: Arc<str>,
    /// How long they are shown, in nanoseconds.
    pub duration: u64,
}

impl Caption {
    /// Whether nothing is to be added to the words: not so at the start of an answer that still
    /// comes in.
    pub fn is_whole(&self) -> bool {
        matches!(self.event.phase, Phase::Instant | Phase::End)
    }
}

/// A line to be.
#[derive(Debug, Clone)]
pub struct Record {
    /// PTS of the buffer, in nanoseconds.
    pub pts: Option<u64>,
    /// What it says.
    pub payload: Payload,
}

impl Record {
    fn phase(&self) -> Option<Phase> {
        match &self.payload {
            Payload::Event(event) | Payload::Caption(Caption { event, .. }) => Some(event.phase),
            Payload::Objects(_) => None,
        }
    }

    /// Id of the event; empty for other records.
    fn id(&self) -> &str {
        match &self.payload {
            Payload::Event(event) | Payload::Caption(Caption { event, .. }) => &event.id,
            Payload::Objects(_) => "",
        }
    }

    fn is(&self, phase: Phase, id: &str) -> bool {
        self.phase() == Some(phase) && self.id() == id
    }
}

/// Time in which nothing happened, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where it begins.
    pub start: u64,
    /// Where it ends; equal to `start` where the duration of frames is unknown.
    pub end: u64,
}

/// Gaps that wait: all but the last as one.
///
/// The last stays by itself because muxers go by where a gap begins: one that begins with the frame
/// before tells them nothing about the frame that they have, and they would wait for what comes next
/// on the pad while the video waits for them.
#[derive(Debug, Default)]
struct Gaps {
    earlier: Option<Gap>,
    last: Option<Gap>,
}

impl Gaps {
    fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn push(&mut self, gap: Gap) {
        if let Some(before) = self.last.replace(gap) {
            let start = self.earlier.map_or(before.start, |earlier| earlier.start);
            self.earlier = Some(Gap {
                start: start.min(before.end),
                end: before.end,
            });
        }
    }

    fn pop(&mut self) -> Option<Gap> {
        self.earlier.take().or_else(|| self.last.take())
    }

    fn put_back(&mut self, gap: Gap) {
        match (self.earlier, self.last) {
            (None, None) => self.last = Some(gap),
            (earlier, _) => {
                let end = earlier.map_or(gap.end, |earlier| earlier.end);
                self.earlier = Some(Gap { end, ..gap });
            }
        }
    }
}

/// What comes out of the queue.
#[derive(Debug, Clone)]
pub enum Item<C> {
    /// A record.
    Record(Record),
    /// Something that keeps its place among the records and is never dropped.
    Control(C),
    /// Nothing happened since the last item.
    Gap(Gap),
}

/// What keeps its place among the records.
pub trait Control {
    /// Whether this makes `earlier` pointless where no record is between the two.
    fn supersedes(&self, earlier: &Self) -> bool;
}

/// Where the start of an open thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Waiting,
    /// Delivered, or about to be.
    Delivered,
}

/// Counters of one queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that came in.
    pub received: u64,
    /// Records that the consumer took.
    pub delivered: u64,
    /// Records that were dropped for lack of room.
    pub dropped: u64,
    /// Records that were given up for another reason: a flush, a consumer that refuses data, an
    /// end whose start the pad has not got.
    pub discarded: u64,
}

/// The queue.
#[derive(Debug)]
pub struct Queue<C> {
    items: VecDeque<Item<C>>,
    /// How many of the items are records.
    records: usize,
    capacity: usize,
    gaps: Gaps,
    /// Things that began and have not ended, as far as this queue is concerned.
    open: HashMap<String, Start>,
    counts: Counts,
}

/// More control items than this, and superseded ones are thrown away: a pad that is never linked
/// must not collect the segments of an endless playlist.
const MANY_CONTROLS: usize = 16;

impl<C: Control> Queue<C> {
    /// A queue for this many records; at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            items: VecDeque::new(),
            records: 0,
            capacity: capacity.max(1),
            gaps: Gaps::default(),
            open: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Counters since the queue was made.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Records that wait.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether nothing waits: no record, no control item, no gap.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.gaps.is_empty()
    }

    /// Puts a record in, and says how many were dropped for it, itself included.
    pub fn push(&mut self, record: Record) -> u64 {
        self.counts.received += 1;
        let before = self.counts.dropped;
        match record.phase() {
            Some(Phase::End | Phase::Update) if !self.open.contains_key(record.id()) => {
                self.counts.discarded += 1;
            }
            _ if self.records >= self.capacity && !self.make_room(&record) => {
                self.counts.dropped += 1;
            }
            _ => self.append(record),
        }
        self.counts.dropped - before
    }

    fn append(&mut self, record: Record) {
        if record.phase() == Some(Phase::Start) {
            self.open.insert(record.id().to_string(), Start::Waiting);
        }
        self.gaps.clear();
        self.records += 1;
        self.items.push_back(Item::Record(record));
    }

    /// Drops what matters least. False if that is `incoming` itself.
    fn make_room(&mut self, incoming: &Record) -> bool {
        if self.drop_oldest(|record| record.phase().is_none()) {
            return true;
        }
        if incoming.phase().is_none() {
            return false;
        }
        let is_minor = |phase| matches!(phase, Some(Phase::Instant | Phase::Update));
        if self.drop_oldest(|record| is_minor(record.phase())) {
            return true;
        }
        if is_minor(incoming.phase()) {
            return false;
        }
        if let Some(id) = self.oldest_pair() {
            self.drop_thing(&id);
            return true;
        }
        if incoming.phase() == Some(Phase::End)
            && self.open.get(incoming.id()) == Some(&Start::Waiting)
        {
            self.drop_thing(incoming.id());
            return false;
        }
        if let Some(id) = self.oldest_start() {
            self.drop_thing(&id);
            return true;
        }
        // Only ends of delivered starts wait.
        incoming.phase() == Some(Phase::End)
    }

    fn drop_oldest(&mut self, matches: impl Fn(&Record) -> bool) -> bool {
        let position = self.items.iter().position(|item| match item {
            Item::Record(record) => matches(record),
            _ => false,
        });
        let found = position.and_then(|i| self.items.remove(i)).is_some();
        if found {
            self.records -= 1;
            self.counts.dropped += 1;
        }
        found
    }

    fn waiting(&self) -> impl Iterator<Item = &Record> {
        self.items.iter().filter_map(|item| match item {
            Item::Record(record) => Some(record),
            _ => None,
        })
    }

    /// Id of the first thing whose start and end both wait.
    fn oldest_pair(&self) -> Option<String> {
        let mut starts = HashSet::new();
        for record in self.waiting() {
            match record.phase() {
                Some(Phase::Start) => {
                    starts.insert(record.id());
                }
                Some(Phase::End) if starts.contains(record.id()) => {
                    return Some(record.id().to_string());
                }
                _ => {}
            }
        }
        None
    }

    fn oldest_start(&self) -> Option<String> {
        let start = self
            .waiting()
            .find(|record| record.phase() == Some(Phase::Start))?;
        Some(start.id().to_string())
    }

    /// Drops all that waits of one thing.
    fn drop_thing(&mut self, id: &str) {
        self.open.remove(id);
        let before = self.items.len();
        self.items.retain(|item| match item {
            Item::Record(record) => record.phase().is_none() || record.id() != id,
            _ => true,
        });
        let dropped = before - self.items.len();
        self.records -= dropped;
        self.counts.dropped += dropped as u64;
    }

    /// Puts something in that keeps its place and is never dropped.
    pub fn push_control(&mut self, control: C) {
        self.gaps.clear();
        self.items.push_back(Item::Control(control));
        if self.items.len() - self.records > MANY_CONTROLS {
            self.drop_superseded();
        }
    }

    fn drop_superseded(&mut self) {
        let mut kept: VecDeque<Item<C>> = VecDeque::with_capacity(self.items.len());
        while let Some(item) = self.items.pop_back() {
            let superseded = match &item {
                Item::Control(control) => kept
                    .iter()
                    .map_while(|later| match later {
                        Item::Control(later) => Some(later),
                        _ => None,
                    })
                    .any(|later| later.supersedes(control)),
                _ => false,
            };
            if !superseded {
                kept.push_front(item);
            }
        }
        self.items = kept;
    }

    /// Says that nothing happened; gaps that nobody has taken yet become one, but for the last.
    pub fn push_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Takes the next item out.
    pub fn pop(&mut self) -> Option<Item<C>> {
        let Some(item) = self.items.pop_front() else {
            return self.gaps.pop().map(Item::Gap);
        };
        if let Item::Record(record) = &item {
            self.records -= 1;
            if record.phase() == Some(Phase::Start)
                && let Some(start) = self.open.get_mut(record.id())
            {
                *start = Start::Delivered;
            }
        }
        Some(item)
    }

    /// Puts an item back that was taken out last and could not be delivered.
    pub fn put_back(&mut self, item: Item<C>) {
        match &item {
            Item::Gap(gap) => {
                if self.items.is_empty() {
                    self.gaps.put_back(*gap);
                }
                return;
            }
            Item::Record(record) => {
                self.records += 1;
                if record.phase() == Some(Phase::Start)
                    && let Some(start) = self.open.get_mut(record.id())
                {
                    *start = Start::Waiting;
                }
            }
            Item::Control(_) => {}
        }
        self.items.push_front(item);
    }

    /// The consumer has taken this record.
    pub fn confirm(&mut self, record: &Record) {
        self.counts.delivered += 1;
        if record.phase() == Some(Phase::End) {
            self.open.remove(record.id());
        }
    }

    /// This record, taken out, is given up: the consumer refuses it.
    pub fn discard(&mut self, record: &Record) {
        self.counts.discarded += 1;
        if matches!(record.phase(), Some(Phase::Start | Phase::End)) {
            self.open.remove(record.id());
        }
    }

    /// Empties the queue but for the control items that `keep` says, and returns the ends of
    /// delivered starts: they still must be delivered.
    pub fn flush(&mut self, keep: impl Fn(&C) -> bool) -> Vec<Record> {
        self.gaps.clear();
        let mut ends = Vec::new();
        for item in std::mem::take(&mut self.items) {
            match item {
                Item::Control(control) if keep(&control) => {
                    self.items.push_back(Item::Control(control));
                }
                Item::Record(record) if self.is_owed(&record) => ends.push(record),
                Item::Record(record) => self.discard(&record),
                _ => {}
            }
        }
        self.records = 0;
        ends
    }

    /// Whether this is the end of a delivered start.
    pub fn is_owed(&self, record: &Record) -> bool {
        record.is(Phase::End, record.id()) && self.open.get(record.id()) == Some(&Start::Delivered)
    }

    /// Takes an end that is to wait outside the queue; `None` if its start was not delivered, so
    /// that nobody needs it.
    pub fn hold(&mut self, record: Record) -> Option<Record> {
        self.counts.received += 1;
        if self.is_owed(&record) {
            return Some(record);
        }
        self.discard(&record);
        None
    }

    /// Puts an end in that was outside: from [`flush`](Self::flush) or [`hold`](Self::hold).
    pub fn release(&mut self, record: Record) {
        if self.is_owed(&record) {
            self.append(record);
        } else {
            self.discard(&record);
        }
    }
}

#[cfg(test)]
mod tests;
