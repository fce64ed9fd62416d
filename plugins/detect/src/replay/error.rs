//! What can be wrong with a recording.

use crate::model::ModelError;
use std::path::PathBuf;

/// What can be replayed, as an error message says it.
pub const FORMATS: &str = "MOTChallenge rows (frame,id,left,top,width,height,score[,class,…]) or \
    JSON Lines, as the pad objects of vigilevents writes them";

/// Why a file cannot be replayed. Each message can be shown to a user as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file, before anything in it is read.
    #[error(transparent)]
    File(#[from] ModelError),
    /// Something else than recorded detections.
    #[error(
        "model {path:?} cannot be replayed: it looks like {looks_like}, and not like {FORMATS}"
    )]
    Unknown {
        /// As it was given.
        path: PathBuf,
        /// What it seems to be, with an article.
        looks_like: &'static str,
    },
    /// The file says nothing of any frame.
    #[error("model {path:?} has no records{hint}")]
    NoRecords {
        /// As it was given.
        path: PathBuf,
        /// What it has in their place; may be empty.
        hint: &'static str,
    },
    /// A line that makes no sense.
    #[error("{}:{line}: {why}", .path.display())]
    Line {
        /// The file: the recording, or the `seqinfo.ini` that belongs to it.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The property `labels` does not suit the file.
    #[error("property labels: {why}")]
    Labels {
        /// What is wrong, and what would be right.
        why: String,
    },
}
