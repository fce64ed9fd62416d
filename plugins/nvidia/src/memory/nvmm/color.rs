//! `NvBufSurfaceColorFormat`: what the numbers mean.

use super::super::error::MemoryError;
use super::super::picture::{Colorimetry, Matrix, PixelFormat};

/// Names by number, as far as DeepStream 5 has them; the numbers never changed, later versions add
/// to the end.
const NAMES: [&str; 44] = [
    "invalid",
    "GRAY8",
    "YUV420",
    "YVU420",
    "YUV420_ER",
    "YVU420_ER",
    "NV12",
    "NV12_ER",
    "NV21",
    "NV21_ER",
    "UYVY",
    "UYVY_ER",
    "VYUY",
    "VYUY_ER",
    "YUYV",
    "YUYV_ER",
    "YVYU",
    "YVYU_ER",
    "YUV444",
    "RGBA",
    "BGRA",
    "ARGB",
    "ABGR",
    "RGBx",
    "BGRx",
    "xRGB",
    "xBGR",
    "RGB",
    "BGR",
    "NV12_10LE",
    "NV12_12LE",
    "YUV420_709",
    "YUV420_709_ER",
    "NV12_709",
    "NV12_709_ER",
    "YUV420_2020",
    "NV12_2020",
    "NV12_10LE_ER",
    "NV12_10LE_709",
    "NV12_10LE_709_ER",
    "NV12_10LE_2020",
    "SIGNED_R16G16",
    "R8_G8_B8",
    "B8_G8_R8",
];

/// NVIDIA's name of a colour format.
pub fn name(code: u32) -> &'static str {
    NAMES
        .get(code as usize)
        .copied()
        .unwrap_or("not known here")
}

/// Layout and meaning of the samples of a colour format.
///
/// # Errors
/// [`MemoryError::ColorFormat`] for a format that no kernel reads.
pub fn decode(code: u32) -> Result<(PixelFormat, Colorimetry), MemoryError> {
    let yuv = |matrix, full_range| {
        let colorimetry = Colorimetry::video(matrix, full_range);
        Ok((PixelFormat::Nv12, colorimetry))
    };
    let rgb = |format| Ok((format, Colorimetry::video(Matrix::Bt709, true)));
    match code {
        6 => yuv(Matrix::Bt601, false),
        7 => yuv(Matrix::Bt601, true),
        33 => yuv(Matrix::Bt709, false),
        34 => yuv(Matrix::Bt709, true),
        36 => yuv(Matrix::Bt2020, false),
        19 => rgb(PixelFormat::Rgba),
        20 => rgb(PixelFormat::Bgra),
        23 => rgb(PixelFormat::Rgbx),
        24 => rgb(PixelFormat::Bgrx),
        code => Err(MemoryError::ColorFormat {
            code,
            name: name(code),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_the_numbers_of_nvbufsurface_h() {
        for (code, text, pixels, matrix, full_range) in [
            (6, "NV12", PixelFormat::Nv12, Matrix::Bt601, false),
            (7, "NV12_ER", PixelFormat::Nv12, Matrix::Bt601, true),
            (33, "NV12_709", PixelFormat::Nv12, Matrix::Bt709, false),
            (34, "NV12_709_ER", PixelFormat::Nv12, Matrix::Bt709, true),
            (36, "NV12_2020", PixelFormat::Nv12, Matrix::Bt2020, false),
            (19, "RGBA", PixelFormat::Rgba, Matrix::Bt709, true),
            (20, "BGRA", PixelFormat::Bgra, Matrix::Bt709, true),
            (23, "RGBx", PixelFormat::Rgbx, Matrix::Bt709, true),
            (24, "BGRx", PixelFormat::Bgrx, Matrix::Bt709, true),
        ] {
            let colorimetry = Colorimetry::video(matrix, full_range);
            assert_eq!(decode(code), Ok((pixels, colorimetry)), "{code}");
            assert_eq!(name(code), text);
        }
    }

    #[test]
    fn other_formats_are_refused_by_number_and_name() {
        for (code, name) in [
            (0, "invalid"),
            (29, "NV12_10LE"),
            (8, "NV21"),
            (999, "not known"),
        ] {
            let error = decode(code).unwrap_err().to_string();
            assert!(error.contains(&format!("{code} ({name}")), "{error}");
            assert!(
                error.contains("NV12, RGBA, BGRA, RGBx, BGRx are"),
                "{error}"
            );
        }
    }
}
