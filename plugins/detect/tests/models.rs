//! Recognition of real model files (optional local test assets), and of what is none.

use gstvigildetect::model::{
    ChannelOrder, Head, LabelsSource, ModelError, ModelSpec, plan_input, read, recognise,
};
use gstvigildetect::preprocess::letterbox::Fit;
use std::path::{Path, PathBuf};

/// A file of the optional local test assets; `None`, with a printed line, where they are absent.
fn asset(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/assets/models");
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped {name}: the optional local test assets are not in ../shared/assets");
    None
}

/// Recognises the file; `ran` are the shapes that a model with dynamic axes gives when it runs.
fn recognise_file(
    path: &Path,
    input_size: Option<(u32, u32)>,
    ran: Option<[usize; 3]>,
) -> Result<ModelSpec, ModelError> {
    let (info, _) = read(path)?;
    let plan = plan_input(&info, input_size)?;
    let shapes = match ran {
        Some(shape) => vec![(info.outputs[0].name.clone(), shape.to_vec())],
        None => info.fixed_output_shapes().unwrap_or_default(),
    };
    recognise(&info, &plan, &shapes, None)
}

#[test]
fn real_models_are_recognised() {
    use LabelsSource::{CocoAssumed, Metadata};
    let v8 = |anchors| Head::V8 {
        classes: 80,
        anchors,
        transposed: false,
    };
    let v5 = Head::V5 {
        classes: 80,
        anchors: 25200,
    };
    let yolox = Head::YoloxRaw {
        classes: 80,
        strides: vec![8, 16, 32],
    };
    let finished = Head::EndToEnd { max: 300 };
    let table = [
        ("yolov8n.onnx", (640, 640), v8(8400), Metadata),
        ("yolov8n_640_int8.onnx", (640, 640), v8(8400), Metadata),
        ("yolov8n_320_int8.onnx", (320, 320), v8(2100), Metadata),
        ("yolo11n_int8.onnx", (320, 320), v8(2100), Metadata),
        ("yolov8n_nms.onnx", (640, 640), finished, Metadata),
        ("yolov5n.onnx", (640, 640), v5, CocoAssumed),
        ("yolox_nano.onnx", (416, 416), yolox, CocoAssumed),
    ];
    for (name, size, head, labels_source) in table {
        let Some(path) = asset(name) else { continue };
        let spec = recognise_file(&path, None, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        let input = &spec.input;
        assert_eq!((input.width, input.height), size, "{name}");
        let preprocessing = match head {
            Head::YoloxRaw { .. } => (ChannelOrder::Bgr, 1.0, Fit::LetterboxTopLeft),
            _ => (ChannelOrder::Rgb, 1.0 / 255.0, Fit::LetterboxCenter),
        };
        assert_eq!(
            (input.order, input.scale, input.fit),
            preprocessing,
            "{name}"
        );
        assert_eq!(
            (input.name.as_str(), input.pad, input.batch),
            ("images", 114, Some(1)),
            "{name}"
        );
        assert_eq!(
            (spec.head, spec.labels_source),
            (head, labels_source),
            "{name}"
        );
        assert_eq!(
            (spec.labels.len(), spec.labels[0].as_str()),
            (80, "person"),
            "{name}"
        );
        assert_eq!(spec.labels[79], "toothbrush", "{name}");
    }
}

#[test]
fn a_dynamic_model_takes_the_size_that_it_is_given() {
    let Some(path) = asset("yolov8n_dynamic.onnx") else {
        return;
    };
    // input-size, anchors when run, size
    let table = [
        (None, 8400, (640, 640)),
        (Some((320, 192)), 1260, (320, 192)),
    ];
    for (input_size, anchors, size) in table {
        let spec = recognise_file(&path, input_size, Some([1, 84, anchors])).unwrap();
        assert_eq!((spec.input.width, spec.input.height), size);
        assert_eq!(spec.input.batch, None);
        assert_eq!(
            spec.head,
            Head::V8 {
                classes: 80,
                anchors,
                transposed: false
            }
        );
    }
    let error = recognise_file(&path, Some((330, 320)), None).unwrap_err();
    assert!(
        error.to_string().contains("320x320 would be right"),
        "{error}"
    );
}

#[test]
fn a_detection_transformer_is_recognised_with_its_post_processing() {
    let Some(path) = asset("deimv2_hgnetv2_atto_coco.onnx") else {
        return;
    };
    let (info, _) = read(&path).unwrap();
    let plan = plan_input(&info, None).unwrap();
    assert_eq!(plan.constants[0].name, "orig_target_sizes");
    let queries = 100;
    let shapes = [
        ("labels".to_string(), vec![1, queries]),
        ("boxes".to_string(), vec![1, queries, 4]),
        ("scores".to_string(), vec![1, queries]),
    ];
    let spec = recognise(&info, &plan, &shapes, None).unwrap();
    let classes = Some(80);
    assert_eq!(spec.head, Head::DetrDecoded { classes, queries });
    assert_eq!((spec.input.width, spec.input.height), (320, 320));
    assert_eq!((spec.input.fit, spec.input.batch), (Fit::Stretch, None));
    assert_eq!(spec.labels_source, LabelsSource::CocoAssumed);
}

#[test]
fn reading_gives_the_bytes_for_the_engine_too() {
    let Some(path) = asset("yolox_nano.onnx") else {
        return;
    };
    let (info, bytes) = read(&path).unwrap();
    assert_eq!(bytes.len() as u64, path.metadata().unwrap().len());
    assert_eq!((info.opset, info.producer.as_str()), (11, "pytorch 1.11.0"));
}

#[test]
fn a_fixed_model_refuses_another_size() {
    let Some(path) = asset("yolox_nano.onnx") else {
        return;
    };
    let error = recognise_file(&path, Some((640, 640)), None).unwrap_err();
    assert!(matches!(error, ModelError::InputSize { .. }), "{error}");
    assert!(error.to_string().contains("fixes 416x416"), "{error}");
}

#[test]
fn truncated_copies_of_a_real_model_are_refused() {
    let Some(path) = asset("yolov8n_320_int8.onnx") else {
        return;
    };
    let bytes = std::fs::read(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("cut.onnx");
    for len in [
        1,
        7,
        100,
        4096,
        bytes.len() / 2,
        bytes.len() - 20000,
        bytes.len() - 1,
    ] {
        std::fs::write(&copy, &bytes[..len]).unwrap();
        let error = read(&copy).unwrap_err();
        assert!(
            matches!(error, ModelError::Truncated { .. }),
            "{len} bytes: {error}"
        );
        assert!(
            error.to_string().contains(&format!("has {len} bytes")),
            "{error}"
        );
    }
}

#[test]
fn files_that_are_no_models_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let random: Vec<u8> = (0u32..5000)
        .map(|i| (i.wrapping_mul(2654435761) >> 13) as u8 | 0x80)
        .collect();
    let table: &[(&[u8], &str)] = &[
        (b"", "is empty"),
        (b"a text, not a model", "a text file"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "JPEG"),
        (b"PK\x03\x04\x00\x00\x08\x08archive/data.pkl", "PyTorch"),
        (&[0; 1000], "zero bytes"),
        (&random, "not an ONNX file"),
    ];
    for (bytes, why) in table {
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.contains(why) && error.contains("model.onnx"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.onnx");
    assert!(matches!(read(&missing), Err(ModelError::NotFound { .. })));
    let error = read(folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::NotAFile {
                what: "a folder",
                ..
            }
        ),
        "{error}"
    );
    let error = read(Path::new("/dev/zero")).unwrap_err();
    assert!(matches!(error, ModelError::NotAFile { .. }), "{error}");
}

#[test]
fn a_file_of_more_than_2_gib_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.onnx");
    // sparse: takes no room on the disk
    std::fs::File::create(&path)
        .unwrap()
        .set_len((1 << 31) + 1)
        .unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, ModelError::TooLarge { .. }), "{error}");
}
