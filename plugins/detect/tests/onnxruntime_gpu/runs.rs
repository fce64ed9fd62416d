//! What is found, and how the library is told to find it.

use super::common::alike::{assert_same, found, found_by};
use super::common::pixels::{pixels, queries};
use super::common::{Rig, rgb, video};
use super::fake::{installed, installed_on};
use super::{CUDA, TENSORRT, assert_says, cuda::Cuda};
use gst::prelude::*;

#[test]
fn both_providers_find_what_the_cpu_finds() {
    let Some(fake) = installed("") else { return };
    for engine in [CUDA, TENSORRT] {
        for format in ["NV12", "RGB", "BGRA", "GRAY8"] {
            let caps = video(format, 52, 38);
            let gpu = found(engine, "1", &caps, &[]);
            let cpu = found("rten", "1", &caps, &[]);
            assert_same(&gpu, &cpu, &format!("{engine}, {format}"));
        }
    }
    drop(fake);
}

#[test]
fn batches_of_any_size_give_the_same() {
    let Some(fake) = installed("") else { return };
    let cpu = found("rten", "1", &rgb(64, 64), &[]);
    for (batch, size) in [("4", "0"), ("N", "3"), ("N", "0")] {
        let gpu = found(CUDA, batch, &rgb(64, 64), &[("batch-size", size)]);
        assert_same(&gpu, &cpu, &format!("batch {batch} {size}"));
    }
    drop(fake);
}

#[test]
fn models_are_told_the_size_of_pictures_where_they_ask() {
    let Some(fake) = installed("") else { return };
    let cpu = found_by(&queries("1"), "rten", &rgb(64, 64), &[]);
    for (batch, size) in [("1", "0"), ("N", "3")] {
        let gpu = found_by(&queries(batch), CUDA, &rgb(64, 64), &[("batch-size", size)]);
        assert_same(&gpu, &cpu, &format!("batch {batch} {size}"));
    }
    drop(fake);
}

#[test]
fn what_the_cpu_has_to_prepare_is_run_on_the_gpu_too() {
    let Some(fake) = installed("") else { return };
    let more = [("resize", "area")];
    let gpu = found(CUDA, "N", &video("NV12", 90, 66), &more);
    let cpu = found("rten", "N", &video("NV12", 90, 66), &more);
    assert_same(&gpu, &cpu, "resize=area");
    drop(fake);
}

#[test]
fn half_precision_converts_the_file_for_cuda_and_tells_tensorrt() {
    let Some(fake) = installed("") else { return };
    let f16 = [("precision", "f16")];
    found(CUDA, "1", &rgb(64, 64), &f16);
    found(TENSORRT, "1", &rgb(64, 64), &f16);
    assert_says(&fake.options("tensorrt"), &["trt_fp16_enable=true"]);
    found(TENSORRT, "1", &rgb(64, 64), &[]);
    assert_says(&fake.options("tensorrt"), &["trt_fp16_enable=false"]);
    drop(fake);
}

#[test]
fn sessions_are_on_the_gpu_and_the_stream_of_their_worker() {
    let Some(fake) = installed_on(Cuda::new("devices=2"), "") else {
        return;
    };
    let more = [("device", "1"), ("gpu-memory", "64")];
    found(TENSORRT, "N", &rgb(64, 64), &more);
    let told = fake.options("cuda");
    assert_says(
        &told,
        &["device_id=1", "has_user_compute_stream=1", "use_tf32=false"],
    );
    // Of the half of a worker its batches have four inputs of 16 pictures.
    let limit = (32 << 20) - 4 * 16 * 3 * 32 * 32 * 4;
    assert_says(&told, &[&format!("gpu_mem_limit={limit}\n")]);
    let told = fake.options("tensorrt");
    let parts = [
        "device_id=1",
        "has_user_compute_stream=1",
        "trt_engine_cache_enable=true",
        "trt_profile_min_shapes=images:1x3x32x32",
        "trt_profile_max_shapes=images:16x3x32x32",
    ];
    assert_says(&told, &parts);
    let folder = told
        .lines()
        .find_map(|line| line.strip_prefix("trt_engine_cache_path="));
    let folder = std::path::Path::new(folder.unwrap());
    assert!(
        folder.is_dir() && folder.starts_with(fake.folder().join("cache/tensorrt/onnxruntime"))
    );
    drop(fake);
}

#[test]
fn runs_are_bound_to_the_gpus_memory_and_waited_for_by_nobody() {
    let Some(fake) = installed("") else { return };
    let mut rig = Rig::new(&pixels("N"), &[("engine", CUDA), ("batch-size", "2")]);
    rig.push_and_wait(100);
    let bound = fake.calls("BindInput");
    let runs = fake.calls("RunWithBinding");
    for _ in 0..10 {
        rig.push_and_wait(100);
    }
    assert_eq!(fake.calls("RunWithBinding") - runs, 10);
    // One worker may have looked at nothing before.
    assert!(
        fake.calls("BindInput") <= bound + 1,
        "each run is bound anew"
    );
    let stats = rig.stats();
    assert_eq!(stats.get::<&str>("engine"), Ok(CUDA));
    assert_says(
        stats.get::<&str>("engine-reason").unwrap(),
        &["ONNX Runtime with CUDA", "libonnxruntime.so", "asked for"],
    );
    rig.element.set_state(gst::State::Null).unwrap();
    drop(rig);
    // What was done wrong, such as waiting for the device, is said here.
    drop(fake);
}
