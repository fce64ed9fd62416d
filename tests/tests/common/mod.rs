//! What the tests of whole pipelines share.
#![allow(dead_code, reason = "each test binary uses a part")]

use gst::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vigil_tests::assets::{self, Reference};
use vigil_tests::ball;
use vigil_tests::pipeline::Pipeline;
use vigil_tests::records;
use vigil_tests::watchdog::within;

/// The gate is crossed by the ball once each way in each period, within the zone.
pub const BALL_RULES: &str = r#"
[[object]]
name = "balls"
labels = ["ball"]

[[zone]]
name = "right"
polygon = [[0.55, 0], [1, 0], [1, 1], [0.55, 1]]
anchor = "center"

[[line]]
name = "gate"
from = [0.7, 0]
to = [0.7, 1]
anchor = "center"
"#;

/// Persons anywhere, in the right half, and over the middle.
pub const PERSON_RULES: &str = r#"
[[object]]
name = "people"
labels = ["person"]

[[zone]]
name = "right"
polygon = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
labels = ["person"]

[[line]]
name = "middle"
from = [0.6, 0]
to = [0.6, 1]
labels = ["person"]
"#;

/// Persons and cars by rules of their own.
pub const ROAD_RULES: &str = r#"
[[object]]
name = "people"
labels = ["person"]

[[object]]
name = "cars"
labels = ["car"]

[[zone]]
name = "left"
polygon = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
"#;

/// A folder for the test, with this build's elements ready.
pub fn folder() -> tempfile::TempDir {
    vigil_tests::init();
    tempfile::tempdir().unwrap()
}

pub fn write_rules(folder: &Path, rules: &str) -> PathBuf {
    let path = folder.join("rules.toml");
    std::fs::write(&path, rules).unwrap();
    path
}

/// What happened, in a few words.
pub fn summary(event: &Value) -> String {
    let data = &event["data"];
    let extra = data.get("direction").or(data.get("reason"));
    [&event["event"], &event["phase"], &event["rule"]]
        .into_iter()
        .chain(extra)
        .map(|field| field.as_str().unwrap_or("?"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The whole job on one stream.
pub struct Job<'a> {
    /// Beginning of a launch string, up to decoded video.
    pub source: &'a str,
    pub model: &'a Path,
    /// TOML.
    pub rules: &'a str,
    /// Further properties of the detector.
    pub settings: &'a str,
    /// The stream ends after so many frames.
    pub frames: u64,
}

/// A frame as it came to the video's sink.
pub struct Frame {
    pub pts: Option<gst::ClockTime>,
    /// Events that it carried.
    pub events: Vec<Value>,
}

/// What came out.
pub struct Seen {
    pub frames: Vec<Frame>,
    pub events: Vec<Value>,
    pub objects: Vec<Value>,
    stats: BTreeMap<String, gst::Structure>,
}

impl Seen {
    /// A counter of an element, such as `inferred` of `vigildetect`.
    pub fn stat(&self, element: &str, field: &str) -> u64 {
        self.stats[element].get(field).unwrap()
    }
}

/// Does a job to its end, and checks what must hold for any: records are valid and on buffers with
/// the PTS and number of their frames, starts have their ends, bus and frames say the same as the
/// pad, and EOS is the last.
pub fn watch(job: &Job) -> Seen {
    vigil_tests::init();
    let folder = folder();
    let rules = write_rules(folder.path(), job.rules);
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect name=vigildetect model={} {} ! vigiltrack name=vigiltrack ! \
         vigilevents name=vigilevents stream-id=cam-1 rules-file={} ! \
         appsink name=video sync=false max-buffers=8 \
         vigilevents.events ! appsink name=events sync=false \
         vigilevents.objects ! appsink name=objects sync=false",
        job.source,
        job.model.display(),
        job.settings,
        rules.display(),
    ))
    .unwrap();
    pipeline.end_after("vigildetect", job.frames);
    let frames = pipeline.collect("video", |sample| {
        let buffer = sample.buffer().unwrap();
        Frame {
            pts: buffer.pts(),
            events: records::of_video(buffer),
        }
    });
    let record = |sample: &gst::Sample| records::of_buffer(sample.buffer().unwrap()).unwrap();
    let events = pipeline.collect("events", record);
    let objects = pipeline.collect("objects", record);
    let messages = pipeline.play(100).unwrap();
    let stats = ["vigildetect", "vigiltrack", "vigilevents"].map(|name| {
        let element: gst::Element = pipeline.element(name);
        (name.to_owned(), element.property("stats"))
    });
    let seen = Seen {
        frames: std::mem::take(&mut *frames.items()),
        events: std::mem::take(&mut *events.items()),
        objects: std::mem::take(&mut *objects.items()),
        stats: stats.into(),
    };
    let told = records::of_messages(&messages);
    assert_eq!(records::difference(&told, &seen.events), None);
    records::check_story(&seen.events).unwrap();
    check_frames(&seen);
    seen
}

