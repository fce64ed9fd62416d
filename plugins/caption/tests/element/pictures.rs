//! What the model gets to see: the right frame, the right object, in its true colours. Colours are
//! known, so that a wrong or stale frame, swapped channels and a wrong crop show.

use crate::common::*;
use crate::mock::{Mock, Request};
use serde_json::json;

fn mean(picture: &image::RgbImage) -> [u8; 3] {
    let mut sums = [0u64; 3];
    for pixel in picture.pixels() {
        for (sum, level) in sums.iter_mut().zip(pixel.0) {
            *sum += u64::from(level);
        }
    }
    let n = u64::from(picture.width() * picture.height());
    sums.map(|sum| (sum / n) as u8)
}

#[track_caller]
fn assert_color(picture: &image::RgbImage, expected: [u8; 3]) {
    let mean = mean(picture);
    let near = mean.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 14);
    assert!(near, "{mean:?} is not {expected:?}");
}

/// The middle of a picture, a quarter of it.
fn middle(picture: &image::RgbImage) -> image::RgbImage {
    let (w, h) = picture.dimensions();
    image::imageops::crop_imm(picture, w * 3 / 8, h * 3 / 8, w / 4, h / 4).to_image()
}

fn ask_about(frame: gst::Buffer, caps: &str) -> Request {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(&mock.url, &[("trigger", "interval")]);
    rig.video.set_src_caps_str(caps);
    rig.push(frame);
    mock.request(0)
}

#[test]
fn every_format_is_shown_in_its_true_colours() {
    for format in [
        "NV12", "I420", "YV12", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA",
    ] {
        for color in [RED, GREEN, BLUE] {
            init();
            let from = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, 320, 240)
                .fps(gst::Fraction::new(10, 1))
                .build()
                .unwrap();
            let caps = format!("video/x-raw,format={format},width=320,height=240,framerate=10/1");
            let to = gst_video::VideoInfo::from_caps(&caps.parse::<gst::Caps>().unwrap()).unwrap();
            let sample = gst::Sample::builder()
                .buffer(&solid(0, color))
                .caps(&from.to_caps().unwrap())
                .build();
            let sample = gst_video::convert_sample(
                &sample,
                &to.to_caps().unwrap(),
                Some(gst::ClockTime::from_seconds(30)),
            )
            .unwrap();
            let mut frame = sample.buffer_owned().unwrap();
            frame.make_mut().set_pts(gst::ClockTime::ZERO);
            let request = ask_about(frame, &caps);
            let pictures = request.pictures();
            assert_eq!(
                (pictures.len(), pictures[0].dimensions()),
                (1, (320, 240)),
                "{format}"
            );
            assert_color(&pictures[0], color);
        }
    }
}

#[test]
fn large_frames_are_made_small() {
    init();
    let caps = "video/x-raw,format=GRAY8,width=1920,height=1080,framerate=10/1";
    let mut frame = gst::Buffer::from_mut_slice(vec![100u8; 1920 * 1080]);
    frame.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    let pictures = ask_about(frame, caps).pictures();
    assert_eq!(pictures[0].dimensions(), (448, 252));
    assert_color(&pictures[0], [100; 3]);
}

#[test]
fn a_question_shows_the_frame_that_it_names() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "300000000"),
            ("min-interval", "0"),
        ],
    );
    let colors = [RED, GREEN, BLUE];
    for n in 0..9u64 {
        rig.push(solid(n, colors[(n % 3) as usize]));
        if n % 3 == 0 {
            let caption = rig.caption();
            assert_eq!(caption["frame"]["number"], n);
            assert_color(&mock.request(n as usize / 3).pictures()[0], RED);
        }
    }
}

