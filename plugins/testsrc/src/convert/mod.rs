//! From the picture as it was drawn (RGBA) to the formats of video, with a camera's noise.
//!
//! One pass over the picture, in pairs of rows where chroma is shared by two. Y, U and V follow
//! the matrix and range of [`Colors`]; a chroma sample is the mean of the pixels that share it.

mod format;
mod kernel;
mod noise;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use format::{Colors, Format, PlaneMut, PlaneTooShort, Target};
pub(crate) use noise::gaussian;

use kernel::{Chroma, Luma};
use noise::Noise;

/// Standard deviation, in levels of 0..255, of noise at its strongest.
const STRONGEST: f64 = 25.0;

/// Which instructions the inner loops may use. The samples are the same with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// What every processor of this architecture has.
    Baseline,
    /// AVX2: three to eight times as fast.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Level {
    /// The highest level of this processor.
    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Baseline
    }
}

/// Makes frames of one kind.
#[derive(Debug)]
pub struct Converter {
    level: Level,
    target: Target,
    luma: Luma,
    chroma: Chroma,
    /// Levels of R, G and B in limited range.
    levels: Option<Box<[u8; 256]>>,
    noise: Noise,
    /// Samples of a row on their way into packed formats.
    scratch: Scratch,
}

#[derive(Debug)]
struct Scratch {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

/// A picture to convert.
#[derive(Clone, Copy)]
struct Picture<'a> {
    rgba: &'a [u8],
    stride: usize,
    time: u64,
}

impl Picture<'_> {
    fn row(&self, y: usize) -> &[u8] {
        &self.rgba[y * self.stride..][..self.stride]
    }
}

impl Converter {
    /// A converter that adds noise of strength `noise` (0..1, of a deviation of 25 levels) to
    /// Y, or equally to R, G and B, the same for the same `seed`.
    pub fn new(target: Target, seed: u64, noise: f64) -> Self {
        let [y, u, v] = target.colors.weights();
        let (black, range) = target.colors.luma_range();
        let limited = target.format.is_rgb() && !target.colors.full_range;
        let levels = limited.then(|| {
            let level = |i: usize| (black + i as f64 * range / 255.0).round() as u8;
            Box::new(std::array::from_fn(level))
        });
        // Noise of R, G and B is added before they are brought into their range.
        let deviation = if target.format.is_rgb() {
            1.0
        } else {
            range / 255.0
        };
        let pairs = target.width.div_ceil(2);
        Self {
            level: Level::detect(),
            target,
            luma: Luma::new(y, black, range),
            chroma: Chroma::new(u, v),
            levels,
            noise: Noise::new(seed, noise * STRONGEST * deviation, target.width),
            scratch: Scratch {
                y: vec![0; 2 * pairs],
                u: vec![0; pairs],
                v: vec![0; pairs],
            },
        }
    }

    /// The kind of frames that it makes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Changes the strength of the noise.
    pub fn set_noise(&mut self, seed: u64, noise: f64) {
        *self = Self::new(self.target, seed, noise);
    }

    /// Writes the picture `rgba`, rows of four bytes a pixel without padding, into `planes`.
    /// `time` decides the noise, together with the seed.
    ///
    /// # Errors
    /// A plane does not hold the frame.
    ///
    /// # Panics
    /// If `rgba` is smaller than the frame.
    pub fn run(
        &mut self,
        rgba: &[u8],
        time: u64,
        planes: &mut [PlaneMut<'_>],
    ) -> Result<(), PlaneTooShort> {
        self.target.check(planes)?;
        let picture = Picture {
            rgba,
            stride: self.target.width * 4,
            time,
        };
        match self.level {
            Level::Baseline => self.convert(picture, planes),
            // SAFETY: `Level::detect` found these instructions on this processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { self.convert_avx2(picture, planes) },
        }
        Ok(())
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn convert_avx2(&mut self, picture: Picture<'_>, planes: &mut [PlaneMut<'_>]) {
        self.convert(picture, planes);
    }

    /// Inlined, as is all that it calls, so that it is compiled once for each level.
    #[inline(always)]
    fn convert(&mut self, picture: Picture<'_>, planes: &mut [PlaneMut<'_>]) {
        match self.target.format {
            Format::I420 | Format::Yv12 | Format::Nv12 => self.planar(picture, planes),
            Format::Yuy2 => self.packed::<false>(picture, &mut planes[0]),
            Format::Uyvy => self.packed::<true>(picture, &mut planes[0]),
            Format::Rgb => self.rgb::<3, false>(picture, &mut planes[0]),
            Format::Bgr => self.rgb::<3, true>(picture, &mut planes[0]),
            Format::Rgbx | Format::Rgba => self.rgb::<4, false>(picture, &mut planes[0]),
            Format::Bgrx | Format::Bgra => self.rgb::<4, true>(picture, &mut planes[0]),
            Format::Gray8 => {
                for y in 0..self.target.height {
                    self.luma_row(picture, y, planes[0].row(y, self.target.width));
                }
            }
        }
    }

