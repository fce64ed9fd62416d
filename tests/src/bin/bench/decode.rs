//! What it costs to read a model's outputs.

use super::table::{Table, median};
use gstvigildetect::decode::{Decoder, OutputView, Thresholds};
use gstvigildetect::model::{Head, HeadKind, InputSpec, LabelsSource, ModelSpec, OutputRef};
use gstvigildetect::preprocess::letterbox::{Fit, Letterbox};
use std::hint::black_box;
use std::time::Instant;

/// What YOLOv8 says of a 640×640 picture, to boxes: `[84, 8400]` with so many objects, of each of
/// which twenty cells speak.
pub fn decode(repeat: usize) -> Table {
    let mut table = Table::new(
        "decode",
        "Outputs [84, 8400] to boxes at threshold 0.25, one thread",
        &["ms", "candidates"],
    );
    for objects in [0, 10, 100] {
        let (ms, candidates) = decode_output(objects, repeat);
        table.row(format!("{objects} objects"), &[ms, candidates as f64]);
    }
    table
}

fn decode_output(objects: usize, repeat: usize) -> (f64, usize) {
    const RUNS: u32 = 200;
    const CELLS: usize = 8400;
    const CLASSES: usize = 80;
    const SAY: usize = 20;
    let mut data = vec![0.0f32; (4 + CLASSES) * CELLS];
    for (i, score) in data[4 * CELLS..].iter_mut().enumerate() {
        // What a cell says of a class that is not there.
        *score = (i * 2_654_435_761 % 1000) as f32 * 1e-5;
    }
    for object in 0..objects {
        for cell in 0..SAY {
            let at = (object * SAY + cell) * CELLS / (100 * SAY);
            let shift = cell as f32 * 0.7;
            let (x, y) = ((object % 10) as f32 * 60.0, (object / 10) as f32 * 60.0);
            for (plane, value) in [x + 30.0 + shift, y + 30.0, 40.0, 50.0]
                .into_iter()
                .enumerate()
            {
                data[plane * CELLS + at] = value;
            }
            data[(4 + object % CLASSES) * CELLS + at] = 0.9 - cell as f32 * 0.02;
        }
    }
    let spec = ModelSpec {
        input: InputSpec::of_yolo("images", (640, 640), Some(1)),
        outputs: vec![OutputRef {
            index: 0,
            name: "output0".into(),
        }],
        kind: HeadKind::Yolov8,
        doubts: Vec::new(),
        head: Head::V8 {
            classes: CLASSES,
            anchors: CELLS,
            transposed: false,
        },
        labels: Vec::new(),
        labels_source: LabelsSource::Numbered,
    };
    let letterbox = Letterbox::new((1920, 1920), (640, 640), Fit::LetterboxCenter);
    let mut decoder = Decoder::new(&spec);
    let view = OutputView {
        shape: &[1, 4 + CLASSES, CELLS],
        data: &data,
    };
    let mut found = Vec::new();
    let mut times = Vec::new();
    for _ in 0..repeat.max(1) * 3 {
        let started = Instant::now();
        for _ in 0..RUNS {
            let thresholds = Thresholds::default();
            let result = decoder.decode(black_box(&[view]), &letterbox, &thresholds, &mut found);
            assert_eq!((result, found.len()), (Ok(()), objects), "each object once");
        }
        times.push(started.elapsed().as_secs_f64() * 1e3 / f64::from(RUNS));
    }
    (median(times), objects * SAY)
}
