//! A session as the pipeline of a worker wants it: bound to a stream and to the GPU's memory.

use super::binding::{Binding, DeviceTensor};
use super::{Feed, SessionRunner};
use crate::decode::OutputView;
use crate::engine::gpu::GpuNetwork;
use crate::engine::{ModelSource, Runner};
use crate::model::OutputRef;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{RunOptions, Session};
use ort::value::TensorElementType;
use std::ffi::CString;
use std::sync::Arc;
use vigil_nvidia::driver::{CUdeviceptr, DriverError, Stream};
use vigil_nvidia::kernels::Precision;
use vigil_nvidia::pipeline::{Input, Network, PipelineError, Run};
use vigil_nvidia::tensorrt::DataType;

/// One worker's session.
pub(super) struct OrtNetwork {
    /// Goes before the session that it is of.
    bound: Option<Bound>,
    session: Session,
    options: RunOptions,
    memory: MemoryInfo<'static>,
    input_name: CString,
    outputs: Vec<Output>,
    /// What the trial on system memory gave, until it is compared.
    expected: Vec<f32>,
    model: ModelSource,
    /// The session's work is on it; it goes last.
    stream: Arc<Stream>,
}

/// What is bound: it stays as long as addresses and the number of pictures do.
struct Bound {
    binding: Binding,
    /// Kept for the inputs that are the same for each picture.
    _feed: Feed,
    pictures: usize,
    addresses: Vec<CUdeviceptr>,
}

struct Output {
    name: CString,
    kind: DataType,
    /// Of one picture.
    shape: Vec<usize>,
}

impl Output {
    fn bytes(&self) -> usize {
        self.kind.bytes().unwrap_or(0) * self.shape.iter().product::<usize>()
    }
}

/// What cannot be run on a GPU.
#[derive(Debug, thiserror::Error)]
pub(super) enum NetworkError {
    #[error("{0}")]
    Session(String),
    #[error("output {name} {why}: its tensors cannot stay on the GPU")]
    Output { name: String, why: String },
}

impl From<ort::Error> for NetworkError {
    fn from(error: ort::Error) -> Self {
        Self::Session(error.to_string())
    }
}

/// Whether ONNX Runtime says that memory is short.
fn is_out_of_memory(text: &str) -> bool {
    let text = text.to_lowercase();
    [
        "out of memory",
        "failed to allocate memory",
        "available memory of",
        "cuda failure 2:",
    ]
    .iter()
    .any(|part| text.contains(part))
}

impl OrtNetwork {
    /// With a session whose work is on `stream`, which is tried on as many pictures as a run may be of.
    /// Outputs come in the session's order.
    pub fn new(
        session: Session,
        model: &ModelSource,
        stream: &Arc<Stream>,
    ) -> Result<Self, NetworkError> {
        let (session, outputs, expected) = try_out(session, model)?;
        let device = AllocationDevice::CUDA;
        let (id, arena, use_) = (
            model.device as i32,
            AllocatorType::Device,
            MemoryType::Default,
        );
        let mut options = RunOptions::new()?;
        // A run is over when the stream is; nobody waits for it in the library.
        options.disable_device_sync()?;
        Ok(Self {
            bound: None,
            session,
            options,
            memory: MemoryInfo::new(device, id, arena, use_)?,
            input_name: c_name(&model.input.name)?,
            outputs,
            expected,
            model: model.clone(),
            stream: stream.clone(),
        })
    }

    /// Brings these outputs to the front, in their order.
    pub fn in_order(&mut self, outputs: &[OutputRef]) {
        let named = |output: &Output| {
            let name = output.name.to_string_lossy();
            let place = outputs.iter().position(|wanted| wanted.name == name);
            place.unwrap_or(outputs.len())
        };
        self.outputs.sort_by_key(named);
        self.bound = None;
    }

    /// What the first picture of the trial gave: all values of all outputs.
    pub fn take_expected(&mut self) -> Vec<f32> {
        std::mem::take(&mut self.expected)
    }

    /// The stream that its work is on.
    pub fn stream(&self) -> Arc<Stream> {
        self.stream.clone()
    }

    /// Names of the outputs, in their order.
    pub fn output_names(&self) -> Vec<String> {
        let name = |output: &Output| output.name.to_string_lossy().into_owned();
        self.outputs.iter().map(name).collect()
    }

    /// Binds the tensors of a run, where it is not as the one before.
    fn bind(&mut self, pictures: usize, run: &Run) -> Result<(), ort::Error> {
        let addresses = [run.input].into_iter().chain(run.outputs.iter().copied());
        if let Some(bound) = &self.bound
            && bound.pictures == pictures
            && addresses.clone().eq(bound.addresses.iter().copied())
        {
            return Ok(());
        }
        self.bound = None;
        let binding = Binding::new(&self.session)?;
        let feed = Feed::new(&self.model, pictures)?;
        for (name, tensor) in &feed.constants {
            binding.constant(&c_name(name)?, tensor)?;
        }
        let shape = feed.shape.map(|extent| extent as i64);
        let kind = match self.model.input.half {
            true => DataType::Half,
            false => DataType::Float,
        };
        let memory = &self.memory;
        // SAFETY: the pipeline's tensors are of this device, as large as the most pictures it has
        // prepared for, and stay until the run is done.
        unsafe {
            let tensor = device_tensor(memory, run.input, kind, &shape);
            binding.input(&self.input_name, &tensor)?;
            for (output, address) in self.outputs.iter().zip(run.outputs) {
                let shape = output.shape.iter().map(|extent| *extent as i64);
                let shape: Vec<_> = [pictures as i64].into_iter().chain(shape).collect();
                let tensor = device_tensor(memory, *address, output.kind, &shape);
                binding.output(&output.name, &tensor)?;
            }
        }
        self.bound = Some(Bound {
            binding,
            _feed: feed,
            pictures,
            addresses: addresses.collect(),
        });
        Ok(())
    }

