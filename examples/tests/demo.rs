//! The demo app, run as `make demo` runs it.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{assets, examples, text, with_plugins};
use std::path::Path;
use std::process::{Command, Output};

fn demo(arguments: &[&str], output: &Path) -> Output {
    with_plugins(&mut Command::new(env!("CARGO_BIN_EXE_demo")))
        .args(arguments)
        .arg("--output")
        .arg(output)
        .output()
        .unwrap()
}

#[test]
fn the_demo_leaves_a_video_events_and_a_contact_sheet() {
    let Some((model, video)) = assets() else {
        return;
    };
    let output = tempfile::tempdir().unwrap();
    let rules = examples().join("rules/street.toml");
    let run = demo(
        &[
            "--model",
            model.to_str().unwrap(),
            "--input",
            video.to_str().unwrap(),
            "--rules",
            rules.to_str().unwrap(),
            "--frames",
            "30",
        ],
        output.path(),
    );
    let (stdout, stderr) = text(&run);
    assert!(run.status.success(), "{stdout}\n{stderr}");
    for expected in [
        "frames    30, 480×360 at 10 fps",
        "person",
        "object.appeared",
        "p95",
    ] {
        assert!(stdout.contains(expected), "no '{expected}' in: {stdout}");
    }

    let events = std::fs::read_to_string(output.path().join("events.jsonl")).unwrap();
    assert!(
        events.lines().count() > 3 && events.ends_with('\n'),
        "{events}"
    );

    let sheet = image::open(output.path().join("contact-sheet.png")).unwrap();
    let colours: std::collections::HashSet<_> =
        sheet.to_rgb8().pixels().map(|pixel| pixel.0).collect();
    assert!(
        sheet.width() > 900 && colours.len() > 1000,
        "{} colours",
        colours.len()
    );

    // Finished: the index, which is written last, is there.
    let video = std::fs::read(output.path().join("annotated.mp4")).unwrap();
    assert!(video.windows(4).any(|bytes| bytes == b"moov"));
}

#[test]
fn what_is_missing_is_named() {
    let output = tempfile::tempdir().unwrap();
    let here = file!();
    let here = Path::new(here).file_name().unwrap().to_str().unwrap();
    let here = examples().join("tests").join(here);
    let here = here.to_str().unwrap();
    for (arguments, expected) in [
        (["--model", "no.onnx", "--input", here], "model: no.onnx"),
        (["--model", here, "--input", "no.mp4"], "input: no.mp4"),
        (["--model", here, "--input", here], "demo.rs"),
    ] {
        let run = demo(&arguments, output.path());
        let (stdout, stderr) = text(&run);
        assert_eq!(run.status.code(), Some(1), "{stdout}\n{stderr}");
        assert!(stderr.contains(expected), "no '{expected}' in: {stderr}");
    }
}
