//! What the tests share: frames of known colours with tracked objects, the element in a harness, and
//! readers of what comes out.

use gst::prelude::*;
use gst_check::Harness;
use serde_json::Value;
use std::sync::{LazyLock, Mutex, Once, mpsc};
use std::time::{Duration, Instant};
use vigil_analytics::event_meta;
use vigil_analytics::objects::{self, BBox, Detection, Object, Track};

pub const WIDTH: usize = 320;
pub const HEIGHT: usize = 240;

/// Ten frames a second.
pub const CAPS: &str = "video/x-raw,format=RGB,width=320,height=240,framerate=10/1";

pub const RED: [u8; 3] = [230, 20, 20];
pub const GREEN: [u8; 3] = [20, 200, 20];
pub const BLUE: [u8; 3] = [20, 20, 220];
pub const GREY: [u8; 3] = [90, 90, 90];

/// Longer than anything here takes, shorter than the patience of whoever runs the tests.
pub const LONG: Duration = Duration::from_secs(60);

pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstvigilcaption::plugin_register_static().unwrap();
    });
}

/// A frame of one colour.
pub fn solid(n: u64, color: [u8; 3]) -> gst::Buffer {
    init();
    let mut buffer = gst::Buffer::from_mut_slice(color.repeat(WIDTH * HEIGHT));
    let frame = buffer.get_mut().unwrap();
    frame.set_pts(n * 100 * gst::ClockTime::MSECOND);
    frame.set_duration(100 * gst::ClockTime::MSECOND);
    buffer
}

/// An object on a frame: its track, where, of which colour.
#[derive(Clone, Copy)]
pub struct Thing {
    pub track: u64,
    pub label: &'static str,
    pub bbox: [f32; 4],
    pub color: [u8; 3],
}

/// A person of this track and colour.
pub fn person(track: u64, bbox: [f32; 4], color: [u8; 3]) -> Thing {
    Thing {
        track,
        label: "person",
        bbox,
        color,
    }
}

/// A frame of one colour with objects, which a detector and a tracker found. Objects are checked
/// slightly, so that they are not perfectly blurred.
pub fn with_things(n: u64, background: [u8; 3], things: &[Thing]) -> gst::Buffer {
    let mut buffer = painted(n, background, things);
    annotate(buffer.get_mut().unwrap(), things);
    buffer
}

/// The same, before anybody looked at it.
pub fn painted(n: u64, background: [u8; 3], things: &[Thing]) -> gst::Buffer {
    let mut buffer = solid(n, background);
    let frame = buffer.get_mut().unwrap();
    {
        let mut map = frame.map_writable().unwrap();
        for thing in things {
            let [x, y, w, h] = thing.bbox.map(|v| v as usize);
            for row in y..(y + h).min(HEIGHT) {
                for column in x..(x + w).min(WIDTH) {
                    let shade = if (row / 4 + column / 4) % 2 == 0 {
                        20
                    } else {
                        0
                    };
                    let color = thing.color.map(|level| level.saturating_sub(shade));
                    map[(row * WIDTH + column) * 3..][..3].copy_from_slice(&color);
                }
            }
        }
    }
    buffer
}

/// Says what a detector and a tracker found on a frame.
pub fn annotate(frame: &mut gst::BufferRef, things: &[Thing]) {
    let pts = frame.pts().unwrap();
    let detections: Vec<_> = things
        .iter()
        .map(|thing| Detection {
            label: gst::glib::Quark::from_str(thing.label),
            bbox: BBox {
                x: thing.bbox[0],
                y: thing.bbox[1],
                w: thing.bbox[2],
                h: thing.bbox[3],
            },
            confidence: 0.9,
        })
        .collect();
    objects::write_detections(frame, &detections).unwrap();
    let mut found: Vec<Object> = Vec::new();
    objects::read(frame, &mut found);
    let tracks: Vec<_> = (found.iter().zip(things))
        .map(|(object, thing)| {
            let track = Track {
                id: thing.track,
                first_seen: gst::ClockTime::ZERO,
                last_seen: pts,
                lost: false,
            };
            (object.id, track)
        })
        .collect();
    objects::write_tracks(frame, &tracks).unwrap();
}

/// Puts an event of vigilevents on a frame, about an object; gives its id.
pub fn happen(buffer: &mut gst::Buffer, kind: &str, thing: &Thing) -> String {
    let id = ulid::Ulid::generate().to_string();
    let [x, y, w, h] = thing.bbox;
    let event = serde_json::json!({
        "schema": "vigil/1", "id": id, "event": kind, "phase": "start", "stream": "cam-1",
        "rule": "door", "zone": "door", "frame": {"number": 0, "width": WIDTH, "height": HEIGHT},
        "object": {"track": thing.track, "label": thing.label, "confidence": 0.9,
                   "box": {"x": x, "y": y, "w": w, "h": h}, "first_seen": 0},
        "data": {"inside": 1},
    });
    let structure = vigil_analytics::structure::from_json(event_meta::MESSAGE, &event);
    event_meta::write(buffer.get_mut().unwrap(), vec![structure]).unwrap();
    id
}

/// The element in a harness, with everything that it says.
pub struct Rig {
    pub element: gst::Element,
    pub video: Harness,
    pub bus: gst::Bus,
    signals: Mutex<mpsc::Receiver<Signal>>,
}

/// What a signal said.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    Caption(String),
    Token(String, String),
    Dropped(String, String),
    Server(String),
}

/// An element with these properties, as text.
pub fn element(properties: &[(&str, &str)]) -> gst::Element {
    init();
    let element = gst::ElementFactory::make("vigilcaption")
        .property("stream-id", "cam-1")
        .build()
        .unwrap();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    element
}

