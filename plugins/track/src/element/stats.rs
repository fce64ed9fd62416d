//! What the element counts.

use crate::track::Counts;
use crate::visual;
use vigil_analytics::stats::Latencies;

/// Counters of one run from READY to PAUSED and back.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats {
    /// Buffers on which a detector had looked.
    pub inferred: u64,
    /// Buffers on which none had looked.
    pub skipped: u64,
    /// Time of an update, from reading the buffer's objects to writing their tracks.
    pub update: Latencies,
    pub tracks: Counts,
    /// What became of predicted boxes.
    pub visual: visual::Counts,
}

impl Stats {
    /// The property `stats`, with the time that reading frames took.
    pub fn to_structure(&self, sight: &Latencies) -> gst::Structure {
        let us = |p: f64| self.update.percentile_ms(p) * 1e3;
        gst::Structure::builder("vigiltrack-stats")
            .field("frames", self.inferred + self.skipped)
            .field("inferred", self.inferred)
            .field("skipped", self.skipped)
            .field("tracks-active", self.tracks.active as u64)
            .field("tracks-lost", self.tracks.lost as u64)
            .field("tracks-total", self.tracks.total)
            .field("update-p50-us", us(50.0))
            .field("update-p95-us", us(95.0))
            .field("update-p99-us", us(99.0))
            .field("update-max-us", self.update.max_ms() * 1e3)
            .field("visual-corrected", self.visual.corrected)
            .field("visual-refused", self.visual.refused)
            .field("visual-deferred", self.visual.deferred)
            .field("visual-p50-us", sight.percentile_ms(50.0) * 1e3)
            .field("visual-p95-us", sight.percentile_ms(95.0) * 1e3)
            .field("visual-p99-us", sight.percentile_ms(99.0) * 1e3)
            .field("visual-max-us", sight.max_ms() * 1e3)
            .build()
    }
}
