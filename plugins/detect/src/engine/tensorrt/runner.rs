//! Tensors in system memory, run on the GPU.

use super::error_of;
use super::host::HostRun;
use crate::decode::OutputView;
use crate::engine::values::{Kept, Values};
use crate::engine::{EngineError, ModelSource, Runner, half};
use vigil_nvidia::kernels::Precision;

pub(super) struct HostRunner {
    run: HostRun,
    input: Vec<f32>,
    /// Samples of one picture.
    picture: usize,
    most: usize,
    names: Vec<String>,
    kept: Vec<Kept>,
}

impl HostRunner {
    pub fn new(run: HostRun, model: &ModelSource) -> Self {
        let shape = model.input_shape();
        let names: Vec<_> = run.network().output_names().map(str::to_owned).collect();
        Self {
            input: vec![0.0; shape.iter().product()],
            picture: shape[1..].iter().product(),
            most: shape[0],
            kept: names.iter().map(|_| Kept::default()).collect(),
            names,
            run,
        }
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

impl Runner for HostRunner {
    fn input_mut(&mut self, picture: usize) -> &mut [f32] {
        let mut pictures = self.input.chunks_exact_mut(self.picture);
        pictures.nth(picture).unwrap_or_default()
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(
        &mut self,
        pictures: usize,
        read: &mut dyn FnMut(&[OutputView<'_>]),
    ) -> Result<(), EngineError> {
        let pictures = self.run.network().of_run(pictures.clamp(1, self.most));
        self.fill(pictures);
        self.run.run(pictures).map_err(error_of)?;
        let (run, kept) = (&self.run, &mut self.kept);
        let views: Vec<_> = run
            .network()
            .output_shapes()
            .zip(kept)
            .enumerate()
            .map(|(output, ((kind, shape), kept))| {
                let values = Values::of_bytes(kind, run.output(output, pictures));
                let shape = shape.iter().map(|n| (*n).max(0) as usize);
                kept.view([pictures].into_iter().chain(shape), values)
            })
            .collect();
        read(&views);
        Ok(())
    }
}
