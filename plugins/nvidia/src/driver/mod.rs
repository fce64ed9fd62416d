//! The CUDA driver, `libcuda.so.1`, opened at run time.
//!
//! | file | what is in it |
//! |---|---|
//! | [`raw`] | types and numbers of the driver's binary interface |
//! | [`table`] | its functions, found by name |
//! | [`error`] | what can go wrong, and what then helps |
//! | [`device`], [`context`] | a GPU; who works on it |
//! | [`stream`] | work in order, and events that tell how far it is |
//! | [`memory`] | memory of the device, pinned memory, copies, whose a pointer is, textures |
//! | [`module`] | kernels from PTX, and their launch |
//! | [`graph`] | work that is recorded once and launched often |
//!
//! Each type owns what it names and gives it back when it is dropped, with its context made current
//! for just that; what belongs to somebody else (GStreamer's context, a decoder's stream) is
//! borrowed by types that say so and is never destroyed. Everything can be sent between threads. No
//! context stays current on a thread after a call: [`Context::enter`] pushes it and its guard pops
//! it, because GStreamer, TensorRT and other elements keep theirs on the same threads.
//!
//! Nothing here waits for a whole device. Dropping memory does, in the driver: buffers are kept and
//! used again, not made for each frame.
//!
//! The crate `cudarc` wraps the same library; it panics where the library or a function is missing,
//! and its contexts are set as the thread's current one and destroyed when dropped, which
//! GStreamer's must not be.

pub mod context;
pub mod device;
pub mod error;
pub mod graph;
pub mod memory;
pub mod module;
pub mod raw;
pub mod stream;
pub mod table;

pub use context::{Context, Current};
pub use device::Device;
pub use error::{DriverError, Lost};
pub use graph::Graph;
pub use memory::{DeviceBuffer, MemoryInfo, PinnedBuffer, PointerInfo, Texture};
pub use module::{Function, Module};
pub use raw::CUdeviceptr;
pub use stream::{Event, Stream};
pub use table::Table;

use raw::{CUDA_ERROR_NO_DEVICE, CUDA_SUCCESS, CUresult};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names the driver's library, or the folder that it is in; nothing else is tried then.
pub const VARIABLE: &str = "VIGIL_CUDA";

/// The driver's library, as the dynamic linker knows it.
const LIBRARY: &str = "libcuda.so.1";

/// A driver that has been started and has at least one GPU. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Driver(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Table,
    version: i32,
    devices: usize,
}

impl Driver {
    /// Opens and starts the driver that [`VARIABLE`] names, or else the system's.
    ///
    /// # Errors
    /// There is no library, it lacks a function, it does not start, or it has no GPU.
    pub fn load() -> Result<Self, DriverError> {
        Self::at(&path_of(std::env::var_os(VARIABLE)))
    }

    /// Opens and starts the driver at this path. Drivers at different paths are independent of each
    /// other, where the dynamic linker takes them for different files.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn at(path: &Path) -> Result<Self, DriverError> {
        let table = Table::open(path)?;
        // SAFETY: takes a number, and may be called often and from any thread.
        let code = unsafe { (table.cuInit)(0) };
        if code == CUDA_ERROR_NO_DEVICE {
            return Err(DriverError::NoDevice);
        }
        if code != CUDA_SUCCESS {
            let (name, text) = table.describe(code);
            return Err(DriverError::Init { code, name, text });
        }
        let (mut version, mut devices) = (0, 0);
        let check = |call, code| match code {
            CUDA_SUCCESS => Ok(()),
            code => Err(DriverError::of_call(call, code, table.describe(code))),
        };
        // SAFETY: each call fills one number.
        unsafe {
            let code = (table.cuDriverGetVersion)(&raw mut version);
            check("cuDriverGetVersion", code)?;
            let code = (table.cuDeviceGetCount)(&raw mut devices);
            check("cuDeviceGetCount", code)?;
        }
        if devices < 1 {
            return Err(DriverError::NoDevice);
        }
        Ok(Self(Arc::new(Inner {
            table,
            version,
            devices: devices as usize,
        })))
    }

    /// The driver's functions, for what has no type here.
    pub fn table(&self) -> &Table {
        &self.0.table
    }

    /// The newest CUDA that the driver serves: `1000 · major + 10 · minor`.
    pub fn version(&self) -> i32 {
        self.0.version
    }

    /// How many GPUs this process sees.
    pub fn device_count(&self) -> usize {
        self.0.devices
    }

    /// The GPU of this number, from 0.
    ///
    /// # Errors
    /// [`DriverError::NoSuchDevice`], or the driver's own.
    pub fn device(&self, ordinal: usize) -> Result<Device, DriverError> {
        Device::new(self, ordinal)
    }

    /// Every GPU that this process sees.
    ///
    /// # Errors
    /// The driver's own.
    pub fn devices(&self) -> Result<Vec<Device>, DriverError> {
        (0..self.device_count()).map(|i| self.device(i)).collect()
    }

    /// The error of a call's result, if it is one.
    ///
    /// # Errors
    /// That error.
    pub fn check(&self, call: &'static str, code: CUresult) -> Result<(), DriverError> {
        if code == CUDA_SUCCESS {
            return Ok(());
        }
        Err(DriverError::of_call(
            call,
            code,
            self.table().describe(code),
        ))
    }

    /// Whether both are one library.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.table().path() == other.table().path()
    }
}

/// What to open, by what the variable says.
fn path_of(variable: Option<OsString>) -> PathBuf {
    match variable.filter(|value| !value.is_empty()) {
        Some(path) if Path::new(&path).is_dir() => Path::new(&path).join(LIBRARY),
        Some(path) => path.into(),
        None => LIBRARY.into(),
    }
}

/// Calls a function of the table of `$driver` and turns its result into a `Result`. To be used in
/// an unsafe block that says why the arguments are right.
macro_rules! call {
    ($driver:expr, $function:ident($($arg:expr),* $(,)?)) => {{
        let driver: &$crate::driver::Driver = $driver;
        let code = (driver.table().$function)($($arg),*);
        driver.check(stringify!($function), code)
    }};
}
pub(crate) use call;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_a_file_or_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (variable, expected) in [
            (None, PathBuf::from("libcuda.so.1")),
            (Some(""), "libcuda.so.1".into()),
            (Some("/x/libcuda.so.550"), "/x/libcuda.so.550".into()),
            (folder.path().to_str(), folder.path().join("libcuda.so.1")),
        ] {
            assert_eq!(path_of(variable.map(OsString::from)), expected);
        }
    }

    #[test]
    fn a_library_that_is_not_there_is_no_driver() {
        let error = Driver::at(Path::new("/nowhere/libcuda.so.1")).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, DriverError::Library { .. }), "{text}");
        assert!(
            text.starts_with("no NVIDIA driver: /nowhere/libcuda.so.1"),
            "{text}"
        );
    }

    #[test]
    fn a_library_of_something_else_is_no_driver() {
        let error = Driver::at(Path::new("libc.so.6")).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, DriverError::Symbol { version: None, .. }),
            "{text}"
        );
        assert!(
            text.contains("libc.so.6 has no function cuInit: it is no NVIDIA driver"),
            "{text}"
        );
    }
}
