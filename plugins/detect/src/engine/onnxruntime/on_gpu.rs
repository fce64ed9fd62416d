//! A model on one of the providers for NVIDIA GPUs.

use super::library::{Library, library};
use super::network::{OrtNetwork, TRIED, first_picture};
use super::provider::{self, Provider};
use crate::engine::gpu::{self, Gpu, GpuEngine, OnStream};
use crate::engine::host::HostRunner;
use crate::engine::{Engine, EngineError, EngineKind, ModelSource, Precision, Runner};
use crate::model::OutputRef;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_nvidia::driver::Stream;
use vigil_nvidia::onnx::half::{self, HalfOptions};

/// A model for ONNX Runtime on a GPU. Each worker has a session of its own, bound to its stream, and so
/// weights of its own in the GPU's memory.
pub struct OnGpu {
    library: Arc<Library>,
    provider: Provider,
    model: ModelSource,
    /// Made when the model was loaded, until somebody wants it.
    first: Mutex<Option<OrtNetwork>>,
    /// Whose context the sessions are in; it goes last.
    gpu: Arc<Gpu>,
}

impl OnGpu {
    /// Finds the library, the provider and the GPU, and makes a first session, whose runs are tried: by
    /// tensors of the GPU's memory they have to give what they give by tensors of the system's.
    ///
    /// # Errors
    /// No library, one without this provider, no driver, no cuDNN; the provider does not take the
    /// model, or its outputs cannot stay on a GPU.
    pub fn load(model: &ModelSource, provider: Provider) -> Result<Self, EngineError> {
        let kind = provider.kind();
        let library = library(true).map_err(|error| match error {
            EngineError::Missing { reason, .. } => EngineError::Missing { kind, reason },
            error => error,
        })?;
        provider.check(&library)?;
        provider::check_memory(model, kind)?;
        let gpu = Gpu::get(model.device).map_err(gpu::missing(kind))?;
        let model = in_precision(model, provider)?;
        let engine = Self {
            library,
            provider,
            model,
            first: Mutex::default(),
            gpu,
        };
        let first = engine.session_on_stream();
        let first = first.and_then(|network| check(network, &engine));
        let first = first.map_err(|error| engine.failed(error))?;
        *engine.lock() = Some(first);
        Ok(engine)
    }

    /// A session on a stream of its own.
    fn session_on_stream(&self) -> Result<OrtNetwork, String> {
        let stream = Stream::new(self.gpu.context()).map_err(|error| error.to_string())?;
        let stream = Arc::new(stream);
        let _current = self
            .gpu
            .context()
            .enter()
            .map_err(|error| error.to_string())?;
        let providers = self
            .provider
            .dispatch(&self.library, &self.model, &stream)?;
        let session = super::session(&self.library, &self.model, 1, &providers)?;
        OrtNetwork::new(session, &self.model, &stream).map_err(|error| error.to_string())
    }

    /// The first session if nobody has it yet, else another one.
    fn next(&self) -> Result<OrtNetwork, EngineError> {
        let first = self.lock().take();
        match first {
            Some(network) => Ok(network),
            None => {
                let made = self.session_on_stream();
                made.map_err(|error| self.failed(error))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<OrtNetwork>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, reason: String) -> EngineError {
        EngineError::Load {
            kind: self.provider.kind(),
            path: self.model.path.clone(),
            reason,
        }
    }
}

impl Engine for OnGpu {
    fn kind(&self) -> EngineKind {
        self.provider.kind()
    }

    fn description(&self) -> String {
        let with = match self.provider {
            Provider::Cuda => "CUDA",
            Provider::TensorRt => "TensorRT",
        };
        format!(
            "ONNX Runtime with {with} ({}) on {}",
            self.library.path.display(),
            self.gpu.context().device().name()
        )
    }

    /// Threads are of no use to it: the GPU does the work.
    fn runner(&self, _threads: usize) -> Result<Box<dyn Runner>, EngineError> {
        let mut network = self.next()?;
        let outputs = (self.model.info.outputs.iter().enumerate())
            .map(|(index, output)| OutputRef {
                index,
                name: output.name.clone(),
            })
            .collect::<Vec<_>>();
        network.in_order(&outputs);
        let (names, stream) = (network.output_names(), network.stream());
        let runner = HostRunner::new(network, stream, names, self.kind(), &self.model);
        Ok(Box::new(
            runner.map_err(|error| self.failed(error.to_string()))?,
        ))
    }

    fn on_gpu(self: Arc<Self>) -> Option<Arc<dyn GpuEngine>> {
        Some(self)
    }
}

impl GpuEngine for OnGpu {
    fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    fn network(&self, outputs: &[OutputRef]) -> Result<OnStream, EngineError> {
        let mut network = self.next()?;
        network.in_order(outputs);
        Ok(OnStream {
            stream: network.stream(),
            network: Box::new(network),
        })
    }

    /// The session's own memory is limited by ONNX Runtime.
    fn room(&self) -> Result<Option<usize>, EngineError> {
        Ok(provider::room(&self.model))
    }
}

/// Compares runs on the GPU's memory with one on the system's. Of an input that its first operator reads
/// on the CPU, ONNX Runtime would take a copy when it is bound, once and for all.
fn check(mut network: OrtNetwork, engine: &OnGpu) -> Result<OrtNetwork, String> {
    let expected = network.take_expected();
    let (names, stream) = (network.output_names(), network.stream());
    let runner = HostRunner::new(network, stream, names, engine.kind(), &engine.model);
    let mut runner = runner.map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for value in [0.0, TRIED] {
        runner.input_mut(0).fill(value);
        let run = runner.run(1, &mut |outputs| found = first_picture(outputs));
        run.map_err(|error| error.to_string())?;
    }
    if found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| is_near(*a, *b)) {
        return Ok(runner.into_network());
    }
    Err(
        "its outputs by tensors in the GPU's memory are others than by tensors in system memory: its \
         first operator is one that ONNX Runtime has for the CPU only"
            .into(),
    )
}

fn is_near(found: f32, expected: f32) -> bool {
    found == expected
        || (found.is_nan() && expected.is_nan())
        || (found - expected).abs() <= 0.02 * expected.abs().max(1.0)
}

/// The model in the precision that is wanted: TensorRT is told, for CUDA the file is converted.
fn in_precision(model: &ModelSource, provider: Provider) -> Result<ModelSource, EngineError> {
    if model.precision != Precision::F16 || provider == Provider::TensorRt {
        return Ok(model.clone());
    }
    let folder = || model.path.parent().unwrap_or(Path::new("")).to_owned();
    let options = HalfOptions {
        folder: (!model.info.external_data.is_empty()).then(folder),
        ..HalfOptions::default()
    };
    let converted = half::convert(&model.bytes, &options).map_err(|error| EngineError::Load {
        kind: provider.kind(),
        path: model.path.clone(),
        reason: format!("precision=f16: {error}"),
    })?;
    // Weights of other files are in it now.
    let mut info = (*model.info).clone();
    info.external_data.clear();
    Ok(ModelSource {
        bytes: Arc::new(converted.onnx),
        info: Arc::new(info),
        ..model.clone()
    })
}
