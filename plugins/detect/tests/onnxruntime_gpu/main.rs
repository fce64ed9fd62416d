//! `engine=onnxruntime-cuda` and `engine=onnxruntime-tensorrt` through the element, on a fake driver and
//! an ONNX Runtime whose providers for GPUs are fakes: what they find is what the CPU's engine finds, by
//! tensors that stay on the GPU, and what goes wrong is said.
//!
//! Each test is a process of its own: one ONNX Runtime serves a process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../nvidia/tests/fake/mod.rs"]
mod cuda;
mod fake;

mod faults;
mod real;
mod runs;

use gst::prelude::*;

const CUDA: &str = "onnxruntime-cuda";
const TENSORRT: &str = "onnxruntime-tensorrt";

/// The error of an element that cannot start with this model.
fn refusal(model: &common::models::ModelFile, properties: &[(&str, &str)]) -> String {
    let (element, bus) = common::element(Some(model), properties);
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = common::texts(&bus, gst::MessageType::Error);
    element.set_state(gst::State::Null).unwrap();
    errors.join("\n")
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
}
