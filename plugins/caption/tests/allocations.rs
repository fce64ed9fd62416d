//! What the streaming thread asks of the allocator, frame by frame.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

use gst::prelude::*;
use gst_check::Harness;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use vigil_analytics::objects::{self, BBox, Detection, Object, Track};

thread_local! {
    /// Allocations of this thread, and their bytes.
    static ASKED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: usize) {
    ASKED.with(|asked| {
        let (n, sum) = asked.get();
        asked.set((n + 1, sum + bytes as u64));
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CAPS: &str = "video/x-raw,format=NV12,width=1280,height=720,framerate=25/1";
const BYTES: usize = 1280 * 720 * 3 / 2;

/// A frame with an object of this track on it.
fn frame(n: u64, track: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![90u8; BYTES]);
    let frame = buffer.get_mut().unwrap();
    let pts = n * 40 * gst::ClockTime::MSECOND;
    frame.set_pts(pts);
    let detection = Detection {
        label: gst::glib::Quark::from_str("person"),
        bbox: BBox {
            x: 500.0,
            y: 200.0,
            w: 100.0,
            h: 300.0,
        },
        confidence: 0.9,
    };
    objects::write_detections(frame, &[detection]).unwrap();
    let mut found: Vec<Object> = Vec::new();
    objects::read(frame, &mut found);
    let track = Track {
        id: track,
        first_seen: gst::ClockTime::ZERO,
        last_seen: pts,
        lost: false,
    };
    let tracks: Vec<_> = found.iter().map(|object| (object.id, track)).collect();
    objects::write_tracks(frame, &tracks).unwrap();
    buffer
}

/// Allocations and bytes of each of the last `frames` frames, on the average, after as many before
/// them; and how many pictures were taken.
fn run(properties: &[(&str, &str)], frames: u64, track: impl Fn(u64) -> u64) -> (f64, f64, u64) {
    gst::init().unwrap();
    gstvigilcaption::plugin_register_static().unwrap();
    let element = gst::ElementFactory::make("vigilcaption")
        // Nobody is there: what is asked for is given up.
        .property("base-url", "http://127.0.0.1:1/v1")
        .build()
        .unwrap();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str(CAPS);
    let mut total = (0, 0);
    for n in 0..frames * 2 {
        let frame = frame(n, track(n));
        let before = ASKED.with(Cell::get);
        harness.push(frame).unwrap();
        let after = ASKED.with(Cell::get);
        harness.pull().unwrap();
        if n >= frames {
            total.0 += after.0 - before.0;
            total.1 += after.1 - before.1;
        }
    }
    let stats: gst::Structure = element.property("stats");
    let per_frame = |n: u64| n as f64 / frames as f64;
    (
        per_frame(total.0),
        per_frame(total.1),
        stats.get("frames-taken").unwrap(),
    )
}

#[test]
fn frames_that_nobody_asks_about_allocate_nothing() {
    let never = ("track-age", "3600000000000");
    for trigger in [
        "manual",
        "new-track+track-end+event+manual",
        "new-track+scene-change",
    ] {
        let (allocations, ..) = run(&[("trigger", trigger), never], 100, |_| 7);
        assert_eq!(allocations, 0.0, "{trigger}");
    }
}

#[test]
fn pictures_are_made_in_the_memory_of_those_that_are_gone() {
    let window = [
        ("trigger", "manual"),
        ("window", "20000000000"),
        ("sample-fps", "30"),
        ("max-images", "8"),
    ];
    let crops = [
        ("trigger", "new-track"),
        ("track-age", "3600000000000"),
        ("view", "both"),
    ];
    // Each picture has 448 x 252 pixels, 170 KB; what is left are the words about it.
    let (_, bytes, taken) = run(&window, 100, |_| 7);
    assert!(taken == 200 && bytes < 2000.0, "{taken} {bytes}");
    let (_, bytes, taken) = run(&crops, 100, |n| n);
    assert!(taken == 200 && bytes < 3000.0, "{taken} {bytes}");
}
