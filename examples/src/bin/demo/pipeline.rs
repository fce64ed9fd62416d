//! The demo's pipeline.
//!
//! ```text
//! uridecodebin3 ! queue ! videoconvert ! vigildetect ! vigiltrack ! vigilevents
//!     ! queue ! objectdetectionoverlay ! videoconvert ! videoscale ! H.264 encoder ! mp4mux ! filesink
//! vigilevents.events ! filesink
//! ```
//!
//! Threads: the decoder's own; one for detecting, tracking and rules, from the first queue; one for
//! drawing and encoding, from the second; and that of the `events` pad.

use gst::glib;
use gst::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::args::Args;
use crate::meter::Meter;
use crate::moments::Moments;
use crate::{Error, Result};

/// H.264 encoders with what makes each of them look good, the most dependable first. Bit rates of
/// `openh264enc` are in bit/s, and its default is for a video call of long ago.
const ENCODERS: &[(&str, &[(&str, &str)])] = &[
    (
        "x264enc",
        &[
            ("pass", "qual"),
            ("quantizer", "22"),
            ("speed-preset", "veryfast"),
            ("key-int-max", "50"),
        ],
    ),
    (
        "openh264enc",
        &[
            ("bitrate", "4000000"),
            ("complexity", "low"),
            ("gop-size", "50"),
        ],
    ),
    ("nvh264enc", &[]),
    ("vah264enc", &[]),
    ("v4l2h264enc", &[]),
];

/// Where the results go.
pub struct Files {
    /// The annotated video, MP4.
    pub video: PathBuf,
    /// The events, JSON Lines.
    pub events: PathBuf,
    /// The contact sheet, PNG.
    pub sheet: PathBuf,
}

/// The pipeline and what watches it.
pub struct Demo {
    /// The whole pipeline.
    pub pipeline: gst::Pipeline,
    /// Counts frames, latency and objects.
    pub meter: Arc<Meter>,
    /// Keeps pictures of what happened.
    pub moments: Arc<Moments>,
    /// Where the results go.
    pub files: Files,
    /// Number of frames after which to stop, where the user gave one.
    pub frame_limit: Option<u64>,
    /// Stream time after which to stop, where the user gave one.
    pub time_limit: Option<gst::ClockTime>,
    /// Brings the stream to its end.
    pub stopper: Stopper,
    suite: [gst::Element; 3],
}

impl Demo {
    /// Builds the pipeline; nothing runs yet.
    ///
    /// # Errors
    /// For an element that is not installed, and a value that a property does not take.
    pub fn build(args: &Args, uri: &str) -> Result<Self> {
        let files = Files {
            video: args.output.join("annotated.mp4"),
            events: args.output.join("events.jsonl"),
            sheet: args.output.join("contact-sheet.png"),
        };
        for file in [&files.video, &files.events, &files.sheet] {
            remove(file)?;
        }
        let pipeline = gst::Pipeline::new();
        let source = make("uridecodebin3")?;
        source.set_property("uri", uri);
        let first_queue = queue()?;
        let convert = make("videoconvert")?;
        let suite = suite(args)?;
        let [detect, track, events] = &suite;
        let recording = Recording::new(&files.video)?;
        let events_file = make("filesink")?;
        events_file.set_property("location", &files.events);
        // Each line as it happens, for whoever follows the file; and no waiting for the first.
        events_file.set_property_from_str("buffer-mode", "unbuffered");
        events_file.set_property("async", false);

        let analysis = [&first_queue, &convert, detect, track, events];
        pipeline.add_many([&source, &events_file])?;
        pipeline.add_many(analysis)?;
        pipeline.add_many(&recording.elements)?;
        gst::Element::link_many(analysis)?;
        gst::Element::link_many(&recording.elements)?;
        events.link(recording.input())?;
        events.link_pads(Some("events"), &events_file, Some("sink"))?;
        link_first_video(&source, &first_queue);

        let meter = Meter::attach(&pad(detect, "sink")?, &pad(events, "src")?);
        let moments = Moments::attach(&pad(&recording.drawing, "sink")?);
        let demo = Self {
            pipeline,
            meter,
            moments,
            files,
            frame_limit: args.frames,
            time_limit: args
                .duration
                .map(|seconds| gst::ClockTime::from_nseconds((seconds * 1e9) as u64)),
            stopper: Stopper {
                first_queue,
                stopping: Arc::default(),
            },
            suite,
        };
        demo.limit(&pad(&convert, "sink")?);
        Ok(demo)
    }

