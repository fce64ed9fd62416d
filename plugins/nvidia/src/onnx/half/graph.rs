//! A graph as the converter sees it: names and types, over the bytes that they are in.

use super::HalfError;
use super::types;
use crate::onnx::wire::{Field, WireError, fields};
use crate::onnx::*;
use std::collections::{HashMap, HashSet};

/// Graphs within graphs, at most: each takes some of the stack, and a file can be made of little else.
pub(super) const MOST_NESTED: u32 = 32;

/// A graph.
pub(super) struct Graph<'a> {
    pub opset: i64,
    /// All fields, in the order of the file.
    pub fields: Vec<Field<'a>>,
    pub nodes: Vec<Node<'a>>,
    /// Weights, by name.
    pub weights: HashMap<&'a str, Tensor<'a>>,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    /// Values of `Constant` nodes.
    pub constants: HashSet<&'a str>,
    /// Type of the elements of each value, as far as it is known.
    pub types: HashMap<&'a str, i64>,
}

/// A node.
pub(super) struct Node<'a> {
    pub fields: Vec<Field<'a>>,
    pub name: &'a str,
    pub operator: &'a str,
    pub domain: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    pub attributes: Vec<Attribute<'a>>,
    /// Names from outside that graphs inside it use.
    pub captured: Vec<&'a str>,
}

/// An attribute of a node.
pub(super) struct Attribute<'a> {
    pub field: Field<'a>,
    pub name: &'a str,
    pub fields: Vec<Field<'a>>,
}

/// Weights, or the value of a `Constant`.
pub(super) struct Tensor<'a> {
    pub name: &'a str,
    pub fields: Vec<Field<'a>>,
    pub kind: i64,
}

impl<'a> Graph<'a> {
    pub fn read(bytes: &'a [u8], opset: i64) -> Result<Self, HalfError> {
        let mut graph = Self {
            opset,
            fields: fields(bytes)?,
            nodes: Vec::new(),
            weights: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            constants: HashSet::new(),
            types: HashMap::new(),
        };
        for field in graph.fields.clone() {
            match field.number {
                GRAPH_NODE => {
                    let node = Node::read(&field, MOST_NESTED)?;
                    if node.is_constant() {
                        graph.constants.extend(&node.outputs);
                    }
                    graph.nodes.push(node);
                }
                GRAPH_INITIALIZER => {
                    let tensor = Tensor::read(field.bytes())?;
                    graph.types.insert(tensor.name, tensor.kind);
                    graph.weights.insert(tensor.name, tensor);
                }
                GRAPH_SPARSE_INITIALIZER => {
                    let reason = "it has sparse weights, which are not converted";
                    return Err(HalfError::Unsupported(reason.into()));
                }
                GRAPH_INPUT | GRAPH_OUTPUT | GRAPH_VALUE_INFO => {
                    let (name, kind) = value(&field)?;
                    match field.number {
                        GRAPH_INPUT => graph.inputs.push(name),
                        GRAPH_OUTPUT => graph.outputs.push(name),
                        _ => {}
                    }
                    if let Some(kind) = kind {
                        graph.types.insert(name, kind);
                    }
                }
                _ => {}
            }
        }
        types::infer(&mut graph)?;
        Ok(graph)
    }

    /// Whether a value is FP32.
    pub fn is_float(&self, name: &str) -> bool {
        self.types.get(name) == Some(&FLOAT)
    }
}

impl<'a> Node<'a> {
    /// `left` is how many levels of graphs may be inside.
    pub fn read(field: &Field<'a>, left: u32) -> Result<Self, WireError> {
        let mut node = Self {
            fields: fields(field.bytes())?,
            name: "",
            operator: "",
            domain: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: Vec::new(),
            captured: Vec::new(),
        };
        for field in &node.fields {
            match field.number {
                NODE_INPUT => node.inputs.push(field.text()),
                NODE_OUTPUT => node.outputs.push(field.text()),
                NODE_NAME => node.name = field.text(),
                NODE_OPERATOR => node.operator = field.text(),
                NODE_DOMAIN => node.domain = field.text(),
                NODE_ATTRIBUTE => {
                    let inside = fields(field.bytes())?;
                    let name = inside.iter().find(|f| f.number == ATTRIBUTE_NAME);
                    for graph in inside.iter().filter(|f| is_graph(f)) {
                        captured(graph.bytes(), &mut node.captured, left)?;
                    }
                    node.attributes.push(Attribute {
                        field: *field,
                        name: name.map_or("", Field::text),
                        fields: inside,
                    });
                }
                _ => {}
            }
        }
        Ok(node)
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    /// A whole number that an attribute is.
    pub fn int(&self, name: &str) -> Option<i64> {
        let attribute = self.attribute(name)?;
        attribute
            .fields
            .iter()
            .find(|f| f.number == ATTRIBUTE_INT)
            .map(Field::int)
    }

    pub fn has_graphs(&self) -> bool {
        let mut inside = self
            .attributes
            .iter()
            .flat_map(|attribute| &attribute.fields);
        inside.any(is_graph)
    }

    pub fn is_own(&self) -> bool {
        matches!(self.domain, "" | "ai.onnx")
    }

    /// Whether it makes a value out of nothing but its attributes.
    pub fn is_constant(&self) -> bool {
        self.is_own() && self.operator == "Constant"
    }
}

impl<'a> Tensor<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let fields = fields(bytes)?;
        let find = |number| fields.iter().find(|f| f.number == number);
        Ok(Self {
            name: find(TENSOR_NAME).map_or("", Field::text),
            kind: find(TENSOR_TYPE).map_or(0, Field::int),
            fields,
        })
    }
}

/// Whether a field of an attribute is a graph.
pub(super) fn is_graph(field: &Field<'_>) -> bool {
    matches!(field.number, ATTRIBUTE_GRAPH | ATTRIBUTE_GRAPHS)
}

/// Name and type of an input, output or value; no type where it is not a tensor's.
fn value<'a>(field: &Field<'a>) -> Result<(&'a str, Option<i64>), WireError> {
    let (mut name, mut kind) = ("", None);
    for field in fields(field.bytes())? {
        match field.number {
            VALUE_NAME => name = field.text(),
            VALUE_TYPE => {
                for tensor in fields(field.bytes())?
                    .iter()
                    .filter(|f| f.number == TYPE_TENSOR)
                {
                    let inside = fields(tensor.bytes())?;
                    let element = inside.iter().find(|f| f.number == TENSOR_TYPE_ELEMENT);
                    kind = element.map(Field::int);
                }
            }
            _ => {}
        }
    }
    Ok((name, kind))
}

/// Names that a graph inside a node uses and does not make, so that they are from outside.
fn captured<'a>(graph: &'a [u8], found: &mut Vec<&'a str>, left: u32) -> Result<(), WireError> {
    let left = left.checked_sub(1).ok_or(WireError(0))?;
    let graph = fields(graph)?;
    let mut own = Vec::new();
    let mut used = Vec::new();
    for field in &graph {
        match field.number {
            GRAPH_NODE => {
                let node = Node::read(field, left)?;
                used.extend(node.inputs);
                used.extend(node.captured);
                own.extend(node.outputs);
            }
            GRAPH_INITIALIZER => own.push(Tensor::read(field.bytes())?.name),
            GRAPH_INPUT => own.push(value(field)?.0),
            GRAPH_OUTPUT => used.push(value(field)?.0),
            _ => {}
        }
    }
    let outer = used
        .into_iter()
        .filter(|name| !name.is_empty() && !own.contains(name));
    found.extend(outer);
    found.sort_unstable();
    found.dedup();
    Ok(())
}
