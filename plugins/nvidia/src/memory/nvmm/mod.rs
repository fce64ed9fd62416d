//! `memory:NVMM`: NVIDIA's buffers, of DeepStream on GPUs and of L4T on Jetson.
//!
//! Mapping such a buffer gives an `NvBufSurface`: a list of surfaces, one for each picture of a
//! batch. Nothing is copied: the pictures are read where they lie.
//!
//! | memory type | on | read |
//! |---|---|---|
//! | CUDA device, unified, default | GPUs | the address is in the surface |
//! | surface array, default | Jetson | by `NvBufSurfaceMapCudaBuffer` or EGL, see [`array`] |
//! | CUDA pinned, system | both | as system memory; it is uploaded |
//!
//! Elements of NVIDIA's finish their work before they push a buffer, so there is no stream to wait
//! for. They use the primary context of the GPU, so the reader's context must be that one.
//!
//! `NvDsMeta` on the buffers is not looked at here, and stays as it is.

mod array;
pub mod color;
pub mod library;
pub mod raw;
pub mod surface;

use super::error::MemoryError;
use super::frame::{Hold, MappedGpuFrame, Stored, StoredPlanes};
use crate::driver::Context;
pub use library::Library;
pub use surface::{Batch, Stride, SurfaceView};

pub(super) use array::Registration;
use array::{Mapped, Registry};
use std::sync::{Arc, OnceLock};

/// Reads NVMM buffers for one worker.
#[derive(Debug)]
pub struct Reader {
    gpu: Result<Context, MemoryError>,
    library: OnceLock<Result<Arc<Library>, MemoryError>>,
    registry: OnceLock<Registry>,
}

impl Reader {
    /// A reader for a worker on this GPU, with its primary context. The library is opened when it is
    /// first needed: for batches and for Jetson's memory.
    pub fn new(context: Context) -> Self {
        Self::of(Ok(context))
    }

    /// A reader where there is no GPU, for the reason given: it reads surfaces in system memory.
    pub fn without_gpu(reason: impl ToString) -> Self {
        Self::of(Err(MemoryError::NoGpu(reason.to_string())))
    }

    fn of(gpu: Result<Context, MemoryError>) -> Self {
        Self {
            gpu,
            library: OnceLock::new(),
            registry: OnceLock::new(),
        }
    }

    /// As it is, with a library that is open already.
    #[must_use]
    pub fn with_library(self, library: Arc<Library>) -> Self {
        Self {
            library: OnceLock::from(Ok(library)),
            ..self
        }
    }

    /// The pictures of a buffer. Runs on the worker's thread; the guard keeps the buffer mapped
    /// until it is dropped, which must be after the GPU has read it.
    ///
    /// # Errors
    /// The buffer is no NVMM buffer, or one that cannot be read from here; see [`MemoryError`].
    pub fn map(&self, buffer: gst::Buffer) -> Result<MappedGpuFrame, MemoryError> {
        let crop = super::frame::crop_of(&buffer);
        let memory = match buffer.n_memory() {
            // SAFETY: there is one; it is kept by the buffer, and the buffer by the map below.
            1 => unsafe { gst::ffi::gst_buffer_peek_memory(buffer.as_ptr().cast_mut(), 0) },
            n => {
                let what = format!("it has {n} memories, and an NVMM buffer has 1");
                return Err(MemoryError::Map(what));
            }
        };
        let map = buffer
            .into_mapped_buffer_readable()
            .map_err(|_| MemoryError::Map("the memory refused to be mapped for reading".into()))?;
        let size = map.size();
        let surface = map.as_slice().as_ptr().cast_mut().cast();
        // SAFETY: caps say that the mapped bytes are an NvBufSurface; what can be checked is.
        let batch = unsafe { Batch::new(surface, size, self.expected_stride(size)) }?;
        let mut stored = (0..batch.pictures()).map(|index| {
            let view = batch.surface(index)?;
            // SAFETY: the memory is alive, it is that of the batch.
            unsafe { self.picture(memory, &batch, &view) }
        });
        let Some(first) = stored.next() else {
            return Err(MemoryError::Layout {
                what: format!("numFilled is 0 of batchSize {}", batch.batch_size()),
            });
        };
        let first = first?;
        // No memory is allocated for none.
        let rest = stored.collect::<Result<Vec<_>, _>>()?;
        Ok(MappedGpuFrame::new(first, rest, crop, Hold::Nvmm(map)))
    }

