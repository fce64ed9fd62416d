//! The boxes of real models on real pictures and video equal an independent decoder's.
//!
//! The references are the assets' own (see their README): made from RGB pictures, so pictures are
//! compared closely, and video, whose colours depend on the decoder, less so.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use gst::prelude::*;
use std::error::Error;
use std::path::Path;
use vigil_tests::assets::{self, Reference, ReferenceBox};
use vigil_tests::matching::{Tolerance, differences};
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

const COCO_MODELS: [&str; 4] = ["yolov8n", "yolov5n", "yolox_nano", "yolov8n_nms"];

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

/// What vigildetect finds on RGB pictures of any sizes, in order.
fn detect_on_pictures(
    model: &Path,
    engine: &str,
    pictures: &[image::RgbImage],
) -> Result<Vec<gst::Sample>, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "appsrc name=in format=time ! vigildetect model={} engine={engine} ! \
         appsink name=out sync=false",
        model.display()
    ))?;
    let source: gst_app::AppSrc = pipeline.element("in");
    let sink: gst_app::AppSink = pipeline.element("out");
    pipeline.0.set_state(gst::State::Playing)?;
    for (i, picture) in pictures.iter().enumerate() {
        let info = gst_video::VideoInfo::builder(
            gst_video::VideoFormat::Rgb,
            picture.width(),
            picture.height(),
        )
        .fps(gst::Fraction::new(1, 1))
        .build()?;
        // Rows of GStreamer's RGB are padded to 4 bytes.
        let stride = info.stride()[0] as usize;
        let mut data = vec![0; info.size()];
        for (row, pixels) in data
            .chunks_mut(stride)
            .zip(picture.as_raw().chunks(picture.width() as usize * 3))
        {
            row[..pixels.len()].copy_from_slice(pixels);
        }
        let mut buffer = gst::Buffer::from_mut_slice(data);
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_seconds(i as u64));
        source.push_sample(
            &gst::Sample::builder()
                .buffer(&buffer)
                .caps(&info.to_caps()?)
                .build(),
        )?;
    }
    source.end_of_stream()?;
    let mut samples = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        samples.push(sample);
    }
    if let Some(message) = pipeline
        .0
        .bus()
        .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]))
    {
        return Err(format!("{message:?}").into());
    }
    assert_eq!(samples.len(), pictures.len());
    Ok(samples)
}

fn compare_pictures(
    model: &str,
    engine: &str,
    reference: &Reference,
    pictures: &[(String, &Vec<ReferenceBox>)],
) -> Result<(), Box<dyn Error>> {
    let Some(path) = assets::find(&reference.file) else {
        return Ok(());
    };
    if is_missing(engine, &path) {
        return Ok(());
    }
    let images = pictures
        .iter()
        .map(|(path, _)| {
            let path = assets::find(path).ok_or("a picture of the reference is missing")?;
            Ok(image::open(path)?.to_rgb8())
        })
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let samples = detect_on_pictures(&path, engine, &images)?;
    let mut wrong = Vec::new();
    let mut boxes = 0;
    for (sample, (name, expected)) in samples.iter().zip(pictures) {
        let (look, found) = found(sample.buffer().ok_or("a sample without buffer")?);
        assert_eq!(look, vigil_analytics::Look::Inferred);
        boxes += expected.len();
        wrong.extend(
            differences(&found, expected, ON_PICTURES)
                .into_iter()
                .map(|difference| format!("{model}, {engine}, {name}: {difference}")),
        );
    }
    assert!(boxes > 0, "a reference without boxes shows nothing");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn boxes_on_pictures_equal_the_reference() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    for model in COCO_MODELS {
        let Some(reference) = assets::reference(&format!("images_{model}"))? else {
            return Ok(());
        };
        let pictures: Vec<_> = reference
            .images
            .iter()
            .map(|(name, boxes)| {
                let folder = match name.as_str() {
                    "bus.jpg" | "zidane.jpg" => "images/agpl",
                    _ => "images",
                };
                (format!("{folder}/{name}"), boxes)
            })
            .collect();
        for engine in ENGINES {
            compare_pictures(model, engine, &reference, &pictures)?;
        }
    }
    Ok(())
}

#[test]
fn boxes_on_single_frames_equal_the_reference() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    for model in COCO_MODELS {
        let Some(reference) = assets::reference(&format!("vtest_480x360_h264_aac_{model}"))? else {
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
        for engine in ENGINES {
            compare_pictures(model, engine, &reference, &pictures)?;
        }
    }
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
        let Some(reference) = assets::reference(&format!("vtest_480x360_h264_aac_{model}"))? else {
            return Ok(());
        };
        let (Some(path), Some(video)) = (
            assets::find(&reference.file),
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
                .filter(|wanted| wanted.score >= ON_VIDEO.from_score)
                .count();
            wrong.extend(
                differences(&found, expected, ON_VIDEO)
                    .into_iter()
                    .map(|difference| format!("{model}, frame {i}: {difference}")),
            );
        }
        let missing = wrong.iter().filter(|line| line.contains("missing")).count();
        let percent = missing as f64 * 100.0 / boxes as f64;
        eprintln!(
            "{model}: {missing} of {boxes} boxes differ\n{}",
            wrong.join("\n")
        );
        assert!(
            percent <= TOSSED_UP,
            "{model}: {percent} % of the boxes differ"
        );
    }
    Ok(())
}
