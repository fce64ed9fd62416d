//! What can be wrong with DeepStream's metadata, and what would be right.

use super::VARIABLE;

/// Metadata that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NvDsError {
    /// DeepStream's libraries are not there.
    #[error(
        "nvds-meta needs DeepStream's libraries for metadata: tried {0}; they are where DeepStream \
         is installed, or in the folder that {VARIABLE} names"
    )]
    Library(String),
    /// A buffer without a batch.
    #[error(
        "the buffer has no NvDsBatchMeta: nvds-meta needs an nvstreammux before this element \
         (followed by an nvstreamdemux, or with batch-size=1, for nvds-meta=read)"
    )]
    NoBatch,
    /// A batch that GstAnalytics cannot speak of.
    #[error(
        "the buffer is a batch of {0} frames, and GstAnalytics speaks of one: put an nvstreamdemux \
         before this element, and one of it on each of its pads"
    )]
    Batched(usize),
    /// The batch has no such frame.
    #[error("the batch has no frame {wanted}: it has {found}")]
    NoFrame {
        /// The `batch_id`.
        wanted: usize,
        /// The frames that are there.
        found: String,
    },
    /// Objects of unknown layout.
    #[error(
        "NvDsObjectMeta has {0} bytes here: known are 544 (DeepStream 5 to 8) and 552 (DeepStream 9)"
    )]
    Layout(u32),
    /// The pool gave no object.
    #[error("DeepStream's pool of objects gave none")]
    NoObject,
    /// GstAnalytics did not take an object.
    #[error("GstAnalytics does not take the objects: {0}")]
    Analytics(String),
}