#[test]
fn an_object_is_cut_out_and_outlined_as_it_was_seen_best() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "new-track"),
            ("track-age", "400000000"),
            ("view", "both"),
            ("crop-margin", "0"),
        ],
    );
    // Red while it is seen best, in the third frame; then small and at the edge, in other colours.
    let sightings = [
        ([140.0, 80.0, 30.0, 40.0], BLUE),
        ([140.0, 80.0, 40.0, 60.0], BLUE),
        ([100.0, 60.0, 80.0, 120.0], RED),
        ([0.0, 60.0, 80.0, 120.0], GREEN),
        ([140.0, 80.0, 20.0, 30.0], BLUE),
    ];
    for (n, (bbox, color)) in sightings.into_iter().enumerate() {
        rig.push(with_things(n as u64, GREY, &[person(7, bbox, color)]));
    }
    let caption = rig.caption();
    assert_eq!(caption["frame"]["number"], 2);
    assert_eq!(
        caption["object"]["box"],
        json!({"x": 100.0, "y": 60.0, "w": 80.0, "h": 120.0})
    );
    let pictures = mock.request(0).pictures();
    assert_eq!((pictures.len(), pictures[0].dimensions()), (2, (80, 120)));
    assert_color(&pictures[0], RED.map(|level| level.saturating_sub(10)));
    // The frame: grey, with the object, outlined.
    let frame = &pictures[1];
    assert_color(
        &image::imageops::crop_imm(frame, 200, 20, 100, 200).to_image(),
        GREY,
    );
    let outline = frame.get_pixel(100, 62).0;
    assert!(outline[0] > 150 && outline[1] < 100, "{outline:?}");
}

/// A frame in another format and colorimetry.
fn converted(frame: &gst::BufferRef, caps: &str) -> gst::Buffer {
    let from = gst_video::VideoInfo::from_caps(&CAPS.parse::<gst::Caps>().unwrap()).unwrap();
    let sample = gst::Sample::builder()
        .buffer(&frame.to_owned())
        .caps(&from.to_caps().unwrap())
        .build();
    let to: gst::Caps = caps.parse().unwrap();
    let timeout = Some(gst::ClockTime::from_seconds(30));
    let sample = gst_video::convert_sample(&sample, &to, timeout).unwrap();
    let mut converted = sample.buffer_owned().unwrap();
    converted.make_mut().set_pts(frame.pts());
    converted
}

#[test]
fn the_right_object_is_outlined_in_true_colours_whatever_the_matrix() {
    for (format, colorimetry) in [
        ("NV12", "bt601"),
        ("NV12", "bt709"),
        ("I420", "bt709"),
        ("YUY2", "bt601"),
        // Full range.
        ("NV12", "1:3:5:1"),
    ] {
        let mock = Mock::saying("x");
        let mut rig = Rig::at(
            &mock.url,
            &[("trigger", "event"), ("view", "both"), ("crop-margin", "0")],
        );
        let caps = format!("{},colorimetry={colorimetry}", CAPS.replace("RGB", format));
        rig.video.set_src_caps_str(&caps);
        let things = [
            person(1, [20.0, 60.0, 60.0, 100.0], GREEN),
            person(2, [200.0, 60.0, 60.0, 100.0], BLUE),
        ];
        let mut frame = converted(&painted(0, GREY, &things), &caps);
        annotate(frame.make_mut(), &things);
        happen(&mut frame, "zone.entered", &things[1]);
        rig.push(frame);
        let pictures = mock.request(0).pictures();
        assert_eq!((pictures.len(), pictures[0].dimensions()), (2, (60, 100)));
        let shaded = |color: [u8; 3]| color.map(|level| level.saturating_sub(10));
        assert_color(&middle(&pictures[0]), shaded(BLUE));
        let frame = &pictures[1];
        let part = |x, y, w, h| image::imageops::crop_imm(frame, x, y, w, h).to_image();
        assert_color(&part(100, 10, 80, 40), GREY);
        assert_color(&part(25, 65, 50, 90), shaded(GREEN));
        assert_color(&part(205, 65, 50, 90), shaded(BLUE));
        // All four sides of the one, and none of the other.
        let is_red = |x: u32, y: u32| {
            let [r, g, b] = frame.get_pixel(x, y).0.map(i32::from);
            r > g + 60 && r > b + 20
        };
        for (x, y) in [(200, 100), (260, 100), (230, 60), (230, 160)] {
            assert!(
                is_red(x, y),
                "{caps} ({x}, {y}): {:?}",
                frame.get_pixel(x, y)
            );
        }
        for (x, y) in [(20, 100), (80, 100), (50, 60), (50, 160)] {
            assert!(
                !is_red(x, y),
                "{caps} ({x}, {y}): {:?}",
                frame.get_pixel(x, y)
            );
        }
    }
}

