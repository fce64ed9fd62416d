//! The CUDA context that the elements of a pipeline share.
//!
//! The model works in its GPU's primary context, which all elements of the process have in common. So
//! that CUDA memory is of that context too, the element offers it to its neighbours on the way to
//! READY: elements change their state from the sink to the source, and decoders ask for a context when
//! they are opened.

use crate::engine::gpu::Gpu;
use gst::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_nvidia::memory::cuda::{ElementContext, GstCuda};

/// `GST_CUDA_CONTEXT_TYPE`.
const CONTEXT_TYPE: &str = "gst.cuda.context";

/// An element's part in it. From any thread.
#[derive(Default)]
pub(in crate::element) struct CudaSharing(Mutex<Option<Shared>>);

#[derive(Clone)]
struct Shared {
    element: Arc<ElementContext>,
    /// Kept, so that the context that was offered is the one that the model is loaded in.
    gpu: Arc<Gpu>,
}

impl CudaSharing {
    /// Offers the primary context of this GPU, unless the element's neighbours or the app have one.
    /// Returns what was in the way; it matters to those only who want CUDA memory. No lock may be held
    /// that [`set_context`](Self::set_context) takes.
    pub fn offer(&self, element: &gst::Element, device: u32) -> Result<(), String> {
        let gpu = Gpu::get(device).map_err(|error| error.to_string())?;
        let gst_cuda = GstCuda::open().map_err(|error| error.to_string())?;
        let shared = Shared {
            element: Arc::new(ElementContext::new(Arc::new(gst_cuda), Some(device))),
            gpu: gpu.clone(),
        };
        *self.lock() = Some(shared.clone());
        // One that the app gave to this element alone.
        if let Some(context) = element.context(CONTEXT_TYPE) {
            shared.element.set_context(element, &context);
        }
        shared.element.offer(element, gpu.context());
        Ok(())
    }

    /// Takes a context that somebody offers.
    pub fn set_context(&self, element: &gst::Element, context: &gst::Context) {
        if context.context_type() == CONTEXT_TYPE
            && let Some(shared) = self.get()
        {
            shared.element.set_context(element, context);
        }
    }

    /// Answers a neighbour that asks for the context.
    pub fn query(&self, element: &gst::Element, query: &mut gst::QueryRef) -> bool {
        let shared = self.get();
        shared.is_some_and(|shared| shared.element.query(element, query))
    }

    /// Whose the context is: `primary`, where it is the model's own, `other`, where an app or another
    /// element brought one that the model cannot read from; `None` where there is none.
    pub fn whose(&self) -> Option<&'static str> {
        let shared = self.get()?;
        let context = shared.element.get()?;
        let is_ours = context.handle() == shared.gpu.context().raw();
        Some(if is_ours { "primary" } else { "other" })
    }

    /// Forgets it.
    pub fn clear(&self) {
        // Dropped without the lock: the context's last owner may ask for it.
        let shared = self.lock().take();
        drop(shared);
    }

    fn get(&self) -> Option<Shared> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
