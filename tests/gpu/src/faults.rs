//! The step `faults`: what goes wrong is said, and what can go on goes on.

use crate::frames::{self, Place, Placed};
use crate::kernels::Gpu;
use crate::machine::{Machine, context};
use crate::model::OnGpu;
use crate::record::{Checked, Recorder, Verdict, passed};
use crate::{Common, Failure, plans};
use gstvigildetect::decode::Thresholds;
use gstvigildetect::engine::gpu::GpuEngine;
use gstvigildetect::gpu::GpuDetector;
use gstvigildetect::preprocess::PixelFormat;
use std::sync::Arc;
use vigil_nvidia::driver::{Context, DeviceBuffer};
use vigil_nvidia::pipeline::{Finish, Levels, Pipeline, PipelineError, Recording, Settings};
use vigil_nvidia::tensorrt::TensorRtNetwork;

/// Pictures of a batch, of which there is to be memory for fewer.
const PICTURES: usize = 8;

/// The smallest piece that memory is filled with.
const LEAST_CHUNK: usize = 1 << 10;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let common = &options.common;
    let machine = Machine::look(common.device);
    let mut recorder = Recorder::new("faults", &common.out, machine)?;
    let context = context(common.device)?;
    let (subject, floats) = common.first()?;
    let load = || subject.on_gpu(floats, common);
    recorder.check(
        "a GPU without memory is an error, and of use afterwards",
        || full(&context, &load),
    )?;
    recorder.check("a budget too small for one picture is refused", || {
        refused_budget(&load()?).map(|(text, _)| Verdict::Passed(text))
    })?;
    recorder.check("a small budget makes batches smaller", || {
        small_budget(&load()?)
    })?;
    recorder.check("short memory makes batches smaller", || {
        short_memory(&context, &load()?)
    })?;
    recorder.check(
        "a detector that gives half of its memory back finds the same",
        || halved(&context, &load()?),
    )?;
    plans::checks(&mut recorder, subject, floats, common)?;
    recorder.finish()
}

/// Takes memory of the GPU until so many bytes are free, about.
fn fill(context: &Context, leave: usize) -> Result<Vec<DeviceBuffer>, Failure> {
    let (mut held, mut chunk) = (Vec::new(), 1 << 30);
    while chunk >= LEAST_CHUNK {
        if context.memory_info()?.free < leave + chunk {
            chunk /= 2;
            continue;
        }
        match DeviceBuffer::new(context, chunk) {
            Ok(buffer) => held.push(buffer),
            Err(error) if error.is_out_of_memory() => chunk /= 2,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(held)
}

fn full(context: &Context, load: &dyn Fn() -> Result<OnGpu, Failure>) -> Checked {
    // The plan has to be there: a build of its own is not what is tried.
    drop(load()?);
    let held = fill(context, 0)?;
    let taken: usize = held.iter().map(DeviceBuffer::bytes).sum();
    let refused = load().map(|_| ());
    drop(held);
    let said = match refused {
        Ok(()) => return Err(format!("it loads with {taken} bytes taken").into()),
        Err(error) => error.to_string(),
    };
    if !said.to_lowercase().contains("memory") {
        return Err(format!("memory is not what is said to be missing: {said}").into());
    }
    load()?;
    passed(format!(
        "with {taken} bytes taken: {said}; it loads when they are free again"
    ))
}

/// A pipeline of a model, of which outputs come back as they are.
fn pipeline(
    model: &OnGpu,
    budget: Option<usize>,
) -> Result<Pipeline<TensorRtNetwork>, PipelineError> {
    let network = model.engine.execution(&model.loaded.spec.outputs);
    let network = network.map_err(|error| PipelineError::Network(Box::new(error)))?;
    let settings = Settings {
        levels: Levels {
            scale: [1.0 / 255.0; 3],
            offset: [0.0; 3],
            pad: 114,
            blue_first: false,
        },
        finish: Finish::Outputs,
        pictures: PICTURES,
        budget,
        recording: Recording::WherePossible,
    };
    let gpu = model.engine.gpu();
    Pipeline::new(gpu.context(), gpu.kernels(), network, settings)
}

/// What is said, and how many bytes one picture needs.
fn refused_budget(model: &OnGpu) -> Result<(String, usize), Failure> {
    match pipeline(model, Some(1)) {
        Err(error @ PipelineError::Budget { needed, .. }) => Ok((error.to_string(), needed)),
        Err(error) => Err(format!("another error: {error}").into()),
        Ok(_) => Err("one byte was taken for enough".into()),
    }
}

fn small_budget(model: &OnGpu) -> Checked {
    let (_, needed) = refused_budget(model)?;
    let most = pipeline(model, None)?.capacity();
    let capacity = pipeline(model, Some(3 * needed))?.capacity();
    if most < 4 {
        let text = format!("the model takes {most} pictures at a time only");
        return Ok(Verdict::Skipped(text));
    }
    match (2..=3).contains(&capacity) {
        true => passed(format!("{most} pictures, {capacity} with memory for three")),
        false => Err(format!("room for {capacity} pictures with memory for three").into()),
    }
}

fn short_memory(context: &Context, model: &OnGpu) -> Checked {
    let (_, needed) = refused_budget(model)?;
    let before = context.memory_info()?.free;
    let whole = pipeline(model, None)?;
    let most = whole.capacity();
    let used = before.saturating_sub(context.memory_info()?.free);
    drop(whole);
    // What the engine takes for a run, whatever its size, and three pictures.
    let leave = used.saturating_sub(needed * most) + 3 * needed;
    let held = fill(context, leave)?;
    let made = pipeline(model, None).map(|pipeline| pipeline.capacity());
    drop(held);
    match made {
        Ok(capacity) if capacity < most => passed(format!(
            "{most} pictures, {capacity} with {leave} bytes free"
        )),
        Ok(_) if most == 1 => Ok(Verdict::Skipped("the model takes one at a time".into())),
        Ok(_) => Err(format!("room for {most} pictures with {leave} bytes free").into()),
        Err(error) if error.is_out_of_memory() => passed(format!(
            "not even one picture with {leave} bytes free: {error}"
        )),
        Err(error) => Err(format!("another error than that of memory: {error}").into()),
    }
}

fn halved(context: &Context, model: &OnGpu) -> Checked {
    let gpu = Arc::new(Gpu::new(context));
    let frames = frames::street(PICTURES, 640, 360)?;
    let placed = frames.iter().map(|picture| {
        let frame = Arc::new(picture.frame(PixelFormat::Nv12));
        Placed::new(frame, Place::Device, &gpu)
    });
    let placed: Vec<_> = placed.collect::<Result<_, _>>()?;
    let mut detector = GpuDetector::new(model.engine.clone(), &model.loaded.spec, PICTURES)?;
    let thresholds = Arc::new(Thresholds::default());
    let mut seen = Vec::new();
    let mut rooms = vec![detector.capacity()];
    loop {
        seen.push(frames::find(&mut detector, &placed, &thresholds)?);
        if detector.capacity() == 1 {
            break;
        }
        rooms.push(detector.halve()?);
    }
    if seen.iter().any(|found| *found != seen[0]) {
        return Err("smaller batches give other boxes".into());
    }
    let boxes: usize = seen[0].iter().map(Vec::len).sum();
    passed(format!("{boxes} boxes by batches of {rooms:?}"))
}
