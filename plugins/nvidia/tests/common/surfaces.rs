//! Buffers that map to an `NvBufSurface`, as NVIDIA's elements give them, with surfaces in system
//! memory.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vigil_nvidia::memory::PixelFormat;
use vigil_nvidia::memory::nvmm::raw::{Params, Surface};

/// What a buffer is to hold. The fields that are wrong in a test are changed after [`Spec::new`].
#[derive(Debug, Clone)]
pub struct Spec {
    /// Bytes from one entry of the list to the next.
    pub stride: usize,
    /// Bytes of the `NvBufSurface`.
    pub head: usize,
    pub mem_type: u32,
    pub gpu_id: u32,
    pub color_format: u32,
    pub layout: u32,
    /// Width and height of each picture.
    pub sizes: Vec<(u32, u32)>,
    pub num_filled: u32,
    /// Changes entries after they are filled in.
    pub change: fn(&mut Params),
}

/// The structures and memory of a buffer.
pub struct Surfaces {
    head: Vec<u64>,
    head_bytes: usize,
    /// Kept, as is `data`: the head points here, and the list into the data.
    _list: Vec<u64>,
    data: Vec<Vec<u8>>,
    freed: Arc<AtomicBool>,
}

impl Spec {
    /// Pictures of these sizes in system memory, as DeepStream up to 7 lays them out (`old`), or 9.
    pub fn new(old: bool, color_format: u32, sizes: &[(u32, u32)]) -> Self {
        Self {
            stride: if old { 384 } else { 416 },
            head: if old { 64 } else { 72 },
            mem_type: 6,
            gpu_id: 0,
            color_format,
            layout: 0,
            sizes: sizes.to_vec(),
            num_filled: sizes.len() as u32,
            change: |_| {},
        }
    }

    /// A buffer of it, and whether it has been freed.
    pub fn buffer(&self, pixels: PixelFormat) -> (gst::Buffer, Arc<AtomicBool>) {
        gst::init().unwrap();
        let surfaces = self.surfaces(pixels);
        let freed = surfaces.freed.clone();
        let mut buffer = gst::Buffer::new();
        let memory = gst::Memory::from_slice(surfaces);
        buffer.get_mut().unwrap().append_memory(memory);
        (buffer, freed)
    }

    fn surfaces(&self, pixels: PixelFormat) -> Surfaces {
        let count = self.sizes.len();
        let mut list = vec![0u64; (self.stride * count).div_ceil(8)];
        let mut data = Vec::new();
        for (i, (width, height)) in self.sizes.iter().enumerate() {
            let (params, bytes) = self.params(pixels, i, *width, *height);
            data.push(bytes);
            let mut params = params;
            params.data_ptr = data[i].as_mut_ptr().cast();
            (self.change)(&mut params);
            let entry = list.as_mut_ptr().cast::<u8>().wrapping_add(i * self.stride);
            // SAFETY: the list has room for it, also where strides are odd.
            unsafe { entry.cast::<Params>().write_unaligned(params) };
        }
        let surface = Surface {
            gpu_id: self.gpu_id,
            batch_size: count as u32,
            num_filled: self.num_filled,
            is_contiguous: 0,
            mem_type: self.mem_type,
            surface_list: list.as_mut_ptr().cast(),
            reserved: [std::ptr::null_mut(); 4],
        };
        let mut head = vec![0u64; 9];
        // SAFETY: 72 bytes hold the 64 of it.
        unsafe { head.as_mut_ptr().cast::<Surface>().write(surface) };
        Surfaces {
            head,
            head_bytes: self.head,
            _list: list,
            data,
            freed: Arc::default(),
        }
    }

    /// An entry and its memory, each sample with the value of its own place.
    fn params(
        &self,
        pixels: PixelFormat,
        index: usize,
        width: u32,
        height: u32,
    ) -> (Params, Vec<u8>) {
        // SAFETY: zeros are a Params.
        let mut params: Params = unsafe { std::mem::zeroed() };
        params.width = width;
        params.height = height;
        params.color_format = self.color_format;
        params.layout = self.layout;
        params.buffer_desc = 100 + index as u64;
        let mut bytes = Vec::new();
        params.plane_params.num_planes = pixels.planes() as u32;
        for plane in 0..pixels.planes() {
            let (row, rows) = pixels.plane_size(plane, width as usize, height as usize);
            let pitch = row.next_multiple_of(32) + 32;
            // A gap before each plane, so that offsets matter.
            let offset = bytes.len() + 64;
            bytes.resize(offset + pitch * rows, 0xee);
            for y in 0..rows {
                for x in 0..row {
                    bytes[offset + y * pitch + x] = sample(index, plane, x, y);
                }
            }
            params.plane_params.width[plane] = width >> plane;
            params.plane_params.height[plane] = rows as u32;
            params.plane_params.pitch[plane] = pitch as u32;
            params.plane_params.offset[plane] = offset as u32;
        }
        params.plane_params.width[0] = width;
        params.plane_params.width[1] = width.div_ceil(2);
        params.pitch = params.plane_params.pitch[0];
        params.data_size = bytes.len() as u32;
        (params, bytes)
    }
}

/// The value of a byte of a picture.
pub fn sample(picture: usize, plane: usize, x: usize, y: usize) -> u8 {
    (picture * 89 + plane * 31 + x * 3 + y * 7) as u8
}

impl AsRef<[u8]> for Surfaces {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the head has 72 bytes.
        unsafe { std::slice::from_raw_parts(self.head.as_ptr().cast(), self.head_bytes) }
    }
}

// SAFETY: the pointers are into memory of its own.
unsafe impl Send for Surfaces {}

impl Drop for Surfaces {
    fn drop(&mut self) {
        // Whoever reads afterwards shall see it.
        self.data.iter_mut().for_each(|bytes| bytes.fill(0));
        self.freed.store(true, Ordering::SeqCst);
    }
}

/// The surface that a buffer maps to, as an element of NVIDIA's would change it.
pub fn surface_of(buffer: &gst::BufferRef) -> *mut Surface {
    let map = buffer.map_readable().unwrap();
    map.as_ptr().cast_mut().cast()
}

/// The entry `index` of a surface's list.
pub fn entry(surface: *mut Surface, stride: usize, index: usize) -> *mut Params {
    // SAFETY: the buffer of the surface is kept by the test.
    let list = unsafe { (*surface).surface_list }.cast::<u8>();
    list.wrapping_add(index * stride).cast::<c_void>().cast()
}
