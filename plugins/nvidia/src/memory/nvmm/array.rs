//! Jetson's surface arrays as CUDA sees them.
//!
//! To make such memory known to CUDA takes milliseconds, so it is done once for each surface, not
//! once for each frame: decoders use the same few buffers again and again. What was made is hung on
//! the `GstMemory` itself, which takes it along when it is freed, just before the surface: the number
//! of registrations is that of the buffers that exist, none outlives its surface, and a file
//! descriptor that is used again by another buffer is never taken for the old one.
//!
//! | way | where |
//! |---|---|
//! | `NvBufSurfaceMapCudaBuffer` | L4T r38 and later, pitch-linear surfaces; "not supported on this platform" elsewhere |
//! | `NvBufSurfaceMapEglImage`, `cuGraphicsEGLRegisterImage` | every Jetson |

use super::super::error::MemoryError;
use super::library::Library;
use super::raw::CudaBuffer;
use super::surface::{Batch, SurfaceView};
use crate::driver::raw::{CUDA_SUCCESS, CUgraphicsResource};
use crate::driver::{Context, DriverError, Texture};
use gst::glib;
use std::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// `CUeglFrame` of cudaEGL.h.
#[derive(Clone, Copy)]
#[repr(C)]
struct EglFrame {
    /// Arrays or addresses, by `frame_type`.
    planes: [*mut c_void; 3],
    width: c_uint,
    height: c_uint,
    depth: c_uint,
    pitch: c_uint,
    plane_count: c_uint,
    num_channels: c_uint,
    /// 0 for arrays, 1 for addresses.
    frame_type: c_uint,
    egl_color_format: c_uint,
    cu_format: c_uint,
}

const _: () = assert!(size_of::<EglFrame>() == 64);

/// `CU_GRAPHICS_MAP_RESOURCE_FLAGS_READ_ONLY`.
const READ_ONLY: c_uint = 1;

/// A surface that CUDA knows.
#[derive(Debug)]
pub(in super::super) struct Registration {
    /// Where its planes are.
    pub planes: Mapped,
    /// What arrays are read through.
    textures: [Option<Texture>; 2],
    context: Context,
    undo: Undo,
}

/// Where the planes of a surface array are for CUDA.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Mapped {
    /// Rows in linear memory.
    Linear { ptrs: [u64; 2], pitches: [usize; 2] },
    /// A texture object for each plane.
    Textures([u64; 2]),
}

#[derive(Debug)]
enum Undo {
    Cuda {
        library: Arc<Library>,
        buffer: *mut CudaBuffer,
        /// Whether it was mapped here.
        ours: bool,
        batch: Batch,
        index: usize,
    },
    Egl {
        library: Arc<Library>,
        resource: CUgraphicsResource,
        image: *mut c_void,
        /// Whether the image was made here.
        ours: bool,
        batch: Batch,
        index: usize,
    },
}

// SAFETY: what the pointers name may be used from any thread; calls with them are made under a lock
// or when nobody else has them.
unsafe impl Send for Registration {}
// SAFETY: as above.
unsafe impl Sync for Registration {}

/// Makes surface arrays known to CUDA.
#[derive(Debug)]
pub(super) struct Registry {
    library: Arc<Library>,
    context: Context,
    /// The platform has said that it has no CUDA buffers.
    no_cuda_buffers: AtomicBool,
}

/// The registrations of one `GstMemory`, by index in its batch.
type Slots = Mutex<Vec<Option<Arc<Registration>>>>;

impl Registry {
    pub fn new(library: Arc<Library>, context: Context) -> Self {
        Self {
            library,
            context,
            no_cuda_buffers: AtomicBool::new(false),
        }
    }

