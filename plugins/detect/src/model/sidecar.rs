//! The file beside a model, `yolox_s.toml` for `yolox_s.onnx`: what its ONNX file does not say.
//!
//! It has the format of the cards in `models/`, which `models/fetch` leaves beside each model, and
//! of which everything is optional here. `[input]`, `[boxes]` and `[classes]` are read, the names of
//! classes in `[[outputs]]`, and in them what is listed below; the rest of a card is for people and other tools.

use super::error::ModelError;
use super::wishes::{INPUT_KEYS, InputWishes, parse_head};
use super::{HeadKind, coco};
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use vigil_analytics::text::{self, TextError};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Largest side of an input.
const MAX_SIDE: i64 = 8192;

/// Keys of a card's outermost table.
const TABLES: [&str; 17] = [
    "card",
    "family",
    "title",
    "what",
    "name",
    "note",
    "how",
    "source",
    "licence",
    "vigildetect",
    "classes",
    "input",
    "extra-inputs",
    "outputs",
    "boxes",
    "figures",
    "download",
];
/// A card may have it too.
const WEIGHTS: &str = "weights";
/// Keys of `[input]` that are known but not read: the ONNX file says the same.
const INPUT_REST: [&str; 4] = ["name", "type", "layout", "shape"];
/// Keys of `[boxes]` that are known but not read: they follow from the head.
const BOXES_REST: [&str; 5] = ["format", "units", "score", "strides", "nms"];

/// What the file beside a model says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sidecar {
    /// The file.
    pub path: PathBuf,
    /// `boxes.head`.
    pub head: Option<HeadKind>,
    /// `input.size`, width by height: where the ONNX file leaves it open.
    pub size: Option<(u32, u32)>,
    /// The other keys of `[input]`.
    pub input: InputWishes,
    /// `classes.names`.
    pub names: Option<Vec<String>>,
    /// `classes.count`.
    pub count: Option<usize>,
    /// `outputs.names`, by `outputs.name`: of a classifier with several outputs.
    pub output_names: Vec<(String, Vec<String>)>,
}

impl Sidecar {
    /// Where it is, for a model.
    pub fn path_for(model: &Path) -> PathBuf {
        model.with_extension("toml")
    }

