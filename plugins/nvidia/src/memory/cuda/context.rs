//! `GstCudaContext`: which CUDA context the elements of a pipeline share.

use super::super::error::MemoryError;
use super::table::{DeviceId, GstCuda, GstCudaContext};
use crate::driver::raw::CUcontext;
use crate::driver::{Context, Driver};
use gst::glib;
use gst::glib::translate::{ToGlibPtr, from_glib_full, from_glib_none};
use gst::prelude::*;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// `GST_CUDA_CONTEXT_TYPE`.
const CONTEXT_TYPE: &str = "gst.cuda.context";

/// A `GstCudaContext` with a reference of its own.
#[derive(Clone)]
pub struct SharedContext {
    object: gst::Object,
    handle: CUcontext,
    device: u32,
}

// SAFETY: the object is GStreamer's, which may be used from any thread, and so may the handle.
unsafe impl Send for SharedContext {}
// SAFETY: as above.
unsafe impl Sync for SharedContext {}

impl SharedContext {
    /// # Safety
    /// `context` must be a `GstCudaContext` of this library.
    pub(super) unsafe fn of(gst_cuda: &GstCuda, context: *mut GstCudaContext) -> Self {
        // SAFETY: the caller's promise; every GstCudaContext is a GstObject.
        let object: gst::Object = unsafe { from_glib_none(context.cast::<gst::ffi::GstObject>()) };
        // SAFETY: as above.
        let handle = unsafe { (gst_cuda.gst_cuda_context_get_handle)(context) };
        Self {
            device: object.property::<DeviceId>("cuda-device-id"),
            object,
            handle: handle.cast(),
        }
    }

    /// The driver's handle.
    pub fn handle(&self) -> CUcontext {
        self.handle
    }

    /// The GPU, as the driver counts them.
    pub fn device(&self) -> u32 {
        self.device
    }

    /// The driver's context, for work of our own in it. It keeps the `GstCudaContext`.
    ///
    /// # Errors
    /// The driver's own.
    pub fn context(&self, driver: &Driver) -> Result<Context, MemoryError> {
        // SAFETY: the handle is one as long as the object, which is kept with it.
        Ok(unsafe { Context::borrowed(driver, self.handle, self.clone()) }?)
    }

    fn as_ptr(&self) -> *mut GstCudaContext {
        let object: *mut gst::ffi::GstObject = self.object.to_glib_none().0;
        object.cast()
    }
}

impl std::fmt::Debug for SharedContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SharedContext({}, GPU {})",
            self.object.name(),
            self.device
        )
    }
}

/// The `GstCudaContext` of an element: taken from its neighbours or the app, or made and offered to
/// them. An element calls [`ensure`](Self::ensure) when it starts to process CUDA memory,
/// [`set_context`](Self::set_context) and [`query`](Self::query) from its methods of these names,
/// and [`clear`](Self::clear) when it goes to NULL. From any thread.
#[derive(Debug)]
pub struct ElementContext {
    gst_cuda: Arc<GstCuda>,
    /// The preferred GPU; -1 for any.
    device: i32,
    /// GStreamer's functions write here.
    slot: AtomicPtr<GstCudaContext>,
    lock: Mutex<()>,
    /// Who has the lock, as [`this_thread`] names it; 0 for nobody.
    owner: AtomicUsize,
}

impl ElementContext {
    /// Of an element that has none yet. `device` is the GPU that it wants, if it wants one.
    pub fn new(gst_cuda: Arc<GstCuda>, device: Option<u32>) -> Self {
        Self {
            gst_cuda,
            device: device.map_or(-1, |device| device as i32),
            slot: AtomicPtr::new(null_mut()),
            lock: Mutex::new(()),
            owner: AtomicUsize::new(0),
        }
    }

    /// The context: the one that is set, a neighbour's, the app's, or a new one, which is offered to
    /// the pipeline. May ask the neighbours and post messages, so no lock of the element's may be
    /// held that its `set_context` takes.
    ///
    /// # Errors
    /// [`MemoryError::Library`]: there is none and none can be made.
    pub fn ensure(&self, element: &gst::Element) -> Result<SharedContext, MemoryError> {
        self.with_slot(|slot| {
            // SAFETY: the element lives; the slot is written by this function and its callbacks.
            let found = unsafe {
                (self.gst_cuda.gst_cuda_ensure_element_context)(
                    element.to_glib_none().0,
                    self.device,
                    slot,
                )
            };
            // SAFETY: as above.
            let context = unsafe { *slot };
            if found == glib::ffi::GFALSE || context.is_null() {
                let device = match self.device {
                    -1 => "any GPU".into(),
                    device => format!("GPU {device}"),
                };
                return Err(MemoryError::Library(format!(
                    "GStreamer's CUDA library can make no context for {device}"
                )));
            }
            // SAFETY: the function gave it.
            Ok(unsafe { SharedContext::of(&self.gst_cuda, context) })
        })
    }

