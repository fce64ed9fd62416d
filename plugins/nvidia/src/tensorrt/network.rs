//! An engine as the pipeline of a worker wants it: pictures in one tensor, results in others.

use super::abi::Shape;
use super::error::TensorRtError;
use super::runtime::{Engine, ExecutionContext};
use super::tensor::{DataType, Tensor, written};
use crate::driver::{CUdeviceptr, DriverError, Stream};
use crate::kernels::Precision;
use crate::pipeline::{Input, Network, PipelineError, Run};

/// One worker's way to run an engine: an execution context with memory of its own.
#[derive(Debug)]
pub struct TensorRtNetwork {
    execution: ExecutionContext,
    input: Input,
    input_name: String,
    batches: (usize, usize),
    outputs: Vec<Output>,
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
    /// Takes [`Engine::device_memory`] from the GPU.
    ///
    /// # Errors
    /// [`TensorRtError::Shape`] where the engine's tensors are not those of a detector: one input of
    /// pictures × 3 × height × width in FP32 or FP16, and outputs of a size that is known before;
    /// [`TensorRtError::OutOfMemory`]; the driver's.
    pub fn new(engine: &Engine) -> Result<Self, TensorRtError> {
        let tensor = the_input(engine)?;
        let (input, most) = (input(tensor)?, largest(tensor));
        let (min, max) = tensor.batches();
        let input_name = tensor.name.clone();
        let mut execution = ExecutionContext::new(engine)?;
        execution.set_input_shape(&input_name, &most)?;
        let outputs = engine
            .outputs()
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
            pictures: count(max),
        })
    }

    /// Names of the outputs, in the engine's order.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|output| output.name.as_str())
    }

    /// Types and extents of one picture's outputs, in the engine's order.
    pub fn output_shapes(&self) -> impl Iterator<Item = (DataType, &[i64])> {
        (self.outputs.iter()).map(|output| (output.data_type, output.shape.as_slice()))
    }

    fn set_pictures(&mut self, pictures: usize) -> Result<(), TensorRtError> {
        // An engine of a fixed number runs that many, whatever is in the rest.
        let pictures = pictures.max(self.batches.0);
        if pictures == self.pictures {
            return Ok(());
        }
        let (height, width) = (i64::from(self.input.height), i64::from(self.input.width));
        let shape = [pictures as i64, 3, height, width];
        self.execution.set_input_shape(&self.input_name, &shape)?;
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

fn the_input(engine: &Engine) -> Result<&Tensor, TensorRtError> {
    let mut inputs = engine.inputs();
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
