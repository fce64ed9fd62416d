//! An engine as the pipeline of a worker wants it: pictures in one tensor, results in others.

use super::abi::Shape;
use super::error::TensorRtError;
use super::runtime::{Engine, ExecutionContext};
use super::tensor::{DataType, Tensor, written};
use crate::driver::{CUdeviceptr, DeviceBuffer, DriverError, PinnedBuffer, Stream};
use crate::kernels::Precision;
use crate::pipeline::{Input, Network, PipelineError, Run};

/// An input that is the same for each picture, such as its size, which some models scale boxes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// Extents of one picture's, behind that of the batch.
    pub shape: Shape,
    /// One picture's values, row-major; made 32-bit integers where the engine takes those.
    pub values: Vec<i64>,
}

/// What a network is to be fed and asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring {
    /// Names of the outputs that come first, in this order; the others follow in the engine's.
    pub outputs: Vec<String>,
    /// The inputs besides the pictures.
    pub constants: Vec<Constant>,
}

/// One worker's way to run an engine: an execution context with memory of its own.
#[derive(Debug)]
pub struct TensorRtNetwork {
    execution: ExecutionContext,
    input: Input,
    input_name: String,
    batches: (usize, usize),
    outputs: Vec<Output>,
    constants: Vec<Constant>,
    /// They, on the GPU, for as many pictures as `fed_for`.
    fed: Vec<DeviceBuffer>,
    fed_for: usize,
    /// Pictures and addresses of the run before: what stays the same is not set again.
    pictures: usize,
    addresses: Vec<CUdeviceptr>,
}

#[derive(Debug)]
struct Output {
    name: String,
    data_type: DataType,
    /// Extents of one picture.
    shape: Shape,
    bytes: usize,
}

impl TensorRtNetwork {
    /// With the outputs in the engine's order and no other input than pictures.
    ///
    /// # Errors
    /// As of [`wired`](Self::wired).
    pub fn new(engine: &Engine) -> Result<Self, TensorRtError> {
        Self::wired(engine, Wiring::default())
    }

    /// Takes [`Engine::device_memory`] from the GPU.
    ///
    /// # Errors
    /// [`TensorRtError::Shape`] where the engine's tensors are not those of a detector: one input of
    /// pictures × 3 × height × width in FP32 or FP16, and outputs of a size that is known before; or
    /// not those of the wiring; [`TensorRtError::OutOfMemory`]; the driver's.
    pub fn wired(engine: &Engine, wiring: Wiring) -> Result<Self, TensorRtError> {
        let tensor = the_input(engine, &wiring.constants)?;
        let (input, most) = (input(tensor)?, largest(tensor));
        let (min, max) = tensor.batches();
        let input_name = tensor.name.clone();
        let mut execution = ExecutionContext::new(engine)?;
        execution.set_input_shape(&input_name, &most)?;
        let batch = most.first().copied().unwrap_or(1);
        for constant in &wiring.constants {
            execution.set_input_shape(&constant.name, &constant.of(batch))?;
        }
        let outputs = in_order(engine, &wiring.outputs)?
            .into_iter()
            .map(|tensor| output(&execution, tensor, max))
            .collect::<Result<Vec<_>, _>>()?;
        let count = |extent| usize::try_from(extent).unwrap_or(1).max(1);
        Ok(Self {
            execution,
            input,
            input_name,
            batches: (count(min), count(max)),
            addresses: vec![0; outputs.len() + 1],
            outputs,
            constants: wiring.constants,
            fed: Vec::new(),
            fed_for: 0,
            pictures: count(max),
        })
    }

    /// The engine that it runs.
    pub fn engine(&self) -> &Engine {
        self.execution.engine()
    }

