//! The example apps, run as a user would run them: on a real model and a real video (optional
//! local test assets), else on files that are not there.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{assets, examples, text, with_plugins};
use std::path::Path;
use std::process::Command;

const RULES: &str = "rules/street.toml";

/// A Python that has GStreamer's bindings.
fn python() -> Option<&'static str> {
    let check = "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstApp', '1.0')";
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", check])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        println!("skipped: no python3 with PyGObject and GStreamer's typelibs");
    }
    found
}

fn rust_app() -> Command {
    Command::new(env!("CARGO_BIN_EXE_embed"))
}

fn python_app(python: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(examples().join("embed.py"));
    command
}

/// Runs an app to the end of `frames` frames; its events by their pad and its last lines.
fn run(
    mut app: Command,
    model: &Path,
    video: &Path,
    frames: u32,
) -> (Vec<serde_json::Value>, String) {
    let output = with_plugins(&mut app)
        .args([Path::new("--model"), model, Path::new("--input"), video])
        .arg("--rules")
        .arg(examples().join(RULES))
        .args(["--max-frames", &frames.to_string()])
        .output()
        .unwrap();
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let (lines, summary): (Vec<_>, Vec<_>) = stdout.lines().partition(|l| l.starts_with('{'));
    let events = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    (events, summary.join("\n"))
}

/// What the pad and the bus say is the same, and it says that people appeared.
fn check(events: &[serde_json::Value], summary: &str) {
    assert!(!events.is_empty(), "{summary}");
    let n = events.len();
    assert!(
        summary.starts_with(&format!("{n} events from the pad, {n} from the bus")),
        "{n} events, but: {summary}"
    );
    for event in events {
        assert_eq!(event["schema"], "vigil/1", "{event}");
    }
    assert!(
        events
            .iter()
            .any(|e| e["event"] == "object.appeared" && e["object"]["label"] == "person"),
        "{summary}"
    );
}

#[test]
fn the_rust_app_prints_the_same_events_from_pad_and_bus() {
    let Some((model, video)) = assets() else {
        return;
    };
    let (events, summary) = run(rust_app(), &model, &video, 30);
    check(&events, &summary);
}

#[test]
fn the_python_app_prints_what_the_rust_app_prints() {
    let (Some((model, video)), Some(python)) = (assets(), python()) else {
        return;
    };
    let (events, summary) = run(python_app(python), &model, &video, 30);
    check(&events, &summary);
    let (of_rust, _) = run(rust_app(), &model, &video, 30);
    // Ids are new in each run; everything else is the same.
    let anonymous = |events: &[serde_json::Value]| -> Vec<serde_json::Value> {
        let mut events = events.to_vec();
        for event in &mut events {
            event["id"] = serde_json::Value::Null;
        }
        events
    };
    assert_eq!(anonymous(&events), anonymous(&of_rust));
}

#[test]
fn a_missing_model_ends_the_apps_with_an_error_that_names_it() {
    let python = python();
    let apps = [Some(rust_app()), python.map(python_app)];
    for mut app in apps.into_iter().flatten() {
        let output = with_plugins(&mut app)
            .args(["--model", "no-such-model.onnx", "--input", "/dev/null"])
            .output()
            .unwrap();
        let (stdout, stderr) = text(&output);
        assert!(!output.status.success(), "{stdout}");
        assert!(stderr.contains("no-such-model.onnx"), "{stdout}\n{stderr}");
    }
}
