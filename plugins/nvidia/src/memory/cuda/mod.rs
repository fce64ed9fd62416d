//! `memory:CUDAMemory`: what GStreamer's own CUDA elements (`nvh264dec`, `cudaupload`,
//! `cudaconvert`) give.
//!
//! A buffer is mapped as a video frame with `GST_MAP_CUDA`, which gives the device address of each
//! plane and uploads first what is only in system memory yet. The map does not wait for the decoder:
//! an event is recorded on the memory's stream, and the worker's stream waits for it on the GPU.
//! Where the memory has no stream, `gst_cuda_memory_sync` waits if it has to; before 1.24 there are no
//! streams and elements finish their work before they push.

mod context;
mod table;

pub use context::{ElementContext, SharedContext};
pub use table::{
    GST_MAP_CUDA, GstCuda, GstCudaContext, GstCudaMemory, GstCudaStream, LIBRARY, VARIABLE,
};

use super::error::MemoryError;
use super::frame::{Hold, MappedGpuFrame, Stored, StoredPlanes};
use super::picture::{PictureFormat, PixelFormat};
use crate::driver::{Context, Event, Stream};
use gst::glib;
use gst::glib::translate::ToGlibPtr;
use gst_video::VideoFormat;
use std::mem::MaybeUninit;
use std::sync::Arc;
use vigil_analytics::frame::video::colorimetry;

/// Reads CUDA memory for one worker.
#[derive(Debug)]
pub struct Reader {
    gst_cuda: Arc<GstCuda>,
    context: Context,
    /// Marks how far the decoder is; recorded anew for each frame.
    event: Event,
}

impl Reader {
    /// A reader for a worker that works in this context, which must be the one that the elements
    /// share ([`ElementContext::ensure`]).
    ///
    /// # Errors
    /// The driver's own.
    pub fn new(gst_cuda: Arc<GstCuda>, context: Context) -> Result<Self, MemoryError> {
        let event = Event::new(&context)?;
        Ok(Self {
            gst_cuda,
            context,
            event,
        })
    }

    /// The picture of a buffer with these caps. What is put on `stream` afterwards finds the picture
    /// finished. Runs on the worker's thread; the guard keeps the buffer mapped until it is dropped,
    /// which must be after the GPU has read it.
    ///
    /// # Errors
    /// The buffer has other memory, memory of another context or GPU, or a format that no kernel
    /// reads; or it cannot be mapped.
    pub fn map(
        &self,
        buffer: gst::Buffer,
        info: &gst_video::VideoInfo,
        stream: &Stream,
    ) -> Result<MappedGpuFrame, MemoryError> {
        let format = picture_format(info)?;
        let memory = self.memory_of(&buffer)?;
        let crop = super::frame::crop_of(&buffer);
        let mapped = MappedVideo::new(buffer, info)?;
        // SAFETY: the memory is CUDA's and the buffer, which is mapped, keeps it.
        unsafe { self.wait_for(memory, stream) }?;
        let stored = Stored {
            format,
            planes: mapped.planes(format)?,
            index: 0,
            _registration: None,
        };
        Ok(MappedGpuFrame::new(
            stored,
            Vec::new(),
            crop,
            Hold::Cuda(mapped),
        ))
    }

    /// The buffer's memory, if it is CUDA memory of our context.
    fn memory_of(&self, buffer: &gst::BufferRef) -> Result<*mut GstCudaMemory, MemoryError> {
        if buffer.n_memory() == 0 {
            return Err(MemoryError::NotCuda);
        }
        for i in 0..buffer.n_memory() as u32 {
            // SAFETY: there are so many.
            let memory = unsafe { gst::ffi::gst_buffer_peek_memory(buffer.as_ptr().cast_mut(), i) };
            // SAFETY: it is a memory.
            if unsafe { (self.gst_cuda.gst_is_cuda_memory)(memory) } == glib::ffi::GFALSE {
                return Err(MemoryError::NotCuda);
            }
            // SAFETY: the library says that it is a GstCudaMemory.
            unsafe { self.check_context((*memory.cast::<GstCudaMemory>()).context) }?;
        }
        // SAFETY: there is one. Planes in memories of their own are on one stream.
        let memory = unsafe { gst::ffi::gst_buffer_peek_memory(buffer.as_ptr().cast_mut(), 0) };
        Ok(memory.cast())
    }

    /// # Safety
    /// `context` must be null or a `GstCudaContext`.
    unsafe fn check_context(&self, context: *mut GstCudaContext) -> Result<(), MemoryError> {
        if context.is_null() {
            return Err(MemoryError::NoMemory {
                index: 0,
                what: "CUDA context",
            });
        }
        // SAFETY: the caller's promise.
        let handle = unsafe { (self.gst_cuda.gst_cuda_context_get_handle)(context) };
        if handle.cast() == self.context.raw() {
            return Ok(());
        }
        // SAFETY: as above.
        let found = unsafe { SharedContext::of(&self.gst_cuda, context) }.device();
        let ours = self.context.device().ordinal() as u32;
        if found == ours {
            return Err(MemoryError::OtherContext);
        }
        Err(MemoryError::OtherGpu { found, ours })
    }

