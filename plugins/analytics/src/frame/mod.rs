//! A video frame as code that reads pixels sees it: planes, strides, layout and colorimetry.
//!
//! [`video`] makes one of a GStreamer frame; [`color`] says what its samples mean.

pub mod color;
pub mod video;

/// Layout of the samples of a frame. Names as in GStreamer's `GstVideoFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PixelFormat {
    I420,
    Yv12,
    Nv12,
    Yuy2,
    Uyvy,
    Rgb,
    Bgr,
    Rgbx,
    Bgrx,
    Rgba,
    Bgra,
    Gray8,
}

/// Where the samples of one colour component are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Index of the plane.
    pub plane: usize,
    /// Byte offset of the first sample in a row.
    pub offset: usize,
    /// Bytes from one sample of a row to the next.
    pub step: usize,
    /// Binary logarithm of the horizontal subsampling.
    pub sub_x: u32,
    /// Binary logarithm of the vertical subsampling.
    pub sub_y: u32,
}

const fn component(plane: usize, offset: usize, step: usize, sub_x: u32, sub_y: u32) -> Component {
    Component {
        plane,
        offset,
        step,
        sub_x,
        sub_y,
    }
}

impl PixelFormat {
    /// Every format, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::I420,
        Self::Yv12,
        Self::Nv12,
        Self::Yuy2,
        Self::Uyvy,
        Self::Rgb,
        Self::Bgr,
        Self::Rgbx,
        Self::Bgrx,
        Self::Rgba,
        Self::Bgra,
        Self::Gray8,
    ];

    /// The components in the order Y, U, V or R, G, B; grey has its one component three times.
    pub const fn components(self) -> [Component; 3] {
        match self {
            Self::I420 => [
                component(0, 0, 1, 0, 0),
                component(1, 0, 1, 1, 1),
                component(2, 0, 1, 1, 1),
            ],
            Self::Yv12 => [
                component(0, 0, 1, 0, 0),
                component(2, 0, 1, 1, 1),
                component(1, 0, 1, 1, 1),
            ],
            Self::Nv12 => [
                component(0, 0, 1, 0, 0),
                component(1, 0, 2, 1, 1),
                component(1, 1, 2, 1, 1),
            ],
            Self::Yuy2 => [
                component(0, 0, 2, 0, 0),
                component(0, 1, 4, 1, 0),
                component(0, 3, 4, 1, 0),
            ],
            Self::Uyvy => [
                component(0, 1, 2, 0, 0),
                component(0, 0, 4, 1, 0),
                component(0, 2, 4, 1, 0),
            ],
            Self::Rgb => Self::packed(3, [0, 1, 2]),
            Self::Bgr => Self::packed(3, [2, 1, 0]),
            Self::Rgbx | Self::Rgba => Self::packed(4, [0, 1, 2]),
            Self::Bgrx | Self::Bgra => Self::packed(4, [2, 1, 0]),
            Self::Gray8 => Self::packed(1, [0, 0, 0]),
        }
    }

    const fn packed(step: usize, [r, g, b]: [usize; 3]) -> [Component; 3] {
        [
            component(0, r, step, 0, 0),
            component(0, g, step, 0, 0),
            component(0, b, step, 0, 0),
        ]
    }

    /// Whether the components are Y, U, V.
    pub const fn is_yuv(self) -> bool {
        matches!(
            self,
            Self::I420 | Self::Yv12 | Self::Nv12 | Self::Yuy2 | Self::Uyvy
        )
    }

    /// How many planes there are.
    pub const fn planes(self) -> usize {
        match self {
            Self::I420 | Self::Yv12 => 3,
            Self::Nv12 => 2,
            _ => 1,
        }
    }

    /// Bytes that a row of plane `plane` holds for a frame of this width, and its number of rows
    /// for this height.
    pub fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let mut bytes = 0;
        let mut rows = 0;
        for c in self.components().iter().filter(|c| c.plane == plane) {
            let samples = width.div_ceil(1 << c.sub_x);
            bytes = bytes.max((samples - 1) * c.step + c.offset + 1);
            rows = rows.max(height.div_ceil(1 << c.sub_y));
        }
        (bytes, rows)
    }
}

/// Coefficients of the luma equation, as far as video uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
    /// SMPTE 240M.
    Smpte240m,
    /// FCC 73.682.
    Fcc,
}

impl Matrix {
    /// Kr and Kb of the luma equation Y = Kr·R + (1 − Kr − Kb)·G + Kb·B (ITU-T H.273, table 4).
    pub const fn kr_kb(self) -> (f32, f32) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
            Self::Smpte240m => (0.212, 0.087),
            Self::Fcc => (0.30, 0.11),
        }
    }
}

