//! The conversion as its definition says, sample by sample, to compare with.

use super::{Colors, Format, Target};

/// Y, U and V of a mean of R, G and B, not yet rounded.
fn yuv(colors: Colors, rgb: [f64; 3]) -> [f64; 3] {
    let Colors { kr, kb, .. } = colors;
    let [r, g, b] = rgb.map(|v| v / 255.0);
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    let (u, v) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
    if colors.full_range {
        [y * 255.0, u * 255.0 + 128.0, v * 255.0 + 128.0]
    } else {
        [y * 219.0 + 16.0, u * 224.0 + 128.0, v * 224.0 + 128.0]
    }
}

/// Mean of the pixels of a rectangle that begins at (x, y), as far as they are in the picture.
fn mean(target: &Target, rgba: &[u8], (x, y): (usize, usize), (w, h): (usize, usize)) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut n = 0.0;
    for y in y..(y + h).min(target.height) {
        for x in x..(x + w).min(target.width) {
            let pixel = &rgba[(y * target.width + x) * 4..][..3];
            for (sum, v) in sum.iter_mut().zip(pixel) {
                *sum += f64::from(*v);
            }
            n += 1.0;
        }
    }
    sum.map(|v| v / n)
}

/// Planes without padding and without noise, each sample not yet rounded.
pub(super) fn convert(target: &Target, rgba: &[u8]) -> Vec<Vec<f64>> {
    let Target {
        format,
        width,
        height,
        colors,
    } = *target;
    let luma = |x: usize, y: usize| {
        let x = x.min(width - 1);
        yuv(colors, mean(target, rgba, (x, y), (1, 1)))[0]
    };
    let chroma = |x: usize, y: usize, rows: usize, which: usize| {
        yuv(colors, mean(target, rgba, (2 * x, rows * y), (2, rows)))[which]
    };
    let level = |v: f64| {
        if colors.full_range {
            v
        } else {
            16.0 + v * 219.0 / 255.0
        }
    };
    let mut planes: Vec<Vec<f64>> = (0..format.planes())
        .map(|plane| {
            let (bytes, rows) = format.plane_size(plane, width, height);
            Vec::with_capacity(bytes * rows)
        })
        .collect();
    for y in 0..height {
        match format {
            Format::Yuy2 | Format::Uyvy => {
                for x in 0..width.div_ceil(2) {
                    let y01 = [luma(2 * x, y), luma(2 * x + 1, y)];
                    let [u, v] = [1, 2].map(|which| chroma(x, y, 1, which));
                    planes[0].extend(match format {
                        Format::Yuy2 => [y01[0], u, y01[1], v],
                        _ => [u, y01[0], v, y01[1]],
                    });
                }
            }
            _ if format.is_rgb() => {
                for x in 0..width {
                    let mut rgb = mean(target, rgba, (x, y), (1, 1)).map(level);
                    if matches!(format, Format::Bgr | Format::Bgrx | Format::Bgra) {
                        rgb.reverse();
                    }
                    planes[0].extend(rgb);
                    if !matches!(format, Format::Rgb | Format::Bgr) {
                        planes[0].push(255.0);
                    }
                }
            }
            _ => planes[0].extend((0..width).map(|x| luma(x, y))),
        }
    }
    if format.planes() > 1 {
        for y in 0..height.div_ceil(2) {
            for x in 0..width.div_ceil(2) {
                let [u, v] = [1, 2].map(|which| chroma(x, y, 2, which));
                match format {
                    Format::Nv12 => planes[1].extend([u, v]),
                    Format::Yv12 => {
                        planes[1].push(v);
                        planes[2].push(u);
                    }
                    _ => {
                        planes[1].push(u);
                        planes[2].push(v);
                    }
                }
            }
        }
    }
    planes
}
