//! The summary app, run as a user would run it: on files that a real pipeline wrote, on files that
//! were written by hand so that every figure is known, and on files that are wrong.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use page::Page;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "summary/page.rs"]
mod page;
#[path = "summary/walk.rs"]
mod walk;

/// Runs the app in a folder; the page is `page.html` there.
fn summary(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_summary"))
        .current_dir(folder)
        .args(arguments)
        .args(["--output", "page.html"])
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The page of a run that goes well.
fn page_of(folder: &Path, arguments: &[&str]) -> Page {
    let output = summary(folder, arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    Page::of(std::fs::read_to_string(folder.join("page.html")).unwrap())
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

/// An event as its line; `data` is JSON.
fn event(stream: &str, name: &str, phase: &str, id: &str, ms: u64, what: &str) -> String {
    let (place, track, label, data) = {
        let mut parts = what.splitn(4, ' ');
        let mut next = || parts.next().unwrap();
        (next(), next(), next(), next())
    };
    let place = match name.split('.').next().unwrap() {
        kind @ ("zone" | "line") => format!(r#""{kind}":"{place}","#),
        _ => String::new(),
    };
    format!(
        r#"{{"schema":"vigil/1","id":"{id}","event":"{name}","phase":"{phase}","stream":"{stream}","pts":{},"frame":{{"number":{},"width":640,"height":360}},"rule":"r",{place}"object":{{"track":{track},"label":"{label}","confidence":0.9,"box":{{"x":10,"y":20,"w":30,"h":40}},"first_seen":0}},"data":{data}}}"#,
        ms * 1_000_000,
        ms / 100
    ) + "\n"
}

#[test]
fn the_page_of_a_real_run_says_what_happened_and_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    walk::record(folder.path());
    write(
        folder.path(),
        "run.json",
        r#"{"input": "walk.mkv", "model": "none", "engine": "by hand", "frames": 60, "seconds": 2,
            "latency_ms": {"p50": 8.126, "p95": 12, "p99": 15.5, "max": 40},
            "fps_series": [[0.5, 29], [1, 31], [1.5, 30]],
            "truth": {"precision": 0.99, "events": {"right": 7, "missed": 0}}}"#,
    );
    let page = page_of(
        folder.path(),
        &[
            "events.jsonl",
            "--objects",
            "objects.jsonl",
            "--video",
            "walk.mkv",
            "--run",
            "run.json",
        ],
    );
    check_header(&page);
    check_charts(&page);
    walk::check_pictures(&page.html);

    walk::without_index(folder.path());
    let arguments = ["events.jsonl", "--video", "walk.y4m"];
    walk::check_pictures(&page_of(folder.path(), &arguments).html);
}

/// The key figures of the walk.
fn check_header(page: &Page) {
    assert_eq!(page.all("h1"), ["walk.mkv"]);
    let (events, kinds) = page.figure("events");
    assert_eq!(events, "7");
    assert_eq!(
        kinds,
        [
            "object.appeared 2",
            "object.left 2",
            "line.crossed 1",
            "zone.entered 1",
            "zone.exited 1"
        ]
    );
    let (objects, classes) = page.figure("objects");
    assert_eq!(
        (objects.as_str(), classes),
        ("2", vec!["car 1".into(), "person 1".into()])
    );
    assert_eq!(page.figure("frames per second").0, "30");
    assert_eq!(
        page.figure("median latency"),
        (
            "8.13 ms".into(),
            vec!["p95 12 ms".into(), "p99 15.5 ms".into(), "max 40 ms".into()]
        )
    );
    assert_eq!(page.figure("precision").0, "99 %");
    assert_eq!(page.figure("events: right").0, "7");
    assert!(page.all("header p")[0].contains("60 frames"));
}

/// The lanes and charts of the walk.
fn check_charts(page: &Page) {
    assert_eq!(
        page.lanes(),
        [
            "door zone: 1 visit",
            "gate line: 1 crossing",
            "all object: 2 appearances"
        ]
    );
    // In at frame 18, out at frame 37, of 10 a second.
    let dwell = page.all("#dwell tbody td");
    assert_eq!(
        dwell,
        ["door", "1", "1", "1.9 s", "1.9 s", "1.9 s", "1.9 s"]
    );
    let crossings = page.rows("gate");
    assert_eq!(crossings.last().unwrap()[1..], ["0", "1"]);
    let inside = page.rows("door: objects inside");
    let means: Vec<_> = inside.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(
        means,
        [
            "0", "0", "0", "0", "0.4", "1", "1", "1", "0.4", "0", "0", "0", "0"
        ]
    );
    let present = page.rows("Objects at once");
    // The first frame is at 0.5 s.
    assert_eq!(present[0][1..], ["–", "–"]);
    for row in &present[1..] {
        assert_eq!(row[1..], ["1", "1"], "{row:?}");
    }
}

#[test]
fn figures_of_two_streams_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = String::new();
    for (stream, offset) in [("north", 0), ("south", 1000)] {
        for (name, phase, thing, at, what) in [
            (
                "zone.entered",
                "start",
                "a",
                1000,
                r#"door 1 person {"inside":1}"#,
            ),
            (
                "zone.entered",
                "start",
                "b",
                2000,
                r#"door 2 person {"inside":2}"#,
            ),
            (
                "line.crossed",
                "instant",
                "c",
                2500,
                r#"gate 3 car {"direction":"forward","counts":{"forward":1,"backward":0}}"#,
            ),
            (
                "zone.exited",
                "end",
                "a",
                5000,
                r#"door 1 person {"duration":4.0,"reason":"outside","inside":1}"#,
            ),
            (
                "zone.exited",
                "end",
                "b",
                8000,
                r#"door 2 person {"duration":6.0,"reason":"absent","inside":0}"#,
            ),
        ] {
            // Ids are the streams' own: the same ones may come in both.
            events += &event(stream, name, phase, thing, at + offset, what);
        }
    }
    write(folder.path(), "two.jsonl", &events);
    let page = page_of(folder.path(), &["two.jsonl", "--title", "Two & more"]);
    assert_eq!(page.all("h1"), ["Two & more"]);
    assert!(page.all("header p")[0].contains("2 streams: north, south"));
    assert_eq!(page.figure("events").0, "10");
    assert_eq!(page.figure("objects").1, ["person 4", "car 2"]);
    assert_eq!(
        page.lanes(),
        [
            "door north · zone: 2 visits",
            "door south · zone: 2 visits",
            "gate north · line: 1 crossing",
            "gate south · line: 1 crossing",
        ]
    );
    let dwell = page.all("#dwell tbody tr:first-child td");
    assert_eq!(
        dwell,
        ["door (north)", "2", "2", "5 s", "4 s", "6 s", "6 s"]
    );
    let rows = page.rows("door (south): dwell time");
    let cut: usize = rows
        .iter()
        .map(|row| row[2].parse::<usize>().unwrap())
        .sum();
    assert_eq!(cut, 1, "{rows:?}");
}

#[test]
fn a_hundred_thousand_events_give_a_page_of_reasonable_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = String::new();
    for i in 0..33_334u64 {
        let at = i * 100;
        let id = format!("z{i}");
        let zone = i % 5;
        events += &event(
            "cam",
            "zone.entered",
            "start",
            &id,
            at,
            &format!("zone-{zone} {i} person {{}}"),
        );
        let out = format!(
            "zone-{zone} {i} person {{\"duration\":{}.5,\"reason\":\"outside\"}}",
            i % 9
        );
        events += &event(
            "cam",
            "zone.exited",
            "end",
            &id,
            at + i % 9 * 1000 + 500,
            &out,
        );
        events += &event(
            "cam",
            "line.crossed",
            "instant",
            &format!("l{i}"),
            at,
            &format!("gate {i} car {{\"direction\":\"forward\"}}"),
        );
    }
    write(folder.path(), "many.jsonl", &events);
    let page = page_of(folder.path(), &["many.jsonl"]);
    assert!(page.text.len() < 1_500_000, "{} bytes", page.text.len());
    assert_eq!(page.figure("events").0, "100,002");
    let lanes = page.lanes();
    assert_eq!(lanes.len(), 6);
    assert!(
        lanes.iter().all(|lane| lane.ends_with("as density")),
        "{lanes:?}"
    );
    assert_eq!(page.rows("gate").last().unwrap()[1..], ["33,334", "0"]);
    // Visits to each zone are 0.5 to 8.5 s long, as many of each.
    assert_eq!(page.all("#dwell tbody tr:first-child td")[3], "4.5 s");
}

