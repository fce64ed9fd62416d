//! The element through its public surface: against a server of sorts that does what a test says
//! ([`mock`]), and against a real one with a tiny model ([`llama`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;
mod llama;
mod mock;
mod tiny;

mod cache;
mod captions;
mod chain;
mod chat;
mod faults;
mod life;
mod many;
mod pictures;
mod properties;
mod real;
mod triggers;
mod verdicts;
