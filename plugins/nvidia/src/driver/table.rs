//! The driver's functions: one typed pointer for each.
//!
//! A function that is needed has to be there under one of its names; the newest comes first. One that
//! is optional is `None` on drivers that are older than it.

use super::error::DriverError;
use super::raw::*;
use libloading::Library;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

macro_rules! table {
    (
        needed { $($need:ident($($need_arg:ty),*) = $($need_name:literal)|+;)* }
        optional { $($may:ident($($may_arg:ty),*) = $($may_name:literal)|+;)* }
    ) => {
        /// The functions of one driver library, which stays loaded for ever: the driver has threads
        /// of its own, and no way to end them.
        #[allow(non_snake_case, missing_docs, reason = "the driver's own names")]
        pub struct Table {
            library: ManuallyDrop<Library>,
            path: PathBuf,
            $(pub $need: unsafe extern "C" fn($($need_arg),*) -> CUresult,)*
            $(pub $may: Option<unsafe extern "C" fn($($may_arg),*) -> CUresult>,)*
        }

        impl Table {
            fn fill(library: Library, path: &Path) -> Result<Self, DriverError> {
                let missing = |name: &[&CStr]| DriverError::Symbol {
                    name: name[0].to_string_lossy().into_owned(),
                    library: path.to_owned(),
                    version: version_of(&library),
                };
                Ok(Self {
                    $($need: {
                        let names: &[&CStr] = &[$($need_name),+];
                        // SAFETY: the driver API declares these functions with these types.
                        unsafe { symbol(&library, names) }.ok_or_else(|| missing(names))?
                    },)*
                    $($may: {
                        // SAFETY: as above.
                        unsafe { symbol(&library, &[$($may_name),+]) }
                    },)*
                    library: ManuallyDrop::new(library),
                    path: path.to_owned(),
                })
            }
        }
    };
}

table! {
    needed {
        cuInit(c_uint) = c"cuInit";
        cuDriverGetVersion(*mut c_int) = c"cuDriverGetVersion";
        cuGetErrorName(CUresult, *mut CUstring) = c"cuGetErrorName";
        cuGetErrorString(CUresult, *mut CUstring) = c"cuGetErrorString";
        cuDeviceGetCount(*mut c_int) = c"cuDeviceGetCount";
        cuDeviceGet(*mut CUdevice, c_int) = c"cuDeviceGet";
        cuDeviceGetName(*mut c_char, c_int, CUdevice) = c"cuDeviceGetName";
        cuDeviceGetUuid(*mut CUuuid, CUdevice) = c"cuDeviceGetUuid_v2" | c"cuDeviceGetUuid";
        cuDeviceTotalMem(*mut usize, CUdevice) = c"cuDeviceTotalMem_v2";
        cuDeviceGetAttribute(*mut c_int, c_int, CUdevice) = c"cuDeviceGetAttribute";
        cuDevicePrimaryCtxRetain(*mut CUcontext, CUdevice) = c"cuDevicePrimaryCtxRetain";
        cuDevicePrimaryCtxRelease(CUdevice)
            = c"cuDevicePrimaryCtxRelease_v2" | c"cuDevicePrimaryCtxRelease";
        cuCtxPushCurrent(CUcontext) = c"cuCtxPushCurrent_v2";
        cuCtxPopCurrent(*mut CUcontext) = c"cuCtxPopCurrent_v2";
        cuCtxGetCurrent(*mut CUcontext) = c"cuCtxGetCurrent";
        cuCtxGetDevice(*mut CUdevice) = c"cuCtxGetDevice";
        cuStreamCreateWithPriority(*mut CUstream, c_uint, c_int) = c"cuStreamCreateWithPriority";
        cuStreamDestroy(CUstream) = c"cuStreamDestroy_v2";
        cuStreamSynchronize(CUstream) = c"cuStreamSynchronize";
        cuStreamQuery(CUstream) = c"cuStreamQuery";
        cuStreamWaitEvent(CUstream, CUevent, c_uint) = c"cuStreamWaitEvent";
        cuStreamBeginCapture(CUstream, c_int) = c"cuStreamBeginCapture_v2";
        cuStreamEndCapture(CUstream, *mut CUgraph) = c"cuStreamEndCapture";
        cuEventCreate(*mut CUevent, c_uint) = c"cuEventCreate";
        cuEventDestroy(CUevent) = c"cuEventDestroy_v2";
        cuEventRecord(CUevent, CUstream) = c"cuEventRecord";
        cuEventQuery(CUevent) = c"cuEventQuery";
        cuEventSynchronize(CUevent) = c"cuEventSynchronize";
        cuEventElapsedTime(*mut f32, CUevent, CUevent) = c"cuEventElapsedTime";
        cuMemAlloc(*mut CUdeviceptr, usize) = c"cuMemAlloc_v2";
        cuMemFree(CUdeviceptr) = c"cuMemFree_v2";
        cuMemHostAlloc(*mut *mut c_void, usize, c_uint) = c"cuMemHostAlloc";
        cuMemFreeHost(*mut c_void) = c"cuMemFreeHost";
        cuMemGetInfo(*mut usize, *mut usize) = c"cuMemGetInfo_v2";
        cuMemcpyHtoDAsync(CUdeviceptr, *const c_void, usize, CUstream) = c"cuMemcpyHtoDAsync_v2";
        cuMemcpyDtoHAsync(*mut c_void, CUdeviceptr, usize, CUstream) = c"cuMemcpyDtoHAsync_v2";
        cuMemcpyDtoDAsync(CUdeviceptr, CUdeviceptr, usize, CUstream) = c"cuMemcpyDtoDAsync_v2";
        cuMemcpy2DAsync(*const CUDA_MEMCPY2D, CUstream) = c"cuMemcpy2DAsync_v2";
        cuMemsetD8Async(CUdeviceptr, u8, usize, CUstream) = c"cuMemsetD8Async";
        cuPointerGetAttribute(*mut c_void, c_int, CUdeviceptr) = c"cuPointerGetAttribute";
        cuModuleLoadDataEx(*mut CUmodule, *const c_void, c_uint, *mut c_int, *mut *mut c_void)
            = c"cuModuleLoadDataEx";
        cuModuleUnload(CUmodule) = c"cuModuleUnload";
        cuModuleGetFunction(*mut CUfunction, CUmodule, *const c_char) = c"cuModuleGetFunction";
        cuLaunchKernel(
            CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
            *mut *mut c_void, *mut *mut c_void
        ) = c"cuLaunchKernel";
        cuGraphInstantiate(*mut CUgraphExec, CUgraph, *mut CUgraphNode, *mut c_char, usize)
            = c"cuGraphInstantiate_v2" | c"cuGraphInstantiate";
        cuGraphLaunch(CUgraphExec, CUstream) = c"cuGraphLaunch";
        cuGraphDestroy(CUgraph) = c"cuGraphDestroy";
        cuGraphExecDestroy(CUgraphExec) = c"cuGraphExecDestroy";
        cuTexObjectCreate(
            *mut CUtexObject, *const CUDA_RESOURCE_DESC, *const CUDA_TEXTURE_DESC, *const c_void
        ) = c"cuTexObjectCreate";
        cuTexObjectDestroy(CUtexObject) = c"cuTexObjectDestroy";
    }
    optional {
        // CUDA 12.0; its forerunner of CUDA 10.2 has other arguments and is not used.
        cuGraphExecUpdate(CUgraphExec, CUgraph, *mut CUgraphExecUpdateResultInfo)
            = c"cuGraphExecUpdate_v2";
        cuLaunchHostFunc(CUstream, CUhostFn, *mut c_void) = c"cuLaunchHostFunc";
        // Jetson's.
        cuGraphicsEGLRegisterImage(*mut CUgraphicsResource, *mut c_void, c_uint)
            = c"cuGraphicsEGLRegisterImage";
        cuGraphicsResourceGetMappedEglFrame(*mut c_void, CUgraphicsResource, c_uint, c_uint)
            = c"cuGraphicsResourceGetMappedEglFrame";
        cuGraphicsUnregisterResource(CUgraphicsResource) = c"cuGraphicsUnregisterResource";
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Table").field(&self.path).finish()
    }
}

