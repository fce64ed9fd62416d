//! ONNX Runtime, loaded at run time through the `ort` crate.
//!
//! The library is one for the whole process: the first element that needs it decides which file
//! is loaded, and every later one uses that.
//!
//! | file | what is in it |
//! |---|---|
//! | `library` | where it is, and what it was made with |
//! | [`provider`] | its providers for NVIDIA GPUs, and what they are told |
//! | [`on_gpu`] | a model on such a provider |
//! | `network`, `binding` | a session as the pipeline of a worker on a GPU wants it |
//!
//! On the CPU a [`Runner`] has a session of its own, fed with tensors. On a GPU a session is bound to
//! one worker's stream and to tensors in the GPU's memory: pictures are prepared before it and outputs
//! decoded after it by our own kernels, on that stream.

mod binding;
mod library;
mod network;
mod on_gpu;
mod provider;

pub use on_gpu::OnGpu;
pub use provider::Provider;

use super::half;
use super::values::{Kept, Values};
use super::{Engine, EngineError, EngineKind, ModelSource, Runner, nth_picture, usable_threads};
use crate::decode::OutputView;
use crate::model::{ConstantInput, ConstantValues, Dim};
use ort::ep::ExecutionProviderDispatch;
use ort::memory::Allocator;
use ort::session::Session;
use ort::session::SessionInputValue;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{DynTensor, DynTensorValueType, DynValue, Tensor, TensorElementType, TensorRef};
use std::borrow::Cow;
use std::sync::Arc;

use library::{Library, library};
pub(super) use library::{SEARCH, is_for_gpu};

const KIND: EngineKind = EngineKind::OnnxRuntime;

/// A model for ONNX Runtime. Each runner has a session of its own: a session runs one picture at
/// a time here, and one thread per session uses the cores better than one session with many.
pub struct OnnxRuntime {
    library: Arc<Library>,
    model: ModelSource,
}

impl OnnxRuntime {
    /// Finds the library; the model is loaded by [`Engine::runner`].
    ///
    /// # Errors
    /// There is no library.
    pub fn load(model: &ModelSource) -> Result<Self, EngineError> {
        Ok(Self {
            library: library(false)?,
            model: model.clone(),
        })
    }
}

/// Axes of the input that the file names instead of fixing, and what they will be. A name
/// that stands for two sizes is left open.
fn free_dimensions(model: &ModelSource) -> Vec<(&str, i64)> {
    // A number of pictures that changes stays open.
    let fixed = usize::from(model.is_open());
    let shape = model.input_shape();
    let input = (model.info.inputs.iter()).find(|i| i.name == model.input.name);
    let named: Vec<(&str, i64)> = input
        .into_iter()
        .flat_map(|input| input.dims.iter().zip(shape).skip(fixed))
        .filter_map(|(dim, size)| match dim {
            Dim::Symbol(name) => Some((name.as_str(), size as i64)),
            _ => None,
        })
        .collect();
    let is_clear =
        |(name, size): &(&str, i64)| named.iter().all(|(other, s)| other != name || s == size);
    named.iter().copied().filter(is_clear).collect()
}

/// A session of a model, by these providers or, where there are none, the CPU's.
fn session(
    library: &Library,
    model: &ModelSource,
    threads: usize,
    providers: &[ExecutionProviderDispatch],
) -> Result<Session, String> {
    fn words<T>(error: ort::Error<T>) -> String {
        error.to_string()
    }
    let mut builder = Session::builder(&library.environment)
        .map_err(words)?
        .with_optimization_level(GraphOptimizationLevel::Level3)
        .map_err(words)?
        .with_intra_threads(usable_threads(threads))
        .map_err(words)?
        .with_inter_threads(1)
        .map_err(words)?
        // Spinning threads take the cores from the decoder: 28 ms become 92 under load.
        .with_intra_op_spinning(false)
        .map_err(words)?
        .with_flush_to_zero()
        .map_err(words)?;
    if !providers.is_empty() {
        builder = builder.with_execution_providers(providers).map_err(words)?;
    }
    // With its symbols known, the graph is optimised as one of fixed shapes.
    for (symbol, size) in free_dimensions(model) {
        builder = builder
            .with_dimension_override(symbol, size)
            .map_err(words)?;
    }
    if model.info.external_data.is_empty() {
        builder.commit_from_memory(&model.bytes)
    } else {
        // Only a session made from the file finds the weights beside it.
        builder.commit_from_file(&model.path)
    }
    .map_err(words)
}

impl Engine for OnnxRuntime {
    fn kind(&self) -> EngineKind {
        KIND
    }

    fn description(&self) -> String {
        format!("ONNX Runtime ({})", self.library.path.display())
    }

    fn runner(&self, threads: usize) -> Result<Box<dyn Runner>, EngineError> {
        let failed = |reason: String| EngineError::Load {
            kind: KIND,
            path: self.model.path.clone(),
            reason,
        };
        let session = session(&self.library, &self.model, threads, &[]).map_err(failed)?;
        let runner = SessionRunner::new(session, &self.model);
        Ok(Box::new(runner.map_err(|error| failed(error.to_string()))?))
    }
}

/// What a run of a certain number of pictures is fed.
struct Feed {
    shape: [usize; 4],
    /// The samples in 16-bit floats, where the model takes those.
    half: Option<DynTensor>,
    /// The other inputs, by name.
    constants: Vec<(String, DynTensor)>,
}

