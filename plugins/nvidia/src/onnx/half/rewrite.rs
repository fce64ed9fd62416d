//! The graph, rewritten.

use super::graph::{Graph, Node, Tensor};
use super::names::{Kind, Names, wanted};
use super::write::{cast, replace, write};
use super::{HalfError, HalfOptions, Report, keep, tensor};
use crate::onnx::wire::{Field, WireError, Writer, fields};
use crate::onnx::*;
use std::collections::{HashMap, HashSet};

pub(super) struct Rewritten {
    pub graph: Vec<u8>,
    pub report: Report,
}

pub(super) fn rewrite(graph: &Graph<'_>, options: &HalfOptions) -> Result<Rewritten, HalfError> {
    let quantised = |node: &&Node<'_>| {
        matches!(
            node.operator,
            "QuantizeLinear"
                | "DequantizeLinear"
                | "DynamicQuantizeLinear"
                | "QLinearConv"
                | "QLinearMatMul"
        )
    };
    if let Some(node) = graph.nodes.iter().find(quantised) {
        return Err(HalfError::Quantised(node.operator.to_owned()));
    }
    let kinds = kinds(graph, options)?;
    let names = Names::new(graph, &kinds, options);
    let mut writer = Rewriter {
        graph,
        options,
        names,
        cast: HashSet::new(),
        report: Report::default(),
        nodes: Vec::new(),
    };
    for (node, kind) in graph.nodes.iter().zip(&kinds) {
        writer.node(node, *kind)?;
    }
    writer.finish()
}

/// The precision of each node.
fn kinds(graph: &Graph<'_>, options: &HalfOptions) -> Result<Vec<Kind>, HalfError> {
    let tail = tail(graph, options);
    let mut index_values = HashSet::new();
    let mut kinds = Vec::with_capacity(graph.nodes.len());
    for (node, is_tail) in graph.nodes.iter().zip(tail) {
        let is_index = is_index(graph, node, &index_values);
        if is_index {
            index_values.extend(node.outputs.iter().copied());
        }
        let is_float = is_tail
            || is_index
            || !node.is_own()
            || node.has_graphs()
            || keep::reason(node.operator, graph.opset).is_some()
            || options
                .keep
                .iter()
                .any(|operator| operator == node.operator)
            || (options.keep_large && has_large(graph, node, options)?);
        kinds.push(if is_float { Kind::Float } else { Kind::Half });
    }
    Ok(kinds)
}

/// Which nodes come after the last heavy one: none if there is none.
fn tail(graph: &Graph<'_>, options: &HalfOptions) -> Vec<bool> {
    let any = graph.nodes.iter().any(|node| keep::is_heavy(node.operator));
    if !any || !options.keep_tail {
        return vec![false; graph.nodes.len()];
    }
    let mut needed: HashSet<&str> = HashSet::new();
    let mut is_tail = vec![false; graph.nodes.len()];
    for (node, is_tail) in graph.nodes.iter().zip(&mut is_tail).rev() {
        let leads = node.outputs.iter().any(|name| needed.contains(name));
        *is_tail = !leads && !keep::is_heavy(node.operator);
        if !*is_tail {
            needed.extend(node.inputs.iter().chain(&node.captured));
        }
    }
    is_tail
}

/// Whether a node computes with indices: casts whole numbers to floats, or takes nothing but such
/// values, whole numbers and constants.
fn is_index(graph: &Graph<'_>, node: &Node<'_>, known: &HashSet<&str>) -> bool {
    let kind = |name: &str| graph.types.get(name).copied();
    let is_whole = |name: &str| matches!(kind(name), Some(INT32 | INT64));
    if node.operator == "Cast" && node.is_own() {
        return node.int("to") == Some(FLOAT) && node.inputs.first().is_some_and(|n| is_whole(n));
    }
    if keep::is_heavy(node.operator) {
        return false;
    }
    let mut inputs = node
        .inputs
        .iter()
        .filter(|name| !name.is_empty())
        .peekable();
    let is_fixed = |name: &str| {
        graph.weights.contains_key(name) || graph.constants.contains(name) || is_whole(name)
    };
    node.inputs.iter().any(|name| known.contains(name))
        && inputs.all(|name| known.contains(name) || is_fixed(name))
}

