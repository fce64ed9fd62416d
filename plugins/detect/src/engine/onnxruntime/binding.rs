//! Tensors in a GPU's memory, bound to a session's inputs and outputs.
//!
//! By the library's own functions: the crate `ort` copies tensors of foreign memory when they are bound
//! as inputs, and does not bind them as outputs.

use ort::memory::MemoryInfo;
use ort::session::{RunOptions, Session};
use ort::sys;
use ort::value::{DynTensor, TensorElementType};
use ort::{AsPointer, Error};
use std::ffi::CStr;
use std::ptr::NonNull;
use vigil_nvidia::driver::CUdeviceptr;

/// What a session's next runs read and write.
pub(super) struct Binding(NonNull<sys::OrtIoBinding>);

// SAFETY: the library's bindings belong to no thread.
unsafe impl Send for Binding {}

/// A tensor in memory of somebody else's.
pub(super) struct DeviceTensor<'a> {
    pub memory: &'a MemoryInfo<'static>,
    pub address: CUdeviceptr,
    pub bytes: usize,
    pub shape: &'a [i64],
    pub kind: TensorElementType,
}

fn check(status: sys::OrtStatusPtr) -> Result<(), Error> {
    // SAFETY: the library's status, which is released with the error.
    unsafe { Error::result_from_status(status) }
}

impl Binding {
    /// With nothing bound. The session has to outlive it.
    pub fn new(session: &Session) -> Result<Self, Error> {
        let mut raw = std::ptr::null_mut();
        let api = ort::api();
        // SAFETY: `raw` receives the binding, which `drop` releases.
        check(unsafe { (api.CreateIoBinding)(session.ptr().cast_mut(), &raw mut raw) })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::new("CreateIoBinding gave nothing"))?;
        Ok(Self(raw))
    }

    /// Has an input read from there.
    ///
    /// # Safety
    /// The memory has to be the device's that the tensor names, and stay until the binding is gone and
    /// the last run is over.
    pub unsafe fn input(&self, name: &CStr, tensor: &DeviceTensor) -> Result<(), Error> {
        let value = Value::new(tensor)?;
        // SAFETY: the binding takes a share of the value.
        check(unsafe { (ort::api().BindInput)(self.0.as_ptr(), name.as_ptr(), value.0.as_ptr()) })
    }

    /// Has an output written there.
    ///
    /// # Safety
    /// As of [`input`](Self::input).
    pub unsafe fn output(&self, name: &CStr, tensor: &DeviceTensor) -> Result<(), Error> {
        let value = Value::new(tensor)?;
        // SAFETY: as above.
        check(unsafe { (ort::api().BindOutput)(self.0.as_ptr(), name.as_ptr(), value.0.as_ptr()) })
    }

    /// Has an input read from system memory; what is on the GPU of it is copied there now.
    pub fn constant(&self, name: &CStr, tensor: &DynTensor) -> Result<(), Error> {
        let (binding, value) = (self.0.as_ptr(), tensor.ptr());
        // SAFETY: as above.
        check(unsafe { (ort::api().BindInput)(binding, name.as_ptr(), value) })
    }

    /// Runs the session on what is bound.
    pub fn run(&self, session: &mut Session, options: &RunOptions) -> Result<(), Error> {
        let (session, options) = (session.ptr_mut(), options.ptr());
        // SAFETY: all three are alive, and the session is this thread's alone.
        check(unsafe { (ort::api().RunWithBinding)(session, options, self.0.as_ptr()) })
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and released once.
        unsafe { (ort::api().ReleaseIoBinding)(self.0.as_ptr()) };
    }
}

/// A value of the library's around memory that is not its own.
struct Value(NonNull<sys::OrtValue>);

impl Value {
    fn new(tensor: &DeviceTensor) -> Result<Self, Error> {
        let mut raw = std::ptr::null_mut();
        let (shape, kind) = (tensor.shape, tensor.kind);
        // SAFETY: `raw` receives the value, which `drop` releases; the memory is only named here.
        check(unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                tensor.memory.ptr(),
                tensor.address as *mut _,
                tensor.bytes,
                shape.as_ptr(),
                shape.len(),
                kind.into(),
                &raw mut raw,
            )
        })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::new("a tensor that is none"))?;
        Ok(Self(raw))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and released once.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) };
    }
}
