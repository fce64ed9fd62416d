//! The demo app, run as `make demo` runs it.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{assets, examples, text, with_plugins};
use gst::prelude::*;
use gst_video::prelude::*;
use image::GrayImage;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn command(arguments: &[&str], output: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    with_plugins(&mut command)
        .args(arguments)
        .arg("--output")
        .arg(output);
    command
}

fn demo(arguments: &[&str], output: &Path) -> Output {
    command(arguments, output).output().unwrap()
}

/// Standard output and standard error of a run that must have gone well.
#[track_caller]
fn success(run: &Output) -> (String, String) {
    let (stdout, stderr) = text(run);
    assert!(run.status.success(), "{stdout}\n{stderr}");
    (stdout, stderr)
}

#[track_caller]
fn assert_contains(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "no '{expected}' in: {text}");
    }
}

fn read(file: PathBuf) -> String {
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The rendered clip in an output folder.
fn clip(output: &Path) -> PathBuf {
    let entries = std::fs::read_dir(output).unwrap().flatten();
    let mut clips: Vec<_> = entries
        .map(|entry| entry.path().join("clip.mp4"))
        .filter(|clip| clip.exists())
        .collect();
    assert_eq!(clips.len(), 1, "{clips:?}");
    clips.remove(0)
}

/// The brightness of each frame of a video.
fn frames(video: &Path) -> Vec<GrayImage> {
    gst::init().unwrap();
    let video = video.to_str().unwrap();
    let pipeline = format!(
        "filesrc location=\"{video}\" ! qtdemux ! h264parse ! avdec_h264 ! videoconvert \
         ! video/x-raw,format=GRAY8 ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&pipeline).unwrap();
    let bin = pipeline.downcast_ref::<gst::Bin>().unwrap();
    let sink = bin.by_name("out").unwrap();
    let sink = sink.downcast_ref::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut frames = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
        let buffer = sample.buffer().unwrap();
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
        let (data, stride) = (frame.plane_data(0).unwrap(), frame.plane_stride()[0] as u32);
        frames.push(GrayImage::from_fn(info.width(), info.height(), |x, y| {
            image::Luma([data[(y * stride + x) as usize]])
        }));
    }
    pipeline.set_state(gst::State::Null).unwrap();
    frames
}

/// Mean difference of two pictures at these places; those outside are left out.
fn difference(a: &GrayImage, b: &GrayImage, places: impl Iterator<Item = (u32, u32)>) -> f64 {
    let differences: Vec<_> = places
        .filter_map(|(x, y)| Some((a.get_pixel_checked(x, y)?, b.get_pixel_checked(x, y)?)))
        .map(|(a, b)| f64::from(a.0[0].abs_diff(b.0[0])))
        .collect();
    differences.iter().sum::<f64>() / differences.len() as f64
}

/// The places of the edges of a box of an `objects` record.
fn edges(bbox: &Value) -> Vec<(u32, u32)> {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| bbox[name].as_f64().unwrap().round() as u32);
    let across = (x..x + w).flat_map(|x| [(x, y), (x, y + h - 1)]);
    let down = (y..y + h).flat_map(|y| [(x, y), (x + w - 1, y)]);
    across.chain(down).collect()
}

