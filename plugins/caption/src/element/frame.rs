//! The pixels of one frame: mapped and copied at most once, and only if anybody wants them.

use std::sync::Arc;
use vigil_analytics::frame::FrameView;
use vigil_analytics::frame::video::{frame_format, frame_view};

use crate::picture::{Picture, Scaler, fit};

/// Calls `f` with the pixels of a buffer.
///
/// # Errors
/// Why they cannot be read.
pub(super) fn with_pixels<T>(
    buffer: &gst::BufferRef,
    info: &gst_video::VideoInfo,
    f: impl FnOnce(&FrameView<'_>) -> T,
) -> Result<T, String> {
    let format = frame_format(info).ok_or_else(|| format!("{} cannot be read", info.format()))?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
        .map_err(|error| error.to_string())?;
    let view = frame_view(format, &frame).map_err(|error| error.to_string())?;
    Ok(f(&view))
}

/// The whole frame as a picture, made when it is first wanted.
pub(super) struct Whole<'a, 'b> {
    view: &'a FrameView<'b>,
    most: usize,
    picture: Option<Arc<Picture>>,
}

impl<'a, 'b> Whole<'a, 'b> {
    /// A picture whose longer side is `most` at most.
    pub fn new(view: &'a FrameView<'b>, most: usize) -> Self {
        Self {
            view,
            most,
            picture: None,
        }
    }

    pub fn get(&mut self, scaler: &mut Scaler) -> Arc<Picture> {
        let make = || {
            let format = self.view.format();
            let (width, height) = fit(format.width, format.height, self.most);
            Arc::new(scaler.copy(self.view, width, height))
        };
        self.picture.get_or_insert_with(make).clone()
    }

    /// Whether it was made.
    pub fn is_made(&self) -> bool {
        self.picture.is_some()
    }
}
