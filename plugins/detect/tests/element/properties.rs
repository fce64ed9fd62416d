//! Properties and stats.

use crate::common::models::{Layout, Tiny};
use crate::common::{self, Rig};
use gst::glib;
use gst::prelude::*;

/// Properties of the public surface: name, type, default, range, when it may be set.
const PROPERTIES: &str = "\
attach-tensors: gboolean = false, READY
batch-size: guint = 0 (0 to 64), READY
batch-timeout: guint64 = 0 (0 to 10000000000), READY
chroma-resampler: GstVigilDetectChromaResampler = nearest (nearest, linear), READY
class-threshold: gfloat = 0 (0 to 1), PLAYING
classes: gchararray = NULL, PLAYING
confidence-threshold: gfloat = 0.25 (0 to 1), PLAYING
device: guint = 0 (0 to 255), READY
engine: GstVigilDetectEngine = auto (auto, tensorrt, onnxruntime-tensorrt, onnxruntime-cuda, openvino, onnxruntime, rten, replay, deepstream), READY
gpu-memory: guint = 0 (0 to 1048576), READY
head: gchararray = NULL, READY
input-size: gchararray = NULL, READY
interval: guint = 0 (0 to 4294967295), PLAYING
iou-threshold: gfloat = 0.45 (0 to 1), PLAYING
labels: gchararray = NULL, READY
max-classes: guint = 1 (0 to 1000), PLAYING
max-detections: guint = 300 (1 to 100000), PLAYING
mode: GstVigilDetectMode = auto (auto, latency, throughput), READY
model: gchararray = NULL, READY
motion-gate: gboolean = false, PLAYING
motion-hold: guint64 = 2000000000 (0 to 18446744073709551615), PLAYING
motion-max-age: guint64 = 2000000000 (0 to 18446744073709551615), PLAYING
motion-threshold: gfloat = 4 (0.5 to 255), PLAYING
nvds-component: guint = 1 (0 to 2147483647), READY
nvds-meta: GstVigilDetectNvdsMeta = none (none, read, write, both), READY
on-classes: gchararray = NULL, PLAYING
on-interval: guint64 = 1000000000 (0 to 18446744073709551615), PLAYING
on-max-age: guint64 = 5000000000 (0 to 18446744073709551615), PLAYING
on-max-objects: guint = 32 (0 to 100000), PLAYING
on-min-size: guint = 16 (0 to 4294967295), PLAYING
on: GstVigilDetectOn = frame (frame, objects), READY
precision: GstVigilDetectPrecision = f32 (f32, bf16, f16), READY
preprocess: gchararray = NULL, READY
regions: gchararray = NULL, READY
resize: GstVigilDetectResize = bilinear (bilinear, area), READY
stats: GstStructure, read-only
threads: guint = 0 (0 to 4294967295), READY
tile-overlap: gfloat = 0.2 (0 to 0.9), READY
tiles-full: gboolean = true, READY
tiles: gchararray = NULL, READY
";

fn describe(pspec: &glib::ParamSpec) -> String {
    let range = if let Some(uint) = pspec.downcast_ref::<glib::ParamSpecUInt>() {
        format!(" ({} to {})", uint.minimum(), uint.maximum())
    } else if let Some(uint) = pspec.downcast_ref::<glib::ParamSpecUInt64>() {
        format!(" ({} to {})", uint.minimum(), uint.maximum())
    } else if let Some(float) = pspec.downcast_ref::<glib::ParamSpecFloat>() {
        format!(" ({} to {})", float.minimum(), float.maximum())
    } else if let Some(class) = glib::EnumClass::with_type(pspec.value_type()) {
        let nicks: Vec<_> = class.values().iter().map(|value| value.nick()).collect();
        format!(" ({})", nicks.join(", "))
    } else {
        String::new()
    };
    let default = match pspec.default_value().get::<f32>() {
        _ if !pspec.flags().contains(glib::ParamFlags::WRITABLE) => String::new(),
        Ok(float) => format!(" = {float}"),
        Err(_) => {
            let text = pspec.default_value().serialize();
            format!(" = {}", text.unwrap_or("NULL".into()))
        }
    };
    let when = if pspec.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING) {
        "PLAYING"
    } else if pspec.flags().contains(gst::PARAM_FLAG_MUTABLE_READY) {
        "READY"
    } else {
        "read-only"
    };
    let (name, value_type) = (pspec.name(), pspec.value_type());
    format!("{name}: {value_type}{default}{range}, {when}\n")
}

