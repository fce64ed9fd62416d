//! COCO's average precision of real models, through the pipeline: a picture goes in by `appsrc`, and
//! what comes out of vigildetect is judged against COCO's own boxes.
//!
//! The references are pycocotools' figures of an independent decoder (see the assets' README).

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use vigil_tests::assets;
use vigil_tests::coco::{Instances, Precision};

/// How far a figure may be from the reference.
const TOLERANCE: f64 = 0.002;

/// What a model of the references had.
#[derive(Deserialize)]
struct Figures {
    #[serde(rename = "AP")]
    ap: f64,
    #[serde(rename = "AP50")]
    ap50: f64,
    #[serde(rename = "AP_s")]
    small: f64,
    #[serde(rename = "AP_m")]
    medium: f64,
    #[serde(rename = "AP_l")]
    large: f64,
    nms_iou: Option<f64>,
    file: String,
}

#[test]
fn average_precision_is_that_of_the_models_own_tools() -> Result<(), Box<dyn Error>> {
    vigil_tests::init();
    let (Some((instances, pictures)), Some(figures)) = (
        Instances::find()?,
        assets::find("reference/map_val128.json"),
    ) else {
        return Ok(());
    };
    let figures: BTreeMap<String, Figures> =
        serde_json::from_str(&std::fs::read_to_string(figures)?)?;
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
        let found = Precision::measure(&model, &options, &instances, &pictures)?;
        let reference = Precision {
            all: expected.ap,
            at_half: expected.ap50,
            of_sizes: [expected.small, expected.medium, expected.large],
        };
        eprintln!("{name}: {found} (reference: {reference})");
        let far = (found.of_sizes.iter().zip(reference.of_sizes))
            .any(|(found, expected)| (found - expected).abs() > TOLERANCE);
        if far || (found.all - reference.all).abs() > TOLERANCE {
            wrong.push(format!("{name}: {found}, not {reference}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
