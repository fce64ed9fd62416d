//! The kernel that makes a tensor of frames, alone.

use super::{Bench, PreprocessRow};
use crate::Failure;
use crate::kernels::Gpu;
use crate::kernels::numbers::bytes_of;
use crate::model::Floats;
use gstvigildetect::model::ChannelOrder;
use gstvigildetect::preprocess::{Letterbox, Sampling, TensorFormat};
use vigil_nvidia::driver::{DeviceBuffer, Event};
use vigil_nvidia::kernels::{Kinds, Precision, Target};

/// Launches that are measured together.
const LAUNCHES: usize = 200;

/// Adds how long a frame takes, in batches of some sizes.
pub fn rows(bench: &Bench, gpu: &Gpu, rows: &mut Vec<PreprocessRow>) -> Result<String, Failure> {
    let input = &bench.on_gpu.loaded.spec.input;
    let format = TensorFormat::new(input, Sampling::default());
    let precision = match bench.floats {
        Floats::F32 => Precision::Single,
        Floats::F16 => Precision::Half,
    };
    for batch in [1, 8, 32] {
        let frames = bench.clip.device.iter().cycle().take(batch);
        let mut held: Vec<Vec<DeviceBuffer>> = Vec::new();
        let mut pictures = Vec::new();
        for placed in frames {
            let frame = &placed.frame;
            let (buffers, planes) = frame.upload(gpu);
            held.push(buffers);
            let size = (frame.format.width as u32, frame.format.height as u32);
            let letterbox = Letterbox::new(size, (format.width, format.height), format.fit);
            pictures.push(frame.params(&planes, &letterbox));
        }
        let params = gpu.upload(bytes_of(&pictures));
        let samples = batch * 3 * (format.width * format.height) as usize;
        let tensor = DeviceBuffer::new(&gpu.context, samples * precision.bytes())?;
        let target = Target {
            tensor: tensor.pointer(),
            width: format.width,
            height: format.height,
            scale: format.affine.map(|a| a.scale),
            offset: format.affine.map(|a| a.offset),
            pad: f32::from(format.pad),
            reversed: u32::from(format.order == ChannelOrder::Bgr),
        };
        let launches = if bench.options.seconds < 1.0 {
            2
        } else {
            LAUNCHES
        };
        let launch = |times: usize| -> Result<(), Failure> {
            let kinds = Kinds {
                linear: true,
                textured: false,
            };
            for _ in 0..times {
                // SAFETY: all of it stays until the stream is waited for, below.
                unsafe {
                    let (stream, at) = (&gpu.stream, params.pointer());
                    let count = batch as u32;
                    (gpu.kernels).preprocess(stream, at, count, kinds, precision, &target)?;
                }
            }
            Ok(())
        };
        launch(launches)?;
        let (start, end) = (Event::timed(&gpu.context)?, Event::timed(&gpu.context)?);
        start.record(&gpu.stream)?;
        let launched = launch(launches);
        end.record(&gpu.stream)?;
        gpu.stream.synchronize()?;
        launched?;
        let micros = f64::from(end.since(&start)?) * 1e3;
        rows.push(PreprocessRow {
            model: bench.model.clone(),
            precision: bench.precision(),
            format: format!("NV12 {}×{}", bench.options.width, bench.options.height),
            batch,
            micros_a_frame: micros / (launches * batch) as f64,
        });
    }
    Ok("measured".into())
}
