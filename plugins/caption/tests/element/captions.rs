//! What comes out: on the pad, on the bus, on the next buffer, by signals.

use crate::common::*;
use crate::mock::{self, Mock};
use gst::prelude::*;
use serde_json::json;
use vigil_analytics::caption_meta;

const ONCE: [(&str, &str); 2] = [("trigger", "interval"), ("interval", "3600000000000")];

#[test]
fn video_passes_untouched() {
    let mock = Mock::saying("A street.");
    let mut rig = Rig::at(&mock.url, &ONCE);
    for n in 0..5 {
        let frame = solid(n, BLUE);
        let pointer = frame.as_ptr();
        let out = rig.push(frame);
        if n == 0 {
            assert_eq!(out.as_ptr(), pointer);
        }
        assert_eq!(out.pts().unwrap().mseconds(), n * 100);
        assert_eq!(out.map_readable().unwrap()[..3], BLUE);
    }
}

#[test]
fn a_caption_comes_on_the_bus_the_next_buffer_the_pad_and_by_signal() {
    let mock = Mock::new(|_, _, stream| mock::say(stream, &["A ", "street\u{7}."]));
    let mut rig = Rig::at(&mock.url, &ONCE);
    let mut pad = rig.pad();
    assert!(caption_meta::read(&rig.push(solid(0, RED))).is_empty());
    let caption = rig.caption();
    assert_eq!(
        (&caption["event"], &caption["phase"]),
        (&json!("caption.scene"), &json!("instant"))
    );
    assert_eq!(
        (&caption["stream"], &caption["pts"]),
        (&json!("cam-1"), &json!(0))
    );
    let data = &caption["data"];
    assert_eq!(data["text"], "A street.");
    assert_eq!(
        (&data["model"], &data["trigger"], &data["partial"]),
        (&json!("mock-1"), &json!("interval"), &json!(false))
    );
    assert_eq!(
        data["tokens"],
        json!({"prompt": 100, "cached": 60, "completion": 7})
    );
    assert_eq!(
        data["frames"],
        json!({"count": 1, "from": {"number": 0, "pts": 0}, "to": {"number": 0, "pts": 0}})
    );
    assert_eq!(
        rig.signal(),
        Signal::Caption(caption["id"].as_str().unwrap().into())
    );
    let out = rig.push(solid(1, RED));
    let meta = caption_meta::read(&out);
    assert_eq!(meta.len(), 1);
    assert_eq!(to_json(&meta[0]), caption);
    assert!(caption_meta::read(&rig.push(solid(2, RED))).is_empty());
    let buffer = pad.pull().unwrap();
    assert_eq!(line(&buffer), caption);
    // Shown from where the video was when the answer came.
    assert_eq!(buffer.pts().unwrap().mseconds(), 100);
    assert_eq!(
        (
            rig.stat("asked"),
            rig.stat("answered"),
            rig.stat("cached-tokens")
        ),
        (1, 1, 60)
    );
}

#[test]
fn a_consumer_of_text_gets_the_words() {
    let mock = Mock::saying("A street.");
    let mut properties = ONCE.to_vec();
    properties.extend([("stream", "true"), ("text-duration", "3000000000")]);
    let mut rig = Rig::at(&mock.url, &properties);
    let mut pad = rig.pad();
    pad.set_sink_caps_str("text/x-raw,format=utf8");
    rig.push(solid(0, RED));
    rig.caption();
    let buffer = pad.pull().unwrap();
    assert_eq!(buffer.map_readable().unwrap().as_slice(), b"A street.");
    assert_eq!(buffer.duration().unwrap().seconds(), 3);
    assert_eq!(pad.buffers_received(), 1);
}

#[test]
fn words_are_told_as_they_come() {
    let mock = Mock::new(|_, _, stream| mock::say(stream, &["A", " quiet", " street."]));
    let mut properties = ONCE.to_vec();
    properties.push(("stream", "true"));
    let mut rig = Rig::at(&mock.url, &properties);
    let mut pad = rig.pad();
    rig.push(solid(0, RED));
    let records: Vec<_> = (0..4).map(|_| rig.record()).collect();
    let told: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r["phase"].as_str().unwrap(),
                r["data"]["text"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("start", "A"),
            ("update", "A quiet"),
            ("update", "A quiet street."),
            ("end", "A quiet street.")
        ]
    );
    let id = records[0]["id"].as_str().unwrap();
    assert!(records.iter().all(|record| record["id"] == id));
    assert!(records[3]["data"]["duration"].is_number() && records[3]["data"]["partial"] == false);
    for piece in ["A", " quiet", " street."] {
        assert_eq!(rig.signal(), Signal::Token(id.into(), piece.into()));
    }
    assert_eq!(rig.signal(), Signal::Caption(id.into()));
    let lines: Vec<_> = (0..4).map(|_| line(&pad.pull().unwrap())).collect();
    assert_eq!(lines, records);
}

