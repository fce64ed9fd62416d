//! The step `leaks`: after loading, running and dropping, the GPU's memory is back where it was.

use crate::frames::{self, Place, Placed};
use crate::kernels::Gpu;
use crate::machine::{Machine, context};
use crate::model::OnGpu;
use crate::record::{Checked, Recorder, passed};
use crate::{Common, Failure};
use gstvigildetect::decode::Thresholds;
use gstvigildetect::gpu::GpuDetector;
use gstvigildetect::preprocess::PixelFormat;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vigil_nvidia::driver::Context;

/// Cycles after which libraries have what they keep for good.
const WARM_UP: usize = 3;

/// What a driver may move by on its own.
const SLACK_BYTES: usize = 4 << 20;

/// Loads the model.
type Load<'a> = dyn Fn() -> Result<OnGpu, Failure> + 'a;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// How often a model is loaded, run and dropped
    #[arg(long, default_value_t = 1000)]
    cycles: usize,
    /// Stops earlier after so many seconds
    #[arg(long, default_value_t = 300.0)]
    seconds: f64,
    /// Name of the record, for a second one beside it
    #[arg(long, default_value = "leaks")]
    name: String,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let common = &options.common;
    let machine = Machine::look(common.device);
    let mut recorder = Recorder::new(&options.name, &common.out, machine)?;
    // Held, so that what is free is told by the same context before and after.
    let context = context(common.device)?;
    let (subject, floats) = common.first()?;
    let load = || subject.on_gpu(floats, common);
    recorder.check(
        "memory is back where it was after models came and went",
        || cycles(options, &context, &load),
    )?;
    recorder.finish()
}

fn cycles(options: &Options, context: &Context, load: &Load) -> Checked {
    let gpu = Arc::new(Gpu::new(context));
    let frame = frames::street(1, 640, 360)?
        .remove(0)
        .frame(PixelFormat::Nv12);
    let frame = Arc::new(frame);
    let placed = [Place::Host, Place::Device].map(|place| Placed::new(frame.clone(), place, &gpu));
    let [host, device] = placed;
    let placed = [host?, device?];
    for _ in 0..WARM_UP {
        cycle(load, &placed)?;
    }
    let (start, at_most) = (Instant::now(), Duration::from_secs_f64(options.seconds));
    let (before, own) = (context.memory_info()?.free, resident());
    let mut done = 0;
    while done < options.cycles && start.elapsed() < at_most {
        cycle(load, &placed)?;
        done += 1;
    }
    let (after, own_after) = (context.memory_info()?.free, resident());
    let lost = before.saturating_sub(after);
    let grown = own_after.saturating_sub(own) >> 10;
    let text = format!(
        "{done} cycles of {}: {lost} bytes of the GPU are missing; this process has grown by {grown} KiB",
        options.cycles
    );
    match lost <= SLACK_BYTES && done > 0 {
        true => passed(text),
        false => Err(text.into()),
    }
}

fn cycle(load: &Load, frames: &[Placed; 2]) -> Result<(), Failure> {
    let model = load()?;
    let mut detector = GpuDetector::new(model.engine.clone(), &model.loaded.spec, frames.len())?;
    // Twice: step by step, and as it was recorded.
    for _ in 0..2 {
        frames::find(&mut detector, frames, &Arc::new(Thresholds::default()))?;
    }
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) << 10
}