/// How sample values become R, G, B in 0..255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    /// Matrix of Y, U, V formats.
    pub matrix: Matrix,
    /// Whether samples use all of 0..255; else 16..235, and 16..240 for chroma.
    pub full_range: bool,
    /// Chroma samples stand on luma columns (as in MPEG-2), not between them (as in JPEG).
    pub cosited_x: bool,
    /// Chroma samples stand on luma rows, not between them.
    pub cosited_y: bool,
}

impl Colorimetry {
    /// Of video whose chroma stands as MPEG-2 has it, which is what H.264 and later have where
    /// nobody says otherwise.
    pub const fn video(matrix: Matrix, full_range: bool) -> Self {
        Self {
            matrix,
            full_range,
            cosited_x: true,
            cosited_y: false,
        }
    }
}

impl Default for Colorimetry {
    /// Standard-definition video: BT.601, limited range, chroma sited as in MPEG-2.
    fn default() -> Self {
        Self {
            matrix: Matrix::Bt601,
            full_range: false,
            cosited_x: true,
            cosited_y: false,
        }
    }
}

/// The format and size of frames, without their samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameFormat {
    /// Layout of the samples.
    pub pixels: PixelFormat,
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// Meaning of the samples.
    pub colorimetry: Colorimetry,
}

/// One plane of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plane<'a> {
    /// Samples; row `y` begins at `y * stride`.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A frame whose planes have been checked against its format.
#[derive(Debug, Clone, Copy)]
pub struct FrameView<'a> {
    format: FrameFormat,
    planes: [Plane<'a>; 3],
    origin: (u32, u32),
}

/// A plane is too short for its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plane {plane} has {found} bytes, {needed} are needed for {width}x{height} {pixels:?}")]
pub struct FrameTooShort {
    plane: usize,
    found: usize,
    needed: usize,
    width: usize,
    height: usize,
    pixels: PixelFormat,
}

impl<'a> FrameView<'a> {
    /// A frame from its planes; planes that the format has not are ignored.
    ///
    /// # Errors
    /// A plane does not hold all rows.
    pub fn new(format: FrameFormat, planes: [Plane<'a>; 3]) -> Result<Self, FrameTooShort> {
        for (i, plane) in planes.iter().take(format.pixels.planes()).enumerate() {
            let (bytes, rows) = format.pixels.plane_size(i, format.width, format.height);
            let needed = plane.stride * (rows - 1) + bytes;
            if plane.data.len() < needed || plane.stride < bytes {
                return Err(FrameTooShort {
                    plane: i,
                    found: plane.data.len(),
                    needed,
                    width: format.width,
                    height: format.height,
                    pixels: format.pixels,
                });
            }
        }
        Ok(Self {
            format,
            planes,
            origin: (0, 0),
        })
    }

    /// A part of the frame, as a frame of its own that knows where it is from: `width` by `height`
    /// pixels from column `x` and row `y` on. Nothing is copied. Pixels of the part that share
    /// chroma samples must share them with nobody else, so `x` and `y` are rounded down to even
    /// ones; what lies outside the frame is left off, down to one pixel.
    #[must_use]
    pub fn part(&self, [x, y, width, height]: [usize; 4]) -> Self {
        let (x, y) = (
            x.min(self.format.width - 1) & !1,
            y.min(self.format.height - 1) & !1,
        );
        let format = FrameFormat {
            width: width.clamp(1, self.format.width - x),
            height: height.clamp(1, self.format.height - y),
            ..self.format
        };
        let mut planes = [Plane::default(); 3];
        for component in format.pixels.components() {
            let plane = &self.planes[component.plane];
            let column = (x >> component.sub_x) * component.step;
            let start = (y >> component.sub_y) * plane.stride + column;
            planes[component.plane] = Plane {
                data: plane.data.get(start..).unwrap_or_default(),
                stride: plane.stride,
            };
        }
        Self {
            format,
            planes,
            origin: (self.origin.0 + x as u32, self.origin.1 + y as u32),
        }
    }

    /// The planes; those that the format has not are empty.
    pub fn planes(&self) -> [Plane<'a>; 3] {
        self.planes
    }

    /// Where the part is in the frame that it is from, in pixels; (0, 0) for a frame itself.
    pub fn origin(&self) -> (u32, u32) {
        self.origin
    }

    /// The bytes of row `y` from its first sample of brightness to its last, and how many there are
    /// from one to the next: luma, or green, which comes nearest to it.
    pub fn luma_row(&self, y: usize) -> (&'a [u8], usize) {
        let pixels = self.format.pixels;
        let luma = pixels.components()[usize::from(!pixels.is_yuv())];
        let bytes = (self.format.width - 1) * luma.step + luma.offset + 1;
        (&self.row(luma.plane, y, bytes)[luma.offset..], luma.step)
    }

    /// The frame's format.
    pub fn format(&self) -> &FrameFormat {
        &self.format
    }

    /// The first `bytes` of row `y` of a plane.
    pub fn row(&self, plane: usize, y: usize, bytes: usize) -> &'a [u8] {
        let plane = &self.planes[plane];
        &plane.data[y * plane.stride..][..bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_that_are_too_short_are_refused() {
        let format = FrameFormat {
            pixels: PixelFormat::Nv12,
            width: 17,
            height: 13,
            colorimetry: Colorimetry::default(),
        };
        // 9 chroma pairs in a row, 7 rows of them.
        let (y, uv) = (vec![0; 20 * 12 + 17], vec![0; 20 * 6 + 18]);
        let planes = |y: &'static [u8], uv: &'static [u8]| {
            let plane = |data| Plane { data, stride: 20 };
            [plane(y), plane(uv), Plane::default()]
        };
        let (y, uv) = (y.leak(), uv.leak());
        assert!(FrameView::new(format, planes(y, uv)).is_ok());
        let error = FrameView::new(format, planes(y, &uv[1..])).unwrap_err();
        assert_eq!((error.plane, error.found, error.needed), (1, 137, 138));
        assert!(FrameView::new(format, planes(&y[1..], uv)).is_err());
    }

    /// A frame whose planes are as large as must be, each byte with a value of its own place.
    fn planes(format: &FrameFormat) -> Vec<(Vec<u8>, usize)> {
        (0..format.pixels.planes())
            .map(|plane| {
                let (bytes, rows) = format.pixels.plane_size(plane, format.width, format.height);
                let stride = bytes + 3;
                let value = |i: usize| (i * 31 + i / stride * 7 + plane * 101) as u8;
                let data = (0..stride * (rows - 1) + bytes).map(value).collect();
                (data, stride)
            })
            .collect()
    }

    fn view<'a>(format: FrameFormat, data: &'a [(Vec<u8>, usize)]) -> FrameView<'a> {
        let mut planes = [Plane::default(); 3];
        for (plane, (data, stride)) in planes.iter_mut().zip(data) {
            *plane = Plane {
                data,
                stride: *stride,
            };
        }
        FrameView::new(format, planes).unwrap()
    }

