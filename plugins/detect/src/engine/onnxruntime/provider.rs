//! ONNX Runtime's providers for NVIDIA GPUs, and what they are told.

use super::library::Library;
use crate::engine::gpu::WORKERS;
use crate::engine::{EngineError, EngineKind, Mib, ModelSource, Precision};
use ort::ep::{ArenaExtendStrategy, CUDA, ExecutionProviderDispatch, TensorRT};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use vigil_nvidia::driver::Stream;
use vigil_nvidia::tensorrt::Cache;

/// A provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// cuDNN and kernels of ONNX Runtime's own.
    Cuda,
    /// TensorRT for the parts of the graph that it takes, CUDA for the rest.
    TensorRt,
}

/// Of a worker's share of the GPU's memory, as many times the input is kept for batches: input, outputs,
/// and what our kernels need.
const INPUTS_KEPT: usize = 4;

impl Provider {
    /// The engine that it makes.
    pub fn kind(self) -> EngineKind {
        match self {
            Self::Cuda => EngineKind::OnnxRuntimeCuda,
            Self::TensorRt => EngineKind::OnnxRuntimeTensorRt,
        }
    }

    /// As ONNX Runtime calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Cuda => "CUDAExecutionProvider",
            Self::TensorRt => "TensorrtExecutionProvider",
        }
    }

    /// Looks whether the library was made with it.
    pub(super) fn check(self, library: &Library) -> Result<(), EngineError> {
        if library.providers.iter().any(|name| name == self.name()) {
            return Ok(());
        }
        Err(EngineError::Missing {
            kind: self.kind(),
            reason: format!(
                "{} has {} only, and {} is needed: name libonnxruntime.so of a build for GPUs \
                 (onnxruntime-gpu, onnxruntime-linux-x64-gpu) by {}, and start the process again; one \
                 library serves all of it",
                library.path.display(),
                library.providers.join(", "),
                self.name(),
                super::SEARCH.variables[0],
            ),
        })
    }

    /// What a session is made with whose work goes on `stream`.
    pub(super) fn dispatch(
        self,
        library: &Library,
        model: &ModelSource,
        stream: &Stream,
    ) -> Result<Vec<ExecutionProviderDispatch>, String> {
        let mut all = Vec::new();
        if self == Self::TensorRt {
            all.push(tensorrt(model, stream)?);
        }
        // What TensorRT does not take, CUDA does, where the library has it.
        if self == Self::Cuda || Self::Cuda.check(library).is_ok() {
            all.push(cuda(model, stream));
        }
        Ok(all)
    }
}

fn cuda(model: &ModelSource, stream: &Stream) -> ExecutionProviderDispatch {
    let mut options = CUDA::default()
        .with_device_id(model.device as i32)
        // The default doubles what is taken with each step.
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        // FP32 is FP32, as with every other engine.
        .with_tf32(false);
    if let Some(limit) = limit(model) {
        options = options.with_memory_limit(limit);
    }
    // SAFETY: the network that has the session keeps the stream, and drops it after the session.
    unsafe { options.with_compute_stream(stream.raw().cast()) }
        .build()
        .error_on_failure()
}

fn tensorrt(model: &ModelSource, stream: &Stream) -> Result<ExecutionProviderDispatch, String> {
    let mut options = TensorRT::default()
        .with_device_id(model.device as i32)
        .with_fp16(model.precision == Precision::F16 || model.input.half);
    if let Some(folder) = folder(model) {
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = folder.display().to_string();
        options = options
            .with_engine_cache(true)
            .with_engine_cache_path(&folder)
            .with_timing_cache(true)
            .with_timing_cache_path(folder);
    }
    if let Some(limit) = limit(model) {
        options = options.with_max_workspace_size(limit);
    }
    if model.is_open() {
        let [least, most] = [1, model.most_pictures()].map(|pictures| shapes(model, pictures));
        options = options
            .with_profile_min_shapes(least)
            .with_profile_opt_shapes(&most)
            .with_profile_max_shapes(most);
    }
    // SAFETY: as of `cuda`.
    let options = unsafe { options.with_compute_stream(stream.raw().cast()) };
    Ok(options.build().error_on_failure())
}

/// Where TensorRT's plans of a model are kept. ONNX Runtime names them by the graph, not by its weights,
/// so that each model has a folder.
fn folder(model: &ModelSource) -> Option<PathBuf> {
    let mut hash = Sha256::new();
    hash.update(&*model.bytes);
    for file in &model.info.external_data {
        let file = model.path.with_file_name(file);
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        hash.update(format!("{}{modified:?}", file.display()));
    }
    hash.update(shapes(model, model.most_pictures()));
    let name: String = hash.finalize()[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(Cache::default_folder()?.join("onnxruntime").join(name))
}

/// The shapes of all inputs for so many pictures, as TensorRT's profiles are written.
fn shapes(model: &ModelSource, pictures: usize) -> String {
    let written = |name: &str, shape: &[usize]| {
        let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
        format!("{name}:{}", shape.join("x"))
    };
    let images = written(&model.input.name, &model.shape_of_run(pictures));
    let constants = model.input.constants.iter().map(|input| {
        let input = input.of_pictures(pictures);
        written(&input.name, &input.shape)
    });
    [images]
        .into_iter()
        .chain(constants)
        .collect::<Vec<_>>()
        .join(",")
}

/// Bytes that batches of a worker may take beside its session.
pub(super) fn room(model: &ModelSource) -> Option<usize> {
    model.gpu_memory?;
    Some(INPUTS_KEPT * input_bytes(model))
}

/// Bytes that a session may take, by the property `gpu-memory`.
fn limit(model: &ModelSource) -> Option<usize> {
    let share = model.gpu_memory? / WORKERS;
    Some(share.saturating_sub(room(model)?).max(1))
}

fn input_bytes(model: &ModelSource) -> usize {
    model.input_shape().iter().product::<usize>() * size_of::<f32>()
}

/// Refuses a limit of memory that not even the batches fit in.
pub(super) fn check_memory(model: &ModelSource, kind: EngineKind) -> Result<(), EngineError> {
    let (Some(budget), Some(room)) = (model.gpu_memory, room(model)) else {
        return Ok(());
    };
    if room < budget / WORKERS {
        return Ok(());
    }
    Err(EngineError::Load {
        kind,
        path: model.path.clone(),
        reason: format!(
            "property gpu-memory allows {}, but the batches of {WORKERS} workers take {} each, and the \
             model comes on top: allow more, or less in a run by batch-size (now {})",
            Mib(budget),
            Mib(room),
            model.most_pictures(),
        ),
    })
}
