//! `motion-gate`: frames pass without inference while nothing moves.

use crate::common::models::{ModelFile, Tiny};
use crate::common::{self, FRAME_MS, Item, Rig, Seen};
use gst::prelude::*;
use vigil_analytics::objects::Look;

const GATE: (&str, &str) = ("motion-gate", "true");
const NO_AGE: (&str, &str) = ("motion-max-age", "0");
/// Five frames.
const HOLD: (&str, &str) = ("motion-hold", "200000000");
/// While all is new: 25 frames of learning and those of the hold time.
const FIRST: usize = 30;

fn rig(properties: &[(&str, &str)]) -> Rig {
    let properties = [&[GATE, NO_AGE, HOLD], properties].concat();
    Rig::new(&Tiny::default().file(), &properties)
}

/// A frame with a bright square at the left or at the right, or none.
fn frame(rig: &mut Rig, square: Option<usize>) -> gst::Buffer {
    let mut samples = vec![80u8; 64 * 64 * 3];
    if let Some(left) = square {
        for row in samples.chunks_exact_mut(64 * 3).skip(24).take(16) {
            row[left * 3..(left + 16) * 3].fill(200);
        }
    }
    rig.timed(gst::Buffer::from_mut_slice(samples))
}

/// Frames in, and which of them were looked at when they came out.
fn looks(rig: &mut Rig, squares: impl IntoIterator<Item = Option<usize>>) -> Vec<bool> {
    let before = common::frames(&rig.log.items()).len();
    let mut count = 0;
    for square in squares {
        let buffer = frame(rig, square);
        rig.push_buffer(buffer).unwrap();
        count += 1;
    }
    let frames = rig.log.frames(before + count);
    frames[before..]
        .iter()
        .map(|seen| seen.look == Look::Inferred)
        .collect()
}

fn still(rig: &mut Rig, frames: usize) -> usize {
    let looks = looks(rig, std::iter::repeat_n(None, frames));
    looks.iter().filter(|look| **look).count()
}

/// After this the scene is known and the gate closed.
fn settle(rig: &mut Rig) {
    let looked = still(rig, 60);
    assert!((FIRST..FIRST + 3).contains(&looked), "{looked}");
}

#[test]
fn frames_pass_while_nothing_moves_and_are_inferred_while_something_does() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    assert_eq!(still(&mut rig, 20), 0);
    let skipped = rig.stat("skipped-still");
    // Something comes and moves on: all is seen from the second frame on.
    let moving = (0..30).map(|n| Some(4 + n));
    let looked = looks(&mut rig, moving);
    assert_eq!(looked.iter().position(|look| *look), Some(1));
    assert!(looked[1..].iter().all(|look| *look), "{looked:?}");
    assert_eq!(rig.stat("skipped-still"), skipped + 1);
    // It is gone: all is still after a while.
    still(&mut rig, 200);
    assert_eq!(still(&mut rig, 50), 0);
    let counts = ["frames", "inferred", "skipped-still"].map(|name| rig.stat(name));
    assert_eq!(counts[0], counts[1] + counts[2]);
    assert!(rig.stats().get::<f64>("motion-max-ms").unwrap() > 0.0);
}

#[test]
fn frames_that_the_gate_passes_have_not_been_looked_at() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    let frames: Vec<Seen> = common::frames(&rig.log.items());
    let last = frames.last().unwrap();
    assert_eq!((last.look, last.objects.len()), (Look::Skipped, 0));
    assert!(frames[0].objects.len() == 2);
}

#[test]
fn a_frame_is_inferred_when_the_last_one_is_too_old() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    let age = 10 * FRAME_MS * 1_000_000;
    rig.element.set_property("motion-max-age", age);
    assert_eq!(still(&mut rig, 100), 10);
}

#[test]
fn the_gate_may_be_opened_and_closed_while_playing() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    rig.element.set_property("motion-gate", false);
    assert_eq!(still(&mut rig, 20), 20);
    rig.element.set_property("motion-gate", true);
    assert_eq!(still(&mut rig, 20), 0);
    rig.element.set_property("motion-threshold", 250.0f32);
    assert_eq!(looks(&mut rig, [Some(20); 20]), [false; 20]);
}

#[test]
fn a_new_beginning_is_looked_at() {
    type Begin = fn(&mut Rig);
    let table: [(&str, Begin); 4] = [
        ("flush", |rig| {
            rig.flush_start();
            rig.flush_stop();
            rig.segment();
        }),
        ("stream", |rig| {
            assert!(rig.event(gst::event::StreamStart::new("another")));
            rig.segment();
        }),
        ("segment", |rig| {
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_start(2 * gst::ClockTime::SECOND);
            assert!(rig.event(gst::event::Segment::new(&segment)));
        }),
        ("caps", |rig| {
            rig.caps("video/x-raw,format=RGB,width=64,height=64,framerate=30/1")
        }),
    ];
    for (name, begin) in table {
        let mut rig = rig(&[]);
        settle(&mut rig);
        assert_eq!(still(&mut rig, 10), 0);
        begin(&mut rig);
        assert_eq!(still(&mut rig, 10), 10, "{name}");
    }
}

#[test]
fn a_discontinuity_is_looked_at() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    let mut buffer = frame(&mut rig, None);
    let flags = gst::BufferFlags::DISCONT;
    buffer.get_mut().unwrap().set_flags(flags);
    let before = common::frames(&rig.log.items()).len();
    rig.push_buffer(buffer).unwrap();
    rig.log.frames(before + 1);
    assert_eq!(still(&mut rig, 10), 10);
}

#[test]
fn what_says_nothing_new_changes_nothing() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    rig.caps(&common::rgb(64, 64));
    rig.segment();
    assert_eq!(still(&mut rig, 10), 0);
}

#[test]
fn the_first_motion_is_looked_at_whatever_the_interval() {
    let mut rig = rig(&[("interval", "4")]);
    still(&mut rig, 60);
    assert_eq!(still(&mut rig, 20), 0);
    let looked = looks(&mut rig, (0..11).map(|n| Some(4 + 2 * n)));
    let expected = (0..11).map(|n| n % 5 == 1).collect::<Vec<_>>();
    assert_eq!(looked, expected);
}

#[test]
fn only_motion_in_the_regions_counts() {
    let mut rig = rig(&[("regions", "[[0.5, 0, 1, 1]]")]);
    settle(&mut rig);
    assert_eq!(looks(&mut rig, [Some(8), Some(8), Some(9)]), [false; 3]);
    still(&mut rig, 200);
    assert_eq!(looks(&mut rig, [Some(40), Some(40)]), [false, true]);
}

#[test]
fn frames_that_cannot_be_read_are_told_of_as_without_the_gate() {
    let mut rig = rig(&[]);
    settle(&mut rig);
    let short = rig.timed(gst::Buffer::from_mut_slice(vec![0; 5]));
    rig.push_buffer(short).unwrap();
    rig.eos();
    assert_eq!(rig.stat("failed"), 1);
    assert_eq!(rig.warnings().len(), 1);
}

#[test]
fn recordings_are_gated_too() {
    let rows: String = (1..=200)
        .map(|n| format!("{n},-1,1,2,10,20,0.9,1\n"))
        .collect();
    let file = ModelFile::named("det.txt", rows);
    let mut rig = Rig::new(&file, &[("engine", "replay"), GATE, NO_AGE, HOLD]);
    settle(&mut rig);
    assert_eq!(still(&mut rig, 20), 0);
    let items = rig.eos();
    assert!(matches!(items.last(), Some(Item::Event(_))));
    assert_eq!(rig.stat("inferred") + rig.stat("skipped-still"), 80);
}