    /// The sample of a component that a pixel has.
    fn sample(frame: &FrameView, component: Component, x: usize, y: usize) -> u8 {
        let at = (x >> component.sub_x) * component.step + component.offset;
        frame.row(component.plane, y >> component.sub_y, at + 1)[at]
    }

    #[test]
    fn a_part_has_the_samples_of_the_frame_where_it_lies() {
        for pixels in PixelFormat::ALL {
            let format = FrameFormat {
                pixels,
                width: 37,
                height: 23,
                colorimetry: Colorimetry::default(),
            };
            let data = planes(&format);
            let frame = view(format, &data);
            // wanted, given: even places, inside the frame
            for (wanted, given) in [
                ([0, 0, 37, 23], [0, 0, 37, 23]),
                ([8, 6, 9, 7], [8, 6, 9, 7]),
                ([9, 7, 9, 7], [8, 6, 9, 7]),
                ([30, 20, 50, 50], [30, 20, 7, 3]),
                ([36, 22, 1, 1], [36, 22, 1, 1]),
                ([99, 99, 0, 0], [36, 22, 1, 1]),
            ] {
                let part = frame.part(wanted);
                let (x, y) = part.origin();
                let (x, y) = (x as usize, y as usize);
                let (width, height) = (part.format().width, part.format().height);
                assert_eq!([x, y, width, height], given, "{pixels:?}");
                assert!(FrameView::new(part.format, part.planes).is_ok());
                for component in pixels.components() {
                    for (column, row) in [(0, 0), (width - 1, 0), (width / 2, height - 1)] {
                        let expected = sample(&frame, component, x + column, y + row);
                        let found = sample(&part, component, column, row);
                        assert_eq!(found, expected, "{pixels:?} {given:?}");
                    }
                }
                // A part of a part knows where it is in the frame.
                assert_eq!(part.part([2, 0, 1, 1]).origin().1, y as u32);
            }
        }
    }

    #[test]
    fn brightness_is_luma_or_green() {
        for (pixels, offset, step) in [
            (PixelFormat::Nv12, 0, 1),
            (PixelFormat::Yuy2, 0, 2),
            (PixelFormat::Uyvy, 1, 2),
            (PixelFormat::Bgr, 1, 3),
            (PixelFormat::Rgbx, 1, 4),
            (PixelFormat::Gray8, 0, 1),
        ] {
            let format = FrameFormat {
                pixels,
                width: 5,
                height: 3,
                colorimetry: Colorimetry::default(),
            };
            let data = planes(&format);
            let frame = view(format, &data);
            let (row, found) = frame.luma_row(2);
            assert_eq!((found, row.len()), (step, 4 * step + 1), "{pixels:?}");
            assert_eq!(row[0], data[0].0[2 * data[0].1 + offset], "{pixels:?}");
        }
    }
}
