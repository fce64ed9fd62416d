//! What is drawn, from metadata to pixels.

use super::*;
use gst::ClockTime;
use serde_json::json;
use vigil_analytics::objects::{write_detections, write_tracks};
use vigil_analytics::{BBox, Detection, Track, event_meta, structure};

const GREY: u8 = 90;

fn caps(format: &str, (width, height): (i32, i32)) -> gst::Caps {
    gst::init().unwrap();
    gst::Caps::builder("video/x-raw")
        .field("format", format)
        .field("width", width)
        .field("height", height)
        .field("framerate", gst::Fraction::new(25, 1))
        .build()
}

/// A grey frame.
fn frame(caps: &gst::Caps, ms: u64) -> gst::Buffer {
    let info = VideoInfo::from_caps(caps).unwrap();
    let mut buffer = gst::Buffer::from_mut_slice(vec![GREY; info.size()]);
    let pts = ClockTime::from_mseconds(ms);
    buffer.get_mut().unwrap().set_pts(pts);
    buffer
}

/// Puts tracked objects on a frame: label, box.
fn put(buffer: &mut gst::Buffer, found: &[(&'static str, BBox)]) {
    let pts = buffer.pts().unwrap();
    let buffer = buffer.get_mut().unwrap();
    let detections: Vec<_> = found
        .iter()
        .map(|(label, bbox)| Detection {
            label: gst::glib::Quark::from_str(*label),
            bbox: *bbox,
            confidence: 0.87,
        })
        .collect();
    write_detections(buffer, &detections).unwrap();
    let mut objects = Vec::new();
    objects::read(buffer, &mut objects);
    let tracks: Vec<_> = (1..)
        .zip(&objects)
        .map(|(id, object)| {
            let track = Track {
                id,
                first_seen: pts,
                last_seen: pts,
                lost: false,
            };
            (object.id, track)
        })
        .collect();
    write_tracks(buffer, &tracks).unwrap();
}

fn state(rules: &str) -> State {
    State {
        scene: Scene::parse(rules),
        format: None,
        board: Board::default(),
        trails: Trails::default(),
        tools: Tools::new().unwrap(),
        brush: Brush::default(),
        objects: Vec::new(),
        cost: Latencies::default(),
    }
}

fn bbox(x: f32, y: f32, w: f32, h: f32) -> BBox {
    BBox { x, y, w, h }
}

/// The luma of a frame.
fn luma(buffer: &gst::Buffer, caps: &gst::Caps) -> image::GrayImage {
    let info = VideoInfo::from_caps(caps).unwrap();
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
    let (data, stride) = (frame.plane_data(0).unwrap(), frame.plane_stride()[0] as u32);
    image::GrayImage::from_fn(info.width(), info.height(), |x, y| {
        image::Luma([data[(y * stride + x) as usize]])
    })
}

/// How many pixels of an area are not as they were.
fn changed(picture: &image::GrayImage, area: (u32, u32, u32, u32)) -> usize {
    let (x, y, w, h) = area;
    let at = |y, x| picture.get_pixel(x, y).0[0] != GREY;
    (y..y + h)
        .flat_map(|y| (x..x + w).map(move |x| at(y, x)))
        .filter(|c| *c)
        .count()
}

#[test]
fn boxes_labels_and_the_panel_are_drawn_and_the_rest_is_left() {
    let caps = caps("I420", (1280, 720));
    let mut buffer = frame(&caps, 0);
    put(&mut buffer, &[("person", bbox(600.0, 300.0, 80.0, 200.0))]);
    state("").draw(&mut buffer, &caps);
    let picture = luma(&buffer, &caps);
    // Its left edge, its label, the panel.
    assert_eq!(changed(&picture, (600, 320, 2, 160)), 320);
    assert!(changed(&picture, (600, 279, 100, 20)) > 1500);
    assert!(changed(&picture, (20, 20, 100, 30)) > 2900);
    // Within the box, and elsewhere.
    assert_eq!(changed(&picture, (604, 304, 72, 192)), 0);
    assert_eq!(changed(&picture, (800, 0, 480, 720)), 0);
}

#[test]
fn zones_and_lines_are_drawn_with_what_they_count() {
    let caps = caps("I420", (1280, 720));
    let mut state = state(
        "[[zone]]\nname = 'door'\npolygon = [[0.5, 0.5], [0.75, 0.5], [0.75, 0.75], [0.5, 0.75]]\n\
         [[line]]\nname = 'gate'\nfrom = [0.5, 0.2]\nto = [0.75, 0.2]",
    );
    let mut empty = frame(&caps, 0);
    put(&mut empty, &[]);
    state.draw(&mut empty, &caps);
    let empty = luma(&empty, &caps);
    assert_eq!(changed(&empty, (700, 400, 200, 100)), 20_000);
    assert!(changed(&empty, (640, 144, 320, 1)) > 300);

    // Who is inside makes the zone brighter and tells so below.
    let mut busy = frame(&caps, 1000);
    put(&mut busy, &[("person", bbox(100.0, 300.0, 50.0, 150.0))]);
    let entered = json!({"event": "zone.entered", "zone": "door", "data": {"inside": 1},
        "object": {"track": 1, "label": "person"}});
    let entered = structure::from_json(event_meta::MESSAGE, &entered);
    event_meta::write(busy.get_mut().unwrap(), vec![entered]).unwrap();
    state.draw(&mut busy, &caps);
    let busy = luma(&busy, &caps);
    let inside = |picture: &image::GrayImage| picture.get_pixel(800, 450).0[0].abs_diff(GREY);
    assert!(inside(&busy) > inside(&empty));
    let banner = (20, 680, 150, 20);
    assert_eq!(changed(&empty, banner), 0);
    assert!(changed(&busy, banner) > 2900);
}

#[test]
fn frames_of_any_size_can_be_drawn_on() {
    let rules = "[[zone]]\nname = 'all'\npolygon = [[-1, -1], [2, -1], [2, 2]]\n\
                 [[line]]\nname = 'dot'\nfrom = [0.5, 0.5]\nto = [0.5, 0.5]";
    for size in [
        (1, 1),
        (2, 3),
        (17, 9),
        (160, 120),
        (1919, 1081),
        (7680, 4320),
    ] {
        let caps = caps("I420", size);
        let mut state = state(rules);
        for ms in [0, 40] {
            let mut buffer = frame(&caps, ms);
            let found = [
                ("person", bbox(-20.0, -20.0, 1e9, 1e9)),
                ("car", bbox(f32::NAN, 0.0, -5.0, 4.0)),
                (
                    "dog",
                    bbox(size.0 as f32 - 1.0, size.1 as f32 - 1.0, 30.0, 30.0),
                ),
            ];
            put(&mut buffer, &found);
            state.draw(&mut buffer, &caps);
            let all = (0, 0, size.0 as u32, size.1 as u32);
            assert!(changed(&luma(&buffer, &caps), all) > 0, "{size:?}");
        }
    }
}

#[test]
fn what_is_not_i420_is_left_as_it_is() {
    let caps = caps("RGB", (64, 64));
    let mut buffer = frame(&caps, 0);
    put(&mut buffer, &[("person", bbox(10.0, 10.0, 20.0, 20.0))]);
    state("").draw(&mut buffer, &caps);
    assert!(
        buffer
            .map_readable()
            .unwrap()
            .iter()
            .all(|byte| *byte == GREY)
    );
}

#[test]
fn a_frame_that_somebody_else_holds_is_not_drawn_on() {
    let caps = caps("I420", (640, 480));
    let mut buffer = frame(&caps, 0);
    put(&mut buffer, &[("person", bbox(100.0, 100.0, 50.0, 150.0))]);
    // As a decoder holds a frame that others are predicted from.
    let held = buffer.clone();
    state("").draw(&mut buffer, &caps);
    assert!(
        held.map_readable()
            .unwrap()
            .iter()
            .all(|byte| *byte == GREY)
    );
    assert!(changed(&luma(&buffer, &caps), (100, 100, 50, 150)) > 0);
}

#[test]
fn labels_that_would_cover_each_other_move_apart() {
    let caps = caps("I420", (1280, 720));
    let mut state = state("");
    let mut buffer = frame(&caps, 0);
    let found: Vec<_> = (0..3)
        .map(|i| ("person", bbox(600.0 + 12.0 * i as f32, 300.0, 80.0, 200.0)))
        .collect();
    put(&mut buffer, &found);
    state.draw(&mut buffer, &caps);
    // The panel, and three labels.
    let labels = &state.tools.taken;
    assert_eq!(labels.len(), 4);
    for (i, label) in labels.iter().enumerate() {
        assert!(
            !labels[..i].iter().any(|other| other.meets(label)),
            "{labels:?}"
        );
    }
}
