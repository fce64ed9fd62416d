//! Once its buffers have grown, a tracker allocates nothing.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use gstvigiltrack::synthetic::Scene;
use gstvigiltrack::track::{Algorithm, Config};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

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
