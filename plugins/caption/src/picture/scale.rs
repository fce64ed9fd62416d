//! A frame, or a part of one, in its own format to a small RGB copy, in one pass.
//!
//! Each pixel of the copy is the mean of the samples that it covers: of all columns, and of [`TAPS`]
//! rows at most, evenly spread. That is enough to keep thin lines from flickering, and keeps a large
//! frame from costing as much as its pixels. Rows are summed plane by plane, which compilers vectorise;
//! of their sums the running sum is taken, of which two values give the sum of any columns; then
//! colours are converted: once for each pixel of the copy, not of the frame.
//!
//! Runs on the streaming thread. Scratch memory is kept between frames.

use vigil_analytics::frame::FrameView;
use vigil_analytics::frame::color::ColorMap;

use super::Picture;

/// Most rows of samples that make one pixel. Chroma has half of them: the eye of a model is no finer
/// than ours.
pub(super) const TAPS: usize = 4;

/// Rows of a plane, or columns of a component, from `start` to `end`, every `step`-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub step: usize,
}

impl Span {
    /// What pixel `i` of `out` covers of `samples`.
    pub fn new(i: usize, out: usize, samples: usize, taps: usize) -> Self {
        let start = (i * samples / out).min(samples - 1);
        let end = ((i + 1) * samples / out).clamp(start + 1, samples);
        Self {
            start,
            end,
            step: (end - start).div_ceil(taps),
        }
    }

    pub fn count(self) -> usize {
        (self.end - self.start).div_ceil(self.step)
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        (self.start..self.end).step_by(self.step)
    }
}

/// The columns that a pixel covers; small, as there is one for each pixel of a row.
#[derive(Debug, Clone, Copy)]
struct Columns {
    start: u32,
    end: u32,
    /// One over their number.
    share: f32,
}

/// Makes small copies; keeps its scratch memory.
#[derive(Debug, Default)]
pub struct Scaler {
    /// Sums of the rows of each plane.
    sums: [Vec<u16>; 3],
    /// Which rows `sums` are of.
    rows: [Option<Span>; 3],
    /// The mean samples of one row of the copy.
    samples: [Vec<f32>; 3],
    /// The columns that each pixel covers, of each component.
    columns: [Vec<Columns>; 3],
    /// The sums of all columns up to each.
    running: Vec<u32>,
    /// The R, G and B of one row of the copy.
    levels: [Vec<u8>; 3],
}

impl Scaler {
    /// A copy of `frame` with `width` × `height` pixels, both at least 1.
    pub fn copy(&mut self, frame: &FrameView<'_>, width: usize, height: usize) -> Option<Picture> {
        let (width, height) = (width.max(1), height.max(1));
        let color = ColorMap::of(frame.format());
        self.prepare(frame, width);
        let mut rgb = vec![0; width * height * 3];
        for (y, row) in rgb.chunks_exact_mut(width * 3).enumerate() {
            self.sum_rows(frame, y, height);
            self.sum_columns(frame);
            convert(&color, &self.samples, &mut self.levels, row);
        }
        Picture::new(width, height, rgb)
    }

    fn prepare(&mut self, frame: &FrameView<'_>, width: usize) {
        let format = frame.format();
        self.rows = [None; 3];
        for (i, component) in format.pixels.components().iter().enumerate() {
            let samples = format.width.div_ceil(1 << component.sub_x);
            let column = |x| {
                let span = Span::new(x, width, samples, usize::MAX);
                Columns {
                    start: span.start as u32,
                    end: span.end as u32,
                    share: 1.0 / span.count() as f32,
                }
            };
            self.columns[i].clear();
            self.columns[i].extend((0..width).map(column));
            self.samples[i].resize(width, 0.0);
        }
    }

    /// Sums the rows of each plane that row `y` of the copy covers.
    fn sum_rows(&mut self, frame: &FrameView<'_>, y: usize, height: usize) {
        let format = frame.format();
        for plane in 0..format.pixels.planes() {
            let (bytes, rows) = format.pixels.plane_size(plane, format.width, format.height);
            let taps = if plane == 0 { TAPS } else { TAPS / 2 };
            let span = Span::new(y, height, rows, taps);
            // Rows of subsampled planes may serve two rows of the copy.
            if self.rows[plane] == Some(span) {
                continue;
            }
            self.rows[plane] = Some(span);
            let sums = &mut self.sums[plane];
            sums.clear();
            sums.resize(bytes, 0);
            for row in span.iter() {
                for (sum, &sample) in sums.iter_mut().zip(frame.row(plane, row, bytes)) {
                    *sum += u16::from(sample);
                }
            }
        }
    }

    fn sum_columns(&mut self, frame: &FrameView<'_>) {
        for (i, component) in frame.format().pixels.components().iter().enumerate() {
            let sums = self.sums[component.plane].get(component.offset..);
            run(sums.unwrap_or_default(), component.step, &mut self.running);
            let rows = self.rows[component.plane].map_or(1, Span::count);
            let of_rows = 1.0 / rows as f32;
            for (sample, columns) in self.samples[i].iter_mut().zip(&self.columns[i]) {
                let sum = self.running[columns.end as usize] - self.running[columns.start as usize];
                *sample = sum as f32 * columns.share * of_rows;
            }
        }
    }
}

/// The running sum of every `step`-th value, beginning with nothing.
fn run(sums: &[u16], step: usize, running: &mut Vec<u32>) {
    running.clear();
    running.push(0);
    let mut total = 0;
    let mut add = |sum: &u16| {
        total += u32::from(*sum);
        total
    };
    // With the step known, compilers leave out what they would have to ask each time.
    match step {
        1 => running.extend(sums.iter().map(&mut add)),
        2 => running.extend(sums.iter().step_by(2).map(&mut add)),
        3 => running.extend(sums.iter().step_by(3).map(&mut add)),
        4 => running.extend(sums.iter().step_by(4).map(&mut add)),
        step => running.extend(sums.iter().step_by(step).map(&mut add)),
    }
}

/// Added to a number from 0 to 255, it makes the lowest byte of the sum the nearest level: the
/// fraction of an f32 this large has no bits left. Unlike a cast that saturates, it is one instruction
/// for many numbers.
const MAGIC: f32 = 8_388_608.0;

/// Samples of one row to R, G, B: colour by colour, then side by side.
fn convert(color: &ColorMap, samples: &[Vec<f32>; 3], levels: &mut [Vec<u8>; 3], row: &mut [u8]) {
    let [a, b, c] = samples;
    for (i, levels) in levels.iter_mut().enumerate() {
        let (m, offset) = (color.m[i], color.offset[i]);
        levels.clear();
        levels.extend(a.iter().zip(b).zip(c).map(|((a, b), c)| {
            let level = m[0] * a + m[1] * b + m[2] * c + offset;
            (level.clamp(0.0, 255.0) + MAGIC).to_bits() as u8
        }));
    }
    let [r, g, b] = &*levels;
    for (((pixel, r), g), b) in row.chunks_exact_mut(3).zip(r).zip(g).zip(b) {
        pixel.copy_from_slice(&[*r, *g, *b]);
    }
}
