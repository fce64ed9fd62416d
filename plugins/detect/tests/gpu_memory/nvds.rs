//! DeepStream's metadata through the element, with fakes of its libraries.

use super::common::pixels::pixels;
use super::common::{self, Rig, frames, video};
use super::fake_nvds::{Fake as NvDs, UNTRACKED, object, text};
use super::nvmm::{NV12, SIZE, in_system_memory, nvmm};
use super::surfaces::Spec;
use super::{assert_says, end, error_of, installed, rig, set};
use gst::prelude::*;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use vigil_analytics::objects::{self, Look, Object};
use vigil_nvidia::memory::PixelFormat;

/// DeepStream's libraries of a version, as if they were installed.
fn deepstream(version: &str) -> NvDs {
    let fake = NvDs::new(version);
    set("VIGIL_DEEPSTREAM", fake.folder());
    fake
}

/// Buffers that leave the element.
fn leaving(rig: &Rig) -> Receiver<gst::Buffer> {
    let (send, receive) = channel();
    let pad = rig.element.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = send.send(info.buffer().unwrap().to_owned());
        gst::PadProbeReturn::Ok
    });
    receive
}

/// Pushes a buffer and ends the stream: the buffer as it left.
fn pass(mut rig: Rig, buffer: gst::Buffer) -> gst::Buffer {
    let leaving = leaving(&rig);
    let buffer = rig.timed(buffer);
    rig.push_buffer(buffer).unwrap();
    rig.eos();
    assert_eq!(rig.errors(), Vec::<String>::new());
    end(rig);
    leaving.try_recv().unwrap()
}

/// Objects of GstAnalytics on a buffer.
fn analytics(buffer: &gst::Buffer) -> (Look, Vec<Object>) {
    let mut found = Vec::new();
    (objects::read(buffer, &mut found), found)
}

/// Whether DeepStream's objects of a frame are these.
#[track_caller]
fn assert_written(nvds: &NvDs, buffer: &gst::Buffer, frame: u32, expected: &[Object]) {
    assert!(expected.len() > 3, "{expected:?}");
    let written = nvds.objects(buffer, frame);
    assert_eq!(written.len(), expected.len());
    for (written, expected) in written.iter().zip(expected) {
        let bbox = expected.bbox;
        let near = |(a, b): (&f32, f32)| (a - b).abs() < 1e-3;
        let rect = [bbox.x, bbox.y, bbox.w, bbox.h];
        assert!(written.rect.iter().zip(rect).all(near), "{expected:?}");
        assert_eq!(text(&written.label), expected.label_str());
        let class = ["dark", "bright"]
            .iter()
            .position(|l| *l == expected.label_str());
        assert_eq!(written.class_id as usize, class.unwrap());
        assert_eq!((written.component, written.id), (7, UNTRACKED));
        assert_eq!(written.confidence, expected.confidence);
    }
    assert!(nvds.is_infer_done(buffer, frame));
}

#[test]
fn what_is_found_is_written_for_deepstreams_elements_too() {
    let fake = installed();
    let nvds = deepstream("8");
    let model = pixels("1");
    let mut rig = rig(&model, &[("nvds-meta", "write"), ("nvds-component", "7")]);
    rig.caps(&nvmm(SIZE));
    let (buffer, _) = Spec::new(true, NV12, &[SIZE]).buffer(PixelFormat::Nv12);
    nvds.attach(&buffer, 1);
    let buffer = pass(rig, buffer);
    let (look, found) = analytics(&buffer);
    assert_eq!(look, Look::Inferred);
    assert_written(&nvds, &buffer, 0, &found);
    drop(fake);
}

#[test]
fn both_ways_each_side_has_all_objects_and_none_twice() {
    let fake = installed();
    let nvds = deepstream("9");
    let model = pixels("1");
    let settings = [("nvds-meta", "both"), ("nvds-component", "7")];
    let mut rig = rig(&model, &settings);
    rig.caps(&nvmm(SIZE));
    let (buffer, _) = Spec::new(false, NV12, &[SIZE]).buffer(PixelFormat::Nv12);
    nvds.attach(&buffer, 1);
    let car = object(2, "car", [10.0, 20.0, 30.0, 15.0], 0.75);
    nvds.add(&buffer, 0, &car, false);
    let buffer = pass(rig, buffer);
    let (look, found) = analytics(&buffer);
    assert_eq!((look, found[0].label_str()), (Look::Inferred, "car"));
    assert!(found[1..].iter().all(|o| o.label_str() != "car") && found.len() > 4);
    let written = nvds.objects(&buffer, 0);
    assert_eq!(written.len(), found.len());
    let cars = written.iter().filter(|o| text(&o.label) == "car");
    assert_eq!(cars.count(), 1);
    drop(fake);
}

