//! What an engine has to be for the pipeline.

use super::PipelineError;
use crate::driver::{CUdeviceptr, Stream};
use crate::kernels::Precision;

/// The input tensor of a network: planar, `[pictures, 3, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Its numbers.
    pub precision: Precision,
}

/// One run of a network.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Pictures in it, at least 1 and no more than were prepared for.
    pub pictures: usize,
    /// The input tensor.
    pub input: CUdeviceptr,
    /// A tensor for each output, in the network's order.
    pub outputs: &'a [CUdeviceptr],
}

/// An engine with a context of its own: one worker's.
pub trait Network: Send {
    /// Most pictures of a run.
    fn most_pictures(&self) -> usize;

    /// The input.
    fn input(&self) -> Input;

    /// Bytes of each output for each picture.
    fn outputs(&self) -> Vec<usize>;

    /// Makes ready for runs of so many pictures, memory included. Called again with fewer where
    /// memory is short, and before the first run.
    ///
    /// # Errors
    /// The engine's own; [`PipelineError::is_out_of_memory`] where fewer pictures would do.
    fn prepare(&mut self, pictures: usize) -> Result<(), PipelineError>;

    /// Puts a run on the stream and returns; does not wait for it. The stream's context is current.
    ///
    /// # Errors
    /// The engine's own.
    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError>;

    /// Whether what `enqueue` puts on the stream can be recorded once and launched again, for as many
    /// pictures at the same addresses.
    fn can_be_recorded(&self) -> bool;
}

impl<N: Network + ?Sized> Network for Box<N> {
    fn most_pictures(&self) -> usize {
        (**self).most_pictures()
    }

    fn input(&self) -> Input {
        (**self).input()
    }

    fn outputs(&self) -> Vec<usize> {
        (**self).outputs()
    }

    fn prepare(&mut self, pictures: usize) -> Result<(), PipelineError> {
        (**self).prepare(pictures)
    }

    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError> {
        (**self).enqueue(stream, run)
    }

    fn can_be_recorded(&self) -> bool {
        (**self).can_be_recorded()
    }
}
