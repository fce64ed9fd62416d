//! Several frames in one run of the model.

use crate::common::models::Tiny;
use crate::common::{self, Rig, brightness};
use std::thread;
use vigil_analytics::objects::Look;

fn open() -> Tiny {
    Tiny {
        batch: "N",
        work: 20,
        ..Tiny::default()
    }
}

fn per_run(rig: &Rig) -> f64 {
    rig.stats().get("frames-per-run").unwrap()
}

#[test]
fn a_file_fills_batches_and_each_frame_keeps_its_result_and_its_place() {
    // property, what the file says, frames in a run: a divisor of 60
    let table = [
        ("4", "N", 4),
        ("3", "3", 3),
        ("0", "3", 3),
        ("2", "3", 2),
        ("0", "N", 1),
    ];
    for (batch, pictures, expected) in table {
        let tiny = Tiny {
            batch: pictures,
            ..open()
        };
        let file = tiny.file();
        let properties = [
            ("threads", "2"),
            ("batch-size", batch),
            ("batch-timeout", "10000000000"),
        ];
        let mut rig = Rig::new(&file, &properties);
        let values = || (0..60u8).map(|i| 140 + (i * 4) % 110);
        for value in values() {
            rig.push(value);
        }
        // All batches are full, so none has to wait to the end of its patience.
        let frames = rig.log.frames(60);
        for ((i, seen), value) in (0..).zip(&frames).zip(values()) {
            assert_eq!(seen.index(), i);
            seen.assert_answer(brightness(value), (64, 64));
        }
        assert_eq!(rig.stats().get::<u32>("batch-size"), Ok(expected as u32));
        assert_eq!(
            per_run(&rig),
            expected as f64,
            "batch-size={batch} of {pictures}"
        );
    }
}

#[test]
fn frames_of_several_streams_go_together_and_come_back_to_their_own() {
    let file = open().file();
    let properties = [
        ("threads", "1"),
        ("batch-size", "4"),
        ("batch-timeout", "20000000"),
    ];
    thread::scope(|scope| {
        for i in 0..4u8 {
            let file = &file;
            scope.spawn(move || {
                let mut rig = Rig::new(file, &properties);
                let values = || (0..50).map(|frame| 140 + (frame + i * 50) % 110);
                for value in values() {
                    rig.push(value);
                }
                let frames = common::frames(&rig.eos());
                assert_eq!(frames.len(), 50);
                for ((index, seen), value) in (0..).zip(&frames).zip(values()) {
                    assert_eq!(seen.index(), index);
                    seen.assert_answer(brightness(value), (64, 64));
                }
                assert!(per_run(&rig) > 1.0, "{}", per_run(&rig));
            });
        }
    });
}

#[test]
fn a_damaged_frame_costs_the_others_of_its_batch_nothing() {
    let file = open().file();
    let properties = [
        ("threads", "1"),
        ("batch-size", "3"),
        ("batch-timeout", "50000000"),
    ];
    let mut rig = Rig::new(&file, &properties);
    for i in 0..12 {
        if i % 4 == 2 {
            let short = rig.timed(gst::Buffer::from_mut_slice(vec![0; 5]));
            rig.push_buffer(short).unwrap();
        } else {
            rig.push(200);
        }
    }
    let frames = common::frames(&rig.eos());
    assert_eq!(frames.len(), 12);
    for seen in &frames {
        let expected = [Look::Inferred, Look::Skipped][usize::from(seen.index() % 4 == 2)];
        assert_eq!(seen.look, expected, "{seen:?}");
    }
    assert_eq!((rig.stat("inferred"), rig.stat("failed")), (9, 3));
}

#[test]
fn a_live_frame_waits_for_others_no_longer_than_it_may() {
    let file = open().file();
    let properties = [
        ("threads", "1"),
        ("batch-size", "8"),
        ("batch-timeout", "1000000"),
    ];
    let mut rigs = [0; 2].map(|_| Rig::live(&file, &properties));
    for _ in 0..20 {
        for rig in &mut rigs {
            rig.push_and_wait(200);
        }
    }
    for rig in &rigs {
        assert_eq!(rig.stat("frames"), 20);
    }
}

#[test]
fn live_streams_of_many_threads_share_runs_of_whatever_size_gains_something() {
    let file = open().file();
    let properties = [("threads", "5")];
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut rig = Rig::live(&file, &properties);
                for _ in 0..30 {
                    let seen = rig.push_and_wait(200);
                    if seen.look == Look::Inferred {
                        seen.assert_answer(brightness(200), (64, 64));
                    }
                }
                assert_eq!(rig.stat("frames"), 30);
                let batch = rig.stats().get::<u32>("batch-size").unwrap();
                assert!([1, 2, 4].contains(&batch), "{batch}");
            });
        }
    });
}
