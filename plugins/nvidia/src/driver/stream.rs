//! Streams, on which work is done in order, and events, which tell how far it is.

use super::raw::*;
use super::{Context, DriverError, call};

/// A queue of work of one context.
#[derive(Debug)]
pub struct Stream {
    raw: CUstream,
    context: Context,
    is_ours: bool,
}

// SAFETY: the driver's streams may be used from any thread, by several at once.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl Stream {
    /// A new stream, which does not wait for the context's default stream.
    ///
    /// # Errors
    /// The driver's own.
    pub fn new(context: &Context) -> Result<Self, DriverError> {
        let _current = context.enter()?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` receives the stream, which is destroyed once, by `drop`.
        unsafe {
            call!(
                context.driver(),
                cuStreamCreateWithPriority(&raw mut raw, CU_STREAM_NON_BLOCKING, 0)
            )?;
        }
        Ok(Self {
            raw,
            context: context.clone(),
            is_ours: true,
        })
    }

    /// A stream of somebody else's, such as that of a `GstCudaMemory`; null is the context's default
    /// stream. It is not destroyed when this is dropped.
    ///
    /// # Safety
    /// `raw` must be a stream of `context` as long as this is used.
    pub unsafe fn borrowed(context: &Context, raw: CUstream) -> Self {
        Self {
            raw,
            context: context.clone(),
            is_ours: false,
        }
    }

    /// The context that it is of.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The driver's handle, which stays valid as long as this.
    pub fn raw(&self) -> CUstream {
        self.raw
    }

    /// What is put on this stream from now on waits until `event`, as it was recorded last, has
    /// happened. The caller does not wait. The event may be of another context.
    ///
    /// # Errors
    /// The driver's own.
    pub fn wait_for(&self, event: &Event) -> Result<(), DriverError> {
        let _current = self.context.enter()?;
        // SAFETY: both handles live as long as their owners.
        unsafe {
            call!(
                self.context.driver(),
                cuStreamWaitEvent(self.raw, event.raw, 0)
            )
        }
    }

    /// Waits until all work that was put on it is done. For tests and for shutting down; a frame's
    /// end is told by an [`Event`].
    ///
    /// # Errors
    /// The driver's own, also of work that was put on it before.
    pub fn synchronize(&self) -> Result<(), DriverError> {
        let _current = self.context.enter()?;
        // SAFETY: the handle lives as long as this.
        unsafe { call!(self.context.driver(), cuStreamSynchronize(self.raw)) }
    }

    /// Whether all work that was put on it is done.
    ///
    /// # Errors
    /// The driver's own, also of work that was put on it before.
    pub fn is_done(&self) -> Result<bool, DriverError> {
        let _current = self.context.enter()?;
        let driver = self.context.driver();
        // SAFETY: the handle lives as long as this.
        match unsafe { (driver.table().cuStreamQuery)(self.raw) } {
            CUDA_ERROR_NOT_READY => Ok(false),
            code => driver.check("cuStreamQuery", code).map(|()| true),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.is_ours {
            return;
        }
        if let Ok(_current) = self.context.enter() {
            // SAFETY: made in `new`, and used no more. Work that is still on it is done first.
            unsafe { (self.context.driver().table().cuStreamDestroy)(self.raw) };
        }
    }
}

/// A mark on a stream, which is reached when all work before it is done.
#[derive(Debug)]
pub struct Event {
    raw: CUevent,
    context: Context,
}

// SAFETY: the driver's events may be used from any thread, by several at once.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// An event whose waiting threads sleep, and which takes no time.
    ///
    /// # Errors
    /// The driver's own.
    pub fn new(context: &Context) -> Result<Self, DriverError> {
        Self::with_flags(context, CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)
    }

    /// As [`new`](Self::new), and it knows when it was reached: [`since`](Self::since).
    ///
    /// # Errors
    /// The driver's own.
    pub fn timed(context: &Context) -> Result<Self, DriverError> {
        Self::with_flags(context, CU_EVENT_BLOCKING_SYNC)
    }

    fn with_flags(context: &Context, flags: u32) -> Result<Self, DriverError> {
        let _current = context.enter()?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` receives the event, which is destroyed once, by `drop`.
        unsafe { call!(context.driver(), cuEventCreate(&raw mut raw, flags))? };
        Ok(Self {
            raw,
            context: context.clone(),
        })
    }

    /// The driver's handle, which stays valid as long as this.
    pub fn raw(&self) -> CUevent {
        self.raw
    }

    /// Sets the mark behind what is on the stream now; an earlier mark of this event is forgotten.
    /// The stream must be of the event's context.
    ///
    /// # Errors
    /// The driver's own.
    pub fn record(&self, stream: &Stream) -> Result<(), DriverError> {
        let _current = self.context.enter()?;
        // SAFETY: both handles live as long as their owners.
        unsafe { call!(self.context.driver(), cuEventRecord(self.raw, stream.raw)) }
    }

    /// Waits, asleep, until the mark is reached; not at all if none was set.
    ///
    /// # Errors
    /// The driver's own, also of the work before the mark.
    pub fn wait(&self) -> Result<(), DriverError> {
        let _current = self.context.enter()?;
        // SAFETY: the handle lives as long as this.
        unsafe { call!(self.context.driver(), cuEventSynchronize(self.raw)) }
    }

    /// Whether the mark is reached, or none was set.
    ///
    /// # Errors
    /// The driver's own, also of the work before the mark.
    pub fn is_reached(&self) -> Result<bool, DriverError> {
        let _current = self.context.enter()?;
        let driver = self.context.driver();
        // SAFETY: the handle lives as long as this.
        match unsafe { (driver.table().cuEventQuery)(self.raw) } {
            CUDA_ERROR_NOT_READY => Ok(false),
            code => driver.check("cuEventQuery", code).map(|()| true),
        }
    }

    /// Milliseconds from `start` to this; both must be [timed](Self::timed) and reached.
    ///
    /// # Errors
    /// The driver's own, where that is not so.
    pub fn since(&self, start: &Self) -> Result<f32, DriverError> {
        let _current = self.context.enter()?;
        let mut ms = 0.0;
        // SAFETY: `ms` receives the time; both handles live as long as their owners.
        unsafe {
            call!(
                self.context.driver(),
                cuEventElapsedTime(&raw mut ms, start.raw, self.raw)
            )?;
        }
        Ok(ms)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if let Ok(_current) = self.context.enter() {
            // SAFETY: made in `with_flags`, and used no more.
            unsafe { (self.context.driver().table().cuEventDestroy)(self.raw) };
        }
    }
}
