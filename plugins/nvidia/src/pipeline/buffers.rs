//! The memory of a batch: made once, for as many pictures as there is room for.

use super::{Finish, Network, PipelineError};
use crate::driver::{CUdeviceptr, Context, DeviceBuffer, PinnedBuffer};
use crate::kernels::head::{HeadPlan, Wanted, result_bytes};
use crate::kernels::{HeadParams, PictureParams};

/// Memory for the boxes of a batch.
#[derive(Debug)]
pub(super) struct Boxes {
    plan: HeadPlan,
    params: HeadParams,
    keys: DeviceBuffer,
    counts: DeviceBuffer,
    kept: DeviceBuffer,
    results: DeviceBuffer,
    thresholds: DeviceBuffer,
    pinned_thresholds: PinnedBuffer,
}

/// Memory of a batch.
#[derive(Debug)]
pub(super) struct Buffers {
    pub capacity: usize,
    pub input: DeviceBuffer,
    pub outputs: Vec<DeviceBuffer>,
    /// Where each output is, as runs take it.
    pub output_pointers: Vec<CUdeviceptr>,
    pub output_bytes: Vec<usize>,
    pub pictures: DeviceBuffer,
    pub pinned_pictures: PinnedBuffer,
    pub boxes: Option<Boxes>,
    /// What comes back: results, or outputs one after the other.
    pub pinned_results: PinnedBuffer,
}

/// Thresholds that there is room for: classes beyond have the last one.
const MOST_THRESHOLDS: usize = 4096;

impl Buffers {
    /// Memory for so many pictures.
    pub fn new(
        context: &Context,
        network: &dyn Network,
        finish: &Finish,
        capacity: usize,
    ) -> Result<Self, PipelineError> {
        let device = |bytes: usize| DeviceBuffer::new(context, bytes);
        let output_bytes = network.outputs();
        let outputs = output_bytes.iter().map(|bytes| device(bytes * capacity));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        let boxes = match finish {
            Finish::Boxes(plan, wanted) => {
                Some(Boxes::new(context, plan, wanted, &outputs, capacity)?)
            }
            Finish::Outputs => None,
        };
        let pictures = capacity * size_of::<PictureParams>();
        let result = match &boxes {
            Some(boxes) => boxes.stride(),
            None => output_bytes.iter().sum(),
        };
        Ok(Self {
            capacity,
            input: device(input_bytes(network) * capacity)?,
            output_pointers: outputs.iter().map(DeviceBuffer::pointer).collect(),
            outputs,
            output_bytes,
            pictures: device(pictures)?,
            pinned_pictures: PinnedBuffer::new(context, pictures)?,
            boxes,
            pinned_results: PinnedBuffer::new(context, result * capacity)?,
        })
    }

    /// No memory to speak of, while the place of other memory is taken.
    pub fn none(context: &Context) -> Result<Self, PipelineError> {
        Ok(Self {
            capacity: 0,
            input: DeviceBuffer::new(context, 1)?,
            outputs: Vec::new(),
            output_pointers: Vec::new(),
            output_bytes: Vec::new(),
            pictures: DeviceBuffer::new(context, 1)?,
            pinned_pictures: PinnedBuffer::new(context, 1)?,
            boxes: None,
            pinned_results: PinnedBuffer::new(context, 1)?,
        })
    }

    /// Bytes of device memory that so many pictures need, without those of uploads.
    pub fn needed(network: &dyn Network, finish: &Finish, pictures: usize) -> usize {
        let scratch = match finish {
            Finish::Boxes(plan, wanted) => {
                let s = plan.scratch(wanted.limit);
                s.keys + s.kept + s.result + size_of::<u32>()
            }
            Finish::Outputs => 0,
        };
        let outputs: usize = network.outputs().iter().sum();
        pictures * (input_bytes(network) + outputs + scratch + size_of::<PictureParams>())
    }

    /// Where output `output` of picture `picture` begins in what comes back.
    pub fn output_at(&self, output: usize, picture: usize) -> usize {
        let before: usize = self.output_bytes[..output].iter().sum();
        before * self.capacity + picture * self.output_bytes[output]
    }
}

/// Bytes of the input for each picture.
fn input_bytes(network: &dyn Network) -> usize {
    let input = network.input();
    3 * (input.width as usize) * (input.height as usize) * input.precision.bytes()
}

impl Boxes {
    fn new(
        context: &Context,
        plan: &HeadPlan,
        wanted: &Wanted,
        outputs: &[DeviceBuffer],
        capacity: usize,
    ) -> Result<Self, PipelineError> {
        let device = |bytes: usize| DeviceBuffer::new(context, bytes * capacity);
        let scratch = plan.scratch(wanted.limit);
        let thresholds = MOST_THRESHOLDS * size_of::<f32>();
        let mut boxes = Self {
            params: plan.params(wanted),
            plan: plan.clone(),
            keys: device(scratch.keys)?,
            counts: device(size_of::<u32>())?,
            kept: device(scratch.kept)?,
            results: device(scratch.result)?,
            thresholds: DeviceBuffer::new(context, thresholds)?,
            pinned_thresholds: PinnedBuffer::new(context, thresholds)?,
        };
        boxes.point(outputs);
        boxes.want(wanted);
        Ok(boxes)
    }

    /// Fills in where everything is.
    fn point(&mut self, outputs: &[DeviceBuffer]) {
        for (pointer, output) in self.params.outputs.iter_mut().zip(outputs) {
            *pointer = output.pointer();
        }
        self.params.keys = self.keys.pointer();
        self.params.counts = self.counts.pointer();
        self.params.kept = self.kept.pointer();
        self.params.results = self.results.pointer();
        self.params.thresholds = self.thresholds.pointer();
    }

    /// Other detections from now on, of which there is room for as many as before; whether what was
    /// recorded is still right. Nothing may be running.
    pub fn want(&mut self, wanted: &Wanted) -> bool {
        let count = wanted.thresholds.len().min(MOST_THRESHOLDS);
        let to = self
            .pinned_thresholds
            .as_mut_slice()
            .chunks_exact_mut(size_of::<f32>());
        for (to, threshold) in to.zip(&wanted.thresholds[..count]) {
            to.copy_from_slice(&threshold.to_ne_bytes());
        }
        let room = (self.stride() - result_bytes(0)) / size_of::<crate::kernels::Detected>();
        let new = self.plan.params(&Wanted {
            limit: wanted.limit.min(room),
            ..wanted.clone()
        });
        let before = self.params;
        self.params = HeadParams {
            known: (count as u32).max(1),
            least: new.least,
            iou: new.iou,
            limit: new.limit,
            ..before
        };
        before == self.params
    }

    /// Bytes from result to result.
    pub fn stride(&self) -> usize {
        self.params.stride as usize
    }

    /// What the kernels are given.
    pub fn params(&self) -> &HeadParams {
        &self.params
    }

    /// What the plan is.
    pub fn plan(&self) -> &HeadPlan {
        &self.plan
    }

    /// Thresholds on the host and on the device, and how many bytes they are.
    pub fn thresholds(&self) -> (*const u8, CUdeviceptr, usize) {
        let bytes = self.params.known as usize * size_of::<f32>();
        (
            self.pinned_thresholds.pointer(),
            self.thresholds.pointer(),
            bytes,
        )
    }

    /// The results on the device.
    pub fn results(&self) -> CUdeviceptr {
        self.results.pointer()
    }
}
