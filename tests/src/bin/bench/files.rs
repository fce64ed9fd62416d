//! The whole suite on files of the optional local test assets: every frame detected and tracked,
//! events on.

use super::detector::{self, Job, SUITE};
use super::table::{Table, median};
use std::error::Error;
use vigil_tests::assets;

/// Video, model, size of its input and engine.
const CASES: [(&str, &str, u32, &str); 6] = [
    (VTEST, "yolov8n_320_int8", 320, "openvino"),
    (VTEST, "yolov8n_320_int8", 320, "onnxruntime"),
    (VTEST, "yolov8n_dynamic", 320, "onnxruntime"),
    (VTEST, "yolov8n_640_int8", 640, "openvino"),
    (RETAIL, "yolov8n_320_int8", 320, "openvino"),
    (RETAIL, "yolov8n_dynamic", 320, "onnxruntime"),
];
/// 480×360, H.264.
const VTEST: &str = "vtest_480x360_h264";
/// 1920×1080, HEVC.
const RETAIL: &str = "Retail02_short_hevc1080p";

/// Frames a second of the engine alone, with a session for each thread, and of the suite.
pub fn compare(threads: usize, repeat: usize) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "files",
        format!("The whole suite on files, {threads} threads: frames a second"),
        &["engine Tx1", "suite", "suite/engine"],
    );
    for (video, model, size, engine) in CASES {
        let (Some(video_file), Some(model_file)) = (
            assets::find(&format!("videos/{video}.mp4")),
            assets::find(&format!("models/{model}.onnx")),
        ) else {
            continue;
        };
        let job = Job {
            video: &video_file,
            model: &model_file,
            engine,
            threads,
            repeat,
        };
        let name = format!("{video}, {model} {size}, {engine}");
        match row(&job, size) {
            Ok(figures) => table.row(name, &figures),
            Err(error) => table.note(format!("{name}: {error}")),
        }
    }
    Ok(table)
}

fn row(job: &Job, size: u32) -> Result<[f64; 3], Box<dyn Error>> {
    let (mut engine, mut suite) = (Vec::new(), Vec::new());
    let loaded = job.load(size)?;
    for _ in 0..job.repeat.max(1) {
        let mut runners = detector::runners(&loaded, job.threads, 1)?;
        engine.push(detector::bare(&mut runners, 200)?);
        drop(runners);
        suite.push(detector::pipeline(job, size, SUITE)?);
    }
    let (engine, suite) = (median(engine), median(suite));
    Ok([engine, suite, suite / engine])
}
