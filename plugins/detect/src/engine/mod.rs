//! Inference engines: found at run time, none needed to build but the one that is built in.
//!
//! | engine | needs | where it is looked for |
//! |---|---|---|
//! | [`onnxruntime`] | `libonnxruntime.so` ≥ 1.17 | see [`onnxruntime::candidates`] |
//! | [`rten`] | nothing, it is compiled in | |
//!
//! An [`Engine`] is a model loaded once. Each worker thread makes a [`Runner`] of its own from it:
//! runners have their own tensors, and threads of their own inside.

mod half;
pub mod onnxruntime;
pub mod rten;
mod values;

use crate::decode::OutputView;
use crate::model::{InputPlan, OnnxInfo};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An engine by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// ONNX Runtime, a shared library.
    OnnxRuntime,
    /// rten, pure Rust, always there.
    Rten,
}

impl EngineKind {
    /// The engines from the fastest to the one that is always there.
    pub const ALL: [Self; 2] = [Self::OnnxRuntime, Self::Rten];

    /// As the property `engine` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::Rten => "rten",
        }
    }
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
}

impl ModelSource {
    /// Shape of the tensor for one picture, or for as many as the file fixes.
    pub fn input_shape(&self) -> [usize; 4] {
        self.input.shape(1)
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

    /// A runner with `threads` threads of its own, the calling one included.
    ///
    /// # Errors
    /// The engine refuses the model.
    fn runner(&self, threads: usize) -> Result<Box<dyn Runner>, EngineError>;
}

/// One thread's way to run a model; it owns the input tensor.
pub trait Runner: Send {
    /// The part of the input tensor for one picture: `[3, height, width]`, planar.
    fn input_mut(&mut self) -> &mut [f32];

    /// Names of the outputs, in the file's order.
    fn output_names(&self) -> &[String];

    /// Runs the model on what the input holds and hands all outputs to `read`, in the file's order
    /// and with the batch axis. Integers and 16-bit floats are handed as f32, an output of any other
    /// type as an empty one.
    ///
    /// # Errors
    /// The engine's own.
    fn run(&mut self, read: &mut dyn FnMut(&[OutputView<'_>])) -> Result<(), EngineError>;
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
    Ok(match kind {
        EngineKind::OnnxRuntime => Arc::new(onnxruntime::OnnxRuntime::load(model)?),
        EngineKind::Rten => Arc::new(rten::Rten::load(model)?),
    })
}

fn load_and_try(
    model: &ModelSource,
    kind: EngineKind,
    threads: usize,
) -> Result<Chosen, EngineError> {
    let engine = load(model, kind)?;
    let mut runner = engine.runner(threads)?;
    runner.input_mut().fill(0.5);
    let mut shapes: Vec<Vec<usize>> = Vec::new();
    runner.run(&mut |outputs| {
        shapes = outputs.iter().map(|output| output.shape.to_vec()).collect();
    })?;
    // The first run allocates; the second is what runs are like.
    let started = Instant::now();
    runner.run(&mut |_| {})?;
    let run_time = started.elapsed();
    let output_shapes = runner.output_names().iter().cloned().zip(shapes).collect();
    Ok(Chosen {
        engine,
        runner,
        output_shapes,
        run_time,
        reason: String::new(),
    })
}
