//! Other people's elements before, between and behind ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::*;
use serde_json::Value;
use vigil_analytics::objects::{self, BBox, Look};
use vigil_tests::pipeline::Pipeline;
use vigil_tests::watchdog::within;
use vigil_tests::{ball, records};

/// Whether an element is on this machine; a line on standard error if not.
fn is_there(name: &str) -> bool {
    vigil_tests::init();
    let found = gst::ElementFactory::find(name).is_some();
    if !found {
        eprintln!("skipped: this GStreamer has no {name}");
    }
    found
}

/// The objects on a buffer: whether a detector looked, and where they are.
fn boxes(sample: &gst::Sample) -> (Look, Vec<BBox>) {
    let mut found = Vec::new();
    let look = objects::read(sample.buffer().unwrap(), &mut found);
    (look, found.iter().map(|object| object.bbox).collect())
}

/// Plays the scene through a pipeline with `{model}` and `{rules}` in its description, and gives
/// the boxes of each frame at the appsink `video`, and the events.
fn play(frames: u64, description: &str) -> (Vec<(Look, Vec<BBox>)>, Vec<Value>) {
    let folder = folder();
    let model = ball::write_model(folder.path()).unwrap();
    let rules = write_rules(folder.path(), BALL_RULES);
    let description = description
        .replace("{model}", model.to_str().unwrap())
        .replace("{rules}", rules.to_str().unwrap());
    let pipeline = Pipeline::parse(&format!("{} ! {description}", ball::scene(frames))).unwrap();
    let seen = pipeline.collect("video", boxes);
    let messages = pipeline.play(60).unwrap();
    let events = records::of_messages(&messages);
    records::check_story(&events).unwrap();
    (std::mem::take(&mut *seen.items()), events)
}

#[test]
fn an_overlay_draws_what_we_found() {
    let _watchdog = within(100);
    if !is_there("objectdetectionoverlay") {
        return;
    }
    let folder = folder();
    let model = ball::write_model(folder.path()).unwrap();
    let pipeline = Pipeline::parse(&format!(
        "{} ! vigildetect model={} ! vigiltrack ! videoconvert ! \
         objectdetectionoverlay object-detection-outline-color=0xffff0000 draw-labels=false ! \
         videoconvert ! video/x-raw,format=RGB ! appsink name=video sync=false",
        ball::scene(30),
        model.display(),
    ))
    .unwrap();
    // The scene is black and white: what is red was drawn.
    let red = pipeline.collect("video", |sample| {
        let map = sample.buffer().unwrap().map_readable().unwrap();
        let row = ball::SIZE.0 as usize * 3;
        let mut columns = Vec::new();
        for line in map.chunks_exact(row) {
            for (x, pixel) in line.chunks_exact(3).enumerate() {
                if pixel[0] > 150 && pixel[1] < 100 && pixel[2] < 100 {
                    columns.push(x);
                }
            }
        }
        let (_, boxes) = boxes(sample);
        (columns.iter().min().copied(), columns.len(), boxes.len())
    });
    pipeline.play(60).unwrap();
    assert_eq!(red.count(), 30);
    for (frame, (left, pixels, boxes)) in red.items().iter().enumerate() {
        assert_eq!(*boxes, 1);
        assert!(*pixels > 100, "frame {frame}: {pixels} red pixels");
        let (x, _) = ball::centre(frame as u64);
        let expected = x - ball::HALF_BOX;
        let left = left.unwrap() as f64;
        assert!(
            (left - expected).abs() < 14.0,
            "frame {frame}: {left}, not {expected}"
        );
    }
}

#[test]
fn another_tracker_can_stand_between_detector_and_rules() {
    let _watchdog = within(100);
    if !is_there("ioutracker") {
        return;
    }
    let (frames, events) = play(
        ball::PERIOD,
        "vigildetect model={model} ! ioutracker ! vigilevents rules-file={rules} ! \
         appsink name=video sync=false",
    );
    assert_eq!(frames.len() as u64, ball::PERIOD);
    assert!(!records::of_kind(&events, "line.crossed").is_empty());
}

#[test]
fn elements_that_copy_or_convert_between_detector_and_tracker_lose_no_boxes() {
    let _watchdog = within(100);
    for between in [
        "queue",
        "videoconvert ! video/x-raw,format=RGBA ! videoconvert ! video/x-raw,format=NV12",
        "tee ! identity drop-allocation=true",
        "videorate drop-only=true ! queue ! capssetter caps=video/x-raw",
    ] {
        let (frames, events) = play(
            60,
            &format!(
                "vigildetect model={{model}} ! {between} ! vigiltrack ! \
                 vigilevents rules-file={{rules}} ! appsink name=video sync=false"
            ),
        );
        assert_eq!(frames.len(), 60, "{between}");
        for (n, (look, boxes)) in frames.iter().enumerate() {
            assert_eq!(*look, Look::Inferred, "{between}, frame {n}");
            assert_eq!(boxes.len(), 1, "{between}, frame {n}");
        }
        assert_eq!(
            records::of_kind(&events, "line.crossed").len(),
            1,
            "{between}"
        );
    }
}

