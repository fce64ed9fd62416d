//! Which boxes touch.

use super::Candidate;
use crate::track::Detection;

/// So few boxes are compared all sooner than a table of them is made.
const FEW: usize = 16;

/// Edges of a box.
#[derive(Debug, Clone, Copy)]
struct Edges {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

/// Finds the pairs that touch, keeping its memory from one frame to the next.
///
/// Most of the work is to see that boxes are apart. So edges lie side by side in memory, a table
/// says where along the x axis to begin and to stop, and what is left is compared without branches.
#[derive(Debug, Default)]
pub(in crate::track) struct Sweep {
    /// Of the detections, in order of left edges before they grew.
    edges: Vec<Edges>,
    table: Table,
    touching: Vec<u32>,
}

impl Sweep {
    /// Calls `each` with the positions, in `tracks` and in `chosen` (in order of left edges), of
    /// the pairs that touch, of one class where `per_class`. Detections grow by `reach` of their
    /// size on each side.
    pub fn run(
        &mut self,
        tracks: &[Candidate],
        detections: &[Detection],
        chosen: &[usize],
        (per_class, reach): (bool, f32),
        mut each: impl FnMut(usize, usize),
    ) {
        if tracks.is_empty() || chosen.is_empty() {
            return;
        }
        let widest = self.load(detections, chosen, reach);
        for (row, track) in tracks.iter().enumerate() {
            let bbox = track.bbox;
            let (right, bottom) = (bbox.right(), bbox.bottom());
            // Only boxes that began in this range, before they grew, can touch the track's.
            let growth = widest * reach;
            let (from, to) = if chosen.len() <= FEW {
                (0, chosen.len())
            } else {
                let from = self.table.first_from(bbox.x - widest - growth);
                (from, self.table.end_of(right + growth))
            };
            let mut found = 0;
            for (col, edges) in (from..to).zip(&self.edges[from..to]) {
                let beside = (edges.left > right) | (edges.right < bbox.x);
                let apart = (edges.top > bottom) | (edges.bottom < bbox.y);
                self.touching[found] = col as u32;
                found += usize::from(!(beside | apart));
            }
            for &col in &self.touching[..found] {
                let col = col as usize;
                if !per_class || detections[chosen[col]].class == track.class {
                    each(row, col);
                }
            }
        }
    }

    /// Takes over the edges of the chosen detections; gives the largest width.
    fn load(&mut self, detections: &[Detection], chosen: &[usize], reach: f32) -> f32 {
        self.edges.clear();
        let mut widest = 0.0f32;
        self.edges.extend(chosen.iter().map(|&index| {
            let bbox = detections[index].bbox;
            widest = widest.max(bbox.w);
            let grown = bbox.grown(reach);
            Edges {
                left: grown.x,
                right: grown.right(),
                top: grown.y,
                bottom: grown.bottom(),
            }
        }));
        // One more than can be found: the place after the last one is written to.
        if self.touching.len() <= chosen.len() {
            self.touching.resize(chosen.len() + 1, 0);
        }
        if chosen.len() > FEW {
            let x_of = |position: usize| detections[chosen[position]].bbox.x;
            self.table.load(chosen.len(), x_of);
        }
        widest
    }
}

/// Where along an axis sorted numbers are: as good as a binary search, and without its branches.
#[derive(Debug, Default)]
struct Table {
    least: f32,
    /// Cells in a pixel.
    scale: f32,
    /// Position of the first number of each cell or a later one, and the end.
    starts: Vec<u32>,
}

impl Table {
    /// Takes over `len` numbers, at least one, in order.
    fn load(&mut self, len: usize, number: impl Fn(usize) -> f32) {
        let cells = len.next_power_of_two().clamp(8, 4096);
        self.least = number(0);
        let range = number(len - 1) - self.least;
        self.scale = if range > 0.0 {
            cells as f32 / range
        } else {
            0.0
        };
        self.starts.clear();
        for position in 0..len {
            let cell = self.cell(number(position), cells);
            while self.starts.len() <= cell {
                self.starts.push(position as u32);
            }
        }
        self.starts.resize(cells + 1, len as u32);
    }

    /// The cell of a number, the first or the last one for what is outside.
    fn cell(&self, number: f32, cells: usize) -> usize {
        // A cast of what is below 0 or no number gives 0.
        (((number - self.least) * self.scale) as usize).min(cells - 1)
    }

    /// No number before this position is `x` or more.
    fn first_from(&self, x: f32) -> usize {
        self.starts[self.cell(x, self.starts.len() - 1)] as usize
    }

    /// No number from this position on is `x` or less.
    fn end_of(&self, x: f32) -> usize {
        self.starts[self.cell(x, self.starts.len() - 1) + 1] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_finds_what_a_search_finds(
            mut numbers in proptest::collection::vec(-1000f32..1000.0, 1..80),
            x in -1500f32..1500.0,
        ) {
            numbers.sort_by(f32::total_cmp);
            let mut table = Table::default();
            table.load(numbers.len(), |position| numbers[position]);
            let (from, to) = (table.first_from(x), table.end_of(x));
            prop_assert!(numbers[..from].iter().all(|&number| number < x));
            prop_assert!(numbers[to..].iter().all(|&number| number > x));
        }
    }
}
