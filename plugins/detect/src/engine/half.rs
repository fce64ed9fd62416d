//! 16-bit floats, IEEE 754 binary16, as their bits: what models in half precision take and give.
//!
//! Without branches in the loops, so that compilers turn them into vector code.

/// Fills `out` with the 16-bit floats nearest to `values`, ties to even.
pub(super) fn narrow(values: &[f32], out: &mut [u16]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = nearest(*value);
    }
}

/// Appends the values of 16-bit floats, which are exact.
pub(super) fn widen(halves: &[u16], out: &mut Vec<f32>) {
    out.extend(halves.iter().map(|half| exact(*half)));
}

/// 65536, from which on there is only infinity.
const TOO_LARGE: u32 = 0x4780_0000;
/// 2⁻¹⁴, below which 16-bit floats are subnormal.
const SUBNORMAL: u32 = 0x3880_0000;
const INFINITE: u32 = 0x7f80_0000;

#[inline]
fn nearest(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let size = bits & 0x7fff_ffff;
    // Adding ½ leaves a subnormal's digits, rounded, in the lowest bits.
    let small = (f32::from_bits(size) + 0.5)
        .to_bits()
        .wrapping_sub(0.5f32.to_bits());
    // The exponent's bias goes from 127 to 15; half of the last digit is added, less one if even.
    let odd = (size >> 13) & 1;
    let normal = size
        .wrapping_sub((127 - 15) << 23)
        .wrapping_add(0xfff + odd)
        >> 13;
    let special = if size > INFINITE { 0x7e00 } else { 0x7c00 };
    let half = if size >= TOO_LARGE {
        special
    } else if size < SUBNORMAL {
        small
    } else {
        normal
    };
    sign | half as u16
}

#[inline]
fn exact(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let (exponent, digits) = (u32::from(half >> 10) & 31, u32::from(half & 0x3ff));
    // 2⁻²⁴ for each; not by way of a subnormal f32, which the processor may take for 0.
    let small = (digits as f32 * f32::from_bits((127 - 24) << 23)).to_bits();
    let bias = if exponent == 31 { 255 - 31 } else { 127 - 15 };
    let normal = (exponent + bias) << 23 | digits << 13;
    f32::from_bits(sign | if exponent == 0 { small } else { normal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values_have_known_bits() {
        let table = [
            (0.0, 0x0000),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (0.5, 0x3800),
            (65504.0, 0x7bff),
            (2f32.powi(-14), 0x0400),
            (2f32.powi(-24), 0x0001),
            (f32::INFINITY, 0x7c00),
            (f32::NEG_INFINITY, 0xfc00),
        ];
        for (value, bits) in table {
            assert_eq!(nearest(value), bits, "{value}");
            assert_eq!(exact(bits).to_bits(), value.to_bits(), "{bits:#x}");
        }
        // ties to even, and what is beyond
        for (value, bits) in [
            (65519.9, 0x7bff),
            (65520.0, 0x7c00),
            (1.0 + 2f32.powi(-11), 0x3c00),
            (1.0 + 3.0 * 2f32.powi(-11), 0x3c02),
            (2f32.powi(-25), 0x0000),
            (1.5 * 2f32.powi(-24), 0x0002),
            (1e-30, 0x0000),
            (f32::MAX, 0x7c00),
        ] {
            assert_eq!(nearest(value), bits, "{value}");
        }
    }

    #[test]
    fn every_half_survives_the_way_there_and_back() {
        for half in 0..=u16::MAX {
            let value = exact(half);
            if value.is_nan() {
                assert!(exact(nearest(value)).is_nan(), "{half:#x}");
            } else {
                assert_eq!(nearest(value), half, "{half:#x}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_half_is_nearer(value in -65000f32..65000.0, scale in -30i32..1) {
            let value = value * 2f32.powi(scale);
            let half = nearest(value);
            let distance = |half: u16| (f64::from(exact(half)) - f64::from(value)).abs();
            for neighbour in [half.wrapping_sub(1), half.wrapping_add(1)] {
                let is_neighbour = exact(neighbour).is_finite();
                prop_assert!(!is_neighbour || distance(half) <= distance(neighbour));
            }
        }
    }
}
