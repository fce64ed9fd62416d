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
use super::{Engine, EngineError, EngineKind, ModelSource, Runner, nth_picture, usable_threads};
use crate::decode::OutputView;
use crate::model::{ConstantInput, ConstantValues};
use library::{Library, words};
use openvino::{
    CompiledModel, Dimension, ElementType, InferRequest, InferenceError, InferenceErrorKind,
    PartialShape, Shape, Tensor,
};
use pool::{Compiled, Pool};
use std::sync::Arc;

const KIND: EngineKind = EngineKind::OpenVino;

/// How long is waited at a time.
const MINUTE_MS: i64 = 60_000;

/// A model for OpenVINO.
pub struct OpenVino {
    library: Arc<Library>,
    source: ModelSource,
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
            source: ModelSource {
                // They have been read.
                bytes: Arc::default(),
                ..source.clone()
            },
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
        let shape = self.source.input_shape();
        let samples: usize = shape.iter().product();
        let input = if self.source.is_open() {
            Input::open(&self.source).map_err(words)?
        } else {
            let input = Input::fixed(&request, &self.source)?;
            for constant in &self.source.input.constants {
                fill(&request, constant)?;
            }
            input
        };
        Ok(RequestRunner {
            picture: shape[1..].iter().product(),
            request,
            floats: (!input.is_fed_in_place()).then(|| vec![0.0; samples]),
            input,
            source: self.source.clone(),
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
    let open = source.is_open().then(|| source.most_pictures());
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
            .map(|(name, sizes)| Ok((*name, shape_of(sizes, open)?)))
            .collect::<Result<Vec<_>, InferenceError>>()
            .map_err(words)?;
        let shapes: Vec<_> = shapes.iter().map(|(name, shape)| (*name, shape)).collect();
        model.reshape(&shapes).map_err(words)?;
    }
    Ok(model)
}

/// These sizes, or with `pictures` up to so many along the first axis.
fn shape_of(sizes: &[usize], pictures: Option<usize>) -> Result<PartialShape, InferenceError> {
    let sizes: Vec<i64> = sizes.iter().map(|size| *size as i64).collect();
    let rank = sizes.len() as i64;
    let Some(pictures) = pictures else {
        return PartialShape::new_static(rank, &sizes);
    };
    let mut dimensions: Vec<_> = sizes.iter().map(|n| Dimension::new(*n, *n)).collect();
    if let Some(first) = dimensions.first_mut() {
        *first = Dimension::new(1, pictures as i64);
    }
    PartialShape::new(rank, &dimensions)
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

/// What the pictures of a run are fed in.
enum Input {
    /// The request's own tensor, of as many pictures as there are in each run.
    Own(Tensor),
    /// A tensor for as many pictures as were in the last run, and those of the other inputs.
    Open(Option<(usize, Tensor)>, Vec<Tensor>, ElementType),
}

impl Input {
    fn fixed(request: &InferRequest, source: &ModelSource) -> Result<Self, String> {
        let shape = source.input_shape();
        let is_half = source.input.half;
        let mut tensor = input(request, &source.input.name, float(is_half), &shape)?;
        // Read here, so that nothing can go wrong with it later.
        let found = if is_half {
            tensor.get_data_mut::<u16>().map(|halves| halves.len())
        } else {
            tensor.get_data_mut::<f32>().map(|floats| floats.len())
        }
        .map_err(words)?;
        if found != shape.iter().product::<usize>() {
            return Err(format!("its input holds {found} samples"));
        }
        Ok(Self::Own(tensor))
    }

    fn open(source: &ModelSource) -> Result<Self, InferenceError> {
        Ok(Self::Open(None, Vec::new(), float(source.input.half)))
    }

    /// Whether samples are written where the request reads them.
    fn is_fed_in_place(&self) -> bool {
        matches!(self, Self::Own(tensor) if tensor.get_element_type() == Ok(ElementType::F32))
    }

    /// The tensor for a run of so many pictures, which the request has then.
    fn of_run(
        &mut self,
        request: &mut InferRequest,
        source: &ModelSource,
        pictures: usize,
    ) -> Result<&mut Tensor, InferenceError> {
        let (kept, others, kind) = match self {
            Self::Own(tensor) => return Ok(tensor),
            Self::Open(kept, others, kind) => (kept, others, *kind),
        };
        let shape = source.shape_of_run(pictures);
        if kept.as_ref().is_none_or(|(of, _)| *of != shape[0]) {
            *kept = None;
            others.clear();
            let tensor = Tensor::new(kind, &dense(&shape)?)?;
            request.set_tensor(&source.input.name, &tensor)?;
            for constant in &source.input.constants {
                let tensor = constant_tensor(&constant.of_pictures(shape[0]))?;
                request.set_tensor(&constant.name, &tensor)?;
                others.push(tensor);
            }
            return Ok(&mut kept.insert((shape[0], tensor)).1);
        }
        match kept {
            Some((_, tensor)) => Ok(tensor),
            None => unreachable!("it was made for another number of pictures"),
        }
    }
}

fn float(is_half: bool) -> ElementType {
    if is_half {
        ElementType::F16
    } else {
        ElementType::F32
    }
}

fn dense(sizes: &[usize]) -> Result<Shape, InferenceError> {
    let sizes: Vec<i64> = sizes.iter().map(|size| *size as i64).collect();
    Shape::new(&sizes)
}

fn constant_tensor(input: &ConstantInput) -> Result<Tensor, InferenceError> {
    let shape = dense(&input.shape)?;
    Ok(match &input.values {
        ConstantValues::I32(values) => {
            let mut tensor = Tensor::new(ElementType::I32, &shape)?;
            tensor.get_data_mut()?.copy_from_slice(values);
            tensor
        }
        ConstantValues::I64(values) => {
            let mut tensor = Tensor::new(ElementType::I64, &shape)?;
            tensor.get_data_mut()?.copy_from_slice(values);
            tensor
        }
    })
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
                path: self.source.path.clone(),
                reason,
            }),
        }
    }
}

