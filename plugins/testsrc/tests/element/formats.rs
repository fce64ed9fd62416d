//! Formats, sizes, rates, allocation, renegotiation.

use crate::common::{self, Player, SMALL, ms};
use gst::prelude::*;
use gst_video::prelude::*;
use gstvigiltestsrc::convert::Format;

fn name(format: Format) -> String {
    match format {
        Format::Rgbx => "RGBx".into(),
        Format::Bgrx => "BGRx".into(),
        format => format!("{format:?}").to_uppercase(),
    }
}

#[test]
fn every_format_is_made_at_the_smallest_and_at_odd_sizes() {
    for format in Format::ALL {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (17, 13)] {
            let caps = format!(
                "video/x-raw,format={},width={width},height={height},framerate=25/1",
                name(format)
            );
            let frames = common::run("num-buffers=3 ground-truth=true objects=500", &caps);
            let times: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.size)).collect();
            let size = (width, height);
            assert_eq!(times, [0, 40, 80].map(|t| (ms(t), size)), "{format:?}");
            for frame in &frames {
                for object in &frame.objects {
                    let bbox = object.bbox;
                    let inside = bbox.x >= 0.0
                        && bbox.y >= 0.0
                        && bbox.x + bbox.w <= width as f32
                        && bbox.y + bbox.h <= height as f32;
                    assert!(inside, "{format:?} {size:?} {bbox:?}");
                }
            }
        }
    }
}

/// Mean difference of two pictures' samples.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[test]
fn every_format_shows_the_same_picture() {
    // One of standard and one of high definition, which have other matrices.
    for size in ["width=160,height=120", "width=64,height=720"] {
        let rgba = format!("video/x-raw,format=RGBA,{size},framerate=30/1");
        let properties = "num-buffers=2 noise=0 seed=3";
        let expected = common::run(properties, &rgba);
        for format in Format::ALL.map(name) {
            let caps = format!("video/x-raw,format={format},{size},framerate=30/1");
            let rest = format!("videoconvert dither=none ! {rgba} ! fakesink name=sink");
            let found = Player::new(properties, &caps, &rest)
                .play_to_the_end()
                .unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                let difference = difference(&found.planes[0], &expected.planes[0]);
                // Grey has lost its colours, the others at most half of their resolution.
                let limit = match format.as_str() {
                    "GRAY8" => 30.0,
                    "RGB" | "BGR" | "RGBX" | "RGBx" | "BGRx" | "RGBA" | "BGRA" => 0.0,
                    _ => 4.0,
                };
                assert!(difference <= limit, "{format} {size}: {difference}");
            }
        }
    }
}

#[test]
fn the_largest_frame_is_made() {
    let caps = "video/x-raw,format=NV12,width=7680,height=4320,framerate=30/1";
    let frames = common::run("num-buffers=2 ground-truth=true", caps);
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].planes[1].len(), 7680 * 2160);
    assert_eq!(frames[1].truth.as_ref().unwrap().width, 7680);
    assert!(!frames[1].objects.is_empty());
}

#[test]
fn rates_give_their_times() {
    let run = |rate: &str| {
        let caps = format!("video/x-raw,format=GRAY8,width=16,height=16,framerate={rate}");
        let frames = common::run("num-buffers=4", &caps);
        let time = |t: Option<gst::ClockTime>| t.map(|t| t.nseconds());
        frames
            .iter()
            .map(|f| (f.number, f.pts.nseconds(), time(f.duration)))
            .collect::<Vec<_>>()
    };
    // Nothing moves: one frame, and then the end.
    assert_eq!(run("0/1"), [(0, 0, None)]);
    let regular = |step: u64| {
        (0..4)
            .map(|n| (n, n * step, Some(step)))
            .collect::<Vec<_>>()
    };
    assert_eq!(run("1000/1"), regular(1_000_000));
    assert_eq!(run("1/1"), regular(1_000_000_000));
    assert_eq!(run("1/3600"), regular(3_600_000_000_000));
    let ntsc = run("30000/1001");
    assert_eq!(ntsc[3], (3, 100_100_000, Some(33_366_666)));
}

#[test]
fn what_is_left_open_becomes_ordinary_video() {
    common::init();
    let player = Player::new("num-buffers=1", "video/x-raw", "fakesink name=sink");
    player.play_to_the_end().unwrap();
    let caps = player
        .src
        .static_pad("src")
        .unwrap()
        .current_caps()
        .unwrap();
    let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
    assert_eq!((info.width(), info.height()), (1280, 720));
    assert_eq!(info.fps(), gst::Fraction::new(30, 1));
    assert_eq!(info.par(), gst::Fraction::new(1, 1));
    assert_eq!(info.format(), gst_video::VideoFormat::I420);
}

