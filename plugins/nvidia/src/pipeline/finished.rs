//! What a batch has given.

use super::buffers::Buffers;
use crate::kernels::{Detected, ResultHeader};

/// The results of a batch; valid until the next one is started.
pub struct Finished<'a> {
    pub(super) buffers: &'a Buffers,
    pub(super) pictures: usize,
}

impl Finished<'_> {
    /// Pictures in the batch.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// The detections of a picture, the best first, in pixels of the picture; none where outputs come
    /// back as they are.
    pub fn detections(&self, picture: usize) -> &[Detected] {
        let Some((header, boxes)) = self.result(picture) else {
            return &[];
        };
        let room = boxes.len() / size_of::<Detected>();
        let count = (header.count as usize).min(room);
        // SAFETY: the kernels have written so many, and the bytes are aligned to 8.
        unsafe { std::slice::from_raw_parts(boxes.as_ptr().cast(), count) }
    }

    /// How many candidates a picture had before doubles were suppressed.
    pub fn candidates(&self, picture: usize) -> usize {
        self.result(picture)
            .map_or(0, |(header, _)| header.candidates as usize)
    }

    /// An output of a picture as the network wrote it; empty where boxes come back.
    pub fn output(&self, output: usize, picture: usize) -> &[u8] {
        let b = self.buffers;
        if b.boxes.is_some() || output >= b.outputs.len() || picture >= self.pictures {
            return &[];
        }
        let start = b.output_at(output, picture);
        &b.pinned_results.as_slice()[start..start + b.output_bytes[output]]
    }

    fn result(&self, picture: usize) -> Option<(ResultHeader, &[u8])> {
        let stride = self.buffers.boxes.as_ref()?.stride();
        let all = &self.buffers.pinned_results.as_slice()[..self.pictures * stride];
        let bytes = all.chunks_exact(stride).nth(picture)?;
        let (header, boxes) = bytes.split_at_checked(size_of::<ResultHeader>())?;
        // SAFETY: four numbers, of which each pattern of bits is one.
        let header = unsafe { header.as_ptr().cast::<ResultHeader>().read_unaligned() };
        Some((header, boxes))
    }
}
