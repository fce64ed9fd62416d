//! A video to look at where the user has none: a street, rendered by `vigiltestsrc`, whose truth is
//! known.
//!
//! It is rendered once and kept in the output folder, under a name that stands for all that decides
//! its pictures: options, encoder, and the renderer itself.

use gst::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Result;
use crate::args::Args;
use crate::pipeline::elements::{make, pad, queue, set};
use crate::pipeline::encoder::encoder;
use crate::truth::TruthFiles;
use crate::truth::replay::Format;

/// Size and rate of the clip.
const FORMAT: Format = Format {
    size: (1280, 720),
    rate: 30,
};
/// Length of the clip where nothing else is said: 40 seconds.
const FRAMES: u64 = 1200;
/// What the renderer is told apart from the seed: a street by day, seen by a camera that is neither
/// new nor firmly fixed.
const SCENE: &[(&str, &str)] = &[
    ("scene", "street"),
    ("objects", "16"),
    ("light", "0.9"),
    ("noise", "0.1"),
    ("shake", "0.15"),
];

/// What is rendered.
#[derive(Debug, Hash)]
pub struct Options {
    frames: u64,
    seed: u64,
}

impl Options {
    /// What the user's words ask for: `--duration` and `--frames` say how much.
    pub fn of(args: &Args) -> Self {
        let by_time = args
            .time_limit()
            .map(|time| (time.seconds_f64() * f64::from(FORMAT.rate)).ceil() as u64);
        let limits = [by_time, args.frames].into_iter().flatten().min();
        Self {
            frames: limits.unwrap_or(FRAMES).max(1),
            seed: args.seed,
        }
    }
}

/// A rendered video.
#[derive(Debug)]
pub struct Clip {
    /// H.264 in MP4.
    pub video: PathBuf,
    /// What is on it.
    pub truth: TruthFiles,
    /// What its frames are like.
    pub format: Format,
}

impl Clip {
    fn in_folder(folder: &Path) -> Self {
        Self {
            video: folder.join("clip.mp4"),
            truth: TruthFiles {
                boxes: folder.join("gt.txt"),
                objects: folder.join("truth.jsonl"),
            },
            format: FORMAT,
        }
    }
}

