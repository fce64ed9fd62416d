//! Once its buffers have grown, a tracker allocates nothing, and neither does following by sight.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use gstvigiltrack::geometry::Rect;
use gstvigiltrack::synthetic::Scene;
use gstvigiltrack::track::{Algorithm, Config, Detection, TrackedObject};
use gstvigiltrack::visual::Follower;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use vigil_analytics::frame::{Colorimetry, FrameFormat, FrameView, PixelFormat, Plane};

/// The system's allocator, which counts what this thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_scene_that_was_seen_before_allocates_nothing() {
    let frames: Vec<Vec<_>> = {
        let mut scene = Scene::new(100, 5);
        let mut next = || {
            let mut frame = Vec::new();
            scene.next_frame(&mut frame);
            frame
        };
        (0..150).map(|_| next()).collect()
    };
    for algorithm in Algorithm::ALL {
        let mut tracker = Config::of(algorithm).build().unwrap();
        let (mut out, mut ended) = (Vec::new(), Vec::new());
        let mut time = 0;
        let mut allocations = [0; 3];
        for count in &mut allocations {
            let before = ALLOCATIONS.with(Cell::get);
            for detections in &frames {
                time += 33_000_000;
                tracker.update(time, detections, &mut out);
                tracker.take_ended(&mut ended);
                time += 33_000_000;
                tracker.coast(time, &mut out);
            }
            tracker.end_all();
            tracker.take_ended(&mut ended);
            *count = ALLOCATIONS.with(Cell::get) - before;
        }
        assert!(allocations[0] > 0, "the counter counts");
        assert_eq!(allocations[2], 0, "{algorithm:?}");
    }
}

#[test]
fn following_by_sight_allocates_for_new_objects_only() {
    let format = FrameFormat {
        pixels: PixelFormat::Gray8,
        width: 640,
        height: 480,
        colorimetry: Colorimetry::default(),
    };
    let data: Vec<u8> = (0..640 * 480u32)
        .map(|i| (i.wrapping_mul(i) % 251) as u8)
        .collect();
    let plane = Plane {
        data: &data,
        stride: 640,
    };
    let frame = FrameView::new(format, [plane; 3]).unwrap();
    let detections: Vec<_> = (0..100)
        .map(|i| Detection {
            bbox: Rect::new((i % 10 * 60) as f32, (i / 10 * 45) as f32, 30.0, 40.0),
            score: 0.9,
            class: 0,
        })
        .collect();
    let tracked: Vec<_> = (0..100)
        .map(|i| TrackedObject {
            id: i as u64 + 1,
            class: 0,
            score: 0.9,
            bbox: detections[i].bbox,
            detection: Some(i),
            first_seen: 0,
            last_seen: 0,
        })
        .collect();
    let mut follower = Follower::default();
    let mut objects = Vec::with_capacity(100);
    let mut allocations = [0; 3];
    let mut time = 0;
    for count in &mut allocations {
        let before = ALLOCATIONS.with(Cell::get);
        for number in 0..12 {
            time += 40_000_000;
            objects.clear();
            objects.extend_from_slice(&tracked);
            if number % 3 > 0 {
                follower.coast(&frame, time, &mut objects);
                continue;
            }
            follower.hint(&frame, time, &mut objects);
            follower.learn(&frame, time, &tracked, &detections);
        }
        follower.forget();
        *count = ALLOCATIONS.with(Cell::get) - before;
    }
    assert!(allocations[0] > 0, "it learned");
    assert_eq!(allocations[1..], [0, 0]);
    assert!(follower.counts().corrected > 0);
}
