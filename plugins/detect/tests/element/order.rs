//! Frames and events leave in the order in which they came, each frame with its own result.

use crate::common::models::Tiny;
use crate::common::pipeline::Pipeline;
use crate::common::{self, Item, Rig, brightness};
use vigil_analytics::objects::Look;

/// A model that takes a few milliseconds on a bright picture and hardly any time on a dark one.
fn uneven() -> Tiny {
    Tiny {
        work: 60,
        ..Tiny::default()
    }
}

/// Bright ones and dark ones by turns, each of its own brightness.
fn uneven_values() -> impl Iterator<Item = u8> {
    (0..60).flat_map(|i| [255 - i, 128 + i])
}

#[test]
fn frames_keep_their_order_and_their_own_result_with_many_workers() {
    let mut rig = Rig::new(&uneven().file(), &[("threads", "4")]);
    for value in uneven_values() {
        rig.push(value);
    }
    let items = rig.eos();
    let frames = common::frames(&items);
    assert_eq!(frames.len(), 120);
    for ((i, seen), value) in (0..).zip(&frames).zip(uneven_values()) {
        assert_eq!(seen.index(), i);
        assert_eq!(seen.look, Look::Inferred);
        let scores: Vec<_> = seen.objects.iter().map(|o| o.confidence).collect();
        assert!(
            (scores[0] - brightness(value)).abs() < 1e-3,
            "{i}: {scores:?}"
        );
        assert!((seen.objects[1].bbox.x - 32.0 * brightness(value)).abs() < 0.1);
    }
    assert_eq!(rig.stats().get::<u32>("workers"), Ok(4));
}

#[test]
fn the_end_of_the_stream_comes_after_the_last_frame() {
    let mut rig = Rig::new(&uneven().file(), &[("threads", "2")]);
    for _ in 0..10 {
        rig.push(250);
    }
    let items = rig.eos();
    assert_eq!(common::frames(&items).len(), 10);
    assert!(
        matches!(items.last(), Some(Item::Event(event)) if event.type_() == gst::EventType::Eos)
    );
}

#[test]
fn gaps_tags_and_events_of_others_keep_their_place() {
    let mut rig = Rig::new(&uneven().file(), &[("threads", "4")]);
    let marks = |i: u64| {
        let pts = gst::ClockTime::from_mseconds(i * common::FRAME_MS);
        let mut tags = gst::TagList::new();
        tags.make_mut()
            .add::<gst::tags::TrackNumber>(&(i as u32), gst::TagMergeMode::Append);
        let structure = gst::Structure::builder("mark").field("at", i).build();
        [
            gst::event::Gap::new(pts, None),
            gst::event::Tag::new(tags),
            gst::event::CustomDownstream::new(structure),
        ]
    };
    let mut sent = Vec::new();
    for (i, value) in (0..).zip(uneven_values().take(40)) {
        for event in marks(i) {
            sent.push(event.seqnum());
            assert!(rig.event(event));
        }
        rig.push(value);
    }
    let items = rig.eos();
    assert_eq!(items.len(), 40 * 4 + 1);
    for (group, sent) in items.chunks_exact(4).zip(sent.chunks_exact(3)) {
        let came: Vec<_> = group
            .iter()
            .filter_map(|item| match item {
                Item::Event(event) => Some(event.seqnum()),
                Item::Frame(_) => None,
            })
            .collect();
        assert_eq!(came, sent);
        assert!(matches!(group[3], Item::Frame(_)));
    }
}

#[test]
fn out_of_band_events_do_not_wait() {
    let mut rig = Rig::new(&uneven().file(), &[]);
    let event = gst::event::CustomDownstreamOob::new(gst::Structure::new_empty("now"));
    assert!(rig.event(event));
    let items = rig.log.items();
    assert!(
        matches!(&items[..], [Item::Event(event)] if event.type_() == gst::EventType::CustomDownstreamOob)
    );
}

#[test]
fn frames_passed_by_interval_carry_no_meta_and_inferred_ones_do_even_when_empty() {
    // 30 is darker than the threshold, and the classes leave the other box out: nothing is found.
    for (value, found) in [(200, 1), (30, 0)] {
        let properties = [("interval", "2"), ("classes", "block")];
        let mut rig = Rig::new(&Tiny::default().file(), &properties);
        for _ in 0..10 {
            rig.push(value);
        }
        let items = rig.eos();
        for seen in common::frames(&items) {
            let expected = match seen.index() % 3 {
                0 => (Look::Inferred, found),
                _ => (Look::Skipped, 0),
            };
            assert_eq!((seen.look, seen.objects.len()), expected, "{seen:?}");
        }
        let counters = ["frames", "inferred", "skipped-interval"].map(|name| rig.stat(name));
        assert_eq!(counters, [10, 4, 6]);
    }
}

#[test]
fn frames_of_a_pool_that_are_passed_carry_no_meta_of_their_last_use() {
    let file = Tiny::default().file();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=64,height=64 ! \
         {} interval=1 ! fakesink",
        common::detect(&file)
    ));
    assert_eq!(pipeline.run(), Ok(()));
    for (i, seen) in pipeline.log.frames(60).iter().enumerate() {
        let expected = [Look::Inferred, Look::Skipped][i % 2];
        assert_eq!(seen.look, expected, "frame {i}");
    }
}

#[test]
fn a_frame_that_others_hold_too_is_not_changed_for_them() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    let buffer = rig.frame(200);
    let theirs = buffer.clone();
    rig.push_buffer(buffer).unwrap();
    assert_eq!(rig.log.frames(1)[0].labels(), ["block", "slider"]);
    assert_eq!(theirs.iter_meta::<gst::Meta>().count(), 0);
}
