//! The smallest app that embeds the suite: objects of a video, tracked, as events.
//!
//! ```sh
//! ./dev cargo run -p vigil-examples --bin embed -- --model yolov8n.onnx --input street.mp4
//! ```
//!
//! It shows both ways to receive events. A line of JSON for each arrives at an `appsink` on the
//! `events` pad, in the pad's own thread and in step with the pad's other data. The same event is
//! posted on the bus as an element message named `vigil-event`, for an app that has a main loop and
//! wants no extra sink.

use clap::Parser;
use gst::prelude::*;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

/// Prints the events of a video.
#[derive(Parser)]
struct Args {
    /// The detection model, an ONNX file.
    #[arg(long)]
    model: PathBuf,
    /// The video, a file or an URI.
    #[arg(long)]
    input: String,
    /// What to report, a TOML file; default: objects that appear and leave.
    #[arg(long)]
    rules: Option<PathBuf>,
    /// Stop after this many frames.
    #[arg(long)]
    max_frames: Option<i32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    gst::init()?;

    // The suite's elements take what decoders give, so nothing has to be converted before them. The
    // video itself goes nowhere here; where yours goes is up to you.
    let pipeline = gst::parse::launch(
        "uridecodebin3 name=source ! video/x-raw ! identity name=limit
         ! vigildetect name=detect ! vigiltrack ! vigilevents name=events
         ! fakesink sync=false
         events.events ! appsink name=lines sync=false",
    )?
    .downcast::<gst::Pipeline>()
    .map_err(|_| "not a pipeline")?;
    let element = |name: &str| pipeline.by_name(name).ok_or(format!("no element {name}"));

    // Paths are set as properties, not put into the string: no quoting to get wrong.
    element("source")?.set_property("uri", uri(&args.input)?);
    element("limit")?.set_property("eos-after", args.max_frames.unwrap_or(-1));
    element("detect")?.set_property("model", args.model);
    if let Some(file) = args.rules {
        element("events")?.set_property("rules-file", file);
    }

    // Way one: the metadata pad. The callback runs in the pad's thread; a slow one delays no video.
    let from_pad = Arc::new(AtomicUsize::new(0));
    let (lines, printed) = mpsc::channel::<String>();
    let count = from_pad.clone();
    element("lines")?
        .downcast::<gst_app::AppSink>()
        .map_err(|_| "not an appsink")?
        .set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
                    let line = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
                    count.fetch_add(1, Ordering::Relaxed);
                    // The receiver lives as long as main().
                    let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );

    // Where the pipeline does not start, for example because the model is none, the reason is on
    // the bus already, and nothing else will come.
    let started = pipeline.set_state(gst::State::Playing);
    let patience = started.map_or(Some(gst::ClockTime::ZERO), |_| gst::ClockTime::NONE);
    let outcome = run(&pipeline, patience, &printed);
    pipeline.set_state(gst::State::Null)?;

    let by_kind = outcome?;
    let from_bus: usize = by_kind.values().sum();
    let from_pad = from_pad.load(Ordering::Relaxed);
    println!("{from_pad} events from the pad, {from_bus} from the bus");
    for (kind, n) in by_kind {
        println!("{n:6} {kind}");
    }
    Ok(())
}

/// A file's URI; an URI as it is.
fn uri(input: &str) -> Result<String, Box<dyn Error>> {
    if input.contains("://") {
        return Ok(input.into());
    }
    let path = std::path::absolute(input)?;
    Ok(gst::glib::filename_to_uri(path, None)?.into())
}

/// Way two: the bus. Counts events by kind until the end of the video, and prints the lines that
/// the pad sent meanwhile.
fn run(
    pipeline: &gst::Pipeline,
    patience: Option<gst::ClockTime>,
    lines: &mpsc::Receiver<String>,
) -> Result<BTreeMap<String, usize>, Box<dyn Error>> {
    let mut by_kind = BTreeMap::new();
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    for message in bus.iter_timed(patience) {
        match message.view() {
            gst::MessageView::Element(element) => {
                // The same fields as the JSON; `object` is a structure within the structure.
                if let Some(event) = element.structure().filter(|s| s.name() == "vigil-event") {
                    *by_kind.entry(event.get::<String>("event")?).or_default() += 1;
                }
            }
            gst::MessageView::Warning(warning) => eprintln!("warning: {}", warning.error()),
            gst::MessageView::Error(error) => {
                // The detail is for those who ask what exactly.
                let detail = error.debug().unwrap_or_default();
                return Err(format!("{} ({detail})", error.error()).into());
            }
            gst::MessageView::Eos(_) => {
                lines.try_iter().for_each(|line| print!("{line}"));
                return Ok(by_kind);
            }
            _ => (),
        }
        lines.try_iter().for_each(|line| print!("{line}"));
    }
    Err("the pipeline did not start".into())
}