/// The whole job on the scene with the ball.
pub fn watch_ball(frames: u64, settings: &str) -> Seen {
    let folder = folder();
    watch(&Job {
        source: &ball::scene(frames),
        model: &ball::write_model(folder.path()).unwrap(),
        rules: BALL_RULES,
        settings,
        frames,
    })
}

fn check_frames(seen: &Seen) {
    assert_eq!(seen.objects.len(), seen.frames.len());
    for (number, (record, frame)) in seen.objects.iter().zip(&seen.frames).enumerate() {
        assert_eq!(record["frame"]["number"], number, "{record}");
        let pts = frame.pts.map(gst::ClockTime::nseconds);
        assert_eq!(record["pts"].as_u64(), pts, "{record}");
    }
    for event in &seen.events {
        let number = event["frame"]["number"].as_u64().unwrap();
        let frame = &seen.frames[number as usize];
        let pts = frame.pts.map(gst::ClockTime::nseconds);
        assert_eq!(event["pts"].as_u64(), pts, "{event}");
        assert!(
            event.get("time").is_none(),
            "a file has no wall clock: {event}"
        );
    }
    // All but those that come with EOS ride on their frames.
    let with_frames: Vec<_> = seen
        .events
        .iter()
        .filter(|event| event["data"]["reason"] != "eos")
        .cloned()
        .collect();
    let on_frames: Vec<_> = seen.frames.iter().flat_map(|f| f.events.clone()).collect();
    assert_eq!(records::difference(&with_frames, &on_frames), None);
    for (number, frame) in seen.frames.iter().enumerate() {
        for event in &frame.events {
            assert_eq!(event["frame"]["number"], number, "{event}");
        }
    }
}

/// A video of the optional local test assets, with a reference's detections on it.
pub struct Clip {
    source: String,
    model: PathBuf,
    reference: Reference,
}

impl Clip {
    /// None, with a line on standard error, where the assets are not there.
    pub fn find(video: &str, reference: &str, decoder: &str) -> Option<Self> {
        let video = assets::find(&format!("videos/{video}"))?;
        Some(Self {
            source: format!("filesrc location={} ! {decoder}", video.display()),
            model: assets::find("models/yolov8n_320_int8.onnx")?,
            reference: assets::reference(reference).unwrap()?,
        })
    }

    /// The whole job on the first frames.
    pub fn watch(&self, frames: usize, rules: &str) -> Seen {
        let _watchdog = within(110);
        let seen = watch(&Job {
            source: &self.source,
            model: &self.model,
            rules,
            settings: "",
            frames: frames as u64,
        });
        assert_eq!(seen.frames.len(), frames);
        seen
    }

    /// How many objects of a label the reference has on a frame, with a score of `from` or more.
    pub fn reference_count(&self, frame: usize, label: &str, from: f32) -> usize {
        self.reference.frames[frame]
            .iter()
            .filter(|found| found.name == label && found.score >= from)
            .count()
    }

    pub fn reference_has(&self, frame: usize, label: &str, from: f32) -> bool {
        self.reference_count(frame, label, from) > 0
    }
}
