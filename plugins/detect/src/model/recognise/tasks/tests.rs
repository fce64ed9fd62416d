use super::*;
use crate::model::recognise::tests::{Metadata, info, recognise_fixed};
use crate::model::{Wishes, plan_input, recognise_as};

const I320: &str = "images f32 1,3,320,320";
const PROTOS: &str = "output1 f32 1,32,80,80";
const SEGMENT: (&str, &str) = ("task", "segment");
const POSE: (&str, &str) = ("task", "pose");
const OBB: (&str, &str) = ("task", "obb");
const COCO_POSE: (&str, &str) = ("kpt_shape", "[17, 3]");
const PERSON: (&str, &str) = ("names", "{0: 'person'}");
const TWO: (&str, &str) = ("names", "{0: 'a', 1: 'b'}");
const FINISHED: (&str, &str) = ("end2end", "True");

fn masks() -> Task {
    Task::Segment {
        protos: [32, 80, 80],
    }
}

fn points(keypoints: usize, values: usize) -> Task {
    Task::Pose { keypoints, values }
}

#[test]
fn tasks_are_known_by_metadata_and_shapes() {
    let v8 = |classes, task| Head::V8Task {
        classes,
        anchors: 2100,
        task,
    };
    let finished = |task| Head::EndToEndTask { max: 300, task };
    // The shapes are those of files that Ultralytics 8.4.190 exports.
    let table: Vec<(&[&str], Metadata, Head, HeadKind)> = vec![
        (
            &["output0 f32 1,116,2100", PROTOS],
            &[SEGMENT],
            v8(80, masks()),
            HeadKind::Yolov8Segment,
        ),
        (
            &["output0 f32 1,38,2100", PROTOS],
            &[SEGMENT, TWO],
            v8(2, masks()),
            HeadKind::Yolov8Segment,
        ),
        (
            &["output0 f32 1,300,38", PROTOS],
            &[SEGMENT, FINISHED],
            finished(masks()),
            HeadKind::EndToEndSegment,
        ),
        (
            &["output0 f32 1,56,2100"],
            &[POSE, COCO_POSE, PERSON],
            v8(1, points(17, 3)),
            HeadKind::Yolov8Pose,
        ),
        (
            &["output0 f32 1,135,2100"],
            &[POSE, COCO_POSE],
            v8(80, points(17, 3)),
            HeadKind::Yolov8Pose,
        ),
        (
            &["output0 f32 1,14,2100"],
            &[POSE, ("kpt_shape", "(4, 2)"), TWO],
            v8(2, points(4, 2)),
            HeadKind::Yolov8Pose,
        ),
        (
            &["output0 f32 1,56,2100"],
            &[POSE, PERSON],
            v8(1, points(17, 3)),
            HeadKind::Yolov8Pose,
        ),
        (
            &["output0 f32 1,300,57"],
            &[POSE, COCO_POSE, FINISHED],
            finished(points(17, 3)),
            HeadKind::EndToEndPose,
        ),
        (
            &["output0 f32 1,300,57"],
            &[POSE, COCO_POSE, ("args", "{'nms': True}")],
            finished(points(17, 3)),
            HeadKind::EndToEndPose,
        ),
        (
            &["output0 f32 1,20,2100"],
            &[OBB],
            v8(15, Task::Oriented),
            HeadKind::Yolov8Oriented,
        ),
        (
            &["output0 f32 1,300,7"],
            &[OBB, FINISHED],
            finished(Task::Oriented),
            HeadKind::EndToEndOriented,
        ),
        (
            &["output0 f32 1,300,7"],
            &[OBB],
            finished(Task::Oriented),
            HeadKind::EndToEndOriented,
        ),
        // Without metadata, masks are known by their prototypes, in any order.
        (
            &["output0 f32 1,116,2100", PROTOS],
            &[],
            v8(80, masks()),
            HeadKind::Yolov8Segment,
        ),
        (
            &[PROTOS, "output0 f32 1,116,2100"],
            &[],
            v8(80, masks()),
            HeadKind::Yolov8Segment,
        ),
        (
            &["output0 f32 1,300,38", PROTOS],
            &[],
            finished(masks()),
            HeadKind::EndToEndSegment,
        ),
    ];
    for (outputs, metadata, head, kind) in table {
        let spec = recognise_fixed(&info(&[I320], outputs, metadata), None)
            .unwrap_or_else(|error| panic!("{outputs:?} {metadata:?}: {error}"));
        assert_eq!(
            (&spec.head, spec.kind),
            (&head, kind),
            "{outputs:?} {metadata:?}"
        );
        let first = outputs[spec.outputs[0].index];
        assert!(first.starts_with("output0"), "{first}");
        assert_eq!(spec.outputs.len(), outputs.len());
    }
}

