//! What a frame of video is made of.

/// Layout of the samples of a frame. Names as in GStreamer's `GstVideoFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Format {
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

impl Format {
    /// Every format, the ones that are fastest to make and that encoders take first.
    pub const ALL: [Self; 12] = [
        Self::I420,
        Self::Nv12,
        Self::Yv12,
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

    /// How many planes there are.
    pub const fn planes(self) -> usize {
        match self {
            Self::I420 | Self::Yv12 => 3,
            Self::Nv12 => 2,
            _ => 1,
        }
    }

    /// Whether samples are R, G and B.
    pub const fn is_rgb(self) -> bool {
        matches!(
            self,
            Self::Rgb | Self::Bgr | Self::Rgbx | Self::Bgrx | Self::Rgba | Self::Bgra
        )
    }

    /// Bytes that a row of plane `plane` holds for a frame of this size, and its number of rows.
    pub const fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        match (self, plane) {
            (Self::I420 | Self::Yv12 | Self::Nv12, 0) | (Self::Gray8, _) => (width, height),
            (Self::I420 | Self::Yv12, _) => (half_width, half_height),
            (Self::Nv12, _) => (2 * half_width, half_height),
            (Self::Yuy2 | Self::Uyvy, _) => (4 * half_width, height),
            (Self::Rgb | Self::Bgr, _) => (3 * width, height),
            (Self::Rgbx | Self::Bgrx | Self::Rgba | Self::Bgra, _) => (4 * width, height),
        }
    }
}

/// Meaning of the samples: ITU-T H.273, table 4 and equations 11 ff.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colors {
    /// Kr of the luma equation Y = Kr·R + (1 − Kr − Kb)·G + Kb·B.
    pub kr: f64,
    /// Kb of it.
    pub kb: f64,
    /// Samples use all of 0..255; else 16..235, and 16..240 for chroma.
    pub full_range: bool,
}

impl Colors {
    /// ITU-R BT.601, limited range: standard definition.
    pub const BT601: Self = Self {
        kr: 0.299,
        kb: 0.114,
        full_range: false,
    };
    /// ITU-R BT.709, limited range: high definition.
    pub const BT709: Self = Self {
        kr: 0.2126,
        kb: 0.0722,
        full_range: false,
    };

    /// Black, and the distance from it to white.
    pub(super) fn luma_range(self) -> (f64, f64) {
        if self.full_range {
            (0.0, 255.0)
        } else {
            (16.0, 219.0)
        }
    }

    /// Distance from the lowest to the highest chroma.
    pub(super) fn chroma_range(self) -> f64 {
        if self.full_range { 255.0 } else { 224.0 }
    }

    /// Weights of R, G and B in Y, U and V, each of which is in levels of 0..255.
    pub(super) fn weights(self) -> [[f64; 3]; 3] {
        let Self { kr, kb, .. } = self;
        let kg = 1.0 - kr - kb;
        let luma = self.luma_range().1 / 255.0;
        let (u, v) = (0.5 / (1.0 - kb), 0.5 / (1.0 - kr));
        let chroma = self.chroma_range() / 255.0;
        [
            [kr, kg, kb].map(|weight| weight * luma),
            [-kr * u, -kg * u, 0.5].map(|weight| weight * chroma),
            [0.5, -kg * v, -kb * v].map(|weight| weight * chroma),
        ]
    }
}

/// The kind of frames to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Layout of the samples.
    pub format: Format,
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// Meaning of the samples. R, G and B use its range only.
    pub colors: Colors,
}

/// A plane to be written.
#[derive(Debug, Default)]
pub struct PlaneMut<'a> {
    /// Samples; row `y` begins at `y * stride`.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

impl PlaneMut<'_> {
    /// The first `bytes` of row `y`.
    pub(super) fn row(&mut self, y: usize, bytes: usize) -> &mut [u8] {
        &mut self.data[y * self.stride..][..bytes]
    }
}

/// A plane is too short for its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "plane {plane} has {found} bytes in rows of {stride}, {needed} are needed for {width}x{height} \
     {format:?}"
)]
pub struct PlaneTooShort {
    plane: usize,
    found: usize,
    stride: usize,
    needed: usize,
    width: usize,
    height: usize,
    format: Format,
}

impl Target {
    /// Checks that the planes hold a frame.
    pub(super) fn check(&self, planes: &[PlaneMut<'_>]) -> Result<(), PlaneTooShort> {
        let Self {
            format,
            width,
            height,
            ..
        } = *self;
        for i in 0..format.planes() {
            let (bytes, rows) = format.plane_size(i, width, height);
            let (found, stride) = planes.get(i).map_or((0, 0), |p| (p.data.len(), p.stride));
            let needed = stride.max(bytes) * (rows - 1) + bytes;
            if found < needed || stride < bytes {
                return Err(PlaneTooShort {
                    plane: i,
                    found,
                    stride,
                    needed,
                    width,
                    height,
                    format,
                });
            }
        }
        Ok(())
    }
}