    /// Lets `stream` wait for what is still to be done to the memory.
    ///
    /// # Safety
    /// `memory` must be alive.
    unsafe fn wait_for(
        &self,
        memory: *mut GstCudaMemory,
        stream: &Stream,
    ) -> Result<(), MemoryError> {
        let functions = (
            self.gst_cuda.gst_cuda_memory_get_stream,
            self.gst_cuda.gst_cuda_stream_get_handle,
        );
        if let (Some(stream_of), Some(handle_of)) = functions {
            // SAFETY: the caller's promise.
            let theirs = unsafe { stream_of(memory) };
            if !theirs.is_null() {
                // SAFETY: the memory keeps its stream.
                let handle = unsafe { handle_of(theirs) };
                // SAFETY: a memory's stream is of its context, which is ours.
                let theirs = unsafe { Stream::borrowed(&self.context, handle.cast()) };
                self.event.record(&theirs)?;
                stream.wait_for(&self.event)?;
                return Ok(());
            }
        }
        if let Some(sync) = self.gst_cuda.gst_cuda_memory_sync {
            // SAFETY: the caller's promise.
            unsafe { sync(memory) };
        }
        Ok(())
    }
}

/// A buffer that is mapped as a video frame on the device.
pub(super) struct MappedVideo {
    frame: gst_video::ffi::GstVideoFrame,
    // After the map, which refers to it.
    buffer: gst::Buffer,
}

impl MappedVideo {
    fn new(buffer: gst::Buffer, info: &gst_video::VideoInfo) -> Result<Self, MemoryError> {
        let mut frame = MaybeUninit::uninit();
        // SAFETY: `frame` is filled in if the map succeeds; the buffer is kept as long as it.
        let mapped = unsafe {
            gst_video::ffi::gst_video_frame_map(
                frame.as_mut_ptr(),
                info.to_glib_none().0,
                buffer.as_mut_ptr(),
                gst::ffi::GST_MAP_READ | GST_MAP_CUDA,
            )
        };
        if mapped == glib::ffi::GFALSE {
            return Err(MemoryError::Map(format!(
                "CUDA memory refused to be mapped as {} {}x{}",
                info.format(),
                info.width(),
                info.height()
            )));
        }
        Ok(Self {
            // SAFETY: the map succeeded.
            frame: unsafe { frame.assume_init() },
            buffer,
        })
    }

    pub fn buffer(&self) -> &gst::BufferRef {
        &self.buffer
    }

    /// The device addresses.
    fn planes(&self, format: PictureFormat) -> Result<StoredPlanes, MemoryError> {
        let (mut ptrs, mut pitches) = ([0; 2], [0; 2]);
        for i in 0..format.pixels.planes() {
            ptrs[i] = self.frame.data[i] as u64;
            if ptrs[i] == 0 {
                let what = "device address of a plane";
                return Err(MemoryError::NoMemory { index: 0, what });
            }
            let (width, height) = (format.width as usize, format.height as usize);
            let (row, _) = format.pixels.plane_size(i, width, height);
            let pitch = self.frame.info.stride[i];
            pitches[i] = usize::try_from(pitch).unwrap_or(0);
            if pitches[i] < row {
                return Err(MemoryError::TooShort {
                    index: 0,
                    plane: i,
                    needed: row,
                    found: pitches[i],
                });
            }
        }
        Ok(StoredPlanes::Device { ptrs, pitches })
    }
}

impl Drop for MappedVideo {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and unmapped once.
        unsafe { gst_video::ffi::gst_video_frame_unmap(&raw mut self.frame) };
    }
}

/// The format of pictures with these caps.
///
/// # Errors
/// [`MemoryError::Format`] for a format that no kernel reads.
pub fn picture_format(info: &gst_video::VideoInfo) -> Result<PictureFormat, MemoryError> {
    let pixels = match info.format() {
        VideoFormat::Nv12 => PixelFormat::Nv12,
        VideoFormat::Rgba => PixelFormat::Rgba,
        VideoFormat::Bgra => PixelFormat::Bgra,
        VideoFormat::Rgbx => PixelFormat::Rgbx,
        VideoFormat::Bgrx => PixelFormat::Bgrx,
        other => return Err(MemoryError::Format(other.to_string())),
    };
    Ok(PictureFormat {
        pixels,
        width: info.width(),
        height: info.height(),
        colorimetry: colorimetry(info, pixels.is_yuv()),
    })
}