#[test]
fn odd_events_are_noted_and_shown_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let exited = event(
        "cam",
        "zone.exited",
        "end",
        "x",
        9000,
        r#"door 1 person {"duration":4.0,"reason":"outside","inside":0}"#,
    );
    let entered = event(
        "cam",
        "zone.entered",
        "start",
        "y",
        9500,
        r#"door 2 person {"inside":1}"#,
    );
    let half = &entered[..50];
    write(
        folder.path(),
        "odd.jsonl",
        &format!("{exited}\n{entered}{half}"),
    );
    let output = summary(folder.path(), &["odd.jsonl"]);
    let told = stderr(&output);
    let page = page_of(folder.path(), &["odd.jsonl"]);
    let notes = page.all("#notes .warning");
    for expected in [
        "odd.jsonl:4: the last line breaks off and was left out",
        "1 end has no start in the file",
        "1 start has no end in the file",
    ] {
        assert!(told.contains(expected), "no '{expected}' in: {told}");
        assert!(
            notes.iter().any(|note| note.starts_with(expected)),
            "{notes:?}"
        );
    }
    let marks = page.all(".lane rect.cut title");
    assert!(marks[0].contains("until 0:09.00"), "{marks:?}");
    assert!(marks[1].contains("has not ended"), "{marks:?}");
}

