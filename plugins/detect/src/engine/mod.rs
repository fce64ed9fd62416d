//! Inference engines: found at run time, none needed to build but the one that is built in.
//!
//! | engine | needs | where it is looked for |
//! |---|---|---|
//! | [`tensorrt`] | an NVIDIA GPU, its driver, `libnvinfer` 8.6, 10 or 11 | see [`vigil_nvidia::tensorrt::search`] |
//! | [`onnxruntime`]'s TensorRT provider | the same, TensorRT 10, and a `libonnxruntime.so` made for GPUs | see [`EngineKind::candidates`] |
//! | [`onnxruntime`]'s CUDA provider | an NVIDIA GPU, its driver, cuDNN, and such a `libonnxruntime.so` | the same |
//! | [`openvino`] | `libopenvino_c.so` ≥ 2025.1 | the same |
//! | [`onnxruntime`] | `libonnxruntime.so` ≥ 1.17 | the same |
//! | [`rten`] | nothing, it is compiled in | |
//!
//! An [`Engine`] is a model loaded once. Each worker thread makes a [`Runner`] of its own from it:
//! runners have their own tensors, and threads of their own inside.

mod batch;
pub mod gpu;
mod half;
mod host;
pub mod onnxruntime;
pub mod openvino;
pub mod rten;
mod search;
pub mod tensorrt;
mod values;

pub(crate) use values::{Kept, Values};

use crate::decode::OutputView;
use crate::model::{InputPlan, OnnxInfo};
use onnxruntime::Provider;
use search::Search;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An engine by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// TensorRT, on an NVIDIA GPU.
    TensorRt,
    /// ONNX Runtime with its TensorRT provider, on an NVIDIA GPU.
    OnnxRuntimeTensorRt,
    /// ONNX Runtime with its CUDA provider, on an NVIDIA GPU.
    OnnxRuntimeCuda,
    /// OpenVINO, a set of shared libraries.
    OpenVino,
    /// ONNX Runtime, a shared library.
    OnnxRuntime,
    /// rten, pure Rust, always there.
    Rten,
}

impl EngineKind {
    /// The engines from the fastest to the one that is always there.
    pub const ALL: [Self; 6] = [
        Self::TensorRt,
        Self::OnnxRuntimeTensorRt,
        Self::OnnxRuntimeCuda,
        Self::OpenVino,
        Self::OnnxRuntime,
        Self::Rten,
    ];

    /// As the property `engine` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TensorRt => "tensorrt",
            Self::OnnxRuntimeTensorRt => "onnxruntime-tensorrt",
            Self::OnnxRuntimeCuda => "onnxruntime-cuda",
            Self::OpenVino => "openvino",
            Self::OnnxRuntime => "onnxruntime",
            Self::Rten => "rten",
        }
    }

    /// Where its library is looked for now, in this order; nowhere if it needs none.
    pub fn candidates(self) -> Vec<PathBuf> {
        self.search().map(Search::candidates).unwrap_or_default()
    }

    /// The folder that `./dev engines` has put its library in. What it fetches is for CPUs.
    pub fn fetched(self) -> Option<PathBuf> {
        self.search().filter(|_| !self.is_on_gpu())?.fetched()
    }

    fn search(self) -> Option<&'static Search> {
        match self {
            Self::OpenVino => Some(&openvino::SEARCH),
            Self::OnnxRuntime | Self::OnnxRuntimeTensorRt | Self::OnnxRuntimeCuda => {
                Some(&onnxruntime::SEARCH)
            }
            // TensorRT is looked for by version: see `vigil_nvidia::tensorrt::search`.
            Self::Rten | Self::TensorRt => None,
        }
    }

    /// Whether it works on a GPU, where threads of ours have nothing to divide.
    pub fn is_on_gpu(self) -> bool {
        match self {
            Self::TensorRt | Self::OnnxRuntimeTensorRt | Self::OnnxRuntimeCuda => true,
            Self::OpenVino | Self::OnnxRuntime | Self::Rten => false,
        }
    }

    /// Whether this machine looks as if it should have it. Of one that is not, nobody wants to hear who
    /// did not ask for it.
    fn is_imaginable(self) -> bool {
        match self {
            Self::TensorRt => gpu::is_imaginable(),
            Self::OnnxRuntimeTensorRt | Self::OnnxRuntimeCuda => onnxruntime::is_for_gpu(),
            Self::OpenVino | Self::OnnxRuntime | Self::Rten => true,
        }
    }
}

/// What an engine calculates in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// As the file says: floats with 32 bits, quantised layers as the integers that they are.
    #[default]
    F32,
    /// Floats with 16 bits, of which 8 are the exponent: about twice as fast on CPUs that have
    /// instructions for it, and boxes move by a pixel or two.
    Bf16,
    /// Floats with 16 bits, of which 5 are the exponent: on GPUs, two to three times as fast; boxes
    /// move by a fraction of a pixel.
    F16,
}

impl Precision {
    /// As the property `precision` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// Whether an engine has it.
    fn is_had_by(self, kind: EngineKind) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => kind == EngineKind::OpenVino,
            Self::F16 => kind.is_on_gpu(),
        }
    }
}

