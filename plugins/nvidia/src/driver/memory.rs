//! Memory of a device, pinned memory of the host, and what goes between them.
//!
//! Copies are put on a stream and done later: whoever calls one keeps both sides, and keeps off
//! them, until the stream has passed it. That is why they are unsafe here and why the pipeline, which
//! knows when a batch is done, is the place that calls them.

use super::raw::*;
use super::{Context, Driver, DriverError, Stream, call};
use std::ffi::c_void;

/// Memory of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Bytes that are free, for anybody.
    pub free: usize,
    /// Bytes in all.
    pub total: usize,
}

/// Memory of a device.
#[derive(Debug)]
pub struct DeviceBuffer {
    pointer: CUdeviceptr,
    bytes: usize,
    context: Context,
}

impl DeviceBuffer {
    /// So many bytes, at least 1, whose content is not defined; aligned to at least 256.
    ///
    /// # Errors
    /// [`DriverError::OutOfMemory`] with what was free, or the driver's own.
    pub fn new(context: &Context, bytes: usize) -> Result<Self, DriverError> {
        let bytes = bytes.max(1);
        let _current = context.enter()?;
        let mut pointer = 0;
        // SAFETY: `pointer` receives the memory, which is freed once, by `drop`.
        let result = unsafe { call!(context.driver(), cuMemAlloc(&raw mut pointer, bytes)) };
        result.map_err(|error| with_sizes(error, context, bytes))?;
        Ok(Self {
            pointer,
            bytes,
            context: context.clone(),
        })
    }

    /// Where it is.
    pub fn pointer(&self) -> CUdeviceptr {
        self.pointer
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The context that it is of.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        if let Ok(_current) = self.context.enter() {
            // SAFETY: made in `new`. The driver waits for work that uses it.
            unsafe { (self.context.driver().table().cuMemFree)(self.pointer) };
        }
    }
}

/// Memory of the host that a device copies to and from by itself. Zeros at first.
#[derive(Debug)]
pub struct PinnedBuffer {
    pointer: *mut u8,
    bytes: usize,
    context: Context,
}

// SAFETY: plain memory, with the rules of a `Vec`.
unsafe impl Send for PinnedBuffer {}
// SAFETY: as above.
unsafe impl Sync for PinnedBuffer {}

impl PinnedBuffer {
    /// So many bytes, at least 1; any context may use it.
    ///
    /// # Errors
    /// [`DriverError::OutOfMemory`], or the driver's own.
    pub fn new(context: &Context, bytes: usize) -> Result<Self, DriverError> {
        let bytes = bytes.max(1);
        let _current = context.enter()?;
        let mut pointer: *mut c_void = std::ptr::null_mut();
        // SAFETY: `pointer` receives the memory, which is freed once, by `drop`.
        let result = unsafe {
            call!(
                context.driver(),
                cuMemHostAlloc(&raw mut pointer, bytes, CU_MEMHOSTALLOC_PORTABLE)
            )
        };
        result.map_err(|error| with_sizes(error, context, bytes))?;
        // SAFETY: the driver has just given so many bytes.
        unsafe { std::ptr::write_bytes(pointer.cast::<u8>(), 0, bytes) };
        Ok(Self {
            pointer: pointer.cast(),
            bytes,
            context: context.clone(),
        })
    }

    /// Where it is.
    pub fn pointer(&self) -> *mut u8 {
        self.pointer
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is in it. Copies into it that were put on a stream must be done.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: so many bytes, which were set when they were made.
        unsafe { std::slice::from_raw_parts(self.pointer, self.bytes) }
    }

    /// What is in it. Copies from and into it that were put on a stream must be done.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed by nobody else.
        unsafe { std::slice::from_raw_parts_mut(self.pointer, self.bytes) }
    }
}

impl Drop for PinnedBuffer {
    fn drop(&mut self) {
        if let Ok(_current) = self.context.enter() {
            let table = self.context.driver().table();
            // SAFETY: made in `new`. The driver waits for work that uses it.
            unsafe { (table.cuMemFreeHost)(self.pointer.cast()) };
        }
    }
}

/// Says in the error how much was asked for and how much there was.
fn with_sizes(error: DriverError, context: &Context, asked: usize) -> DriverError {
    match error {
        DriverError::OutOfMemory { call, .. } => DriverError::OutOfMemory {
            call,
            bytes: Some(asked),
            free: context.memory_info().ok().map(|info| info.free),
        },
        other => other,
    }
}

