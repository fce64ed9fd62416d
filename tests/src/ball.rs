//! A scene and a detector for it that need no files: the white ball of `videotestsrc`, and an ONNX
//! model of 40 kB with the inputs and outputs of a YOLO that finds it.
//!
//! The model is one convolution that averages over 16x16 pixels at each cell of the finest grid:
//! `score = 2.5 mean - 1.5`, which is near 1 where the ball is, and below 0 for the grey of the
//! letterbox. All boxes have one size. So what a pipeline is to find is known, to the pixel.

use std::path::{Path, PathBuf};

/// Width and height of the scene, in pixels.
pub const SIZE: (u32, u32) = (320, 240);

/// Frames a second of the scene.
pub const FPS: u64 = 30;

/// Radius of the ball of `videotestsrc`, in pixels.
pub const RADIUS: f64 = 20.0;

/// Half of the side of the model's boxes, in pixels of the scene.
pub const HALF_BOX: f64 = 24.0;

/// Frames after which the ball is at the same horizontal place again.
pub const PERIOD: u64 = 200;

/// The scene as the beginning of a `gst-launch-1.0` string. The ball starts in the middle and
/// moves to the right.
pub fn scene(frames: u64) -> String {
    format!(
        "videotestsrc num-buffers={frames} pattern=ball ! {}",
        caps()
    )
}

/// The caps of the scene.
pub fn caps() -> String {
    let (width, height) = SIZE;
    format!("video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1")
}

/// Centre of the ball on a frame, in pixels (`gst_video_test_src_ball` of gst-plugins-base, motion
/// `wavy`).
pub fn centre(frame: u64) -> (f64, f64) {
    let along = |side: u32, speed: f64| {
        let phase = 2.0 * std::f64::consts::PI * speed * frame as f64 / PERIOD as f64;
        RADIUS + (0.5 + 0.5 * phase.sin()) * (f64::from(side) - 2.0 * RADIUS)
    };
    (along(SIZE.0, 1.0), along(SIZE.1, std::f64::consts::SQRT_2))
}

/// Writes the model into a folder.
///
/// # Errors
/// The file cannot be written.
pub fn write_model(folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join("ball.onnx");
    std::fs::write(&path, model())?;
    Ok(path)
}

/// Side of the model's input: half a frame's width.
const INPUT: i64 = 160;
/// Side of the window that is averaged.
const WINDOW: i64 = 16;
/// Strides of the grids, as in models with a head for small objects.
const STRIDES: [i64; 4] = [4, 8, 16, 32];
/// Class names as Ultralytics writes them.
const NAMES: &str = "{0: 'ball'}";

/// The model: input `images` \[1,3,160,160\], output `output0` \[1,5,2125\], class `ball`.
pub fn model() -> Vec<u8> {
    let fine = (INPUT / STRIDES[0]).pow(2);
    let cells: i64 = STRIDES.iter().map(|s| (INPUT / s).pow(2)).sum();
    let window = 3 * WINDOW * WINDOW;
    let weights = vec![2.5 / window as f32; window as usize];
    let pad = (WINDOW - STRIDES[0]) / 2;
    let graph = Message::default()
        .message(
            1,
            node("Conv", &["images", "weights", "bias"], "mean")
                .message(5, ints("kernel_shape", &[WINDOW; 2]))
                .message(5, ints("strides", &[STRIDES[0]; 2]))
                .message(5, ints("pads", &[pad; 4])),
        )
        .message(1, node("Relu", &["mean"], "score"))
        .message(1, node("Reshape", &["score", "row"], "fine"))
        .message(
            1,
            node("Concat", &["fine", "coarse"], "scores").message(5, int("axis", 2)),
        )
        .message(
            1,
            node("Concat", &["boxes", "scores"], "output0").message(5, int("axis", 1)),
        )
        .text(2, "ball")
        .message(5, floats("weights", &[1, 3, WINDOW, WINDOW], &weights))
        .message(5, floats("bias", &[1], &[-1.5]))
        .message(5, tensor("row", &[3], 7, int_bytes(&[1, 1, fine])))
        .message(
            5,
            floats(
                "coarse",
                &[1, 1, cells - fine],
                &vec![0.0; (cells - fine) as usize],
            ),
        )
        .message(5, floats("boxes", &[1, 4, cells], &boxes()))
        .message(11, value("images", &[1, 3, INPUT, INPUT]))
        .message(12, value("output0", &[1, 5, cells]));
    Message::default()
        .int(1, 8)
        .text(2, "vigil-tests")
        .message(7, graph)
        .message(8, Message::default().int(2, 13))
        .message(14, Message::default().text(1, "names").text(2, NAMES))
        .0
}

/// Centre and size of the box of each cell: rows cx, cy, w, h.
fn boxes() -> Vec<f32> {
    let mut rows = [const { Vec::new() }; 4];
    for stride in STRIDES {
        for cell in 0..(INPUT / stride).pow(2) {
            let (x, y) = (cell % (INPUT / stride), cell / (INPUT / stride));
            for (row, at) in rows.iter_mut().zip([x, y]) {
                row.push((at as f32 + 0.5) * stride as f32);
            }
            let scale = f64::from(SIZE.0) / INPUT as f64;
            for row in &mut rows[2..] {
                row.push((2.0 * HALF_BOX / scale) as f32);
            }
        }
    }
    rows.concat()
}

// ---------------------------------------------------------------- onnx.proto, by field numbers

fn node(operator: &str, inputs: &[&str], output: &str) -> Message {
    inputs
        .iter()
        .fold(Message::default(), |node, input| node.text(1, input))
        .text(2, output)
        .text(3, output)
        .text(4, operator)
}

fn int(name: &str, value: i64) -> Message {
    Message::default().text(1, name).int(3, value).int(20, 2)
}

fn ints(name: &str, values: &[i64]) -> Message {
    values
        .iter()
        .fold(Message::default().text(1, name), |attribute, value| {
            attribute.int(8, *value)
        })
        .int(20, 7)
}

fn tensor(name: &str, shape: &[i64], data_type: i64, raw: Vec<u8>) -> Message {
    shape
        .iter()
        .fold(Message::default(), |tensor, side| tensor.int(1, *side))
        .int(2, data_type)
        .text(8, name)
        .bytes(9, &raw)
}

fn floats(name: &str, shape: &[i64], data: &[f32]) -> Message {
    let raw = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor(name, shape, 1, raw)
}

fn int_bytes(data: &[i64]) -> Vec<u8> {
    data.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn value(name: &str, shape: &[i64]) -> Message {
    let shape = shape.iter().fold(Message::default(), |shape, side| {
        shape.message(1, Message::default().int(1, *side))
    });
    let tensor = Message::default().int(1, 1).message(2, shape);
    Message::default()
        .text(1, name)
        .message(2, Message::default().message(1, tensor))
}

/// A protobuf message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: Message) -> Self {
        self.bytes(field, &message.0)
    }
}