/// So many threads as make sense where this many were asked for: at least one, and at most four
/// for each core, since more gain nothing and thousands take all memory.
pub fn usable_threads(threads: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    threads.clamp(1, 4 * cores)
}

/// A model as an engine takes it.
#[derive(Debug, Clone)]
pub struct ModelSource {
    /// The file, for messages and for data that it refers to.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
    /// What it says of itself.
    pub info: Arc<OnnxInfo>,
    /// What to feed it.
    pub input: InputPlan,
    /// What to calculate in.
    pub precision: Precision,
    /// The most pictures that are wanted in a run.
    pub batch: usize,
    /// The same for an engine on a GPU, which gains by many.
    pub batch_on_gpu: usize,
    /// Number of the GPU, for engines that work on one.
    pub device: u32,
    /// Bytes of its memory that the model may take with all of its workers; `None` for any number.
    pub gpu_memory: Option<usize>,
}

/// Bytes, for people.
struct Mib(usize);

impl std::fmt::Display for Mib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}

impl ModelSource {
    /// The most pictures in a run: as many as the file fixes, or as are wanted.
    pub fn most_pictures(&self) -> usize {
        self.input.batch.unwrap_or(self.batch).max(1)
    }

    /// Shape of the tensor for as many pictures as a run may be of.
    pub fn input_shape(&self) -> [usize; 4] {
        self.input.shape(self.most_pictures())
    }

    /// Shape of the tensor for a run of so many pictures, which is always the same where the file
    /// fixes it.
    fn shape_of_run(&self, pictures: usize) -> [usize; 4] {
        self.input.shape(pictures.clamp(1, self.most_pictures()))
    }

    /// Whether runs may be of different numbers of pictures.
    fn is_open(&self) -> bool {
        self.input.batch.is_none() && self.most_pictures() > 1
    }
}

/// What an engine could not do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The engine is not on this machine.
    #[error("engine {} is not there: {reason}", .kind.as_str())]
    Missing {
        /// Which one.
        kind: EngineKind,
        /// Where it was looked for, and what to do.
        reason: String,
    },
    /// The engine does not take the model.
    #[error("engine {} cannot load the model {}: {reason}", .kind.as_str(), .path.display())]
    Load {
        /// Which one.
        kind: EngineKind,
        /// The model.
        path: PathBuf,
        /// The engine's own words.
        reason: String,
    },
    /// A run failed.
    #[error("engine {}: {reason}", .kind.as_str())]
    Run {
        /// Which one.
        kind: EngineKind,
        /// The engine's own words.
        reason: String,
    },
}

/// A model loaded by an engine. Runners are made on the threads that use them.
pub trait Engine: Send + Sync {
    /// Which engine it is.
    fn kind(&self) -> EngineKind;

    /// Name, version and where it was found, for the log and `stats`.
    fn description(&self) -> String;

    /// Says that so many runners of so many threads each will be made, to work at the same time.
    /// Engines whose runners share nothing have no use for it.
    fn plan_runners(&self, runners: usize, threads: usize) {
        let _ = (runners, threads);
    }

    /// A runner with `threads` threads of its own, the calling one included; see
    /// [`usable_threads`].
    ///
    /// # Errors
    /// The engine refuses the model.
    fn runner(&self, threads: usize) -> Result<Box<dyn Runner>, EngineError>;

    /// The engine, if it is TensorRT, which can do more than run tensors.
    fn tensorrt(self: Arc<Self>) -> Option<Arc<tensorrt::TensorRt>> {
        None
    }

    /// The engine, if it has its tensors on a GPU.
    fn on_gpu(self: Arc<Self>) -> Option<Arc<dyn gpu::GpuEngine>> {
        None
    }
}

/// One thread's way to run a model; it owns the input tensor.
pub trait Runner: Send {
    /// The part of the input tensor for picture `picture` of a run, counted from 0:
    /// `[3, height, width]`, planar. Empty for one beyond [`ModelSource::most_pictures`].
    fn input_mut(&mut self, picture: usize) -> &mut [f32];

    /// Names of the outputs, in the file's order.
    fn output_names(&self) -> &[String];

