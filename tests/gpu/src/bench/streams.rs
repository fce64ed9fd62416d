//! Many streams that share a model, by the scheduler that the element uses: each stream has a thread
//! that sends and one that receives, as in a pipeline.

use super::cpu::Snapshot;
use super::{Bench, StreamRow, percentile};
use crate::Failure;
use crate::frames::{self, Placed};
use crate::model::OnGpu;
use gstvigildetect::decode::Thresholds;
use gstvigildetect::detector::LoadedModel;
use gstvigildetect::engine::tensorrt::TensorRt;
use gstvigildetect::gpu::GpuDetector;
use gstvigildetect::schedule::{Division, Lane, Mode, Output, Overload, Pool, Taken, Terms, Work};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries of a lane, as the element has them.
const CAPACITY: usize = 192;

/// What the workers do.
struct Looking {
    loaded: Arc<LoadedModel>,
    engine: Arc<TensorRt>,
    thresholds: Arc<Thresholds>,
}

type FrameLane = Lane<Placed, (), Result<(), String>>;

impl Work for Looking {
    type Frame = Placed;
    type Event = ();
    type Result = Result<(), String>;
    type Stream = ();
    type Hands = Result<GpuDetector, String>;

    fn hands(&self, division: Division) -> Self::Hands {
        let detector = GpuDetector::new(self.engine.clone(), &self.loaded.spec, division.batch);
        detector.map_err(|error| error.to_string())
    }

    fn work(&self, hands: &mut Self::Hands, frames: &mut Vec<Taken<Self>>) {
        let looked = match hands {
            Ok(detector) => {
                let placed: Vec<_> = frames.iter().map(|frame| frame.frame().clone()).collect();
                let found = frames::find(detector, &placed, &self.thresholds);
                found.map(|_| ()).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.clone()),
        };
        for frame in frames.drain(..) {
            frame.finish(looked.clone());
        }
    }

    fn failed(&self, why: &str) -> Self::Result {
        Err(why.to_owned())
    }
}

/// What one stream has seen.
#[derive(Default)]
struct Seen {
    done: usize,
    skipped: usize,
    /// Milliseconds of each frame.
    times: Vec<f64>,
    error: Option<String>,
}

/// Adds so many streams: paced from the GPU, paced from system memory, and as fast as it goes.
pub fn rows(bench: &Bench, streams: usize, rows: &mut Vec<StreamRow>) -> Result<String, Failure> {
    let paced = Some(bench.options.pace);
    for (from, pace) in [("device", paced), ("host", paced), ("device", None)] {
        rows.push(row(bench, streams, from, pace)?);
    }
    Ok("measured".into())
}

fn row(bench: &Bench, streams: usize, from: &str, pace: Option<f64>) -> Result<StreamRow, Failure> {
    let OnGpu { loaded, engine } = bench.on_gpu;
    let (workers, batch) = (bench.options.workers.max(1), bench.options.stream_batch);
    let batch = batch.min(loaded.batch).max(1);
    let pool = Pool::new(
        Looking {
            loaded: loaded.clone(),
            engine: engine.clone(),
            thresholds: Arc::default(),
        },
        workers,
        batch,
    );
    let terms = Terms {
        live: pace.is_some(),
        mode: Mode::Throughput,
        wait: Duration::from_secs_f64(bench.options.batch_timeout / 1e3),
        entries_per_frame: 1,
        most_entries: 64,
    };
    let limit = Division::new(Mode::Throughput, workers, batch).in_flight() / 2 + 1;
    let lanes: Vec<Arc<FrameLane>> = (0..streams)
        .map(|_| Arc::new(Lane::new(limit, CAPACITY)))
        .collect();
    for lane in &lanes {
        pool.join(lane, (), terms);
    }
    let clip = match from {
        "host" => &bench.clip.host,
        _ => &bench.clip.device,
    };
    let begin = Instant::now() + bench.duration() / 2;
    let window = (begin, begin + bench.duration());
    let (seen, load) = std::thread::scope(|scope| {
        let receivers: Vec<_> = (lanes.iter())
            .map(|lane| scope.spawn(move || receive(lane, window)))
            .collect();
        for (number, lane) in lanes.iter().enumerate() {
            // Cameras are not in step.
            let offset = pace.map(|pace| number as f64 / streams as f64 / pace);
            scope.spawn(move || send(lane, clip, pace, offset.unwrap_or(0.0), window.1));
        }
        std::thread::sleep(begin.saturating_duration_since(Instant::now()));
        let before = Snapshot::take();
        std::thread::sleep(window.1.saturating_duration_since(Instant::now()));
        let load = before.load();
        for lane in &lanes {
            pool.leave(lane);
            lane.shut_down();
        }
        let ended = receivers.into_iter().map(|thread| thread.join());
        let seen = ended.map(|ended| ended.map_err(|_| Failure::from("a thread panicked")));
        (seen.collect::<Result<Vec<Seen>, _>>(), load)
    });
    let stats = pool.stats();
    pool.shut_down();
    let seen = seen?;
    if let Some(error) = seen.iter().find_map(|seen| seen.error.clone()) {
        return Err(error.into());
    }
    let seconds = bench.duration().as_secs_f64();
    let mut times: Vec<f64> = seen
        .iter()
        .flat_map(|seen| seen.times.iter().copied())
        .collect();
    times.sort_by(f64::total_cmp);
    Ok(StreamRow {
        model: bench.model.clone(),
        precision: bench.precision(),
        from: from.into(),
        streams,
        pace,
        fps: seen.iter().map(|seen| seen.done).sum::<usize>() as f64 / seconds,
        slowest_fps: seen.iter().map(|seen| seen.done).min().unwrap_or(0) as f64 / seconds,
        skipped: seen.iter().map(|seen| seen.skipped).sum(),
        p50_ms: percentile(&times, 0.5),
        p99_ms: percentile(&times, 0.99),
        frames_per_run: stats.frames as f64 / stats.runs.max(1) as f64,
        busiest_core: load.busiest,
        cores_used: load.used,
    })
}

/// Sends frames until then, at a pace or as fast as they are taken.
fn send(lane: &FrameLane, clip: &[Placed], pace: Option<f64>, offset: f64, until: Instant) {
    let started = Instant::now() + Duration::from_secs_f64(offset);
    let overload = match pace {
        Some(_) => Overload::Skip,
        None => Overload::Wait,
    };
    for (number, frame) in clip.iter().cycle().enumerate() {
        if let Some(pace) = pace {
            let due = started + Duration::from_secs_f64(number as f64 / pace);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        if Instant::now() >= until || lane.submit(frame.clone(), overload).is_err() {
            break;
        }
    }
}

/// Receives what comes out until the lane is shut down, and counts what came in the window.
fn receive(lane: &FrameLane, (begin, end): (Instant, Instant)) -> Seen {
    let mut seen = Seen::default();
    while let Ok(output) = lane.pop() {
        let now = Instant::now();
        let counts = now >= begin && now < end;
        match output {
            Output::Done(_, Ok(()), took) if counts => {
                seen.done += 1;
                seen.times.push(took.as_secs_f64() * 1e3);
            }
            Output::Done(_, Err(error), _) => {
                seen.error = Some(error);
                // Nothing waits for this stream any more.
                lane.shut_down();
            }
            Output::Skipped(_) | Output::Overdue(_) if counts => seen.skipped += 1,
            _ => {}
        }
    }
    seen
}
