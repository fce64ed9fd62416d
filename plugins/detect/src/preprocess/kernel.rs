//! The inner loops. Each is plain Rust that the compiler vectorises, compiled once for every
//! [`Level`] of the processor and chosen at run time.

use super::Affine;
use super::color::ColorMap;

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
    ($(#[$doc:meta])* pub(super) fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub(super) fn $name(level: Level, $($arg: $type),*) {
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

for_each_level! {
    /// `out = row`.
    pub(super) fn widen_row(row: &[u8], out: &mut [f32]) {
        for (out, v) in out.iter_mut().zip(row) {
            *out = f32::from(*v);
        }
    }
}

for_each_level! {
    /// `out = first + (second − first) · frac`, for bytes.
    pub(super) fn blend_bytes(first: &[u8], second: &[u8], frac: f32, out: &mut [f32]) {
        for ((out, a), b) in out.iter_mut().zip(first).zip(second) {
            let (a, b) = (i32::from(*a), i32::from(*b));
            *out = a as f32 + (b - a) as f32 * frac;
        }
    }
}

for_each_level! {
    /// `out = first + (second − first) · frac`.
    pub(super) fn blend_rows(first: &[f32], second: &[f32], frac: f32, out: &mut [f32]) {
        for ((out, a), b) in out.iter_mut().zip(first).zip(second) {
            *out = a + (b - a) * frac;
        }
    }
}

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

/// Rounds to a whole level.
#[inline(always)]
fn whole(v: f32) -> f32 {
    v + ROUND - ROUND
}

for_each_level! {
    /// The samples of a row of levels, rounded to whole ones.
    pub(super) fn store_columns(row: &[f32], affine: Affine, out: &mut [f32]) {
        let Affine { scale, offset } = affine;
        // Most models have no offset, and an addition is a tenth of the loop.
        if offset == 0.0 {
            store(row, out, |v| whole(v) * scale);
        } else {
            store(row, out, |v| whole(v) * scale + offset);
        }
    }
}

#[inline(always)]
fn store(row: &[f32], out: &mut [f32], sample: impl Fn(f32) -> f32) {
    for (out, v) in out.iter_mut().zip(row) {
        *out = sample(*v);
    }
}

for_each_level! {
    /// The samples of the blend of each pair of neighbours, rounded to whole levels.
    pub(super) fn blend_pairs(row: &[f32], frac: &[f32], affine: Affine, out: &mut [f32]) {
        let Affine { scale, offset } = affine;
        if offset == 0.0 {
            pairs(row, frac, out, |v| whole(v) * scale);
        } else {
            pairs(row, frac, out, |v| whole(v) * scale + offset);
        }
    }
}

#[inline(always)]
fn pairs(row: &[f32], frac: &[f32], out: &mut [f32], sample: impl Fn(f32) -> f32) {
    for ((out, pair), frac) in out.iter_mut().zip(row.chunks_exact(2)).zip(frac) {
        *out = sample(pair[0] + (pair[1] - pair[0]) * frac);
    }
}

for_each_level! {
    /// For each output column the sample of the blend of `row[index]` and `row[index + step]`,
    /// rounded to a whole level.
    pub(super) fn sample_columns(
        row: &[f32],
        step: usize,
        index: &[u32],
        frac: &[f32],
        affine: Affine,
        out: &mut [f32],
    ) {
        let Affine { scale, offset } = affine;
        if offset == 0.0 {
            sample_steps(row, step, index, frac, out, |v| whole(v) * scale);
        } else {
            sample_steps(row, step, index, frac, out, |v| whole(v) * scale + offset);
        }
    }
}

#[inline(always)]
fn sample_steps(
    row: &[f32],
    step: usize,
    index: &[u32],
    frac: &[f32],
    out: &mut [f32],
    store: impl Fn(f32) -> f32,
) {
    match step {
        1 => sample::<1>(row, index, frac, out, store),
        3 => sample::<3>(row, index, frac, out, store),
        _ => sample::<4>(row, index, frac, out, store),
    }
}

for_each_level! {
    /// For each output column the blend of `row[index]` and its successor.
    pub(super) fn blend_columns(row: &[f32], index: &[u32], frac: &[f32], out: &mut [f32]) {
        sample::<1>(row, index, frac, out, |v| v);
    }
}

#[inline(always)]
fn sample<const STEP: usize>(
    row: &[f32],
    index: &[u32],
    frac: &[f32],
    out: &mut [f32],
    store: impl Fn(f32) -> f32,
) {
    for ((out, i), frac) in out.iter_mut().zip(index).zip(frac) {
        // One bounds check for both.
        let pair = &row[*i as usize..][..STEP + 1];
        *out = store(pair[0] + (pair[STEP] - pair[0]) * frac);
    }
}