    /// Runs the model on the first `pictures` pictures of the input, or on as many as the file
    /// fixes, and hands all outputs to `read`, in the file's order and with the batch axis. Integers
    /// and 16-bit floats are handed as f32, an output of any other type as an empty one.
    ///
    /// # Errors
    /// The engine's own.
    fn run(
        &mut self,
        pictures: usize,
        read: &mut dyn FnMut(&[OutputView<'_>]),
    ) -> Result<(), EngineError>;
}

/// Picture `picture`, counted from 0, of an input with so many `numbers` for each; empty beyond it.
fn nth_picture(input: &mut [f32], numbers: usize, picture: usize) -> &mut [f32] {
    let mut pictures = input.chunks_exact_mut(numbers);
    pictures.nth(picture).unwrap_or_default()
}

/// The engine that was chosen, and why.
pub struct Chosen {
    /// The engine, with the model loaded.
    pub engine: Arc<dyn Engine>,
    /// A runner that has been tried on one (grey) picture.
    pub runner: Box<dyn Runner>,
    /// Name and shape of each output that the trial gave.
    pub output_shapes: Vec<(String, Vec<usize>)>,
    /// How long a run takes, once warm.
    pub run_time: Duration,
    /// The most pictures in a run.
    pub batch: usize,
    /// One line for the log and `stats`.
    pub reason: String,
}

/// Loads `model` with the engine `wanted`, or with the best one that takes it, and runs it once.
///
/// # Errors
/// The engine that was asked for is missing or does not take the model; with none asked for, the
/// last one's reason after those of all others.
pub fn choose(
    model: &ModelSource,
    wanted: Option<EngineKind>,
    threads: usize,
) -> Result<Chosen, EngineError> {
    if let Some(kind) = wanted {
        let mut chosen = load_and_try(model, kind, threads)?;
        chosen.reason = format!("{}: asked for", chosen.engine.description());
        return Ok(chosen);
    }
    let mut passed_over = Vec::new();
    let mut last = None;
    for kind in EngineKind::ALL {
        if !kind.is_imaginable() {
            continue;
        }
        match load_and_try(model, kind, threads) {
            Ok(mut chosen) => {
                let description = chosen.engine.description();
                chosen.reason = if passed_over.is_empty() {
                    format!("{description}: the fastest that vigildetect knows")
                } else {
                    format!(
                        "{description}: the best present; {}",
                        passed_over.join("; ")
                    )
                };
                return Ok(chosen);
            }
            Err(error) => {
                passed_over.push(error.to_string());
                last = Some(error);
            }
        }
    }
    Err(match last {
        Some(EngineError::Load { kind, path, .. }) => EngineError::Load {
            kind,
            path,
            reason: passed_over.join("; "),
        },
        Some(error) => error,
        None => unreachable!("there is always an engine to try"),
    })
}

fn load(model: &ModelSource, kind: EngineKind) -> Result<Arc<dyn Engine>, EngineError> {
    if !model.precision.is_had_by(kind) {
        let all = EngineKind::ALL.into_iter();
        let having = all.filter(|kind| model.precision.is_had_by(*kind));
        let having: Vec<_> = having.map(|k| format!("engine={}", k.as_str())).collect();
        return Err(EngineError::Load {
            kind,
            path: model.path.clone(),
            reason: format!(
                "precision={} is there with {} only",
                model.precision.as_str(),
                having.join(", ")
            ),
        });
    }
    Ok(match kind {
        EngineKind::TensorRt => Arc::new(tensorrt::TensorRt::load(model)?),
        EngineKind::OnnxRuntimeTensorRt => {
            Arc::new(onnxruntime::OnGpu::load(model, Provider::TensorRt)?)
        }
        EngineKind::OnnxRuntimeCuda => Arc::new(onnxruntime::OnGpu::load(model, Provider::Cuda)?),
        EngineKind::OpenVino => Arc::new(openvino::OpenVino::load(model)?),
        EngineKind::OnnxRuntime => Arc::new(onnxruntime::OnnxRuntime::load(model)?),
        EngineKind::Rten => Arc::new(rten::Rten::load(model)?),
    })
}

fn load_and_try(
    model: &ModelSource,
    kind: EngineKind,
    threads: usize,
) -> Result<Chosen, EngineError> {
    let on_gpu;
    let model = if kind.is_on_gpu() {
        on_gpu = ModelSource {
            batch: model.batch_on_gpu,
            ..model.clone()
        };
        &on_gpu
    } else {
        model
    };
    let engine = load(model, kind)?;
    if let Some(engine) = engine.clone().on_gpu() {
        engine.room()?;
    }
    let mut runner = engine.runner(threads)?;
    runner.input_mut(0).fill(0.5);
    let shapes = batch::shapes(&mut *runner, 1)?;
    if model.is_open() {
        batch::check(&mut *runner, model, kind, &shapes)?;
    }
    // The first run allocates; the second is what runs are like.
    let started = Instant::now();
    runner.run(1, &mut |_| {})?;
    let run_time = started.elapsed();
    let output_shapes = runner.output_names().iter().cloned().zip(shapes).collect();
    Ok(Chosen {
        engine,
        runner,
        output_shapes,
        run_time,
        // Fewer than the file fixes may be wanted: a run is then filled up.
        batch: model.batch.clamp(1, model.most_pictures()),
        reason: String::new(),
    })
}

/// Whether models may end on a GPU, of those that want this engine, or the best one.
///
/// # Errors
/// Why they do not, as far as is known before a model is loaded.
pub fn may_be_on_gpu(wanted: Option<EngineKind>) -> Result<(), EngineError> {
    let by_tensorrt = || tensorrt::library().map(|_| ());
    match wanted {
        Some(EngineKind::TensorRt) => by_tensorrt(),
        None if !onnxruntime::is_for_gpu() => by_tensorrt(),
        _ => Ok(()),
    }
}
