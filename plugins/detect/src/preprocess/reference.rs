//! The preprocessing written for reading: one output pixel at a time, straight from the definitions. The fast path is compared with it on random frames.

use super::plan::covers_areas;
use super::{
    ChannelOrder, Chroma, Component, Fit, FrameView, Letterbox, Resize, Sampling, TensorFormat,
};
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
    let chroma = format.sampling.chroma;
    if format.fit == Fit::CentreCrop {
        for (at, levels) in pillow(frame, chroma, &letterbox) {
            for (channel, level) in levels.into_iter().enumerate() {
                let plane = plane_of(format.order, channel);
                tensor[plane * width * height + at] = sample(plane, level as f64);
            }
        }
        return (tensor, letterbox);
    }
    let areas = format.sampling.resize == Resize::Area && covers_areas(source, &letterbox);
    for y in 0..letterbox.content.1 as usize {
        for x in 0..letterbox.content.0 as usize {
            let levels = if areas {
                mean(frame, format.sampling, letterbox.content, [x, y])
            } else {
                let rows = neighbours(y, source.height, letterbox.content.1);
                let columns = at_edge(neighbours(x, source.width, letterbox.content.0));
                std::array::from_fn(|channel| {
                    let level = |x, y| rgb(frame, chroma, x, y)[channel] as i64;
                    blend(rows, columns, level) as f64
                })
            };
            for (channel, level) in levels.into_iter().enumerate() {
                let plane = plane_of(format.order, channel);
                tensor[plane * width * height + (top + y) * width + left + x] =
                    sample(plane, level);
            }
        }
    }
    (tensor, letterbox)
}

/// The plane of the tensor that R, G or B are in.
fn plane_of(order: ChannelOrder, channel: usize) -> usize {
    match order {
        ChannelOrder::Rgb => channel,
        ChannelOrder::Bgr => 2 - channel,
    }
}

/// Place in a plane, and levels of R, G and B, of each pixel of the middle of the frame, resampled as
/// `Image.resize` of Pillow with `BILINEAR`: a row after the other along x, rounded, then along y.
fn pillow(frame: &FrameView, chroma: Chroma, letterbox: &Letterbox) -> Vec<(usize, [i64; 3])> {
    let source = frame.format();
    let (width, height) = letterbox.content;
    let mut pixels = Vec::new();
    for y in 0..height {
        let rows = tent(y + letterbox.crop.1, source.height, letterbox.scaled.1);
        for x in 0..width {
            let columns = tent(x + letterbox.crop.0, source.width, letterbox.scaled.0);
            let along_x = |row: usize, channel: usize| {
                let level = |x: usize| rgb(frame, chroma, x, row)[channel] as i64;
                weigh(columns.iter().map(|(x, weight)| (level(*x), *weight)))
            };
            let level = |channel: usize| {
                let rows = rows.iter();
                weigh(rows.map(|(y, weight)| (along_x(*y, channel), *weight)))
            };
            let at = (y * width + x) as usize;
            pixels.push((at, std::array::from_fn(level)));
        }
    }
    pixels
}

/// A weighed mean, in whole shares of 2²².
fn weigh(levels: impl Iterator<Item = (i64, f64)>) -> i64 {
    let whole = |share: f64| (share * f64::from(1 << 22) + 0.5).floor() as i64;
    let sum: i64 = levels.map(|(level, share)| level * whole(share)).sum();
    (sum + (1 << 21)) >> 22
}

