//! The element through its pads.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

#[path = "../common/mod.rs"]
mod common;
mod cuts;
mod looks;
mod settings;
mod unusual;

use vigil_analytics::objects;

const FRAME_MS: u64 = 40;

/// Ids of the tracks on a buffer, by object.
fn ids(buffer: &gst::Buffer) -> Vec<Option<u64>> {
    let (_, objects) = common::read(buffer);
    objects
        .iter()
        .map(|object| object.track.map(|track| track.id))
        .collect()
}

/// Ids of the tracks that a buffer says were given up.
fn lost(buffer: &gst::Buffer) -> Vec<u64> {
    let mut lost = Vec::new();
    objects::read_lost(buffer, &mut lost);
    lost.iter().map(|track| track.id).collect()
}
