//! TensorRT, of each version that is served, on a fake of it: see `fake.rs`.
//!
//! The fake is compiled from declarations in the order of the slot tables, so a call by a wrong slot
//! ends the test; `abi.rs` compares these tables with TensorRT's own headers where they are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod abi;
mod build;
mod cache;
#[path = "../fake/mod.rs"]
mod cuda;
mod fake;
mod find;
mod model;
mod network;
mod plans;
mod real;
mod run;
mod whole;