    /// Names of the outputs, in the order of the wiring.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|output| output.name.as_str())
    }

    /// Types and extents of one picture's outputs, in the order of the wiring.
    pub fn output_shapes(&self) -> impl Iterator<Item = (DataType, &[i64])> {
        (self.outputs.iter()).map(|output| (output.data_type, output.shape.as_slice()))
    }

    /// Pictures that a run of so many is of: an engine of a fixed number runs that many, whatever is
    /// in the rest.
    pub fn of_run(&self, pictures: usize) -> usize {
        pictures.max(self.batches.0)
    }

    /// Brings what is the same for each picture to the GPU, for as many as there may ever be.
    fn feed(&mut self) -> Result<(), TensorRtError> {
        let most = self.batches.1;
        if self.constants.is_empty() || self.fed_for >= most {
            return Ok(());
        }
        let gpu = self.engine().context().clone();
        let stream = Stream::new(&gpu)?;
        let fed = self.constants.iter().map(|constant| {
            let tensor = self.engine().inputs().find(|t| t.name == constant.name);
            let bytes = constant.bytes(tensor.map(|t| t.data_type), most);
            let mut pinned = PinnedBuffer::new(&gpu, bytes.len().max(1))?;
            pinned.as_mut_slice()[..bytes.len()].copy_from_slice(&bytes);
            let buffer = DeviceBuffer::new(&gpu, bytes.len().max(1))?;
            // SAFETY: both have so many bytes, and are kept until the stream is waited for.
            unsafe { stream.upload(buffer.pointer(), pinned.pointer(), bytes.len())? };
            stream.synchronize()?;
            Ok(buffer)
        });
        self.fed = fed.collect::<Result<_, DriverError>>()?;
        self.fed_for = most;
        for (constant, buffer) in self.constants.iter().zip(&self.fed) {
            // SAFETY: it is of this context, as large as it can be, and kept.
            unsafe { (self.execution).set_address(&constant.name, buffer.pointer())? };
        }
        Ok(())
    }

    fn set_pictures(&mut self, pictures: usize) -> Result<(), TensorRtError> {
        self.feed()?;
        let pictures = self.of_run(pictures);
        if pictures == self.pictures {
            return Ok(());
        }
        let (height, width) = (i64::from(self.input.height), i64::from(self.input.width));
        let shape = [pictures as i64, 3, height, width];
        self.execution.set_input_shape(&self.input_name, &shape)?;
        for constant in &self.constants {
            let shape = constant.of(pictures as i64);
            self.execution.set_input_shape(&constant.name, &shape)?;
        }
        self.pictures = pictures;
        Ok(())
    }

    fn queue(&mut self, stream: &Stream, run: &Run) -> Result<(), TensorRtError> {
        self.set_pictures(run.pictures)?;
        let names = [self.input_name.as_str()].into_iter();
        let names = names.chain(self.outputs.iter().map(|output| output.name.as_str()));
        let addresses = [run.input].into_iter().chain(run.outputs.iter().copied());
        for ((name, address), last) in names.zip(addresses).zip(&mut self.addresses) {
            if *last != address {
                // SAFETY: the pipeline's tensors are of this context, as large as the most pictures
                // it has prepared for, and stay until the run is done.
                unsafe { self.execution.set_address(name, address)? };
                *last = address;
            }
        }
        self.execution.enqueue(stream)
    }
}

impl Network for TensorRtNetwork {
    fn most_pictures(&self) -> usize {
        self.batches.1
    }

    fn input(&self) -> Input {
        self.input
    }

    fn outputs(&self) -> Vec<usize> {
        self.outputs.iter().map(|output| output.bytes).collect()
    }

    fn prepare(&mut self, pictures: usize) -> Result<(), PipelineError> {
        let (min, max) = self.batches;
        if pictures < min || pictures > max {
            let error = TensorRtError::Shape {
                what: format!("runs of {pictures} pictures"),
                needed: format!("it was built for {min} to {max}"),
            };
            return Err(error.into());
        }
        Ok(self.set_pictures(pictures)?)
    }

    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError> {
        Ok(self.queue(stream, run)?)
    }

    fn can_be_recorded(&self) -> bool {
        true
    }
}

impl From<TensorRtError> for PipelineError {
    fn from(error: TensorRtError) -> Self {
        match error {
            TensorRtError::Driver(error) => Self::Driver(error),
            // So that fewer pictures are tried.
            TensorRtError::OutOfMemory { call, .. } => Self::Driver(DriverError::OutOfMemory {
                call,
                bytes: None,
                free: None,
            }),
            other => Self::Network(Box::new(other)),
        }
    }
}

impl Constant {
    /// Its shape for so many pictures.
    fn of(&self, pictures: i64) -> Shape {
        [&[pictures], &self.shape[..]].concat()
    }

