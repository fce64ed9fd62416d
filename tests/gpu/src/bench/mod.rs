//! The step `bench`: frames a second, latencies, shares of cores.

mod bare;
mod batches;
mod cpu;
mod preprocess;
mod streams;

use crate::frames::{self, Place, Placed};
use crate::kernels::Gpu;
use crate::machine::{Machine, context};
use crate::model::Floats;
use crate::record::{Recorder, passed};
use crate::{Common, Failure};
use gstvigildetect::preprocess::PixelFormat;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Pictures of the clip that all streams show, over and over.
const CLIP: usize = 8;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Size of the frames
    #[arg(long, default_value_t = 1920)]
    width: usize,
    /// Size of the frames
    #[arg(long, default_value_t = 1080)]
    height: usize,
    /// Pictures of a batch
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16,32,64")]
    batches: Vec<usize>,
    /// Streams at once
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16,32,64,96,128")]
    streams: Vec<usize>,
    /// Frames a second of a stream that is paced
    #[arg(long, default_value_t = 90.0)]
    pace: f64,
    /// How long each figure is measured
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Workers, each with a batch in flight
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// The most pictures of a batch where there are several streams
    #[arg(long, default_value_t = 32)]
    stream_batch: usize,
    /// How long a frame of a stream may wait for others, in milliseconds
    #[arg(long, default_value_t = 0.0)]
    batch_timeout: f64,
}

/// Frames a second by batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchRow {
    pub model: String,
    pub precision: String,
    pub batch: usize,
    /// Of the engine alone, in the best of the ways that were tried.
    pub bare_fps: f64,
    /// Which that is.
    pub bare_how: String,
    /// From frames on the GPU to boxes.
    pub pipeline_fps: f64,
    /// The same without graphs.
    pub no_graph_fps: f64,
    /// Of the pipeline to the engine alone.
    pub ratio: f64,
}

/// How long one picture takes, alone on the GPU.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LatencyRow {
    pub model: String,
    pub precision: String,
    /// Where the frame is; from the host its upload is included.
    pub from: String,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub runs: usize,
}

/// Frame to tensor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreprocessRow {
    pub model: String,
    pub precision: String,
    pub format: String,
    pub batch: usize,
    pub micros_a_frame: f64,
}

/// Several streams at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamRow {
    pub model: String,
    pub precision: String,
    pub from: String,
    pub streams: usize,
    /// Frames a second that each sends; none if as fast as they are taken.
    pub pace: Option<f64>,
    /// Of all streams together.
    pub fps: f64,
    /// Of the stream that had the fewest.
    pub slowest_fps: f64,
    /// Frames that were passed on without a look.
    pub skipped: usize,
    /// From the sender to the receiver.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub frames_per_run: f64,
    /// Load of the core that had most to do, in percent.
    pub busiest_core: f64,
    /// Cores that this process kept busy.
    pub cores_used: f64,
}

/// Frames of a clip, in system memory and on the GPU.
struct Clip {
    host: Vec<Placed>,
    device: Vec<Placed>,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let common = &options.common;
    let machine = Machine::look(common.device);
    let mut recorder = Recorder::new("bench", &common.out, machine)?;
    let gpu = Arc::new(Gpu::new(&context(common.device)?));
    let pictures = frames::street(CLIP, options.width, options.height)?;
    let frames: Vec<_> = pictures
        .iter()
        .map(|picture| Arc::new(picture.frame(PixelFormat::Nv12)))
        .collect();
    let placed = |place| {
        let placed = frames
            .iter()
            .map(|frame| Placed::new(frame.clone(), place, &gpu));
        placed.collect::<Result<Vec<_>, _>>()
    };
    let clip = Arc::new(Clip {
        host: placed(Place::Host)?,
        device: placed(Place::Device)?,
    });
    for subject in &common.models {
        for floats in &common.precision {
            let mut model = None;
            let what = format!("{subject}, {}", floats.as_str());
            recorder.check(format!("{what}: TensorRT takes the model"), || {
                let on_gpu = subject.on_gpu(*floats, common)?;
                let text = on_gpu.loaded.engine.description();
                model = Some(on_gpu);
                passed(text)
            })?;
            let Some(model) = model else { continue };
            let bench = Bench {
                model: subject.to_string(),
                floats: *floats,
                on_gpu: &model,
                clip: &clip,
                options,
            };
            let recorder = &mut recorder;
            measure(recorder, &what, "latency of one picture", |record| {
                batches::latencies(&bench, &mut record.latencies)
            })?;
            measure(recorder, &what, "preprocessing", |record| {
                preprocess::rows(&bench, &gpu, &mut record.preprocessing)
            })?;
            for batch in &options.batches {
                measure(recorder, &what, &format!("batches of {batch}"), |record| {
                    batches::row(&bench, *batch, &mut record.batches)
                })?;
            }
            for streams in &options.streams {
                measure(recorder, &what, &format!("{streams} streams"), |record| {
                    streams::rows(&bench, *streams, &mut record.streams)
                })?;
            }
        }
    }
    recorder.finish()
}

/// What is measured, and on what.
struct Bench<'a> {
    model: String,
    floats: Floats,
    on_gpu: &'a crate::model::OnGpu,
    clip: &'a Arc<Clip>,
    options: &'a Options,
}

impl Bench<'_> {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    fn precision(&self) -> String {
        self.floats.as_str().to_owned()
    }
}

/// Measures something, and notes that it was measured or why it could not be.
fn measure(
    recorder: &mut Recorder,
    what: &str,
    which: &str,
    rows: impl FnOnce(&mut crate::record::Record) -> Result<String, Failure>,
) -> Result<(), Failure> {
    // The record is the recorder's; rows go in before the check that speaks of them.
    let mut record = recorder.record.clone();
    let mut measured = None;
    recorder.check(format!("{what}: {which}"), || {
        let text = rows(&mut record)?;
        measured = Some(record);
        passed(text)
    })?;
    if let Some(measured) = measured {
        let checks = std::mem::take(&mut recorder.record.checks);
        recorder.record = crate::record::Record { checks, ..measured };
    }
    recorder.save()
}

/// The value below which so many of them are, in parts of all.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = (part * sorted.len() as f64).ceil() as usize;
    sorted
        .get(at.saturating_sub(1).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 100.0);
        assert_eq!(percentile(&values, 0.99), 198.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
