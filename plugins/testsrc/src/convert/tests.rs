//! Conversion against its definition.

use super::{Colors, Converter, Format, Level, PlaneMut, Target, reference};
use proptest::prelude::*;

/// Bytes of a plane, and its stride.
type Samples = (Vec<u8>, usize);

fn convert(target: Target, noise: f64, rgba: &[u8], padding: usize) -> Vec<Samples> {
    convert_on(Level::detect(), target, noise, rgba, padding)
}

/// Planes with these bytes between rows, as the converter left them; padding was 0xa5.
fn convert_on(
    level: Level,
    target: Target,
    noise: f64,
    rgba: &[u8],
    padding: usize,
) -> Vec<Samples> {
    let mut planes: Vec<Samples> = (0..target.format.planes())
        .map(|plane| {
            let (bytes, rows) = target.format.plane_size(plane, target.width, target.height);
            let stride = bytes + padding;
            (vec![0xa5; stride * rows - padding], stride)
        })
        .collect();
    let mut views: Vec<PlaneMut<'_>> = planes
        .iter_mut()
        .map(|(data, stride)| PlaneMut {
            data,
            stride: *stride,
        })
        .collect();
    let mut converter = Converter {
        level,
        ..Converter::new(target, 5, noise)
    };
    converter.run(rgba, 40, &mut views).unwrap();
    planes
}

/// Rows of a plane without their padding, which must be untouched.
fn samples(plane: &Samples, bytes: usize) -> Vec<u8> {
    let (data, stride) = plane;
    data.chunks(*stride)
        .flat_map(|row| {
            assert!(
                row[bytes..].iter().all(|v| *v == 0xa5),
                "padding is written"
            );
            &row[..bytes]
        })
        .copied()
        .collect()
}

fn colors() -> impl Strategy<Value = Colors> {
    let matrix = prop_oneof![Just(Colors::BT601), Just(Colors::BT709)];
    (matrix, any::<bool>()).prop_map(|(colors, full_range)| Colors {
        full_range,
        ..colors
    })
}

fn target() -> impl Strategy<Value = Target> {
    let format = proptest::sample::select(Format::ALL.to_vec());
    (format, 1..70usize, 1..12usize, colors()).prop_map(|(format, width, height, colors)| Target {
        format,
        width,
        height,
        colors,
    })
}

