//! Multi-object tracking, for GStreamer.
//!
//! The element `vigiltrack` is a shell; the rest is plain Rust and can be used without GStreamer:
//!
//! | module | what |
//! |---|---|
//! | [`track`] | the trackers, and what every one takes and gives |
//! | [`appearance`] | identities by what objects look like |
//! | [`geometry`] | boxes |
//! | [`timeline`] | from presentation times to a tracker's time |
//! | [`visual`] | where objects are on frames that no detector looked at, by what they look like |
//! | [`synthetic`] | scenes for tests and benchmarks |

pub mod appearance;
mod element;
pub mod geometry;
pub mod synthetic;
pub mod timeline;
pub mod track;
pub mod visual;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    element::register(plugin)
}

#[allow(missing_docs, reason = "the macro's items have no docs")]
mod plugin {
    use super::plugin_init;

    gst::plugin_define!(
        vigiltrack,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MPL-2.0",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        "vigil",
        env!("BUILD_REL_DATE")
    );
}

pub use plugin::plugin_register_static;
