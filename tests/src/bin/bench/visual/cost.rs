//! What following by sight costs for each object.

use super::super::cost::Planes;
use super::super::table::{Table, median};
use gstvigiltrack::geometry::Rect;
use gstvigiltrack::track::{Detection, TrackedObject};
use gstvigiltrack::visual::Follower;
use std::hint::black_box;
use std::time::Instant;
use vigil_analytics::frame::PixelFormat;

const OBJECTS: usize = 20;
const FRAMES: u64 = 50;

/// Microseconds for an object of this size on a skipped frame, and on one that is looked at: to
/// be found for the association, and to be learned.
pub fn cost(repeat: usize) -> Table {
    let mut table = Table::new(
        "visual-cost",
        "vigiltrack's visual on 1920x1080, one thread: us for an object",
        &["skipped frame", "looked at"],
    );
    for pixels in [PixelFormat::I420, PixelFormat::Yuy2, PixelFormat::Rgb] {
        for (width, height) in [(16.0, 32.0), (40.0, 100.0), (300.0, 600.0)] {
            let [mut skipped, mut looked] = [Vec::new(), Vec::new()];
            for _ in 0..repeat.max(1) * 3 {
                let times = times(pixels, width, height);
                skipped.push(times[0]);
                looked.push(times[1]);
            }
            let name = format!("{pixels:?}, {width}x{height}");
            table.row(name, &[median(skipped), median(looked)]);
        }
    }
    table
}

fn times(pixels: PixelFormat, width: f32, height: f32) -> [f64; 2] {
    let planes = Planes::new(pixels, 1920, 1080);
    let view = planes.view();
    let place = |i: usize| {
        Rect::new(
            20.0 + 80.0 * i as f32,
            200.0 + 9.0 * i as f32,
            width,
            height,
        )
    };
    let detections: Vec<_> = (0..OBJECTS)
        .map(|i| Detection {
            bbox: place(i),
            score: 0.9,
            class: 0,
        })
        .collect();
    let tracked: Vec<_> = (0..OBJECTS)
        .map(|i| TrackedObject {
            id: i as u64 + 1,
            class: 0,
            score: 0.9,
            bbox: place(i),
            detection: Some(i),
            first_seen: 0,
            last_seen: 0,
        })
        .collect();
    let mut follower = Follower::default();
    let mut objects = Vec::new();
    let mut seconds = [0.0; 2];
    for number in 0..FRAMES {
        let time = number * 40_000_000;
        objects.clone_from(&tracked);
        let started = Instant::now();
        follower.coast(black_box(&view), time, &mut objects);
        // The first one is before anything was learned.
        if number > 0 {
            seconds[0] += started.elapsed().as_secs_f64();
        }
        objects.clone_from(&tracked);
        let started = Instant::now();
        follower.hint(black_box(&view), time + 20_000_000, &mut objects);
        follower.learn(&view, time + 20_000_000, &tracked, &detections);
        if number > 0 {
            seconds[1] += started.elapsed().as_secs_f64();
        }
    }
    seconds.map(|seconds| seconds * 1e6 / (OBJECTS as u64 * (FRAMES - 1)) as f64)
}
