//! Nodes and messages with something changed, and all else as it was.

use super::graph::{Node, is_graph};
use super::names::Kind;
use crate::onnx::wire::{Field, WireError, Writer, fields};
use crate::onnx::*;
use std::collections::HashMap;

/// A message with another number in the field that this path leads to.
pub(super) fn replace(message: &[u8], path: &[u32], number: i64) -> Result<Vec<u8>, WireError> {
    let mut writer = Writer::new();
    for field in fields(message)? {
        match path {
            [last] if field.number == *last => {
                writer.int(*last, number);
            }
            [first, rest @ ..] if field.number == *first && !rest.is_empty() => {
                writer.bytes(*first, &replace(field.bytes(), rest, number)?);
            }
            _ => {
                writer.raw(&field);
            }
        }
    }
    Ok(writer.done())
}

pub(super) fn cast(from: &str, to: &str, kind: Kind) -> Vec<u8> {
    let mut attribute = Writer::new();
    attribute
        .text(ATTRIBUTE_NAME, "to")
        .int(
            ATTRIBUTE_INT,
            if kind == Kind::Half { FLOAT16 } else { FLOAT },
        )
        .int(ATTRIBUTE_TYPE, 2);
    let mut node = Writer::new();
    node.text(NODE_INPUT, from)
        .text(NODE_OUTPUT, to)
        .text(NODE_NAME, &format!("Cast_{to}"))
        .text(NODE_OPERATOR, "Cast")
        .bytes(NODE_ATTRIBUTE, &attribute.done());
    node.done()
}

/// A node with other names, and, if it casts to FP32 and is FP16, with a cast to that.
pub(super) fn write(
    node: &Node<'_>,
    kind: Kind,
    inputs: &[String],
    outputs: &[String],
    captured: &HashMap<&str, String>,
) -> Result<Vec<u8>, WireError> {
    let is_cast = node.is_own() && node.operator == "Cast" && node.int("to") == Some(FLOAT);
    let renamed = captured.iter().any(|(from, to)| from != to);
    let (mut inputs, mut outputs) = (inputs.iter(), outputs.iter());
    let mut attributes = node.attributes.iter();
    let mut writer = Writer::new();
    for field in &node.fields {
        let name = match field.number {
            NODE_INPUT => inputs.next(),
            NODE_OUTPUT => outputs.next(),
            _ => None,
        };
        if let Some(name) = name {
            writer.text(field.number, name);
            continue;
        }
        let attribute = (field.number == NODE_ATTRIBUTE)
            .then(|| attributes.next())
            .flatten();
        match attribute {
            Some(attribute) if is_cast && kind == Kind::Half && attribute.name == "to" => {
                let to = replace(attribute.field.bytes(), &[ATTRIBUTE_INT], FLOAT16)?;
                writer.bytes(NODE_ATTRIBUTE, &to);
            }
            Some(attribute) if renamed && attribute.fields.iter().any(is_graph) => {
                let inside = rename_attribute(&attribute.fields, captured)?;
                writer.bytes(NODE_ATTRIBUTE, &inside);
            }
            _ => {
                writer.raw(field);
            }
        }
    }
    Ok(writer.done())
}

/// An attribute whose graphs use other names for what is from outside.
fn rename_attribute(
    attribute: &[Field<'_>],
    names: &HashMap<&str, String>,
) -> Result<Vec<u8>, WireError> {
    let mut writer = Writer::new();
    for field in attribute {
        if is_graph(field) {
            writer.bytes(field.number, &rename_graph(field.bytes(), names)?);
        } else {
            writer.raw(field);
        }
    }
    Ok(writer.done())
}

fn rename_graph(graph: &[u8], names: &HashMap<&str, String>) -> Result<Vec<u8>, WireError> {
    let mut writer = Writer::new();
    for field in fields(graph)? {
        if field.number == GRAPH_OUTPUT {
            writer.bytes(GRAPH_OUTPUT, &rename_value(field.bytes(), names)?);
            continue;
        }
        if field.number != GRAPH_NODE {
            writer.raw(&field);
            continue;
        }
        let mut node = Writer::new();
        for field in fields(field.bytes())? {
            match (field.number, names.get(field.text())) {
                (NODE_INPUT, Some(name)) => {
                    node.text(NODE_INPUT, name);
                }
                (NODE_ATTRIBUTE, _) => {
                    let inside = fields(field.bytes())?;
                    node.bytes(NODE_ATTRIBUTE, &rename_attribute(&inside, names)?);
                }
                _ => {
                    node.raw(&field);
                }
            }
        }
        writer.bytes(GRAPH_NODE, &node.done());
    }
    Ok(writer.done())
}

/// An output of a graph inside a node, which may be a value from outside.
fn rename_value(value: &[u8], names: &HashMap<&str, String>) -> Result<Vec<u8>, WireError> {
    let mut writer = Writer::new();
    for field in fields(value)? {
        match (field.number, names.get(field.text())) {
            (VALUE_NAME, Some(name)) => writer.text(VALUE_NAME, name),
            _ => writer.raw(&field),
        };
    }
    Ok(writer.done())
}
