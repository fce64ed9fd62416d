//! The time of an update.

use gstvigiltrack::synthetic::time_per_frame;
use gstvigiltrack::track::{Algorithm, Config};
use std::fmt::Write;

const OBJECTS: [usize; 5] = [10, 50, 100, 500, 2000];
/// The best of so many runs counts: what else a machine does only makes it slower.
const RUNS: usize = 5;

/// Microseconds a frame, by algorithm and number of objects.
pub fn table(algorithms: &[Algorithm]) -> String {
    let mut text = format!("{:<12}", "µs a frame");
    for objects in OBJECTS {
        let _ = write!(text, "{objects:>10}");
    }
    for algorithm in algorithms {
        let _ = write!(text, "\n{:<12}", algorithm.name());
        for objects in OBJECTS {
            let time = (0..RUNS).filter_map(|_| {
                let mut tracker = Config::of(*algorithm).build().ok()?;
                let frames = if objects > 500 { 40 } else { 300 };
                Some(time_per_frame(&mut *tracker, objects, frames).as_nanos() as f64 / 1e3)
            });
            let _ = write!(text, "{:>10.2}", time.fold(f64::INFINITY, f64::min));
        }
    }
    text
}