    /// Reads the file beside a model; `None` if there is none. Blocks on the file system.
    ///
    /// # Errors
    /// The file cannot be read, or says something that is not understood.
    pub fn beside(model: &Path) -> Result<Option<Self>, ModelError> {
        let path = Self::path_for(model);
        let failed = |why: String| ModelError::Sidecar {
            path: path.clone(),
            why,
        };
        match text::read_file(&path, MAX_BYTES) {
            Ok(text) => Self::parse(&path, &text).map(Some).map_err(failed),
            Err(TextError::Failed(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(TextError::Failed(error)) => Err(failed(error.to_string())),
            Err(TextError::TooLarge) => Err(failed(format!(
                "it has more than {MAX_BYTES} bytes, too many for a card"
            ))),
        }
    }

    /// What a text says, of a file at `path`.
    ///
    /// # Errors
    /// What is wrong with it, with line and column where it is no TOML.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = text::line_and_column(text, at);
            let what = error.message().replace('\n', " ");
            format!("line {line}, column {column}: {what}")
        })?;
        if table.contains_key("variants") {
            return Err(
                "it is the card of a family, with [[variants]]: leave beside a model the card of \
                 that one only, as models/fetch does"
                    .into(),
            );
        }
        let mut this = Self {
            path: path.into(),
            ..Self::default()
        };
        for (key, value) in &table {
            match key.as_str() {
                "input" => each(key, value, |key, value| this.input_key(key, value))?,
                "boxes" => each(key, value, |key, value| this.boxes_key(key, value))?,
                "classes" => each(key, value, |key, value| this.classes_key(key, value))?,
                "outputs" => this.outputs(value)?,
                known if TABLES.contains(&known) || known == WEIGHTS => {}
                _ => return Err(unknown("", key, &TABLES)),
            }
        }
        match (&this.names, this.count) {
            (Some(names), Some(count)) if names.len() != count => Err(format!(
                "classes.count is {count}, but classes.names are {}",
                names.len()
            )),
            _ => Ok(this),
        }
    }

    /// How many classes it speaks of.
    pub(super) fn classes(&self) -> Option<usize> {
        self.names.as_ref().map(Vec::len).or(self.count)
    }

    fn input_key(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let wrong = |why: String| format!("input.{key} is {value}: {why}");
        if key == "size" {
            self.size = Some(size(value).map_err(wrong)?);
            return Ok(());
        }
        if self.input.set(key, value).map_err(wrong)? || INPUT_REST.contains(&key) {
            return Ok(());
        }
        let known = [&INPUT_KEYS[..], &["size"], &INPUT_REST].concat();
        Err(unknown("input.", key, &known))
    }

    fn boxes_key(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "head" => {
                let name = value.as_str().unwrap_or_default();
                let wrong = |why| format!("boxes.head is {value}: {why}");
                self.head = Some(parse_head(name).map_err(wrong)?);
                Ok(())
            }
            known if BOXES_REST.contains(&known) => Ok(()),
            _ => Err(unknown(
                "boxes.",
                key,
                &[&["head"], &BOXES_REST[..]].concat(),
            )),
        }
    }

    fn outputs(&mut self, value: &Value) -> Result<(), String> {
        let wrong = || "outputs must be tables, [[outputs]]".to_string();
        for output in value.as_array().ok_or_else(wrong)? {
            let output = output.as_table().ok_or_else(wrong)?;
            let Some(value) = output.get("names") else {
                continue;
            };
            let Some(name) = output.get("name").and_then(Value::as_str) else {
                return Err("outputs.names is there without outputs.name".into());
            };
            if self.output_names.iter().any(|(other, _)| other == name) {
                return Err(format!("outputs.name is \"{name}\" twice"));
            }
            let wrong =
                || format!("outputs.names of \"{name}\" is {value}: it must be a list of names");
            let names = names(value).ok_or_else(wrong)?;
            self.output_names.push((name.into(), names));
        }
        Ok(())
    }

    fn classes_key(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("classes.{key} is {value}: {why}"));
        match key {
            "names" => match names(value) {
                Some(names) => self.names = Some(names),
                None => return wrong("it must be \"coco80\", \"coco91\" or a list of names"),
            },
            "count" => match value.as_integer() {
                Some(count @ 1..=65_535) => self.count = Some(count as usize),
                _ => return wrong("it must be a whole number from 1 to 65535"),
            },
            _ => return Err(unknown("classes.", key, &["names", "count"])),
        }
        Ok(())
    }
}

/// Calls `read` with each key of a table.
fn each(
    name: &str,
    value: &Value,
    mut read: impl FnMut(&str, &Value) -> Result<(), String>,
) -> Result<(), String> {
    let table = value
        .as_table()
        .ok_or_else(|| format!("{name} is {value}: it must be a table, [{name}]"))?;
    table.iter().try_for_each(|(key, value)| read(key, value))
}

fn unknown(table: &str, key: &str, known: &[&str]) -> String {
    text::suggest(&format!("{table}{key} is no key of a card"), key, known)
}

fn size(value: &Value) -> Result<(u32, u32), String> {
    let side = |side: &Value| {
        let side = side.as_integer().filter(|n| (1..=MAX_SIDE).contains(n))?;
        u32::try_from(side).ok()
    };
    let sides = value.as_array().map_or(&[][..], Vec::as_slice);
    let both = match sides {
        [width, height] => side(width).zip(side(height)),
        _ => None,
    };
    both.ok_or_else(|| format!("it must be [width, height], each from 1 to {MAX_SIDE}"))
}

fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(set) if set == "coco80" => Some(coco::NAMES.map(String::from).to_vec()),
        Value::String(set) if set == "coco91" => Some(coco::names_by_id()),
        Value::Array(names) if (1..=65_535).contains(&names.len()) => names
            .iter()
            .map(|name| name.as_str().map(String::from))
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