#[test]
fn an_answer_that_is_cut_says_so() {
    let mock = Mock::new(|_, _, stream| {
        mock::begin(stream);
        mock::send_words(stream, "A long st");
        mock::end(stream, "length");
    });
    let mut rig = Rig::at(&mock.url, &ONCE);
    rig.push(solid(0, RED));
    let caption = rig.caption();
    assert_eq!(
        (&caption["data"]["partial"], &caption["data"]["cut"]),
        (&json!(true), &json!("length"))
    );
    assert_eq!(rig.stat("partial"), 1);
}

#[test]
fn the_pad_starts_properly_and_gaps_tell_that_nothing_was_said() {
    let mock = Mock::hung();
    let mut rig = Rig::at(&mock.url, &ONCE);
    let mut pad = rig.pad();
    for n in 0..3 {
        rig.push(solid(n, RED));
    }
    let mut types = Vec::new();
    while types.last() != Some(&gst::EventType::Gap) {
        let event = pad.pull_event().unwrap();
        if let gst::EventView::StreamStart(start) = event.view() {
            assert!(start.stream_id().ends_with("/captions"));
            assert!(start.stream_flags().contains(gst::StreamFlags::SPARSE));
        }
        types.push(event.type_());
    }
    use gst::EventType as T;
    assert_eq!(types, [T::StreamStart, T::Caps, T::Segment, T::Gap]);
}

#[test]
fn there_is_one_pad() {
    let element = element(&[("base-url", "http://127.0.0.1:1/v1")]);
    let pad = element.request_pad_simple("captions").unwrap();
    assert!(element.request_pad_simple("captions").is_none());
    element.release_request_pad(&pad);
    assert!(element.request_pad_simple("captions").is_some());
}

#[test]
fn subtitles_in_a_matroska_file_are_the_captions() {
    init();
    let mock = Mock::saying("A street.");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.mkv");
    let description = format!(
        "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! \
         vigilcaption name=c base-url={} trigger=interval interval=1000000000 ! matroskamux name=m ! \
         filesink location={} c.captions ! text/x-raw,format=utf8 ! m.",
        mock.url,
        file.display()
    );
    let pipeline = gst::parse::launch(&description).unwrap();
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let types = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &types);
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(message.unwrap().type_(), gst::MessageType::Eos);
    let written = std::fs::read(file).unwrap();
    let is_there = |words: &[u8]| written.windows(words.len()).any(|window| window == words);
    assert!(is_there(b"S_TEXT/UTF8") && is_there(b"A street."));
}

#[test]
fn an_overlay_shows_the_captions_and_does_not_wait_for_them() {
    init();
    if gst::ElementFactory::find("textoverlay").is_none() {
        eprintln!("skipped: there is no textoverlay");
        return;
    }
    let mock = Mock::saying("A STREET");
    let description = format!(
        "videotestsrc is-live=true num-buffers=60 pattern=black ! \
         video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! \
         vigilcaption name=c base-url={} trigger=interval interval=200000000 min-interval=0 ! \
         textoverlay name=o ! appsink name=out sync=false  \
         c.captions ! text/x-raw,format=utf8 ! queue ! o.text_sink",
        mock.url
    );
    let pipeline = gst::parse::launch(&description).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let out = pipeline.by_name("out").unwrap();
    let out = out.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let (mut frames, mut lettered) = (0, 0);
    while let Some(sample) = out.try_pull_sample(gst::ClockTime::from_seconds(30)) {
        let buffer = sample.buffer().unwrap();
        let luma = &buffer.map_readable().unwrap()[..320 * 240];
        frames += 1;
        lettered += u32::from(luma.iter().any(|&level| level > 120));
    }
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(frames == 60 && lettered > 10, "{frames} {lettered}");
}
