//! Y, U, V to R, G, B, with range and matrix folded into one affine map.

use super::{Colorimetry, FrameFormat};

/// `rgb = clamp(m · (a, b, c) + offset, 0, 255)`, for samples a, b, c in 0..255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorMap {
    /// Rows for R, G, B.
    pub m: [[f32; 3]; 3],
    /// Added to R, G, B.
    pub offset: [f32; 3],
}

impl ColorMap {
    /// The map of a format's samples.
    pub fn of(format: &FrameFormat) -> Self {
        Self::new(format.pixels.is_yuv(), &format.colorimetry)
    }

    /// The map of samples that are Y, U, V, or R, G, B (or grey).
    pub fn new(is_yuv: bool, colorimetry: &Colorimetry) -> Self {
        if is_yuv {
            Self::yuv(colorimetry.matrix.kr_kb(), colorimetry.full_range)
        } else {
            Self::rgb(colorimetry.full_range)
        }
    }

    /// The map of R, G, B (or grey).
    pub fn rgb(full_range: bool) -> Self {
        let (gain, offset) = if full_range {
            (1.0, 0.0)
        } else {
            (255.0 / 219.0, -16.0 * 255.0 / 219.0)
        };
        Self {
            m: [[gain, 0.0, 0.0], [0.0, gain, 0.0], [0.0, 0.0, gain]],
            offset: [offset; 3],
        }
    }

    /// The map of Y, U, V, by Kr and Kb of the luma equation (ITU-T H.273, table 4, and equations
    /// 8-27 to 8-29 and 8-38 ff. for 8 bits, inverted).
    pub fn yuv((kr, kb): (f32, f32), full_range: bool) -> Self {
        let kg = 1.0 - kr - kb;
        let (y_gain, y_zero, c_gain) = if full_range {
            (1.0, 0.0, 1.0)
        } else {
            (255.0 / 219.0, 16.0, 255.0 / 224.0)
        };
        let rv = 2.0 * (1.0 - kr) * c_gain;
        let bu = 2.0 * (1.0 - kb) * c_gain;
        let gu = -2.0 * (1.0 - kb) * kb / kg * c_gain;
        let gv = -2.0 * (1.0 - kr) * kr / kg * c_gain;
        let y0 = -y_zero * y_gain;
        Self {
            m: [[y_gain, 0.0, rv], [y_gain, gu, gv], [y_gain, bu, 0.0]],
            offset: [y0 - 128.0 * rv, y0 - 128.0 * (gu + gv), y0 - 128.0 * bu],
        }
    }

    /// Whether samples are R, G, B in 0..255 already.
    pub fn is_identity(&self) -> bool {
        self.m == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] && self.offset == [0.0; 3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Matrix, PixelFormat};

    fn convert(matrix: Matrix, full_range: bool, yuv: [f32; 3]) -> [f32; 3] {
        let map = ColorMap::of(&FrameFormat {
            pixels: PixelFormat::I420,
            width: 1,
            height: 1,
            colorimetry: Colorimetry {
                matrix,
                full_range,
                ..Default::default()
            },
        });
        std::array::from_fn(|i| (0..3).map(|j| map.m[i][j] * yuv[j]).sum::<f32>() + map.offset[i])
    }

    #[test]
    fn primaries_come_back() {
        // Y, U, V of pure colours, computed from the luma equation of each matrix.
        for matrix in [
            Matrix::Bt601,
            Matrix::Bt709,
            Matrix::Bt2020,
            Matrix::Smpte240m,
            Matrix::Fcc,
        ] {
            let (kr, kb) = matrix.kr_kb();
            for rgb in [
                [255.0, 0.0, 0.0],
                [0.0, 255.0, 0.0],
                [0.0, 0.0, 255.0],
                [255.0; 3],
            ] {
                let [r, g, b] = rgb;
                let y = kr * r + (1.0 - kr - kb) * g + kb * b;
                let (u, v) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
                let full = [y, u + 128.0, v + 128.0];
                let limited = [
                    y * 219.0 / 255.0 + 16.0,
                    u * 224.0 / 255.0 + 128.0,
                    v * 224.0 / 255.0 + 128.0,
                ];
                for (range, yuv) in [(true, full), (false, limited)] {
                    let got = convert(matrix, range, yuv);
                    for (got, want) in got.iter().zip(rgb) {
                        assert!((got - want).abs() < 1e-2, "{matrix:?} {got} {want}");
                    }
                }
            }
        }
    }
}