proptest! {
    #[test]
    fn every_format_is_what_its_definition_says(
        target in target(),
        padding in 0..40usize,
        seed in any::<u64>(),
    ) {
        let rgba = picture(target.width * target.height, seed);
        let planes = convert(target, 0.0, &rgba, padding);
        for (i, (plane, expected)) in planes.iter().zip(reference::convert(&target, &rgba)).enumerate() {
            let (bytes, _) = target.format.plane_size(i, target.width, target.height);
            let samples = samples(plane, bytes);
            prop_assert_eq!(samples.len(), expected.len());
            for (x, (found, expected)) in samples.iter().zip(&expected).enumerate() {
                // Half a level for rounding, and the fixed point's error.
                let error = (f64::from(*found) - expected.min(255.0)).abs();
                prop_assert!(error < 0.52, "plane {i}, {x}: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn samples_are_the_same_on_every_processor() {
    for format in Format::ALL {
        for width in [1, 2, 17, 31, 32, 33, 301] {
            let target = Target {
                width,
                ..target_of(format, false)
            };
            let rgba = picture(width * target.height, 9);
            let fast = convert(target, 0.3, &rgba, 3);
            let plain = convert_on(Level::Baseline, target, 0.3, &rgba, 3);
            assert_eq!(fast, plain, "{format:?} {width}");
        }
    }
}

/// Random pixels, black, white and primaries among them.
fn picture(pixels: usize, seed: u64) -> Vec<u8> {
    let mut random = crate::scene::random::Random::of(&[seed]);
    (0..pixels)
        .flat_map(|_| {
            let bits = random.next();
            let extreme = |i: u32| if bits >> (40 + i) & 1 == 1 { 255 } else { 0 };
            let rgb = if bits >> 60 < 4 {
                [0, 1, 2].map(extreme)
            } else {
                [bits as u8, (bits >> 8) as u8, (bits >> 16) as u8]
            };
            [rgb[0], rgb[1], rgb[2], 255]
        })
        .collect()
}

fn target_of(format: Format, full_range: bool) -> Target {
    Target {
        format,
        width: 301,
        height: 40,
        colors: Colors {
            full_range,
            ..Colors::BT709
        },
    }
}

#[test]
fn noise_is_as_strong_as_asked_for_in_every_format() {
    let grey: Vec<u8> = [128, 128, 128, 255].repeat(301 * 40);
    for format in Format::ALL {
        for full_range in [false, true] {
            let target = target_of(format, full_range);
            let [quiet, noisy] = [0.0, 0.4].map(|noise| convert(target, noise, &grey, 0));
            let differences: Vec<f64> = quiet[0]
                .0
                .iter()
                .zip(&noisy[0].0)
                .map(|(a, b)| f64::from(*b) - f64::from(*a))
                .collect();
            let n = differences.len() as f64;
            // Half of the bytes of 4:2:2 are chroma, a quarter of some formats are padding.
            let share = match format {
                Format::Yuy2 | Format::Uyvy => 0.5,
                Format::Rgbx | Format::Bgrx | Format::Rgba | Format::Bgra => 0.75,
                _ => 1.0,
            };
            let range = if full_range { 1.0 } else { 219.0 / 255.0 };
            let deviation = (differences.iter().map(|d| d * d).sum::<f64>() / n / share).sqrt();
            assert!(
                (deviation / range - 10.0).abs() < 0.4,
                "{format:?} {deviation}"
            );
            let mean = differences.iter().sum::<f64>() / n;
            assert!(mean.abs() < 0.4, "{format:?} {mean}");
            assert_eq!(quiet[1..], noisy[1..], "{format:?}: chroma has no noise");
        }
    }
}

#[test]
fn noise_stays_within_the_range_of_the_samples() {
    for level in [0, 255] {
        let flat = [level, level, level, 255].repeat(301 * 40);
        for format in Format::ALL {
            let planes = convert(target_of(format, false), 1.0, &flat, 0);
            let pad = matches!(
                format,
                Format::Rgbx | Format::Bgrx | Format::Rgba | Format::Bgra
            );
            for (i, v) in planes[0].0.iter().enumerate() {
                let ok = (16..=235).contains(v) || (pad && i % 4 == 3 && *v == 255);
                assert!(ok, "{format:?} {i} {v}");
            }
        }
    }
}

#[test]
fn planes_that_are_too_short_are_refused() {
    let target = Target {
        width: 17,
        height: 13,
        ..target_of(Format::Nv12, false)
    };
    let rgba = vec![0; 17 * 13 * 4];
    let mut converter = Converter::new(target, 1, 0.0);
    let mut run = |luma: usize, chroma: usize, stride: usize| {
        let (mut y, mut uv) = (vec![0; luma], vec![0; chroma]);
        let mut planes = [&mut y, &mut uv].map(|data| PlaneMut { data, stride });
        converter.run(&rgba, 0, &mut planes)
    };
    // 9 chroma pairs in a row, 7 rows of them.
    assert_eq!(run(20 * 12 + 17, 20 * 6 + 18, 20), Ok(()));
    for (luma, chroma, stride) in [
        (20 * 12 + 16, 138, 20),
        (257, 137, 20),
        (257, 257, 17),
        (0, 0, 0),
    ] {
        let error = run(luma, chroma, stride).unwrap_err().to_string();
        assert!(error.contains("17x13 Nv12"), "{error}");
    }
    let mut none: [PlaneMut<'_>; 0] = [];
    assert!(converter.run(&rgba, 0, &mut none).is_err());
}
