//! The GPUs of this machine, as all elements of the process share them, and what an engine on one has
//! to be.

use super::{Engine, EngineError, EngineKind};
use crate::model::OutputRef;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use vigil_nvidia::driver::{Context, Driver, DriverError, Stream};
use vigil_nvidia::kernels::Kernels;
use vigil_nvidia::pipeline::{Network, PipelineError};
use vigil_nvidia::tensorrt::DataType;

/// Workers of a GPU: while the GPU works on the batch of one, the other gets the next one ready.
pub const WORKERS: usize = 2;

/// A GPU: its primary context, in which DeepStream and CUDA's runtime work too, and our kernels. The
/// last that uses it lets the context go.
pub struct Gpu {
    kernels: Kernels,
    context: Context,
}

/// Those in use, by number.
static GPUS: Mutex<Vec<(u32, Weak<Gpu>)>> = Mutex::new(Vec::new());

impl Gpu {
    /// The GPU of this number.
    ///
    /// # Errors
    /// No driver, or no such GPU: with what was found, and what would be right.
    pub fn get(number: u32) -> Result<Arc<Self>, DriverError> {
        let mut gpus = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
        gpus.retain(|(_, gpu)| gpu.strong_count() > 0);
        let known = gpus.iter().find(|(n, _)| *n == number);
        if let Some(gpu) = known.and_then(|(_, gpu)| gpu.upgrade()) {
            return Ok(gpu);
        }
        let device = Driver::load()?.device(number as usize)?;
        let context = Context::primary(&device)?;
        let kernels = Kernels::load(&context)?;
        let gpu = Arc::new(Self { kernels, context });
        gpus.push((number, Arc::downgrade(&gpu)));
        Ok(gpu)
    }

    /// Where it works.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What prepares pictures and decodes outputs there.
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }
}

/// Whether this machine looks as if it should have a GPU: there is a driver's library.
pub(super) fn is_imaginable() -> bool {
    !matches!(Driver::load(), Err(DriverError::Library { .. }))
}

/// Why an engine is not there, for want of a GPU.
pub(super) fn missing(kind: EngineKind) -> impl Fn(DriverError) -> EngineError {
    move |error| EngineError::Missing {
        kind,
        reason: error.to_string(),
    }
}

/// What the pipeline says, as the error of a run.
pub fn error_of(kind: EngineKind, error: &PipelineError) -> EngineError {
    EngineError::Run {
        kind,
        reason: error.to_string(),
    }
}

/// An engine that has its tensors on a GPU, so that pictures are prepared and outputs decoded there:
/// see [`GpuDetector`](crate::gpu::GpuDetector).
pub trait GpuEngine: Engine {
    /// The GPU that it is on.
    fn gpu(&self) -> &Gpu;

    /// One worker's way to run it, on a stream of its own, with outputs in this order and then those
    /// that are not named.
    ///
    /// # Errors
    /// The GPU has no memory for it, or its outputs are none that stay on a GPU.
    fn network(&self, outputs: &[OutputRef]) -> Result<OnStream, EngineError>;

    /// Bytes that one worker's batches may take beside the engine, by the property `gpu-memory`;
    /// `None` without a limit.
    ///
    /// # Errors
    /// The engine alone takes more than is allowed.
    fn room(&self) -> Result<Option<usize>, EngineError>;
}

/// A network, and the stream that its runs are on.
pub struct OnStream {
    /// It has to be dropped before its stream.
    pub network: Box<dyn GpuNetwork>,
    /// The stream.
    pub stream: Arc<Stream>,
}

/// A network that says what its outputs are.
pub trait GpuNetwork: Network {
    /// Type, and shape of one picture's, of each output, in the network's order.
    fn tensors(&self) -> Vec<(DataType, Vec<usize>)>;
}
