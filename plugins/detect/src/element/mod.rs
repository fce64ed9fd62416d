//! The element `vigildetect`: a thin shell around [`crate::detector`], [`crate::replay`] and
//! [`crate::schedule`].

mod details;
mod finder;
mod focus;
mod imp;
mod inference;
mod network;
mod replay;
mod session;
mod settings;
mod shared;
mod stats;

use crate::engine::Precision;
use crate::preprocess::Chroma;
use crate::schedule::Mode;
use gst::glib;
use gst::prelude::*;

/// Which engine to use.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectEngine")]
#[non_exhaustive]
pub enum EngineChoice {
    /// The best engine that is on this machine and takes the model.
    #[default]
    #[enum_value(name = "The best engine that is present", nick = "auto")]
    Auto,
    /// OpenVINO.
    #[enum_value(name = "OpenVINO, a set of shared libraries", nick = "openvino")]
    OpenVino,
    /// ONNX Runtime.
    #[enum_value(name = "ONNX Runtime, a shared library", nick = "onnxruntime")]
    OnnxRuntime,
    /// rten.
    #[enum_value(name = "rten, built in", nick = "rten")]
    Rten,
    /// No network: recorded detections.
    #[enum_value(
        name = "No network: detections recorded in the file that model names",
        nick = "replay"
    )]
    Replay,
}

/// What the engine calculates in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectPrecision")]
#[non_exhaustive]
pub enum PrecisionChoice {
    /// As the file says.
    #[default]
    #[enum_value(
        name = "As the file says: 32-bit floats, and integers where it is quantised",
        nick = "f32"
    )]
    F32,
    /// Faster, less exact.
    #[enum_value(
        name = "16-bit floats (OpenVINO, on CPUs that have them): faster, less exact",
        nick = "bf16"
    )]
    Bf16,
}

impl From<PrecisionChoice> for Precision {
    fn from(choice: PrecisionChoice) -> Self {
        match choice {
            PrecisionChoice::F32 => Self::F32,
            PrecisionChoice::Bf16 => Self::Bf16,
        }
    }
}

/// What the threads are divided for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectMode")]
#[non_exhaustive]
pub enum ModeChoice {
    /// What suits the stream.
    #[default]
    #[enum_value(
        name = "Latency for a live stream, throughput for any other",
        nick = "auto"
    )]
    Auto,
    /// All threads on one frame.
    #[enum_value(
        name = "All threads work on one frame: the shortest time for it",
        nick = "latency"
    )]
    Latency,
    /// A frame for each thread.
    #[enum_value(
        name = "Each thread works on a frame of its own: the most frames a second",
        nick = "throughput"
    )]
    Throughput,
}

impl ModeChoice {
    /// What this stream gets.
    fn of_stream(self, live: bool) -> Mode {
        match self {
            Self::Latency => Mode::Latency,
            Self::Throughput => Mode::Throughput,
            Self::Auto if live => Mode::Latency,
            Self::Auto => Mode::Throughput,
        }
    }
}

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

glib::wrapper! {
    /// Detects objects on video frames with a YOLO model, or replays recorded ones, and adds a `GstAnalyticsODMtd` for each.
    ///
    /// ```sh
    /// gst-launch-1.0 filesrc location=street.mp4 ! decodebin3 ! \
    ///     vigildetect model=yolov8n.onnx ! vigiltrack ! \
    ///     objectdetectionoverlay ! videoconvert ! autovideosink
    /// ```
    ///
    /// Frames are taken in the decoder's own format: no `videoconvert` is needed before it. They
    /// leave in order and unchanged, inferred ones with a relation meta, even an empty one.
    ///
    /// With `engine=replay` no network runs: `model` is then a file of recorded detections.
    pub struct VigilDetect(ObjectSubclass<imp::VigilDetect>)
        @extends gst::Element, gst::Object;
}

/// Registers the element.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "vigildetect",
        gst::Rank::NONE,
        VigilDetect::static_type(),
    )
}
