//! Rules about tracked objects, and the engine that turns frames into events.
//!
//! ```text
//! TOML, JSON ──parse──▶ Rules ──Engine::new──▶ Engine ──process(frame, objects)──▶ Occurrence…
//! ```
//!
//! No GStreamer types: times are nanoseconds, boxes are pixels. Everything runs on the thread that
//! calls [`Engine::process`], which in the element is the streaming thread; while nothing happens
//! it allocates nothing.
//!
//! | module | what |
//! |---|---|
//! | [`parse`] | rules from TOML and JSON, with errors that name line and column |
//! | [`model`] | the checked rules |
//! | [`geometry`] | anchors, zones, lines: exact predicates |
//! | [`engine`] | tracks over time, and who asks the rules |
//! | `object`, `zone`, `line` | one kind of rule each |
//! | [`occurrence`] | what the engine says happened |

pub mod engine;
pub mod geometry;
mod line;
pub mod model;
mod object;
pub mod occurrence;
pub mod parse;
mod tracks;
mod zone;

#[cfg(test)]
mod tests;

pub use engine::{Engine, Frame, Observation};
pub use model::Rules;
pub use occurrence::{Context, Occurrence, Reason};
pub use parse::RulesError;
