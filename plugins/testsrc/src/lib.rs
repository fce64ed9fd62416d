//! Synthetic video with known truth, for GStreamer.
//!
//! The element `vigiltestsrc` is a shell; the rest is plain Rust and can be used without GStreamer:
//!
//! | module | what |
//! |---|---|
//! | [`scene`] | streets and places with people, cars, bicycles, trucks and dogs; what is where, and its picture |
//! | [`convert`] | from the picture to the formats of video |
//! | [`truth`] | truth as a file, and as an imperfect detector would see it |
//! | [`element`] | the shell that GStreamer sees |

pub mod convert;
pub mod element;
pub mod scene;
pub mod truth;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    element::register(plugin)
}

#[allow(missing_docs, reason = "the macro's items have no docs")]
mod plugin {
    use super::plugin_init;

    gst::plugin_define!(
        vigiltestsrc,
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
