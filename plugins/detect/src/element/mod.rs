//! The element `vigildetect`: a thin shell around [`crate::detector`], [`crate::replay`] and
//! [`crate::schedule`].

mod details;
mod finder;
mod focus;
mod gpu;
mod imp;
mod inference;
mod network;
mod on;
mod replay;
mod sampling;
mod second;
mod session;
mod settings;
mod shared;
mod stats;

pub use gpu::nvds::NvdsMeta;
pub use on::OnChoice;
pub use sampling::{ChromaResampler, ResizeChoice};

use crate::engine::{EngineKind, Precision};
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
    /// TensorRT.
    #[enum_value(name = "TensorRT, on an NVIDIA GPU", nick = "tensorrt")]
    TensorRt,
    /// ONNX Runtime's TensorRT provider.
    #[enum_value(
        name = "ONNX Runtime with TensorRT, on an NVIDIA GPU",
        nick = "onnxruntime-tensorrt"
    )]
    OnnxRuntimeTensorRt,
    /// ONNX Runtime's CUDA provider.
    #[enum_value(
        name = "ONNX Runtime with CUDA, on an NVIDIA GPU",
        nick = "onnxruntime-cuda"
    )]
    OnnxRuntimeCuda,
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
    /// No network: DeepStream's.
    #[enum_value(
        name = "No network: what DeepStream's elements before this one found",
        nick = "deepstream"
    )]
    DeepStream,
}

impl EngineChoice {
    /// The inference engine, if it is one that is named.
    fn kind(self) -> Option<EngineKind> {
        match self {
            Self::TensorRt => Some(EngineKind::TensorRt),
            Self::OnnxRuntimeTensorRt => Some(EngineKind::OnnxRuntimeTensorRt),
            Self::OnnxRuntimeCuda => Some(EngineKind::OnnxRuntimeCuda),
            Self::OpenVino => Some(EngineKind::OpenVino),
            Self::OnnxRuntime => Some(EngineKind::OnnxRuntime),
            Self::Rten => Some(EngineKind::Rten),
            Self::Auto | Self::Replay | Self::DeepStream => None,
        }
    }
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
    /// Faster on GPUs.
    #[enum_value(
        name = "16-bit floats (on GPUs): faster, nearly as exact",
        nick = "f16"
    )]
    F16,
}

impl From<PrecisionChoice> for Precision {
    fn from(choice: PrecisionChoice) -> Self {
        match choice {
            PrecisionChoice::F32 => Self::F32,
            PrecisionChoice::Bf16 => Self::Bf16,
            PrecisionChoice::F16 => Self::F16,
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
    /// With `on=objects` the model looks at the objects that are on a frame already, as a second stage:
    /// `… ! vigildetect ! vigiltrack ! vigildetect on=objects on-classes=car model=colour.onnx ! …`
    ///
    /// With `engine=replay` no network runs: `model` is then a file of recorded detections.
    pub struct VigilDetect(ObjectSubclass<imp::VigilDetect>)
        @extends gst::Element, gst::Object;
}

/// Registers the element.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gpu::build::take_log();
    gst::Element::register(
        Some(plugin),
        "vigildetect",
        gst::Rank::NONE,
        VigilDetect::static_type(),
    )
}
