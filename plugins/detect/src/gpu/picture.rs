//! Frames as the kernels see them.

use crate::preprocess::{Chroma, FrameFormat, FrameView, Letterbox};
use vigil_nvidia::kernels::{ColorMap, Samples, SourceFormat};
use vigil_nvidia::pipeline::{HostPlane, Placement};

/// Format and size of a frame; as its planes are, so of a part of a frame that of the part.
pub(super) fn source_format(format: &FrameFormat, chroma: Chroma) -> SourceFormat {
    let colorimetry = &format.colorimetry;
    SourceFormat {
        components: format.pixels.components().map(|c| Samples {
            plane: c.plane,
            offset: c.offset,
            step: c.step,
            sub_x: c.sub_x,
            sub_y: c.sub_y,
        }),
        color: ColorMap::of(format),
        linear_chroma: chroma == Chroma::Linear,
        cosited_x: colorimetry.cosited_x,
        cosited_y: colorimetry.cosited_y,
        width: format.width as u32,
        height: format.height as u32,
    }
}

/// The planes of a frame in system memory.
pub(super) fn host_planes<'a>(frame: &FrameView<'a>) -> [HostPlane<'a>; 3] {
    frame.planes().map(|plane| HostPlane {
        data: plane.data,
        pitch: plane.stride,
    })
}

/// Where a part of a frame (x, y, width, height) lies in the tensor.
pub(super) fn placement(letterbox: &Letterbox, part: [u32; 4]) -> Placement {
    Placement {
        part,
        offset: letterbox.offset.into(),
        content: letterbox.content.into(),
        gain: letterbox.gain.into(),
    }
}
