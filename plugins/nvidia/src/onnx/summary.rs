//! What is to be known of an ONNX file before somebody else reads it.

use super::wire::{Field, WireError, fields};

/// What an ONNX file is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The nodes of its graph, in the order of the file.
    pub nodes: Vec<Node>,
    /// Whether it has been quantised: there are `QuantizeLinear` or `DequantizeLinear` nodes.
    pub is_quantised: bool,
    /// Whether its weights, most of them, are FP16.
    pub is_half: bool,
    /// Whether it has weights in files of their own.
    pub has_external_data: bool,
}

/// A node of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name; may be empty.
    pub name: String,
    /// Type of its operator.
    pub operator: String,
}

impl Summary {
    /// Reads a file.
    ///
    /// # Errors
    /// It is no protocol buffer.
    pub fn of(onnx: &[u8]) -> Result<Self, WireError> {
        let mut summary = Self::default();
        let (mut half, mut float) = (0usize, 0usize);
        for graph in fields(onnx)?
            .iter()
            .filter(|f| f.number == super::MODEL_GRAPH)
        {
            for field in fields(graph.bytes())? {
                match field.number {
                    super::GRAPH_NODE => summary.nodes.push(node(&field)?),
                    super::GRAPH_INITIALIZER => {
                        let tensor = fields(field.bytes())?;
                        let find = |number| tensor.iter().find(|f| f.number == number);
                        match find(super::TENSOR_TYPE).map(Field::int) {
                            Some(super::FLOAT16) => half += field.raw.len(),
                            Some(super::FLOAT) => float += field.raw.len(),
                            _ => {}
                        }
                        summary.has_external_data |=
                            find(super::TENSOR_LOCATION).is_some_and(|f| f.int() == 1);
                    }
                    _ => {}
                }
            }
        }
        summary.is_half = half > float;
        summary.is_quantised = (summary.nodes.iter())
            .any(|node| matches!(&*node.operator, "QuantizeLinear" | "DequantizeLinear"));
        Ok(summary)
    }
}

fn node(field: &Field<'_>) -> Result<Node, WireError> {
    let mut node = Node::default();
    for field in fields(field.bytes())? {
        match field.number {
            super::NODE_NAME => node.name = field.text().to_owned(),
            super::NODE_OPERATOR => node.operator = field.text().to_owned(),
            _ => {}
        }
    }
    Ok(node)
}
