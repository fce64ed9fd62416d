//! The stream is a function of time: seeks, queries, ends.

use crate::common::{self, Frame, Player, SMALL, ms};
use gst::format::Default as Frames;
use gst::prelude::*;

const SEEK: gst::SeekFlags = gst::SeekFlags::FLUSH.union(gst::SeekFlags::ACCURATE);
const PROPERTIES: &str = "ground-truth=true seed=11 objects=8 noise=0.3 jitter=0.05 shake=0.3";

/// The first two seconds.
fn whole() -> Vec<Frame> {
    common::run(&format!("{PROPERTIES} num-buffers=60"), SMALL)
}

fn paused() -> Player {
    let player = Player::new(PROPERTIES, SMALL, "fakesink name=sink");
    player.set_state(gst::State::Paused);
    player
}

fn assert_same(found: &[Frame], expected: &[Frame]) {
    let times = |frames: &[Frame]| frames.iter().map(|f| (f.pts, f.number)).collect::<Vec<_>>();
    assert_eq!(times(found), times(expected));
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.content() == expected.content(),
            "frame {}",
            found.number
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let [first, second] = [whole(), whole()];
    assert_eq!(first.len(), 60);
    assert_same(&first, &second);
    let other = common::run("num-buffers=1 seed=12 noise=0.3 objects=8", SMALL);
    assert_ne!(other[0].planes, first[0].planes);
    // It moves, and its noise is new each time.
    assert_ne!(first[0].planes, first[1].planes);
}

#[test]
fn a_seek_gives_the_frame_of_that_time() {
    let whole = whole();
    let player = paused();
    for (time, number) in [
        (ms(1000), 30),
        (ms(1001), 30),
        (whole[31].pts, 31),
        (whole[31].pts - gst::ClockTime::NSECOND, 30),
        (ms(0), 0),
        (ms(500), 15),
    ] {
        player.clear();
        player.pipeline.seek_simple(SEEK, time).unwrap();
        let frames = player.wait(|frames| !frames.is_empty());
        assert_same(&frames[..1], &whole[number..=number]);
    }
}

#[test]
fn a_seek_may_name_the_frame() {
    let whole = whole();
    let player = paused();
    player.clear();
    let frame = Frames::from_u64(45);
    assert!(player.src.seek_simple(SEEK, frame).is_ok());
    let frames = player.wait(|frames| !frames.is_empty());
    assert_same(&frames[..1], &whole[45..46]);
}

#[test]
fn a_segment_ends_where_it_should() {
    let whole = whole();
    for rate in [1.0, 2.0, 0.25] {
        let player = paused();
        player.clear();
        let (start, stop) = (gst::SeekType::Set, gst::SeekType::Set);
        player
            .pipeline
            .seek(rate, SEEK, start, ms(500), stop, ms(1000))
            .unwrap();
        let frames = player.play_to_the_end().unwrap();
        assert_same(&frames, &whole[15..30]);
    }
}

#[test]
fn playing_backwards_is_refused_and_nothing_is_lost() {
    let player = paused();
    let (start, stop) = (gst::SeekType::Set, gst::SeekType::Set);
    for to in [
        &player.pipeline.clone().upcast::<gst::Element>(),
        &player.src,
    ] {
        let refused = to.seek(-1.0, SEEK, start, ms(0), stop, ms(1000));
        assert!(refused.is_err());
    }
    player.set_state(gst::State::Playing);
    player.wait(|frames| frames.len() > 10);
}

#[test]
fn the_stream_ends_after_as_many_frames_as_asked_for() {
    let frames = common::run("num-buffers=7", SMALL);
    assert_eq!(frames.len(), 7);
    let none = common::run("num-buffers=0", SMALL);
    assert!(none.is_empty());
}

#[test]
fn queries_are_answered_in_times_and_frames() {
    let player = Player::new("num-buffers=90", SMALL, "fakesink name=sink");
    player.set_state(gst::State::Paused);
    let src = &player.src;
    assert_eq!(src.query_duration::<gst::ClockTime>(), Some(ms(3000)));
    assert_eq!(src.query_duration::<Frames>(), Some(Frames::from_u64(90)));
    let number = src.query_convert::<Option<Frames>>(ms(1000)).flatten();
    assert_eq!(number, Some(Frames::from_u64(30)));
    let time = src
        .query_convert::<Option<gst::ClockTime>>(Frames::from_u64(60))
        .flatten();
    assert_eq!(time, Some(ms(2000)));
    for format in [gst::Format::Time, gst::Format::Default] {
        let mut query = gst::query::Seeking::new(format);
        assert!(src.query(&mut query));
        assert!(query.result().0, "{format:?}");
    }
    // For ever.
    let endless = paused();
    assert_eq!(endless.src.query_duration::<gst::ClockTime>(), None);
}
