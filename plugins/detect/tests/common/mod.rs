//! `vigildetect` between two pads of ours, or in a pipeline, and what comes out of it.

#![allow(dead_code, reason = "each test program uses a part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

pub mod alike;
pub mod classes;
pub mod models;
pub mod onnx;
pub mod pipeline;
pub mod pixels;
pub mod runs;

use gst::prelude::*;
use gstvigildetect::preprocess::letterbox::{Fit, Letterbox};
use models::{ModelFile, SIDE, Tiny};
use std::sync::{Arc, Condvar, Mutex, Once, mpsc};
use std::time::Duration;
use vigil_analytics::objects::{self, Look, Object};
use vigil_analytics::{Classes, parts};

/// Longer than anything takes on a busy machine: what has not happened by then never will.
const NEVER: Duration = Duration::from_secs(60);

/// Time between two frames.
pub const FRAME_MS: u64 = 40;

/// Makes GStreamer and the plugin under test known.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstvigildetect::plugin_register_static().unwrap();
    });
}

/// Ends the process with a message where a test hangs.
pub struct Watchdog {
    _done: mpsc::Sender<()>,
}

impl Watchdog {
    pub fn new() -> Self {
        let (done, wait) = mpsc::channel::<()>();
        let test = std::thread::current().name().unwrap_or("?").to_owned();
        std::thread::spawn(move || {
            if wait.recv_timeout(2 * NEVER) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs");
                std::process::abort();
            }
        });
        Self { _done: done }
    }
}

/// A frame that left the element.
#[derive(Debug, Clone)]
pub struct Seen {
    pub pts: Option<gst::ClockTime>,
    pub size: usize,
    pub look: Look,
    pub objects: Vec<Object>,
    /// What classifiers said.
    pub classes: Classes,
    /// For each of the objects the one that it is a part of, by id.
    pub wholes: Vec<Option<u32>>,
}

impl Seen {
    /// Number of the frame, as [`Rig::push`] counts.
    pub fn index(&self) -> u64 {
        self.pts.unwrap().mseconds() / FRAME_MS
    }

    /// Labels of the objects, best first.
    pub fn labels(&self) -> Vec<&'static str> {
        self.objects.iter().map(Object::label_str).collect()
    }

    /// Asserts that the objects are those of a picture of this mean, brighter than 0.5, on a frame
    /// of this size.
    #[track_caller]
    pub fn assert_answer(&self, mean: f32, (width, height): (u32, u32)) {
        assert_eq!(self.look, Look::Inferred, "{self:?}");
        assert_eq!(self.labels(), ["block", "slider"], "{self:?}");
        let letterbox = Letterbox::new((width, height), (SIDE, SIDE), Fit::LetterboxCenter);
        for (object, (_, score, xyxy)) in self.objects.iter().zip(Tiny::answer(mean)) {
            let [x1, y1, x2, y2] = letterbox.clip(letterbox.to_source(xyxy));
            let bbox = object.bbox;
            let pixel = 1.0_f32.max(letterbox.to_source([0.0, 0.0, 1.0, 1.0])[2]);
            for (found, expected) in [
                (bbox.x, x1),
                (bbox.y, y1),
                (bbox.w, x2 - x1),
                (bbox.h, y2 - y1),
            ] {
                assert!(
                    (found - expected).abs() < pixel,
                    "{bbox:?} is not {x1}..{x2}, {y1}..{y2}"
                );
            }
            assert!(
                (object.confidence - score).abs() < 0.02,
                "{object:?} is not {score}"
            );
        }
    }
}

/// What left the element, in order.
#[derive(Debug, Clone)]
pub enum Item {
    Frame(Seen),
    Event(gst::Event),
}

/// Records what passes a source pad.
#[derive(Clone)]
pub struct Log(Arc<(Mutex<Vec<Item>>, Condvar)>);

