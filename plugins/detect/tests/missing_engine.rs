//! An engine that was asked for and is not there, or is something else. The library is one for the
//! whole process, hence a program of its own with a single test.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

mod common;

use common::models::Tiny;
use gst::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library of this source, if there is a C compiler.
fn library(folder: &Path, name: &str, source: &str) -> Option<PathBuf> {
    let (code, library) = (folder.join("library.c"), folder.join(name));
    std::fs::write(&code, source).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &code])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        println!("skipped {name}: no C compiler here");
        return None;
    }
    Some(library)
}

const OLD_OPENVINO: &str = "
struct version { const char *build, *description; };
int ov_get_openvino_version(struct version *v) {
    v->build = \"2024.6.0-17404-4c0f47d2335\"; v->description = \"\"; return 0;
}
void ov_version_free(struct version *v) {}";

const OPENVINO_WITHOUT_FUNCTIONS: &str = "
struct version { const char *build, *description; };
int ov_get_openvino_version(struct version *v) { v->build = \"2031.0.0-1\"; return 0; }
void ov_version_free(struct version *v) {}";

const OLD_ONNXRUNTIME: &str = "
static const void *api(unsigned version) { return 0; }
static const char *version(void) { return \"1.16.3\"; }
static const struct { const void *(*api)(unsigned); const char *(*version)(void); }
    base = { api, version };
const void *OrtGetApiBase(void) { return &base; }";

#[test]
fn an_engine_that_is_not_there_is_refused_and_passed_over_by_auto() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let nowhere = folder.join("no/such/library.so");
    let text = folder.join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let other = library(folder, "other.so", "int other;");
    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let old = library(folder, "old_openvino.so", OLD_OPENVINO);
    let hollow = library(folder, "hollow.so", OPENVINO_WITHOUT_FUNCTIONS);
    let old_onnxruntime = library(folder, "old_onnxruntime.so", OLD_ONNXRUNTIME);

    let openvino = ("openvino", "VIGIL_OPENVINO", "OpenVINO 2025.1");
    let onnxruntime = ("onnxruntime", "VIGIL_ONNXRUNTIME", "ONNX Runtime 1.17");
    // engine, where its variable points, what is said of it
    let mut table = Vec::new();
    for engine in [openvino, onnxruntime] {
        table.push((engine, Some(&nowhere), "No such file"));
        table.push((engine, Some(&text), "file too short"));
        table.push((engine, Some(&empty), ""));
        table.push((engine, other.as_ref(), ""));
    }
    table.push((openvino, other.as_ref(), "not OpenVINO's C library"));
    table.push((openvino, old.as_ref(), "OpenVINO 2024.6.0, and 2025.1"));
    table.push((openvino, hollow.as_ref(), "without ov_"));
    table.push((onnxruntime, old_onnxruntime.as_ref(), "1.16.3"));

    let file = Tiny::default().file();
    let (element, bus) = common::element(Some(&file), &[]);
    for ((engine, variable, needed), path, said) in table {
        let Some(path) = path else { continue };
        let path = path.to_str().unwrap();
        // SAFETY: the only test of this program, and nothing else runs between two states.
        unsafe { std::env::set_var(variable, path) };
        element.set_property_from_str("engine", engine);
        assert!(element.set_state(gst::State::Paused).is_err(), "{path}");
        let errors = common::texts(&bus, gst::MessageType::Error);
        assert_eq!(errors.len(), 1, "{errors:?}");
        for part in [engine, path, variable, needed, "./dev engines", said] {
            assert!(errors[0].contains(part), "{part}: {errors:?}");
        }
        element.set_state(gst::State::Null).unwrap();
    }

    for (_, variable, _) in [openvino, onnxruntime] {
        // SAFETY: as above.
        unsafe { std::env::set_var(variable, &nowhere) };
    }
    element.set_property_from_str("engine", "auto");
    element.set_state(gst::State::Paused).unwrap();
    let stats: gst::Structure = element.property("stats");
    assert_eq!(stats.get::<String>("engine").unwrap(), "rten");
    let reason = stats.get::<String>("engine-reason").unwrap();
    for part in ["openvino", "onnxruntime", nowhere.to_str().unwrap()] {
        assert!(reason.contains(part), "{reason}");
    }
    element.set_state(gst::State::Null).unwrap();
}
