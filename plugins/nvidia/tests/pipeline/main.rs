//! The pipeline on a driver without a GPU, with a network whose answer tells which picture it saw.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod batches;
#[path = "../fake/mod.rs"]
mod fake;
mod faults;
mod memory;
mod teller;
