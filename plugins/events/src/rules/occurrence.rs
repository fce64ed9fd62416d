//! What the engine says happened, and how it becomes an event of schema `vigil/1`.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;
use ulid::Ulid;
use vigil_analytics::event::{BoxRecord, Event, Frame, ObjectRecord, Phase, SCHEMA};

use super::engine::Observation;
use super::model::Verify;

/// Why something ended: `data.reason` of an `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The object is outside the zone.
    Outside,
    /// The object was not seen for the rule's `left-after-ms`.
    Absent,
    /// The tracker gave the object up.
    Lost,
    /// The stream ended.
    Eos,
    /// The stream was flushed, for example by a seek.
    Flush,
    /// Another stream began.
    StreamChanged,
    /// The time of the stream jumped back.
    Discontinuity,
    /// The rule was taken away.
    RulesChanged,
    /// The element was shut down.
    Shutdown,
}

impl Reason {
    /// As it is in the JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Absent => "absent",
            Self::Lost => "lost",
            Self::Eos => "eos",
            Self::Flush => "flush",
            Self::StreamChanged => "stream-changed",
            Self::Discontinuity => "discontinuity",
            Self::RulesChanged => "rules-changed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Where a rule looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The whole frame.
    Everywhere,
    /// The zone of the rule's name.
    Zone,
    /// The line of the rule's name.
    Line,
}

/// Something that happened, apart from when and on which frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The same in the start and the end of one thing.
    pub id: Ulid,
    /// For example `zone.entered`.
    pub event: &'static str,
    /// Where in its life the thing stands.
    pub phase: Phase,
    /// Name of the rule.
    pub rule: Arc<str>,
    /// Whether it waits for a verdict.
    pub verify: Option<Arc<Verify>>,
    /// Where the rule looks.
    pub place: Place,
    /// The object as it was seen last.
    pub object: Observation,
    /// What else there is to say.
    pub data: Map<String, Value>,
}

/// When and where frames happen: what an [`Occurrence`] lacks to be an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Name of the stream.
    pub stream: String,
    /// PTS of the frame in nanoseconds.
    pub pts: Option<u64>,
    /// Wall-clock time of the frame, RFC 3339.
    pub time: Option<String>,
    /// The frame.
    pub frame: Frame,
}

impl Occurrence {
    /// The event of this occurrence on the frame that `context` describes.
    pub fn into_event(self, context: &Context) -> Event {
        let name = self.rule.to_string();
        let (zone, line) = match self.place {
            Place::Everywhere => (None, None),
            Place::Zone => (Some(name.clone()), None),
            Place::Line => (None, Some(name.clone())),
        };
        Event {
            schema: Cow::Borrowed(SCHEMA),
            id: self.id.to_string(),
            parents: Vec::new(),
            event: Cow::Borrowed(self.event),
            phase: self.phase,
            stream: context.stream.clone(),
            pts: context.pts,
            time: context.time.clone(),
            frame: context.frame,
            rule: Some(name),
            zone,
            line,
            object: Some(record(&self.object)),
            data: self.data,
        }
    }
}

fn record(object: &Observation) -> ObjectRecord {
    ObjectRecord {
        track: Some(object.track),
        label: Cow::Borrowed(object.label),
        // f32 as it is would print 0.9100000262260437.
        confidence: (f64::from(object.confidence) * 1e4).round() / 1e4,
        bbox: BoxRecord::from(object.bbox),
        first_seen: Some(object.first_seen),
        coasted: object.coasted,
        keypoints: Vec::new(),
        classes: Vec::new(),
        part_of: None,
    }
}

/// `data` of an end: how long it lasted, in seconds to the millisecond, and why it ended.
pub(super) fn end_data(duration: u64, reason: Reason) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("duration".into(), seconds(duration).into());
    data.insert("reason".into(), reason.as_str().into());
    data
}

fn seconds(ns: u64) -> f64 {
    (ns as f64 / 1e6).round() / 1e3
}
