//! What goes wrong is said, with what would be right, and `engine=auto` goes on with another engine.

use super::common::{self, Rig, rgb};
use super::{installed, noise, pixels, pixels_of};
use gst::prelude::*;
use vigil_analytics::objects::Look;
use vigil_nvidia::tensorrt::abi::Family;

/// The error of an element that cannot start.
fn refusal(properties: &[(&str, &str)]) -> String {
    let model = pixels("1");
    let (element, bus) = common::element(Some(&model), properties);
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = common::texts(&bus, gst::MessageType::Error);
    element.set_state(gst::State::Null).unwrap();
    errors.join("\n")
}

#[track_caller]
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
}

#[test]
fn without_a_driver_it_is_said_and_auto_takes_another() {
    // SAFETY: the test has no other threads yet.
    unsafe { std::env::set_var("VIGIL_CUDA", "/nowhere/libcuda.so.1") };
    let text = refusal(&[("engine", "tensorrt")]);
    assert_says(&text, &["engine tensorrt is not there", "no NVIDIA driver"]);
    let rig = Rig::new(&pixels("1"), &[("engine", "auto")]);
    let stats = rig.stats();
    assert_ne!(stats.get::<&str>("engine"), Ok("tensorrt"));
    // Nobody without such a GPU wants to hear of it.
    let reason = stats.get::<&str>("engine-reason").unwrap();
    assert!(!reason.contains("tensorrt"), "{reason}");
}

#[test]
fn without_tensorrt_or_gpu_it_is_said_and_auto_takes_another() {
    let fake = installed(Family::V10, "");
    // SAFETY: the test has no other threads yet.
    unsafe { std::env::set_var("VIGIL_TENSORRT", "/nowhere") };
    let text = refusal(&[("engine", "tensorrt")]);
    assert_says(&text, &["no TensorRT", "VIGIL_TENSORRT", "/nowhere"]);
    let rig = Rig::new(&pixels("1"), &[("engine", "auto")]);
    let stats = rig.stats();
    let reason = stats.get::<&str>("engine-reason").unwrap();
    assert_says(reason, &["engine tensorrt is not there", "no TensorRT"]);
    drop(rig);
    fake.cuda.set("init=100");
    let text = refusal(&[("engine", "tensorrt")]);
    assert_says(&text, &["no GPU"]);
    drop(fake);
}

#[test]
fn a_gpu_that_is_not_there_is_named_with_how_many_there_are() {
    let fake = installed(Family::V10, "");
    let text = refusal(&[("engine", "tensorrt"), ("device", "3")]);
    assert_says(&text, &["no GPU 3", "has 1"]);
    drop(fake);
}

#[test]
fn an_operator_that_tensorrt_does_not_know_is_named_with_its_node() {
    let fake = installed(Family::V10, "");
    let model = common::models::Tiny::default().file();
    let (element, bus) = common::element(Some(&model), &[("engine", "tensorrt")]);
    assert!(element.set_state(gst::State::Paused).is_err());
    let text = common::texts(&bus, gst::MessageType::Error).join("\n");
    element.set_state(gst::State::Null).unwrap();
    assert_says(&text, &["tiny.onnx", "ReduceMean", "node"]);
    let rig = Rig::new(&model, &[("engine", "auto")]);
    let stats = rig.stats();
    assert_ne!(stats.get::<&str>("engine"), Ok("tensorrt"));
    let reason = stats.get::<&str>("engine-reason").unwrap();
    assert_says(
        reason,
        &["engine tensorrt cannot load", "ReduceMean", "node"],
    );
    drop(rig);
    drop(fake);
}

#[test]
fn precision_that_an_engine_has_not_is_refused() {
    let text = refusal(&[("engine", "rten"), ("precision", "f16")]);
    assert_says(&text, &["precision=f16", "engine=tensorrt"]);
    let fake = installed(Family::V10, "");
    let text = refusal(&[("engine", "tensorrt"), ("precision", "bf16")]);
    assert_says(&text, &["precision=bf16", "engine=openvino"]);
    drop(fake);
}

#[test]
fn a_run_that_fails_is_an_error_of_the_stream() {
    let fake = installed(Family::V10, "");
    let model = pixels("1");
    let mut rig = Rig::new(&model, &[("engine", "tensorrt")]);
    rig.push_and_wait(100);
    fake.set("fail=enqueueV3");
    fake.cuda.set("lost-at=1");
    let caps: gst::Caps = rgb(64, 64).parse().unwrap();
    let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
    for number in 0..100 {
        let buffer = rig.timed(noise(&info, number));
        if rig.push_buffer(buffer).is_err() {
            break;
        }
    }
    let text = rig.errors().join("\n");
    assert_says(&text, &["engine tensorrt", "719", "restart the process"]);
    rig.element.set_state(gst::State::Null).unwrap();
    // What was on a device that is lost cannot be given back, and the fake would say so.
    std::mem::forget(fake);
}

#[test]
fn memory_that_runs_out_in_mid_stream_costs_no_frame() {
    let fake = installed(Family::V10, "");
    let model = pixels("N");
    let mut rig = Rig::new(&model, &[("engine", "tensorrt"), ("batch-size", "4")]);
    rig.push_and_wait(100);
    // Larger frames need more memory on their way up.
    rig.caps(&rgb(640, 480));
    fake.cuda.set("oom-at=1");
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

#[test]
fn a_limit_of_memory_makes_runs_smaller_or_says_what_is_needed() {
    let fake = installed(Family::V10, "");
    // Of 16 pictures a run is too large, of fewer not.
    let model = pixels_of("N", 64);
    let limited = [("engine", "tensorrt"), ("gpu-memory", "3")];
    for more in [&limited[..1], &limited] {
        let before = fake.cuda.used(0);
        let mut rig = Rig::new(&model, more);
        rig.push_and_wait(100);
        let taken = fake.cuda.used(0) - before;
        assert_eq!(taken <= 3 << 20, more.len() > 1, "{taken}");
        assert_eq!(rig.errors(), Vec::<String>::new());
        let stats = rig.stats();
        assert_eq!(stats.get::<u64>("uploads"), Ok(1));
        rig.element.set_state(gst::State::Null).unwrap();
    }
    // One picture alone.
    let model = pixels_of("N", 512);
    let (element, bus) = common::element(Some(&model), &limited);
    assert!(element.set_state(gst::State::Paused).is_err());
    let text = common::texts(&bus, gst::MessageType::Error).join("\n");
    element.set_state(gst::State::Null).unwrap();
    let parts = [
        "property gpu-memory is too low",
        "a single picture needs",
        "1.5 MiB are allowed to each of 2 workers",
    ];
    assert_says(&text, &parts);
    drop(element);
    drop(fake);
}

#[test]
fn a_limit_that_the_engine_alone_exceeds_names_both() {
    let fake = installed(Family::V10, "device-memory=8388608");
    let text = refusal(&[("engine", "tensorrt"), ("gpu-memory", "3")]);
    let parts = [
        "gpu-memory allows 3.0 MiB",
        "its 2 workers 8.0 MiB beside pictures",
    ];
    assert_says(&text, &parts);
    let rig = Rig::new(&pixels("1"), &[("engine", "auto"), ("gpu-memory", "3")]);
    let stats = rig.stats();
    let reason = stats.get::<&str>("engine-reason").unwrap();
    assert_says(reason, &["gpu-memory allows 3.0 MiB"]);
    drop(rig);
    drop(fake);
}
