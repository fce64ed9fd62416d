//! Contexts: who works on a GPU, with which memory.

use super::raw::*;
use super::{Device, Driver, DriverError, MemoryInfo, call};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// A context of the driver. Cheap to clone; the last clone gives it back.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    raw: CUcontext,
    device: Device,
    owner: Owner,
}

/// Who keeps a context alive.
enum Owner {
    /// The driver, as long as somebody retains it: released when the last clone goes.
    Primary,
    /// Somebody else; kept until the last clone goes, then told nothing.
    Other(#[allow(dead_code, reason = "kept, not read")] Box<dyn Any + Send + Sync>),
}

// SAFETY: the driver's contexts may be used from any thread, by several at once.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Context {
    /// The primary context of a GPU: the one that the CUDA runtime, and so DeepStream and PyTorch,
    /// use. It is made if nobody has it yet, and stays while anybody has.
    ///
    /// # Errors
    /// The driver's own: out of memory, or the GPU is in exclusive mode and in use.
    pub fn primary(device: &Device) -> Result<Self, DriverError> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` receives the context, which `Inner` releases once.
        unsafe {
            call!(
                device.driver(),
                cuDevicePrimaryCtxRetain(&raw mut raw, device.raw())
            )?;
        }
        Ok(Self(Arc::new(Inner {
            raw,
            device: device.clone(),
            owner: Owner::Primary,
        })))
    }

    /// A context of somebody else's, such as that of a `GstCudaContext`: it is pushed and popped and
    /// never destroyed. `owner`, such as a reference on that object, is kept as long as this or
    /// anything made with it.
    ///
    /// # Errors
    /// The driver does not know the context.
    ///
    /// # Safety
    /// `raw` must be a context of `driver`, and stay one while `owner` is kept.
    pub unsafe fn borrowed(
        driver: &Driver,
        raw: CUcontext,
        owner: impl Any + Send + Sync,
    ) -> Result<Self, DriverError> {
        let device = {
            let _current = Current::push(driver, raw)?;
            let mut device = 0;
            // SAFETY: `device` receives the device of the context that is current.
            unsafe { call!(driver, cuCtxGetDevice(&raw mut device))? };
            Device::of_raw(driver, device)?
        };
        Ok(Self(Arc::new(Inner {
            raw,
            device,
            owner: Owner::Other(Box::new(owner)),
        })))
    }

    /// Makes it the calling thread's current context until the guard is dropped; the one that was
    /// current is current again then. Guards are dropped in the opposite order of their making.
    ///
    /// # Errors
    /// The driver's own, such as that the context has been destroyed.
    pub fn enter(&self) -> Result<Current<'_>, DriverError> {
        Current::push(self.driver(), self.0.raw)
    }

    /// Whose it is.
    pub fn driver(&self) -> &Driver {
        self.0.device.driver()
    }

    /// The GPU that it is on.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// The driver's handle, which stays valid as long as this.
    pub fn raw(&self) -> CUcontext {
        self.0.raw
    }

    /// Whether both are the same context, so that memory of one is memory of the other.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.raw == other.0.raw
    }

    /// How much memory the GPU has, and how much of it is free now, for anybody.
    ///
    /// # Errors
    /// The driver's own.
    pub fn memory_info(&self) -> Result<MemoryInfo, DriverError> {
        let _current = self.enter()?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: both receive a number.
        unsafe { call!(self.driver(), cuMemGetInfo(&raw mut free, &raw mut total))? };
        Ok(MemoryInfo { free, total })
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let owner = match self.0.owner {
            Owner::Primary => "primary",
            Owner::Other(_) => "borrowed",
        };
        write!(f, "Context({owner}, {:p}, {})", self.0.raw, self.device())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Owner::Primary = self.owner {
            // SAFETY: it was retained once, in `Context::primary`.
            unsafe { (self.device.driver().table().cuDevicePrimaryCtxRelease)(self.device.raw()) };
        }
    }
}

/// A context that is the thread's current one until this is dropped.
pub struct Current<'a> {
    driver: &'a Driver,
    /// What is current is so on one thread.
    _thread: PhantomData<*const ()>,
}

impl<'a> Current<'a> {
    fn push(driver: &'a Driver, raw: CUcontext) -> Result<Self, DriverError> {
        // SAFETY: the driver checks the handle, which its owner keeps alive.
        unsafe { call!(driver, cuCtxPushCurrent(raw))? };
        Ok(Self {
            driver,
            _thread: PhantomData,
        })
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        let mut popped = std::ptr::null_mut();
        // SAFETY: pops what `push` has pushed on this thread.
        unsafe { (self.driver.table().cuCtxPopCurrent)(&raw mut popped) };
    }
}
