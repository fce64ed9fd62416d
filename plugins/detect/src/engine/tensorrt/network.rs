//! An engine of TensorRT's as `vigil-nvidia`'s pipeline runs it.

use super::{failed, pipeline_error};
use crate::engine::{EngineError, ModelSource};
use crate::model::{ConstantInput, ConstantValues, OutputRef};
use vigil_nvidia::driver::{DeviceBuffer, DriverError, PinnedBuffer, Stream};
use vigil_nvidia::kernels::Precision;
use vigil_nvidia::pipeline::{Input, Network as Runs, PipelineError, Run};
use vigil_nvidia::tensorrt::{DataType, Engine, ExecutionContext, Tensor, TensorRtError};

/// One worker's way to run an engine: an execution context, and what it is fed besides pictures.
pub struct Network {
    context: ExecutionContext,
    engine: Engine,
    /// Name of the input that takes pictures.
    name: String,
    input: Input,
    /// Places of the outputs among the engine's tensors, in the order in which they are handed on.
    outputs: Vec<usize>,
    /// Bytes of each for a picture.
    bytes: Vec<usize>,
    /// Pictures of each run, where the engine fixes them.
    fixed: Option<usize>,
    most: usize,
    constants: Vec<ConstantInput>,
    /// They, on the GPU, and for how many pictures.
    fed: Vec<(String, DeviceBuffer)>,
    fed_for: usize,
    /// Of the run before.
    pictures: usize,
}

impl Network {
    /// A network whose outputs come in this order, and then those that are not named.
    ///
    /// # Errors
    /// The engine has other inputs or outputs than the model, or such as cannot be run here; the GPU
    /// has no memory for an execution context.
    pub(super) fn new(
        engine: &Engine,
        model: &ModelSource,
        order: &[OutputRef],
    ) -> Result<Self, EngineError> {
        let refused = |reason: String| failed(model, reason);
        let plan = &model.input;
        let input = engine.inputs().find(|tensor| tensor.name == plan.name);
        let input = input.ok_or_else(|| refused(format!("it has no input '{}'", plan.name)))?;
        let precision = match input.data_type {
            DataType::Float => Precision::Single,
            DataType::Half => Precision::Half,
            other => return Err(refused(format!("its input is of {other:?}, not of floats"))),
        };
        let outputs = ordered(engine, order).map_err(refused)?;
        let bytes = outputs
            .iter()
            .map(|i| bytes_of_picture(&engine.tensors()[*i]))
            .collect::<Result<_, _>>()
            .map_err(refused)?;
        let fixed = match input.batches() {
            (least, most) if least == most => Some(most.max(1) as usize),
            _ => None,
        };
        let context = ExecutionContext::new(engine).map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            context,
            engine: engine.clone(),
            name: plan.name.clone(),
            input: Input {
                width: plan.width,
                height: plan.height,
                precision,
            },
            outputs,
            bytes,
            fixed,
            most: fixed.unwrap_or(input.batches().1.max(1) as usize),
            constants: plan.constants.clone(),
            fed: Vec::new(),
            fed_for: 0,
            pictures: 0,
        })
    }

    /// The outputs, in the order in which they are handed on.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &Tensor> {
        self.outputs.iter().map(|i| &self.engine.tensors()[*i])
    }

    /// Pictures of a run of so many: always the same where the engine fixes them.
    pub(super) fn of_run(&self, pictures: usize) -> usize {
        self.fixed.unwrap_or(pictures)
    }

    /// Brings the inputs that are the same for each run to the GPU.
    fn feed(&mut self, pictures: usize) -> Result<(), PipelineError> {
        if self.constants.is_empty() || self.fed_for == pictures {
            return Ok(());
        }
        let gpu = self.engine.context();
        let stream = Stream::new(gpu)?;
        self.fed.clear();
        self.fed_for = 0;
        for constant in &self.constants {
            let constant = constant.of_pictures(pictures);
            let tensor = self.engine.inputs().find(|t| t.name == constant.name);
            // TensorRT 8.6 makes 32-bit integers of all integers.
            let bytes = encoded(
                &constant.values,
                tensor.map_or(DataType::Int64, |t| t.data_type),
            );
            let mut pinned = PinnedBuffer::new(gpu, bytes.len().max(1))?;
            pinned.as_mut_slice()[..bytes.len()].copy_from_slice(&bytes);
            let buffer = DeviceBuffer::new(gpu, bytes.len().max(1))?;
            // SAFETY: both have so many bytes and are kept until the stream is waited for.
            unsafe { stream.upload(buffer.pointer(), pinned.pointer(), bytes.len())? };
            stream.synchronize()?;
            let shape: Vec<i64> = constant.shape.iter().map(|n| *n as i64).collect();
            (self.context)
                .set_input_shape(&constant.name, &shape)
                .map_err(pipeline_error)?;
            self.fed.push((constant.name, buffer));
        }
        self.fed_for = pictures;
        Ok(())
    }

    fn set_pictures(&mut self, pictures: usize) -> Result<(), PipelineError> {
        let pictures = self.of_run(pictures);
        if self.pictures == pictures {
            return Ok(());
        }
        let Input { width, height, .. } = self.input;
        let shape = [pictures as i64, 3, i64::from(height), i64::from(width)];
        (self.context)
            .set_input_shape(&self.name, &shape)
            .map_err(pipeline_error)?;
        self.feed(pictures)?;
        self.pictures = pictures;
        Ok(())
    }
}

