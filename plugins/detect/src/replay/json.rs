//! JSON Lines: an object for each frame.
//!
//! The records of `vigilevents`' pad `objects` (schema `vigil/1`), and whatever has a part of their
//! fields:
//!
//! ```json
//! {"pts":40000000,"objects":[{"label":"person","confidence":0.9,"box":{"x":1,"y":2,"w":3,"h":4}}]}
//! {"time":0.04,"frame":{"width":1920,"height":1080},"objects":[]}
//! {"frame":1,"inferred":false}
//! ```

use super::Content;
use super::find::Clock;
use super::mot::OBJECT;
use super::store::{Row, Store};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use vigil_analytics::event::SCHEMA;

/// Labels become quarks, which are never freed: more of them are no labels but free text.
const MAX_LABELS: usize = 10_000;

/// The latest time in seconds, some 30 years.
const MAX_SECONDS: f64 = 1e9;

/// What is read of a line; all else is passed over.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    schema: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    pts: Option<u64>,
    /// Seconds; in records of `vigilevents` the time of day, as text.
    time: Option<Value>,
    /// Its number, or that and its size.
    frame: Option<Value>,
    inferred: Option<bool>,
    #[serde(borrow)]
    objects: Option<Vec<Named<Object<'a>>>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    label: Option<Cow<'a, str>>,
    confidence: Option<f64>,
    #[serde(rename = "box")]
    bbox: Named<Bounds>,
    #[serde(default)]
    coasted: bool,
}

#[derive(Deserialize)]
struct Bounds {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

/// A structure whose fields are named. Derived code would take a list of values too, and nobody
/// knows which corners or sides `[1, 2, 3, 4]` are.
struct Named<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with named fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// Number and size of a frame, where a line gives them.
#[derive(Default)]
struct Frame {
    number: Option<u64>,
    size: [u32; 2],
}

/// Reads lines one by one.
#[derive(Default)]
pub(super) struct Parser {
    store: Store,
    clock: Option<Clock>,
    stream: Option<String>,
    ids: HashMap<String, u32>,
    labels: Vec<String>,
    /// Lines that are events.
    events: usize,
}

impl Parser {
    /// Takes a line, which is not blank.
    pub fn take(&mut self, text: &str) -> Result<(), String> {
        let Named::<Line>(line) = serde_json::from_str(text).map_err(|error| explain(&error))?;
        if let Some(schema) = line.schema.as_deref()
            && schema != SCHEMA
        {
            return Err(format!("schema is {schema:?}: only {SCHEMA:?} is known"));
        }
        if line.event.is_some() {
            // Events and objects may have been joined in one file.
            self.events += 1;
            return Ok(());
        }
        self.check_stream(line.stream.as_deref())?;
        let frame = frame(line.frame.as_ref())?;
        let at = self.time(&line, &frame)?;
        let inferred = line.inferred.unwrap_or(true);
        let objects = match line.objects {
            None if inferred => {
                return Err(
                    "there are no \"objects\": an empty list says that nothing is there".into(),
                );
            }
            objects => objects.unwrap_or_default(),
        };
        let full = |_| "there are too many objects".to_owned();
        self.store
            .add_frame(at, frame.size, inferred)
            .map_err(full)?;
        // A tracker's predictions are none of the detector's.
        for (i, Named(object)) in objects
            .iter()
            .enumerate()
            .filter(|(_, Named(object))| !object.coasted)
        {
            let row = self
                .row(object)
                .map_err(|why| format!("object {} of {}: {why}", i + 1, objects.len()))?;
            self.store.add_row(row).map_err(full)?;
        }
        Ok(())
    }

    /// What all lines together say.
    pub fn finish(mut self) -> Content {
        self.store.sort();
        Content {
            store: self.store,
            clock: self.clock.unwrap_or(Clock::Pts),
            is_complete: false,
            labels: self.labels,
            labels_source: "recording",
            warnings: Vec::new(),
        }
    }

    /// Whether there were events, but nothing else.
    pub fn has_events_only(&self) -> bool {
        self.events > 0 && self.clock.is_none()
    }

