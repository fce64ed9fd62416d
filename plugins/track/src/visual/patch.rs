//! A part of a frame as a patch of [`SIDE`] by [`SIDE`] numbers, in whatever light it is.

use super::fft::{AREA, Grid, Plane, SIDE, ZERO};
use crate::geometry::Rect;
use vigil_analytics::frame::FrameView;

/// Pixels along an axis that make a number of the patch, at most.
const TAPS: usize = 5;

/// Which pixels along one axis make the numbers of a patch, and by how much.
#[derive(Debug, Clone)]
struct Axis {
    /// Pixels of each number, in use.
    taps: usize,
    /// By number, then by tap.
    pixels: [usize; SIDE * TAPS],
    weights: [f32; SIDE * TAPS],
}

impl Axis {
    const NEW: Self = Self {
        taps: 0,
        pixels: [0; SIDE * TAPS],
        weights: [0.0; SIDE * TAPS],
    };

    /// For the stretch of `length` pixels from `start` on, of an axis that has `limit` pixels;
    /// those outside are like the outermost ones. Each number is the mean over its own part of the
    /// stretch, or over a whole pixel where that is less, which is linear interpolation. Of a part
    /// of more than four pixels it is the mean of five of them, so that the cost has a bound.
    fn fill(&mut self, start: f32, length: f32, limit: usize) {
        let last = (limit - 1) as f32;
        let step = length / SIDE as f32;
        let span = step.max(1.0);
        self.taps = (span.ceil() as usize + 1).min(TAPS);
        let is_exact = span <= (TAPS - 1) as f32;
        for number in 0..SIDE {
            let from = start + (number as f32 + 0.5) * step - 0.5 * span;
            for tap in 0..self.taps {
                let (pixel, weight) = if is_exact {
                    let pixel = from.floor() + tap as f32;
                    let common = (from + span).min(pixel + 1.0) - from.max(pixel);
                    (pixel, common.max(0.0) / span)
                } else {
                    let share = (tap as f32 + 0.5) / TAPS as f32;
                    ((from + share * span).floor(), 1.0 / TAPS as f32)
                };
                self.pixels[number * self.taps + tap] = pixel.clamp(0.0, last) as usize;
                self.weights[number * self.taps + tap] = weight;
            }
        }
    }
}

/// Takes patches from frames.
#[derive(Debug, Clone)]
pub struct Sampler {
    columns: Axis,
    rows: Axis,
    /// A row of the patch, before the pixels of each number are joined.
    row: [f32; SIDE * TAPS],
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            columns: Axis::NEW,
            rows: Axis::NEW,
            row: [0.0; SIDE * TAPS],
        }
    }
}

impl Sampler {
    /// The brightness (luma, or green, which comes nearest to it) of this part of a frame, which
    /// may reach outside of it.
    pub fn sample(&mut self, frame: &FrameView, part: Rect, patch: &mut Plane) {
        let format = frame.format();
        self.columns.fill(part.x, part.w, format.width);
        self.rows.fill(part.y, part.h, format.height);
        let (across, down) = (self.columns.taps, self.rows.taps);
        for (y, numbers) in patch.iter_mut().enumerate() {
            let row = &mut self.row[..SIDE * across];
            row.fill(0.0);
            for tap in y * down..(y + 1) * down {
                let weight = self.rows.weights[tap];
                if weight == 0.0 {
                    continue;
                }
                let (samples, step) = frame.luma_row(self.rows.pixels[tap]);
                for (sum, &pixel) in row.iter_mut().zip(&self.columns.pixels) {
                    *sum += weight * f32::from(samples[pixel * step]);
                }
            }
            let weights = self.columns.weights.chunks_exact(across);
            for ((number, sums), weights) in numbers
                .iter_mut()
                .zip(row.chunks_exact(across))
                .zip(weights)
            {
                *number = sums.iter().zip(weights).map(|(a, b)| a * b).sum();
            }
        }
    }
}

/// Fades patches out towards their edges: the transform takes them for endless repetitions of
/// themselves.
#[derive(Debug, Clone)]
pub struct Window {
    side: [f32; SIDE],
}

