//! What the kernels are given: the same structures as in `picture.cuh`, `preprocess.cu`, `head.cuh`
//! and `nms.cuh`, field by field.

/// One colour component of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct Component {
    /// Address of the picture's first sample; for textures, the texture.
    pub base: u64,
    /// Bytes from row to row.
    pub pitch: u32,
    /// Bytes from sample to sample.
    pub step: u32,
    /// Textures: first column of the picture, in samples.
    pub x: u32,
    /// Textures: first row of the picture, in samples.
    pub y: u32,
    /// Textures: which of a texel's samples.
    pub channel: u32,
    /// Binary logarithm of the horizontal subsampling.
    pub sub_x: u32,
    /// Binary logarithm of the vertical subsampling.
    pub sub_y: u32,
    /// Samples of the picture along x.
    pub columns: u32,
    /// Samples of the picture along y.
    pub rows: u32,
    /// Zero.
    pub reserved: u32,
}

/// One picture of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct PictureParams {
    /// Y, U, V or R, G, B.
    pub components: [Component; 3],
    /// Source pixels per pixel of the content, along x and y.
    pub ratio: [f64; 2],
    /// Size of the source (or of the part of it that is used), in pixels.
    pub size: [u32; 2],
    /// Left and top of the content in the tensor.
    pub offset: [u32; 2],
    /// Size of the content in the tensor.
    pub content: [u32; 2],
    /// Rows for R, G, B.
    pub matrix: [[f32; 3]; 3],
    /// Added to R, G, B.
    pub color_offset: [f32; 3],
    /// 1: chroma is interpolated.
    pub linear: u32,
    /// Where the first chroma sample stands, in pixels.
    pub first: [f32; 2],
    /// Tensor pixels per source pixel.
    pub gain: [f32; 2],
    /// Where the part is in the source.
    pub origin: [f32; 2],
    /// 1: samples are read through textures.
    pub textured: u32,
}

/// The tensor that preprocessing fills: planar, `[pictures, 3, height, width]`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct Target {
    /// Where it is.
    pub tensor: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// A number of the tensor is `level · scale + offset`; for each plane, in the tensor's order.
    pub scale: [f32; 3],
    /// See `scale`.
    pub offset: [f32; 3],
    /// Level around the picture, 0..=255.
    pub pad: f32,
    /// 1: blue is the first plane.
    pub reversed: u32,
}

/// Where the outputs of a batch are, and what to make of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct HeadParams {
    /// The outputs that are read.
    pub outputs: [u64; 3],
    /// A threshold for each class, f32.
    pub thresholds: u64,
    /// `capacity` keys for each picture, u64.
    pub keys: u64,
    /// Candidates of each picture, u32; zero before.
    pub counts: u64,
    /// `most_kept` of [`Kept`] for each picture.
    pub kept: u64,
    /// A result for each picture, `stride` bytes apart.
    pub results: u64,
    /// A [`Layout`](super::Layout).
    pub layout: u32,
    /// A [`NumberType`](super::NumberType): of labels.
    pub labels: u32,
    /// Boxes that the outputs have room for.
    pub rows: u32,
    /// Classes, at least 1.
    pub classes: u32,
    /// Thresholds, at least 1; classes beyond have the last one.
    pub known: u32,
    /// Keys of a picture: a power of two, and no fewer than there can be candidates.
    pub capacity: u32,
    /// Boxes that a picture's suppression has room to keep.
    pub most_kept: u32,
    /// Detections of a picture, at most.
    pub limit: u32,
    /// Candidates that are looked at, at most: the best.
    pub considered: u32,
    /// Bytes from result to result, a multiple of 8.
    pub stride: u32,
    /// Width and height of the input, in pixels.
    pub size: [f32; 2],
    /// The lowest threshold, at least 0; of raw DETR the logit just below it.
    pub least: f32,
    /// Intersection over union above which the worse box goes; 1 for none.
    pub iou: f32,
    /// Grids of YOLOX.
    pub grids: u32,
    /// Zero.
    pub reserved: u32,
    /// Columns, rows and stride of each grid.
    pub grid: [[u32; 3]; MOST_GRIDS],
}

/// Grids that a head can have.
pub const MOST_GRIDS: usize = 4;

/// A box that suppresses others; only the kernels look inside.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Kept {
    xyxy: [f32; 4],
    area: f32,
    class: u32,
}

/// What comes before the detections of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ResultHeader {
    /// Detections that follow.
    pub count: u32,
    /// Candidates that were found.
    pub candidates: u32,
    /// Zero.
    pub reserved: [u32; 2],
}

/// An object in a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct Detected {
    /// Left, top, right, bottom in pixels of the source; clipped to it, and with an area.
    pub xyxy: [f32; 4],
    /// Confidence, 0..=1.
    pub score: f32,
    /// Class id.
    pub class: u32,
}

const _: () = {
    assert!(size_of::<Component>() == 48);
    assert!(size_of::<PictureParams>() == 264);
    assert!(size_of::<Target>() == 48);
    assert!(size_of::<HeadParams>() == 176);
    assert!(size_of::<Kept>() == 24);
    assert!(size_of::<ResultHeader>() == 16);
    assert!(size_of::<Detected>() == 24);
};
