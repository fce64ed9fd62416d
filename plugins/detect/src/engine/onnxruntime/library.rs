//! The ONNX Runtime of this process.

use super::KIND;
use crate::engine::EngineError;
use crate::engine::search::{Search, dlopen};
use ort::environment::Environment;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The loaded library.
pub(super) struct Library {
    pub environment: Environment,
    pub path: PathBuf,
    /// Names of the execution providers that it was made with.
    pub providers: Vec<String>,
}

pub(in crate::engine) const SEARCH: Search = Search {
    kind: KIND,
    variables: &["VIGIL_ONNXRUNTIME", "ORT_DYLIB_PATH"],
    file: "libonnxruntime.so",
    fetched: "onnxruntime-1.31.1",
    system: &["libonnxruntime.so", "libonnxruntime.so.1"],
    // The oldest one whose API the crate ort is told to use.
    needed: "ONNX Runtime 1.17 or newer",
};

/// What lies beside a library that was made for NVIDIA GPUs.
const FOR_GPU: &str = "libonnxruntime_providers_cuda.so";

/// The library, loaded by the first call that finds one; one for GPUs first, if that is asked for.
pub(super) fn library(for_gpu: bool) -> Result<Arc<Library>, EngineError> {
    static LIBRARY: Mutex<Option<Arc<Library>>> = Mutex::new(None);
    let mut loaded = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = &*loaded {
        return Ok(library.clone());
    }
    let mut candidates = SEARCH.candidates();
    if for_gpu {
        candidates.sort_by_key(|path| !is_made_for_gpu(path));
    }
    let library = SEARCH.open_in(&candidates, |path| {
        // Never without init_from(): ort panics when it has to look for the library itself.
        let _open = dlopen(path)?;
        let environment = ort::init_from(path)
            .map_err(|error| error.to_string())?
            .with_name("vigil")
            .build()
            .map_err(|error| error.to_string())?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        Ok(Arc::new(Library {
            environment,
            path: path.into(),
            providers: providers(),
        }))
    })?;
    Ok(loaded.insert(library).clone())
}

/// Whether a library that may be found was made for GPUs.
pub(in crate::engine) fn is_for_gpu() -> bool {
    SEARCH.candidates().iter().any(|path| is_made_for_gpu(path))
}

fn is_made_for_gpu(library: &Path) -> bool {
    let file = std::fs::canonicalize(library).unwrap_or_else(|_| library.into());
    file.with_file_name(FOR_GPU).is_file()
}

/// What the library that was opened says that it can do.
fn providers() -> Vec<String> {
    let api = ort::api();
    let (mut names, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: both are filled in; the names are strings that live until they are released.
    unsafe {
        let status = (api.GetAvailableProviders)(&raw mut names, &raw mut count);
        if !status.0.is_null() {
            (api.ReleaseStatus)(status.0);
            return Vec::new();
        }
        let found = (0..usize::try_from(count).unwrap_or(0))
            .map(|i| CStr::from_ptr(*names.add(i)).to_string_lossy().into_owned())
            .collect();
        let status = (api.ReleaseAvailableProviders)(names, count);
        if !status.0.is_null() {
            (api.ReleaseStatus)(status.0);
        }
        found
    }
}
