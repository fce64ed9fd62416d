//! Typed reading of one table's fields, with errors that say what would be right.

use super::Fault;
use super::tree::{Key, Node, Value};
use crate::rules::geometry::Point;
use vigil_analytics::text::suggest;

/// A table whose fields are read one by one.
pub(super) struct Fields<'a> {
    /// What errors call the table, for example `zone "door"`.
    pub what: String,
    /// Where the table begins.
    pub at: usize,
    table: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// The fields of a table of kind `kind`, all of which must be among `known`.
    pub fn new(node: &'a Node, kind: &str, known: &[&str]) -> Result<Self, Fault> {
        let Value::Table(table) = &node.value else {
            let message = format!(
                "{kind}: expected a table of fields ({}), found {}",
                known.join(", "),
                node.value.kind()
            );
            return Err(Fault::new(node.at, message));
        };
        let name = table.iter().find_map(|(key, node)| match &node.value {
            Value::String(text) if key.name == "name" => Some(text.as_str()),
            _ => None,
        });
        let what = name.map_or(kind.to_string(), |name| format!("{kind} \"{name}\""));
        for (key, _) in table {
            if !known.contains(&key.name.as_str()) {
                let problem = format!("{what}: unknown field \"{}\"", key.name);
                return Err(Fault::new(key.at, suggest(&problem, &key.name, known)));
            }
        }
        Ok(Self {
            what,
            at: node.at,
            table,
        })
    }

    pub fn get(&self, field: &str) -> Option<&'a Node> {
        let (_, node) = self.table.iter().find(|(key, _)| key.name == field)?;
        Some(node)
    }

    /// A fault in the value `node` of `field`.
    pub fn fault(&self, node: &Node, field: &str, message: &str) -> Fault {
        Fault::new(node.at, format!("{}: {field}: {message}", self.what))
    }

    /// A fault for a value of the wrong type.
    fn expected(&self, node: &Node, field: &str, expected: &str) -> Fault {
        let found = node.value.kind();
        self.fault(node, field, &format!("expected {expected}, found {found}"))
    }

    /// A field that must be there.
    pub fn require(&self, field: &str, example: &str) -> Result<&'a Node, Fault> {
        self.get(field).ok_or_else(|| {
            let message = format!("{}: {field} is missing: add {example}", self.what);
            Fault::new(self.at, message)
        })
    }

    pub fn string(&self, node: &'a Node, field: &str, expected: &str) -> Result<&'a str, Fault> {
        match &node.value {
            Value::String(text) if text.trim().is_empty() => Err(self.fault(
                node,
                field,
                &format!("expected {expected}, found empty text"),
            )),
            Value::String(text) if text.chars().any(char::is_control) => {
                Err(self.fault(node, field, "control characters are not allowed"))
            }
            Value::String(text) => Ok(text),
            _ => Err(self.expected(node, field, expected)),
        }
    }

    /// A list of texts with at least one item; empty where the field is not given.
    pub fn strings(&self, field: &str) -> Result<Vec<&'a str>, Fault> {
        let Some(node) = self.get(field) else {
            return Ok(Vec::new());
        };
        match &node.value {
            Value::Array(items) if items.is_empty() => {
                let message = "the list is empty: name what is wanted, or leave the field out";
                Err(self.fault(node, field, message))
            }
            Value::Array(items) => items
                .iter()
                .map(|item| self.string(item, field, "a list of texts"))
                .collect(),
            _ => Err(self.expected(node, field, "a list of texts, like [\"person\"]")),
        }
    }

    /// A number within `range`; `default` where the field is not given.
    pub fn number(
        &self,
        field: &str,
        range: std::ops::RangeInclusive<f64>,
        default: f64,
    ) -> Result<f64, Fault> {
        let Some(node) = self.get(field) else {
            return Ok(default);
        };
        let expected = format!("a number in {}..{}", range.start(), range.end());
        match node.value {
            Value::Number(number) if range.contains(&number) => Ok(number),
            Value::Number(number) => {
                Err(self.fault(node, field, &format!("{number} is not {expected}")))
            }
            _ => Err(self.expected(node, field, &expected)),
        }
    }

    /// A whole number within `range`; `default` where the field is not given.
    pub fn whole(
        &self,
        field: &str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, Fault> {
        let (min, max) = (f64::from(*range.start()), f64::from(*range.end()));
        let number = self.number(field, min..=max, f64::from(default))?;
        match self.get(field) {
            Some(node) if number.fract() != 0.0 => {
                Err(self.fault(node, field, &format!("{number} is no whole number")))
            }
            _ => Ok(number as u32),
        }
    }

    /// One of the named choices; the first where the field is not given.
    pub fn choice<T: Copy>(&self, field: &str, choices: &[(&str, T)]) -> Result<T, Fault> {
        let Some(node) = self.get(field) else {
            return Ok(choices[0].1);
        };
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let text = self.string(node, field, &format!("one of {}", names.join(", ")))?;
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let problem = format!("{}: unknown {field} \"{text}\"", self.what);
                Err(Fault::new(node.at, suggest(&problem, text, &names)))
            }
        }
    }

    /// A list of points.
    pub fn points(&self, node: &'a Node, field: &str) -> Result<Vec<Point>, Fault> {
        match &node.value {
            Value::Array(items) => items.iter().map(|item| self.point(item, field)).collect(),
            _ => Err(self.expected(node, field, "a list of points, like [[0.1, 0.2], …]")),
        }
    }

    /// A point: `[x, y]`.
    pub fn point(&self, node: &Node, field: &str) -> Result<Point, Fault> {
        const EXPECTED: &str = "a point [x, y] of two numbers";
        let Value::Array(items) = &node.value else {
            return Err(self.expected(node, field, EXPECTED));
        };
        let numbers: Vec<f64> = items
            .iter()
            .filter_map(|item| match item.value {
                Value::Number(number) => Some(number),
                _ => None,
            })
            .collect();
        match (numbers.as_slice(), items.len()) {
            ([x, y], 2) => Ok(Point { x: *x, y: *y }),
            (_, n) => {
                let message = format!("expected {EXPECTED}, found a list of {n} values");
                let message = match n {
                    2 => format!("expected {EXPECTED}, found something else in it"),
                    _ => message,
                };
                Err(self.fault(node, field, &message))
            }
        }
    }
}
