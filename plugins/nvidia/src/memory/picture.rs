//! A picture where it lies: on a device, in arrays of a device, or in system memory.

use super::frame::MappedGpuFrame;
use crate::kernels::source::{Samples, SourceFormat};
use crate::pipeline::Source;
use std::sync::Arc;
use vigil_analytics::frame::color::ColorMap;

pub use vigil_analytics::frame::{Colorimetry, Matrix};

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

impl PixelFormat {
    /// Where the samples of Y, U, V or R, G, B are.
    const fn components(self) -> [Samples; 3] {
        match self {
            Self::Nv12 => [
                samples(0, 0, 1, 0),
                samples(1, 0, 2, 1),
                samples(1, 1, 2, 1),
            ],
            Self::Rgba | Self::Rgbx => [
                samples(0, 0, 4, 0),
                samples(0, 1, 4, 0),
                samples(0, 2, 4, 0),
            ],
            Self::Bgra | Self::Bgrx => [
                samples(0, 2, 4, 0),
                samples(0, 1, 4, 0),
                samples(0, 0, 4, 0),
            ],
        }
    }
}

const fn samples(plane: usize, offset: usize, step: usize, sub: u32) -> Samples {
    Samples {
        plane,
        offset,
        step,
        sub_x: sub,
        sub_y: sub,
    }
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

impl PictureFormat {
    /// The format as the kernels take it. `linear_chroma` is whether chroma is interpolated.
    pub fn for_kernels(&self, linear_chroma: bool) -> SourceFormat {
        let colorimetry = &self.colorimetry;
        SourceFormat {
            components: self.pixels.components(),
            color: ColorMap::new(self.pixels.is_yuv(), colorimetry),
            linear_chroma,
            cosited_x: colorimetry.cosited_x,
            cosited_y: colorimetry.cosited_y,
            width: self.width,
            height: self.height,
        }
    }
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
    /// Block-linear memory, whose layout only the texture units know.
    Textures {
        /// A texture object (`CUtexObject`) for each plane, read as integers.
        textures: [u64; 2],
    },
    /// System memory, that has to be uploaded.
    Host {
        /// The planes.
        planes: [HostPlane<'a>; 2],
    },
}

impl<'a> Picture<'a> {
    /// The samples as a [`Pipeline`](crate::pipeline::Pipeline) takes them. What it reads on the GPU
    /// is kept by `keep`, the guard that the picture is from, until it has been read.
    pub fn source(&self, keep: &Arc<MappedGpuFrame>) -> Source<'a> {
        match (self.planes.on_device(), self.planes) {
            (Some(planes), _) => Source::Device {
                planes,
                keep: Box::new(keep.clone()),
            },
            (None, Planes::Host { planes: [a, b] }) => {
                let plane = |plane: HostPlane<'a>| crate::pipeline::HostPlane {
                    data: plane.data,
                    pitch: plane.pitch,
                };
                Source::Host([plane(a), plane(b), Default::default()])
            }
            (None, _) => Source::Host(Default::default()),
        }
    }
}

impl Planes<'_> {
    /// The planes as the kernels take them; `None` for those that have to be uploaded.
    pub fn on_device(&self) -> Option<crate::kernels::source::Planes> {
        use crate::kernels::source::Planes as OnDevice;
        match *self {
            Self::Device {
                ptrs: [a, b],
                pitches: [c, d],
            } => Some(OnDevice::Linear([a, b, 0], [c, d, 0])),
            Self::Textures { textures: [a, b] } => Some(OnDevice::Textured([a, b, 0])),
            Self::Host { .. } => None,
        }
    }
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
    fn planes_have_the_size_that_the_kernels_expect() {
        for pixels in PixelFormat::ALL {
            for (width, height) in [(64, 48), (17, 13), (1, 1)] {
                let format = PictureFormat {
                    pixels,
                    width,
                    height,
                    colorimetry: Colorimetry::video(Matrix::Bt709, false),
                };
                let kernels = format.for_kernels(true);
                assert_eq!(kernels.planes(), pixels.planes());
                for plane in 0..pixels.planes() {
                    let (row, rows) = pixels.plane_size(plane, width as usize, height as usize);
                    let (theirs, their_rows) = kernels.plane_size(plane);
                    assert_eq!(rows, their_rows, "{pixels}");
                    // A fourth byte that nobody reads ends a row.
                    assert!(
                        theirs == row || theirs + 1 == row,
                        "{pixels} {theirs} {row}"
                    );
                }
            }
        }
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        let nv12 = |plane| PixelFormat::Nv12.plane_size(plane, 17, 13);
        assert_eq!([nv12(0), nv12(1)], [(17, 13), (18, 7)]);
        assert_eq!(PixelFormat::Bgrx.plane_size(0, 17, 13), (68, 13));
    }
}
