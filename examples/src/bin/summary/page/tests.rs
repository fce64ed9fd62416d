use super::*;
use crate::read::Log;
use crate::spans::tests::log;

fn page(log: &Log, run: &str) -> String {
    let run: Run = serde_json::from_str(run).unwrap();
    render("A title", &Figures::of(log, &run), &run, &[])
}

#[test]
fn text_from_files_is_escaped() {
    let evil = "<script>alert(1)</script>\" onload=\"x";
    let line = serde_json::json!({
        "schema": "vigil/1", "id": evil, "event": "line.crossed", "phase": "instant", "stream": evil,
        "pts": 5, "frame": {"number": 0, "width": 1, "height": 1}, "rule": evil, "line": evil,
        "object": {"track": 1, "label": evil, "confidence": 1.0, "first_seen": 0,
                   "box": {"x": 0, "y": 0, "w": 1, "h": 1}},
        "data": {"direction": evil, "counts": {"forward": 1, "backward": 0}}
    });
    let mut log = Log::default();
    log.read("t", line.to_string().as_bytes()).unwrap();
    log.warnings.push(evil.into());
    let run = serde_json::json!({"model": evil, "engine": evil, "truth": {evil: evil}});
    let html = page(&log, &run.to_string());
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(!html.contains("\" onload"), "{html}");
    assert_eq!(html.matches("<script").count(), 1);
}

#[test]
fn every_section_is_there_even_where_nothing_is_known() {
    let html = page(&Log::default(), "{}");
    for (id, name) in SECTIONS {
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
        assert!(html.contains(&format!("<h2>{name}</h2>")), "{name}");
    }
    for text in [
        "No event says",
        "No line was crossed",
        "No zone was entered",
        "Not known",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn the_same_input_gives_the_same_page() {
    let log = log(&[
        ("zone.entered", "start", "A", Some(1.0), r#"{"inside":1}"#),
        (
            "zone.exited",
            "end",
            "A",
            Some(2.0),
            r#"{"duration":1,"reason":"outside","inside":0}"#,
        ),
    ]);
    assert_eq!(page(&log, "{}"), page(&log, "{}"));
}

#[test]
fn numbers_that_make_no_sense_break_nothing() {
    let odd = [
        "0",
        "-5",
        "1.7e308",
        "1e-300",
        "null",
        "true",
        "[]",
        "{}",
        "\"x\"",
        "18446744073709551615",
    ];
    let mut log = Log::default();
    for (i, value) in odd.iter().enumerate() {
        for (kind, phase) in [
            ("zone.entered", "start"),
            ("zone.exited", "end"),
            ("line.crossed", "instant"),
            ("object.appeared", "start"),
            ("object.left", "end"),
            ("what", "update"),
        ] {
            for pts in ["0", "1000000000", "18446744073709551615"] {
                let line = format!(
                    r#"{{"schema":"vigil/1","id":"{i}","event":"{kind}","phase":"{phase}","stream":"s","pts":{pts},"frame":{{"number":0,"width":0,"height":0}},"zone":"z","line":"l","data":{{"duration":{value},"inside":{value},"reason":{value},"direction":"forward","counts":{{"forward":{value},"backward":{value}}}}}}}"#
                );
                log.read("t", line.as_bytes()).unwrap();
            }
        }
    }
    let run = r#"{"fps": -1, "seconds": 1e300, "duration": 1e300, "latency_ms": {"p50": 1.7e308},
                  "fps_series": [[0, 1.7e308], [1e300, -1]], "latency_series": [[5, 0]]}"#;
    let html = page(&log, run);
    assert!(html.len() < 500_000, "{}", html.len());
    for wrong in ["NaN", "inf\"", "-inf"] {
        assert!(!html.contains(wrong), "{wrong}");
    }
}
