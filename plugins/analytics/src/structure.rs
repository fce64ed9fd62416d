//! JSON as `GstStructure`: how events reach apps on the bus and metadata readers in any language.

use gst::glib::SendValue;
use gst::prelude::*;
use serde_json::Value;

/// Makes a structure of a JSON object: nested objects become nested structures, arrays
/// `GstValueArray`, whole numbers 64-bit integers (unsigned from 2⁶³ on), other numbers doubles.
/// `null` has no counterpart and is left out. A value that is no object gives a structure without
/// fields.
pub fn from_json(name: &str, value: &Value) -> gst::Structure {
    let mut structure = gst::Structure::new_empty(name);
    if let Value::Object(fields) = value {
        for (key, field) in fields {
            if let Some(field) = to_value(key, field) {
                structure.set_value(key.as_str(), field);
            }
        }
    }
    structure
}

fn to_value(name: &str, value: &Value) -> Option<SendValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.to_send_value(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.to_send_value(),
            (_, Some(number)) => number.to_send_value(),
            _ => number.as_f64().unwrap_or(f64::NAN).to_send_value(),
        },
        Value::String(string) => string.to_send_value(),
        Value::Array(items) => {
            gst::Array::from_values(items.iter().filter_map(|item| to_value(name, item)))
                .to_send_value()
        }
        Value::Object(_) => from_json(name, value).to_send_value(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_json_becomes_nested_structures() {
        gst::init().unwrap();
        let structure = from_json(
            "vigil-event",
            &json!({"id": "a", "pts": 5, "none": null, "object": {"box": {"x": 1.5}},
                    "big": u64::MAX, "list": [1, 2]}),
        );
        assert_eq!(structure.get::<&str>("id").unwrap(), "a");
        assert_eq!(structure.get::<i64>("pts").unwrap(), 5);
        assert_eq!(structure.get::<u64>("big").unwrap(), u64::MAX);
        assert!(!structure.has_field("none"));
        let object = structure.get::<gst::Structure>("object").unwrap();
        let bbox = object.get::<gst::Structure>("box").unwrap();
        assert_eq!(bbox.get::<f64>("x").unwrap(), 1.5);
        assert_eq!(structure.get::<gst::Array>("list").unwrap().len(), 2);
    }
}
