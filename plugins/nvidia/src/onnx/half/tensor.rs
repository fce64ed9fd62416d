//! Weights in FP16.

use super::graph::{Attribute, Tensor};
use super::{HalfError, HalfOptions, Report};
use crate::onnx::wire::{Field, Value, Writer, fields};
use crate::onnx::*;
use ::half::f16;
use std::io::{Read, Seek, SeekFrom};

/// The largest number that FP16 has.
const LARGEST: f32 = 65504.0;

/// The numbers of an FP32 tensor.
pub(super) fn values(tensor: &Tensor<'_>, options: &HalfOptions) -> Result<Vec<f32>, HalfError> {
    let wrong = |reason: String| HalfError::Weights {
        tensor: tensor.name.to_owned(),
        reason,
    };
    let floats = |bytes: &[u8]| -> Vec<f32> {
        let words = bytes.as_chunks::<4>().0;
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    };
    let find = |number| tensor.fields.iter().find(|f| f.number == number);
    let mut expected = 1i64;
    for field in tensor.fields.iter().filter(|f| f.number == TENSOR_DIMS) {
        for extent in field.ints()? {
            expected = expected.saturating_mul(extent);
        }
    }
    let found = if find(TENSOR_LOCATION).is_some_and(|f| f.int() == 1) {
        floats(&external(tensor, options).map_err(wrong)?)
    } else if let Some(raw) = find(TENSOR_RAW) {
        floats(raw.bytes())
    } else {
        let mut found = Vec::new();
        for field in tensor.fields.iter().filter(|f| f.number == TENSOR_FLOATS) {
            match field.value {
                Value::Fixed32(word) => found.push(f32::from_le_bytes(word)),
                _ => found.extend(floats(field.bytes())),
            }
        }
        found
    };
    if i64::try_from(found.len()) != Ok(expected) {
        return Err(wrong(format!(
            "there are {} numbers, {expected} should be",
            found.len()
        )));
    }
    Ok(found)
}

/// The bytes of weights that are in a file of their own.
fn external(tensor: &Tensor<'_>, options: &HalfOptions) -> Result<Vec<u8>, String> {
    let folder = options
        .folder
        .as_ref()
        .ok_or("they are in a file of their own, and it is not said in which folder")?;
    let (mut location, mut offset, mut length) = (String::new(), 0u64, None);
    for entry in tensor.fields.iter().filter(|f| f.number == TENSOR_EXTERNAL) {
        let entry = fields(entry.bytes()).map_err(|e| e.to_string())?;
        let text = |number| {
            entry
                .iter()
                .find(|f| f.number == number)
                .map_or("", Field::text)
        };
        match text(1) {
            "location" => location = text(2).to_owned(),
            "offset" => offset = text(2).parse().map_err(|_| "their offset is no number")?,
            "length" => {
                length = Some(
                    text(2)
                        .parse::<u64>()
                        .map_err(|_| "their length is no number")?,
                )
            }
            _ => {}
        }
    }
    let path = folder.join(&location);
    let read = || {
        let mut file = std::fs::File::open(&path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length.unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
}

/// Whether FP16 cannot hold all of the numbers. Infinities it can.
pub(super) fn is_large(values: &[f32]) -> bool {
    values
        .iter()
        .any(|value| value.is_finite() && value.abs() > LARGEST)
}

/// Numbers as FP16, in the order of bytes of a file.
fn to_half(values: &[f32], report: &mut Report) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * 2);
    for value in values {
        let clamped = if value.is_finite() {
            value.clamp(-LARGEST, LARGEST)
        } else {
            *value
        };
        let half = f16::from_f32(clamped);
        report.clamped += usize::from(clamped != *value && !value.is_nan());
        report.vanished += usize::from(half.to_f32() == 0.0 && *value != 0.0);
        bytes.extend(half.to_le_bytes());
    }
    bytes
}

/// An FP32 tensor as an FP16 one of this name.
pub(super) fn half(
    tensor: &Tensor<'_>,
    name: &str,
    options: &HalfOptions,
    report: &mut Report,
) -> Result<Vec<u8>, HalfError> {
    let values = values(tensor, options)?;
    let mut writer = Writer::new();
    for field in &tensor.fields {
        match field.number {
            TENSOR_TYPE => {
                writer.int(TENSOR_TYPE, FLOAT16);
            }
            TENSOR_NAME | TENSOR_RAW | TENSOR_FLOATS | TENSOR_EXTERNAL | TENSOR_LOCATION => {}
            _ => {
                writer.raw(field);
            }
        }
    }
    writer.text(TENSOR_NAME, name);
    writer.bytes(TENSOR_RAW, &to_half(&values, report));
    Ok(writer.done())
}

/// An FP32 tensor as it is, with weights in a file of their own taken in.
pub(super) fn float(tensor: &Tensor<'_>, options: &HalfOptions) -> Result<Vec<u8>, HalfError> {
    let is_outside = (tensor.fields.iter()).any(|f| f.number == TENSOR_LOCATION && f.int() == 1);
    if is_outside && tensor.kind != FLOAT {
        let reason =
            "they are in a file of their own and are not FP32: put all weights into one file";
        return Err(HalfError::Weights {
            tensor: tensor.name.to_owned(),
            reason: reason.into(),
        });
    }
    let mut writer = Writer::new();
    for field in &tensor.fields {
        if !is_outside || !matches!(field.number, TENSOR_EXTERNAL | TENSOR_LOCATION) {
            writer.raw(field);
        }
    }
    if is_outside {
        let bytes: Vec<u8> = values(tensor, options)?
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        writer.bytes(TENSOR_RAW, &bytes);
    }
    Ok(writer.done())
}

/// The tensor of numbers that a `Constant` has in an attribute of another kind.
pub(super) fn of_floats(attribute: &Attribute<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new();
    for field in &attribute.fields {
        match (field.number, field.value) {
            (ATTRIBUTE_FLOAT | ATTRIBUTE_FLOATS, Value::Fixed32(word)) => bytes.extend(word),
            (ATTRIBUTE_FLOATS, Value::Bytes(packed)) => bytes.extend(packed),
            _ => {}
        }
    }
    if attribute.name == "value_floats" {
        writer.int(TENSOR_DIMS, (bytes.len() / 4) as i64);
    }
    writer.int(TENSOR_TYPE, FLOAT).bytes(TENSOR_RAW, &bytes);
    writer.done()
}
