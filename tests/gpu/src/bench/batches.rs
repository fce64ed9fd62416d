//! One model, as fast as it goes: from frames on the GPU to boxes.

use super::bare::{self, warm_up};
use super::{BatchRow, Bench, LatencyRow, percentile};
use crate::Failure;
use crate::frames::{self, Placed};
use gstvigildetect::decode::Thresholds;
use gstvigildetect::gpu::GpuDetector;
use std::sync::{Arc, Barrier};
use std::time::Instant;
use vigil_nvidia::pipeline::Recording;

/// Adds frames a second of batches of this size.
pub fn row(bench: &Bench, batch: usize, rows: &mut Vec<BatchRow>) -> Result<String, Failure> {
    let most = bench.on_gpu.loaded.batch;
    if batch > most {
        return Err(format!("the model takes {most} pictures at a time at most").into());
    }
    let (bare_fps, bare_how) = bare::best(bench, batch)?;
    let pipeline_fps = pipeline_fps(bench, batch, Recording::WherePossible)?;
    let row = BatchRow {
        model: bench.model.clone(),
        precision: bench.precision(),
        batch,
        bare_fps,
        bare_how,
        pipeline_fps,
        no_graph_fps: self::pipeline_fps(bench, batch, Recording::Never)?,
        ratio: pipeline_fps / bare_fps.max(f64::MIN_POSITIVE),
    };
    rows.push(row);
    Ok("measured".into())
}

/// Frames of the clip, over and over, as many as a batch has.
fn batch_of(clip: &[Placed], pictures: usize) -> Vec<Placed> {
    clip.iter().cycle().take(pictures).cloned().collect()
}

fn pipeline_fps(bench: &Bench, batch: usize, recording: Recording) -> Result<f64, Failure> {
    let (model, workers) = (bench.on_gpu, bench.options.workers.max(1));
    let ready = Barrier::new(workers);
    let work = || -> Result<(usize, f64), Failure> {
        // Whatever happens, the others are not kept waiting.
        let made =
            GpuDetector::with_recording(model.engine.clone(), &model.loaded.spec, batch, recording)
                .map_err(Failure::from)
                .and_then(|detector| match detector.capacity() {
                    capacity if capacity < batch => {
                        Err(format!("memory for {capacity} only").into())
                    }
                    _ => Ok(detector),
                });
        let frames = batch_of(&bench.clip.device, batch);
        let thresholds = Arc::new(Thresholds::default());
        let warmed = made.and_then(|mut detector| {
            let end = Instant::now() + warm_up(bench);
            let mut rounds = 0;
            while rounds < 3 || Instant::now() < end {
                frames::find(&mut detector, &frames, &thresholds)?;
                rounds += 1;
            }
            Ok(detector)
        });
        ready.wait();
        let mut detector = warmed?;
        let (started, mut pictures) = (Instant::now(), 0);
        while started.elapsed() < bench.duration() {
            frames::find(&mut detector, &frames, &thresholds)?;
            pictures += batch;
        }
        Ok((pictures, started.elapsed().as_secs_f64()))
    };
    let each = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|ended| ended.unwrap_or_else(|_| Err("a worker ended in a panic".into())))
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    Ok(each
        .iter()
        .map(|(pictures, seconds)| *pictures as f64 / seconds)
        .sum())
}

/// Adds how long one picture takes from the host and from the GPU.
pub fn latencies(bench: &Bench, rows: &mut Vec<LatencyRow>) -> Result<String, Failure> {
    let (model, thresholds) = (bench.on_gpu, Arc::new(Thresholds::default()));
    for (from, clip) in [("device", &bench.clip.device), ("host", &bench.clip.host)] {
        let mut detector = GpuDetector::new(model.engine.clone(), &model.loaded.spec, 1)?;
        let end = Instant::now() + warm_up(bench);
        let mut frames = clip.chunks(1).cycle();
        let mut look = || -> Result<f64, Failure> {
            let frame = frames.next().ok_or("an empty clip")?;
            let started = Instant::now();
            frames::find(&mut detector, frame, &thresholds)?;
            Ok(started.elapsed().as_secs_f64() * 1e3)
        };
        let mut rounds = 0;
        while rounds < 3 || Instant::now() < end {
            look()?;
            rounds += 1;
        }
        let (started, mut times) = (Instant::now(), Vec::new());
        while started.elapsed() < bench.duration() {
            times.push(look()?);
        }
        times.sort_by(f64::total_cmp);
        rows.push(LatencyRow {
            model: bench.model.clone(),
            precision: bench.precision(),
            from: from.into(),
            p50_ms: percentile(&times, 0.5),
            p99_ms: percentile(&times, 0.99),
            runs: times.len(),
        });
    }
    Ok("measured".into())
}
