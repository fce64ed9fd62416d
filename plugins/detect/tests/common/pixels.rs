//! A model that a fake of TensorRT computes too, and pictures for it.

use super::models::ModelFile;
use super::onnx::Graph;

/// Side of the model's input.
const SIDE: usize = 32;

/// A model whose boxes are its pixels: six in a row are a box.
///
/// | pixel | 0, 1 | 2, 3 | 4 | 5 |
/// |---|---|---|---|---|
/// | means | left, top: 0 to 24 | right, bottom: 8 to 32 | score | class 0 or 1 |
///
/// So a sample that is off by one level anywhere makes another box.
pub fn pixels(batch: &str) -> ModelFile {
    let mut graph = Graph::new();
    let side = SIDE.to_string();
    let images = graph.input("images", &format!("{batch},3,{side},{side}"));
    let shape = graph.ints(&[if batch == "1" { 1 } else { -1 }, 512, 6]);
    let rows = graph.node("Reshape", &[&images, &shape], &[]);
    let gain = graph.floats(&[1, 1, 6], &[24.0, 24.0, 24.0, 24.0, 1.0, 1.4]);
    let offset = graph.floats(&[1, 1, 6], &[0.0, 0.0, 8.0, 8.0, 0.0, 0.0]);
    let scaled = graph.node("Mul", &[&rows, &gain], &[]);
    let boxes = graph.node("Add", &[&scaled, &offset], &[]);
    graph.output(&boxes, "output0", &format!("{batch},512,6"));
    graph.metadata("names", "{0: 'dark', 1: 'bright'}");
    ModelFile::of(graph)
}

/// A frame of noise of its own.
pub fn noise(info: &gst_video::VideoInfo, number: u32) -> gst::Buffer {
    let mut state = 0x9e37_79b9u32.wrapping_mul(number + 1);
    let mut level = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    let samples: Vec<u8> = (0..info.size()).map(|_| level()).collect();
    gst::Buffer::from_mut_slice(samples)
}
