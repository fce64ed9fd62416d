//! Plans of the user's own, in place of an ONNX file.

use super::{KIND, library};
use crate::engine::gpu::{self, Gpu};
use crate::engine::{EngineError, EngineKind, Precision};
use crate::model::{Dim, ElemType, OnnxInfo, TensorInfo};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vigil_nvidia::tensorrt::{DataType, Engine, Plan, Tensor, TensorRtError};

/// Whether a file's name says that it is a plan.
pub fn is_named(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|e| ["engine", "plan"].iter().any(|n| e.eq_ignore_ascii_case(n)))
}

/// A plan that was read, and what it says of itself.
pub struct PlanFile {
    /// Its bytes, with what may be before it.
    pub bytes: Vec<u8>,
    /// Its inputs and outputs, and what Ultralytics wrote before it, as an ONNX file would tell of them.
    pub info: OnnxInfo,
    /// The most pictures of a run.
    pub most: usize,
}

impl PlanFile {
    /// Reads a plan, and has TensorRT load it on this GPU to see what is in it.
    ///
    /// # Errors
    /// Another engine than TensorRT, or another precision than its own, was asked for; no driver,
    /// TensorRT or GPU; it is no plan, or one of another version or GPU.
    pub fn read(
        path: &Path,
        engine: Option<EngineKind>,
        precision: Precision,
        device: u32,
    ) -> Result<Self, EngineError> {
        let refuse = |kind: EngineKind, reason: String| EngineError::Load {
            kind,
            path: path.to_owned(),
            reason,
        };
        if let Some(kind) = engine.filter(|kind| *kind != KIND) {
            let reason = "it is a plan of TensorRT's, which only engine=tensorrt runs: give the ONNX file \
                          that it was built from";
            return Err(refuse(kind, reason.into()));
        }
        if precision != Precision::F32 {
            let reason = format!(
                "property precision is {}, but a plan is of the precision that it was built in: leave it \
                 at f32",
                precision.as_str()
            );
            return Err(refuse(KIND, reason));
        }
        let failed = |error: TensorRtError| refuse(KIND, error.to_string());
        let bytes = std::fs::read(path).map_err(|source| {
            let path = PathBuf::from(path);
            failed(TensorRtError::File { path, source })
        })?;
        let plan = Plan::of(bytes, path).map_err(failed)?;
        let library = library()?;
        let gpu = Gpu::get(device).map_err(gpu::missing(KIND))?;
        let engine = Engine::load(&library, gpu.context(), &plan, false).map_err(failed)?;
        let metadata = plan.metadata().map(entries).unwrap_or_default();
        let most = engine.inputs().map(|tensor| tensor.batches().1).min();
        Ok(Self {
            info: OnnxInfo {
                inputs: engine.inputs().map(tensor_info).collect(),
                outputs: engine.outputs().map(tensor_info).collect(),
                last_operators: engine.outputs().map(|_| String::new()).collect(),
                metadata,
                ..OnnxInfo::default()
            },
            most: most
                .and_then(|most| usize::try_from(most).ok())
                .unwrap_or(1)
                .max(1),
            bytes: plan.into_file(),
        })
    }
}

/// What the description says, as an ONNX file has it: texts by key.
fn entries(json: &str) -> BTreeMap<String, String> {
    let values: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(json).unwrap_or_default();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    values
        .into_iter()
        .map(|(key, value)| (key, text(value)))
        .collect()
}

fn tensor_info(tensor: &Tensor) -> TensorInfo {
    let (least, most) = tensor.batches();
    let largest = tensor
        .profile
        .as_ref()
        .map_or(&tensor.shape, |profile| &profile.max);
    let dim = |(axis, extent): (usize, &i64)| match (axis, *extent) {
        // A number of pictures from one on is open; one with another least number is filled up.
        (0, -1) if least <= 1 && (most > 1 || !tensor.is_input) => Dim::Symbol("batch".into()),
        // Other sizes are taken as large as they may be.
        (axis, -1) => match largest.get(axis) {
            Some(extent) if *extent > 0 => Dim::Fixed(*extent as usize),
            _ => Dim::Unknown,
        },
        (_, extent) => Dim::Fixed(usize::try_from(extent).unwrap_or(0)),
    };
    TensorInfo {
        name: tensor.name.clone(),
        elem_type: match tensor.data_type {
            DataType::Float => ElemType::F32,
            DataType::Half => ElemType::F16,
            DataType::Int32 => ElemType::I32,
            DataType::Int64 => ElemType::I64,
            _ => ElemType(0),
        },
        dims: tensor.shape.iter().enumerate().map(dim).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_known_by_the_end_of_their_names() {
        for (name, is) in [
            ("a.engine", true),
            ("b/c.PLAN", true),
            ("a.onnx", false),
            ("engine", false),
        ] {
            assert_eq!(is_named(Path::new(name)), is, "{name}");
        }
    }

    #[test]
    fn what_ultralytics_wrote_is_read_as_an_onnx_file_has_it() {
        let entries = entries(r#"{"task": "detect", "imgsz": [640, 640], "names": {"0": "a"}}"#);
        let text = |key: &str| entries[key].as_str();
        assert_eq!(text("task"), "detect");
        assert_eq!(text("imgsz"), "[640,640]");
        assert_eq!(text("names"), r#"{"0":"a"}"#);
        assert!(super::entries("no JSON").is_empty());
    }
}
