//! Captions of chosen frames by a vision-language model, for GStreamer.
//!
//! Everything but the element is plain Rust and can be used without GStreamer's registry. What is
//! asked takes this way:
//!
//! ```text
//!   frame ─ triggers ─ select (picture) ─▶ prompt, chat ─▶ queue ─ server ─ client ─▶ schema ─▶ caption
//!   └────── streaming thread ──────────────────────────┘   └────── workers ─────────────────────────┘
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`triggers`] | when to ask, and how often at most |
//! | [`select`] | which pictures are shown |
//! | [`picture`] | small copies of frames |
//! | [`prompt`] | what is asked, in words |
//! | [`chat`] | a conversation about a stream |
//! | [`cache`] | what was said of pictures, so that it need not be asked again |
//! | [`queue`] | what waits to be asked, and what is given up first |
//! | [`server`] | one server that several elements ask: turns, budget, workers, circuit breaker |
//! | [`client`] | HTTP, the dialects of servers, what can go wrong |
//! | [`schema`] | answers as JSON of a given shape |
//! | [`spawn`] | a server that is started and kept running here |
//!
//! The element `vigilcaption` is the shell around them.

pub mod cache;
pub mod chat;
pub mod client;
mod element;
pub mod picture;
pub mod prompt;
pub mod queue;
pub mod schema;
pub mod select;
pub mod server;
pub mod spawn;
pub mod triggers;

// A module of its own: what the macro makes has no documentation.
#[allow(missing_docs)]
mod plugin {
    fn init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
        crate::element::register(plugin)
    }

    gst::plugin_define!(
        vigilcaption,
        env!("CARGO_PKG_DESCRIPTION"),
        init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MPL-2.0",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        "vigil",
        env!("BUILD_REL_DATE")
    );
}

pub use plugin::plugin_register_static;
