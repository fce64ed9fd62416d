//! Rules from text: TOML in a file, or JSON, with the same fields in both.
//!
//! Either text becomes one tree of values that know where they stand (`tree`); the tree is read
//! field by field (`fields`, `kinds`), so that each error names line and column, whatever the
//! notation. `docs/vigilevents.md` describes the format for users.

mod fields;
mod kinds;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;
use vigil_analytics::text::{TextError, line_and_column, read_file};

use super::model::Rules;

/// No rules file that somebody wrote is larger, in bytes; a video given by mistake is.
const MAX_BYTES: u64 = 1 << 20;

/// Why rules are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The file cannot be read.
    #[error("cannot read rules-file {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        error: String,
    },
    /// The file is too large to be one of rules.
    #[error("rules-file {0} is larger than 1 MiB: is it a rules file?")]
    TooLarge(String),
    /// The text is wrong.
    #[error("{origin}, line {line}, column {column}: {message}")]
    Invalid {
        /// The file, or `rules`.
        origin: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// Something wrong at a place in the text.
#[derive(Debug)]
struct Fault {
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

    fn into_error(self, origin: &str, text: &str) -> RulesError {
        let (line, column) = line_and_column(text, self.at);
        RulesError::Invalid {
            origin: origin.to_string(),
            line,
            column,
            message: self.message,
        }
    }
}

impl Rules {
    /// Rules from TOML; `origin` is what errors call the text.
    ///
    /// # Errors
    /// [`RulesError::Invalid`] for the first thing that is wrong.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, RulesError> {
        tree::from_toml(text)
            .and_then(|root| kinds::rules(&root))
            .map_err(|fault| fault.into_error(origin, text))
    }

    /// Rules from JSON; `origin` is what errors call the text.
    ///
    /// # Errors
    /// [`RulesError::Invalid`] for the first thing that is wrong.
    pub fn from_json(text: &str, origin: &str) -> Result<Self, RulesError> {
        tree::from_json(text)
            .and_then(|root| kinds::rules(&root))
            .map_err(|fault| fault.into_error(origin, text))
    }

    /// Rules from a file: JSON if its name ends in `.json`, else TOML.
    ///
    /// # Errors
    /// Where the file cannot be read, is larger than 1 MiB, or is wrong.
    pub fn from_file(path: &Path) -> Result<Self, RulesError> {
        let name = path.display().to_string();
        let text = read(path, &name)?;
        if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("json"))
        {
            Self::from_json(&text, &name)
        } else {
            Self::from_toml(&text, &name)
        }
    }
}

fn read(path: &Path, name: &str) -> Result<String, RulesError> {
    read_file(path, MAX_BYTES).map_err(|error| match error {
        TextError::TooLarge => RulesError::TooLarge(name.to_string()),
        TextError::Failed(error) => RulesError::Read {
            path: name.to_string(),
            error: error.to_string(),
        },
    })
}