    /// The surface as CUDA sees it: what hangs on the memory, made first if need be.
    ///
    /// # Safety
    /// `memory` must be alive and the one that `batch` is in.
    ///
    /// # Errors
    /// [`MemoryError::SurfaceArray`] with what each way said.
    pub unsafe fn get(
        &self,
        memory: *mut gst::ffi::GstMemory,
        batch: &Batch,
        view: &SurfaceView,
    ) -> Result<Arc<Registration>, MemoryError> {
        // SAFETY: the caller's promise.
        let slots = unsafe { slots_of(memory, self.context.raw() as usize) };
        let mut slots = lock(slots);
        if slots.len() <= view.index {
            slots.resize(view.index + 1, None);
        }
        if let Some(known) = &slots[view.index]
            && known.holds(batch, view.index)
        {
            return Ok(known.clone());
        }
        // Before a new one is made: the old one may hold the image that is to be made.
        slots[view.index] = None;
        let made = Arc::new(self.register(batch, view)?);
        slots[view.index] = Some(made.clone());
        Ok(made)
    }

    fn register(&self, batch: &Batch, view: &SurfaceView) -> Result<Registration, MemoryError> {
        let mut refused = String::new();
        if view.pitch_linear && !self.no_cuda_buffers.load(Ordering::Relaxed) {
            match self.cuda_buffer(batch, view) {
                Ok(registration) => return Ok(registration),
                Err(reason) => {
                    self.no_cuda_buffers.store(true, Ordering::Relaxed);
                    refused = format!("{reason}; ");
                }
            }
        }
        self.egl_image(batch, view)
            .map_err(|reason| MemoryError::SurfaceArray(format!("{refused}{reason}")))
    }

    fn cuda_buffer(&self, batch: &Batch, view: &SurfaceView) -> Result<Registration, String> {
        let Some(map) = self.library.map_cuda else {
            return Err("libnvbufsurface has no NvBufSurfaceMapCudaBuffer".into());
        };
        let _current = self.context.enter().map_err(|error| error.to_string())?;
        let ours = batch.cuda_buffer(view.index).is_null();
        if ours {
            // SAFETY: the surface is mapped, and has this entry.
            let result = unsafe { map(batch.as_ptr(), view.index as c_int) };
            if result != 0 {
                return Err(format!("NvBufSurfaceMapCudaBuffer gave {result}"));
            }
        }
        let buffer: *mut CudaBuffer = batch.cuda_buffer(view.index);
        let mut registration = Registration {
            planes: Mapped::Linear {
                ptrs: [0; 2],
                pitches: view.pitches,
            },
            textures: [None, None],
            context: self.context.clone(),
            undo: Undo::Cuda {
                library: self.library.clone(),
                buffer,
                ours,
                batch: *batch,
                index: view.index,
            },
        };
        if buffer.is_null() {
            return Err("NvBufSurfaceMapCudaBuffer left mappedAddr.cudaPtr null".into());
        }
        // SAFETY: the library has filled it in.
        let data = unsafe { (*buffer).data_ptr } as u64;
        if data == 0 {
            return Err("NvBufSurfaceMapCudaBuffer gave no memory".into());
        }
        registration.planes = Mapped::Linear {
            ptrs: view.offsets.map(|offset| data + offset as u64),
            pitches: view.pitches,
        };
        Ok(registration)
    }

    fn egl_image(&self, batch: &Batch, view: &SurfaceView) -> Result<Registration, String> {
        let (Some(map), Some(_)) = (self.library.map_egl, self.library.unmap_egl) else {
            return Err("libnvbufsurface has no NvBufSurfaceMapEglImage".into());
        };
        let _current = self.context.enter().map_err(|error| error.to_string())?;
        let ours = batch.egl_image(view.index).is_null();
        if ours {
            // SAFETY: the surface is mapped, and has this entry.
            let result = unsafe { map(batch.as_ptr(), view.index as c_int) };
            if result != 0 {
                return Err(format!("NvBufSurfaceMapEglImage gave {result}"));
            }
        }
        let mut registration = Registration {
            planes: Mapped::Textures([0; 2]),
            textures: [None, None],
            context: self.context.clone(),
            undo: Undo::Egl {
                library: self.library.clone(),
                resource: std::ptr::null_mut(),
                image: batch.egl_image(view.index),
                ours,
                batch: *batch,
                index: view.index,
            },
        };
        registration.planes = registration
            .map_image(view)
            .map_err(|error| error.to_string())?;
        Ok(registration)
    }
}

