//! Numbers: as bytes, as halves, and at random but the same in each run.

use gstvigildetect::preprocess::Fit;

/// The bytes of plain values.
pub fn bytes_of<T: Copy>(values: &[T]) -> &[u8] {
    // SAFETY: callers pass numbers and structures without padding.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

pub fn floats(bytes: &[u8]) -> Vec<f32> {
    let number = |b: &[u8]| f32::from_ne_bytes(b.try_into().unwrap());
    bytes.chunks_exact(4).map(number).collect()
}

/// Halves as floats, by the definition of the format.
pub fn halves(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|b| half(u16::from_ne_bytes([b[0], b[1]])))
        .collect()
}

pub fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

/// The half that is nearest to a float, the even one of two.
pub fn to_half(value: f32) -> u16 {
    if value.is_nan() {
        return 0x7e00;
    }
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = value.abs();
    // Halves of one sign are ordered as their bits are.
    let (mut low, mut high) = (0u16, 0x7c00u16);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if half(middle) <= magnitude {
            low = middle
        } else {
            high = middle
        }
    }
    // Infinity stands where the next half would be.
    let at = |bits: u16| {
        if bits == 0x7c00 {
            65536.0
        } else {
            f64::from(half(bits))
        }
    };
    let (below, above) = (
        f64::from(magnitude) - at(low),
        at(high) - f64::from(magnitude),
    );
    let is_up = magnitude.is_infinite() || above < below || (above == below && low & 1 == 1);
    sign | if is_up { high } else { low }
}

/// Numbers that are the same in each run (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f32 {
        self.below(1 << 24) as f32 / (1 << 24) as f32
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// The ways to fit a picture in that the kernels know; the other one is left to the CPU.
pub const FITS: [Fit; 3] = [Fit::LetterboxCenter, Fit::LetterboxTopLeft, Fit::Stretch];
