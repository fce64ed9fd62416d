//! DeepStream's metadata and GstAnalytics, with fakes of DeepStream's libraries of both layouts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[path = "fake/mod.rs"]
mod fake;
#[path = "fake/gst.rs"]
mod fake_gst;
#[path = "fake/nvds.rs"]
mod nvds;

use nvds::{Fake, NO_SCORE, UNTRACKED, object, text};
use vigil_analytics::objects::{self, Object};
use vigil_analytics::{BBox, Detection, Look, Track};
use vigil_nvidia::deepstream::{Bridge, Found, Frame, Library, NvDsError};

fn read(bridge: &mut Bridge, buffer: &mut gst::Buffer) -> (Look, Vec<Object>) {
    let look = bridge.read(buffer.get_mut().unwrap()).unwrap();
    let mut found = Vec::new();
    assert_eq!(objects::read(buffer, &mut found), look);
    (look, found)
}

const VERSIONS: [&str; 2] = ["8", "9"];

#[test]
fn frames_and_objects_are_read_under_both_layouts() {
    for version in VERSIONS {
        let fake = Fake::new(version);
        let buffer = fake.buffer(3, 0);
        fake.infer_done(&buffer, 1);
        let mut car = object(2, "car", [10.5, 20.25, 30.0, 40.0], 0.75);
        (car.id, car.tracker_confidence) = (77, 0.5);
        fake.add(&buffer, 1, &car, false);
        fake.add(
            &buffer,
            1,
            &object(0, "", [1.0, 2.0, 3.0, 4.0], NO_SCORE),
            true,
        );
        let mut frames = vec![Frame::default(); 7];
        fake.library.read(&buffer, &mut frames).unwrap();
        assert_eq!(fake.depth(), 0);
        let heads = frames
            .iter()
            .map(|f| (f.batch_id, f.source_id, f.pad_index, f.frame_num));
        assert_eq!(
            heads.collect::<Vec<_>>(),
            [(0, 10, 0, 100), (1, 11, 1, 101), (2, 12, 2, 102)]
        );
        assert_eq!(
            frames.iter().map(|f| f.inferred).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert!(frames[0].objects.is_empty() && frames[2].objects.is_empty());
        let [car, plate] = frames[1].objects[..] else {
            panic!("{:?}", frames[1].objects);
        };
        assert_eq!(car.label.unwrap().as_str(), "car");
        assert_eq!((car.class_id, car.component, car.is_part), (2, 1, false));
        assert_eq!(car.rect, [10.5, 20.25, 30.0, 40.0]);
        assert_eq!(
            (car.confidence, car.tracker_confidence),
            (Some(0.75), Some(0.5))
        );
        assert_eq!(car.object_id, Some(77));
        assert_eq!(
            (plate.label, plate.object_id, plate.confidence),
            (None, None, None)
        );
        assert!(plate.is_part);
    }
}

#[test]
fn written_objects_look_like_those_of_nvinfer() {
    for version in VERSIONS {
        let fake = Fake::new(version);
        let mut buffer = fake.buffer(2, 0);
        fake.add(&buffer, 1, &object(9, "theirs", [0.0; 4], 0.5), false);
        let found = [
            Found {
                class_id: 3,
                label: "bicycle",
                rect: [100.5, 50.0, 20.0, 30.0],
                confidence: 0.875,
                object_id: None,
            },
            Found {
                class_id: 0,
                label: "person",
                rect: [1.0, 2.0, 3.0, 4.0],
                confidence: 0.5,
                object_id: Some(12),
            },
        ];
        let to = buffer.get_mut().unwrap();
        let write = fake.library.write(to, 1, Look::Inferred, 42, found);
        write.unwrap();
        assert_eq!(fake.depth(), 0);
        assert!(fake.is_infer_done(&buffer, 1) && !fake.is_infer_done(&buffer, 0));
        assert!(fake.objects(&buffer, 0).is_empty());
        let [theirs, bicycle, person] = &fake.objects(&buffer, 1)[..] else {
            panic!("not three objects");
        };
        assert_eq!(text(&theirs.label), "theirs");
        assert_eq!(
            (bicycle.component, bicycle.class_id, bicycle.id),
            (42, 3, UNTRACKED)
        );
        assert_eq!(bicycle.rect, [100.5, 50.0, 20.0, 30.0]);
        assert_eq!(
            (bicycle.detector, bicycle.tracker),
            (bicycle.rect, [0.0; 4])
        );
        assert_eq!(
            (bicycle.confidence, bicycle.tracker_confidence),
            (0.875, NO_SCORE)
        );
        assert_eq!(
            (text(&bicycle.label), text(&bicycle.text)),
            ("bicycle".into(), "bicycle".into())
        );
        assert_eq!((bicycle.border_width, bicycle.border_red), (3, 1.0));
        assert_eq!(
            (bicycle.text_x, bicycle.text_y, bicycle.font_size),
            (100, 40, 11)
        );
        assert_eq!(text(&bicycle.font), "Serif");
        assert_eq!((person.id, person.tracker), (12, [1.0, 2.0, 3.0, 4.0]));
        // A label above the frame starts at its edge.
        assert_eq!((person.text_x, person.text_y), (1, 0));
        // What was written is read back.
        let mut frames = Vec::new();
        fake.library.read(&buffer, &mut frames).unwrap();
        assert_eq!(frames[1].objects[2].object_id, Some(12));
    }
}

#[test]
fn nvinfers_objects_become_detections_with_their_identities() {
    for version in VERSIONS {
        let fake = Fake::new(version);
        let mut bridge = Bridge::new(fake.library.clone());
        let mut buffer = fake.buffer(1, 40);
        fake.infer_done(&buffer, 0);
        let mut person = object(0, "person", [10.25, 20.5, 30.0, 40.0], 0.75);
        person.id = 5;
        fake.add(
            &buffer,
            0,
            &object(7, "", [1.0, 2.0, 3.0, 4.0], NO_SCORE),
            false,
        );
        fake.add(&buffer, 0, &person, false);
        let (look, found) = read(&mut bridge, &mut buffer);
        assert_eq!((look, found.len()), (Look::Inferred, 2));
        assert_eq!(
            (found[0].label_str(), found[0].confidence),
            ("class-7", 1.0)
        );
        assert_eq!(found[0].track, None);
        assert_eq!(
            (found[1].label_str(), found[1].confidence),
            ("person", 0.75)
        );
        let bbox = BBox {
            x: 10.25,
            y: 20.5,
            w: 30.0,
            h: 40.0,
        };
        assert_eq!(found[1].bbox, bbox);
        let pts = gst::ClockTime::from_mseconds(40);
        let track = Track {
            id: 5,
            first_seen: pts,
            last_seen: pts,
            lost: false,
        };
        assert_eq!(found[1].track, Some(track));
        // DeepStream's own is as it was.
        assert_eq!(fake.objects(&buffer, 0).len(), 2);
    }
}

#[test]
fn frames_that_nvinfer_skipped_have_predictions_and_no_detections() {
    let fake = Fake::new("8");
    let mut bridge = Bridge::new(fake.library.clone());
    let mut person = object(0, "person", [0.0, 0.0, 8.0, 8.0], 0.75);
    (person.id, person.tracker_confidence) = (5, 0.5);
    let mut seen = fake.buffer(1, 40);
    fake.infer_done(&seen, 0);
    fake.add(&seen, 0, &person, false);
    assert_eq!(read(&mut bridge, &mut seen).0, Look::Inferred);
    // nvtracker's alone
    person.confidence = NO_SCORE;
    let mut skipped = fake.buffer(1, 80);
    fake.add(&skipped, 0, &person, false);
    let (look, found) = read(&mut bridge, &mut skipped);
    assert_eq!((look, found.len()), (Look::Skipped, 1));
    assert!(found[0].is_coasted(skipped.pts()));
    let track = found[0].track.unwrap();
    assert_eq!(track.first_seen, gst::ClockTime::from_mseconds(40));
    assert_eq!(track.last_seen, gst::ClockTime::from_mseconds(40));
    assert_eq!(found[0].confidence, 0.5);
    // nothing at all: nobody looked, and no relation meta says otherwise
    let mut nothing = fake.buffer(1, 120);
    assert_eq!(read(&mut bridge, &mut nothing), (Look::Skipped, vec![]));
    // looked, and nothing there
    let mut empty = fake.buffer(1, 160);
    fake.infer_done(&empty, 0);
    assert_eq!(read(&mut bridge, &mut empty), (Look::Inferred, vec![]));
    // After a flush the track begins anew.
    bridge.reset();
    person.confidence = 0.5;
    let mut again = fake.buffer(1, 200);
    fake.infer_done(&again, 0);
    fake.add(&again, 0, &person, false);
    let track = read(&mut bridge, &mut again).1[0].track.unwrap();
    assert_eq!(track.first_seen, gst::ClockTime::from_mseconds(200));
}

#[test]
fn tracks_that_are_long_gone_are_forgotten() {
    let fake = Fake::new("8");
    let mut bridge = Bridge::new(fake.library.clone());
    for second in 0..200u64 {
        let mut buffer = fake.buffer(1, second * 1000);
        fake.infer_done(&buffer, 0);
        let mut person = object(0, "person", [0.0, 0.0, 8.0, 8.0], 0.75);
        person.id = second;
        fake.add(&buffer, 0, &person, false);
        person.id = 1_000_000;
        fake.add(&buffer, 0, &person, false);
        let (_, found) = read(&mut bridge, &mut buffer);
        assert_eq!(found[1].track.unwrap().first_seen, gst::ClockTime::ZERO);
    }
    assert!(bridge.tracks() < 70, "{} are remembered", bridge.tracks());
}

#[test]
fn detections_and_tracks_become_deepstreams_objects() {
    for version in VERSIONS {
        let fake = Fake::new(version);
        let mut bridge = Bridge::new(fake.library.clone());
        let mut buffer = fake.buffer(1, 40);
        let class = |quark: gst::glib::Quark| if quark.as_str() == "dog" { 16 } else { 0 };
        // Nobody looked: nothing is said.
        bridge.write(buffer.get_mut().unwrap(), 9, class).unwrap();
        assert!(!fake.is_infer_done(&buffer, 0));
        let detection = Detection {
            label: gst::glib::Quark::from_str("dog"),
            bbox: BBox {
                x: 1.5,
                y: 2.0,
                w: 30.0,
                h: 40.0,
            },
            confidence: 0.25,
        };
        let target = buffer.get_mut().unwrap();
        objects::write_detections(target, &[detection, detection]).unwrap();
        let mut found = Vec::new();
        objects::read(target, &mut found);
        let track = Track {
            id: 3,
            first_seen: gst::ClockTime::ZERO,
            last_seen: gst::ClockTime::from_mseconds(40),
            lost: false,
        };
        objects::write_tracks(target, &[(found[1].id, track)]).unwrap();
        bridge.write(target, 9, class).unwrap();
        assert!(fake.is_infer_done(&buffer, 0));
        let written = fake.objects(&buffer, 0);
        assert_eq!(
            written.iter().map(|o| o.id).collect::<Vec<_>>(),
            [UNTRACKED, 3]
        );
        for object in &written {
            assert_eq!((object.component, object.class_id), (9, 16));
            assert_eq!(
                (text(&object.label), object.confidence),
                ("dog".into(), 0.25)
            );
            assert_eq!(object.rect, [1.5, 2.0, 30.0, 40.0]);
        }
    }
}

#[test]
fn objects_that_were_read_are_given_identities_and_not_written_again() {
    for version in VERSIONS {
        let fake = Fake::new(version);
        let mut bridge = Bridge::new(fake.library.clone());
        let mut buffer = fake.buffer(1, 40);
        fake.infer_done(&buffer, 0);
        let boxes = [[10.25, 20.5, 30.0, 40.0], [100.0, 20.0, 30.0, 40.0]];
        fake.add(&buffer, 0, &object(0, "person", boxes[0], 0.75), false);
        fake.add(&buffer, 0, &object(4, "", boxes[1], 0.5), false);
        let (_, found) = read(&mut bridge, &mut buffer);
        // As a tracker does, and a detector that finds one more.
        let target = buffer.get_mut().unwrap();
        let track = |id| Track {
            id,
            first_seen: gst::ClockTime::ZERO,
            last_seen: gst::ClockTime::from_mseconds(40),
            lost: false,
        };
        let tracks = [(found[0].id, track(8)), (found[1].id, track(9))];
        objects::write_tracks(target, &tracks).unwrap();
        let ours = Detection {
            label: gst::glib::Quark::from_str("dog"),
            // Where a person is, but none.
            bbox: found[0].bbox,
            confidence: 0.25,
        };
        objects::write_detections(target, &[ours]).unwrap();
        bridge.write(target, 9, |_| 16).unwrap();
        let written = fake.objects(&buffer, 0);
        assert_eq!(written.len(), 3);
        for (object, id) in written.iter().zip([8, 9]) {
            assert_eq!((object.id, object.component), (id, 1));
            assert_eq!(object.tracker, object.rect);
        }
        assert_eq!(written[0].class_id, 0);
        assert_eq!(
            (written[2].component, text(&written[2].label)),
            (9, "dog".into())
        );
    }
}

#[test]
fn nothing_found_is_told_as_a_look() {
    let fake = Fake::new("9");
    let mut bridge = Bridge::new(fake.library.clone());
    let mut buffer = fake.buffer(1, 40);
    objects::write_detections(buffer.get_mut().unwrap(), &[]).unwrap();
    bridge.write(buffer.get_mut().unwrap(), 1, |_| 0).unwrap();
    assert!(fake.is_infer_done(&buffer, 0) && fake.objects(&buffer, 0).is_empty());
}

#[test]
fn batches_are_refused_where_boxes_could_not_be_told_apart() {
    let fake = Fake::new("8");
    let mut bridge = Bridge::new(fake.library.clone());
    let mut buffer = fake.buffer(2, 0);
    let error = bridge.read(buffer.get_mut().unwrap()).unwrap_err();
    assert_eq!(error, NvDsError::Batched(2));
    assert!(error.to_string().contains("nvstreamdemux"), "{error}");
    objects::write_detections(buffer.get_mut().unwrap(), &[]).unwrap();
    let error = bridge
        .write(buffer.get_mut().unwrap(), 1, |_| 0)
        .unwrap_err();
    assert_eq!(error, NvDsError::Batched(2));
    assert_eq!(fake.depth(), 0);
}

#[test]
fn what_is_missing_is_told() {
    let fake = Fake::new("8");
    let mut bridge = Bridge::new(fake.library.clone());
    let mut plain = gst::Buffer::new();
    let error = bridge.read(plain.get_mut().unwrap()).unwrap_err();
    assert!(error.to_string().contains("nvstreammux"), "{error}");

    let mut buffer = fake.buffer(2, 0);
    let write = |buffer: &mut gst::Buffer, frame| {
        let found = Found {
            class_id: 0,
            label: "x",
            rect: [0.0; 4],
            confidence: 1.0,
            object_id: None,
        };
        fake.library
            .write(buffer.get_mut().unwrap(), frame, Look::Inferred, 1, [found])
    };
    let error = write(&mut buffer, 5).unwrap_err().to_string();
    assert_eq!(error, "the batch has no frame 5: it has 0, 1");
    fake.set(c"pool");
    assert_eq!(write(&mut buffer, 0), Err(NvDsError::NoObject));
    fake.set(c"layout");
    let mut unknown = fake.buffer(1, 0);
    assert_eq!(write(&mut unknown, 0), Err(NvDsError::Layout(600)));
    let error = bridge.read(unknown.get_mut().unwrap()).unwrap_err();
    assert!(error.to_string().contains("600 bytes"), "{error}");
    fake.set(c"ok");
    assert_eq!(fake.depth(), 0);
}

#[test]
fn libraries_that_are_not_there_are_named() {
    let nowhere = tempfile::tempdir().unwrap();
    let error = Library::open_in(nowhere.path()).unwrap_err().to_string();
    for part in ["libnvdsgst_meta.so", "VIGIL_DEEPSTREAM", "nvds-meta"] {
        assert!(error.contains(part), "{error}");
    }
    // Something else under that name.
    let source = nowhere.path().join("other.cpp");
    std::fs::write(&source, "int other;").unwrap();
    let other = fake::compile("other", &[source], &[], &[]);
    for name in ["libnvds_meta.so", "libnvdsgst_meta.so"] {
        std::fs::copy(&other, nowhere.path().join(name)).unwrap();
    }
    let error = Library::open_in(nowhere.path()).unwrap_err().to_string();
    let missing = "no function gst_buffer_get_nvds_batch_meta";
    assert!(error.contains(missing), "{error}");
}
