//! Runs of an engine on a GPU whose tensors are in system memory: for its trial, and where the CPU has
//! to prepare or decode.

use super::gpu::{GpuNetwork, error_of};
use super::values::{Kept, Values};
use super::{EngineError, EngineKind, ModelSource, Runner, half, nth_picture};
use crate::decode::OutputView;
use std::sync::Arc;
use vigil_nvidia::driver::{DeviceBuffer, DriverError, PinnedBuffer, Stream};
use vigil_nvidia::kernels::Precision;
use vigil_nvidia::pipeline::{Input, PipelineError, Run};
use vigil_nvidia::tensorrt::DataType;

/// The memory of one run on the host's side, for [`Runner`].
pub(super) struct HostRun<N> {
    network: N,
    stream: Arc<Stream>,
    input: DeviceBuffer,
    pinned: PinnedBuffer,
    outputs: Vec<(DeviceBuffer, PinnedBuffer)>,
    pointers: Vec<u64>,
    /// Bytes of each output for a picture.
    bytes: Vec<usize>,
}

impl<N: GpuNetwork> HostRun<N> {
    /// For runs of up to so many pictures, on this stream.
    pub fn new(
        mut network: N,
        stream: Arc<Stream>,
        pictures: usize,
    ) -> Result<Self, PipelineError> {
        network.prepare(pictures)?;
        let gpu = stream.context().clone();
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
            stream,
            input: DeviceBuffer::new(&gpu, samples * precision.bytes())?,
            pinned: PinnedBuffer::new(&gpu, samples * precision.bytes())?,
            pointers: outputs.iter().map(|(buffer, _)| buffer.pointer()).collect(),
            outputs,
            bytes: network.outputs(),
            network,
        })
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
        let Input {
            width,
            height,
            precision,
        } = self.network.input();
        let bytes = pictures * 3 * (width as usize) * (height as usize) * precision.bytes();
        let bytes = bytes.min(self.pinned.bytes());
        let gpu = self.stream.context().clone();
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

/// One thread's way to run it on tensors in system memory.
pub(super) struct HostRunner<N> {
    run: HostRun<N>,
    kind: EngineKind,
    model: ModelSource,
    input: Vec<f32>,
    /// Samples of one picture.
    picture: usize,
    tensors: Vec<(DataType, Vec<usize>)>,
    names: Vec<String>,
    kept: Vec<Kept>,
}

impl<N: GpuNetwork> HostRunner<N> {
    /// With the names of the outputs, in the network's order.
    pub fn new(
        network: N,
        stream: Arc<Stream>,
        names: Vec<String>,
        kind: EngineKind,
        model: &ModelSource,
    ) -> Result<Self, PipelineError> {
        let shape = model.input_shape();
        let tensors = network.tensors();
        Ok(Self {
            run: HostRun::new(network, stream, model.most_pictures())?,
            kind,
            model: model.clone(),
            input: vec![0.0; shape.iter().product()],
            picture: shape[1..].iter().product(),
            tensors,
            kept: names.iter().map(|_| Kept::default()).collect(),
            names,
        })
    }

    /// The network, for something else.
    pub fn into_network(self) -> N {
        self.run.network
    }

    /// Writes the samples of so many pictures as the engine takes them.
    fn fill(&mut self, pictures: usize) {
        let samples = &self.input[..pictures * self.picture];
        let precision = self.run.precision();
        let bytes = &mut self.run.input_mut()[..samples.len() * precision.bytes()];
        match precision {
            Precision::Single => {
                for (bytes, sample) in bytes.chunks_exact_mut(4).zip(samples) {
                    bytes.copy_from_slice(&sample.to_ne_bytes());
                }
            }
            Precision::Half => {
                half::narrow(
                    samples,
                    bytemuck::try_cast_slice_mut(bytes).unwrap_or_default(),
                );
            }
        }
    }
}

impl<N: GpuNetwork> Runner for HostRunner<N> {
    fn input_mut(&mut self, picture: usize) -> &mut [f32] {
        nth_picture(&mut self.input, self.picture, picture)
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(
        &mut self,
        pictures: usize,
        read: &mut dyn FnMut(&[OutputView<'_>]),
    ) -> Result<(), EngineError> {
        let [pictures, ..] = self.model.shape_of_run(pictures);
        self.fill(pictures);
        let run = self.run.run(pictures);
        run.map_err(|error| error_of(self.kind, &error))?;
        let (run, kept) = (&self.run, &mut self.kept);
        let views: Vec<_> = self
            .tensors
            .iter()
            .zip(kept)
            .enumerate()
            .map(|(output, ((kind, shape), kept))| {
                let values = Values::of_bytes(*kind, run.output(output, pictures));
                kept.view([pictures].into_iter().chain(shape.iter().copied()), values)
            })
            .collect();
        read(&views);
        Ok(())
    }
}