fn has_large(graph: &Graph<'_>, node: &Node<'_>, options: &HalfOptions) -> Result<bool, HalfError> {
    for weights in node
        .inputs
        .iter()
        .filter_map(|name| graph.weights.get(name))
    {
        if weights.kind == FLOAT && tensor::is_large(&tensor::values(weights, options)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Rewriter<'a, 'b> {
    graph: &'b Graph<'a>,
    options: &'b HalfOptions,
    names: Names<'a>,
    cast: HashSet<(String, Kind)>,
    report: Report,
    nodes: Vec<Vec<u8>>,
}

impl Rewriter<'_, '_> {
    /// The name of a value in a precision; if it is not made in that, with a cast to it first.
    fn value(&mut self, name: &str, kind: Kind) -> String {
        if !self.graph.is_float(name) {
            return name.to_owned();
        }
        if let Some(made) = self.names.made.get(name).copied()
            && made != kind
            && self.cast.insert((name.to_owned(), kind))
        {
            let (from, to) = (self.names.of(name, made), self.names.of(name, kind));
            self.nodes.push(cast(&from, &to, kind));
            self.report.casts += 1;
        }
        self.names.of(name, kind)
    }

    fn node(&mut self, node: &Node<'_>, kind: Kind) -> Result<(), HalfError> {
        if node.is_constant() && node.outputs.iter().any(|name| self.graph.is_float(name)) {
            return self.constant(node);
        }
        let floats = node.inputs.iter().chain(&node.outputs);
        match kind {
            _ if !floats.clone().any(|name| self.graph.is_float(name)) => {}
            Kind::Half => self.report.half_nodes += 1,
            Kind::Float => self.report.float_nodes += 1,
        }
        let mut inputs = Vec::new();
        for (index, name) in node.inputs.iter().enumerate() {
            inputs.push(self.value(name, wanted(node, index, kind)));
        }
        let captured: HashMap<&str, String> = (node.captured.iter())
            .map(|name| (*name, self.value(name, Kind::Float)))
            .collect();
        let outputs = node
            .outputs
            .iter()
            .map(|name| match self.graph.is_float(name) {
                true => self.names.of(name, kind),
                false => (*name).to_owned(),
            });
        let outputs: Vec<String> = outputs.collect();
        let rewritten = write(node, kind, &inputs, &outputs, &captured)?;
        self.nodes.push(rewritten);
        Ok(())
    }

    /// A `Constant` in each precision that is used.
    fn constant(&mut self, node: &Node<'_>) -> Result<(), HalfError> {
        let Some(output) = node.outputs.first().copied() else {
            return Ok(());
        };
        let used = |kind| self.names.used.contains(&(output, kind));
        let (in_half, in_float) = (used(Kind::Half), used(Kind::Float));
        if in_float || !in_half {
            let name = self.names.of(output, Kind::Float);
            self.nodes
                .push(write(node, Kind::Float, &[], &[name], &HashMap::new())?);
        }
        if !in_half {
            return Ok(());
        }
        let name = self.names.of(output, Kind::Half);
        let mut bytes = Vec::new();
        for attribute in &node.attributes {
            match attribute.name {
                "value" => {
                    let value = attribute
                        .fields
                        .iter()
                        .find(|f| f.number == ATTRIBUTE_TENSOR);
                    bytes = value.map_or(&[][..], Field::bytes).to_vec();
                }
                "value_float" | "value_floats" => bytes = tensor::of_floats(attribute),
                _ => {}
            }
        }
        let value = Tensor::read(&bytes)?;
        let value = tensor::half(&value, value.name, self.options, &mut self.report)?;
        let mut attribute = Writer::new();
        attribute
            .text(ATTRIBUTE_NAME, "value")
            .bytes(ATTRIBUTE_TENSOR, &value)
            .int(ATTRIBUTE_TYPE, 4);
        let mut writer = Writer::new();
        writer
            .text(NODE_OUTPUT, &name)
            .text(NODE_NAME, &format!("{}{}16", node.name, self.names.end))
            .text(NODE_OPERATOR, "Constant")
            .bytes(NODE_ATTRIBUTE, &attribute.done());
        self.nodes.push(writer.done());
        Ok(())
    }

    fn finish(mut self) -> Result<Rewritten, HalfError> {
        let io = if self.options.half_io {
            Kind::Half
        } else {
            Kind::Float
        };
        for name in self.graph.outputs.clone() {
            self.value(name, io);
        }
        let mut writer = Writer::new();
        let mut nodes = Some(std::mem::take(&mut self.nodes));
        for field in &self.graph.fields {
            match field.number {
                // All nodes stand where the first stood.
                GRAPH_NODE => {
                    for node in nodes.take().into_iter().flatten() {
                        writer.bytes(GRAPH_NODE, &node);
                    }
                }
                GRAPH_INITIALIZER => self.weights(field, &mut writer)?,
                GRAPH_INPUT | GRAPH_OUTPUT | GRAPH_VALUE_INFO => {
                    writer.bytes(field.number, &self.typed(field)?);
                }
                _ => {
                    writer.raw(field);
                }
            }
        }
        Ok(Rewritten {
            graph: writer.done(),
            report: self.report,
        })
    }

    fn weights(&mut self, field: &Field<'_>, writer: &mut Writer) -> Result<(), HalfError> {
        let weights = Tensor::read(field.bytes())?;
        let used = |kind| self.names.used.contains(&(weights.name, kind));
        let (in_half, in_float) = (used(Kind::Half), used(Kind::Float));
        if weights.kind != FLOAT || in_float || !in_half {
            writer.bytes(GRAPH_INITIALIZER, &tensor::float(&weights, self.options)?);
        }
        if weights.kind == FLOAT && in_half {
            let name = self.names.of(weights.name, Kind::Half);
            let half = tensor::half(&weights, &name, self.options, &mut self.report)?;
            writer.bytes(GRAPH_INITIALIZER, &half);
        }
        Ok(())
    }

    /// An input, output or value with the type that the value of its name has now.
    fn typed(&self, field: &Field<'_>) -> Result<Vec<u8>, WireError> {
        let inside = fields(field.bytes())?;
        let name = inside
            .iter()
            .find(|f| f.number == VALUE_NAME)
            .map_or("", Field::text);
        if !self.graph.is_float(name) || self.names.bare.get(name) != Some(&Kind::Half) {
            return Ok(field.bytes().to_vec());
        }
        replace(
            field.bytes(),
            &[VALUE_TYPE, TYPE_TENSOR, TENSOR_TYPE_ELEMENT],
            FLOAT16,
        )
    }
}
