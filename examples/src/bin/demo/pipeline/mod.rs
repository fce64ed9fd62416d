//! The demo's pipeline.
//!
//! ```text
//! uridecodebin3 ! queue ! videoconvert ! I420 ! vigildetect ! vigiltrack ! vigilevents
//!     ! queue ! (drawing) ! videoscale ! videoconvert ! H.264 encoder ! mp4mux ! filesink
//! vigilevents.events ! filesink
//! vigilevents.objects ! filesink
//! ```
//!
//! I420 is what most decoders give and most encoders take: then neither `videoconvert` does
//! anything, nor does `videoscale`.
//!
//! Threads: the decoder's own; one for detecting, tracking and rules, from the first queue; one for
//! drawing and encoding, from the second (and the encoder's own); and those of the `events` and
//! `objects` pads.

pub mod elements;
pub mod encoder;
mod recording;
mod source;
mod stopper;

use gst::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Result;
use crate::args::Args;
use crate::job::Job;
use crate::meter::Meter;
use crate::moments::Moments;
use crate::overlay::Overlay;
use crate::scene::Scene;
use elements::{make, pad, queue, remove, set};
use recording::Recording;
use stopper::Stopper;

/// Where the results go.
pub struct Files {
    /// The annotated video, MP4.
    pub video: PathBuf,
    /// The events, JSON Lines.
    pub events: PathBuf,
    /// The objects of each frame, JSON Lines.
    pub objects: PathBuf,
    /// The contact sheet, PNG.
    pub sheet: PathBuf,
    /// Figures of the run, JSON.
    pub run: PathBuf,
    /// The page that sums it up, HTML.
    pub summary: PathBuf,
    /// The events that follow from the truth, where it is known, JSON Lines.
    pub expected: PathBuf,
}

impl Files {
    /// The results in a folder.
    pub fn of(folder: &Path) -> Self {
        Self {
            video: folder.join("annotated.mp4"),
            events: folder.join("events.jsonl"),
            objects: folder.join("objects.jsonl"),
            sheet: folder.join("contact-sheet.png"),
            run: folder.join("run.json"),
            summary: folder.join("summary.html"),
            expected: folder.join("expected-events.jsonl"),
        }
    }

    /// Removes those of an earlier run.
    ///
    /// # Errors
    /// Names the file that cannot be removed.
    pub fn clear(&self) -> Result<()> {
        [
            &self.video,
            &self.events,
            &self.objects,
            &self.sheet,
            &self.run,
            &self.summary,
            &self.expected,
        ]
        .into_iter()
        .try_for_each(|file| remove(file))
    }
}

/// The pipeline and what watches it.
pub struct Demo {
    /// The whole pipeline.
    pub pipeline: gst::Pipeline,
    /// Counts frames, latency and objects.
    pub meter: Arc<Meter>,
    /// Keeps pictures of what happened.
    pub moments: Arc<Moments>,
    /// Draws on the video.
    pub overlay: Arc<Overlay>,
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
    pub fn build(args: &Args, job: &Job, files: &Files) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let source = make("uridecodebin3")?;
        source.set_property("uri", &job.uri);
        let (first_queue, convert, format) = (queue()?, make("videoconvert")?, i420()?);
        let suite = suite(args, job)?;
        let [detect, track, events] = &suite;
        let recording = Recording::new(&files.video)?;

        let analysis = [&first_queue, &convert, &format, detect, track, events];
        pipeline.add(&source)?;
        pipeline.add_many(analysis)?;
        pipeline.add_many(&recording.elements)?;
        gst::Element::link_many(analysis)?;
        gst::Element::link_many(&recording.elements)?;
        events.link(recording.input())?;
        for (name, file) in [("events", &files.events), ("objects", &files.objects)] {
            let sink = lines_to(file)?;
            pipeline.add(&sink)?;
            events.link_pads(Some(name), &sink, Some("sink"))?;
        }
        source::link_first_video(&source, &first_queue);

        // Pictures of moments are taken of frames on which nothing is drawn yet.
        let (before, after) = recording.drawing()?;
        let meter = Meter::attach(&pad(detect, "sink")?, &pad(events, "src")?);
        let moments = Moments::attach(&before);
        let overlay = Overlay::attach(&after, Scene::of(job.rules.as_deref()))?;
        let demo = Self {
            pipeline,
            meter,
            moments,
            overlay,
            frame_limit: args.frames,
            time_limit: args.time_limit(),
            stopper: Stopper::new(&first_queue),
            suite,
        };
        let limits = (demo.frame_limit, demo.time_limit);
        demo.stopper.limit(&pad(&convert, "sink")?, limits);
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
}

/// The three elements that this is about.
fn suite(args: &Args, job: &Job) -> Result<[gst::Element; 3]> {
    let [detect, track, events] = ["vigildetect", "vigiltrack", "vigilevents"].map(make);
    let (detect, track, events) = (detect?, track?, events?);
    if let Some(model) = &args.model {
        detect.set_property("model", model);
    }
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
    if let Some(file) = &job.rules {
        events.set_property("rules-file", file);
    }
    Ok([detect, track, events])
}

/// What is drawn on.
fn i420() -> Result<gst::Element> {
    let filter = make("capsfilter")?;
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420");
    filter.set_property("caps", caps.build());
    Ok(filter)
}

/// Writes the lines of a metadata pad.
fn lines_to(file: &Path) -> Result<gst::Element> {
    let sink = make("filesink")?;
    sink.set_property("location", file);
    // Each line as it happens, for whoever follows the file; and no waiting for the first.
    sink.set_property_from_str("buffer-mode", "unbuffered");
    sink.set_property("async", false);
    Ok(sink)
}
