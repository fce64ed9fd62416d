//! GStreamer's own `onnxinference`.
//!
//! It takes RGB of the model's size only, and a model whose metadata name each output's tensor for
//! the decoders: the run is on a copy of the model with such an entry. It takes ONNX Runtime's own
//! number of threads, one for each core.

use super::super::cpu::steady;
use super::super::detector::Job;
use std::error::Error;
use vigil_tests::pipeline::Pipeline;

/// Frames of a run: it is slow enough for these to do.
const FRAMES: u64 = 200;

/// Frames a second from the first frame that leaves to the last.
pub fn run(job: &Job, size: u32) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("named.onnx");
    let mut bytes = std::fs::read(job.model)?;
    bytes.extend(metadata("output0", "yolo-v8-out"));
    std::fs::write(&model, bytes)?;
    let pipeline = Pipeline::parse(&format!(
        "filesrc location=\"{}\" ! decodebin3 ! videoconvertscale add-borders=true ! \
         video/x-raw,format=RGB,width={size},height={size},pixel-aspect-ratio=1/1 ! \
         onnxinference name=detect model-file=\"{}\" input-image-format=chw \
         input-tensor-scale=255 optimization-level=enable-all ! fakesink name=out sync=false",
        job.video.display(),
        model.display(),
    ))?;
    pipeline.end_after("detect", FRAMES);
    Ok(steady(&pipeline, 0)?.0)
}

/// An entry of `metadata_props` (field 14 of ONNX' `ModelProto`), to be put at the end of the file:
/// a message in several pieces is the sum of them.
fn metadata(key: &str, value: &str) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let mut bytes = vec![number << 3 | 2, content.len() as u8];
        bytes.extend(content);
        bytes
    };
    let entry = [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
    field(14, &entry)
}
