//! The GPUs of this machine, as all elements of the process share them.

use super::{KIND, watch};
use crate::engine::EngineError;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use vigil_nvidia::driver::{Context, Driver};
use vigil_nvidia::kernels::Kernels;
use vigil_nvidia::tensorrt::{Library, Search};

/// A GPU: its primary context, in which DeepStream and CUDA's runtime work too, and our kernels. The
/// last that uses it lets the context go.
pub struct Gpu {
    kernels: Kernels,
    context: Context,
    library: Library,
}

/// Those in use, by number.
static GPUS: Mutex<Vec<(u32, Weak<Gpu>)>> = Mutex::new(Vec::new());

/// TensorRT keeps one logger for a process, so it is opened once, and stays.
static LIBRARY: Mutex<Option<Library>> = Mutex::new(None);

impl Gpu {
    /// The GPU of this number.
    ///
    /// # Errors
    /// No driver, no TensorRT, no such GPU: with what was found, and what would be right.
    pub fn get(number: u32) -> Result<Arc<Self>, EngineError> {
        let mut gpus = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
        gpus.retain(|(_, gpu)| gpu.strong_count() > 0);
        let known = gpus.iter().find(|(n, _)| *n == number);
        if let Some(gpu) = known.and_then(|(_, gpu)| gpu.upgrade()) {
            return Ok(gpu);
        }
        let gpu = Arc::new(Self::open(number)?);
        gpus.push((number, Arc::downgrade(&gpu)));
        Ok(gpu)
    }

    fn open(number: u32) -> Result<Self, EngineError> {
        let missing = |error: &dyn std::fmt::Display| EngineError::Missing {
            kind: KIND,
            reason: error.to_string(),
        };
        let library = library()?;
        let driver = library.driver();
        let device = driver.device(number as usize).map_err(|e| missing(&e))?;
        let context = Context::primary(&device).map_err(|e| missing(&e))?;
        let kernels = Kernels::load(&context).map_err(|e| missing(&e))?;
        Ok(Self {
            kernels,
            context,
            library,
        })
    }

    /// Where it works.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What prepares pictures and decodes outputs there.
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// The TensorRT of this process.
    pub fn library(&self) -> &Library {
        &self.library
    }
}

fn library() -> Result<Library, EngineError> {
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