impl Feed {
    fn new(model: &ModelSource, pictures: usize) -> Result<Self, ort::Error> {
        let tensor = |input: &ConstantInput| -> Result<DynTensor, ort::Error> {
            let shape = input.shape.clone();
            Ok(match &input.values {
                ConstantValues::I32(values) => {
                    Tensor::from_array((shape, values.clone()))?.upcast()
                }
                ConstantValues::I64(values) => {
                    Tensor::from_array((shape, values.clone()))?.upcast()
                }
            })
        };
        let shape = model.shape_of_run(pictures);
        let constants = model.input.constants.iter();
        let constants = constants
            .map(|input| Ok((input.name.clone(), tensor(&input.of_pictures(shape[0]))?)))
            .collect::<Result<_, ort::Error>>()?;
        let half = (model.input.half)
            .then(|| DynTensor::new(&Allocator::default(), TensorElementType::Float16, shape))
            .transpose()?;
        Ok(Self {
            shape,
            half,
            constants,
        })
    }
}

struct SessionRunner {
    session: Session,
    /// Name of the input that takes pictures.
    name: String,
    input: Vec<f32>,
    /// Samples of one picture.
    picture: usize,
    model: ModelSource,
    /// As of the last run.
    feed: Feed,
    names: Vec<String>,
    kept: Vec<Kept>,
}

impl SessionRunner {
    fn new(session: Session, model: &ModelSource) -> Result<Self, ort::Error> {
        let shape = model.input_shape();
        let names: Vec<_> = session
            .outputs()
            .iter()
            .map(|output| output.name().to_owned())
            .collect();
        Ok(Self {
            session,
            name: model.input.name.clone(),
            input: vec![0.0; shape.iter().product()],
            picture: shape[1..].iter().product(),
            feed: Feed::new(model, 1)?,
            model: model.clone(),
            kept: names.iter().map(|_| Kept::default()).collect(),
            names,
        })
    }
}

impl Runner for SessionRunner {
    fn input_mut(&mut self, picture: usize) -> &mut [f32] {
        nth_picture(&mut self.input, self.picture, picture)
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(
        &mut self,
        pictures: usize,
        read: &mut dyn FnMut(&[OutputView<'_>]),
    ) -> Result<(), EngineError> {
        let failed = |error: ort::Error| EngineError::Run {
            kind: KIND,
            reason: error.to_string(),
        };
        if self.feed.shape != self.model.shape_of_run(pictures) {
            self.feed = Feed::new(&self.model, pictures).map_err(failed)?;
        }
        let Feed {
            shape,
            half,
            constants,
        } = &mut self.feed;
        let samples = &self.input[..shape.iter().product()];
        let input = match half {
            Some(tensor) => {
                half::narrow(samples, halves_mut(tensor));
                SessionInputValue::from(&*tensor)
            }
            None => TensorRef::from_array_view((*shape, samples))
                .map_err(failed)?
                .into(),
        };
        let mut inputs: Vec<(Cow<str>, SessionInputValue)> =
            vec![(self.name.as_str().into(), input)];
        for (name, value) in &*constants {
            inputs.push((name.as_str().into(), value.into()));
        }
        let outputs = self.session.run(inputs).map_err(failed)?;
        let views: Vec<_> = self
            .names
            .iter()
            .zip(&mut self.kept)
            .map(|(name, kept)| {
                let (shape, values) = values(&outputs[name.as_str()]);
                kept.view(shape.iter().map(|n| *n as usize), values)
            })
            .collect();
        read(&views);
        Ok(())
    }
}

/// Shape and values of an output; those of a type that is not read are none.
fn values(output: &DynValue) -> (&[i64], Values<'_>) {
    if let Ok((shape, data)) = output.try_extract_tensor::<f32>() {
        return (shape, Values::F32(data));
    }
    if let Ok((shape, data)) = output.try_extract_tensor::<i64>() {
        return (shape, Values::I64(data));
    }
    if let Ok((shape, data)) = output.try_extract_tensor::<i32>() {
        return (shape, Values::I32(data));
    }
    match output.view().downcast::<DynTensorValueType>() {
        Ok(tensor) if *tensor.data_type() == TensorElementType::Float16 => {
            let len = tensor.shape().num_elements();
            let data = tensor.data_ptr().cast::<u16>();
            if data.is_null() || len == 0 {
                return (output.shape(), Values::F16(&[]));
            }
            // SAFETY: a tensor of the CPU's with so many elements of 16 bits, which lives as long
            // as `output` does and is not written to meanwhile.
            let halves = unsafe { std::slice::from_raw_parts(data, len) };
            (output.shape(), Values::F16(halves))
        }
        _ => (&[], Values::Other),
    }
}

/// The elements of a tensor of 16-bit floats, as their bits.
fn halves_mut(tensor: &mut DynTensor) -> &mut [u16] {
    let len = tensor.shape().num_elements();
    let data = tensor.data_ptr_mut().cast::<u16>();
    if data.is_null() || len == 0 {
        return &mut [];
    }
    // SAFETY: so many elements of 16 bits, allocated by ONNX Runtime for the CPU (and zeroed) when
    // the tensor was made, and borrowed as long as the tensor is.
    unsafe { std::slice::from_raw_parts_mut(data, len) }
}
