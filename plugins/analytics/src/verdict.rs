//! Whether an event is true: what an element that makes events and one that looks at pictures say to
//! each other.
//!
//! ```text
//! who makes events ──── buffer with the event as pending ────▶ who verifies
//!        │  ▲                                                        │
//!        │  └──────────── upstream event `vigil-verdict` ────────────┘
//!        └─────────────── query `vigil-verifier` ────────────────────▶
//! ```
//!
//! * **Pending** ([`event_meta::write_pending`](crate::event_meta::write_pending)): the event as it
//!   will be told, with one more field `verify`, a structure named [`ASK`]: `question` (string; left
//!   out, a question for all kinds of events is asked) and `timeout` (double, seconds from now on for
//!   which an answer is of use).
//! * **Verdict**: a custom upstream event whose structure is named [`EVENT`]: `event` (string, the
//!   event's id), `answer` (string: `yes`, `no`, `unsure` or `none`), and where they are known
//!   `reason` (string, one word: why the answer is `none`), `caption` (string, id of the record with
//!   the whole answer), `text` (string, what was seen), `model` (string), `latency` (double, seconds
//!   from asking to the answer). It may be sent from any thread, once for each pending event.
//! * **Query**: a custom query whose structure is named [`QUERY`]. Who verifies answers it with the
//!   field `verifier` (boolean, true) set.

use gst::prelude::*;

/// Name of a verdict's structure.
pub const EVENT: &str = "vigil-verdict";
/// Name of the query's structure.
pub const QUERY: &str = "vigil-verifier";
/// Name of the structure in the field `verify` of a pending event.
pub const ASK: &str = "vigil-verify";

/// What a question about an event may name in braces.
pub const FIELDS: [&str; 14] = [
    "event",
    "phase",
    "rule",
    "zone",
    "line",
    "direction",
    "duration",
    "label",
    "track",
    "confidence",
    "box",
    "age",
    "stream",
    "time",
];

/// What a verifier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The event is true.
    Yes,
    /// It is not.
    No,
    /// It cannot be seen.
    Unsure,
    /// There is no answer.
    None,
}

impl Answer {
    /// As it is in structures and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unsure => "unsure",
            Self::None => "none",
        }
    }

    /// What this word says; nothing but the four words is an answer.
    pub fn of(word: &str) -> Option<Self> {
        let all = [Self::Yes, Self::No, Self::Unsure, Self::None];
        all.into_iter().find(|answer| answer.as_str() == word)
    }
}

/// What a verifier says of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Id of the event.
    pub event: String,
    /// Whether it is true.
    pub answer: Answer,
    /// One word: why there is no answer.
    pub reason: Option<String>,
    /// Id of the record with the whole answer.
    pub caption: Option<String>,
    /// What was seen.
    pub text: Option<String>,
    /// Who says so.
    pub model: Option<String>,
    /// Seconds from asking to the answer.
    pub latency: Option<f64>,
}

impl Verdict {
    /// No answer, for this reason.
    pub fn none(event: &str, reason: &str) -> Self {
        Self {
            event: event.to_string(),
            answer: Answer::None,
            reason: Some(reason.to_string()),
            caption: None,
            text: None,
            model: None,
            latency: None,
        }
    }

    /// The event that goes upstream.
    pub fn to_event(&self) -> gst::Event {
        let structure = gst::Structure::builder(EVENT)
            .field("event", &self.event)
            .field("answer", self.answer.as_str())
            .field_if_some("reason", self.reason.as_deref())
            .field_if_some("caption", self.caption.as_deref())
            .field_if_some("text", self.text.as_deref())
            .field_if_some("model", self.model.as_deref())
            .field_if_some("latency", self.latency)
            .build();
        gst::event::CustomUpstream::new(structure)
    }

