//! Events that wait until somebody downstream says whether they are true. Runs, under the state's
//! lock, on whichever thread brings an answer or ends the waiting.

use std::sync::Arc;
use std::time::Instant;
use vigil_analytics::pads::outlet::Outlet;
use vigil_analytics::pads::queue::{Payload, Record};
use vigil_analytics::verdict::{Ask, Verdict};
use vigil_analytics::{Event, event_meta};

use super::state::{Output, State, overflow};
use crate::rules::Reason;
use crate::rules::model::{Otherwise, Verify};

/// An event that waits for a verdict.
#[derive(Debug)]
pub(super) struct Pending {
    pub event: Event,
    pub verify: Arc<Verify>,
}

impl Pending {
    /// As it is on the buffer.
    pub fn structure(&self) -> gst::Structure {
        let mut structure = event_meta::to_structure(&self.event);
        let ask = Ask {
            question: self.verify.question.clone(),
            timeout: Some(self.verify.timeout),
        };
        ask.put(&mut structure);
        structure
    }
}

impl State {
    /// Tells events: they go to the pad's `queue` and into `out`.
    pub(super) fn publish(
        &mut self,
        events: Vec<Event>,
        out: &mut Output,
        queue: impl Fn(&Outlet, Record) -> Option<u64>,
    ) {
        // What had to wait comes where the video is now: time does not go back on a pad.
        let position = self.last.and_then(|last| last.pts);
        for event in events {
            self.counters.events += 1;
            out.structures.push(event_meta::to_structure(&event));
            if let Some(outlet) = &self.events {
                let record = Record {
                    pts: position.or(event.pts),
                    payload: Payload::Event(Arc::new(event)),
                };
                let dropped = queue(outlet, record);
                out.warnings.extend(dropped.map(|n| overflow("events", n)));
            }
        }
    }

    /// An answer came. False if it is about none of our events.
    pub fn verdict(&mut self, verdict: &Verdict, out: &mut Output) -> bool {
        let mut told = Vec::new();
        let ours = self.court.judge(verdict, &mut told);
        self.publish_late(told, out);
        ours
    }

    /// Time has passed.
    pub fn expire(&mut self, out: &mut Output) {
        let mut told = Vec::new();
        self.court.expire(Instant::now(), &mut told);
        self.publish_late(told, out);
    }

    /// Nobody downstream verifies: these events need not wait.
    pub fn nobody(&mut self, pending: &[Pending], out: &mut Output) {
        let ids: Vec<String> = pending.iter().map(|one| one.event.id.clone()).collect();
        let mut told = Vec::new();
        self.court.abandon(&ids, "no-verifier", &mut told);
        self.publish(told, out, |outlet, record| outlet.push(record));
        if !std::mem::replace(&mut self.told_of_nobody, true)
            && let Some(Pending { event, verify }) = pending.first()
        {
            let rule = event.rule.as_deref().unwrap_or_default();
            let fate = match verify.otherwise {
                Otherwise::Publish => "published unverified",
                Otherwise::Drop => "dropped",
            };
            out.warnings.push(format!(
                "rule \"{rule}\" says verify, and nobody downstream does: its events are {fate}. Put \
                 vigilcaption after vigilevents"
            ));
        }
    }

    /// The element goes to READY: nothing waits any longer, and what is open ends.
    pub fn shut_down(&mut self, out: &mut Output) {
        self.end_all(Reason::Shutdown, out);
        let mut told = Vec::new();
        self.court.abandon_all("shutdown", &mut told);
        self.publish(told, out, |outlet, record| outlet.push(record));
        self.end_events();
    }

    /// After a flush nobody wants what is still to be told.
    pub fn flush(&mut self, event: &gst::Event, out: &mut Output) {
        self.court.clear("flush");
        self.late.clear();
        (self.eos, self.ended) = (None, None);
        self.end_all(Reason::Flush, out);
        for outlet in self.outlets() {
            outlet.flush_stop(event.clone());
        }
    }

    /// The end of the stream, on the pad with events, once no event waits any more.
    pub fn end_events(&mut self) {
        if self.court.pending() == 0
            && let Some(eos) = self.eos.take()
            && let Some(outlet) = &self.events
        {
            outlet.push_event(eos);
        }
    }

    /// For `stats`.
    pub fn verification(&self) -> gst::Structure {
        let counts = self.court.counts();
        let mut unanswered = gst::Structure::new_empty("unanswered");
        for (why, n) in &counts.unanswered {
            unanswered.set(why.as_str(), *n);
        }
        gst::Structure::builder("verification")
            .field("pending", self.court.pending() as u64)
            .field("verified", counts.verified)
            .field("refuted", counts.refuted)
            .field("unverified", counts.unverified)
            .field("dropped", counts.dropped)
            .field("late", counts.late)
            .field("unanswered", unanswered)
            .build()
    }

    fn publish_late(&mut self, told: Vec<Event>, out: &mut Output) {
        self.publish(told, out, |outlet, record| outlet.push(record));
        self.late.extend(out.structures.iter().cloned());
    }
}
