//! Pictures as the kernels see them, from what a caller knows of them.

use super::params::{Component, PictureParams};

pub use vigil_analytics::frame::color::ColorMap;

/// Where the samples of one colour component are in a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    /// Index of the plane.
    pub plane: usize,
    /// Byte offset of the first sample in a row; in an array, which of a texel's samples.
    pub offset: usize,
    /// Bytes from one sample of a row to the next.
    pub step: usize,
    /// Binary logarithm of the horizontal subsampling.
    pub sub_x: u32,
    /// Binary logarithm of the vertical subsampling.
    pub sub_y: u32,
}

/// Format and size of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceFormat {
    /// Y, U, V or R, G, B; grey has its one component three times.
    pub components: [Samples; 3],
    /// What the samples mean.
    pub color: ColorMap,
    /// Chroma is interpolated between its samples, which stand as the next two say; else a pixel has
    /// that which it shares with its neighbours.
    pub linear_chroma: bool,
    /// Chroma samples stand on luma columns, not between them.
    pub cosited_x: bool,
    /// Chroma samples stand on luma rows, not between them.
    pub cosited_y: bool,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

impl SourceFormat {
    /// How many planes there are.
    pub fn planes(&self) -> usize {
        let last = self.components.iter().map(|c| c.plane).max();
        last.map_or(0, |last| last + 1)
    }

    /// Bytes that a row of a plane holds, and how many rows it has.
    pub fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (mut bytes, mut rows) = (0, 0);
        for c in self.components.iter().filter(|c| c.plane == plane) {
            let columns = (self.width as usize).div_ceil(1 << c.sub_x);
            bytes = bytes.max((columns.max(1) - 1) * c.step + c.offset + 1);
            rows = rows.max((self.height as usize).div_ceil(1 << c.sub_y));
        }
        (bytes, rows)
    }
}

/// Where the planes of a picture are, for kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planes {
    /// Addresses, and bytes from row to row.
    Linear([u64; 3], [usize; 3]),
    /// Texture objects.
    Textured([u64; 3]),
}

/// Where a picture lies in the tensor: what `Letterbox` of the element says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// The part of the picture that is used: x, y, width, height. `x` and `y` are even, so that no
    /// chroma sample is shared with what is outside; all of it is in the picture.
    pub part: [u32; 4],
    /// Left and top in the tensor.
    pub offset: [u32; 2],
    /// Size in the tensor, at least 1 × 1.
    pub content: [u32; 2],
    /// Tensor pixels per picture pixel, by which boxes are brought back.
    pub gain: [f32; 2],
}

impl PictureParams {
    /// The parameters of a picture.
    pub fn new(format: &SourceFormat, planes: &Planes, placement: &Placement) -> Self {
        let [x, y, width, height] = placement.part;
        let component = |samples: Samples| {
            let (x, y) = (x >> samples.sub_x, y >> samples.sub_y);
            let c = Component {
                step: samples.step as u32,
                sub_x: samples.sub_x,
                sub_y: samples.sub_y,
                columns: width.div_ceil(1 << samples.sub_x),
                rows: height.div_ceil(1 << samples.sub_y),
                ..Default::default()
            };
            match planes {
                Planes::Linear(addresses, pitches) => {
                    let pitch = pitches[samples.plane];
                    let start = y as usize * pitch + x as usize * samples.step + samples.offset;
                    Component {
                        base: addresses[samples.plane] + start as u64,
                        pitch: pitch as u32,
                        ..c
                    }
                }
                Planes::Textured(textures) => Component {
                    base: textures[samples.plane],
                    x,
                    y,
                    channel: samples.offset as u32,
                    ..c
                },
            }
        };
        let first = |cosited: bool| if cosited { 0.0 } else { 0.5 };
        let ratio = |source: u32, content: u32| f64::from(source) / f64::from(content.max(1));
        Self {
            components: format.components.map(component),
            ratio: [
                ratio(width, placement.content[0]),
                ratio(height, placement.content[1]),
            ],
            size: [width, height],
            offset: placement.offset,
            content: placement.content,
            matrix: format.color.m,
            color_offset: format.color.offset,
            linear: u32::from(format.linear_chroma),
            first: [first(format.cosited_x), first(format.cosited_y)],
            gain: placement.gain,
            origin: [x as f32, y as f32],
            textured: u32::from(matches!(planes, Planes::Textured(_))),
        }
    }
}
