//! Where the samples of a subsampled component stand among the pixels.

use super::{Component, FrameFormat};

/// Where the value at a place comes from: two neighbours and the share of the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tap {
    pub first: usize,
    pub frac: f32,
}

impl Tap {
    /// Between the two of `n` samples that are nearest to position `at`, edges replicated.
    pub fn at(at: f64, n: usize) -> Self {
        let at = at.clamp(0.0, (n - 1) as f64);
        Self {
            first: at as usize,
            frac: at.fract() as f32,
        }
    }
}

/// One of the two directions in a frame, and what it is like for a component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// Pixels along it.
    pub pixels: usize,
    /// Samples of the component along it.
    pub samples: usize,
    /// Binary logarithm of the subsampling.
    sub: u32,
    /// Whether samples stand on pixels, not between them.
    cosited: bool,
}

impl Axis {
    /// Along a row.
    pub fn x(frame: &FrameFormat, component: &Component) -> Self {
        let cosited = frame.colorimetry.cosited_x;
        Self::new(frame.width, component.sub_x, cosited)
    }

    /// Along a column.
    pub fn y(frame: &FrameFormat, component: &Component) -> Self {
        let cosited = frame.colorimetry.cosited_y;
        Self::new(frame.height, component.sub_y, cosited)
    }

    fn new(pixels: usize, sub: u32, cosited: bool) -> Self {
        Self {
            pixels,
            samples: pixels.div_ceil(1 << sub),
            sub,
            cosited,
        }
    }

    /// The sample that a pixel shares with its neighbours.
    pub fn shared(&self, pixel: usize) -> usize {
        pixel >> self.sub
    }

    /// The samples that a pixel stands between.
    pub fn between(&self, pixel: usize) -> Tap {
        let factor = f64::from(1u32 << self.sub);
        // Sample 0 stands on pixel 0, or in the middle of those that share it.
        let first_at = if self.cosited {
            0.0
        } else {
            (factor - 1.0) / 2.0
        };
        Tap::at((pixel as f64 - first_at) / factor, self.samples)
    }
}
