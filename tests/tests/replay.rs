//! Recorded detections in place of a network, in whole pipelines: what was recorded comes out
//! again, and a tracker makes of it what it made before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

use gstvigiltrack::geometry::Rect;
use gstvigiltrack::track::Config;
use serde_json::Value;
use std::path::{Path, PathBuf};
use vigil_analytics::objects;
use vigil_tests::pipeline::Pipeline;
use vigil_tests::watchdog::within;
use vigil_tests::{ball, records};
use vigil_tracking::{Run, Scores, Sequence};

/// Runs the ball's scene through this detector and, if there is one, a tracker, and writes what
/// was found into a file.
fn record(detector: &str, between: &str, to: &Path) -> Vec<Value> {
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect {detector} ! {between} vigilevents name=events stream-id=cam-1 ! \
         fakesink events.objects ! filesink location={}",
        ball::scene(90),
        to.display()
    ))
    .unwrap();
    pipeline.play(60).unwrap();
    records::of_file(to).unwrap()
}

#[test]
fn a_recording_replayed_on_the_same_video_is_the_same_recording() {
    let _watchdog = within(100);
    vigil_tests::init();
    let folder = tempfile::tempdir().unwrap();
    let model = ball::write_model(folder.path()).unwrap();
    let (first, second) = (folder.path().join("1.jsonl"), folder.path().join("2.jsonl"));
    // What the tracker predicted on skipped frames is recorded too, but is not replayed: the
    // second tracker predicts it again.
    for (properties, between) in [("", ""), ("interval=2", ""), ("interval=2", "vigiltrack !")] {
        let network = format!("model={} {properties}", model.display());
        let recorded = record(&network, between, &first);
        let replay = format!("engine=replay model={}", first.display());
        let replayed = record(&replay, between, &second);
        assert_eq!(recorded.len(), 90);
        let looked = recorded.iter().filter(|record| record["inferred"] == true);
        assert_eq!(looked.count(), if properties.is_empty() { 90 } else { 30 });
        let found = |record: &&Value| record["objects"].as_array().is_some_and(|o| !o.is_empty());
        assert!(recorded.iter().filter(found).count() >= 30);
        assert_eq!(records::difference(&recorded, &replayed), None);
    }
}

/// Sequences in MOTChallenge's format, if the optional local test assets are there.
fn sequence(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/mot")
        .join(name);
    if !folder.is_dir() {
        eprintln!("skipped: the optional local test asset ../shared/mot/{name} is not there");
        return None;
    }
    Some(folder)
}

/// A number of `seqinfo.ini`.
fn info(folder: &Path, key: &str) -> u64 {
    let text = std::fs::read_to_string(folder.join("seqinfo.ini")).unwrap();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{key}=")));
    value.unwrap().trim().parse().unwrap()
}

/// The part of a box that is on the frame, as detectors give it.
fn clipped(rect: Rect, (width, height): (f32, f32)) -> Rect {
    let [x1, x2] = [rect.x, rect.x + rect.w].map(|x| x.clamp(0.0, width));
    let [y1, y2] = [rect.y, rect.y + rect.h].map(|y| y.clamp(0.0, height));
    Rect::new(x1, y1, x2 - x1, y2 - y1)
}

/// Identities and boxes on a frame, in the order of the identities.
type Tracks = Vec<(u64, Rect)>;

/// The tracks that the tracker by itself makes of a sequence's detections.
fn direct(folder: &Path, size: (f32, f32), fps: u64) -> (Sequence, Vec<Tracks>) {
    let mut sequence = Sequence::read(folder).unwrap();
    for detections in &mut sequence.detections {
        for detection in detections.iter_mut() {
            detection.bbox = clipped(detection.bbox, size);
        }
        detections.retain(|detection| detection.bbox.w > 0.0 && detection.bbox.h > 0.0);
    }
    let mut tracker = Config::default().build().unwrap();
    let time_of = |number: usize| number as u64 * 1_000_000_000 / fps;
    let said = Run::default().track_at(&mut *tracker, &sequence, time_of);
    let sorted = said.into_iter().map(|frame| {
        let mut tracks: Tracks = frame.iter().map(|said| (said.id, said.bbox)).collect();
        tracks.sort_by_key(|(id, _)| *id);
        tracks
    });
    let tracks = sorted.collect();
    (sequence, tracks)
}

/// The tracks that come out of a pipeline that replays them.
fn replayed(folder: &Path, size: (f32, f32), fps: u64, frames: u64) -> Vec<Tracks> {
    let pipeline = Pipeline::parse(&format!(
        "videotestsrc num-buffers={frames} pattern=black ! \
         video/x-raw,format=GRAY8,width={},height={},framerate={fps}/1 ! \
         vigildetect engine=replay model={} confidence-threshold=0 max-detections=100000 ! \
         vigiltrack ! appsink name=video sync=false max-buffers=8",
        size.0,
        size.1,
        folder.join("det.txt").display()
    ))
    .unwrap();
    let seen = pipeline.collect("video", |sample| {
        let mut found = Vec::new();
        objects::read(sample.buffer().unwrap(), &mut found);
        let tracked = |object: &objects::Object| {
            let bbox = object.bbox;
            Some((object.track?.id, Rect::new(bbox.x, bbox.y, bbox.w, bbox.h)))
        };
        let mut tracks: Tracks = found.iter().filter_map(tracked).collect();
        tracks.sort_by_key(|(id, _)| *id);
        tracks
    });
    pipeline.play(100).unwrap();
    std::mem::take(&mut *seen.items())
}

fn scores(sequence: &Sequence, tracks: &[Tracks]) -> Scores {
    let hypotheses: Vec<Vec<_>> = tracks
        .iter()
        .map(|frame| {
            let hypothesis = |(id, bbox): &(u64, Rect)| vigil_tracking::Hypothesis {
                id: *id,
                bbox: *bbox,
            };
            frame.iter().map(hypothesis).collect()
        })
        .collect();
    Scores::of(sequence, &hypotheses)
}

#[test]
fn a_tracker_makes_the_same_of_a_replay_as_of_the_file() {
    let _watchdog = within(200);
    vigil_tests::init();
    for name in [
        "mot17-yolox/MOT17-05",
        "mot17-yolox/MOT17-02",
        "mot15-frcnn/TUD-Campus",
        "kitti-car/KITTI-0004",
    ] {
        let Some(folder) = sequence(name) else {
            return;
        };
        let size = (
            info(&folder, "imWidth") as f32,
            info(&folder, "imHeight") as f32,
        );
        let (fps, frames) = (info(&folder, "frameRate"), info(&folder, "seqLength"));
        let (sequence, direct) = direct(&folder, size, fps);
        let replayed = replayed(&folder, size, fps, frames);
        assert_eq!(replayed.len(), direct.len(), "{name}");
        for (number, (replayed, direct)) in (1..).zip(replayed.iter().zip(&direct)) {
            assert_eq!(replayed, direct, "{name}, frame {number}");
        }
        let [a, b] = [&replayed, &direct].map(|tracks| scores(&sequence, tracks).hota.hota());
        assert!(a > 20.0 && (a - b).abs() < 1e-9, "{name}: HOTA {a} and {b}");
    }
}
