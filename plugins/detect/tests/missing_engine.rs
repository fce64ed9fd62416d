//! An engine that was asked for and is not there. The library is one for the whole process, hence
//! a program of its own with a single test.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod common;

use common::models::Tiny;
use gst::prelude::*;

#[test]
fn an_engine_that_is_not_there_is_refused_and_passed_over_by_auto() {
    let nowhere = "/no/such/folder/libonnxruntime.so";
    // SAFETY: the only test of this program, and GStreamer has not started a thread yet.
    unsafe { std::env::set_var("VIGIL_ONNXRUNTIME", nowhere) };
    let file = Tiny::default().file();

    let (element, bus) = common::element(Some(&file), &[("engine", "onnxruntime")]);
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = common::texts(&bus, gst::MessageType::Error);
    assert_eq!(errors.len(), 1, "{errors:?}");
    for part in ["onnxruntime", nowhere, "VIGIL_ONNXRUNTIME", "./dev engines"] {
        assert!(errors[0].contains(part), "{errors:?}");
    }
    element.set_state(gst::State::Null).unwrap();

    element.set_property_from_str("engine", "auto");
    element.set_state(gst::State::Paused).unwrap();
    let stats: gst::Structure = element.property("stats");
    assert_eq!(stats.get::<String>("engine").unwrap(), "rten");
    assert!(
        stats
            .get::<String>("engine-reason")
            .unwrap()
            .contains(nowhere)
    );
    element.set_state(gst::State::Null).unwrap();
}
