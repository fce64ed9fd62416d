//! The kinds of rules and their fields.

use std::sync::Arc;

use super::Fault;
use super::fields::Fields;
use super::tree::{Key, Node, Value};
use crate::rules::geometry::{Anchor, Line, ShapeError, Units, Zone};
use crate::rules::model::{
    Directions, Filter, LineRule, MS, ObjectRule, Otherwise, Rules, Verify, ZoneRule,
};
use vigil_analytics::text::{Piece, pieces, suggest};
use vigil_analytics::verdict::FIELDS;

const KINDS: [&str; 3] = ["object", "zone", "line"];

const OBJECT: [&str; 8] = [
    "name",
    "labels",
    "min-confidence",
    "min-sightings",
    "left-after-ms",
    "verify",
    "verify-timeout-ms",
    "verify-otherwise",
];
const ZONE: [&str; 13] = [
    "name",
    "polygon",
    "units",
    "anchor",
    "labels",
    "min-confidence",
    "min-sightings",
    "enter-after-ms",
    "exit-after-ms",
    "left-after-ms",
    "verify",
    "verify-timeout-ms",
    "verify-otherwise",
];
const LINE: [&str; 13] = [
    "name",
    "from",
    "to",
    "units",
    "anchor",
    "direction",
    "margin",
    "labels",
    "min-confidence",
    "min-sightings",
    "verify",
    "verify-timeout-ms",
    "verify-otherwise",
];

const ANCHORS: [(&str, Anchor); 5] = [
    ("bottom-center", Anchor::BottomCenter),
    ("center", Anchor::Center),
    ("top-center", Anchor::TopCenter),
    ("left-center", Anchor::LeftCenter),
    ("right-center", Anchor::RightCenter),
];
const UNITS: [(&str, Units); 2] = [("normalized", Units::Normalized), ("pixels", Units::Pixels)];
const DIRECTIONS: [(&str, Directions); 3] = [
    ("both", Directions::Both),
    ("forward", Directions::Forward),
    ("backward", Directions::Backward),
];

const OTHERWISE: [(&str, Otherwise); 2] =
    [("publish", Otherwise::Publish), ("drop", Otherwise::Drop)];

/// An hour: more is a mistake in the unit.
const MAX_MS: u32 = 3_600_000;

/// Reads all rules.
pub(super) fn rules(root: &Node) -> Result<Rules, Fault> {
    let Value::Table(kinds) = &root.value else {
        let message = format!(
            "expected lists of rules by kind ({}), found {}",
            KINDS.join(", "),
            root.value.kind()
        );
        return Err(Fault::new(root.at, message));
    };
    let mut rules = Rules::none();
    let mut names = Names::default();
    for (kind, list) in kinds {
        for node in items(kind, list)? {
            let name = match kind.name.as_str() {
                "object" => {
                    rules.objects.push(object(node)?);
                    rules.objects.last().map(|rule| &rule.name)
                }
                "zone" => {
                    rules.zones.push(zone(node)?);
                    rules.zones.last().map(|rule| &rule.name)
                }
                _ => {
                    rules.lines.push(line(node)?);
                    rules.lines.last().map(|rule| &rule.name)
                }
            };
            if let Some(name) = name {
                names.add(name, &kind.name, node)?;
            }
        }
    }
    Ok(rules)
}

/// The rules of one kind.
fn items<'a>(kind: &Key, list: &'a Node) -> Result<&'a [Node], Fault> {
    let name = kind.name.as_str();
    if !KINDS.contains(&name) {
        let problem = format!("unknown kind of rule \"{name}\"");
        return Err(Fault::new(kind.at, suggest(&problem, name, &KINDS)));
    }
    match &list.value {
        Value::Array(items) => Ok(items),
        other => {
            let message = format!(
                "{name}: expected a list of rules (in TOML [[{name}]] with double brackets, in \
                 JSON \"{name}\": [{{…}}]), found {}",
                other.kind()
            );
            Err(Fault::new(kind.at, message))
        }
    }
}

/// Names given so far.
#[derive(Default)]
struct Names(Vec<(Arc<str>, String)>);

impl Names {
    fn add(&mut self, name: &Arc<str>, kind: &str, rule: &Node) -> Result<(), Fault> {
        if let Some((_, other)) = self.0.iter().find(|(other, _)| other == name) {
            let at = rule.field("name").unwrap_or(rule).at;
            let message = format!(
                "{kind} \"{name}\": the name is taken by another rule ({other} \"{name}\"): \
                 events tell rules apart by name, give each its own"
            );
            return Err(Fault::new(at, message));
        }
        self.0.push((name.clone(), kind.to_string()));
        Ok(())
    }
}

fn name(fields: &Fields<'_>) -> Result<Arc<str>, Fault> {
    let node = fields.require("name", "name = \"…\"")?;
    Ok(fields.string(node, "name", "a name")?.into())
}

fn filter(fields: &Fields<'_>) -> Result<Filter, Fault> {
    let labels = fields.strings("labels")?;
    Ok(Filter {
        labels: labels.into_iter().map(str::to_string).collect(),
        min_confidence: fields.number("min-confidence", 0.0..=1.0, 0.0)? as f32,
        min_sightings: fields.whole("min-sightings", 1..=1000, Filter::MIN_SIGHTINGS)?,
    })
}

