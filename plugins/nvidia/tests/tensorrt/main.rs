//! TensorRT, of each version that is served, on a fake of it: see `fake.rs`.
//!
//! The fake is compiled from declarations in the order of the slot tables, so a call by a wrong slot
//! ends the test; `abi.rs` compares these tables with TensorRT's own headers where they are.

mod abi;
mod build;
mod cache;
#[path = "../fake/mod.rs"]
mod cuda;
mod fake;
mod find;
mod model;
mod plans;
mod real;
mod run;