#[test]
fn a_page_without_events_says_that_nothing_happened() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "none.jsonl", "\n");
    let page = page_of(folder.path(), &["none.jsonl"]);
    assert_eq!(page.figure("events").0, "0");
    assert!(
        page.text
            .contains("none.jsonl has no events: nothing happened")
    );
}

#[test]
fn what_is_wrong_is_told_and_leaves_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let good = event(
        "cam",
        "zone.entered",
        "start",
        "y",
        500,
        r#"door 2 person {"inside":1}"#,
    );
    write(folder.path(), "good.jsonl", &good);
    write(folder.path(), "text.jsonl", &format!("{good}hello\n"));
    write(folder.path(), "other.jsonl", "{\"a\": 1}\n");
    write(folder.path(), "fast.json", r#"{"fps": "fast"}"#);
    for (arguments, expected) in [
        (&["no.jsonl"][..], "no.jsonl: No such file"),
        (&["."], "it is a folder"),
        (&["text.jsonl"], "text.jsonl:2: not JSON: "),
        (
            &["other.jsonl"],
            r#"other.jsonl:1: it has no "schema": "vigil/1""#,
        ),
        (
            &["good.jsonl", "--objects", "other.jsonl"],
            "other.jsonl:1: ",
        ),
        (
            &["good.jsonl", "--run", "fast.json"],
            "fast.json: not the figures of a run: invalid type",
        ),
        (&["good.jsonl", "--run", "no.json"], "no.json: No such file"),
        (
            &["good.jsonl", "--video", "v.mp4", "--video-stream", "dog"],
            r#"there is no stream "dog", but "cam""#,
        ),
        (
            &["good.jsonl", "--output", "no/folder/page.html"],
            "there is no folder no/folder",
        ),
        (
            &["good.jsonl", "--output", "good.jsonl"],
            "it would overwrite the input",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_summary"));
        let output = command
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(
            told.starts_with("summary: ") && told.contains(expected),
            "{told}"
        );
        assert!(
            !folder.path().join("summary.html").exists(),
            "{arguments:?}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(folder.path().join("good.jsonl")).unwrap(),
        good
    );
}

#[test]
fn a_video_that_cannot_be_shown_costs_the_pictures_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = String::new();
    for (id, ms) in [("a", 500), ("b", 3_600_000)] {
        events += &event(
            "cam",
            "zone.entered",
            "start",
            id,
            ms,
            r#"door 2 person {"inside":1}"#,
        );
    }
    write(folder.path(), "good.jsonl", &events);
    write(folder.path(), "text.mp4", &"this is no video\n".repeat(100));
    walk::sound(&folder.path().join("sound.wav"));
    walk::short_video(&folder.path().join("short.mkv"));
    for (video, pictures, expected) in [
        (
            "no.mp4",
            0,
            "no.mp4: there is no such file: the page has no pictures",
        ),
        ("text.mp4", 0, "text.mp4: "),
        (
            "sound.wav",
            0,
            "sound.wav: it has no video: the page has no pictures",
        ),
        (
            "short.mkv",
            1,
            "short.mkv: 1 of 2 moments are not in the video",
        ),
    ] {
        let output = summary(folder.path(), &["good.jsonl", "--video", video]);
        let told = stderr(&output);
        assert!(
            output.status.success() && told.contains(expected),
            "{video}: {told}"
        );
        let page = page_of(folder.path(), &["good.jsonl", "--video", video]);
        assert_eq!(page.all(".moment").len(), pictures, "{video}");
        let notes = page.all("#notes .warning");
        assert!(notes.iter().any(|n| n.contains(expected)), "{notes:?}");
    }
}
