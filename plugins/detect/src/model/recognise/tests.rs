mod wishes;

use super::*;
use crate::model::input::plan_input;
use crate::model::onnx::{Dim, TensorInfo};
use crate::model::{ChannelOrder, InputSpec, LabelsSource};
use crate::preprocess::letterbox::Fit;

/// Keys and values.
pub type Metadata<'a> = &'a [(&'a str, &'a str)];

/// `name type dim,dim,…`
pub fn tensor(text: &str) -> TensorInfo {
    let [name, elem_type, dims] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    let numbers = 0..20;
    let elem_type = numbers
        .map(ElemType)
        .find(|t| t.to_string() == elem_type)
        .unwrap();
    let dim = |d: &str| d.parse().map_or_else(|_| Dim::Symbol(d.into()), Dim::Fixed);
    TensorInfo {
        name: name.into(),
        elem_type,
        dims: dims.split(',').map(dim).collect(),
    }
}

pub fn info(inputs: &[&str], outputs: &[&str], metadata: Metadata) -> OnnxInfo {
    OnnxInfo {
        inputs: inputs.iter().map(|i| tensor(i)).collect(),
        outputs: outputs.iter().map(|o| tensor(o)).collect(),
        metadata: metadata
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect(),
        ..Default::default()
    }
}

pub fn recognise_fixed(info: &OnnxInfo, labels: Option<&[&str]>) -> Result<ModelSpec, ModelError> {
    let plan = plan_input(info, None)?;
    let shapes = info.fixed_output_shapes().unwrap();
    let labels = labels.map(|l| l.iter().map(|l| l.to_string()).collect());
    recognise(info, &plan, &shapes, labels)
}

pub const I640: &str = "images f32 1,3,640,640";
pub const TWO: (&str, &str) = ("names", "{0: 'cat', 1: 'dog'}");
pub const ULTRALYTICS: (&str, &str) = ("author", "Ultralytics");

fn v8(classes: usize, anchors: usize) -> Head {
    Head::V8 {
        classes,
        anchors,
        transposed: false,
    }
}

fn transposed(classes: usize, anchors: usize) -> Head {
    Head::V8 {
        classes,
        anchors,
        transposed: true,
    }
}

fn yolox(classes: usize) -> Head {
    Head::YoloxRaw {
        classes,
        strides: vec![8, 16, 32],
    }
}

#[test]
fn outputs_that_are_empty_or_enormous_are_refused() {
    let table = [
        ("o f32 1,0,6", "never holds anything"),
        ("o f32 1,84,0", "never holds anything"),
        ("o f32 1,300000000,6", "more than 268435456 values"),
        (
            "o f32 1,9223372036854775807,6",
            "more than 268435456 values",
        ),
        ("o f32 9223372036854775807,9223372036854775807,6", "values"),
    ];
    for (output, why) in table {
        let error = recognise_fixed(&info(&[I640], &[output], &[]), None).unwrap_err();
        assert!(error.to_string().contains(why), "{output}: {error}");
    }
    // What finds nothing on the picture of the trial is another matter.
    let open = info(&[I640], &["o f32 rows,6"], &[("end2end", "True")]);
    let plan = plan_input(&open, None).unwrap();
    let shapes = [("o".to_string(), vec![1, 0, 6])];
    let spec = recognise(&open, &plan, &shapes, None).unwrap();
    assert_eq!(spec.head, Head::EndToEnd { max: 0 });
}

