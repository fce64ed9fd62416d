//! `visual`: the element on frames with pixels.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::{Rig, clock};
use gst_video::VideoFormat;
use gst_video::prelude::*;
use vigil_analytics::objects::{self, BBox, Detection, Look};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;
const FRAME_MS: u64 = 100;
/// The element looks at every so-manieth frame.
const INTERVAL: u64 = 5;

fn caps(format: &str) -> String {
    format!("video/x-raw,format={format},width={WIDTH},height={HEIGHT},framerate=10/1")
}

/// Where an object is that speeds up all the time: any prediction from the past is behind.
fn place(number: u64) -> BBox {
    let t = number as f32;
    BBox {
        x: 20.0 + 0.06 * t * t,
        y: 90.0,
        w: 40.0,
        h: 60.0,
    }
}

/// Grey brightness of a still background and of the object.
fn brightness(number: u64, x: usize, y: usize) -> u8 {
    let wave = |a: f32, b: f32| 128.0 + 50.0 * a.sin() + 40.0 * b.cos();
    let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
    let at = place(number);
    let (u, v) = (x - at.x, y - at.y);
    if (0.0..at.w).contains(&u) && (0.0..at.h).contains(&v) {
        wave(u * 0.41, v * 0.33 + u * 0.1) as u8
    } else {
        wave(x * 0.19 + y * 0.05, y * 0.23) as u8
    }
}

/// A grey picture in any format: chroma is 128.
fn frame(format: VideoFormat, number: u64) -> gst::Buffer {
    let info = gst_video::VideoInfo::builder(format, WIDTH as u32, HEIGHT as u32)
        .build()
        .unwrap();
    let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
    {
        let buffer = buffer.get_mut().unwrap();
        buffer.set_pts(clock(number * FRAME_MS));
        let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap();
        let components = if info.is_yuv() || info.is_gray() {
            1
        } else {
            3
        };
        for plane in 0..info.n_planes() {
            frame.plane_data_mut(plane).unwrap().fill(128);
        }
        for component in 0..components {
            let stride = frame.comp_stride(component) as usize;
            let step = frame.comp_pstride(component) as usize;
            let offset = frame.comp_poffset(component) as usize;
            let plane = frame.format_info().plane()[component as usize];
            let data = frame.plane_data_mut(plane).unwrap();
            for y in 0..HEIGHT {
                for x in 0..WIDTH {
                    data[y * stride + x * step + offset] = brightness(number, x, y);
                }
            }
        }
    }
    buffer
}

fn looked_at(mut buffer: gst::Buffer, number: u64) -> gst::Buffer {
    let detection = Detection {
        label: gst::glib::Quark::from_str("person"),
        bbox: place(number),
        confidence: 0.9,
    };
    objects::write_detections(buffer.get_mut().unwrap(), &[detection]).unwrap();
    buffer
}

/// Pushes frames of these numbers, of which every so-manieth was looked at; gives the mean
/// distance of the coasted boxes from the truth, in pixels.
fn run(rig: &mut Rig, format: VideoFormat, numbers: std::ops::Range<u64>) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for number in numbers {
        let mut buffer = frame(format, number);
        if number % INTERVAL == 0 {
            buffer = looked_at(buffer, number);
        }
        let out = rig.push(buffer);
        let (look, found) = common::read(&out);
        let ids: Vec<_> = found
            .iter()
            .map(|object| object.track.unwrap().id)
            .collect();
        assert_eq!(ids, [1], "frame {number}");
        // The first interval is where the element learns that frames are skipped.
        if look == Look::Skipped && number > INTERVAL {
            sum += (found[0].bbox.x - place(number).x).abs();
            count += 1.0;
        }
    }
    sum / f32::max(count, 1.0)
}

#[test]
fn an_object_is_followed_in_every_format() {
    common::init();
    for format in vigil_analytics::frame::video::FORMATS {
        let mut off = Rig::with_caps("visual=off", &caps(format.to_str()));
        let mut on = Rig::with_caps("visual=on", &caps(format.to_str()));
        let blind = run(&mut off, format, 0..36);
        let seeing = run(&mut on, format, 0..36);
        assert!(
            seeing < 1.0 && blind > 2.0 * seeing,
            "{format}: {seeing} px, without {blind} px"
        );
        assert_eq!(on.warnings(), [""; 0]);
        assert_eq!(off.stat("visual-corrected"), 0);
        // 28 skipped frames after the first interval; and the first look that follows them is the
        // first to be learned.
        assert!(on.stat("visual-corrected") >= 28, "{:?}", on.stats());
        assert!(on.stats().get::<f64>("visual-max-us").unwrap() > 0.0);
    }
}

