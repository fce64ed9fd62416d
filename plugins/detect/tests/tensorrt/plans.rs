//! `model=….engine`: plans of the user's own.

use super::common::alike::{assert_same, found, found_by};
use super::common::models::ModelFile;
use super::common::rgb;
use super::faults::assert_says;
use super::{common, installed, pixels};
use gst::prelude::*;
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{Batches, BuildOptions};

/// A plan of the model whose boxes are its pixels, for up to so many pictures, behind a description such as
/// Ultralytics writes.
fn plan(fake: &super::Fake, most: u32, description: &str) -> ModelFile {
    let onnx = std::fs::read(pixels("N").path()).unwrap();
    let options = BuildOptions {
        batches: Batches::up_to(most),
        ..BuildOptions::default()
    };
    let plan = fake.session().build(&onnx, &options).unwrap();
    let mut file = Vec::new();
    if !description.is_empty() {
        file.extend((description.len() as i32).to_le_bytes());
        file.extend(description.bytes());
    }
    file.extend(plan);
    ModelFile::named("mine.engine", file)
}

/// The error of an element that cannot start with this model.
fn refusal(model: &ModelFile, properties: &[(&str, &str)]) -> String {
    let (element, bus) = common::element(Some(model), properties);
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = common::texts(&bus, gst::MessageType::Error);
    element.set_state(gst::State::Null).unwrap();
    errors.join("\n")
}

#[test]
fn a_plan_finds_what_its_model_finds_in_runs_as_large_as_it_was_built_for() {
    let fake = installed(Family::V10, "");
    let names = r#"{"task": "detect", "names": {"0": "dark", "1": "bright"}}"#;
    let cpu = found("rten", "1", &rgb(64, 64), &[]);
    for most in [1, 3, 32] {
        let plan = plan(&fake, most, names);
        let builds = fake.calls("buildSerializedNetwork");
        let gpu = found_by(&plan, "tensorrt", &rgb(64, 64), &[]);
        assert_same(&gpu, &cpu, &format!("up to {most} pictures"));
        assert_eq!(
            fake.calls("buildSerializedNetwork"),
            builds,
            "nothing is built"
        );
    }
    // Names that the plan has not.
    let labels = [("labels", "dark;bright")];
    let gpu = found_by(&plan(&fake, 2, ""), "tensorrt", &rgb(64, 64), &labels);
    assert_same(&gpu, &cpu, "names of the property");
    drop(fake);
}

#[test]
fn auto_runs_a_plan_by_tensorrt_and_every_other_engine_refuses_it() {
    let fake = installed(Family::V10, "");
    let plan = plan(&fake, 4, "");
    let rig = common::Rig::new(&plan, &[("engine", "auto")]);
    assert_eq!(rig.stats().get::<&str>("engine"), Ok("tensorrt"));
    drop(rig);
    for engine in ["rten", "onnxruntime", "onnxruntime-cuda", "openvino"] {
        let text = refusal(&plan, &[("engine", engine)]);
        assert_says(
            &text,
            &["mine.engine", "a plan of TensorRT's", "the ONNX file"],
        );
    }
    let text = refusal(&plan, &[("engine", "tensorrt"), ("precision", "f16")]);
    assert_says(&text, &["property precision is f16", "leave it at f32"]);
    let text = refusal(&plan, &[("engine", "tensorrt"), ("batch-size", "5")]);
    assert_says(&text, &["5", "it was built for 1 to 4"]);
    drop(fake);
}

#[test]
fn a_plan_of_another_gpu_or_none_at_all_is_refused_with_what_would_be_right() {
    let fake = installed(Family::V10, "sm=86");
    let foreign = plan(&fake, 1, "");
    fake.set("sm=90");
    let text = refusal(&foreign, &[]);
    assert_says(
        &text,
        &[
            "mine.engine",
            "compute capability 86",
            "sm_90",
            "build it again",
        ],
    );
    let none = ModelFile::named(
        "none.plan",
        "some text that is no plan, and long enough to be one",
    );
    assert_says(&refusal(&none, &[]), &["none.plan"]);
    let cut = std::fs::read(plan(&fake, 1, "").path()).unwrap();
    let cut = ModelFile::named("cut.engine", &cut[..cut.len() / 2]);
    assert_says(&refusal(&cut, &[]), &["cut.engine"]);
    drop(fake);
}
