//! A key that nobody gets to see: not in logs, not in dumps of a pipeline, not in errors.

use std::fmt;
use std::path::Path;
use vigil_analytics::text;

/// A server's key. What it is can only be read for the request itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// A key; surrounding white space, as files have it, is no part of it.
    ///
    /// # Errors
    /// It is empty, or cannot be sent in a header.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(
                "it has characters that no key has: letters, digits and signs of ASCII only".into(),
            );
        }
        Ok(Self(text.to_string()))
    }

    /// The key in a file.
    ///
    /// # Errors
    /// The file cannot be read, or holds no key.
    pub fn from_file(path: &str) -> Result<Self, String> {
        let content = text::read_file(Path::new(path), 64 << 10)
            .map_err(|error| format!("{path}: {error}"))?;
        Self::new(&content).map_err(|error| format!("{path}: {error}"))
    }

    /// The key in a variable of the environment.
    ///
    /// # Errors
    /// There is no such variable, or it holds no key.
    pub fn from_env(name: &str) -> Result<Self, String> {
        let value =
            std::env::var(name).map_err(|_| format!("the environment has no variable {name:?}"))?;
        Self::new(&value).map_err(|error| format!("{name}: {error}"))
    }

    /// The value of the request's `Authorization` header.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// `text` without the key: servers repeat what they were sent.
    pub fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed() {
        let key = Secret::new(" sk-hunter2\n").unwrap();
        assert_eq!(format!("{key:?}"), "[key]");
        assert_eq!(key.scrub("bad key sk-hunter2!"), "bad key [key]!");
        assert_eq!(key.header(), "Bearer sk-hunter2");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", " \n", "a\nb", "schlüssel"] {
            assert!(Secret::new(text).is_err(), "{text:?}");
        }
        let error = Secret::from_file("/nowhere/key").unwrap_err();
        assert!(error.starts_with("/nowhere/key: No such file"), "{error}");
        assert!(
            Secret::from_env("VIGIL_NO_SUCH_KEY")
                .unwrap_err()
                .contains("VIGIL_NO_SUCH_KEY")
        );
    }
}
