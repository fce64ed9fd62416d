//! TensorRT, on an NVIDIA GPU, loaded at run time through `vigil-nvidia`.
//!
//! A model is built into a plan for this GPU once, which takes minutes, and kept in the cache. An
//! engine has two ways to be run. [`Runner`]s take tensors and give outputs in system memory, as those
//! of other engines do: for the trial, and where the CPU has to prepare or decode. A
//! [`GpuDetector`](crate::gpu::GpuDetector) takes frames and gives boxes, and all that is between stays
//! on the GPU.

mod library;
pub mod plan;
mod watch;

pub use library::library;
pub use watch::{BuildProgress, Watch, set_log};

use super::gpu::{self, Gpu, GpuEngine, GpuNetwork, OnStream, WORKERS};
use super::host::HostRunner;
use super::{Engine, EngineError, EngineKind, Mib, ModelSource, Precision, Runner};
use crate::model::{ConstantInput, ConstantValues, OutputRef};
use std::sync::Arc;
use vigil_nvidia::driver::Stream;
use vigil_nvidia::pipeline::PipelineError;
use vigil_nvidia::tensorrt::{
    self as trt, Batches, BuildOptions, Cache, Constant, DataType, Key, Library, Plan, Progress,
    TensorRtError, TensorRtNetwork, Wiring,
};

const KIND: EngineKind = EngineKind::TensorRt;

/// A model that TensorRT has loaded on a GPU. Shared by its workers, each of which has an execution
/// context of its own.
pub struct TensorRt {
    engine: trt::Engine,
    library: Library,
    model: ModelSource,
    /// Whose context the engine is in; it goes last.
    gpu: Arc<Gpu>,
}

impl TensorRt {
    /// Loads a model: its plan from the cache, or built. The calling thread waits, for minutes in the
    /// worst case; who [watches](Watch) it is told how far it is.
    ///
    /// # Errors
    /// No driver, TensorRT or GPU; TensorRT does not take the model.
    pub fn load(model: &ModelSource) -> Result<Self, EngineError> {
        let library = library()?;
        let gpu = Gpu::get(model.device).map_err(gpu::missing(KIND))?;
        let engine = engine(&gpu, &library, model);
        let engine = engine.map_err(|error| failed(model, error.to_string()))?;
        Ok(Self {
            engine,
            library,
            model: model.clone(),
            gpu,
        })
    }

    /// The TensorRT of this process.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// An execution context whose outputs come in this order, and then those that are not named.
    ///
    /// # Errors
    /// The GPU has no memory for it, or the engine is none of this model.
    pub fn execution(&self, outputs: &[OutputRef]) -> Result<TensorRtNetwork, EngineError> {
        let wiring = Wiring {
            outputs: outputs.iter().map(|output| output.name.clone()).collect(),
            constants: self.model.input.constants.iter().map(constant).collect(),
        };
        TensorRtNetwork::wired(&self.engine, wiring)
            .map_err(|error| failed(&self.model, error.to_string()))
    }
}

impl Engine for TensorRt {
    fn kind(&self) -> EngineKind {
        KIND
    }

    fn description(&self) -> String {
        let library = &self.library;
        format!(
            "TensorRT {} ({}) on {}",
            library.version(),
            library.path().display(),
            self.gpu.context().device().name()
        )
    }

    /// Threads are of no use to it: the GPU does the work.
    fn runner(&self, _threads: usize) -> Result<Box<dyn Runner>, EngineError> {
        let outputs = (self.model.info.outputs.iter().enumerate())
            .map(|(index, output)| OutputRef {
                index,
                name: output.name.clone(),
            })
            .collect::<Vec<_>>();
        let network = self.execution(&outputs)?;
        let names = network.output_names().map(str::to_owned).collect();
        let runner = Stream::new(self.gpu.context())
            .map_err(PipelineError::from)
            .and_then(|stream| {
                HostRunner::new(network, Arc::new(stream), names, KIND, &self.model)
            });
        let runner = runner.map_err(|error| failed(&self.model, error.to_string()))?;
        Ok(Box::new(runner))
    }