/// A rectangle of bytes in memory whose rows are `pitch` bytes apart.
#[derive(Debug, Clone, Copy)]
pub enum Rows {
    /// On the host; the copy is done by the device alone where it is pinned.
    Host(*const u8, usize),
    /// On the device.
    Device(CUdeviceptr, usize),
    /// An array, whose layout only the device knows.
    Array(CUarray),
}

impl Stream {
    /// Copies `bytes` from the host.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// Both sides hold so many bytes, stay, and are left alone until the stream has passed this.
    pub unsafe fn upload(
        &self,
        to: CUdeviceptr,
        from: *const u8,
        bytes: usize,
    ) -> Result<(), DriverError> {
        let _current = self.context().enter()?;
        let driver = self.context().driver();
        // SAFETY: the caller's promise.
        unsafe {
            call!(
                driver,
                cuMemcpyHtoDAsync(to, from.cast(), bytes, self.raw())
            )
        }
    }

    /// Copies `bytes` to the host.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// As of [`upload`](Self::upload).
    pub unsafe fn download(
        &self,
        to: *mut u8,
        from: CUdeviceptr,
        bytes: usize,
    ) -> Result<(), DriverError> {
        let _current = self.context().enter()?;
        let driver = self.context().driver();
        // SAFETY: the caller's promise.
        unsafe {
            call!(
                driver,
                cuMemcpyDtoHAsync(to.cast(), from, bytes, self.raw())
            )
        }
    }

    /// Copies `bytes` from memory of the device to other memory of it.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// As of [`upload`](Self::upload).
    pub unsafe fn copy(
        &self,
        to: CUdeviceptr,
        from: CUdeviceptr,
        bytes: usize,
    ) -> Result<(), DriverError> {
        let _current = self.context().enter()?;
        let driver = self.context().driver();
        // SAFETY: the caller's promise.
        unsafe { call!(driver, cuMemcpyDtoDAsync(to, from, bytes, self.raw())) }
    }

    /// Copies a rectangle of `width` bytes by `height` rows.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// As of [`upload`](Self::upload), for `pitch · (height − 1) + width` bytes; a host side that is
    /// written to is writable.
    pub unsafe fn copy_rows(
        &self,
        to: Rows,
        from: Rows,
        width: usize,
        height: usize,
    ) -> Result<(), DriverError> {
        let _current = self.context().enter()?;
        let copy = copy_2d(to, from, width, height);
        let driver = self.context().driver();
        // SAFETY: the caller's promise; the driver reads `copy` before it returns.
        unsafe { call!(driver, cuMemcpy2DAsync(&raw const copy, self.raw())) }
    }

    /// Sets `bytes` to `value`.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// `to` holds so many bytes, which stay until the stream has passed this.
    pub unsafe fn fill(&self, to: CUdeviceptr, value: u8, bytes: usize) -> Result<(), DriverError> {
        let _current = self.context().enter()?;
        let driver = self.context().driver();
        // SAFETY: the caller's promise.
        unsafe { call!(driver, cuMemsetD8Async(to, value, bytes, self.raw())) }
    }
}

fn copy_2d(to: Rows, from: Rows, width: usize, height: usize) -> CUDA_MEMCPY2D {
    type Side = (u32, *const u8, CUdeviceptr, CUarray, usize);
    let side = |rows: Rows| -> Side {
        let (host, array) = (std::ptr::null(), std::ptr::null_mut());
        match rows {
            Rows::Host(pointer, pitch) => (CU_MEMORYTYPE_HOST, pointer, 0, array, pitch),
            Rows::Device(pointer, pitch) => (CU_MEMORYTYPE_DEVICE, host, pointer, array, pitch),
            Rows::Array(array) => (CU_MEMORYTYPE_ARRAY, host, 0, array, 0),
        }
    };
    let (src, dst) = (side(from), side(to));
    CUDA_MEMCPY2D {
        srcXInBytes: 0,
        srcY: 0,
        srcMemoryType: src.0,
        srcHost: src.1.cast(),
        srcDevice: src.2,
        srcArray: src.3,
        srcPitch: src.4,
        dstXInBytes: 0,
        dstY: 0,
        dstMemoryType: dst.0,
        dstHost: dst.1.cast_mut().cast(),
        dstDevice: dst.2,
        dstArray: dst.3,
        dstPitch: dst.4,
        WidthInBytes: width,
        Height: height,
    }
}

