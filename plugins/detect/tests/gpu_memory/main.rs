//! Frames in a GPU's memory through the element, on fakes of the driver, of TensorRT and of DeepStream's
//! libraries, and on GStreamer's own CUDA elements where they are installed.
//!
//! Each test is a process of its own: the engine keeps one TensorRT for a process.

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
#[path = "../../../nvidia/tests/fake/gst.rs"]
mod fake_gst;
#[path = "../../../nvidia/tests/fake/nvds.rs"]
mod fake_nvds;
#[path = "../../../nvidia/tests/common/surfaces.rs"]
mod surfaces;
#[path = "../../../nvidia/tests/tensorrt/fake.rs"]
mod tensorrt;

mod build;
mod caps;
mod cuda_memory;
mod nvds;
mod nvmm;

use common::Rig;
use common::models::ModelFile;
// As the fakes know each other.
use cuda as fake;
use cuda::Cuda;
use gst::prelude::*;
use std::path::Path;
use tensorrt::Fake;
use vigil_analytics::objects::Object;
use vigil_nvidia::tensorrt::abi::Family;

/// A process with a driver and TensorRT, as if they were installed. Drop what uses them before.
fn installed() -> Fake {
    installed_on(Cuda::new(""))
}

fn installed_on(cuda: Cuda) -> Fake {
    let fake = Fake::on(cuda, Family::V10, "");
    set("VIGIL_CUDA", &fake.cuda.path());
    set("VIGIL_TENSORRT", fake.folder());
    set("VIGIL_CACHE", &fake.folder().join("cache"));
    common::init();
    fake
}

/// Sets a variable of the process's environment.
fn set(name: &str, value: &Path) {
    // SAFETY: the test has no other threads yet.
    unsafe { std::env::set_var(name, value) };
}

/// An element on TensorRT that has no stream yet.
fn rig(model: &ModelFile, more: &[(&str, &str)]) -> Rig {
    let properties = [("engine", "tensorrt"), ("confidence-threshold", "0.7")];
    let properties: Vec<_> = properties.iter().chain(more).copied().collect();
    Rig::new(model, &properties)
}

/// Whether these are the same objects.
#[track_caller]
fn assert_same(found: &[Object], expected: &[Object], what: &str) {
    assert!(expected.len() > 3, "{what}: {expected:?}");
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let a = (found.label, found.bbox, found.confidence);
        let b = (expected.label, expected.bbox, expected.confidence);
        assert_eq!(a, b, "{what}");
    }
}

/// Waits for an error, and tells what it says.
fn error_of(rig: &Rig) -> String {
    let message = rig
        .bus
        .timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Error]);
    match message.unwrap().view() {
        gst::MessageView::Error(error) => error.error().to_string(),
        _ => unreachable!(),
    }
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
}

/// The element goes to NULL before what it worked on goes.
fn end(rig: Rig) {
    rig.element.set_state(gst::State::Null).unwrap();
}
