//! Pictures in GPU memory, read where they are: not copied, not mapped to the CPU.
//!
//! | caps feature | file | what is needed at run time |
//! |---|---|---|
//! | `memory:NVMM` | [`nvmm`] | nothing for single pictures on a GPU; `libnvbufsurface` for Jetson's |
//! | `memory:CUDAMemory` | [`cuda`] | GStreamer's `libgstcuda-1.0.so.0` |
//!
//! Both give a [`MappedGpuFrame`], whose [`Picture`]s say where their samples are ([`Planes`]).
//! A worker maps a buffer on its own thread, lets its stream read the planes, and drops the guard
//! when the event behind that work has been reached. Frames never wait for each other on the CPU:
//! work that the decoder has still to do is waited for on the GPU, by the worker's stream.

pub mod cuda;
pub mod error;
mod frame;
pub mod nvmm;
pub mod picture;

pub use error::MemoryError;
pub use frame::MappedGpuFrame;
pub use picture::{
    Colorimetry, Crop, HostPlane, Matrix, Picture, PictureFormat, PixelFormat, Planes,
};
