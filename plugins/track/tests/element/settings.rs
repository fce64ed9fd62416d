//! Properties: their defaults, what fits together, changes while playing.

use crate::common::{Rig, look_at, person, person_with_score};
use crate::{FRAME_MS, common, ids, lost};
use gst::prelude::*;

#[test]
fn settings_that_do_not_fit_are_refused_with_a_reason() {
    common::init();
    let element = gst::ElementFactory::make("vigiltrack")
        .property("low-threshold", 0.8f32)
        .build()
        .unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else {
        unreachable!("filtered")
    };
    let text = format!("{} {:?}", error.error(), error.debug());
    assert!(text.contains("low-threshold is 0.8"), "{text}");
    element.set_state(gst::State::Null).unwrap();
}

#[test]
fn settings_that_stop_fitting_while_playing_warn_and_change_nothing() {
    let mut rig = Rig::new("");
    for i in 0..4 {
        if i == 2 {
            rig.element().set_property("low-threshold", 0.8f32);
        }
        let out = rig.push(look_at(i * FRAME_MS, &[person_with_score(100.0, 0.75)]));
        assert_eq!(ids(&out), [Some(1)]);
    }
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("low-threshold is 0.8"), "{warnings:?}");
}

#[test]
fn properties_take_effect_while_playing() {
    let mut rig = Rig::new("");
    let car = |i| {
        let mut car = person(100.0);
        car.label = gst::glib::Quark::from_str("car");
        look_at(i * FRAME_MS, &[car])
    };
    rig.push(look_at(0, &[person(100.0)]));
    assert_eq!(ids(&rig.push(car(1))), [None]);
    rig.push(look_at(2 * FRAME_MS, &[person(100.0)]));
    rig.element().set_property("per-class", false);
    assert_eq!(ids(&rig.push(car(3))), [Some(1)]);
}

#[test]
fn ids_go_on_where_the_algorithm_changes() {
    let mut rig = Rig::new("");
    let mut last = 0;
    for (round, algorithm) in ["vigil", "sort", "bytetrack", "ocsort", "vigil"]
        .into_iter()
        .enumerate()
    {
        rig.element().set_property_from_str("algorithm", algorithm);
        for i in 0..6 {
            let pts = (round as u64 * 6 + i) * FRAME_MS;
            let out = rig.push(look_at(pts, &[person(100.0), person(300.0)]));
            let ids: Vec<_> = ids(&out).into_iter().flatten().collect();
            assert_eq!(ids, [last + 1, last + 2], "{algorithm}");
            assert_eq!(lost(&out).len(), if i == 0 && last > 0 { 2 } else { 0 });
        }
        last += 2;
    }
    assert_eq!(rig.stat("tracks-total"), last);
}

/// The default as the page of the element writes it.
fn default_of(spec: &gst::glib::ParamSpec) -> String {
    let value = spec.default_value();
    let number = value
        .get::<f32>()
        .map(|value| value.to_string())
        .or_else(|_| value.get::<f64>().map(|value| value.to_string()))
        .or_else(|_| value.get::<u32>().map(|value| value.to_string()))
        .or_else(|_| value.get::<bool>().map(|value| value.to_string()));
    let nick = || gst::glib::EnumValue::from_value(value).map(|(_, value)| value.nick().to_owned());
    number.ok().or_else(nick).unwrap_or_default()
}

#[test]
fn every_property_has_its_default_and_is_on_the_page_with_it() {
    common::init();
    let page = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vigiltrack.md"),
    )
    .unwrap();
    let element = gst::ElementFactory::make("vigiltrack").build().unwrap();
    let inherited = ["name", "parent", "qos", "stats"];
    let mut seen = 0;
    for spec in element.list_properties() {
        let name = spec.name();
        if inherited.contains(&name) {
            continue;
        }
        seen += 1;
        let row = format!(
            "| `{name}` | {} | {} |",
            default_of(&spec),
            spec.blurb().unwrap()
        );
        assert!(page.contains(&row), "docs/vigiltrack.md lacks: {row}");
        let value = element.property_value(name);
        assert_eq!(
            format!("{value:?}"),
            format!("{:?}", spec.default_value()),
            "{name}"
        );
    }
    assert_eq!(seen, 21);
}
