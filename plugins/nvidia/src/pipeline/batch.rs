//! The work of a batch, as it is put on a stream or recorded.

use super::buffers::Buffers;
use super::{Levels, Network, PipelineError, Run};
use crate::driver::Stream;
use crate::kernels::{Kernels, Kinds, PictureParams, Target};

/// The work of a batch.
pub(super) struct Batch<'a, N> {
    pub kernels: &'a Kernels,
    pub network: &'a mut N,
    pub buffers: &'a Buffers,
    pub levels: &'a Levels,
    pub pictures: usize,
    pub kinds: Kinds,
}

impl<N: Network> Batch<'_, N> {
    /// Puts all of it on the stream.
    pub fn enqueue(&mut self, stream: &Stream) -> Result<(), PipelineError> {
        let (b, count) = (self.buffers, self.pictures as u32);
        let input = self.network.input();
        let target = Target {
            tensor: b.input.pointer(),
            width: input.width,
            height: input.height,
            scale: self.levels.scale,
            offset: self.levels.offset,
            pad: f32::from(self.levels.pad),
            reversed: u32::from(self.levels.blue_first),
        };
        let (pictures, precision) = (b.pictures.pointer(), input.precision);
        let bytes = self.pictures * size_of::<PictureParams>();
        // SAFETY: buffers have room for `pictures`, live as long as the pipeline, and are left alone
        // until the batch is waited for.
        unsafe {
            stream.upload(pictures, b.pinned_pictures.pointer(), bytes)?;
            let kernels = self.kernels;
            kernels.preprocess(stream, pictures, count, self.kinds, precision, &target)?;
        }
        let run = Run {
            pictures: self.pictures,
            input: b.input.pointer(),
            outputs: &b.output_pointers,
        };
        self.network.enqueue(stream, &run)?;
        self.finish(stream)
    }

    /// Decodes, if that is wanted, and has the results copied to pinned memory.
    fn finish(&self, stream: &Stream) -> Result<(), PipelineError> {
        let (b, count) = (self.buffers, self.pictures);
        let to = b.pinned_results.pointer();
        if let Some(boxes) = &b.boxes {
            let (from, thresholds, bytes) = boxes.thresholds();
            let (pictures, precision) = (b.pictures.pointer(), boxes.plan().precision);
            // SAFETY: as in `enqueue`.
            unsafe {
                stream.upload(thresholds, from, bytes)?;
                let params = boxes.params();
                (self.kernels).decode(stream, pictures, count as u32, precision, params)?;
                stream.download(to, boxes.results(), count * boxes.stride())?;
            }
            return Ok(());
        }
        for (i, output) in b.outputs.iter().enumerate() {
            let bytes = count * b.output_bytes[i];
            // SAFETY: as in `enqueue`; each output has its own part of the pinned memory.
            unsafe { stream.download(to.add(b.output_at(i, 0)), output.pointer(), bytes)? };
        }
        Ok(())
    }
}