#[test]
fn the_properties_are_those_that_pipelines_rely_on() {
    let (element, _) = common::element(None, &[]);
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
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vigildetect.md");
    let page = std::fs::read_to_string(page).unwrap();
    for line in PROPERTIES.lines() {
        let (name, _) = line.split_once(':').unwrap();
        assert!(page.contains(&format!("\n| `{name}` |")), "{name}");
    }
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    rig.push_and_wait(200);
    for (field, _) in rig.stats().iter() {
        let is_time = field.ends_with("-ms");
        let stage = format!("`{}-…`", field.split('-').next().unwrap());
        let named = page.contains(&format!("`{field}`"));
        assert!(named || is_time && page.contains(&stage), "{field}");
    }
}

#[test]
fn every_property_is_what_it_was_set_to() {
    let values = [
        ("batch-size", "4"),
        ("batch-timeout", "5000000"),
        ("chroma-resampler", "linear"),
        ("class-threshold", "0.25"),
        ("classes", "person;2"),
        ("confidence-threshold", "0.5"),
        ("device", "1"),
        ("engine", "rten"),
        ("head", "yolov6"),
        ("input-size", "640x384"),
        ("interval", "3"),
        ("iou-threshold", "0.75"),
        ("labels", "a;b"),
        ("max-classes", "3"),
        ("max-detections", "7"),
        ("mode", "latency"),
        ("model", "x.onnx"),
        ("motion-gate", "true"),
        ("motion-hold", "5"),
        ("motion-max-age", "0"),
        ("motion-threshold", "7.5"),
        ("nvds-component", "3"),
        ("nvds-meta", "both"),
        ("on", "objects"),
        ("on-classes", "car;van"),
        ("on-interval", "0"),
        ("on-max-age", "9"),
        ("on-max-objects", "0"),
        ("on-min-size", "1"),
        ("precision", "bf16"),
        ("preprocess", "colour=bgr;pad=0"),
        ("regions", "[[0,0,1,1]]"),
        ("resize", "area"),
        ("threads", "2"),
        ("tile-overlap", "0.5"),
        ("tiles", "auto"),
        ("tiles-full", "false"),
    ];
    let (element, _) = common::element(None, &values);
    for (name, value) in values {
        let set = element.property_value(name).serialize().unwrap();
        assert_eq!(set.trim_matches('"').replace('\\', ""), value, "{name}");
    }
}

#[test]
fn thresholds_may_change_while_playing() {
    for layout in [Layout::EndToEnd, Layout::V8] {
        let file = Tiny {
            layout,
            ..Tiny::default()
        }
        .file();
        let mut rig = Rig::new(&file, &[]);
        // property, value, what is found then: scores are 0.784 and 0.5
        let table: [(_, _, &[&str]); 8] = [
            ("confidence-threshold", "0.25", &["block", "slider"]),
            ("confidence-threshold", "0.6", &["block"]),
            ("confidence-threshold", "0.9", &[]),
            ("confidence-threshold", "0.25", &["block", "slider"]),
            ("max-detections", "1", &["block"]),
            ("max-detections", "300", &["block", "slider"]),
            ("classes", "1", &["slider"]),
            ("classes", "", &["block", "slider"]),
        ];
        for (name, value, expected) in table {
            rig.element.set_property_from_str(name, value);
            let found = rig.push_and_wait(200).labels();
            assert_eq!(found, expected, "{layout:?} {name}={value}");
        }
        assert_eq!(rig.warnings(), [""; 0]);
    }
}

