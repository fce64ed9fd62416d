//! From an `NvBufSurface` to what each of its surfaces is. Pure reading, no library is called.

use super::super::error::MemoryError;
use super::super::picture::PictureFormat;
use super::color;
use super::raw::{self, MAX_PLANES, MEM_NAMES, Params, Surface};
use std::ffi::c_void;

/// Bytes from one entry of `surfaceList` to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stride {
    /// DeepStream up to 7.1, L4T up to r36.
    Bytes384,
    /// DeepStream 8 and later, L4T r38 and later.
    Bytes416,
}

impl Stride {
    /// The number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bytes384 => size_of::<raw::Params384>(),
            Self::Bytes416 => size_of::<raw::Params416>(),
        }
    }

    /// The other one.
    const fn other(self) -> Self {
        match self {
            Self::Bytes384 => Self::Bytes416,
            Self::Bytes416 => Self::Bytes384,
        }
    }
}

/// Largest batch and largest side that are taken for real.
const MAX_BATCH: u32 = 4096;
const MAX_SIDE: u32 = 65536;

/// An `NvBufSurface` whose head has been checked.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    surface: *mut Surface,
    head: Surface,
    stride: Stride,
}

/// What one surface of a batch is.
#[derive(Debug, Clone, Copy)]
pub struct SurfaceView {
    /// Its place in the batch.
    pub index: usize,
    /// Format and size.
    pub format: PictureFormat,
    /// Whether rows lie one after the other; else in tiles.
    pub pitch_linear: bool,
    /// DMABUF, on Jetson.
    pub buffer_desc: u64,
    /// The memory, or null.
    pub data: *mut c_void,
    /// Bytes there; 0 where nobody filled it in.
    pub size: usize,
    /// Bytes from one row to the next, of each plane.
    pub pitches: [usize; 2],
    /// Bytes from `data` to each plane.
    pub offsets: [usize; 2],
}

impl Batch {
    /// Reads the head of a surface that is `size` bytes long, and finds the stride of its list.
    /// `expected` is the stride that the library of this process should have.
    ///
    /// # Safety
    /// `size` bytes at `surface` can be read, and hold an `NvBufSurface` of any version if it is
    /// 64 or more; it stays as long as this is used.
    ///
    /// # Errors
    /// [`MemoryError::NotNvmm`] and [`MemoryError::Layout`].
    pub unsafe fn new(
        surface: *mut Surface,
        size: usize,
        expected: Stride,
    ) -> Result<Self, MemoryError> {
        if size < size_of::<Surface>() || surface.is_null() || !surface.is_aligned() {
            return Err(MemoryError::NotNvmm { size });
        }
        // SAFETY: the caller's promise; every bit pattern is a `Surface`.
        let head = unsafe { surface.read() };
        check_head(&head)?;
        let mut batch = Self {
            surface,
            head,
            stride: expected,
        };
        if head.batch_size > 1 && batch.pictures() > 1 {
            batch.stride = batch.find_stride()?;
        }
        Ok(batch)
    }

    /// The stride under which entry 1 makes sense. Entry 1 alone can be looked at under either one
    /// without reading beyond the shorter list: 416 + 320 < 2 · 384.
    fn find_stride(&self) -> Result<Stride, MemoryError> {
        let mut refused = String::new();
        for stride in [self.stride, self.stride.other()] {
            // SAFETY: there are two entries at least, see above.
            let params = unsafe { self.params_at(1, stride) };
            match check_params(&params) {
                Ok(()) => return Ok(stride),
                Err(what) if refused.is_empty() => {
                    refused = format!("entry 1 at {} bytes has {what}", stride.bytes());
                }
                Err(what) => refused += &format!(", at {} {what}", stride.bytes()),
            }
        }
        Err(MemoryError::Layout { what: refused })
    }

    /// Bytes from one entry to the next.
    pub fn stride(&self) -> Stride {
        self.stride
    }

    /// The structure itself, for calls of NVIDIA's library.
    pub fn as_ptr(&self) -> *mut Surface {
        self.surface
    }

    /// GPU of the memory.
    pub fn gpu_id(&self) -> u32 {
        self.head.gpu_id
    }

    /// Entries of the list, filled or not.
    pub fn batch_size(&self) -> usize {
        self.head.batch_size as usize
    }

    /// One of `raw::MEM_…`.
    pub fn memory_type(&self) -> u32 {
        self.head.mem_type
    }

    /// How many pictures there are. A single surface counts as one even where nobody has filled in
    /// `numFilled`, as some elements do not.
    pub fn pictures(&self) -> usize {
        match self.head.num_filled {
            0 if self.head.batch_size == 1 => 1,
            filled => filled as usize,
        }
    }

    /// The entry `index` of the list.
    ///
    /// # Safety
    /// There must be that many entries of this stride.
    unsafe fn params_at(&self, index: usize, stride: Stride) -> Params {
        let list = self.head.surface_list.cast::<u8>();
        // SAFETY: the caller's promise.
        unsafe { list.add(index * stride.bytes()).cast::<Params>().read() }
    }

