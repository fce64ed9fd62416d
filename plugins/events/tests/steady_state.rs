//! The rule engine as a library: while nothing happens, a frame costs no allocation.

use gstvigilevents::rules::{Engine, Frame, Observation, Rules};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Instant;
use vigil_analytics::BBox;

thread_local! {
    /// Allocations of this thread.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is also that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` by `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RULES: &str = r#"
    [[object]]
    name = "all"
    [[zone]]
    name = "a"
    polygon = [[0.1, 0.1], [0.6, 0.2], [0.5, 0.9], [0.2, 0.7]]
    [[zone]]
    name = "b"
    labels = ["person"]
    polygon = [[0.5, 0.5], [0.9, 0.5], [0.9, 0.9], [0.7, 0.6], [0.5, 0.9]]
    [[line]]
    name = "gate"
    from = [0, 0.5]
    to = [1, 0.55]
"#;

/// `n` objects all over the frame, each trembling by a fraction of a pixel.
fn objects(n: u64, frame: u64, out: &mut Vec<Observation>) {
    out.clear();
    out.extend((0..n).map(|track| {
        let tremble = ((track + frame) % 3) as f32 * 0.01;
        Observation {
            track,
            label: "person",
            confidence: 0.9,
            bbox: BBox {
                x: (track * 37 % 1900) as f32 + tremble,
                y: (track * 91 % 900) as f32,
                w: 20.0,
                h: 60.0,
            },
            first_seen: 0,
            coasted: false,
            lost: false,
        }
    }));
}

#[test]
fn frames_on_which_nothing_happens_allocate_nothing() {
    for n in [10, 100, 500] {
        let mut engine = Engine::new(Rules::from_toml(RULES, "rules").unwrap());
        let (mut seen, mut happened) = (Vec::new(), Vec::new());
        let mut run = |frames: std::ops::Range<u64>| {
            happened.clear();
            let before = ALLOCATIONS.with(Cell::get);
            let began = Instant::now();
            for frame in frames {
                objects(n, frame, &mut seen);
                let frame = Frame {
                    time: frame * 40_000_000,
                    width: 1920,
                    height: 1080,
                    looked: true,
                };
                engine.process(&frame, &seen, &mut happened);
            }
            (
                happened.len(),
                ALLOCATIONS.with(Cell::get) - before,
                began.elapsed(),
            )
        };
        let (events, ..) = run(0..100);
        assert!(events >= n as usize, "each object appears");
        let (events, allocations, time) = run(100..1100);
        assert_eq!((events, allocations), (0, 0), "{n} objects");
        println!(
            "{n} objects, 4 rules: {:.1} µs per frame",
            time.as_secs_f64() * 1e3
        );
    }
}
