//! OpenVINO, loaded at run time through the `openvino` crate.
//!
//! The library is one for the whole process: the first element that needs it decides which file
//! is loaded, and every later one uses that ([`library`]). The model is read and given its shapes
//! once; compiled models are shared by runners as far as they have streams for them ([`pool`]).

mod library;
mod pool;

pub(super) use library::SEARCH;

use super::half;
use super::values::{Kept, Values};
use super::{Engine, EngineError, EngineKind, ModelSource, Runner, usable_threads};
use crate::decode::OutputView;
use crate::model::{ConstantInput, ConstantValues, InputPlan};
use library::{Library, words};
use openvino::{
    CompiledModel, ElementType, InferRequest, InferenceError, InferenceErrorKind, PartialShape,
    Tensor,
};
use pool::{Compiled, Pool};
use std::path::PathBuf;
use std::sync::Arc;

const KIND: EngineKind = EngineKind::OpenVino;

/// How long is waited at a time.
const MINUTE_MS: i64 = 60_000;

/// A model for OpenVINO.
pub struct OpenVino {
    library: Arc<Library>,
    path: PathBuf,
    input: InputPlan,
    outputs: Vec<String>,
    pool: Pool,
}

impl OpenVino {
    /// Finds the library and reads the model; [`Engine::runner`] compiles it.
    ///
    /// # Errors
    /// There is no library, or it does not take the model.
    pub fn load(source: &ModelSource) -> Result<Self, EngineError> {
        let library = library::get()?;
        let model = read(&library, source).map_err(|reason| EngineError::Load {
            kind: KIND,
            path: source.path.clone(),
            reason,
        })?;
        Ok(Self {
            pool: Pool::new(library.clone(), model, source.precision),
            library,
            path: source.path.clone(),
            input: source.input.clone(),
            outputs: (source.info.outputs.iter())
                .map(|output| output.name.clone())
                .collect(),
        })
    }

    fn request(&self, threads: usize) -> Result<RequestRunner, String> {
        let compiled = self.pool.get(threads)?;
        let (request, outputs) = compiled.with(|model| {
            let request = model.create_infer_request()?;
            let outputs = outputs(model, &request)?;
            Ok::<_, InferenceError>((request, outputs))
        })?;
        if outputs.len() != self.outputs.len() {
            let (found, named) = (outputs.len(), self.outputs.len());
            return Err(format!("it makes {found} outputs of the file's {named}"));
        }
        let shape = self.input.shape(1);
        let samples: usize = shape.iter().product();
        let is_half = self.input.half;
        let kind = if is_half {
            ElementType::F16
        } else {
            ElementType::F32
        };
        let mut input = input(&request, &self.input.name, kind, &shape)?;
        // Read here, so that nothing can go wrong with it later.
        let found = if is_half {
            input.get_data_mut::<u16>().map(|halves| halves.len())
        } else {
            input.get_data_mut::<f32>().map(|floats| floats.len())
        }
        .map_err(words)?;
        if found != samples {
            return Err(format!("its input holds {found} samples"));
        }
        for constant in &self.input.constants {
            fill(&request, constant)?;
        }
        Ok(RequestRunner {
            picture: shape[1..].iter().product(),
            request,
            floats: is_half.then(|| vec![0.0; samples]),
            input,
            outputs,
            names: self.outputs.clone(),
            _compiled: compiled,
        })
    }
}

/// Reads the model and gives it the shapes of its inputs where the file leaves them open: with all
/// shapes known, it is optimised for them.
fn read(library: &Library, source: &ModelSource) -> Result<openvino::Model, String> {
    let constants = &source.input.constants;
    let picture = (source.input.name.as_str(), &source.input_shape()[..]);
    let others = constants.iter().map(|c| (c.name.as_str(), &c.shape[..]));
    let inputs: Vec<_> = std::iter::once(picture).chain(others).collect();
    if inputs.iter().any(|(name, _)| name.contains('\0')) {
        return Err("the name of an input has a zero byte".into());
    }
    let mut model = if source.info.external_data.is_empty() {
        library.core().read_model_from_buffer(&source.bytes, None)
    } else {
        // Only a model that is read from the file finds the weights beside it.
        let path = source.path.to_str().filter(|path| !path.contains('\0'));
        let path = path.ok_or("OpenVINO takes paths in UTF-8 only")?;
        library.core().read_model_from_file(path, "")
    }
    .map_err(words)?;
    if model.is_dynamic() {
        let shapes = inputs
            .iter()
            .map(|(name, sizes)| Ok((*name, static_shape(sizes)?)))
            .collect::<Result<Vec<_>, InferenceError>>()
            .map_err(words)?;
        let shapes: Vec<_> = shapes.iter().map(|(name, shape)| (*name, shape)).collect();
        model.reshape(&shapes).map_err(words)?;
    }
    Ok(model)
}

fn static_shape(sizes: &[usize]) -> Result<PartialShape, InferenceError> {
    let sizes: Vec<i64> = sizes.iter().map(|size| *size as i64).collect();
    PartialShape::new_static(sizes.len() as i64, &sizes)
}

/// The request's own tensor for an input, which is filled in place.
fn input(
    request: &InferRequest,
    name: &str,
    wanted: ElementType,
    shape: &[usize],
) -> Result<Tensor, String> {
    let tensor = request.get_tensor(name).map_err(words)?;
    let found = tensor.get_element_type().map_err(words)?;
    let sizes = dimensions(&tensor).map_err(words)?;
    if found != wanted || sizes != shape {
        return Err(format!(
            "its input {name} is {found} {sizes:?} there, where {wanted} {shape:?} is to be fed"
        ));
    }
    Ok(tensor)
}

