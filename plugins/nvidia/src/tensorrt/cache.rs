//! Plans that were built, kept from one start to the next.
//!
//! A file is named after a hash of all that its plan depends on, begins with the same in words, and
//! is only ever replaced as a whole. What is not the plan that was asked for (another key behind the
//! same name, a file that somebody cut or wrote, a plan that TensorRT refuses) is built again, and
//! the log says why.

use super::builder::BuildOptions;
use super::error::TensorRtError;
use super::file::{self, Lock};
use super::library::Library;
use super::logger::Severity;
use super::plan::Plan;
use super::progress::Cancel;
use super::runtime::Engine;
use crate::driver::Context;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// What the first line of a file says; the number goes up when the format changes.
const FIRST_LINE: &str = "vigil tensorrt plan 1";

/// All that a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Of a model's bytes, the TensorRT that builds, the GPU, and how it is built.
    pub fn new(library: &Library, context: &Context, onnx: &[u8], options: &BuildOptions) -> Self {
        let device = context.device();
        let (major, minor) = device.capability();
        let batches = options.batches;
        let size = options
            .size
            .map_or("file".into(), |(height, width)| format!("{height}x{width}"));
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".into());
        Self(format!(
            "model {}\ntensorrt {}\ngpu {} sm_{major}{minor}\nprecision {}\nbatches {} {} {}\n\
             size {size}\nworkspace {}\nlevel {}\ntf32 {}\nversion-compatible {}\n",
            hex(&Sha256::digest(onnx)),
            library.version(),
            device.name(),
            options.precision.name(),
            batches.min,
            batches.opt,
            batches.max,
            or_default(options.workspace.map(|bytes| bytes.to_string())),
            or_default(options.level.map(|level| level.to_string())),
            options.tf32,
            options.version_compatible,
        ))
    }

    /// In words, a line for each thing.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn file_name(&self) -> String {
        format!("{}.plan", &hex(&Sha256::digest(&self.0))[..32])
    }
}

/// A folder of plans.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// In this folder, which is made when it is first needed.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// `$VIGIL_CACHE/tensorrt`, or `${XDG_CACHE_HOME:-~/.cache}/vigil/tensorrt`; none where not even
    /// a home is known.
    pub fn default_folder() -> Option<PathBuf> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let cache = variable("VIGIL_CACHE").map(PathBuf::from);
        let cache =
            cache.or_else(|| Some(PathBuf::from(variable("XDG_CACHE_HOME")?).join("vigil")));
        let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache/vigil")));
        Some(cache?.join("tensorrt"))
    }

    /// Where the plan of this key is, or would be.
    pub fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(key.file_name())
    }

    /// Where builds for this TensorRT and GPU keep what they measured.
    pub fn timing_path(&self, library: &Library, context: &Context) -> PathBuf {
        let (major, minor) = context.device().capability();
        let name = format!("timing-{}-sm_{major}{minor}.cache", library.version());
        self.folder.join(name)
    }

    /// The engine of this key: from the folder if it is there, else built and kept. Of several
    /// processes that want the same one builds, and the others wait.
    ///
    /// # Errors
    /// Those of `build` and of [`Engine::load`]; [`TensorRtError::Cancelled`] while waiting. None of
    /// the folder: a plan that cannot be kept is used all the same, with a warning in the log.
    pub fn engine(
        &self,
        library: &Library,
        context: &Context,
        key: &Key,
        cancel: &Cancel,
        build: impl FnOnce() -> Result<Vec<u8>, TensorRtError>,
    ) -> Result<Engine, TensorRtError> {
        let path = self.path(key);
        let kept = |say| kept(library, context, key, &path, say);
        if let Some(engine) = kept(false)? {
            return Ok(engine);
        }
        let warn = |what: &str, error: &dyn std::fmt::Display| {
            let text = format!("the plan is not kept: {what} {}: {error}", path.display());
            library.logger().say(Severity::Warning, &text);
        };
        let lock = match self.lock(library, &path, cancel) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                return Err(TensorRtError::Cancelled { model: path });
            }
            Err(error) => {
                warn("no lock beside", &error);
                None
            }
        };
        // Whoever had the lock may have built it.
        if let Some(engine) = kept(true)? {
            return Ok(engine);
        }
        let plan = build()?;
        if lock.is_some() {
            let head = head(key, &plan);
            if let Err(error) = file::write_atomically(&path, &[head.as_bytes(), &plan]) {
                warn("cannot write", &error);
            }
        }
        Engine::load(library, context, &Plan::of(plan, &path)?, true)
    }

    fn lock(&self, library: &Library, path: &Path, cancel: &Cancel) -> std::io::Result<Lock> {
        file::make_folder_of(path)?;
        let mut told = false;
        Lock::wait(&file::with_end(path, ".lock"), || {
            if !std::mem::replace(&mut told, true) {
                let text = format!("another process builds {}: waiting for it", path.display());
                library.logger().say(Severity::Info, &text);
            }
            !cancel.is_cancelled()
        })
    }
}

