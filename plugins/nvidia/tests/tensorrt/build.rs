//! ONNX to plan.

use crate::fake::{Fake, Session, each, folder};
use crate::model::{model, net};
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use vigil_nvidia::onnx::wire::Writer;
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{
    Batches, BuildOptions, Cancel, Precision, Progress, TensorRtError, build,
};

/// The text of a fake plan.
fn text(plan: &[u8]) -> String {
    String::from_utf8_lossy(plan).into_owned()
}

#[test]
fn an_operator_that_is_unknown_is_named_with_its_node_and_index() {
    each("", |_, session| {
        let onnx = model(&[1, 3, 4, 4], 0.0, &["Relu", "Frobnicate"]);
        let error = session.build(&onnx, &BuildOptions::default()).unwrap_err();
        let TensorRtError::Parse { problems, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(problems.len(), 1);
        assert_eq!(
            (problems[0].unsupported, problems[0].index),
            (true, Some(1))
        );
        assert_eq!(
            (&*problems[0].operator, &*problems[0].node),
            ("Frobnicate", "/head/v1")
        );
        let error = error.to_string();
        assert!(
            error.starts_with("net.onnx: TensorRT has no operator Frobnicate"),
            "{error}"
        );
    });
}

#[test]
fn a_file_that_is_no_model_is_refused_with_a_reason() {
    each("", |_, session| {
        let error = session
            .build(b"no model at all", &BuildOptions::default())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("net.onnx: it is no ONNX file"),
            "{error}"
        );
    });
    each("fail=parse", |_, session| {
        let error = session
            .build(&net(1, 0.0), &BuildOptions::default())
            .unwrap_err();
        assert!(
            error.to_string().contains("Failed to parse the model"),
            "{error}"
        );
    });
}

#[test]
fn each_function_that_gives_nothing_is_an_error_that_names_it() {
    let calls = [
        "createInferBuilder",
        "createNetworkV2",
        "createBuilderConfig",
        "createNvOnnxParser",
        "createOptimizationProfile",
        "addOptimizationProfile",
        "buildSerializedNetwork",
    ];
    for call in calls {
        each(&format!("fail={call}"), |_, session| {
            let error = session
                .build(&net(-1, 0.0), &BuildOptions::default())
                .unwrap_err();
            assert!(
                matches!(error, TensorRtError::Call { .. }),
                "{call}: {error}"
            );
            assert!(error.to_string().contains(call), "{error}");
        });
    }
    each(
        "out-of-memory=1,fail=buildSerializedNetwork",
        |_, session| {
            let error = session
                .build(&net(1, 0.0), &BuildOptions::default())
                .unwrap_err();
            assert!(error.is_out_of_memory(), "{error}");
        },
    );
}

#[test]
fn the_options_reach_the_builder() {
    each("", |_, session| {
        let options = BuildOptions {
            workspace: Some(123_456),
            level: Some(5),
            version_compatible: true,
            batches: Batches {
                min: 2,
                opt: 3,
                max: 7,
            },
            ..BuildOptions::default()
        };
        let plan = text(&session.build(&net(-1, 0.0), &options).unwrap());
        // By flag: no; portable; workspace; level.
        assert!(plan.contains(" 90 0 1 123456 5\n"), "{plan}");
        assert!(
            plan.contains("bounds x 4 2 3 4 4 4 3 3 4 4 4 7 3 4 4"),
            "{plan}"
        );
    });
}

#[test]
fn open_heights_and_widths_have_to_be_chosen() {
    each("", |_, session| {
        let onnx = model(&[-1, 3, -1, -1], 0.0, &[]);
        let error = session
            .build(&onnx, &BuildOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("input 'x' is -1x3x-1x-1"), "{error}");
        let options = BuildOptions {
            size: Some((4, 8)),
            ..BuildOptions::default()
        };
        let plan = text(&session.build(&onnx, &options).unwrap());
        assert!(
            plan.contains("bounds x 4 1 3 4 8 4 1 3 4 8 4 1 3 4 8"),
            "{plan}"
        );
        let options = BuildOptions {
            batches: Batches {
                min: 2,
                opt: 1,
                max: 3,
            },
            ..options
        };
        let error = session.build(&onnx, &options).unwrap_err().to_string();
        assert!(error.contains("batches of 2, 1 and 3"), "{error}");
    });
}

#[test]
fn half_precision_comes_from_the_file_where_the_version_takes_types_from_it() {
    let options = |precision| BuildOptions {
        precision,
        ..BuildOptions::default()
    };
    each("", |fake, session| {
        let plan = text(
            &session
                .build(&net(1, 0.0), &options(Precision::Fp16))
                .unwrap(),
        );
        let by_flag = plan.contains(" 90 1 0 ");
        let by_file = plan.contains("weights scale 1 1 0.3000488");
        let expected = match fake.family {
            Family::V8 => (true, false),
            Family::V10 | Family::V11 => (false, true),
        };
        assert_eq!((by_flag, by_file), expected, "{plan}");
        assert_eq!(fake.logged("converted to FP16"), by_file);
        // Inputs and outputs stay what they were.
        assert!(
            plan.contains("input x 0 ") && plan.contains("output y 0 "),
            "{plan}"
        );
    });
    each("", |fake, session| {
        let plan = session.build(&net(1, 0.0), &options(Precision::Fp16Flag));
        if fake.family == Family::V11 {
            let error = plan.unwrap_err().to_string();
            assert!(error.contains("has no flag for FP16"), "{error}");
        } else {
            assert!(text(&plan.unwrap()).contains(" 90 1 0 "));
        }
    });
}

