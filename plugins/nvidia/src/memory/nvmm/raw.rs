//! `NvBufSurface` as NVIDIA's libraries lay it out: our own declarations.
//!
//! | | DeepStream 5–7, L4T r32–r36 | DeepStream 9, L4T r38 |
//! |---|---|---|
//! | size of `NvBufSurface` | 64 | 72: `isImportedBuf` behind `surfaceList` |
//! | size of `NvBufSurfaceParams`, the stride of `surfaceList` | 384 | 416 |
//! | size of `NvBufSurfaceMappedAddr` | 72 | 88: `nvmmPtr`, `cudaPtr` behind `eglImage` |
//!
//! DeepStream 8 has the new fields too, by its documentation. What comes before these fields is the
//! same everywhere, so a buffer of one picture reads alike under both layouts, and only batches need
//! to know. The offsets are checked below, and against the real headers by `tests/layouts.rs` where
//! those are installed.

use std::ffi::c_void;

/// Planes that a surface may have.
pub const MAX_PLANES: usize = 4;

/// `NvBufSurface`, as far as all versions agree.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Surface {
    /// GPU of the memory.
    pub gpu_id: u32,
    /// Entries of `surface_list`.
    pub batch_size: u32,
    /// Entries that hold a picture.
    pub num_filled: u32,
    /// A C `bool`; a number here, since it is somebody else's memory.
    pub is_contiguous: u8,
    /// One of `MEM_…`.
    pub mem_type: u32,
    /// The first entry; the next is [`Stride`](super::surface::Stride) bytes on.
    pub surface_list: *mut Params,
    /// DeepStream 9 has a C `bool` and four pointers here, older versions four pointers.
    pub reserved: [*mut c_void; 4],
}

/// `NvBufSurfacePlaneParams`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct PlaneParams {
    /// How many planes are filled in.
    pub num_planes: u32,
    /// In samples.
    pub width: [u32; MAX_PLANES],
    /// In rows.
    pub height: [u32; MAX_PLANES],
    /// Bytes from one row to the next.
    pub pitch: [u32; MAX_PLANES],
    /// Bytes from `data_ptr` to the plane.
    pub offset: [u32; MAX_PLANES],
    /// Bytes of the plane.
    pub psize: [u32; MAX_PLANES],
    /// Bytes of a sample.
    pub bytes_per_pix: [u32; MAX_PLANES],
    /// NVIDIA's.
    pub reserved: [*mut c_void; 16],
}

/// `NvBufSurfaceParams` up to `mappedAddr.eglImage`: what all versions agree on.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Params {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of plane 0, in bytes.
    pub pitch: u32,
    /// `NvBufSurfaceColorFormat`.
    pub color_format: u32,
    /// `LAYOUT_…`.
    pub layout: u32,
    /// A DMABUF's file descriptor, on Jetson.
    pub buffer_desc: u64,
    /// Bytes at `data_ptr`.
    pub data_size: u32,
    /// The memory; null for surface arrays.
    pub data_ptr: *mut c_void,
    /// Its planes.
    pub plane_params: PlaneParams,
    /// Planes that are mapped for the CPU.
    pub mapped_addr: [*mut c_void; MAX_PLANES],
    /// An `EGLImageKHR`, while one is mapped.
    pub egl_image: *mut c_void,
}

/// `NvBufSurfaceParams` of 384 bytes.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Params384 {
    /// What all versions have.
    pub head: Params,
    /// NVIDIA's.
    pub mapped_reserved: [*mut c_void; 4],
    /// More about planes.
    pub paramex: *mut c_void,
    /// NVIDIA's.
    pub reserved: [*mut c_void; 3],
}

/// `NvBufSurfaceParams` of 416 bytes.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Params416 {
    /// What all versions have.
    pub head: Params,
    /// Mapped NVMM memory.
    pub nvmm_ptr: *mut c_void,
    /// A mapped [`CudaBuffer`].
    pub cuda_ptr: *mut CudaBuffer,
    /// NVIDIA's.
    pub mapped_reserved: [*mut c_void; 4],
    /// More about planes.
    pub paramex: *mut c_void,
    /// A [`CudaBuffer`] of CUDA memory on Jetson.
    pub cuda_buffer: *mut CudaBuffer,
    /// NVIDIA's.
    pub reserved: [*mut c_void; 4],
}

/// `NvBufSurfaceCudaBuffer`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CudaBuffer {
    /// The allocation.
    pub base_ptr: *mut c_void,
    /// The picture in it, aligned to a page.
    pub data_ptr: *mut c_void,
    /// External memory, if it is imported.
    pub ext_mem: *mut c_void,
    /// Its mipmapped array.
    pub mipmap: *mut c_void,
    /// NVIDIA's.
    pub reserved: [u8; 64],
}

/// Whatever the platform's own is: CUDA device memory, or a surface array on Jetson.
pub const MEM_DEFAULT: u32 = 0;
/// Pinned system memory.
pub const MEM_CUDA_PINNED: u32 = 1;
/// Memory of the GPU.
pub const MEM_CUDA_DEVICE: u32 = 2;
/// Memory that moves to whoever touches it.
pub const MEM_CUDA_UNIFIED: u32 = 3;
/// Memory of Jetson's video engines.
pub const MEM_SURFACE_ARRAY: u32 = 4;
/// Memory from `malloc`.
pub const MEM_SYSTEM: u32 = 6;

/// Names of the memory types, by their number.
pub const MEM_NAMES: [&str; 8] = [
    "default",
    "CUDA pinned",
    "CUDA device",
    "CUDA unified",
    "surface array",
    "handle",
    "system",
    "CUDA array",
];

/// Rows one after the other.
pub const LAYOUT_PITCH: u32 = 0;
/// Tiles, which only texture units and video engines read.
pub const LAYOUT_BLOCK_LINEAR: u32 = 1;

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Surface>() == 64);
    assert!(offset_of!(Surface, batch_size) == 4);
    assert!(offset_of!(Surface, num_filled) == 8);
    assert!(offset_of!(Surface, is_contiguous) == 12);
    assert!(offset_of!(Surface, mem_type) == 16);
    assert!(offset_of!(Surface, surface_list) == 24);
    assert!(offset_of!(Params, color_format) == 12);
    assert!(offset_of!(Params, layout) == 16);
    assert!(offset_of!(Params, buffer_desc) == 24);
    assert!(offset_of!(Params, data_size) == 32);
    assert!(offset_of!(Params, data_ptr) == 40);
    assert!(offset_of!(Params, plane_params) == 48);
    assert!(offset_of!(PlaneParams, width) == 4);
    assert!(offset_of!(PlaneParams, height) == 20);
    assert!(offset_of!(PlaneParams, pitch) == 36);
    assert!(offset_of!(PlaneParams, offset) == 52);
    assert!(offset_of!(PlaneParams, psize) == 68);
    assert!(offset_of!(PlaneParams, bytes_per_pix) == 84);
    assert!(size_of::<PlaneParams>() == 232);
    assert!(offset_of!(Params, mapped_addr) == 280);
    assert!(offset_of!(Params, egl_image) == 312);
    assert!(size_of::<Params>() == 320);
    assert!(offset_of!(Params384, paramex) == 352);
    assert!(size_of::<Params384>() == 384);
    assert!(offset_of!(Params416, cuda_ptr) == 328);
    assert!(offset_of!(Params416, paramex) == 368);
    assert!(offset_of!(Params416, cuda_buffer) == 376);
    assert!(size_of::<Params416>() == 416);
    assert!(offset_of!(CudaBuffer, data_ptr) == 8);
};
