//! Who waits for an answer: makes events of words. Runs on workers.

use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use vigil_analytics::event::{Event, Frame, ObjectRecord, Phase, SCHEMA};
use vigil_analytics::verdict::{Answer, Verdict};

use super::memory::Recall;
use super::outbox::Outbox;
use crate::chat::Chat;
use crate::client::answer::Usage;
use crate::prompt::clean;
use crate::select::Stamp;
use crate::server::desk::{Outcome, Reply};
use crate::triggers::Trigger;

/// Longest caption, in characters.
const LONGEST: usize = 4000;
/// Longest observation that goes upstream with a verdict, in characters.
const LONGEST_OBSERVATION: usize = 200;

/// What a caption is about, known when the question is made.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub id: String,
    /// For example `caption.object`.
    pub kind: &'static str,
    pub trigger: Trigger,
    pub stream: String,
    /// The frame that it speaks of.
    pub stamp: Stamp,
    pub size: (u32, u32),
    pub time: Option<String>,
    pub object: Option<ObjectRecord>,
    /// Id and kind of the event that asked, its zone and its line.
    pub parent: Option<Parent>,
    pub question: Option<String>,
    /// The first and the last frame that are shown, and how many.
    pub frames: (Stamp, Stamp, usize),
    /// The answer is a verdict.
    pub verdict: bool,
    /// Upstream waits for the verdict.
    pub awaited: bool,
}

/// The event that asked.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    pub id: String,
    pub kind: String,
    pub zone: Option<String>,
    pub line: Option<String>,
}

/// Waits for one answer.
pub(super) struct Waiting {
    pub facts: Facts,
    pub outbox: Arc<Outbox>,
    pub generation: u64,
    pub asked: Instant,
    /// Whether words are told as they come.
    pub stream: bool,
    pub chat: Option<Arc<Mutex<Chat>>>,
    pub recall: Option<Recall>,
    /// What was told so far: since when, and how much of the answer.
    pub told: Option<(Instant, usize)>,
}

impl Waiting {
    fn event(&self, phase: Phase, text: &str, partial: bool, model: &str) -> Event {
        let facts = &self.facts;
        let shown = |stamp: Stamp| match stamp.pts {
            Some(pts) => json!({"number": stamp.number, "pts": pts}),
            None => json!({"number": stamp.number}),
        };
        let (from, to, count) = facts.frames;
        let mut data = Map::new();
        let mut set = |name: &str, value: Value| {
            data.insert(name.into(), value);
        };
        set("text", text.into());
        set("trigger", facts.trigger.as_str().into());
        set("model", model.into());
        set("partial", partial.into());
        set("latency", seconds(self.asked));
        set(
            "frames",
            json!({"count": count, "from": shown(from), "to": shown(to)}),
        );
        if let Some(question) = &facts.question {
            set("question", question.as_str().into());
        }
        let parent = facts.parent.as_ref();
        if let Some(parent) = parent {
            set("parent", parent.kind.as_str().into());
        }
        Event {
            schema: Cow::Borrowed(SCHEMA),
            id: facts.id.clone(),
            parents: parent.map(|parent| parent.id.clone()).into_iter().collect(),
            event: Cow::Borrowed(facts.kind),
            phase,
            stream: facts.stream.clone(),
            pts: facts.stamp.pts,
            time: facts.time.clone(),
            frame: Frame {
                number: facts.stamp.number,
                width: facts.size.0,
                height: facts.size.1,
            },
            rule: None,
            zone: parent.and_then(|parent| parent.zone.clone()),
            line: parent.and_then(|parent| parent.line.clone()),
            object: facts.object.clone(),
            data,
        }
    }

    /// What upstream hears of an answer. Only the field of the schema decides: whatever else the model
    /// says, somebody may have written it into the picture.
    fn verdict(&self, event: &Event) -> Option<Verdict> {
        let parent = self.facts.parent.as_ref()?;
        let text = |value: &Value| Some(value.as_str()?.to_string());
        let data = &event.data;
        let said = data.get("json").and_then(|json| text(&json["observation"]));
        Some(Verdict {
            event: parent.id.clone(),
            answer: Answer::of(data.get("answer")?.as_str()?)?,
            reason: None,
            caption: Some(self.facts.id.clone()),
            text: said.map(|said| clean::line(&said, LONGEST_OBSERVATION)),
            model: data.get("model").and_then(text),
            latency: data.get("latency").and_then(Value::as_f64),
        })
    }

