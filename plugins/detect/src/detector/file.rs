//! A model as it was read, and what tells it from others.

use super::{LoadError, LoadOptions};
use crate::engine::EngineKind;
use crate::engine::tensorrt::plan::{self, PlanFile};
use crate::model::{self, OnnxInfo, Sidecar};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a file that is not read here was like.
#[derive(Debug, Clone, PartialEq)]
struct Stamp {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: PathBuf) -> Self {
        let metadata = std::fs::metadata(&path).ok();
        Self {
            bytes: metadata.as_ref().map_or(0, std::fs::Metadata::len),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
            path,
        }
    }
}

/// What a loaded model follows from: two that have equal keys are the same. A file that was replaced
/// by another one since, or one beside it, makes another key.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelKey {
    /// The options, with the real path and what the file beside the model says.
    options: LoadOptions,
    /// Length and hash of the file.
    content: (usize, u64),
    /// The files with weights.
    beside: Vec<Stamp>,
}

/// A model file that was read and understood as far as it goes without an engine.
pub struct ModelFile {
    pub(super) options: LoadOptions,
    pub(super) info: OnnxInfo,
    pub(super) bytes: Vec<u8>,
    /// The most pictures of a run, where the file has a limit.
    pub(super) most: Option<usize>,
}

impl ModelFile {
    /// Reads the file, or the built-in model, and the file beside it that speaks of it.
    ///
    /// # Errors
    /// The file is not there or is none that is understood; a plan of TensorRT's that cannot be run here.
    pub fn read(options: &LoadOptions) -> Result<Self, LoadError> {
        let mut options = options.clone();
        let (info, bytes, most) = match &options.model {
            Some(path) if plan::is_named(path) && path.exists() => {
                let LoadOptions {
                    engine,
                    precision,
                    device,
                    ..
                } = options;
                let plan = PlanFile::read(path, engine, precision, device)?;
                // No other one can run it.
                options.engine = Some(EngineKind::TensorRt);
                (plan.info, plan.bytes, Some(plan.most))
            }
            Some(path) => {
                let (info, bytes) = model::read(path)?;
                (info, bytes, None)
            }
            None => {
                let (info, bytes) = model::builtin::read()?;
                (info, bytes, None)
            }
        };
        if let Some(path) = &options.model {
            options.wishes.sidecar = Sidecar::beside(path)?;
        }
        Ok(Self {
            options,
            info,
            bytes,
            most,
        })
    }

    /// What it is, to compare.
    pub fn key(&self) -> ModelKey {
        let mut options = self.options.clone();
        let folder = match &options.model {
            Some(path) => path.parent().unwrap_or(Path::new("")).to_owned(),
            None => PathBuf::new(),
        };
        options.model = options
            .model
            .map(|path| std::fs::canonicalize(&path).unwrap_or(path));
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.bytes);
        let beside = self.info.external_data.iter();
        ModelKey {
            options,
            content: (self.bytes.len(), hasher.finish()),
            beside: beside.map(|file| Stamp::of(folder.join(file))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(model: Option<&Path>) -> LoadOptions {
        LoadOptions {
            model: model.map(Path::to_owned),
            wishes: Default::default(),
            engine: None,
            precision: Default::default(),
            device: 0,
            gpu_memory: None,
            threads: 1,
            input_size: None,
            batch: 0,
        }
    }

    fn key(options: &LoadOptions) -> ModelKey {
        ModelFile::read(options).unwrap().key()
    }

    #[test]
    fn a_key_tells_what_was_read_and_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, model::builtin::BYTES).unwrap();
        let of_file = options(Some(&path));
        let first = key(&of_file);
        // The same file by another name of it.
        let detour = folder
            .path()
            .join("../")
            .join(folder.path())
            .join("./model.onnx");
        assert_eq!(key(&options(Some(&detour))), first);
        // The same content, written again.
        std::fs::write(&path, model::builtin::BYTES).unwrap();
        assert_eq!(key(&of_file), first);
        assert_ne!(key(&options(None)), first, "the built-in one");
        let others = [
            LoadOptions {
                threads: 2,
                ..of_file.clone()
            },
            LoadOptions {
                input_size: Some((64, 64)),
                ..of_file.clone()
            },
            LoadOptions {
                batch: 2,
                ..of_file.clone()
            },
            LoadOptions {
                engine: Some(crate::engine::EngineKind::Rten),
                ..of_file.clone()
            },
        ];
        for other in others {
            assert_ne!(key(&other), first, "{other:?}");
        }
        std::fs::write(path.with_extension("toml"), "classes.names = ['a']").unwrap();
        assert_ne!(key(&of_file), first, "the file beside it");
        std::fs::remove_file(path.with_extension("toml")).unwrap();
        assert_eq!(key(&of_file), first);
        // A metadata entry of its own (field 14), which changes nothing else.
        let more = [model::builtin::BYTES, b"\x72\x06\x0a\x01k\x12\x01v"].concat();
        std::fs::write(&path, more).unwrap();
        assert_ne!(key(&of_file), first, "its content");
    }
}
