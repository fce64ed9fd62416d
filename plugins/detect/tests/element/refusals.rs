//! What cannot be used is refused on the way to PAUSED, in words that help.

use crate::common::models::{self, Layout, ModelFile, Tiny};
use crate::common::{self, Watchdog};
use gst::prelude::*;

/// The error with which the element refuses to go to PAUSED.
#[track_caller]
fn refusal(model: Option<&ModelFile>, properties: &[(&str, &str)]) -> String {
    let _watchdog = Watchdog::new();
    let (element, bus) = common::element(model, &[("engine", "rten")]);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    assert!(
        element.set_state(gst::State::Paused).is_err(),
        "{properties:?}"
    );
    let errors = common::texts(&bus, gst::MessageType::Error);
    element.set_state(gst::State::Null).unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn without_a_model_the_built_in_one_is_taken() {
    for model in [None, Some("")] {
        let _watchdog = Watchdog::new();
        let (element, _bus) = common::element(None, &[("engine", "rten")]);
        element.set_property("model", model);
        element.set_state(gst::State::Paused).unwrap();
        let stats: gst::Structure = element.property("stats");
        assert_eq!(stats.get::<&str>("head"), Ok("yolov8"));
        assert_eq!(stats.get::<u32>("classes"), Ok(5));
        assert_eq!(stats.get::<&str>("labels-source"), Ok("model metadata"));
        element.set_property_from_str("classes", "person;dog");
        element.set_state(gst::State::Null).unwrap();
    }
    assert_says(
        &refusal(None, &[("classes", "cow")]),
        &["property classes", "cow", "person"],
    );
    assert_says(
        &refusal(None, &[("engine", "replay")]),
        &["property model", "det.txt"],
    );
}

#[test]
fn files_that_are_no_models() {
    let whole = std::fs::read(Tiny::default().file().path()).unwrap();
    let random: Vec<u8> = (0u32..5000)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80)
        .collect();
    let table: [(&[u8], &[&str]); 7] = [
        (b"", &["is empty"]),
        (
            b"a text, not a model\n",
            &["not an ONNX file", "a text file"],
        ),
        (b"<!DOCTYPE html><html>", &["an HTML page"]),
        (&random, &["not an ONNX file", "binary data"]),
        (&whole[..whole.len() / 2], &["truncated", "bytes"]),
        (&whole[..whole.len() - 1], &["truncated", "bytes"]),
        (&whole[..5], &["truncated", "has 5 bytes"]),
    ];
    for (content, parts) in table {
        let file = ModelFile::new(content);
        let text = refusal(Some(&file), &[]);
        assert_says(&text, parts);
        assert_says(&text, &[file.path().to_str().unwrap()]);
    }
}

