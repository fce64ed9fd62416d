//! Changes of the scene: another camera, light switched on, a door opened in front of the lens.

use vigil_analytics::frame::FrameView;

const COLUMNS: usize = 16;
const ROWS: usize = 9;
/// Samples along each side of a cell.
const POINTS: usize = 3;

/// Compares the brightness of a coarse grid with that of the frame before.
///
/// Costs some microseconds a frame, whatever its size.
#[derive(Debug, Clone)]
pub struct Cuts {
    /// Mean change of brightness, in levels of 255, that is another scene.
    threshold: f32,
    last: Option<[f32; COLUMNS * ROWS]>,
}

impl Cuts {
    /// `threshold`: mean change of brightness, in fractions of the full range, from one frame to the
    /// next.
    pub fn new(threshold: f32) -> Self {
        Self {
            threshold: threshold * 255.0,
            last: None,
        }
    }

    /// Whether this frame shows another scene than the one before; not so for the first.
    pub fn look(&mut self, frame: &FrameView<'_>) -> bool {
        let grid = grid(frame);
        let before = self.last.replace(grid);
        before.is_some_and(|before| {
            let change: f32 = (grid.iter().zip(before)).map(|(a, b)| (a - b).abs()).sum();
            change / grid.len() as f32 > self.threshold
        })
    }

    /// What comes next is another stream.
    pub fn clear(&mut self) {
        self.last = None;
    }
}

fn grid(frame: &FrameView<'_>) -> [f32; COLUMNS * ROWS] {
    let (width, height) = (frame.format().width, frame.format().height);
    let mut grid = [0.0; COLUMNS * ROWS];
    for i in 0..ROWS * POINTS {
        let (row, step) = frame.luma_row(i * height / (ROWS * POINTS));
        for j in 0..COLUMNS * POINTS {
            let x = j * width / (COLUMNS * POINTS);
            grid[i / POINTS * COLUMNS + j / POINTS] += f32::from(row[x * step]);
        }
    }
    grid.map(|sum| sum / (POINTS * POINTS) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_analytics::frame::{Colorimetry, FrameFormat, PixelFormat, Plane};

    fn look(cuts: &mut Cuts, size: usize, level: impl Fn(usize, usize) -> u8) -> bool {
        let data: Vec<u8> = (0..size * size)
            .map(|i| level(i % size, i / size))
            .collect();
        let format = FrameFormat {
            pixels: PixelFormat::Gray8,
            width: size,
            height: size,
            colorimetry: Colorimetry::default(),
        };
        cuts.look(
            &FrameView::new(
                format,
                [Plane {
                    data: &data,
                    stride: size,
                }; 3],
            )
            .unwrap(),
        )
    }

    #[test]
    fn another_scene_is_told_from_things_that_move() {
        let mut cuts = Cuts::new(0.1);
        let scene = |x: usize, y: usize| ((x + y) % 200) as u8;
        assert!(!look(&mut cuts, 160, scene));
        // Something dark as large as a twentieth of the frame comes in.
        let person = move |x: usize, y: usize| if x < 30 && y < 40 { 0 } else { scene(x, y) };
        assert!(!look(&mut cuts, 160, person));
        assert!(look(&mut cuts, 160, |x, y| 255 - scene(x, y)));
        assert!(!look(&mut cuts, 160, |x, y| 255 - scene(x, y)));
        cuts.clear();
        assert!(!look(&mut cuts, 160, scene));
        // Frames smaller than the grid.
        assert!(!look(&mut Cuts::new(0.1), 1, |_, _| 3));
    }
}
