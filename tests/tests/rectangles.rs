//! An input of the video's own shape gives the boxes that Ultralytics' predict gives by default, which
//! takes such an input where a model allows it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use serde::Deserialize;
use std::error::Error;
use vigil_tests::assets::{self, ReferenceBox};
use vigil_tests::matching::{Tolerance, differences, iou};
use vigil_tests::pictures::{detect_on_pictures, rectangle};
use vigil_tests::pipeline::found;

/// What predict found, frame by frame.
#[derive(Deserialize)]
struct Predicted {
    frames: Vec<Vec<ReferenceBox>>,
    imgsz: u32,
}

const CLOSE: Tolerance = Tolerance {
    from_score: 0.30,
    iou: 0.95,
    score: 0.02,
};

/// The most pixels that a side of a box may be off.
const PIXELS: f32 = 0.02;

#[test]
fn a_rectangle_is_that_of_the_picture_in_multiples_of_32() {
    for (picture, side, expected) in [
        ((1920, 1080), 640, (640, 384)),
        ((480, 360), 640, (640, 480)),
        ((480, 360), 320, (320, 256)),
        ((1080, 1920), 640, (384, 640)),
        ((640, 640), 640, (640, 640)),
        ((4000, 10), 640, (640, 32)),
    ] {
        assert_eq!(rectangle(picture, side), expected, "{picture:?}");
    }
}

#[test]
fn the_boxes_on_a_rectangle_are_those_of_predict() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    let (Some(reference), Some(model)) = (
        assets::find("reference/ultralytics/yolov8n_pt_rect.json"),
        assets::find("models/yolov8n_dynamic.onnx"),
    ) else {
        return Ok(());
    };
    let predicted: Predicted = serde_json::from_str(&std::fs::read_to_string(reference)?)?;
    let (mut pictures, mut expected) = (Vec::new(), Vec::new());
    for (i, boxes) in predicted.frames.iter().enumerate().step_by(10) {
        let name = format!("reference/frames/vtest_{i:04}.png");
        if let Some(path) = assets::find(&name) {
            pictures.push(image::open(path)?.to_rgb8());
            expected.push(boxes);
        }
    }
    let size = pictures.first().ok_or("no frames")?.dimensions();
    let (width, height) = rectangle(size, predicted.imgsz);
    let options = format!("input-size={width}x{height}");
    let samples = detect_on_pictures(&model, &options, &pictures)?;
    let (mut wrong, mut farthest, mut boxes) = (Vec::new(), 0.0f32, 0);
    for (sample, expected) in samples.iter().zip(expected) {
        let (_, found) = found(sample.buffer().ok_or("a sample without buffer")?);
        wrong.extend(differences(&found, expected, CLOSE));
        for wanted in expected.iter().filter(|b| b.score >= CLOSE.from_score) {
            let nearest = (found.iter())
                .max_by(|a, b| iou(a.xyxy, wanted.xyxy).total_cmp(&iou(b.xyxy, wanted.xyxy)));
            let off = nearest.map_or(f32::MAX, |found| {
                let sides = found.xyxy.iter().zip(wanted.xyxy);
                sides.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
            });
            farthest = farthest.max(off);
            boxes += 1;
        }
    }
    eprintln!("{width}x{height}: {boxes} boxes, the farthest {farthest:.4} pixels off");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(boxes > 0 && farthest < PIXELS, "{farthest} pixels");
    Ok(())
}
