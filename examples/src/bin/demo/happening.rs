//! Events as the pictures show them.

use gst::{Structure, StructureRef};
use vigil_analytics::{BBox, event_meta};

/// An event on a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Happening {
    /// For example `zone.entered`.
    pub kind: String,
    /// What it happened to: label of the object.
    pub label: Option<String>,
    /// Which one: its track.
    pub track: Option<u64>,
    /// Zone or line.
    pub place: Option<String>,
    /// Where the object was, in pixels of the frame.
    pub bbox: Option<BBox>,
    /// How many are in the zone now.
    pub inside: Option<u64>,
    /// How often the line was crossed so far: forward, backward.
    pub crossings: Option<(u64, u64)>,
    /// The crossing was forward.
    pub forward: Option<bool>,
    /// How long what ends here lasted, in seconds.
    pub duration: Option<f64>,
}

impl Happening {
    /// The events of a buffer.
    pub fn of(buffer: &gst::BufferRef) -> Vec<Self> {
        event_meta::read(buffer)
            .iter()
            .map(|e| Self::read(e))
            .collect()
    }

    /// `person 7`.
    pub fn object(&self) -> Option<String> {
        let label = self.label.as_deref()?;
        Some(match self.track {
            Some(track) => format!("{label} {track}"),
            None => label.to_owned(),
        })
    }

    fn read(event: &StructureRef) -> Self {
        let object = part(event, "object");
        let data = part(event, "data");
        let data = data.as_deref();
        let text = |name: &str| event.get::<String>(name).ok();
        Self {
            kind: text("event").unwrap_or_default(),
            place: text("zone").or_else(|| text("line")),
            label: object.as_ref().and_then(|o| o.get("label").ok()),
            track: object.as_deref().and_then(|o| count(o, "track")),
            bbox: object
                .and_then(|object| part(&object, "box"))
                .and_then(|bbox| read_box(&bbox)),
            inside: data.and_then(|data| count(data, "inside")),
            crossings: data
                .and_then(|data| part(data, "counts"))
                .and_then(|counts| Some((count(&counts, "forward")?, count(&counts, "backward")?))),
            forward: data
                .and_then(|data| data.get::<String>("direction").ok())
                .map(|direction| direction == "forward"),
            duration: data.and_then(|data| number(data, "duration")),
        }
    }
}

fn part(of: &StructureRef, name: &str) -> Option<Structure> {
    of.get(name).ok()
}

/// Whole numbers of JSON are integers in a structure.
fn number(of: &StructureRef, name: &str) -> Option<f64> {
    let float = of.get::<f64>(name).ok();
    float.or_else(|| of.get::<i64>(name).ok().map(|n| n as f64))
}

fn count(of: &StructureRef, name: &str) -> Option<u64> {
    of.get::<i64>(name).ok().and_then(|n| u64::try_from(n).ok())
}

fn read_box(bbox: &StructureRef) -> Option<BBox> {
    let number = |name| number(bbox, name).map(|n| n as f32);
    Some(BBox {
        x: number("x")?,
        y: number("y")?,
        w: number("w")?,
        h: number("h")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_analytics::structure;

    #[test]
    fn what_an_event_says_is_read() {
        gst::init().unwrap();
        let event = serde_json::json!({
            "event": "line.crossed", "line": "gate",
            "object": {"track": 7, "label": "car", "box": {"x": 1.5, "y": 2, "w": 30, "h": 4.25}},
            "data": {"direction": "backward", "counts": {"forward": 3, "backward": 2}},
        });
        let mut expected = Happening {
            kind: "line.crossed".into(),
            label: Some("car".into()),
            track: Some(7),
            place: Some("gate".into()),
            bbox: Some(BBox {
                x: 1.5,
                y: 2.0,
                w: 30.0,
                h: 4.25,
            }),
            crossings: Some((3, 2)),
            forward: Some(false),
            ..Happening::default()
        };
        let read = Happening::read(&structure::from_json("vigil-event", &event));
        assert_eq!(read, expected);
        assert_eq!(read.object().as_deref(), Some("car 7"));

        let event = serde_json::json!({
            "event": "zone.exited", "zone": "door", "data": {"duration": 2, "inside": 0},
        });
        expected = Happening {
            kind: "zone.exited".into(),
            place: Some("door".into()),
            inside: Some(0),
            duration: Some(2.0),
            ..Happening::default()
        };
        let read = Happening::read(&structure::from_json("vigil-event", &event));
        assert_eq!(read, expected);
        assert_eq!(read.object(), None);
    }
}
