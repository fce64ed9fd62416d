//! Which sequences are scored, and what is done to them first.

use super::{ReadError, Run, Sequence};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A source of sequences and what is done to each, as in `mot17-yolox:val@3%2~30`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Folder of the sequences.
    pub source: String,
    /// `:val`: only the second half, where a detector was trained on the first.
    pub half: bool,
    /// `@k`: every k-th frame is kept: a lower frame rate.
    pub every: usize,
    /// `%k`: the detector looks at every k-th frame; all are scored.
    pub interval: usize,
    /// `~p`: p percent of the frames are lost, and times are jittered; what is left is scored.
    pub lost: u32,
}

/// A spec that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It cannot be understood.
    #[error("{0}: must be SOURCE[:val][@K][%K][~P], with K from 1 and P from 0 to 99")]
    Syntax(String),
    /// Its folder cannot be read.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A sequence cannot be read.
    #[error(transparent)]
    Sequence(#[from] ReadError),
}

impl Spec {
    /// All frames of a source.
    pub fn whole(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            half: false,
            every: 1,
            interval: 1,
            lost: 0,
        }
    }

    /// Its sequences, in order of their names, below a folder of sources.
    pub fn sequences(&self, root: &Path) -> Result<Vec<Sequence>, SpecError> {
        let folder = root.join(&self.source);
        let unreadable = |source| SpecError::Folder {
            path: folder.clone(),
            source,
        };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        folders.sort();
        folders.iter().map(|folder| self.read(folder)).collect()
    }

    fn read(&self, folder: &Path) -> Result<Sequence, SpecError> {
        let mut sequence = Sequence::read(folder)?;
        if self.half {
            sequence = sequence.second_half();
        }
        if self.every > 1 {
            sequence = sequence.every(self.every);
        }
        if self.lost > 0 {
            sequence = sequence.damaged(self.lost);
        }
        Ok(sequence)
    }

    /// How a tracker is run on them.
    pub fn run(&self, run: Run) -> Run {
        Run {
            interval: self.interval,
            ..run
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if self.half {
            write!(f, ":val")?;
        }
        for (mark, value) in [('@', self.every), ('%', self.interval)] {
            if value > 1 {
                write!(f, "{mark}{value}")?;
            }
        }
        if self.lost > 0 {
            write!(f, "~{}", self.lost)?;
        }
        Ok(())
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let syntax = || SpecError::Syntax(text.to_owned());
        let number = |rest: &mut &str, mark: char, default: usize| match rest.rsplit_once(mark) {
            Some((before, number)) => {
                *rest = before;
                number.parse().map_err(|_| syntax())
            }
            None => Ok(default),
        };
        let mut rest = text;
        let lost = number(&mut rest, '~', 0)?;
        let interval = number(&mut rest, '%', 1)?;
        let every = number(&mut rest, '@', 1)?;
        let (source, half) = match rest.strip_suffix(":val") {
            Some(source) => (source, true),
            None => (rest, false),
        };
        let lost = u32::try_from(lost).ok().filter(|&lost| lost < 100);
        if source.is_empty() || interval == 0 || every == 0 {
            return Err(syntax());
        }
        Ok(Self {
            source: source.to_owned(),
            half,
            every,
            interval,
            lost: lost.ok_or_else(syntax)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_says_what_it_was_read_from() {
        for text in ["a", "a:val", "a:val@3", "a%2", "a:val@3%5~30", "a-b_c@6"] {
            let spec: Spec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        for text in ["", ":val", "a@0", "a%x", "a@", "a~100", "a~-1"] {
            let error = text.parse::<Spec>().unwrap_err().to_string();
            assert!(error.contains("must be SOURCE[:val]"), "{text:?}: {error}");
        }
    }
}
