//! `engine=tensorrt` through the element, on a fake driver and a fake TensorRT: what it finds is what
//! the CPU's engine finds, and what goes wrong is said.
//!
//! Each test is a process of its own: the engine keeps one TensorRT for a process.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../nvidia/tests/fake/mod.rs"]
mod cuda;
#[path = "../../../nvidia/tests/tensorrt/fake.rs"]
mod fake;

mod boxes;
mod faults;

use common::models::ModelFile;
use common::onnx::Graph;
use fake::Fake;
use vigil_nvidia::tensorrt::abi::Family;

/// Side of the model's input.
const SIDE: usize = 32;

/// A model whose boxes are its pixels: six in a row are a box.
///
/// | pixel | 0, 1 | 2, 3 | 4 | 5 |
/// |---|---|---|---|---|
/// | means | left, top: 0 to 24 | right, bottom: 8 to 32 | score | class 0 or 1 |
///
/// So a sample that is off by one level anywhere makes another box.
fn pixels(batch: &str) -> ModelFile {
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

/// A process with a fake TensorRT of this version, as if it were installed. Drop what uses it before.
fn installed(family: Family, faults: &str) -> Fake {
    let fake = Fake::new(family, faults);
    let cache = fake.folder().join("cache");
    let variables = [
        ("VIGIL_CUDA", fake.cuda.path().to_path_buf()),
        ("VIGIL_TENSORRT", fake.folder().to_path_buf()),
        ("VIGIL_CACHE", cache),
    ];
    for (name, value) in variables {
        // SAFETY: the test has no other threads yet.
        unsafe { std::env::set_var(name, value) };
    }
    fake
}

/// A frame of noise of its own.
fn noise(info: &gst_video::VideoInfo, number: u32) -> gst::Buffer {
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
