//! From an ONNX file to vectors of crops.
//!
//! The engines, the reading of ONNX files and the preprocessing are `vigildetect`'s.

use super::worker::Embed;
use gstvigildetect::decode::OutputView;
use gstvigildetect::engine::{
    self, Chosen, Engine, EngineError, EngineKind, ModelSource, Precision, Runner,
};
use gstvigildetect::model::{
    self, ElemType, InputPlan, InputSpec, InputWishes, ModelError, OnnxInfo, Sidecar, SizeSource,
    TensorInfo, Wishes,
};
use gstvigildetect::preprocess::{Fit, Preprocessor, Sampling, TensorFormat};
use gstvigildetect::schedule::Registry;
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use vigil_analytics::frame::FrameView;

/// How a model is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The ONNX file.
    pub path: PathBuf,
    /// Which engine; `None` takes the best that is there.
    pub engine: Option<EngineKind>,
    /// What the user says of how crops are prepared.
    pub preprocess: InputWishes,
}

/// Why a model cannot be used. Each message can be shown to a user as it is.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file, or what it holds.
    #[error("{0}")]
    File(String),
    /// It is no model that makes a vector of a picture.
    #[error(
        "model {path:?} makes no vectors of pictures: {why}. Found {found}. Right is an input \
         [N,3,H,W] of f32 or f16 and an output [N,D] or [N,D,1,1], as OSNet and FastReID have when \
         exported to ONNX"
    )]
    Unsuitable {
        /// As it was given.
        path: PathBuf,
        /// What stands in the way.
        why: String,
        /// Inputs and outputs of the model.
        found: String,
    },
    /// No engine takes it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<ModelError> for LoadError {
    fn from(error: ModelError) -> Self {
        Self::File(match error {
            // In its own words these speak of what vigildetect may be given instead.
            ModelError::NotAFile { path, what } => {
                format!("model {path:?} is {what}, not a file: give the path of an .onnx file")
            }
            ModelError::NotOnnx { path, looks_like } => {
                format!("model {path:?} is no ONNX file: it looks like {looks_like}")
            }
            other => other.to_string(),
        })
    }
}

/// What a model is known by: two that have equal keys are the same.
#[derive(Debug, PartialEq)]
struct Key {
    options: Options,
    sidecar: Option<Sidecar>,
    content: u64,
}

/// The models in use, which elements of a process share.
static MODELS: Registry<Key, Model> = Registry::new();

/// Width and height of the input where nobody says: a standing person, as all that is published on
/// re-identification of persons has it.
const USUAL_SIZE: (u32, u32) = (128, 256);
/// Largest side of an input.
const MOST_SIDE: u32 = 2048;
/// Most pictures in a run that a file may fix, and most on a GPU where it leaves them open.
const MOST_BATCH: usize = 64;
const ON_GPU: usize = 16;

/// A model, loaded by an engine.
pub struct Model {
    engine: Arc<dyn Engine>,
    /// Which engine, and why.
    pub reason: String,
    input: InputSpec,
    /// Index of the output that is read.
    output: usize,
    /// Length of a vector.
    pub length: usize,
    /// The most crops in a run.
    batch: usize,
}

impl Model {
    /// The model of these options and the file as it is now, loaded where nobody has it. Takes from
    /// tens of milliseconds to seconds: not for a streaming thread.
    ///
    /// # Errors
    /// The file is none that can be used, or no engine takes it.
    pub fn get(options: &Options) -> Result<Arc<Self>, LoadError> {
        let (info, bytes) = model::read(&options.path)?;
        let sidecar = Sidecar::beside(&options.path)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        let path = std::fs::canonicalize(&options.path);
        let key = Key {
            options: Options {
                path: path.unwrap_or_else(|_| options.path.clone()),
                ..options.clone()
            },
            sidecar: sidecar.clone(),
            content: hasher.finish(),
        };
        MODELS.get_or_make(key, || Self::load(options, sidecar, info, bytes))
    }