impl Table {
    /// Opens the library at a path, or by a name that the dynamic linker knows, and finds its
    /// functions. Calls none of them that would start the driver.
    ///
    /// # Errors
    /// [`DriverError::Library`] with the linker's words, [`DriverError::Symbol`].
    pub fn open(path: &Path) -> Result<Self, DriverError> {
        // SAFETY: the user, or the system, says that this is the driver; what else it may be runs
        // its constructors, as with any library that a plugin is told to load.
        let library = unsafe { Library::new(path) }.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            DriverError::Library {
                path: path.to_owned(),
                reason: cause.unwrap_or_else(|| error.to_string()),
            }
        })?;
        Self::fill(library, path)
    }

    /// What the library was opened as.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A function that is not in the table.
    ///
    /// # Safety
    /// `T` must be a function pointer of the type that the driver gives this name.
    pub unsafe fn symbol<T: Copy>(&self, name: &CStr) -> Option<T> {
        // SAFETY: the caller's promise.
        unsafe { symbol(&self.library, &[name]) }
    }

    /// The name and the description that the driver has for a result.
    pub(super) fn describe(&self, code: CUresult) -> (String, String) {
        let text = |get: unsafe extern "C" fn(CUresult, *mut CUstring) -> CUresult| {
            let mut text: CUstring = std::ptr::null();
            // SAFETY: `text` receives a string that the driver keeps, or null.
            let result = unsafe { get(code, &raw mut text) };
            if result != CUDA_SUCCESS || text.is_null() {
                return None;
            }
            // SAFETY: as above, ended by a zero.
            let text = unsafe { CStr::from_ptr(text) };
            Some(text.to_string_lossy().into_owned())
        };
        (
            text(self.cuGetErrorName).unwrap_or_else(|| format!("error {code}")),
            text(self.cuGetErrorString).unwrap_or_default(),
        )
    }
}

/// The first of these names that the library has.
///
/// # Safety
/// `T` must be a function pointer of the type that all of them have.
unsafe fn symbol<T: Copy>(library: &Library, names: &[&CStr]) -> Option<T> {
    names.iter().find_map(|name| {
        // SAFETY: the caller's promise.
        unsafe { library.get::<T>(name.to_bytes_with_nul()) }
            .ok()
            .map(|symbol| *symbol)
    })
}

/// CUDA's version number of a library that may lack anything.
fn version_of(library: &Library) -> Option<i32> {
    type GetVersion = unsafe extern "C" fn(*mut c_int) -> CUresult;
    // SAFETY: the function has had this type since CUDA 2.2.
    let get: GetVersion = unsafe { symbol(library, &[c"cuDriverGetVersion"]) }?;
    let mut version = 0;
    // SAFETY: `version` is where the number goes; the driver need not have been started.
    (unsafe { get(&raw mut version) } == CUDA_SUCCESS).then_some(version)
}
