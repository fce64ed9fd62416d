//! Events of a `vigilevents` upstream, as they are on the buffer.

use ulid::Ulid;
use vigil_analytics::BBox;
use vigil_analytics::event::ObjectRecord;
use vigil_analytics::verdict::Ask;

use super::answers::Parent;

/// What happened to an object, as an event upstream says.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub parent: Parent,
    pub phase: String,
    pub rule: String,
    pub direction: String,
    pub duration: String,
    pub object: Option<ObjectRecord>,
    /// Somebody said already whether it is true: it is told some time after it happened.
    pub judged: bool,
    /// Upstream waits for a verdict.
    pub ask: Option<Ask>,
}

/// An event of upstream's, as far as it can be understood: others may write what they like.
pub(super) fn read(structure: &gst::StructureRef) -> Option<Happening> {
    let text = |name: &str| structure.get::<String>(name).ok();
    let data = structure.get::<gst::Structure>("data").ok();
    let said = |name: &str| data.as_ref().and_then(|data| data.get::<String>(name).ok());
    let duration = data
        .as_ref()
        .and_then(|data| data.get::<f64>("duration").ok());
    Some(Happening {
        parent: Parent {
            id: text("id").filter(|id| Ulid::from_string(id).is_ok())?,
            kind: text("event")?,
            zone: text("zone").filter(|zone| !zone.is_empty()),
            line: text("line").filter(|line| !line.is_empty()),
        },
        phase: text("phase").unwrap_or_default(),
        rule: text("rule").unwrap_or_default(),
        direction: said("direction").unwrap_or_default(),
        duration: duration.map_or_else(String::new, |seconds| format!("{seconds:.1} s")),
        object: structure
            .get::<gst::Structure>("object")
            .ok()
            .and_then(|object| record(&object)),
        judged: data.is_some_and(|data| data.has_field("verified")),
        ask: None,
    })
}

/// An event that upstream tells nobody of before it has a verdict.
pub(super) fn read_pending(structure: &gst::StructureRef) -> Option<Happening> {
    Some(Happening {
        ask: Some(Ask::read(structure)),
        ..read(structure)?
    })
}

fn record(structure: &gst::StructureRef) -> Option<ObjectRecord> {
    let bbox = structure.get::<gst::Structure>("box").ok()?;
    let number = |name: &str| {
        let value = bbox.value(name).ok()?;
        // JSON does not tell 5 from 5.0.
        value
            .get::<f64>()
            .ok()
            .or_else(|| Some(value.get::<i64>().ok()? as f64))
    };
    let whole = |name: &str| u64::try_from(structure.get::<i64>(name).ok()?).ok();
    let confidence = structure.get::<f64>("confidence").unwrap_or(0.0);
    let side = |name: &str| Some(number(name)? as f32).filter(|v| v.is_finite());
    Some(sane(ObjectRecord {
        track: whole("track"),
        label: structure.get::<String>("label").ok()?.into(),
        confidence,
        bbox: BBox {
            x: side("x")?,
            y: side("y")?,
            w: side("w")?,
            h: side("h")?,
        }
        .into(),
        first_seen: whole("first_seen"),
        coasted: structure.get::<bool>("coasted").unwrap_or(false),
        keypoints: Vec::new(),
        classes: Vec::new(),
        part_of: None,
    }))
}

/// An event in words, for the history.
pub(super) fn story(clock: u64, happening: &Happening) -> String {
    let mut story = format!("t={:.1}s {}", clock as f64 / 1e9, happening.parent.kind);
    if let Some(object) = &happening.object {
        let track = object
            .track
            .map_or_else(String::new, |track| format!(" #{track}"));
        story.push_str(&format!(" {}{track}", object.label));
    }
    for word in [&happening.rule, &happening.direction] {
        if !word.is_empty() {
            story.push_str(&format!(" {word}"));
        }
    }
    story
}

/// Scores of other people's elements may be anything.
pub(super) fn sane(mut object: ObjectRecord) -> ObjectRecord {
    let fits = object.confidence.is_finite();
    object.confidence = if fits {
        object.confidence.clamp(0.0, 1.0)
    } else {
        0.0
    };
    object
}