    /// Gives the element this context of the driver's, if neither it nor its neighbours nor the app
    /// have one yet, and offers it to the pipeline; then [`ensure`](Self::ensure) finds it. Elements
    /// change their state from the sink to the source, so what comes before a detector in a pipeline
    /// mostly takes the detector's. With the primary context of a GPU one engine serves CUDA memory,
    /// NVMM and all pipelines of the process.
    ///
    /// Says whether it did. As with `ensure`, no lock may be held that `set_context` takes.
    pub fn offer(&self, element: &gst::Element, ours: &Context) -> bool {
        let functions = (
            self.gst_cuda.gst_cuda_context_new_wrapped,
            self.gst_cuda.gst_context_new_cuda_context,
        );
        let (Some(wrap), Some(to_offer)) = functions else {
            return false;
        };
        self.with_slot(|slot| {
            // SAFETY: the slot is written by this thread alone now.
            let is_empty = || unsafe { *slot }.is_null();
            if is_empty() {
                ask_others(element);
            }
            if !is_empty() {
                return false;
            }
            let device = ours.device().ordinal() as i32;
            // SAFETY: a context of the driver's on this device.
            let made = unsafe { wrap(ours.raw().cast(), device) };
            if made.is_null() {
                return false;
            }
            // SAFETY: a GstCudaContext with a reference, which the slot takes; it keeps the context
            // of the driver's that it stands for, whoever is the last to have it.
            let offer: gst::Context = unsafe {
                *slot = made;
                let object: gst::Object = from_glib_none(made.cast::<gst::ffi::GstObject>());
                object.set_data("vigil-cuda-context", ours.clone());
                from_glib_full(to_offer(made))
            };
            element.set_context(&offer);
            let message = gst::message::HaveContext::builder(offer).src(element);
            let _ = element.post_message(message.build());
            true
        })
    }

    /// Takes a context that somebody offers, if it is of CUDA and of the wanted GPU. Says whether it
    /// was CUDA's.
    pub fn set_context(&self, element: &gst::Element, context: &gst::Context) -> bool {
        self.with_slot(|slot| {
            // SAFETY: both live; the slot is written by nobody else now.
            let taken = unsafe {
                (self.gst_cuda.gst_cuda_handle_set_context)(
                    element.to_glib_none().0,
                    context.to_glib_none().0,
                    self.device,
                    slot,
                )
            };
            taken != glib::ffi::GFALSE
        })
    }

    /// Answers a CONTEXT query of a neighbour with the context, if there is one and it is asked for.
    pub fn query(&self, element: &gst::Element, query: &mut gst::QueryRef) -> bool {
        let Some(context) = self.get() else {
            return false;
        };
        // SAFETY: all three live, and the query is writable.
        let answered = unsafe {
            (self.gst_cuda.gst_cuda_handle_context_query)(
                element.to_glib_none().0,
                query.as_mut_ptr(),
                context.as_ptr(),
            )
        };
        answered != glib::ffi::GFALSE
    }

    /// The context, if there is one.
    pub fn get(&self) -> Option<SharedContext> {
        self.with_slot(|slot| {
            // SAFETY: the slot holds null or a context with a reference.
            let context = unsafe { *slot };
            // SAFETY: as above.
            (!context.is_null()).then(|| unsafe { SharedContext::of(&self.gst_cuda, context) })
        })
    }

    /// Forgets the context.
    pub fn clear(&self) {
        let context = self.with_slot(|slot| {
            // SAFETY: the slot is written by nobody else now.
            unsafe { slot.replace(null_mut()) }
        });
        if !context.is_null() {
            // SAFETY: the reference was the slot's.
            unsafe { gst::ffi::gst_object_unref(context.cast()) };
        }
    }

    /// Runs `f` with the slot, alone. GStreamer's functions call back into `set_context` on the same
    /// thread while they look for a context, which must find the same slot and not wait.
    fn with_slot<R>(&self, f: impl FnOnce(*mut *mut GstCudaContext) -> R) -> R {
        let me = this_thread();
        if self.owner.load(Ordering::Relaxed) == me {
            return f(self.slot.as_ptr());
        }
        /// Says that nobody has the lock, also when `f` panics.
        struct Owner<'a>(&'a AtomicUsize);
        impl Drop for Owner<'_> {
            fn drop(&mut self) {
                self.0.store(0, Ordering::Relaxed);
            }
        }
        let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.owner.store(me, Ordering::Relaxed);
        let _owner = Owner(&self.owner);
        f(self.slot.as_ptr())
    }
}

impl Drop for ElementContext {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Asks the neighbours and then the app for a context, as GStreamer's elements do; an answer comes
/// by the element's `set_context`.
fn ask_others(element: &gst::Element) {
    for pad in element.pads() {
        let mut query = gst::query::Context::new(CONTEXT_TYPE);
        if let Some(asked) = query.get_mut()
            && pad.peer_query(asked)
            && let Some(context) = query.context_owned()
        {
            element.set_context(&context);
            return;
        }
    }
    let message = gst::message::NeedContext::builder(CONTEXT_TYPE).src(element);
    let _ = element.post_message(message.build());
}

/// A number that the calling thread has as long as it lives.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here) as usize)
}