#[test]
fn damaged_models_are_refused_or_run_but_never_hang_or_crash() {
    let whole = std::fs::read(Tiny::default().file().path()).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let _watchdog = Watchdog::new();
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let file = ModelFile::new(&bytes);
        let (element, bus) = common::element(Some(&file), &[("engine", "rten")]);
        let refused = element.set_state(gst::State::Paused).is_err();
        let errors = common::texts(&bus, gst::MessageType::Error);
        assert_eq!(errors.len(), usize::from(refused), "byte {at}: {errors:?}");
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn paths_without_a_file() {
    let missing = ModelFile::missing();
    let path = missing.path();
    assert_says(
        &refusal(Some(&missing), &[]),
        &[path.to_str().unwrap(), "does not exist"],
    );
    let folder = missing.folder().to_str().unwrap();
    assert_says(
        &refusal(None, &[("model", folder)]),
        &[folder, "a folder", "path of an .onnx file"],
    );
    assert_says(
        &refusal(None, &[("model", "/dev/zero")]),
        &["/dev/zero", "not a file"],
    );
}

#[test]
fn models_of_which_nobody_says_what_they_are() {
    let file = models::classifier();
    assert_says(
        &refusal(Some(&file), &[]),
        &[
            "\"scores\" [1, 10]",
            "property head",
            "classify-logits",
            "scores f32[1,10]",
        ],
    );
    assert_says(
        &refusal(Some(&file), &[("head", "yolov8")]),
        &["2 axes", "scores f32[1,10]", "Supported: object detectors"],
    );
}

#[test]
fn what_does_not_go_with_objects_or_with_classifiers() {
    let file = models::Colours::default().file();
    let objects = ("on", "objects");
    for (properties, parts) in [
        (&[objects, ("tiles", "2x2")][..], ["on is objects", "tiles"]),
        (
            &[objects, ("engine", "replay")],
            ["on is objects", "on=frame"],
        ),
        (&[("tiles", "2x2")], ["tiles", "classifier"]),
        (&[("labels", "a;b")], ["labels", "3 classes"]),
        (&[("classes", "yellow")], ["classes", "yellow"]),
        (&[("head", "yolov8")], ["colour", "2 axes"]),
    ] {
        assert_says(&refusal(Some(&file), properties), &parts);
    }
    #[cfg(feature = "v1_26")]
    assert_says(
        &refusal(Some(&file), &[objects, ("attach-tensors", "true")]),
        &["on is objects", "attach-tensors"],
    );
}

#[test]
fn a_precision_that_the_engine_does_not_have() {
    let file = Tiny::default().file();
    assert_says(
        &refusal(Some(&file), &[("precision", "bf16")]),
        &["rten", "precision=bf16", "openvino"],
    );
}

#[test]
fn operators_that_the_engine_does_not_know() {
    let file = ModelFile::missing();
    let mut graph = common::onnx::Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let boxes = graph.node("GuessBoxes", &[&images], &[]);
    graph.output(&boxes, "output0", "1,3,6");
    graph.write(&file.path());
    assert_says(
        &refusal(Some(&file), &[]),
        &["rten", file.path().to_str().unwrap(), "GuessBoxes"],
    );
}

#[test]
fn labels_and_classes_that_do_not_fit() {
    let v8 = Tiny {
        layout: Layout::V8,
        ..Tiny::default()
    }
    .file();
    let table: [(_, &[&str]); 6] = [
        (("labels", "a;b;c"), &["labels", "3 names", "2 classes"]),
        (
            ("labels", "/no/such/names.txt"),
            &["labels", "/no/such/names.txt"],
        ),
        (("labels", "a;;b"), &["labels", "name 2 of 3"]),
        (("classes", "slidr"), &["classes", "\"slidr\"", "'slider'"]),
        (("classes", "2"), &["classes", "0 to 1"]),
        (("classes", "block;-1"), &["classes", "\"-1\""]),
    ];
    for (property, parts) in table {
        assert_says(&refusal(Some(&v8), &[property]), parts);
    }
}

#[test]
fn input_sizes_that_do_not_fit() {
    let fixed = Tiny::default().file();
    let open = Tiny {
        dynamic: true,
        ..Tiny::default()
    }
    .file();
    let table: [(_, _, &[&str]); 5] = [
        (&fixed, "big", &["input-size", "\"big\"", "640x384"]),
        (&fixed, "0", &["input-size", "\"0\"", "1 to 8192"]),
        (&fixed, "640", &["input-size", "640x640", "fixes 64x64"]),
        (&open, "100", &["input-size", "multiples of 32", "96x96"]),
        (&open, "64x9000", &["input-size", "\"64x9000\""]),
    ];
    for (file, size, parts) in table {
        assert_says(&refusal(Some(file), &[("input-size", size)]), parts);
    }
}

#[test]
fn batches_that_are_larger_than_the_model_takes() {
    let one = Tiny::default().file();
    let four = Tiny {
        batch: "4",
        ..Tiny::default()
    }
    .file();
    let table: [(_, _, &[&str]); 3] = [
        (
            &one,
            "2",
            &["batch-size is 2", "images f32[1,3,64,64]", "takes 1 in"],
        ),
        (
            &four,
            "5",
            &["batch-size is 5", "images f32[4,3,64,64]", "takes 4 in"],
        ),
        (&four, "64", &["batch-size is 64", "set it to 4 or less"]),
    ];
    for (file, size, parts) in table {
        assert_says(&refusal(Some(file), &[("batch-size", size)]), parts);
    }
}

#[test]
fn heads_and_preparations_that_make_no_sense() {
    let file = Tiny::default().file();
    let table: [((_, _), &[&str]); 4] = [
        (("head", "yolo8"), &["property head", "\"yolov8\""]),
        (("head", "detr"), &["property head", "detr", "end-to-end"]),
        (
            ("preprocess", "fit=crop"),
            &["property preprocess", "fit", "stretch"],
        ),
        (
            ("preprocess", "bgr"),
            &["property preprocess", "\"bgr\"", "key=value"],
        ),
    ];
    for (property, parts) in table {
        assert_says(&refusal(Some(&file), &[property]), parts);
    }
    let card = file.path().with_extension("toml");
    std::fs::write(&card, "[boxes]\nhead = 'yolo8'").unwrap();
    let error = refusal(Some(&file), &[]);
    assert_says(
        &error,
        &["tiny.toml", "boxes.head", "did you mean \"yolov8\""],
    );
}

#[test]
fn regions_and_tiles_that_make_no_sense() {
    let file = Tiny::default().file();
    let both = [("attach-tensors", "true"), ("tiles", "2x2")];
    assert_says(&refusal(Some(&file), &both), &["property attach-tensors"]);
    let refusal = |name, value| refusal(Some(&file), &[(name, value)]);
    for (value, parts) in [
        (
            "[[0, 0, 1",
            &["property regions: no valid JSON", "[[0.1, 0.2, 0.5, 0.9]]"][..],
        ),
        (
            "[[0, 0, 1, 1], [[0, 0], [1.5, 0], [0, 1]]]",
            &[
                "property regions: region 2, point 2: x is 1.5, must be from 0 to 1",
                "not pixels",
            ],
        ),
        (
            "[[[0, 0], [1, 0]]]",
            &["property regions: region 1: a polygon has 3 points"],
        ),
    ] {
        assert_says(&refusal("regions", value), parts);
    }
    for value in ["3", "0x2", "99x1", "all"] {
        let parts = [&format!("property tiles is \"{value}\""), "3x2", "auto"];
        assert_says(&refusal("tiles", value), &parts.map(|part| part as &str));
    }
}

#[test]
fn a_refused_element_works_once_it_is_set_right() {
    let file = Tiny::default().file();
    let (element, bus) = common::element(Some(&file), &[("engine", "rten"), ("classes", "x")]);
    assert!(element.set_state(gst::State::Paused).is_err());
    element.set_property("classes", "block");
    element.set_state(gst::State::Null).unwrap();
    element.set_state(gst::State::Playing).unwrap();
    assert_eq!(common::texts(&bus, gst::MessageType::Error).len(), 1);
    assert_eq!(common::texts(&bus, gst::MessageType::Warning).len(), 0);
    element.set_state(gst::State::Null).unwrap();
}