impl Registration {
    /// Registers the image with CUDA and finds its planes.
    fn map_image(&mut self, view: &SurfaceView) -> Result<Mapped, MemoryError> {
        let driver = self.context.driver();
        let table = driver.table();
        let unsupported = |name| DriverError::Unsupported {
            name,
            version: driver.version(),
        };
        let register = table
            .cuGraphicsEGLRegisterImage
            .ok_or_else(|| unsupported("cuGraphicsEGLRegisterImage"))?;
        let frame_of = table
            .cuGraphicsResourceGetMappedEglFrame
            .ok_or_else(|| unsupported("cuGraphicsResourceGetMappedEglFrame"))?;
        let Undo::Egl {
            resource, image, ..
        } = &mut self.undo
        else {
            return Err(MemoryError::SurfaceArray("it has no EGL image".into()));
        };
        if image.is_null() {
            return Err(MemoryError::SurfaceArray(
                "NvBufSurfaceMapEglImage left mappedAddr.eglImage null".into(),
            ));
        }
        // SAFETY: `resource` receives the registration of an image that exists; the context is
        // current, as the caller sees to.
        driver.check("cuGraphicsEGLRegisterImage", unsafe {
            register(&raw mut *resource, *image, READ_ONLY)
        })?;
        // SAFETY: every bit pattern is an `EglFrame`.
        let mut frame: EglFrame = unsafe { std::mem::zeroed() };
        // SAFETY: `frame` has the size and layout of a CUeglFrame.
        driver.check("cuGraphicsResourceGetMappedEglFrame", unsafe {
            frame_of((&raw mut frame).cast(), *resource, 0, 0)
        })?;
        let planes = frame.planes_of(view)?;
        if frame.frame_type == EglFrame::LINEAR {
            return Ok(Mapped::Linear {
                ptrs: planes.map(|plane| plane as u64),
                // Of plane 0; NVIDIA's own samples take it for both.
                pitches: [frame.pitch as usize; 2],
            });
        }
        for (texture, array) in self.textures.iter_mut().zip(planes) {
            if !array.is_null() {
                // SAFETY: the array is the image's, which stays registered longer than this.
                *texture = Some(unsafe { Texture::new(&self.context, array.cast()) }?);
            }
        }
        let raw = |texture: &Option<Texture>| texture.as_ref().map_or(0, Texture::raw);
        Ok(Mapped::Textures([0, 1].map(|i| raw(&self.textures[i]))))
    }

    /// Whether this is still what the surface has: somebody else may have unmapped the image.
    fn holds(&self, batch: &Batch, index: usize) -> bool {
        match &self.undo {
            Undo::Cuda { buffer, .. } => batch.cuda_buffer(index) == *buffer,
            Undo::Egl { image, .. } => batch.egl_image(index) == *image,
        }
    }
}

impl EglFrame {
    /// `frame_type` of arrays.
    const ARRAYS: c_uint = 0;
    /// `frame_type` of addresses.
    const LINEAR: c_uint = 1;

