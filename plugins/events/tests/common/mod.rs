//! What the element's tests share: frames with tracked people, and readers of records.
#![allow(dead_code, reason = "each test binary uses a part")]

use gst::prelude::*;
use serde_json::Value;
use std::sync::{Once, mpsc};
use std::time::Duration;
use vigil_analytics::objects::{self, BBox, Detection, Object, Track};

pub mod schema;

/// Size of the frames.
pub const CAPS: &str = "video/x-raw,format=GRAY8,width=320,height=240,framerate=10/1";

/// People in the left half, entered and exited at once.
pub const ZONE: &str = r#"{"zone": [{"name": "left", "polygon": [[0,0],[0.5,0],[0.5,1],[0,1]],
    "enter-after-ms": 0, "exit-after-ms": 0, "min-sightings": 1}]}"#;

/// Longer than anything here takes, shorter than the patience of whoever runs the tests.
const LONG: Duration = Duration::from_secs(30);

pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstvigilevents::plugin_register_static().unwrap();
    });
}

/// A `vigilevents` with these inline rules.
pub fn element(rules: Option<&str>) -> gst::Element {
    init();
    gst::ElementFactory::make("vigilevents")
        .property("rules", rules)
        .property("stream-id", "cam-1")
        .build()
        .unwrap()
}

/// A track and where its box touches the ground, in pixels.
pub type Person = (u64, f32, f32);

/// Frame `n` of 10 a second, not looked at.
pub fn skipped(n: u64) -> gst::Buffer {
    init();
    let mut buffer = gst::Buffer::with_size(320 * 240).unwrap();
    let frame = buffer.get_mut().unwrap();
    frame.set_pts(n * 100 * gst::ClockTime::MSECOND);
    frame.set_duration(100 * gst::ClockTime::MSECOND);
    buffer
}

/// Frame `n` of 10 a second, on which a detector found these people and a tracker knew them.
pub fn looked(n: u64, people: &[Person]) -> gst::Buffer {
    let mut buffer = skipped(n);
    find(buffer.get_mut().unwrap(), people);
    buffer
}

/// Puts people on a frame.
pub fn find(frame: &mut gst::BufferRef, people: &[Person]) {
    let pts = frame.pts().unwrap();
    let detections: Vec<_> = people
        .iter()
        .map(|&(_, x, y)| Detection {
            label: gst::glib::Quark::from_str("person"),
            bbox: BBox {
                x: x - 10.0,
                y: y - 40.0,
                w: 20.0,
                h: 40.0,
            },
            confidence: 0.91,
        })
        .collect();
    objects::write_detections(frame, &detections).unwrap();
    let mut found: Vec<Object> = Vec::new();
    objects::read(frame, &mut found);
    let tracks: Vec<_> = (found.iter().zip(people))
        .map(|(object, &(id, ..))| {
            let track = Track {
                id,
                first_seen: gst::ClockTime::ZERO,
                last_seen: pts,
                lost: false,
            };
            (object.id, track)
        })
        .collect();
    objects::write_tracks(frame, &tracks).unwrap();
}

/// A person who goes to and fro: inside the zone of [`ZONE`] for 5 frames, outside for 5.
pub fn to_and_fro(n: u64) -> gst::Buffer {
    let x = if n % 10 < 5 { 80.0 } else { 240.0 };
    looked(n, &[(1, x, 120.0)])
}

/// The record of a buffer: one line of JSON that fits the schema.
#[track_caller]
pub fn record(buffer: &gst::BufferRef) -> Value {
    let map = buffer.map_readable().unwrap();
    let text = std::str::from_utf8(&map).unwrap();
    let line = text.strip_suffix('\n').expect("ends with a newline");
    assert!(!line.contains('\n'));
    let value: Value = serde_json::from_str(line).unwrap();
    schema::validate(&value);
    value
}

/// `zone.entered start`, to compare with.
pub fn summary(event: &Value) -> String {
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_string();
    format!("{} {}", text("event"), text("phase"))
}

/// Runs `f` and panics if it takes too long: what must not hang.
#[track_caller]
pub fn within_time<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || done.send(f()));
    match wait.recv_timeout(LONG) {
        Ok(result) => result,
        Err(_) => panic!("{what} hangs"),
    }
}

/// Waits until `done` says so.
#[track_caller]
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = std::time::Instant::now() + LONG;
    while !done() {
        assert!(std::time::Instant::now() < until, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A counter of a pad from `stats`.
pub fn stat(element: &gst::Element, pad: &str, field: &str) -> u64 {
    let stats: gst::Structure = element.property("stats");
    let pad: gst::Structure = stats.get(pad).unwrap();
    pad.get(field).unwrap()
}

/// A bus for an element without a pipeline.
pub fn bus_of(element: &gst::Element) -> gst::Bus {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    bus
}

/// Text of the warnings on a bus so far.
pub fn warnings(bus: &gst::Bus) -> Vec<String> {
    std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning]))
        .map(|message| match message.view() {
            gst::MessageView::Warning(warning) => warning.error().to_string(),
            _ => unreachable!(),
        })
        .collect()
}