    /// What the suite's elements say of themselves, by element.
    pub fn stats(&self) -> Vec<(String, gst::Structure)> {
        self.suite
            .iter()
            .filter(|element| element.find_property("stats").is_some())
            .filter_map(|element| {
                let stats = element.property::<Option<gst::Structure>>("stats")?;
                Some((element.factory()?.name().into(), stats))
            })
            .collect()
    }

    /// Stops the stream at the user's limits.
    fn limit(&self, pad: &gst::Pad) {
        let (frame_limit, time_limit) = (self.frame_limit, self.time_limit);
        if frame_limit.is_none() && time_limit.is_none() {
            return;
        }
        let stopper = self.stopper.clone();
        let mut frames = 0u64;
        let mut first = None;
        let state = std::sync::Mutex::new(move |buffer: &gst::BufferRef| {
            let elapsed = buffer
                .pts()
                .map(|pts| pts.saturating_sub(*first.get_or_insert(pts)));
            let over = frame_limit.is_some_and(|limit| frames >= limit)
                || time_limit.zip(elapsed).is_some_and(|(limit, t)| t >= limit);
            frames += 1;
            over
        });
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let over = match (info.buffer(), state.lock()) {
                (Some(buffer), Ok(mut is_over)) => is_over(buffer),
                _ => false,
            };
            if over {
                stopper.stop();
                return gst::PadProbeReturn::Drop;
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// Ends the stream in good order: what was decoded is still analysed, and the files are finished.
#[derive(Clone)]
pub struct Stopper {
    first_queue: gst::Element,
    stopping: Arc<AtomicBool>,
}

impl Stopper {
    /// Ends the stream; may be called from any thread, and more than once.
    pub fn stop(&self) {
        if self.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        // Not through the source: a camera that is silent would never pass it on. The pad's stream
        // lock is held while the decoder waits for room in the queue, hence the thread.
        let queue = self.first_queue.clone();
        std::thread::spawn(move || {
            if let Some(pad) = queue.static_pad("sink") {
                pad.send_event(gst::event::Eos::new());
            }
        });
    }
}

/// The elements that draw and record.
struct Recording {
    elements: Vec<gst::Element>,
    drawing: gst::Element,
}

impl Recording {
    fn new(file: &Path) -> Result<Self> {
        let drawing = overlay().or_else(|_| {
            eprintln!(
                "demo: GStreamer's objectdetectionoverlay is not installed (gst-plugins-bad >= \
                 1.24): the video is recorded without boxes"
            );
            make("identity")
        })?;
        let (scale, size) = (make("videoscale")?, make("capsfilter")?);
        keep_first_size(&pad(&scale, "sink")?, &size);
        let encoder = encoder()?;
        make_time_advance(&pad(&encoder, "sink")?);
        let sink = make("filesink")?;
        sink.set_property("location", file);
        let elements = vec![
            queue()?,
            drawing.clone(),
            make("videoconvert")?,
            scale,
            size,
            encoder,
            make("h264parse")?,
            make("mp4mux")?,
            sink,
        ];
        Ok(Self { elements, drawing })
    }

    fn input(&self) -> &gst::Element {
        &self.elements[0]
    }
}

fn overlay() -> Result<gst::Element> {
    let overlay = make("objectdetectionoverlay")?;
    // ARGB; its white is lost on shirts and walls.
    overlay.set_property("object-detection-outline-color", 0xff22_e6a8_u32);
    Ok(overlay)
}

/// The first encoder that is installed.
fn encoder() -> Result<gst::Element> {
    for (name, settings) in ENCODERS {
        let Ok(encoder) = make(name) else { continue };
        for (property, value) in *settings {
            set(&encoder, property, value)?;
        }
        return Ok(encoder);
    }
    let names: Vec<_> = ENCODERS.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "no H.264 encoder is installed; one of these is needed: {} (x264enc is in GStreamer's \
         'ugly' plugins)",
        names.join(", ")
    )
    .into())
}

/// The three elements that this is about.
fn suite(args: &Args) -> Result<[gst::Element; 3]> {
    let [detect, track, events] = ["vigildetect", "vigiltrack", "vigilevents"].map(make);
    let (detect, track, events) = (detect?, track?, events?);
    detect.set_property("model", &args.model);
    let confidence = args.confidence.map(|value| value.to_string());
    let threads = args.threads.map(|value| value.to_string());
    for (property, value) in [
        ("engine", &args.engine),
        ("input-size", &args.input_size),
        ("confidence-threshold", &confidence),
        ("threads", &threads),
        ("classes", &args.classes),
    ] {
        if let Some(value) = value {
            set(&detect, property, value)?;
        }
    }
    if let Some(file) = &args.rules {
        events.set_property("rules-file", file);
    }
    Ok([detect, track, events])
}

/// Links the first video stream of `source`; other streams are not decoded.
fn link_first_video(source: &gst::Element, queue: &gst::Element) {
    source.connect("select-stream", false, |values| {
        let choose = || {
            let bin = values[0].get::<gst::Element>().ok()?;
            let collection = values[1].get::<gst::StreamCollection>().ok()?;
            let stream = values[2].get::<gst::Stream>().ok()?;
            let videos = || {
                collection
                    .iter()
                    .filter(|stream| stream.stream_type().contains(gst::StreamType::VIDEO))
            };
            if videos().next().is_none() {
                gst::element_error!(bin, gst::StreamError::WrongType, ["no video in the input"]);
            }
            let first = videos().next().and_then(|first| first.stream_id());
            Some(i32::from(first.is_some() && first == stream.stream_id()))
        };
        // -1: let the bin decide.
        Some(choose().unwrap_or(-1).to_value())
    });
    let queue = queue.downgrade();
    source.connect_pad_added(move |_, pad| {
        let Some(sink) = queue.upgrade().and_then(|queue| queue.static_pad("sink")) else {
            return;
        };
        if pad.name().starts_with("video") && !sink.is_linked() {
            // A failure shows as an error of the source: not linked.
            let _ = pad.link(&sink);
        }
    });
}

/// Fixes the size of the recording at that of the first frame, made even as H.264 wants it: an MP4
/// file holds one size, and a camera may change its own.
fn keep_first_size(pad: &gst::Pad, filter: &gst::Element) {
    let filter = filter.downgrade();
    let done = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view()) else {
            return gst::PadProbeReturn::Ok;
        };
        let size = caps.caps().structure(0).and_then(|caps| {
            let [width, height] = ["width", "height"].map(|name| caps.get::<i32>(name).ok());
            width.zip(height)
        });
        if let (Some((width, height)), Some(filter)) = (size, filter.upgrade())
            && !done.swap(true, Ordering::SeqCst)
        {
            let even = |size: i32| (size / 2 * 2).max(16);
            let caps = gst::Caps::builder("video/x-raw")
                .field("width", even(width))
                .field("height", even(height))
                .build();
            filter.set_property("caps", caps);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Gives each frame a PTS after that of the one before: encoders and MP4 want it so, and decoders of
/// streams with missing or doubtful times do not always have it so.
fn make_time_advance(pad: &gst::Pad) {
    /// What is missing is taken to be 25 frames a second, what goes back to be a moment later.
    const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);
    const MOMENT: gst::ClockTime = gst::ClockTime::from_mseconds(1);
    let last = std::sync::Mutex::new(None::<gst::ClockTime>);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let (Some(buffer), Ok(mut last)) = (info.buffer_mut(), last.lock()) {
            let pts = match (buffer.pts(), *last) {
                (Some(pts), Some(last)) => pts.max(last + MOMENT),
                (Some(pts), None) => pts,
                (None, Some(last)) => last + buffer.duration().unwrap_or(FRAME),
                (None, None) => gst::ClockTime::ZERO,
            };
            if buffer.pts() != Some(pts) {
                buffer.make_mut().set_pts(pts);
            }
            *last = Some(pts);
        }
        gst::PadProbeReturn::Ok
    });
}