    /// Where one picture is.
    ///
    /// # Safety
    /// `memory` must be alive and the one that `batch` is in.
    unsafe fn picture(
        &self,
        memory: *mut gst::ffi::GstMemory,
        batch: &Batch,
        view: &SurfaceView,
    ) -> Result<Stored, MemoryError> {
        let mut registration = None;
        let planes = match batch.memory_type() {
            raw::MEM_SYSTEM | raw::MEM_CUDA_PINNED => host(view)?,
            raw::MEM_CUDA_DEVICE | raw::MEM_CUDA_UNIFIED => self.device(batch, view)?,
            raw::MEM_DEFAULT if !self.is_jetson()? => self.device(batch, view)?,
            raw::MEM_DEFAULT | raw::MEM_SURFACE_ARRAY => {
                // SAFETY: the caller's promise.
                let found = unsafe { self.registry()?.get(memory, batch, view) }?;
                let planes = found.planes;
                registration = Some(found);
                match planes {
                    Mapped::Linear { ptrs, pitches } => StoredPlanes::Device { ptrs, pitches },
                    Mapped::Textures(textures) => StoredPlanes::Textures { textures },
                }
            }
            code => {
                let name = raw::MEM_NAMES.get(code as usize).copied();
                let name = name.unwrap_or("not known here");
                return Err(MemoryError::MemoryType { code, name });
            }
        };
        Ok(Stored {
            format: view.format,
            planes,
            index: view.index,
            _registration: registration,
        })
    }

    /// Whether the platform's own memory is that of Jetson's video engines.
    fn is_jetson(&self) -> Result<bool, MemoryError> {
        let context = self.gpu.as_ref().map_err(Clone::clone)?;
        Ok(context.device().is_integrated())
    }

    /// A picture in linear memory of a GPU.
    fn device(&self, batch: &Batch, view: &SurfaceView) -> Result<StoredPlanes, MemoryError> {
        let context = self.gpu.as_ref().map_err(Clone::clone)?;
        let ours = context.device().ordinal() as u32;
        if batch.gpu_id() != ours {
            return Err(MemoryError::OtherGpu {
                found: batch.gpu_id(),
                ours,
            });
        }
        let data = linear(view)? as u64;
        Ok(StoredPlanes::Device {
            ptrs: view.offsets.map(|offset| data + offset as u64),
            pitches: view.pitches,
        })
    }

    fn registry(&self) -> Result<&Registry, MemoryError> {
        if let Some(registry) = self.registry.get() {
            return Ok(registry);
        }
        let context = self.gpu.as_ref().map_err(Clone::clone)?;
        let library = self.library()?;
        let made = || Registry::new(library.clone(), context.clone());
        Ok(self.registry.get_or_init(made))
    }

    fn library(&self) -> Result<&Arc<Library>, MemoryError> {
        let opened = self.library.get_or_init(|| Library::open().map(Arc::new));
        opened.as_ref().map_err(Clone::clone)
    }

    /// The stride by the library of this process, or else by the size of the structure, which grew
    /// with it.
    fn expected_stride(&self, size: usize) -> Stride {
        match self.library() {
            Ok(library) => library.stride(),
            Err(_) if size > size_of::<raw::Surface>() => Stride::Bytes416,
            Err(_) => Stride::Bytes384,
        }
    }
}

/// The memory of a surface, if it is there and its rows lie one after the other.
fn linear(view: &SurfaceView) -> Result<*mut std::ffi::c_void, MemoryError> {
    if view.data.is_null() {
        return Err(MemoryError::NoMemory {
            index: view.index,
            what: "dataPtr",
        });
    }
    if !view.pitch_linear {
        return Err(MemoryError::Layout {
            what: format!(
                "surface {} is block-linear in memory that only has rows",
                view.index
            ),
        });
    }
    Ok(view.data)
}

/// A picture in system memory.
fn host(view: &SurfaceView) -> Result<StoredPlanes, MemoryError> {
    let data = linear(view)?.cast::<u8>();
    let mut planes = [(std::ptr::null(), 0, 0); 2];
    for (i, plane) in planes
        .iter_mut()
        .enumerate()
        .take(view.format.pixels.planes())
    {
        let (bytes, _) = view.plane_bytes(i);
        *plane = (
            data.wrapping_add(view.offsets[i]).cast_const(),
            bytes,
            view.pitches[i],
        );
    }
    Ok(StoredPlanes::Host { planes })
}