impl Runs for Network {
    fn most_pictures(&self) -> usize {
        self.most
    }

    fn input(&self) -> Input {
        self.input
    }

    fn outputs(&self) -> Vec<usize> {
        self.bytes.clone()
    }

    fn prepare(&mut self, pictures: usize) -> Result<(), PipelineError> {
        match self.fixed {
            // What it writes does not fit into less.
            Some(fixed) if pictures < fixed => {
                Err(pipeline_error(TensorRtError::Shape {
                    what: format!("runs of {pictures} pictures, for which there is memory"),
                    needed: format!("its file fixes {fixed}; export it with a dynamic batch axis"),
                }))
            }
            _ => self.set_pictures(pictures),
        }
    }

    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError> {
        self.set_pictures(run.pictures)?;
        let tensors = self.engine.tensors();
        let outputs = self.outputs.iter().map(|i| tensors[*i].name.as_str());
        let outputs = outputs.zip(run.outputs.iter().copied());
        let fed = self.fed.iter().map(|(name, b)| (name.as_str(), b.pointer()));
        let all = outputs.chain(fed).chain([(self.name.as_str(), run.input)]);
        for (name, address) in all {
            // SAFETY: the caller has memory for as many pictures as it has prepared, no fewer than
            // these, and keeps it until the stream has passed; what is fed is kept here.
            unsafe { self.context.set_address(name, address) }.map_err(pipeline_error)?;
        }
        self.context.enqueue(stream).map_err(pipeline_error)
    }

    fn can_be_recorded(&self) -> bool {
        true
    }
}

/// The places of the engine's outputs: those that are named first, in that order.
fn ordered(engine: &Engine, order: &[OutputRef]) -> Result<Vec<usize>, String> {
    let tensors = engine.tensors();
    let place = |output: &OutputRef| {
        let is_it = |tensor: &Tensor| !tensor.is_input && tensor.name == output.name;
        let place = tensors.iter().position(is_it);
        place.ok_or_else(|| format!("it has no output '{}'", output.name))
    };
    let mut places: Vec<_> = order.iter().map(place).collect::<Result<_, _>>()?;
    let others: Vec<_> = (0..tensors.len())
        .filter(|i| !tensors[*i].is_input && !places.contains(i))
        .collect();
    places.extend(others);
    Ok(places)
}

/// Bytes that an output has for each picture.
fn bytes_of_picture(tensor: &Tensor) -> Result<usize, String> {
    let Tensor {
        name, data_type, ..
    } = tensor;
    if !tensor.on_device || !tensor.is_linear {
        return Err(format!(
            "its output '{name}' is not plain GPU memory ({})",
            tensor.format
        ));
    }
    let each = data_type
        .bytes()
        .ok_or_else(|| format!("its output '{name}' is of {data_type:?}"))?;
    let extents = tensor.shape.iter().skip(1);
    let extents = extents.map(|n| usize::try_from(*n).ok());
    let elements = extents.reduce(|a, b| a?.checked_mul(b?)).unwrap_or(Some(1));
    elements
        .and_then(|n| n.checked_mul(each))
        .ok_or_else(|| {
            format!(
                "its output '{name}' has as many rows as there are objects: export the model without \
                 suppression of doubles (NMS), which vigildetect does"
            )
        })
}

