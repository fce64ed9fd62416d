//! A picture where it lies: on a device, in arrays of a device, or in system memory.

use std::ffi::c_void;

/// Layout of the samples of a picture. Names as in GStreamer's `GstVideoFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "GStreamer's names")]
pub enum PixelFormat {
    Nv12,
    Rgba,
    Bgra,
    Rgbx,
    Bgrx,
}

impl PixelFormat {
    /// Every format, for tables and messages.
    pub const ALL: [Self; 5] = [Self::Nv12, Self::Rgba, Self::Bgra, Self::Rgbx, Self::Bgrx];

    /// How many planes there are.
    pub const fn planes(self) -> usize {
        match self {
            Self::Nv12 => 2,
            _ => 1,
        }
    }

    /// Whether the samples are Y, U and V.
    pub const fn is_yuv(self) -> bool {
        matches!(self, Self::Nv12)
    }

    /// Bytes that a row of a plane holds in a picture of this width, and how many rows the plane
    /// has for this height.
    pub const fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        match (self, plane) {
            (Self::Nv12, 0) => (width, height),
            (Self::Nv12, _) => (width.div_ceil(2) * 2, height.div_ceil(2)),
            _ => (width * 4, height),
        }
    }
}

impl std::fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nv12 => "NV12",
            Self::Rgba => "RGBA",
            Self::Bgra => "BGRA",
            Self::Rgbx => "RGBx",
            Self::Bgrx => "BGRx",
        })
    }
}

/// Coefficients of the luma equation (ITU-T H.273, table 4), as far as GPU memory says.
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

/// What the samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    /// Matrix of Y, U, V formats; means nothing for the others.
    pub matrix: Matrix,
    /// Whether samples use all of 0..255; else 16..235, and 16..240 for chroma.
    pub full_range: bool,
}

/// Format and size of a picture, without its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PictureFormat {
    /// Layout of the samples.
    pub pixels: PixelFormat,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// Meaning of the samples.
    pub colorimetry: Colorimetry,
}

/// A part of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// A plane in system memory.
#[derive(Debug, Clone, Copy)]
pub struct HostPlane<'a> {
    /// Samples; row `y` begins at `y * pitch`.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub pitch: usize,
}

/// Where the samples of a picture are. Planes beyond the format's are zero, null or empty.
#[derive(Debug, Clone, Copy)]
pub enum Planes<'a> {
    /// Rows in linear device memory.
    Device {
        /// Address (`CUdeviceptr`) of each plane's first sample.
        ptrs: [u64; 2],
        /// Bytes from one row to the next.
        pitches: [usize; 2],
    },
    /// A `CUarray` for each plane, whose layout only the texture units know (block-linear memory).
    Array {
        /// The arrays.
        arrays: [*mut c_void; 2],
    },
    /// System memory, that has to be uploaded.
    Host {
        /// The planes.
        planes: [HostPlane<'a>; 2],
    },
}

/// One picture of a buffer, valid as long as the guard that it is from.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Format and size.
    pub format: PictureFormat,
    /// The samples.
    pub planes: Planes<'a>,
    /// The part that is meant to be shown, where the buffer says so (`GstVideoCropMeta`).
    pub crop: Option<Crop>,
    /// Which picture of the buffer this is: 0, or its place in a batch of `nvstreammux`
    /// (`NvDsFrameMeta::batch_id`).
    pub index: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up() {
        let nv12 = |plane| PixelFormat::Nv12.plane_size(plane, 17, 13);
        assert_eq!([nv12(0), nv12(1)], [(17, 13), (18, 7)]);
        assert_eq!(PixelFormat::Bgrx.plane_size(0, 17, 13), (68, 13));
    }
}
