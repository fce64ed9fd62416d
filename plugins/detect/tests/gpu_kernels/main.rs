//! The GPU's kernels, compiled for the host, against the CPU's preprocessing and decoding. What is
//! compared is in `checks`, which runs on a real GPU too (`tests/gpu`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[allow(dead_code, reason = "tests/gpu uses the rest of it")]
mod checks;

#[path = "../../../nvidia/tests/fake/mod.rs"]
mod fake;

use checks::Gpu;
use checks::numbers::{half, to_half};

/// Runs a check on a GPU that is none.
fn on_fake(check: fn(&Gpu)) {
    let cuda = fake::Cuda::new("capability=53");
    check(&Gpu::new(&cuda.context()));
}

#[test]
fn frames_of_each_format_become_the_tensor_that_the_cpu_makes() {
    on_fake(checks::preprocess::frames_of_each_format_become_the_tensor_that_the_cpu_makes);
}

#[test]
fn arrays_are_read_through_textures_beside_frames_that_are_not() {
    on_fake(checks::preprocess::arrays_are_read_through_textures_beside_frames_that_are_not);
}

#[test]
fn the_same_boxes_come_out_of_each_layout() {
    on_fake(checks::decode::the_same_boxes_come_out_of_each_layout);
}

#[test]
fn thousands_of_candidates_that_tie_are_sorted_and_suppressed_alike() {
    on_fake(checks::decode::thousands_of_candidates_that_tie_are_sorted_and_suppressed_alike);
}

#[test]
fn each_class_has_its_own_threshold() {
    on_fake(checks::decode::each_class_has_its_own_threshold);
}

#[test]
fn halves_are_converted_both_ways() {
    for bits in (0..0x7c00).chain([0x7c00, 0x8000, 0xbc00, 0xfc00]) {
        assert_eq!(to_half(half(bits)), bits);
    }
    let between = (half(0x3c00) + half(0x3c01)) / 2.0;
    assert_eq!(
        (to_half(between), to_half(between * 1.0001)),
        (0x3c00, 0x3c01)
    );
    assert_eq!((to_half(65519.0), to_half(65520.0)), (0x7bff, 0x7c00));
}
