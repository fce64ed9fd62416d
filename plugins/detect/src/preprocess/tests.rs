use super::*;
use proptest::prelude::*;

mod area;

/// A frame with its planes in their own allocations.
pub(super) struct Picture {
    format: FrameFormat,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Picture {
    /// Noise, rows `extra` bytes longer than they need to be.
    fn noise(format: FrameFormat, extra: usize, seed: u64) -> Self {
        let mut state = seed | 1;
        let planes = (0..format.pixels.planes())
            .map(|plane| {
                let (bytes, rows) = format.pixels.plane_size(plane, format.width, format.height);
                let stride = bytes + extra;
                let data = (0..stride * rows)
                    .map(|_| {
                        // xorshift64*, Marsaglia 2003
                        state ^= state >> 12;
                        state ^= state << 25;
                        state ^= state >> 27;
                        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
                    })
                    .collect();
                (data, stride)
            })
            .collect();
        Self { format, planes }
    }

    pub(super) fn view(&self) -> FrameView<'_> {
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

/// An RGB picture of full range that looks like nothing and that everybody can make again:
/// level `c` at `x`, `y` is `37 x + 91 y + xy · x y + 53 c`, modulo 256.
pub(super) fn pattern(width: usize, height: usize, xy: usize) -> Picture {
    let level = |x: usize, y: usize, c: usize| (37 * x + 91 * y + xy * x * y + 53 * c) as u8;
    let pixel = |i: usize| [0, 1, 2].map(|c| level(i % width, i / width, c));
    let data = (0..width * height).flat_map(pixel).collect();
    let format = FrameFormat {
        pixels: PixelFormat::Rgb,
        width,
        height,
        colorimetry: Colorimetry {
            full_range: true,
            ..Default::default()
        },
    };
    Picture {
        format,
        planes: vec![(data, 3 * width)],
    }
}

fn any_format() -> impl Strategy<Value = FrameFormat> {
    let matrices = [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020];
    (
        proptest::sample::select(PixelFormat::ALL.to_vec()),
        1usize..200,
        1usize..120,
        proptest::sample::select(matrices.to_vec()),
        any::<[bool; 3]>(),
    )
        .prop_map(
            |(pixels, width, height, matrix, [full_range, cosited_x, cosited_y])| FrameFormat {
                pixels,
                width,
                height,
                colorimetry: Colorimetry {
                    matrix,
                    full_range,
                    cosited_x,
                    cosited_y,
                },
            },
        )
}

fn any_tensor() -> impl Strategy<Value = TensorFormat> {
    (
        1u32..64,
        1u32..64,
        proptest::sample::select(Fit::ALL.to_vec()),
        any::<[bool; 4]>(),
    )
        .prop_map(
            |(width, height, fit, [rgb, unit, nearest, area])| TensorFormat {
                width,
                height,
                fit,
                order: if rgb {
                    ChannelOrder::Rgb
                } else {
                    ChannelOrder::Bgr
                },
                affine: if unit {
                    [Affine::scale(1.0 / 255.0); 3]
                } else {
                    // NanoDet's, and one plane of each kind.
                    [(0.017429194, -1.8044444), (1.0, 0.0), (0.5, 3.0)]
                        .map(|(scale, offset)| Affine { scale, offset })
                },
                pad: 114,
                sampling: Sampling {
                    chroma: if nearest {
                        Chroma::Nearest
                    } else {
                        Chroma::Linear
                    },
                    resize: if area { Resize::Area } else { Resize::Bilinear },
                },
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_fast_path_equals_the_reference(
        format in any_format(),
        tensor in any_tensor(),
        extra in 0usize..9,
        seed in any::<u64>(),
    ) {
        let noise = Picture::noise(format, extra, seed);
        let (expected, expected_box) = reference::preprocess(&noise.view(), &tensor);
        for level in Level::available() {
            let mut preprocessor = Preprocessor::new(tensor);
            preprocessor.level = level;
            let mut got = vec![f32::NAN; expected.len()];
            let tensor_len = got.len();
            let letterbox = preprocessor.run(&noise.view(), &mut got);
            prop_assert_eq!(letterbox, expected_box);
            // A colour may fall on either side of a half in f32 and f64; other levels are exact, as
            // are means, which are not rounded to levels. The middle of a frame is resampled as
            // Pillow does, whatever `resize` is.
            let is_mean = tensor.sampling.resize == Resize::Area
                && tensor.fit != Fit::CentreCrop
                && plan::covers_areas(&format, &letterbox);
            let is_exact = is_mean || vigil_analytics::frame::color::ColorMap::of(&format).is_identity();
            let most = if is_exact { 0.001 } else { 1.001 };
            for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let scale = f64::from(tensor.affine[3 * i / tensor_len].scale);
                let levels = (f64::from(*got) - expected).abs() / scale;
                prop_assert!(levels < most, "{level:?} at {i}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn every_level_gives_the_same_bits(
        format in any_format(),
        tensor in any_tensor(),
        extra in 0usize..9,
        seed in any::<u64>(),
    ) {
        let noise = Picture::noise(format, extra, seed);
        let run = |level| {
            let mut preprocessor = Preprocessor::new(tensor);
            preprocessor.level = level;
            let mut got = vec![0.0f32; (3 * tensor.width * tensor.height) as usize];
            preprocessor.run(&noise.view(), &mut got);
            got
        };
        for level in Level::available() {
            prop_assert!(run(level) == run(Level::Baseline), "{:?}", level);
        }
    }
}

#[test]
fn a_preprocessor_follows_changes_of_size_and_tensor() {
    let tensor = TensorFormat {
        width: 32,
        height: 32,
        fit: Fit::LetterboxCenter,
        order: ChannelOrder::Rgb,
        affine: [Affine::scale(1.0); 3],
        pad: 114,
        sampling: Sampling::default(),
    };
    let format = |width, height| FrameFormat {
        pixels: PixelFormat::I420,
        width,
        height,
        colorimetry: Colorimetry::default(),
    };
    let mut preprocessor = Preprocessor::new(tensor);
    let (mut first, mut second) = (vec![0.0; 3 * 32 * 32], vec![0.0; 3 * 32 * 32]);
    for (width, height) in [(64, 16), (16, 64), (64, 16), (1, 1), (7680, 4320)] {
        let noise = Picture::noise(format(width, height), 0, 7);
        for buffer in [&mut first, &mut second] {
            preprocessor.run(&noise.view(), buffer);
            let (expected, _) = reference::preprocess(&noise.view(), &tensor);
            for (got, expected) in buffer.iter().zip(&expected) {
                assert!(
                    (f64::from(*got) - expected).abs() < 1.001,
                    "{width}x{height}"
                );
            }
        }
    }
}

#[test]
fn parts_of_a_frame_in_turn_are_as_each_by_itself() {
    let tensor = TensorFormat {
        width: 32,
        height: 32,
        fit: Fit::LetterboxCenter,
        order: ChannelOrder::Bgr,
        affine: [Affine::scale(1.0); 3],
        pad: 114,
        sampling: Sampling::default(),
    };
    let format = FrameFormat {
        pixels: PixelFormat::Nv12,
        width: 101,
        height: 67,
        colorimetry: Colorimetry::default(),
    };
    let noise = Picture::noise(format, 5, 3);
    let frame = noise.view();
    let mut preprocessor = Preprocessor::new(tensor);
    let mut found = vec![f32::NAN; 3 * 32 * 32];
    // The whole, tiles of one size and shape, and of so many others that plans are given up.
    let parts = [
        [0, 0, 101, 67],
        [0, 0, 50, 20],
        [40, 30, 50, 20],
        [6, 2, 25, 10],
        [0, 0, 20, 50],
        [50, 0, 50, 67],
        [90, 60, 3, 1],
    ];
    for part in parts.iter().chain(&parts).chain(parts.iter().rev()) {
        let part = frame.part(*part);
        let letterbox = preprocessor.run(&part, &mut found);
        let mut expected = vec![f32::NAN; found.len()];
        let alone = Preprocessor::new(tensor).run(&part, &mut expected);
        assert_eq!(found, expected, "{:?}", part.format());
        assert_eq!((letterbox, letterbox.origin), (alone, part.origin()));
    }
}

#[test]
fn linear_chroma_is_sampled_where_it_stands() {
    // A step between chroma samples 1 and 2: its middle, at 1.5, is luma column 2 · 1.5 + 0.5 for
    // centred chroma, 2 · 1.5 for cosited.
    let edge = |cosited_x| {
        let format = FrameFormat {
            pixels: PixelFormat::I420,
            width: 8,
            height: 2,
            colorimetry: Colorimetry {
                cosited_x,
                full_range: true,
                ..Default::default()
            },
        };
        let luma = [128u8; 16];
        let (blue, red) = ([128u8; 4], [88u8, 88, 168, 168]);
        let plane = |data, stride| Plane { data, stride };
        let view =
            FrameView::new(format, [plane(&luma, 8), plane(&blue, 4), plane(&red, 4)]).unwrap();
        let tensor = TensorFormat {
            width: 8,
            height: 2,
            fit: Fit::Stretch,
            order: ChannelOrder::Rgb,
            affine: [Affine::scale(1.0); 3],
            pad: 0,
            sampling: Sampling {
                chroma: Chroma::Linear,
                ..Default::default()
            },
        };
        let mut out = vec![0.0; 48];
        Preprocessor::new(tensor).run(&view, &mut out);
        // Where red crosses grey, by linear interpolation between columns.
        let x = (0..7)
            .find(|x| out[*x] <= 128.0 && out[x + 1] > 128.0)
            .unwrap();
        x as f32 + (128.0 - out[x]) / (out[x + 1] - out[x])
    };
    assert!((edge(false) - 3.5).abs() < 0.05, "{}", edge(false));
    assert!((edge(true) - 3.0).abs() < 0.05, "{}", edge(true));
}

#[test]
fn nearest_chroma_is_that_of_the_pixels_that_share_it() {
    let format = FrameFormat {
        pixels: PixelFormat::Nv12,
        width: 4,
        height: 2,
        colorimetry: Colorimetry {
            full_range: true,
            ..Default::default()
        },
    };
    let luma = [128u8; 8];
    let chroma = [128u8, 88, 128, 168];
    let plane = |data, stride| Plane { data, stride };
    let view = FrameView::new(
        format,
        [plane(&luma, 4), plane(&chroma, 4), Plane::default()],
    )
    .unwrap();
    let tensor = TensorFormat {
        width: 4,
        height: 2,
        fit: Fit::Stretch,
        order: ChannelOrder::Rgb,
        affine: [Affine::scale(1.0); 3],
        pad: 0,
        sampling: Sampling::default(),
    };
    let mut out = vec![0.0; 24];
    Preprocessor::new(tensor).run(&view, &mut out);
    // Red is 128 + 1.402 · (V − 128).
    assert_eq!(out[..4], [72.0, 72.0, 184.0, 184.0]);
}

#[test]
fn levels_are_those_of_opencv() {
    // `cv2.resize` of OpenCV 5.0 made these of pictures whose levels are
    // (37x + 91y + 7xy + 53c) mod 256: their red and blue.
    type Levels<'a> = &'a [f32];
    let table: [([usize; 4], Levels, Levels); 3] = [
        (
            [7, 5, 4, 3],
            &[
                45., 114., 108., 166., 201., 34., 124., 213., 101., 189., 150., 174.,
            ],
            &[
                151., 135., 203., 101., 51., 140., 230., 63., 143., 135., 170., 109.,
            ],
        ),
        (
            [3, 2, 5, 4],
            &[
                0., 15., 37., 59., 74., 23., 38., 62., 85., 100., 68., 85., 111., 136., 153., 91.,
                108., 135., 161., 179.,
            ],
            &[
                106., 121., 143., 165., 180., 129., 144., 168., 152., 142., 174., 191., 217., 127.,
                67., 197., 214., 241., 114., 29.,
            ],
        ),
        (
            [11, 3, 2, 2],
            &[110., 67., 78., 93.],
            &[152., 125., 120., 151.],
        ),
    ];
    for ([width, height, to_width, to_height], red, blue) in table {
        let picture = pattern(width, height, 7);
        let view = picture.view();
        let mut out = vec![0.0; 3 * to_width * to_height];
        let mut preprocessor = Preprocessor::new(TensorFormat {
            width: to_width as u32,
            height: to_height as u32,
            fit: Fit::Stretch,
            order: ChannelOrder::Rgb,
            affine: [Affine::scale(1.0); 3],
            pad: 0,
            sampling: Sampling::default(),
        });
        preprocessor.run(&view, &mut out);
        let planes: Vec<_> = out.chunks(to_width * to_height).collect();
        assert_eq!((planes[0], planes[2]), (red, blue), "{width}x{height}");
    }
}
