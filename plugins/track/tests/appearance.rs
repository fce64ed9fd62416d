//! Identities by what objects look like: the element with a real engine and small models made here.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

#[allow(dead_code, reason = "other tests use more of it")]
mod common;
#[path = "../../detect/tests/common/onnx.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod onnx;

use common::{Rig, clock, init, read};
use gst::prelude::*;
use gstvigiltrack::appearance::model::{Model, Options};
use onnx::{Attribute, Graph};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vigil_analytics::objects::{self, BBox, Detection};

const CAPS: &str = "video/x-raw,format=RGB,width=320,height=240,framerate=10/1";
const FRAME_MS: u64 = 100;

type Colour = [u8; 3];
const RED: Colour = [220, 40, 40];
const DARK_RED: Colour = [190, 35, 30];
const BLUE: Colour = [40, 60, 220];

/// A model whose vector is the mean colour of the upper and of the lower half.
fn mean_colours(path: &Path, input: &str) {
    let mut graph = Graph::new();
    let images = graph.input("images", input);
    let kernel = Attribute::Ints("kernel_shape", &[8, 8]);
    let strides = Attribute::Ints("strides", &[8, 8]);
    let pooled = graph.node("AveragePool", &[&images], &[kernel, strides]);
    let flat = graph.node("Flatten", &[&pooled], &[Attribute::Int("axis", 1)]);
    let batch = input.split(',').next().unwrap();
    graph.output(&flat, "features", &format!("{batch},6"));
    graph.write(path);
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        init();
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The usual model.
    fn model(&self) -> String {
        let path = self.path("model.onnx");
        mean_colours(&path, "N,3,16,8");
        // The size, which that file leaves open.
        std::fs::write(path.with_extension("toml"), "[input]\nsize = [8, 16]\n").unwrap();
        path.display().to_string()
    }
}

/// People of a colour each, 30×80 pixels, on grey.
fn frame(index: u64, people: &[(usize, Colour)]) -> gst::Buffer {
    let mut pixels = vec![128u8; 320 * 240 * 3];
    let mut found = Vec::new();
    for &(x, colour) in people {
        for y in 100..180 {
            for column in x..x + 30 {
                pixels[(y * 320 + column) * 3..][..3].copy_from_slice(&colour);
            }
        }
        found.push(Detection {
            label: gst::glib::Quark::from_str("person"),
            bbox: BBox {
                x: x as f32,
                y: 100.0,
                w: 30.0,
                h: 80.0,
            },
            confidence: 0.9,
        });
    }
    let mut buffer = gst::Buffer::from_mut_slice(pixels);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(clock(index * FRAME_MS));
    writable.set_duration(clock(FRAME_MS));
    objects::write_detections(writable, &found).unwrap();
    buffer
}

/// Somebody walks for 2 s, is away for 4 s, and somebody walks elsewhere for 2 s.
fn away_and_back(first: Colour, second: Colour) -> Vec<gst::Buffer> {
    let mut frames = Vec::new();
    for i in 0..80u64 {
        let step = (i % 60) as usize * 3;
        frames.push(match i {
            0..20 => frame(i, &[(40 + step, first)]),
            20..60 => frame(i, &[]),
            _ => frame(i, &[(200 + step, second)]),
        });
    }
    frames
}

