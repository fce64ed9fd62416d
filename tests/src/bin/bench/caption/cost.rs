//! What a frame costs the streaming thread.

use super::super::table::Table;
use super::server::{Habit, Server};
use super::{element, percentile};
use gst_check::Harness;
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::time::{Duration, Instant};
use vigil_analytics::objects::{self, BBox, Detection, Object, Track};

/// Properties of the element.
type Properties = &'static [(&'static str, &'static str)];

/// A picture of each frame.
const EACH: [(&str, &str); 4] = [
    ("trigger", "interval"),
    ("interval", "1"),
    ("min-interval", "0"),
    ("per-minute", "0"),
];
/// A frame of the window from each frame.
const WINDOW: [(&str, &str); 4] = [
    ("trigger", "manual"),
    ("window", "20000000000"),
    ("sample-fps", "30"),
    ("max-images", "64"),
];
/// Waits for what does not happen.
const WAITING: [(&str, &str); 1] = [("trigger", "new-track+track-end+event+manual")];
/// Waits for another scene.
const CHANGE: [(&str, &str); 1] = [("trigger", "scene-change")];
/// Of each frame the one track on it, which is new: nobody is asked, as it does not grow old.
const CROP: [(&str, &str); 3] = [
    ("trigger", "new-track"),
    ("track-age", "3600000000000"),
    ("view", "crop"),
];
const BOTH: [(&str, &str); 3] = [CROP[0], CROP[1], ("view", "both")];

const HD: (usize, usize) = (1920, 1080);
const UHD: (usize, usize) = (3840, 2160);

/// What one frame costs, in microseconds: by the clock, and of the processor's time. Only the latter
/// says something about the element where others want the processor too.
pub fn cost() -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "caption",
        "vigilcaption, streaming thread: us for each frame",
        &["least", "p50", "p99", "of a processor: p50", "p99"],
    );
    let server = Server::start(Habit::Hang)?;
    let mut cases: Vec<(String, _, _, Properties, u64)> = vec![
        (
            "1080p NV12, no trigger".into(),
            "NV12",
            HD,
            &WAITING,
            20_000,
        ),
        (
            "1080p NV12, looks for another scene".into(),
            "NV12",
            HD,
            &CHANGE,
            5000,
        ),
    ];
    for format in ["NV12", "I420", "YUY2", "RGB", "BGRA"] {
        cases.push((format!("1080p {format}, frame"), format, HD, &EACH, 400));
    }
    for format in ["NV12", "RGB"] {
        cases.push((format!("2160p {format}, frame"), format, UHD, &EACH, 200));
    }
    for (what, properties) in [
        ("window", &WINDOW[..]),
        ("crop", &CROP),
        ("crop and frame", &BOTH),
    ] {
        cases.push((format!("1080p NV12, {what}"), "NV12", HD, properties, 400));
    }
    for (case, format, size, properties, frames) in cases {
        let element = element(&server.url(), properties)?;
        // Where tracks are kept, each frame has a new one; else it is the same on all.
        let is_new = properties.contains(&("track-age", "3600000000000"));
        let track = |n| if is_new { n } else { 0 };
        let [mut wall, mut processor] = push(&element, format, size, frames, track)?;
        let mut of = |p| percentile(&mut wall, p);
        let (least, p50, p99) = (of(0.0), of(50.0), of(99.0));
        let mut of = |p| percentile(&mut processor, p);
        table.row(case, &[least, p50, p99, of(50.0), of(99.0)]);
    }
    Ok(table)
}

/// Pushes frames through an element; microseconds of each, by the clock and of the processor.
fn push(
    element: &gst::Element,
    format: &str,
    (width, height): (usize, usize),
    frames: u64,
    track: impl Fn(u64) -> u64,
) -> Result<[Vec<f64>; 2], Box<dyn Error>> {
    let mut harness = Harness::with_element(element, Some("sink"), Some("src"));
    let caps = format!("video/x-raw,format={format},width={width},height={height},framerate=25/1");
    harness.set_src_caps_str(&caps);
    let caps: gst::Caps = caps.parse()?;
    let info = gst_video::VideoInfo::from_caps(&caps)?;
    // Several, as a frame of video has not been read by anybody but the decoder.
    let of_video: Vec<_> = (0..8u8)
        .map(|n| gst::Buffer::from_mut_slice(vec![100 + n; info.size()]))
        .collect();
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..frames {
        let mut frame = of_video[n as usize % 8].copy();
        describe(frame.make_mut(), n, track(n))?;
        let before = (Instant::now(), of_processor());
        harness.push(frame)?;
        let (wall, processor) = (before.0.elapsed(), of_processor() - before.1);
        drop(harness.pull()?);
        // The first ones find no memory that was used before.
        if n >= 20 {
            times[0].push(wall.as_secs_f64() * 1e6);
            times[1].push(processor.as_secs_f64() * 1e6);
        }
    }
    Ok(times)
}

/// Gives a frame its time, and an object of this track.
fn describe(frame: &mut gst::BufferRef, n: u64, id: u64) -> Result<(), Box<dyn Error>> {
    let pts = n * 40 * gst::ClockTime::MSECOND;
    frame.set_pts(pts);
    let detection = Detection {
        label: gst::glib::Quark::from_str("person"),
        bbox: BBox {
            x: 500.0,
            y: 200.0,
            w: 300.0,
            h: 700.0,
        },
        confidence: 0.9,
    };
    objects::write_detections(frame, &[detection])?;
    let mut found: Vec<Object> = Vec::new();
    objects::read(frame, &mut found);
    let track = Track {
        id,
        first_seen: gst::ClockTime::ZERO,
        last_seen: pts,
        lost: false,
    };
    let tracks: Vec<_> = found.iter().map(|object| (object.id, track)).collect();
    objects::write_tracks(frame, &tracks)?;
    Ok(())
}

/// Time that this thread has had of the processors so far.
fn of_processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}
