//! What is told of a build, and how it is given up.

use super::common::pixels::pixels;
use super::common::{self, texts};
use super::{assert_says, installed};
use gst::prelude::*;
use std::sync::{Arc, Mutex};

/// Messages of builds: phase, step and steps.
fn told(bus: &gst::Bus) -> Vec<(String, u32, u32)> {
    let mut told = Vec::new();
    while let Some(message) = bus.pop_filtered(&[gst::MessageType::Element]) {
        let structure = message.structure().unwrap();
        assert_eq!(structure.name(), "vigil-engine-build");
        assert_eq!(message.src().unwrap().type_().name(), "GstVigilDetect");
        told.push((
            structure.get("phase").unwrap(),
            structure.get("step").unwrap(),
            structure.get("steps").unwrap(),
        ));
    }
    told
}

#[test]
fn a_build_tells_how_far_it_is_and_a_kept_plan_does_not() {
    let fake = installed();
    let model = pixels("1");
    for is_built in [true, false] {
        let (element, bus) = common::element(Some(&model), &[("engine", "tensorrt")]);
        element.set_state(gst::State::Paused).unwrap();
        let told = told(&bus);
        assert_eq!(!told.is_empty(), is_built, "{told:?}");
        assert!(
            told.iter()
                .all(|(phase, step, steps)| !phase.is_empty() && step <= steps)
        );
        if is_built {
            assert!(
                told.iter().any(|(_, step, steps)| step == steps),
                "{told:?}"
            );
        }
        element.set_state(gst::State::Null).unwrap();
    }
    drop(fake);
}

#[test]
fn what_tensorrt_logs_is_in_a_debug_category_of_its_own() {
    let fake = installed();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    gst::log::add_log_function(move |category, level, _, _, _, _, message| {
        if category.name() == "vigiltensorrt" {
            let text = message.get().map(|text| text.to_string());
            log.lock().unwrap().push((level, text.unwrap_or_default()));
        }
    });
    gst::log::set_active(true);
    gst::log::set_threshold_for_name("vigiltensorrt", gst::DebugLevel::Trace);
    let model = pixels("1");
    let (element, _) = common::element(Some(&model), &[("engine", "tensorrt")]);
    element.set_state(gst::State::Paused).unwrap();
    element.set_state(gst::State::Null).unwrap();
    let lines = lines.lock().unwrap();
    let of_a_build = |(level, text): &(gst::DebugLevel, String)| {
        *level == gst::DebugLevel::Info && text.starts_with("building: ")
    };
    assert!(lines.iter().any(of_a_build), "{lines:?}");
    drop(element);
    drop(fake);
}

#[test]
fn a_build_is_given_up_by_a_signal_and_can_be_tried_again() {
    let fake = installed();
    let model = pixels("1");
    let (element, bus) = common::element(Some(&model), &[("engine", "tensorrt")]);
    let cancel = |element: &gst::Element| element.emit_by_name::<bool>("cancel-build", &[]);
    assert!(!cancel(&element), "there is none");
    // The app hears of the build and has had enough of it.
    let other = element.clone();
    bus.set_sync_handler(move |_, message| {
        if message
            .structure()
            .is_some_and(|s| s.name() == "vigil-engine-build")
        {
            assert!(cancel(&other));
        }
        gst::BusSyncReply::Pass
    });
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors = texts(&bus, gst::MessageType::Error).join("\n");
    assert_says(&errors, &["the build of", "was cancelled"]);
    element.set_state(gst::State::Null).unwrap();
    bus.unset_sync_handler();
    element.set_state(gst::State::Paused).unwrap();
    assert_eq!(fake.calls("buildSerializedNetwork"), 2);
    element.set_state(gst::State::Null).unwrap();
    drop(element);
    drop(fake);
}