/// The clip in the folder `output`: the one that is there, or a new one.
///
/// # Errors
/// For an element that is not installed, a renderer or encoder that fails, and a folder that cannot
/// be written.
pub fn get(options: &Options, output: &Path) -> Result<Clip> {
    let encoder = encoder()?;
    let name = format!("clip-{:016x}", fingerprint(options, &encoder)?);
    let folder = output.join(&name);
    if folder.is_dir() {
        return Ok(Clip::in_folder(&folder));
    }
    // What an interrupted run left, and clips of other options.
    let failed = |error: std::io::Error| format!("output: {}: {error}", output.display());
    for entry in std::fs::read_dir(output).map_err(failed)?.flatten() {
        if is_ours(&entry.file_name().to_string_lossy()) {
            std::fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    let unfinished = output.join(format!("{name}.unfinished"));
    std::fs::create_dir_all(&unfinished).map_err(failed)?;
    render(options, &Clip::in_folder(&unfinished), encoder)?;
    // The rename is what makes it a clip: an interrupted one never has this name.
    std::fs::rename(&unfinished, &folder).map_err(failed)?;
    Ok(Clip::in_folder(&folder))
}

/// Whether a folder of this name is a clip, or what is left of one.
fn is_ours(name: &str) -> bool {
    let key = name.strip_prefix("clip-");
    let key = key.map(|key| key.strip_suffix(".unfinished").unwrap_or(key));
    key.is_some_and(|key| key.len() == 16 && key.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Differs where the pictures would.
fn fingerprint(options: &Options, encoder: &gst::Element) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    (options, SCENE, FORMAT.size, FORMAT.rate).hash(&mut hasher);
    for element in [encoder, &make_source()?] {
        let plugin = element.factory().and_then(|factory| factory.plugin());
        let Some(plugin) = plugin else { continue };
        (plugin.plugin_name().as_str(), plugin.version().as_str()).hash(&mut hasher);
        // A renderer that was built anew is another one.
        if let Some(file) = plugin.filename()
            && let Ok(metadata) = std::fs::metadata(file)
        {
            (metadata.len(), metadata.modified().ok()).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn make_source() -> Result<gst::Element> {
    make("vigiltestsrc")
}

/// Renders a video with its truth.
fn render(options: &Options, clip: &Clip, encoder: gst::Element) -> Result<()> {
    let pipeline = gst::Pipeline::new();
    let source = make_source()?;
    for (property, value) in SCENE {
        set(&source, property, value)?;
    }
    set(&source, "seed", &options.seed.to_string())?;
    set(&source, "num-buffers", &options.frames.to_string())?;
    source.set_property("ground-truth", true);
    source.set_property("ground-truth-file", &clip.truth.boxes);
    let size = make("capsfilter")?;
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", FORMAT.size.0 as i32)
        .field("height", FORMAT.size.1 as i32)
        .field("framerate", gst::Fraction::new(FORMAT.rate as i32, 1));
    size.set_property("caps", caps.build());
    // No rules: only the records of the true objects are wanted.
    let records = make("vigilevents")?;
    records.set_property("rules", "{}");
    records.set_property("queue-size", 65_536u32);
    let (objects, video) = (make("filesink")?, make("filesink")?);
    objects.set_property("location", &clip.truth.objects);
    objects.set_property("async", false);
    video.set_property("location", &clip.video);
    let (convert, parse, mux) = (make("videoconvert")?, make("h264parse")?, make("mp4mux")?);
    let chain = [
        &source,
        &size,
        &records,
        &queue()?,
        &convert,
        &encoder,
        &parse,
        &mux,
        &video,
    ];
    pipeline.add_many(chain)?;
    pipeline.add(&objects)?;
    gst::Element::link_many(chain)?;
    records.link_pads(Some("objects"), &objects, Some("sink"))?;

    let rendered = Arc::new(AtomicU64::new(0));
    let counter = rendered.clone();
    pad(&source, "src")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    let played = play(&pipeline, options.frames, &rendered);
    pipeline.set_state(gst::State::Null)?;
    played
}

fn play(pipeline: &gst::Pipeline, frames: u64, rendered: &AtomicU64) -> Result<()> {
    let bar = ProgressBar::new(frames);
    let style = "{bar:36.cyan/238} {pos}/{len} frames  {msg}  {elapsed} elapsed, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?);
    bar.set_message("rendering a street to look at");
    bar.enable_steady_tick(Duration::from_millis(200));
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    // Where this fails, the reason is on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = loop {
        bar.set_position(rendered.load(Ordering::Relaxed));
        if let Some(end) = bus.timed_pop_filtered(gst::ClockTime::from_mseconds(100), &ends) {
            break end;
        }
    };
    bar.finish_and_clear();
    match end.view() {
        gst::MessageView::Error(error) => {
            let detail = error.debug().unwrap_or_default();
            let detail = detail.lines().nth(1).unwrap_or_default();
            Err(format!("rendering: {} {detail}", error.error()).into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn only_what_was_rendered_here_is_cleared_away() {
        for (name, ours) in [
            ("clip-0123456789abcdef", true),
            ("clip-0123456789abcdef.unfinished", true),
            ("clip-holidays", false),
            ("clip-0123456789abcdef.mp4", false),
            ("0123456789abcdef", false),
        ] {
            assert_eq!(is_ours(name), ours, "{name}");
        }
    }

    #[test]
    fn the_users_limits_say_how_much_is_rendered() {
        for (words, frames) in [
            (&["demo"][..], 1200),
            (&["demo", "--frames", "60"], 60),
            (&["demo", "--duration", "2.5"], 75),
            (&["demo", "--duration", "0.001"], 1),
            (&["demo", "--duration", "100", "--frames", "9"], 9),
            (&["demo", "--duration", "60"], 1800),
        ] {
            let options = Options::of(&Args::parse_from(words));
            assert_eq!(options.frames, frames, "{words:?}");
        }
    }
}
