//! From buffers of each kind of memory to the tensor that a network sees.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod common {
    pub mod gpu;
    pub mod surfaces;
}
#[path = "fake/mod.rs"]
mod fake;

use common::gpu::{NvBuf, SIZES, SURFACE_ARRAY, buffer, picture, spec};
use common::surfaces::sample;
use std::sync::Arc;
use vigil_nvidia::driver::{Context, Stream};
use vigil_nvidia::kernels::{Kernels, Precision};
use vigil_nvidia::memory::nvmm::Reader;
use vigil_nvidia::memory::{MappedGpuFrame, PixelFormat, Planes};
use vigil_nvidia::pipeline::{
    Finish, Input, Levels, Network, Pipeline, PipelineError, Placement, Recording, Run, Settings,
};

/// A network whose output is its input.
struct Echo;

const SIDE: u32 = 32;

impl Network for Echo {
    fn most_pictures(&self) -> usize {
        4
    }
    fn input(&self) -> Input {
        Input {
            width: SIDE,
            height: SIDE,
            precision: Precision::Single,
        }
    }
    fn outputs(&self) -> Vec<usize> {
        vec![(3 * SIDE * SIDE * 4) as usize]
    }
    fn prepare(&mut self, _: usize) -> Result<(), PipelineError> {
        Ok(())
    }
    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError> {
        let bytes = run.pictures * self.outputs()[0];
        // SAFETY: both have room for the pictures.
        Ok(unsafe { stream.copy(run.outputs[0], run.input, bytes) }?)
    }
    fn can_be_recorded(&self) -> bool {
        true
    }
}

/// The tensor that the pipeline makes of each picture of a buffer.
fn tensors(context: &Context, frame: MappedGpuFrame) -> Vec<Vec<u8>> {
    let settings = Settings {
        levels: Levels {
            scale: [1.0 / 255.0; 3],
            offset: [0.0; 3],
            pad: 114,
            blue_first: false,
        },
        finish: Finish::Outputs,
        pictures: 4,
        budget: None,
        recording: Recording::WherePossible,
    };
    let kernels = Kernels::load(context).unwrap();
    let mut pipeline = Pipeline::new(context, &kernels, Echo, settings).unwrap();
    let frame = Arc::new(frame);
    for (slot, picture) in frame.pictures().enumerate() {
        let (width, height) = (picture.format.width, picture.format.height);
        let placement = Placement {
            part: [0, 0, width, height],
            offset: [0, 2],
            content: [SIDE, SIDE - 4],
            gain: [SIDE as f32 / width as f32; 2],
        };
        let (format, source) = (picture.format.for_kernels(true), picture.source(&frame));
        pipeline.put(slot, &format, source, &placement).unwrap();
    }
    let pictures = frame.len();
    let weak = Arc::downgrade(&frame);
    let is_kept = matches!(
        frame.first().planes,
        Planes::Device { .. } | Planes::Textures { .. }
    );
    drop(frame);
    pipeline.start(pictures).unwrap();
    assert_eq!(weak.upgrade().is_some(), is_kept, "what is read is kept");
    let finished = pipeline.wait().unwrap();
    assert!(weak.upgrade().is_none(), "and let go when it has been read");
    (0..pictures)
        .map(|i| finished.output(0, i).to_vec())
        .collect()
}

#[test]
fn the_pipeline_sees_the_same_pictures_in_every_kind_of_memory() {
    let cuda = fake::Cuda::new("");
    let context = cuda.context();
    let made: Vec<_> = (0..2).map(|i| picture(&context, i, SIZES[i])).collect();
    let pictures: Vec<_> = made.iter().map(|(_, ptrs)| *ptrs).collect();
    let nvbuf = NvBuf::new(false);
    let reader = Reader::new(context.clone()).with_library(nvbuf.library.clone());
    let map = |buffer| tensors(&context, reader.map(buffer).unwrap());
    let expected = map(spec(false, 6, &SIZES).buffer(PixelFormat::Nv12).0);
    assert_ne!(expected[0], expected[1]);
    let grey = expected[0].chunks_exact(4).next().unwrap();
    assert_eq!(
        f32::from_le_bytes(grey.try_into().unwrap()),
        114.0 * (1.0 / 255.0)
    );
    for mem_type in [2, SURFACE_ARRAY] {
        let found = map(buffer(&spec(false, mem_type, &SIZES), &pictures));
        assert!(found == expected, "memory type {mem_type}");
    }
    // Block-linear, of one picture: through textures.
    nvbuf.set(c"arrays");
    let arrays = [0, 1].map(|plane| {
        let (row, rows) = PixelFormat::Nv12.plane_size(plane, 64, 48);
        let at = |i: usize| sample(0, plane, i % row, i / row);
        let bytes: Vec<u8> = (0..row * rows).map(at).collect();
        cuda.array(&context, [row / (plane + 1), plane + 1], &bytes)
    });
    let mut spec = spec(false, SURFACE_ARRAY, &SIZES[..1]);
    spec.layout = 1;
    let found = map(buffer(&spec, &[arrays.map(|array| array as u64)]));
    assert!(found[0] == expected[0], "textures");
    arrays
        .into_iter()
        .for_each(|array| cuda.destroy_array(&context, array));
}
