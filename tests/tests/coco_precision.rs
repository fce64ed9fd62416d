//! COCO's average precision of real models, through the pipeline: a picture goes in by `appsrc`, and
//! what comes out of vigildetect is judged against COCO's own boxes.
//!
//! The references are pycocotools' figures of an independent decoder (see the assets' README).

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use gst::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use vigil_tests::assets;
use vigil_tests::pictures::detect_on_pictures;
use vigil_tests::pipeline::{Pipeline, found};
use vigil_tests::precision::{COCO_OVERLAPS, Tally, Truth};

/// How far a figure may be from the reference.
const TOLERANCE: f64 = 0.002;

/// Best detections of a class on a picture that COCO looks at.
const MAX_DETECTIONS: usize = 100;

/// `instances_*.json`.
#[derive(Deserialize)]
struct Instances {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u32,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u32,
    category_id: u32,
    /// Left, top, width, height.
    bbox: [f32; 4],
}

#[derive(Deserialize)]
struct Category {
    id: u32,
    name: String,
}

/// What a model of the references had.
#[derive(Deserialize)]
struct Figures {
    #[serde(rename = "AP")]
    ap: f64,
    #[serde(rename = "AP50")]
    ap50: f64,
    nms_iou: Option<f64>,
    file: String,
}

impl Instances {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    }

    fn truth(&self, image: &Image) -> Vec<Truth> {
        let names: BTreeMap<u32, &str> = (self.categories.iter())
            .map(|category| (category.id, category.name.as_str()))
            .collect();
        let of_image = |a: &&Annotation| a.image_id == image.id;
        let truth = |a: &Annotation| {
            let [x, y, w, h] = a.bbox;
            Truth {
                name: names[&a.category_id].into(),
                xyxy: [x, y, x + w, y + h],
                counts: true,
            }
        };
        self.annotations
            .iter()
            .filter(of_image)
            .map(truth)
            .collect()
    }
}

/// The pixels of a JPEG file as libjpeg gives them, which are those of the references: decoders
/// differ by a level of colour here and there, and 8-bit models make a hundredth of AP of that.
fn open_jpeg(path: &Path) -> Result<image::RgbImage, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "filesrc location={} ! gdkpixbufdec ! video/x-raw,format=RGB ! appsink name=out sync=false",
        path.display()
    ))?;
    let sink: gst_app::AppSink = pipeline.element("out");
    pipeline.0.set_state(gst::State::Playing)?;
    let sample = sink.pull_sample()?;
    let info = gst_video::VideoInfo::from_caps(sample.caps().ok_or("no caps")?)?;
    let buffer = sample.buffer_owned().ok_or("no buffer")?;
    let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info)
        .map_err(|_| "a buffer without its frame")?;
    let (width, height) = (info.width(), info.height());
    let rows = frame.plane_data(0)?.chunks(info.stride()[0] as usize);
    let pixels = rows
        .take(height as usize)
        .flat_map(|row| &row[..width as usize * 3]);
    image::RgbImage::from_raw(width, height, pixels.copied().collect()).ok_or("no picture".into())
}

/// AP and AP50 of a model on all pictures.
fn precision(
    model: &Path,
    options: &str,
    instances: &Instances,
    pictures: &[image::RgbImage],
) -> Result<(f64, f64), Box<dyn Error>> {
    let samples = detect_on_pictures(model, options, pictures)?;
    let mut tallies = COCO_OVERLAPS.map(Tally::with_overlap);
    for (sample, image) in samples.iter().zip(&instances.images) {
        let (_, mut found) = found(sample.buffer().ok_or("a sample without buffer")?);
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut of_class = BTreeMap::new();
        found.retain(|found| {
            let count = of_class.entry(found.name.clone()).or_insert(0);
            *count += 1;
            *count <= MAX_DETECTIONS
        });
        let truth = instances.truth(image);
        tallies
            .iter_mut()
            .for_each(|tally| tally.add(&truth, &found));
    }
    let ap = tallies.each_ref().map(Tally::mean_average_precision);
    Ok((ap.iter().sum::<f64>() / ap.len() as f64, ap[0]))
}

#[test]
fn average_precision_is_that_of_the_models_own_tools() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    let (Some(instances), Some(figures)) = (
        assets::find("coco128/instances_val128.json"),
        assets::find("reference/map_val128.json"),
    ) else {
        return Ok(());
    };
    let instances = Instances::read(&instances)?;
    let figures: BTreeMap<String, Figures> =
        serde_json::from_str(&std::fs::read_to_string(figures)?)?;
    let mut pictures = Vec::new();
    for image in &instances.images {
        let Some(path) = assets::find(&format!("coco128/images/val2017/{}", image.file_name))
        else {
            return Ok(());
        };
        pictures.push(open_jpeg(&path)?);
    }
    let mut wrong = Vec::new();
    for (name, expected) in figures {
        let Some(model) = assets::find(&expected.file) else {
            continue;
        };
        // The references are ONNX Runtime's, and integers round differently elsewhere.
        let engine = if name.contains("int8") {
            "onnxruntime"
        } else {
            "auto"
        };
        let iou = expected.nms_iou.unwrap_or(1.0);
        let options = format!(
            "engine={engine} confidence-threshold=0.001 max-detections=300 iou-threshold={iou}"
        );
        let (ap, ap50) = precision(&model, &options, &instances, &pictures)?;
        eprintln!(
            "{name}: AP {ap:.4} (reference {:.4}), AP50 {ap50:.4} ({:.4})",
            expected.ap, expected.ap50
        );
        if (ap - expected.ap).abs() > TOLERANCE {
            wrong.push(format!("{name}: AP {ap:.4}, not {:.4}", expected.ap));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
