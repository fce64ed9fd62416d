//! The inner loops of means over areas. All are exact but for what their descriptions say.

use super::super::Affine;
use super::super::taps::WHOLE;
use super::Level;
use vigil_analytics::frame::color::ColorMap;

/// Bits that are dropped of a sum of rows, so that 16 are left: 128ths of a level.
const DROPPED: u32 = 7;

/// How much a level is after rows and columns were weighed.
const LEVEL: f32 = (1 << (14 + 14 - DROPPED)) as f32;

for_each_level! {
    /// Adds four rows of bytes by their weights to `sums`, or begins with them.
    pub(in crate::preprocess) fn add_rows(
        rows: [&[u8]; 4],
        weights: [i16; 4],
        begin: bool,
        sums: &mut [i32],
    ) {
        let n = sums.len();
        let [a, b, c, d] = rows.map(|row| &row[..n]);
        let [wa, wb, wc, wd] = weights.map(i32::from);
        // Loops of their own: what a closure of an iterator does is compiled for the baseline.
        if begin {
            for x in 0..n {
                sums[x] = i32::from(a[x]) * wa
                    + i32::from(b[x]) * wb
                    + i32::from(c[x]) * wc
                    + i32::from(d[x]) * wd;
            }
        } else {
            for x in 0..n {
                sums[x] += i32::from(a[x]) * wa
                    + i32::from(b[x]) * wb
                    + i32::from(c[x]) * wc
                    + i32::from(d[x]) * wd;
            }
        }
    }
}

for_each_level! {
    /// Every `step`-th of the sums as 128ths of a level, rounded to the nearest.
    pub(in crate::preprocess) fn narrow(sums: &[i32], step: usize, out: &mut [i16]) {
        match step {
            1 => narrow_each::<1>(sums, out),
            2 => narrow_each::<2>(sums, out),
            3 => narrow_each::<3>(sums, out),
            _ => narrow_each::<4>(sums, out),
        }
    }
}

#[inline(always)]
fn narrow_each<const STEP: usize>(sums: &[i32], out: &mut [i16]) {
    let narrow = |sum: i32| ((sum + (1 << (DROPPED - 1))) >> DROPPED) as i16;
    let whole = sums.len() / STEP;
    for (out, sums) in out.iter_mut().zip(sums.chunks_exact(STEP)) {
        *out = narrow(sums[0]);
    }
    // The last sample may have fewer bytes after it.
    if let (Some(sum), Some(out)) = (sums.get(whole * STEP), out.get_mut(whole)) {
        *out = narrow(*sum);
    }
}

for_each_level! {
    /// For each output column the samples of `row` from `first` on by `each` weights, in levels:
    /// the exact sum as the nearest float.
    pub(in crate::preprocess) fn weigh_columns(
        row: &[i16],
        first: &[u32],
        weights: &[i16],
        each: usize,
        out: &mut [f32],
    ) {
        match each {
            4 => weigh::<4>(row, first, weights, each, out),
            8 => weigh::<8>(row, first, weights, each, out),
            16 => weigh::<16>(row, first, weights, each, out),
            _ => weigh::<0>(row, first, weights, each, out),
        }
    }
}

/// With so many weights; 0 for as many as are said.
#[inline(always)]
fn weigh<const EACH: usize>(
    row: &[i16],
    first: &[u32],
    weights: &[i16],
    each: usize,
    out: &mut [f32],
) {
    const { assert!(WHOLE == 1 << 14, "sums are in these parts") };
    let each = if EACH == 0 { each } else { EACH };
    for ((out, first), weights) in out.iter_mut().zip(first).zip(weights.chunks_exact(each)) {
        let row = &row[*first as usize..][..each];
        let products = row.iter().zip(weights);
        let sum: i32 = products.map(|(v, w)| i32::from(*v) * i32::from(*w)).sum();
        *out = sum as f32 * (1.0 / LEVEL);
    }
}

for_each_level! {
    /// Means of a component's samples to the tensor.
    pub(in crate::preprocess) fn store_means(means: &[f32], affine: Affine, out: &mut [f32]) {
        for (out, level) in out.iter_mut().zip(means) {
            *out = affine.sample(*level);
        }
    }
}

for_each_level! {
    /// Means of three components' samples to the tensor, as R, G and B.
    pub(in crate::preprocess) fn store_colors(
        color: &ColorMap,
        means: [&[f32]; 3],
        affine: [Affine; 3],
        out: [&mut [f32]; 3],
    ) {
        let [red, green, blue] = out;
        let n = red.len();
        let [a, b, c] = means.map(|means| &means[..n]);
        let (red, green, blue) = (&mut red[..n], &mut green[..n], &mut blue[..n]);
        let (m, offset) = (&color.m, &color.offset);
        let sample = |i: usize, a: f32, b: f32, c: f32| {
            let level = m[i][0] * a + m[i][1] * b + m[i][2] * c + offset[i];
            affine[i].sample(level.clamp(0.0, 255.0))
        };
        for x in 0..n {
            let (a, b, c) = (a[x], b[x], c[x]);
            red[x] = sample(0, a, b, c);
            green[x] = sample(1, a, b, c);
            blue[x] = sample(2, a, b, c);
        }
    }
}
