//! The step `element`: `vigildetect` in a pipeline, with frames in system memory and in memory of the
//! GPU.

use crate::machine::Machine;
use crate::model::Subject;
use crate::record::{Checked, Recorder, Verdict, passed};
use crate::{Common, Failure};
use gst::prelude::*;
use std::time::Duration;

/// Frames of each pipeline.
const FRAMES: u64 = 60;

/// How long a pipeline may take, the building of its plan included.
const PATIENCE: Duration = Duration::from_secs(900);

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Size of the frames
    #[arg(long, default_value_t = 1280)]
    width: u32,
    /// Size of the frames
    #[arg(long, default_value_t = 720)]
    height: u32,
    /// Scores from which objects are counted
    #[arg(long, default_value_t = 0.25)]
    confidence: f64,
}

/// What the element says of itself at the end.
struct Stats {
    inferred: u64,
    objects: u64,
    memory: String,
    engine: String,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let common = &options.common;
    let mut recorder = Recorder::new("element", &common.out, Machine::look(common.device))?;
    gst::init()?;
    // A process can have a plugin once: as a file, where GStreamer has found that, or built in.
    if gst::ElementFactory::find("vigildetect").is_none() {
        gstvigildetect::plugin_register_static()?;
    }
    if gst::ElementFactory::find("vigiltestsrc").is_none() {
        gstvigiltestsrc::plugin_register_static()?;
    }
    for subject in &common.models {
        let mut of_system = None;
        recorder.check(format!("{subject}: frames in system memory"), || {
            let stats = play(options, subject, "")?;
            of_system = Some(stats.objects);
            seen(&stats, "system", None)
        })?;
        recorder.check(format!("{subject}: memory:CUDAMemory of cudaupload"), || {
            if gst::ElementFactory::find("cudaupload").is_none() {
                let text = "GStreamer has no cudaupload here: its plugin nvcodec, or what that needs, is missing";
                return Ok(Verdict::Skipped(text.into()));
            }
            let upload = "! cudaupload ! video/x-raw(memory:CUDAMemory)";
            seen(&play(options, subject, upload)?, "cuda", of_system)
        })?;
    }
    recorder.finish()
}

/// Whether all frames were looked at there, and as much was found as in system memory.
fn seen(stats: &Stats, memory: &str, objects: Option<u64>) -> Checked {
    let text = format!(
        "{} of {FRAMES} frames looked at by {}, {} objects, frames in {} memory",
        stats.inferred, stats.engine, stats.objects, stats.memory
    );
    let same = objects.is_none_or(|objects| objects == stats.objects);
    let at_place = stats.memory.contains(memory) && stats.engine == "tensorrt";
    match stats.inferred == FRAMES && at_place && same {
        true => passed(text),
        false => Err(format!("{text}; in system memory {objects:?} objects").into()),
    }
}

/// Plays a street through the element to its end.
fn play(options: &Options, subject: &Subject, upload: &str) -> Result<Stats, Failure> {
    let Options {
        width,
        height,
        confidence,
        ..
    } = options;
    let description = format!(
        "vigiltestsrc num-buffers={FRAMES} is-live=false \
         ! video/x-raw,format=NV12,width={width},height={height},framerate=30/1 {upload} \
         ! vigildetect name=detect engine=tensorrt confidence-threshold={confidence} ! fakesink sync=false"
    );
    let pipeline = gst::parse::launch(&description)?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "no pipeline")?;
    let detect = pipeline
        .by_name("detect")
        .ok_or("no vigildetect in the pipeline")?;
    if let Some(path) = subject.path() {
        detect.set_property("model", path.to_string_lossy().as_ref());
    }
    let played = until_end(&pipeline);
    let stats = detect.property::<gst::Structure>("stats");
    pipeline.set_state(gst::State::Null)?;
    played?;
    let text = |name: &str| {
        stats
            .get::<String>(name)
            .unwrap_or_else(|_| "unknown".into())
    };
    Ok(Stats {
        inferred: stats.get("inferred")?,
        objects: stats.get("objects")?,
        memory: text("memory"),
        engine: text("engine"),
    })
}

fn until_end(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let bus = pipeline.bus().ok_or("no bus")?;
    let started = pipeline.set_state(gst::State::Playing);
    let patience = gst::ClockTime::from_nseconds(PATIENCE.as_nanos() as u64);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    // Where it does not start, the bus says why.
    let patience = if started.is_err() {
        gst::ClockTime::SECOND
    } else {
        patience
    };
    let message = bus.timed_pop_filtered(patience, &ends);
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(error)) => {
            Err(format!("{}: {}", error.error(), error.debug().unwrap_or_default()).into())
        }
        _ => Err(format!("no end within {} s", patience.seconds()).into()),
    }
}
