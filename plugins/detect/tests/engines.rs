//! What every engine must do, tried on each one that is on this machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod common;

use common::models::{Layout, ModelFile, Tiny};
use common::onnx::{Attribute, Graph};
use common::runs;
use gstvigildetect::engine::{
    Chosen, EngineError, EngineKind, ModelSource, Precision, Runner, choose,
};
use gstvigildetect::model;
use std::sync::Arc;

/// The engines that are here; says which ones are not. One that was fetched must be here.
fn engines() -> Vec<EngineKind> {
    let source = source(&Tiny::default().file());
    EngineKind::ALL
        .into_iter()
        .filter(|kind| match choose(&source, Some(*kind), 1) {
            Err(EngineError::Missing { reason, .. }) => {
                assert_eq!(kind.fetched(), None, "{reason}");
                println!("skipped engine {}: {reason}", kind.as_str());
                false
            }
            _ => true,
        })
        .collect()
}

fn source(file: &ModelFile) -> ModelSource {
    let path = file.path();
    let (info, bytes) = model::read(&path).unwrap();
    let input = model::plan_input(&info, None).unwrap();
    ModelSource {
        path,
        bytes: Arc::new(bytes),
        info: Arc::new(info),
        input,
        precision: Precision::F32,
        device: 0,
        gpu_memory: None,
        batch_on_gpu: 1,
        batch: 1,
    }
}

fn load(file: &ModelFile, kind: EngineKind, threads: usize) -> Chosen {
    choose(&source(file), Some(kind), threads).unwrap_or_else(|error| panic!("{error}"))
}

/// Shapes and values of all outputs for a picture of this brightness.
fn run(runner: &mut dyn Runner, value: f32) -> Vec<(Vec<usize>, Vec<f32>)> {
    runs::run(runner, &[value])
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = 1e-4 * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() < near,
            "{i}: {found} is not {expected}"
        );
    }
}

fn end_to_end(mean: f32) -> Vec<f32> {
    let mut values: Vec<f32> = Tiny::answer(mean)
        .iter()
        .flat_map(|(class, score, [x1, y1, x2, y2])| [*x1, *y1, *x2, *y2, *score, *class as f32])
        .collect();
    values.resize(18, 0.0);
    values
}

#[test]
fn the_engine_that_is_built_in_is_always_there() {
    assert!(engines().contains(&EngineKind::Rten));
}

#[test]
fn a_model_answers_as_it_should() {
    let file = Tiny::default().file();
    for kind in engines() {
        for threads in [1, 2] {
            let Chosen {
                engine,
                mut runner,
                output_shapes,
                reason,
                ..
            } = load(&file, kind, threads);
            assert_eq!(engine.kind(), kind);
            assert!(reason.contains(&engine.description()), "{reason}");
            assert_eq!(runner.output_names(), ["output0"]);
            assert_eq!(output_shapes, [("output0".to_string(), vec![1, 3, 6])]);
            assert_eq!(runner.input_mut(0).len(), 3 * 64 * 64);
            // Each run sees its own input.
            for mean in [0.0, 0.25, 1.0, 0.25] {
                let results = run(&mut *runner, mean);
                assert_eq!(results.len(), 1);
                assert_eq!(results[0].0, [1, 3, 6]);
                assert_close(&results[0].1, &end_to_end(mean));
            }
        }
    }
}

#[test]
fn all_engines_answer_alike() {
    let file = Tiny {
        layout: Layout::V8,
        work: 3,
        ..Tiny::default()
    }
    .file();
    let answers: Vec<_> = engines()
        .into_iter()
        .map(|kind| run(&mut *load(&file, kind, 1).runner, 0.7))
        .collect();
    for answer in &answers[1..] {
        assert_eq!(answer[0].0, answers[0][0].0);
        assert_close(&answer[0].1, &answers[0][0].1);
    }
}

#[test]
fn samples_lie_in_the_input_channel_by_channel_and_row_by_row() {
    // The picture itself, as an output.
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,32,64");
    let one = graph.floats(&[1], &[1.0]);
    let same = graph.node("Mul", &[&images, &one], &[]);
    graph.output(&same, "same", "1,3,32,64");
    let file = ModelFile::of(graph);
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        let samples: Vec<f32> = (0..3 * 32 * 64).map(|i| i as f32).collect();
        runner.input_mut(0).copy_from_slice(&samples);
        runner
            .run(1, &mut |outputs| {
                assert_eq!(outputs[0].shape, [1, 3, 32, 64]);
                assert_eq!(outputs[0].data, samples);
            })
            .unwrap();
    }
}

