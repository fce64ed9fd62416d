//! Kernels from PTX, and their launch.

use super::raw::*;
use super::{Context, DriverError, Stream, call};
use std::ffi::{CStr, CString, c_void};
use std::sync::Arc;

/// Room for what the driver's compiler says.
const LOG_BYTES: usize = 8 << 10;

/// Kernels that are loaded into a context. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Module(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    raw: CUmodule,
    name: String,
    context: Context,
}

// SAFETY: the driver's modules may be used from any thread, by several at once.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Module {
    /// Compiles PTX for the context's GPU and loads it. The driver keeps what it has compiled in a
    /// cache on disk.
    ///
    /// # Errors
    /// [`DriverError::Module`] with what the compiler said: the text is wrong, or the GPU or the
    /// driver too old for it.
    pub fn from_ptx(context: &Context, name: &str, ptx: &str) -> Result<Self, DriverError> {
        let refused = |code, what: String, log| DriverError::Module {
            module: name.into(),
            code,
            name: what,
            log,
        };
        let text = CString::new(ptx).map_err(|_| {
            refused(
                CUDA_ERROR_INVALID_VALUE,
                "a zero in the text".into(),
                String::new(),
            )
        })?;
        let driver = context.driver();
        let _current = context.enter()?;
        let mut log = vec![0u8; LOG_BYTES];
        let mut options = [CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
        // Numbers are given in the place of pointers.
        let mut values = [log.as_mut_ptr().cast::<c_void>(), LOG_BYTES as *mut c_void];
        let mut raw = std::ptr::null_mut();
        // SAFETY: the text ends with a zero; there are as many options as values; the log has the
        // size that is said; `raw` receives the module, which is unloaded once, by `drop`.
        let code = unsafe {
            (driver.table().cuModuleLoadDataEx)(
                &raw mut raw,
                text.as_ptr().cast(),
                options.len() as u32,
                options.as_mut_ptr(),
                values.as_mut_ptr(),
            )
        };
        if let Err(error) = driver.check("cuModuleLoadDataEx", code) {
            return Err(match error {
                DriverError::Call { code, name, .. } => refused(code, name, told(&log)),
                other => other,
            });
        }
        Ok(Self(Arc::new(Inner {
            raw,
            name: name.into(),
            context: context.clone(),
        })))
    }

    /// The kernel of this name.
    ///
    /// # Errors
    /// The driver's own: there is none.
    pub fn function(&self, name: &CStr) -> Result<Function, DriverError> {
        let context = &self.0.context;
        let _current = context.enter()?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` receives the function, which lives as long as its module.
        unsafe {
            call!(
                context.driver(),
                cuModuleGetFunction(&raw mut raw, self.0.raw, name.as_ptr())
            )?;
        }
        Ok(Function {
            raw,
            module: self.clone(),
        })
    }

    /// What it was called when it was loaded.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Ok(_current) = self.context.enter() {
            // SAFETY: made in `from_ptx`; functions keep it, so that none is left.
            unsafe { (self.context.driver().table().cuModuleUnload)(self.raw) };
        }
    }
}

/// The log's text on lines of its own.
fn told(log: &[u8]) -> String {
    let end = log.iter().position(|b| *b == 0).unwrap_or(log.len());
    let text = String::from_utf8_lossy(&log[..end]);
    let lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty());
    lines.map(|line| format!("\n    {line}")).collect()
}

/// A kernel.
#[derive(Debug, Clone)]
pub struct Function {
    raw: CUfunction,
    module: Module,
}

// SAFETY: the driver's functions may be used from any thread, by several at once.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

/// How many threads run a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x, y, z, each at least 1.
    pub grid: [u32; 3],
    /// Threads of a block along x, y, z.
    pub block: [u32; 3],
    /// Bytes of shared memory besides what the kernel declares.
    pub shared: u32,
}

impl Function {
    /// Puts the kernel on a stream.
    ///
    /// `arguments` point at its parameters, in their order; they are read before this returns.
    ///
    /// # Errors
    /// The driver's own. A fault of the kernel itself comes from a later call.
    ///
    /// # Safety
    /// Parameters must be as many and of the types that the kernel has, and what they point at must
    /// stay until the stream has passed it.
    pub unsafe fn launch(
        &self,
        stream: &Stream,
        launch: Launch,
        arguments: &mut [*mut c_void],
    ) -> Result<(), DriverError> {
        let context = &self.module.0.context;
        let _current = context.enter()?;
        let ([gx, gy, gz], [bx, by, bz]) = (launch.grid, launch.block);
        // SAFETY: the caller's promise.
        unsafe {
            call!(
                context.driver(),
                cuLaunchKernel(
                    self.raw,
                    gx,
                    gy,
                    gz,
                    bx,
                    by,
                    bz,
                    launch.shared,
                    stream.raw(),
                    arguments.as_mut_ptr(),
                    std::ptr::null_mut()
                )
            )
        }
    }
}
