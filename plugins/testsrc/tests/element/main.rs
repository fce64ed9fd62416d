//! The element through its public surface.

#[path = "../common/mod.rs"]
mod common;

mod formats;
mod live;
mod properties;
mod seeking;
mod states;
mod truth;
