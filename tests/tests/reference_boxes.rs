//! The boxes of real models on real pictures and video equal an independent decoder's.
//!
//! The references are the assets' own (see their README): made from RGB pictures, so pictures are
//! compared closely, and video, whose colours depend on the decoder, less so.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use gst::prelude::*;
use std::error::Error;
use std::path::Path;
use vigil_tests::assets::{self, Reference, ReferenceBox};
use vigil_tests::matching::{Found, Tolerance, differences};
use vigil_tests::pictures::detect_on_pictures;
use vigil_tests::pipeline::{Pipeline, found};

const ON_PICTURES: Tolerance = Tolerance {
    from_score: 0.30,
    iou: 0.95,
    score: 0.02,
};

const ON_VIDEO: Tolerance = Tolerance {
    from_score: 0.35,
    iou: 0.90,
    score: 0.05,
};

/// Dynamic INT8 takes the range of its activations from each picture and makes much of little: a
/// decoder whose colours are one level of 255 off moves a score by up to 0.1.
const OF_DYNAMIC_INT8: Tolerance = Tolerance {
    from_score: 0.45,
    iou: 0.85,
    score: 0.10,
};

/// A model with references.
struct Model {
    /// What the references' names end with.
    reference: &'static str,
    /// Its file, where that is not the one of the references.
    file: Option<&'static str>,
    engines: &'static [&'static str],
    /// On JPEG pictures, whose decoders differ by a level; on PNG all must be [`ON_PICTURES`].
    on_pictures: Tolerance,
    on_video: Tolerance,
}

const fn plain(reference: &'static str) -> Model {
    Model {
        reference,
        file: None,
        engines: &ENGINES,
        on_pictures: ON_PICTURES,
        on_video: ON_VIDEO,
    }
}

const COCO_MODELS: [Model; 7] = [
    plain("yolov8n"),
    // The same weights, at the size that a file without one is given.
    Model {
        file: Some("models/yolov8n_dynamic.onnx"),
        ..plain("yolov8n")
    },
    plain("yolov5n"),
    plain("yolox_nano"),
    plain("yolov8n_nms"),
    Model {
        // rten refuses it: see its notes.
        engines: &["openvino", "onnxruntime"],
        on_pictures: OF_DYNAMIC_INT8,
        on_video: OF_DYNAMIC_INT8,
        ..plain("yolo11n_int8_320")
    },
    plain("deimv2_atto"),
];

impl Model {
    fn file<'a>(&self, reference: &'a Reference) -> &'a str {
        self.file.unwrap_or(&reference.file)
    }
}

const ENGINES: [&str; 3] = ["openvino", "onnxruntime", "rten"];

/// An engine that is not on this machine is skipped, in words.
fn is_missing(engine: &str, model: &Path) -> bool {
    let detector = gst::ElementFactory::make("vigildetect")
        .property("model", model.to_str())
        .property_from_str("engine", engine)
        .build()
        .unwrap();
    let bus = gst::Bus::new();
    detector.set_bus(Some(&bus));
    let failed = detector.set_state(gst::State::Paused).is_err();
    let _ = detector.set_state(gst::State::Null);
    let missing = failed
        && bus.iter().any(|message| match message.view() {
            gst::MessageView::Error(error) => error.error().to_string().contains("is not there"),
            _ => false,
        });
    if missing {
        eprintln!("skipped: engine {engine} is not on this machine");
    }
    missing
}

/// Every difference from the references of these pictures; none where a file or the engine is
/// not there.
fn compare_pictures(
    model: &Model,
    engine: &str,
    tolerance: Tolerance,
    reference: &Reference,
    pictures: &[(String, &Vec<ReferenceBox>)],
) -> Result<Vec<String>, Box<dyn Error>> {
    let file = model.file(reference);
    let Some(path) = assets::find(file).filter(|path| !is_missing(engine, path)) else {
        return Ok(Vec::new());
    };
    let images = pictures
        .iter()
        .map(|(path, _)| {
            let path = assets::find(path).ok_or("a picture of the reference is missing")?;
            Ok(image::open(path)?.to_rgb8())
        })
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let samples = detect_on_pictures(&path, &format!("engine={engine}"), &images)?;
    let mut wrong = Vec::new();
    let mut boxes = 0;
    for (sample, (name, expected)) in samples.iter().zip(pictures) {
        let (look, found) = found(sample.buffer().ok_or("a sample without buffer")?);
        assert_eq!(look, vigil_analytics::Look::Inferred);
        boxes += expected.len();
        wrong.extend(
            differences(&found, expected, tolerance)
                .into_iter()
                .map(|difference| format!("{file}, {engine}, {name}: {difference}")),
        );
    }
    assert!(boxes > 0, "a reference without boxes shows nothing");
    Ok(wrong)
}

/// Where a picture of the references lies among the assets.
fn picture(name: &str) -> String {
    let folder = match name {
        "bus.jpg" | "zidane.jpg" => "images/agpl",
        _ => "images",
    };
    format!("{folder}/{name}")
}

