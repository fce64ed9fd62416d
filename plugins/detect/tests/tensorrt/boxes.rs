//! What is found is what the CPU's engine finds.

use super::common::alike::{FRAMES, assert_same, found, found_by};
use super::common::pixels::queries;
use super::common::{Rig, frames, rgb, video};
use super::{installed, noise, pixels};
use gst::prelude::*;
use std::sync::Arc;
use vigil_nvidia::tensorrt::abi::Family;

#[test]
fn boxes_of_every_format_are_those_of_the_cpu() {
    let fake = installed(Family::V10, "");
    for format in [
        "NV12", "I420", "YV12", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRA", "GRAY8",
    ] {
        let caps = video(format, 52, 38);
        let gpu = found("tensorrt", "1", &caps, &[]);
        let cpu = found("rten", "1", &caps, &[]);
        assert_same(&gpu, &cpu, format);
    }
    drop(fake);
}

#[test]
fn properties_that_change_pictures_and_boxes_count_on_the_gpu_too() {
    let fake = installed(Family::V11, "");
    let cases: [&[(&str, &str)]; 8] = [
        &[("chroma-resampler", "linear")],
        &[("resize", "area")],
        &[("regions", "[[0.1, 0.1, 0.8, 0.9]]")],
        &[("tiles", "2x2"), ("tile-overlap", "0.3")],
        &[("classes", "bright")],
        &[("max-detections", "4")],
        &[("preprocess", "colour=bgr;fit=stretch")],
        &[("iou-threshold", "0.2"), ("interval", "0")],
    ];
    for more in cases {
        let caps = video("NV12", 90, 66);
        let gpu = found("tensorrt", "N", &caps, more);
        let cpu = found("rten", "N", &caps, more);
        assert_same(&gpu, &cpu, &format!("{more:?}"));
    }
    drop(fake);
}

/// Of a model that is told the size of its pictures beside them.
fn constants_of(family: Family) {
    let fake = installed(family, "");
    let cpu = found_by(&queries("1"), "rten", &rgb(64, 64), &[]);
    for (batch, size) in [("1", "0"), ("N", "3"), ("N", "0")] {
        let more = [("batch-size", size)];
        let gpu = found_by(&queries(batch), "tensorrt", &rgb(64, 64), &more);
        assert_same(&gpu, &cpu, &format!("{family:?}, batch {batch} {size}"));
    }
    drop(fake);
}

#[test]
fn tensorrt_8_is_told_the_size_of_pictures_where_a_model_asks() {
    constants_of(Family::V8);
}

#[test]
fn tensorrt_10_is_told_the_size_of_pictures_where_a_model_asks() {
    constants_of(Family::V10);
}

#[test]
fn tensorrt_11_is_told_the_size_of_pictures_where_a_model_asks() {
    constants_of(Family::V11);
}

/// The engine keeps one TensorRT for a process, so each version has a test.
fn batches_of(family: Family) {
    let fake = installed(family, "");
    let cpu = found("rten", "1", &rgb(64, 64), &[]);
    for (batch, size) in [("1", "0"), ("4", "0"), ("N", "3"), ("N", "0")] {
        let more = [("batch-size", size)];
        let gpu = found("tensorrt", batch, &rgb(64, 64), &more);
        assert_same(&gpu, &cpu, &format!("{family:?}, batch {batch} {size}"));
    }
    drop(fake);
}

#[test]
fn tensorrt_8_finds_the_same_in_batches_of_any_size() {
    batches_of(Family::V8);
}

#[test]
fn tensorrt_10_finds_the_same_in_batches_of_any_size() {
    batches_of(Family::V10);
}

#[test]
fn tensorrt_11_finds_the_same_in_batches_of_any_size() {
    batches_of(Family::V11);
}

#[test]
fn streams_of_one_model_share_runs_of_the_gpu() {
    let fake = installed(Family::V10, "");
    let model = Arc::new(pixels("N"));
    let more = [("engine", "tensorrt"), ("confidence-threshold", "0.7")];
    let cpu = found("rten", "1", &rgb(64, 64), &[]);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let model = model.clone();
            std::thread::spawn(move || {
                let mut rig = Rig::new(&model, &more);
                let caps: gst::Caps = rgb(64, 64).parse().unwrap();
                let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
                for number in 0..FRAMES {
                    let buffer = rig.timed(noise(&info, number));
                    rig.push_buffer(buffer).unwrap();
                }
                let seen = frames(&rig.eos());
                rig.element.set_state(gst::State::Null).unwrap();
                seen.into_iter().map(|s| s.objects).collect::<Vec<_>>()
            })
        })
        .collect();
    for (number, thread) in threads.into_iter().enumerate() {
        let gpu = thread.join().unwrap();
        assert_same(&gpu, &cpu, &format!("stream {number}"));
    }
    drop(fake);
}

#[test]
fn a_plan_is_built_once_and_kept() {
    let fake = installed(Family::V10, "");
    let first = found("tensorrt", "1", &rgb(64, 64), &[]);
    let builds = fake.calls("buildSerializedNetwork");
    assert_eq!(builds, 1);
    let second = found("tensorrt", "1", &rgb(64, 64), &[]);
    assert_eq!(fake.calls("buildSerializedNetwork"), builds, "it is kept");
    assert_same(&second, &first, "the plan from the cache");
    drop(fake);
}
