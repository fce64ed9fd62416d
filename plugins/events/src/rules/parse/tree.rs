//! TOML and JSON as one tree of values that know where in the text they are.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use super::Fault;

/// Deeper than any rule is.
const MAX_DEPTH: usize = 8;

/// A value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    /// Byte offset in the text.
    pub at: usize,
    pub value: Value,
}

impl Node {
    /// The value of a field, if this is a table that has it.
    pub fn field(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(table) => table
                .iter()
                .find_map(|(key, node)| (key.name == name).then_some(node)),
            _ => None,
        }
    }
}

/// A name in a table and where it stands.
#[derive(Debug)]
pub(super) struct Key {
    pub at: usize,
    pub name: String,
}

#[derive(Debug)]
pub(super) enum Value {
    String(String),
    Number(f64),
    Bool(bool),
    Array(Vec<Node>),
    /// In the order of the text.
    Table(Vec<(Key, Node)>),
    /// Something that no rule has a use for, by what it is called.
    Other(&'static str),
}

impl Value {
    /// What errors call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "a truth value",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

pub(super) fn from_toml(text: &str) -> Result<Node, Fault> {
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Fault::new(at, error.message())
    })?;
    Ok(Node {
        at: 0,
        value: toml_table(root.get_ref())?,
    })
}

fn toml_table(table: &DeTable<'_>) -> Result<Value, Fault> {
    let entries = table.iter().map(|(key, value)| {
        let name = key.get_ref().to_string();
        let key = Key {
            at: key.span().start,
            name,
        };
        Ok((key, toml_node(value)?))
    });
    let mut entries = entries.collect::<Result<Vec<_>, Fault>>()?;
    entries.sort_by_key(|(key, _)| key.at);
    Ok(Value::Table(entries))
}

fn toml_node(node: &toml::Spanned<DeValue<'_>>) -> Result<Node, Fault> {
    let at = node.span().start;
    let bad_number = |text: &str| Fault::new(at, format!("{text} is no number that fits here"));
    let value = match node.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            Value::Number(number.map_err(|_| bad_number(integer.as_str()))? as f64)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse();
            Value::Number(number.map_err(|_| bad_number(float.as_str()))?)
        }
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let items = items.iter().map(toml_node);
            Value::Array(items.collect::<Result<_, Fault>>()?)
        }
        DeValue::Table(table) => toml_table(table)?,
    };
    Ok(Node { at, value })
}

pub(super) fn from_json(text: &str) -> Result<Node, Fault> {
    let root: &RawValue = serde_json::from_str(text).map_err(|error| json_fault(text, &error))?;
    json_node(text, root, 0)
}

/// serde_json counts lines and columns (in bytes); we count bytes.
fn json_fault(text: &str, error: &serde_json::Error) -> Fault {
    let line_start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = line_start + error.column().saturating_sub(1);
    let message = error.to_string();
    // The position is told apart from the message.
    let message = message.split(" at line ").next().unwrap_or(&message);
    let message = format!("no valid JSON: {message}");
    Fault::new(floor_char_boundary(text, at), message)
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}

fn json_node(text: &str, raw: &RawValue, depth: usize) -> Result<Node, Fault> {
    // The raw value is a part of the text, so the distance of their addresses is its offset.
    let at = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    if depth > MAX_DEPTH {
        return Err(Fault::new(at, "nested too deeply for a rule"));
    }
    let source = raw.get();
    let wrong = |error: serde_json::Error| Fault::new(at, error.to_string());
    let value = match source.as_bytes().first() {
        Some(b'{') => {
            let entries: Entries<'_> = serde_json::from_str(source).map_err(wrong)?;
            json_table(text, entries, depth)?
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(source).map_err(wrong)?;
            let items = items.into_iter().map(|raw| json_node(text, raw, depth + 1));
            Value::Array(items.collect::<Result<_, Fault>>()?)
        }
        Some(b'"') => Value::String(serde_json::from_str(source).map_err(wrong)?),
        Some(b't' | b'f') => Value::Bool(source == "true"),
        Some(b'n') => Value::Other("null"),
        _ => Value::Number(serde_json::from_str(source).map_err(wrong)?),
    };
    Ok(Node { at, value })
}

fn json_table(text: &str, entries: Entries<'_>, depth: usize) -> Result<Value, Fault> {
    let mut table: Vec<(Key, Node)> = Vec::with_capacity(entries.0.len());
    for (name, raw) in entries.0 {
        let node = json_node(text, raw, depth + 1)?;
        let at = json_key_position(text, &name, node.at);
        if table.iter().any(|(key, _)| key.name == name) {
            return Err(Fault::new(at, format!("\"{name}\" is given twice")));
        }
        table.push((Key { at, name }, node));
    }
    Ok(Value::Table(table))
}

/// Where the key of the value at `value_at` begins; the value itself if the key has escapes.
fn json_key_position(text: &str, name: &str, value_at: usize) -> usize {
    let quoted = format!("\"{name}\"");
    let before = text.get(..value_at).unwrap_or_default().trim_end();
    let before = before.strip_suffix(':').unwrap_or(before).trim_end();
    match before.strip_suffix(quoted.as_str()) {
        Some(before) => before.len(),
        None => value_at,
    }
}

/// A JSON object with its values as they stand in the text, in order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(EntriesVisitor).map(Self)
    }
}
