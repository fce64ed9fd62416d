//! The mean luma of a frame's cells.

use crate::preprocess::{FrameFormat, FrameView};

/// A grid of square cells over a frame; those at the right and at the bottom may be cut off.
#[derive(Debug)]
pub(super) struct Grid {
    width: usize,
    height: usize,
    /// Side of a cell, in pixels.
    side: usize,
    /// Rows of a cell that are read.
    rows: usize,
    columns: usize,
    means: Vec<f32>,
    /// Sums of one row of cells.
    sums: Vec<u32>,
}

impl Grid {
    /// Cells of 16 pixels, as large as somebody in the distance at 1080p; of 8 for small frames
    /// and of 32 for larger ones. In each at least 32 samples are read, so that noise averages
    /// out.
    pub fn new(format: &FrameFormat) -> Self {
        let (width, height) = (format.width, format.height);
        let (side, rows) = match width.max(height) {
            0..=720 => (8, 4),
            721..=2048 => (16, 2),
            _ => (32, 2),
        };
        let (columns, lines) = (width.div_ceil(side), height.div_ceil(side));
        Self {
            width,
            height,
            side,
            rows,
            columns,
            means: vec![0.0; columns * lines],
            sums: vec![0; columns],
        }
    }

    /// Cells in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// What `of` makes of each cell, row by row: its left, top, right and bottom edge as
    /// fractions of the frame.
    pub fn cells<T>(&self, of: impl Fn([f64; 4]) -> T) -> Vec<T> {
        let edge = |i: usize, side: usize| ((i * self.side).min(side)) as f64 / side as f64;
        let cell = |i: usize| {
            let (column, line) = (i % self.columns, i / self.columns);
            of([
                edge(column, self.width),
                edge(line, self.height),
                edge(column + 1, self.width),
                edge(line + 1, self.height),
            ])
        };
        (0..self.means.len()).map(cell).collect()
    }

    /// The means of the last frame, row by row, 0..=255.
    pub fn means(&self) -> &[f32] {
        &self.means
    }

    /// Reads a frame of the format that the grid was made for.
    pub fn sample(&mut self, frame: &FrameView) {
        let (side, rows, width) = (self.side, self.rows, self.width);
        for (line, means) in self.means.chunks_mut(self.columns).enumerate() {
            let top = line * side;
            let height = side.min(self.height - top);
            self.sums.fill(0);
            for i in 0..rows {
                let (row, step) = frame.luma_row(top + (2 * i + 1) * height / (2 * rows));
                add_row(row, step, side, &mut self.sums);
            }
            for (column, (mean, sum)) in means.iter_mut().zip(&self.sums).enumerate() {
                let samples = rows * side.min(width - column * side);
                *mean = *sum as f32 / samples as f32;
            }
        }
    }
}

/// Adds a row's samples, `step` bytes apart, to the sums of its cells.
fn add_row(row: &[u8], step: usize, side: usize, sums: &mut [u32]) {
    // Constants, so that the compiler can use the processor's own sums of bytes.
    match (step, side) {
        (1, 8) => add::<1, 8>(row, sums),
        (1, 16) => add::<1, 16>(row, sums),
        (1, _) => add::<1, 32>(row, sums),
        (2, 8) => add::<2, 8>(row, sums),
        (2, 16) => add::<2, 16>(row, sums),
        (2, _) => add::<2, 32>(row, sums),
        (3, 8) => add::<3, 8>(row, sums),
        (3, 16) => add::<3, 16>(row, sums),
        (3, _) => add::<3, 32>(row, sums),
        (_, 8) => add::<4, 8>(row, sums),
        (_, 16) => add::<4, 16>(row, sums),
        _ => add::<4, 32>(row, sums),
    }
}

fn add<const STEP: usize, const SIDE: usize>(row: &[u8], sums: &mut [u32]) {
    for (sum, cell) in sums.iter_mut().zip(row.chunks(STEP * SIDE)) {
        *sum += if cell.len() == STEP * SIDE {
            (0..SIDE).map(|i| u32::from(cell[i * STEP])).sum::<u32>()
        } else {
            // The last cell: a part of one, or one whose last sample ends the row.
            cell.iter().step_by(STEP).map(|v| u32::from(*v)).sum()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::{Colorimetry, PixelFormat, Plane};

    fn format(pixels: PixelFormat, width: usize, height: usize) -> FrameFormat {
        FrameFormat {
            pixels,
            width,
            height,
            colorimetry: Colorimetry::default(),
        }
    }

    /// The means of a frame whose luma is `of` column and row.
    fn means(format: FrameFormat, of: impl Fn(usize, usize) -> u8) -> Vec<f32> {
        let mut planes = [vec![], vec![], vec![]];
        let mut views = [Plane::default(); 3];
        let sizes = [0, 1, 2].map(|i| match i < format.pixels.planes() {
            true => format.pixels.plane_size(i, format.width, format.height),
            false => (0, 0),
        });
        for (plane, (bytes, rows)) in planes.iter_mut().zip(sizes) {
            *plane = vec![77; (bytes + 5) * rows];
        }
        let pixels = format.pixels;
        let luma = pixels.components()[usize::from(!pixels.is_yuv())];
        for y in 0..format.height {
            for x in 0..format.width {
                planes[0][y * (sizes[0].0 + 5) + x * luma.step + luma.offset] = of(x, y);
            }
        }
        for ((view, plane), (bytes, _)) in views.iter_mut().zip(&planes).zip(sizes) {
            *view = Plane {
                data: plane,
                stride: bytes + 5,
            };
        }
        let mut grid = Grid::new(&format);
        grid.sample(&FrameView::new(format, views).unwrap());
        grid.means().to_vec()
    }

    #[test]
    fn means_are_those_of_the_luma_of_each_cell_in_any_format() {
        for pixels in PixelFormat::ALL {
            // 3 by 2 cells, the last ones cut off
            let found = means(format(pixels, 20, 13), |x, y| {
                (100 + 10 * (x / 8) + 50 * (y / 8)) as u8
            });
            assert_eq!(
                found,
                [100.0, 110.0, 120.0, 150.0, 160.0, 170.0],
                "{pixels:?}"
            );
        }
    }

    #[test]
    fn frames_of_any_size_have_cells() {
        for (width, height, cells) in [
            (1, 1, 1),
            (8, 9, 2),
            (640, 360, 80 * 45),
            (721, 1, 46),
            (1920, 1080, 120 * 68),
            (3840, 2160, 120 * 68),
            (1, 5000, 157),
        ] {
            let found = means(format(PixelFormat::Gray8, width, height), |_, _| 31);
            assert_eq!(found, vec![31.0; cells], "{width}x{height}");
        }
    }

    #[test]
    fn cells_are_where_they_are_in_the_frame() {
        let grid = Grid::new(&format(PixelFormat::Gray8, 20, 16));
        let cells = grid.cells(|cell| cell);
        assert_eq!(cells[0], [0.0, 0.0, 0.4, 0.5]);
        assert_eq!(cells[5], [0.8, 0.5, 1.0, 1.0]);
    }
}
