//! What the element counts.

use std::time::{Duration, Instant};
use vigil_analytics::stats::Latencies;

/// Counters and histograms of one run from READY to PAUSED and back.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats {
    pub frames: u64,
    /// Frames that were too late to be drawn.
    pub dropped: u64,
    /// Visible objects on all frames.
    pub objects: u64,
    /// Frames whose truth did not get into the file, since the disk was too slow.
    pub truth_lost: u64,
    pub render: Latencies,
    pub convert: Latencies,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Stats {
    /// Counts a frame that is made.
    pub fn made(&mut self, objects: usize, render: Duration, convert: Duration) {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.frames += 1;
        self.objects += objects as u64;
        self.render.add(render);
        self.convert.add(convert);
    }

    /// Frames a second, since the first one.
    fn fps(&self) -> f64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) if last > first => {
                (self.frames - 1) as f64 / (last - first).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// The property `stats`.
    pub fn to_structure(&self) -> gst::Structure {
        let mut structure = gst::Structure::builder("vigiltestsrc-stats")
            .field("frames", self.frames)
            .field("dropped", self.dropped)
            .field("objects", self.objects)
            .field("truth-lost", self.truth_lost)
            .field("fps", self.fps())
            .build();
        for (name, latencies) in [("render", &self.render), ("convert", &self.convert)] {
            for (p, percentile) in [("p50", 50.0), ("p95", 95.0), ("p99", 99.0)] {
                let ms = latencies.percentile_ms(percentile);
                structure.set(format!("{name}-{p}-ms"), ms);
            }
            structure.set(format!("{name}-max-ms"), latencies.max_ms());
        }
        structure
    }
}
