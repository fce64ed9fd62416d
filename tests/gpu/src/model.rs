//! Models, loaded on the GPU and on the CPU.

use crate::{Common, Failure};
use gstvigildetect::detector::{LoadOptions, LoadedModel};
use gstvigildetect::engine::tensorrt::TensorRt;
use gstvigildetect::engine::{EngineKind, Precision, Runner};
use gstvigildetect::model::builtin;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// A model by its file, or the one that is built in.
#[derive(Debug, Clone)]
pub struct Subject(Option<PathBuf>);

impl FromStr for Subject {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self((text != "builtin").then(|| text.into())))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            None => f.write_str("builtin"),
            Some(path) => {
                let name = path.file_stem().unwrap_or(path.as_os_str());
                f.write_str(&name.to_string_lossy())
            }
        }
    }
}

/// What a GPU is to calculate in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Floats {
    F32,
    F16,
}

impl Floats {
    fn precision(self) -> Precision {
        match self {
            Self::F32 => Precision::F32,
            Self::F16 => Precision::F16,
        }
    }

    pub fn as_str(self) -> &'static str {
        self.precision().as_str()
    }

    /// How far numbers may be from the CPU's FP32, in parts of them.
    pub fn tolerance(self) -> f32 {
        match self {
            Self::F32 => 1e-3,
            Self::F16 => 1e-2,
        }
    }
}

/// A model on the GPU.
pub struct OnGpu {
    pub loaded: Arc<LoadedModel>,
    pub engine: Arc<TensorRt>,
}

/// A model on the CPU.
pub struct OnCpu {
    pub loaded: LoadedModel,
    pub runner: Box<dyn Runner>,
    /// Why it is not ONNX Runtime that has it; empty where it is.
    pub instead: String,
}

impl Subject {
    /// Size of the file.
    pub fn bytes(&self) -> Result<usize, Failure> {
        Ok(self.content()?.len())
    }

    /// What is in the file.
    pub fn content(&self) -> Result<Vec<u8>, Failure> {
        match &self.0 {
            None => Ok(builtin::BYTES.to_vec()),
            Some(path) => {
                std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
            }
        }
    }

    /// Its file; none if it is built in.
    pub fn path(&self) -> Option<&std::path::Path> {
        self.0.as_deref()
    }

    /// As it is called on a command line.
    pub fn argument(&self) -> std::ffi::OsString {
        self.0.as_ref().map_or("builtin".into(), |path| path.into())
    }

    fn options(&self, engine: EngineKind) -> LoadOptions {
        LoadOptions {
            model: self.0.clone(),
            wishes: Default::default(),
            engine: Some(engine),
            precision: Precision::F32,
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            device: 0,
            gpu_memory: None,
            input_size: None,
            batch: 1,
        }
    }

    /// Loads it by TensorRT, for as many pictures a run as all steps do, if the file leaves that open.
    pub fn on_gpu(&self, floats: Floats, common: &Common) -> Result<OnGpu, Failure> {
        let batch = common.most.max(1);
        let options = LoadOptions {
            precision: floats.precision(),
            batch,
            device: common.device,
            ..self.options(EngineKind::TensorRt)
        };
        let fixed = LoadOptions {
            batch: 0,
            ..options.clone()
        };
        // A file that fixes the number of pictures takes no other one.
        let (loaded, _) = LoadedModel::load(&options).or_else(|error| match batch {
            1 => Err(error),
            _ => LoadedModel::load(&fixed).map_err(|_| error),
        })?;
        let engine = loaded.engine.clone().tensorrt();
        Ok(OnGpu {
            engine: engine.ok_or("the engine is not TensorRT")?,
            loaded: Arc::new(loaded),
        })
    }

    /// Loads it by an engine of the CPU: ONNX Runtime, or rten where that is not there. Runs of one
    /// picture, if the file leaves that open.
    pub fn on_cpu(&self) -> Result<OnCpu, Failure> {
        let load = |engine| {
            LoadedModel::load(&LoadOptions {
                batch: 0,
                ..self.options(engine)
            })
        };
        let (loaded, instead) = match load(EngineKind::OnnxRuntime) {
            Ok(loaded) => (loaded, String::new()),
            Err(error) => (load(EngineKind::Rten)?, format!(" ({error})")),
        };
        let (loaded, runner) = loaded;
        Ok(OnCpu {
            loaded,
            runner,
            instead,
        })
    }
}