#[test]
fn what_cannot_be_made_is_refused_with_what_can() {
    for (caps, expected) in [
        ("video/x-raw,width=8000", "from 1x1 to 7680x4320"),
        ("video/x-raw,height=0", "from 1x1"),
        (
            "video/x-raw,framerate=2000/1",
            "at 0/1 to 1000/1 frames a second",
        ),
        (
            "video/x-raw,format=P010_10LE",
            "in the formats of the pad's template",
        ),
        ("audio/x-raw", "downstream wants audio/x-raw"),
        (
            "video/x-raw,format=I420,interlace-mode=interleaved",
            "cannot make Interleaved video",
        ),
    ] {
        let error = common::try_run("num-buffers=1", caps).unwrap_err();
        assert!(error.contains(expected), "{caps}: {error}");
    }
}

/// A pool downstream whose rows are longer than they need to be.
fn offer_wide_pool(player: &Player) {
    let pad = player
        .pipeline
        .by_name("sink")
        .unwrap()
        .static_pad("sink")
        .unwrap();
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        let Some(gst::QueryViewMut::Allocation(query)) = info.query_mut().map(|q| q.view_mut())
        else {
            return gst::PadProbeReturn::Ok;
        };
        let (caps, _) = query.get_owned();
        let caps = caps.unwrap();
        let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
        let align = gst_video::VideoAlignment::new(3, 5, 40, 24, &[15, 15, 15, 15]);
        let pool = gst_video::VideoBufferPool::new();
        let mut config = pool.config();
        config.set_params(Some(&caps), info.size() as u32, 2, 0);
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META.as_ref());
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_ALIGNMENT.as_ref());
        config.set_video_alignment(&align);
        pool.set_config(config).unwrap();
        let size = pool.config().params().unwrap().1;
        query.add_allocation_pool(Some(&pool), size, 2, 0);
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        gst::PadProbeReturn::Handled
    });
}

#[test]
fn rows_of_downstreams_own_buffers_may_be_longer() {
    for format in Format::ALL.map(name) {
        let caps = format!("video/x-raw,format={format},width=33,height=21,framerate=30/1");
        let properties = "num-buffers=3 ground-truth=true seed=4";
        let expected = common::run(properties, &caps);
        let player = Player::new(properties, &caps, "fakesink name=sink");
        offer_wide_pool(&player);
        let pad = player.src.static_pad("src").unwrap();
        let strides = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = strides.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let meta = info.buffer().unwrap().meta::<gst_video::VideoMeta>();
            seen.lock().unwrap().push(meta.unwrap().stride()[0]);
            gst::PadProbeReturn::Ok
        });
        let found = player.play_to_the_end().unwrap();
        assert_eq!(found, expected, "{format}");
        // 33 pixels and 64 around them.
        assert!(
            strides.lock().unwrap().iter().all(|stride| *stride >= 97),
            "{strides:?}"
        );
    }
}

#[test]
fn caps_may_change_in_mid_stream() {
    let player = Player::new(
        "ground-truth=true seed=5 objects=20",
        SMALL,
        "fakesink name=sink sync=true",
    );
    player.set_state(gst::State::Playing);
    player.wait(|frames| frames.len() >= 5);
    player.set_caps("video/x-raw,format=RGB,width=200,height=100,framerate=50/1");
    let frames = player.wait(|frames| frames.last().is_some_and(|f| f.size == (200, 100)));
    let numbers: Vec<_> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, (0..frames.len() as u64).collect::<Vec<_>>());
    let [.., before, after] = frames.as_slice() else {
        panic!("{}", frames.len())
    };
    assert_eq!(before.pts + before.duration.unwrap(), after.pts);
    assert_eq!(after.duration, Some(ms(20)));
    let truth = after.truth.as_ref().unwrap();
    assert_eq!((truth.width, truth.height), (200, 100));
    // The same scene goes on: whoever was there is there.
    let is_known = |id: &u64| before.boxes().iter().any(|(known, _)| known == id);
    let known = after.boxes().iter().filter(|(id, _)| is_known(id)).count();
    assert!(2 * known > after.boxes().len(), "{known}");
}
