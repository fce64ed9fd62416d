//! `engine=deepstream`: what DeepStream's elements found, in the network's place.
//!
//! Frames pass as they are, and [`Nvds`](super::nvds::Nvds) translates what is on them.

use crate::element::finder::{Entry, Finder, Mode, SharedThresholds};
use crate::element::session::{Frame, LIVE_CAPACITY, Lane};
use crate::replay::{Cursor, Position};
use std::sync::Arc;
use std::time::Duration;

/// Frames of a file that may wait to leave: enough to let both threads run.
const FILE_CAPACITY: usize = 4;

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

    fn start(
        &self,
        lane: &Arc<Lane>,
        _thresholds: &SharedThresholds,
        live: bool,
        _patience: Duration,
    ) -> Mode {
        lane.set_capacity(if live { LIVE_CAPACITY } else { FILE_CAPACITY });
        Mode {
            live,
            workers: 0,
            threads_per_worker: 0,
        }
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
