//! Every engine that is on this machine gives the same outputs for the same model and picture.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

use gstvigildetect::decode::{Detection, OutputView, Thresholds};
use gstvigildetect::detector::{Detector, LoadError, LoadOptions, LoadedModel};
use gstvigildetect::engine::{EngineError, EngineKind, Precision, Runner};
use gstvigildetect::preprocess::{
    Chroma, Colorimetry, FrameFormat, FrameView, PixelFormat, Plane, Preprocessor, TensorFormat,
};
use std::path::{Path, PathBuf};
use vigil_tests::assets;

/// What engines may differ by, of the value or, for small values, of 1.
const RELATIVE: f32 = 1e-3;

/// Outputs by name: shape, values.
type Outputs = Vec<(String, Vec<usize>, Vec<f32>)>;

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
) -> Result<Option<Loaded>, LoadError> {
    let loaded = LoadedModel::load(&LoadOptions {
        model: model.map(PathBuf::from),
        labels: None,
        engine: Some(kind),
        precision: Precision::F32,
        threads,
        input_size: None,
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
    let tensor = TensorFormat::new(&loaded.spec.input, Chroma::default());
    let mut preprocessor = Preprocessor::new(tensor);
    with_frame(picture, |frame| preprocessor.run(frame, runner.input_mut()));
    let names = runner.output_names().to_vec();
    let mut outputs = Outputs::new();
    let collect = &mut |views: &[OutputView<'_>]| {
        outputs = names
            .iter()
            .zip(views)
            .map(|(name, view)| (name.clone(), view.shape.to_vec(), view.data.to_vec()))
            .collect();
    };
    runner.run(collect).unwrap();
    outputs
}

/// The largest difference, as a part of the value or of 1.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs() / expected.abs().max(1.0))
        .fold(0.0, f32::max)
}

fn compare(name: &str, model: Option<&Path>, thread_counts: &[usize]) {
    let pictures = pictures();
    // The one that everybody compares with, then the one that is always here.
    let references = [EngineKind::OnnxRuntime, EngineKind::Rten];
    let reference = references.into_iter().find_map(|kind| {
        let loaded = load(model, kind, 2);
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
    let Some((expecting, mut runner)) = reference else {
        return;
    };
    let expected: Vec<_> = pictures
        .iter()
        .map(|picture| run(&expecting, &mut *runner, picture))
        .collect();
    let others = EngineKind::ALL
        .into_iter()
        .filter(|kind| *kind != expecting.engine.kind());
    for kind in others {
        for &threads in thread_counts {
            let loaded = load(model, kind, threads).unwrap_or_else(|error| panic!("{error}"));
            let Some((loaded, mut runner)) = loaded else {
                continue;
            };
            assert_eq!(loaded.spec, expecting.spec, "{name}");
            for (picture, expected) in pictures.iter().zip(&expected) {
                let found = run(&loaded, &mut *runner, picture);
                assert_eq!(found.len(), expected.len(), "{name}");
                for ((output, shape, found), (same, wanted, expected)) in found.iter().zip(expected)
                {
                    let what = format!(
                        "{name}, output {output} of {}, {threads} threads: {}",
                        picture.name,
                        loaded.engine.description()
                    );
                    assert_eq!((output, shape), (same, wanted), "{what}");
                    let difference = difference(found, expected);
                    eprintln!("{difference:.1e} {what}");
                    assert!(difference <= RELATIVE, "differs by {difference}: {what}");
                }
            }
        }
    }
}

#[test]
fn engines_agree_on_the_built_in_model() {
    compare("the built-in model", None, &[1, 2]);
}

/// The real models, those with integers in them or the others.
fn models(quantised: bool) -> Vec<PathBuf> {
    let Some(folder) = assets::find("models") else {
        return Vec::new();
    };
    let mut models: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "onnx"))
        .filter(|path| path.display().to_string().contains("int8") == quantised)
        .collect();
    models.sort();
    models
}

#[test]
fn engines_agree_on_real_models() {
    for model in models(false) {
        let name = model.file_name().unwrap_or_default().to_string_lossy();
        compare(&name, Some(&model), &[2]);
    }
}

/// What an engine sees with a model; `None`, in words, where it is not here or does not take it.
fn see(model: &Path, kind: EngineKind, picture: &Picture) -> Option<Vec<Detection>> {
    let (loaded, runner) = match load(Some(model), kind, 2) {
        Ok(loaded) => loaded?,
        Err(error) => {
            eprintln!("skipped: {error}");
            return None;
        }
    };
    let mut detector = Detector::new(&loaded.spec, runner, Chroma::default());
    let mut found = Vec::new();
    with_frame(picture, |frame| {
        let thresholds = Thresholds::default();
        detector.detect(frame, &thresholds, &mut found).unwrap()
    });
    Some(found)
}

/// Integers are rounded where each engine finds it best, so outputs differ, and what is seen does
/// not.
#[test]
fn engines_see_the_same_with_quantised_models() {
    let Some(picture) = pictures().into_iter().nth(1) else {
        return;
    };
    for model in models(true) {
        let seen: Vec<_> = [
            EngineKind::OnnxRuntime,
            EngineKind::OpenVino,
            EngineKind::Rten,
        ]
        .into_iter()
        .filter_map(|kind| Some((kind, see(&model, kind, &picture)?)))
        .collect();
        let Some(((reference, expected), others)) = seen.split_first() else {
            continue;
        };
        let clear = || expected.iter().filter(|object| object.score > 0.5);
        assert!(clear().count() > 0, "nothing is seen in {}", picture.name);
        for (kind, found) in others {
            for object in clear() {
                let same = found.iter().any(|other| {
                    other.class == object.class
                        && (other.score - object.score).abs() < 0.2
                        && iou(&other.xyxy, &object.xyxy) > 0.8
                });
                let what = format!("{kind:?} and {reference:?}, {}", model.display());
                assert!(same, "{what}: {object:?} is not among {found:?}");
            }
        }
    }
}

fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |b: &[f32; 4]| (b[2] - b[0]) * (b[3] - b[1]);
    let both = width * height;
    both / (area(a) + area(b) - both)
}
