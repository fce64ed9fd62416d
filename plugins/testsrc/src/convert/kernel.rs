//! The inner loops: plain Rust over slices of equal length, which the compiler vectorises.
//!
//! Pixels are read as words of four bytes; products are of 16-bit factors, which every x86-64 and
//! AArch64 processor multiplies eight at a time. All of it is inlined into its caller, and so compiled
//! for the instructions that the caller may use.

/// Fraction bits of the weights.
const FRACTION: u32 = 15;
const ONE: f64 = (1 << FRACTION) as f64;

/// Y = weights · (R, G, B), in fixed point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Luma {
    weights: [i16; 3],
    offset: i32,
    black: i32,
    white: i32,
}

impl Luma {
    /// From weights in levels, and the range of Y.
    pub fn new(weights: [f64; 3], black: f64, range: f64) -> Self {
        Self {
            weights: fixed(weights),
            offset: ((black + 0.5) * ONE).round() as i32,
            black: black as i32,
            white: (black + range) as i32,
        }
    }
}

/// U and V = weights · (R, G, B) + 128, in fixed point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chroma {
    u: [i16; 3],
    v: [i16; 3],
}

impl Chroma {
    /// From weights in levels.
    pub fn new(u: [f64; 3], v: [f64; 3]) -> Self {
        Self {
            u: fixed(u),
            v: fixed(v),
        }
    }
}

fn fixed(weights: [f64; 3]) -> [i16; 3] {
    weights.map(|weight| (weight * ONE).round() as i16)
}

#[inline(always)]
fn dot(weights: [i16; 3], rgb: [u32; 3]) -> i32 {
    let product = |i: usize| i32::from(weights[i]) * rgb[i] as i32;
    product(0) + product(1) + product(2)
}

/// Y of a row of RGBA pixels, with noise.
#[inline(always)]
pub(super) fn luma(luma: &Luma, rgba: &[u8], noise: &[i8], out: &mut [u8]) {
    let luma = *luma;
    let (pixels, _) = rgba.as_chunks::<4>();
    for ((pixel, noise), out) in pixels.iter().zip(noise).zip(out) {
        let pixel = u32::from_le_bytes(*pixel);
        let rgb = [pixel & 0xff, (pixel >> 8) & 0xff, (pixel >> 16) & 0xff];
        let y = (dot(luma.weights, rgb) + luma.offset) >> FRACTION;
        *out = (y + i32::from(*noise)).clamp(luma.black, luma.white) as u8;
    }
}

/// U and V of two rows of RGBA pixels, a sample for each square of four. A last pixel without a
/// neighbour is left out.
#[inline(always)]
pub(super) fn chroma_420(chroma: &Chroma, top: &[u8], bottom: &[u8], u: &mut [u8], v: &mut [u8]) {
    let (top, bottom) = (top.as_chunks::<8>().0, bottom.as_chunks::<8>().0);
    for (((top, bottom), u), v) in top.iter().zip(bottom).zip(u).zip(v) {
        let ([t0, t1], [b0, b1]) = (words(top), words(bottom));
        let red_blue = [t0, t1, b0, b1].map(|pixel| pixel & 0x00ff_00ff);
        let red_blue = red_blue[0] + red_blue[1] + red_blue[2] + red_blue[3];
        let green = [t0, t1, b0, b1].map(|pixel| (pixel >> 8) & 0xff);
        let green = green[0] + green[1] + green[2] + green[3];
        [*u, *v] = pair::<2>(chroma, red_blue, green);
    }
}

/// U and V of a row of RGBA pixels, a sample for each pair. A last pixel without a neighbour is
/// left out.
#[inline(always)]
pub(super) fn chroma_422(chroma: &Chroma, rgba: &[u8], u: &mut [u8], v: &mut [u8]) {
    for ((pixels, u), v) in rgba.as_chunks::<8>().0.iter().zip(u).zip(v) {
        let [left, right] = words(pixels);
        let red_blue = (left & 0x00ff_00ff) + (right & 0x00ff_00ff);
        let green = ((left >> 8) & 0xff) + ((right >> 8) & 0xff);
        [*u, *v] = pair::<1>(chroma, red_blue, green);
    }
}

#[inline(always)]
fn words(pixels: &[u8; 8]) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = *pixels;
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}

/// U and V of the sum of 2^`LOG` pixels.
#[inline(always)]
fn pair<const LOG: u32>(chroma: &Chroma, red_blue: u32, green: u32) -> [u8; 2] {
    let rgb = [red_blue & 0xffff, green, red_blue >> 16];
    let half = (128 << (FRACTION + LOG)) + (1 << (FRACTION + LOG - 1));
    [chroma.u, chroma.v].map(|weights| {
        let sample = (dot(weights, rgb) + half) >> (FRACTION + LOG);
        sample.clamp(0, 255) as u8
    })
}

/// Two rows of samples, one by one in turn.
#[inline(always)]
pub(super) fn interleave(first: &[u8], second: &[u8], out: &mut [u8]) {
    let (pairs, _) = out.as_chunks_mut::<2>();
    for ((out, first), second) in pairs.iter_mut().zip(first).zip(second) {
        *out = [*first, *second];
    }
}

/// Y U Y V, or with `UYVY` U Y V Y. `y` holds an even number of samples.
#[inline(always)]
pub(super) fn pack_422<const UYVY: bool>(y: &[u8], u: &[u8], v: &[u8], out: &mut [u8]) {
    let (groups, _) = out.as_chunks_mut::<4>();
    let (y, _) = y.as_chunks::<2>();
    for (((out, y), u), v) in groups.iter_mut().zip(y).zip(u).zip(v) {
        *out = if UYVY {
            [*u, y[0], *v, y[1]]
        } else {
            [y[0], *u, y[1], *v]
        };
    }
}

/// RGBA pixels with noise as `STEP` bytes each, in the order B, G, R where `SWAP`; full range.
#[inline(always)]
pub(super) fn rgb<const STEP: usize, const SWAP: bool>(rgba: &[u8], noise: &[i8], out: &mut [u8]) {
    let (pixels, _) = rgba.as_chunks::<4>();
    let (out, _) = out.as_chunks_mut::<STEP>();
    for ((pixel, noise), out) in pixels.iter().zip(noise).zip(out) {
        let noise = i16::from(*noise);
        let noisy = |i: usize| (i16::from(pixel[i]) + noise).clamp(0, 255) as u8;
        let order = if SWAP { [2, 1, 0] } else { [0, 1, 2] };
        for (i, out) in out.iter_mut().enumerate() {
            *out = if i < 3 { noisy(order[i]) } else { 255 };
        }
    }
}

/// As [`rgb`], with each level replaced by that of `levels`.
#[inline(always)]
pub(super) fn rgb_by_table<const STEP: usize, const SWAP: bool>(
    levels: &[u8; 256],
    rgba: &[u8],
    noise: &[i8],
    out: &mut [u8],
) {
    rgb::<STEP, SWAP>(rgba, noise, out);
    for pixel in out.as_chunks_mut::<STEP>().0 {
        for level in pixel.iter_mut().take(3) {
            *level = levels[usize::from(*level)];
        }
    }
}