    fn failed(&self, error: &ort::Error) -> PipelineError {
        // What the library cannot know of: the GPU may be lost.
        if let Err(lost) = self.stream.is_done()
            && lost.lost().is_some()
        {
            return lost.into();
        }
        let text = error.to_string();
        if is_out_of_memory(&text) {
            return PipelineError::Driver(DriverError::OutOfMemory {
                call: "RunWithBinding",
                bytes: None,
                free: None,
            });
        }
        PipelineError::Network(text.into())
    }
}

impl Network for OrtNetwork {
    fn most_pictures(&self) -> usize {
        self.model.most_pictures()
    }

    fn input(&self) -> Input {
        Input {
            width: self.model.input.width,
            height: self.model.input.height,
            precision: match self.model.input.half {
                true => Precision::Half,
                false => Precision::Single,
            },
        }
    }

    fn outputs(&self) -> Vec<usize> {
        self.outputs.iter().map(Output::bytes).collect()
    }

    fn prepare(&mut self, pictures: usize) -> Result<(), PipelineError> {
        let [of_run, ..] = self.model.shape_of_run(pictures);
        match of_run > pictures {
            true => Err(PipelineError::Network(
                format!("runs of {pictures} pictures: the model takes {of_run}").into(),
            )),
            // The library takes memory when it runs.
            false => Ok(()),
        }
    }

    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError> {
        if stream.raw() != self.stream.raw() {
            return Err(PipelineError::Network(
                "the session is bound to another stream".into(),
            ));
        }
        let [pictures, ..] = self.model.shape_of_run(run.pictures);
        self.bind(pictures, run)
            .map_err(|error| self.failed(&error))?;
        let Some(bound) = &self.bound else {
            return Ok(());
        };
        let run = bound.binding.run(&mut self.session, &self.options);
        run.map_err(|error| self.failed(&error))
    }

    /// The library takes memory and may wait in the middle of a run, which cannot be recorded.
    fn can_be_recorded(&self) -> bool {
        false
    }
}

impl GpuNetwork for OrtNetwork {
    fn tensors(&self) -> Vec<(DataType, Vec<usize>)> {
        let tensor = |output: &Output| (output.kind, output.shape.clone());
        self.outputs.iter().map(tensor).collect()
    }
}

/// A sample of the pictures that a session is tried on.
pub(super) const TRIED: f32 = 0.5;

/// The values of the first picture in all outputs.
pub(super) fn first_picture(outputs: &[OutputView]) -> Vec<f32> {
    let of_first = |output: &OutputView| {
        let pictures = output.shape.first().copied().unwrap_or(1).max(1);
        output.data[..output.data.len() / pictures].to_vec()
    };
    outputs.iter().flat_map(of_first).collect()
}

/// Runs a session on tensors in system memory, and looks what comes out.
fn try_out(
    session: Session,
    model: &ModelSource,
) -> Result<(Session, Vec<Output>, Vec<f32>), NetworkError> {
    let kinds: Vec<_> = (session.outputs().iter())
        .map(|output| (output.name().to_owned(), output.dtype().tensor_type()))
        .collect();
    let mut runner = SessionRunner::new(session, model)?;
    let pictures = model.most_pictures();
    for picture in 0..pictures {
        runner.input_mut(picture).fill(TRIED);
    }
    let (mut shapes, mut expected) = (Vec::new(), Vec::new());
    runner
        .run(pictures, &mut |outputs| {
            shapes = outputs.iter().map(|o| o.shape.to_vec()).collect();
            expected = first_picture(outputs);
        })
        .map_err(|error| NetworkError::Session(error.to_string()))?;
    let [pictures, ..] = model.shape_of_run(pictures);
    let outputs = kinds.into_iter().zip(shapes).map(|((name, kind), shape)| {
        let refuse = |why: String| NetworkError::Output {
            name: name.clone(),
            why,
        };
        let kind = kind
            .and_then(data_type)
            .ok_or_else(|| refuse(format!("is of {kind:?}, which detectors do not give")))?;
        match shape.split_first() {
            Some((first, rest)) if *first == pictures => Ok(Output {
                name: c_name(&name)?,
                kind,
                shape: rest.to_vec(),
            }),
            _ => Err(refuse(format!(
                "has the shape {shape:?} for {pictures} pictures"
            ))),
        }
    });
    let outputs = outputs.collect::<Result<_, _>>()?;
    Ok((runner.session, outputs, expected))
}

fn data_type(kind: TensorElementType) -> Option<DataType> {
    Some(match kind {
        TensorElementType::Float32 => DataType::Float,
        TensorElementType::Float16 => DataType::Half,
        TensorElementType::Int32 => DataType::Int32,
        TensorElementType::Int64 => DataType::Int64,
        _ => return None,
    })
}

fn device_tensor<'a>(
    memory: &'a MemoryInfo<'static>,
    address: CUdeviceptr,
    kind: DataType,
    shape: &'a [i64],
) -> DeviceTensor<'a> {
    let count: i64 = shape.iter().product();
    DeviceTensor {
        memory,
        address,
        bytes: count as usize * kind.bytes().unwrap_or(0),
        shape,
        kind: match kind {
            DataType::Half => TensorElementType::Float16,
            DataType::Int32 => TensorElementType::Int32,
            DataType::Int64 => TensorElementType::Int64,
            _ => TensorElementType::Float32,
        },
    }
}

fn c_name(name: &str) -> Result<CString, ort::Error> {
    CString::new(name).map_err(|_| ort::Error::new(format!("{name:?} has a zero in it")))
}
