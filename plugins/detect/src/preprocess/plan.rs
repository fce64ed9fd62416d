//! How frames of one format and size become the tensor.

use super::area::Area;
use super::bilinear::Bilinear;
use super::kernel::Level;
use super::letterbox::{Fit, Letterbox};
use super::pillow::Pillow;
use super::taps::shrinks;
use super::{Affine, Resize, Sampling, TensorFormat};
use super::{FrameFormat, FrameView};

/// How samples are made.
enum Way {
    Bilinear(Box<Bilinear>),
    Area(Box<Area>),
    Pillow(Box<Pillow>),
}

/// What depends on the sizes and formats only; made when they change.
pub(super) struct Plan {
    pub frame: FrameFormat,
    pub sampling: Sampling,
    pub letterbox: Letterbox,
    way: Way,
}

impl Plan {
    pub fn new(frame: FrameFormat, tensor: &TensorFormat) -> Self {
        let letterbox = Letterbox::new(
            (frame.width as u32, frame.height as u32),
            (tensor.width, tensor.height),
            tensor.fit,
        );
        let Sampling { chroma, resize } = tensor.sampling;
        let way = if tensor.fit == Fit::CentreCrop {
            // Whatever `resize` says: it covers what it shrinks by itself.
            Way::Pillow(Box::new(Pillow::new(&frame, letterbox, chroma)))
        } else if resize == Resize::Area && covers_areas(&frame, &letterbox) {
            Way::Area(Box::new(Area::new(&frame, letterbox, chroma)))
        } else {
            Way::Bilinear(Box::new(Bilinear::new(frame, letterbox, chroma)))
        };
        Self {
            frame,
            sampling: tensor.sampling,
            letterbox,
            way,
        }
    }

    /// Fills the picture's part of the planes R, G, B, whose rows are `width` apart; `affine` is for
    /// R, G, B too.
    pub fn run(
        &mut self,
        level: Level,
        frame: &FrameView,
        affine: [Affine; 3],
        width: usize,
        planes: [&mut [f32]; 3],
    ) {
        match &mut self.way {
            Way::Bilinear(way) => way.run(level, frame, affine, width, planes),
            Way::Area(way) => way.run(level, frame, affine, width, planes),
            Way::Pillow(way) => way.run(level, frame, affine, width, planes),
        }
    }
}

/// Whether a frame shrinks by more than 2 along some axis.
pub(super) fn covers_areas(frame: &FrameFormat, letterbox: &Letterbox) -> bool {
    let (width, height) = letterbox.content;
    shrinks(frame.width, width as usize) || shrinks(frame.height, height as usize)
}
