//! The part of an ONNX file that says what it is: inputs, outputs, operators and metadata.
//!
//! Weights are skipped, not copied: the protobuf messages in `proto` have only the fields that are
//! looked at, and prost passes over the others.

use super::error::ModelError;
use super::proto;
use super::sniff::{self, Outline};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest size of a protobuf message, and so of an ONNX file: 2 GiB.
pub const MAX_BYTES: u64 = 1 << 31;

/// One axis of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Always this long.
    Fixed(usize),
    /// As long as every other axis of this name.
    Symbol(String),
    /// Known when the model runs.
    Unknown,
}

impl Dim {
    /// The length, where the file fixes it.
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(n) => Some(*n),
            Self::Symbol(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(n) => n.fmt(f),
            Self::Symbol(name) => name.fmt(f),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// Type of a tensor's elements, as `onnx.TensorProto.DataType` numbers it; 0 is no tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElemType(pub i32);

impl ElemType {
    /// 32-bit floating point, the type of pictures and boxes.
    pub const F32: Self = Self(1);
    /// 16-bit floating point, of models in half precision.
    pub const F16: Self = Self(10);
    /// 32-bit integers.
    pub const I32: Self = Self(6);
    /// 64-bit integers, the type of class ids and sizes.
    pub const I64: Self = Self(7);

    /// Whether it is a floating-point type that pictures and boxes may be of.
    pub fn is_float(self) -> bool {
        self == Self::F32 || self == Self::F16
    }
}

impl fmt::Display for ElemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "(not a tensor) ",
            1 => "f32",
            2 => "u8",
            3 => "i8",
            4 => "u16",
            5 => "i16",
            6 => "i32",
            7 => "i64",
            8 => "string",
            9 => "bool",
            10 => "f16",
            11 => "f64",
            12 => "u32",
            13 => "u64",
            16 => "bf16",
            other => return write!(f, "type{other}"),
        };
        f.write_str(name)
    }
}

/// Name, type and shape of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// As the graph names it.
    pub name: String,
    /// Type of its elements.
    pub elem_type: ElemType,
    /// Its axes, outermost first; empty where the file does not say.
    pub dims: Vec<Dim>,
}

impl TensorInfo {
    /// The shape, where the file fixes every axis.
    pub fn fixed_shape(&self) -> Option<Vec<usize>> {
        (!self.dims.is_empty()).then_some(())?;
        self.dims.iter().map(Dim::fixed).collect()
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}[", self.name, self.elem_type)?;
        for (i, dim) in self.dims.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            dim.fmt(f)?;
        }
        f.write_str("]")
    }
}

/// What an ONNX file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnnxInfo {
    /// Version of the file format.
    pub ir_version: i64,
    /// Program that wrote the file, with its version.
    pub producer: String,
    /// Version of the standard operator set; 0 where the file does not say.
    pub opset: i64,
    /// What has to be fed, in the file's order; weights that are also listed as inputs (as up to
    /// IR version 3) are left out.
    pub inputs: Vec<TensorInfo>,
    /// What comes out, in the file's order.
    pub outputs: Vec<TensorInfo>,
    /// Operator types in the graph, without its subgraphs.
    pub operators: BTreeSet<String>,
    /// For each output the operator whose values it has, whatever changes their shape or type on the
    /// way; an empty name where there is none.
    pub last_operators: Vec<String>,
    /// Length of the bias of the layer that scores classes, where the weights have the names that
    /// transformers of the DETR family give them: the number of classes.
    pub scored_classes: Option<usize>,
    /// Whether weights are named after DINOv2 or v3: a backbone that sees pictures normalised as
    /// ImageNet's.
    pub has_dino_weights: bool,
    /// Free text by key, such as Ultralytics' `names`, `task`, `imgsz` and `stride`.
    pub metadata: BTreeMap<String, String>,
    /// Files beside the model that hold weights, relative to it. A model that has any must be given
    /// to an engine by its path, not by its bytes.
    pub external_data: Vec<PathBuf>,
}

impl OnnxInfo {
    /// Names and shapes of the outputs, where the file fixes them all.
    pub fn fixed_output_shapes(&self) -> Option<Vec<(String, Vec<usize>)>> {
        self.outputs
            .iter()
            .map(|o| Some((o.name.clone(), o.fixed_shape()?)))
            .collect()
    }

    /// Reads `bytes`, which are said to come from `path`.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ModelError> {
        check_outline(path, bytes)?;
        let invalid = |why: String| ModelError::Invalid {
            path: path.into(),
            why,
        };
        let model: proto::ModelProto =
            prost::Message::decode(bytes).map_err(|e| invalid(e.to_string()))?;
        let Some(graph) = model.graph else {
            return Err(invalid("it has no graph".into()));
        };
        if graph.node.is_empty() {
            return Err(invalid("its graph has no operators".into()));
        }
        Ok(Self {
            ir_version: model.ir_version,
            producer: format!("{} {}", model.producer_name, model.producer_version)
                .trim()
                .into(),
            opset: model
                .opset_import
                .iter()
                .find(|o| o.domain.is_empty() || o.domain == "ai.onnx")
                .map_or(0, |o| o.version),
            external_data: external_data(&graph),
            scored_classes: scored_classes(&graph),
            has_dino_weights: graph.initializer.iter().any(|w| w.name.contains(".dinov")),
            inputs: inputs(&graph),
            outputs: graph.output.iter().map(tensor_info).collect(),
            last_operators: last_operators(&graph),
            operators: graph.node.into_iter().map(|n| n.op_type).collect(),
            metadata: model
                .metadata_props
                .into_iter()
                .map(|p| (p.key, p.value))
                .collect(),
        })
    }
}