/// A field in milliseconds, as nanoseconds.
fn ms(fields: &Fields<'_>, field: &str, default_ms: u64) -> Result<u64, Fault> {
    let ms = fields.number(field, 0.0..=f64::from(MAX_MS), default_ms as f64)?;
    Ok((ms * MS as f64) as u64)
}

/// Whether events of the rule wait for a verdict, and for how long.
fn verify(fields: &Fields<'_>) -> Result<Option<Arc<Verify>>, Fault> {
    let question = match fields.get("verify") {
        None => None,
        Some(node) => match &node.value {
            Value::Bool(true) => Some(None),
            Value::Bool(false) => None,
            _ => Some(Some(question(fields, node)?)),
        },
    };
    let Some(question) = question else {
        let alone = ["verify-timeout-ms", "verify-otherwise"]
            .into_iter()
            .find_map(|field| Some((field, fields.get(field)?)));
        return match alone {
            Some((field, node)) => Err(fields.fault(
                node,
                field,
                "says nothing where nothing is verified: add verify = true or verify = \"a question\"",
            )),
            None => Ok(None),
        };
    };
    let default = Verify::TIMEOUT_MS as f64;
    let timeout = fields.number("verify-timeout-ms", 1.0..=f64::from(MAX_MS), default)?;
    Ok(Some(Arc::new(Verify {
        question,
        timeout: (timeout * MS as f64) as u64,
        otherwise: fields.choice("verify-otherwise", &OTHERWISE)?,
    })))
}

/// A question to be answered by yes or no.
fn question(fields: &Fields<'_>, node: &Node) -> Result<String, Fault> {
    let text = fields.string(
        node,
        "verify",
        "a question, or true for one for all kinds of events",
    )?;
    let fault = |message: &str| fields.fault(node, "verify", message);
    if text.chars().count() > Verify::LONGEST {
        return Err(fault("the question is longer than 1000 characters"));
    }
    let pieces = pieces(text)
        .ok_or_else(|| fault("a brace that has no partner: write {{ or }} for a brace itself"))?;
    for piece in pieces {
        if let Piece::Field(name) = piece
            && !FIELDS.contains(&name)
        {
            let problem = format!("unknown field {{{name}}}");
            return Err(fault(&suggest(&problem, name, &FIELDS)));
        }
    }
    Ok(text.to_string())
}

fn object(node: &Node) -> Result<ObjectRule, Fault> {
    let fields = Fields::new(node, "object", &OBJECT)?;
    Ok(ObjectRule {
        name: name(&fields)?,
        filter: filter(&fields)?,
        left_after: ms(&fields, "left-after-ms", ObjectRule::LEFT_AFTER_MS)?,
        verify: verify(&fields)?,
    })
}

fn zone(node: &Node) -> Result<ZoneRule, Fault> {
    let fields = Fields::new(node, "zone", &ZONE)?;
    let name = name(&fields)?;
    let units = fields.choice("units", &UNITS)?;
    let polygon = fields.require("polygon", "polygon = [[x, y], [x, y], [x, y], …]")?;
    let points = fields.points(polygon, "polygon")?;
    let zone = Zone::new(&points, units).map_err(|error| {
        let at = match error {
            ShapeError::OutOfRange { point, .. } => nth(polygon, point),
            ShapeError::SamePoint { second, .. } | ShapeError::SelfCrossing { second, .. } => {
                nth(polygon, second)
            }
            _ => polygon,
        };
        fields.fault(at, "polygon", &error.to_string())
    })?;
    Ok(ZoneRule {
        name,
        zone,
        filter: filter(&fields)?,
        anchor: fields.choice("anchor", &ANCHORS)?,
        enter_after: ms(&fields, "enter-after-ms", ZoneRule::ENTER_AFTER_MS)?,
        exit_after: ms(&fields, "exit-after-ms", ZoneRule::EXIT_AFTER_MS)?,
        left_after: ms(&fields, "left-after-ms", ObjectRule::LEFT_AFTER_MS)?,
        verify: verify(&fields)?,
    })
}

fn nth(list: &Node, i: usize) -> &Node {
    match &list.value {
        Value::Array(items) => items.get(i).unwrap_or(list),
        _ => list,
    }
}

fn line(node: &Node) -> Result<LineRule, Fault> {
    let fields = Fields::new(node, "line", &LINE)?;
    let name = name(&fields)?;
    let units = fields.choice("units", &UNITS)?;
    let from = fields.require("from", "from = [x, y]")?;
    let to = fields.require("to", "to = [x, y]")?;
    let ends = [fields.point(from, "from")?, fields.point(to, "to")?];
    let line = Line::new(ends[0], ends[1], units).map_err(|error| {
        let (at, field) = match error {
            ShapeError::OutOfRange { point: 0, .. } => (from, "from"),
            _ => (to, "to"),
        };
        fields.fault(at, field, &error.to_string())
    })?;
    let margin = match units {
        Units::Normalized => fields.number("margin", 0.0..=0.5, LineRule::MARGIN)?,
        Units::Pixels => fields.number("margin", 0.0..=1000.0, LineRule::MARGIN_PIXELS)?,
    };
    Ok(LineRule {
        name,
        line,
        margin,
        filter: filter(&fields)?,
        anchor: fields.choice("anchor", &ANCHORS)?,
        directions: fields.choice("direction", &DIRECTIONS)?,
        verify: verify(&fields)?,
    })
}
