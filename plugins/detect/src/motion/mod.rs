//! Whether anything moves, so that a frame on which nothing does need not be inferred.
//!
//! ```text
//!  frame ──a few rows of luma──► means of cells ──against what is usual there──► motion? ──time──► look?
//! ```
//!
//! A frame becomes the mean luma of each cell of a coarse grid ([`grid`]), from a few rows of its
//! own samples. Each cell is compared with a running mean of itself, and must differ from it by
//! more than its own running noise allows, on two frames one after the other ([`background`]). So
//! the camera's noise and light that changes slowly, or everywhere alike, open nothing, while
//! something small that walks in the distance does. [`MotionGate`] makes of that when to look:
//! while something moves and for some time after it, and now and then in any case.
//!
//! Runs on the streaming thread, and takes some 30 µs for a 1080p frame.

mod background;
mod grid;

use crate::preprocess::{FrameFormat, FrameView};
use crate::regions::Regions;
use background::Background;
use grid::Grid;

/// Nanoseconds.
pub type Time = u64;

const SECOND: Time = 1_000_000_000;

/// Frames further apart than this say nothing about each other.
const LONGEST_STEP: Time = 5 * SECOND;

/// How the gate decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionSettings {
    /// Levels of luma, 0..255, by which the mean of a cell must differ from what is usual there;
    /// more where the noise is stronger.
    pub threshold: f32,
    /// For how long frames are still looked at after the last motion.
    pub hold: Time,
    /// At least so often a frame is looked at; 0 for never without motion.
    pub max_age: Time,
}

impl Default for MotionSettings {
    fn default() -> Self {
        Self {
            threshold: 4.0,
            hold: 2 * SECOND,
            max_age: 2 * SECOND,
        }
    }
}

/// What is known of one format and size of frames.
#[derive(Debug)]
struct Watch {
    format: FrameFormat,
    grid: Grid,
    background: Background,
}

/// Says which frames of one stream to look at.
#[derive(Debug, Default)]
pub struct MotionGate {
    watch: Option<Watch>,
    /// Time of the last frame.
    last: Option<Time>,
    /// Time of the last motion.
    moved: Option<Time>,
    /// Time of the last frame that was looked at.
    looked: Option<Time>,
}

impl MotionGate {
    /// Forgets the stream: what comes next is another scene, or the same after a gap.
    pub fn reset(&mut self) {
        *self = Self {
            watch: self.watch.take().map(|mut watch| {
                watch.background.forget();
                watch
            }),
            ..Self::default()
        };
    }

    /// Takes in a frame and says whether it is to be looked at. All frames of a stream must come
    /// by here, in their order. A frame without a time is always looked at.
    ///
    /// Only what moves in `regions` counts; everything does where there are none.
    pub fn wants(
        &mut self,
        frame: &FrameView,
        regions: Option<&Regions>,
        time: Option<Time>,
        settings: &MotionSettings,
    ) -> bool {
        let Some(now) = time else {
            return true;
        };
        let step = self.last.and_then(|last| now.checked_sub(last));
        if self.last.is_some() && step.is_none_or(|step| step > LONGEST_STEP) {
            self.reset();
        }
        self.last = Some(now);
        let watch = match &mut self.watch {
            Some(watch) if watch.format == *frame.format() => watch,
            watch => watch.insert(Watch::new(frame.format(), regions)),
        };
        watch.grid.sample(frame);
        let step = step.unwrap_or(0) as f32 / SECOND as f32;
        let background = &mut watch.background;
        if background.moves(watch.grid.means(), step, settings.threshold) {
            self.moved = Some(now);
        }
        let since = |time: Option<Time>| time.map(|time| now.saturating_sub(time));
        let is_held = since(self.moved).is_some_and(|since| since <= settings.hold);
        let is_due = settings.max_age > 0
            && since(self.looked).is_none_or(|since| since >= settings.max_age);
        is_held || is_due
    }

    /// Takes note that the last frame is being looked at.
    pub fn looks(&mut self) {
        self.looked = self.last;
    }

    /// Takes note that the last frame was not looked at after all.
    pub fn did_not_look(&mut self) {
        self.looked = None;
    }
}

impl Watch {
    fn new(format: &FrameFormat, regions: Option<&Regions>) -> Self {
        let grid = Grid::new(format);
        let black = if format.pixels.is_yuv() && !format.colorimetry.full_range {
            16.0
        } else {
            0.0
        };
        let counts = grid.cells(|cell| regions.is_none_or(|regions| regions.touch(cell)));
        Self {
            format: *format,
            background: Background::new(grid.columns(), counts, black),
            grid,
        }
    }
}

#[cfg(test)]
mod tests;
