//! The whole suite with a captioner at its end: a rendered street whose truth is known, real tracks
//! and real events; and a server that answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::{folder, write_rules};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use vigil_tests::pipeline::Pipeline;

/// Answers everything; to questions it says "A street.".
fn serve() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let body = r#"{"model": "m", "data": [{"id": "m"}],
        "choices": [{"message": {"content": "A street."}, "finish_reason": "stop"}]}"#;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn captions_of_events_and_tracks_name_what_they_are_about() {
    let folder = folder();
    let rules = write_rules(
        folder.path(),
        "[[zone]]\nname = \"left\"\npolygon = [[0,0],[0.5,0],[0.5,1],[0,1]]\nenter-after-ms = 0\n",
    );
    let [events, captions, joined] =
        ["events.jsonl", "captions.jsonl", "joined.jsonl"].map(|name| folder.path().join(name));
    let pipeline = Pipeline::parse(&format!(
        "vigiltestsrc num-buffers=250 ground-truth=true ! vigilevents name=e rules-file={rules} \
         stream-id=cam-1 ! vigilcaption name=c base-url={url} stream-id=cam-1 \
         trigger=event+new-track event-kinds=zone.* min-interval=0 per-minute=0 track-limit=0 \
         queue-size=1000 max-age=3600000000000 eos-timeout=60000000000 ! fakesink sync=false \
         funnel name=f ! filesink location={joined} async=false \
         e.events ! tee name=t1 t1. ! queue ! filesink location={events} async=false t1. ! queue ! f. \
         c.captions ! tee name=t2 t2. ! queue ! filesink location={captions} async=false t2. ! queue ! f.",
        rules = rules.display(),
        url = serve(),
        joined = joined.display(),
        events = events.display(),
        captions = captions.display(),
    ))
    .unwrap();
    pipeline.play(120).unwrap();
    let (events, captions) = (lines(&events), lines(&captions));
    let entered: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["event"] == "zone.entered")
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    assert!(!entered.is_empty(), "nobody entered the zone");
    let about_events: Vec<_> = captions
        .iter()
        .filter(|c| c["event"] == "caption.event")
        .collect();
    for caption in &about_events {
        assert_eq!(caption["data"]["text"], "A street.");
        let parent = caption["parents"][0].as_str().unwrap();
        let event = events.iter().find(|event| event["id"] == parent).unwrap();
        for field in ["stream", "zone"] {
            assert_eq!(caption[field], event[field], "{caption}");
        }
        assert_eq!(caption["object"]["track"], event["object"]["track"]);
    }
    // Each visit was asked about, at its beginning or, where that is newer, at its end.
    let asked: BTreeSet<&str> = about_events
        .iter()
        .map(|c| c["parents"][0].as_str().unwrap())
        .collect();
    assert_eq!(asked, entered);
    let tracks = captions
        .iter()
        .filter(|c| c["event"] == "caption.object")
        .count();
    assert!(tracks > 0, "no caption of a track");
    assert_eq!(lines(&joined).len(), events.len() + captions.len());
}