/// What comes out of a pipeline that is not live, and the texts of its warnings or its error.
fn play(
    caps: &str,
    element: &str,
    frames: Vec<gst::Buffer>,
) -> Result<(Vec<gst::Buffer>, Vec<String>), String> {
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=src format=time ! {element} ! appsink name=sink sync=false"
    ));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let element = |name: &str| pipeline.by_name(name).unwrap();
    let src = element("src").downcast::<gst_app::AppSrc>().unwrap();
    let sink = element("sink").downcast::<gst_app::AppSink>().unwrap();
    src.set_caps(Some(&caps.parse::<gst::Caps>().unwrap()));
    src.set_max_bytes(0);
    let bus = pipeline.bus().unwrap();
    let started = pipeline.set_state(gst::State::Playing);
    if started.is_ok() {
        for frame in frames {
            src.push_buffer(frame).unwrap();
        }
        src.end_of_stream().unwrap();
    }
    let mut out = Vec::new();
    while started.is_ok() {
        match sink.try_pull_sample(gst::ClockTime::from_seconds(60)) {
            Some(sample) => out.push(sample.buffer_owned().unwrap()),
            None => break,
        }
    }
    let mut warnings = Vec::new();
    let mut error = None;
    while let Some(message) = bus.pop() {
        match message.view() {
            gst::MessageView::Warning(warning) => {
                warnings.push(format!("{} {:?}", warning.error(), warning.debug()));
            }
            gst::MessageView::Error(failed) => {
                error = Some(format!("{} {:?}", failed.error(), failed.debug()));
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    match (error, started) {
        (None, Ok(_)) => Ok((out, warnings)),
        (error, _) => Err(error.unwrap_or_default()),
    }
}

fn track(model: &str) -> String {
    format!("vigiltrack appearance=\"{model}\" appearance-engine=rten")
}

/// The ids that were given, in the order of their first frames.
fn ids(buffers: &[gst::Buffer]) -> Vec<u64> {
    let mut ids = Vec::new();
    for buffer in buffers {
        for object in read(buffer).1 {
            ids.extend(object.track.map(|track| track.id));
        }
    }
    let mut seen = Vec::new();
    ids.retain(|id| {
        let is_new = !seen.contains(id);
        seen.push(*id);
        is_new
    });
    ids
}

/// The ids that buffers tell the end of.
fn lost(buffers: &[gst::Buffer]) -> Vec<u64> {
    let (mut lost, mut of_buffer) = (Vec::new(), Vec::new());
    for buffer in buffers {
        objects::read_lost(buffer, &mut of_buffer);
        lost.extend(of_buffer.iter().map(|track| track.id));
    }
    lost
}

#[test]
fn who_was_away_keeps_the_id_where_appearances_are_looked_at() {
    let folder = Folder::new();
    let with = track(&folder.model());
    for algorithm in ["vigil", "sort", "bytetrack", "ocsort"] {
        let with = format!("{with} algorithm={algorithm}");
        for (element, second, expected) in [
            (&*with, DARK_RED, &[1][..]),
            (&*with, BLUE, &[1, 2]),
            (&format!("vigiltrack algorithm={algorithm}"), RED, &[1, 2]),
        ] {
            let (out, warnings) = play(CAPS, element, away_and_back(RED, second)).unwrap();
            assert_eq!(ids(&out), expected, "{element} {second:?}");
            assert_eq!(warnings, [""; 0]);
            // An identity is told to be lost when its track ends, and may come back.
            assert_eq!(lost(&out), [1], "{element} {second:?}");
            let last = read(out.last().unwrap()).1[0].track.unwrap();
            let came_back = expected.len() == 1;
            assert_eq!(last.first_seen, clock(if came_back { 0 } else { 6000 }));
        }
    }
}

#[test]
fn a_file_gives_the_same_identities_each_time() {
    let folder = Folder::new();
    let element = track(&folder.model());
    let run = || {
        let (out, _) = play(CAPS, &element, away_and_back(RED, DARK_RED)).unwrap();
        let of = |buffer: &gst::Buffer| read(buffer).1.first().and_then(|object| object.track);
        out.iter().map(of).collect::<Vec<_>>()
    };
    let first = run();
    assert!(
        first.iter().flatten().count() >= 38,
        "at most a look is lost"
    );
    (0..5).for_each(|_| assert_eq!(run(), first));
}

#[test]
fn a_live_stream_never_waits_for_the_model_and_yet_knows_who_is_back() {
    let folder = Folder::new();
    // A test's pad says that it is live.
    let properties = "appearance-engine=rten appearance-wait=3600";
    let model = folder.model();
    let mut rig = Rig::with_caps(&format!("appearance=\"{model}\" {properties}"), CAPS);
    let mut frames = away_and_back(RED, DARK_RED);
    let last = frames.pop().unwrap();
    let mut before = Vec::new();
    for (i, buffer) in frames.into_iter().enumerate() {
        let looks = rig.stat("appearance-looks");
        before.push(rig.push(buffer));
        // The model has its time to see who was there at first.
        while i == 0 && rig.stat("appearance-looks") == looks {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    // Until it has said who is back no id is given, and then it is the right one.
    let mut i = 79;
    let mut out = rig.push(last);
    while read(&out).1[0].track.is_none() && i < 20_000 {
        std::thread::sleep(std::time::Duration::from_millis(1));
        i += 1;
        out = rig.push(frame(79, &[(257, DARK_RED)]));
    }
    assert_eq!(read(&out).1[0].track.unwrap().id, 1);
    assert_eq!(ids(&before), [1]);
    assert_eq!(rig.stat("appearance-taken-up"), 1);
    assert_eq!(rig.stat("tracks-total"), 1);
}

#[test]
fn after_a_flush_nobody_is_known() {
    let folder = Folder::new();
    let mut rig = Rig::with_caps(
        &format!(
            "appearance=\"{}\" appearance-engine=rten appearance-wait=0",
            folder.model()
        ),
        CAPS,
    );
    assert_eq!(ids(&[rig.push(frame(0, &[(40, RED)]))]), [1]);
    rig.event(gst::event::FlushStart::new());
    rig.event(gst::event::FlushStop::new(true));
    rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
    assert_eq!(ids(&[rig.push(frame(0, &[(40, RED)]))]), [2]);
}

#[test]
fn what_is_predicted_on_skipped_frames_has_the_identity_too() {
    let folder = Folder::new();
    let frames = away_and_back(RED, RED).into_iter().enumerate();
    let frames = frames.map(|(i, mut buffer)| {
        if i % 2 == 1 {
            let pts = buffer.pts();
            buffer = gst::Buffer::from_mut_slice(vec![128u8; 320 * 240 * 3]);
            buffer.get_mut().unwrap().set_pts(pts);
        }
        buffer
    });
    let (out, _) = play(CAPS, &track(&folder.model()), frames.collect()).unwrap();
    assert_eq!(ids(&out), [1]);
    let coasted = read(&out[75]).1[0];
    assert!(coasted.is_coasted(out[75].pts()));
    assert_eq!(coasted.track.unwrap().id, 1);
}

#[test]
fn frames_that_cannot_be_looked_at_are_warned_of_once_and_tracked_by_their_boxes() {
    let folder = Folder::new();
    let element = track(&folder.model());
    for (caps, part) in [
        (
            "video/x-h264,width=320,height=240",
            "frames are video/x-h264",
        ),
        (
            "video/x-raw(memory:NVMM),format=NV12,width=320,height=240,framerate=10/1",
            "not in system memory",
        ),
        (
            "video/x-raw,format=GRAY16_LE,width=320,height=240,framerate=10/1",
            "GRAY16_LE",
        ),
        // Buffers that are too small for their caps.
        (
            "video/x-raw,format=RGBA,width=3200,height=2400,framerate=10/1",
            "boxes alone",
        ),
    ] {
        let (out, warnings) = play(caps, &element, away_and_back(RED, RED)).unwrap();
        assert_eq!(out.len(), 80, "{caps}");
        assert_eq!(ids(&out), [1, 2], "{caps}");
        assert_eq!(warnings.len(), 1, "{caps}: {warnings:?}");
        let warning = &warnings[0];
        assert!(
            warning.contains("appearance") && warning.contains(part),
            "{warning}"
        );
    }
}

#[test]
fn a_model_that_makes_no_numbers_of_some_objects_is_warned_of_once() {
    let folder = Folder::new();
    let path = folder.path("log.onnx");
    // The logarithm of what is negative where the picture is dark.
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,16,8");
    let mean = graph.node(
        "ReduceMean",
        &[&images],
        &[
            Attribute::Ints("axes", &[2, 3]),
            Attribute::Int("keepdims", 0),
        ],
    );
    let half = graph.floats(&[1], &[0.5]);
    let sum = graph.node("Add", &[&mean, &half], &[]);
    let log = graph.node("Log", &[&sum], &[]);
    graph.output(&log, "features", "1,3");
    graph.write(&path);
    let element = track(&path.display().to_string());
    let (out, warnings) = play(CAPS, &element, away_and_back([0; 3], [0; 3])).unwrap();
    assert_eq!(ids(&out), [1, 2]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("not finite"), "{warnings:?}");
}

/// Files that are no models of appearances, and what is said of them.
fn bad_files(folder: &Folder) -> Vec<(String, &'static [&'static str])> {
    let text = |name: &str, content: &str| {
        let path = folder.path(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let graph = |name: &str, build: &dyn Fn(&mut Graph)| {
        let path = folder.path(name);
        let mut graph = Graph::new();
        build(&mut graph);
        graph.write(&path);
        path
    };
    let flat = |graph: &mut Graph, images: &str| {
        let pooled = graph.mean(images, true);
        graph.node("Flatten", &[&pooled], &[Attribute::Int("axis", 1)])
    };
    let of_input = |name: &str, dims: &'static str| {
        graph(name, &|graph| {
            let images = graph.input("images", dims);
            let mean = graph.node("ReduceMean", &[&images], &[Attribute::Ints("axes", &[1])]);
            graph.output(&mean, "features", "N,D");
        })
    };
    let half = std::fs::read(of_input("whole.onnx", "1,3,16,8")).unwrap();
    let cut = folder.path("cut.onnx");
    std::fs::write(&cut, &half[..half.len() / 2]).unwrap();
    let wide = "1,3,16,8";
    let files: Vec<(PathBuf, &'static [&'static str])> = vec![
        (folder.path("none.onnx"), &["none.onnx", "does not exist"]),
        (folder.path("."), &["a folder", ".onnx"]),
        (text("empty.onnx", ""), &["empty"]),
        (
            text("text.onnx", "not a model\n"),
            &["no ONNX file", "text"],
        ),
        (cut, &["cut.onnx"]),
        (
            of_input("channels.onnx", "1,4,16,8"),
            &["4 channels", "[N,3,H,W]"],
        ),
        (of_input("last.onnx", "1,16,8,3"), &["channels last"]),
        (of_input("axes.onnx", "1,3,16"), &["3 axes"]),
        (of_input("batch.onnx", "100,3,16,8"), &["100 pictures"]),
        (of_input("large.onnx", "1,3,16,5000"), &["5000x16"]),
        (
            graph("integers.onnx", &|graph| {
                let images = graph.input_of_i64("images", wide);
                graph.output_of_i64(&images, "features", wide);
            }),
            &["i64"],
        ),
        (
            graph("two-inputs.onnx", &|graph| {
                let (a, b) = (graph.input("a", wide), graph.input("b", wide));
                let sum = graph.node("Add", &[&a, &b], &[]);
                graph.output(&sum, "features", wide);
            }),
            &["2 inputs"],
        ),
        (
            graph("map.onnx", &|graph| {
                let images = graph.input("images", wide);
                let pooled = graph.node("Sqrt", &[&images], &[]);
                graph.output(&pooled, "map", wide);
            }),
            &["no output has a vector", "map", "[N,D]"],
        ),
        (
            graph("scalar.onnx", &|graph| {
                let images = graph.input("images", wide);
                let mean = flat(graph, &images);
                graph.output(&mean, "mean", "1,1");
            }),
            &["no output has a vector"],
        ),
        (
            graph("two-outputs.onnx", &|graph| {
                let images = graph.input("images", wide);
                let flat = graph.node("Flatten", &[&images], &[Attribute::Int("axis", 1)]);
                graph.output(&flat, "a", "1,384");
                graph.output(&flat, "b", "1,384");
            }),
            &["more than one output"],
        ),
        (
            graph("nan.onnx", &|graph| {
                let images = graph.input("images", wide);
                let flat = graph.node("Flatten", &[&images], &[Attribute::Int("axis", 1)]);
                let log = graph.node("Log", &[&flat], &[]);
                graph.output(&log, "features", "1,384");
            }),
            &["not finite"],
        ),
    ];
    let name = |(path, parts): (PathBuf, _)| (path.display().to_string(), parts);
    files.into_iter().map(name).collect()
}

#[test]
fn what_is_no_model_is_refused_on_the_way_to_paused_with_what_would_be_right() {
    let folder = Folder::new();
    for (path, parts) in bad_files(&folder) {
        let error = play(CAPS, &track(&path), Vec::new()).unwrap_err();
        for part in [&["property appearance"], parts].concat() {
            assert!(error.contains(part), "{path}: {error} lacks {part:?}");
        }
    }
    let model = folder.model();
    let element = format!("{} appearance-preprocess=\"colour=grey\"", track(&model));
    let error = play(CAPS, &element, Vec::new()).unwrap_err();
    assert!(
        error.contains("appearance-preprocess") && error.contains("rgb or bgr"),
        "{error}"
    );
    // The file beside the model.
    std::fs::write(folder.path("model.toml"), "[input]\nsize = 'large'\n").unwrap();
    let error = play(CAPS, &track(&model), Vec::new()).unwrap_err();
    assert!(error.contains("model.toml"), "{error}");
}

#[test]
fn models_of_a_fixed_batch_and_of_open_sizes_are_taken() {
    let folder = Folder::new();
    for (name, input) in [
        ("one", "1,3,16,8"),
        ("four", "4,3,16,8"),
        ("open", "N,3,16,8"),
    ] {
        let path = folder.path(&format!("{name}.onnx"));
        mean_colours(&path, input);
        let element = track(&path.display().to_string());
        let (out, _) = play(CAPS, &element, away_and_back(RED, DARK_RED)).unwrap();
        assert_eq!(ids(&out), [1], "{name}");
        let (out, _) = play(CAPS, &element, away_and_back(RED, BLUE)).unwrap();
        assert_eq!(ids(&out), [1, 2], "{name}");
    }
}

#[test]
fn elements_share_a_model_as_long_as_it_is_the_same() {
    let folder = Folder::new();
    let mut options = Options {
        path: folder.model().into(),
        engine: Some(gstvigildetect::engine::EngineKind::Rten),
        preprocess: Default::default(),
    };
    let first = Model::get(&options).unwrap();
    assert!(Arc::ptr_eq(&first, &Model::get(&options).unwrap()));
    options.preprocess.scale = Some(1.0);
    assert!(!Arc::ptr_eq(&first, &Model::get(&options).unwrap()));
    options.preprocess.scale = None;
    std::fs::write(
        folder.path("model.toml"),
        "[input]\nsize = [8, 16]\npad = 0\n",
    )
    .unwrap();
    assert!(!Arc::ptr_eq(&first, &Model::get(&options).unwrap()));
}

#[test]
fn state_changes_in_the_middle_of_a_look_break_nothing() {
    let folder = Folder::new();
    let element = track(&folder.model());
    for frames in [0, 1, 3, 80] {
        let mut rig = Rig::with_caps(element.trim_start_matches("vigiltrack "), CAPS);
        for buffer in away_and_back(RED, BLUE).into_iter().take(frames) {
            rig.push(buffer);
        }
        let element = rig.element();
        for _ in 0..3 {
            element.set_state(gst::State::Null).unwrap();
            element.set_state(gst::State::Playing).unwrap();
        }
        rig.start(CAPS);
        assert_eq!(ids(&[rig.push(frame(0, &[(40, RED)]))]), [1]);
    }
}
