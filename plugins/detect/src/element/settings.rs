//! The properties that a user sets, and what may be wrong with them.

use super::details::NEEDS_V1_26;
use super::focus::{Focus, FocusError};
use super::gpu::nvds::NvdsSettings;
use super::network::NetworkOptions;
use super::on::{On, OnError};
use super::sampling::SamplingSettings;
use super::{EngineChoice, ModeChoice, PrecisionChoice};
use crate::decode::Thresholds;
use crate::detector::LoadOptions;
use crate::engine;
use crate::model::{self, HeadKind, InputWishes, ModelError, Wishes};
use gst::glib;
use gst::prelude::*;
use std::path::PathBuf;
use std::time::Duration;
use vigil_analytics::property::store;

/// Values of the properties, as set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub model: Option<String>,
    pub labels: Option<String>,
    pub head: Option<String>,
    pub preprocess: Option<String>,
    pub engine: EngineChoice,
    pub precision: PrecisionChoice,
    pub device: u32,
    /// MiB.
    pub gpu_memory: u32,
    pub threads: u32,
    pub mode: ModeChoice,
    pub batch_size: u32,
    pub batch_timeout: u64,
    pub input_size: Option<String>,
    pub confidence_threshold: f32,
    pub iou_threshold: f32,
    pub max_detections: u32,
    pub classes: Option<String>,
    pub interval: u32,
    /// How samples of the tensor are made.
    pub sampling: SamplingSettings,
    /// Where on a frame to look, and on which frames.
    pub focus: Focus,
    pub attach_tensors: bool,
    /// Whether to look at frames or at objects.
    pub on: On,
    /// What is translated of DeepStream's metadata.
    pub nvds: NvdsSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            labels: None,
            head: None,
            preprocess: None,
            engine: EngineChoice::Auto,
            precision: PrecisionChoice::default(),
            device: 0,
            gpu_memory: 0,
            threads: 0,
            mode: ModeChoice::default(),
            batch_size: 0,
            batch_timeout: 0,
            input_size: None,
            confidence_threshold: 0.25,
            iou_threshold: 0.45,
            max_detections: 300,
            classes: None,
            interval: 0,
            sampling: SamplingSettings::default(),
            focus: Focus::default(),
            attach_tensors: false,
            on: On::default(),
            nvds: NvdsSettings::default(),
        }
    }
}

/// A property that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    #[error(
        "property model is not set: with engine=replay, give the path of a file of recorded \
         detections, for example model=det.txt"
    )]
    NoRecording,
    #[error(
        "property input-size is \"{0}\": it must be a side such as 640 or WIDTHxHEIGHT such as \
         640x384, from 1 to 8192"
    )]
    InputSize(String),
    #[error("property {0}")]
    Labels(ModelError),
    #[error("property head: {0}")]
    Head(String),
    #[error("property preprocess: {0}")]
    Preprocess(String),
    #[error("property {0}")]
    Classes(ModelError),
    #[error(transparent)]
    Focus(#[from] FocusError),
    #[error(transparent)]
    On(#[from] OnError),
    #[error(
        "property motion-gate cannot be true while frames are in a GPU's memory, where the CPU does not \
         read them: put cudadownload or nvvideoconvert before vigildetect"
    )]
    MotionOnGpu,
    #[error("property attach-tensors is true, but {0}")]
    Tensors(&'static str),
    #[error(
        "property attach-tensors is true, but {0} is set: tensors are of the whole frame; leave one of \
         them out"
    )]
    TensorsOfParts(&'static str),
}

/// How to replay.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReplayOptions {
    pub file: PathBuf,
    /// Names for class numbers.
    pub labels: Option<Vec<String>>,
    /// The property of this name.
    pub classes: String,
}

/// What the element is to do.
pub(super) enum Task {
    Network(Box<NetworkOptions>),
    Replay(ReplayOptions),
    DeepStream,
}

