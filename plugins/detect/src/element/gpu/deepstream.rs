//! `engine=deepstream`: what DeepStream's elements found, in the network's place.
//!
//! Frames pass as they are, and [`Nvds`](super::nvds::Nvds) translates what is on them.

use crate::element::finder::{Entry, Finder, SharedThresholds};
use crate::element::session::Frame;
use crate::replay::{Cursor, Position};

/// Finds nothing itself.
pub(in crate::element) struct DeepStream;

impl Finder for DeepStream {
    fn engine(&self) -> &'static str {
        "deepstream"
    }

    fn reason(&self) -> &str {
        "deepstream: asked for; what nvinfer and nvtracker found"
    }

    fn summary(&self) -> String {
        "no model of its own".into()
    }

    fn labels(&self) -> &[String] {
        &[]
    }

    fn add_to(&self, _structure: &mut gst::StructureRef) {}

    fn refuses_gpu_memory(&self) -> Option<String> {
        None
    }

    fn enter(
        &self,
        _frame: &Frame,
        _position: Position,
        _cursor: &mut Cursor,
        _thresholds: &SharedThresholds,
    ) -> Entry {
        Entry::Pass
    }
}
