//! What goes wrong.

use crate::fake::Cuda;
use crate::teller::*;
use vigil_nvidia::driver::{Context, DriverError, Lost};
use vigil_nvidia::kernels::Kernels;
use vigil_nvidia::pipeline::{Finish, HostPlane, Pipeline, PipelineError, Source};

#[test]
fn a_device_that_is_lost_at_any_call_is_a_typed_error() {
    for nth in [1, 2, 5, 9, 14, 20, 30, 45, 70, 100] {
        let cuda = Cuda::new("devices=2,lost-code=700");
        let driver = cuda.driver();
        let contexts = [0, 1].map(|i| Context::primary(&driver.device(i).unwrap()).unwrap());
        let [lost, fine] = contexts.map(|context| {
            let kernels = Kernels::load(&context).unwrap();
            Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap()
        });
        let (mut lost, mut fine) = (lost, fine);
        cuda.set(&format!("lost-at={nth}"));
        let mut batch = || -> Result<(), PipelineError> {
            for _ in 0..40 {
                put(&mut lost, 0, 32, 90)?;
                lost.start(1)?;
                lost.wait()?;
            }
            Ok(())
        };
        let error = batch().unwrap_err();
        assert_eq!(error.lost(), Some(Lost::Fault), "call {nth}: {error}");
        run(&mut fine, &[(32, 91)]);
        drop((lost, fine));
        // Nothing can be given back to a device that is lost: that is left, and nothing else.
        let report = cuda.report();
        assert!(
            report.lines().all(|line| line.ends_with(" left")),
            "{report}"
        );
        std::mem::forget(cuda);
    }
}

#[test]
fn batches_that_make_no_sense_are_refused() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut p = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let text = |result: Result<(), PipelineError>| result.unwrap_err().to_string();
    assert_eq!(text(p.start(1)), "picture 0 of a batch that has room for 2");
    assert_eq!(
        text(put(&mut p, 2, 32, 1)),
        "picture 2 of a batch that has room for 2"
    );
    assert_eq!(text(p.wait().map(drop)), "a batch was not started");
    let short = [
        HostPlane {
            data: &[0; 100],
            pitch: 32,
        },
        HostPlane::default(),
        HostPlane::default(),
    ];
    let result = p.put(0, &format(32), Source::Host(short), &placement(32));
    assert_eq!(
        text(result),
        "plane 0 of a picture has 100 bytes, 1024 are needed"
    );
    put(&mut p, 0, 32, 128).unwrap();
    p.start(1).unwrap();
    assert_eq!(text(put(&mut p, 1, 32, 1)), "a batch is still running");
    assert_eq!(text(p.start(1)), "a batch is still running");
    check(&mut p, &[(32, 128)]);
    let mut wrong = settings(2);
    let Finish::Boxes(plan, _) = &mut wrong.finish else {
        unreachable!()
    };
    plan.rows += 1;
    let error = Pipeline::new(&context, &kernels, teller(&context), wrong)
        .err()
        .unwrap();
    let expected = "output 0 of the engine has 960 bytes a picture, 984 are to be decoded";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_engine_that_fails_leaves_a_pipeline_that_works() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    cuda.set("fail=cuLaunchHostFunc:1:1");
    put(&mut pipeline, 0, 32, 128).unwrap();
    let error = pipeline.start(1).unwrap_err();
    let is_call = matches!(
        &error,
        PipelineError::Driver(DriverError::Call { code: 1, .. })
    );
    assert!(is_call, "{error}");
    run(&mut pipeline, &[(32, 129)]);
}
