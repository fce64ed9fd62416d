//! The guard that keeps a buffer in GPU memory mapped.

use super::nvmm::Registration;
use super::picture::{Crop, HostPlane, Picture, PictureFormat, Planes};
use std::sync::Arc;

/// A buffer whose pictures are being read. It stays mapped until this is dropped, which the worker
/// does once its event behind the reading work has been reached: only then may whoever gave the
/// buffer write into it again.
///
/// Each picture of a batch that goes to the GPU with others keeps an `Arc` of it. It may be sent to
/// another thread; mapping and unmapping both belong on the worker's.
#[derive(Debug)]
pub struct MappedGpuFrame {
    /// Most buffers have one picture, which then needs no allocation.
    first: Stored,
    rest: Vec<Stored>,
    crop: Option<Crop>,
    // Dropped last: the registrations are part of its memory.
    hold: Hold,
}

/// What is mapped.
#[allow(
    clippy::large_enum_variant,
    reason = "one of each frame, and no allocation for it"
)]
pub(super) enum Hold {
    Nvmm(gst::MappedBuffer<gst::buffer::Readable>),
    Cuda(super::cuda::MappedVideo),
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nvmm(_) => "memory:NVMM",
            Self::Cuda(_) => "memory:CUDAMemory",
        })
    }
}

/// A [`Picture`] without its lifetime.
#[derive(Debug)]
pub(super) struct Stored {
    pub format: PictureFormat,
    pub planes: StoredPlanes,
    pub index: usize,
    /// Kept while the GPU reads, even if the surface gets a new one.
    pub _registration: Option<Arc<Registration>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum StoredPlanes {
    Device {
        ptrs: [u64; 2],
        pitches: [usize; 2],
    },
    Textures {
        textures: [u64; 2],
    },
    /// Address, bytes and pitch of each plane.
    Host {
        planes: [(*const u8, usize, usize); 2],
    },
}

// SAFETY: the pointers are into memory that is kept mapped, and only read.
unsafe impl Send for MappedGpuFrame {}
// SAFETY: as above.
unsafe impl Sync for MappedGpuFrame {}

impl MappedGpuFrame {
    pub(super) fn new(first: Stored, rest: Vec<Stored>, crop: Option<Crop>, hold: Hold) -> Self {
        Self {
            first,
            rest,
            crop,
            hold,
        }
    }

    /// The pictures, in the order of the batch; at least one.
    pub fn pictures(&self) -> impl ExactSizeIterator<Item = Picture<'_>> {
        (0..self.len()).map(|i| self.picture(i))
    }

    /// How many pictures there are.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        1 + self.rest.len()
    }

    /// The first picture: the only one, unless the buffer is a batch.
    pub fn first(&self) -> Picture<'_> {
        self.picture(0)
    }

    /// The buffer.
    pub fn buffer(&self) -> &gst::BufferRef {
        match &self.hold {
            Hold::Nvmm(map) => map.buffer(),
            Hold::Cuda(frame) => frame.buffer(),
        }
    }

    fn picture(&self, i: usize) -> Picture<'_> {
        let stored = match i {
            0 => &self.first,
            i => &self.rest[i - 1],
        };
        let planes = match stored.planes {
            StoredPlanes::Device { ptrs, pitches } => Planes::Device { ptrs, pitches },
            StoredPlanes::Textures { textures } => Planes::Textures { textures },
            StoredPlanes::Host { planes } => Planes::Host {
                planes: planes.map(|(data, bytes, pitch)| HostPlane {
                    data: match data.is_null() {
                        true => &[],
                        // SAFETY: so many bytes are there while the buffer is mapped.
                        false => unsafe { std::slice::from_raw_parts(data, bytes) },
                    },
                    pitch,
                }),
            },
        };
        Picture {
            format: stored.format,
            planes,
            crop: self.crop,
            index: stored.index,
        }
    }
}

/// The part of the pictures that the buffer says is to be shown.
pub(super) fn crop_of(buffer: &gst::BufferRef) -> Option<Crop> {
    let meta = buffer.meta::<gst_video::VideoCropMeta>()?;
    let (x, y, width, height) = meta.rect();
    (width > 0 && height > 0).then_some(Crop {
        x,
        y,
        width,
        height,
    })
}
