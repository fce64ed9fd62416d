//! What an engine says of its inputs and outputs.

use super::abi::Shape;

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// FP32.
    Float,
    /// FP16.
    Half,
    /// 8 bits, quantised.
    Int8,
    /// 32 bits.
    Int32,
    /// A byte that is 0 or 1.
    Bool,
    /// 8 bits without sign.
    Uint8,
    /// BF16.
    Bfloat16,
    /// 64 bits.
    Int64,
    /// One that no detector has, by TensorRT's number of it.
    Other(i32),
}

impl DataType {
    /// From TensorRT's number; 6 and those behind 8 are types of less than 16 bits.
    pub(super) fn of(number: i32) -> Self {
        match number {
            0 => Self::Float,
            1 => Self::Half,
            2 => Self::Int8,
            3 => Self::Int32,
            4 => Self::Bool,
            5 => Self::Uint8,
            7 => Self::Bfloat16,
            8 => Self::Int64,
            other => Self::Other(other),
        }
    }

    /// Bytes of an element, where a whole number of them is.
    pub fn bytes(self) -> Option<usize> {
        match self {
            Self::Int8 | Self::Bool | Self::Uint8 => Some(1),
            Self::Half | Self::Bfloat16 => Some(2),
            Self::Float | Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::Other(_) => None,
        }
    }
}

/// Shapes that an engine was built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The smallest that it takes.
    pub min: Shape,
    /// The one that it is fastest at.
    pub opt: Shape,
    /// The largest that it takes.
    pub max: Shape,
}

/// An input or output of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, as in the ONNX file.
    pub name: String,
    /// Whether it is an input.
    pub is_input: bool,
    /// Extents; -1 is one that is chosen for each run.
    pub shape: Shape,
    /// Type of its elements.
    pub data_type: DataType,
    /// Whether its elements lie one after the other, the last dimension first, in memory.
    pub is_linear: bool,
    /// How they lie, in TensorRT's words.
    pub format: String,
    /// Whether it is in the GPU's memory; else in the processor's, as shapes are.
    pub on_device: bool,
    /// What an input was built for; none for an output.
    pub profile: Option<Profile>,
}

impl Tensor {
    /// How many pictures one run takes, smallest and largest. An input that has no profile (all of
    /// its extents are fixed) takes what its first extent says.
    pub fn batches(&self) -> (i64, i64) {
        let first = |shape: &Shape| shape.first().copied().unwrap_or(1);
        match &self.profile {
            Some(profile) => (first(&profile.min), first(&profile.max)),
            None => (first(&self.shape), first(&self.shape)),
        }
    }
}

/// A shape as people write it: `1x3x640x640`.
pub(super) fn written(shape: &[i64]) -> String {
    shape
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("x")
}