    fn load(
        options: &Options,
        sidecar: Option<Sidecar>,
        info: OnnxInfo,
        bytes: Vec<u8>,
    ) -> Result<Self, LoadError> {
        let unsuitable = |why: String, outputs: &str| LoadError::Unsuitable {
            path: options.path.clone(),
            why,
            found: found(&info, outputs),
        };
        let size = sidecar.as_ref().and_then(|sidecar| sidecar.size);
        let plan = plan(&info, size).map_err(|why| unsuitable(why, ""))?;
        let input = prepare(&plan, sidecar, &options.preprocess);
        let source = ModelSource {
            path: options.path.clone(),
            bytes: Arc::new(bytes),
            info: Arc::new(info.clone()),
            input: plan.clone(),
            precision: Precision::F32,
            batch: plan.batch.unwrap_or(1),
            batch_on_gpu: plan.batch.unwrap_or(ON_GPU),
            device: 0,
            gpu_memory: None,
        };
        let Chosen {
            engine,
            mut runner,
            output_shapes,
            batch,
            reason,
            ..
        } = engine::choose(&source, options.engine, 1)?;
        let pictures = plan.batch.unwrap_or(1);
        let shapes = output_shapes
            .iter()
            .map(|(name, shape)| format!("{name} {shape:?}"));
        let shapes = shapes.collect::<Vec<_>>().join(", ");
        let (output, length) =
            pick_output(&output_shapes, pictures).map_err(|why| unsuitable(why, &shapes))?;
        if !try_on_stripes(&mut *runner, output)? {
            let why =
                "of a picture with stripes it makes numbers that are not finite, or zeros only";
            return Err(unsuitable(why.into(), &shapes));
        }
        Ok(Self {
            engine,
            reason,
            input,
            output,
            length,
            batch,
        })
    }

    /// One that runs the model, for a thread of its own.
    ///
    /// # Errors
    /// The engine's.
    pub fn embedder(self: Arc<Self>) -> Result<Embedder, EngineError> {
        let runner = self.engine.runner(1)?;
        let format = TensorFormat::new(&self.input, Sampling::default());
        Ok(Embedder {
            runner,
            preprocessors: (0..self.batch).map(|_| Preprocessor::new(format)).collect(),
            model: self,
        })
    }
}

/// What to feed, of a size that is said in the file, beside it, or usual.
fn plan(info: &OnnxInfo, beside: Option<(u32, u32)>) -> Result<InputPlan, String> {
    let [input] = info.inputs.as_slice() else {
        return Err(format!(
            "it has {} inputs in place of one",
            info.inputs.len()
        ));
    };
    if !input.elem_type.is_float() {
        return Err(format!(
            "its input is of {}, not of f32 or f16",
            input.elem_type
        ));
    }
    let [batch, channels, height, width] = input.dims.as_slice() else {
        return Err(format!(
            "its input has {} axes in place of 4",
            input.dims.len()
        ));
    };
    match channels.fixed() {
        None | Some(3) => {}
        Some(_) if width.fixed() == Some(3) => {
            return Err("its input has the channels last: export it with channels first".into());
        }
        Some(other) => return Err(format!("its input has {other} channels in place of 3")),
    }
    if let Some(pictures) = batch.fixed().filter(|n| !(1..=MOST_BATCH).contains(n)) {
        return Err(format!(
            "it takes {pictures} pictures in a run, not 1 to {MOST_BATCH}"
        ));
    }
    let (usual, source) = match beside {
        Some(size) => (size, SizeSource::Sidecar),
        None => (USUAL_SIZE, SizeSource::Default),
    };
    let side = |fixed: Option<usize>, usual: u32| match fixed {
        Some(side) => u32::try_from(side).unwrap_or(u32::MAX),
        None => usual,
    };
    let (width, height) = (side(width.fixed(), usual.0), side(height.fixed(), usual.1));
    if [width, height]
        .iter()
        .any(|side| !(1..=MOST_SIDE).contains(side))
    {
        return Err(format!(
            "its input is {width}x{height}, not 1 to {MOST_SIDE} pixels a side"
        ));
    }
    Ok(InputPlan {
        name: input.name.clone(),
        width,
        height,
        batch: batch.fixed(),
        source,
        half: input.elem_type == ElemType::F16,
        constants: Vec::new(),
    })
}

