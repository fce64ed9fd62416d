//! What comes out of `vigilevents`: lines of JSON that fit the schema and tell a story that holds
//! together.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::sync::LazyLock;
use vigil_analytics::event_meta;

static SCHEMA: LazyLock<Result<jsonschema::Validator, String>> = LazyLock::new(|| {
    let text = include_str!("../../plugins/events/schema/vigil-1.schema.json");
    let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    jsonschema::draft202012::new(&schema).map_err(|error| error.to_string())
});

/// A line of a metadata pad.
///
/// # Errors
/// It is no JSON, or does not fit the schema.
pub fn parse(line: &str) -> Result<Value, Box<dyn Error>> {
    let record = serde_json::from_str(line).map_err(|error| format!("{line:?}: {error}"))?;
    let schema = SCHEMA.as_ref().map_err(String::as_str)?;
    let errors: Vec<_> = schema
        .iter_errors(&record)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    if errors.is_empty() {
        Ok(record)
    } else {
        Err(format!("{line}: {}", errors.join("; ")).into())
    }
}

/// The record of a buffer of a metadata pad, whose PTS is the record's.
///
/// # Errors
/// The buffer does not hold one valid line, or its PTS is another one.
pub fn of_buffer(buffer: &gst::BufferRef) -> Result<Value, Box<dyn Error>> {
    let map = buffer.map_readable()?;
    let text = std::str::from_utf8(&map)?;
    let line = text.strip_suffix('\n').ok_or("no newline at the end")?;
    if line.contains('\n') {
        return Err(format!("more than one line: {text:?}").into());
    }
    let record = parse(line)?;
    let pts = buffer.pts().map(gst::ClockTime::nseconds);
    if record["pts"].as_u64() != pts {
        return Err(format!("{line} is on a buffer with PTS {pts:?}").into());
    }
    Ok(record)
}

/// The records of a JSON Lines file.
///
/// # Errors
/// The file cannot be read, or a line is not valid.
pub fn of_file(path: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line is cut short".into());
    }
    text.lines().map(parse).collect()
}

/// The `vigil-event` messages among messages of a bus, as JSON.
pub fn of_messages<'a>(messages: impl IntoIterator<Item = &'a gst::Message>) -> Vec<Value> {
    messages
        .into_iter()
        .filter_map(|message| match message.view() {
            gst::MessageView::Element(element) => element.structure(),
            _ => None,
        })
        .filter(|structure| structure.name() == event_meta::MESSAGE)
        .map(to_json)
        .collect()
}

/// The events on a video buffer, as JSON.
pub fn of_video(buffer: &gst::BufferRef) -> Vec<Value> {
    event_meta::read(buffer)
        .iter()
        .map(|structure| to_json(structure))
        .collect()
}

/// A structure as `vigil_analytics::structure` makes them, back as JSON.
fn to_json(structure: &gst::StructureRef) -> Value {
    let fields = structure
        .iter()
        .map(|(name, value)| (name.to_string(), value_to_json(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn value_to_json(value: &gst::glib::SendValue) -> Value {
    if let Ok(value) = value.get::<&str>() {
        value.into()
    } else if let Ok(value) = value.get::<i64>() {
        value.into()
    } else if let Ok(value) = value.get::<u64>() {
        value.into()
    } else if let Ok(value) = value.get::<f64>() {
        value.into()
    } else if let Ok(value) = value.get::<bool>() {
        value.into()
    } else if let Ok(value) = value.get::<gst::Structure>() {
        to_json(&value)
    } else if let Ok(value) = value.get::<gst::ArrayRef>() {
        value.iter().map(value_to_json).collect()
    } else {
        Value::Null
    }
}

/// The first difference between records that came on different ways, if there is one. A whole
/// number may have become a float on its way.
pub fn difference(a: &[Value], b: &[Value]) -> Option<String> {
    if a.len() != b.len() {
        return Some(format!("{} records and {}", a.len(), b.len()));
    }
    a.iter()
        .zip(b)
        .find(|(a, b)| !are_same(a, b))
        .map(|(a, b)| format!("{a}\n{b}"))
}

fn are_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_f64(), y.as_f64()) {
            (Some(x), Some(y)) => x == y,
            _ => false,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| are_same(a, b)))
        }
        _ => a == b,
    }
}

/// The events of a kind, such as `zone.entered`.
pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == kind)
        .collect()
}

