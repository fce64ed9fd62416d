//! The place of one picture in a batch.

use super::PipelineError;
use crate::driver::{Context, DeviceBuffer, PinnedBuffer, Stream};
use crate::kernels::{Planes, SourceFormat};
use std::any::Any;

/// A plane in system memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostPlane<'a> {
    /// Samples; row `y` begins at `y · pitch`.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub pitch: usize,
}

/// Where the samples of a picture are.
pub enum Source<'a> {
    /// On the GPU, in the pipeline's context. Work that makes the picture is waited for by
    /// [`Stream::wait_for`] on the pipeline's stream before this.
    Device {
        /// Addresses or textures.
        planes: Planes,
        /// Kept until the batch is done, such as the buffer that the picture is from.
        keep: Box<dyn Any + Send>,
    },
    /// In system memory: copied to pinned memory before the call returns, and from there by the GPU.
    Host([HostPlane<'a>; 3]),
}

/// Rows begin at multiples of this, which the GPU likes to read.
const ALIGNMENT: usize = 256;

/// The place of one picture in a batch: what is kept for it, and its way up to the GPU.
#[derive(Default)]
pub(super) struct Slot {
    keep: Option<Box<dyn Any + Send>>,
    /// Pinned memory and memory of the GPU, as large as the largest picture so far.
    upload: Option<(PinnedBuffer, DeviceBuffer)>,
}

impl Slot {
    /// Where the kernels find the picture.
    pub fn put(
        &mut self,
        context: &Context,
        stream: &Stream,
        format: &SourceFormat,
        source: Source,
    ) -> Result<Planes, PipelineError> {
        match source {
            Source::Device { planes, keep } => {
                self.keep = Some(keep);
                Ok(planes)
            }
            Source::Host(planes) => self.upload(context, stream, format, &planes),
        }
    }

    /// Lets go of what was kept for the batch.
    pub fn clear(&mut self) {
        self.keep = None;
    }

    /// Copies the planes one after the other to pinned memory, and has the GPU fetch them.
    fn upload(
        &mut self,
        context: &Context,
        stream: &Stream,
        format: &SourceFormat,
        planes: &[HostPlane; 3],
    ) -> Result<Planes, PipelineError> {
        let (mut starts, mut pitches, mut bytes) = ([0; 3], [0; 3], 0);
        for plane in 0..format.planes().min(3) {
            let (row, rows) = format.plane_size(plane);
            check(plane, &planes[plane], row, rows)?;
            (starts[plane], pitches[plane]) = (bytes, row.next_multiple_of(ALIGNMENT));
            bytes += pitches[plane] * rows;
        }
        let (pinned, device) = self.room(context, bytes)?;
        for plane in 0..format.planes().min(3) {
            let (row, rows) = format.plane_size(plane);
            let (from, pitch) = (&planes[plane], pitches[plane]);
            let to = &mut pinned.as_mut_slice()[starts[plane]..][..pitch * rows];
            for (y, to) in to.chunks_exact_mut(pitch).enumerate() {
                to[..row].copy_from_slice(&from.data[y * from.pitch..][..row]);
            }
        }
        // SAFETY: both are the slot's own, and left alone until the batch is waited for.
        unsafe { stream.upload(device.pointer(), pinned.pointer(), bytes)? };
        let addresses = starts.map(|start| device.pointer() + start as u64);
        Ok(Planes::Linear(addresses, pitches))
    }

    /// Pinned memory and memory of the GPU of at least so many bytes.
    fn room(
        &mut self,
        context: &Context,
        bytes: usize,
    ) -> Result<(&mut PinnedBuffer, &DeviceBuffer), PipelineError> {
        let fits = |(_, device): &(_, DeviceBuffer)| device.bytes() >= bytes;
        let kept = self.upload.take().filter(fits);
        let room = match kept {
            Some(room) => room,
            None => (
                PinnedBuffer::new(context, bytes)?,
                DeviceBuffer::new(context, bytes)?,
            ),
        };
        let (pinned, device) = self.upload.insert(room);
        Ok((pinned, device))
    }
}

fn check(plane: usize, given: &HostPlane, row: usize, rows: usize) -> Result<(), PipelineError> {
    let needed = given.pitch.max(row) * (rows.max(1) - 1) + row;
    if given.pitch < row && rows > 1 || given.data.len() < needed {
        return Err(PipelineError::Plane {
            plane,
            found: given.data.len(),
            needed,
        });
    }
    Ok(())
}
