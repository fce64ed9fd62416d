//! The inner loops. Each is plain Rust that the compiler vectorises, compiled once for every
//! [`Level`] of the processor and chosen at run time.

use super::Affine;
use vigil_analytics::frame::color::ColorMap;

/// Which instructions the inner loops may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What every processor of this architecture has.
    Baseline,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The highest level of this processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2");
            if avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }

    /// Every level that this processor has.
    #[cfg(test)]
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Baseline];
        #[cfg(target_arch = "x86_64")]
        match Self::detect() {
            Self::Avx512 => levels.extend([Self::Avx2, Self::Avx512]),
            Self::Avx2 => levels.push(Self::Avx2),
            Self::Baseline => {}
        }
        levels
    }
}

/// Defines a function that runs its body compiled for the level given as first argument.
macro_rules! for_each_level {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $vis fn $name(level: Level, $($arg: $type),*) {
            #[inline(always)]
            fn body($($arg: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $type),*) {
                body($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($arg: $type),*) {
                body($($arg),*)
            }

            match level {
                Level::Baseline => body($($arg),*),
                // SAFETY: `Level::detect` found these instructions on this processor.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    };
}

pub(super) mod area;

for_each_level! {
    /// Every `step`-th byte of `row`, each for `1 << sub_x` pixels.
    pub(super) fn expand_row(row: &[u8], step: usize, sub_x: u32, out: &mut [f32]) {
        match (step, sub_x) {
            (1, 0) => expand::<1, 1>(row, out),
            (2, 0) => expand::<2, 1>(row, out),
            (3, 0) => expand::<3, 1>(row, out),
            (_, 0) => expand::<4, 1>(row, out),
            (1, _) => expand::<1, 2>(row, out),
            (2, _) => expand::<2, 2>(row, out),
            _ => expand::<4, 2>(row, out),
        }
    }
}

#[inline(always)]
fn expand<const STEP: usize, const PIXELS: usize>(row: &[u8], out: &mut [f32]) {
    let whole = (row.len() / STEP).min(out.len() / PIXELS);
    let (pixels, last) = out.split_at_mut(whole * PIXELS);
    for (pixels, samples) in pixels.chunks_exact_mut(PIXELS).zip(row.chunks_exact(STEP)) {
        pixels.fill(f32::from(samples[0]));
    }
    // The last sample may have fewer bytes after it, or fewer pixels.
    if let Some(sample) = row.get(whole * STEP) {
        last.fill(f32::from(*sample));
    }
}

for_each_level! {
    /// The bytes at `index`.
    pub(super) fn pick(row: &[u8], index: &[u32], out: &mut [f32]) {
        for (out, i) in out.iter_mut().zip(index) {
            *out = f32::from(row[*i as usize]);
        }
    }
}

/// Adding and subtracting this rounds a float of magnitude below 2²² to the nearest integer.
const ROUND: f32 = 12_582_912.0;

for_each_level! {
    /// Samples to 8-bit levels of R, G and B.
    pub(super) fn color_row(color: &ColorMap, samples: [&Vec<f32>; 3], rgb: &mut [Vec<f32>; 3]) {
        let [red, green, blue] = rgb;
        let n = red.len();
        let [a, b, c] = samples.map(|samples| &samples[..n]);
        let (red, green, blue) = (&mut red[..n], &mut green[..n], &mut blue[..n]);
        let store = |v: f32| v.clamp(0.0, 255.0) + ROUND - ROUND;
        let (m, offset) = (&color.m, &color.offset);
        for x in 0..n {
            let (a, b, c) = (a[x], b[x], c[x]);
            red[x] = store(m[0][0] * a + m[0][1] * b + m[0][2] * c + offset[0]);
            green[x] = store(m[1][0] * a + m[1][1] * b + m[1][2] * c + offset[1]);
            blue[x] = store(m[2][0] * a + m[2][1] * b + m[2][2] * c + offset[2]);
        }
    }
}

/// Weights are whole numbers of so many parts.
pub(super) const PARTS: f32 = 2048.0;

/// 16ths of a sum of levels by weights, rounded down: what OpenCV keeps of a row that is resampled
/// along x. All steps but the last are exact: a sum is below 2²⁰.
#[inline(always)]
fn sixteenths(a: f32, b: f32, [wa, wb]: [f32; 2]) -> i16 {
    let sum = (a * wa + b * wb) / 16.0;
    // Of n + k/16 the nearest whole number, when 15/32 are taken off, is n.
    let whole = sum - 15.0 / 32.0 + ROUND;
    whole.to_bits().wrapping_sub(ROUND.to_bits()) as i16
}

for_each_level! {
    /// Resampled rows of samples that stay where they are: all weight is on the first neighbour.
    pub(super) fn keep_columns(row: &[f32], out: &mut [i16]) {
        for (out, v) in out.iter_mut().zip(row) {
            *out = sixteenths(*v, 0.0, [PARTS, 0.0]);
        }
    }
}

for_each_level! {
    /// Each pair of neighbours, with its weights.
    pub(super) fn blend_pairs(row: &[f32], weights: &[[f32; 2]], out: &mut [i16]) {
        for ((out, pair), weights) in out.iter_mut().zip(row.chunks_exact(2)).zip(weights) {
            *out = sixteenths(pair[0], pair[1], *weights);
        }
    }
}

for_each_level! {
    /// For each output column `row[index]` and its successor, with their weights.
    pub(super) fn sample_columns(
        row: &[f32],
        index: &[u32],
        weights: &[[f32; 2]],
        out: &mut [i16],
    ) {
        for ((out, i), weights) in out.iter_mut().zip(index).zip(weights) {
            // One bounds check for both.
            let pair = &row[*i as usize..][..2];
            *out = sixteenths(pair[0], pair[1], *weights);
        }
    }
}

for_each_level! {
    /// For each output column the bytes at the two indices, with their weights.
    pub(super) fn sample_bytes(
        row: &[u8],
        index: &[[u32; 2]],
        weights: &[[f32; 2]],
        out: &mut [i16],
    ) {
        for ((out, [i, j]), weights) in out.iter_mut().zip(index).zip(weights) {
            let (a, b) = (f32::from(row[*i as usize]), f32::from(row[*j as usize]));
            *out = sixteenths(a, b, *weights);
        }
    }
}

for_each_level! {
    /// The samples of two resampled rows, by their weights, rounded to whole levels.
    pub(super) fn blend_rows(
        first: &[i16],
        second: &[i16],
        weights: [i16; 2],
        affine: Affine,
        out: &mut [f32],
    ) {
        let Affine { scale, offset } = affine;
        // Most models have no offset.
        if offset == 0.0 {
            rows(first, second, weights, out, |level| level * scale);
        } else {
            rows(first, second, weights, out, |level| level * scale + offset);
        }
    }
}

#[inline(always)]
fn rows(
    first: &[i16],
    second: &[i16],
    weights: [i16; 2],
    out: &mut [f32],
    sample: impl Fn(f32) -> f32,
) {
    // Quarters of a level, each rounded down, as OpenCV's 16-bit multiplication leaves them.
    let quarters = |row: i16, weight: i16| ((i32::from(row) * i32::from(weight)) >> 16) as i16;
    for ((out, a), b) in out.iter_mut().zip(first).zip(second) {
        let sum = quarters(*a, weights[0]) + quarters(*b, weights[1]);
        *out = sample(f32::from((sum + 2) >> 2));
    }
}

for_each_level! {
    /// For each output column the blend of `row[index]` and its successor.
    pub(super) fn blend_columns(row: &[f32], index: &[u32], frac: &[f32], out: &mut [f32]) {
        for ((out, i), frac) in out.iter_mut().zip(index).zip(frac) {
            // One bounds check for both.
            let pair = &row[*i as usize..][..2];
            *out = pair[0] + (pair[1] - pair[0]) * frac;
        }
    }
}
