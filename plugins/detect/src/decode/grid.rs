//! The cells that a head has a row for each of.

/// One grid of cells, whose rows come one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    stride: u32,
    columns: u32,
    rows: u32,
}

impl Grid {
    /// Width and height that its cells cover, in input pixels.
    pub fn covered(&self) -> [f32; 2] {
        [
            (self.columns * self.stride) as f32,
            (self.rows * self.stride) as f32,
        ]
    }
}

/// The grids of an input of this size, in the order of the output.
pub fn grids(width: u32, height: u32, strides: &[u32]) -> Vec<Grid> {
    let grid = |&stride: &u32| Grid {
        stride,
        columns: width.div_ceil(stride),
        rows: height.div_ceil(stride),
    };
    strides.iter().map(grid).collect()
}

/// Cells of all grids.
pub fn cells(grids: &[Grid]) -> usize {
    grids
        .iter()
        .map(|g| g.columns as usize * g.rows as usize)
        .sum()
}

/// Column, row and stride of each cell, in the order of the output.
pub fn places(grids: &[Grid]) -> impl Iterator<Item = (f32, f32, f32)> {
    grids.iter().flat_map(|grid| {
        let stride = grid.stride as f32;
        (0..grid.rows)
            .flat_map(move |y| (0..grid.columns).map(move |x| (x as f32, y as f32, stride)))
    })
}
