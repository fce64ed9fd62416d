//! The properties that say how the samples of the model's input are made from those of a frame.

use crate::preprocess::{Chroma, Resize, Sampling};
use gst::glib;
use gst::prelude::*;

/// How pixels get their colour where they share chroma samples.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectChromaResampler")]
#[non_exhaustive]
pub enum ChromaResampler {
    /// From the sample that they share.
    #[default]
    #[enum_value(
        name = "From the sample that they share, as OpenCV and videoconvert do",
        nick = "nearest"
    )]
    Nearest,
    /// Interpolated, honouring the chroma siting.
    #[enum_value(
        name = "Interpolated between samples, honouring the chroma siting",
        nick = "linear"
    )]
    Linear,
}

impl From<ChromaResampler> for Chroma {
    fn from(resampler: ChromaResampler) -> Self {
        match resampler {
            ChromaResampler::Nearest => Self::Nearest,
            ChromaResampler::Linear => Self::Linear,
        }
    }
}

/// How a frame is brought to the size of the model's input.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectResize")]
#[non_exhaustive]
pub enum ResizeChoice {
    /// Between neighbours.
    #[default]
    #[enum_value(
        name = "From the nearest two rows and columns, as the models' own frameworks do",
        nick = "bilinear"
    )]
    Bilinear,
    /// Means of areas.
    #[enum_value(
        name = "The mean of what each sample covers, where a frame shrinks by more than 2",
        nick = "area"
    )]
    Area,
}

impl From<ResizeChoice> for Resize {
    fn from(choice: ResizeChoice) -> Self {
        match choice {
            ResizeChoice::Bilinear => Self::Bilinear,
            ResizeChoice::Area => Self::Area,
        }
    }
}

/// Values of the properties, as set.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct SamplingSettings {
    chroma_resampler: ChromaResampler,
    resize: ResizeChoice,
}

impl From<SamplingSettings> for Sampling {
    fn from(settings: SamplingSettings) -> Self {
        Self {
            chroma: settings.chroma_resampler.into(),
            resize: settings.resize.into(),
        }
    }
}

impl SamplingSettings {
    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        vec![
            glib::ParamSpecEnum::builder_with_default("chroma-resampler", default.chroma_resampler)
                .nick("Chroma resampler")
                .blurb("How pixels get their colour where they share chroma samples")
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("resize", default.resize)
                .nick("Resize")
                .blurb(
                    "How a frame is brought to the size of the model's input; area keeps small \
                     objects on frames that shrink by more than 2",
                )
                .mutable_ready()
                .build(),
        ]
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "chroma-resampler" => {
                self.chroma_resampler = value.get().unwrap_or(self.chroma_resampler);
            }
            "resize" => self.resize = value.get().unwrap_or(self.resize),
            _ => {}
        }
    }

    /// One property's value.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        match name {
            "chroma-resampler" => Some(self.chroma_resampler.to_value()),
            "resize" => Some(self.resize.to_value()),
            _ => None,
        }
    }
}