impl Default for Window {
    /// Hann's.
    fn default() -> Self {
        let angle = |i: usize| std::f32::consts::TAU * (i as f32 + 0.5) / SIDE as f32;
        Self {
            side: std::array::from_fn(|i| 0.5 - 0.5 * angle(i).cos()),
        }
    }
}

/// Differences of brightness this small, in levels, are noise.
const NOISE: f32 = 2.0;

impl Window {
    /// A patch without its mean and of unit deviation, so that the light does not matter, faded.
    /// One on which there is nothing becomes next to nothing.
    pub fn fade(&self, patch: &Plane, out: &mut Grid) {
        let numbers = patch.as_flattened();
        let mean = numbers.iter().sum::<f32>() / AREA as f32;
        let square = |v: &f32| (v - mean) * (v - mean);
        let variance = numbers.iter().map(square).sum::<f32>() / AREA as f32;
        let scale = 1.0 / (variance.sqrt() + NOISE);
        out.im = ZERO;
        for ((row, faded), down) in patch.iter().zip(&mut out.re).zip(self.side) {
            for ((v, faded), across) in row.iter().zip(faded).zip(self.side) {
                *faded = (v - mean) * scale * down * across;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visual::follow::tests::Canvas;

    fn sample(canvas: &Canvas, part: Rect) -> Plane {
        let mut patch = ZERO;
        Sampler::default().sample(&canvas.view(), part, &mut patch);
        patch
    }

    #[test]
    fn a_number_is_the_mean_of_its_part_of_the_frame() {
        // Brightness grows by 1 to the right and by 0.5 downwards: means are exact anywhere.
        let at = |x: f32, y: f32| x + 0.5 * y;
        let mut canvas = Canvas::new(120, 100);
        canvas.paint(|x, y| at(x as f32 + 0.5, y as f32 + 0.5));
        for side in [8.0, 16.0, 32.0, 48.0, 60.0] {
            let part = Rect::new(20.3, 15.8, side, side);
            let patch = sample(&canvas, part);
            for (column, row) in [(0, 0), (31, 0), (13, 22), (31, 31)] {
                let place = |i: usize| (i as f32 + 0.5) * side / SIDE as f32;
                let expected = at(part.x + place(column), part.y + place(row));
                let found = patch[row][column];
                // Half a level of rounding.
                assert!(
                    (found - expected).abs() <= 0.51,
                    "{side}: {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn what_is_outside_is_like_the_edge() {
        let mut canvas = Canvas::new(64, 48);
        canvas.paint(|x, _| if x < 32 { 10.0 } else { 200.0 });
        for (part, expected) in [
            (Rect::new(-500.0, -500.0, 100.0, 100.0), 10.0),
            (Rect::new(900.0, 20.0, 10.0, 10.0), 200.0),
            (Rect::new(40.0, -9e6, 3.0, 3.0), 200.0),
        ] {
            let patch = sample(&canvas, part);
            assert!(
                patch
                    .as_flattened()
                    .iter()
                    .all(|v| (v - expected).abs() < 1e-2)
            );
        }
        let huge = sample(&canvas, Rect::new(-9e6, -9e6, 18e6, 18e6));
        assert!(
            huge.as_flattened()
                .iter()
                .all(|v| (10.0..=200.1).contains(v))
        );
    }

    #[test]
    fn light_and_contrast_do_not_matter() {
        let pattern = |x: usize, y: usize| ((x * 7 + y * 13) % 40) as f32;
        let (mut canvas, mut faint) = (Canvas::new(32, 32), Canvas::new(32, 32));
        canvas.paint(|x, y| 40.0 + 4.0 * pattern(x, y));
        faint.paint(|x, y| 80.0 + 2.0 * pattern(x, y));
        let whole = Rect::new(0.0, 0.0, 32.0, 32.0);
        let faded = |canvas: &Canvas| {
            let mut grid = Grid::ZERO;
            Window::default().fade(&sample(canvas, whole), &mut grid);
            grid
        };
        let (a, b) = (faded(&canvas), faded(&faint));
        for (a, b) in a.re.as_flattened().iter().zip(b.re.as_flattened()) {
            assert!((a - b).abs() < 0.1, "{a} {b}");
        }
    }
}
