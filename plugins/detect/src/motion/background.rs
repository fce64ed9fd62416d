//! What is usual in each cell, and what is not.
//!
//! A cell's usual level is a running mean of its own, which follows within about a second, times
//! how much brighter the whole picture is than it was (the median over the cells): a camera that
//! adapts, or a cloud, moves nothing. Its noise is a running mean of how much it changes from
//! frame to frame; what a passer-by adds to that is cut off, so that a busy place stays watched.

/// Time constant of the usual level, in seconds: something that moves slower than a cell's width
/// in several times this is taken for light.
const USUAL_SECONDS: f32 = 1.0;

/// Time constant of the noise, in seconds.
const NOISE_SECONDS: f32 = 8.0;

/// After a new beginning all is motion for so many seconds and frames, until noise is known.
const LEARNING: (f32, u32) = (1.0, 8);

/// A cell must differ by so many standard deviations of its noise.
const DEVIATIONS: f32 = 4.5;

/// A cell's noise counts as between these shares of that of all cells: below, it is not known well
/// enough; above, it is something that moves.
const LEAST_NOISE: f32 = 0.6;
const MOST_NOISE: f32 = 3.0;

/// Of Gaussian samples of standard deviation 1, the absolute difference of two has this mean
/// (2/√π) and this median.
const MEAN_STEP: f32 = std::f32::consts::FRAC_2_SQRT_PI;
const MEDIAN_STEP: f32 = 0.953_872;

/// Cells of which medians are taken, about.
const SAMPLES: usize = 512;

/// Cells darker than this, above black, do not tell how bright the light is.
const DARK: f32 = 16.0;

/// Fewer bright cells than this say nothing about the light.
const LEAST_BRIGHT: usize = 32;

/// The light is taken to change by no more than this factor.
const MOST_GAIN: f32 = 4.0;

/// One cell.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    usual: f32,
    /// Mean of the last frame.
    last: f32,
    /// Standard deviation.
    noise: f32,
}

/// All cells of a stream.
#[derive(Debug)]
pub(super) struct Background {
    columns: usize,
    /// Which cells are watched.
    counts: Vec<bool>,
    /// Level of black.
    black: f32,
    cells: Vec<Cell>,
    /// Which cells differ on this frame and which did on the last one, with a border of cells
    /// that never do.
    differ: [Vec<bool>; 2],
    /// Standard deviation of all cells.
    noise: f32,
    frames: u32,
    seconds: f32,
    scratch: Vec<f32>,
}

impl Background {
    /// For cells in rows of so many, of which those count that `counts` says, on frames whose
    /// black has this level.
    pub fn new(columns: usize, counts: Vec<bool>, black: f32) -> Self {
        let bordered = (columns + 2) * (counts.len() / columns.max(1) + 2);
        Self {
            columns,
            black,
            cells: vec![Cell::default(); counts.len()],
            counts,
            differ: [vec![false; bordered], vec![false; bordered]],
            noise: 0.0,
            frames: 0,
            seconds: 0.0,
            scratch: Vec::with_capacity(2 * SAMPLES),
        }
    }

    /// Begins anew with the next frame.
    pub fn forget(&mut self) {
        self.frames = 0;
    }

    /// Takes in the means of the cells of a frame, `step` seconds after the last one, and says
    /// whether something moves: a cell differs by more than `threshold` levels, and more than its
    /// noise, and on the last frame it or a cell beside it did. Until noise is known, all moves.
    pub fn moves(&mut self, means: &[f32], step: f32, threshold: f32) -> bool {
        if self.frames == 0 {
            self.begin(means);
            return true;
        }
        self.frames = self.frames.saturating_add(1);
        self.seconds += step;
        let gain = self.gain(means);
        self.follow_noise(means, step);
        let moves = self.compare(means, gain, step, threshold);
        let is_learning = self.seconds < LEARNING.0 || self.frames <= LEARNING.1;
        moves || is_learning
    }

    fn begin(&mut self, means: &[f32]) {
        for (cell, &mean) in self.cells.iter_mut().zip(means) {
            *cell = Cell {
                usual: mean,
                last: mean,
                noise: 0.0,
            };
        }
        self.differ.iter_mut().for_each(|differ| differ.fill(false));
        self.noise = 0.0;
        self.frames = 1;
        self.seconds = 0.0;
    }

    /// Share of what is new in a running mean: that of a plain mean at first.
    fn share(&self, step: f32, seconds: f32) -> f32 {
        let running = 1.0 - (-step / seconds).exp();
        running.max(1.0 / (self.frames - 1).max(1) as f32)
    }

    /// How much brighter the picture is than usual: the median over some of the cells.
    fn gain(&mut self, means: &[f32]) -> f32 {
        let black = self.black;
        self.scratch.clear();
        let bright = some(&self.cells)
            .filter(|(_, cell)| cell.usual - black > DARK)
            .map(|(i, cell)| (means[i] - black) / (cell.usual - black));
        self.scratch.extend(bright);
        if self.scratch.len() < LEAST_BRIGHT.min(self.cells.len()) {
            return 1.0;
        }
        median(&mut self.scratch).clamp(1.0 / MOST_GAIN, MOST_GAIN)
    }

    fn follow_noise(&mut self, means: &[f32], step: f32) {
        self.scratch.clear();
        let steps = some(&self.cells).map(|(i, cell)| (means[i] - cell.last).abs());
        self.scratch.extend(steps);
        let now = median(&mut self.scratch) / MEDIAN_STEP;
        self.noise += self.share(step, NOISE_SECONDS) * (now - self.noise);
    }

    fn compare(&mut self, means: &[f32], gain: f32, step: f32, threshold: f32) -> bool {
        let (usual_share, noise_share) = (
            self.share(step, USUAL_SECONDS),
            self.share(step, NOISE_SECONDS),
        );
        let (least, most) = (LEAST_NOISE * self.noise, MOST_NOISE * self.noise);
        // Of a single step no more is believed than of the noise itself.
        let longest = (most + 0.5) * MEAN_STEP * 2.0;
        let (black, line) = (self.black, self.columns + 2);
        self.differ.swap(0, 1);
        let [now, before] = &mut self.differ;
        now.fill(false);
        let mut moves = false;
        for (i, (cell, &mean)) in self.cells.iter_mut().zip(means).enumerate() {
            let usual = black + (cell.usual - black) * gain;
            let change = (mean - cell.last).abs().min(longest) / MEAN_STEP;
            cell.noise += noise_share * (change - cell.noise);
            cell.last = mean;
            cell.usual = usual + usual_share * (mean - usual);
            let limit = threshold.max(DEVIATIONS * cell.noise.clamp(least, most));
            if (mean - usual).abs() > limit && self.counts[i] {
                let at = (i / self.columns + 1) * line + i % self.columns + 1;
                now[at] = true;
                let beside = |at: usize| before[at - 1..=at + 1].contains(&true);
                moves |= beside(at - line) || beside(at) || beside(at + line);
            }
        }
        moves
    }
}

/// Some of the cells, from all over the picture, and their places.
fn some(cells: &[Cell]) -> impl Iterator<Item = (usize, &Cell)> {
    // An odd distance does not run along the columns of most grids.
    let every = (cells.len() / SAMPLES).max(1) | 1;
    cells.iter().enumerate().step_by(every)
}

fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests;
