//! A model, from its file to detections on a frame: what the element does, without GStreamer.

use crate::decode::{DecodeError, Decoder, Details, Detection, OutputView, Thresholds};
use crate::engine::{
    self, Chosen, Engine, EngineError, EngineKind, ModelSource, Precision, Runner,
};
use crate::model::{self, InputPlan, ModelError, ModelSpec, Sidecar, Wishes};
use crate::outputs::RawOutput;
use crate::preprocess::{Chroma, FrameView, Preprocessor, TensorFormat};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How to load a model.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOptions {
    /// The ONNX file; `None` takes the model that is compiled in ([`model::builtin`]).
    pub model: Option<PathBuf>,
    /// What the user says of the model; its sidecar is read here.
    pub wishes: Wishes,
    /// Which engine; `None` takes the best that is there.
    pub engine: Option<EngineKind>,
    /// What to calculate in.
    pub precision: Precision,
    /// Threads of the first runner.
    pub threads: usize,
    /// Width and height of the input; `None` takes the model's own.
    pub input_size: Option<(u32, u32)>,
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file, or what it holds.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No engine takes it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A model, understood and loaded by an engine.
pub struct LoadedModel {
    /// What it is.
    pub spec: ModelSpec,
    /// How its input was planned.
    pub input: InputPlan,
    /// Names of all its outputs, in the file's order.
    pub output_names: Vec<String>,
    /// The engine that has it.
    pub engine: Arc<dyn Engine>,
    /// Why this engine.
    pub reason: String,
    /// How long a run takes with the threads asked for.
    pub run_time: Duration,
}

impl LoadedModel {
    /// Reads, recognises and loads a model, and runs it on a grey picture. Also returns the runner
    /// of that trial, ready for use with [`Detector::new`].
    ///
    /// Takes from tens of milliseconds to seconds: not for a streaming thread.
    ///
    /// # Errors
    /// The file is no model that is understood, or no engine takes it.
    pub fn load(options: &LoadOptions) -> Result<(Self, Box<dyn Runner>), LoadError> {
        let (info, bytes) = match &options.model {
            Some(path) => model::read(path)?,
            None => model::builtin::read()?,
        };
        let mut wishes = options.wishes.clone();
        if let Some(path) = &options.model {
            wishes.sidecar = Sidecar::beside(path)?;
        }
        let input = model::plan_input_as(&info, options.input_size, &wishes)?;
        // Where the file fixes all shapes it is refused before an engine spends time on it.
        let fixed = match info.fixed_output_shapes() {
            Some(shapes) => {
                let spec = model::recognise_as(&info, &input, &shapes, &wishes)?;
                Some((shapes, spec))
            }
            None => None,
        };
        let source = ModelSource {
            path: (options.model.clone()).unwrap_or_else(|| model::builtin::NAME.into()),
            bytes: Arc::new(bytes),
            info: Arc::new(info),
            input: input.clone(),
            precision: options.precision,
        };
        let Chosen {
            engine,
            runner,
            output_shapes,
            run_time,
            reason,
        } = engine::choose(&source, options.engine, options.threads)?;
        let spec = match fixed {
            Some((shapes, spec)) if shapes == output_shapes => spec,
            _ => model::recognise_as(&source.info, &input, &output_shapes, &wishes)?,
        };
        let loaded = Self {
            spec,
            input,
            output_names: output_shapes.into_iter().map(|(name, _)| name).collect(),
            engine,
            reason,
            run_time,
        };
        Ok((loaded, runner))
    }

    /// A detector with a runner of its own.
    ///
    /// # Errors
    /// The engine's.
    pub fn detector(&self, threads: usize, chroma: Chroma) -> Result<Detector, EngineError> {
        Ok(Detector::new(
            &self.spec,
            self.engine.runner(threads)?,
            chroma,
        ))
    }
}

/// How long the stages of one frame took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timings {
    /// Frame to tensor.
    pub preprocess: Duration,
    /// Tensor to outputs.
    pub inference: Duration,
    /// Outputs to detections.
    pub decode: Duration,
}