#[test]
fn frames_that_cannot_be_read_are_told_of_once_if_they_must_be() {
    for (caps, why) in [
        (
            "video/x-raw(memory:CUDAMemory),format=NV12,width=320,height=240,framerate=10/1",
            "memory:CUDAMemory",
        ),
        (
            "video/x-h264,width=320,height=240,framerate=10/1",
            "video/x-h264",
        ),
        (
            "video/x-raw,format=P010_10LE,width=320,height=240,framerate=10/1",
            "P010_10LE",
        ),
        // The buffers below are grey and too small for that.
        (
            "video/x-raw,format=RGBA,width=320,height=240,framerate=10/1",
            "mapped",
        ),
        ("", "no caps"),
    ] {
        for (setting, warnings) in [("on", 1), ("auto", 0), ("off", 0)] {
            let mut rig = Rig::with_caps(&format!("visual={setting}"), caps);
            for number in 0..20 {
                let mut buffer = frame(VideoFormat::Gray8, number);
                if number % INTERVAL == 0 {
                    buffer = looked_at(buffer, number);
                }
                let (_, found) = common::read(&rig.push(buffer));
                assert_eq!(found.len(), 1, "{caps}: coasted all the same");
            }
            let told = rig.warnings();
            assert_eq!(told.len(), warnings, "{caps}, {setting}: {told:?}");
            assert!(told.iter().all(|text| text.contains(why)), "{told:?}");
            assert_eq!(rig.stat("visual-corrected"), 0);
        }
    }
}

#[test]
fn it_can_be_switched_while_playing() {
    let mut rig = Rig::with_caps("visual=off", &caps("GRAY8"));
    run(&mut rig, VideoFormat::Gray8, 0..20);
    assert_eq!(rig.stat("visual-corrected"), 0);
    rig.element().set_property_from_str("visual", "auto");
    run(&mut rig, VideoFormat::Gray8, 20..40);
    let corrected = rig.stat("visual-corrected");
    assert!(corrected > 0);
    rig.element().set_property_from_str("visual", "off");
    run(&mut rig, VideoFormat::Gray8, 40..60);
    assert_eq!(rig.stat("visual-corrected"), corrected);
}

#[test]
fn frames_that_are_all_looked_at_are_not_read() {
    let mut rig = Rig::with_caps("visual=on", &caps("GRAY8"));
    for number in 0..10 {
        rig.push(looked_at(frame(VideoFormat::Gray8, number), number));
    }
    assert_eq!(rig.stats().get::<f64>("visual-max-us").unwrap(), 0.0);
    // Nor are any where objects are not to be coasted.
    let mut rig = Rig::with_caps("visual=on coast=false", &caps("GRAY8"));
    for number in 0..10 {
        let buffer = frame(VideoFormat::Gray8, number);
        rig.push(if number % 2 == 0 {
            looked_at(buffer, number)
        } else {
            buffer
        });
    }
    assert_eq!(rig.stats().get::<f64>("visual-max-us").unwrap(), 0.0);
}

#[test]
fn cuts_other_sizes_and_frames_without_times_do_no_harm() {
    type Event = fn(&mut Rig);
    let events: [(&str, Event); 4] = [
        ("flush", |rig| {
            rig.event(gst::event::FlushStart::new());
            rig.event(gst::event::FlushStop::new(true));
            rig.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
        }),
        ("half the size", |rig| {
            rig.caps("video/x-raw,format=GRAY8,width=160,height=120,framerate=10/1");
        }),
        ("another shape", |rig| {
            rig.caps("video/x-raw,format=GRAY8,width=100,height=240,framerate=10/1");
        }),
        ("another format", |rig| {
            rig.caps("video/x-raw,format=NV12,width=320,height=160,framerate=10/1");
        }),
    ];
    for (name, event) in events {
        let mut rig = Rig::with_caps("visual=on", &caps("GRAY8"));
        run(&mut rig, VideoFormat::Gray8, 0..23);
        event(&mut rig);
        for number in 23..60 {
            let mut buffer = frame(VideoFormat::Gray8, number);
            if number % INTERVAL == 0 {
                buffer = looked_at(buffer, number);
            }
            if number % 7 == 0 {
                buffer.get_mut().unwrap().set_pts(None);
            }
            let (_, found) = common::read(&rig.push(buffer));
            assert!(found.len() <= 1, "{name}, frame {number}");
        }
    }
}
