//! Trajectories from a file.
//!
//! `docs/vigiltestsrc.md` describes the format for users.

mod parse;
#[cfg(test)]
mod tests;

use super::{Class, SceneKind};
use std::path::Path;
use vigil_analytics::text::{TextError, read_file};

/// No script that somebody wrote is larger, in bytes; a video given by mistake is.
const MAX_BYTES: u64 = 16 << 20;

/// A scene that is told what moves where, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What is behind the objects.
    pub background: SceneKind,
    /// The objects.
    pub objects: Vec<ScriptObject>,
}

/// An object of a script.
///
/// It is there from the time of its first point to that of its last one, and moves in a straight
/// line between two points; an object with a single point stands there from then on.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptObject {
    /// What it is.
    pub class: Class,
    /// At least one, in the order of time.
    pub points: Vec<Point>,
}

/// Where an object stands at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds of stream time.
    pub time: f64,
    /// Foot point, in widths of the picture.
    pub x: f64,
    /// Foot point, in heights of the picture.
    pub y: f64,
}

/// Why a script is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read script {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        error: String,
    },
    /// The file is too large to be a script.
    #[error("script {0} is larger than 16 MiB: is it a script?")]
    TooLarge(String),
    /// The text is wrong.
    #[error("script {path}, line {line}, column {column}: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong and what would be right.
        message: String,
    },
}

impl Script {
    /// A script from TOML; `path` is what errors call the text.
    ///
    /// # Errors
    /// [`ScriptError::Invalid`] for the first thing that is wrong.
    pub fn from_toml(text: &str, path: &str) -> Result<Self, ScriptError> {
        parse::script(text).map_err(|fault| fault.into_error(path, text))
    }

    /// A script from a TOML file.
    ///
    /// # Errors
    /// Where the file cannot be read, is larger than 16 MiB, or is wrong.
    pub fn from_file(path: &Path) -> Result<Self, ScriptError> {
        let name = path.display().to_string();
        Self::from_toml(&read(path, &name)?, &name)
    }
}

fn read(path: &Path, name: &str) -> Result<String, ScriptError> {
    read_file(path, MAX_BYTES).map_err(|error| match error {
        TextError::TooLarge => ScriptError::TooLarge(name.to_string()),
        TextError::Failed(error) => ScriptError::Read {
            path: name.to_string(),
            error: error.to_string(),
        },
    })
}
