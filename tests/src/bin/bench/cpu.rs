//! What the pipeline costs in time of the processors, against what the decoder and the engine cost
//! by themselves.

use super::detector::{self, Job};
use super::table::{Table, median};
use gst::prelude::*;
use gstvigildetect::engine::EngineKind;
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vigil_tests::pipeline::Pipeline;

/// Time that all threads of this process have had of the processors so far.
pub fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

/// Frames a second and milliseconds of a processor for each frame of a pipeline, from the first frame
/// that comes to its sink `out`, or the one after so many, to the last: what it costs to start is not
/// in it.
pub fn steady(pipeline: &Pipeline, after: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let sink: gst::Element = pipeline.element("out");
    let pad = sink.static_pad("sink").ok_or("a sink without a pad")?;
    let seen: Arc<Mutex<Vec<(Instant, Duration)>>> = Arc::default();
    let times = seen.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let now = (Instant::now(), used());
        (times.lock().unwrap_or_else(PoisonError::into_inner)).push(now);
        gst::PadProbeReturn::Ok
    });
    pipeline.play(3600)?;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = seen.get(after..).unwrap_or_default();
    let (Some(first), Some(last), 2..) = (seen.first(), seen.last(), seen.len()) else {
        return Err("too few frames came out".into());
    };
    let frames = (seen.len() - 1) as f64;
    let ms = (last.1 - first.1).as_secs_f64() * 1e3 / frames;
    Ok((frames / (last.0 - first.0).as_secs_f64(), ms))
}

/// For each size and engine present: milliseconds of a processor for each frame, of the decoder, of
/// the engine and of the pipeline with both; and frames a second against what the sum allows.
pub fn compare(job: &Job, sizes: &[u32]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "cpu",
        format!(
            "{} with {}, {} threads: ms of a processor for each frame",
            detector::name(job.video),
            detector::name(job.model),
            job.threads
        ),
        &[
            "decoder",
            "engine",
            "pipeline",
            "pipeline/sum",
            "fps",
            "fps/allowed",
        ],
    );
    for engine in EngineKind::ALL.map(EngineKind::as_str) {
        let job = Job { engine, ..*job };
        for &size in sizes {
            let name = format!("{engine}, {size}");
            match row(&job, size) {
                Ok(figures) => table.row(name, &figures),
                Err(error) => table.note(format!("{name}: {error}")),
            }
        }
    }
    Ok(table)
}

fn row(job: &Job, size: u32) -> Result<[f64; 6], Box<dyn Error>> {
    let mut figures: [Vec<f64>; 4] = Default::default();
    for _ in 0..job.repeat.max(1) {
        figures[0].push(decoder(job)?);
        figures[1].push(engine(job, size)?);
        let pipeline = Pipeline::parse(&detector::describe(job, size, ""))?;
        let (fps, ms) = steady(&pipeline, 0)?;
        detector::all_were_inferred(&pipeline)?;
        figures[2].push(ms);
        figures[3].push(fps);
    }
    let [decoder, engine, pipeline, fps] = figures.map(median);
    let sum = decoder + engine;
    let allowed = job.threads as f64 * 1e3 / sum;
    Ok([
        decoder,
        engine,
        pipeline,
        pipeline / sum,
        fps,
        fps / allowed,
    ])
}

/// The engine alone, as vigildetect uses it for files: a session of one thread for each.
fn engine(job: &Job, size: u32) -> Result<f64, Box<dyn Error>> {
    let runs = if size > 400 { 60 } else { 200 };
    let loaded = job.load(size)?;
    let mut runners = detector::runners(&loaded, job.threads, 1)?;
    let before = used();
    detector::bare(&mut runners, runs)?;
    Ok((used() - before).as_secs_f64() * 1e3 / runs as f64)
}

/// The decoder alone.
fn decoder(job: &Job) -> Result<f64, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "filesrc location=\"{}\" ! decodebin3 ! fakesink name=out sync=false",
        job.video.display()
    ))?;
    Ok(steady(&pipeline, 0)?.1)
}
