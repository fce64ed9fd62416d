//! Object detection with YOLO models, for GStreamer: the element `vigildetect`.
//!
//! Data flows one way: frame → [`preprocess`] → [`engine`] → [`decode`] → metadata. [`detector`]
//! joins these steps, [`schedule`] runs them on worker threads, [`element`] is the shell that
//! GStreamer sees. [`motion`] says which frames need it, [`views`] which parts of them, [`regions`]
//! where objects count, [`objects`] which objects of others a second stage looks at. On an NVIDIA
//! GPU, [`gpu`] does all of the first line there. In place of all this, [`replay`] looks detections
//! up that were recorded.
//! Everything but `element` is free of GStreamer types.

pub mod decode;
pub mod detector;
pub mod element;
pub mod engine;
pub mod gpu;
pub mod model;
pub mod motion;
pub mod objects;
pub mod outputs;
pub mod preprocess;
pub mod regions;
pub mod replay;
pub mod schedule;
pub mod views;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    element::register(plugin)
}

#[allow(missing_docs, reason = "the macro's items have no docs")]
mod plugin {
    use super::plugin_init;

    gst::plugin_define!(
        vigildetect,
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
