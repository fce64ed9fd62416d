//! Runs of an engine whose tensors are in system memory.

use vigil_nvidia::driver::{DeviceBuffer, DriverError, PinnedBuffer, Stream};
use vigil_nvidia::kernels::Precision;
use vigil_nvidia::pipeline::{Input, Network, PipelineError, Run};
use vigil_nvidia::tensorrt::TensorRtNetwork;

/// The memory of one run on the host's side, for [`Runner`](crate::engine::Runner).
pub(super) struct HostRun {
    network: TensorRtNetwork,
    stream: Stream,
    input: DeviceBuffer,
    pinned: PinnedBuffer,
    outputs: Vec<(DeviceBuffer, PinnedBuffer)>,
    pointers: Vec<u64>,
    /// Bytes of each output for a picture.
    bytes: Vec<usize>,
}

impl HostRun {
    /// For runs of up to so many pictures.
    pub fn new(mut network: TensorRtNetwork, pictures: usize) -> Result<Self, PipelineError> {
        network.prepare(pictures)?;
        let gpu = network.engine().context().clone();
        let Input {
            width,
            height,
            precision,
        } = network.input();
        let samples = pictures * 3 * width as usize * height as usize;
        let outputs = network.outputs().into_iter().map(|bytes| {
            let bytes = (bytes * pictures).max(1);
            Ok((
                DeviceBuffer::new(&gpu, bytes)?,
                PinnedBuffer::new(&gpu, bytes)?,
            ))
        });
        let outputs = outputs.collect::<Result<Vec<_>, DriverError>>()?;
        Ok(Self {
            stream: Stream::new(&gpu)?,
            input: DeviceBuffer::new(&gpu, samples * precision.bytes())?,
            pinned: PinnedBuffer::new(&gpu, samples * precision.bytes())?,
            pointers: outputs.iter().map(|(buffer, _)| buffer.pointer()).collect(),
            outputs,
            bytes: network.outputs(),
            network,
        })
    }

    /// The network.
    pub fn network(&self) -> &TensorRtNetwork {
        &self.network
    }

    /// Numbers of the input.
    pub fn precision(&self) -> Precision {
        self.network.input().precision
    }

    /// The bytes of the input, for [`run`](Self::run) to send.
    pub fn input_mut(&mut self) -> &mut [u8] {
        self.pinned.as_mut_slice()
    }

    /// The bytes that an output had in the last run, for so many pictures.
    pub fn output(&self, output: usize, pictures: usize) -> &[u8] {
        let bytes = self.bytes[output] * pictures;
        &self.outputs[output].1.as_slice()[..bytes]
    }

    /// Runs on so many pictures, and waits.
    pub fn run(&mut self, pictures: usize) -> Result<(), PipelineError> {
        let pictures = self.network.of_run(pictures);
        let Input {
            width,
            height,
            precision,
        } = self.network.input();
        let bytes = pictures * 3 * (width as usize) * (height as usize) * precision.bytes();
        let bytes = bytes.min(self.pinned.bytes());
        let gpu = self.network.engine().context().clone();
        let _current = gpu.enter()?;
        // SAFETY: both have room for it, and are left alone until the stream is waited for.
        unsafe { (self.stream).upload(self.input.pointer(), self.pinned.pointer(), bytes)? };
        let run = Run {
            pictures,
            input: self.input.pointer(),
            outputs: &self.pointers,
        };
        let run = self.network.enqueue(&self.stream, &run);
        let copied = run.and_then(|()| {
            for ((device, pinned), bytes) in self.outputs.iter().zip(&self.bytes) {
                // SAFETY: as above.
                unsafe {
                    (self.stream).download(pinned.pointer(), device.pointer(), bytes * pictures)?;
                }
            }
            Ok(())
        });
        // Even where something failed: what is running uses this memory.
        let done = self.stream.synchronize();
        copied?;
        Ok(done?)
    }
}
