//! What the tests and benchmarks that cross plugins share.
//!
//! Real models, videos and reference detections are optional local test assets: they lie beside
//! the repository, in `../shared/assets`. Tests that need them say so and pass where they are not.

pub mod assets;
pub mod ball;
pub mod coco;
pub mod matching;
pub mod pictures;
pub mod pipeline;
pub mod precision;
pub mod records;
pub mod server;
pub mod watchdog;

/// Starts GStreamer with this build's elements, whatever plugins are installed. Call it first in
/// every test.
pub fn init() {
    use std::sync::Once;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let started = gst::init()
            .map_err(|error| error.to_string())
            .and_then(|()| {
                gstvigildetect::plugin_register_static()
                    .and_then(|()| gstvigiltrack::plugin_register_static())
                    .and_then(|()| gstvigilevents::plugin_register_static())
                    .and_then(|()| gstvigilcaption::plugin_register_static())
                    .and_then(|()| gstvigiltestsrc::plugin_register_static())
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = started {
            eprintln!("GStreamer does not start: {error}");
            std::process::exit(1);
        }
    });
}