impl Log {
    pub fn on(pad: &gst::Pad) -> Self {
        let this = Self(Arc::new((Mutex::new(Vec::new()), Condvar::new())));
        let log = this.clone();
        let mask = gst::PadProbeType::BUFFER
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        pad.add_probe(mask, move |_, info| {
            let item = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let mut objects = Vec::new();
                    let look = objects::read(buffer, &mut objects);
                    objects.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
                    let mut classes = Classes::default();
                    vigil_analytics::classes::read(buffer, &mut classes);
                    let wholes = objects
                        .iter()
                        .map(|o| parts::whole_of(buffer, o.id))
                        .collect();
                    Item::Frame(Seen {
                        classes,
                        wholes,
                        pts: buffer.pts(),
                        size: buffer.size(),
                        look,
                        objects,
                    })
                }
                Some(gst::PadProbeData::Event(event)) => Item::Event(event.clone()),
                _ => return gst::PadProbeReturn::Ok,
            };
            log.0.0.lock().unwrap().push(item);
            log.0.1.notify_all();
            gst::PadProbeReturn::Ok
        })
        .unwrap();
        this
    }

    /// Waits until `done` says so of what has left.
    #[track_caller]
    pub fn wait(&self, done: impl Fn(&[Item]) -> bool) -> Vec<Item> {
        let (items, timeout) = self
            .0
            .1
            .wait_timeout_while(self.0.0.lock().unwrap(), NEVER, |items| !done(items))
            .unwrap();
        assert!(!timeout.timed_out(), "nothing more than {items:?}");
        items.clone()
    }

    /// Waits until so many frames have left in all.
    #[track_caller]
    pub fn frames(&self, count: usize) -> Vec<Seen> {
        frames(&self.wait(|items| frames(items).len() >= count))
    }

    /// Waits for the end of the stream.
    #[track_caller]
    pub fn end(&self) -> Vec<Item> {
        self.wait(|items| {
            items.iter().any(
                |item| matches!(item, Item::Event(event) if event.type_() == gst::EventType::Eos),
            )
        })
    }

    pub fn items(&self) -> Vec<Item> {
        self.0.0.lock().unwrap().clone()
    }

    pub fn clear(&self) {
        self.0.0.lock().unwrap().clear();
    }
}

/// The frames among these.
pub fn frames(items: &[Item]) -> Vec<Seen> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Frame(seen) => Some(seen.clone()),
            Item::Event(_) => None,
        })
        .collect()
}

/// Errors or warnings on a bus: message and details.
pub fn texts(bus: &gst::Bus, kind: gst::MessageType) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(message) = bus.pop_filtered(&[kind]) {
        texts.push(match message.view() {
            gst::MessageView::Warning(warning) => warning.error().to_string(),
            gst::MessageView::Error(error) => error.error().to_string(),
            _ => unreachable!(),
        });
    }
    texts
}

/// An element with these properties, and the bus that it reports to.
pub fn element(model: Option<&ModelFile>, properties: &[(&str, &str)]) -> (gst::Element, gst::Bus) {
    init();
    let element = gst::ElementFactory::make("vigildetect").build().unwrap();
    if let Some(model) = model {
        element.set_property("model", model.path().to_str().unwrap());
    }
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    (element, bus)
}

/// A playing `vigildetect` with the engine that is always there, fed by the test.
pub struct Rig {
    pub element: gst::Element,
    pub bus: gst::Bus,
    pub log: Log,
    harness: gst_check::Harness,
    info: Option<gst_video::VideoInfo>,
    pushed: u64,
    _watchdog: Watchdog,
}

impl Rig {
    /// On frames from a file, 64×64 RGB.
    pub fn new(model: &ModelFile, properties: &[(&str, &str)]) -> Self {
        let mut rig = Self::without_stream(model, properties);
        rig.harness.set_live(false);
        rig.start(&rgb(64, 64));
        rig
    }

    /// On frames from a camera with a latency of 20 ms.
    pub fn live(model: &ModelFile, properties: &[(&str, &str)]) -> Self {
        let mut rig = Self::without_stream(model, properties);
        rig.harness
            .set_upstream_latency(gst::ClockTime::from_mseconds(20));
        rig.start(&rgb(64, 64));
        rig
    }

    fn without_stream(model: &ModelFile, properties: &[(&str, &str)]) -> Self {
        let (element, bus) = element(Some(model), &[("engine", "rten")]);
        for (name, value) in properties {
            element.set_property_from_str(name, value);
        }
        let log = Log::on(&element.static_pad("src").unwrap());
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_drop_buffers(true);
        Self {
            element,
            bus,
            log,
            harness,
            info: None,
            pushed: 0,
            _watchdog: Watchdog::new(),
        }
    }

    /// Begins a stream.
    pub fn start(&mut self, caps: &str) {
        assert!(self.event(gst::event::StreamStart::new("test")));
        self.caps(caps);
        self.segment();
        self.log.wait(|items| items.len() >= 3);
        self.log.clear();
    }