    fn bytes(&self, kind: Option<DataType>, pictures: usize) -> Vec<u8> {
        let all = self.values.repeat(pictures);
        match kind {
            // TensorRT 8.6 has no integers of 64 bits.
            Some(DataType::Int32) => (all.iter())
                .flat_map(|value| (*value as i32).to_ne_bytes())
                .collect(),
            _ => all.iter().flat_map(|value| value.to_ne_bytes()).collect(),
        }
    }
}

/// The input that takes pictures: the only one that is no constant.
fn the_input<'a>(engine: &'a Engine, constants: &[Constant]) -> Result<&'a Tensor, TensorRtError> {
    let is_constant = |tensor: &&Tensor| constants.iter().any(|c| c.name == tensor.name);
    let mut inputs = engine.inputs().filter(|tensor| !is_constant(tensor));
    match (inputs.next(), inputs.next()) {
        (Some(tensor), None) => Ok(tensor),
        _ => {
            let inputs: Vec<_> = engine.inputs().map(|t| format!("'{}'", t.name)).collect();
            Err(TensorRtError::Shape {
                what: "one tensor of pictures".into(),
                needed: format!("it has the inputs {}", inputs.join(", ")),
            })
        }
    }
}

/// The outputs, those of these names first.
fn in_order<'a>(engine: &'a Engine, names: &[String]) -> Result<Vec<&'a Tensor>, TensorRtError> {
    let named = |name: &String| {
        let found = engine.outputs().find(|tensor| tensor.name == *name);
        found.ok_or_else(|| TensorRtError::Shape {
            what: format!("an output '{name}'"),
            needed: format!(
                "it has {}",
                (engine
                    .outputs()
                    .map(|t| t.name.as_str())
                    .collect::<Vec<_>>())
                .join(", ")
            ),
        })
    };
    let mut outputs: Vec<_> = names.iter().map(named).collect::<Result<_, _>>()?;
    let others = engine.outputs().filter(|t| !names.contains(&t.name));
    outputs.extend(others);
    Ok(outputs)
}

/// The largest shape of an input.
fn largest(tensor: &Tensor) -> Shape {
    (tensor.profile.as_ref()).map_or_else(|| tensor.shape.clone(), |profile| profile.max.clone())
}

fn input(tensor: &Tensor) -> Result<Input, TensorRtError> {
    let shape = largest(tensor);
    let precision = match tensor.data_type {
        DataType::Float => Some(Precision::Single),
        DataType::Half => Some(Precision::Half),
        _ => None,
    };
    let side = |at: usize| shape.get(at).and_then(|extent| u32::try_from(*extent).ok());
    match (&shape[..], precision, side(3), side(2)) {
        ([_, 3, _, _], Some(precision), Some(width), Some(height)) if tensor.is_linear => {
            Ok(Input {
                width,
                height,
                precision,
            })
        }
        _ => Err(TensorRtError::Shape {
            what: "pictures × 3 × height × width in FP32 or FP16".into(),
            needed: format!(
                "its input '{}' is {} of {:?}, {}",
                tensor.name,
                written(&shape),
                tensor.data_type,
                tensor.format,
            ),
        }),
    }
}

fn output(
    execution: &ExecutionContext,
    tensor: &Tensor,
    batch: i64,
) -> Result<Output, TensorRtError> {
    let unknown = |why: &str| TensorRtError::Shape {
        what: format!("the output '{}' of {}", tensor.name, written(&tensor.shape)),
        needed: why.to_owned(),
    };
    let shape = execution.shape(&tensor.name)?;
    let shape = shape.ok_or_else(|| unknown("its size depends on what is in the pictures"))?;
    let bytes = tensor.data_type.bytes();
    let bytes = bytes.ok_or_else(|| unknown("its numbers are of less than 8 bits"))?;
    match &shape[..] {
        [first, rest @ ..] if *first == batch && tensor.on_device && tensor.is_linear => {
            let count = rest.iter().product::<i64>();
            Ok(Output {
                name: tensor.name.clone(),
                data_type: tensor.data_type,
                shape: rest.to_vec(),
                bytes: usize::try_from(count).unwrap_or(0) * bytes,
            })
        }
        _ => Err(unknown("its first extent is not the number of pictures")),
    }
}