    #[inline(always)]
    fn luma_row(&self, picture: Picture<'_>, y: usize, out: &mut [u8]) {
        let noise = self.noise.row(picture.time, y, self.target.width);
        kernel::luma(&self.luma, picture.row(y), noise, out);
    }

    /// 4:2:0, in three planes or two.
    #[inline(always)]
    fn planar(&mut self, picture: Picture<'_>, planes: &mut [PlaneMut<'_>]) {
        let Target {
            format,
            width,
            height,
            ..
        } = self.target;
        let pairs = width.div_ceil(2);
        for row in 0..height.div_ceil(2) {
            let (top, bottom) = (2 * row, (2 * row + 1).min(height - 1));
            for y in top..=bottom {
                self.luma_row(picture, y, planes[0].row(y, width));
            }
            let rows = [picture.row(top), picture.row(bottom)];
            let (u, v) = (&mut self.scratch.u, &mut self.scratch.v);
            match (format, &mut *planes) {
                (Format::Nv12, [_, uv, ..]) => {
                    chroma_row(&self.chroma, rows, u, v);
                    kernel::interleave(u, v, uv.row(row, 2 * pairs));
                }
                (Format::Yv12, [_, v, u, ..]) | (_, [_, u, v, ..]) => {
                    chroma_row(&self.chroma, rows, u.row(row, pairs), v.row(row, pairs));
                }
                _ => {}
            }
        }
    }

    /// 4:2:2 in one plane.
    #[inline(always)]
    fn packed<const UYVY: bool>(&mut self, picture: Picture<'_>, plane: &mut PlaneMut<'_>) {
        let Target { width, height, .. } = self.target;
        let pairs = width.div_ceil(2);
        for row in 0..height {
            let Scratch { y, u, v } = &mut self.scratch;
            let rgba = picture.row(row);
            let noise = self.noise.row(picture.time, row, width);
            kernel::luma(&self.luma, rgba, noise, &mut y[..width]);
            if width % 2 == 1 {
                y[width] = y[width - 1];
            }
            kernel::chroma_422(&self.chroma, rgba, u, v);
            if width % 2 == 1 {
                let last = twice(rgba);
                kernel::chroma_422(
                    &self.chroma,
                    &last,
                    &mut u[pairs - 1..],
                    &mut v[pairs - 1..],
                );
            }
            kernel::pack_422::<UYVY>(y, u, v, plane.row(row, 4 * pairs));
        }
    }

    #[inline(always)]
    fn rgb<const STEP: usize, const SWAP: bool>(
        &self,
        picture: Picture<'_>,
        plane: &mut PlaneMut<'_>,
    ) {
        let Target { width, height, .. } = self.target;
        for y in 0..height {
            let noise = self.noise.row(picture.time, y, width);
            let out = plane.row(y, STEP * width);
            match &self.levels {
                Some(levels) => {
                    kernel::rgb_by_table::<STEP, SWAP>(levels, picture.row(y), noise, out);
                }
                None => kernel::rgb::<STEP, SWAP>(picture.row(y), noise, out),
            }
        }
    }
}

/// A row of U and V; a last column without a neighbour has its own.
#[inline(always)]
fn chroma_row(chroma: &Chroma, [top, bottom]: [&[u8]; 2], u: &mut [u8], v: &mut [u8]) {
    kernel::chroma_420(chroma, top, bottom, u, v);
    let last = u.len() - 1;
    if u.len() * 8 > top.len() {
        kernel::chroma_420(
            chroma,
            &twice(top),
            &twice(bottom),
            &mut u[last..],
            &mut v[last..],
        );
    }
}

/// The last pixel of a row, twice.
fn twice(rgba: &[u8]) -> [u8; 8] {
    match rgba {
        [.., r, g, b, a] => [*r, *g, *b, *a, *r, *g, *b, *a],
        _ => [0; 8],
    }
}