impl Settings {
    /// What to load.
    pub fn check(&self) -> Result<Task, SettingsError> {
        let labels = || {
            model::parse_labels(self.labels.as_deref().unwrap_or_default())
                .map_err(SettingsError::Labels)
        };
        let tensors = self.attach_tensors.then_some("attach-tensors");
        let whole = self.focus.tiles().or(tensors);
        let without_model = match self.engine {
            EngineChoice::Replay => Some("replay"),
            EngineChoice::DeepStream => Some("deepstream"),
            _ => None,
        };
        self.on.check(without_model, whole)?;
        let path = self.model.as_deref().filter(|path| !path.is_empty());
        let engine = match self.engine {
            EngineChoice::Replay => {
                return Ok(Task::Replay(ReplayOptions {
                    file: path.ok_or(SettingsError::NoRecording)?.into(),
                    labels: labels()?,
                    classes: self.classes.clone().unwrap_or_default(),
                }));
            }
            EngineChoice::DeepStream => return Ok(Task::DeepStream),
            choice => choice.kind(),
        };
        if let Some(why) = NEEDS_V1_26.filter(|_| self.attach_tensors) {
            return Err(SettingsError::Tensors(why));
        }
        if let Some(name) = self.focus.cuts_frames().filter(|_| self.attach_tensors) {
            return Err(SettingsError::TensorsOfParts(name));
        }
        Ok(Task::Network(Box::new(NetworkOptions {
            load: LoadOptions {
                model: path.map(PathBuf::from),
                wishes: Wishes {
                    labels: labels()?,
                    head: self.parse_head()?,
                    input: InputWishes::parse(self.preprocess.as_deref().unwrap_or_default())
                        .map_err(SettingsError::Preprocess)?,
                    sidecar: None,
                },
                engine,
                precision: self.precision.into(),
                device: self.device,
                gpu_memory: (self.gpu_memory > 0).then_some((self.gpu_memory as usize) << 20),
                threads: self.thread_count(),
                input_size: self.parse_input_size()?,
                batch: self.batch_size as usize,
            },
            sampling: self.sampling.into(),
            interval: self.interval,
            mode: self.mode,
            batch_timeout: Duration::from_nanos(self.batch_timeout),
            attach_tensors: self.attach_tensors,
        })))
    }

    /// The thresholds, with the classes looked up among these names.
    pub fn thresholds(&self, labels: &[String]) -> Result<Thresholds, SettingsError> {
        let classes = self.classes.as_deref().unwrap_or_default();
        Ok(Thresholds {
            confidence: self.confidence_threshold,
            iou: self.iou_threshold,
            max_detections: self.max_detections as usize,
            classes: model::parse_classes(classes, labels).map_err(SettingsError::Classes)?,
            class_score: self.on.class_threshold,
            max_classes: self.on.max_classes as usize,
        })
    }

