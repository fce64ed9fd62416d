//! Renders pictures of many scenes, as `vigildetect` would feed them to a model, with what is true
//! of each.
//!
//! For the splits `train` and `val`, whose seeds are apart:
//!
//! | file | what |
//! |---|---|
//! | `SPLIT.images` | bytes `[N, 3, 320, 320]`: red, green, blue planes, stretched |
//! | `SPLIT.boxes` | little-endian f32 `[M, 8]`: image, class, x, y, width, height in pixels of the input (clipped to the picture), visible share, height |
//! | `SPLIT.json` | counts, names of the classes, the scene of each image |

use clap::Parser;
use gstvigildetect::preprocess::{
    Affine, ChannelOrder, Colorimetry, Fit, FrameFormat, FrameView, Letterbox, PixelFormat, Plane,
    Preprocessor, Sampling, TensorFormat,
};
use gstvigiltestsrc::scene::script::{Point, Script, ScriptObject};
use gstvigiltestsrc::scene::{Class, Object, Scene, SceneKind, SceneOptions};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Side of the model's input, in pixels.
const SIDE: u32 = 320;
/// Frames of one scene: its backdrop takes longer to paint than they do.
const FRAMES: u64 = 4;
/// Seconds that scripted objects move for.
const SCRIPTED: f64 = 8.0;
/// Sizes of video, the usual ones more often.
const SIZES: [(u32, u32); 8] = [
    (1280, 720),
    (1280, 720),
    (1280, 720),
    (960, 540),
    (640, 360),
    (640, 480),
    (1920, 1080),
    (1280, 720),
];

/// What went wrong, for the user.
type Error = Box<dyn std::error::Error>;

/// Renders the training set of the built-in detector.
#[derive(Debug, Parser)]
struct Args {
    /// Folder to write to.
    folder: PathBuf,
    /// Images to learn from.
    #[arg(long, default_value_t = 20_000)]
    train: u64,
    /// Images to judge by.
    #[arg(long, default_value_t = 1_600)]
    val: u64,
    /// Seed of the first scene.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Error> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.folder)
        .map_err(|error| format!("{} cannot be made: {error}", args.folder.display()))?;
    // Seeds of the two never meet.
    for (split, images, seed) in [
        ("val", args.val, args.seed | 1 << 40),
        ("train", args.train, args.seed),
    ] {
        render(&args.folder, split, images, seed)?;
    }
    Ok(())
}

fn render(folder: &Path, split: &str, count: u64, seed: u64) -> Result<(), Error> {
    let create = |extension: &str| {
        let path = folder.join(format!("{split}.{extension}"));
        File::create(&path)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    };
    let mut images = BufWriter::new(create("images")?);
    let mut boxes = BufWriter::new(create("boxes")?);
    let style = ProgressStyle::with_template("{prefix} {bar:40} {pos}/{len} images, {eta} left")?;
    let bar = ProgressBar::new(count)
        .with_style(style)
        .with_prefix(split.to_owned());
    let mut eye = Eye::new();
    let mut scenes = Vec::new();
    let mut written = 0u64;
    let mut number = 0;
    while (scenes.len() as u64) < count {
        let (mut scene, options, size) = scene(seed + number)?;
        number += 1;
        for frame in 0..FRAMES.min(count - scenes.len() as u64) {
            scene.render(if options.script.is_some() {
                (frame as f64 + 0.2) / FRAMES as f64 * SCRIPTED
            } else {
                // Far enough apart for other people to be there.
                frame as f64 * 17.3 + (number % 29) as f64
            });
            let letterbox = eye.look(scene.pixels(), size)?;
            images.write_all(&eye.bytes)?;
            for object in scene.truth() {
                if let Some(row) = row(object, &letterbox, scenes.len()) {
                    row.iter()
                        .try_for_each(|value| boxes.write_all(&value.to_le_bytes()))?;
                    written += 1;
                }
            }
            scenes.push(match options.script {
                Some(_) => "script",
                None => options.kind.as_str(),
            });
            bar.inc(1);
        }
    }
    bar.finish();
    images.flush()?;
    boxes.flush()?;
    let classes = Class::ALL.map(Class::as_str);
    let about = serde_json::json!({
        "images": count, "boxes": written, "classes": classes, "scenes": scenes, "seed": seed,
    });
    serde_json::to_writer(create("json")?, &about)?;
    Ok(())
}