    /// What the outcome adds to the event's data.
    fn add_outcome(&self, event: &mut Event, outcome: &Outcome) {
        let answer = &outcome.answer;
        let data = &mut event.data;
        let millis = |time: std::time::Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
        data.insert("first_token".into(), millis(answer.first_token).into());
        if let Some(tokens) = tokens(answer.usage) {
            data.insert("tokens".into(), tokens);
        }
        if let Some(id) = &outcome.cached {
            data.insert("cached".into(), id.as_str().into());
        }
        if let Some(cut) = answer.cut {
            data.insert("cut".into(), cut.into());
        }
        if let Some(error) = &outcome.schema_error {
            data.insert("schema_error".into(), error.as_str().into());
        }
        if let Some(json) = &outcome.json {
            let verdict = json["verdict"].as_str().filter(|_| self.facts.verdict);
            if let Some(verdict) = verdict {
                data.insert("answer".into(), verdict.into());
            }
            data.insert("json".into(), json.clone());
        }
        if self.facts.verdict && !data.contains_key("answer") {
            // Whoever cannot say it in the given form has not said yes.
            data.insert("answer".into(), "unsure".into());
        }
        if let Some((began, _)) = self.told {
            data.insert("duration".into(), seconds(began));
        }
    }
}

fn seconds(since: Instant) -> Value {
    ((since.elapsed().as_secs_f64() * 1e3).round() / 1e3).into()
}

fn tokens(usage: Usage) -> Option<Value> {
    let fields = [
        ("prompt", usage.prompt),
        ("cached", usage.cached),
        ("completion", usage.completion),
    ];
    let map: Map<String, Value> = fields
        .into_iter()
        .filter_map(|(name, n)| Some((name.to_string(), n?.into())))
        .collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

impl Reply for Waiting {
    fn progress(&mut self, text: &str) {
        let told = self.told.map_or(0, |(_, told)| told);
        let piece = text.get(told..).unwrap_or_default();
        if piece.is_empty() {
            return;
        }
        if !self.stream {
            return;
        }
        let phase = if self.told.is_some() {
            Phase::Update
        } else {
            Phase::Start
        };
        let began = self.told.map_or_else(Instant::now, |(began, _)| began);
        let words = clean::answer(text, LONGEST);
        let event = self.event(phase, &words, true, "");
        if self.outbox.say(self.generation, event, &words, began) {
            self.told = Some((began, text.len()));
            self.outbox.token(&self.facts.id, &clean::piece(piece));
        }
    }

    fn answered(self: Box<Self>, outcome: Outcome) {
        let text = clean::answer(&outcome.answer.text, LONGEST);
        let phase = if self.told.is_some() {
            Phase::End
        } else {
            Phase::Instant
        };
        let partial = outcome.answer.cut.is_some();
        let mut event = self.event(phase, &text, partial, &outcome.answer.model);
        self.add_outcome(&mut event, &outcome);
        if let Some(chat) = &self.chat {
            let mut chat = chat.lock().unwrap_or_else(PoisonError::into_inner);
            chat.answered(&text);
        }
        // Before anybody hears of it: whoever does may ask the same again.
        if let Some(recall) = &self.recall
            && self.outbox.is_wanted(self.generation)
        {
            recall.keep(&outcome, &self.facts.id);
        }
        // First: at the end of the stream, somebody waits for what follows.
        if let Some(verdict) = self.verdict(&event).filter(|_| self.facts.awaited) {
            self.outbox.judge(verdict);
        }
        self.outbox
            .finish(self.generation, event, &text, |counters| {
                counters.add(&outcome)
            });
    }

    fn dropped(self: Box<Self>, why: &'static str, story: Option<String>) {
        if let Some(parent) = self.facts.parent.as_ref().filter(|_| self.facts.awaited) {
            self.outbox.unanswered(&parent.id, why);
        }
        self.outbox
            .drop_request(self.generation, &self.facts.id, why, story);
    }
}
