//! Starting, stopping, flushing, ending: whatever the server does.

use crate::common::*;
use crate::mock::{self, Mock};
use gst::prelude::*;
use serde_json::json;

const OFTEN: [(&str, &str); 4] = [
    ("trigger", "interval"),
    ("interval", "100000000"),
    ("min-interval", "0"),
    ("per-minute", "0"),
];

#[test]
fn stopping_does_not_wait_for_a_hung_server() {
    let mock = Mock::hung();
    let mut rig = Rig::at(&mock.url, &OFTEN);
    let mut pad = rig.pad();
    for n in 0..9 {
        rig.push(solid(n, RED));
    }
    mock.request(0);
    let element = rig.element.clone();
    within_time("stopping", move || {
        element.set_state(gst::State::Null).unwrap()
    });
    wait_until("the server's hearing of it", || mock.closed() == 1);
    assert!(pad.try_pull().is_none());
}

#[test]
fn frames_pass_while_the_server_hangs() {
    let mock = Mock::hung();
    let mut rig = Rig::at(&mock.url, &OFTEN);
    for n in 0..300 {
        let out = rig.push(solid(n, RED));
        assert_eq!(out.pts().unwrap().mseconds(), n * 100);
    }
    assert_eq!((rig.stat("frames"), mock.requests().len()), (300, 1));
    // One is on its way, the newest waits, all others were given up.
    assert_eq!((rig.stat("in-flight"), rig.stat("waiting")), (1, 1));
    assert_eq!(rig.count("dropped", "superseded"), 298);
}

#[test]
fn a_question_that_waited_too_long_is_not_asked() {
    let mock = Mock::hung();
    let mut properties = OFTEN.to_vec();
    properties.push(("max-age", "50000000"));
    let mut rig = Rig::at(&mock.url, &properties);
    rig.push(solid(0, RED));
    mock.request(0);
    rig.push(solid(1, RED));
    assert!(matches!(rig.signal(), Signal::Dropped(_, why) if why == "expired"));
}

#[test]
fn a_newer_question_about_a_track_ends_the_one_on_its_way() {
    let mock = Mock::new(|n, _, stream| match n {
        0 => mock::hang(stream),
        _ => mock::say(stream, &["gone"]),
    });
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "new-track+track-end"),
            ("track-age", "0"),
            ("track-timeout", "100000000"),
            ("min-interval", "0"),
        ],
    );
    rig.push(with_things(
        0,
        GREY,
        &[person(7, [100.0, 60.0, 60.0, 100.0], RED)],
    ));
    mock.request(0);
    rig.push(with_things(2, GREY, &[]));
    assert!(matches!(rig.signal(), Signal::Dropped(_, why) if why == "superseded"));
    wait_until("the server's hearing of it", || mock.closed() == 1);
    assert_eq!(rig.caption()["data"]["trigger"], "track-end");
}

#[test]
fn a_flush_gives_up_what_was_asked() {
    let mock = Mock::new(|n, _, stream| match n {
        0 => mock::hang(stream),
        _ => mock::say(stream, &["after"]),
    });
    let mut rig = Rig::at(&mock.url, &OFTEN);
    rig.push(solid(0, RED));
    mock.request(0);
    rig.video.push_event(gst::event::FlushStart::new());
    rig.video.push_event(gst::event::FlushStop::new(true));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    rig.video.push_event(gst::event::Segment::new(&segment));
    wait_until("the server's hearing of it", || mock.closed() == 1);
    rig.push(solid(50, RED));
    let caption = rig.caption();
    assert_eq!(
        (&caption["data"]["text"], &caption["pts"]),
        (&json!("after"), &json!(5_000_000_000u64))
    );
}

#[test]
fn what_began_ends_at_a_flush_and_at_the_end_of_all() {
    for flush in [true, false] {
        let mock = Mock::new(|_, _, stream| {
            mock::begin(stream);
            mock::send_words(stream, "Well,");
            mock::hang(stream);
        });
        let mut properties = OFTEN.to_vec();
        properties.push(("stream", "true"));
        let mut rig = Rig::at(&mock.url, &properties);
        rig.push(solid(0, RED));
        let start = rig.record();
        assert_eq!(start["phase"], "start");
        if flush {
            rig.video.push_event(gst::event::FlushStart::new());
        } else {
            rig.element.set_state(gst::State::Ready).unwrap();
        }
        let end = rig.record();
        let why = if flush { "flush" } else { "shutdown" };
        assert_eq!(
            (&end["id"], &end["phase"], &end["data"]["cut"]),
            (&start["id"], &json!("end"), &json!(why))
        );
    }
}

