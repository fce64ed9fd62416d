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
