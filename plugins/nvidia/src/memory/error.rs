//! What can be wrong with a buffer in GPU memory, and what would be right.

use super::picture::PixelFormat;
use crate::driver::DriverError;

/// A buffer whose pictures cannot be read where they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The buffer could not be mapped at all.
    #[error("the buffer cannot be mapped: {0}")]
    Map(String),
    /// The mapped memory is not what its caps feature says.
    #[error(
        "caps say memory:NVMM, but the buffer maps to {size} bytes, and an NvBufSurface has 64 or \
         72: the element before this one gives something else under that name"
    )]
    NotNvmm {
        /// Bytes of the mapped memory.
        size: usize,
    },
    /// The `NvBufSurface` has a field that cannot be true.
    #[error(
        "no known layout of NvBufSurface fits this buffer: {what}; known are those of DeepStream 5 \
         to 7 (L4T r32 to r36) and of DeepStream 8 and 9 (L4T r38)"
    )]
    Layout {
        /// The field, what it holds, and what it may hold.
        what: String,
    },
    /// A colour format that no kernel reads.
    #[error(
        "NVMM colour format {code} ({name}) is not supported: {} are; nvvideoconvert ! \
         \"video/x-raw(memory:NVMM),format=NV12\" converts it",
        Formats
    )]
    ColorFormat {
        /// `NvBufSurfaceColorFormat`.
        code: u32,
        /// NVIDIA's name of it.
        name: &'static str,
    },
    /// A format in caps or video info that no kernel reads.
    #[error("format {0} is not supported in GPU memory: {formats} are", formats = Formats)]
    Format(String),
    /// A kind of memory that cannot be read from here.
    #[error(
        "NVMM memory type {code} ({name}) is not supported: 0 (default), 1 (CUDA pinned), 2 (CUDA \
         device), 3 (CUDA unified), 4 (surface array, on Jetson) and 6 (system) are; see \
         nvbuf-memory-type of nvstreammux, nvvideoconvert and nvv4l2decoder"
    )]
    MemoryType {
        /// `NvBufSurfaceMemType`.
        code: u32,
        /// NVIDIA's name of it.
        name: &'static str,
    },
    /// The picture is on a GPU that is not the worker's.
    #[error(
        "the picture is in the memory of GPU {found}, but the model runs on GPU {ours}: give this \
         element device={found}, or the elements before it gpu-id={ours} (cuda-device-id for \
         those of GStreamer)"
    )]
    OtherGpu {
        /// The GPU of the memory.
        found: u32,
        /// The worker's.
        ours: u32,
    },
    /// CUDA memory of a context that is not the worker's.
    #[error(
        "the picture is in a CUDA context that is not the model's, on the same GPU: elements take the \
         model's, the primary one, unless the app or one of them brings another; give them none, or \
         put cudadownload before this element"
    )]
    OtherContext,
    /// The memory is no CUDA memory.
    #[error(
        "caps say memory:CUDAMemory, but the buffer has other memory: the element before this one \
         gives something else under that name"
    )]
    NotCuda,
    /// A surface of the batch has no memory.
    #[error("surface {index} of the batch has no {what}")]
    NoMemory {
        /// Its place in the batch.
        index: usize,
        /// What is null or 0.
        what: &'static str,
    },
    /// The memory is shorter than its own format says.
    #[error(
        "plane {plane} of surface {index} needs {needed} bytes of its {found}: the pitch, offset or \
         size of the surface is wrong"
    )]
    TooShort {
        /// The surface.
        index: usize,
        /// The plane.
        plane: usize,
        /// Bytes that are needed.
        needed: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// There is no GPU, and the picture is on one.
    #[error("the picture is in GPU memory, and there is no GPU to read it: {0}")]
    NoGpu(String),
    /// Jetson's memory can be mapped neither way.
    #[error("Jetson's surface memory cannot be mapped: {0}")]
    SurfaceArray(String),
    /// A library of NVIDIA's or GStreamer's that is needed and cannot be used.
    #[error("{0}")]
    Library(String),
    /// A call of the CUDA driver failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// Lists the supported formats.
struct Formats;

impl std::fmt::Display for Formats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, format) in PixelFormat::ALL.iter().enumerate() {
            write!(f, "{}{format}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
