//! What preprocessing, tracking and rules cost, each by itself.

use super::table::{Table, median};
use gstvigildetect::decode::{Decoder, OutputView, Thresholds};
use gstvigildetect::model::{
    ChannelOrder, Head, HeadKind, InputSpec, LabelsSource, ModelSpec, OutputRef,
};
use gstvigildetect::preprocess::letterbox::Letterbox;
use gstvigildetect::preprocess::{
    Affine, Chroma, Colorimetry, Fit, FrameFormat, FrameView, PixelFormat, Plane, Preprocessor,
    TensorFormat,
};
use gstvigilevents::rules::{Engine, Frame, Observation, Rules};
use gstvigiltrack::bytetrack::{ByteTrack, Config};
use gstvigiltrack::synthetic;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;
use vigil_analytics::BBox;

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
        input: InputSpec {
            name: "images".into(),
            width: 640,
            height: 640,
            batch: Some(1),
            order: ChannelOrder::Rgb,
            scale: 1.0 / 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            fit: Fit::LetterboxCenter,
            pad: 114,
        },
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
    let letterbox = Letterbox::new((1920, 1080), (640, 640), Fit::LetterboxCenter);
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

/// 1080p frames to a 640×640 tensor on one thread, against copying the frame's bytes.
pub fn preprocess(repeat: usize) -> Table {
    let mut table = Table::new(
        "preprocess",
        "Preprocessing 1920x1080 to 640x640 f32, one thread",
        &["ms", "copy ms", "times copy"],
    );
    for pixels in [
        PixelFormat::I420,
        PixelFormat::Nv12,
        PixelFormat::Yuy2,
        PixelFormat::Rgb,
        PixelFormat::Bgrx,
    ] {
        let (ms, copy) = preprocess_format(pixels, repeat);
        table.row(format!("{pixels:?}"), &[ms, copy, ms / copy]);
    }
    table
}

fn preprocess_format(pixels: PixelFormat, repeat: usize) -> (f64, f64) {
    const RUNS: u32 = 40;
    let format = FrameFormat {
        pixels,
        width: 1920,
        height: 1080,
        colorimetry: Colorimetry::default(),
    };
    let planes: Vec<(Vec<u8>, usize)> = (0..pixels.planes())
        .map(|plane| {
            let (bytes, rows) = pixels.plane_size(plane, format.width, format.height);
            let data = (0..bytes * rows).map(|i| (i * 7 / 3) as u8).collect();
            (data, bytes)
        })
        .collect();
    let mut views = [Plane::default(); 3];
    for (view, (data, stride)) in views.iter_mut().zip(&planes) {
        *view = Plane {
            data,
            stride: *stride,
        };
    }
    let Ok(frame) = FrameView::new(format, views) else {
        unreachable!("the planes were made for the format");
    };
    let mut preprocessor = Preprocessor::new(TensorFormat {
        width: 640,
        height: 640,
        fit: Fit::LetterboxCenter,
        order: ChannelOrder::Rgb,
        affine: [Affine::scale(1.0 / 255.0); 3],
        pad: 114,
        chroma: Chroma::Nearest,
    });
    let mut tensor = vec![0.0; 3 * 640 * 640];
    let mut copies: Vec<Vec<u8>> = planes.iter().map(|(data, _)| data.clone()).collect();
    let (mut ours, mut copying) = (Vec::new(), Vec::new());
    for _ in 0..repeat.max(1) * 3 {
        let started = Instant::now();
        for _ in 0..RUNS {
            preprocessor.run(black_box(&frame), black_box(&mut tensor));
        }
        ours.push(started.elapsed().as_secs_f64() * 1e3 / f64::from(RUNS));
        let started = Instant::now();
        for _ in 0..RUNS {
            for (copy, (data, _)) in copies.iter_mut().zip(&planes) {
                black_box(copy).copy_from_slice(black_box(data));
            }
        }
        copying.push(started.elapsed().as_secs_f64() * 1e3 / f64::from(RUNS));
    }
    (median(ours), median(copying))
}

const CROWDS: [usize; 3] = [10, 100, 500];

/// The tracker's time for a frame.
pub fn tracker() -> Table {
    let mut table = Table::new("tracker", "vigiltrack's core, one thread", &["us/frame"]);
    for objects in CROWDS {
        if let Ok(mut tracker) = ByteTrack::new(Config::default()) {
            let time = synthetic::time_per_frame(&mut tracker, objects, 300);
            table.row(format!("{objects} objects"), &[time.as_secs_f64() * 1e6]);
        }
    }
    table
}

const RULES: &str = r#"
[[object]]
name = "all"

[[zone]]
name = "left"
polygon = [[0.05, 0.1], [0.45, 0.1], [0.5, 0.9], [0.05, 0.9]]

[[zone]]
name = "right"
polygon = [[0.55, 0.1], [0.95, 0.1], [0.95, 0.9], [0.6, 0.5], [0.5, 0.9]]

[[line]]
name = "middle"
from = [0.5, 0.0]
to = [0.5, 1.0]
"#;

/// The rules' time for a frame: objects come and go, two zones, a line.
pub fn rules() -> Result<Table, Box<dyn Error>> {
    const FRAMES: u64 = 600;
    let mut table = Table::new(
        "rules",
        "vigilevents' core with 4 rules, one thread",
        &["us/frame", "events/frame"],
    );
    for objects in CROWDS {
        let mut engine = Engine::new(Rules::from_toml(RULES, "bench")?);
        let mut events = Vec::new();
        let (mut seconds, mut count) = (0.0, 0);
        for number in 0..FRAMES {
            let seen = walkers(objects, number);
            let frame = Frame {
                time: number * 1_000_000_000 / 30,
                width: 1920,
                height: 1080,
                looked: true,
            };
            events.clear();
            let started = Instant::now();
            engine.process(&frame, black_box(&seen), &mut events);
            seconds += started.elapsed().as_secs_f64();
            count += events.len();
        }
        let frames = FRAMES as f64;
        table.row(
            format!("{objects} objects"),
            &[seconds * 1e6 / frames, count as f64 / frames],
        );
    }
    Ok(table)
}

/// People who walk across the picture at different speeds and start again as somebody else.
fn walkers(objects: usize, number: u64) -> Vec<Observation> {
    (0..objects as u64)
        .map(|i| {
            let way = number * (2 + i % 7) + i * 37;
            let (lap, x) = (way / 1900, way % 1900);
            Observation {
                track: 1 + i + lap * objects as u64,
                label: "person",
                confidence: 0.8,
                bbox: BBox {
                    x: x as f32,
                    y: (i * 53 % 900) as f32,
                    w: 40.0,
                    h: 120.0,
                },
                first_seen: 0,
                coasted: false,
                lost: false,
            }
        })
        .collect()
}
