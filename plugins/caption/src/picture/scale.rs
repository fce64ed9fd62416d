//! A frame, or a part of one, in its own format to a small RGB copy, in one pass.
//!
//! Each pixel of the copy is the mean of the samples that it covers, of [`TAPS`] rows and columns of
//! them at most, evenly spread: enough to keep thin lines from flickering, and the cost no longer
//! grows with the square of the frame. Rows are summed plane by plane, which compilers vectorise,
//! then columns, then colours are converted: once for each pixel of the copy, not of the frame.
//!
//! Runs on the streaming thread. Scratch memory is kept between frames.

use vigil_analytics::frame::FrameView;
use vigil_analytics::frame::color::ColorMap;

use super::Picture;

/// Most rows, and most columns, of samples that make one pixel. Chroma has half of them: the eye of
/// a model is no finer than ours.
pub(super) const TAPS: usize = 4;

/// Rows, or columns, of a plane from `start` to `end`, every `step`-th.
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
    columns: [Vec<Span>; 3],
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
            convert(&color, &self.samples, row);
        }
        Picture::new(width, height, rgb)
    }

    fn prepare(&mut self, frame: &FrameView<'_>, width: usize) {
        let format = frame.format();
        self.rows = [None; 3];
        for (i, component) in format.pixels.components().iter().enumerate() {
            let samples = format.width.div_ceil(1 << component.sub_x);
            let taps = TAPS >> component.sub_x.min(1);
            self.columns[i].clear();
            self.columns[i].extend((0..width).map(|x| Span::new(x, width, samples, taps)));
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
            let sums = &self.sums[component.plane];
            let rows = self.rows[component.plane].map_or(1, Span::count);
            for (sample, &span) in self.samples[i].iter_mut().zip(&self.columns[i]) {
                let mut sum = 0;
                let mut count = 0;
                let mut x = span.start;
                while x < span.end {
                    sum += u32::from(sums[component.offset + x * component.step]);
                    count += 1;
                    x += span.step;
                }
                *sample = sum as f32 / (count * rows) as f32;
            }
        }
    }
}

/// Samples of one row to R, G, B.
fn convert(color: &ColorMap, samples: &[Vec<f32>; 3], row: &mut [u8]) {
    let [a, b, c] = samples;
    let pixels = row.chunks_exact_mut(3);
    for (((pixel, a), b), c) in pixels.zip(a).zip(b).zip(c) {
        for ((level, m), offset) in pixel.iter_mut().zip(&color.m).zip(&color.offset) {
            // `as` saturates.
            *level = (m[0] * a + m[1] * b + m[2] * c + offset + 0.5) as u8;
        }
    }
}
