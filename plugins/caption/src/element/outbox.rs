//! Where captions go: to the pad `captions`, the bus, the next buffer, and signals.
//!
//! Called by workers, and by the streaming thread and applications where things end early. What
//! began on the pad ends there, whatever becomes of the request: [`Outbox`] knows what is open.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vigil_analytics::event::{Event, Phase};
use vigil_analytics::event_meta;
use vigil_analytics::pads::outlet::Outlet;
use vigil_analytics::pads::queue::{Caption, Payload, Record};
use vigil_analytics::stats::Latencies;
use vigil_analytics::verdict::Verdict;

use super::VigilCaption;
use super::awaited::Awaited;
use crate::client::answer::Usage;
use crate::server::breaker::Health;

/// Most captions that wait for the next buffer: one that never comes must not collect them.
const MOST_PENDING: usize = 64;
/// How often at most the application hears the same complaint.
const COMPLAIN_EVERY: Duration = Duration::from_secs(30);

/// Counters for `stats`.
#[derive(Debug, Default, Clone)]
pub(super) struct Counters {
    pub asked: u64,
    pub answered: u64,
    pub partial: u64,
    pub cached: u64,
    pub invalid: u64,
    pub repaired: u64,
    pub retries: u64,
    pub dropped: BTreeMap<&'static str, u64>,
    pub limited: BTreeMap<&'static str, u64>,
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    pub completion_tokens: u64,
    pub first_token: Latencies,
    pub total: Latencies,
}

impl Counters {
    fn add_usage(&mut self, usage: Usage) {
        self.prompt_tokens += usage.prompt.unwrap_or(0);
        self.cached_tokens += usage.cached.unwrap_or(0);
        self.completion_tokens += usage.completion.unwrap_or(0);
    }
}

#[derive(Default)]
struct Inner {
    outlet: Option<Arc<Outlet>>,
    pending: Vec<gst::Structure>,
    /// Where the video is, in nanoseconds of PTS: what comes in now is shown from here on.
    position: Option<u64>,
    /// What began and has not ended, by id.
    open: HashMap<String, Open>,
    /// Counts flushes, streams and stops: answers to what was asked before are not wanted.
    generation: u64,
    /// Requests whose answer is waited for.
    awaited: u64,
    counters: Counters,
    complaint: Option<(String, Instant)>,
    /// Events that upstream holds back until it hears of them.
    awaited_events: Awaited,
    /// What applications should hear as soon as nobody holds it back.
    notices: Vec<Notice>,
    holds: usize,
}

/// What began and has not ended: its last event, its words, and since when.
type Open = (Arc<Event>, Arc<str>, Instant);

/// A request that is given up.
struct Notice {
    id: String,
    why: &'static str,
    story: Option<String>,
    ended: Option<Open>,
}

/// Where captions of one element go.
pub(super) struct Outbox {
    element: glib::WeakRef<VigilCaption>,
    inner: Mutex<Inner>,
    changed: Condvar,
    text_duration: u64,
}

