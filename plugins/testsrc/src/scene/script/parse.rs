//! TOML to a [`Script`], value by value, so that each error knows its place in the text.

use super::{Point, Script, ScriptError, ScriptObject};
use crate::scene::{Class, SceneKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vigil_analytics::text::{line_and_column, suggest};

/// More objects than this are a mistake.
const MAX_OBJECTS: usize = 10_000;
/// Further from the picture than this, in pictures, is a mistake in the unit.
const MAX_PLACE: f64 = 10.0;
/// Times beyond this, in seconds, are a mistake in the unit.
const MAX_TIME: f64 = 1e7;

const POINT: &str = "a point [time, x, y] of three numbers";

/// Something wrong at a place in the text.
#[derive(Debug)]
pub(super) struct Fault {
    /// Byte offset.
    at: usize,
    message: String,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }

    /// The fault with line and column in place of its offset.
    pub fn into_error(self, path: &str, text: &str) -> ScriptError {
        let (line, column) = line_and_column(text, self.at);
        ScriptError::Invalid {
            path: path.to_string(),
            line,
            column,
            message: self.message,
        }
    }
}

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a script.
pub(super) fn script(text: &str) -> Result<Script, Fault> {
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Fault::new(at, error.message())
    })?;
    let root = root.get_ref();
    check_fields(root, "the script", &["background", "object"])?;
    let background = match root.get("background") {
        Some(value) => {
            let places = SceneKind::ALL.map(|kind| (kind.as_str(), kind));
            choice(value, "background", &places)?
        }
        None => SceneKind::default(),
    };
    let objects = match root.get("object") {
        Some(value) => objects(value)?,
        None => Vec::new(),
    };
    Ok(Script {
        background,
        objects,
    })
}

fn objects(value: &Value<'_>) -> Result<Vec<ScriptObject>, Fault> {
    let DeValue::Array(items) = value.get_ref() else {
        let found = kind(value);
        let message =
            format!("object: expected a list of objects, each begun by [[object]], found {found}");
        return Err(Fault::new(value.span().start, message));
    };
    if items.len() > MAX_OBJECTS {
        let message = format!("{} objects are more than {MAX_OBJECTS}", items.len());
        return Err(Fault::new(value.span().start, message));
    }
    items.iter().map(object).collect()
}

fn object(value: &Value<'_>) -> Result<ScriptObject, Fault> {
    let DeValue::Table(table) = value.get_ref() else {
        let message = format!("object: expected class and path, found {}", kind(value));
        return Err(Fault::new(value.span().start, message));
    };
    check_fields(table, "the object", &["class", "path"])?;
    let field = |name: &str, example: &str| {
        table.get(name).ok_or_else(|| {
            let message = format!("the object has no {name}: add {example}");
            Fault::new(value.span().start, message)
        })
    };
    let class = field("class", "class = \"person\"")?;
    let path = field("path", "path = [[0.0, 0.1, 0.8], [5.0, 0.9, 0.8]]")?;
    let classes = Class::ALL.map(|class| (class.as_str(), class));
    Ok(ScriptObject {
        class: choice(class, "class", &classes)?,
        points: points(path)?,
    })
}

fn points(path: &Value<'_>) -> Result<Vec<Point>, Fault> {
    let DeValue::Array(items) = path.get_ref() else {
        let message = format!(
            "path: expected a list of points, like [[0.0, 0.1, 0.8], [5.0, 0.9, 0.8]], found {}",
            kind(path)
        );
        return Err(Fault::new(path.span().start, message));
    };
    if items.is_empty() {
        let message = "path: it is empty: an object needs one point or more, each [time, x, y]";
        return Err(Fault::new(path.span().start, message));
    }
    let mut points: Vec<Point> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let (point, at) = point(item)?;
        if let Some(last) = points.last()
            && point.time <= last.time
        {
            let message = format!(
                "path: times must ascend: point {} is at {} s, after one at {} s",
                i + 1,
                point.time,
                last.time
            );
            return Err(Fault::new(at, message));
        }
        points.push(point);
    }
    Ok(points)
}

/// A point, and where its time stands.
fn point(value: &Value<'_>) -> Result<(Point, usize), Fault> {
    let at = value.span().start;
    let DeValue::Array(items) = value.get_ref() else {
        let message = format!("path: expected {POINT}, found {}", kind(value));
        return Err(Fault::new(at, message));
    };
    let [time, x, y] = &items[..] else {
        let message = format!("path: expected {POINT}, found a list of {}", items.len());
        return Err(Fault::new(at, message));
    };
    let point = Point {
        time: number(time, "time", "seconds", MAX_TIME)?,
        x: number(x, "x", "widths of the picture", MAX_PLACE)?,
        y: number(y, "y", "heights of the picture", MAX_PLACE)?,
    };
    Ok((point, time.span().start))
}

fn number(value: &Value<'_>, name: &str, unit: &str, most: f64) -> Result<f64, Fault> {
    let fault = |message: String| Fault::new(value.span().start, format!("path: {message}"));
    let number = match value.get_ref() {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(|number| number as f64)
            .map_err(|_| fault(format!("{name}: {} is no number", integer.as_str())))?,
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .map_err(|_| fault(format!("{name}: {} is no number", float.as_str())))?,
        _ => {
            let found = kind(value);
            return Err(fault(format!("expected {POINT}, found {found} as {name}")));
        }
    };
    if !number.is_finite() {
        return Err(fault(format!("{name} is {number}: it must be finite")));
    }
    if number.abs() > most {
        let message = format!("{name} is {number}: it is in {unit}, from -{most} to {most}");
        return Err(fault(message));
    }
    Ok(number)
}

fn choice<T: Copy>(value: &Value<'_>, name: &str, choices: &[(&str, T)]) -> Result<T, Fault> {
    let at = value.span().start;
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let DeValue::String(text) = value.get_ref() else {
        let list = names.join(", ");
        let message = format!("{name}: expected one of {list}, found {}", kind(value));
        return Err(Fault::new(at, message));
    };
    match choices.iter().find(|(name, _)| name == text) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let problem = format!("unknown {name} \"{text}\"");
            Err(Fault::new(at, suggest(&problem, text, &names)))
        }
    }
}

fn check_fields(table: &DeTable<'_>, what: &str, known: &[&str]) -> Result<(), Fault> {
    let unknown = table
        .keys()
        .filter(|key| !known.contains(&key.get_ref().as_ref()))
        .min_by_key(|key| key.span().start);
    match unknown {
        Some(key) => {
            let name = key.get_ref();
            let problem = format!("unknown field \"{name}\" of {what}");
            Err(Fault::new(key.span().start, suggest(&problem, name, known)))
        }
        None => Ok(()),
    }
}

/// What errors call a value.
fn kind(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
