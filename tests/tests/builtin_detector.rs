//! The built-in detector on scenes that it was not trained on: `vigiltestsrc ! vigildetect`, with
//! what the scene itself says is there.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gst::prelude::*;
use gstvigiltestsrc::scene::{Scene, SceneKind, SceneOptions};
use vigil_tests::pipeline::found;
use vigil_tests::precision::{Tally, Truth};
use vigil_tests::watchdog;

const SIZE: (u32, u32) = (1280, 720);
const FRAMES: u32 = 12;
/// Seconds of the scene between two frames: others are there by then.
const STEP: f64 = 3.0;
/// Seeds from here on are used by no training set.
const FIRST_SEED: u64 = 9_000_001;
/// At 320 pixels of the model's input, less than this cannot be told from noise.
const LEAST_HEIGHT: f32 = 32.0;
/// AP50 and recall of the network that is built in, less a margin; 0.97 of each is the goal.
const LEAST: (f64, f64) = (0.84, 0.74);
/// Share of false boxes, with a margin; 0.01 is the goal.
const MOST_FALSE: f64 = 0.015;

/// What there is on a frame, as the scene draws it.
fn truth(scene: &mut Scene, time: f64) -> Vec<Truth> {
    scene.look(time);
    let (width, height) = (SIZE.0 as f32, SIZE.1 as f32);
    let object = |object: &gstvigiltestsrc::scene::Object| {
        let (x, y) = (object.x.max(0.0), object.y.max(0.0));
        let (right, bottom) = (
            (object.x + object.w).min(width),
            (object.y + object.h).min(height),
        );
        Truth {
            name: object.class.as_str().into(),
            xyxy: [x, y, right, bottom],
            counts: object.visible >= 0.5 && bottom - y >= LEAST_HEIGHT,
        }
    };
    scene.truth().iter().map(object).collect()
}

/// Runs the detector over frames of a scene and judges what it found.
fn judge(tally: &mut Tally, kind: SceneKind, seed: u64, engine: &str) {
    let (width, height) = SIZE;
    let scene_name = kind.as_str();
    let pipeline = gst::parse::launch(&format!(
        "vigiltestsrc scene={scene_name} seed={seed} objects=16 noise=0.2 speed={STEP} num-buffers={FRAMES} \
         ! video/x-raw,format=I420,width={width},height={height},framerate=1/1 \
         ! vigildetect engine={engine} confidence-threshold=0.01 \
         ! appsink name=frames sync=false max-buffers=4"
    ))
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let frames: gst_app::AppSink = pipeline.by_name("frames").unwrap().downcast().unwrap();
    let options = SceneOptions {
        kind,
        seed,
        objects: 16,
        speed: STEP,
        ..SceneOptions::default()
    };
    let mut scene = Scene::new(&options, width, height).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for _ in 0..FRAMES {
        let sample = frames.pull_sample().unwrap();
        let buffer = sample.buffer().unwrap();
        let time = buffer.pts().unwrap().nseconds() as f64 / 1e9;
        let (_, found) = found(buffer);
        tally.add(&truth(&mut scene, time), &found);
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn unseen_scenes_are_seen_right() {
    let _watchdog = watchdog::within(300);
    vigil_tests::init();
    let mut all = Tally::default();
    for (index, kind) in [
        SceneKind::Street,
        SceneKind::Crossing,
        SceneKind::Corridor,
        SceneKind::Crowd,
    ]
    .into_iter()
    .enumerate()
    {
        for seed in 0..3 {
            judge(
                &mut all,
                kind,
                FIRST_SEED + 100 * index as u64 + seed,
                "auto",
            );
        }
    }
    for class in all.classes() {
        println!("AP50 of {class}: {:.3}", all.average_precision(class));
    }
    let (mean, recall, wrong) = (
        all.mean_average_precision(),
        all.recall(0.25),
        all.false_share(0.25),
    );
    println!(
        "{} objects: AP50 {mean:.3}, recall {recall:.3}, false {wrong:.4}",
        all.objects()
    );
    assert!(all.objects() > 1000, "{}", all.objects());
    assert!(mean >= LEAST.0, "AP50 {mean}");
    assert!(recall >= LEAST.1, "recall {recall}");
    assert!(wrong <= MOST_FALSE, "false {wrong}");
}

#[test]
fn an_empty_street_is_seen_empty() {
    let _watchdog = watchdog::within(300);
    vigil_tests::init();
    let mut tally = Tally::default();
    for seed in 0..4 {
        judge(
            &mut tally,
            SceneKind::Empty,
            FIRST_SEED + 900 + seed,
            "rten",
        );
    }
    assert_eq!(tally.objects(), 0);
    assert_eq!(tally.false_share(0.25), 0.0);
}
