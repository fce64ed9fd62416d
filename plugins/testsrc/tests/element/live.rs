//! Live streams: the clock, latency, and a consumer that is too slow.

use crate::common::{self, Player, ms};
use gst::prelude::*;

const CAPS: &str = "video/x-raw,format=I420,width=160,height=120,framerate=100/1";
const PROPERTIES: &str = "ground-truth=true seed=2 objects=10";

#[test]
fn a_live_source_tells_its_latency_and_cannot_be_sought() {
    let player = Player::new("is-live=true", CAPS, "fakesink name=sink");
    let changed = player.pipeline.set_state(gst::State::Paused).unwrap();
    assert_eq!(changed, gst::StateChangeSuccess::NoPreroll);
    player.set_state(gst::State::Playing);
    player.wait(|frames| frames.len() > 2);
    let mut query = gst::query::Latency::new();
    assert!(player.src.query(&mut query));
    assert_eq!(query.result(), (true, ms(10), None));
    let mut query = gst::query::Seeking::new(gst::Format::Time);
    assert!(player.src.query(&mut query));
    assert!(!query.result().0);
    let sought = player.pipeline.seek_simple(gst::SeekFlags::FLUSH, ms(0));
    assert!(sought.is_err());
}

#[test]
fn a_live_source_keeps_to_the_clock() {
    let player = Player::new("is-live=true ground-truth=true", CAPS, "fakesink name=sink");
    player.set_state(gst::State::Playing);
    let frames = player.wait(|frames| frames.len() >= 30);
    // Frames never come before their time; how much later depends on the machine.
    let now = player.pipeline.current_running_time().unwrap();
    assert!(frames.iter().all(|frame| frame.pts <= now));
    // Their times are those that they show.
    for frame in frames {
        assert_eq!(frame.pts, ms(10 * frame.number));
        assert!(
            frame
                .objects
                .iter()
                .all(|object| !object.is_coasted(Some(frame.pts)))
        );
    }
}

#[test]
fn a_pause_loses_no_frame_of_a_live_source() {
    let player = Player::new("is-live=true", CAPS, "fakesink name=sink");
    for i in 0..40 {
        let before = player.frames().len();
        player.set_state(gst::State::Playing);
        player.wait(|frames| frames.len() > before);
        // In the midst of waiting for the clock, mostly.
        std::thread::sleep(std::time::Duration::from_micros(i * 397 % 10_000));
        let _ = player.pipeline.set_state(gst::State::Paused);
    }
    player.set_state(gst::State::Ready);
    let dropped = player.stat("dropped");
    let frames = player.frames();
    let made = frames.last().unwrap().number - frames[0].number + 1;
    assert_eq!(made, frames.len() as u64 + dropped);
}

#[test]
fn a_live_source_that_waits_long_ends_when_it_is_told_to() {
    let caps = "video/x-raw,format=I420,width=16,height=16,framerate=1/3600";
    let player = Player::new("is-live=true", caps, "fakesink name=sink");
    player.set_state(gst::State::Playing);
    player.wait(|frames| !frames.is_empty());
    assert!(player.src.send_event(gst::event::Eos::new()));
    assert_eq!(player.play_to_the_end().map(|frames| frames.len()), Ok(1));
}

#[test]
fn a_slow_consumer_gets_fewer_frames_with_the_right_truth() {
    let player = Player::new(
        &format!("{PROPERTIES} is-live=true"),
        CAPS,
        "identity sleep-time=30000 ! fakesink name=sink sync=true qos=true",
    );
    player.set_state(gst::State::Playing);
    let frames = player.wait(|frames| {
        frames.iter().filter(|frame| frame.discont).count() > 5 && frames.len() > 20
    });
    let made_before = player.stat("frames");
    let dropped = player.stat("dropped");
    assert!(dropped > 0 && made_before >= frames.len() as u64);
    let first = frames[0].number;
    let last = frames[frames.len() - 1].number;
    assert!(
        last - first + 1 > frames.len() as u64,
        "nothing was left out"
    );
    // As if nothing had been left out.
    let all = common::run(&format!("{PROPERTIES} num-buffers={}", last + 1), CAPS);
    for pair in frames.windows(2) {
        let gap = pair[1].number - pair[0].number;
        assert!(gap >= 1);
        assert_eq!(pair[1].discont, gap > 1, "{gap}");
    }
    for frame in &frames {
        let expected = &all[frame.number as usize];
        assert_eq!(frame.pts, expected.pts);
        assert!(
            frame.content() == expected.content(),
            "frame {}",
            frame.number
        );
    }
    let told = std::iter::from_fn(|| player.bus.pop_filtered(&[gst::MessageType::Qos]))
        .find(|message| message.src() == Some(player.src.upcast_ref()));
    let told = told.expect("no QoS message");
    let gst::MessageView::Qos(told) = told.view() else {
        unreachable!()
    };
    assert!(told.live());
    assert!(matches!(
        told.stats().1,
        gst::GenericFormattedValue::Buffers(Some(dropped)) if *dropped > 0
    ));
}

#[test]
fn a_source_that_is_not_live_waits_for_a_slow_consumer() {
    let player = Player::new(
        &format!("{PROPERTIES} num-buffers=20"),
        CAPS,
        "identity sleep-time=15000 ! fakesink name=sink sync=true qos=true",
    );
    let frames = player.play_to_the_end().unwrap();
    let numbers: Vec<_> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    assert_eq!((player.stat("frames"), player.stat("dropped")), (20, 0));
}

#[test]
fn a_source_that_joins_late_begins_with_now() {
    let player = Player::new("is-live=true", CAPS, "fakesink name=sink");
    let clock = gst::SystemClock::obtain();
    let then = clock.time() - gst::ClockTime::from_seconds(5);
    player.pipeline.use_clock(Some(&clock));
    player.pipeline.set_start_time(gst::ClockTime::NONE);
    player.pipeline.set_base_time(then);
    player.set_state(gst::State::Playing);
    let frames = player.wait(|frames| frames.len() >= 3);
    assert!(
        frames[0].pts >= gst::ClockTime::from_seconds(5),
        "{}",
        frames[0].pts
    );
}