#[test]
fn each_picture_of_a_batch_gets_what_was_found_on_it() {
    let fake = installed();
    let nvds = deepstream("9");
    let model = pixels("N");
    let expected: Vec<_> = (0..3)
        .map(|index| {
            let mut rig = rig(&model, &[]);
            rig.caps(&video("NV12", SIZE.0, SIZE.1));
            analytics(&pass(rig, in_system_memory(index))).1
        })
        .collect();
    assert_ne!(expected[0].len(), 0);
    // In runs of two, and with parts of each picture.
    for more in [("batch-size", "2"), ("tiles", "")] {
        let settings = [("nvds-meta", "write"), ("nvds-component", "7"), more];
        let mut rig = rig(&model, &settings);
        rig.caps(&nvmm(SIZE));
        let (buffer, _) = Spec::new(false, NV12, &[SIZE; 3]).buffer(PixelFormat::Nv12);
        nvds.attach(&buffer, 3);
        let buffer = pass(rig, buffer);
        for (frame, expected) in (0..).zip(&expected) {
            assert_written(&nvds, &buffer, frame, expected);
        }
        // Of which picture a box is could not be told there.
        assert_eq!(analytics(&buffer), (Look::Skipped, Vec::new()));
    }
    drop(fake);
}

/// An element in the network's place.
fn in_its_place(more: &[(&str, &str)], caps: &str) -> Rig {
    let properties = [("engine", "deepstream")];
    let properties: Vec<_> = properties.iter().chain(more).copied().collect();
    let mut rig = Rig::new(&pixels("1"), &properties);
    rig.caps(caps);
    rig
}

#[test]
fn what_nvinfer_found_is_there_for_our_trackers_and_rules() {
    let nvds = deepstream("9");
    for caps in [nvmm(SIZE), video("NV12", SIZE.0, SIZE.1)] {
        let mut rig = in_its_place(&[], &caps);
        let leaving = leaving(&rig);
        for looked in [true, false] {
            let buffer = rig.timed(gst::Buffer::new());
            nvds.attach(&buffer, 1);
            if looked {
                nvds.infer_done(&buffer, 0);
                let car = object(2, "car", [10.0, 20.0, 30.0, 15.0], 0.75);
                nvds.add(&buffer, 0, &car, false);
            }
            rig.push_buffer(buffer).unwrap();
        }
        let frames = frames(&rig.eos());
        assert_eq!(
            frames.iter().map(|f| f.look).collect::<Vec<_>>(),
            [Look::Inferred, Look::Skipped]
        );
        let car = frames[0].objects[0];
        assert_eq!((car.label_str(), car.confidence), ("car", 0.75));
        let stats = rig.stats();
        assert_eq!(stats.get::<&str>("engine"), Ok("deepstream"));
        assert_eq!(stats.get::<u64>("nvds-inferred"), Ok(1));
        assert_eq!(stats.get::<u64>("nvds-skipped"), Ok(1));
        end(rig);
        assert_eq!(leaving.try_iter().count(), 2);
    }
}

#[test]
fn buffers_that_deepstream_says_nothing_of_or_too_much_are_refused() {
    let nvds = deepstream("8");
    for (frames, parts) in [
        (0, ["no NvDsBatchMeta", "nvstreammux"]),
        (2, ["batch of 2 frames", "nvstreamdemux"]),
    ] {
        let mut rig = in_its_place(&[], &nvmm(SIZE));
        let buffer = rig.timed(gst::Buffer::new());
        if frames > 0 {
            nvds.attach(&buffer, frames);
        }
        // Which may hear of the error already.
        let _ = rig.push_buffer(buffer);
        assert_says(&error_of(&rig), &parts);
        end(rig);
    }
}

#[test]
fn without_deepstream_nvds_meta_says_where_it_was_looked_for() {
    set("VIGIL_DEEPSTREAM", Path::new("/nowhere"));
    for properties in [("engine", "deepstream"), ("nvds-meta", "both")] {
        let (element, bus) = common::element(None, &[properties]);
        assert!(element.set_state(gst::State::Paused).is_err());
        let text = common::texts(&bus, gst::MessageType::Error).join("\n");
        assert_says(&text, &["/nowhere", "VIGIL_DEEPSTREAM"]);
        element.set_state(gst::State::Null).unwrap();
    }
}
