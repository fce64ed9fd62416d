//! A model, from its file to detections on a frame: what the element does, without GStreamer.

use crate::decode::{DecodeError, Decoder, Details, Detection, OutputView, Thresholds};
use crate::engine::{
    self, Chosen, Engine, EngineError, EngineKind, ModelSource, Precision, Runner,
};
use crate::model::{self, InputPlan, ModelError, ModelSpec, Wishes};
use crate::outputs::RawOutput;
use crate::preprocess::{FrameView, Letterbox, Preprocessor, Sampling, TensorFormat};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod batch;
mod file;

pub use batch::Several;
pub use file::{ModelFile, ModelKey};

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
    /// Number of the GPU, for engines that work on one.
    pub device: u32,
    /// Bytes of its memory that the model may take with all of its workers; `None` for any number.
    pub gpu_memory: Option<usize>,
    /// Width and height of the input; `None` takes the model's own.
    pub input_size: Option<(u32, u32)>,
    /// Pictures in a run; 0 takes as many as the file fixes, or one, or on all threads what gains
    /// something.
    pub batch: usize,
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
    /// The most pictures in a run, as asked for or as the file fixes.
    pub batch: usize,
    /// What runs of more pictures are made with, where nobody said how many and they gain
    /// something on all threads.
    pub several: Option<Several>,
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
        Self::of_file(ModelFile::read(options)?)
    }

    /// As [`load`](Self::load), of a file that has been read.
    ///
    /// # Errors
    /// It is no model that is understood, or no engine takes it.
    pub fn of_file(file: ModelFile) -> Result<(Self, Box<dyn Runner>), LoadError> {
        let ModelFile {
            options,
            info,
            bytes,
            most,
        } = file;
        let wishes = &options.wishes;
        let input = model::plan_input_as(&info, options.input_size, wishes)?;
        let batch = batch::size(&info, &input, options.batch)?;
        // Where the file fixes all shapes it is refused before an engine spends time on it.
        let fixed = match info.fixed_output_shapes() {
            Some(shapes) => {
                let spec = model::recognise_as(&info, &input, &shapes, wishes)?;
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
            batch,
            batch_on_gpu: match (most, options.batch) {
                (Some(most), 0) => batch::size_on_gpu(0, batch).min(most),
                _ => batch::size_on_gpu(options.batch, batch),
            },
            device: options.device,
            gpu_memory: options.gpu_memory,
        };
        let Chosen {
            engine,
            mut runner,
            output_shapes,
            run_time,
            batch,
            reason,
        } = engine::choose(&source, options.engine, options.threads)?;
        let spec = match fixed {
            Some((shapes, spec)) if shapes == output_shapes => spec,
            _ => model::recognise_as(&source.info, &input, &output_shapes, wishes)?,
        };
        let several = match options.batch {
            0 if !engine.kind().is_on_gpu() => {
                Several::measure(&source, &*engine, &mut *runner, options.threads)
            }
            _ => None,
        };
        let loaded = Self {
            spec,
            input,
            output_names: output_shapes.into_iter().map(|(name, _)| name).collect(),
            engine,
            reason,
            run_time,
            batch,
            several,
        };
        Ok((loaded, runner))
    }

    /// A detector with a runner of its own.
    ///
    /// # Errors
    /// The engine's.
    pub fn detector(&self, threads: usize, sampling: Sampling) -> Result<Detector, EngineError> {
        Ok(Detector::new(
            &self.spec,
            self.engine.runner(threads)?,
            sampling,
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

impl std::ops::AddAssign for Timings {
    fn add_assign(&mut self, other: Self) {
        self.preprocess += other.preprocess;
        self.inference += other.inference;
        self.decode += other.decode;
    }
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

/// A picture of a run: whose it is, and what was found on it.
#[derive(Debug)]
pub struct Picture {
    /// What is wanted of it.
    pub thresholds: Arc<Thresholds>,
    /// Best first, in pixels of the frame.
    pub found: Vec<Detection>,
    /// What the model says of them besides their boxes.
    pub details: Details,
    /// The model's outputs for it, where they are to be kept.
    pub outputs: Option<Vec<RawOutput>>,
    /// How long its stages took; the inference is that of the whole run.
    pub timings: Timings,
}

impl Picture {
    /// One on which nothing has been found yet.
    pub fn new(thresholds: Arc<Thresholds>) -> Self {
        Self {
            thresholds,
            found: Vec::new(),
            details: Details::default(),
            outputs: None,
            timings: Timings::default(),
        }
    }

    /// The same, which keeps a copy of the model's outputs if it is told to.
    #[must_use]
    pub fn keeping_outputs(self, keep: bool) -> Self {
        Self {
            outputs: keep.then(Vec::new),
            ..self
        }
    }
}

/// Where a picture of a run comes from.
struct Place {
    preprocessor: Preprocessor,
    letterbox: Option<Letterbox>,
    took: Duration,
}

/// One thread's detector: preprocessing, a runner, decoding.
pub struct Detector {
    tensor: TensorFormat,
    /// One for each picture that was ever in a run.
    places: Vec<Place>,
    runner: Box<dyn Runner>,
    decoder: Decoder,
    /// Pictures in each run, where the file fixes their number.
    fixed: Option<usize>,
}

impl Detector {
    /// A detector of a model with a runner for it.
    pub fn new(spec: &ModelSpec, runner: Box<dyn Runner>, sampling: Sampling) -> Self {
        Self {
            tensor: TensorFormat::new(&spec.input, sampling),
            places: Vec::new(),
            runner,
            decoder: Decoder::new(spec),
            fixed: spec.input.batch,
        }
    }

    /// Whether masks are to be made, where the model can: they are unless this is told.
    pub fn want_masks(&mut self, wanted: bool) {
        self.decoder.want_masks(wanted);
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
        self.put(0, frame, self.tensor.sampling);
        let mut timings = Timings::default();
        self.infer(1, &mut |decode| {
            (timings, _) = decode.run(thresholds, out)?;
            Ok(())
        })?;
        Ok(timings)
    }

    /// Makes `frame` the picture of this number of the next run, counted from 0. Runs may have as
    /// many as the runner's engine was loaded for: [`LoadedModel::batch`], or [`Several::batch`].
    pub fn put(&mut self, number: usize, frame: &FrameView, sampling: Sampling) {
        let started = Instant::now();
        while self.places.len() <= number {
            self.places.push(Place {
                preprocessor: Preprocessor::new(self.tensor),
                letterbox: None,
                took: Duration::ZERO,
            });
        }
        let place = &mut self.places[number];
        place.preprocessor.set_sampling(sampling);
        let input = self.runner.input_mut(number);
        place.letterbox = Some(place.preprocessor.run(frame, input));
        place.took = started.elapsed();
    }

    /// Detects objects on the pictures that were put, as many as there are here.
    ///
    /// # Errors
    /// The engine's; nothing is found then.
    pub fn run(&mut self, pictures: &mut [Picture]) -> Result<(), DetectError> {
        let mut next = pictures.iter_mut();
        self.infer(next.len(), &mut |decode| {
            if let Some(picture) = next.next() {
                if let Some(outputs) = &mut picture.outputs {
                    *outputs = RawOutput::of_picture(decode.all, decode.number, decode.pictures);
                }
                let (timings, details) = decode.run(&picture.thresholds, &mut picture.found)?;
                (picture.timings, picture.details) = (timings, details);
            }
            Ok(())
        })
    }

    /// Runs on so many pictures, and calls `each` for every one of them, in their order.
    fn infer(
        &mut self,
        pictures: usize,
        each: &mut dyn FnMut(Decode<'_, '_>) -> Result<(), DecodeError>,
    ) -> Result<(), DetectError> {
        let of_run = self.fixed.unwrap_or(pictures);
        let started = Instant::now();
        let (places, decoder) = (&self.places, &mut self.decoder);
        let mut decoded = Ok(());
        self.runner.run(pictures, &mut |outputs| {
            let inference = started.elapsed();
            for (number, place) in places.iter().enumerate().take(pictures) {
                let Some(letterbox) = &place.letterbox else {
                    continue;
                };
                let result = batch::with_share(outputs, number, of_run, |share| {
                    each(Decode {
                        decoder,
                        outputs: share,
                        letterbox,
                        all: outputs,
                        number,
                        pictures: of_run,
                        before: Timings {
                            preprocess: place.took,
                            inference,
                            decode: Duration::ZERO,
                        },
                    })
                });
                if result.is_err() && decoded.is_ok() {
                    decoded = result;
                }
            }
        })?;
        Ok(decoded?)
    }
}

/// What is left to be done for a picture.
struct Decode<'a, 'b> {
    decoder: &'a mut Decoder,
    outputs: &'a [OutputView<'b>],
    letterbox: &'a Letterbox,
    /// The outputs of the run, the picture's number in it, and how many pictures it has.
    all: &'a [OutputView<'b>],
    number: usize,
    pictures: usize,
    before: Timings,
}

impl Decode<'_, '_> {
    fn run(
        self,
        thresholds: &Thresholds,
        out: &mut Vec<Detection>,
    ) -> Result<(Timings, Details), DecodeError> {
        let started = Instant::now();
        (self.decoder).decode(self.outputs, self.letterbox, thresholds, out)?;
        let details = self.decoder.take_details();
        let timings = Timings {
            decode: started.elapsed(),
            ..self.before
        };
        Ok((timings, details))
    }
}
