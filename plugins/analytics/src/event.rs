//! The JSON of the metadata pads: schema `vigil/1`.
//!
//! The types here serialise to what `plugins/events/schema/vigil-1.schema.json` describes; fields
//! that are `None` are left out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

use crate::classes::Class;
use crate::keypoints::Keypoint;
use crate::objects::{BBox, Object};

/// The `schema` field of every record.
pub const SCHEMA: &str = "vigil/1";

/// Where in the life of a thing an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It began; an `End` with the same id will follow.
    Start,
    /// It goes on, and something about it changed.
    Update,
    /// It is over; `data.duration` says how long it lasted, in seconds.
    End,
    /// It has no duration.
    Instant,
}

/// The frame that a record speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Counted from 0 since the stream started.
    pub number: u64,
    /// Width in pixels; 0 where the caps do not say.
    pub width: u32,
    /// Height in pixels; 0 where the caps do not say.
    pub height: u32,
}

/// A box in a record: pixels of the frame, top left corner and size, to two places.
///
/// Numbers in records are f64 even where f32 would do: widened, 0.91 would read 0.9100000262460437
/// on the bus and in metadata.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoxRecord {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl From<BBox> for BoxRecord {
    fn from(bbox: BBox) -> Self {
        // A hundredth of a pixel is finer than any detector, and keeps the lines short.
        let round = |v: f32| (f64::from(v) * 100.0).round() / 100.0;
        Self {
            x: round(bbox.x),
            y: round(bbox.y),
            w: round(bbox.w),
            h: round(bbox.h),
        }
    }
}

/// An object in a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Id of the track, where a tracker gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    /// Class name.
    pub label: Cow<'static, str>,
    /// Score of the detection, 0..1, to four places.
    pub confidence: f64,
    /// Where.
    #[serde(rename = "box")]
    pub bbox: BoxRecord,
    /// PTS in nanoseconds at which the track was seen first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<u64>,
    /// The box is a tracker's prediction, not a detection.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coasted: bool,
    /// Its keypoints, where the detector gives some: x and y in pixels of the frame to two places,
    /// and a score, 0..1, to four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keypoints: Vec<[f64; 3]>,
    /// What classifiers said of it, where some did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassRecord>,
    /// Of which object of the same record it is a part: an index into the record's `objects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<u32>,
}

/// A class of an object in a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// Class name.
    pub label: Cow<'static, str>,
    /// Score, 0..1, to four places.
    pub confidence: f64,
}

impl From<Class> for ClassRecord {
    fn from(class: Class) -> Self {
        // Other people's scores may be anything.
        let confidence = match class.confidence.is_finite() {
            true => class.confidence.clamp(0.0, 1.0),
            false => 0.0,
        };
        Self {
            label: Cow::Borrowed(class.label_str()),
            confidence: (f64::from(confidence) * 1e4).round() / 1e4,
        }
    }
}

impl ObjectRecord {
    /// The record of an object on the buffer with this PTS.
    pub fn new(object: &Object, pts: Option<gst::ClockTime>) -> Self {
        Self {
            track: object.track.map(|track| track.id),
            label: Cow::Borrowed(object.label_str()),
            confidence: (f64::from(object.confidence) * 1e4).round() / 1e4,
            bbox: object.bbox.into(),
            first_seen: object.track.map(|track| track.first_seen.nseconds()),
            coasted: object.is_coasted(pts),
            keypoints: Vec::new(),
            classes: Vec::new(),
            part_of: None,
        }
    }

    /// The record, as a part of the object of this index.
    pub fn with_part_of(mut self, whole: Option<usize>) -> Self {
        self.part_of = whole.and_then(|whole| u32::try_from(whole).ok());
        self
    }

    /// The record, with these classes.
    pub fn with_classes(mut self, classes: impl Iterator<Item = Class>) -> Self {
        self.classes = classes.map(ClassRecord::from).collect();
        self
    }

    /// The record, with these keypoints.
    pub fn with_keypoints(mut self, keypoints: &[Keypoint]) -> Self {
        let round = |value: f32, places: f64| (f64::from(value) * places).round() / places;
        let record = |point: &Keypoint| {
            [
                round(point.x, 100.0),
                round(point.y, 100.0),
                round(point.score.clamp(0.0, 1.0), 1e4),
            ]
        };
        self.keypoints = keypoints.iter().map(record).collect();
        self
    }
}

/// One event: a line on an `events` pad, a `vigil-event` message on the bus, an entry of the
/// buffer's `VigilEventsMeta`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// ULID; `Update` and `End` carry the id of their `Start`.
    pub id: String,
    /// Ids of the events that this one comes from: for a caption, the event that asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// What happened, for example `zone.entered`.
    pub event: Cow<'static, str>,
    /// Where in its life the thing stands.
    pub phase: Phase,
    /// The stream's name.
    pub stream: String,
    /// PTS of the frame in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pts: Option<u64>,
    /// Wall-clock time of the frame, RFC 3339 in UTC with milliseconds, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The frame.
    pub frame: Frame,
    /// Name of the rule that made the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Name of the zone, for rules about zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Name of the line, for rules about lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The object that it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRecord>,
    /// What else there is to say; which fields depends on `event`.
    pub data: Map<String, Value>,
}

/// One frame's objects: a line on an `objects` pad.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectsRecord {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// The stream's name.
    pub stream: String,
    /// PTS of the frame in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pts: Option<u64>,
    /// As in [`Event::time`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The frame.
    pub frame: Frame,
    /// Whether a detector looked at this frame.
    pub inferred: bool,
    /// What is there.
    pub objects: Vec<ObjectRecord>,
}

/// A record as its line on a metadata pad: JSON, UTF-8, ended by a newline.
///
/// # Errors
/// None for the types of this module; a serialisation error otherwise.
pub fn to_line<T: Serialize>(record: &T) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

/// The readable form of a stream id, the default of the elements' `stream-id`.
///
/// Upstream makes stream ids of a long hash and a path (`4f0c…64 hex digits…/video:0:1:avc1`).
/// Hashes are cut to 8 digits; everything else is kept, control characters left out.
pub fn stream_name(stream_id: &str) -> String {
    stream_id
        .split('/')
        .map(|part| {
            let is_hash = part.len() >= 32 && part.bytes().all(|b| b.is_ascii_hexdigit());
            let part = if is_hash { &part[..8] } else { part };
            part.chars().filter(|c| !c.is_control()).collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_serialises_without_what_is_not_known() {
        let event = Event {
            schema: SCHEMA.into(),
            id: "x".into(),
            parents: Vec::new(),
            event: "zone.entered".into(),
            phase: Phase::Start,
            stream: "cam-1".into(),
            pts: Some(5),
            time: None,
            frame: Frame {
                number: 1,
                width: 2,
                height: 3,
            },
            rule: Some("door".into()),
            zone: Some("door".into()),
            line: None,
            object: None,
            data: Map::new(),
        };
        let line = String::from_utf8(to_line(&event).unwrap()).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"schema":"vigil/1","id":"x","event":"zone.entered","phase":"start","#,
                r#""stream":"cam-1","pts":5,"frame":{"number":1,"width":2,"height":3},"#,
                r#""rule":"door","zone":"door","data":{}}"#,
                "\n"
            )
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn stream_names_are_readable() {
        let hash = "a".repeat(64);
        assert_eq!(stream_name("cam-1"), "cam-1");
        assert_eq!(
            stream_name(&format!("{hash}/video:0:1")),
            "aaaaaaaa/video:0:1"
        );
        assert_eq!(stream_name("a\n/b"), "a/b");
    }
}