/// How crops are prepared: as the field trains, which is as ImageNet's pictures and stretched, but
/// for what the user and the file beside the model say.
fn prepare(plan: &InputPlan, sidecar: Option<Sidecar>, said: &InputWishes) -> InputSpec {
    let mut input = InputSpec {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        fit: Fit::Stretch,
        ..InputSpec::of_yolo(&plan.name, (plan.width, plan.height), plan.batch)
    };
    let wishes = Wishes {
        input: said.clone(),
        sidecar,
        ..Wishes::default()
    };
    wishes.apply(&mut input);
    input
}

/// The output that has a vector for each of so many pictures, and its length.
fn pick_output(shapes: &[(String, Vec<usize>)], pictures: usize) -> Result<(usize, usize), String> {
    let length = |shape: &[usize]| match *shape {
        [n, d] | [n, d, 1, 1] if n == pictures && d > 1 => Some(d),
        _ => None,
    };
    let fits = shapes.iter().map(|(_, shape)| length(shape)).enumerate();
    let fits: Vec<_> = fits.filter_map(|(index, d)| Some((index, d?))).collect();
    match fits[..] {
        [one] => Ok(one),
        [] => Err("no output has a vector for each picture".into()),
        _ => Err("more than one output has a vector for each picture".into()),
    }
}

fn found(info: &OnnxInfo, outputs: &str) -> String {
    let list = |tensors: &[TensorInfo]| -> String {
        let names: Vec<_> = tensors.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let mut found = format!(
        "inputs: {}; outputs: {}",
        list(&info.inputs),
        list(&info.outputs)
    );
    if !outputs.is_empty() {
        found += &format!(" (when run: {outputs})");
    }
    found
}

/// Whether the model makes a vector with a direction of a picture that is not plain.
fn try_on_stripes(runner: &mut dyn Runner, output: usize) -> Result<bool, EngineError> {
    for (i, sample) in runner.input_mut(0).iter_mut().enumerate() {
        *sample = if i / 7 % 2 == 0 { -1.0 } else { 1.0 };
    }
    let mut is_right = false;
    runner.run(1, &mut |outputs| {
        is_right = share(outputs, output, 0)
            .is_some_and(|feature| super::feature::normalise(&mut feature.to_vec()));
    })?;
    Ok(is_right)
}

/// The vector of one picture of a run.
fn share<'a>(outputs: &[OutputView<'a>], output: usize, number: usize) -> Option<&'a [f32]> {
    let output = outputs.get(output)?;
    let pictures = *output.shape.first()?;
    let length = output.data.len().checked_div(pictures)?;
    output.data.get(number * length..)?.get(..length)
}

/// Runs a model. Each thread has its own.
pub struct Embedder {
    model: Arc<Model>,
    runner: Box<dyn Runner>,
    /// One for each picture of a run.
    preprocessors: Vec<Preprocessor>,
}

impl Embed for Embedder {
    fn most(&self) -> usize {
        self.model.batch
    }

    fn run(
        &mut self,
        crops: &[FrameView<'_>],
        read: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<(), String> {
        for (number, (crop, preprocessor)) in crops.iter().zip(&mut self.preprocessors).enumerate()
        {
            preprocessor.run(crop, self.runner.input_mut(number));
        }
        let (output, length) = (self.model.output, self.model.length);
        let result = self.runner.run(crops.len(), &mut |outputs| {
            for number in 0..crops.len() {
                let feature = share(outputs, output, number).filter(|f| f.len() == length);
                if let Some(feature) = feature {
                    read(number, feature);
                }
            }
        });
        result.map_err(|error| error.to_string())
    }
}