/// The engine of a file that is there and right; none where it has to be built, with the reason in
/// the log if `say`.
fn kept(
    library: &Library,
    context: &Context,
    key: &Key,
    path: &Path,
    say: bool,
) -> Result<Option<Engine>, TensorRtError> {
    let rebuild = |reason: &dyn std::fmt::Display| {
        if say {
            let text = format!("building {} again: {reason}", path.display());
            library.logger().say(Severity::Warning, &text);
        }
        Ok(None)
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return rebuild(&error),
    };
    let plan = match body(key, bytes) {
        Ok(plan) => plan,
        Err(reason) => return rebuild(&reason),
    };
    let loaded = Plan::of(plan, path)
        .and_then(|plan| plan.check(library.version()).map(|()| plan))
        .and_then(|plan| Engine::load(library, context, &plan, true));
    match loaded {
        Ok(engine) => Ok(Some(engine)),
        Err(error @ TensorRtError::Plan { .. }) => rebuild(&error),
        Err(error) => Err(error),
    }
}

/// What comes before a plan in a file: the key in words, then the plan's length and hash.
fn head(key: &Key, plan: &[u8]) -> String {
    let hash = hex(&Sha256::digest(plan));
    format!("{FIRST_LINE}\n{}plan {} {hash}\n\n", key.0, plan.len())
}

/// The plan of a file, if it is whole and of this key.
fn body(key: &Key, mut file: Vec<u8>) -> Result<Vec<u8>, String> {
    let end = file
        .windows(2)
        .position(|two| two == b"\n\n")
        .map(|at| at + 2);
    let end = end.filter(|_| file.starts_with(FIRST_LINE.as_bytes()));
    let end = end.ok_or("it is not a file of this cache")?;
    let plan = file.split_off(end);
    if file != head(key, &plan).as_bytes() {
        let text = String::from_utf8_lossy(&file);
        return Err(if text.contains(&key.0) {
            "it is cut off or damaged".into()
        } else {
            "it is of another model, GPU or TensorRT".into()
        });
    }
    Ok(plan)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_only_taken_whole_and_for_its_own_key() {
        let key = Key("model 1\ngpu x\n".into());
        let mut file = head(&key, b"the plan").into_bytes();
        file.extend(b"the plan");
        assert_eq!(body(&key, file.clone()).unwrap(), b"the plan");
        let cut = file[..file.len() - 1].to_vec();
        assert_eq!(body(&key, cut).unwrap_err(), "it is cut off or damaged");
        let mut damaged = file.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(body(&key, damaged).unwrap_err(), "it is cut off or damaged");
        let other = Key("model 2\ngpu x\n".into());
        assert!(body(&other, file).unwrap_err().contains("another model"));
        assert!(
            body(&key, b"ftrt....".to_vec())
                .unwrap_err()
                .contains("not a file")
        );
        assert!(body(&key, Vec::new()).is_err());
    }
}
