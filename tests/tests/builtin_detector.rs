//! The built-in detector on scenes that it was not trained on: `vigiltestsrc ! vigildetect`, with
//! what the scene itself says is there.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gst::prelude::*;
use gstvigiltestsrc::scene::script::Script;
use gstvigiltestsrc::scene::{Scene, SceneKind, SceneOptions};
use std::sync::Arc;
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
const LEAST: (f64, f64) = (0.95, 0.94);
/// Share of false boxes, with a margin; 0.01 is the goal.
const MOST_FALSE: f64 = 0.015;

/// The same of scripts, which put everything everywhere.
const LEAST_OF_SCRIPTS: (f64, f64) = (0.88, 0.90);
const MOST_FALSE_OF_SCRIPTS: f64 = 0.09;
/// The places with somebody in them.
const PLACES: [SceneKind; 4] = [
    SceneKind::Street,
    SceneKind::Crossing,
    SceneKind::Corridor,
    SceneKind::Crowd,
];

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

/// Runs the detector over frames of a scene and judges what it found. `scene` is what the source
/// is told of it beside the seed, `speed` how much faster than natural it goes.
fn judge(tally: &mut Tally, options: SceneOptions, scene: &str, speed: f64, engine: &str) {
    let (width, height) = SIZE;
    let seed = options.seed;
    let pipeline = gst::parse::launch(&format!(
        "vigiltestsrc {scene} seed={seed} noise=0.2 speed={speed} num-buffers={FRAMES} \
         ! video/x-raw,format=I420,width={width},height={height},framerate=1/1 \
         ! vigildetect engine={engine} confidence-threshold=0.01 \
         ! appsink name=frames sync=false max-buffers=4"
    ))
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let frames: gst_app::AppSink = pipeline.by_name("frames").unwrap().downcast().unwrap();
    let mut scene = Scene::new(&SceneOptions { speed, ..options }, width, height).unwrap();
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

/// As [`judge`], of one of the places that the network has seen others of.
fn judge_place(tally: &mut Tally, kind: SceneKind, seed: u64, engine: &str) {
    let options = SceneOptions {
        kind,
        seed,
        objects: 16,
        ..SceneOptions::default()
    };
    let scene = format!("scene={} objects=16", kind.as_str());
    judge(tally, options, &scene, STEP, engine);
}

/// AP50, recall and share of false boxes at the default threshold, which it also prints.
fn figures(tally: &Tally, name: &str) -> (f64, f64, f64) {
    for class in tally.classes() {
        let precision = tally.average_precision(class);
        println!("{name}: AP50 of {class}: {precision:.3}");
    }
    let (mean, recall, wrong) = (
        tally.mean_average_precision(),
        tally.recall(0.25),
        tally.false_share(0.25),
    );
    println!(
        "{name}: {} objects: AP50 {mean:.3}, recall {recall:.3}, false {wrong:.4}",
        tally.objects()
    );
    (mean, recall, wrong)
}

/// A script in which anything goes anywhere: dogs on the road, trucks in the corridor.
fn anything_anywhere(background: SceneKind, seed: u64) -> String {
    let mut state = seed;
    let mut unit = move || {
        // Knuth's constants for a linear congruential generator of 64 bits.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let classes = [
        "person", "dog", "car", "person", "bicycle", "truck", "dog", "person",
    ];
    let object = |class: &&str| {
        let (from, to) = (unit(), unit());
        let ends = (0.35 + 0.6 * unit(), 0.35 + 0.6 * unit());
        format!(
            "[[object]]\nclass = \"{class}\"\npath = [[0.0, {from}, {}], [{}.0, {to}, {}]]\n",
            ends.0,
            FRAMES + 1,
            ends.1
        )
    };
    let objects: String = classes.iter().map(object).collect();
    format!("background = \"{}\"\n{objects}", background.as_str())
}

#[test]
fn unseen_scenes_are_seen_right() {
    let _watchdog = watchdog::within(300);
    vigil_tests::init();
    let mut all = Tally::default();
    for (index, kind) in PLACES.into_iter().enumerate() {
        for seed in 0..3 {
            let seed = FIRST_SEED + 100 * index as u64 + seed;
            judge_place(&mut all, kind, seed, "auto");
        }
    }
    let (mean, recall, wrong) = figures(&all, "places");
    assert!(all.objects() > 1000, "{}", all.objects());
    assert!(mean >= LEAST.0, "AP50 {mean}");
    assert!(recall >= LEAST.1, "recall {recall}");
    assert!(wrong <= MOST_FALSE, "false {wrong}");
}

#[test]
fn what_no_place_has_is_seen_too() {
    let _watchdog = watchdog::within(300);
    vigil_tests::init();
    let folder = tempfile::tempdir().unwrap();
    let mut all = Tally::default();
    for (index, kind) in PLACES.into_iter().enumerate() {
        for seed in 0..2 {
            let seed = FIRST_SEED + 500 + 10 * index as u64 + seed;
            let text = anything_anywhere(kind, seed);
            let file = folder.path().join(format!("{seed}.toml"));
            std::fs::write(&file, &text).unwrap();
            let options = SceneOptions {
                seed,
                script: Some(Arc::new(Script::from_toml(&text, "test").unwrap())),
                ..SceneOptions::default()
            };
            let scene = format!("scene=script script=\"{}\"", file.display());
            judge(&mut all, options, &scene, 1.0, "auto");
        }
    }
    let (mean, recall, wrong) = figures(&all, "scripts");
    assert!(all.objects() > 400, "{}", all.objects());
    assert!(mean >= LEAST_OF_SCRIPTS.0, "AP50 {mean}");
    assert!(recall >= LEAST_OF_SCRIPTS.1, "recall {recall}");
    assert!(wrong <= MOST_FALSE_OF_SCRIPTS, "false {wrong}");
}

#[test]
fn an_empty_street_is_seen_empty() {
    let _watchdog = watchdog::within(300);
    vigil_tests::init();
    let mut tally = Tally::default();
    for seed in 0..4 {
        judge_place(
            &mut tally,
            SceneKind::Empty,
            FIRST_SEED + 900 + seed,
            "rten",
        );
    }
    assert_eq!(tally.objects(), 0);
    assert_eq!(tally.false_share(0.25), 0.0);
}
