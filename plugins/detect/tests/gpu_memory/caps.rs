//! Which memory is negotiated, and what is said of that which is refused.

use super::common::pixels::pixels;
use super::common::{self, Rig, rgb};
use super::{assert_says, end, error_of, installed, rig};
use gst::prelude::*;

const CUDA: &str = "video/x-raw(memory:CUDAMemory),format=NV12,width=64,height=48,framerate=25/1";
const NVMM: &str = "video/x-raw(memory:NVMM),format=NV12,width=64,height=48,framerate=25/1";

/// Whether the element offers and accepts frames in each memory: system, CUDA, NVMM.
fn takes(element: &gst::Element) -> [bool; 3] {
    let pad = element.static_pad("sink").unwrap();
    let offered = pad.query_caps(None);
    [
        CUDA.replace("(memory:CUDAMemory)", ""),
        CUDA.into(),
        NVMM.into(),
    ]
    .map(|text: String| {
        let caps: gst::Caps = text.parse().unwrap();
        let accepted = pad.query_accept_caps(&caps);
        assert_eq!(accepted, caps.can_intersect(&offered), "{text}: {offered}");
        accepted
    })
}

#[test]
fn only_who_can_read_it_takes_a_gpus_memory() {
    let fake = installed();
    let model = pixels("1");
    let (element, _) = common::element(Some(&model), &[]);
    assert_eq!(takes(&element), [true; 3], "before it is known");
    let cases: [(&[(&str, &str)], bool); 5] = [
        (&[("engine", "tensorrt")], true),
        (&[("engine", "rten")], false),
        (&[("engine", "tensorrt"), ("motion-gate", "true")], false),
        (&[("engine", "tensorrt"), ("resize", "area")], false),
        (&[("engine", "tensorrt"), ("tiles", "2x2")], true),
    ];
    for (properties, on_gpu) in cases {
        let (element, _) = common::element(Some(&model), properties);
        element.set_state(gst::State::Paused).unwrap();
        assert_eq!(takes(&element), [true, on_gpu, on_gpu], "{properties:?}");
        element.set_state(gst::State::Null).unwrap();
    }
    drop(fake);
}

#[test]
fn caps_that_come_nevertheless_are_refused_with_the_reason() {
    let fake = installed();
    let model = pixels("1");
    for (property, caps, parts) in [
        (
            ("engine", "rten"),
            CUDA,
            ["engine rten", "engine=tensorrt", "cudadownload"],
        ),
        (
            ("engine", "rten"),
            NVMM,
            ["engine rten", "engine=tensorrt", "nvvideoconvert"],
        ),
        (
            ("motion-gate", "true"),
            CUDA,
            ["motion-gate", "CPU", "cudadownload"],
        ),
        (
            ("resize", "area"),
            CUDA,
            ["resize is area", "bilinear", "cudadownload"],
        ),
    ] {
        let mut rig = rig(&model, &[property]);
        let caps: gst::Caps = caps.parse().unwrap();
        rig.event(gst::event::Caps::new(&caps));
        assert_says(&error_of(&rig), &parts);
        end(rig);
    }
    drop(fake);
}

#[test]
fn the_motion_gate_cannot_be_switched_on_where_the_cpu_sees_nothing() {
    let fake = installed();
    let model = pixels("1");
    let mut rig = rig(&model, &[]);
    rig.caps(NVMM);
    rig.element.set_property("motion-gate", true);
    let warnings = rig.warnings().join("\n");
    assert_says(&warnings, &["motion-gate", "nvvideoconvert"]);
    assert!(!rig.element.property::<bool>("motion-gate"));
    end(rig);
    drop(fake);
}

#[test]
fn a_recording_goes_with_frames_in_any_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("det.jsonl");
    let text = "{\"pts\":0,\"objects\":[{\"box\":{\"x\":1,\"y\":2,\"w\":30,\"h\":40}}]}\n";
    std::fs::write(&file, text).unwrap();
    let model = pixels("1");
    let path = file.to_str().unwrap();
    let mut rig = Rig::new(&model, &[("engine", "replay"), ("model", path)]);
    assert_eq!(takes(&rig.element), [true; 3]);
    rig.caps(CUDA);
    let buffer = rig.timed(gst::Buffer::new());
    rig.push_buffer(buffer).unwrap();
    let seen = common::frames(&rig.eos()).remove(0);
    assert_eq!(seen.objects.len(), 1);
    assert_eq!(rig.stats().get::<&str>("memory"), Ok("cuda"));
    end(rig);
}

#[test]
fn system_memory_is_offered_first() {
    common::init();
    let factory = gst::ElementFactory::find("vigildetect").unwrap();
    for template in factory.static_pad_templates() {
        let caps = template.caps();
        assert_eq!(caps.size(), 3, "{caps}");
        let first = gst::Caps::builder_full().structure(caps.structure(0).unwrap().to_owned());
        let system: gst::Caps = rgb(64, 64).parse().unwrap();
        assert!(system.is_subset(&first.build()));
        let gpus = caps
            .structure(1)
            .unwrap()
            .get::<gst::List>("format")
            .unwrap();
        assert_eq!(gpus.len(), 2, "{caps}");
    }
}
