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
    /// 32-bit floating point, the type of every input and output that this element handles.
    pub const F32: Self = Self(1);
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
            inputs: inputs(&graph),
            outputs: graph.output.iter().map(tensor_info).collect(),
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
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message;

    fn value(name: &str, elem_type: i32, dims: &[&str]) -> proto::ValueInfoProto {
        let dim = dims
            .iter()
            .map(|d| proto::DimensionProto {
                dim_value: d.parse().ok(),
                dim_param: d.parse::<i64>().is_err().then(|| d.to_string()),
            })
            .collect();
        let shape = Some(proto::TensorShapeProto { dim });
        let tensor_type = Some(proto::TensorTypeProto { elem_type, shape });
        proto::ValueInfoProto {
            name: name.into(),
            r#type: Some(proto::TypeProto { tensor_type }),
        }
    }

    fn model() -> proto::ModelProto {
        proto::ModelProto {
            ir_version: 8,
            producer_name: "tester".into(),
            producer_version: "1".into(),
            graph: Some(proto::GraphProto {
                node: vec![proto::NodeProto {
                    op_type: "Conv".into(),
                }],
                initializer: vec![proto::TensorProto {
                    name: "w".into(),
                    ..Default::default()
                }],
                input: vec![
                    value("images", 1, &["batch", "3", "640", "-1"]),
                    value("w", 1, &["9"]),
                ],
                output: vec![value("output0", 10, &["1", "84", "8400"])],
            }),
            opset_import: vec![
                proto::OperatorSetIdProto {
                    domain: "com.microsoft".into(),
                    version: 1,
                },
                proto::OperatorSetIdProto {
                    domain: String::new(),
                    version: 17,
                },
            ],
            metadata_props: vec![proto::StringStringEntryProto {
                key: "task".into(),
                value: "detect".into(),
            }],
        }
    }

    fn parse(model: &proto::ModelProto) -> Result<OnnxInfo, ModelError> {
        OnnxInfo::parse(Path::new("test.onnx"), &model.encode_to_vec())
    }

    #[test]
    fn a_file_says_what_goes_in_and_out() {
        let info = parse(&model()).unwrap();
        assert_eq!((info.ir_version, info.opset), (8, 17));
        assert_eq!(info.producer, "tester 1");
        assert_eq!(info.metadata["task"], "detect");
        assert!(info.operators.contains("Conv"));
        // the weight that is listed as an input is none
        assert_eq!(info.inputs.len(), 1);
        assert_eq!(info.inputs[0].to_string(), "images f32[batch,3,640,?]");
        assert_eq!(info.inputs[0].fixed_shape(), None);
        assert_eq!(info.outputs[0].to_string(), "output0 f16[1,84,8400]");
        let shapes = info.fixed_output_shapes().unwrap();
        assert_eq!(shapes, [("output0".to_string(), vec![1, 84, 8400])]);
    }

    #[test]
    fn a_model_without_content_is_damaged() {
        let mut no_graph = model();
        no_graph.graph = None;
        let mut no_nodes = model();
        no_nodes.graph.as_mut().unwrap().node.clear();
        for (model, why) in [(no_graph, "no graph"), (no_nodes, "no operators")] {
            let error = parse(&model).unwrap_err();
            assert!(matches!(error, ModelError::Invalid { .. }), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn weights_in_another_file_are_listed_and_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.onnx");
        let mut model = model();
        model.graph.as_mut().unwrap().initializer[0] = proto::TensorProto {
            name: "w".into(),
            external_data: vec![proto::StringStringEntryProto {
                key: "location".into(),
                value: "m.onnx.data".into(),
            }],
            data_location: 1,
        };
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        let error = read(&path).unwrap_err();
        assert!(
            matches!(error, ModelError::MissingExternalData { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("m.onnx.data"), "{error}");
        std::fs::write(folder.path().join("m.onnx.data"), "weights").unwrap();
        assert_eq!(
            read(&path).unwrap().0.external_data,
            [PathBuf::from("m.onnx.data")]
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = model().encode_to_vec();
        for len in 0..bytes.len() {
            if let Ok(info) = OnnxInfo::parse(Path::new("t"), &bytes[..len]) {
                // Cut exactly between two fields of the outermost message, after the graph: all
                // that is missing is metadata.
                assert_eq!(info.inputs.len(), 1, "{len}");
            }
        }
    }

    proptest! {
        #[test]
        fn damaged_models_never_panic(at in 0usize..200, with in any::<u8>()) {
            let mut bytes = model().encode_to_vec();
            let at = at % bytes.len();
            bytes[at] = with;
            let _ = OnnxInfo::parse(Path::new("t"), &bytes);
        }
    }
}
