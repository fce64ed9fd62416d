//! Work that is recorded once and launched often: one call in place of one for each kernel and copy.

use super::raw::*;
use super::{Context, DriverError, Stream, call};

/// What was put on a stream while it was recorded, ready to be launched. The addresses in it are
/// those of the recording; what is at them may change.
#[derive(Debug)]
pub struct Graph {
    exec: CUgraphExec,
    context: Context,
}

// SAFETY: a graph may be used from any thread; `&mut` keeps it to one at a time where that matters.
unsafe impl Send for Graph {}

/// What is recorded, before it can be launched.
struct Template<'a> {
    raw: CUgraph,
    context: &'a Context,
}

impl Drop for Template<'_> {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: ended by `record`, and used no more; what was made of it is independent.
            unsafe { (self.context.driver().table().cuGraphDestroy)(self.raw) };
        }
    }
}

impl Graph {
    /// Records what `work` puts on the stream; nothing of it is done yet. Streams that wait for
    /// events of this one are recorded too.
    ///
    /// # Errors
    /// That of `work`, or the driver's: something in `work` cannot be recorded, such as an
    /// allocation or waiting for the stream.
    pub fn capture<E: From<DriverError>>(
        stream: &Stream,
        work: impl FnOnce(&Stream) -> Result<(), E>,
    ) -> Result<Self, E> {
        let context = stream.context();
        let current = context.enter()?;
        let template = record(stream, work)?;
        let graph = Self {
            exec: instantiate(&template)?,
            context: context.clone(),
        };
        drop(current);
        Ok(graph)
    }

    /// Records again, after sizes or addresses have changed. Where the driver can, what is ready is
    /// changed in its place, which is much faster than [`capture`](Self::capture).
    ///
    /// # Errors
    /// As of [`capture`](Self::capture); the old recording stays then.
    pub fn recapture<E: From<DriverError>>(
        &mut self,
        stream: &Stream,
        work: impl FnOnce(&Stream) -> Result<(), E>,
    ) -> Result<(), E> {
        let context = stream.context();
        let _current = context.enter()?;
        let template = record(stream, work)?;
        let mut info = CUgraphExecUpdateResultInfo {
            result: 0,
            errorNode: std::ptr::null_mut(),
            errorFromNode: std::ptr::null_mut(),
        };
        let update = context.driver().table().cuGraphExecUpdate;
        // SAFETY: both graphs are alive; `info` receives why it did not go.
        let updated = update.is_some_and(|update| unsafe {
            update(self.exec, template.raw, &raw mut info) == CUDA_SUCCESS
        });
        if !updated {
            let exec = instantiate(&template)?;
            let old = std::mem::replace(&mut self.exec, exec);
            // SAFETY: made by `instantiate`, and used no more. Launches of it that run go on.
            unsafe { (context.driver().table().cuGraphExecDestroy)(old) };
        }
        Ok(())
    }

    /// Puts all of it on a stream. It runs once at a time: a launch waits for the one before.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Safety
    /// Whatever was recorded must still be there, and stay until the stream has passed this.
    pub unsafe fn launch(&self, stream: &Stream) -> Result<(), DriverError> {
        let _current = self.context.enter()?;
        // SAFETY: the caller's promise.
        unsafe {
            call!(
                self.context.driver(),
                cuGraphLaunch(self.exec, stream.raw())
            )
        }
    }
}

/// Records what `work` puts on the stream. The context must be current.
fn record<'a, E: From<DriverError>>(
    stream: &'a Stream,
    work: impl FnOnce(&Stream) -> Result<(), E>,
) -> Result<Template<'a>, E> {
    let context = stream.context();
    let driver = context.driver();
    // SAFETY: the stream is alive.
    unsafe {
        call!(
            driver,
            cuStreamBeginCapture(stream.raw(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
        )?;
    }
    let done = work(stream);
    let mut template = Template {
        raw: std::ptr::null_mut(),
        context,
    };
    // Also where `work` failed: a stream that goes on recording would do nothing any more.
    // SAFETY: `raw` receives the graph, or null.
    let ended = unsafe {
        call!(
            driver,
            cuStreamEndCapture(stream.raw(), &raw mut template.raw)
        )
    };
    done?;
    ended?;
    Ok(template)
}

fn instantiate(template: &Template) -> Result<CUgraphExec, DriverError> {
    let mut exec = std::ptr::null_mut();
    let mut node = std::ptr::null_mut();
    let mut log = [0; 1024];
    // SAFETY: `exec` receives what can be launched; the log has the size that is said.
    unsafe {
        call!(
            template.context.driver(),
            cuGraphInstantiate(
                &raw mut exec,
                template.raw,
                &raw mut node,
                log.as_mut_ptr(),
                log.len()
            )
        )?;
    }
    Ok(exec)
}

impl Drop for Graph {
    fn drop(&mut self) {
        if let Ok(_current) = self.context.enter() {
            // SAFETY: made by `instantiate`, and used no more. Launches of it that run go on.
            unsafe { (self.context.driver().table().cuGraphExecDestroy)(self.exec) };
        }
    }
}
