//! `libnvdsgst_meta.so` and `libnvds_meta.so`, opened at run time.

use super::error::NvDsError;
use super::raw::{BatchMeta, FrameMeta, ObjectHead};
use libloading::os::unix::{Library as Dl, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// Names the folder with DeepStream's libraries, or is unset.
pub const VARIABLE: &str = "VIGIL_DEEPSTREAM";

/// Where DeepStream installs itself.
const FOLDER: &str = "/opt/nvidia/deepstream/deepstream/lib";

const GST_META: &str = "libnvdsgst_meta.so";
const META: &str = "libnvds_meta.so";

/// DeepStream's functions for metadata on buffers.
#[derive(Debug)]
pub struct Library {
    pub(super) get_batch: unsafe extern "C" fn(*mut gst::ffi::GstBuffer) -> *mut BatchMeta,
    pub(super) lock: unsafe extern "C" fn(*mut BatchMeta),
    pub(super) unlock: unsafe extern "C" fn(*mut BatchMeta),
    pub(super) acquire_object: unsafe extern "C" fn(*mut BatchMeta) -> *mut ObjectHead,
    pub(super) add_object: unsafe extern "C" fn(*mut FrameMeta, *mut ObjectHead, *mut ObjectHead),
    /// Kept, so that the functions stay.
    _libraries: [Dl; 2],
}

impl Library {
    /// The libraries of the folder that [`VARIABLE`] names; else those that the dynamic linker
    /// knows, which are those of this process if DeepStream's elements are in it; else those where
    /// DeepStream installs itself.
    ///
    /// # Errors
    /// [`NvDsError::Library`] with what was tried.
    pub fn open() -> Result<Self, NvDsError> {
        if let Some(folder) = std::env::var_os(VARIABLE) {
            return Self::open_in(&PathBuf::from(folder));
        }
        Self::open_in(Path::new("")).or_else(|first| {
            Self::open_in(Path::new(FOLDER)).map_err(|second| match (first, second) {
                (NvDsError::Library(first), NvDsError::Library(second)) => {
                    NvDsError::Library(format!("{first}; {second}"))
                }
                (_, second) => second,
            })
        })
    }

    /// The libraries in a folder; of the dynamic linker's path if it is empty.
    ///
    /// # Errors
    /// [`NvDsError::Library`]: one of them cannot be opened, or lacks a function.
    pub fn open_in(folder: &Path) -> Result<Self, NvDsError> {
        let gst_meta = Opened::at(folder.join(GST_META))?;
        let meta = Opened::at(folder.join(META))?;
        // SAFETY: DeepStream's headers declare these functions with these types.
        unsafe {
            Ok(Self {
                get_batch: gst_meta.symbol(c"gst_buffer_get_nvds_batch_meta")?,
                lock: meta.symbol(c"nvds_acquire_meta_lock")?,
                unlock: meta.symbol(c"nvds_release_meta_lock")?,
                acquire_object: meta.symbol(c"nvds_acquire_obj_meta_from_pool")?,
                add_object: meta.symbol(c"nvds_add_obj_meta_to_frame")?,
                _libraries: [gst_meta.library, meta.library],
            })
        }
    }
}

struct Opened {
    library: Dl,
    path: PathBuf,
}

impl Opened {
    fn at(path: PathBuf) -> Result<Self, NvDsError> {
        // SAFETY: it is DeepStream's by its name; what else it may be runs its constructors.
        match unsafe { Dl::open(Some(&path), RTLD_LAZY | RTLD_LOCAL) } {
            Ok(library) => Ok(Self { library, path }),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let cause = cause.unwrap_or_else(|| error.to_string());
                Err(NvDsError::Library(format!("{} ({cause})", path.display())))
            }
        }
    }

    /// # Safety
    /// `T` must be a function pointer of the type that the library gives this name.
    unsafe fn symbol<T: Copy>(&self, name: &CStr) -> Result<T, NvDsError> {
        // SAFETY: the caller's promise.
        let found = unsafe { self.library.get::<T>(name.to_bytes_with_nul()) };
        found.map(|symbol| *symbol).map_err(|_| {
            let name = name.to_string_lossy();
            NvDsError::Library(format!("{} (no function {name})", self.path.display()))
        })
    }
}
