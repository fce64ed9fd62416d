//! What lines of JSON say.

use super::*;
use vigil_analytics::event::{
    BoxRecord, ClassRecord, Frame, ObjectRecord, ObjectsRecord, SCHEMA, to_line,
};

#[test]
fn records_of_vigilevents_are_read_as_they_are_written() {
    let object = |label: &'static str, confidence, x, coasted| ObjectRecord {
        track: Some(3),
        label: label.into(),
        confidence,
        bbox: BoxRecord {
            x,
            y: 2.5,
            w: 10.25,
            h: 20.75,
        },
        first_seen: Some(5),
        coasted,
        keypoints: vec![[1.0, 2.5, 0.5]],
        classes: vec![ClassRecord {
            label: "red".into(),
            confidence: 0.5,
        }],
        part_of: None,
    };
    let record = |pts: u64, inferred, objects| ObjectsRecord {
        schema: SCHEMA.into(),
        stream: "cam \"1\"".into(),
        pts: Some(pts * MS as u64),
        time: Some("2026-01-01T12:00:00.123Z".into()),
        frame: Frame {
            number: 9,
            width: 100,
            height: 100,
        },
        inferred,
        objects,
    };
    let records = [
        record(
            1000,
            true,
            vec![
                object("person", 0.9123, 1.5, false),
                object("car", 0.25, 3.5, false),
            ],
        ),
        record(1040, false, vec![object("person", 0.9, 2.0, true)]),
        record(1080, true, vec![]),
    ];
    let mut lines: Vec<u8> = records
        .iter()
        .flat_map(|record| to_line(record).unwrap())
        .collect();
    // Events may be among them.
    lines.extend(br#"{"schema":"vigil/1","event":"zone.entered","pts":1,"frame":{"number":1}}"#);
    let recording = load(lines).unwrap();
    assert_eq!(
        (recording.format(), recording.clock()),
        (Format::JsonLines, Clock::Pts)
    );
    assert_eq!(recording.records(), 3);
    let found = at(&recording, 1000).unwrap();
    assert_eq!(labels_of(&recording, &found), ["person", "car"]);
    assert_eq!(found[0].score, 0.9123);
    assert_eq!(found[0].xyxy, [1.5, 2.5, 11.75, 23.25]);
    assert_eq!(at(&recording, 1040), Err(true));
    assert_eq!(at(&recording, 1080), Ok(vec![]));
    assert_eq!(at(&recording, 0), Err(false));
    assert_eq!(at(&recording, 1120), Err(false));
}

