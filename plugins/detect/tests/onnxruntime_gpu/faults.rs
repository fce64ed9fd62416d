//! What goes wrong is said, with what would be right, and `engine=auto` goes on with another engine.

use super::common::models::Tiny;
use super::common::pixels::{noise, pixels};
use super::common::{self, Rig, rgb};
use super::fake::installed;
use super::{CUDA, TENSORRT, assert_says, refusal};
use gst::prelude::*;
use gstvigildetect::engine::{EngineKind, ModelSource, Precision, choose};
use gstvigildetect::model;
use std::sync::Arc;
use vigil_analytics::objects::Look;

/// Which engine `auto` takes, and why.
fn auto() -> (String, String) {
    let rig = Rig::new(&pixels("1"), &[("engine", "auto")]);
    let stats = rig.stats();
    let text = |name| stats.get::<String>(name).unwrap();
    (text("engine"), text("engine-reason"))
}

#[test]
fn without_a_driver_or_its_gpu_it_is_said_and_auto_takes_another() {
    let Some(fake) = installed("") else { return };
    let text = refusal(&pixels("1"), &[("engine", CUDA), ("device", "5")]);
    assert_says(
        &text,
        &["engine onnxruntime-cuda is not there", "no GPU 5", "has 1"],
    );
    fake.cuda.set("init=100");
    let (engine, reason) = auto();
    assert!(!engine.contains('-'), "{engine}");
    let parts = [
        "onnxruntime-tensorrt is not there",
        "onnxruntime-cuda is not there",
        "no GPU",
    ];
    assert_says(&reason, &parts);
    drop(fake);
}

#[test]
fn without_the_provider_it_is_said_what_the_library_has() {
    let Some(fake) = installed("providers=CUDAExecutionProvider+CPUExecutionProvider") else {
        return;
    };
    let text = refusal(&pixels("1"), &[("engine", TENSORRT)]);
    let parts = [
        "engine onnxruntime-tensorrt is not there",
        "libonnxruntime.so has CUDAExecutionProvider, CPUExecutionProvider only",
        "TensorrtExecutionProvider is needed",
        "VIGIL_ONNXRUNTIME",
    ];
    assert_says(&text, &parts);
    let (engine, reason) = auto();
    assert_eq!(engine, CUDA, "{reason}");
    assert_says(
        &reason,
        &[
            "engine tensorrt is not there",
            "TensorrtExecutionProvider is needed",
        ],
    );
    drop(fake);
}

#[test]
fn a_library_that_the_provider_needs_is_named() {
    let Some(fake) = installed("fail=append-cuda") else {
        return;
    };
    let text = refusal(&pixels("1"), &[("engine", CUDA)]);
    assert_says(&text, &["tiny.onnx", "libcudnn.so.9: cannot open"]);
    let (engine, reason) = auto();
    assert!(!engine.contains('-'), "{engine}");
    assert_says(&reason, &["libcudnn.so.9"]);
    drop(fake);
}

#[test]
fn outputs_that_cannot_stay_on_the_gpu_are_refused_by_name() {
    let Some(fake) = installed("") else { return };
    let mut graph = common::onnx::Graph::new();
    let images = graph.input("images", "1,3,32,32");
    let shape = graph.ints(&[1, 512, 6]);
    let rows = graph.node("Reshape", &[&images, &shape], &[]);
    graph.output(&rows, "output0", "1,512,6");
    // No axis of pictures.
    let shape = graph.ints(&[3, 32, 32]);
    let state = graph.node("Reshape", &[&images, &shape], &[]);
    graph.output(&state, "state", "3,32,32");
    let file = common::models::ModelFile::of(graph);
    let (info, bytes) = model::read(&file.path()).unwrap();
    let source = ModelSource {
        path: file.path(),
        bytes: Arc::new(bytes),
        input: model::plan_input(&info, None).unwrap(),
        info: Arc::new(info),
        precision: Precision::F32,
        device: 0,
        gpu_memory: None,
        batch_on_gpu: 1,
        batch: 1,
    };
    let chosen = choose(&source, Some(EngineKind::OnnxRuntimeCuda), 1);
    let text = chosen.err().unwrap().to_string();
    assert_says(&text, &["output state", "[3, 32, 32]", "for 1 pictures"]);
    drop(fake);
}

#[test]
fn a_limit_of_memory_that_no_batch_fits_in_says_what_is_needed() {
    let Some(fake) = installed("") else { return };
    let model = Tiny {
        batch: "N",
        ..Tiny::default()
    };
    let more = [("engine", CUDA), ("gpu-memory", "1"), ("batch-size", "64")];
    let text = refusal(&model.file(), &more);
    assert_says(
        &text,
        &[
            "gpu-memory allows 1.0 MiB",
            "take 12.0 MiB each",
            "batch-size (now 64)",
        ],
    );
    drop(fake);
}

#[test]
fn a_run_that_fails_is_an_error_of_the_stream() {
    let Some(fake) = installed("") else { return };
    let mut rig = Rig::new(&pixels("1"), &[("engine", CUDA)]);
    rig.push_and_wait(100);
    fake.set("fail=RunWithBinding");
    push_until_it_fails(&mut rig);
    let text = rig.errors().join("\n");
    assert_says(
        &text,
        &["engine onnxruntime-cuda", "RunWithBinding was told to fail"],
    );
    rig.element.set_state(gst::State::Null).unwrap();
    drop(rig);
    drop(fake);
}

#[test]
fn a_gpu_that_is_lost_is_said_with_the_way_out() {
    let Some(fake) = installed("") else { return };
    let mut rig = Rig::new(&pixels("1"), &[("engine", CUDA)]);
    rig.push_and_wait(100);
    fake.cuda.set("lost-at=1");
    push_until_it_fails(&mut rig);
    let text = rig.errors().join("\n");
    assert_says(
        &text,
        &["engine onnxruntime-cuda", "719", "restart the process"],
    );
    rig.element.set_state(gst::State::Null).unwrap();
    // What was on a device that is lost cannot be given back, and the fake would say so.
    std::mem::forget(fake);
}

#[test]
fn memory_that_runs_out_in_a_run_makes_runs_smaller() {
    let Some(fake) = installed("out-of-memory=1") else {
        return;
    };
    let model = pixels("N");
    let mut rig = Rig::new(&model, &[("engine", CUDA), ("batch-size", "4")]);
    rig.push_and_wait(100);
    fake.set("fail=RunWithBinding:1");
    for _ in 0..6 {
        rig.push(200);
    }
    let frames = common::frames(&rig.eos());
    assert_eq!(frames.len(), 7);
    assert!(frames.iter().all(|seen| seen.look == Look::Inferred));
    assert_eq!(rig.errors(), Vec::<String>::new());
    rig.element.set_state(gst::State::Null).unwrap();
    drop(rig);
    drop(fake);
}

fn push_until_it_fails(rig: &mut Rig) {
    let caps: gst::Caps = rgb(64, 64).parse().unwrap();
    let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
    for number in 0..100 {
        let buffer = rig.timed(noise(&info, number));
        if rig.push_buffer(buffer).is_err() {
            break;
        }
    }
}
