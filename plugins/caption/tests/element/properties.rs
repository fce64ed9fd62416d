//! Properties, and those that are wrong.

use crate::common::*;
use crate::mock::Mock;
use gst::glib;
use gst::prelude::*;

/// Properties of the public surface: name, type, default, range, when it may be set.
const PROPERTIES: &str = include_str!("properties.txt");

fn describe(pspec: &glib::ParamSpec) -> String {
    let range = |a: &dyn std::fmt::Display, b: &dyn std::fmt::Display| format!(" ({a} to {b})");
    let limits = if let Some(p) = pspec.downcast_ref::<glib::ParamSpecUInt>() {
        range(&p.minimum(), &p.maximum())
    } else if let Some(p) = pspec.downcast_ref::<glib::ParamSpecUInt64>() {
        range(&p.minimum(), &p.maximum())
    } else if let Some(p) = pspec.downcast_ref::<glib::ParamSpecInt64>() {
        range(&p.minimum(), &p.maximum())
    } else if let Some(p) = pspec.downcast_ref::<glib::ParamSpecDouble>() {
        range(&p.minimum(), &p.maximum())
    } else if let Some(class) = glib::EnumClass::with_type(pspec.value_type()) {
        let nicks: Vec<_> = class.values().iter().map(|value| value.nick()).collect();
        format!(" ({})", nicks.join(", "))
    } else if let Some(class) = glib::FlagsClass::with_type(pspec.value_type()) {
        let nicks: Vec<_> = class.values().iter().map(|value| value.nick()).collect();
        format!(" ({})", nicks.join(", "))
    } else {
        String::new()
    };
    let readable = pspec.flags().contains(glib::ParamFlags::READABLE);
    let writable = pspec.flags().contains(glib::ParamFlags::WRITABLE);
    let default = match pspec.default_value().get::<f64>() {
        _ if !writable || !readable => String::new(),
        Ok(float) => format!(" = {float}"),
        Err(_) => format!(
            " = {}",
            pspec.default_value().serialize().unwrap_or("NULL".into())
        ),
    };
    let when = match (writable, readable) {
        (true, true) => "READY",
        (true, false) => "write-only",
        _ => "read-only",
    };
    format!(
        "{}: {}{default}{limits}, {when}\n",
        pspec.name(),
        pspec.value_type()
    )
}

#[test]
fn the_properties_are_those_that_pipelines_rely_on() {
    let element = element(&[]);
    let mut lines: Vec<_> = element
        .list_properties()
        .iter()
        .filter(|pspec| pspec.owner_type() == element.type_())
        .map(describe)
        .collect();
    lines.sort();
    assert_eq!(lines.concat(), PROPERTIES);
}