#[test]
fn json_lines_of_ones_own_say_when_in_one_of_three_ways() {
    let objects = r#""objects":[{"label":"a","confidence":0.5,"box":{"x":1,"y":2,"w":3,"h":4}}]"#;
    let table = [
        (r#""pts":80000000"#, Clock::Pts),
        (r#""time":0.08"#, Clock::StreamTime),
        (r#""frame":2"#, Clock::FrameNumber),
        (
            r#""frame":{"number":2,"width":100,"height":100}"#,
            Clock::FrameNumber,
        ),
        (r#""time":0.08,"frame":7"#, Clock::StreamTime),
        (r#""time":"12:00:00","frame":2"#, Clock::FrameNumber),
    ];
    for (when, clock) in table {
        let recording = load(format!("{{{when},{objects}}}\n")).unwrap();
        assert_eq!(recording.clock(), clock, "{when}");
        assert_eq!(at(&recording, 80).unwrap().len(), 1, "{when}");
        // A frame that is not in the file was not looked at.
        assert_eq!(at(&recording, 40), Err(false), "{when}");
    }
    // What may be left out.
    let recording = load("{\"time\":0,\"objects\":[{\"box\":{\"x\":1,\"y\":2,\"w\":3,\"h\":4}}]}\n{\"time\":0.04,\"inferred\":false}").unwrap();
    let found = at(&recording, 0).unwrap();
    assert_eq!(labels_of(&recording, &found), ["object"]);
    assert_eq!(found[0].score, 1.0);
    assert_eq!(at(&recording, 40), Err(true));
}

#[test]
fn lines_that_make_no_sense_are_refused_with_their_number() {
    let object = |fields: &str| format!(r#"{{"pts":1,"objects":[{{{fields}}}]}}"#);
    let sized = |size: &str| object(&format!(r#""box":{{"x":1,"y":2,{size}}}"#));
    let table = [
        (
            "{\"pts\":1,\"objects\":[".to_owned(),
            "column 20: EOF while parsing",
        ),
        ("{".to_owned(), "whole on one line"),
        (
            "[]".to_owned(),
            "invalid type: sequence, expected an object with named fields",
        ),
        ("1,-1,1,2,3,4,0.9".to_owned(), "column 1"),
        (r#"{"pts":-1,"objects":[]}"#.to_owned(), "expected u64"),
        (r#"{"pts":1.5,"objects":[]}"#.to_owned(), "expected u64"),
        (r#"{"pts":1}"#.to_owned(), "no \"objects\""),
        (
            r#"{"objects":[]}"#.to_owned(),
            "no \"pts\", which the lines before it have",
        ),
        (
            r#"{"time":1,"objects":[]}"#.to_owned(),
            "no \"pts\", which the lines before it have",
        ),
        (
            r#"{"pts":1,"frame":-1,"objects":[]}"#.to_owned(),
            "\"frame\" must be",
        ),
        (
            r#"{"pts":1,"frame":{"width":"x"},"objects":[]}"#.to_owned(),
            "\"frame\" must be",
        ),
        (
            r#"{"pts":1,"frame":{"width":1e10},"objects":[]}"#.to_owned(),
            "\"frame\" must be",
        ),
        (
            r#"{"schema":"vigil/2","pts":1,"objects":[]}"#.to_owned(),
            "\"vigil/2\": only \"vigil/1\"",
        ),
        (
            r#"{"pts":1,"stream":"b","objects":[]}"#.to_owned(),
            "stream is \"b\" after \"a\"",
        ),
        (object(r#""label":"x""#), "missing field `box`"),
        (
            object(r#""box":[1,2,3,4]"#),
            "sequence, expected an object with named fields",
        ),
        (object(r#""label":7"#), "expected a"),
        (
            r#"{"pts":1,"objects":[[]]}"#.to_owned(),
            "sequence, expected an object",
        ),
        (
            sized(r#""w":-3,"h":4"#),
            "object 1 of 1: w is -3: must not be negative",
        ),
        (sized(r#""w":3,"h":-4"#), "h is -4"),
        (sized(r#""w":NaN,"h":4"#), "column"),
        (sized(r#""w":1e400,"h":4"#), "number out of range"),
        (sized(r#""w":1e300,"h":4"#), "too large"),
    ];
    for (line, words) in table {
        let text = format!("{{\"pts\":0,\"stream\":\"a\",\"objects\":[]}}\n\n{line}\n");
        assert_refused(load(text), &["det.txt:3: ", words]);
    }
    for (line, words) in [
        (
            r#"{"objects":[]}"#,
            "no \"pts\" (nanoseconds), \"time\" (seconds) or \"frame\"",
        ),
        (r#"{"time":-1,"objects":[]}"#, "must be seconds from 0"),
        (r#"{"time":1e300,"objects":[]}"#, "must be seconds from 0"),
        (
            r#"{"time":0,"objects":[]}
            {"frame":1,"objects":[]}"#,
            "det.txt:2: there is no \"time\" in seconds",
        ),
    ] {
        assert_refused(load(line), &["det.txt:", words]);
    }
}

#[test]
fn labels_are_a_finite_set() {
    let lines: Vec<_> = (0..10_001)
        .map(|i| format!(r#"{{"pts":{i},"objects":[{{"label":"text {i}","box":{{"x":1,"y":2,"w":3,"h":4}}}}]}}"#))
        .collect();
    assert_refused(
        load(lines.join("\n")),
        &["det.txt:10001: ", "one of more than 10000"],
    );
}

#[test]
fn classes_that_were_not_seen_are_known_to_records() {
    let line = r#"{"pts":0,"objects":[{"label":"Car","box":{"x":1,"y":2,"w":3,"h":4}}]}"#;
    let mut recording = load(line).unwrap();
    recording.add_labels(["car", "person"]);
    assert_eq!(recording.labels(), ["Car", "person"]);
    let warnings = recording.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("labelled \"person\""), "{warnings:?}");
    let mut recording = load("1,-1,1,2,3,4,0.9\n").unwrap();
    recording.add_labels(["person"]);
    assert_eq!(recording.labels(), ["object"]);
}
