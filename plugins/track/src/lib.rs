//! Multi-object tracking, for GStreamer.
//!
//! The element `vigiltrack` is a shell; the rest is plain Rust and can be used without GStreamer:
//!
//! | module | what |
//! |---|---|
//! | [`tracker`] | what every tracker takes and gives |
//! | [`bytetrack`] | the tracker |
//! | [`kalman`] | motion of a box |
//! | [`assignment`] | which track takes which detection, at best |
//! | [`geometry`] | boxes |
//! | [`timeline`] | from presentation times to the tracker's time |
//! | [`eval`] | HOTA, MOTA and IDF1 on sequences with ground truth |
//! | [`synthetic`] | scenes for tests and benchmarks |

pub mod assignment;
pub mod bytetrack;
mod element;
pub mod eval;
pub mod geometry;
pub mod kalman;
pub mod synthetic;
pub mod timeline;
pub mod tracker;

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
