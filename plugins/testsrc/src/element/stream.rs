//! What the streaming thread works with: the scene, its conversion, its description.

use super::settings::FrameSettings;
use super::truth::{Describer, Frame};
use super::video;
use crate::convert::Converter;
use crate::scene::{Object, Scene, SceneOptions};
use std::time::{Duration, Instant};

/// From `start` to `stop`.
pub(super) struct Stream {
    options: SceneOptions,
    format: Option<StreamFormat>,
    describer: Describer,
}

struct StreamFormat {
    info: gst_video::VideoInfo,
    scene: Scene,
    converter: Converter,
    noise: f64,
}

/// Times that a frame took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub render: Duration,
    pub convert: Duration,
    /// Objects of which something can be seen.
    pub visible: usize,
}

/// Why a frame cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error("there are no caps yet")]
    NoCaps,
    #[error("{0}")]
    Video(String),
    #[error("{0}")]
    Scene(#[from] crate::scene::SizeError),
    #[error("the buffer does not fit the caps: {0}")]
    Buffer(#[from] crate::convert::PlaneTooShort),
    #[error("{0}")]
    Gst(#[from] gst::glib::BoolError),
}

impl Stream {
    pub fn new(options: SceneOptions) -> Self {
        Self {
            options,
            format: None,
            describer: Describer::new(),
        }
    }

    /// Takes over caps. The scene is kept where its size is the same.
    pub fn set_info(
        &mut self,
        info: gst_video::VideoInfo,
        settings: FrameSettings,
    ) -> Result<(), StreamError> {
        let cannot = |what: &str| StreamError::Video(format!("cannot make {what} video"));
        if info.is_interlaced() {
            return Err(cannot(&format!("{:?}", info.interlace_mode())));
        }
        let target = video::target(&info).ok_or_else(|| cannot(info.format().to_str()))?;
        let size = (info.width(), info.height());
        let scene = match self.format.take() {
            Some(old) if (old.info.width(), old.info.height()) == size => old.scene,
            _ => Scene::new(&self.options, size.0, size.1)?,
        };
        self.format = Some(StreamFormat {
            info,
            scene,
            converter: Converter::new(target, self.options.seed, settings.noise),
            noise: settings.noise,
        });
        Ok(())
    }

    /// Draws the scene at `pts` into `buffer`.
    pub fn make(
        &mut self,
        buffer: &mut gst::BufferRef,
        pts: gst::ClockTime,
        settings: FrameSettings,
    ) -> Result<Made, StreamError> {
        let format = self.format.as_mut().ok_or(StreamError::NoCaps)?;
        if format.noise != settings.noise {
            format.noise = settings.noise;
            format
                .converter
                .set_noise(self.options.seed, settings.noise);
        }
        let started = Instant::now();
        let time = pts.nseconds();
        format.scene.render(time as f64 / 1e9);
        let rendered = Instant::now();
        {
            let mut frame =
                gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, &format.info)?;
            let StreamFormat {
                converter, scene, ..
            } = format;
            video::with_planes(&mut frame, |planes| {
                converter.run(scene.pixels(), time, planes)
            })?;
        }
        let made = Made {
            render: rendered - started,
            convert: rendered.elapsed(),
            visible: format
                .scene
                .truth()
                .iter()
                .filter(|o| o.visible > 0.0)
                .count(),
        };
        if settings.ground_truth {
            let frame = Frame {
                seed: self.options.seed,
                pts,
                size: (format.info.width(), format.info.height()),
                tracks: settings.tracks,
            };
            self.describer
                .describe(buffer, frame, format.scene.truth(), settings.flaws)?;
        }
        Ok(made)
    }

    /// Size of the frame that was made last, and what is on it.
    pub fn truth(&self) -> ((u32, u32), &[Object]) {
        match &self.format {
            Some(format) => {
                let size = (format.info.width(), format.info.height());
                (size, format.scene.truth())
            }
            None => ((0, 0), &[]),
        }
    }
}
