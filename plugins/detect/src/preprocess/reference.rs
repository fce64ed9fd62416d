//! The preprocessing written for reading: one output pixel at a time, straight from the definitions. The fast path is compared with it on random frames.

use super::{ChannelOrder, Chroma, FrameView, Letterbox, TensorFormat};
use vigil_analytics::frame::color::ColorMap;

/// What [`Preprocessor::run`](super::Preprocessor::run) computes: the tensor `[3, height, width]` and
/// the letterbox.
pub fn preprocess(frame: &FrameView, format: &TensorFormat) -> (Vec<f64>, Letterbox) {
    let source = frame.format();
    let letterbox = Letterbox::new(
        (source.width as u32, source.height as u32),
        (format.width, format.height),
        format.fit,
    );
    let (width, height) = (format.width as usize, format.height as usize);
    let (left, top) = (letterbox.offset.0 as usize, letterbox.offset.1 as usize);
    let sample = |plane: usize, level: f64| {
        let affine = format.affine[plane];
        level * f64::from(affine.scale) + f64::from(affine.offset)
    };
    let padding = |plane| vec![sample(plane, f64::from(format.pad)); width * height];
    let mut tensor: Vec<f64> = (0..3).flat_map(padding).collect();
    for y in 0..letterbox.content.1 as usize {
        let rows = neighbours(y, source.height, letterbox.content.1);
        for x in 0..letterbox.content.0 as usize {
            let columns = at_edge(neighbours(x, source.width, letterbox.content.0));
            for channel in 0..3 {
                let level = blend(rows, columns, |x, y| {
                    rgb(frame, format.chroma, x, y)[channel] as i64
                });
                let plane = match format.order {
                    ChannelOrder::Rgb => channel,
                    ChannelOrder::Bgr => 2 - channel,
                };
                tensor[plane * width * height + (top + y) * width + left + x] =
                    sample(plane, level as f64);
            }
        }
    }
    (tensor, letterbox)
}

/// Two samples of `source` and their weights in 2048ths, for sample `i` of `output`. Positions are
/// f32, as OpenCV has them.
fn neighbours(i: usize, source: usize, output: u32) -> [(usize, i64); 2] {
    let at = ((i as f64 + 0.5) * (source as f64 / f64::from(output)) - 0.5) as f32;
    let share = at - at.floor();
    let weight = |share: f32| (share * 2048.0).round_ties_even() as i64;
    let sample = |i: f32| i.clamp(0.0, (source - 1) as f32) as usize;
    [
        (sample(at.floor()), weight(1.0 - share)),
        (sample(at.floor() + 1.0), weight(share)),
    ]
}

/// Along x OpenCV takes one sample where both are the same.
fn at_edge([first, second]: [(usize, i64); 2]) -> [(usize, i64); 2] {
    if first.0 == second.0 {
        [(first.0, 2048), (first.0, 0)]
    } else {
        [first, second]
    }
}

/// `cv2.resize` with `INTER_LINEAR` of 8-bit levels (`HResizeLinear`, `VResizeLinear`).
fn blend(
    rows: [(usize, i64); 2],
    columns: [(usize, i64); 2],
    level: impl Fn(usize, usize) -> i64,
) -> i64 {
    let row = |y| {
        columns
            .map(|(x, weight)| level(x, y) * weight)
            .iter()
            .sum::<i64>()
    };
    let quarters = rows.map(|(y, weight)| ((row(y) >> 4) * weight) >> 16);
    (quarters[0] + quarters[1] + 2) >> 2
}

/// 8-bit levels of R, G and B of a pixel of the frame.
fn rgb(frame: &FrameView, chroma: Chroma, x: usize, y: usize) -> [f64; 3] {
    let color = ColorMap::of(frame.format());
    let samples: [f64; 3] = std::array::from_fn(|c| sample(frame, chroma, c, x, y));
    std::array::from_fn(|channel| {
        let level = (0..3)
            .map(|c| f64::from(color.m[channel][c]) * samples[c])
            .sum::<f64>()
            + f64::from(color.offset[channel]);
        level.clamp(0.0, 255.0).round()
    })
}

/// Value of component `c` at a pixel of the frame.
fn sample(frame: &FrameView, chroma: Chroma, c: usize, x: usize, y: usize) -> f64 {
    let format = frame.format();
    let component = format.pixels.components()[c];
    let sample_at = |x: f64, y: f64| {
        let columns = format.width.div_ceil(1 << component.sub_x);
        let rows = format.height.div_ceil(1 << component.sub_y);
        let x = x.clamp(0.0, (columns - 1) as f64) as usize;
        let y = y.clamp(0.0, (rows - 1) as f64) as usize;
        let offset = x * component.step + component.offset;
        f64::from(frame.row(component.plane, y, offset + 1)[offset])
    };
    match chroma {
        Chroma::Nearest => sample_at((x >> component.sub_x) as f64, (y >> component.sub_y) as f64),
        Chroma::Linear => {
            let at = |pixel: usize, sub: u32, cosited: bool| {
                let factor = f64::from(1u32 << sub);
                let first = if cosited { 0.0 } else { (factor - 1.0) / 2.0 };
                (pixel as f64 - first) / factor
            };
            bilinear(
                at(x, component.sub_x, format.colorimetry.cosited_x),
                at(y, component.sub_y, format.colorimetry.cosited_y),
                sample_at,
            )
        }
    }
}

fn bilinear(x: f64, y: f64, value: impl Fn(f64, f64) -> f64) -> f64 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (x - x0, y - y0);
    let row = |y: f64| value(x0, y) * (1.0 - fx) + value(x0 + 1.0, y) * fx;
    row(y0) * (1.0 - fy) + row(y0 + 1.0) * fy
}
