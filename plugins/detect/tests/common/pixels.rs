//! A model that a fake of TensorRT computes too, and pictures for it.

use super::models::ModelFile;
use super::onnx::{Attribute, Graph};

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
    pixels_of(batch, SIDE)
}

/// The same with an input of this side.
pub fn pixels_of(batch: &str, side: usize) -> ModelFile {
    let mut graph = Graph::new();
    let rows = side * side / 2;
    let side = side.to_string();
    let images = graph.input("images", &format!("{batch},3,{side},{side}"));
    let shape = graph.ints(&[if batch == "1" { 1 } else { -1 }, rows as i64, 6]);
    let reshaped = graph.node("Reshape", &[&images, &shape], &[]);
    let gain = graph.floats(&[1, 1, 6], &[24.0, 24.0, 24.0, 24.0, 1.0, 1.4]);
    let offset = graph.floats(&[1, 1, 6], &[0.0, 0.0, 8.0, 8.0, 0.0, 0.0]);
    let scaled = graph.node("Mul", &[&reshaped, &gain], &[]);
    let boxes = graph.node("Add", &[&scaled, &offset], &[]);
    graph.output(&boxes, "output0", &format!("{batch},{rows},6"));
    graph.metadata("names", "{0: 'dark', 1: 'bright'}");
    ModelFile::of(graph)
}

/// A DETR-like model, whose boxes and scores are its pixels too, four in a row: boxes by the size that it is
/// told beside the picture, in `orig_target_sizes`.
pub fn queries(batch: &str) -> ModelFile {
    let mut graph = Graph::new();
    let side = SIDE.to_string();
    let rows = SIDE * SIDE * 3 / 4;
    let images = graph.input("images", &format!("{batch},3,{side},{side}"));
    let sizes = graph.input_of_i64("orig_target_sizes", &format!("{batch},2"));
    let pictures = if batch == "1" { 1 } else { -1 };
    let mut reshaped = |from: &str, axes: &[i64]| {
        let shape = graph.ints(&[&[pictures], axes].concat());
        graph.node("Reshape", &[from, &shape], &[])
    };
    let [pairs, samples] =
        [&[rows as i64, 2, 2][..], &[rows as i64, 4]].map(|a| reshaped(&images, a));
    let sizes = graph.node("Cast", &[&sizes], &[Attribute::Int("to", 1)]);
    let shape = graph.ints(&[pictures, 1, 1, 2]);
    let sizes = graph.node("Reshape", &[&sizes, &shape], &[]);
    let scaled = graph.node("Mul", &[&pairs, &sizes], &[]);
    // Middles from 0.1 to 0.9, sides from 0.05 to 0.25, when the size is divided out again.
    let unit = 1.0 / SIDE as f32;
    let gain = [0.8 * unit, 0.8 * unit, 0.2 * unit, 0.2 * unit];
    let gain = graph.floats(&[1, 1, 2, 2], &gain);
    let offset = graph.floats(&[1, 1, 2, 2], &[0.1, 0.1, 0.05, 0.05]);
    let scaled = graph.node("Mul", &[&scaled, &gain], &[]);
    let boxes = graph.node("Add", &[&scaled, &offset], &[]);
    let shape = graph.ints(&[pictures, rows as i64, 4]);
    let boxes = graph.node("Reshape", &[&boxes, &shape], &[]);
    graph.output(&boxes, "pred_boxes", &format!("{batch},{rows},4"));
    let gain = graph.floats(&[1, 1, 4], &[8.0, 7.5, 7.0, 6.5]);
    let offset = graph.floats(&[1, 1, 4], &[-4.0; 4]);
    let scaled = graph.node("Mul", &[&samples, &gain], &[]);
    let logits = graph.node("Add", &[&scaled, &offset], &[]);
    graph.output(&logits, "logits", &format!("{batch},{rows},4"));
    graph.metadata("names", "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}");
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