    /// The planes of the surface's format; null beyond them.
    fn planes_of(&self, view: &SurfaceView) -> Result<[*mut c_void; 2], MemoryError> {
        let needed = view.format.pixels.planes();
        let wrong = |what: String| Err(MemoryError::SurfaceArray(what));
        if !matches!(self.frame_type, Self::ARRAYS | Self::LINEAR) {
            let found = self.frame_type;
            return wrong(format!("the EGL image is of the kind {found}, not 0 or 1"));
        }
        if (self.plane_count as usize) < needed {
            return wrong(format!(
                "the EGL image has {} planes, {} has {needed}",
                self.plane_count, view.format.pixels
            ));
        }
        if self.planes[..needed].iter().any(|plane| plane.is_null()) {
            return wrong("a plane of the EGL image is null".into());
        }
        let mut planes = [std::ptr::null_mut(); 2];
        planes[..needed].copy_from_slice(&self.planes[..needed]);
        Ok(planes)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.textures = [None, None];
        // Without a context nothing is left that could be undone.
        let Ok(_current) = self.context.enter() else {
            return;
        };
        match &self.undo {
            Undo::Cuda {
                library,
                buffer,
                ours,
                batch,
                index,
            } => {
                if let Some(unmap) = library.unmap_cuda
                    && *ours
                    && !buffer.is_null()
                    && batch.cuda_buffer(*index) == *buffer
                {
                    // SAFETY: the surface is there as long as its memory, which owns this.
                    unsafe { unmap(batch.as_ptr(), *index as c_int) };
                }
            }
            Undo::Egl {
                library,
                resource,
                image,
                ours,
                batch,
                index,
            } => {
                let unregister = self.context.driver().table().cuGraphicsUnregisterResource;
                if let Some(unregister) = unregister
                    && !resource.is_null()
                {
                    // SAFETY: registered once, and no work reads it any more.
                    let result = unsafe { unregister(*resource) };
                    debug_assert_eq!(result, CUDA_SUCCESS);
                }
                if let Some(unmap) = library.unmap_egl
                    && *ours
                    && !image.is_null()
                    && batch.egl_image(*index) == *image
                {
                    // SAFETY: the surface is there as long as its memory, which owns this.
                    unsafe { unmap(batch.as_ptr(), *index as c_int) };
                }
            }
        }
    }
}

/// The registrations that hang on a memory, for a context; hung there first if need be.
///
/// # Safety
/// `memory` must be alive; the result lives as long as it.
unsafe fn slots_of<'a>(memory: *mut gst::ffi::GstMemory, context: usize) -> &'a Slots {
    /// Each copy of this code has lists of its own, also where several plugins in one process have
    /// one; and each context has its own.
    type Lists = Mutex<Vec<(usize, Box<Slots>)>>;
    static QUARK: OnceLock<glib::ffi::GQuark> = OnceLock::new();
    static LOCK: Mutex<()> = Mutex::new(());

    unsafe extern "C" fn free(lists: glib::ffi::gpointer) {
        // SAFETY: made below by `Box::into_raw`, and freed once, with the memory.
        drop(unsafe { Box::from_raw(lists.cast::<Lists>()) });
    }

    let quark = *QUARK.get_or_init(|| {
        use glib::translate::IntoGlib;
        let name = format!("vigil-nvmm-registrations-{:p}", &raw const LOCK);
        glib::Quark::from_str(name).into_glib()
    });
    let object = memory.cast::<gst::ffi::GstMiniObject>();
    let lists: &Lists = {
        let _lock = lock(&LOCK);
        // SAFETY: the caller's promise; the quark names nothing but `Lists`.
        unsafe {
            let mut lists = gst::ffi::gst_mini_object_get_qdata(object, quark).cast::<Lists>();
            if lists.is_null() {
                lists = Box::into_raw(Box::default());
                gst::ffi::gst_mini_object_set_qdata(object, quark, lists.cast(), Some(free));
            }
            &*lists
        }
    };
    let mut lists = lock(lists);
    let slots = match lists.iter().position(|(of, _)| *of == context) {
        Some(i) => &lists[i].1,
        None => {
            lists.push((context, Box::default()));
            &lists[lists.len() - 1].1
        }
    };
    let slots: *const Slots = &raw const **slots;
    // SAFETY: boxes stay where they are while the list grows, and none is ever taken out.
    unsafe { &*slots }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