#[test]
fn fp32_is_not_rounded_unless_that_is_said() {
    for tf32 in [false, true] {
        each("", |fake, session| {
            let options = BuildOptions {
                tf32,
                ..BuildOptions::default()
            };
            session.build(&net(1, 0.0), &options).unwrap();
            assert_eq!(fake.logged("TF32 is allowed"), tf32, "{:?}", fake.family);
        });
    }
}

fn cancelling_at(session: &Session, step: i32) -> (Result<Vec<u8>, TensorRtError>, Vec<Progress>) {
    let cancel = Cancel::default();
    let (told, count) = (Arc::new(Mutex::new(Vec::new())), AtomicI32::new(0));
    let (sink, flag) = (told.clone(), cancel.clone());
    let progress = Arc::new(move |progress: &Progress| {
        sink.lock().unwrap().push(progress.clone());
        if progress.step > 0 && count.fetch_add(1, Ordering::Relaxed) + 1 == step {
            flag.cancel();
        }
    });
    let path = Path::new("net.onnx");
    let options = BuildOptions::default();
    let built = build(
        &session.library,
        &session.context,
        &net(1, 0.0),
        path,
        &options,
        progress,
        &cancel,
    );
    let told = told.lock().unwrap().clone();
    (built, told)
}

#[test]
fn a_build_tells_how_far_it_is_and_can_be_given_up_in_the_middle() {
    each("", |fake, session| {
        let (built, told) = cancelling_at(&session, 0);
        built.unwrap();
        if fake.family == Family::V8 {
            // It can only log.
            assert!(told.is_empty() && fake.logged("building: Timing Tactics"));
            return;
        }
        let phases: Vec<_> = told
            .iter()
            .map(|p| (&*p.phase, &*p.parent, p.step, p.steps))
            .collect();
        assert_eq!(phases[0], ("Building Engine", "", 0, 2));
        assert!(
            phases.contains(&("Timing Tactics", "Building Engine", 0, 3)),
            "{phases:?}"
        );
        assert!(phases.contains(&("Timing Tactics", "", 3, 0)), "{phases:?}");
        let (built, told) = cancelling_at(&session, 4);
        assert!(matches!(built, Err(TensorRtError::Cancelled { .. })));
        let steps = told.iter().filter(|p| p.step > 0).count();
        assert_eq!(steps, 4, "{told:?}");
    });
}

#[test]
fn a_build_that_was_given_up_before_it_began_calls_nothing() {
    each("", |fake, session| {
        let cancel = Cancel::default();
        cancel.cancel();
        let path = Path::new("net.onnx");
        let (onnx, options) = (net(1, 0.0), BuildOptions::default());
        let built = build(
            &session.library,
            &session.context,
            &onnx,
            path,
            &options,
            Arc::new(|_| {}),
            &cancel,
        );
        assert!(matches!(built, Err(TensorRtError::Cancelled { .. })));
        assert_eq!(fake.calls("createInferBuilder"), 0);
    });
}

#[test]
fn what_builds_measured_is_kept_and_merged() {
    let (_folder, path) = folder();
    each("", |fake, session| {
        let file = path.join(format!("deep/timing-{}", fake.family.major()));
        let options = BuildOptions {
            timing_cache: Some(file.clone()),
            ..BuildOptions::default()
        };
        session.build(&net(1, 0.0), &options).unwrap();
        let first = std::fs::read_to_string(&file).unwrap();
        assert_eq!(first, "timing\ntimed Add\ntimed Mul\ntimed Relu\n");
        session
            .build(&model(&[1, 3, 4, 4], 0.0, &["Identity"]), &options)
            .unwrap();
        let second = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            second,
            "timing\ntimed Add\ntimed Identity\ntimed Mul\ntimed Relu\n"
        );
        // One of another GPU is no obstacle.
        std::fs::write(&file, "foreign").unwrap();
        session.build(&net(1, 0.0), &options).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
        assert!(fake.logged("is not of this TensorRT and GPU"));
    });
}

#[test]
fn a_quantised_file_is_run_as_it_is() {
    // The fake knows no such operator: what is wanted here is which error comes first.
    let onnx = model(&[1, 3, 4, 4], 0.0, &["QuantizeLinear"]);
    let options = BuildOptions {
        precision: Precision::Fp16,
        ..BuildOptions::default()
    };
    let fake = Fake::new(Family::V10, "");
    let error = fake
        .session()
        .build(&onnx, &options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("its precision is its own"), "{error}");
}

#[test]
fn weights_that_are_not_in_the_file_are_looked_for_beside_it() {
    let mut tensor = Writer::new();
    let mut entry = Writer::new();
    entry.text(1, "location").text(2, "away.bin");
    tensor
        .int(1, 1)
        .int(2, 1)
        .text(8, "far")
        .int(14, 1)
        .bytes(13, &entry.done());
    let mut graph = Writer::new();
    graph.bytes(5, &tensor.done());
    let mut onnx = Writer::new();
    onnx.bytes(7, &graph.done());
    let options = BuildOptions {
        precision: Precision::Fp16,
        ..BuildOptions::default()
    };
    let fake = Fake::new(Family::V11, "");
    // No node uses it, so it stays as it is, but is taken into the file.
    let error = fake
        .session()
        .build(&onnx.done(), &options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("away.bin"), "{error}");
}