/// Checks the events of one stream from its beginning to its end, in order: every start has one
/// end with its id, for the same object by the same rule; times and frames do not go back;
/// durations are possible; running counts count.
///
/// # Errors
/// The first event that does not fit, and why.
pub fn check_story(events: &[Value]) -> Result<(), String> {
    let mut story = Story::default();
    for event in events {
        story.take(event).map_err(|why| format!("{why}: {event}"))?;
    }
    match story.open.values().next() {
        Some(start) => Err(format!("no end of {start}")),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Story<'a> {
    ids: BTreeSet<&'a str>,
    open: BTreeMap<&'a str, &'a Value>,
    last: (u64, u64),
    counts: BTreeMap<&'a str, [u64; 2]>,
}

impl<'a> Story<'a> {
    fn take(&mut self, event: &'a Value) -> Result<(), String> {
        let at = (
            event["frame"]["number"].as_u64().unwrap_or(0),
            event["pts"].as_u64().unwrap_or(0),
        );
        if at.0 < self.last.0 || at.1 < self.last.1 {
            return Err(format!("goes back from frame and PTS {:?}", self.last));
        }
        self.last = at;
        let id = event["id"].as_str().ok_or("no id")?;
        match event["phase"].as_str() {
            Some("start") => {
                self.new_id(id)?;
                self.open.insert(id, event);
            }
            Some("end") => self.end(id, event)?,
            Some("instant") => self.new_id(id)?,
            _ => return Err("unexpected phase".into()),
        }
        if event["event"] == "line.crossed" {
            self.count(event)?;
        }
        if let Some(inside) = event["data"]["inside"].as_u64() {
            let open = self.open.values().filter(|e| e["zone"] == event["zone"]);
            let open = open.count() as u64;
            if inside != open {
                return Err(format!("{open} are inside"));
            }
        }
        Ok(())
    }

    fn new_id(&mut self, id: &'a str) -> Result<(), String> {
        if self.ids.insert(id) {
            Ok(())
        } else {
            Err("its id was there before".into())
        }
    }

    fn end(&mut self, id: &str, event: &Value) -> Result<(), String> {
        let start = self.open.remove(id).ok_or("an end without a start")?;
        for field in ["rule", "zone", "stream"] {
            if start[field] != event[field] {
                return Err(format!("another {field} than its start {start}"));
            }
        }
        if start["object"]["track"] != event["object"]["track"] {
            return Err(format!("another track than its start {start}"));
        }
        let duration = event["data"]["duration"].as_f64().ok_or("no duration")?;
        let seen = event["pts"].as_f64().unwrap_or(f64::MAX)
            - event["object"]["first_seen"].as_f64().unwrap_or(0.0);
        // Milliseconds may be rounded up.
        if duration < 0.0 || duration > seen / 1e9 + 1e-3 {
            return Err(format!("its object was there for {} s", seen / 1e9));
        }
        Ok(())
    }

    fn count(&mut self, event: &'a Value) -> Result<(), String> {
        let line = event["line"].as_str().ok_or("no line")?;
        let counts = self.counts.entry(line).or_default();
        counts[usize::from(event["data"]["direction"] == "backward")] += 1;
        let told = ["forward", "backward"].map(|way| event["data"]["counts"][way].as_u64());
        if told == counts.map(Some) {
            Ok(())
        } else {
            Err(format!(
                "forward and backward were crossed {counts:?} times"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(id: &str, phase: &str, frame: u64, data: Value) -> Value {
        json!({"id": id, "phase": phase, "frame": {"number": frame}, "pts": frame * 1_000_000_000,
               "event": "zone.entered", "rule": "r", "object": {"track": 1, "first_seen": 0},
               "data": data})
    }

    #[test]
    fn stories_that_do_not_hold_together_are_refused() {
        let end = |frame, duration: f64| event("a", "end", frame, json!({"duration": duration}));
        let start = || event("a", "start", 1, json!({}));
        let cross = |forward: u64| {
            let mut event = event(&forward.to_string(), "instant", 3, Value::Null);
            event["event"] = "line.crossed".into();
            event["line"] = "l".into();
            event["data"] = json!({"direction": "forward",
                                   "counts": {"forward": forward, "backward": 0}});
            event
        };
        check_story(&[start(), end(3, 2.0), cross(1), cross(2)]).unwrap();
        for wrong in [
            vec![start()],
            vec![end(3, 2.0)],
            vec![start(), start(), end(3, 2.0)],
            vec![start(), end(3, 2.0), end(3, 2.0)],
            vec![start(), end(0, 0.0)],
            vec![start(), end(3, 4.0)],
            vec![start(), end(3, -1.0)],
            vec![cross(2)],
            vec![cross(1), cross(3)],
        ] {
            assert!(check_story(&wrong).is_err(), "{wrong:?}");
        }
    }
}