#[test]
fn layouts_are_told_apart_by_shape_and_metadata() {
    let v5 = |classes, anchors| Head::V5 { classes, anchors };
    let e2e = |max| Head::EndToEnd { max };
    let wide = "images f32 1,3,384,640";
    let p6 = "images f32 1,3,1280,1280";
    let i64 = "images f32 1,3,64,64";
    let table: Vec<(&str, &str, Metadata, Head)> = vec![
        (I640, "o f32 1,84,8400", &[], v8(80, 8400)),
        (I640, "o f32 1,5,8400", &[], v8(1, 8400)),
        (I640, "o f32 1,6,8400", &[TWO], v8(2, 8400)),
        (wide, "o f32 1,84,5040", &[], v8(80, 5040)),
        // P2: strides 4..32
        (I640, "o f32 1,84,34000", &[], v8(80, 34000)),
        (I640, "o f32 1,8400,84", &[], transposed(80, 8400)),
        (I640, "o f32 1,8400,6", &[TWO], transposed(2, 8400)),
        (I640, "o f32 1,8400,5", &[], transposed(1, 8400)),
        (I640, "o f32 1,25200,85", &[], v5(80, 25200)),
        (I640, "o f32 1,25200,6", &[], v5(1, 25200)),
        (I640, "o f32 1,25200,7", &[TWO], v5(2, 25200)),
        // P6: strides 8..64
        (p6, "o f32 1,102000,85", &[], v5(80, 102000)),
        // tiny: strides 16, 32
        (I640, "o f32 1,6000,85", &[], v5(80, 6000)),
        (I640, "o f32 1,8400,85", &[], yolox(80)),
        (I640, "o f32 1,8400,6", &[], yolox(1)),
        (I640, "o f32 1,8400,7", &[TWO], yolox(2)),
        (
            I640,
            "o f32 1,8400,6",
            &[TWO, ULTRALYTICS],
            transposed(2, 8400),
        ),
        (I640, "o f32 1,300,6", &[], e2e(300)),
        (I640, "o f32 1,300,6", &[TWO, ("end2end", "True")], e2e(300)),
        (
            I640,
            "o f32 1,8400,6",
            &[TWO, ("args", "{'nms': True}")],
            e2e(8400),
        ),
        // both axes fit: 84 = 4 + 80 = cells of 64×64
        (i64, "o f32 1,84,84", &[], v8(80, 84)),
    ];
    for (input, output, metadata, head) in table {
        let spec = recognise_fixed(&info(&[input], &[output], metadata), None);
        assert_eq!(spec.unwrap().head, head, "{input} {output} {metadata:?}");
    }
}

#[test]
fn preprocessing_follows_the_family() {
    let ultralytics = recognise_fixed(&info(&[I640], &["o f32 1,84,8400"], &[]), None).unwrap();
    assert_eq!(
        ultralytics.input,
        InputSpec {
            name: "images".into(),
            width: 640,
            height: 640,
            batch: Some(1),
            order: ChannelOrder::Rgb,
            scale: 1.0 / 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            fit: Fit::LetterboxCenter,
            pad: 114,
        }
    );
    let yolox = recognise_fixed(&info(&[I640], &["o f32 1,8400,85"], &[]), None).unwrap();
    let input = InputSpec {
        order: ChannelOrder::Bgr,
        scale: 1.0,
        fit: Fit::LetterboxTopLeft,
        ..ultralytics.input
    };
    assert_eq!(yolox.input, input);
}

#[test]
fn the_file_may_say_how_pictures_are_fitted() {
    for fit in Fit::ALL {
        let metadata = [("fit", fit.as_str())];
        let spec = recognise_fixed(&info(&[I640], &["o f32 1,84,8400"], &metadata), None);
        assert_eq!(spec.unwrap().input.fit, fit);
    }
    let unknown = info(&[I640], &["o f32 1,84,8400"], &[("fit", "crop")]);
    let error = recognise_fixed(&unknown, None).unwrap_err().to_string();
    assert!(
        error.contains("\"crop\"") && error.contains("letterbox-top-left, stretch"),
        "{error}"
    );
}

#[test]
fn half_precision_changes_nothing() {
    let half = info(&["images f16 1,3,640,640"], &["o f16 1,84,8400"], &[]);
    let floats = info(&[I640], &["o f32 1,84,8400"], &[]);
    assert!(plan_input(&half, None).unwrap().half);
    assert!(!plan_input(&floats, None).unwrap().half);
    assert_eq!(
        recognise_fixed(&half, None).unwrap(),
        recognise_fixed(&floats, None).unwrap()
    );
}

#[test]
fn yolox_with_its_decoding_inside_is_read_as_decoded() {
    let mut info = info(&[I640], &["o f32 1,8400,85"], &[]);
    info.operators.insert("Exp".into());
    let spec = recognise_fixed(&info, None).unwrap();
    assert_eq!(
        spec.head,
        Head::V5 {
            classes: 80,
            anchors: 8400
        }
    );
    assert_eq!(spec.input.order, ChannelOrder::Bgr);
}

#[test]
fn the_raw_grids_beside_yolov5s_boxes_are_ignored() {
    let outputs = [
        "a f32 1,3,80,80,85",
        "output f32 1,25200,85",
        "b f32 1,3,40,40,85",
        "c f32 1,3,20,20,85",
    ];
    let spec = recognise_fixed(&info(&[I640], &outputs, &[]), None).unwrap();
    assert_eq!(
        spec.outputs,
        [OutputRef {
            index: 1,
            name: "output".into()
        }]
    );
}

