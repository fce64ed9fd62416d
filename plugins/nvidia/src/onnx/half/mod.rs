//! FP32 → FP16: the same network with half the bits, as an ONNX file.
//!
//! TensorRT 11 takes precision from the file alone, and 10 does so in strongly typed networks. The
//! converter works on the file's own bytes: what it does not change stays as it was, known or not.
//!
//! Each node is either FP16 or FP32:
//!
//! - FP32 are operators of [`keep::reason`], which have no FP16 variant or need the range;
//!   operators of domains other than ONNX's own, and those with graphs inside (`If`, `Loop`, `Scan`),
//!   whose graphs stay as they are;
//! - FP32 is arithmetic on indices, from an integer that is cast to a float on: FP16 has no integer
//!   above 2048 exactly;
//! - FP32 is what comes after the last convolution or product of matrices, if
//!   [`HalfOptions::keep_tail`] says so: there boxes are computed in pixels, and FP16 has steps of
//!   half a pixel from 512 on. This is a thousandth of the work;
//! - all others are FP16.
//!
//! Where a value goes from one kind to the other there is a `Cast`, one for each value and
//! direction. Weights are converted, or kept in both precisions where both are asked for. Inputs and
//! outputs of the file stay FP32, unless [`HalfOptions::half_io`] says otherwise.
//!
//! The ways of the converter of onnxconverter-common were the model for what stays FP32; it differs
//! in that it keeps the tail and index arithmetic, converts `Resize`, whose scales alone must be
//! FP32, and does not touch graphs inside nodes.

mod graph;
pub mod keep;
mod names;
mod rewrite;
mod tensor;
mod types;
mod write;

use super::wire::{Field, WireError, Writer, fields};
use std::path::PathBuf;

/// How to convert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfOptions {
    /// Inputs and outputs become FP16 too, without a `Cast` at each.
    pub half_io: bool,
    /// What comes after the last convolution or product of matrices stays FP32.
    pub keep_tail: bool,
    /// Nodes whose weights FP16 cannot hold (beyond ±65504) stay FP32, rather than that the weights
    /// are clamped to what it can.
    pub keep_large: bool,
    /// Operators that stay FP32 besides those that always do.
    pub keep: Vec<String>,
    /// Where weights in files of their own are. They become a part of the file.
    pub folder: Option<PathBuf>,
}

impl Default for HalfOptions {
    fn default() -> Self {
        Self {
            half_io: false,
            keep_tail: true,
            keep_large: false,
            keep: Vec::new(),
            folder: None,
        }
    }
}

/// Why a file is not converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HalfError {
    /// It is no ONNX file.
    #[error("it is no ONNX file: {0}")]
    Wire(#[from] WireError),
    /// It has no graph.
    #[error("it is no ONNX file: it has no graph")]
    NoGraph,
    /// It has been quantised.
    #[error("it is quantised (it has {0} nodes): its precision is its own, run it as it is")]
    Quantised(String),
    /// It has something that is not converted.
    #[error("{0}")]
    Unsupported(String),
    /// Weights that should be there are not.
    #[error("the weights '{tensor}': {reason}")]
    Weights {
        /// Their name.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Nodes that are FP16 now.
    pub half_nodes: usize,
    /// Nodes with floats that stay FP32.
    pub float_nodes: usize,
    /// `Cast` nodes between the two.
    pub casts: usize,
    /// Weights that were beyond ±65504 and are that now.
    pub clamped: usize,
    /// Weights that were not 0 and are now, because FP16 has nothing that small (below 3e-8).
    pub vanished: usize,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "converted to FP16: {} nodes, {} stay FP32, {} casts between them",
            self.half_nodes, self.float_nodes, self.casts
        )?;
        if self.clamped > 0 {
            write!(
                f,
                "; {} weights were too large and are ±65504 now",
                self.clamped
            )?;
        }
        if self.vanished > 0 {
            write!(
                f,
                "; {} weights were too small and are 0 now",
                self.vanished
            )?;
        }
        Ok(())
    }
}

/// A converted file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The file.
    pub onnx: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// Converts a file. One that is FP16 already comes out as it was.
///
/// # Errors
/// See [`HalfError`].
pub fn convert(onnx: &[u8], options: &HalfOptions) -> Result<Converted, HalfError> {
    let model = fields(onnx)?;
    let is_graph = |field: &&Field<'_>| field.number == super::MODEL_GRAPH;
    let graph = model.iter().find(is_graph).ok_or(HalfError::NoGraph)?;
    let graph = graph::Graph::read(graph.bytes(), opset(&model)?)?;
    let rewritten = rewrite::rewrite(&graph, options)?;
    let mut writer = Writer::new();
    for field in &model {
        if is_graph(&field) {
            writer.bytes(super::MODEL_GRAPH, &rewritten.graph);
        } else {
            writer.raw(field);
        }
    }
    Ok(Converted {
        onnx: writer.done(),
        report: rewritten.report,
    })
}

/// Version of ONNX's own operators.
fn opset(model: &[Field<'_>]) -> Result<i64, WireError> {
    let mut version = 1;
    for import in model.iter().filter(|f| f.number == super::MODEL_OPSET) {
        let import = fields(import.bytes())?;
        let find = |number| import.iter().find(|f| f.number == number);
        if matches!(
            find(super::OPSET_DOMAIN).map_or("", Field::text),
            "" | "ai.onnx"
        ) {
            version = find(super::OPSET_VERSION).map_or(1, Field::int);
        }
    }
    Ok(version)
}

#[cfg(test)]
mod tests;