/// An infer request. Its tensors are its own and are used in place.
struct RequestRunner {
    request: InferRequest,
    source: ModelSource,
    input: Input,
    /// What is copied to the input, or turned into 16-bit floats for it.
    floats: Option<Vec<f32>>,
    /// Samples of one picture.
    picture: usize,
    outputs: Vec<Output>,
    names: Vec<String>,
    /// One of its streams is this runner's.
    _compiled: Arc<Compiled>,
}

impl RequestRunner {
    fn infer(&mut self, pictures: usize) -> Result<Vec<OutputView<'_>>, InferenceError> {
        if let Some(floats) = &self.floats {
            let input = (self.input).of_run(&mut self.request, &self.source, pictures)?;
            if self.source.input.half {
                half::narrow(floats, input.get_data_mut()?);
            } else {
                let input: &mut [f32] = input.get_data_mut()?;
                input.copy_from_slice(&floats[..input.len()]);
            }
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
    fn input_mut(&mut self, picture: usize) -> &mut [f32] {
        let samples = match (&mut self.floats, &mut self.input) {
            (Some(floats), _) => &mut floats[..],
            // It could be read when the runner was made, and the request's own tensor stays.
            (None, Input::Own(tensor)) => tensor.get_data_mut().unwrap_or_default(),
            (None, Input::Open(..)) => &mut [],
        };
        nth_picture(samples, self.picture, picture)
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(
        &mut self,
        pictures: usize,
        read: &mut dyn FnMut(&[OutputView<'_>]),
    ) -> Result<(), EngineError> {
        let views = self.infer(pictures).map_err(|error| EngineError::Run {
            kind: KIND,
            reason: words(error),
        })?;
        read(&views);
        Ok(())
    }
}
