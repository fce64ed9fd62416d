//! The element through its public surface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[path = "../common/mod.rs"]
mod common;

mod formats;
mod live;
mod properties;
mod seeking;
mod states;
mod truth;
