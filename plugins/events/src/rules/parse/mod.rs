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

use std::fs::File;
use std::io::Read;
use std::path::Path;

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
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        RulesError::Invalid {
            origin: origin.to_string(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
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
    let failed = |error: std::io::Error| RulesError::Read {
        path: name.to_string(),
        error: error.to_string(),
    };
    // Reading a pipe or a device would wait for ever.
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        return Err(failed(std::io::Error::other("it is no regular file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(RulesError::TooLarge(name.to_string()));
    }
    String::from_utf8(bytes)
        .map_err(|error| failed(std::io::Error::other(format!("it is not UTF-8: {error}"))))
}
