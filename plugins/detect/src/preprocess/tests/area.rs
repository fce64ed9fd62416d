//! Means of areas against computations that know nothing of weights and roundings.

use super::*;
use vigil_analytics::frame::color::ColorMap;

/// The most that a level may be off what exact arithmetic gives.
const MOST: f64 = 0.1;

fn area(width: usize, height: usize, chroma: Chroma) -> TensorFormat {
    TensorFormat {
        width: width as u32,
        height: height as u32,
        fit: Fit::Stretch,
        order: ChannelOrder::Rgb,
        affine: [Affine::scale(1.0); 3],
        pad: 0,
        sampling: Sampling {
            chroma,
            resize: Resize::Area,
        },
    }
}

fn run(frame: &FrameView, tensor: TensorFormat) -> Vec<f32> {
    let mut out = vec![f32::NAN; (3 * tensor.width * tensor.height) as usize];
    Preprocessor::new(tensor).run(frame, &mut out);
    out
}

/// The integral of a frame's R, G and B over what an output pixel covers, each pixel of the frame
/// with the colour that it has by itself.
fn integral(frame: &FrameView, (width, height): (usize, usize), x: usize, y: usize) -> [f64; 3] {
    let format = frame.format();
    let color = ColorMap::of(format);
    let spans = |i: usize, source: usize, output: usize| {
        let factor = source as f64 / output as f64;
        let (from, to) = (i as f64 * factor, (i + 1) as f64 * factor);
        let share = move |p: usize| (to.min((p + 1) as f64) - from.max(p as f64)) / factor;
        (0..source)
            .map(move |p| (p, share(p)))
            .filter(|(_, share)| *share > 0.0)
    };
    let mut sum = [0.0; 3];
    for (row, of_row) in spans(y, format.height, height) {
        for (column, of_column) in spans(x, format.width, width) {
            let samples = format.pixels.components().map(|c| {
                let at = (column >> c.sub_x) * c.step + c.offset;
                f64::from(frame.row(c.plane, row >> c.sub_y, at + 1)[at])
            });
            for (channel, sum) in sum.iter_mut().enumerate() {
                let level: f64 = (0..3)
                    .map(|c| f64::from(color.m[channel][c]) * samples[c])
                    .sum();
                *sum += (level + f64::from(color.offset[channel])) * of_row * of_column;
            }
        }
    }
    sum.map(|level| level.clamp(0.0, 255.0))
}

#[test]
fn a_sample_is_the_integral_of_what_it_covers() {
    let mut largest = 0.0f64;
    for (size, to) in [
        ((192, 108), (64, 36)),
        ((384, 216), (64, 36)),
        ((211, 97), (50, 31)),
        ((300, 200), (1, 1)),
        ((123, 77), (41, 7)),
        // By exactly 2 along x, where two neighbours are all that is covered.
        ((128, 90), (64, 30)),
    ] {
        for pixels in PixelFormat::ALL {
            let format = FrameFormat {
                pixels,
                width: size.0,
                height: size.1,
                colorimetry: Colorimetry::default(),
            };
            let noise = Picture::noise(format, 3, 11);
            let frame = noise.view();
            let found = run(&frame, area(to.0, to.1, Chroma::Nearest));
            for y in 0..to.1 {
                for x in 0..to.0 {
                    let expected = integral(&frame, to, x, y);
                    for (channel, expected) in expected.into_iter().enumerate() {
                        let found = f64::from(found[channel * to.0 * to.1 + y * to.0 + x]);
                        largest = largest.max((found - expected).abs());
                    }
                }
            }
            assert!(largest < MOST, "{pixels:?} {size:?}: {largest}");
        }
    }
    eprintln!("largest difference: {largest:.4} levels");
}

#[test]
fn up_to_a_factor_of_two_it_is_as_bilinear() {
    let format = FrameFormat {
        pixels: PixelFormat::Nv12,
        width: 64,
        height: 48,
        colorimetry: Colorimetry::default(),
    };
    let noise = Picture::noise(format, 0, 5);
    for (width, height) in [(32, 24), (64, 48), (33, 47), (90, 24), (100, 100)] {
        let tensor = area(width, height, Chroma::Nearest);
        let bilinear = TensorFormat {
            sampling: Sampling::default(),
            ..tensor
        };
        let [found, expected] = [tensor, bilinear].map(|tensor| run(&noise.view(), tensor));
        assert!(found == expected, "{width}x{height}");
    }
}