#[test]
fn the_elements_page_has_every_property_and_every_field_of_the_stats() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vigilcaption.md");
    let page = std::fs::read_to_string(page).unwrap();
    for line in PROPERTIES.lines() {
        let (name, _) = line.split_once(':').unwrap();
        assert!(page.contains(&format!("\n| `{name}` |")), "{name}");
    }
    let mock = Mock::saying("x");
    let mut rig = Rig::at(&mock.url, &[]);
    rig.push(solid(0, RED));
    rig.caption();
    for (field, _) in rig.stats().iter() {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_property_before_the_stream_plays() {
    let url = ("base-url", "http://127.0.0.1:1/v1");
    for (properties, said) in [
        (vec![], "set base-url"),
        (
            vec![("base-url", "localhost:80")],
            "base-url: it lacks http://",
        ),
        (
            vec![("base-url", "http://me:hunter2@host/v1")],
            "base-url: it has a user or password",
        ),
        (
            vec![url, ("spawn", "llama-server")],
            "base-url and spawn are both set",
        ),
        (
            vec![("spawn", "no-such-server-x")],
            "spawn: there is no program \"no-such-server-x\"",
        ),
        (
            vec![("spawn", "sh"), ("spawn-model", "/no/model.gguf")],
            "spawn-model: there is no file",
        ),
        (
            vec![url, ("spawn-model", "/no/model.gguf")],
            "spawn-model is set, and spawn is not",
        ),
        (
            vec![url, ("prompt", "What does {lable} do?")],
            "prompt: unknown field {lable}: did you mean \"label\"?",
        ),
        (
            vec![url, ("prompt", "describ")],
            "prompt: there is no built-in prompt \"describ\": did you mean \"describe\"?",
        ),
        (
            vec![url, ("prompts-file", "/no/prompts.toml")],
            "/no/prompts.toml: No such file",
        ),
        (
            vec![url, ("prompts", "{\"classes\": {\"car\": \"{x}\"}}")],
            "prompts: classes.\"car\": unknown field {x}",
        ),
        (
            vec![url, ("prompts", "{}"), ("prompts-file", "/x")],
            "prompts and prompts-file are both set",
        ),
        (
            vec![url, ("response-schema", "{\"type\": \"objekt\"}")],
            "response-schema: it is no JSON Schema",
        ),
        (
            vec![url, ("response-schema", "/no/schema.json")],
            "response-schema: /no/schema.json: No such file",
        ),
        (
            vec![url, ("extra-body", "top_k=3")],
            "extra-body: it is no JSON",
        ),
        (
            vec![url, ("extra-body", "{\"messages\": []}")],
            "extra-body: \"messages\" is the element's own business",
        ),
        (
            vec![url, ("event-kinds", "zone entered")],
            "event-kinds: \"zone entered\" is no kind of event",
        ),
        (
            vec![url, ("api-key", "a"), ("api-key-env", "HOME")],
            "api-key and api-key-env are both set",
        ),
        (
            vec![url, ("api-key-env", "VIGIL_NO_SUCH_KEY")],
            "api-key-env: the environment has no variable",
        ),
        (
            vec![url, ("api-key-file", "/no/key")],
            "api-key-file: /no/key: No such file",
        ),
        (
            vec![url, ("stream-id", "a\u{7}b")],
            "stream-id: \"a\\u{7}b\" has control characters",
        ),
    ] {
        let element = element(&properties);
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        assert!(
            element.set_state(gst::State::Paused).is_err(),
            "{properties:?}"
        );
        let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
        let gst::MessageView::Error(error) = message.view() else {
            unreachable!()
        };
        let text = error.error().to_string();
        assert!(
            text.contains(said) && !text.contains("hunter2"),
            "{properties:?}: {text}"
        );
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn the_key_cannot_be_read_and_is_in_no_dump() {
    init();
    let bin = gst::Pipeline::new();
    let element = element(&[
        ("base-url", "http://127.0.0.1:1/v1"),
        ("api-key", "sk-hunter2"),
    ]);
    bin.add(&element).unwrap();
    let pspec = element.find_property("api-key").unwrap();
    assert!(!pspec.flags().contains(glib::ParamFlags::READABLE));
    let dump = bin.debug_to_dot_data(gst::DebugGraphDetails::all());
    assert!(dump.contains("base-url") && !dump.contains("hunter2"));
}

#[test]
fn the_key_is_in_no_line_of_the_log() {
    use std::sync::{Arc, Mutex};
    init();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = lines.clone();
    gst::log::remove_default_log_function();
    gst::log::set_threshold_for_name("*", gst::DebugLevel::Memdump);
    gst::log::add_log_function(move |category, _, _, function, _, object, message| {
        let object = object.map(|object| object.to_string()).unwrap_or_default();
        let text = message.get().unwrap_or_default().to_string();
        let line = format!("{} {function} {object} {text}", category.name());
        log.lock().unwrap().push(line);
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-hunter2").unwrap();
    let from_file = ("api-key-file", file.to_str().unwrap());
    for key in [("api-key", "sk-hunter2"), from_file] {
        // One that answers, and one that repeats what it was sent.
        for refuses in [false, true] {
            let mock = Mock::new(move |_, request, stream| match refuses {
                true => {
                    let sent = request.headers.join(" ");
                    crate::mock::respond(stream, 401, "text/plain", &sent);
                }
                false => crate::mock::say(stream, &["x"]),
            });
            let mut rig = Rig::at(&mock.url, &[key, ("trigger", "interval")]);
            rig.push(solid(0, RED));
            rig.signal();
            assert!(
                mock.request(0)
                    .headers
                    .iter()
                    .any(|h| h.contains("hunter2"))
            );
            rig.element.set_state(gst::State::Null).unwrap();
        }
    }
    let lines = lines.lock().unwrap();
    let ours = lines.iter().filter(|line| line.contains("vigilcaption"));
    assert!(ours.count() > 10, "{}", lines.len());
    let told: Vec<_> = lines.iter().filter(|l| l.contains("hunter2")).collect();
    assert!(told.is_empty(), "{told:?}");
}
