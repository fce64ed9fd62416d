//! `engine=tensorrt` through the element, on a fake driver and a fake TensorRT: what it finds is what
//! the CPU's engine finds, and what goes wrong is said.
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
#[path = "../../../nvidia/tests/tensorrt/fake.rs"]
mod fake;

mod boxes;
mod faults;
mod plans;

use common::pixels::{noise, pixels, pixels_of};
use fake::Fake;
use vigil_nvidia::tensorrt::abi::Family;

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
