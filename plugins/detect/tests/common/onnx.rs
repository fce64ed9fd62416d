//! Writes ONNX files: just enough of the format for models of a few operators.

use prost::Message;
use std::path::Path;

/// `TensorProto.DataType`
const F32: i32 = 1;
const I64: i32 = 7;
const F16: i32 = 10;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
    #[prost(message, repeated, tag = "14")]
    metadata_props: Vec<StringStringEntryProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct StringStringEntryProto {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    ints: Vec<i64>,
    /// `AttributeProto.AttributeType`
    #[prost(int32, tag = "20")]
    r#type: i32,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<StringStringEntryProto>,
    /// `TensorProto.DataLocation`
    #[prost(int32, tag = "14")]
    data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    dim_param: Option<String>,
}

/// An attribute of an operator.
pub enum Attribute {
    Int(&'static str, i64),
    Ints(&'static str, &'static [i64]),
}

/// A model that is being made, operator by operator.
pub struct Graph {
    graph: GraphProto,
    metadata: Vec<StringStringEntryProto>,
}

impl Graph {
    pub fn new() -> Self {
        Self {
            graph: GraphProto {
                name: "test".into(),
                ..Default::default()
            },
            metadata: Vec::new(),
        }
    }

    /// An input of f32; `dims` are separated by commas, and may be names.
    pub fn input(&mut self, name: &str, dims: &str) -> String {
        self.graph.input.push(value(name, F32, dims));
        name.into()
    }

    /// As `input`, of i64.
    #[allow(dead_code, reason = "not every test program has such a model")]
    pub fn input_of_i64(&mut self, name: &str, dims: &str) -> String {
        self.graph.input.push(value(name, I64, dims));
        name.into()
    }

    /// As `input`, of f16.
    #[allow(dead_code, reason = "not every test program has such a model")]
    pub fn input_of_f16(&mut self, name: &str, dims: &str) -> String {
        self.graph.input.push(value(name, F16, dims));
        name.into()
    }

    /// As `output`, of f16.
    #[allow(dead_code, reason = "not every test program has such a model")]
    pub fn output_of_f16(&mut self, from: &str, name: &str, dims: &str) {
        self.output_of(F16, from, name, dims);
    }

    /// A constant of f16, by its bits.
    #[allow(dead_code, reason = "not every test program has such a model")]
    pub fn halves(&mut self, dims: &[i64], bits: &[u16]) -> String {
        let bytes = bits.iter().flat_map(|half| half.to_le_bytes());
        self.constant(F16, dims, bytes.collect())
    }

    /// Makes the value `from` an output of f32.
    pub fn output(&mut self, from: &str, name: &str, dims: &str) {
        self.output_of(F32, from, name, dims);
    }

    /// Makes the value `from` an output of i64.
    pub fn output_of_i64(&mut self, from: &str, name: &str, dims: &str) {
        self.output_of(I64, from, name, dims);
    }

    fn output_of(&mut self, elem_type: i32, from: &str, name: &str, dims: &str) {
        self.graph.node.push(NodeProto {
            input: vec![from.into()],
            output: vec![name.into()],
            name: format!("output {name}"),
            op_type: "Identity".into(),
            attribute: Vec::new(),
        });
        self.graph.output.push(value(name, elem_type, dims));
    }

    /// An operator with one output, whose name is returned.
    pub fn node(&mut self, op_type: &str, inputs: &[&str], attributes: &[Attribute]) -> String {
        let name = format!("v{}", self.graph.node.len());
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![name.clone()],
            name: format!("{op_type} {name}"),
            op_type: op_type.into(),
            attribute: attributes.iter().map(attribute).collect(),
        });
        name
    }

    /// The mean of each picture's samples, with axes of 1 in place of the reduced ones, or without.
    pub fn mean(&mut self, images: &str, keep_axes: bool) -> String {
        let axes = Attribute::Ints("axes", &[1, 2, 3]);
        let keep = Attribute::Int("keepdims", keep_axes.into());
        self.node("ReduceMean", &[images], &[axes, keep])
    }

    /// A constant of f32.
    pub fn floats(&mut self, dims: &[i64], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(F32, dims, bytes.collect())
    }

    /// A constant of i64 with one axis.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(I64, &[values.len() as i64], bytes.collect())
    }

    fn constant(&mut self, data_type: i32, dims: &[i64], raw_data: Vec<u8>) -> String {
        let name = format!("c{}", self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type,
            name: name.clone(),
            raw_data,
            ..TensorProto::default()
        });
        name
    }

    /// A constant of f32 that is in a file beside the model's.
    pub fn floats_beside(&mut self, dims: &[i64], file: &str) -> String {
        let name = self.constant(F32, dims, Vec::new());
        if let Some(tensor) = self.graph.initializer.last_mut() {
            let bytes = 4 * dims.iter().product::<i64>();
            let place = [
                ("location", file.to_string()),
                ("offset", "0".into()),
                ("length", bytes.to_string()),
            ];
            tensor.external_data = place
                .map(|(key, value)| StringStringEntryProto {
                    key: key.into(),
                    value,
                })
                .to_vec();
            // EXTERNAL
            tensor.data_location = 1;
        }
        name
    }

    /// Free text of the model.
    pub fn metadata(&mut self, key: &str, value: &str) {
        self.metadata.push(StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        });
    }

    /// Writes the file.
    pub fn write(self, path: &Path) {
        let model = ModelProto {
            ir_version: 8,
            producer_name: "vigil tests".into(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: 13,
            }],
            metadata_props: self.metadata,
        };
        std::fs::write(path, model.encode_to_vec()).unwrap();
    }
}

fn value(name: &str, elem_type: i32, dims: &str) -> ValueInfoProto {
    let dim = dims
        .split(',')
        .map(|dim| DimensionProto {
            dim_value: dim.parse().ok(),
            dim_param: dim.parse::<i64>().is_err().then(|| dim.into()),
        })
        .collect();
    let shape = Some(TensorShapeProto { dim });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto { elem_type, shape }),
        }),
    }
}

fn attribute(attribute: &Attribute) -> AttributeProto {
    let (name, i, ints, r#type) = match *attribute {
        Attribute::Int(name, value) => (name, Some(value), Vec::new(), 2),
        Attribute::Ints(name, values) => (name, None, values.to_vec(), 7),
    };
    AttributeProto {
        name: name.into(),
        i,
        ints,
        r#type,
    }
}