#[test]
fn what_does_not_fit_together_is_refused_with_what_was_found_and_what_would_be_right() {
    let table: &[(&[&str], Metadata, &[&str])] = &[
        (
            &["o f32 1,116,2100"],
            &[SEGMENT],
            &["task=segment", "[N,32,80,80]", "there is none"],
        ),
        (
            &["o f32 1,116,2100", "p i64 1,32,80,80"],
            &[SEGMENT],
            &["of i64"],
        ),
        (
            &["o f32 1,116,2100", "p f32 1,32,999,80"],
            &[SEGMENT],
            &["999"],
        ),
        (
            &["o f32 1,38,2100", "p f32 1,16,80,80"],
            &[SEGMENT, TWO],
            &[
                "38 values",
                "2 of the classes and 16 for as many prototypes of masks would be 22",
            ],
        ),
        (
            &["o f32 1,30,2100", PROTOS],
            &[SEGMENT],
            &["30 values", "would be 37"],
        ),
        (
            &["o f32 1,300,38", "p f32 1,16,80,80"],
            &[SEGMENT, FINISHED],
            &["38 values", "would be 22"],
        ),
        (
            &["o f32 1,116,2100", "b f32 1,9,9", PROTOS],
            &[SEGMENT],
            &["one output with 3 axes", "several"],
        ),
        (&[PROTOS], &[SEGMENT], &["one output with 3 axes", "none"]),
        (&["o i64 1,116,2100", PROTOS], &[SEGMENT], &["of i64"]),
        (
            &["o f32 1,116,2099", PROTOS],
            &[SEGMENT, ("end2end", "False")],
            &["2099 values"],
        ),
        (
            &["o f32 1,56,2100"],
            &[POSE, ("kpt_shape", "[17, 4]"), PERSON],
            &["kpt_shape", "[17, 4]", "such as [17, 3]"],
        ),
        (
            &["o f32 1,56,2100"],
            &[POSE, ("kpt_shape", "[-1, 3]"), PERSON],
            &["kpt_shape", "[-1, 3]"],
        ),
        (
            &["o f32 1,56,2100"],
            &[POSE, ("kpt_shape", "[0, 3]"), PERSON],
            &["kpt_shape", "[0, 3]"],
        ),
        (
            &["o f32 1,56,2100"],
            &[POSE, ("kpt_shape", "[99999999999999999999, 3]"), PERSON],
            &["kpt_shape"],
        ),
        (
            &["o f32 1,56,2100"],
            &[POSE, ("kpt_shape", "seventeen"), PERSON],
            &["kpt_shape", "seventeen"],
        ),
        (
            &["o f32 1,57,2100"],
            &[POSE, COCO_POSE, PERSON],
            &["57 values", "3 of each of 17 keypoints would be 56"],
        ),
        (
            &["o f32 1,40,2100"],
            &[POSE, COCO_POSE],
            &["40 values", "would be 56"],
        ),
        (&["o f32 1,12,2100"], &[POSE, PERSON], &["no kpt_shape"]),
        (
            &["o f32 1,300,57"],
            &[POSE, ("kpt_shape", "[21, 3]"), FINISHED],
            &["57 values", "would be 69"],
        ),
        (
            &["o f32 1,7,2100"],
            &[OBB, PERSON],
            &["7 values", "1 of the classes and 1 of the angle would be 6"],
        ),
        (&["o f32 1,5,2100"], &[OBB], &["5 values", "would be 6"]),
        (
            &["o f32 1,300,6"],
            &[OBB, FINISHED],
            &["6 values", "would be 7"],
        ),
        // A detector has no prototypes.
        (
            &["o f32 1,116,2100", PROTOS],
            &[("task", "detect")],
            &["4 axes"],
        ),
    ];
    for (outputs, metadata, parts) in table {
        let error = recognise_fixed(&info(&[I320], outputs, metadata), None).unwrap_err();
        let error = error.to_string();
        for part in *parts {
            assert!(error.contains(part), "{outputs:?} {metadata:?}: {error}");
        }
        assert!(
            error.contains("Found") && error.contains("Supported"),
            "{error}"
        );
    }
}

#[test]
fn a_task_can_be_asked_for_in_place_of_what_the_metadata_say() {
    use HeadKind::{EndToEndOriented, EndToEndPose, Yolov8, Yolov8Oriented, Yolov8Pose};
    let v8 = |classes, task| Head::V8Task {
        classes,
        anchors: 2100,
        task,
    };
    let finished = |task| Head::EndToEndTask { max: 300, task };
    let plain = Head::V8 {
        classes: 52,
        anchors: 2100,
        transposed: false,
    };
    let table: Vec<(&str, Metadata, HeadKind, Head)> = vec![
        // of one class, unless there are names
        ("1,56,2100", &[], Yolov8Pose, v8(1, points(17, 3))),
        ("1,57,2100", &[TWO], Yolov8Pose, v8(2, points(17, 3))),
        ("1,13,2100", &[], Yolov8Pose, v8(1, points(4, 2))),
        ("1,300,57", &[], EndToEndPose, finished(points(17, 3))),
        ("1,20,2100", &[], Yolov8Oriented, v8(15, Task::Oriented)),
        ("1,300,7", &[], EndToEndOriented, finished(Task::Oriented)),
        ("1,56,2100", &[POSE, COCO_POSE], Yolov8, plain),
    ];
    for (shape, metadata, kind, head) in table {
        let info = info(&[I320], &[&format!("o f32 {shape}")], metadata);
        let plan = plan_input(&info, None).unwrap();
        let wishes = Wishes {
            head: Some(kind),
            ..Wishes::default()
        };
        let shapes = info.fixed_output_shapes().unwrap();
        let spec = recognise_as(&info, &plan, &shapes, &wishes);
        let spec = spec.unwrap_or_else(|error| panic!("{shape} {kind:?}: {error}"));
        assert_eq!((spec.kind, spec.head), (kind, head), "{shape}");
    }
    let info = info(&[I320], &["o f32 1,84,2100"], &[]);
    let plan = plan_input(&info, None).unwrap();
    let wishes = Wishes {
        head: Some(HeadKind::Yolov8Segment),
        ..Wishes::default()
    };
    let shapes = info.fixed_output_shapes().unwrap();
    let error = recognise_as(&info, &plan, &shapes, &wishes).unwrap_err();
    let error = error.to_string();
    for part in ["yolov8-seg is asked for", "prototypes"] {
        assert!(error.contains(part), "{error}");
    }
}