    fn tensorrt(self: Arc<Self>) -> Option<Arc<TensorRt>> {
        Some(self)
    }

    fn on_gpu(self: Arc<Self>) -> Option<Arc<dyn GpuEngine>> {
        Some(self)
    }
}

impl GpuEngine for TensorRt {
    fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    fn network(&self, outputs: &[OutputRef]) -> Result<OnStream, EngineError> {
        let network = self.execution(outputs)?;
        let stream = Stream::new(self.gpu.context());
        let stream = stream.map_err(|error| failed(&self.model, error.to_string()))?;
        Ok(OnStream {
            network: Box::new(network),
            stream: Arc::new(stream),
        })
    }

    fn room(&self) -> Result<Option<usize>, EngineError> {
        let Some(budget) = self.model.gpu_memory else {
            return Ok(None);
        };
        // A plan's weights are nearly all of it, and it is what is known.
        let (weights, layers) = (self.engine.plan_bytes(), self.engine.device_memory());
        let rest = budget.checked_sub(weights + WORKERS * layers);
        rest.map(|rest| Some(rest / WORKERS)).ok_or_else(|| {
            let reason = format!(
                "property gpu-memory allows {}, but the engine takes {}, and each of its {WORKERS} \
                 workers {} beside pictures",
                Mib(budget),
                Mib(weights),
                Mib(layers),
            );
            failed(&self.model, reason)
        })
    }
}

impl GpuNetwork for TensorRtNetwork {
    fn tensors(&self) -> Vec<(DataType, Vec<usize>)> {
        let extents = |shape: &[i64]| shape.iter().map(|n| (*n).max(0) as usize).collect();
        self.output_shapes()
            .map(|(kind, shape)| (kind, extents(shape)))
            .collect()
    }
}

/// The engine of a model, or of the plan that the user gives in its place.
fn engine(gpu: &Gpu, library: &Library, model: &ModelSource) -> Result<trt::Engine, TensorRtError> {
    let context = gpu.context();
    if plan::is_named(&model.path) {
        let plan = Plan::of(model.bytes.to_vec(), &model.path)?;
        return trt::Engine::load(library, context, &plan, false);
    }
    let watch = Watch::current();
    let cache = Cache::default_folder().map(Cache::at);
    let options = BuildOptions {
        precision: match model.precision {
            Precision::F16 => trt::Precision::Fp16,
            _ => trt::Precision::File,
        },
        batches: Batches::up_to(model.most_pictures() as u32),
        size: Some((model.input.height, model.input.width)),
        workspace: model.gpu_memory,
        timing_cache: (cache.as_ref()).map(|cache| cache.timing_path(library, context)),
        ..BuildOptions::default()
    };
    let tell = watch.progress.clone();
    let progress = move |progress: &Progress| {
        tell(&BuildProgress {
            phase: progress.phase.clone(),
            step: progress.step.max(0) as u32,
            steps: progress.steps.max(0) as u32,
            finished: progress.finished,
        });
    };
    let build = || {
        trt::build(
            library,
            context,
            &model.bytes,
            &model.path,
            &options,
            Arc::new(progress),
            &watch.cancel,
        )
    };
    match &cache {
        Some(cache) => {
            let key = Key::new(library, context, &model.bytes, &options);
            cache.engine(library, context, &key, &watch.cancel, build)
        }
        None => {
            let plan = Plan::of(build()?, &model.path)?;
            trt::Engine::load(library, context, &plan, false)
        }
    }
}

fn failed(model: &ModelSource, reason: String) -> EngineError {
    EngineError::Load {
        kind: KIND,
        path: model.path.clone(),
        reason,
    }
}

/// An input that is the same for each picture, of one picture.
fn constant(input: &ConstantInput) -> Constant {
    let one = input.of_pictures(1);
    Constant {
        name: one.name,
        shape: one.shape.iter().skip(1).map(|n| *n as i64).collect(),
        values: match one.values {
            ConstantValues::I32(values) => values.into_iter().map(i64::from).collect(),
            ConstantValues::I64(values) => values,
        },
    }
}
