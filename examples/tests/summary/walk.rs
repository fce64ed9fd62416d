//! A person walks through a picture past a parked car: rendered, tracked and turned into events by
//! the real elements, with every figure known.

use gst::prelude::*;
use scraper::Html;
use std::path::Path;
use std::sync::Once;
use vigil_analytics::{BBox, Detection, objects};

const SIZE: (usize, usize) = (320, 240);
const FRAMES: u64 = 60;
const MS: u64 = 100;
/// PTS of the first frame: not 0, as in many files.
const START_MS: u64 = 500;
/// What the person moves in a frame, and its size, in pixels.
const STEP: f32 = 5.0;
const PERSON: (f32, f32) = (20.0, 80.0);

const RULES: &str = r#"{
    "object": [{"name": "all"}],
    "zone": [{"name": "door", "polygon": [[0.3, 0], [0.6, 0], [0.6, 1], [0.3, 1]],
              "enter-after-ms": 0, "exit-after-ms": 0}],
    "line": [{"name": "gate", "from": [0.5, 0], "to": [0.5, 1], "margin": 0}]
}"#;

fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstvigiltrack::plugin_register_static().unwrap();
        gstvigilevents::plugin_register_static().unwrap();
    });
}

/// Writes `walk.mkv`, `events.jsonl` and `objects.jsonl`.
pub fn record(folder: &Path) {
    init();
    let pipeline = gst::parse::launch(
        "appsrc name=src format=time ! vigiltrack ! vigilevents name=e stream-id=walk ! queue \
         ! jpegenc quality=95 ! matroskamux ! filesink name=video \
         e.events ! filesink name=events async=false \
         e.objects ! filesink name=objects async=false",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let set = |element: &str, property: &str, value: &str| {
        pipeline
            .by_name(element)
            .unwrap()
            .set_property(property, value);
    };
    set("e", "rules", RULES);
    for (sink, file) in [
        ("video", "walk.mkv"),
        ("events", "events.jsonl"),
        ("objects", "objects.jsonl"),
    ] {
        set(sink, "location", folder.join(file).to_str().unwrap());
    }
    let source = pipeline
        .by_name("src")
        .unwrap()
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    let caps = gst_video::VideoInfo::builder(gst_video::VideoFormat::Gray8, 320, 240)
        .fps(gst::Fraction::new(10, 1))
        .build()
        .unwrap()
        .to_caps()
        .unwrap();
    source.set_caps(Some(&caps));
    pipeline.set_state(gst::State::Playing).unwrap();
    for n in 0..FRAMES {
        source.push_buffer(frame(n)).unwrap();
    }
    source.end_of_stream().unwrap();
    finish(&pipeline);
}

fn finish(pipeline: &gst::Pipeline) {
    let bus = pipeline.bus().unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds);
    let end = end.expect("the pipeline ends");
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}

/// Left edge of the person on a frame.
fn left(n: u64) -> f32 {
    STEP * n as f32
}

/// White where the person is, else black; with what a perfect detector finds.
fn frame(n: u64) -> gst::Buffer {
    let mut pixels = vec![0u8; SIZE.0 * SIZE.1];
    for row in pixels.chunks_mut(SIZE.0).skip(80).take(PERSON.1 as usize) {
        row[left(n) as usize..][..PERSON.0 as usize].fill(255);
    }
    let mut buffer = gst::Buffer::from_mut_slice(pixels);
    let frame = buffer.get_mut().unwrap();
    frame.set_pts(gst::ClockTime::from_mseconds(START_MS + n * MS));
    frame.set_duration(gst::ClockTime::from_mseconds(MS));
    let thing = |label, x, y, (w, h): (f32, f32)| Detection {
        label: gst::glib::Quark::from_str(label),
        bbox: BBox { x, y, w, h },
        confidence: 0.9,
    };
    let seen = [
        thing("person", left(n), 80.0, PERSON),
        thing("car", 230.0, 190.0, (80.0, 40.0)),
    ];
    objects::write_detections(frame, &seen).unwrap();
    buffer
}

/// In every picture the person is where the event said it was: it is the frame of the event.
pub fn check_pictures(page: &Html) {
    let select = |text: &str| scraper::Selector::parse(text).unwrap();
    let mut checked = Vec::new();
    for moment in page.select(&select(".moment")) {
        let image = moment.select(&select("img")).next().unwrap();
        let data = image.attr("src").unwrap().split_once(',').unwrap().1;
        let jpeg = gst::glib::base64_decode(data);
        let picture = image::load_from_memory(&jpeg).unwrap().to_luma8();
        assert_eq!(picture.dimensions(), (320, 240));
        let outline = moment.select(&select(".outline")).next().unwrap();
        let alt = image.attr("alt").unwrap();
        if outline.attr("class").unwrap().contains("gone") || alt.contains("car") {
            continue;
        }
        let told = outline.attr("style").unwrap();
        let part = |name: &str| -> f32 {
            let value = told.split(name).nth(1).unwrap();
            value.split('%').next().unwrap().parse().unwrap()
        };
        let told = 320.0 * (part("left:") + 100.0 - part("right:")) / 200.0;
        let bright = picture
            .enumerate_pixels()
            .filter(|(.., pixel)| pixel.0[0] > 128);
        let (sum, n) = bright.fold((0.0, 0.0), |(sum, n), (x, ..)| {
            (sum + x as f32 + 0.5, n + 1.0)
        });
        let seen = sum / n;
        assert!((seen - told).abs() < 2.0, "{alt}: told {told}, seen {seen}");
        checked.push(alt.split(' ').next().unwrap().to_owned());
    }
    checked.sort();
    let expected = [
        "line.crossed",
        "object.appeared",
        "zone.entered",
        "zone.exited",
    ];
    assert!(
        expected
            .iter()
            .all(|kind| checked.iter().any(|k| k == kind)),
        "{checked:?}"
    );
}

fn launch(description: &str, file: &Path) {
    init();
    let pipeline = gst::parse::launch(description).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap();
    sink.set_property("location", file.to_str().unwrap());
    pipeline.set_state(gst::State::Playing).unwrap();
    finish(&pipeline);
}

/// The same video without times of its own, so that it begins at 0, and without an index, so that
/// it cannot be sought in.
pub fn without_index(folder: &Path) {
    let walk = folder.join("walk.mkv");
    launch(
        &format!(
            "filesrc location={} ! matroskademux ! jpegdec ! videoconvert ! y4menc ! filesink name=sink",
            walk.display()
        ),
        &folder.join("walk.y4m"),
    );
}

/// A second of sound.
pub fn sound(file: &Path) {
    launch(
        "audiotestsrc num-buffers=44 ! wavenc ! filesink name=sink",
        file,
    );
}

/// A second of video.
pub fn short_video(file: &Path) {
    launch(
        "videotestsrc num-buffers=25 ! video/x-raw,width=320,height=240,framerate=25/1 \
         ! jpegenc ! matroskamux ! filesink name=sink",
        file,
    );
}