/// Elements that change the geometry either carry the boxes to the new frame, in its pixels, or
/// drop them all: from GStreamer 1.26 on they carry them through scaling.
#[test]
fn scaling_between_detector_and_tracker_moves_the_boxes_or_drops_them() {
    let _watchdog = within(100);
    let (frames, _) = play(
        60,
        "vigildetect model={model} ! videoscale ! video/x-raw,width=640,height=480 ! vigiltrack ! \
         vigilevents rules-file={rules} ! appsink name=video sync=false",
    );
    check_all_or_none(&frames, |x, y| (2.0 * x, 2.0 * y), 2.0);
}

#[test]
fn cropping_between_detector_and_tracker_moves_the_boxes_or_drops_them() {
    let _watchdog = within(100);
    let (frames, _) = play(
        60,
        "vigildetect model={model} ! videocrop left=40 top=20 ! vigiltrack ! \
         vigilevents rules-file={rules} ! appsink name=video sync=false",
    );
    check_all_or_none(&frames, |x, y| (x - 40.0, y - 20.0), 1.0);
}

/// `place`: where a point of the scene is on the changed frame; `scale`: what a pixel became.
fn check_all_or_none(
    frames: &[(Look, Vec<BBox>)],
    place: impl Fn(f64, f64) -> (f64, f64),
    scale: f64,
) {
    assert_eq!(frames.len(), 60);
    let with_boxes = frames.iter().filter(|(_, boxes)| !boxes.is_empty()).count();
    eprintln!("{with_boxes} of 60 frames kept their boxes");
    assert!(with_boxes == 60 || with_boxes == 0, "{with_boxes} of 60");
    for (n, (_, boxes)) in frames.iter().enumerate() {
        for bbox in boxes {
            let (x, y) = ball::centre(n as u64);
            let (x, y) = place(x - ball::HALF_BOX, (y - ball::HALF_BOX).max(0.0));
            let off = [
                f64::from(bbox.x) - x.max(0.0),
                f64::from(bbox.y) - y.max(0.0),
            ];
            let near = off.iter().all(|off| off.abs() < 13.0 * scale);
            assert!(near, "frame {n}: {bbox:?}, not {x},{y}");
        }
    }
}

#[test]
fn two_detectors_on_one_camera_do_not_see_each_others_boxes() {
    let _watchdog = within(100);
    let folder = folder();
    let model = ball::write_model(folder.path()).unwrap();
    let pipeline = Pipeline::parse(&format!(
        "{} ! tee name=t \
         t. ! queue ! vigildetect model={model} ! vigiltrack ! appsink name=balls sync=false \
         t. ! queue ! vigildetect model={model} confidence-threshold=1 ! vigiltrack ! \
              appsink name=nothing sync=false \
         t. ! queue ! appsink name=plain sync=false",
        ball::scene(90),
        model = model.display(),
    ))
    .unwrap();
    let branches = ["balls", "nothing", "plain"].map(|name| pipeline.collect(name, boxes));
    pipeline.play(60).unwrap();
    for (branch, count) in branches.iter().zip([1, 0, 0]) {
        let found: Vec<_> = branch.items().iter().map(|(_, b)| b.len()).collect();
        assert_eq!(found, [count; 90]);
    }
    for branch in &branches[..2] {
        let is_inferred = |(look, _): &(Look, _)| *look == Look::Inferred;
        assert!(branch.items().iter().all(is_inferred));
    }
}

#[test]
fn a_muxer_takes_events_beside_the_video() {
    let _watchdog = within(100);
    if !is_there("matroskamux") {
        return;
    }
    let folder = folder();
    let model = ball::write_model(folder.path()).unwrap();
    let rules = write_rules(folder.path(), BALL_RULES);
    let path = folder.path().join("events.mkv");
    let pipeline = Pipeline::parse(&format!(
        "matroskamux name=m ! filesink location={} \
         {} ! vigildetect model={} ! vigiltrack ! vigilevents name=e rules-file={} ! \
         jpegenc ! m.video_0  e.events ! text/x-raw,format=utf8 ! m.subtitle_0",
        path.display(),
        ball::scene(90),
        model.display(),
        rules.display(),
    ))
    .unwrap();
    let messages = pipeline.play(60).unwrap();
    let told = records::of_messages(&messages);
    let back = Pipeline::parse(&format!(
        "filesrc location={} ! matroskademux name=d  d.video_0 ! queue ! fakesink \
         d.subtitle_0 ! queue ! appsink name=events sync=false",
        path.display()
    ))
    .unwrap();
    // The muxer makes empty texts of gaps, and the demuxer markup of texts.
    let lines = back.collect("events", |sample| {
        let map = sample.buffer().unwrap().map_readable().unwrap();
        let text = String::from_utf8_lossy(&map).replace("&quot;", "\"");
        let line = text.trim_end_matches(['\n', '\0']);
        (!line.is_empty()).then(|| records::parse(line).unwrap())
    });
    back.play(60).unwrap();
    assert!(told.len() >= 4);
    let lines: Vec<_> = lines.items().iter().flatten().cloned().collect();
    assert_eq!(records::difference(&told, &lines), None);
}
