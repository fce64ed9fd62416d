//! What can be wrong with a model, its labels or what was asked of it.

use std::path::PathBuf;

/// What this element can run, as an error message says it.
pub const SUPPORTED: &str = "object detectors with one f32 or f16 input [N,3,H,W] and an output \
    [N,4+C,A] (YOLOv8, v9, 11), [N,3A,5+C] (YOLOv5, v7), [N,A,5+C] (YOLOX, v6), [N,A,C+32] \
    (NanoDet, or [N,a,C] and [N,a,32] for each grid), [N,5+C,H/16,W/16] (FastestDet) or [N,M,6] (with NMS inside, YOLOv10, 26), or boxes [N,A,4] and scores [N,A,C] \
    (YOLO-NAS), C classes and A grid cells of that input size; YOLOv8, 11, 12, 26 for masks [N,4+C+P,A] with \
    prototypes [N,P,h,w], for keypoints [N,4+C+K·D,A] with the metadata task=pose and kpt_shape=[K, D] \
    (D 2 or 3), for oriented boxes [N,4+C+1,A] with task=obb, or these as [N,M,6+…]; or with Q queries: outputs labels [N,Q], boxes [N,Q,4], scores [N,Q], or logits [N,Q,C] and boxes [N,Q,4] \
    (RT-DETR, D-FINE, DEIM, RF-DETR); and classifiers with outputs [N,C] or [N,C,1,1]";

/// What may be meant by a file that is no model.
fn hint(looks_like: &str) -> &'static str {
    match looks_like {
        "a text file" | "a JSON file" => "; recorded detections need engine=replay",
        _ => "",
    }
}

/// Why a model cannot be used. Each message can be shown to a user as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// There is no such file.
    #[error("model {path:?} does not exist")]
    NotFound {
        /// As it was given.
        path: PathBuf,
    },
    /// A folder, a pipe, a device.
    #[error(
        "model {path:?} is {what}, not a file: give the path of an .onnx file, or for engine=replay that of \
         recorded detections"
    )]
    NotAFile {
        /// As it was given.
        path: PathBuf,
        /// What it is, with an article.
        what: &'static str,
    },
    /// The file could not be read.
    #[error("model {path:?} cannot be read: {source}")]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has no bytes.
    #[error("model {path:?} is empty")]
    Empty {
        /// As it was given.
        path: PathBuf,
    },
    /// More than protobuf can hold.
    #[error("model {path:?} has {bytes} bytes: an ONNX file has at most 2 GiB")]
    TooLarge {
        /// As it was given.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Something else than ONNX.
    #[error(
        "model {path:?} is not an ONNX file: it looks like {looks_like}{}",
        hint(looks_like)
    )]
    NotOnnx {
        /// As it was given.
        path: PathBuf,
        /// What it seems to be, with an article.
        looks_like: &'static str,
    },
    /// The beginning of an ONNX file.
    #[error(
        "model {path:?} is truncated: it has {have} bytes and its content goes on to byte {need} or \
         further (an interrupted download?)"
    )]
    Truncated {
        /// As it was given.
        path: PathBuf,
        /// Bytes in the file.
        have: u64,
        /// Bytes that its content speaks of.
        need: u64,
    },
    /// ONNX on the outside, but not inside.
    #[error("model {path:?} is damaged: {why}")]
    Invalid {
        /// As it was given.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The weights are in another file, which is not there.
    #[error(
        "model {path:?} keeps weights in {missing:?} beside it, and that file does not exist: copy \
         it there too"
    )]
    MissingExternalData {
        /// As it was given.
        path: PathBuf,
        /// Where the weights should be.
        missing: PathBuf,
    },
    /// The file beside the model, which speaks of it, is wrong.
    #[error("{path:?}, which speaks of the model beside it: {why}")]
    Sidecar {
        /// The file.
        path: PathBuf,
        /// Which key, and what would be right.
        why: String,
    },
    /// The property `batch-size` is more than the model takes.
    #[error(
        "property batch-size is {wanted}, but the model's input {input} takes {limit} in each run: set \
         it to {limit} or less, or use a model exported with a dynamic batch axis"
    )]
    BatchSize {
        /// Pictures asked for.
        wanted: usize,
        /// Pictures that the file fixes.
        limit: usize,
        /// The input, as the file has it.
        input: String,
    },
    /// The property `input-size` does not suit the model.
    #[error("input-size {width}x{height}: {why}")]
    InputSize {
        /// Requested width.
        width: u32,
        /// Requested height.
        height: u32,
        /// What would be right.
        why: String,
    },
    /// A model that is sound, but that this element does not understand.
    #[error("unsupported model: {why}. Found {found}. Supported: {supported}")]
    Unsupported {
        /// What stands in the way.
        why: String,
        /// Inputs, outputs and metadata of the model.
        found: String,
        /// What would be right: [`SUPPORTED`].
        supported: &'static str,
    },
    /// The model's own list of class names is damaged.
    #[error(
        "the model's metadata 'names' cannot be read: {why}; set the property labels to use the \
         model nevertheless"
    )]
    Names {
        /// What and where.
        why: String,
    },
    /// The user's labels are not as many as the model's classes.
    #[error("labels: {labels} names, but the model has {classes} classes")]
    LabelCount {
        /// Number of labels.
        labels: usize,
        /// Number of classes of the model.
        classes: usize,
    },
    /// The property `labels` cannot be understood.
    #[error("labels: {why}")]
    Labels {
        /// What and where, with the file's name if there is one.
        why: String,
    },
    /// The property `classes` names something that the model does not have.
    #[error("classes: {why}")]
    Classes {
        /// What, and which names are near.
        why: String,
    },
}