#[test]
fn without_arguments_it_renders_a_street_and_says_how_well_it_did() {
    let output = tempfile::tempdir().unwrap();
    let output = output.path();
    let run = demo(&["--frames", "90"], output);
    let (stdout, stderr) = success(&run);
    assert_contains(
        &stdout,
        &[
            "a rendered street with the built-in detector",
            "frames    90, 1280×720 at 30 fps",
            "p95",
            "precision",
            "HOTA",
            "right",
            "summary.html",
        ],
    );
    assert!(!stderr.contains("WARNING"), "{stderr}");
    for file in [
        "annotated.mp4",
        "contact-sheet.png",
        "rules.toml",
        "expected-events.jsonl",
    ] {
        let length = std::fs::metadata(output.join(file)).map(|file| file.len());
        assert!(
            length.as_ref().is_ok_and(|n| *n > 500),
            "{file}: {length:?}"
        );
    }
    assert!(read(output.join("events.jsonl")).lines().count() > 2);
    assert_contains(
        &read(output.join("summary.html")),
        &["<html", "a rendered street"],
    );

    let figures: Value = serde_json::from_str(&read(output.join("run.json"))).unwrap();
    assert_eq!(figures["frames"], 90);
    let truth = &figures["truth"];
    for figure in ["precision", "recall", "hota", "idf1"] {
        let share = truth[figure].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&share), "{figure}: {figures}");
    }
    let right = truth["events"]["right"].as_u64().unwrap();
    assert!(right > 2 && truth["events"]["missed"].is_u64(), "{figures}");
    assert!(figures["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert!(!figures["fps_series"].as_array().unwrap().is_empty());

    boxes_are_drawn_where_objects_are(output);

    // The same again takes the clip that is there.
    let clip = clip(output);
    let rendered = std::fs::metadata(&clip).unwrap().modified().unwrap();
    success(&demo(&["--frames", "90"], output));
    assert_eq!(
        std::fs::metadata(&clip).unwrap().modified().unwrap(),
        rendered
    );
}

fn boxes_are_drawn_where_objects_are(output: &Path) {
    let (plain, annotated) = (frames(&clip(output)), frames(&output.join("annotated.mp4")));
    let objects = read(output.join("objects.jsonl"));
    assert_eq!(
        [plain.len(), annotated.len(), objects.lines().count()],
        [90; 3]
    );
    let mut seen = 0;
    for (number, line) in objects.lines().enumerate().skip(30).step_by(20) {
        let record: Value = serde_json::from_str(line).unwrap();
        let objects = record["objects"].as_array().unwrap();
        let known: Vec<_> = objects.iter().filter(|o| o["track"].is_u64()).collect();
        seen += known.len();
        let (plain, annotated) = (&plain[number], &annotated[number]);
        let places = known.iter().flat_map(|object| edges(&object["box"]));
        let drawn = difference(plain, annotated, places);
        // The houses, in front of which there is nothing to draw on.
        let houses = (0..100).flat_map(|y| (600..1280).map(move |x| (x, y)));
        let rest = difference(plain, annotated, houses);
        assert!(
            drawn > 25.0 && rest < 5.0,
            "frame {number}: {drawn} there, {rest} elsewhere"
        );
    }
    assert!(seen > 10, "{seen} objects on three frames");
}

#[test]
fn the_built_in_detector_says_that_it_knows_rendered_scenes_only() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    success(&demo(&["--frames", "20", "--seed", "3"], first.path()));
    let clip = clip(first.path());
    let run = demo(
        &["--input", clip.to_str().unwrap(), "--frames", "10"],
        second.path(),
    );
    let (stdout, stderr) = success(&run);
    assert_contains(&stderr, &["NOTE", "rendered scenes"]);
    assert_contains(
        &stdout,
        &["clip.mp4 with the built-in detector", "frames    10,"],
    );
    // Of somebody's video no truth is known.
    assert!(!stdout.contains("truth"), "{stdout}");
    assert!(!second.path().join("expected-events.jsonl").exists());
}

#[test]
fn a_model_and_a_video_of_the_users_are_taken() {
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
    let (stdout, stderr) = success(&run);
    let expected = [
        "frames    30, 480×360 at 10 fps",
        "person",
        "object.appeared",
        "p95",
    ];
    assert_contains(&stdout, &expected);
    assert!(!stderr.contains("NOTE"), "{stderr}");

    let events = read(output.path().join("events.jsonl"));
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
    assert_eq!(frames(&output.path().join("annotated.mp4")).len(), 30);
}

#[test]
fn what_is_interrupted_leaves_finished_files() {
    let output = tempfile::tempdir().unwrap();
    // Long enough not to be over before it is interrupted.
    let video = output.path().join("long.mp4");
    gst::init().unwrap();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc num-buffers=6000 pattern=black ! video/x-raw,width=320,height=240 \
         ! x264enc speed-preset=ultrafast ! mp4mux ! filesink location=\"{}\"",
        video.display()
    ))
    .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = pipeline.bus().unwrap().timed_pop_filtered(
        gst::ClockTime::from_seconds(100),
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    assert_eq!(end.map(|end| end.type_()), Some(gst::MessageType::Eos));
    pipeline.set_state(gst::State::Null).unwrap();

    let mut command = command(&["--input", video.to_str().unwrap()], output.path());
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = piped.spawn().unwrap();
    let objects = output.path().join("objects.jsonl");
    while std::fs::metadata(&objects).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = run.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let run = run.wait_with_output().unwrap();
    let (stdout, stderr) = success(&run);
    assert_contains(&stderr, &["finishing the files"]);
    assert_contains(&stdout, &["events    0", "annotated.mp4"]);
    let recorded = frames(&output.path().join("annotated.mp4")).len();
    assert!((1..6000).contains(&recorded), "{recorded} frames");
    assert_eq!(read(objects).lines().count(), recorded);
}

#[test]
fn what_is_missing_is_named() {
    let output = tempfile::tempdir().unwrap();
    let here = file!();
    let here = Path::new(here).file_name().unwrap().to_str().unwrap();
    let here = examples().join("tests").join(here);
    let here = here.to_str().unwrap();
    for (arguments, expected) in [
        (
            &["--model", "no.onnx", "--input", here][..],
            "model: no.onnx",
        ),
        (&["--model", "no.onnx"], "model: no.onnx"),
        (&["--model", here, "--input", "no.mp4"], "input: no.mp4"),
        (&["--input", "no.mp4"], "input: no.mp4"),
        (&["--rules", "no.toml"], "rules: no.toml"),
        (&["--model", here, "--input", here], "demo.rs"),
    ] {
        let run = demo(arguments, output.path());
        let (stdout, stderr) = text(&run);
        assert_eq!(run.status.code(), Some(1), "{stdout}\n{stderr}");
        assert!(stderr.contains(expected), "no '{expected}' in: {stderr}");
    }
}
