//! Real libraries: the one for CPUs that is fetched, and one for GPUs where `VIGIL_TEST_ONNXRUNTIME_GPU`
//! names its `libonnxruntime.so`.

use super::common::Rig;
use super::common::pixels::pixels;
use super::{CUDA, TENSORRT, assert_says, fake, refusal};

#[test]
fn a_library_for_cpus_says_that_it_is_one() {
    let Some(real) = fake::real() else {
        println!("skipped: no ONNX Runtime here (./dev engines fetches it)");
        return;
    };
    for (engine, provider) in [
        (CUDA, "CUDAExecutionProvider"),
        (TENSORRT, "TensorrtExecutionProvider"),
    ] {
        let text = refusal(&pixels("1"), &[("engine", engine)]);
        let parts = [
            &format!("engine {engine} is not there: {}", real.display()),
            "CPUExecutionProvider only",
            &format!("{provider} is needed"),
            "onnxruntime-gpu",
            "VIGIL_ONNXRUNTIME",
        ];
        assert_says(&text, &parts);
    }
}

#[test]
fn a_library_for_gpus_says_that_there_is_no_driver_and_auto_takes_another() {
    let Some(path) = std::env::var_os("VIGIL_TEST_ONNXRUNTIME_GPU") else {
        println!("skipped: VIGIL_TEST_ONNXRUNTIME_GPU names no libonnxruntime.so for GPUs");
        return;
    };
    // SAFETY: the test has no other threads yet.
    unsafe {
        std::env::set_var("VIGIL_ONNXRUNTIME", path);
        std::env::set_var("VIGIL_CUDA", "/nowhere/libcuda.so.1");
    }
    for engine in [CUDA, TENSORRT] {
        let text = refusal(&pixels("1"), &[("engine", engine)]);
        assert_says(
            &text,
            &[&format!("engine {engine} is not there"), "no NVIDIA driver"],
        );
    }
    let rig = Rig::new(&pixels("1"), &[("engine", "auto")]);
    let stats = rig.stats();
    let engine = stats.get::<&str>("engine").unwrap();
    assert!(["openvino", "onnxruntime"].contains(&engine), "{engine}");
    let parts = ["engine onnxruntime-cuda is not there", "no NVIDIA driver"];
    assert_says(stats.get::<&str>("engine-reason").unwrap(), &parts);
}