    /// Threads for inference: as set, as far as that makes sense, or one for each core.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => engine::usable_threads(n as usize),
        }
    }

    /// Where other threads than were asked for are used: how many.
    pub fn threads_instead(&self) -> Option<usize> {
        let used = self.thread_count();
        (self.threads != 0 && self.threads as usize != used).then_some(used)
    }

    fn parse_head(&self) -> Result<Option<HeadKind>, SettingsError> {
        let name = self.head.as_deref().unwrap_or_default().trim();
        let head = (!name.is_empty()).then(|| model::parse_head(name));
        head.transpose().map_err(SettingsError::Head)
    }

    fn parse_input_size(&self) -> Result<Option<(u32, u32)>, SettingsError> {
        let Some(text) = self.input_size.as_deref().map(str::trim) else {
            return Ok(None);
        };
        if text.is_empty() {
            return Ok(None);
        }
        let side = |text: &str| {
            let side = text.trim().parse::<u32>().ok();
            side.filter(|side| (1..=8192).contains(side))
                .ok_or_else(|| SettingsError::InputSize(text.to_owned()))
        };
        let wrong = |_| SettingsError::InputSize(text.to_owned());
        Ok(Some(match text.split_once(['x', 'X']) {
            Some((width, height)) => (side(width).map_err(wrong)?, side(height).map_err(wrong)?),
            None => {
                let side = side(text).map_err(wrong)?;
                (side, side)
            }
        }))
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        let mut specs = vec![
            glib::ParamSpecString::builder("model")
                .nick("Model")
                .blurb(
                    "Path of the ONNX file of a detector or classifier (default: the built-in one, for rendered \
                     scenes such as vigiltestsrc's); with engine=replay, of a file of recorded \
                     detections (MOTChallenge or JSON Lines)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("labels")
                .nick("Labels")
                .blurb(
                    "Names of the classes: path of a text file with one a line, or a list \
                     separated by ';' (default: the names in the model; with engine=replay, \
                     MOTChallenge's)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("head")
                .nick("Head")
                .blurb(
                    "How the model's outputs are read: yolov5, yolov6, yolov8, yolox, nanodet, \
                     fastestdet, yolo-nas, end-to-end, detr, detr-rows, detr-decoded, yolov8-seg, -pose, \
                     -obb, end-to-end-seg, -pose, -obb, or of a classifier classify, \
                     classify-logits, classify-sigmoid (default: as the file beside the model says, \
                     else as the model shows)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("preprocess")
                .nick("Preprocess")
                .blurb(
                    "How pictures are prepared, as key=value separated by ';': colour, scale, mean, \
                     std, fit and pad, for example colour=bgr;scale=1;fit=stretch (default: as the \
                     file beside the model says, else by habit of its family)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("engine", default.engine)
                .nick("Engine")
                .blurb(
                    "What finds the objects: an inference engine, or replay of recorded ones; \
                     stats says which one is in use, and why",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("precision", default.precision)
                .nick("Precision")
                .blurb("What the engine calculates in; one that cannot is an error")
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("device")
                .nick("Device")
                .blurb("Number of the GPU, for engines that work on one")
                .maximum(255)
                .default_value(default.device)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("gpu-memory")
                .nick("GPU memory")
                .blurb(
                    "Most of the GPU's memory that the model and its runs may take, in MiB: runs get smaller to \
                     fit, and a model that does not is refused (0: any)",
                )
                .maximum(1 << 20)
                .default_value(default.gpu_memory)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("threads")
                .nick("Threads")
                .blurb("Threads for inference (0: one for each core; at most 4 for each core)")
                .default_value(default.threads)
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("mode", default.mode)
                .nick("Mode")
                .blurb(
                    "What the threads are divided for; latency, where streams that share a model \
                     want different things",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("batch-size")
                .nick("Batch size")
                .blurb(
                    "The most frames in one run of the model, of all streams that share it (0: as \
                     many as the file fixes, else one or what gains something)",
                )
                .maximum(64)
                .default_value(default.batch_size)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("batch-timeout")
                .nick("Batch timeout")
                .blurb(
                    "How long a frame may wait for others of its run, in nanoseconds (0: it takes \
                     along those that wait too)",
                )
                .maximum(10_000_000_000)
                .default_value(default.batch_timeout)
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("input-size")
                .nick("Input size")
                .blurb(
                    "Size of the model's input where the model leaves it open: a side such as \
                     640, or WIDTHxHEIGHT (default: the model's own)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecFloat::builder("confidence-threshold")
                .nick("Confidence threshold")
                .blurb("Only boxes with a score above this")
                .minimum(0.0)
                .maximum(1.0)
                .default_value(default.confidence_threshold)
                .mutable_playing()
                .build(),
            glib::ParamSpecFloat::builder("iou-threshold")
                .nick("IoU threshold")
                .blurb(
                    "Of two boxes of a class that overlap by more than this intersection over \
                     union, only the better one is kept (recorded ones are not filtered again)",
                )
                .minimum(0.0)
                .maximum(1.0)
                .default_value(default.iou_threshold)
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt::builder("max-detections")
                .nick("Maximum detections")
                .blurb("At most so many boxes in a frame, the best ones")
                .minimum(1)
                .maximum(100_000)
                .default_value(default.max_detections)
                .mutable_playing()
                .build(),
            glib::ParamSpecString::builder("classes")
                .nick("Classes")
                .blurb("Only these classes: names or ids, separated by ';' (default: all)")
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt::builder("interval")
                .nick("Interval")
                .blurb("Frames to pass without inference after each inferred one")
                .default_value(default.interval)
                .mutable_playing()
                .build(),
            glib::ParamSpecBoolean::builder("attach-tensors")
                .nick("Attach tensors")
                .blurb(
                    "Attach the model's outputs to each inferred frame as well (GstTensorMeta), for \
                     other tensor decoders; needs a build with the feature v1_26",
                )
                .default_value(default.attach_tensors)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Engine in use, frames, latencies; see the element's page for the fields")
                .read_only()
                .build(),
        ];
        specs.extend(SamplingSettings::specs());
        specs.extend(Focus::specs());
        specs.extend(On::specs());
        specs.extend(NvdsSettings::specs());
        specs
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "model" => store(value, &mut self.model),
            "labels" => store(value, &mut self.labels),
            "head" => store(value, &mut self.head),
            "preprocess" => store(value, &mut self.preprocess),
            "engine" => store(value, &mut self.engine),
            "precision" => store(value, &mut self.precision),
            "device" => store(value, &mut self.device),
            "gpu-memory" => store(value, &mut self.gpu_memory),
            "threads" => store(value, &mut self.threads),
            "mode" => store(value, &mut self.mode),
            "batch-size" => store(value, &mut self.batch_size),
            "batch-timeout" => store(value, &mut self.batch_timeout),
            "input-size" => store(value, &mut self.input_size),
            "confidence-threshold" => store(value, &mut self.confidence_threshold),
            "iou-threshold" => store(value, &mut self.iou_threshold),
            "max-detections" => store(value, &mut self.max_detections),
            "classes" => store(value, &mut self.classes),
            "interval" => store(value, &mut self.interval),
            "attach-tensors" => store(value, &mut self.attach_tensors),
            "chroma-resampler" | "resize" => self.sampling.set(name, value),
            "nvds-meta" | "nvds-component" => self.nvds.set(name, value),
            _ => {
                self.focus.set(name, value);
                self.on.set(name, value);
            }
        }
    }

    /// One property's value, other than `stats`.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "model" => self.model.to_value(),
            "labels" => self.labels.to_value(),
            "head" => self.head.to_value(),
            "preprocess" => self.preprocess.to_value(),
            "engine" => self.engine.to_value(),
            "precision" => self.precision.to_value(),
            "device" => self.device.to_value(),
            "gpu-memory" => self.gpu_memory.to_value(),
            "threads" => self.threads.to_value(),
            "mode" => self.mode.to_value(),
            "batch-size" => self.batch_size.to_value(),
            "batch-timeout" => self.batch_timeout.to_value(),
            "input-size" => self.input_size.to_value(),
            "confidence-threshold" => self.confidence_threshold.to_value(),
            "iou-threshold" => self.iou_threshold.to_value(),
            "max-detections" => self.max_detections.to_value(),
            "classes" => self.classes.to_value(),
            "interval" => self.interval.to_value(),
            "attach-tensors" => self.attach_tensors.to_value(),
            "chroma-resampler" | "resize" => return self.sampling.get(name),
            "nvds-meta" | "nvds-component" => return self.nvds.get(name),
            _ => return self.focus.get(name).or_else(|| self.on.get(name)),
        })
    }
}

#[cfg(test)]
mod tests;
