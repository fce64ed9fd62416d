//! Captions that are known need not be asked for again.

use crate::common::*;
use crate::mock::Mock;
use serde_json::json;

const EACH: [(&str, &str); 5] = [
    ("trigger", "interval"),
    ("interval", "100000000"),
    ("min-interval", "0"),
    ("per-minute", "0"),
    ("cache-ttl", "2000000000"),
];
const BOX: [f32; 4] = [100.0, 60.0, 60.0, 100.0];

fn rig(mock: &Mock, properties: &[(&str, &str)]) -> Rig {
    let mut all = EACH.to_vec();
    all.extend(properties);
    Rig::at(&mock.url, &all)
}

fn is_unchanged(signal: &Signal) -> bool {
    matches!(signal, Signal::Dropped(_, why) if why == "unchanged")
}

#[test]
fn a_scene_that_is_as_it_was_is_not_asked_about() {
    let mock = Mock::saying("x");
    let mut rig = rig(&mock, &[]);
    rig.push(solid(0, RED));
    rig.caption();
    for n in 1..20 {
        rig.push(solid(n, RED));
        rig.wait_for(is_unchanged);
    }
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(rig.count("dropped", "unchanged"), 19);
    // Another colour of the same brightness is another picture.
    rig.push(solid(20, BLUE));
    assert_eq!(rig.caption()["frame"]["number"], 20);
    // And what was said long ago is asked again.
    rig.push(solid(41, BLUE));
    assert_eq!(rig.caption()["pts"], 4_100_000_000u64);
    assert_eq!((mock.requests().len(), rig.stat("cached")), (3, 0));
}

#[test]
fn a_scene_that_comes_back_is_told_again() {
    let mock = Mock::new(|n, _, stream| crate::mock::say(stream, &[["red", "blue"][n]]));
    let mut rig = rig(&mock, &[]);
    let mut captions = Vec::new();
    for (n, color) in [(0, RED), (1, BLUE), (2, RED)] {
        rig.push(solid(n, color));
        captions.push(rig.caption());
    }
    let (first, last) = (&captions[0], &captions[2]);
    assert_eq!(
        (&last["data"]["text"], &last["frame"]["number"]),
        (&json!("red"), &json!(2))
    );
    assert_eq!(last["data"]["cached"], first["id"]);
    assert!(first["data"]["cached"].is_null() && last["id"] != first["id"]);
    assert_eq!(last["data"]["tokens"], json!(null));
    assert_eq!((mock.requests().len(), rig.stat("cached")), (2, 1));
    assert_eq!((rig.stat("answered"), rig.stat("prompt-tokens")), (3, 200));
}

#[test]
fn an_event_gets_the_known_caption_of_its_object() {
    let mock = Mock::saying("A man.");
    let mut rig = rig(&mock, &[("trigger", "event")]);
    let thing = person(7, BOX, RED);
    let mut captions = Vec::new();
    for (n, thing) in [(0, thing), (1, thing), (2, person(8, BOX, RED))] {
        let mut frame = with_things(n, GREY, &[thing]);
        let id = happen(&mut frame, "zone.entered", &thing);
        rig.push(frame);
        let caption = rig.caption();
        assert_eq!(caption["parents"], json!([id]));
        captions.push(caption);
    }
    assert_eq!(captions[1]["data"]["cached"], captions[0]["id"]);
    // Who looks the same may be somebody else.
    assert!(captions[2]["data"]["cached"].is_null());
    assert_eq!(mock.requests().len(), 2);
}

#[test]
fn who_must_know_is_answered_by_the_model() {
    let mock = Mock::saying(r#"{"observation": "a man", "verdict": "yes"}"#);
    let mut rig = rig(
        &mock,
        &[("trigger", "event+manual"), ("verify", "zone.entered")],
    );
    let thing = person(7, BOX, RED);
    for n in 0..3 {
        let mut frame = with_things(n, GREY, &[thing]);
        happen(&mut frame, "zone.entered", &thing);
        rig.push(frame);
        assert_eq!(rig.caption()["event"], "caption.verification");
    }
    for n in 3..6 {
        rig.act("trigger", &[&None::<String>]).unwrap();
        rig.push(solid(n, RED));
        assert_eq!(rig.caption()["event"], "caption.scene");
    }
    for _ in 6..9 {
        rig.act("ask", &[&"Who?", &1u32]).unwrap();
        rig.push(solid(9, RED));
        assert_eq!(rig.caption()["event"], "caption.answer");
    }
    assert_eq!((mock.requests().len(), rig.stat("cached")), (9, 0));
}

#[test]
fn nothing_is_known_after_a_flush_nor_where_it_is_not_wanted() {
    let mock = Mock::saying("x");
    let mut flushed = rig(&mock, &[]);
    flushed.push(solid(0, RED));
    flushed.caption();
    flushed.video.push_event(gst::event::FlushStart::new());
    flushed.video.push_event(gst::event::FlushStop::new(true));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    flushed.video.push_event(gst::event::Segment::new(&segment));
    flushed.push(solid(1, RED));
    flushed.caption();
    assert_eq!(mock.requests().len(), 2);
    let mut off = rig(&mock, &[("cache-ttl", "0")]);
    for n in 0..3 {
        off.push(solid(n, RED));
        off.caption();
    }
    assert_eq!(mock.requests().len(), 5);
}

#[test]
fn an_answer_that_was_cut_is_no_answer_to_the_next() {
    let mock = Mock::new(|_, _, stream| {
        crate::mock::begin(stream);
        crate::mock::send_words(stream, "A long st");
        crate::mock::end(stream, "length");
    });
    let mut rig = rig(&mock, &[]);
    for n in 0..2 {
        rig.push(solid(n, RED));
        assert_eq!(rig.caption()["data"]["cut"], "length");
    }
    assert_eq!(mock.requests().len(), 2);
}
