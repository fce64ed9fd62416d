//! Plans that somebody else built, and those that are none.

use crate::fake::{Fake, each};
use crate::model::net;
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{BuildOptions, Engine, Plan, TensorRtError};

#[test]
fn a_plan_of_another_gpu_or_version_says_what_built_it_and_where_it_is_now() {
    for family in Family::ALL {
        let fake = Fake::new(family, "sm=86");
        let plan = fake
            .session()
            .build(&net(1, 0.0), &BuildOptions::default())
            .unwrap();
        drop(fake);
        let fake = Fake::new(family, "");
        let session = fake.session();
        let error = session.load(plan.clone()).unwrap_err();
        assert!(matches!(error, TensorRtError::Plan { .. }), "{error}");
        let version = session.library.version();
        let built = format!("built by {version}");
        let error = error.to_string();
        for part in [
            "net.plan",
            "compute capability 86",
            "sm_90",
            &built,
            "build it again",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn an_older_plan_runs_if_it_was_built_to_and_a_newer_never() {
    for (version_compatible, works) in [(false, false), (true, true)] {
        let fake = Fake::new(Family::V10, "version=100300");
        let options = BuildOptions {
            version_compatible,
            ..BuildOptions::default()
        };
        let plan = fake.session().build(&net(1, 0.0), &options).unwrap();
        drop(fake);
        let newer = Fake::new(Family::V10, "");
        match newer.session().load(plan.clone()) {
            Ok(_) => assert!(works),
            Err(error) => assert!(
                !works && error.to_string().contains("built by 10.3.0"),
                "{error}"
            ),
        }
        let older = Fake::new(Family::V10, "version=100000");
        let error = older.session().load(plan).unwrap_err().to_string();
        assert!(
            error.contains("it was built by TensorRT 10.3.0, this is 10.0.0"),
            "{error}"
        );
        assert_eq!(older.calls("deserializeCudaEngine"), 0);
    }
}

#[test]
fn code_in_a_plan_is_only_run_where_the_plan_is_trusted() {
    let fake = Fake::new(Family::V10, "");
    let session = fake.session();
    let options = BuildOptions {
        version_compatible: true,
        ..BuildOptions::default()
    };
    let plan = session.build(&net(1, 0.0), &options).unwrap();
    let plan = Plan::of(plan, "x.plan".as_ref()).unwrap();
    let load = |trusted| Engine::load(&session.library, &session.context, &plan, trusted);
    assert!(
        load(false)
            .unwrap_err()
            .to_string()
            .contains("host code is not allowed")
    );
    load(true).unwrap();
}

#[test]
fn a_plan_with_a_description_of_ultralytics_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("yolov8n.engine");
    let description = r#"{"task": "detect", "imgsz": [640, 640], "names": {"0": "person"}}"#;
    each("", |_, session| {
        let plan = session
            .build(&net(1, 0.0), &BuildOptions::default())
            .unwrap();
        let mut file = (description.len() as u32).to_le_bytes().to_vec();
        file.extend(description.bytes());
        file.extend(plan);
        std::fs::write(&path, file).unwrap();
        let plan = Plan::read(&path).unwrap();
        assert_eq!(plan.metadata(), Some(description));
        let engine = Engine::load(&session.library, &session.context, &plan, false).unwrap();
        assert_eq!(engine.tensors().len(), 2);
    });
}

#[test]
fn a_file_that_is_cut_off_is_refused_and_not_crashed_on() {
    each("", |_, session| {
        let plan = session
            .build(&net(1, 0.0), &BuildOptions::default())
            .unwrap();
        for length in [0, 3, 27, 28, plan.len() / 2, plan.len() - 2] {
            let error = session.load(plan[..length].to_vec()).unwrap_err();
            assert!(
                matches!(error, TensorRtError::Plan { .. }),
                "{length}: {error}"
            );
        }
    });
}

#[test]
fn a_runtime_or_engine_that_there_is_no_memory_for_is_not_called_a_bad_plan() {
    for call in ["createInferRuntime", "deserializeCudaEngine"] {
        each(&format!("out-of-memory=1,fail={call}"), |_, session| {
            let plan = session
                .build(&net(1, 0.0), &BuildOptions::default())
                .unwrap();
            let error = session.load(plan).unwrap_err();
            assert!(error.is_out_of_memory(), "{error}");
        });
    }
}