/// Where the memory behind a pointer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryKind {
    /// On the host, and pinned.
    Host,
    /// On a device.
    Device,
    /// On both, by turns.
    Unified,
}

/// What the driver knows of a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointerInfo {
    /// Where its memory is.
    pub kind: MemoryKind,
    /// The context that it was allocated in; null where it is of none, as memory of pools.
    pub context: CUcontext,
    /// The number of its GPU.
    pub device: usize,
}

impl PointerInfo {
    /// What the driver knows of an address; `None` where it has not made that memory.
    ///
    /// # Errors
    /// The driver's own, other than that it does not know the address.
    pub fn of(driver: &Driver, pointer: CUdeviceptr) -> Result<Option<Self>, DriverError> {
        let (mut kind, mut managed, mut device) = (0u32, 0u32, 0i32);
        let mut context: CUcontext = std::ptr::null_mut();
        let get = driver.table().cuPointerGetAttribute;
        let name = "cuPointerGetAttribute";
        let type_of = (&raw mut kind).cast();
        // SAFETY: `kind` receives the attribute, which is an unsigned int.
        match unsafe { get(type_of, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, pointer) } {
            CUDA_ERROR_INVALID_VALUE => return Ok(None),
            code => driver.check(name, code)?,
        }
        for (to, attribute) in [
            (
                (&raw mut managed).cast::<c_void>(),
                CU_POINTER_ATTRIBUTE_IS_MANAGED,
            ),
            (
                (&raw mut device).cast(),
                CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
            ),
        ] {
            // SAFETY: each receives an int (the first at least a byte of one).
            driver.check(name, unsafe { get(to, attribute, pointer) })?;
        }
        let to = (&raw mut context).cast();
        // SAFETY: receives a handle. Memory of pools has no context, which is no error here.
        if unsafe { get(to, CU_POINTER_ATTRIBUTE_CONTEXT, pointer) } != CUDA_SUCCESS {
            context = std::ptr::null_mut();
        }
        let kind = match (managed != 0, kind) {
            (true, _) => MemoryKind::Unified,
            (false, CU_MEMORYTYPE_HOST) => MemoryKind::Host,
            _ => MemoryKind::Device,
        };
        Ok(Some(Self {
            kind,
            context,
            device: device.max(0) as usize,
        }))
    }
}

/// A view through which kernels read an array, sample by sample, edges replicated, as integers.
#[derive(Debug)]
pub struct Texture {
    raw: CUtexObject,
    context: Context,
}

impl Texture {
    /// A view of an array of 8-bit samples.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// `array` must be an array of `context` and stay one as long as this, and work that reads it,
    /// lasts.
    pub unsafe fn new(context: &Context, array: CUarray) -> Result<Self, DriverError> {
        let _current = context.enter()?;
        let resource = CUDA_RESOURCE_DESC {
            resType: CU_RESOURCE_TYPE_ARRAY,
            hArray: array,
            reserved: [0; 15],
            flags: 0,
        };
        let texture = CUDA_TEXTURE_DESC {
            addressMode: [CU_TR_ADDRESS_MODE_CLAMP; 3],
            filterMode: CU_TR_FILTER_MODE_POINT,
            flags: CU_TRSF_READ_AS_INTEGER,
            ..Default::default()
        };
        let mut raw = 0;
        // SAFETY: `raw` receives the object, which is destroyed once, by `drop`; the driver reads
        // both descriptions before it returns.
        unsafe {
            call!(
                context.driver(),
                cuTexObjectCreate(
                    &raw mut raw,
                    &raw const resource,
                    &raw const texture,
                    std::ptr::null()
                )
            )?;
        }
        Ok(Self {
            raw,
            context: context.clone(),
        })
    }

    /// The driver's handle, as kernels take it.
    pub fn raw(&self) -> CUtexObject {
        self.raw
    }
}

impl Drop for Texture {
    fn drop(&mut self) {
        if let Ok(_current) = self.context.enter() {
            // SAFETY: made in `new`, and used no more.
            unsafe { (self.context.driver().table().cuTexObjectDestroy)(self.raw) };
        }
    }
}
