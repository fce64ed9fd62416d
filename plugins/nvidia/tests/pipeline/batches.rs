//! Boxes, recordings and settings.

use crate::fake::Cuda;
use crate::teller::*;
use std::sync::atomic::Ordering;
use vigil_nvidia::kernels::Kernels;
use vigil_nvidia::kernels::head::Wanted;
use vigil_nvidia::pipeline::{Finish, Pipeline, Settings};

#[test]
fn each_picture_of_a_batch_gets_its_own_boxes_in_its_own_pixels() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(4)).unwrap();
    assert_eq!(pipeline.capacity(), 4);
    for pictures in [
        &[(64, 50), (32, 100), (128, 150), (48, 200)][..],
        &[(32, 255)],
    ] {
        run(&mut pipeline, pictures);
    }
    assert_eq!(cuda.calls("pageable"), 0, "all that is copied is pinned");
}

#[test]
fn a_size_is_recorded_once_and_other_frames_need_no_other_recording() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let network = teller(&context);
    let enqueued = network.enqueued.clone();
    let mut pipeline = Pipeline::new(&context, &kernels, network, settings(4)).unwrap();
    for round in 0..5u8 {
        run(
            &mut pipeline,
            &[(64 + u32::from(round), 50 + round), (32, 100 + round)],
        );
        run(&mut pipeline, &[(40, 90 + round)]);
    }
    assert!(pipeline.is_recorded());
    // Of each of the two sizes: one batch as it is, and one recording.
    assert_eq!(enqueued.load(Ordering::Relaxed), 4);
    assert_eq!(cuda.calls("cuGraphInstantiate_v2"), 2);
    assert_eq!(cuda.calls("cuGraphLaunch"), 8);
}

#[test]
fn other_thresholds_hold_from_the_next_batch_on() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let count = |pipeline: &mut Pipeline<Teller>| {
        put(pipeline, 0, 32, 128).unwrap();
        pipeline.start(1).unwrap();
        pipeline.wait().unwrap().detections(0).len()
    };
    let (low, high) = (wanted(0.1), wanted(0.9));
    let only_first = Wanted {
        thresholds: vec![0.1, f32::INFINITY],
        ..low.clone()
    };
    let none = Wanted {
        limit: 0,
        ..low.clone()
    };
    for (wanted, expected) in [
        (&low, 1),
        (&high, 0),
        (&low, 1),
        (&only_first, 0),
        (&none, 0),
        (&low, 1),
    ] {
        pipeline.want(wanted).unwrap();
        for _ in 0..2 {
            assert_eq!(count(&mut pipeline), expected, "{wanted:?}");
        }
    }
    assert!(pipeline.is_recorded());
    assert_eq!(
        cuda.calls("cuGraphInstantiate_v2"),
        1,
        "recordings are changed in their place"
    );
}

#[test]
fn a_network_that_cannot_be_recorded_runs_without() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let network = Teller {
        recordable: false,
        ..teller(&context)
    };
    let mut pipeline = Pipeline::new(&context, &kernels, network, settings(2)).unwrap();
    run(&mut pipeline, &[(32, 77)]);
    run(&mut pipeline, &[(32, 78)]);
    assert_eq!(cuda.calls("cuStreamBeginCapture_v2"), 0);
    // And one that says it can and does not.
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    cuda.set("fail=cuGraphInstantiate_v2:1:801");
    for level in [70, 80, 90] {
        run(&mut pipeline, &[(32, level)]);
    }
    assert!(!pipeline.is_recorded());
    assert_eq!(cuda.calls("cuGraphInstantiate_v2"), 1);
}

#[test]
fn two_workers_have_two_batches_in_flight() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let pipeline = || Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let (mut first, mut second) = (pipeline(), pipeline());
    for round in 0..3 {
        let (a, b) = ([(32, 60 + round), (64, 70)], [(32, 80 + round)]);
        put(&mut first, 0, 32, 60 + round).unwrap();
        put(&mut first, 1, 64, 70).unwrap();
        first.start(2).unwrap();
        put(&mut second, 0, 32, 80 + round).unwrap();
        second.start(1).unwrap();
        assert!(!first.is_done().unwrap() && !second.is_done().unwrap());
        check(&mut second, &b);
        check(&mut first, &a);
    }
}

#[test]
fn outputs_come_back_as_they_are_where_the_cpu_decodes() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let settings = Settings {
        finish: Finish::Outputs,
        ..settings(3)
    };
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings).unwrap();
    for _ in 0..3 {
        put(&mut pipeline, 0, 32, 51).unwrap();
        put(&mut pipeline, 1, 32, 102).unwrap();
        pipeline.start(2).unwrap();
        let finished = pipeline.wait().unwrap();
        for (picture, score) in [(0, 0.2f32), (1, 0.4)] {
            let output = finished.output(0, picture);
            assert_eq!(output.len(), (4 + CLASSES) * ROWS * 4);
            let at = (5 * ROWS + 7) * 4;
            let found = f32::from_ne_bytes(output[at..at + 4].try_into().unwrap());
            assert!((found - score).abs() < 1e-6, "{found}");
            assert!(finished.detections(picture).is_empty());
        }
        assert!(finished.output(0, 2).is_empty() && finished.output(1, 0).is_empty());
    }
}