    /// The `eglImage` of a surface at this moment.
    pub fn egl_image(&self, index: usize) -> *mut c_void {
        debug_assert!(index < self.pictures());
        // SAFETY: pictures are no more than entries.
        unsafe { self.params_at(index, self.stride) }.egl_image
    }

    /// The `mappedAddr.cudaPtr` of a surface at this moment; null where the layout has none.
    pub fn cuda_buffer(&self, index: usize) -> *mut raw::CudaBuffer {
        debug_assert!(index < self.pictures());
        match self.stride {
            Stride::Bytes384 => std::ptr::null_mut(),
            Stride::Bytes416 => {
                let list = self.head.surface_list.cast::<raw::Params416>();
                // SAFETY: as above, and the layout has this field.
                unsafe { (*list.add(index)).cuda_ptr }
            }
        }
    }

    /// What the surface `index` is, which is less than [`pictures`](Self::pictures).
    ///
    /// # Errors
    /// [`MemoryError::Layout`], [`MemoryError::ColorFormat`], and [`MemoryError::TooShort`] where a
    /// plane does not fit its own size.
    pub fn surface(&self, index: usize) -> Result<SurfaceView, MemoryError> {
        debug_assert!(index < self.pictures());
        // SAFETY: pictures are no more than entries.
        let params = unsafe { self.params_at(index, self.stride) };
        check_params(&params).map_err(|what| MemoryError::Layout {
            what: format!("entry {index} at {} bytes has {what}", self.stride.bytes()),
        })?;
        let (pixels, colorimetry) = color::decode(params.color_format)?;
        let planes = &params.plane_params;
        let view = SurfaceView {
            index,
            format: PictureFormat {
                pixels,
                width: params.width,
                height: params.height,
                colorimetry,
            },
            pitch_linear: params.layout == raw::LAYOUT_PITCH,
            buffer_desc: params.buffer_desc,
            data: params.data_ptr,
            size: params.data_size as usize,
            pitches: [planes.pitch[0] as usize, planes.pitch[1] as usize],
            offsets: [planes.offset[0] as usize, planes.offset[1] as usize],
        };
        view.check_planes(planes.num_planes as usize)?;
        Ok(view)
    }
}

impl SurfaceView {
    /// Bytes of a plane from its first sample to its last, and how many a row needs.
    pub fn plane_bytes(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.format.width as usize, self.format.height as usize);
        let (row, rows) = self.format.pixels.plane_size(plane, width, height);
        (self.pitches[plane] * (rows - 1) + row, row)
    }

    fn check_planes(&self, filled: usize) -> Result<(), MemoryError> {
        let needed = self.format.pixels.planes();
        if filled < needed {
            let format = self.format.pixels;
            return Err(MemoryError::Layout {
                what: format!("a surface of {format} has {needed} planes, here are {filled}"),
            });
        }
        if !self.pitch_linear {
            return Ok(());
        }
        for plane in 0..needed {
            let (bytes, row) = self.plane_bytes(plane);
            let short = |needed, found| MemoryError::TooShort {
                index: self.index,
                plane,
                needed,
                found,
            };
            if self.pitches[plane] < row {
                return Err(short(row, self.pitches[plane]));
            }
            let end = self.offsets[plane] + bytes;
            if self.size != 0 && end > self.size {
                return Err(short(end, self.size));
            }
        }
        Ok(())
    }
}

fn check_head(head: &Surface) -> Result<(), MemoryError> {
    let wrong = |what: String| Err(MemoryError::Layout { what });
    if head.batch_size == 0 || head.batch_size > MAX_BATCH {
        return wrong(format!(
            "batchSize is {}, not 1 to {MAX_BATCH}",
            head.batch_size
        ));
    }
    if head.num_filled > head.batch_size {
        return wrong(format!(
            "numFilled is {}, more than batchSize {}",
            head.num_filled, head.batch_size
        ));
    }
    if head.mem_type as usize >= MEM_NAMES.len() {
        return wrong(format!(
            "memType is {}, not 0 to {}",
            head.mem_type,
            MEM_NAMES.len() - 1
        ));
    }
    if head.surface_list.is_null() || !head.surface_list.is_aligned() {
        return wrong(format!("surfaceList is {:p}", head.surface_list));
    }
    Ok(())
}

/// Whether an entry of the list can be one; else which field cannot.
fn check_params(params: &Params) -> Result<(), String> {
    let Params {
        width,
        height,
        pitch,
        layout,
        ..
    } = *params;
    let side = 1..=MAX_SIDE;
    if !side.contains(&width) || !side.contains(&height) {
        return Err(format!("the size {width}x{height}"));
    }
    let planes = &params.plane_params;
    if !(1..=MAX_PLANES as u32).contains(&planes.num_planes) {
        return Err(format!("{} planes", planes.num_planes));
    }
    if layout > raw::LAYOUT_BLOCK_LINEAR {
        return Err(format!("the layout {layout}"));
    }
    if pitch < width || planes.pitch[0] < width {
        return Err(format!(
            "the pitches {pitch} and {} for a width of {width}",
            planes.pitch[0]
        ));
    }
    if !planes.width[..planes.num_planes as usize]
        .iter()
        .all(|plane| side.contains(plane))
    {
        return Err(format!("planes of the widths {:?}", planes.width));
    }
    Ok(())
}
