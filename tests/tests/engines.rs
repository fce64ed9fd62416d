//! Every engine that is on this machine gives the same outputs for the same model and picture.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

use gstvigildetect::decode::{Detection, OutputView, Thresholds};
use gstvigildetect::detector::{self, Detector, LoadError, LoadOptions, LoadedModel};
use gstvigildetect::engine::{EngineError, EngineKind, Precision, Runner};
use gstvigildetect::model::Wishes;
use gstvigildetect::preprocess::{
    Colorimetry, FrameFormat, FrameView, PixelFormat, Plane, Preprocessor, Sampling, TensorFormat,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vigil_tests::assets;

/// What engines may differ by, of the value or, for small values, of 1.
const RELATIVE: f32 = 1e-3;

/// What one engine may differ by for a picture alone and with others.
const WITHIN_ENGINE: f32 = 1e-4;

/// Objects that score more are compared.
const FROM_SCORE: f32 = 0.05;

/// Outputs by name: shape, values.
type Outputs = Vec<(String, Vec<usize>, Vec<f32>)>;

/// What was found on each picture.
type Objects = Vec<Vec<Detection>>;

type Loaded = (LoadedModel, Box<dyn Runner>);

struct Picture {
    name: String,
    pixels: image::RgbImage,
}

/// A picture that needs no file: stripes, gradients and boxes of several sizes.
fn drawn() -> Picture {
    let pixels = image::RgbImage::from_fn(500, 375, |x, y| {
        let stripe = if (x / 40 + y / 60) % 2 == 0 { 70 } else { 0 };
        let inside = |cx: u32, cy: u32, r: u32| x.abs_diff(cx) < r && y.abs_diff(cy) < 2 * r;
        if inside(120, 160, 30) || inside(330, 240, 50) || inside(430, 90, 12) {
            image::Rgb([200, 40, (y % 256) as u8])
        } else {
            image::Rgb([(x / 2) as u8, (y / 2 + stripe) as u8, 90 + stripe as u8])
        }
    });
    Picture {
        name: "a drawn picture".into(),
        pixels,
    }
}

fn pictures() -> Vec<Picture> {
    let mut pictures = vec![drawn()];
    for name in ["images/dog.jpg", "images/agpl/bus.jpg"] {
        if let Some(path) = assets::find(name) {
            pictures.push(Picture {
                name: name.into(),
                pixels: image::open(path).unwrap().to_rgb8(),
            });
        }
    }
    pictures
}

/// The model in an engine; `None`, in words, where the engine is not here, which one that was
/// fetched must be.
fn load(
    model: Option<&Path>,
    kind: EngineKind,
    threads: usize,
    batch: usize,
) -> Result<Option<Loaded>, LoadError> {
    let loaded = LoadedModel::load(&LoadOptions {
        model: model.map(PathBuf::from),
        wishes: Wishes::default(),
        engine: Some(kind),
        precision: Precision::F32,
        device: 0,
        gpu_memory: None,
        threads,
        input_size: None,
        batch,
    });
    match loaded {
        Err(LoadError::Engine(error @ EngineError::Missing { .. })) => {
            let fetched = kind.fetched();
            assert_eq!(fetched, None, "it was fetched, but {error}");
            eprintln!("skipped: {error}");
            Ok(None)
        }
        other => other.map(Some),
    }
}

fn with_frame<T>(picture: &Picture, look: impl FnOnce(&FrameView) -> T) -> T {
    let (width, height) = picture.pixels.dimensions();
    let format = FrameFormat {
        pixels: PixelFormat::Rgb,
        width: width as usize,
        height: height as usize,
        colorimetry: Colorimetry::default(),
    };
    let plane = Plane {
        data: picture.pixels.as_raw(),
        stride: 3 * width as usize,
    };
    let planes = [plane, Plane::default(), Plane::default()];
    look(&FrameView::new(format, planes).unwrap())
}

fn run(loaded: &LoadedModel, runner: &mut dyn Runner, picture: &Picture) -> Outputs {
    let tensor = TensorFormat::new(&loaded.spec.input, Sampling::default());
    let mut preprocessor = Preprocessor::new(tensor);
    with_frame(picture, |frame| {
        preprocessor.run(frame, runner.input_mut(0))
    });
    let names = runner.output_names().to_vec();
    let mut outputs = Outputs::new();
    let collect = &mut |views: &[OutputView<'_>]| {
        outputs = names
            .iter()
            .zip(views)
            .map(|(name, view)| (name.clone(), view.shape.to_vec(), view.data.to_vec()))
            .collect();
    };
    runner.run(1, collect).unwrap();
    outputs
}

/// What an engine says of each picture.
enum Answers {
    /// Of a model whose outputs have an order of their own.
    Outputs(Vec<Outputs>),
    /// Of one that sorts its boxes by score, where a hair's breadth changes the order.
    Objects(Vec<Vec<Detection>>),
}

impl Answers {
    fn of(loaded: &LoadedModel, mut runner: Box<dyn Runner>, pictures: &[Picture]) -> Self {
        if !loaded.spec.head.is_finished() {
            let run = |picture| run(loaded, &mut *runner, picture);
            return Self::Outputs(pictures.iter().map(run).collect());
        }
        let mut detector = Detector::new(&loaded.spec, runner, Sampling::default());
        let thresholds = Thresholds {
            confidence: FROM_SCORE,
            ..Thresholds::default()
        };
        let mut see = |picture| {
            let mut objects = Vec::new();
            with_frame(picture, |frame| {
                detector.detect(frame, &thresholds, &mut objects).unwrap()
            });
            objects
        };
        Self::Objects(pictures.iter().map(&mut see).collect())
    }

    /// Everything about which they differ.
    fn differences(&self, expected: &Self, pictures: &[Picture]) -> Vec<String> {
        let of_pictures: Vec<Vec<String>> = match (self, expected) {
            (Self::Outputs(found), Self::Outputs(expected)) => {
                let pairs = found.iter().zip(expected);
                pairs.map(|(f, e)| different_outputs(f, e)).collect()
            }
            (Self::Objects(found), Self::Objects(expected)) => {
                let pairs = found.iter().zip(expected).zip(pictures);
                pairs
                    .map(|((f, e), p)| different_objects(f, e, p))
                    .collect()
            }
            _ => unreachable!("both are of one model"),
        };
        let named = of_pictures.into_iter().zip(pictures);
        named
            .flat_map(|(lines, picture)| {
                let name = &picture.name;
                lines.into_iter().map(move |line| format!("{name}: {line}"))
            })
            .collect()
    }
}

fn different_outputs(found: &Outputs, expected: &Outputs) -> Vec<String> {
    assert_eq!(found.len(), expected.len());
    let mut lines = Vec::new();
    for ((name, shape, found), (same, wanted, expected)) in found.iter().zip(expected) {
        assert_eq!((name, shape), (same, wanted));
        let difference = found
            .iter()
            .zip(expected)
            .map(|(found, expected)| (found - expected).abs() / expected.abs().max(1.0))
            .fold(0.0, f32::max);
        eprintln!("output {name}: {difference:.1e}");
        if difference > RELATIVE || difference.is_nan() {
            lines.push(format!("output {name} differs by {difference}"));
        }
    }
    lines
}

fn different_objects(
    found: &[Detection],
    expected: &[Detection],
    picture: &Picture,
) -> Vec<String> {
    let pixels = RELATIVE * picture.pixels.width().max(picture.pixels.height()) as f32;
    let same = |a: &Detection, b: &Detection| {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= pixels;
        a.class == b.class
            && (a.score - b.score).abs() <= RELATIVE
            && a.xyxy.iter().zip(&b.xyxy).all(near)
    };
    let lacking = |list: &[Detection], other: &[Detection], what: &str| -> Vec<String> {
        list.iter()
            // One that is at the threshold may be on either side of it.
            .filter(|object| object.score > FROM_SCORE + RELATIVE)
            .filter(|object| !other.iter().any(|other| same(object, other)))
            .map(|object| format!("{what}: {object:?}"))
            .collect()
    };
    let mut lines = lacking(expected, found, "missing");
    lines.extend(lacking(found, expected, "unexpected"));
    eprintln!("{} objects, {} differences", expected.len(), lines.len());
    lines
}

fn compare(name: &str, model: Option<&Path>, thread_counts: &[usize]) {
    let pictures = pictures();
    // The one that everybody compares with, then the one that is always here.
    let references = [EngineKind::OnnxRuntime, EngineKind::Rten];
    let reference = references.into_iter().find_map(|kind| {
        let loaded = load(model, kind, 2, 1);
        match loaded {
            Ok(loaded) => loaded,
            // A model that is not understood is the business of other tests.
            Err(LoadError::Model(error)) => {
                eprintln!("skipped: {error}");
                None
            }
            Err(LoadError::Engine(error)) => panic!("{error}"),
        }
    });
    let Some((expecting, runner)) = reference else {
        return;
    };
    let expected = Answers::of(&expecting, runner, &pictures);
    let others = EngineKind::ALL
        .into_iter()
        .filter(|kind| *kind != expecting.engine.kind());
    for kind in others {
        for &threads in thread_counts {
            let loaded = load(model, kind, threads, 1).unwrap_or_else(|error| panic!("{error}"));
            let Some((loaded, runner)) = loaded else {
                continue;
            };
            eprintln!("{name}, {threads} threads: {}", loaded.engine.description());
            assert_eq!(loaded.spec, expecting.spec);
            let found = Answers::of(&loaded, runner, &pictures);
            let differences = found.differences(&expected, &pictures);
            assert!(differences.is_empty(), "{}", differences.join("\n"));
        }
    }
}

#[test]
fn engines_agree_on_the_built_in_model() {
    compare("the built-in model", None, &[1, 2]);
}

/// The real models, but for those with integers in them, which each engine rounds where it finds it
/// best.
fn models() -> Vec<PathBuf> {
    let Some(folder) = assets::find("models") else {
        return Vec::new();
    };
    let mut models: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "onnx"))
        .filter(|path| !path.display().to_string().contains("int8"))
        .collect();
    models.sort();
    models
}

