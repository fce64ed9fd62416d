//! Several streams in one process, whose elements share a network, against one stream.

use super::cpu::used;
use super::detector::Job;
use super::table::{Table, median};
use gst::prelude::*;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vigil_tests::pipeline::Pipeline;

/// How many there are.
const STREAMS: usize = 8;

/// What a run has shown.
struct Figures {
    /// Frames a second of all streams together.
    fps: f64,
    /// CPU time of the process for each of them, in milliseconds: all threads, decoders included.
    cpu_ms: f64,
    frames_per_run: f64,
}

/// One stream and [`STREAMS`] of them, in turns. At the smallest size only, where what is shared
/// counts most. On a machine that is busy with other things the CPU time says more than the frames
/// a second.
pub fn compare(job: &Job, sizes: &[u32]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "streams",
        format!(
            "{STREAMS} streams in one process against one, {} threads: frames a second of all",
            job.threads
        ),
        &[
            "one stream",
            "all streams",
            "ratio",
            "CPU ms, one",
            "CPU ms, all",
            "one/all",
            "frames/run",
        ],
    );
    let Some(size) = sizes.iter().min() else {
        return Ok(table);
    };
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..job.repeat.max(1) {
        one.push(run(job, *size, 1)?);
        all.push(run(job, *size, STREAMS)?);
    }
    let middle = |runs: &[Figures], of: fn(&Figures) -> f64| median(runs.iter().map(of).collect());
    let [fps, cpu]: [fn(&Figures) -> f64; 2] = [|run| run.fps, |run| run.cpu_ms];
    table.row(
        format!("{size}x{size}"),
        &[
            middle(&one, fps),
            middle(&all, fps),
            middle(&all, fps) / middle(&one, fps),
            middle(&one, cpu),
            middle(&all, cpu),
            middle(&one, cpu) / middle(&all, cpu),
            middle(&all, |run| run.frames_per_run),
        ],
    );
    Ok(table)
}

/// Frames that have left any of the elements: their number, and when the first one did and the last.
#[derive(Default)]
struct Count {
    frames: u64,
    /// With the CPU time up to then.
    first: Option<(Instant, Duration)>,
    last: Option<Instant>,
}

/// So many streams together, each the whole file.
fn run(job: &Job, size: u32, streams: usize) -> Result<Figures, Box<dyn Error>> {
    let branch = |number: usize| {
        format!(
            "filesrc location=\"{}\" ! decodebin3 ! vigildetect name=detect{number} model=\"{}\" \
             engine={} threads={} input-size={size} ! fakesink sync=false ",
            job.video.display(),
            job.model.display(),
            job.engine,
            job.threads,
        )
    };
    let pipeline = Pipeline::parse(&(0..streams).map(branch).collect::<String>())?;
    let count = Arc::new(Mutex::new(Count::default()));
    let mut elements = Vec::new();
    for number in 0..streams {
        let element: gst::Element = pipeline.element(&format!("detect{number}"));
        let pad = element.static_pad("src").ok_or("there is no source pad")?;
        let count = count.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let now = Instant::now();
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            count.frames += 1;
            (count.first).get_or_insert_with(|| (now, used()));
            count.last = Some(now);
            gst::PadProbeReturn::Ok
        });
        elements.push(element);
    }
    pipeline.play(3600)?;
    let mut per_run = 0.0;
    for element in &elements {
        let stats = element.property::<gst::Structure>("stats");
        let [frames, inferred] = ["frames", "inferred"].map(|name| stats.get::<u64>(name));
        let (frames, inferred) = (frames?, inferred?);
        if inferred != frames || frames == 0 {
            return Err(format!("only {inferred} of {frames} frames were inferred").into());
        }
        per_run = stats.get("frames-per-run")?;
    }
    let count = count.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some((first, cpu)), Some(last)) = (count.first, count.last) else {
        return Err("no frame has come".into());
    };
    let frames = (count.frames - 1) as f64;
    Ok(Figures {
        fps: frames / (last - first).as_secs_f64(),
        cpu_ms: (used() - cpu).as_secs_f64() * 1e3 / frames,
        frames_per_run: per_run,
    })
}