/// Gives an input its values, which stay.
fn fill(request: &InferRequest, constant: &ConstantInput) -> Result<(), String> {
    let (name, shape) = (&constant.name, &constant.shape);
    match &constant.values {
        ConstantValues::I32(values) => {
            let mut tensor = input(request, name, ElementType::I32, shape)?;
            copy(values, tensor.get_data_mut().map_err(words)?)
        }
        ConstantValues::I64(values) => {
            let mut tensor = input(request, name, ElementType::I64, shape)?;
            copy(values, tensor.get_data_mut().map_err(words)?)
        }
    }
}

fn copy<T: Copy>(values: &[T], tensor: &mut [T]) -> Result<(), String> {
    if values.len() != tensor.len() {
        let (found, needed) = (values.len(), tensor.len());
        return Err(format!("{found} values are no {needed}"));
    }
    tensor.copy_from_slice(values);
    Ok(())
}

/// An output of a request.
struct Output {
    tensor: Tensor,
    shape: Vec<usize>,
    /// The tensor and its shape are the same after each run.
    fixed: bool,
    kept: Kept,
}

fn outputs(model: &CompiledModel, request: &InferRequest) -> Result<Vec<Output>, InferenceError> {
    let output = |index| {
        let port = model.get_output_by_index(index)?;
        let tensor = request.get_output_tensor_by_index(index)?;
        Ok(Output {
            shape: dimensions(&tensor)?,
            fixed: !port.get_partial_shape()?.is_dynamic(),
            tensor,
            kept: Kept::default(),
        })
    };
    (0..model.get_output_size()?).map(output).collect()
}

fn dimensions(tensor: &Tensor) -> Result<Vec<usize>, InferenceError> {
    let shape = tensor.get_shape()?;
    Ok((shape.get_dimensions().iter())
        .map(|size| *size as usize)
        .collect())
}

impl Engine for OpenVino {
    fn kind(&self) -> EngineKind {
        KIND
    }

    fn description(&self) -> String {
        let Library { version, path, .. } = &*self.library;
        format!("OpenVINO {version} ({})", path.display())
    }

    fn plan_runners(&self, runners: usize, threads: usize) {
        self.pool.plan(runners, usable_threads(threads));
    }

    fn runner(&self, threads: usize) -> Result<Box<dyn Runner>, EngineError> {
        match self.request(usable_threads(threads)) {
            Ok(runner) => Ok(Box::new(runner)),
            Err(reason) => Err(EngineError::Load {
                kind: KIND,
                path: self.path.clone(),
                reason,
            }),
        }
    }
}

/// An infer request. Its tensors are its own and are used in place.
struct RequestRunner {
    request: InferRequest,
    input: Tensor,
    /// What is turned into 16-bit floats for the input, where the model takes those.
    floats: Option<Vec<f32>>,
    /// Samples of one picture.
    picture: usize,
    outputs: Vec<Output>,
    names: Vec<String>,
    /// One of its streams is this runner's.
    _compiled: Arc<Compiled>,
}

impl RequestRunner {
    fn infer(&mut self) -> Result<Vec<OutputView<'_>>, InferenceError> {
        if let Some(floats) = &self.floats {
            half::narrow(floats, self.input.get_data_mut()?);
        }
        // Not infer(), which runs on this thread: it loses errors of models with open shapes, and
        // leaves the outputs of an earlier run (2026.4).
        self.request.infer_async()?;
        while let Err(error) = self.request.wait(MINUTE_MS) {
            if error.kind != InferenceErrorKind::ResultNotReady {
                return Err(error);
            }
        }
        for (index, output) in self.outputs.iter_mut().enumerate() {
            if !output.fixed {
                output.tensor = self.request.get_output_tensor_by_index(index)?;
                output.shape = dimensions(&output.tensor)?;
            }
        }
        self.outputs.iter_mut().map(Output::view).collect()
    }
}

impl Output {
    fn view(&mut self) -> Result<OutputView<'_>, InferenceError> {
        let values = match self.tensor.get_element_type()? {
            // An empty tensor may have no memory to look at.
            _ if self.tensor.get_size()? == 0 => Values::F32(&[]),
            ElementType::F32 => Values::F32(self.tensor.get_data()?),
            ElementType::F16 => Values::F16(self.tensor.get_data()?),
            ElementType::I32 => Values::I32(self.tensor.get_data()?),
            ElementType::I64 => Values::I64(self.tensor.get_data()?),
            _ => return Ok(self.kept.view(std::iter::empty(), Values::Other)),
        };
        Ok(self.kept.view(self.shape.iter().copied(), values))
    }
}

impl Runner for RequestRunner {
    fn input_mut(&mut self) -> &mut [f32] {
        let picture = self.picture;
        if let Some(floats) = &mut self.floats {
            return &mut floats[..picture];
        }
        // It could be read when the runner was made, and the request's own tensor stays.
        match self.input.get_data_mut() {
            Ok(samples) => &mut samples[..picture],
            Err(_) => &mut [],
        }
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(&mut self, read: &mut dyn FnMut(&[OutputView<'_>])) -> Result<(), EngineError> {
        let views = self.infer().map_err(|error| EngineError::Run {
            kind: KIND,
            reason: words(error),
        })?;
        read(&views);
        Ok(())
    }
}