impl Outbox {
    pub fn new(element: &VigilCaption, text_duration: u64) -> Self {
        Self {
            element: element.downgrade(),
            inner: Mutex::default(),
            changed: Condvar::new(),
            text_duration,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ------------------------------------------------------------ from the video

    /// The pad that takes captions, or none.
    pub fn set_outlet(&self, outlet: Option<Arc<Outlet>>) {
        self.lock().outlet = outlet;
    }

    /// The pad.
    pub fn outlet(&self) -> Option<Arc<Outlet>> {
        self.lock().outlet.clone()
    }

    /// The video is here now; gives what came in since the last frame.
    pub fn advance(&self, position: Option<u64>) -> Vec<gst::Structure> {
        let mut inner = self.lock();
        inner.position = position.or(inner.position);
        std::mem::take(&mut inner.pending)
    }

    /// A request is made: gives the generation that its answer has to be of.
    pub fn ask(&self) -> u64 {
        let mut inner = self.lock();
        inner.counters.asked += 1;
        inner.awaited += 1;
        inner.generation
    }

    /// Counts a trigger that a limit stopped.
    pub fn limit(&self, why: &'static str) {
        *self.lock().counters.limited.entry(why).or_default() += 1;
    }

    /// Ends what is open; answers to what was asked so far are not wanted any more.
    pub fn end_all(&self, why: &'static str) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.awaited = 0;
        inner.pending.clear();
        // Now: when those who ask return, the way upstream may be closed.
        inner.awaited_events.judge_all(why);
        let open = std::mem::take(&mut inner.open);
        drop(inner);
        self.changed.notify_all();
        self.tell();
        for (_, (event, text, began)) in open {
            let mut event = Event::clone(&event);
            close(&mut event, why, began);
            self.deliver(event, text);
        }
    }

    /// Waits until no answer is awaited, `done` says so, or the time is over. Ends early when
    /// everything is given up.
    pub fn wait(&self, time: Duration, done: impl Fn() -> bool) {
        let until = Instant::now() + time;
        let mut inner = self.lock();
        let generation = inner.generation;
        while inner.awaited > 0 && inner.generation == generation {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // `done` is looked at now and then: nothing tells when it changes.
            let tick = left.min(Duration::from_millis(20));
            inner = (self.changed.wait_timeout(inner, tick))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            drop(inner);
            if done() {
                return;
            }
            inner = self.lock();
        }
    }

    /// Counters so far.
    pub fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    // ------------------------------------------------------------ from workers

    /// Words of an answer came in. False if nobody wants them.
    pub fn say(&self, generation: u64, event: Event, text: &str, began: Instant) -> bool {
        let mut inner = self.lock();
        if inner.generation != generation {
            return false;
        }
        let text: Arc<str> = text.into();
        let known = Arc::new(event.clone());
        inner
            .open
            .insert(event.id.clone(), (known, text.clone(), began));
        drop(inner);
        self.deliver(event, text);
        true
    }

    /// Whether an answer to what was asked in this generation is still wanted.
    pub fn is_wanted(&self, generation: u64) -> bool {
        self.lock().generation == generation
    }

    /// An answer is there. False if nobody wants it.
    pub fn finish(
        &self,
        generation: u64,
        event: Event,
        text: &str,
        count: impl FnOnce(&mut Counters),
    ) -> bool {
        let mut inner = self.lock();
        count(&mut inner.counters);
        if inner.generation != generation {
            return false;
        }
        inner.open.remove(&event.id);
        inner.counters.answered += 1;
        drop(inner);
        self.deliver(event, text.into());
        self.settle(generation);
        true
    }

    /// There is no answer, or none any more.
    pub fn drop_request(
        &self,
        generation: u64,
        id: &str,
        why: &'static str,
        story: Option<String>,
    ) {
        let mut inner = self.lock();
        *inner.counters.dropped.entry(why).or_default() += 1;
        if inner.generation != generation {
            return;
        }
        let open = inner.open.remove(id);
        let complain = story.filter(|story| inner.is_new_complaint(why, story));
        inner.notices.push(Notice {
            id: id.to_string(),
            why,
            story: complain,
            ended: open,
        });
        drop(inner);
        self.tell();
        self.settle(generation);
    }

    /// From here to [`release`](Self::release) applications are told nothing: the caller holds a lock
    /// that they may want.
    pub fn hold(&self) {
        self.lock().holds += 1;
    }

    /// Tells what was held back.
    pub fn release(&self) {
        self.lock().holds -= 1;
        self.tell();
    }

    /// Tells what became of requests, unless that is held back.
    fn tell(&self) {
        loop {
            let mut inner = self.lock();
            if inner.holds > 0 {
                return;
            }
            if let Some(verdict) = inner.awaited_events.next() {
                drop(inner);
                self.send(&verdict);
                continue;
            }
            if inner.notices.is_empty() {
                return;
            }
            let notice = inner.notices.remove(0);
            drop(inner);
            if let Some((event, text, began)) = notice.ended {
                let mut event = Event::clone(&event);
                close(&mut event, notice.why, began);
                self.deliver(event, text);
            }
            let Some(element) = self.element.upgrade() else {
                continue;
            };
            if let Some(story) = notice.story {
                gst::element_warning!(element, gst::ResourceError::Failed, ("{story}"));
            }
            element.emit_by_name::<()>("dropped", &[&notice.id, &notice.why]);
        }
    }

    // ------------------------------------------------------------ verdicts

    /// Upstream waits for a verdict about this event.
    pub fn expect(&self, event: &str) {
        self.lock().awaited_events.expect(event);
    }

    /// The event is asked about; with a reason, upstream need not wait for the answer.
    pub fn asked(&self, event: &str, why: Option<&'static str>) {
        self.lock().awaited_events.asked(event);
        if let Some(why) = why {
            self.unanswered(event, why);
        }
    }

    /// The frame is over: what was not asked about will not be.
    pub fn settle_unasked(&self) {
        if self.lock().awaited_events.drop_unasked() {
            self.tell();
        }
    }

    /// Upstream hears of this verdict, if it still waits for it.
    pub fn judge(&self, verdict: Verdict) {
        self.lock().awaited_events.judge(verdict);
        self.tell();
    }

    /// There will be no verdict about this event.
    pub fn unanswered(&self, event: &str, why: &str) {
        self.judge(Verdict::none(event, why));
    }

    fn send(&self, verdict: &Verdict) {
        if let Some(element) = self.element.upgrade() {
            // Fails only where upstream is gone or flushing: nobody waits there.
            let _ = element.imp().sinkpad.push_event(verdict.to_event());
        }
    }

    fn settle(&self, generation: u64) {
        let mut inner = self.lock();
        if inner.generation == generation {
            inner.awaited = inner.awaited.saturating_sub(1);
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// A piece of an answer.
    pub fn token(&self, id: &str, piece: &str) {
        if let Some(element) = self.element.upgrade() {
            element.emit_by_name::<()>("token", &[&id, &piece]);
        }
    }

    /// The server went down or came back.
    pub fn server_state(&self, health: &Health) {
        let Some(element) = self.element.upgrade() else {
            return;
        };
        let state = match health {
            Health::Up => "up",
            Health::Down(_) => "down",
            Health::Unknown => return,
        };
        if state == "down" {
            self.lock().awaited_events.judge_all("server-down");
            self.tell();
        }
        match health {
            Health::Down(why) => gst::element_warning!(
                element,
                gst::ResourceError::Failed,
                ("The model's server is down; video goes on without captions: {why}")
            ),
            _ => gst::info!(
                super::imp::CAT,
                obj = element,
                "the model's server is up again"
            ),
        }
        element.emit_by_name::<()>("server-state", &[&state]);
    }

    /// Gives an event to all who want it.
    fn deliver(&self, event: Event, text: Arc<str>) {
        let structure = event_meta::to_structure(&event);
        let event = Arc::new(event);
        let dropped = {
            let mut inner = self.lock();
            if inner.pending.len() >= MOST_PENDING {
                inner.pending.remove(0);
            }
            inner.pending.push(structure.clone());
            let record = Record {
                pts: inner.position,
                payload: Payload::Caption(Caption {
                    event: event.clone(),
                    text,
                    duration: self.text_duration,
                }),
            };
            inner.outlet.as_ref().and_then(|outlet| outlet.push(record))
        };
        let Some(element) = self.element.upgrade() else {
            return;
        };
        if let Some(n) = dropped {
            gst::element_warning!(
                element,
                gst::StreamError::Failed,
                ("Pad captions: its queue is full because its consumer does not keep up; {n} records were dropped")
            );
        }
        let message = gst::message::Element::builder(structure.clone()).src(&element);
        // Fails only where there is no bus.
        let _ = element.imp().obj().post_message(message.build());
        if matches!(event.phase, Phase::Instant | Phase::End) {
            element.emit_by_name::<()>("caption", &[&structure]);
        }
    }
}

impl Inner {
    /// Whether the application should hear this: what only a person can mend, and not again and
    /// again.
    fn is_new_complaint(&mut self, why: &str, story: &str) -> bool {
        if !matches!(
            why,
            "refused" | "redirect" | "no-vision" | "malformed" | "server-error"
        ) {
            return false;
        }
        let known = |(last, at): &(String, Instant)| last == story && at.elapsed() < COMPLAIN_EVERY;
        if self.complaint.as_ref().is_some_and(known) {
            return false;
        }
        self.complaint = Some((story.to_string(), Instant::now()));
        true
    }
}

/// Makes of the last words of an answer its early end.
fn close(event: &mut Event, why: &'static str, began: Instant) {
    event.phase = Phase::End;
    let seconds = began.elapsed().as_secs_f64();
    event.data.insert("partial".into(), true.into());
    event.data.insert("cut".into(), why.into());
    event
        .data
        .insert("duration".into(), ((seconds * 1e3).round() / 1e3).into());
}

impl Counters {
    /// Takes an answer in.
    pub fn add(&mut self, outcome: &crate::server::desk::Outcome) {
        let answer = &outcome.answer;
        if outcome.cached.is_some() {
            // Nobody was asked: it says nothing of the server.
            self.cached += 1;
            return;
        }
        self.partial += u64::from(answer.cut.is_some());
        self.invalid += u64::from(outcome.schema_error.is_some());
        self.repaired += u64::from(outcome.repaired);
        self.retries += u64::from(answer.retries);
        self.add_usage(answer.usage);
        self.first_token.add(answer.first_token);
        self.total.add(answer.total);
    }
}
