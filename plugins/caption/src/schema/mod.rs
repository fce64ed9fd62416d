//! Answers as JSON of a shape that the user says.
//!
//! Servers that can are told to answer in no other shape; whatever they do, each answer is checked
//! here. Models that write `Yes.` where the schema says `yes` are understood.

use serde_json::Value;
use std::path::Path;
use vigil_analytics::text;

/// Largest schema, in bytes.
const LARGEST: u64 = 256 << 10;
/// How deep enums are looked for.
const DEEPEST: usize = 32;

/// A JSON Schema that answers must fit.
#[derive(Debug)]
pub struct ResponseSchema {
    json: Value,
    validator: jsonschema::Validator,
}

impl ResponseSchema {
    /// The schema of the property `response-schema`: JSON itself, or the path of a file with it.
    /// Reads the file: not for the streaming thread.
    ///
    /// # Errors
    /// What is wrong with the file, the JSON or the schema.
    pub fn load(property: &str) -> Result<Self, String> {
        if property.trim_start().starts_with(['{', '[', '"']) {
            return Self::parse(property);
        }
        let content = text::read_file(Path::new(property), LARGEST)
            .map_err(|error| format!("{property}: {error}"))?;
        Self::parse(&content).map_err(|error| format!("{property}: {error}"))
    }

    /// A schema from its JSON.
    ///
    /// # Errors
    /// It is no JSON, or no schema.
    pub fn parse(content: &str) -> Result<Self, String> {
        let json: Value =
            serde_json::from_str(content).map_err(|error| format!("it is no JSON: {error}"))?;
        if !json.is_object() {
            return Err(
                "it is no JSON Schema: a schema is an object, such as {\"type\": \"object\"}"
                    .into(),
            );
        }
        let validator = jsonschema::validator_for(&json).map_err(|error| {
            format!("it is no JSON Schema: {error} at {}", error.instance_path())
        })?;
        Ok(Self { json, validator })
    }

    /// The schema itself.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The JSON in an answer, with enums as the schema writes them.
    ///
    /// # Errors
    /// What is wrong, for people and for a model that is to do better.
    pub fn check(&self, answer: &str) -> Result<Value, String> {
        let mut value = find_json(answer)?;
        normalise(&mut value, &self.json, &self.json, 0);
        let wrong = self.validator.iter_errors(&value).next().map(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/" } else { &place };
            format!("{error} (at {place})")
        });
        wrong.map_or(Ok(value), Err)
    }
}

/// The JSON in an answer: all of it, or what is in a fence or between the outermost braces.
fn find_json(answer: &str) -> Result<Value, String> {
    let whole = answer.trim();
    let error = match serde_json::from_str(whole) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let inner = whole
        .find(['{', '['])
        .zip(whole.rfind(['}', ']']))
        .and_then(|(start, end)| whole.get(start..=end));
    inner
        .and_then(|inner| serde_json::from_str(inner).ok())
        .ok_or_else(|| format!("it is no JSON: {error}"))
}

/// Writes strings as the enums of the schema do, where they differ in case, blanks or a full stop.
fn normalise(value: &mut Value, schema: &Value, root: &Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        if let Some(target) = target {
            normalise(value, target, root, depth + 1);
        }
    }
    match value {
        Value::String(text) => {
            let known = schema.get("enum").and_then(Value::as_array);
            let same = |known: &&str| plain(known) == plain(text);
            let found = known.and_then(|known| known.iter().filter_map(Value::as_str).find(same));
            if let Some(found) = found.map(str::to_string) {
                *text = found;
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    normalise(item, schema, root, depth + 1);
                }
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(schema) = schema.get("properties").and_then(|p| p.get(name)) {
                    normalise(field, schema, root, depth + 1);
                }
            }
        }
        _ => {}
    }
}

fn plain(text: &str) -> String {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || ".!\"'*".contains(c));
    trimmed.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::builtin::VERDICT;
    use serde_json::json;

    #[test]
    fn answers_are_understood_as_models_write_them() {
        let schema = ResponseSchema::parse(VERDICT).unwrap();
        let expected = json!({"observation": "a man", "verdict": "yes"});
        for answer in [
            r#"{"observation": "a man", "verdict": "yes"}"#,
            "{\n  \"observation\": \"a man\",\n  \"verdict\": \"Yes.\"\n}",
            "```json\n{\"observation\": \"a man\", \"verdict\": \" YES\"}\n```",
            "Sure! {\"observation\": \"a man\", \"verdict\": \"yes\"} Anything else?",
        ] {
            assert_eq!(schema.check(answer).unwrap(), expected, "{answer}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let schema = ResponseSchema::parse(VERDICT).unwrap();
        for (answer, said) in [
            ("yes", "it is no JSON"),
            ("", "it is no JSON"),
            (
                r#"{"observation": "x"}"#,
                "\"verdict\" is a required property",
            ),
            (
                r#"{"observation": "x", "verdict": "perhaps"}"#,
                "at /verdict",
            ),
            (r#"{"observation": "x", "verdict": "yes""#, "it is no JSON"),
        ] {
            let error = schema.check(answer).unwrap_err();
            assert!(error.contains(said), "{answer}: {error}");
        }
    }

    #[test]
    fn enums_are_found_wherever_they_are() {
        let schema = ResponseSchema::parse(
            r##"{"type": "array", "items": {"$ref": "#/$defs/o"},
                "$defs": {"o": {"properties": {"k": {"enum": ["Low", "HIGH", 3]}}}, "r": {"$ref": "#/$defs/r"}}}"##,
        )
        .unwrap();
        let value = schema
            .check(r#"[{"k": "high"}, {"k": "low!"}, {"k": 3}]"#)
            .unwrap();
        assert_eq!(value, json!([{"k": "HIGH"}, {"k": "Low"}, {"k": 3}]));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = ResponseSchema::parse(
            r##"{"properties": {"k": {"$ref": "#"}}, "$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}"##,
        )
        .unwrap();
        assert!(schema.check(r#"{"k": {"k": {}}}"#).is_ok());
    }

    #[test]
    fn schemas_that_are_none_are_refused() {
        for (text, said) in [
            ("{", "no JSON"),
            ("[]", "a schema is an object"),
            (r#"{"type": "objekt"}"#, "no JSON Schema"),
            (r#"{"enum": 3}"#, "no JSON Schema"),
            ("/nowhere.json", "/nowhere.json: No such file"),
        ] {
            let error = ResponseSchema::load(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