/// Why a frame has no detections.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The outputs are not what they were when the model was loaded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// One thread's detector: preprocessing, a runner, decoding.
pub struct Detector {
    preprocessor: Preprocessor,
    runner: Box<dyn Runner>,
    decoder: Decoder,
    /// Pictures in each run.
    batch: usize,
    /// The outputs of the last frame, where they are kept.
    outputs: Option<Vec<RawOutput>>,
}

impl Detector {
    /// A detector of a model with a runner for it.
    pub fn new(spec: &ModelSpec, runner: Box<dyn Runner>, chroma: Chroma) -> Self {
        Self {
            preprocessor: Preprocessor::new(TensorFormat::new(&spec.input, chroma)),
            runner,
            decoder: Decoder::new(spec),
            batch: spec.input.batch.unwrap_or(1),
            outputs: None,
        }
    }

    /// Whether masks are to be made, where the model can: they are unless this is told.
    pub fn want_masks(&mut self, wanted: bool) {
        self.decoder.want_masks(wanted);
    }

    /// Whether to keep a copy of the outputs: they are not unless this is told.
    pub fn keep_outputs(&mut self, keep: bool) {
        self.outputs = keep.then(Vec::new);
    }

    /// What the model says of the objects of the last frame besides their boxes; taken away.
    pub fn take_details(&mut self) -> Details {
        self.decoder.take_details()
    }

    /// The model's outputs for the last frame, where they are kept; taken away.
    pub fn take_outputs(&mut self) -> Vec<RawOutput> {
        self.outputs
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Detects objects on `frame` into `out`, best first, in pixels of the frame.
    ///
    /// # Errors
    /// The engine's; `out` is empty then.
    pub fn detect(
        &mut self,
        frame: &FrameView,
        thresholds: &Thresholds,
        out: &mut Vec<Detection>,
    ) -> Result<Timings, DetectError> {
        out.clear();
        let started = Instant::now();
        let letterbox = self.preprocessor.run(frame, self.runner.input_mut());
        let preprocessed = Instant::now();
        let mut decoded = Ok(());
        let mut inferred = preprocessed;
        let (decoder, batch, kept) = (&mut self.decoder, self.batch, &mut self.outputs);
        self.runner.run(&mut |outputs| {
            inferred = Instant::now();
            if let Some(kept) = kept {
                *kept = RawOutput::of_first(outputs, batch);
            }
            decoded = with_first_of_batch(outputs, batch, |outputs| {
                decoder.decode(outputs, &letterbox, thresholds, out)
            });
        })?;
        decoded?;
        Ok(Timings {
            preprocess: preprocessed - started,
            inference: inferred - preprocessed,
            decode: inferred.elapsed(),
        })
    }
}

/// Calls `read` with the first picture's share of outputs of a batch of `pictures`.
fn with_first_of_batch<T>(
    outputs: &[OutputView<'_>],
    pictures: usize,
    read: impl FnOnce(&[OutputView<'_>]) -> T,
) -> T {
    if pictures == 1 {
        return read(outputs);
    }
    let first: Vec<_> = outputs
        .iter()
        .map(|output| match output.shape {
            [n, rest @ ..] if *n == pictures => OutputView {
                shape: rest,
                data: &output.data[..output.data.len() / pictures],
            },
            _ => *output,
        })
        .collect();
    read(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_picture_of_a_batch_has_its_share_of_every_output() {
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let view = |shape, len| OutputView {
            shape,
            data: &values[..len],
        };
        let outputs = [view(&[2, 3, 4], 24), view(&[2, 3], 6), view(&[7], 7)];
        with_first_of_batch(&outputs, 2, |first| {
            let shapes: Vec<_> = first.iter().map(|output| output.shape).collect();
            assert_eq!(shapes, [&[3, 4][..], &[3], &[7]]);
            assert_eq!(first[0].data, &values[..12]);
            assert_eq!(first[1].data, &values[..3]);
            assert_eq!(first[2].data, &values[..7]);
        });
        with_first_of_batch(&outputs[..1], 1, |whole| {
            assert_eq!(whole[0].shape, [2, 3, 4])
        });
    }
}
