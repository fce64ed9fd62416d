//! `libgstcuda-1.0.so.0`, GStreamer's CUDA library, opened at run time.
//!
//! What is used of it is the same from 1.22 to 1.28; functions of 1.24 are optional. Of its structures
//! only the head of `GstCudaMemory` is read, which its header marks as public.

use super::super::error::MemoryError;
use gst::glib;
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// The library, as the dynamic linker knows it.
pub const LIBRARY: &str = "libgstcuda-1.0.so.0";

/// Names the library, or is unset.
pub const VARIABLE: &str = "VIGIL_GSTCUDA";

/// `GST_MAP_CUDA`: the map gives an address of the device.
pub const GST_MAP_CUDA: gst::ffi::GstMapFlags = gst::ffi::GST_MAP_FLAG_LAST << 1;

/// `GstCudaContext`, an object whose inside is the library's.
#[repr(C)]
pub struct GstCudaContext {
    _opaque: [u8; 0],
}

/// `GstCudaStream`.
#[repr(C)]
pub struct GstCudaStream {
    _opaque: [u8; 0],
}

/// `GstCudaMemory`, as far as it is public and read.
#[repr(C)]
pub struct GstCudaMemory {
    /// The memory that it is.
    pub mem: gst::ffi::GstMemory,
    /// Whose it is.
    pub context: *mut GstCudaContext,
    /// Format, offsets and strides of what is in it.
    pub info: gst_video::ffi::GstVideoInfo,
}

macro_rules! table {
    (
        needed { $($need:ident($($need_arg:ty),*) $(-> $need_result:ty)?;)* }
        optional { $($may:ident($($may_arg:ty),*) $(-> $may_result:ty)?;)* }
    ) => {
        /// The functions of the library, which stays loaded for ever: it registers types.
        #[allow(missing_docs, reason = "GStreamer's own names")]
        pub struct GstCuda {
            path: PathBuf,
            $(pub $need: unsafe extern "C" fn($($need_arg),*) $(-> $need_result)?,)*
            $(pub $may: Option<unsafe extern "C" fn($($may_arg),*) $(-> $may_result)?>,)*
            _library: ManuallyDrop<Library>,
        }

        impl GstCuda {
            /// Names of the functions that must be there.
            pub const NEEDED: &[&CStr] = &[$(name(concat!(stringify!($need), "\0"))),*];
            /// Names of those that may be missing.
            pub const OPTIONAL: &[&CStr] = &[$(name(concat!(stringify!($may), "\0"))),*];

            fn fill(library: Library, path: &Path) -> Result<Self, MemoryError> {
                let missing = |name: &str| MemoryError::Library(format!(
                    "{} has no function {name}: it is not GStreamer's CUDA library, or one before \
                     1.22", path.display()
                ));
                Ok(Self {
                    path: path.to_owned(),
                    $(
                        // SAFETY: the library's headers declare it with this type.
                        $need: unsafe { symbol(&library, stringify!($need)) }
                            .ok_or_else(|| missing(stringify!($need)))?,
                    )*
                    $(
                        // SAFETY: as above.
                        $may: unsafe { symbol(&library, stringify!($may)) },
                    )*
                    _library: ManuallyDrop::new(library),
                })
            }
        }
    };
}

const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}

type Element = *mut gst::ffi::GstElement;
type Contexts = *mut *mut GstCudaContext;

table! {
    needed {
        gst_cuda_load_library() -> glib::ffi::gboolean;
        gst_is_cuda_memory(*mut gst::ffi::GstMemory) -> glib::ffi::gboolean;
        gst_cuda_context_get_handle(*mut GstCudaContext) -> *mut c_void;
        gst_cuda_ensure_element_context(Element, c_int, Contexts) -> glib::ffi::gboolean;
        gst_cuda_handle_set_context(Element, *mut gst::ffi::GstContext, c_int, Contexts)
            -> glib::ffi::gboolean;
        gst_cuda_handle_context_query(Element, *mut gst::ffi::GstQuery, *mut GstCudaContext)
            -> glib::ffi::gboolean;
    }
    optional {
        gst_cuda_memory_get_stream(*mut GstCudaMemory) -> *mut GstCudaStream;
        gst_cuda_stream_get_handle(*mut GstCudaStream) -> *mut c_void;
        gst_cuda_memory_sync(*mut GstCudaMemory);
        gst_cuda_context_new_wrapped(*mut c_void, c_int) -> *mut GstCudaContext;
        gst_context_new_cuda_context(*mut GstCudaContext) -> *mut gst::ffi::GstContext;
    }
}

/// # Safety
/// `T` must be a function pointer of the type that the library gives this name.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Option<T> {
    // SAFETY: the caller's promise.
    unsafe { library.get::<T>(name.as_bytes()) }
        .ok()
        .map(|symbol| *symbol)
}

impl std::fmt::Debug for GstCuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GstCuda").field(&self.path).finish()
    }
}

impl GstCuda {
    /// Opens the library that [`VARIABLE`] names, or else the system's, and the driver with it.
    ///
    /// # Errors
    /// See [`open_at`](Self::open_at).
    pub fn open() -> Result<Self, MemoryError> {
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        Self::open_at(named.as_deref().unwrap_or(Path::new(LIBRARY)))
    }

    /// As [`open`](Self::open), of the library at a path.
    ///
    /// # Errors
    /// [`MemoryError::Library`]: it cannot be opened, lacks a function, or finds no driver.
    pub fn open_at(path: &Path) -> Result<Self, MemoryError> {
        let found = Self::symbols(path)?;
        // SAFETY: takes nothing; it may be called by anybody at any time.
        if unsafe { (found.gst_cuda_load_library)() } == glib::ffi::GFALSE {
            return Err(MemoryError::Library(format!(
                "GStreamer's CUDA library ({}) finds no NVIDIA driver that it can use",
                path.display()
            )));
        }
        Ok(found)
    }

    /// The functions alone: the driver is not looked for.
    ///
    /// # Errors
    /// [`MemoryError::Library`]: it cannot be opened, or lacks a function.
    pub fn symbols(path: &Path) -> Result<Self, MemoryError> {
        // SAFETY: it is GStreamer's by its name; what else it may be runs its constructors.
        let library = unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) };
        let library = library.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            MemoryError::Library(format!(
                "GStreamer's CUDA library {} cannot be opened ({}); distributions have it in the \
                 package of gst-plugins-bad's libraries",
                path.display(),
                cause.unwrap_or_else(|| error.to_string())
            ))
        })?;
        Self::fill(library, path)
    }

    /// What the library was opened as.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A number of the driver's, of a device.
pub(super) type DeviceId = c_uint;
