//! DeepStream's elements and ours in one pipeline, by its metadata, on fakes of its libraries: what
//! `nvinfer` found is tracked and judged by ours and goes back with identities; what ours found is what
//! `nvtracker` and `nvdsosd` want.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

#[path = "../../plugins/nvidia/tests/fake/mod.rs"]
mod fake;
#[path = "../../plugins/nvidia/tests/fake/gst.rs"]
mod fake_gst;
#[path = "../../plugins/nvidia/tests/fake/nvds.rs"]
mod fake_nvds;

use fake_nvds::{Fake, Plain, UNTRACKED, object, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use vigil_tests::pipeline::Pipeline;
use vigil_tests::records;
use vigil_tests::watchdog::within;

/// Frames of a stream, of 640×480 at 25 a second.
const FRAMES: u64 = 50;

/// `nvinfer` looks at each second one of them.
const INTERVAL: u64 = 2;

/// What drives from left to right, and what stands still, on frame `number`.
fn truth(number: u64) -> [Plain; 2] {
    let x = 20.0 + 8.0 * number as f32;
    [
        object(2, "car", [x, 300.0, 80.0, 40.0], 0.9),
        object(0, "person", [500.0, 100.0, 30.0, 90.0], 0.8),
    ]
}

/// DeepStream's libraries of a version, as if they were installed.
fn installed(version: &str) -> Arc<Fake> {
    let fake = Fake::new(version);
    // SAFETY: the test has no other threads yet.
    unsafe { std::env::set_var("VIGIL_DEEPSTREAM", fake.folder()) };
    vigil_tests::init();
    Arc::new(fake)
}

/// Sends the frames, each as `nvstreammux` and `nvinfer` would leave it, and waits for the end.
fn play(
    pipeline: &Pipeline,
    nvds: &Fake,
    inferred: impl Fn(u64) -> Option<Vec<Plain>>,
) -> Vec<gst::Message> {
    let src: gst_app::AppSrc = pipeline.element("src");
    for number in 0..FRAMES {
        let mut buffer = gst::Buffer::with_size(640 * 480 * 3 / 2).unwrap();
        let frame = 40 * gst::ClockTime::MSECOND;
        let new = buffer.get_mut().unwrap();
        new.set_pts(frame * number);
        new.set_duration(frame);
        nvds.attach(&buffer, 1);
        if let Some(objects) = inferred(number) {
            nvds.infer_done(&buffer, 0);
            for object in &objects {
                nvds.add(&buffer, 0, object, false);
            }
        }
        src.push_buffer(buffer).unwrap();
    }
    src.end_of_stream().unwrap();
    pipeline
        .play(60)
        .unwrap_or_else(|failed| panic!("{failed}"))
}

const SRC: &str = "appsrc name=src format=time \
                   caps=video/x-raw,format=NV12,width=640,height=480,framerate=25/1";

#[test]
fn what_nvinfer_found_is_tracked_and_judged_by_ours_and_goes_back_with_its_identity() {
    let _watchdog = within(100);
    for version in ["8", "9"] {
        let nvds = installed(version);
        let folder = tempfile::tempdir().unwrap();
        let [rules, events] = ["rules.toml", "events.jsonl"].map(|name| folder.path().join(name));
        let line = "[[object]]\nname = \"all\"\n\
                    [[line]]\nname = \"middle\"\nlabels = [\"car\"]\n\
                    from = [0.5, 0.2]\nto = [0.5, 0.95]\n";
        std::fs::write(&rules, line).unwrap();
        let pipeline = Pipeline::parse(&format!(
            "{SRC} ! vigildetect engine=deepstream ! vigiltrack ! \
             vigilevents name=e stream-id=cam-1 rules-file={} ! \
             vigildetect engine=deepstream nvds-meta=write ! \
             appsink name=out sync=false e.events ! filesink location={}",
            rules.display(),
            events.display()
        ))
        .unwrap();
        let (fake, left) = (nvds.clone(), Arc::new(Mutex::new(Vec::new())));
        let keep = left.clone();
        let _out = pipeline.collect("out", move |sample| {
            let buffer = sample.buffer_owned().unwrap();
            let objects = fake.objects(&buffer, 0);
            keep.lock()
                .unwrap()
                .push((objects, fake.is_infer_done(&buffer, 0)));
        });
        play(&pipeline, &nvds, |number| {
            number
                .is_multiple_of(INTERVAL)
                .then(|| truth(number).into())
        });
        drop(pipeline);

        let left = left.lock().unwrap();
        assert_eq!(left.len(), FRAMES as usize, "DeepStream {version}");
        let mut identities = [BTreeSet::new(), BTreeSet::new()];
        for (number, (objects, looked)) in (0..).zip(left.iter()) {
            if number == 0 {
                // Which of them are real is not known yet.
                continue;
            }
            assert_eq!(objects.len(), 2, "frame {number}: none twice, none missing");
            // What the tracker predicted between looks is written too, but no detector looked.
            assert_eq!(*looked, number % INTERVAL == 0, "frame {number}");
            for (wanted, identities) in truth(number).iter().zip(&mut identities) {
                let label = text(&wanted.label);
                let found = objects.iter().find(|o| text(&o.label) == label);
                let found = found.unwrap_or_else(|| panic!("frame {number} has no {label}"));
                let off = found
                    .rect
                    .iter()
                    .zip(wanted.rect)
                    .map(|(a, b)| (a - b).abs());
                assert!(
                    off.fold(0.0, f32::max) < 12.0,
                    "frame {number}: {:?}",
                    found.rect
                );
                identities.insert(found.id);
            }
        }
        let identities = identities.map(|ids| {
            assert_eq!(ids.len(), 1, "one object is one track: {ids:?}");
            ids.into_iter().next().unwrap()
        });
        assert!(identities[0] != identities[1] && !identities.contains(&UNTRACKED));

        let events = records::of_file(&events).unwrap();
        let kinds = |kind: &str| -> Vec<&Value> {
            events
                .iter()
                .filter(|event| event["event"] == kind)
                .collect()
        };
        let crossed = kinds("line.crossed");
        assert_eq!(crossed.len(), 1, "{events:?}");
        assert_eq!(crossed[0]["object"]["label"], "car");
        assert_eq!(crossed[0]["object"]["track"], identities[0]);
    }
}

#[test]
fn what_ours_found_is_what_nvtracker_and_nvdsosd_want() {
    let _watchdog = within(100);
    let nvds = installed("9");
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("det.txt");
    let row = |number: u64| {
        let [x, y, w, h] = truth(number)[0].rect;
        format!("{},-1,{x},{y},{w},{h},0.9\n", number + 1)
    };
    std::fs::write(&recording, (0..FRAMES).map(row).collect::<String>()).unwrap();
    let pipeline = Pipeline::parse(&format!(
        "{SRC} ! vigildetect engine=replay labels=car model={} nvds-meta=write nvds-component=3 ! \
         appsink name=out sync=false",
        recording.display()
    ))
    .unwrap();
    let fake = nvds.clone();
    let left = pipeline.collect("out", move |sample| {
        let buffer = sample.buffer_owned().unwrap();
        (fake.objects(&buffer, 0), fake.is_infer_done(&buffer, 0))
    });
    play(&pipeline, &nvds, |_| None);
    let left = left.items();
    assert_eq!(left.len(), FRAMES as usize);
    for (number, (objects, looked)) in (0..).zip(left.iter()) {
        let [car] = &objects[..] else {
            panic!("frame {number} has {} objects", objects.len());
        };
        // A tracker takes detector boxes of frames that were looked at, and gives the identity.
        assert!(looked);
        assert_eq!((car.component, car.id), (3, UNTRACKED));
        assert_eq!(car.detector, car.rect);
        assert_eq!(car.rect, truth(number)[0].rect);
        assert!((car.confidence - 0.9).abs() < 1e-6 && car.tracker_confidence < 0.0);
        // What the display draws.
        assert_eq!(
            (text(&car.label), text(&car.text)),
            ("car".into(), "car".into())
        );
        assert!(car.border_width > 0 && car.border_red == 1.0 && car.font_size > 0);
    }
}
