//! `libnvbufsurface`, as far as Jetson's memory needs it. It is opened at run time; whoever made the
//! buffers has it in the process already.

use super::super::error::MemoryError;
use super::raw::Surface;
use super::surface::Stride;
use libloading::os::unix::{Library as Dl, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CStr, c_int};
use std::path::Path;

/// Names that the dynamic linker may know it by, and where DeepStream puts it.
const NAMES: [&str; 3] = [
    "libnvbufsurface.so.1.0.0",
    "libnvbufsurface.so",
    "/opt/nvidia/deepstream/deepstream/lib/libnvbufsurface.so",
];

/// Opens nothing that is not in the process yet.
const RTLD_NOLOAD: c_int = 4;

type Call = unsafe extern "C" fn(*mut Surface, c_int) -> c_int;

/// The library's functions: each takes a surface and an index, and gives 0 for success.
#[derive(Debug)]
pub struct Library {
    /// `NvBufSurfaceMapEglImage`.
    pub(super) map_egl: Option<Call>,
    /// `NvBufSurfaceUnMapEglImage`.
    pub(super) unmap_egl: Option<Call>,
    /// `NvBufSurfaceMapCudaBuffer`; DeepStream 8 and later.
    pub(super) map_cuda: Option<Call>,
    /// `NvBufSurfaceUnMapCudaBuffer`.
    pub(super) unmap_cuda: Option<Call>,
    /// Kept, so that the functions stay.
    _library: Dl,
}

impl Library {
    /// The library of this process, else the system's.
    ///
    /// # Errors
    /// [`MemoryError::Library`] with what was tried.
    pub fn open() -> Result<Self, MemoryError> {
        for name in NAMES {
            // SAFETY: nothing is loaded.
            let loaded = unsafe { Dl::open(Some(name), RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD) };
            if let Ok(library) = loaded {
                return Ok(Self::fill(library));
            }
        }
        let mut tried = Vec::new();
        for name in NAMES {
            match Self::open_at(Path::new(name)) {
                Ok(library) => return Ok(library),
                Err(error) => tried.push(error.to_string()),
            }
        }
        Err(MemoryError::Library(tried.join("; ")))
    }

    /// The library at a path, or by a name that the dynamic linker knows.
    ///
    /// # Errors
    /// [`MemoryError::Library`] with the linker's words.
    pub fn open_at(path: &Path) -> Result<Self, MemoryError> {
        // SAFETY: it is NVIDIA's by its name; what else it may be runs its constructors.
        let library = unsafe { Dl::open(Some(path), RTLD_LAZY | RTLD_LOCAL) };
        library.map(Self::fill).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            MemoryError::Library(format!("{} cannot be opened ({cause})", path.display()))
        })
    }

    fn fill(library: Dl) -> Self {
        let call = |name: &CStr| {
            // SAFETY: NVIDIA's header declares all four with this type.
            unsafe { library.get::<Call>(name.to_bytes_with_nul()) }
                .ok()
                .map(|symbol| *symbol)
        };
        Self {
            map_egl: call(c"NvBufSurfaceMapEglImage"),
            unmap_egl: call(c"NvBufSurfaceUnMapEglImage"),
            map_cuda: call(c"NvBufSurfaceMapCudaBuffer"),
            unmap_cuda: call(c"NvBufSurfaceUnMapCudaBuffer"),
            _library: library,
        }
    }

    /// The stride that its surfaces have: the functions for CUDA buffers came with the fields for
    /// them.
    pub fn stride(&self) -> Stride {
        match self.map_cuda {
            Some(_) => Stride::Bytes416,
            None => Stride::Bytes384,
        }
    }
}
