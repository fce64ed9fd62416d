//! What the user sets.

use std::path::PathBuf;

use crate::rules::{Rules, RulesError};

/// Most records that a queue may be made for.
pub(super) const MAX_QUEUE_SIZE: u32 = 65_536;

/// Where the rules come from: what was set last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Nothing was set: objects appear and leave.
    #[default]
    Default,
    /// Inline JSON.
    Inline(String),
    /// A TOML or JSON file.
    File(PathBuf),
}

impl Source {
    /// Reads, parses and checks the rules. Does I/O: not for the streaming thread.
    pub fn load(&self) -> Result<Rules, RulesError> {
        match self {
            Self::Default => Ok(Rules::default()),
            Self::Inline(text) => Rules::from_json(text, "rules"),
            Self::File(path) => Rules::from_file(path),
        }
    }

    /// The inline JSON, if that is what was set.
    pub fn inline(&self) -> Option<String> {
        match self {
            Self::Inline(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The file, if that is what was set.
    pub fn file(&self) -> Option<String> {
        match self {
            Self::File(path) => Some(path.display().to_string()),
            _ => None,
        }
    }
}

/// The properties.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub source: Source,
    pub stream_id: Option<String>,
    pub queue_size: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: Source::Default,
            stream_id: None,
            queue_size: 1000,
        }
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SettingsError {
    /// The rules are.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The stream's name has characters that would spoil every log.
    #[error("stream-id {0:?} has control characters: use readable text, like \"cam-1\"")]
    StreamId(String),
}

impl Settings {
    /// Checks everything and gives the rules that hold.
    pub fn check(&self) -> Result<Rules, SettingsError> {
        if let Some(id) = &self.stream_id
            && id.chars().any(char::is_control)
        {
            return Err(SettingsError::StreamId(id.clone()));
        }
        Ok(self.source.load()?)
    }
}
