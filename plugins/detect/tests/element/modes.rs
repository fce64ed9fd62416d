//! What the threads are divided for, and how many they are.

use crate::common::models::Tiny;
use crate::common::{self, Rig, brightness};
use gst::prelude::*;
use vigil_analytics::objects::Look;

fn division(rig: &Rig) -> (String, u32, u32) {
    let stats = rig.stats();
    let count = |name: &str| stats.get::<u32>(name).unwrap();
    let mode = stats.get::<String>("mode").unwrap();
    (mode, count("workers"), count("threads-per-worker"))
}

#[test]
fn threads_are_divided_as_the_stream_or_the_user_wants_it() {
    let file = Tiny::default().file();
    let table = [
        (false, "auto", ("throughput", 3, 1)),
        (true, "auto", ("latency", 1, 3)),
        (false, "latency", ("latency", 1, 3)),
        (true, "throughput", ("throughput", 3, 1)),
    ];
    for (live, mode, (expected, workers, threads)) in table {
        let properties = [("threads", "3"), ("mode", mode)];
        let mut rig = match live {
            true => Rig::live(&file, &properties),
            false => Rig::new(&file, &properties),
        };
        // The first ones of a live stream may be late on a busy machine.
        while rig.push_and_wait(200).look == Look::Skipped {}
        for _ in 0..10 {
            rig.push(200);
        }
        let frames = common::frames(&rig.eos());
        let inferred = frames.iter().filter(|seen| seen.look == Look::Inferred);
        inferred.for_each(|seen| seen.assert_answer(brightness(200), (64, 64)));
        let found = division(&rig);
        let expected = (expected.to_owned(), workers, threads);
        assert_eq!(found, expected, "live: {live}, mode={mode}");
        assert_eq!(rig.stats().get::<bool>("live"), Ok(live));
    }
}

#[test]
fn threads_are_divided_anew_when_who_wants_latency_comes_and_goes() {
    let file = Tiny {
        work: 5,
        ..Tiny::default()
    }
    .file();
    let mut video = Rig::new(&file, &[("threads", "2")]);
    let mut sent = 0;
    for _ in 0..5 {
        for expected in [("throughput", 2, 1), ("latency", 1, 2)] {
            let camera = (expected.0 == "latency").then(|| {
                let mut camera = Rig::live(&file, &[("threads", "2")]);
                camera.push_and_wait(200);
                camera
            });
            for i in 0..20 {
                video.push(150 + i);
                sent += 1;
            }
            let (mode, workers, threads) = expected;
            assert_eq!(division(&video), (mode.to_owned(), workers, threads));
            drop(camera);
        }
    }
    let frames = common::frames(&video.eos());
    assert_eq!(frames.len(), sent);
    for (i, seen) in (0..).zip(&frames) {
        assert_eq!(seen.index(), i as u64);
        seen.assert_answer(brightness(150 + i % 20), (64, 64));
    }
}

#[test]
fn any_number_of_threads_is_taken_as_far_as_it_makes_sense() {
    let file = Tiny::default().file();
    let cores = std::thread::available_parallelism().unwrap().get() as u32;
    for (threads, expected) in [
        (0, cores),
        (1, 1),
        (10_000, 4 * cores),
        (u32::MAX, 4 * cores),
    ] {
        for live in [false, true] {
            let properties = [("threads", &*threads.to_string())];
            let mut rig = match live {
                true => Rig::live(&file, &properties),
                false => Rig::new(&file, &properties),
            };
            assert_eq!(rig.element.property::<u32>("threads"), threads);
            while rig.push_and_wait(200).look == Look::Skipped {}
            let (_, workers, each) = division(&rig);
            assert_eq!(workers * each, expected, "threads={threads}");
        }
    }
}