#[test]
fn what_is_no_detector_is_refused() {
    let names80 = format!("{:?}", vec!["x"; 80]);
    let table: &[(&[&str], Metadata, &str)] = &[
        (&[], &[], "no output"),
        (&["o f32 1,1000"], &[], "may be a classifier's"),
        (
            // 33 coefficients and no class
            &["o f32 1,36,8400", "p f32 1,32,160,160"],
            &[],
            "\"p\" has 4 axes",
        ),
        (
            &["o f32 1,84,8400", "p f32 1,84,8400"],
            &[],
            "several outputs",
        ),
        (&["o i64 1,84,8400"], &[], "of i64"),
        (&["o f32 1,84,2100"], &[], "8400 grid cells"),
        (&["o f32 1,300,84"], &[], "8400 grid cells"),
        (&["o f32 1,4,8400"], &[], "no known detector's"),
        (
            &["o f32 1,116,8400"],
            &[("names", &names80)],
            "112 classes, but its metadata names 80",
        ),
        (
            &["o f32 1,300,38"],
            &[("end2end", "True")],
            "no known detector's",
        ),
    ];
    for (outputs, metadata, why) in table {
        let info = info(&[I640], outputs, metadata);
        let error = recognise_fixed(&info, None).unwrap_err();
        assert!(matches!(error, ModelError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_dynamic_models_refusal_shows_what_came_out() {
    let info = info(&["x f32 N,3,H,W"], &["o f32 N,84,A"], &[]);
    let plan = plan_input(&info, Some((320, 320))).unwrap();
    let shapes = [("o".to_string(), vec![1, 84, 2101])];
    let text = recognise(&info, &plan, &shapes, None)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("o f32[N,84,A] (when run: o [1, 84, 2101])"),
        "{text}"
    );
}

#[test]
fn finished_boxes_may_be_none_in_the_first_run() {
    let info = info(&["x f32 N,3,H,W"], &["o f32 N,A,6"], &[]);
    let plan = plan_input(&info, None).unwrap();
    let spec = recognise(&info, &plan, &[("o".into(), vec![1, 0, 6])], None).unwrap();
    assert_eq!(spec.head, Head::EndToEnd { max: 0 });
}

#[test]
fn labels_come_from_the_user_the_metadata_coco_or_numbers() {
    let two = info(&[I640], &["o f32 1,6,8400"], &[TWO]);
    let spec = recognise_fixed(&two, Some(&["Katze", "Hund"])).unwrap();
    assert_eq!(
        (spec.label(1).as_ref(), spec.labels_source),
        ("Hund", LabelsSource::User)
    );
    let spec = recognise_fixed(&two, None).unwrap();
    assert_eq!(
        (spec.label(1).as_ref(), spec.labels_source),
        ("dog", LabelsSource::Metadata)
    );
    let coco = info(&[I640], &["o f32 1,84,8400"], &[]);
    let spec = recognise_fixed(&coco, None).unwrap();
    assert_eq!(spec.labels_source, LabelsSource::CocoAssumed);
    assert_eq!(
        (spec.label(0).as_ref(), spec.label(79).as_ref()),
        ("person", "toothbrush")
    );
    let three = info(&[I640], &["o f32 1,7,8400"], &[]);
    let spec = recognise_fixed(&three, None).unwrap();
    assert_eq!(
        (spec.label(2).as_ref(), spec.labels_source),
        ("class 2", LabelsSource::Numbered)
    );
    let finished = info(&[I640], &["o f32 1,300,6"], &[]);
    let spec = recognise_fixed(&finished, None).unwrap();
    assert_eq!((spec.labels.len(), spec.label(7).as_ref()), (0, "class 7"));
    // it cannot tell how many classes it has
    let spec = recognise_fixed(&finished, Some(&["a", "b"])).unwrap();
    assert_eq!(
        (spec.label(1).as_ref(), spec.label(2).as_ref()),
        ("b", "class 2")
    );
}

#[test]
fn labels_that_are_not_as_many_as_the_classes_are_refused_with_both_counts() {
    let two = info(&[I640], &["o f32 1,6,8400"], &[TWO]);
    let error = recognise_fixed(&two, Some(&["a", "b", "c"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "labels: 3 names, but the model has 2 classes"
    );
}

#[test]
fn damaged_names_are_an_error_unless_the_user_gives_labels() {
    let info = info(&[I640], &["o f32 1,6,8400"], &[("names", "{0: 'cat', 1: ")]);
    let error = recognise_fixed(&info, None).unwrap_err();
    assert!(matches!(error, ModelError::Names { .. }), "{error}");
    assert!(recognise_fixed(&info, Some(&["cat", "dog"])).is_ok());
}

#[test]
fn a_layout_that_two_models_share_is_decided_by_the_labels() {
    let info = info(&[I640], &["o f32 1,8400,7"], &[]);
    assert_eq!(
        recognise_fixed(&info, Some(&["a", "b"])).unwrap().head,
        yolox(2)
    );
    assert_eq!(
        recognise_fixed(&info, Some(&["a", "b", "c"])).unwrap().head,
        transposed(3, 8400)
    );
}
