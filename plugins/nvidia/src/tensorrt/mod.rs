//! TensorRT, found and loaded at run time: versions 8.6, 10 and 11, called through their binary
//! interface. Nothing of NVIDIA's is needed to build.
//!
//! | file | what is in it |
//! |---|---|
//! | [`abi`] | the interface of each version: slots of virtual functions, written by a tool |
//! | [`search`], [`library`], [`version`] | where it is, and which it is; nothing else is called before |
//! | [`logger`], [`progress`] | what it says, and how far it is: objects of ours that it calls |
//! | `parser`, `profile`, [`builder`], `timing` | ONNX → plan |
//! | [`plan`], [`cache`] | plans in files, and those that were built before |
//! | [`runtime`], [`tensor`] | plan → engine → execution contexts, on a stream |
//! | [`network`] | an execution context as the pipeline of a worker wants it |
//! | [`error`] | what can go wrong, and what then helps |
//!
//! ```text
//! Driver ─▶ Library::open ─▶ Cache::engine ─┬─ in the folder ─▶ Engine::load ─▶ Engine
//!                                           └─ builder::build ─▶ plan ─┘          │ one for each worker
//!                                                                        ExecutionContext::enqueue
//! ```
//!
//! A build runs on the thread that calls it and tells how far it is from threads of its own. An
//! [`Engine`] is shared; an [`ExecutionContext`] is used by one thread at a time, and queues its
//! runs on a stream of the caller's without waiting for them.

pub mod abi;
pub mod builder;
pub mod cache;
pub mod error;
mod file;
pub mod library;
pub mod logger;
pub mod network;
mod parser;
pub mod plan;
mod profile;
pub mod progress;
pub mod runtime;
pub mod search;
pub mod tensor;
mod timing;
pub mod version;

pub use abi::Shape;
pub use builder::{Batches, BuildOptions, Precision, build};
pub use cache::{Cache, Key};
pub use error::{ParseProblem, TensorRtError};
pub use library::Library;
pub use logger::{LogCallback, Severity};
pub use network::{Constant, TensorRtNetwork, Wiring};
pub use plan::Plan;
pub use progress::{Cancel, Progress, ProgressCallback};
pub use runtime::{Engine, ExecutionContext};
pub use search::Search;
pub use tensor::{DataType, Profile, Tensor};
pub use version::Version;
