//! `vigiltestsrc` in a pipeline, and what comes out of it.

use gst::prelude::*;
use gst_video::prelude::*;
use gstvigiltestsrc::convert::Format;
use std::sync::{Arc, Condvar, Mutex, Once, mpsc};
use std::time::Duration;
use vigil_analytics::objects::{self, Look, Object};
use vigil_analytics::truth_meta::{self, Truth};

/// Longer than anything takes on a busy machine: what has not happened by then never will.
pub const NEVER: Duration = Duration::from_secs(120);

/// Makes GStreamer and the plugin under test known.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstvigiltestsrc::plugin_register_static().unwrap();
    });
}

/// Milliseconds.
pub fn ms(ms: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(ms)
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

/// A frame that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub pts: gst::ClockTime,
    pub duration: Option<gst::ClockTime>,
    pub number: u64,
    pub discont: bool,
    pub size: (u32, u32),
    /// Samples of each plane, without what is between the rows.
    pub planes: Vec<Vec<u8>>,
    pub look: Look,
    pub objects: Vec<Object>,
    pub truth: Option<Truth>,
}

impl Frame {
    fn of(buffer: &gst::BufferRef, caps: &gst::CapsRef) -> Self {
        let info = gst_video::VideoInfo::from_caps(caps).unwrap();
        let mut objects = Vec::new();
        let look = objects::read(buffer, &mut objects);
        let mut truth = Truth::default();
        let truth = truth_meta::read(buffer, &mut truth).then_some(truth);
        Self {
            pts: buffer.pts().unwrap(),
            duration: buffer.duration(),
            number: buffer.offset(),
            discont: buffer.flags().contains(gst::BufferFlags::DISCONT),
            size: (info.width(), info.height()),
            planes: planes(buffer, &info),
            look,
            objects,
            truth,
        }
    }

    /// What depends on the scene and its time alone.
    pub fn content(&self) -> (&Vec<Vec<u8>>, &Vec<Object>, &Option<Truth>) {
        (&self.planes, &self.objects, &self.truth)
    }

    /// Whole boxes of the truth by identity.
    pub fn boxes(&self) -> Vec<(u64, objects::BBox)> {
        let truth = self.truth.as_ref().unwrap();
        let mut boxes: Vec<_> = truth.objects.iter().map(|o| (o.id, o.bbox)).collect();
        boxes.sort_by_key(|(id, _)| *id);
        boxes
    }
}

fn planes(buffer: &gst::BufferRef, info: &gst_video::VideoInfo) -> Vec<Vec<u8>> {
    let name = info.format().to_str();
    let format = Format::ALL
        .into_iter()
        .find(|format| format!("{format:?}").eq_ignore_ascii_case(name))
        .unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let (width, height) = (info.width() as usize, info.height() as usize);
    (0..format.planes())
        .map(|plane| {
            let (bytes, rows) = format.plane_size(plane, width, height);
            let stride = frame.plane_stride()[plane] as usize;
            let data = frame.plane_data(plane as u32).unwrap();
            (0..rows)
                .flat_map(|row| &data[row * stride..][..bytes])
                .copied()
                .collect()
        })
        .collect()
}

/// What arrives at the end of a pipeline.
type Arrived = Arc<(Mutex<Vec<Frame>>, Condvar)>;

/// A pipeline with a `vigiltestsrc` named `src`, a capsfilter named `caps` and a sink named `sink`.
pub struct Player {
    pub pipeline: gst::Pipeline,
    pub src: gst::Element,
    pub bus: gst::Bus,
    arrived: Arrived,
    _watchdog: Watchdog,
}

impl Player {
    /// A source with these properties, followed by these elements; at least one for each caps.
    pub fn new(properties: &str, caps: &str, rest: &str) -> Self {
        init();
        let pipeline = gst::parse::launch(&format!(
            "vigiltestsrc name=src {properties} ! capsfilter name=caps ! {rest}"
        ))
        .unwrap();
        let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
        let this = Self {
            src: pipeline.by_name("src").unwrap(),
            bus: pipeline.bus().unwrap(),
            pipeline,
            arrived: Arrived::default(),
            _watchdog: Watchdog::new(),
        };
        this.set_caps(caps);
        let arrived = this.arrived.clone();
        let sink = this.pipeline.by_name("sink").unwrap();
        let pad = sink.static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let caps = pad.current_caps().unwrap();
            let frame = Frame::of(info.buffer().unwrap(), &caps);
            arrived.0.lock().unwrap().push(frame);
            arrived.1.notify_all();
            gst::PadProbeReturn::Ok
        });
        this
    }

    /// Asks for other caps.
    pub fn set_caps(&self, caps: &str) {
        let caps: gst::Caps = caps.parse().unwrap();
        let filter = self.pipeline.by_name("caps").unwrap();
        filter.set_property("caps", caps);
    }

    pub fn set_state(&self, state: gst::State) {
        self.pipeline.set_state(state).unwrap();
        let (result, _, _) = self
            .pipeline
            .state(gst::ClockTime::from_seconds(NEVER.as_secs()));
        result.unwrap();
    }

    /// Plays until the end of the stream, or until there is an error: its text and details.
    pub fn play_to_the_end(&self) -> Result<Vec<Frame>, String> {
        let _ = self.pipeline.set_state(gst::State::Playing);
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let never = gst::ClockTime::from_seconds(NEVER.as_secs());
        let message = self.bus.timed_pop_filtered(never, &kinds);
        match message.expect("neither an end nor an error").view() {
            gst::MessageView::Error(error) => Err(error.error().to_string()),
            _ => Ok(self.frames()),
        }
    }

    /// Frames that have arrived.
    pub fn frames(&self) -> Vec<Frame> {
        self.arrived.0.lock().unwrap().clone()
    }

    /// Waits until `done` says so of what has arrived.
    #[track_caller]
    pub fn wait(&self, done: impl Fn(&[Frame]) -> bool) -> Vec<Frame> {
        let frames = self.arrived.0.lock().unwrap();
        let (frames, timeout) = self
            .arrived
            .1
            .wait_timeout_while(frames, NEVER, |frames| !done(frames))
            .unwrap();
        assert!(!timeout.timed_out(), "only {} frames came", frames.len());
        frames.clone()
    }

    pub fn clear(&self) {
        self.arrived.0.lock().unwrap().clear();
    }

    pub fn stat(&self, name: &str) -> u64 {
        let stats: gst::Structure = self.src.property("stats");
        stats.get(name).unwrap()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Small video, 320×240 at 30 frames a second.
pub const SMALL: &str = "video/x-raw,format=I420,width=320,height=240,framerate=30/1";

/// All frames of a source with these properties, or the error that it ends with.
pub fn try_run(properties: &str, caps: &str) -> Result<Vec<Frame>, String> {
    Player::new(properties, caps, "fakesink name=sink").play_to_the_end()
}

/// All frames of a source with these properties.
#[track_caller]
pub fn run(properties: &str, caps: &str) -> Vec<Frame> {
    try_run(properties, caps).unwrap()
}
