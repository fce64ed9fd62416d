//! Identities by what objects look like, on rendered scenes whose truth is known.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "in a test a panic is the report; models are written for other tests too"
)]

#[path = "../../plugins/detect/tests/common/onnx.rs"]
mod onnx;

use gst::prelude::*;
use gstvigiltrack::geometry::Rect;
use onnx::{Attribute, Graph};
use std::path::Path;
use vigil_analytics::objects;
use vigil_analytics::truth_meta::{self, Truth};
use vigil_tests::pipeline::Pipeline;
use vigil_tests::watchdog::within;
use vigil_tracking::{Hypothesis, Scores, Sequence, Truth as TrueBox};

/// What less of an object is to be seen need not be tracked.
const LEAST_VISIBLE: f32 = 0.2;

/// A model whose vector is the mean colours of 3×6 parts of the picture: no good one, but it knows
/// red trousers from blue ones.
fn write_model(path: &Path) {
    let mut graph = Graph::new();
    let images = graph.input("images", "N,3,96,48");
    let kernel = Attribute::Ints("kernel_shape", &[16, 16]);
    let strides = Attribute::Ints("strides", &[16, 16]);
    let pooled = graph.node("AveragePool", &[&images], &[kernel, strides]);
    let flat = graph.node("Flatten", &[&pooled], &[Attribute::Int("axis", 1)]);
    graph.output(&flat, "features", "N,54");
    graph.write(path);
}

/// What a tracker makes of a scene that a detector sees as detectors do.
fn score(scene: &str, tracker: &str) -> Scores {
    let pipeline = Pipeline::parse(&format!(
        "vigiltestsrc {scene} ground-truth=true ground-truth-tracks=false miss-rate=0.1 jitter=0.03 \
         score-noise=0.15 false-positive-rate=0.1 ! \
         video/x-raw,format=NV12,width=640,height=360,framerate=15/1 ! {tracker} ! \
         appsink name=sink sync=false"
    ))
    .unwrap();
    let sink = pipeline.element::<gst_app::AppSink>("sink");
    pipeline.0.set_state(gst::State::Playing).unwrap();
    let (mut truth, mut found) = (Truth::default(), Vec::new());
    let (mut truths, mut said) = (Vec::new(), Vec::new());
    while let Ok(sample) = sink.pull_sample() {
        let buffer = sample.buffer().unwrap();
        assert!(truth_meta::read(buffer, &mut truth));
        truths.push(true_boxes(&truth));
        objects::read(buffer, &mut found);
        let hypothesis = |object: &objects::Object| {
            let bbox = object.bbox;
            Some(Hypothesis {
                id: object.track?.id,
                bbox: Rect::new(bbox.x, bbox.y, bbox.w, bbox.h),
            })
        };
        said.push(found.iter().filter_map(hypothesis).collect());
    }
    let sequence = Sequence {
        name: scene.into(),
        fps: 15.0,
        times: None,
        detections: Vec::new(),
        truth: truths,
    };
    Scores::of(&sequence, &said)
}

/// The objects on a frame; those of which little is to be seen count neither way.
fn true_boxes(truth: &Truth) -> Vec<TrueBox> {
    let size = (truth.width as f32, truth.height as f32);
    let objects = truth.objects.iter().map(|object| {
        let bbox = object.bbox;
        TrueBox {
            id: object.id,
            bbox: Rect::new(bbox.x, bbox.y, bbox.w, bbox.h).clipped(size),
            evaluated: object.visible > LEAST_VISIBLE,
            distractor: object.visible <= LEAST_VISIBLE,
        }
    });
    objects
        .filter(|object| object.bbox.w > 1.0 && object.bbox.h > 1.0)
        .collect()
}

/// Four people walk out of the picture and back into it after three seconds, twice.
fn comings_and_goings() -> String {
    let person = |(i, y): (usize, &f64)| {
        let at = |seconds: f64, x: f64| format!("[{}, {x}, {y}]", seconds + i as f64 * 0.7);
        let path = [
            at(0.0, -0.1),
            at(5.0, 1.1),
            at(8.0, 1.1),
            at(13.0, -0.1),
            at(16.0, -0.1),
            at(21.0, 1.1),
        ];
        format!(
            "[[object]]\nclass = \"person\"\npath = [{}]\n",
            path.join(", ")
        )
    };
    let people = [0.62, 0.70, 0.80, 0.90];
    people.iter().enumerate().map(person).collect()
}

#[test]
fn who_leaves_and_returns_stays_the_same_and_crowds_of_others_are_not_mixed_up() {
    let _watchdog = within(240);
    vigil_tests::init();
    let folder = tempfile::tempdir().unwrap();
    let (model, script) = (folder.path().join("m.onnx"), folder.path().join("s.toml"));
    write_model(&model);
    std::fs::write(&script, comings_and_goings()).unwrap();
    let with = format!(
        "vigiltrack appearance={} appearance-engine=rten",
        model.display()
    );
    let returning = format!("scene=script script={} num-buffers=345", script.display());
    // scenes, what appearances are to change of HOTA and of IDF1 at least on each, and on average
    let returns: Vec<_> = (1..=6).map(|n| format!("{returning} seed={n}")).collect();
    // Nobody here comes back, and many look alike.
    let stays = ["street", "crowd"].map(|s| format!("scene={s} objects=16 seed=2 num-buffers=450"));
    for (scenes, least, on_average) in [(&returns[..], 3.0, 10.0), (&stays[..], -2.0, -1.5)] {
        let mut sums = [0.0; 2];
        for scene in scenes {
            let [by_boxes, by_looks] = ["vigiltrack", &with].map(|tracker| {
                let scores = score(scene, tracker);
                [scores.hota.hota(), scores.identity.idf1()]
            });
            for (sum, (before, after)) in sums.iter_mut().zip(by_boxes.into_iter().zip(by_looks)) {
                *sum += after - before;
                let change = after - before;
                assert!(change >= least, "{scene}: {by_boxes:?}, then {by_looks:?}");
            }
        }
        let means = sums.map(|sum| sum / scenes.len() as f64);
        assert!(means.iter().all(|mean| *mean >= on_average), "{means:?}");
    }
}
