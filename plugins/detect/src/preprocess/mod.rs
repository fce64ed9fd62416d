//! A frame in its own format to the input tensor of a model, in one pass.
//!
//! ```text
//!   YUV:  planes ──colour map──► R G B of a source row ──┐
//!   RGB:  packed row ────────────────────────────────────┴─► blend 2 columns ─► blend 2 rows ─► tensor
//! ```
//!
//! The tensor is filled row by row. Each of its rows is a blend of two rows of the frame, which
//! are converted and resampled when they are first needed and kept while they are; rows that no
//! output row needs are never touched. So there is no converted copy of the frame, and the work is that of
//! the rows that are looked at.
//!
//! The values are those of the pictures that models are trained and compared with: 8-bit levels
//! of R, G, B at the frame's own size (clamped there, which matters at the edges of saturated
//! colours), resampled to 8-bit levels again as `cv2.resize(INTER_LINEAR)` does, in its fixed-point
//! arithmetic: in every tenth sample that is another level than the nearest one, which moves the
//! scores of some models by 0.03. Subsampled chroma belongs to the pixels that share it, as
//! OpenCV, FFmpeg and `videoconvert` have it by default, or is interpolated between the places
//! where it stands ([`Chroma`]). Pictures of classifiers that were trained with torchvision are
//! resampled as Pillow does ([`Fit::CentreCrop`]).
//!
//! On request a frame that shrinks by more than 2 is averaged instead ([`Resize::Area`]): every
//! sample counts, in one pass too, rows before columns and both before colours.
//!
//! Runs on a detector's worker threads; each has its own [`Preprocessor`].

mod area;
mod bilinear;
mod kernel;
pub mod letterbox;
mod pillow;
mod plan;
pub mod reference;
mod rows;
mod sites;
mod taps;

pub use crate::model::ChannelOrder;
pub use letterbox::{Fit, Letterbox};
pub use vigil_analytics::frame::{
    Colorimetry, Component, FrameFormat, FrameTooShort, FrameView, Matrix, PixelFormat, Plane,
};

use crate::model::InputSpec;
use kernel::Level;
use plan::Plan;

/// How a pixel gets its colour where pixels share chroma samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chroma {
    /// From the sample that it shares with its neighbours, whatever the siting: what the decoders
    /// give whose pictures models are trained on and compared with.
    #[default]
    Nearest,
    /// Interpolated between samples at the places that the chroma siting gives them. Truer to the
    /// picture; small objects may score differently than with a model's own framework, by more
    /// than 0.1 where a sample is cosited.
    Linear,
}

/// How a frame is brought to the size of the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resize {
    /// Each sample from the two neighbours along each axis that it lies between: what the models'
    /// own frameworks do. A frame that shrinks by more than 2 loses rows and columns.
    #[default]
    Bilinear,
    /// Along an axis that shrinks by more than 2, each sample is the mean of what it covers, as
    /// with OpenCV's `INTER_AREA`, with its fractions of a level; a frame that shrinks by less, or
    /// grows, is as with [`Bilinear`](Self::Bilinear).
    Area,
}

/// How samples of the tensor are made from those of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampling {
    /// How subsampled chroma is sampled.
    pub chroma: Chroma,
    /// How the frame is resized.
    pub resize: Resize,
}

/// What becomes of a level 0..255: `level · scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Factor.
    pub scale: f32,
    /// What is added then.
    pub offset: f32,
}

impl Affine {
    /// A factor alone, such as 1/255.
    pub const fn scale(scale: f32) -> Self {
        Self { scale, offset: 0.0 }
    }

    /// The sample of a level.
    pub fn sample(self, level: f32) -> f32 {
        level * self.scale + self.offset
    }
}

/// What the input tensor is to hold: f32, planar, `[3, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorFormat {
    /// Width of the input.
    pub width: u32,
    /// Height of the input.
    pub height: u32,
    /// How the frame is fitted in.
    pub fit: Fit,
    /// Order of the planes.
    pub order: ChannelOrder,
    /// From levels to the model's range, for each plane in the tensor's order.
    pub affine: [Affine; 3],
    /// Level around the picture, 0..255.
    pub pad: u8,
    /// How its samples are made.
    pub sampling: Sampling,
}

impl TensorFormat {
    /// The tensor of a model's input.
    pub fn new(input: &InputSpec, sampling: Sampling) -> Self {
        Self {
            width: input.width,
            height: input.height,
            fit: input.fit,
            order: input.order,
            affine: std::array::from_fn(|plane| Affine {
                scale: input.scale / input.std[plane],
                offset: -input.mean[plane] / input.std[plane],
            }),
            pad: input.pad,
            sampling,
        }
    }
}

/// Frames of so many formats and sizes come by turns before their tables are made again.
const MOST_PLANS: usize = 16;

/// Fills input tensors from frames. Keeps its tables and rows from frame to frame: nothing is
/// allocated while formats and sizes stay, or come by turns.
pub struct Preprocessor {
    tensor: TensorFormat,
    /// The one that was used last is the first.
    plans: Vec<Plan>,
    /// Address of the tensor whose borders have been painted, and around what: offset and size.
    painted: Option<(usize, [(u32, u32); 2])>,
    level: Level,
}

impl Preprocessor {
    /// A preprocessor for one model.
    pub fn new(tensor: TensorFormat) -> Self {
        Self {
            tensor,
            plans: Vec::new(),
            painted: None,
            level: Level::detect(),
        }
    }

    /// How samples are made from now on.
    pub fn set_sampling(&mut self, sampling: Sampling) {
        self.tensor.sampling = sampling;
    }

    /// The tables for frames like this one.
    fn plan(&mut self, frame: &FrameFormat) -> &mut Plan {
        let is_right = |plan: &Plan| plan.frame == *frame && plan.sampling == self.tensor.sampling;
        match self.plans.iter().position(is_right) {
            Some(index) => self.plans[..=index].rotate_right(1),
            None => {
                self.plans.truncate(MOST_PLANS - 1);
                self.plans.insert(0, Plan::new(*frame, &self.tensor));
            }
        }
        &mut self.plans[0]
    }

    /// Fills `tensor` (`3 · height · width` floats) from `frame` and says how the frame was
    /// fitted in; of a [part](FrameView::part) of a frame, with where it is in it.
    ///
    /// The borders around the picture are painted when sizes change or another tensor is given:
    /// callers leave the tensor to this function between calls.
    ///
    /// # Panics
    /// If `tensor` has another length.
    pub fn run(&mut self, frame: &FrameView, tensor: &mut [f32]) -> Letterbox {
        let (format, level) = (self.tensor, self.level);
        let (width, height) = (format.width as usize, format.height as usize);
        assert_eq!(tensor.len(), 3 * width * height, "length of the tensor");
        let letterbox = self.plan(frame.format()).letterbox;
        let place = [letterbox.offset, letterbox.content];
        let painted = Some((tensor.as_ptr() as usize, place));
        let is_painted = self.painted == painted;
        self.painted = painted;
        let mut planes = tensor.chunks_exact_mut(width * height);
        let mut planes: [&mut [f32]; 3] =
            std::array::from_fn(|_| planes.next().unwrap_or_default());
        let mut affine = format.affine;
        if !is_painted {
            let pad = f32::from(format.pad);
            for (plane, affine) in planes.iter_mut().zip(affine) {
                plane.fill(affine.sample(pad));
            }
        }
        if format.order == ChannelOrder::Bgr {
            planes.reverse();
            affine.reverse();
        }
        (self.plan(frame.format())).run(level, frame, affine, width, planes);
        letterbox.within(frame.origin())
    }
}

#[cfg(test)]
mod tests;