#[test]
fn engines_agree_on_real_models() {
    for model in models() {
        let name = model.file_name().unwrap_or_default().to_string_lossy();
        compare(&name, Some(&model), &[2]);
    }
}

/// What is found on pictures that are run together.
fn objects_of_batch(
    loaded: &LoadedModel,
    runner: Box<dyn Runner>,
    pictures: &[Picture],
) -> Objects {
    let mut detector = Detector::new(&loaded.spec, runner, Sampling::default());
    let thresholds = Arc::new(Thresholds {
        confidence: FROM_SCORE,
        ..Thresholds::default()
    });
    let mut found = Vec::new();
    for pictures in pictures.chunks(loaded.batch) {
        for (number, picture) in pictures.iter().enumerate() {
            with_frame(picture, |frame| {
                detector.put(number, frame, Sampling::default());
            });
        }
        let of_run = pictures.iter();
        let mut of_run: Vec<_> = of_run
            .map(|_| detector::Picture::new(thresholds.clone()))
            .collect();
        detector.run(&mut of_run).unwrap();
        found.extend(of_run.into_iter().map(|picture| picture.found));
    }
    found
}

/// Three pictures in one run have what they have in three runs.
fn compare_batch(model: &Path) {
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let mut pictures = pictures();
    pictures.push(Picture {
        name: "a picture of one colour".into(),
        pixels: image::RgbImage::from_pixel(333, 222, image::Rgb([90, 120, 30])),
    });
    pictures.truncate(3);
    for kind in EngineKind::ALL {
        let single = match load(Some(model), kind, 2, 1) {
            Ok(Some(single)) => single,
            Ok(None) => continue,
            Err(LoadError::Model(error)) => {
                eprintln!("skipped: {error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let (loaded, runner) = match load(Some(model), kind, 2, 3) {
            Ok(Some(loaded)) => loaded,
            Err(error) => {
                // Its file fixes another number, or lies: that must be said.
                assert!(error.to_string().contains("batch-size is 3"), "{error}");
                eprintln!("{name}, {}: {error}", kind.as_str());
                continue;
            }
            Ok(None) => unreachable!("it was there a moment ago"),
        };
        assert_eq!(loaded.batch, 3);
        let expected = objects_of_batch(&single.0, single.1, &pictures);
        let found = objects_of_batch(&loaded, runner, &pictures);
        for ((found, expected), picture) in found.iter().zip(&expected).zip(&pictures) {
            let what = format!("{name}, {}, {}", kind.as_str(), picture.name);
            assert_eq!(found.len(), expected.len(), "{what}");
            let mut most = 0.0f32;
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found.class, expected.class, "{what}");
                most = most.max((found.score - expected.score).abs());
                for (a, b) in found.xyxy.iter().zip(&expected.xyxy) {
                    most = most.max((a - b).abs() / b.abs().max(1.0));
                }
            }
            eprintln!("{what}: {} objects, {most:.1e} apart", found.len());
            assert!(most <= WITHIN_ENGINE, "{what}: {most}");
        }
    }
}

#[test]
fn three_pictures_in_one_run_have_what_they_have_in_three() {
    for model in models() {
        compare_batch(&model);
    }
}
