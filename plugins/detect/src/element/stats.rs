//! What the element counts.

use super::gpu::memory::Memory;
use crate::detector::Timings;
use std::time::{Duration, Instant};
use vigil_analytics::stats::Latencies;

/// Counters and histograms of one run from READY to PAUSED and back.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats {
    pub frames: u64,
    pub inferred: u64,
    pub objects: u64,
    /// Looks at objects of others of which something came.
    pub objects_inferred: u64,
    /// Objects of others that an earlier look was told of.
    pub objects_reused: u64,
    pub objects_too_small: u64,
    pub objects_over_limit: u64,
    pub skipped_interval: u64,
    pub skipped_still: u64,
    pub skipped_overload: u64,
    pub skipped_qos: u64,
    /// Frames of which no object had to be looked at.
    pub skipped_unneeded: u64,
    pub overdue: u64,
    pub failed: u64,
    /// Of looking for motion, on the streaming thread.
    pub motion: Latencies,
    pub preprocess: Latencies,
    pub inference: Latencies,
    pub decode: Latencies,
    /// From entering the element to leaving it, of inferred frames.
    pub latency: Latencies,
    /// Where frames are, from the caps on.
    pub memory: Memory,
    /// Whose CUDA context frames are in, of CUDA memory.
    pub context: Option<&'static str>,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Stats {
    /// Counts a frame that leaves the element.
    pub fn leaves(&mut self) {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.frames += 1;
    }

    /// Counts an inferred frame.
    pub fn inferred(&mut self, objects: usize, timings: Timings, latency: Duration) {
        self.inferred += 1;
        self.objects += objects as u64;
        self.preprocess.add(timings.preprocess);
        self.inference.add(timings.inference);
        self.decode.add(timings.decode);
        self.latency.add(latency);
    }

    /// Frames a second that left, since the first one.
    fn fps(&self) -> f64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) if last > first => {
                (self.frames - 1) as f64 / (last - first).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// Adds the fields of the second stage.
    pub fn add_objects_to(&self, structure: &mut gst::StructureRef) {
        structure.set("objects-inferred", self.objects_inferred);
        structure.set("objects-reused", self.objects_reused);
        structure.set("objects-too-small", self.objects_too_small);
        structure.set("objects-over-limit", self.objects_over_limit);
        structure.set("skipped-unneeded", self.skipped_unneeded);
    }

    /// Adds the fields to the structure of the property `stats`.
    pub fn add_to(&self, structure: &mut gst::StructureRef) {
        structure.set("memory", self.memory.as_str());
        if let Some(context) = self.context {
            structure.set("context", context);
        }
        structure.set("frames", self.frames);
        structure.set("inferred", self.inferred);
        structure.set("objects", self.objects);
        structure.set("skipped-interval", self.skipped_interval);
        structure.set("skipped-still", self.skipped_still);
        structure.set("skipped-overload", self.skipped_overload);
        structure.set("skipped-qos", self.skipped_qos);
        structure.set("overdue", self.overdue);
        structure.set("failed", self.failed);
        structure.set("fps", self.fps());
        for (name, latencies) in [
            ("motion", &self.motion),
            ("preprocess", &self.preprocess),
            ("inference", &self.inference),
            ("decode", &self.decode),
            ("latency", &self.latency),
        ] {
            for (p, percentile) in [("p50", 50.0), ("p95", 95.0), ("p99", 99.0)] {
                structure.set(
                    format!("{name}-{p}-ms"),
                    latencies.percentile_ms(percentile),
                );
            }
            structure.set(format!("{name}-max-ms"), latencies.max_ms());
        }
    }
}
