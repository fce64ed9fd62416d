//! Which type each value of a graph is of: said by the file, or by the operators' own rules.

use super::graph::{Graph, Node, Tensor};
use crate::onnx::wire::WireError;
use crate::onnx::*;
use std::collections::HashMap;

/// Fills in the types of values of which the file says nothing. Nodes are in an order in which each
/// comes after those whose values it uses, as the format wants.
pub(super) fn infer(graph: &mut Graph<'_>) -> Result<(), WireError> {
    for node in &graph.nodes {
        for (index, output) in node.outputs.iter().enumerate() {
            if output.is_empty() || graph.types.contains_key(output) {
                continue;
            }
            if let Some(kind) = of_output(node, index, &graph.types)? {
                graph.types.insert(output, kind);
            }
        }
    }
    Ok(())
}

fn of_output(
    node: &Node<'_>,
    index: usize,
    types: &HashMap<&str, i64>,
) -> Result<Option<i64>, WireError> {
    let input = |at: usize| {
        node.inputs
            .get(at)
            .and_then(|name| types.get(name).copied())
    };
    Ok(match (node.operator, index) {
        ("Cast", _) => node.int("to"),
        ("Constant", _) => constant(node)?,
        ("ConstantOfShape", _) => tensor_attribute(node)?.or(Some(FLOAT)),
        ("EyeLike" | "RandomNormalLike" | "RandomUniformLike" | "Bernoulli", _) => {
            node.int("dtype").or(input(0))
        }
        ("RandomNormal" | "RandomUniform", _) => node.int("dtype").or(Some(FLOAT)),
        ("Multinomial", _) => node.int("dtype").or(Some(INT32)),
        ("BlackmanWindow" | "HannWindow" | "HammingWindow" | "MelWeightMatrix", _) => {
            node.int("output_datatype").or(Some(FLOAT))
        }
        ("Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" | "NonMaxSuppression", _) => {
            Some(INT64)
        }
        ("TopK" | "MaxPool" | "Unique", 1..) => Some(INT64),
        (
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Not" | "And" | "Or"
            | "Xor" | "IsNaN" | "IsInf",
            _,
        )
        | ("Dropout", 1) => Some(BOOL),
        ("Where" | "CastLike", _) => input(1),
        ("OneHot", _) => input(2),
        ("DequantizeLinear", _) => input(1),
        ("QuantizeLinear", _) => input(2).or(Some(UINT8)),
        ("DynamicQuantizeLinear", 1) => Some(FLOAT),
        ("DynamicQuantizeLinear", _) => Some(UINT8),
        ("ConvInteger" | "MatMulInteger", _) => Some(INT32),
        ("QLinearConv" | "QLinearMatMul", _) => input(7),
        _ if node.has_graphs() => inner(node, index)?,
        // Of all others each output is of the type of the first input.
        _ => input(0),
    })
}

/// Type of an output of a node with graphs inside: `If` gives what its branches give, `Loop` what
/// its body gives behind the condition, `Scan` what its body gives.
fn inner(node: &Node<'_>, index: usize) -> Result<Option<i64>, WireError> {
    let body = ["then_branch", "body"]
        .iter()
        .find_map(|name| node.attribute(name));
    let Some(body) = body else { return Ok(None) };
    let skip = usize::from(node.operator == "Loop");
    for field in body.fields.iter().filter(|f| f.number == ATTRIBUTE_GRAPH) {
        let inside = Graph::read(field.bytes(), 0);
        if let Some(kind) = inside.ok().and_then(|inside| {
            let output = inside.outputs.get(index + skip)?;
            inside.types.get(output).copied()
        }) {
            return Ok(Some(kind));
        }
    }
    Ok(None)
}

fn constant(node: &Node<'_>) -> Result<Option<i64>, WireError> {
    if let Some(kind) = tensor_attribute(node)? {
        return Ok(Some(kind));
    }
    let has = |name| node.attribute(name).is_some();
    Ok(if has("value_float") || has("value_floats") {
        Some(FLOAT)
    } else if has("value_int") || has("value_ints") {
        Some(INT64)
    } else {
        None
    })
}

/// Type of the tensor that the attribute `value` is.
fn tensor_attribute(node: &Node<'_>) -> Result<Option<i64>, WireError> {
    let Some(value) = node.attribute("value") else {
        return Ok(None);
    };
    let tensor = value.fields.iter().find(|f| f.number == ATTRIBUTE_TENSOR);
    tensor
        .map(|field| Ok(Tensor::read(field.bytes())?.kind))
        .transpose()
}
