//! The tools of the model catalogue, run as a user runs them: over file URLs and a real web server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod cards;
mod consent;
mod export;
mod fetch;
mod server;
mod sources;
mod workplace;
