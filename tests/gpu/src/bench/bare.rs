//! The engine alone: its runs one after the other, on buffers that nobody fills or reads.

use super::Bench;
use crate::Failure;
use gstvigildetect::engine::gpu::GpuEngine;
use std::time::{Duration, Instant};
use vigil_nvidia::driver::{CUdeviceptr, DeviceBuffer, Graph, Stream};
use vigil_nvidia::pipeline::{Network, PipelineError, Run};
use vigil_nvidia::tensorrt::TensorRtNetwork;

/// Runs that are queued before they are waited for, so that the GPU never waits for the CPU.
const QUEUED: usize = 4;

/// An execution context with buffers.
struct Bare {
    graph: Option<Graph>,
    network: TensorRtNetwork,
    stream: Stream,
    input: DeviceBuffer,
    outputs: Vec<DeviceBuffer>,
    pointers: Vec<CUdeviceptr>,
    batch: usize,
}

impl Bare {
    fn new(bench: &Bench, batch: usize, recorded: bool) -> Result<Self, Failure> {
        let engine = &bench.on_gpu.engine;
        let mut network = engine.execution(&bench.on_gpu.loaded.spec.outputs)?;
        let context = engine.gpu().context();
        network.prepare(batch)?;
        let input = network.input();
        let samples = 3 * (input.width as usize) * (input.height as usize) * batch;
        let outputs = network.outputs();
        let outputs = outputs
            .iter()
            .map(|bytes| DeviceBuffer::new(context, bytes * batch));
        let outputs: Vec<_> = outputs.collect::<Result<_, _>>()?;
        let mut this = Self {
            graph: None,
            stream: Stream::new(context)?,
            input: DeviceBuffer::new(context, samples * input.precision.bytes())?,
            pointers: outputs.iter().map(DeviceBuffer::pointer).collect(),
            outputs,
            network,
            batch,
        };
        // SAFETY: so many bytes; the stream is waited for.
        unsafe {
            this.stream
                .fill(this.input.pointer(), 0, this.input.bytes())?
        };
        this.enqueue()?;
        this.stream.synchronize()?;
        if recorded {
            let run = run(this.batch, &this.input, &this.pointers);
            let network = &mut this.network;
            let graph: Result<_, PipelineError> =
                Graph::capture(&this.stream, |stream| network.enqueue(stream, &run));
            this.graph = Some(graph?);
        }
        Ok(this)
    }

    fn enqueue(&mut self) -> Result<(), Failure> {
        match &self.graph {
            // SAFETY: what was recorded lives as long as this.
            Some(graph) => unsafe { graph.launch(&self.stream)? },
            None => {
                let run = run(self.batch, &self.input, &self.pointers);
                let _current = self.input.context().enter()?;
                self.network.enqueue(&self.stream, &run)?;
            }
        }
        Ok(())
    }

    /// Runs until then; how many pictures that were.
    fn run_until(&mut self, end: Instant) -> Result<usize, Failure> {
        let mut pictures = 0;
        while Instant::now() < end {
            for _ in 0..QUEUED {
                self.enqueue()?;
            }
            self.stream.synchronize()?;
            pictures += QUEUED * self.batch;
        }
        Ok(pictures)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // The GPU may still use what goes.
        let _ = self.stream.synchronize();
        self.outputs.clear();
    }
}

fn run<'a>(pictures: usize, input: &DeviceBuffer, outputs: &'a [CUdeviceptr]) -> Run<'a> {
    Run {
        pictures,
        input: input.pointer(),
        outputs,
    }
}

/// Pictures a second of the engine alone, in the best of four ways, and which that is.
pub fn best(bench: &Bench, batch: usize) -> Result<(f64, String), Failure> {
    let mut best = (0.0, String::new());
    for workers in [1, bench.options.workers.max(1)] {
        for recorded in [false, true] {
            let fps = fps(bench, batch, workers, recorded)?;
            if fps > best.0 {
                let how = if recorded { "graph" } else { "enqueue" };
                best = (fps, format!("{how}, {workers} at once"));
            }
        }
    }
    Ok(best)
}

fn fps(bench: &Bench, batch: usize, workers: usize, recorded: bool) -> Result<f64, Failure> {
    let made = (0..workers).map(|_| Bare::new(bench, batch, recorded));
    let mut bare: Vec<_> = made.collect::<Result<_, _>>()?;
    for one in &mut bare {
        one.run_until(Instant::now() + warm_up(bench))?;
    }
    let started = Instant::now();
    let end = started + bench.duration();
    let pictures = std::thread::scope(|scope| {
        let threads: Vec<_> = (bare.iter_mut())
            .map(|one| scope.spawn(move || one.run_until(end)))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|ended| ended.unwrap_or_else(|_| Err("a worker ended in a panic".into())))
            .sum::<Result<usize, Failure>>()
    })?;
    Ok(pictures as f64 / started.elapsed().as_secs_f64())
}

/// How long everything runs before it is measured: clocks of GPUs rise under load.
pub fn warm_up(bench: &Bench) -> Duration {
    bench.duration() / 5
}
