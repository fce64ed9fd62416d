//! Once its buffers have grown, the tracker allocates nothing.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use gstvigiltrack::bytetrack::{ByteTrack, Config};
use gstvigiltrack::synthetic::Scene;
use gstvigiltrack::tracker::Tracker;
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
    let mut tracker = ByteTrack::new(Config::default()).unwrap();
    let frames: Vec<Vec<_>> = {
        let mut scene = Scene::new(100, 5);
        let mut next = || {
            let mut frame = Vec::new();
            scene.next_frame(&mut frame);
            frame
        };
        (0..150).map(|_| next()).collect()
    };
    let mut out = Vec::new();
    let mut time = 0;
    let mut allocations = [0; 2];
    for count in &mut allocations {
        let before = ALLOCATIONS.with(Cell::get);
        for detections in &frames {
            time += 33_000_000;
            tracker.update(time, detections, &mut out);
            time += 33_000_000;
            tracker.coast(time, &mut out);
        }
        *count = ALLOCATIONS.with(Cell::get) - before;
        tracker.end_all();
    }
    assert!(allocations[0] > 0, "the counter counts");
    assert_eq!(allocations[1], 0);
}
