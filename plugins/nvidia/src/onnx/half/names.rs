//! Which value is made in which precision, and what it is called in the other.

use super::graph::{Graph, Node};
use super::{HalfOptions, keep};
use std::collections::{HashMap, HashSet};

/// A precision of values and nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Half,
    Float,
}

/// What each value is called in each precision. One of the two keeps the name; the other gets an
/// ending.
pub(super) struct Names<'a> {
    /// The precision that a value is made in; weights and constants are made in both.
    pub made: HashMap<&'a str, Kind>,
    /// The precision that keeps the name.
    pub bare: HashMap<&'a str, Kind>,
    /// Weights and constants, in the precisions that are used.
    pub used: HashSet<(&'a str, Kind)>,
    pub end: String,
}

impl<'a> Names<'a> {
    pub fn new(graph: &Graph<'a>, kinds: &[Kind], options: &HalfOptions) -> Self {
        let mut made = HashMap::new();
        let io = if options.half_io {
            Kind::Half
        } else {
            Kind::Float
        };
        for name in graph.inputs.iter().filter(|name| graph.is_float(name)) {
            made.insert(*name, io);
        }
        let constants: HashSet<&str> = graph
            .weights
            .keys()
            .chain(&graph.constants)
            .copied()
            .collect();
        let mut used = HashSet::new();
        for (node, kind) in graph.nodes.iter().zip(kinds) {
            for name in node.outputs.iter().filter(|name| graph.is_float(name)) {
                made.insert(*name, *kind);
            }
            for (index, name) in node.inputs.iter().enumerate() {
                used.insert((*name, wanted(node, index, *kind)));
            }
            used.extend(node.captured.iter().map(|name| (*name, Kind::Float)));
        }
        for name in &graph.outputs {
            used.insert((*name, io));
        }
        used.retain(|(name, _)| constants.contains(name) && graph.is_float(name));
        let mut bare = made.clone();
        for name in constants {
            made.remove(name);
            let is_float =
                used.contains(&(name, Kind::Float)) || !used.contains(&(name, Kind::Half));
            bare.insert(name, if is_float { Kind::Float } else { Kind::Half });
        }
        for name in graph.outputs.iter().filter(|name| graph.is_float(name)) {
            bare.insert(*name, io);
        }
        let mut end = "__f".to_owned();
        let taken = |end: &str| {
            let values = graph
                .nodes
                .iter()
                .flat_map(|node| node.outputs.iter().chain(&node.inputs));
            values.chain(&graph.inputs).any(|name| name.contains(end))
        };
        while taken(&end) {
            end.insert(0, '_');
        }
        Self {
            made,
            bare,
            used,
            end,
        }
    }

    /// The name of a value in a precision.
    pub fn of(&self, name: &str, kind: Kind) -> String {
        match (self.bare.get(name), kind) {
            (Some(bare), kind) if *bare != kind => {
                let bits = if kind == Kind::Half { 16 } else { 32 };
                format!("{name}{}{bits}", self.end)
            }
            _ => name.to_owned(),
        }
    }
}

/// The precision in which a node wants an input.
pub(super) fn wanted(node: &Node<'_>, input: usize, kind: Kind) -> Kind {
    if node.is_own() && keep::is_always_float(node.operator, input) {
        Kind::Float
    } else {
        kind
    }
}