    fn check_stream(&mut self, stream: Option<&str>) -> Result<(), String> {
        match (stream, self.stream.as_deref()) {
            (Some(stream), None) => self.stream = Some(stream.to_owned()),
            (Some(stream), Some(before)) if stream != before => {
                return Err(format!(
                    "stream is {stream:?} after {before:?}: a recording is of one stream"
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// When the frame is, by the clock that the first line has.
    fn time(&mut self, line: &Line, frame: &Frame) -> Result<u64, String> {
        let seconds = line.time.as_ref().and_then(Value::as_f64);
        let clock = match self.clock {
            Some(clock) => clock,
            None if line.pts.is_some() => Clock::Pts,
            None if seconds.is_some() => Clock::StreamTime,
            None => Clock::FrameNumber,
        };
        let time = match clock {
            Clock::Pts => line.pts,
            Clock::StreamTime => match seconds {
                Some(seconds) if !(0.0..=MAX_SECONDS).contains(&seconds) => {
                    return Err(format!(
                        "\"time\" is {seconds}: must be seconds from 0 to {MAX_SECONDS}"
                    ));
                }
                seconds => seconds.map(|seconds| (seconds * 1e9).round() as u64),
            },
            Clock::FrameNumber => frame.number,
        };
        let key = match (clock, self.clock) {
            (_, None) => "\"pts\" (nanoseconds), \"time\" (seconds) or \"frame\" (number from 0)",
            (Clock::Pts, _) => "\"pts\", which the lines before it have",
            (Clock::StreamTime, _) => "\"time\" in seconds, which the lines before it have",
            (Clock::FrameNumber, _) => "number of the frame, which the lines before it have",
        };
        let time = time.ok_or_else(|| format!("there is no {key}"))?;
        self.clock = Some(clock);
        Ok(time)
    }

    fn row(&mut self, object: &Object) -> Result<Row, String> {
        let Named(Bounds { x, y, w, h }) = object.bbox;
        let mut xywh = [0.0; 4];
        for (to, (value, name)) in xywh
            .iter_mut()
            .zip([(x, "x"), (y, "y"), (w, "w"), (h, "h")])
        {
            *to = super::pixels(value, name)?;
        }
        let label = object.label.as_deref().unwrap_or(OBJECT);
        let class = match self.ids.get(label) {
            Some(id) => *id,
            None if self.labels.len() >= MAX_LABELS => {
                return Err(format!("label {label:?} is one of more than {MAX_LABELS}"));
            }
            None => {
                let id = self.labels.len() as u32;
                self.labels.push(label.to_owned());
                self.ids.insert(label.to_owned(), id);
                id
            }
        };
        Ok(Row {
            xywh,
            score: object.confidence.unwrap_or(1.0) as f32,
            class,
        })
    }
}

fn frame(value: Option<&Value>) -> Result<Frame, String> {
    let wrong = || {
        "\"frame\" must be a number from 0, or an object with number, width and height".to_owned()
    };
    match value {
        None | Some(Value::Null) => Ok(Frame::default()),
        Some(Value::Number(number)) => Ok(Frame {
            number: Some(number.as_u64().ok_or_else(wrong)?),
            ..Default::default()
        }),
        Some(Value::Object(fields)) => {
            let whole = |name: &str| match fields.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => value.as_u64().map(Some).ok_or_else(wrong),
            };
            let side = |name: &str| {
                let side = whole(name)?.unwrap_or(0);
                u32::try_from(side).map_err(|_| format!("{name} of the frame is {side}"))
            };
            Ok(Frame {
                number: whole("number")?,
                size: [side("width")?, side("height")?],
            })
        }
        Some(_) => Err(wrong()),
    }
}

/// What is wrong with the JSON, and in which column.
fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let why = text.strip_suffix(&place).unwrap_or(&text);
    let hint = if error.is_eof() {
        "; a record must be whole on one line"
    } else {
        ""
    };
    format!("column {}: {why}{hint}", error.column())
}
