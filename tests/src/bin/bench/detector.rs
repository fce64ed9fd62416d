//! The whole pipeline against the engine by itself.

use super::table::{Table, median};
use gst::prelude::*;
use gstvigildetect::detector::{LoadOptions, LoadedModel};
use gstvigildetect::engine::{EngineKind, Precision, Runner};
use gstvigildetect::model::Wishes;
use std::error::Error;
use std::fmt::Display;
use std::path::Path;
use std::time::Instant;
use vigil_tests::pipeline::Pipeline;

/// What is run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub video: &'a Path,
    pub model: &'a Path,
    pub engine: &'a str,
    pub threads: usize,
    pub repeat: usize,
}

impl Job<'_> {
    pub fn load(&self, size: u32) -> Result<LoadedModel, Box<dyn Error>> {
        let engine = EngineKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == self.engine);
        let options = LoadOptions {
            model: Some(self.model.into()),
            wishes: Wishes::default(),
            engine,
            precision: Precision::F32,
            device: 0,
            gpu_memory: None,
            threads: self.threads,
            input_size: Some((size, size)),
            batch: 1,
        };
        Ok(LoadedModel::load(&options)?.0)
    }
}

/// For each size: the engine alone on all threads in one session and in one session for each
/// thread; the pipeline to vigildetect; and the whole suite with events.
pub fn compare(job: &Job, sizes: &[u32]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "detect",
        format!(
            "{} with {}, {} threads: frames a second",
            name(job.video),
            name(job.model),
            job.threads
        ),
        &[
            "engine 1xT",
            "engine Tx1",
            "detect",
            "suite",
            "detect/1xT",
            "suite/1xT",
            "detect/Tx1",
        ],
    );
    for &size in sizes {
        let loaded = match job.load(size) {
            Ok(loaded) => loaded,
            Err(error) => {
                table.note(format!("{size}: {error}"));
                continue;
            }
        };
        let mut figures: [Vec<f64>; 4] = Default::default();
        let frames = if size > 400 { 100 } else { 300 };
        for _ in 0..job.repeat.max(1) {
            for (figure, sessions, threads) in [(0, 1, job.threads), (1, job.threads, 1)] {
                figures[figure].push(bare(&mut runners(&loaded, sessions, threads)?, frames)?);
            }
            figures[2].push(pipeline(job, size, "")?);
            figures[3].push(pipeline(job, size, SUITE)?);
        }
        let [one, many, detect, suite] = figures.map(median);
        table.row(
            format!("{size}x{size}"),
            &[
                one,
                many,
                detect,
                suite,
                detect / one,
                suite / one,
                detect / many,
            ],
        );
        table.note(format!("{size}: {}", loaded.reason));
    }
    Ok(table)
}

/// The file's name.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().display().to_string()
}

/// So many sessions of the engine, of so many threads each, that have run once.
pub fn runners(
    loaded: &LoadedModel,
    sessions: usize,
    threads: usize,
) -> Result<Vec<Box<dyn Runner>>, Box<dyn Error>> {
    loaded.engine.plan_runners(sessions, threads);
    let mut runners = Vec::new();
    for _ in 0..sessions {
        let mut runner = loaded.engine.runner(threads)?;
        runner.input_mut(0).fill(0.4);
        runner.run(1, &mut |_| {})?;
        runners.push(runner);
    }
    Ok(runners)
}

/// Runs the engine alone, each session on a tensor of its own: frames a second.
pub fn bare(runners: &mut [Box<dyn Runner>], frames: usize) -> Result<f64, Box<dyn Error>> {
    let sessions = runners.len();
    let each = frames / sessions;
    let started = Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> = runners
            .iter_mut()
            .map(|runner| {
                scope.spawn(move || (0..each).try_for_each(|_| runner.run(1, &mut |_| {})))
            })
            .collect();
        for result in running {
            match result.join() {
                Ok(result) => result?,
                Err(_) => return Err("the engine panicked".into()),
            }
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok((each * sessions) as f64 / started.elapsed().as_secs_f64())
}

/// What comes after vigildetect in the whole suite.
pub const SUITE: &str = "! vigiltrack ! vigilevents name=events events.events ! fakesink sync=false \
     events.objects ! fakesink sync=false events.src";

/// The file through vigildetect, whose input is of this size, and `rest` to a sink named `out`.
pub fn describe(job: &Job, size: impl Display, rest: &str) -> String {
    format!(
        "filesrc location=\"{}\" ! decodebin3 ! vigildetect name=detect model=\"{}\" engine={} \
         threads={} input-size={size} {rest} ! fakesink name=out sync=false",
        job.video.display(),
        job.model.display(),
        job.engine,
        job.threads,
    )
}

/// Frames a second from the first frame that leaves to the last, of the whole file.
pub fn pipeline(job: &Job, size: impl Display, rest: &str) -> Result<f64, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&describe(job, size, rest))?;
    pipeline.play(3600)?;
    all_were_inferred(&pipeline)?;
    let detect: gst::Element = pipeline.element("detect");
    let stats = detect.property::<gst::Structure>("stats");
    Ok(stats.get("fps")?)
}

/// A run that skipped frames shows nothing.
pub fn all_were_inferred(pipeline: &Pipeline) -> Result<(), Box<dyn Error>> {
    let detect: gst::Element = pipeline.element("detect");
    let stats = detect.property::<gst::Structure>("stats");
    let frames: u64 = stats.get("frames")?;
    let inferred: u64 = stats.get("inferred")?;
    if inferred != frames {
        return Err(format!("only {inferred} of {frames} frames were inferred").into());
    }
    Ok(())
}
