//! Types and numbers of the driver API's binary interface, as far as they are used here.
//!
//! Names are the driver's own, so that its documentation can be searched for them. Layouts hold for
//! 64-bit systems, the only ones that have had a driver since CUDA 10.

#![allow(
    non_camel_case_types,
    non_snake_case,
    missing_docs,
    reason = "the driver's own names"
)]

use std::ffi::{c_char, c_int, c_uint, c_void};

macro_rules! handles {
    ($($name:ident = $opaque:ident),* $(,)?) => {$(
        #[repr(C)]
        pub struct $opaque {
            _opaque: [u8; 0],
        }
        pub type $name = *mut $opaque;
    )*};
}

handles! {
    CUcontext = CUctx_st,
    CUstream = CUstream_st,
    CUevent = CUevent_st,
    CUmodule = CUmod_st,
    CUfunction = CUfunc_st,
    CUgraph = CUgraph_st,
    CUgraphExec = CUgraphExec_st,
    CUgraphNode = CUgraphNode_st,
    CUarray = CUarray_st,
    CUgraphicsResource = CUgraphicsResource_st,
}

/// 0 for success.
pub type CUresult = c_uint;
pub type CUdevice = c_int;
/// An address in the memory of a device; 0 for none.
pub type CUdeviceptr = u64;
pub type CUtexObject = u64;
pub type CUhostFn = unsafe extern "C" fn(*mut c_void);

pub const CUDA_SUCCESS: CUresult = 0;
pub const CUDA_ERROR_INVALID_VALUE: CUresult = 1;
pub const CUDA_ERROR_OUT_OF_MEMORY: CUresult = 2;
pub const CUDA_ERROR_NO_DEVICE: CUresult = 100;
pub const CUDA_ERROR_NOT_READY: CUresult = 600;

#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct CUuuid {
    pub bytes: [u8; 16],
}

pub const CU_DEVICE_ATTRIBUTE_INTEGRATED: c_int = 18;
pub const CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: c_int = 75;
pub const CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: c_int = 76;

pub const CU_STREAM_NON_BLOCKING: c_uint = 1;
pub const CU_EVENT_BLOCKING_SYNC: c_uint = 1;
pub const CU_EVENT_DISABLE_TIMING: c_uint = 2;
/// Only calls of the capturing thread are restricted while it captures.
pub const CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: c_int = 1;

pub const CU_MEMHOSTALLOC_PORTABLE: c_uint = 1;

pub const CU_POINTER_ATTRIBUTE_CONTEXT: c_int = 1;
pub const CU_POINTER_ATTRIBUTE_MEMORY_TYPE: c_int = 2;
pub const CU_POINTER_ATTRIBUTE_IS_MANAGED: c_int = 8;
pub const CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: c_int = 9;

pub const CU_MEMORYTYPE_HOST: c_uint = 1;
pub const CU_MEMORYTYPE_DEVICE: c_uint = 2;
pub const CU_MEMORYTYPE_ARRAY: c_uint = 3;
pub const CU_MEMORYTYPE_UNIFIED: c_uint = 4;

pub const CU_JIT_ERROR_LOG_BUFFER: c_int = 5;
pub const CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES: c_int = 6;

pub const CU_RESOURCE_TYPE_ARRAY: c_int = 0;
pub const CU_TR_ADDRESS_MODE_CLAMP: c_int = 1;
pub const CU_TR_FILTER_MODE_POINT: c_int = 0;
/// Samples are integers, not fractions of 1.
pub const CU_TRSF_READ_AS_INTEGER: c_uint = 1;

/// `CUDA_MEMCPY2D`: rows of one pitch to rows of another.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CUDA_MEMCPY2D {
    pub srcXInBytes: usize,
    pub srcY: usize,
    pub srcMemoryType: c_uint,
    pub srcHost: *const c_void,
    pub srcDevice: CUdeviceptr,
    pub srcArray: CUarray,
    pub srcPitch: usize,
    pub dstXInBytes: usize,
    pub dstY: usize,
    pub dstMemoryType: c_uint,
    pub dstHost: *mut c_void,
    pub dstDevice: CUdeviceptr,
    pub dstArray: CUarray,
    pub dstPitch: usize,
    pub WidthInBytes: usize,
    pub Height: usize,
}

/// `CUDA_RESOURCE_DESC`, of which only arrays are used.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CUDA_RESOURCE_DESC {
    pub resType: c_int,
    pub hArray: CUarray,
    /// The rest of the union, whose largest member is 128 bytes.
    pub reserved: [u64; 15],
    pub flags: c_uint,
}

/// `CUDA_TEXTURE_DESC`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct CUDA_TEXTURE_DESC {
    pub addressMode: [c_int; 3],
    pub filterMode: c_int,
    pub flags: c_uint,
    pub maxAnisotropy: c_uint,
    pub mipmapFilterMode: c_int,
    pub mipmapLevelBias: f32,
    pub minMipmapLevelClamp: f32,
    pub maxMipmapLevelClamp: f32,
    pub borderColor: [f32; 4],
    pub reserved: [c_int; 12],
}

/// `CUgraphExecUpdateResultInfo` of CUDA 12.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CUgraphExecUpdateResultInfo {
    pub result: c_int,
    pub errorNode: CUgraphNode,
    pub errorFromNode: CUgraphNode,
}

/// Text that the driver owns for ever.
pub type CUstring = *const c_char;

const _: () = {
    assert!(size_of::<CUDA_MEMCPY2D>() == 128);
    assert!(size_of::<CUDA_RESOURCE_DESC>() == 144);
    assert!(size_of::<CUDA_TEXTURE_DESC>() == 104);
};
