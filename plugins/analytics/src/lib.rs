//! What the elements of this suite share: how objects travel on buffers, how a stream position
//! becomes a time of day, and what an event looks like.
//!
//! This crate is linked into each plugin on its own; two plugins share no state through it, only
//! the standard metadata on the buffers between them. It is the one place that talks
//! `GstAnalytics`.
//!
//! | module | what |
//! |---|---|
//! | [`objects`] | detections and tracks as `GstAnalyticsODMtd` and `GstAnalyticsTrackingMtd` |
//! | [`classes`] | classes of objects and frames as `GstAnalyticsClsMtd` |
//! | [`parts`] | objects inside of objects |
//! | [`event`] | the JSON of the metadata pads, schema `vigil/1` |
//! | [`event_meta`] | events on the buffer that they speak of, and on the bus |
//! | [`frame`] | planes, strides, layout and colorimetry of a video frame |
//! | [`caption_meta`] | captions on the next buffer |
//! | [`keypoints`] | points of objects, such as joints |
//! | [`pads`] | the metadata pads, their queues and threads |
//! | [`place`] | the folder of the plugin |
//! | [`property`] | values of properties |
//! | `segmentation` | masks of objects as `GstAnalyticsSegmentationMtd` (feature `v1_26`) |
//! | `tensors` | outputs of a model as `GstTensorMeta` (feature `v1_26`) |
//! | [`structure`] | JSON as `GstStructure` |
//! | [`time`] | wall-clock time of a buffer |
//! | [`stats`] | percentiles of what an element reports in its `stats` |
//! | [`text`] | near misses of names |
//! | [`truth_meta`] | what a synthetic source knows of its objects |
//! | [`verdict`] | whether an event is true: who is asked downstream, and the answer upstream |

pub mod caption_meta;
pub mod classes;
pub mod event;
pub mod event_meta;
pub mod frame;
pub mod keypoints;
pub mod objects;
pub mod pads;
pub mod parts;
pub mod place;
pub mod property;
#[cfg(feature = "v1_26")]
pub mod segmentation;
pub mod stats;
pub mod structure;
#[cfg(feature = "v1_26")]
pub mod tensors;
pub mod text;
pub mod time;
pub mod truth_meta;
pub mod verdict;

pub use classes::{Class, Classes};
pub use event::{Event, ObjectRecord, ObjectsRecord, Phase};
pub use keypoints::{Keypoint, Keypoints};
pub use objects::{BBox, Detection, Look, Object, Track, TurnedBox};
