//! The drawing on the video: what was found, who it is, where it came from, and what happened.
//!
//! A pad probe draws straight onto the frame, in the thread that encodes. Frames are I420, which is
//! what decoders give and encoders take: nothing is converted, and only the pixels that change are
//! touched. A frame that the decoder still needs is copied by GStreamer when it is mapped.
//!
//! | module | what |
//! |---|---|
//! | [`surface`] | a picture, its colours, and how they are blended |
//! | [`stencil`] | shapes as coverage of pixels |
//! | [`layout`] | zones and lines, made for a size of pictures |
//! | [`trails`] | where objects came from |
//! | [`board`] | what has happened so far |
//! | [`paint`] | puts all of it on a picture |

mod board;
mod layout;
mod paint;
mod stencil;
mod surface;
mod trails;

use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use vigil_analytics::stats::Latencies;
use vigil_analytics::{Object, objects};

use crate::Result;
use crate::happening::Happening;
use crate::scene::Scene;
use board::Board;
use layout::Layout;
use paint::{Painter, Tools};
pub use stencil::StencilRef;
use surface::{Brush, Plane, Surface};
use trails::Trails;

/// Draws on the buffers of a pad.
pub struct Overlay {
    state: Mutex<State>,
}

struct State {
    scene: Scene,
    format: Option<Format>,
    board: Board,
    trails: Trails,
    tools: Tools,
    brush: Brush,
    objects: Vec<Object>,
    cost: Latencies,
}

/// What caps say, and what follows from it.
struct Format {
    caps: gst::Caps,
    info: VideoInfo,
    layout: Layout,
}

impl Overlay {
    /// Draws `scene` and what is found and happens on the buffers of `pad`, which must be I420.
    pub fn attach(pad: &gst::Pad, scene: Scene) -> Result<Arc<Self>> {
        let overlay = Arc::new(Self {
            state: Mutex::new(State {
                // Where zones and lines are, who comes and goes is noise beside what they tell.
                board: Board::new(scene.shapes.is_empty()),
                scene,
                format: None,
                trails: Trails::default(),
                tools: Tools::new()?,
                brush: Brush::default(),
                objects: Vec::new(),
                cost: Latencies::default(),
            }),
        });
        let draws = overlay.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let (Some(buffer), Ok(mut state)) = (info.buffer_mut(), draws.state.lock())
                && let Some(caps) = pad.current_caps()
            {
                state.draw(buffer, &caps);
            }
            gst::PadProbeReturn::Ok
        });
        Ok(overlay)
    }

    /// What drawing cost, by frame.
    pub fn cost(&self) -> Latencies {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.cost.clone()
    }
}

impl State {
    /// Draws on a buffer. One that is in no memory of the processor's, or in another format, is
    /// left as it is.
    fn draw(&mut self, buffer: &mut gst::Buffer, caps: &gst::Caps) {
        let started = Instant::now();
        let Some(format) = Format::keep(&mut self.format, caps, &self.scene) else {
            return;
        };
        let now = buffer.pts().unwrap_or(gst::ClockTime::ZERO);
        objects::read(buffer, &mut self.objects);
        // Those behind first, so that those in front are drawn over them.
        let foot = |object: &Object| object.bbox.y + object.bbox.h;
        self.objects.sort_by(|a, b| foot(a).total_cmp(&foot(b)));
        for event in Happening::of(buffer) {
            self.board.note(&event, now);
        }
        self.board.tidy(now);
        self.trails.update(&self.objects, now);

        let mapped = VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &format.info);
        let Ok(mut frame) = mapped else { return };
        let size = (frame.width(), frame.height());
        let strides = [0, 1, 2].map(|plane| frame.plane_stride()[plane]);
        let [y, u, v, _] = frame.planes_data_mut();
        let planes = [(y, strides[0]), (u, strides[1]), (v, strides[2])].map(|(data, stride)| {
            let stride = usize::try_from(stride).unwrap_or_default();
            Plane { data, stride }
        });
        let Some(surface) = Surface::new(size, planes, &mut self.brush) else {
            return;
        };
        Painter {
            surface,
            tools: &mut self.tools,
            colorimetry: format.info.colorimetry(),
            layout: &format.layout,
            board: &self.board,
            now,
        }
        .picture(&self.objects, &mut self.trails);
        self.cost.add(started.elapsed());
    }
}

impl Format {
    /// The format of these caps, made where they are not those of the frame before.
    fn keep<'a>(kept: &'a mut Option<Self>, caps: &gst::Caps, scene: &Scene) -> Option<&'a Self> {
        let same = |format: &Self| format.caps.as_ptr() == caps.as_ptr();
        if !kept.as_ref().is_some_and(same) {
            *kept = Self::new(caps, scene);
        }
        kept.as_ref()
    }

    fn new(caps: &gst::Caps, scene: &Scene) -> Option<Self> {
        let info = VideoInfo::from_caps(caps).ok()?;
        (info.format() == VideoFormat::I420).then(|| Self {
            caps: caps.clone(),
            layout: Layout::new(scene, (info.width(), info.height())),
            info,
        })
    }
}

#[cfg(test)]
mod tests;
