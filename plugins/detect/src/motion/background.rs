//! What is usual in each cell, and what is not.
//!
//! A cell's usual level is a running mean of its own, which follows within about a second, times
//! how much brighter the whole picture is than it was (the median over the cells): a camera that
//! adapts, or a cloud, moves nothing. Its noise is a running mean of how much it changes from
//! frame to frame; what a passer-by adds to that is cut off, so that a busy place stays watched. Edges
//! on a camera that sways a little are off their usual level all the time: that is learned within a
//! minute or two, up to a few levels.

/// Time constant of the usual level, in seconds: something that moves slower than a cell's width
/// in several times this is taken for light.
const USUAL_SECONDS: f32 = 1.0;

/// Time constant of the noise, in seconds.
const NOISE_SECONDS: f32 = 8.0;

/// Time constant of how far a cell is off its usual level, in seconds, and the most of it that is
/// believed, in levels: more is something that moves.
const SWAY_SECONDS: f32 = 60.0;
const MOST_SWAY: f32 = 1.5;

/// After a new beginning all is motion for so many seconds and frames, until noise is known.
const LEARNING: (f32, u32) = (1.0, 8);

/// A cell must differ by so many standard deviations of its noise.
const DEVIATIONS: f32 = 5.0;

/// A cell's noise counts as between these shares of that of all cells: below, it is not known well
/// enough; above, it is something that moves.
const LEAST_NOISE: f32 = 0.6;
const MOST_NOISE: f32 = 3.0;

/// Of Gaussian samples of standard deviation 1, the absolute value has this mean (√(2/π)), and the
/// absolute difference of two has this mean (2/√π) and this median.
const MEAN_OFF: f32 = 0.797_884_6;
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

/// All cells of a stream.
#[derive(Debug)]
pub(super) struct Background {
    columns: usize,
    /// Which cells are watched.
    counts: Vec<bool>,
    /// Level of black.
    black: f32,
    /// Of each cell: its usual level, its mean on the last frame, the standard deviation of its
    /// noise, and that of its distance from the usual level.
    usual: Vec<f32>,
    last: Vec<f32>,
    noise: Vec<f32>,
    sway: Vec<f32>,
    /// By how much each cell exceeds what it may differ by.
    excess: Vec<f32>,
    /// Which cells differ on this frame and which did on the last one, with a border of cells
    /// that never do.
    differ: [Vec<bool>; 2],
    /// Standard deviation of the noise of all cells.
    common: f32,
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
            usual: vec![0.0; counts.len()],
            last: vec![0.0; counts.len()],
            noise: vec![0.0; counts.len()],
            sway: vec![0.0; counts.len()],
            excess: vec![0.0; counts.len()],
            counts,
            differ: [vec![false; bordered], vec![false; bordered]],
            common: 0.0,
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
        self.usual.copy_from_slice(means);
        self.last.copy_from_slice(means);
        self.noise.fill(0.0);
        self.sway.fill(0.0);
        self.differ.iter_mut().for_each(|differ| differ.fill(false));
        self.common = 0.0;
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
        let (black, usual) = (self.black, &self.usual);
        self.scratch.clear();
        let bright = some(means.len())
            .filter(|&i| usual[i] - black > DARK)
            .map(|i| (means[i] - black) / (usual[i] - black));
        self.scratch.extend(bright);
        if self.scratch.len() < LEAST_BRIGHT.min(means.len()) {
            return 1.0;
        }
        median(&mut self.scratch).clamp(1.0 / MOST_GAIN, MOST_GAIN)
    }

    fn follow_noise(&mut self, means: &[f32], step: f32) {
        self.scratch.clear();
        let last = &self.last;
        let steps = some(means.len()).map(|i| (means[i] - last[i]).abs());
        self.scratch.extend(steps);
        let now = median(&mut self.scratch) / MEDIAN_STEP;
        self.common += self.share(step, NOISE_SECONDS) * (now - self.common);
    }

    fn compare(&mut self, means: &[f32], gain: f32, step: f32, threshold: f32) -> bool {
        self.follow(means, gain, step, threshold);
        self.differ.swap(0, 1);
        let [now, before] = &mut self.differ;
        now.fill(false);
        let (columns, line) = (self.columns, self.columns + 2);
        let mut moves = false;
        let excess = self.excess.iter().zip(&self.counts).enumerate();
        for (i, _) in excess.filter(|(_, (excess, counts))| **excess > 0.0 && **counts) {
            let at = (i / columns + 1) * line + i % columns + 1;
            now[at] = true;
            let beside = |at: usize| before[at - 1..=at + 1].contains(&true);
            moves |= beside(at - line) || beside(at) || beside(at + line);
        }
        moves
    }

    /// Compares each cell with what is usual, and learns from it. Without a branch, so that the
    /// compiler takes several cells at a time.
    fn follow(&mut self, means: &[f32], gain: f32, step: f32, threshold: f32) {
        let usual_share = self.share(step, USUAL_SECONDS);
        let noise_share = self.share(step, NOISE_SECONDS);
        let sway_share = 1.0 - (-step / SWAY_SECONDS).exp();
        let (least, most) = (LEAST_NOISE * self.common, MOST_NOISE * self.common);
        // Of a single step no more is believed than of the noise itself.
        let longest = 2.0 * most + 1.0;
        let black = self.black;
        let cells = self.usual.iter_mut().zip(&mut self.last);
        let cells = cells.zip(&mut self.noise).zip(&mut self.sway);
        let cells = cells.zip(&mut self.excess).zip(means);
        for (((((usual, last), noise), sway), excess), mean) in cells {
            let expected = black + (*usual - black) * gain;
            let off = (mean - expected).abs();
            let limit = DEVIATIONS * noise.max(least).min(most).max(*sway);
            *excess = off - limit.max(threshold);
            let change = ((mean - *last).abs() / MEAN_STEP).min(longest);
            *noise += noise_share * (change - *noise);
            *sway += sway_share * ((off / MEAN_OFF).min(MOST_SWAY) - *sway);
            *last = *mean;
            *usual = expected + usual_share * (mean - expected);
        }
    }
}

/// Some of so many cells, from all over the picture.
fn some(cells: usize) -> impl Iterator<Item = usize> {
    // An odd distance does not run along the columns of most grids.
    let every = (cells / SAMPLES).max(1) | 1;
    (0..cells).step_by(every)
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
