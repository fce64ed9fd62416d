//! A frame, or a part of one, to a small copy in the same colours, in one pass.
//!
//! Each sample of the copy is the mean of the samples that it covers: of all columns, and of [`TAPS`]
//! rows at most, evenly spread. That is enough to keep thin lines from flickering, and keeps a large
//! frame from costing as much as its pixels. Rows are summed plane by plane, all at once, which
//! compilers vectorise; of their sums the running sum is taken, of which two values give the sum of
//! any columns. Chroma stays subsampled as it is, and colours are converted by whoever looks at the
//! copy.
//!
//! Runs on the streaming thread. Scratch memory is kept between frames, and copies get that of
//! others that are gone.

use std::sync::{Arc, OnceLock};
use vigil_analytics::frame::color::ColorMap;
use vigil_analytics::frame::{self, FrameView};

use super::pool::Pool;
use super::{Component, Picture};

/// Most rows that make one sample.
pub(super) const TAPS: usize = 4;

/// Rows of a plane, or columns of a component, from `start` to `end`, every `step`-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub step: usize,
}

impl Span {
    /// What sample `i` of `out` covers of `samples`.
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

/// The columns that a sample covers; small, as there is one for each sample of a row.
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
    pool: Arc<Pool>,
    /// The sum of rows of a plane.
    sums: Vec<u16>,
    /// The sums of all columns before each.
    running: Vec<u32>,
    /// The columns that each sample of a row covers, of each component.
    columns: [Vec<Columns>; 3],
}

impl Scaler {
    /// A copy of `frame` with `width` × `height` pixels, both at least 1.
    pub fn copy(&mut self, frame: &FrameView<'_>, width: usize, height: usize) -> Picture {
        let (width, height) = (width.max(1), height.max(1));
        let format = frame.format();
        let mut components = [Component::default(); 3];
        let mut start = 0;
        for (i, source) in format.pixels.components().iter().enumerate() {
            let component = Component::new(start, (width, height), source.sub_x, source.sub_y);
            let samples = format.width.div_ceil(1 << source.sub_x);
            self.cover(i, component.width, samples);
            start = component.end();
            components[i] = component;
        }
        let mut samples = self.pool.take(start);
        for plane in 0..format.pixels.planes() {
            self.copy_plane(frame, plane, &components, samples.data_mut());
        }
        Picture {
            width,
            height,
            components,
            color: ColorMap::of(format),
            samples,
            jpeg: OnceLock::new(),
        }
    }

    /// Says which of `samples` columns each sample of a row of component `i` covers.
    fn cover(&mut self, i: usize, width: usize, samples: usize) {
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
    }

    fn copy_plane(
        &mut self,
        frame: &FrameView<'_>,
        plane: usize,
        components: &[Component; 3],
        out: &mut [u8],
    ) {
        let format = frame.format();
        let (bytes, rows) = format.pixels.plane_size(plane, format.width, format.height);
        let sources = format.pixels.components();
        let of_plane = |i: &usize| sources[*i].plane == plane;
        // All components of a plane have as many rows.
        let height = (0..3).find(of_plane).map_or(0, |i| components[i].height);
        for y in 0..height {
            let span = Span::new(y, height, rows, TAPS);
            self.sum_rows(frame, plane, span, bytes);
            let mut step = 0;
            for i in (0..3).filter(of_plane) {
                // Packed 4:2:2 has luma and chroma at different steps.
                if sources[i].step != step {
                    step = sources[i].step;
                    run(&self.sums, step, &mut self.running);
                }
                let part = components[i];
                let at = part.start + y * part.width;
                let row = out.get_mut(at..at + part.width).unwrap_or_default();
                self.mean_columns(i, sources[i], 1.0 / span.count() as f32, row);
            }
        }
    }

    /// Sums these rows of a plane, byte by byte.
    fn sum_rows(&mut self, frame: &FrameView<'_>, plane: usize, span: Span, bytes: usize) {
        self.sums.resize(bytes, 0);
        let sums = self.sums.iter_mut();
        let mut rows = span.iter().map(|y| frame.row(plane, y, bytes));
        let mut next = || {
            rows.next()
                .unwrap_or_default()
                .iter()
                .map(|&b| u16::from(b))
        };
        match span.count() {
            1 => sums.zip(next()).for_each(|(sum, a)| *sum = a),
            2 => (sums.zip(next()).zip(next())).for_each(|((sum, a), b)| *sum = a + b),
            3 => (sums.zip(next()).zip(next()).zip(next()))
                .for_each(|(((sum, a), b), c)| *sum = a + b + c),
            _ => (sums.zip(next()).zip(next()).zip(next()).zip(next()))
                .for_each(|((((sum, a), b), c), d)| *sum = a + b + c + d),
        }
    }

    /// Makes a row of component `i`; `share` is one over the number of rows that were summed.
    fn mean_columns(&self, i: usize, source: frame::Component, share: f32, row: &mut [u8]) {
        let running = self.running.get(source.offset..).unwrap_or_default();
        for (sample, columns) in row.iter_mut().zip(&self.columns[i]) {
            let at = |column: u32| running[column as usize * source.step];
            let sum = at(columns.end) - at(columns.start);
            // Not above 255: at most a rounding away from it.
            *sample = (sum as f32 * columns.share * share + 0.5) as u8;
        }
    }
}

/// The sums of every `step`-th value before each, as many values side by side.
fn run(sums: &[u16], step: usize, running: &mut Vec<u32>) {
    running.clear();
    running.resize(sums.len() + step, 0);
    match step {
        1 => run_lanes::<1>(sums, running),
        2 => run_lanes::<2>(sums, running),
        3 => run_lanes::<3>(sums, running),
        _ => run_lanes::<4>(sums, running),
    }
}

/// As many sums as there are lanes do not wait for each other.
fn run_lanes<const STEP: usize>(sums: &[u16], running: &mut [u32]) {
    let running = running.get_mut(STEP..).unwrap_or_default();
    let mut totals = [0u32; STEP];
    let (groups, last) = sums.as_chunks::<STEP>();
    let (out, out_last) = running.as_chunks_mut::<STEP>();
    for (group, out) in groups.iter().zip(out) {
        for ((total, sum), out) in totals.iter_mut().zip(group).zip(out) {
            *total += u32::from(*sum);
            *out = *total;
        }
    }
    for ((total, sum), out) in totals.iter_mut().zip(last).zip(out_last) {
        *out = *total + u32::from(*sum);
    }
}
