//! The TensorRT of this process.

use super::{KIND, watch};
use crate::engine::EngineError;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_nvidia::driver::Driver;
use vigil_nvidia::tensorrt::{Library, Search};

/// TensorRT keeps one logger for a process, so it is opened once, and stays.
static LIBRARY: Mutex<Option<Library>> = Mutex::new(None);

/// The TensorRT of this process, opened by the first call that finds one.
///
/// # Errors
/// No driver, or no TensorRT: with what was found, and what would be right.
pub fn library() -> Result<Library, EngineError> {
    let mut opened = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = &*opened {
        return Ok(library.clone());
    }
    let missing = |reason: String| EngineError::Missing { kind: KIND, reason };
    // The driver first: TensorRT 8.6 ends the process where there is none.
    let driver = Driver::load().map_err(|error| missing(error.to_string()))?;
    let search = Search {
        folder: None::<PathBuf>,
    };
    let library = Library::open(&search, &driver, Arc::new(watch::log));
    let library = library.map_err(|error| missing(error.to_string()))?;
    Ok(opened.insert(library).clone())
}