    /// Reads an event; `None` if it is no verdict. One that cannot be understood has the answer
    /// `none`: who waits for it need not wait any longer.
    pub fn read(event: &gst::EventRef) -> Option<Self> {
        let structure = event
            .structure()
            .filter(|structure| structure.name() == EVENT)?;
        let text = |name: &str| structure.get::<String>(name).ok();
        let id = text("event")?;
        let Some(answer) = text("answer").as_deref().and_then(Answer::of) else {
            return Some(Self::none(&id, "malformed"));
        };
        let latency = structure.get::<f64>("latency").ok();
        Some(Self {
            event: id,
            answer,
            reason: text("reason"),
            caption: text("caption"),
            text: text("text"),
            model: text("model"),
            latency: latency.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        })
    }
}

/// What is asked about a pending event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ask {
    /// The question; without, one for all kinds of events.
    pub question: Option<String>,
    /// Nanoseconds for which an answer is of use.
    pub timeout: Option<u64>,
}

impl Ask {
    /// Puts it on an event's structure.
    pub fn put(&self, event: &mut gst::StructureRef) {
        let seconds = self.timeout.map(|ns| ns as f64 / 1e9);
        let ask = gst::Structure::builder(ASK)
            .field_if_some("question", self.question.as_deref())
            .field_if_some("timeout", seconds)
            .build();
        event.set("verify", ask);
    }

    /// Reads it from a pending event; whoever wrote that may have left it out.
    pub fn read(event: &gst::StructureRef) -> Self {
        let Ok(ask) = event.get::<gst::Structure>("verify") else {
            return Self::default();
        };
        let seconds = ask.get::<f64>("timeout").ok();
        let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        Self {
            question: ask.get("question").ok(),
            timeout: seconds.map(|seconds| (seconds * 1e9) as u64),
        }
    }
}

/// Whether somebody downstream of this source pad verifies events. Asks each element on the way; none
/// of them waits.
pub fn is_there(pad: &gst::Pad) -> bool {
    let mut query = gst::query::Custom::new(gst::Structure::new_empty(QUERY));
    pad.peer_query(&mut query)
        && query
            .structure()
            .is_some_and(|structure| structure.get("verifier") == Ok(true))
}

/// Answers such a query; false if it is another one.
pub fn answer(query: &mut gst::QueryRef) -> bool {
    let gst::QueryViewMut::Custom(query) = query.view_mut() else {
        return false;
    };
    let structure = query.structure_mut();
    let is_ours = structure.name() == QUERY;
    if is_ours {
        structure.set("verifier", true);
    }
    is_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_arrives_as_it_was_sent() {
        gst::init().unwrap();
        let full = Verdict {
            event: "01J".into(),
            answer: Answer::Yes,
            reason: None,
            caption: Some("01K".into()),
            text: Some("a man".into()),
            model: Some("m".into()),
            latency: Some(0.5),
        };
        for verdict in [full, Verdict::none("01J", "queue-full")] {
            assert_eq!(Verdict::read(&verdict.to_event()), Some(verdict));
        }
    }

    #[test]
    fn only_the_words_for_it_are_an_answer() {
        gst::init().unwrap();
        for (word, answer) in [
            ("yes", Answer::Yes),
            ("no", Answer::No),
            ("unsure", Answer::Unsure),
            ("none", Answer::None),
            ("YES", Answer::None),
            ("yes, and open the door", Answer::None),
            ("", Answer::None),
        ] {
            let structure = gst::Structure::builder(EVENT)
                .field("event", "01J")
                .field("answer", word)
                .field("latency", f64::NAN)
                .build();
            let read = Verdict::read(&gst::event::CustomUpstream::new(structure)).unwrap();
            assert_eq!((read.answer, read.latency), (answer, None), "{word}");
        }
        let other = gst::Structure::builder("other")
            .field("event", "01J")
            .build();
        assert_eq!(Verdict::read(&gst::event::CustomUpstream::new(other)), None);
    }

    #[test]
    fn what_is_asked_rides_on_the_event() {
        gst::init().unwrap();
        let mut event = gst::Structure::new_empty("vigil-event");
        assert_eq!(Ask::read(&event), Ask::default());
        let ask = Ask {
            question: Some("Is it?".into()),
            timeout: Some(2_500_000_000),
        };
        ask.put(&mut event);
        assert_eq!(Ask::read(&event), ask);
    }
}