#[test]
fn runners_do_not_share_tensors() {
    let file = Tiny::default().file();
    for kind in engines() {
        let Chosen {
            engine, mut runner, ..
        } = load(&file, kind, 1);
        let mut second = engine.runner(1).unwrap();
        runner.input_mut(0).fill(0.25);
        second.input_mut(0).fill(0.75);
        for (runner, mean) in [(&mut runner, 0.25), (&mut second, 0.75)] {
            runner
                .run(1, &mut |outputs| {
                    assert_close(outputs[0].data, &end_to_end(mean))
                })
                .unwrap();
        }
    }
}

#[test]
fn runners_work_at_the_same_time() {
    let file = Tiny {
        work: 10,
        ..Tiny::default()
    }
    .file();
    for kind in engines() {
        let engine = load(&file, kind, 1).engine;
        std::thread::scope(|scope| {
            for i in 0..4 {
                let engine = &engine;
                scope.spawn(move || {
                    let mut runner = engine.runner(1).unwrap();
                    let mean = 0.1 + 0.2 * i as f32;
                    for _ in 0..10 {
                        assert_close(&run(&mut *runner, mean)[0].1, &end_to_end(mean));
                    }
                });
            }
        });
    }
}

#[test]
fn runners_that_were_planned_and_more_of_them_work_at_the_same_time() {
    let file = Tiny {
        work: 10,
        ..Tiny::default()
    }
    .file();
    for kind in engines() {
        let engine = load(&file, kind, 2).engine;
        engine.plan_runners(3, 1);
        std::thread::scope(|scope| {
            for i in 0..5 {
                let engine = &engine;
                scope.spawn(move || {
                    // Some come when others have gone.
                    for round in 0..3 {
                        let mut runner = engine.runner(1).unwrap();
                        let mean = 0.1 + 0.15 * i as f32 + 0.05 * round as f32;
                        for _ in 0..3 {
                            assert_close(&run(&mut *runner, mean)[0].1, &end_to_end(mean));
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn any_number_of_threads_is_taken_as_far_as_it_makes_sense() {
    let file = Tiny::default().file();
    for kind in engines() {
        for threads in [0, 10_000] {
            let mut chosen = load(&file, kind, threads);
            chosen.engine.plan_runners(threads, 1);
            let mut one_of_many = chosen.engine.runner(1).unwrap();
            for runner in [&mut chosen.runner, &mut one_of_many] {
                assert_close(&run(&mut **runner, 0.25)[0].1, &end_to_end(0.25));
            }
        }
    }
}

#[test]
fn the_input_is_as_it_was_after_a_run() {
    // Preprocessing paints the bars around the picture once.
    let file = Tiny {
        layout: Layout::V8,
        work: 3,
        ..Tiny::default()
    }
    .file();
    for kind in engines() {
        let mut runner = load(&file, kind, 2).runner;
        let samples: Vec<f32> = (0..3 * 64 * 64).map(|i| (i % 255) as f32 / 255.0).collect();
        runner.input_mut(0).copy_from_slice(&samples);
        for _ in 0..3 {
            runner.run(1, &mut |_| {}).unwrap();
            assert!(runner.input_mut(0) == samples, "{}", kind.as_str());
        }
    }
}

#[test]
fn an_open_size_is_the_one_that_was_planned() {
    let file = Tiny {
        dynamic: true,
        ..Tiny::default()
    }
    .file();
    for kind in engines() {
        let mut source = source(&file);
        source.input = model::plan_input(&source.info, Some((96, 32))).unwrap();
        let mut runner = choose(&source, Some(kind), 1).unwrap().runner;
        assert_eq!(runner.input_mut(0).len(), 3 * 32 * 96);
        // x and y of the boxes are those of a square input.
        let found = run(&mut *runner, 0.25)[0].1.clone();
        assert_eq!(found[4], 0.25, "{}", kind.as_str());
    }
}

#[test]
fn a_precision_is_taken_or_refused_but_never_another_one_taken() {
    let file = Tiny::default().file();
    let mut source = source(&file);
    source.precision = Precision::Bf16;
    for wanted in engines().into_iter().map(Some).chain([None]) {
        match choose(&source, wanted, 1) {
            Ok(mut chosen) => {
                assert_eq!(chosen.engine.kind(), EngineKind::OpenVino);
                let found = &run(&mut *chosen.runner, 0.3)[0].1;
                for (found, expected) in found.iter().zip(end_to_end(0.3)) {
                    let near = expected.abs() / 64.0;
                    assert!(
                        (found - expected).abs() <= near,
                        "{found} is not {expected}"
                    );
                }
            }
            Err(error) => {
                assert!(matches!(error, EngineError::Load { .. }), "{error}");
                assert!(error.to_string().contains("precision=bf16"), "{error}");
            }
        }
    }
}

#[test]
fn outputs_come_in_the_files_order_and_whole_numbers_as_floats() {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let two = graph.floats(&[1], &[2.0]);
    let double = graph.node("Mul", &[&images, &two], &[]);
    let whole = graph.node("Cast", &[&images], &[Attribute::Int("to", 7)]);
    graph.output(&double, "zebra", "1,3,64,64");
    graph.output_of_i64(&whole, "middle", "1,3,64,64");
    graph.output(&images, "ant", "1,3,64,64");
    let file = ModelFile::of(graph);
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        assert_eq!(runner.output_names(), ["zebra", "middle", "ant"]);
        let results = run(&mut *runner, 1.5);
        assert_eq!((results[0].1[0], results[2].1[0]), (3.0, 1.5));
        assert_eq!(results[1].1[0], 1.0, "{}", kind.as_str());
    }
}

#[test]
fn the_inputs_own_size_is_fed_where_a_model_asks_for_the_sources() {
    let mut graph = Graph::new();
    // Not the first of the inputs.
    let sizes = graph.input_of_i64("orig_target_sizes", "N,2");
    let images = graph.input("images", "N,3,32,64");
    let mean = graph.mean(&images, true);
    graph.output_of_i64(&sizes, "sizes", "N,2");
    graph.output(&mean, "mean", "N,1,1,1");
    let file = ModelFile::of(graph);
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        for _ in 0..2 {
            let results = run(&mut *runner, 0.5);
            assert_eq!(results[0], (vec![1, 2], vec![64.0, 32.0]));
            assert_close(&results[1].1, &[0.5]);
        }
    }
}

#[test]
fn a_model_that_the_engine_does_not_take_is_an_error_that_says_which() {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let boxes = graph.node("GuessBoxes", &[&images], &[]);
    graph.output(&boxes, "output0", "1,3,6");
    let unknown = ModelFile::of(graph);
    let path = unknown.path();
    for kind in engines() {
        let Err(error) = choose(&source(&unknown), Some(kind), 1) else {
            panic!("{} took it", kind.as_str());
        };
        assert!(matches!(error, EngineError::Load { .. }), "{error}");
        let text = error.to_string();
        for part in [kind.as_str(), path.to_str().unwrap(), "GuessBoxes"] {
            assert!(text.contains(part), "{text}");
        }
    }
    let Err(error) = choose(&source(&unknown), None, 1) else {
        panic!("one of them took it");
    };
    for kind in engines() {
        assert!(error.to_string().contains(kind.as_str()), "{error}");
    }
}

#[test]
fn weights_in_a_file_beside_the_model_are_found() {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let weights = graph.floats_beside(&[3, 1, 1], "weights.onnx.data");
    let products = graph.node("Mul", &[&images, &weights], &[]);
    graph.output(&products, "output0", "1,3,64,64");
    let file = ModelFile::of(graph);
    let weights: Vec<u8> = [2.0f32, 3.0, 4.0].map(f32::to_le_bytes).concat();
    std::fs::write(file.path().with_file_name("weights.onnx.data"), weights).unwrap();
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        let products = run(&mut *runner, 0.5)[0].1.clone();
        for (channel, expected) in products.chunks(64 * 64).zip([1.0, 1.5, 2.0]) {
            assert_eq!(channel, [expected; 64 * 64], "{}", kind.as_str());
        }
    }
}

#[test]
fn integer_convolutions_are_refused_by_the_engine_that_has_them_wrong() {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let bytes = graph.node("Cast", &[&images], &[Attribute::Int("to", 2)]);
    let sums = graph.node("ConvInteger", &[&bytes, &bytes], &[]);
    graph.output(&sums, "output0", "1,3,6");
    let file = ModelFile::of(graph);
    let Err(error) = choose(&source(&file), Some(EngineKind::Rten), 1) else {
        panic!("rten took it");
    };
    for part in ["ConvInteger", "ONNX Runtime", "QDQ"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn models_in_half_precision_are_fed_and_read_as_others() {
    let mut graph = Graph::new();
    let images = graph.input_of_f16("images", "1,3,32,64");
    // 1.5
    let factor = graph.halves(&[1], &[0x3e00]);
    let product = graph.node("Mul", &[&images, &factor], &[]);
    graph.output_of_f16(&product, "product", "1,3,32,64");
    let floats = graph.node("Cast", &[&images], &[Attribute::Int("to", 1)]);
    graph.output(&floats, "floats", "1,3,32,64");
    let file = ModelFile::of(graph);
    // Numbers that 16 bits hold, and the products too.
    let samples: Vec<f32> = (0..3 * 32 * 64).map(|i| (i % 512) as f32 / 4.0).collect();
    let products: Vec<f32> = samples.iter().map(|sample| sample * 1.5).collect();
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        for _ in 0..2 {
            runner.input_mut(0).copy_from_slice(&samples);
            runner
                .run(1, &mut |outputs| {
                    assert_eq!(outputs[0].shape, [1, 3, 32, 64], "{}", kind.as_str());
                    assert_close(outputs[0].data, &products);
                    assert_close(outputs[1].data, &samples);
                })
                .unwrap();
        }
    }
}

#[test]
fn auto_passes_over_an_engine_that_does_not_take_the_model_and_says_so() {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let volumes = graph.node("Det", &[&images], &[]);
    graph.output(&volumes, "output0", "1,3");
    let file = ModelFile::of(graph);
    let takes = |kind: &EngineKind| choose(&source(&file), Some(*kind), 1).is_ok();
    let present = engines();
    let Some(first) = present.iter().position(takes) else {
        println!("skipped: no engine that is here takes this model");
        return;
    };
    let chosen = choose(&source(&file), None, 1).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(chosen.engine.kind(), present[first]);
    for passed_over in &present[..first] {
        let said = format!("engine {} cannot load", passed_over.as_str());
        assert!(chosen.reason.contains(&said), "{}", chosen.reason);
    }
    println!("{}", chosen.reason);
}

/// A graph, and in it 24 values, each half the mean of the picture, as `[4·mean, 6/mean]`.
fn shaped_by_the_picture() -> (Graph, String) {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let mean = graph.mean(&images, true);
    let one = graph.ints(&[1]);
    let mean = graph.node("Reshape", &[&mean, &one], &[]);
    let (four, six) = (graph.floats(&[1], &[4.0]), graph.floats(&[1], &[6.0]));
    let rows = graph.node("Mul", &[&four, &mean], &[]);
    let columns = graph.node("Div", &[&six, &mean], &[]);
    let axis = Attribute::Int("axis", 0);
    let shape = graph.node("Concat", &[&rows, &columns], &[axis]);
    let shape = graph.node("Cast", &[&shape], &[Attribute::Int("to", 7)]);
    let halves = graph.floats(&[24], &[0.5; 24]);
    let values = graph.node("Mul", &[&halves, &mean], &[]);
    let values = graph.node("Reshape", &[&values, &shape], &[]);
    (graph, values)
}

#[test]
fn an_output_has_the_shape_of_its_run() {
    let (mut graph, values) = shaped_by_the_picture();
    graph.output(&values, "output0", "rows,columns");
    let file = ModelFile::of(graph);
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        let table = [
            (0.5, [2, 12]),
            (1.0, [4, 6]),
            (0.25, [1, 24]),
            (0.5, [2, 12]),
        ];
        for (mean, shape) in table {
            let results = run(&mut *runner, mean);
            assert_eq!(results[0].0, shape, "{}", kind.as_str());
            assert_close(&results[0].1, &[mean / 2.0; 24]);
        }
    }
}

#[test]
fn a_run_that_fails_is_an_error_and_the_next_one_may_succeed() {
    let (mut graph, values) = shaped_by_the_picture();
    // It can only be added to [2, 12].
    let numbers: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let addend = graph.floats(&[2, 12], &numbers);
    let sum = graph.node("Add", &[&values, &addend], &[]);
    graph.output(&sum, "output0", "rows,columns");
    let file = ModelFile::of(graph);
    for kind in engines() {
        let mut runner = load(&file, kind, 1).runner;
        for bright in [1.0, 0.25] {
            runner.input_mut(0).fill(bright);
            let error = runner.run(1, &mut |_| panic!("no result")).unwrap_err();
            assert!(matches!(error, EngineError::Run { .. }), "{error}");
            println!("{error}");
            let results = run(&mut *runner, 0.5);
            assert_eq!(results[0].0, [2, 12]);
            assert_eq!(results[0].1[5], 5.25);
        }
    }
}
