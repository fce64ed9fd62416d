//! Live streams: latency, overload, QoS.

use crate::common::models::Tiny;
use crate::common::pipeline::Pipeline;
use crate::common::{self, Rig, brightness};
use vigil_analytics::objects::Look;

/// A model that takes tens of milliseconds a run, one thread and its trial's grey picture given.
fn slow() -> Tiny {
    Tiny {
        work: 150,
        ..Tiny::default()
    }
}

fn ms(ms: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(ms)
}

#[test]
fn a_live_stream_is_told_the_latency_of_inference_on_top_of_upstreams() {
    let mut rig = Rig::live(&slow().file(), &[("threads", "1")]);
    let (live, min, max) = rig.latency();
    assert!(live);
    // Two runs of it, and upstream's 20 ms.
    assert!(min > ms(22), "{min}");
    assert!(max.is_none_or(|max| max >= min), "{max:?}");
}

#[test]
fn a_file_has_no_latency() {
    let mut rig = Rig::new(&slow().file(), &[("threads", "1")]);
    let (live, min, _) = rig.latency();
    assert_eq!((live, min), (false, gst::ClockTime::ZERO));
}

#[test]
fn a_live_stream_passes_what_the_model_is_too_slow_for() {
    let file = slow().file();
    let mut rig = Rig::live(&file, &[("threads", "1")]);
    for _ in 0..40 {
        rig.push(128);
    }
    let frames = common::frames(&rig.eos());
    let came: Vec<_> = frames.iter().map(|seen| seen.index()).collect();
    assert_eq!(came, (0..40).collect::<Vec<_>>());
    let inferred = frames
        .iter()
        .filter(|seen| seen.look == Look::Inferred)
        .count() as u64;
    let counters = ["inferred", "skipped-overload", "overdue"].map(|name| rig.stat(name));
    assert_eq!(counters[0], inferred);
    assert!(counters[1] > 20, "{counters:?}");
    assert_eq!((rig.stat("frames"), counters.iter().sum()), (40, 40));
}

#[test]
fn a_live_pipeline_with_a_slow_model_delivers_every_frame() {
    // Slower than the frames come on any machine.
    let file = Tiny {
        work: 600,
        ..Tiny::default()
    }
    .file();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc is-live=true num-buffers=200 pattern=solid-color foreground-color=0xff808080 ! \
         video/x-raw,format=I420,width=64,height=64,framerate=200/1 ! \
         {} threads=1 ! fakesink",
        common::detect(&file)
    ));
    assert_eq!(pipeline.run(), Ok(()));
    let frames = pipeline.log.frames(200);
    assert!(frames.windows(2).all(|pair| pair[0].pts < pair[1].pts));
    let counters = ["inferred", "skipped-overload", "overdue", "skipped-qos"];
    let counters = counters.map(|name| pipeline.stat(name));
    assert!(counters[0] > 0 && counters[1] > 0, "{counters:?}");
    assert_eq!((frames.len(), counters.iter().sum()), (200, 200));
}

#[test]
fn a_file_waits_for_a_slow_model() {
    let file = slow().file();
    let pipeline = Pipeline::new(&format!(
        "videotestsrc num-buffers=20 pattern=solid-color foreground-color=0xff808080 ! \
         video/x-raw,format=I420,width=64,height=64,framerate=200/1 ! \
         {} threads=1 ! fakesink",
        common::detect(&file)
    ));
    assert_eq!(pipeline.run(), Ok(()));
    assert_eq!(
        ["frames", "inferred"].map(|name| pipeline.stat(name)),
        [20; 2]
    );
}

#[test]
fn a_frame_whose_result_is_late_is_passed_and_latency_grows() {
    // The trial's picture is grey and takes no time; a white one takes longer than is waited for,
    // also where the trial was made on a busy machine.
    let tiny = Tiny {
        work: 900,
        idle_up_to: 0.6,
        ..Tiny::default()
    };
    let mut rig = Rig::live(&tiny.file(), &[("threads", "1")]);
    let (_, before, _) = rig.latency();
    let seen = rig.push_and_wait(255);
    assert_eq!(seen.look, Look::Skipped);
    assert!(rig.stat("overdue") > 0);
    let (_, after, _) = rig.latency();
    assert!(after > before, "{before} {after}");
    assert!(rig.bus.pop_filtered(&[gst::MessageType::Latency]).is_some());
    // Sooner or later it is long enough.
    while rig.push_and_wait(255).look == Look::Skipped {}
    let counters = ["inferred", "skipped-overload", "overdue"].map(|name| rig.stat(name));
    assert_eq!(rig.stat("frames"), counters.iter().sum::<u64>());
}

#[test]
fn live_frames_that_downstream_is_too_late_for_are_not_inferred() {
    for (live, expected) in [(true, Look::Skipped), (false, Look::Inferred)] {
        let file = Tiny::default().file();
        let mut rig = match live {
            true => Rig::live(&file, &[]),
            false => Rig::new(&file, &[]),
        };
        // The frame of 40 ms was 100 ms late: those up to 240 ms will be too.
        let late = |diff| gst::event::Qos::new(gst::QOSType::Underflow, 1.0, diff, ms(40));
        rig.upstream_event(late(100_000_000));
        let seen = rig.push_and_wait(200);
        assert_eq!((seen.look, seen.index()), (expected, 0));
        rig.upstream_event(late(-1_000_000));
        rig.push(200);
        rig.eos();
        assert_eq!(rig.stat("skipped-qos"), u64::from(live));
    }
}

#[test]
fn a_live_stream_is_inferred_like_a_file() {
    let mut rig = Rig::live(
        &Tiny {
            work: 60,
            ..Tiny::default()
        }
        .file(),
        &[],
    );
    // The first of them may be late on a machine that is busy, but not all.
    let inferred = (0..50)
        .map(|_| rig.push_and_wait(100))
        .find(|seen| seen.look == Look::Inferred)
        .unwrap();
    assert_eq!(inferred.labels(), ["slider", "block"]);
    assert!((inferred.objects[1].confidence - brightness(100)).abs() < 1e-3);
    assert_eq!(rig.stats().get::<bool>("live"), Ok(true));
}
