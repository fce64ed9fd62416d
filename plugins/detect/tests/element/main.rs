//! The element through its pads, its properties and its bus.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[path = "../common/mod.rs"]
mod common;

mod batch;
mod downstream;
mod flush;
mod formats;
mod live;
mod modes;
mod motion;
mod objects;
mod order;
mod properties;
mod refusals;
mod replay;
mod shared;
mod states;
mod tasks;
mod views;
