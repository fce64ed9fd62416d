//! ONNX files: what is in them, and the same network in FP16.
//!
//! | file | what is in it |
//! |---|---|
//! | [`wire`] | fields of protocol buffers, read in place and written back as they were |
//! | [`summary`] | nodes, and which precision a file is of |
//! | [`half`] | FP32 → FP16: how, and the options |

pub mod half;
pub mod summary;
pub mod wire;

// Numbers of fields in `onnx.proto`.
pub(crate) const MODEL_GRAPH: u32 = 7;
pub(crate) const MODEL_OPSET: u32 = 8;
pub(crate) const OPSET_DOMAIN: u32 = 1;
pub(crate) const OPSET_VERSION: u32 = 2;
pub(crate) const GRAPH_NODE: u32 = 1;
pub(crate) const GRAPH_INITIALIZER: u32 = 5;
pub(crate) const GRAPH_SPARSE_INITIALIZER: u32 = 15;
pub(crate) const GRAPH_INPUT: u32 = 11;
pub(crate) const GRAPH_OUTPUT: u32 = 12;
pub(crate) const GRAPH_VALUE_INFO: u32 = 13;
pub(crate) const NODE_INPUT: u32 = 1;
pub(crate) const NODE_OUTPUT: u32 = 2;
pub(crate) const NODE_NAME: u32 = 3;
pub(crate) const NODE_OPERATOR: u32 = 4;
pub(crate) const NODE_ATTRIBUTE: u32 = 5;
pub(crate) const NODE_DOMAIN: u32 = 7;
pub(crate) const ATTRIBUTE_NAME: u32 = 1;
pub(crate) const ATTRIBUTE_FLOAT: u32 = 2;
pub(crate) const ATTRIBUTE_INT: u32 = 3;
pub(crate) const ATTRIBUTE_TENSOR: u32 = 5;
pub(crate) const ATTRIBUTE_GRAPH: u32 = 6;
pub(crate) const ATTRIBUTE_FLOATS: u32 = 7;
pub(crate) const ATTRIBUTE_GRAPHS: u32 = 11;
pub(crate) const ATTRIBUTE_TYPE: u32 = 20;
pub(crate) const TENSOR_DIMS: u32 = 1;
pub(crate) const TENSOR_TYPE: u32 = 2;
pub(crate) const TENSOR_FLOATS: u32 = 4;
pub(crate) const TENSOR_NAME: u32 = 8;
pub(crate) const TENSOR_RAW: u32 = 9;
pub(crate) const TENSOR_EXTERNAL: u32 = 13;
pub(crate) const TENSOR_LOCATION: u32 = 14;
pub(crate) const VALUE_NAME: u32 = 1;
pub(crate) const VALUE_TYPE: u32 = 2;
pub(crate) const TYPE_TENSOR: u32 = 1;
pub(crate) const TENSOR_TYPE_ELEMENT: u32 = 1;

// Types of elements.
pub(crate) const FLOAT: i64 = 1;
pub(crate) const UINT8: i64 = 2;
pub(crate) const INT32: i64 = 6;
pub(crate) const INT64: i64 = 7;
pub(crate) const BOOL: i64 = 9;
pub(crate) const FLOAT16: i64 = 10;
