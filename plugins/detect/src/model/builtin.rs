//! The model that is compiled in, so that the element works with nothing but itself.
//!
//! How it was made, what it is for and what not is told by its card, `models/builtin/README.md`.

use super::ModelError;
use super::onnx::OnnxInfo;
use std::path::Path;

/// An ONNX file of a YOLOv8-like detector for 320×320: persons, cars, bicycles, trucks and dogs of
/// rendered scenes.
pub const BYTES: &[u8] = include_bytes!("../../../../models/builtin/vigil-builtin.onnx");

/// What messages call it.
pub const NAME: &str = "built-in";

/// What it says of itself, and its bytes for the engine.
///
/// # Errors
/// None, unless it was built with a damaged file.
pub fn read() -> Result<(OnnxInfo, Vec<u8>), ModelError> {
    OnnxInfo::parse(Path::new(NAME), BYTES).map(|info| (info, BYTES.to_vec()))
}