#[test]
fn boxes_on_pictures_equal_the_reference() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    let mut wrong = Vec::new();
    for model in COCO_MODELS {
        let Some(reference) = assets::reference(&format!("images_{}", model.reference))? else {
            return Ok(());
        };
        let pictures: Vec<_> = reference
            .images
            .iter()
            .map(|(name, boxes)| (picture(name), boxes))
            .collect();
        for engine in model.engines {
            wrong.extend(compare_pictures(
                &model,
                engine,
                model.on_pictures,
                &reference,
                &pictures,
            )?);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn boxes_on_single_frames_equal_the_reference() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    let mut wrong = Vec::new();
    for model in COCO_MODELS {
        let name = format!("vtest_480x360_h264_aac_{}", model.reference);
        let Some(reference) = assets::reference(&name)? else {
            return Ok(());
        };
        let pictures: Vec<_> = (0..100)
            .step_by(10)
            .map(|i| {
                (
                    format!("reference/frames/vtest_{i:04}.png"),
                    &reference.frames[i],
                )
            })
            .collect();
        for engine in model.engines {
            // The references are ONNX Runtime's: the very pixels give it the very boxes. Others
            // round integers elsewhere.
            let tolerance = match *engine {
                "onnxruntime" => ON_PICTURES,
                _ => model.on_pictures,
            };
            wrong.extend(compare_pictures(
                &model, engine, tolerance, &reference, &pictures,
            )?);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Decoders differ by a level or two in the colours that they give. Where a model proposes two
/// boxes for one object with scores that are closer than that matters, the other one wins: an IoU
/// under the limit, though nothing is wrong. This many of a hundred boxes may fall to it.
const TOSSED_UP: f64 = 1.0;

#[test]
fn boxes_on_decoded_video_equal_the_reference() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    for model in COCO_MODELS {
        let name = format!("vtest_480x360_h264_aac_{}", model.reference);
        let Some(reference) = assets::reference(&name)? else {
            return Ok(());
        };
        let (file, tolerance) = (model.file(&reference), model.on_video);
        let (Some(path), Some(video)) = (
            assets::find(file),
            assets::find("videos/vtest_480x360_h264.mp4"),
        ) else {
            return Ok(());
        };
        let pipeline = Pipeline::parse(&format!(
            "filesrc location={} ! qtdemux ! h264parse ! avdec_h264 ! video/x-raw,format=I420 ! \
             vigildetect model={} ! appsink name=out sync=false",
            video.display(),
            path.display()
        ))?;
        let sink: gst_app::AppSink = pipeline.element("out");
        pipeline.0.set_state(gst::State::Playing)?;
        let mut wrong = Vec::new();
        let mut boxes = 0;
        for (i, expected) in reference.frames.iter().enumerate() {
            let sample = sink.pull_sample()?;
            let (_, found) = found(sample.buffer().ok_or("a sample without buffer")?);
            boxes += expected
                .iter()
                .filter(|wanted| wanted.score >= tolerance.from_score)
                .count();
            wrong.extend(
                differences(&found, expected, tolerance)
                    .into_iter()
                    .map(|difference| format!("{file}, frame {i}: {difference}")),
            );
        }
        let missing = wrong.iter().filter(|line| line.contains("missing")).count();
        let percent = missing as f64 * 100.0 / boxes as f64;
        eprintln!(
            "{file}: {missing} of {boxes} boxes differ\n{}",
            wrong.join("\n")
        );
        assert!(
            percent <= TOSSED_UP,
            "{file}: {percent} % of the boxes differ"
        );
    }
    Ok(())
}

/// What 8 bits cost: of a hundred boxes with a clear score, this many are not found again with a
/// near score and place.
const LOST_TO_8_BITS: f64 = 10.0;

#[test]
fn quantised_models_find_what_the_same_weights_in_floats_find() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    let of_8_bits = Tolerance {
        from_score: 0.5,
        iou: 0.80,
        score: 0.20,
    };
    let Some(reference) = assets::reference("images_yolov8n")? else {
        return Ok(());
    };
    let names = (reference.images.keys()).map(|name| picture(name));
    let images = names
        .filter_map(|name| assets::find(&name))
        .map(|path| Ok(image::open(path)?.to_rgb8()))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    for side in [320, 640] {
        let (Some(quantised), Some(floats)) = (
            assets::find(&format!("models/yolov8n_{side}_int8.onnx")),
            assets::find("models/yolov8n_dynamic.onnx"),
        ) else {
            return Ok(());
        };
        for engine in ENGINES {
            if is_missing(engine, &quantised) {
                continue;
            }
            let options = format!("engine={engine} input-size={side}");
            let expected = detect_on_pictures(&floats, &options, &images)?;
            let samples = detect_on_pictures(&quantised, &options, &images)?;
            let (mut boxes, mut lost) = (0, Vec::new());
            for (sample, expected) in samples.iter().zip(&expected) {
                let (_, found) = found_on(sample)?;
                let expected = as_reference(&found_on(expected)?.1);
                boxes += expected
                    .iter()
                    .filter(|wanted| wanted.score >= of_8_bits.from_score)
                    .count();
                let differences = differences(&found, &expected, of_8_bits).into_iter();
                lost.extend(differences.filter(|text| text.starts_with("missing")));
            }
            let percent = lost.len() as f64 * 100.0 / boxes as f64;
            assert!(
                percent <= LOST_TO_8_BITS,
                "{side}, {engine}: {percent} % of {boxes} boxes\n{}",
                lost.join("\n")
            );
        }
    }
    Ok(())
}

fn found_on(sample: &gst::Sample) -> Result<(vigil_analytics::Look, Vec<Found>), Box<dyn Error>> {
    Ok(found(sample.buffer().ok_or("a sample without buffer")?))
}

fn as_reference(found: &[Found]) -> Vec<ReferenceBox> {
    found
        .iter()
        .map(|found| ReferenceBox {
            cls: 0,
            name: found.name.clone(),
            score: found.score,
            xyxy: found.xyxy,
        })
        .collect()
}