/// Objects of every class that go straight from anywhere to anywhere: in no place of its own does
/// a bicycle ride towards the camera, or a dog run across the road.
fn anything_anywhere(background: SceneKind, seed: u64) -> Script {
    let mut draw = Draw(seed);
    let count = 3 + (draw.unit() * 9.0) as usize;
    let objects = (0..count).map(|_| {
        let class = Class::ALL[(draw.unit() * Class::ALL.len() as f64) as usize];
        let stands = draw.unit() < 0.2;
        let mut point = |time| Point {
            time,
            x: 1.2 * draw.unit() - 0.1,
            y: 0.3 + 0.7 * draw.unit(),
        };
        let start = point(0.0);
        let end = if stands {
            Point {
                time: SCRIPTED,
                ..start
            }
        } else {
            point(SCRIPTED)
        };
        ScriptObject {
            class,
            points: vec![start, end],
        }
    });
    Script {
        background,
        objects: objects.collect(),
    }
}

/// Numbers from 0 to 1, by a linear congruential generator with Knuth's constants.
struct Draw(u64);

impl Draw {
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }
}

/// The scene of a seed: every kind and size, from empty to full, most of them by day; one in five
/// is of things where they do not belong.
fn scene(seed: u64) -> Result<(Scene, SceneOptions, (u32, u32)), Error> {
    let kinds = [
        SceneKind::Street,
        SceneKind::Crossing,
        SceneKind::Corridor,
        SceneKind::Crowd,
    ];
    // Large steps through each list, so that all of them meet.
    let turn = seed as usize;
    let options = SceneOptions {
        kind: if turn % 23 == 22 {
            SceneKind::Empty
        } else {
            kinds[turn % 4]
        },
        seed,
        objects: [4, 8, 12, 16, 20][turn / 4 % 5],
        light: [1.0, 0.9, 1.0, 0.6, 0.8, 1.0, 0.35][turn / 3 % 7],
        shake: [0.0, 0.5][turn / 2 % 2],
        script: (turn % 5 == 4).then(|| Arc::new(anything_anywhere(kinds[turn % 4], seed))),
        ..SceneOptions::default()
    };
    let size = SIZES[turn / 5 % SIZES.len()];
    Ok((Scene::new(&options, size.0, size.1)?, options, size))
}

/// The detector's own eye: its preprocessing.
struct Eye {
    preprocessor: Preprocessor,
    tensor: Vec<f32>,
    bytes: Vec<u8>,
}

impl Eye {
    fn new() -> Self {
        let samples = (3 * SIDE * SIDE) as usize;
        let format = TensorFormat {
            width: SIDE,
            height: SIDE,
            fit: Fit::Stretch,
            order: ChannelOrder::Rgb,
            affine: [Affine::scale(1.0); 3],
            pad: 114,
            sampling: Sampling::default(),
        };
        Self {
            preprocessor: Preprocessor::new(format),
            tensor: vec![0.0; samples],
            bytes: vec![0; samples],
        }
    }

    /// Fills `bytes` with what the model would see.
    fn look(&mut self, rgba: &[u8], (width, height): (u32, u32)) -> Result<Letterbox, Error> {
        let format = FrameFormat {
            pixels: PixelFormat::Rgba,
            width: width as usize,
            height: height as usize,
            colorimetry: Colorimetry::default(),
        };
        let plane = Plane {
            data: rgba,
            stride: width as usize * 4,
        };
        let none = Plane {
            data: &[],
            stride: 0,
        };
        let frame = FrameView::new(format, [plane, none, none])?;
        let letterbox = self.preprocessor.run(&frame, &mut self.tensor);
        for (byte, level) in self.bytes.iter_mut().zip(&self.tensor) {
            *byte = level.round() as u8;
        }
        Ok(letterbox)
    }
}

/// What is true of an object, if a part of it is in the picture.
fn row(object: &Object, letterbox: &Letterbox, image: usize) -> Option<[f32; 8]> {
    let corners = [object.x, object.y, object.x + object.w, object.y + object.h];
    let [left, top, right, bottom] = letterbox.to_input(letterbox.clip(corners));
    let (width, height) = (right - left, bottom - top);
    let class = Class::ALL.iter().position(|&class| class == object.class)?;
    (width > 0.5 && height > 0.5).then_some([
        image as f32,
        class as f32,
        left,
        top,
        width,
        height,
        object.visible,
        height,
    ])
}
