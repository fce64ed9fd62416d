//! Several pictures in a run, on each engine that is on this machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod common;

use common::models::{Layout, ModelFile, Tiny};
use common::onnx::{Attribute, Graph};
use common::runs::run;
use gstvigildetect::decode::Thresholds;
use gstvigildetect::detector::{LoadError, LoadOptions, LoadedModel, Picture};
use gstvigildetect::engine::{EngineError, EngineKind, Precision, Runner};
use gstvigildetect::engine::{ModelSource, choose};
use gstvigildetect::model;
use gstvigildetect::preprocess::{
    Colorimetry, FrameFormat, FrameView, PixelFormat, Plane, Sampling,
};
use std::path::Path;
use std::sync::Arc;

fn source(path: &Path, batch: usize) -> ModelSource {
    let (info, bytes) = model::read(path).unwrap();
    let input = model::plan_input(&info, None).unwrap();
    ModelSource {
        path: path.into(),
        bytes: Arc::new(bytes),
        info: Arc::new(info),
        input,
        precision: Precision::F32,
        device: 0,
        gpu_memory: None,
        batch_on_gpu: batch,
        batch,
    }
}

/// A runner of each engine that is here, for up to so many pictures.
fn runners(file: &ModelFile, batch: usize) -> Vec<(EngineKind, Box<dyn Runner>)> {
    let source = source(&file.path(), batch);
    let load = |kind| match choose(&source, Some(kind), 1) {
        Ok(chosen) => Some((kind, chosen.runner)),
        Err(EngineError::Missing { reason, .. }) => {
            assert_eq!(kind.fetched(), None, "{reason}");
            println!("skipped engine {}: {reason}", kind.as_str());
            None
        }
        Err(error) => panic!("{error}"),
    };
    EngineKind::ALL.into_iter().filter_map(load).collect()
}

/// Runs batches of changing sizes, each of whose pictures must have what it has alone.
fn assert_equals_single_runs(file: &ModelFile) {
    let singles = runners(file, 1);
    for ((kind, mut runner), (_, mut single)) in runners(file, 3).into_iter().zip(singles) {
        let batches: [&[f32]; 6] = [
            &[0.25, 0.5, 0.75],
            &[0.6],
            &[0.9, 0.3],
            &[0.1, 0.2, 0.3],
            &[0.7, 0.6, 0.5],
            &[0.4],
        ];
        for means in batches {
            let found = run(&mut *runner, means);
            for (number, mean) in means.iter().enumerate() {
                for (output, alone) in run(&mut *single, &[*mean]).into_iter().enumerate() {
                    let (shape, values) = &found[output];
                    assert_eq!((shape[0], &shape[1..]), (means.len(), &alone.0[1..]));
                    let share = &values[number * alone.1.len()..][..alone.1.len()];
                    for (found, expected) in share.iter().zip(&alone.1) {
                        let near = 1e-4 * expected.abs().max(1.0);
                        let kind = kind.as_str();
                        assert!(
                            (found - expected).abs() <= near,
                            "{kind}: {found} {expected}"
                        );
                    }
                }
            }
        }
        assert_eq!(runner.input_mut(2).len(), 3 * 64 * 64);
        assert_eq!(runner.input_mut(3).len(), 0, "beyond the batch");
    }
}

#[test]
fn each_picture_of_a_batch_has_what_it_has_alone() {
    for layout in [Layout::EndToEnd, Layout::V8] {
        let tiny = Tiny {
            layout,
            batch: "N",
            work: 2,
            ..Tiny::default()
        };
        assert_equals_single_runs(&tiny.file());
    }
}

#[test]
fn the_other_inputs_of_a_model_are_those_of_all_pictures() {
    let mut graph = Graph::new();
    let images = graph.input("images", "N,3,64,64");
    let sizes = graph.input_of_i64("orig_target_sizes", "N,2");
    let mean = graph.mean(&images, true);
    let sizes = graph.node("Cast", &[&sizes], &[Attribute::Int("to", 1)]);
    let each = graph.ints(&[-1, 1]);
    let mean = graph.node("Reshape", &[&mean, &each], &[]);
    let product = graph.node("Mul", &[&sizes, &mean], &[]);
    graph.output(&product, "product", "N,2");
    assert_equals_single_runs(&ModelFile::of(graph));
}

#[test]
fn pictures_in_half_precision_go_together_too() {
    let mut graph = Graph::new();
    let images = graph.input_of_f16("images", "N,3,64,64");
    let factor = graph.halves(&[1], &[0x3e00]);
    let product = graph.node("Mul", &[&images, &factor], &[]);
    graph.output_of_f16(&product, "product", "N,3,64,64");
    assert_equals_single_runs(&ModelFile::of(graph));
}

#[test]
fn a_fixed_batch_is_run_whole_and_each_picture_has_its_share() {
    let mut graph = Graph::new();
    let images = graph.input("images", "2,3,64,64");
    let mean = graph.mean(&images, true);
    graph.output(&mean, "mean", "2,1,1,1");
    for (kind, mut runner) in runners(&ModelFile::of(graph), 1) {
        for picture in 0..2 {
            assert_eq!(runner.input_mut(picture).len(), 3 * 64 * 64);
        }
        assert_eq!(runner.input_mut(2).len(), 0);
        let both = run(&mut *runner, &[0.5, 0.25]);
        assert_eq!(both[0].0, [2, 1, 1, 1]);
        for (found, expected) in both[0].1.iter().zip([0.5, 0.25]) {
            assert!((found - expected).abs() < 1e-5, "{}", kind.as_str());
        }
        let one = run(&mut *runner, &[0.75]);
        assert_eq!(one[0].0, [2, 1, 1, 1]);
        assert!((one[0].1[0] - 0.75).abs() < 1e-5);
    }
}