#[test]
fn nothing_is_passed_over() {
    // A line of one row, which two neighbours of every sixth row do not see.
    let mut data = vec![0; 96 * 96];
    data[96 * 41..96 * 42].fill(240);
    let format = FrameFormat {
        pixels: PixelFormat::Gray8,
        width: 96,
        height: 96,
        colorimetry: Colorimetry {
            full_range: true,
            ..Default::default()
        },
    };
    let plane = Plane {
        data: &data,
        stride: 96,
    };
    let frame = FrameView::new(format, [plane, Plane::default(), Plane::default()]).unwrap();
    let tensor = area(16, 16, Chroma::Nearest);
    let found = run(&frame, tensor);
    assert!(
        (found[16 * 6 + 8] - 40.0).abs() < 0.1,
        "{}",
        found[16 * 6 + 8]
    );
    let bilinear = TensorFormat {
        sampling: Sampling::default(),
        ..tensor
    };
    assert!(run(&frame, bilinear).iter().all(|level| *level == 0.0));
}

#[test]
fn a_smooth_picture_is_the_same_with_either_chroma() {
    // Chroma that rises evenly is the same between its samples as on them, but for half a sample.
    let (width, height) = (240, 120);
    let luma = vec![128; width * height];
    let slope: Vec<u8> = (0..width * height / 4)
        .map(|i| (70 + i % (width / 2)) as u8)
        .collect();
    let format = FrameFormat {
        pixels: PixelFormat::I420,
        width,
        height,
        colorimetry: Colorimetry {
            cosited_x: false,
            ..Default::default()
        },
    };
    let plane = |data, stride| Plane { data, stride };
    let planes = [
        plane(&luma, width),
        plane(&slope, width / 2),
        plane(&slope, width / 2),
    ];
    let frame = FrameView::new(format, planes).unwrap();
    let found = [Chroma::Nearest, Chroma::Linear].map(|chroma| run(&frame, area(40, 20, chroma)));
    // Columns at the edges see less of the slope.
    for (i, (nearest, linear)) in found[0].iter().zip(&found[1]).enumerate() {
        if (1..39).contains(&(i % 40)) {
            assert!((nearest - linear).abs() < 0.2, "{i}: {nearest}, {linear}");
        }
    }
}

#[test]
fn levels_are_those_of_opencv() {
    // `cv2.resize` of OpenCV 5.0 with `INTER_AREA` made these of pictures whose levels are
    // (37x + 91y + 7xy + 53c) mod 256: their red and blue, rounded to levels.
    type Levels<'a> = &'a [f32];
    let table: [([usize; 4], Levels, Levels); 3] = [
        (
            [11, 9, 4, 3],
            &[
                108., 119., 123., 119., 113., 150., 134., 125., 126., 127., 129., 131.,
            ],
            &[
                128., 155., 128., 139., 133., 109., 123., 114., 146., 133., 127., 128.,
            ],
        ),
        (
            [23, 17, 5, 4],
            &[
                116., 127., 124., 121., 128., 126., 128., 136., 136., 151., 145., 111., 143., 124.,
                133., 127., 105., 133., 122., 137.,
            ],
            &[
                142., 126., 124., 129., 104., 131., 121., 137., 138., 121., 124., 139., 141., 117.,
                114., 127., 93., 122., 121., 135.,
            ],
        ),
        (
            [13, 40, 3, 2],
            &[127., 118., 130., 126., 133., 134.],
            &[129., 123., 130., 128., 137., 131.],
        ),
    ];
    for ([width, height, to_width, to_height], red, blue) in table {
        let picture = pattern(width, height, 7);
        let view = picture.view();
        let out = run(&view, area(to_width, to_height, Chroma::Nearest));
        let planes: Vec<_> = out.chunks(to_width * to_height).collect();
        for (found, expected) in [(planes[0], red), (planes[2], blue)] {
            for (found, expected) in found.iter().zip(expected) {
                let off = (found - expected).abs();
                assert!(off < 0.55, "{width}x{height}: {found}, not {expected}");
            }
        }
    }
}
