use super::rgb::MARK;
use super::*;
use base64::Engine;
use proptest::prelude::*;
use vigil_analytics::BBox;
use vigil_analytics::frame::{Colorimetry, FrameFormat, FrameView, PixelFormat, Plane};

/// Bytes that look random and are always the same.
fn noise(n: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..n).map(|_| next()).collect()
}

struct Made {
    format: FrameFormat,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Made {
    fn new(pixels: PixelFormat, width: usize, height: usize, padding: usize, seed: u64) -> Self {
        let format = FrameFormat {
            pixels,
            width,
            height,
            colorimetry: Colorimetry {
                full_range: !pixels.is_yuv(),
                ..Default::default()
            },
        };
        let planes = (0..pixels.planes()).map(|plane| {
            let (bytes, rows) = pixels.plane_size(plane, width, height);
            let stride = bytes + padding;
            (noise(stride * rows, seed + plane as u64), stride)
        });
        Self {
            format,
            planes: planes.collect(),
        }
    }

    fn view(&self) -> FrameView<'_> {
        let mut planes = [Plane::default(); 3];
        for (plane, (data, stride)) in planes.iter_mut().zip(&self.planes) {
            *plane = Plane {
                data,
                stride: *stride,
            };
        }
        FrameView::new(self.format, planes).unwrap()
    }
}

fn assert_like_reference(frame: &FrameView<'_>, width: usize, height: usize) {
    let copy = Scaler::default().copy(frame, width, height).rgb();
    for y in 0..height {
        for x in 0..width {
            let expected = reference::pixel(frame, [x, y], [width, height]);
            let got = &copy.data()[(y * width + x) * 3..][..3];
            for (got, (expected, tolerance)) in got.iter().zip(expected) {
                let error = (f32::from(*got) - expected).abs();
                assert!(error <= tolerance, "({x}, {y}): {got} for {expected}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_copy_is_what_the_plain_reference_says(
        format in 0usize..12, width in 1usize..70, height in 1usize..70, padding in 0usize..9,
        out_width in 1usize..40, out_height in 1usize..40, seed in 0u64..1000,
    ) {
        let made = Made::new(PixelFormat::ALL[format], width, height, padding, seed);
        assert_like_reference(&made.view(), out_width, out_height);
    }

    #[test]
    fn a_part_is_copied_like_a_frame(
        format in 0usize..12, x in 0usize..60, y in 0usize..60, w in 1usize..60, h in 1usize..60,
    ) {
        let made = Made::new(PixelFormat::ALL[format], 61, 47, 3, 5);
        let part = made.view().part([x, y, w, h]);
        assert_like_reference(&part, 16, 12);
    }

    #[test]
    fn sharpness_takes_any_size(width in 1usize..40, height in 1usize..40, format in 0usize..12) {
        let made = Made::new(PixelFormat::ALL[format], width, height, 1, 9);
        let value = sharpness(&made.view());
        prop_assert!((0.0..=1.0).contains(&value));
    }
}

/// A frame of one colour, R, G, B.
fn solid(pixels: PixelFormat, rgb: [u8; 3]) -> Made {
    let mut made = Made::new(pixels, 64, 48, 0, 1);
    for (i, component) in pixels.components().iter().enumerate() {
        let (data, stride) = &mut made.planes[component.plane];
        for row in data.chunks_mut(*stride) {
            let samples = row
                .iter_mut()
                .skip(component.offset)
                .step_by(component.step);
            samples.for_each(|sample| *sample = rgb[i]);
        }
    }
    made
}

#[test]
fn channels_are_not_swapped() {
    for pixels in [
        PixelFormat::Rgb,
        PixelFormat::Bgr,
        PixelFormat::Rgbx,
        PixelFormat::Bgrx,
    ] {
        let made = solid(pixels, [200, 100, 50]);
        let copy = Scaler::default().copy(&made.view(), 8, 6).rgb();
        assert!(
            copy.data().chunks(3).all(|pixel| pixel == [200, 100, 50]),
            "{pixels:?}"
        );
    }
}

#[test]
fn the_jpeg_shows_the_picture() {
    let made = solid(PixelFormat::Rgb, [200, 100, 50]);
    let copy = Scaler::default().copy(&made.view(), 64, 48);
    let text = copy.jpeg(80).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text.as_bytes())
        .unwrap();
    let decoded = image::load_from_memory(&bytes).unwrap().to_rgb8();
    assert_eq!(decoded.dimensions(), (64, 48));
    let pixel = decoded.get_pixel(30, 20).0;
    for (got, expected) in pixel.iter().zip([200u8, 100, 50]) {
        assert!(got.abs_diff(expected) < 6, "{pixel:?}");
    }
    assert!(Arc::ptr_eq(&text, &copy.jpeg(80).unwrap()));
}

#[test]
fn a_mark_is_an_outline_around_the_object() {
    let picture = Picture::new(100, 50, &[9; 100 * 50 * 3]).unwrap().rgb();
    let part = BBox {
        x: 0.2,
        y: 0.2,
        w: 0.5,
        h: 0.6,
    };
    let marked = picture.clone().marked(part);
    let at = |x: usize, y: usize| &marked.data()[(y * 100 + x) * 3..][..3];
    assert_eq!(
        (at(20, 10), at(70, 40), at(20, 25)),
        (&MARK[..], &MARK[..], &MARK[..])
    );
    assert_eq!(
        (at(45, 25), at(5, 5), at(80, 45)),
        (&[9; 3][..], &[9; 3][..], &[9; 3][..])
    );
    // Partly or wholly outside, and no number.
    for (x, w) in [(-0.5, 2.0), (5.0, 1.0), (f32::NAN, 1.0)] {
        let _ = picture.clone().marked(BBox {
            x,
            y: 0.0,
            w,
            h: 1.0,
        });
    }
}

#[test]
fn sizes_fit_what_models_take() {
    for (width, height, most, expected) in [
        (1920, 1080, 448, (448, 252)),
        (1080, 1920, 448, (252, 448)),
        (300, 200, 448, (300, 200)),
        (20, 40, 448, (56, 112)),
        (4, 4000, 448, (1, 448)),
        (0, 0, 0, (1, 1)),
    ] {
        assert_eq!(fit(width, height, most), expected, "{width}x{height}");
    }
}

#[test]
fn a_blurred_part_is_less_sharp() {
    let sharp = Made::new(PixelFormat::Gray8, 224, 224, 0, 3);
    let mut blurred = Made::new(PixelFormat::Gray8, 224, 224, 0, 3);
    let (data, _) = &mut blurred.planes[0];
    data.iter_mut()
        .for_each(|level| *level = 128 + *level / 128);
    assert!(sharpness(&sharp.view()) > 2.0 * sharpness(&blurred.view()));
    assert_eq!(sharpness(&solid(PixelFormat::Rgb, [7; 3]).view()), 0.0);
}