#[test]
fn the_end_of_the_stream_waits_for_the_last_answers() {
    let mock = Mock::new(|_, _, stream| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        mock::say(stream, &["last"]);
    });
    // The window is asked about though the next question was not due.
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("window", "10000000000"),
            ("sample-fps", "10"),
            ("eos-timeout", "60000000000"),
        ],
    );
    let mut pad = rig.pad();
    for n in 0..4 {
        rig.push(solid(n, RED));
    }
    assert_eq!(rig.stat("asked"), 0);
    assert!(rig.video.push_event(gst::event::Eos::new()));
    let caption = line(&pad.pull().unwrap());
    assert_eq!(
        (
            &caption["data"]["text"],
            &caption["data"]["frames"]["count"]
        ),
        (&json!("last"), &json!(4))
    );
    loop {
        if pad.pull_event().unwrap().type_() == gst::EventType::Eos {
            break;
        }
    }
}

#[test]
fn the_end_of_the_stream_does_not_wait_for_ever() {
    let mock = Mock::hung();
    let mut properties = OFTEN.to_vec();
    properties.push(("eos-timeout", "100000000"));
    let mut rig = Rig::at(&mock.url, &properties);
    rig.push(solid(0, RED));
    let sink = rig.element.static_pad("sink").unwrap();
    within_time("the end", move || sink.send_event(gst::event::Eos::new()));
    wait_until("the server's hearing of it", || mock.closed() == 1);
}

#[test]
fn stopping_frees_an_end_of_the_stream_that_waits() {
    let mock = Mock::hung();
    let mut properties = OFTEN.to_vec();
    properties.push(("eos-timeout", "3600000000000"));
    let mut rig = Rig::at(&mock.url, &properties);
    rig.push(solid(0, RED));
    mock.request(0);
    let sink = rig.element.static_pad("sink").unwrap();
    let ending = std::thread::spawn(move || sink.send_event(gst::event::Eos::new()));
    let element = rig.element.clone();
    within_time("stopping", move || {
        element.set_state(gst::State::Null).unwrap()
    });
    within_time("the end", move || ending.join().unwrap());
}

#[test]
fn the_element_plays_again_after_it_was_stopped() {
    let mock = Mock::saying("again");
    let mut rig = Rig::at(&mock.url, &OFTEN);
    for _ in 0..3 {
        rig.push(solid(0, RED));
        assert_eq!(rig.caption()["data"]["text"], "again");
        rig.element.set_state(gst::State::Ready).unwrap();
        rig.element.set_state(gst::State::Playing).unwrap();
        rig.video.push_event(gst::event::StreamStart::new("again"));
        rig.video.set_src_caps_str(CAPS);
        rig.video
            .push_event(gst::event::Segment::new(&gst::FormattedSegment::<
                gst::ClockTime,
            >::new()));
    }
}

#[test]
fn another_stream_is_another_story() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "3600000000000"),
            ("min-interval", "0"),
        ],
    );
    rig.push(solid(0, RED));
    rig.caption();
    rig.video
        .push_event(gst::event::StreamStart::new("another"));
    rig.video.set_src_caps_str(CAPS);
    rig.video
        .push_event(gst::event::Segment::new(&gst::FormattedSegment::<
            gst::ClockTime,
        >::new()));
    rig.push(solid(0, RED));
    assert_eq!(rig.caption()["frame"]["number"], 0);
}

#[test]
fn an_application_may_ask_the_element_when_it_hears_of_a_drop() {
    let mock = Mock::hung();
    let mut rig = Rig::at(&mock.url, &OFTEN);
    rig.element.connect("dropped", false, |args| {
        let element = args[0].get::<gst::Element>().unwrap();
        element.property::<gst::Structure>("stats");
        None
    });
    within_time("pushing", move || {
        (0..9).for_each(|n| drop(rig.push(solid(n, RED))))
    });
}

#[test]
fn another_format_in_the_middle_is_shown_as_it_is() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(&mock.url, &OFTEN);
    rig.push(solid(0, RED));
    assert_eq!(rig.caption()["frame"]["width"], 320);
    rig.video
        .set_src_caps_str("video/x-raw,format=GRAY8,width=640,height=360,framerate=10/1");
    let mut frame = gst::Buffer::from_mut_slice(vec![120u8; 640 * 360]);
    let pts = 100 * gst::ClockTime::MSECOND;
    frame.get_mut().unwrap().set_pts(pts);
    rig.push(frame);
    assert_eq!(
        rig.caption()["frame"],
        json!({"number": 1, "width": 640, "height": 360})
    );
    assert_eq!(mock.request(1).pictures()[0].dimensions(), (448, 252));
    // A buffer that is shorter than its caps say passes, and is not read.
    let mut short = gst::Buffer::from_mut_slice(vec![120u8; 99]);
    short.get_mut().unwrap().set_pts(2 * pts);
    rig.push(short);
    assert!(rig.warnings()[0].contains("cannot be read"));
    assert_eq!(mock.requests().len(), 2);
}

#[test]
fn a_jump_back_in_time_is_a_new_beginning() {
    let mock = Mock::saying("x");
    let mut properties = OFTEN.to_vec();
    properties.push(("interval", "1000000000"));
    let mut rig = Rig::at(&mock.url, &properties);
    rig.push(solid(36_000, RED));
    rig.caption();
    rig.push(solid(0, RED));
    assert_eq!(rig.caption()["pts"], 0);
}
