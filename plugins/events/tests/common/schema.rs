//! Validation against the schema that is a file of the project.

use serde_json::Value;
use std::sync::LazyLock;

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../../schema/vigil-1.schema.json");
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
});

/// What is wrong with a record; empty if nothing is.
pub fn errors(record: &Value) -> Vec<String> {
    VALIDATOR
        .iter_errors(record)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}

/// Panics if a record does not fit the schema.
#[track_caller]
pub fn validate(record: &Value) {
    let errors = errors(record);
    assert!(errors.is_empty(), "{record}\n{errors:#?}");
}
