//! Events from tracked objects by rules, for GStreamer.
//!
//! [`rules`] and [`verify`] are plain Rust and can be used without GStreamer's registry; the
//! element `vigilevents` is the shell around them.

mod element;
pub mod rules;
pub mod verify;

// A module of its own: what the macro makes has no documentation.
#[allow(missing_docs)]
mod plugin {
    fn init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
        crate::element::register(plugin)
    }

    gst::plugin_define!(
        vigilevents,
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