/// A queue of a few frames, whatever their size.
fn queue() -> Result<gst::Element> {
    let queue = make("queue")?;
    queue.set_property("max-size-buffers", 4u32);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", 0u64);
    Ok(queue)
}

fn make(factory: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        let hint = if factory.starts_with("vigil") {
            "build the plugins and put their folder on GST_PLUGIN_PATH (make demo does both)"
        } else {
            "it belongs to GStreamer's base, good or bad plugins"
        };
        Error::from(format!("the element {factory} is not there: {hint}"))
    })
}

/// Sets a property from text.
///
/// # Errors
/// Where the element has no such property, or it does not take the value.
fn set(element: &gst::Element, property: &str, text: &str) -> Result<()> {
    let name = element.name();
    let spec = element
        .find_property(property)
        .ok_or_else(|| format!("{name} has no property {property}"))?;
    let value = glib::Value::deserialize_with_pspec(text, &spec)
        .map_err(|_| format!("{property} of {name} does not take the value '{text}'"))?;
    element.set_property_from_value(property, &value);
    Ok(())
}

fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad> {
    element
        .static_pad(name)
        .ok_or_else(|| format!("{} has no pad {name}", element.name()).into())
}

fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} cannot be replaced: {error}", file.display()).into())
        }
        _ => Ok(()),
    }
}
