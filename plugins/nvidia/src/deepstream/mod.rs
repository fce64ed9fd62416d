//! DeepStream's metadata (`NvDsBatchMeta`) and GstAnalytics: what one side's elements find, the
//! other's can use. `nvinfer`'s boxes go to `vigiltrack` and `vigilevents`, `vigildetect`'s to
//! `nvtracker` and `nvdsosd`.
//!
//! | file | what is in it |
//! |---|---|
//! | [`raw`] | the layouts |
//! | [`library`] | DeepStream's functions, found at run time |
//! | [`meta`] | frames and objects of a batch as plain types, read and written |
//! | [`bridge`] | the translation, for one stream |
//!
//! A buffer has one GstAnalytics relation meta, and a batch of `nvstreammux` several frames: boxes of
//! two cameras on one buffer cannot be told apart there. So [`Bridge`] refuses a batch of more than
//! one frame and asks for an `nvstreamdemux`; a detector that looks at each picture of a batch writes
//! to DeepStream's side alone, frame by frame, with [`Library::write`].
//!
//! Everything here runs on the thread that has the buffer, holds the batch's own lock while it does
//! so, and waits for nothing else.

pub mod bridge;
pub mod error;
pub mod library;
pub mod meta;
pub mod raw;

pub use bridge::{Bridge, Direction};
pub use error::NvDsError;
pub use library::{Library, VARIABLE};
pub use meta::{Found, Frame, NvObject};