    pub fn event(&mut self, event: gst::Event) -> bool {
        self.harness.push_event(event)
    }

    pub fn caps(&mut self, caps: &str) {
        let caps: gst::Caps = caps.parse().unwrap();
        self.info = Some(gst_video::VideoInfo::from_caps(&caps).unwrap());
        assert!(self.event(gst::event::Caps::new(&caps)));
    }

    pub fn segment(&mut self) {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(self.event(gst::event::Segment::new(&segment)));
    }

    /// A grey frame of the present caps whose samples of brightness are `value`; frames are counted
    /// from 0.
    pub fn frame(&mut self, value: u8) -> gst::Buffer {
        let samples = grey(self.info.as_ref().unwrap(), value);
        self.timed(gst::Buffer::from_mut_slice(samples))
    }

    /// Gives a buffer the time of the next frame.
    pub fn timed(&mut self, mut buffer: gst::Buffer) -> gst::Buffer {
        let pts = gst::ClockTime::from_mseconds(self.pushed * FRAME_MS);
        self.pushed += 1;
        buffer.get_mut().unwrap().set_pts(pts);
        buffer
    }

    pub fn push_buffer(&mut self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.harness.push(buffer)
    }

    pub fn try_push(&mut self, value: u8) -> Result<gst::FlowSuccess, gst::FlowError> {
        let buffer = self.frame(value);
        self.push_buffer(buffer)
    }

    #[track_caller]
    pub fn push(&mut self, value: u8) {
        assert_eq!(self.try_push(value), Ok(gst::FlowSuccess::Ok));
    }

    /// A frame in, and the same one out.
    #[track_caller]
    pub fn push_and_wait(&mut self, value: u8) -> Seen {
        let before = frames(&self.log.items()).len();
        self.push(value);
        self.log.frames(before + 1)[before].clone()
    }

    #[track_caller]
    pub fn eos(&mut self) -> Vec<Item> {
        assert!(self.event(gst::event::Eos::new()));
        self.log.end()
    }

    pub fn flush_start(&mut self) {
        assert!(self.event(gst::event::FlushStart::new()));
    }

    pub fn flush_stop(&mut self) {
        assert!(self.event(gst::event::FlushStop::new(true)));
    }

    pub fn upstream_event(&mut self, event: gst::Event) {
        assert!(self.harness.push_upstream_event(event));
    }

    /// What downstream is told: whether it is live, the least latency and the most.
    pub fn latency(&mut self) -> (bool, gst::ClockTime, Option<gst::ClockTime>) {
        let mut query = gst::query::Latency::new();
        assert!(self.element.static_pad("src").unwrap().query(&mut query));
        query.result()
    }

    pub fn stats(&self) -> gst::Structure {
        self.element.property("stats")
    }

    /// A counter of the stats.
    #[track_caller]
    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).unwrap()
    }

    pub fn warnings(&self) -> Vec<String> {
        texts(&self.bus, gst::MessageType::Warning)
    }

    pub fn errors(&self) -> Vec<String> {
        texts(&self.bus, gst::MessageType::Error)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.element.set_state(gst::State::Null);
    }
}

/// Samples of a grey frame.
fn grey(info: &gst_video::VideoInfo, value: u8) -> Vec<u8> {
    const NO_COLOUR: u8 = 128;
    let mut samples = vec![value; info.size()];
    let chroma = match info.format() {
        gst_video::VideoFormat::Yuy2 => samples[1..].iter_mut().step_by(2),
        gst_video::VideoFormat::Uyvy => samples.iter_mut().step_by(2),
        _ if info.is_yuv() => samples[info.offset()[1]..].iter_mut().step_by(1),
        _ => return samples,
    };
    chroma.for_each(|sample| *sample = NO_COLOUR);
    samples
}

/// Caps of RGB frames.
pub fn rgb(width: u32, height: u32) -> String {
    video("RGB", width, height)
}

/// Caps of frames of this format.
pub fn video(format: &str, width: u32, height: u32) -> String {
    format!("video/x-raw,format={format},width={width},height={height},framerate=25/1")
}

/// The mean that the model sees of an RGB frame whose bytes are `value`.
pub fn brightness(value: u8) -> f32 {
    f32::from(value) / 255.0
}

/// `vigildetect` with this model, for the text of a pipeline.
pub fn detect(model: &ModelFile) -> String {
    let path = model.path();
    format!(
        "vigildetect name=detect engine=rten model={}",
        path.display()
    )
}
