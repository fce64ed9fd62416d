//! Which boxes touch.

use super::Candidate;
use crate::track::Detection;

/// Finds the pairs that touch, keeping its memory from one frame to the next.
///
/// Most of the work is to see that boxes are apart. So edges lie side by side in memory, a table
/// says where along the x axis to begin and to stop, and what is left is compared without branches.
#[derive(Debug, Default)]
pub(in crate::track) struct Sweep {
    /// Edges of the detections, in order of left edges before they grew.
    left: Vec<f32>,
    right: Vec<f32>,
    top: Vec<f32>,
    bottom: Vec<f32>,
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
            let from = self.table.first_from(bbox.x - widest - growth);
            let to = self.table.end_of(right + growth);
            let (left, top) = (&self.left[from..to], &self.top[from..to]);
            let (rights, bottoms) = (&self.right[from..to], &self.bottom[from..to]);
            let mut found = 0;
            for i in 0..left
                .len()
                .min(rights.len())
                .min(top.len())
                .min(bottoms.len())
            {
                let beside = (left[i] > right) | (rights[i] < bbox.x);
                let apart = (top[i] > bottom) | (bottoms[i] < bbox.y);
                self.touching[found] = (from + i) as u32;
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
        for edges in [
            &mut self.left,
            &mut self.right,
            &mut self.top,
            &mut self.bottom,
        ] {
            edges.clear();
        }
        let mut widest = 0.0f32;
        for &index in chosen {
            let bbox = detections[index].bbox;
            widest = widest.max(bbox.w);
            let grown = bbox.grown(reach);
            self.left.push(grown.x);
            self.right.push(grown.right());
            self.top.push(grown.y);
            self.bottom.push(grown.bottom());
        }
        // One more than can be found: the place after the last one is written to.
        self.touching.clear();
        self.touching.resize(chosen.len() + 1, 0);
        let x_of = |position: usize| detections[chosen[position]].bbox.x;
        self.table.load(chosen.len(), x_of);
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