#[test]
fn of_two_objects_the_right_one_is_shown() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "new-track"),
            ("track-age", "200000000"),
            ("view", "crop"),
            ("min-interval", "0"),
            ("queue-size", "9"),
        ],
    );
    let things = [
        person(1, [20.0, 60.0, 60.0, 100.0], RED),
        person(2, [120.0, 60.0, 60.0, 100.0], GREEN),
        person(3, [220.0, 60.0, 60.0, 100.0], BLUE),
    ];
    for n in 0..4 {
        rig.push(with_things(n, GREY, &things));
    }
    for n in 0..3 {
        let caption = rig.caption();
        let track = caption["object"]["track"].as_u64().unwrap();
        let color = things[track as usize - 1].color;
        assert_color(
            &middle(&mock.request(n).pictures()[0]),
            color.map(|level| level.saturating_sub(10)),
        );
    }
}

#[test]
fn an_event_is_shown_on_its_own_frame() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(&mock.url, &[("trigger", "event"), ("view", "frame")]);
    let before = person(7, [20.0, 60.0, 60.0, 100.0], BLUE);
    rig.push(with_things(0, GREY, &[before]));
    let now = person(7, [200.0, 60.0, 60.0, 100.0], BLUE);
    let mut frame = with_things(1, GREEN, &[now]);
    happen(&mut frame, "zone.entered", &now);
    rig.push(frame);
    let pictures = mock.request(0).pictures();
    assert_eq!(pictures.len(), 1);
    assert_color(
        &image::imageops::crop_imm(&pictures[0], 10, 10, 150, 200).to_image(),
        GREEN,
    );
    let outline = pictures[0].get_pixel(200, 110).0;
    assert!(outline[0] > 140, "{outline:?}");
}

#[test]
fn a_window_shows_frames_with_their_times_and_only_grows() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "1000000000"),
            ("window", "10000000000"),
            ("sample-fps", "2"),
            ("max-images", "8"),
        ],
    );
    for n in 0..31 {
        rig.push(solid(n, [RED, GREEN, BLUE][(n / 10 % 3) as usize]));
        if n > 0 && n % 10 == 0 {
            rig.caption();
        }
    }
    let parts = |n: usize| {
        mock.request(n).body["messages"][1]["content"]
            .as_array()
            .unwrap()
            .clone()
    };
    let (first, second) = (parts(0), parts(1));
    assert_eq!(
        (&first[0]["text"], &first[2]["text"]),
        (&json!("t=0.0s"), &json!("t=0.5s"))
    );
    // All but the prompt, byte for byte: what a server has cached is of use.
    assert_eq!(first[..first.len() - 1], second[..first.len() - 1]);
    assert_eq!(second.len(), 5 * 2 + 1);
    assert_color(&mock.request(1).pictures()[2], GREEN);
}

#[test]
fn vllm_that_does_not_trust_us_with_timing_gets_it_in_words() {
    let refusal = "Per-request media_io_kwargs are disabled by default";
    let mock = Mock::with_owner("vllm", move |_, request, stream| {
        match request.body.get("media_io_kwargs") {
            Some(_) => {
                let body = json!({"error": {"message": refusal, "code": 400}}).to_string();
                crate::mock::respond(stream, 400, "application/json", &body);
            }
            None => crate::mock::say(stream, &["x"]),
        }
    });
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "1000000000"),
            ("min-interval", "0"),
            ("window", "5000000000"),
            ("sample-fps", "2"),
            ("video", "true"),
        ],
    );
    for n in 0..21 {
        rig.push(solid(n, RED));
        if n > 0 && n % 10 == 0 {
            rig.caption();
        }
    }
    // Once is enough to know.
    assert_eq!(mock.requests().len(), 3);
    assert!(rig.warnings().is_empty());
    let text = mock.request(1).text();
    assert!(
        text.starts_with("The frames of the video are from t=0.0s, t=0.5s, t=1.0s.|"),
        "{text}"
    );
}

#[test]
fn vllm_gets_a_window_as_one_video() {
    let mock = Mock::with_owner("vllm", |_, _, stream| crate::mock::say(stream, &["x"]));
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "1000000000"),
            ("window", "5000000000"),
            ("sample-fps", "2"),
            ("video", "true"),
        ],
    );
    for n in 0..11 {
        rig.push(solid(n, RED));
    }
    let body = mock.request(0).body;
    let url = body["messages"][1]["content"][0]["video_url"]["url"]
        .as_str()
        .unwrap()
        .to_string();
    assert!(url.starts_with("data:video/jpeg;base64,/9j/"));
    assert_eq!(
        body["media_io_kwargs"]["video"]["frames_indices"],
        json!([0, 5, 10])
    );
}
