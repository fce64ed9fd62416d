//! What preprocessing, tracking and rules cost, each by itself.

use super::table::{Table, median};
use gstvigildetect::model::ChannelOrder;
use gstvigildetect::preprocess::{
    Affine, Colorimetry, Fit, FrameFormat, FrameView, PixelFormat, Plane, Preprocessor, Resize,
    Sampling, TensorFormat,
};
use gstvigilevents::rules::{Engine, Frame, Observation, Rules};
use gstvigiltrack::synthetic;
use gstvigiltrack::track::Config;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;
use vigil_analytics::BBox;

/// The layouts that are compared.
pub const FORMATS: [PixelFormat; 5] = [
    PixelFormat::I420,
    PixelFormat::Nv12,
    PixelFormat::Yuy2,
    PixelFormat::Rgb,
    PixelFormat::Bgrx,
];

/// The samples of a frame.
#[derive(Clone)]
pub struct Planes {
    format: FrameFormat,
    /// With the bytes of a row.
    planes: Vec<(Vec<u8>, usize)>,
}

impl Planes {
    pub fn new(pixels: PixelFormat, width: usize, height: usize) -> Self {
        let planes = (0..pixels.planes()).map(|plane| {
            let (bytes, rows) = pixels.plane_size(plane, width, height);
            let data = (0..bytes * rows).map(|i| (i * 7 / 3) as u8).collect();
            (data, bytes)
        });
        Self {
            format: FrameFormat {
                pixels,
                width,
                height,
                colorimetry: Colorimetry::default(),
            },
            planes: planes.collect(),
        }
    }

    pub fn view(&self) -> FrameView<'_> {
        let mut views = [Plane::default(); 3];
        for (view, (data, stride)) in views.iter_mut().zip(&self.planes) {
            *view = Plane {
                data,
                stride: *stride,
            };
        }
        let Ok(frame) = FrameView::new(self.format, views) else {
            unreachable!("the planes were made for the format");
        };
        frame
    }
}

/// Those for which means of areas and larger frames are timed too.
const FEW_FORMATS: [PixelFormat; 3] = [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb];

/// Frames to a 640×640 tensor on one thread, against copying the frame's bytes.
pub fn preprocess(repeat: usize) -> Table {
    let mut table = Table::new(
        "preprocess",
        "Preprocessing to 640x640 f32, one thread",
        &["ms", "copy ms", "times copy"],
    );
    let mut row = |pixels: PixelFormat, (width, height), resize| {
        let (ms, copy) = preprocess_frame(Planes::new(pixels, width, height), resize, repeat);
        let way = match resize {
            Resize::Bilinear => "",
            Resize::Area => ", area",
        };
        let name = format!("{pixels:?} {width}x{height}{way}");
        table.row(name, &[ms, copy, ms / copy]);
    };
    for pixels in FORMATS {
        row(pixels, (1920, 1080), Resize::Bilinear);
    }
    for pixels in FEW_FORMATS {
        row(pixels, (1920, 1080), Resize::Area);
        row(pixels, (3840, 2160), Resize::Bilinear);
        row(pixels, (3840, 2160), Resize::Area);
    }
    table
}

fn preprocess_frame(source: Planes, resize: Resize, repeat: usize) -> (f64, f64) {
    const RUNS: u32 = 40;
    let (planes, frame) = (&source.planes, source.view());
    let mut preprocessor = Preprocessor::new(TensorFormat {
        width: 640,
        height: 640,
        fit: Fit::LetterboxCenter,
        order: ChannelOrder::Rgb,
        affine: [Affine::scale(1.0 / 255.0); 3],
        pad: 114,
        sampling: Sampling {
            resize,
            ..Sampling::default()
        },
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
            for (copy, (data, _)) in copies.iter_mut().zip(planes) {
                black_box(copy).copy_from_slice(black_box(data));
            }
        }
        copying.push(started.elapsed().as_secs_f64() * 1e3 / f64::from(RUNS));
    }
    (median(ours), median(copying))
}

const CROWDS: [usize; 4] = [10, 50, 100, 500];

/// The tracker's time for a frame.
pub fn tracker() -> Table {
    let mut table = Table::new("tracker", "vigiltrack's core, one thread", &["us/frame"]);
    for objects in CROWDS {
        if let Ok(mut tracker) = Config::default().build() {
            let time = synthetic::time_per_frame(&mut *tracker, objects, 300);
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
