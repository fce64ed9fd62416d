//! Several streams in one process, whose elements share a network, against one stream.

use super::detector::Job;
use super::table::{Table, median};
use gst::prelude::*;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use vigil_tests::pipeline::Pipeline;

/// How many there are.
const STREAMS: usize = 8;

/// Frames a second of all streams together, with one stream and with [`STREAMS`] of them, in turns.
/// At the smallest size only, where what is shared counts most.
pub fn compare(job: &Job, sizes: &[u32]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "streams",
        format!(
            "{STREAMS} streams in one process against one, {} threads: frames a second of all",
            job.threads
        ),
        &["one stream", "all streams", "ratio", "frames/run"],
    );
    let Some(size) = sizes.iter().min() else {
        return Ok(table);
    };
    let (mut one, mut all, mut per_run) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..job.repeat.max(1) {
        one.push(run(job, *size, 1)?.0);
        let (fps, frames) = run(job, *size, STREAMS)?;
        all.push(fps);
        per_run.push(frames);
    }
    let (one, all) = (median(one), median(all));
    table.row(
        format!("{size}x{size}"),
        &[one, all, all / one, median(per_run)],
    );
    Ok(table)
}

/// Frames that have left any of the elements: their number, and when the first one did and the last.
#[derive(Default)]
struct Count {
    frames: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// Frames a second of so many streams together, each the whole file, and frames in each run.
fn run(job: &Job, size: u32, streams: usize) -> Result<(f64, f64), Box<dyn Error>> {
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
            count.first.get_or_insert(now);
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
    let (Some(first), Some(last)) = (count.first, count.last) else {
        return Err("no frame has come".into());
    };
    let seconds = (last - first).as_secs_f64();
    Ok(((count.frames - 1) as f64 / seconds, per_run))
}