/// Reads the file at `path`: what it says of itself, and its bytes for the engine.
///
/// Blocks on the file system: not for the streaming thread.
pub fn read(path: &Path) -> Result<(OnnxInfo, Vec<u8>), ModelError> {
    let bytes = read_bytes(path)?;
    let info = OnnxInfo::parse(path, &bytes)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    match info
        .external_data
        .iter()
        .find(|file| !folder.join(file).is_file())
    {
        Some(file) => Err(ModelError::MissingExternalData {
            path: path.into(),
            missing: folder.join(file),
        }),
        None => Ok((info, bytes)),
    }
}

/// Opens a file that has some content, and says how many bytes.
pub(crate) fn open(path: &Path) -> Result<(File, u64), ModelError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ModelError::NotFound { path: path.into() },
        _ => ModelError::Unreadable {
            path: path.into(),
            source,
        },
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        // Opening a pipe would wait for its writer.
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "a pipe or a device"
        };
        return Err(ModelError::NotAFile {
            path: path.into(),
            what,
        });
    }
    if metadata.len() == 0 {
        return Err(ModelError::Empty { path: path.into() });
    }
    let file = File::open(path).map_err(unreadable)?;
    Ok((file, metadata.len()))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, ModelError> {
    let (file, len) = open(path)?;
    if len > MAX_BYTES {
        return Err(ModelError::TooLarge {
            path: path.into(),
            bytes: len,
        });
    }
    let mut bytes = Vec::with_capacity(len as usize);
    // A file that grows meanwhile must not fill the memory.
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|source| ModelError::Unreadable {
            path: path.into(),
            source,
        })?;
    Ok(bytes)
}

fn check_outline(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let path = path.into();
    if bytes.is_empty() {
        return Err(ModelError::Empty { path });
    }
    Err(match (sniff::outline(bytes), sniff::looks_like(bytes)) {
        (Outline::Model, _) => return Ok(()),
        (_, Some(looks_like)) => ModelError::NotOnnx { path, looks_like },
        (Outline::Truncated(need), None) => ModelError::Truncated {
            path,
            have: bytes.len() as u64,
            need,
        },
        (Outline::Other, None) => ModelError::NotOnnx {
            path,
            looks_like: "binary data of some other kind",
        },
    })
}

fn inputs(graph: &proto::GraphProto) -> Vec<TensorInfo> {
    let weights: BTreeSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    graph
        .input
        .iter()
        .filter(|i| !weights.contains(i.name.as_str()))
        .map(tensor_info)
        .collect()
}

fn external_data(graph: &proto::GraphProto) -> Vec<PathBuf> {
    /// `TensorProto.DataLocation.EXTERNAL`
    const EXTERNAL: i32 = 1;
    let files: BTreeSet<PathBuf> = graph
        .initializer
        .iter()
        .filter(|t| t.data_location == EXTERNAL)
        .flat_map(|t| &t.external_data)
        .filter(|entry| entry.key == "location")
        .map(|entry| PathBuf::from(&entry.value))
        .collect();
    files.into_iter().collect()
}

/// The weights are `….dec_score_head.5.bias` in RT-DETR and D-FINE, `class_embed.bias` in DETR; all
/// such layers of a model must agree.
fn scored_classes(graph: &proto::GraphProto) -> Option<usize> {
    let is_scoring = |name: &str| {
        name.ends_with("bias") && (name.contains("score_head") || name.contains("class_embed"))
    };
    let lengths: BTreeSet<&[i64]> = graph
        .initializer
        .iter()
        .filter(|weight| is_scoring(&weight.name))
        .map(|weight| weight.dims.as_slice())
        .collect();
    match lengths.into_iter().collect::<Vec<_>>()[..] {
        [[classes]] => usize::try_from(*classes).ok().filter(|n| *n > 0),
        _ => None,
    }
}

/// Operators that leave values what they are.
const SHAPERS: [&str; 8] = [
    "Identity",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Cast",
    "QuantizeLinear",
    "DequantizeLinear",
];

fn last_operators(graph: &proto::GraphProto) -> Vec<String> {
    let made_by: BTreeMap<&str, &proto::NodeProto> = (graph.node.iter())
        .flat_map(|node| node.output.iter().map(move |name| (name.as_str(), node)))
        .collect();
    let last = |output: &proto::ValueInfoProto| {
        let mut name = output.name.as_str();
        // In a damaged file they may go round.
        for _ in 0..SHAPERS.len() {
            let Some(node) = made_by.get(name) else {
                return String::new();
            };
            match node.input.first() {
                Some(input) if SHAPERS.contains(&node.op_type.as_str()) => name = input,
                _ => return node.op_type.clone(),
            }
        }
        String::new()
    };
    graph.output.iter().map(last).collect()
}

fn tensor_info(value: &proto::ValueInfoProto) -> TensorInfo {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let shape = tensor.and_then(|t| t.shape.as_ref());
    TensorInfo {
        name: value.name.clone(),
        elem_type: ElemType(tensor.map_or(0, |t| t.elem_type)),
        dims: shape.map_or_else(Vec::new, |s| s.dim.iter().map(dim).collect()),
    }
}

fn dim(dim: &proto::DimensionProto) -> Dim {
    let fixed = dim
        .dim_value
        .filter(|n| *n > 0)
        .and_then(|n| usize::try_from(n).ok());
    match (fixed, &dim.dim_param) {
        (Some(n), _) => Dim::Fixed(n),
        (None, Some(name)) if !name.is_empty() => Dim::Symbol(name.clone()),
        _ => Dim::Unknown,
    }
}

#[cfg(test)]
mod tests;