impl Rig {
    /// Plays with a server at `url`.
    pub fn at(url: &str, properties: &[(&str, &str)]) -> Self {
        let mut all = vec![("base-url", url)];
        all.extend(properties);
        Self::of(element(&all))
    }

    /// Plays with an element.
    pub fn of(element: gst::Element) -> Self {
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let (told, signals) = mpsc::channel();
        connect(&element, told);
        let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
        video.set_live(false);
        video.set_src_caps_str(CAPS);
        Self {
            element,
            video,
            bus,
            signals: Mutex::new(signals),
        }
    }

    pub fn pad(&self) -> Harness {
        Harness::with_element(&self.element, None, Some("captions"))
    }

    /// Pushes a frame and takes it at the other end.
    #[track_caller]
    pub fn push(&mut self, buffer: gst::Buffer) -> gst::Buffer {
        self.video.push(buffer).unwrap();
        self.video.pull().unwrap()
    }

    /// The next signal, from workers too.
    #[track_caller]
    pub fn signal(&self) -> Signal {
        self.signals.lock().unwrap().recv_timeout(LONG).unwrap()
    }

    /// The next signal that is wanted; others before it are passed over.
    #[track_caller]
    pub fn wait_for(&self, wanted: impl Fn(&Signal) -> bool) -> Signal {
        loop {
            let signal = self.signal();
            if wanted(&signal) {
                return signal;
            }
        }
    }

    /// The next caption's record from the bus, checked against the schema.
    #[track_caller]
    pub fn caption(&self) -> Value {
        loop {
            let record = self.record();
            if record["phase"] == "instant" || record["phase"] == "end" {
                return record;
            }
        }
    }

    /// The next record on the bus.
    #[track_caller]
    pub fn record(&self) -> Value {
        let timeout = gst::ClockTime::from_seconds(LONG.as_secs());
        loop {
            let types = [gst::MessageType::Element];
            let message = self
                .bus
                .timed_pop_filtered(timeout, &types)
                .expect("no caption came");
            let structure = message.structure().unwrap();
            if structure.name() == event_meta::MESSAGE {
                let record = to_json(structure);
                validate(&record);
                return record;
            }
        }
    }

    /// Texts of warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        std::iter::from_fn(|| self.bus.pop_filtered(&[gst::MessageType::Warning]))
            .map(|message| match message.view() {
                gst::MessageView::Warning(warning) => warning.error().to_string(),
                _ => unreachable!(),
            })
            .collect()
    }

    pub fn stats(&self) -> gst::Structure {
        self.element.property("stats")
    }

    pub fn stat(&self, field: &str) -> u64 {
        self.stats().get(field).unwrap()
    }

    /// How often something was given up or limited for this reason.
    pub fn count(&self, table: &str, why: &str) -> u64 {
        let table: gst::Structure = self.stats().get(table).unwrap();
        table.get(why).unwrap_or(0)
    }

    /// Emits an action signal that gives an id.
    pub fn act(&self, signal: &str, arguments: &[&dyn ToValue]) -> Option<String> {
        self.element.emit_by_name(signal, arguments)
    }
}

fn connect(element: &gst::Element, told: mpsc::Sender<Signal>) {
    let told = Mutex::new(told);
    let tell = std::sync::Arc::new(move |signal| {
        let _ = told.lock().unwrap().send(signal);
    });
    let text = |args: &[gst::glib::Value], i: usize| args[i].get::<String>().unwrap();
    let caption = tell.clone();
    element.connect("caption", false, move |args| {
        let structure = args[1].get::<gst::Structure>().unwrap();
        caption(Signal::Caption(structure.get("id").unwrap()));
        None
    });
    let token = tell.clone();
    element.connect("token", false, move |args| {
        token(Signal::Token(text(args, 1), text(args, 2)));
        None
    });
    let dropped = tell.clone();
    element.connect("dropped", false, move |args| {
        dropped(Signal::Dropped(text(args, 1), text(args, 2)));
        None
    });
    element.connect("server-state", false, move |args| {
        tell(Signal::Server(text(args, 1)));
        None
    });
}

/// A structure as the JSON that it was made of.
pub fn to_json(structure: &gst::StructureRef) -> Value {
    let fields = structure
        .iter()
        .map(|(name, value)| (name.to_string(), value_to_json(value)));
    Value::Object(fields.collect())
}

fn value_to_json(value: &gst::glib::SendValue) -> Value {
    if let Ok(structure) = value.get::<gst::Structure>() {
        return to_json(&structure);
    }
    if let Ok(list) = value.get::<gst::Array>() {
        return list.as_slice().iter().map(value_to_json).collect();
    }
    None.or_else(|| value.get::<String>().ok().map(Value::from))
        .or_else(|| value.get::<i64>().ok().map(Value::from))
        .or_else(|| value.get::<u64>().ok().map(Value::from))
        .or_else(|| value.get::<f64>().ok().map(Value::from))
        .or_else(|| value.get::<bool>().ok().map(Value::from))
        .unwrap_or(Value::Null)
}

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../../../events/schema/vigil-1.schema.json");
    jsonschema::draft202012::new(&serde_json::from_str(text).unwrap()).unwrap()
});

/// Panics if a record does not fit the schema.
#[track_caller]
pub fn validate(record: &Value) {
    let errors: Vec<_> = SCHEMA
        .iter_errors(record)
        .map(|e| format!("{e} at {}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{record}\n{errors:#?}");
}

/// The record of a buffer of the pad: one line of JSON that fits the schema.
#[track_caller]
pub fn line(buffer: &gst::BufferRef) -> Value {
    let map = buffer.map_readable().unwrap();
    let text = std::str::from_utf8(&map).unwrap();
    let value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
    validate(&value);
    value
}

/// Waits until `done` says so.
#[track_caller]
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < until, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
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