fn options(path: &Path, kind: EngineKind, batch: usize) -> LoadOptions {
    LoadOptions {
        model: Some(path.into()),
        wishes: model::Wishes::default(),
        engine: Some(kind),
        precision: Precision::F32,
        device: 0,
        gpu_memory: None,
        threads: 1,
        input_size: None,
        batch,
    }
}

/// Looks at a grey frame of this size.
fn with_grey<T>(width: usize, height: usize, level: u8, look: impl FnOnce(&FrameView) -> T) -> T {
    let format = FrameFormat {
        pixels: PixelFormat::Gray8,
        width,
        height,
        colorimetry: Colorimetry::default(),
    };
    let data = vec![level; width * height];
    let plane = Plane {
        data: &data,
        stride: width,
    };
    look(&FrameView::new(format, [plane, Plane::default(), Plane::default()]).unwrap())
}

#[test]
fn a_detector_finds_on_each_frame_of_a_batch_what_it_finds_on_it_alone() {
    let all = Arc::new(Thresholds::default());
    let best = Arc::new(Thresholds {
        max_detections: 1,
        ..Thresholds::default()
    });
    // Of different shapes, so that each has bars of its own; places change from run to run.
    let frames = [
        (64, 64, 200, &all),
        (160, 40, 180, &best),
        (40, 160, 220, &all),
    ];
    for batch in ["N", "3"] {
        let file = Tiny {
            batch,
            ..Tiny::default()
        }
        .file();
        let path = file.path();
        let load = || LoadedModel::load(&options(&path, EngineKind::Rten, 3)).unwrap();
        let (loaded, runner) = load();
        assert_eq!(loaded.batch, 3);
        let mut detector =
            gstvigildetect::detector::Detector::new(&loaded.spec, runner, Sampling::default());
        for turn in 0..4 {
            let count = [3, 2, 1, 3][turn];
            let frames: Vec<_> = (0..count).map(|i| frames[(i + turn) % 3]).collect();
            let mut pictures = Vec::new();
            for (number, (width, height, level, thresholds)) in frames.iter().enumerate() {
                with_grey(*width, *height, *level, |frame| {
                    detector.put(number, frame, Sampling::default());
                });
                pictures.push(Picture::new((*thresholds).clone()));
            }
            detector.run(&mut pictures).unwrap();
            for (picture, (width, height, level, thresholds)) in pictures.iter().zip(frames) {
                let (loaded, runner) = load();
                let mut alone = gstvigildetect::detector::Detector::new(
                    &loaded.spec,
                    runner,
                    Sampling::default(),
                );
                let mut expected = Vec::new();
                with_grey(width, height, level, |frame| {
                    alone.detect(frame, thresholds, &mut expected).unwrap()
                });
                assert!(!expected.is_empty());
                assert_eq!(picture.found, expected, "batch {batch}, turn {turn}");
                assert!(picture.timings.inference > std::time::Duration::ZERO);
            }
        }
    }
}

#[test]
fn a_batch_that_only_the_file_believes_in_is_refused() {
    let mut graph = Graph::new();
    let images = graph.input("images", "N,3,64,64");
    let mean = graph.node("ReduceMean", &[&images], &[Attribute::Int("keepdims", 1)]);
    let rows = graph.floats(&[1, 3, 6], &[0.5; 18]);
    let one = graph.ints(&[1, 1, 1]);
    let mean = graph.node("Reshape", &[&mean, &one], &[]);
    let boxes = graph.node("Mul", &[&rows, &mean], &[]);
    graph.output(&boxes, "output0", "N,3,6");
    let file = ModelFile::of(graph);
    let path = file.path();
    for (kind, _) in runners(&file, 1) {
        match LoadedModel::load(&options(&path, kind, 4)).err() {
            Some(LoadError::Engine(error @ EngineError::Load { .. })) => {
                let text = error.to_string();
                for part in [
                    "batch-size is 4",
                    "1 picture in each run",
                    path.to_str().unwrap(),
                ] {
                    assert!(text.contains(part), "{text}");
                }
            }
            other => panic!("{}: {other:?}", kind.as_str()),
        }
        assert!(LoadedModel::load(&options(&path, kind, 1)).is_ok());
    }
}

#[test]
fn what_nobody_said_is_measured_where_there_are_threads_enough() {
    let file = |batch| {
        Tiny {
            batch,
            work: 2,
            ..Tiny::default()
        }
        .file()
    };
    let (open, fixed) = (file("N"), file("1"));
    for (kind, _) in runners(&open, 1) {
        let load = |file: &ModelFile, batch, threads| {
            let options = LoadOptions {
                threads,
                ..options(&file.path(), kind, batch)
            };
            LoadedModel::load(&options).unwrap().0
        };
        // What it finds is this machine's business.
        if let Some(several) = load(&open, 0, 5).several {
            assert!([2, 4].contains(&several.batch) && several.gain > 1.0);
            assert_eq!(several.engine.kind(), kind);
            let mut runner = several.engine.runner(5).unwrap();
            let found = run(&mut *runner, &[0.25, 0.75]);
            assert_eq!(found[0].0, [2, 3, 6]);
        }
        for (file, batch, threads) in [(&open, 1, 5), (&open, 0, 2), (&fixed, 0, 5)] {
            assert!(load(file, batch, threads).several.is_none());
        }
    }
}
