//! State changes.

use crate::common::{self, Player, SMALL};
use gst::prelude::*;
use std::time::Duration;

/// Numbers that look random, the same in each run.
fn random(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}

#[test]
fn a_hundred_rapid_state_changes_neither_hang_nor_lose_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("gt.txt");
    let bad = folder.path().join("none/gt.txt");
    for is_live in [false, true] {
        let properties = format!("is-live={is_live} ground-truth=true");
        let caps = "video/x-raw,format=I420,width=64,height=64,framerate=500/1";
        let player = Player::new(&properties, caps, "fakesink name=sink");
        let mut seed = 1;
        for i in 0..100 {
            let is_good = i % 10 != 7;
            let path = if is_good { &good } else { &bad };
            player
                .src
                .set_property("ground-truth-file", path.to_str().unwrap());
            let started = player.pipeline.set_state(gst::State::Playing);
            assert_eq!(started.is_ok(), is_good, "change {i}");
            std::thread::sleep(Duration::from_micros(u64::from(random(&mut seed) % 8000)));
            if is_good && random(&mut seed).is_multiple_of(3) {
                let _ = player.pipeline.set_state(gst::State::Paused);
            }
            // Else NULL flushes the bus.
            let to = if is_good && random(&mut seed).is_multiple_of(2) {
                gst::State::Null
            } else {
                gst::State::Ready
            };
            player.pipeline.set_state(to).unwrap();
            let errors = std::iter::from_fn(|| player.bus.pop_filtered(&[gst::MessageType::Error]));
            assert_eq!(errors.count(), usize::from(!is_good), "{i}");
            player.clear();
        }
    }
}

#[test]
fn a_second_run_starts_afresh() {
    let player = Player::new(
        "num-buffers=5 seed=8 objects=20",
        SMALL,
        "fakesink name=sink",
    );
    let first = player.play_to_the_end().unwrap();
    player.set_state(gst::State::Ready);
    assert_eq!(player.stat("frames"), 5, "stats can be read after the end");
    player.clear();
    let second = player.play_to_the_end().unwrap();
    assert_eq!(first, second);
    assert_eq!(player.stat("frames"), 5);
}

#[test]
fn properties_of_the_scene_hold_from_the_next_start_on() {
    let player = Player::new("num-buffers=2 noise=0", SMALL, "fakesink name=sink");
    let first = player.play_to_the_end().unwrap();
    player.src.set_property_from_str("scene", "crowd");
    player.set_state(gst::State::Ready);
    player.clear();
    let second = player.play_to_the_end().unwrap();
    assert_ne!(first[0].planes, second[0].planes);
    assert_eq!(
        second,
        common::run("num-buffers=2 noise=0 scene=crowd", SMALL)
    );
}