fn encoded(values: &ConstantValues, kind: DataType) -> Vec<u8> {
    let wide: Vec<i64> = match values {
        ConstantValues::I32(values) => values.iter().map(|v| i64::from(*v)).collect(),
        ConstantValues::I64(values) => values.clone(),
    };
    match kind {
        DataType::Int32 => wide.iter().flat_map(|v| (*v as i32).to_ne_bytes()).collect(),
        _ => wide.iter().flat_map(|v| v.to_ne_bytes()).collect(),
    }
}

/// The memory of one run on the host's side, for [`Runner`](crate::engine::Runner).
pub(super) struct HostRun {
    network: Network,
    stream: Stream,
    input: DeviceBuffer,
    pinned: PinnedBuffer,
    outputs: Vec<(DeviceBuffer, PinnedBuffer)>,
    pointers: Vec<u64>,
}

impl HostRun {
    /// For runs of up to so many pictures.
    pub fn new(mut network: Network, pictures: usize) -> Result<Self, PipelineError> {
        network.prepare(pictures)?;
        let gpu = network.engine.context().clone();
        let Input {
            width,
            height,
            precision,
        } = network.input;
        let samples = pictures * 3 * width as usize * height as usize;
        let outputs = network.bytes.iter().map(|bytes| {
            let bytes = (bytes * pictures).max(1);
            Ok((DeviceBuffer::new(&gpu, bytes)?, PinnedBuffer::new(&gpu, bytes)?))
        });
        let outputs = outputs.collect::<Result<Vec<_>, DriverError>>()?;
        Ok(Self {
            stream: Stream::new(&gpu)?,
            input: DeviceBuffer::new(&gpu, samples * precision.bytes())?,
            pinned: PinnedBuffer::new(&gpu, samples * precision.bytes())?,
            pointers: outputs.iter().map(|(buffer, _)| buffer.pointer()).collect(),
            outputs,
            network,
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Numbers of the input.
    pub fn precision(&self) -> Precision {
        self.network.input.precision
    }

    /// The bytes of the input, for [`run`](Self::run) to send.
    pub fn input_mut(&mut self) -> &mut [u8] {
        self.pinned.as_mut_slice()
    }

    /// The bytes that an output had in the last run, for so many pictures.
    pub fn output(&self, output: usize, pictures: usize) -> &[u8] {
        let bytes = self.network.bytes[output] * pictures;
        &self.outputs[output].1.as_slice()[..bytes]
    }

    /// Runs on so many pictures, and waits.
    pub fn run(&mut self, pictures: usize) -> Result<(), PipelineError> {
        let pictures = self.network.of_run(pictures);
        let Input {
            width,
            height,
            precision,
        } = self.network.input;
        let bytes = pictures * 3 * (width as usize) * (height as usize) * precision.bytes();
        let bytes = bytes.min(self.pinned.bytes());
        let _current = self.network.engine.context().clone();
        let _current = _current.enter()?;
        // SAFETY: both have room for it, and are left alone until the stream is waited for.
        unsafe { (self.stream).upload(self.input.pointer(), self.pinned.pointer(), bytes)? };
        let run = Run {
            pictures,
            input: self.input.pointer(),
            outputs: &self.pointers,
        };
        let run = self.network.enqueue(&self.stream, &run);
        let copied = run.and_then(|()| {
            for ((device, pinned), bytes) in self.outputs.iter().zip(&self.network.bytes) {
                // SAFETY: as above.
                unsafe {
                    (self.stream).download(pinned.pointer(), device.pointer(), bytes * pictures)?;
                }
            }
            Ok(())
        });
        // Even where something failed: what is running uses this memory.
        let done = self.stream.synchronize();
        copied?;
        Ok(done?)
    }
}