#[test]
fn an_unknown_class_while_playing_is_warned_of_and_changes_nothing() {
    let mut rig = Rig::new(&Tiny::default().file(), &[("classes", "block")]);
    rig.element.set_property("classes", "blok");
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["classes", "\"blok\"", "did you mean 'block'"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
    assert_eq!(rig.push_and_wait(200).labels(), ["block"]);
    assert_eq!(rig.element.property::<String>("classes"), "block");
    // What is set after it counts.
    rig.element.set_property("confidence-threshold", 0.9f32);
    assert!(rig.push_and_wait(200).labels().is_empty());
    assert_eq!(rig.warnings(), [""; 0]);
}

#[test]
fn interval_may_change_while_playing() {
    let mut rig = Rig::new(&Tiny::default().file(), &[]);
    for (interval, inferred) in [("0", 5), ("4", 1), ("0", 5)] {
        rig.element.set_property_from_str("interval", interval);
        let before = rig.stat("inferred");
        for _ in 0..5 {
            rig.push_and_wait(200);
        }
        assert_eq!(rig.stat("inferred") - before, inferred, "{interval}");
    }
}

#[test]
fn stats_say_what_is_used_and_what_was_done() {
    let properties = [("threads", "2"), ("interval", "1")];
    let mut rig = Rig::new(&Tiny::default().file(), &properties);
    for _ in 0..10 {
        rig.push(200);
    }
    let short = rig.timed(gst::Buffer::from_mut_slice(vec![0; 5]));
    rig.push_buffer(short).unwrap();
    rig.eos();
    let stats = rig.stats();
    assert_eq!(stats.name(), "vigildetect-stats");
    let text = |name: &str| stats.get::<String>(name).unwrap();
    assert_eq!(
        ["engine", "precision", "head", "labels-source", "mode"].map(text),
        ["rten", "f32", "end-to-end", "model metadata", "throughput"]
    );
    assert!(text("engine-reason").contains("asked for"));
    let small = |name: &str| stats.get::<u32>(name).unwrap();
    let sizes = [
        "input-width",
        "input-height",
        "classes",
        "workers",
        "threads-per-worker",
        "runs-per-frame",
        "streams",
        "waiting",
        "batch-size",
    ];
    assert_eq!(sizes.map(small), [64, 64, 2, 2, 1, 1, 1, 0, 1]);
    assert_eq!(small("queued"), 0);
    assert_eq!(stats.get::<bool>("live"), Ok(false));
    assert_eq!(stats.get::<&str>("memory"), Ok("system"));
    let count = |name: &str| stats.get::<u64>(name).unwrap();
    let counters = [
        "frames",
        "inferred",
        "objects",
        "skipped-interval",
        "skipped-still",
        "skipped-overload",
        "skipped-qos",
        "overdue",
        "failed",
    ];
    assert_eq!(counters.map(count), [11, 5, 10, 5, 0, 0, 0, 0, 1]);
    let number = |name: &str| stats.get::<f64>(name).unwrap();
    assert!(number("fps") > 0.0);
    assert_eq!(number("frames-per-run"), 1.0);
    for stage in ["preprocess", "inference", "decode", "latency"] {
        let values = ["p50", "p95", "p99", "max"].map(|p| number(&format!("{stage}-{p}-ms")));
        // Decoding so few boxes may take less than is measured.
        assert!(values[0] > 0.0 || stage == "decode", "{stage} {values:?}");
        assert!(
            values.windows(2).all(|pair| pair[0] <= pair[1]),
            "{stage} {values:?}"
        );
    }
    assert_eq!(number("motion-max-ms"), 0.0);
    assert_eq!(stats.n_fields(), 8 + 10 + 1 + counters.len() + 1 + 20);
}

#[test]
fn stats_are_empty_before_there_is_a_model() {
    let (element, _) = common::element(None, &[]);
    let stats: gst::Structure = element.property("stats");
    assert_eq!(
        (stats.name().as_str(), stats.n_fields()),
        ("vigildetect-stats", 0)
    );
}

#[test]
fn labels_are_the_users_where_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.txt");
    std::fs::write(&path, "kiosk\ntram\n").unwrap();
    for (labels, expected) in [("kiosk;tram", "kiosk"), (path.to_str().unwrap(), "kiosk")] {
        let mut rig = Rig::new(&Tiny::default().file(), &[("labels", labels)]);
        assert_eq!(rig.push_and_wait(200).labels(), [expected, "tram"]);
        assert_eq!(
            rig.stats().get::<String>("labels-source").unwrap(),
            "property"
        );
    }
}

#[test]
fn a_model_of_open_size_takes_the_size_that_is_set() {
    let file = Tiny {
        dynamic: true,
        ..Tiny::default()
    }
    .file();
    let mut rig = Rig::new(&file, &[("input-size", "96x32")]);
    rig.push_and_wait(200);
    let size = ["input-width", "input-height"].map(|name| rig.stats().get::<u32>(name).unwrap());
    assert_eq!(size, [96, 32]);
}

#[test]
fn the_file_beside_the_model_and_the_properties_say_what_the_model_does_not() {
    let file = Tiny::default().file();
    let card = file.path().with_extension("toml");
    let labels = |properties: &[(&str, &str)]| {
        let mut rig = Rig::new(
            &file,
            &[&[("confidence-threshold", "0.45")], properties].concat(),
        );
        rig.push_and_wait(200).labels()
    };
    // The score of the first is the mean of the samples, 0.784, of the second 0.5.
    assert_eq!(labels(&[]), ["block", "slider"]);
    std::fs::write(&card, "input.scale = 0.00196\nclasses.names = ['b', 's']").unwrap();
    assert_eq!(labels(&[]), ["s"]);
    assert_eq!(labels(&[("preprocess", "scale=1/255")]), ["b", "s"]);
    assert_eq!(labels(&[("head", "end-to-end"), ("labels", "x;y")]), ["y"]);
}
