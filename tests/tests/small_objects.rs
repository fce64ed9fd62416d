//! What a detector that looks more closely finds of small objects: COCO's average precision of a real
//! model through the pipeline, without and with `tiles` and `resize=area`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::error::Error;
use vigil_tests::assets;
use vigil_tests::coco::{Instances, Precision};

/// Properties that make of each picture all that COCO's measure asks for.
const ALL: &str = "confidence-threshold=0.001 max-detections=300 iou-threshold=0.7";

/// The precision of yolov8n with each of these properties; `None` where the assets are missing.
fn measure(options: &[String]) -> Result<Option<Vec<Precision>>, Box<dyn Error>> {
    vigil_tests::init();
    let (Some((instances, pictures)), Some(model)) = (
        Instances::find()?,
        assets::find("models/yolov8n_dynamic.onnx"),
    ) else {
        return Ok(None);
    };
    let mut figures = Vec::new();
    for options in options {
        let all = format!("{ALL} {options}");
        let figure = Precision::measure(&model, &all, &instances, &pictures)?;
        eprintln!("{options}: {figure}");
        figures.push(figure);
    }
    Ok(Some(figures))
}

#[test]
fn tiles_find_small_objects_and_keep_large_ones() -> Result<(), Box<dyn Error>> {
    let options = ["", "tiles=1x1", "tiles=2x2", "tiles=3x3"];
    let options = options.map(|tiles| format!("input-size=320 {tiles}"));
    let Some(figures) = measure(&options)? else {
        return Ok(());
    };
    let [plain, one, tiled @ ..] = &figures[..] else {
        unreachable!("a figure for each of the options");
    };
    assert_eq!(plain.all, one.all, "one tile is the whole picture");
    let [was_small, was_medium, was_large] = plain.of_sizes;
    for tiled in tiled {
        let [small, medium, large] = tiled.of_sizes;
        assert!(small > was_small * 1.5, "{tiled}");
        assert!(medium > was_medium, "{tiled}");
        assert!(large > was_large * 0.9, "{tiled}");
        assert!(tiled.all > plain.all, "{tiled}");
    }
    Ok(())
}

/// Pictures of 640 pixels shrink by 4 to 160, and by 6.7 to 96.
#[test]
fn means_of_areas_find_as_much_on_pictures_that_shrink() -> Result<(), Box<dyn Error>> {
    let sides = [96, 160];
    let options = sides.map(|side| {
        ["bilinear", "area"].map(|resize| format!("input-size={side} resize={resize}"))
    });
    let Some(figures) = measure(options.as_flattened())? else {
        return Ok(());
    };
    for pair in figures.chunks(2) {
        let [bilinear, area] = pair else {
            unreachable!("two figures for each side");
        };
        assert!(area.all > bilinear.all, "{area}, not {bilinear}");
    }
    Ok(())
}