/// The samples of `source` under a triangle around sample `i` of `output`, with their shares.
fn tent(i: u32, source: usize, output: u32) -> Vec<(usize, f64)> {
    let scale = source as f64 / f64::from(output);
    let half = scale.max(1.0);
    let centre = (f64::from(i) + 0.5) * scale;
    let share = |x: usize| (1.0 - ((x as f64 + 0.5 - centre) / half).abs()).max(0.0);
    let covered = (0..source).filter(|x| share(*x) > 0.0);
    let sum: f64 = covered.clone().map(share).sum();
    covered.map(|x| (x, share(x) / sum)).collect()
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

/// R, G and B of output pixel `at` of a picture of `content`: the colour of the means of what it
/// covers. Samples are weighed as whole numbers, and a weighed column is rounded to 128ths.
fn mean(
    frame: &FrameView,
    sampling: Sampling,
    content: (u32, u32),
    [x, y]: [usize; 2],
) -> [f64; 3] {
    let format = frame.format();
    let components = format.pixels.components();
    let means = components.each_ref().map(|component| {
        let Component { sub_x, sub_y, .. } = *component;
        let sited = &format.colorimetry;
        let columns = covered(x, format.width, content.0);
        let columns = weights(
            &columns,
            sampling.chroma,
            sub_x,
            sited.cosited_x,
            format.width,
        );
        let rows = covered(y, format.height, content.1);
        let rows = weights(
            &rows,
            sampling.chroma,
            sub_y,
            sited.cosited_y,
            format.height,
        );
        let mut sum = 0;
        for (x, of_column) in &columns {
            let of_rows = rows.iter().map(|(y, of_row)| {
                let at = x * component.step + component.offset;
                i64::from(frame.row(component.plane, *y, at + 1)[at]) * of_row
            });
            sum += ((of_rows.sum::<i64>() + 64) >> 7) * of_column;
        }
        sum as f64 / f64::from(1 << 21)
    });
    let color = ColorMap::of(format);
    std::array::from_fn(|channel| {
        let level: f64 = (0..3)
            .map(|c| f64::from(color.m[channel][c]) * means[c])
            .sum();
        (level + f64::from(color.offset[channel])).clamp(0.0, 255.0)
    })
}

/// The pixels that output pixel `i` covers, with the share of it that each takes, where the axis
/// shrinks by more than 2; else those that it lies between.
fn covered(i: usize, source: usize, output: u32) -> Vec<(usize, f64)> {
    let factor = source as f64 / f64::from(output);
    let shares: Vec<f64> = if factor > 2.0 {
        let (from, to) = (i as f64 * factor, (i + 1) as f64 * factor);
        let covers = |pixel: f64| to.min(pixel + 1.0) - from.max(pixel);
        (0..source).map(|p| covers(p as f64) / factor).collect()
    } else {
        let at = ((i as f64 + 0.5) * factor - 0.5).clamp(0.0, (source - 1) as f64);
        let share = |pixel: usize| {
            if pixel == at.floor() as usize {
                1.0 - at.fract()
            } else if pixel == at.floor() as usize + 1 {
                at.fract()
            } else {
                0.0
            }
        };
        (0..source).map(share).collect()
    };
    let shares = shares.into_iter().enumerate();
    shares.filter(|(_, share)| *share > 0.0).collect()
}

/// The samples that such pixels have, with their weights in 16384ths: so many of the first samples
/// together have what is nearest to their share.
fn weights(
    pixels: &[(usize, f64)],
    chroma: Chroma,
    sub: u32,
    cosited: bool,
    length: usize,
) -> Vec<(usize, i64)> {
    let samples = length.div_ceil(1 << sub);
    let mut shares = vec![0.0; samples + 1];
    for (pixel, share) in pixels {
        let at = match chroma {
            Chroma::Nearest => (pixel >> sub) as f64,
            Chroma::Linear => position(*pixel, sub, cosited).clamp(0.0, (samples - 1) as f64),
        };
        let second = f64::from(at.fract() as f32);
        shares[at as usize] += share * (1.0 - second);
        shares[at as usize + 1] += share * second;
    }
    let all: f64 = shares.iter().sum();
    let (mut sum, mut before) = (0.0, 0);
    let whole = |(sample, share): (usize, f64)| {
        sum += share;
        let so_far = (sum / all * 16384.0).round() as i64;
        (sample, so_far - std::mem::replace(&mut before, so_far))
    };
    let weights = shares.into_iter().enumerate().map(whole);
    weights.filter(|(_, weight)| *weight != 0).collect()
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
        Chroma::Linear => bilinear(
            position(x, component.sub_x, format.colorimetry.cosited_x),
            position(y, component.sub_y, format.colorimetry.cosited_y),
            sample_at,
        ),
    }
}

/// Where a pixel stands among the samples of a component.
fn position(pixel: usize, sub: u32, cosited: bool) -> f64 {
    let factor = f64::from(1u32 << sub);
    let first = if cosited { 0.0 } else { (factor - 1.0) / 2.0 };
    (pixel as f64 - first) / factor
}

fn bilinear(x: f64, y: f64, value: impl Fn(f64, f64) -> f64) -> f64 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (x - x0, y - y0);
    let row = |y: f64| value(x0, y) * (1.0 - fx) + value(x0 + 1.0, y) * fx;
    row(y0) * (1.0 - fy) + row(y0 + 1.0) * fy
}
