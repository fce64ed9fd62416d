//! `engine=replay`: recorded detections come out on the frames that they belong to.

use crate::common::models::ModelFile;
use crate::common::pipeline::Pipeline;
use crate::common::{self, Item, Rig, Seen};
use gst::prelude::*;
use vigil_analytics::objects::Look;

mod settings;

const REPLAY: (&str, &str) = ("engine", "replay");

/// Rows of frames by number, from 1: each has a box that is as far to the right as the number
/// says, and labelled by its class.
fn mot(frames: impl IntoIterator<Item = u64>) -> ModelFile {
    let row = |n| format!("{n},-1,{n},2,10,20,0.9,1\n");
    let rows: String = frames.into_iter().map(row).collect();
    ModelFile::named("det.txt", rows)
}

/// Records of frames at these times in ms, with a box as far to the right as the record's place
/// in the file, from 1.
fn records(times_ms: &[u64]) -> ModelFile {
    let line = |(i, ms): (usize, &u64)| {
        let (pts, x) = (ms * 1_000_000, i + 1);
        format!(
            "{{\"schema\":\"vigil/1\",\"stream\":\"s\",\"pts\":{pts},\"frame\":{{\"number\":{i},\
             \"width\":64,\"height\":64}},\"inferred\":true,\"objects\":[{{\"label\":\"person\",\
             \"confidence\":0.9,\"box\":{{\"x\":{x},\"y\":2.0,\"w\":10.0,\"h\":20.0}}}}]}}\n"
        )
    };
    ModelFile::named(
        "objects.jsonl",
        times_ms.iter().enumerate().map(line).collect::<String>(),
    )
}

/// What a frame has: `None` if nobody looked, else how far to the right its boxes are.
fn places(seen: &Seen) -> Option<Vec<u64>> {
    let places = seen.objects.iter().map(|object| object.bbox.x as u64);
    (seen.look == Look::Inferred).then(|| places.collect())
}

fn all_places(frames: &[Seen]) -> Vec<Option<Vec<u64>>> {
    frames.iter().map(places).collect()
}

/// A pipeline that replays on so many frames of a test picture with these caps.
fn pipeline(file: &ModelFile, frames: u32, caps: &str, properties: &str) -> Pipeline {
    Pipeline::new(&format!(
        "videotestsrc num-buffers={frames} pattern=black ! video/x-raw,{caps} ! \
         {} engine=replay {properties} ! fakesink",
        common::detect(file)
    ))
}

#[test]
fn rows_come_out_on_the_frames_that_they_are_numbered_for_at_any_rate() {
    for rate in ["25/1", "30000/1001", "7/2", "240/1"] {
        let file = mot([2, 3, 5, 5]);
        let caps = format!("format=I420,width=64,height=64,framerate={rate}");
        let pipeline = pipeline(&file, 7, &caps, "");
        assert_eq!(pipeline.run(), Ok(()));
        let frames = pipeline.log.frames(7);
        let expected = [
            None,
            Some(vec![2]),
            Some(vec![3]),
            Some(vec![]),
            Some(vec![5, 5]),
            None,
            None,
        ];
        assert_eq!(all_places(&frames), expected, "{rate}");
        let object = frames[1].objects[0];
        assert_eq!((object.label_str(), object.confidence), ("pedestrian", 0.9));
        let bbox = object.bbox;
        assert_eq!([bbox.x, bbox.y, bbox.w, bbox.h], [2.0, 2.0, 10.0, 20.0]);
    }
}

#[test]
fn records_come_out_on_the_frames_of_their_time() {
    let file = records(&[0, 40, 80, 120]);
    for (rate, expected) in [
        ("25/1", [Some(1), Some(2), Some(3), Some(4), None]),
        ("50/1", [Some(1), None, Some(2), None, Some(3)]),
        ("10/1", [Some(1), Some(3), None, None, None]),
    ] {
        let caps = format!("format=NV12,width=64,height=64,framerate={rate}");
        let pipeline = pipeline(&file, 5, &caps, "");
        assert_eq!(pipeline.run(), Ok(()));
        let found = all_places(&pipeline.log.frames(5));
        assert_eq!(found, expected.map(|x| x.map(|x| vec![x])), "{rate}");
    }
}

#[test]
fn a_seek_shows_what_was_recorded_there() {
    for file in [
        mot(1..=50),
        records(&(0..50).map(|i| i * 40).collect::<Vec<_>>()),
    ] {
        let pipeline = Pipeline::new(&format!(
            "videotestsrc num-buffers=2000 pattern=black ! \
             video/x-raw,format=I420,width=64,height=64,framerate=25/1 ! \
             {} engine=replay ! fakesink sync=true",
            common::detect(&file)
        ));
        pipeline.pipeline.set_state(gst::State::Paused).unwrap();
        pipeline.settle();
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        for (ms, expected) in [
            (1200, Some(31)),
            (40, Some(2)),
            (40, Some(2)),
            (60_000, None),
            (0, Some(1)),
        ] {
            pipeline.log.clear();
            let to = gst::ClockTime::from_mseconds(ms);
            pipeline.pipeline.seek_simple(flags, to).unwrap();
            pipeline.settle();
            let first = pipeline.log.frames(1)[0].clone();
            assert_eq!(first.pts, Some(to));
            assert_eq!(places(&first), expected.map(|x| vec![x]));
        }
        // Backwards, frames are still those of their times.
        pipeline.log.clear();
        let (start, stop) = (gst::ClockTime::ZERO, gst::ClockTime::from_mseconds(400));
        pipeline
            .pipeline
            .seek(
                -1.0,
                flags,
                gst::SeekType::Set,
                start,
                gst::SeekType::Set,
                stop,
            )
            .unwrap();
        pipeline.play();
        for seen in pipeline.log.frames(5) {
            assert_eq!(places(&seen), Some(vec![seen.index() + 1]));
        }
    }
}

/// A segment whose times begin at an hour, as of an MPEG transport stream.
fn an_hour_later() -> gst::FormattedSegment<gst::ClockTime> {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_seconds(3600));
    segment.set_time(gst::ClockTime::ZERO);
    segment
}

#[test]
fn numbers_count_from_the_beginning_of_the_stream_and_pts_are_those_of_buffers() {
    const HOUR_MS: u64 = 3_600_000;
    let by_pts = records(&[HOUR_MS, HOUR_MS + 40]);
    let by_time = ModelFile::named(
        "own.jsonl",
        "{\"time\":0,\"objects\":[{\"box\":{\"x\":1,\"y\":2,\"w\":10,\"h\":20}}]}\n\
         {\"time\":0.04,\"objects\":[{\"box\":{\"x\":2,\"y\":2,\"w\":10,\"h\":20}}]}\n",
    );
    for file in [mot([1, 2]), by_pts, by_time] {
        let mut rig = Rig::new(&file, &[REPLAY]);
        assert!(rig.event(gst::event::Segment::new(&an_hour_later())));
        for (ms, expected) in [(0, Some(1)), (40, Some(2)), (80, None)] {
            let mut buffer = rig.frame(0);
            let pts = gst::ClockTime::from_mseconds(HOUR_MS + ms);
            buffer.get_mut().unwrap().set_pts(pts);
            rig.push_buffer(buffer).unwrap();
            rig.log.wait(|items| {
                common::frames(items)
                    .iter()
                    .any(|seen| seen.pts == Some(pts))
            });
            let frames = common::frames(&rig.log.items());
            let found = places(frames.last().unwrap());
            assert_eq!(
                found,
                expected.map(|x| vec![x]),
                "{} {ms}",
                file.path().display()
            );
        }
        // Before the segment there is nothing recorded.
        let mut early = rig.frame(0);
        early
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_seconds(3599));
        rig.push_buffer(early).unwrap();
        assert_eq!(places(&rig.log.frames(4)[3]), None);
    }
}

#[test]
fn a_segment_of_unknown_place_is_the_stream() {
    let mut rig = Rig::new(&mot([1, 2]), &[REPLAY]);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_time(gst::ClockTime::NONE);
    assert!(rig.event(gst::event::Segment::new(&segment)));
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![1]));
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![2]));
}

#[test]
fn jittered_doubled_and_irregular_times_find_their_records() {
    let file = records(&[0, 40, 40, 80, 1000]);
    let mut rig = Rig::new(&file, &[REPLAY]);
    let table: [(u64, Option<u64>); 9] = [
        (7, Some(1)),
        (33, Some(2)),
        (40, Some(2)),
        (40, Some(3)),
        (40, Some(3)),
        (95, Some(4)),
        (101, None),
        (985, Some(5)),
        (40, Some(2)),
    ];
    for (i, (ms, expected)) in table.into_iter().enumerate() {
        let mut buffer = rig.frame(0);
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_mseconds(ms));
        rig.push_buffer(buffer).unwrap();
        let seen = rig.log.frames(i + 1)[i].clone();
        assert_eq!(places(&seen), expected.map(|x| vec![x]), "{ms} ms");
    }
}

fn variable() -> &'static str {
    "video/x-raw,format=RGB,width=64,height=64,framerate=0/1"
}

#[test]
fn numbered_frames_of_a_variable_rate_need_a_seqinfo() {
    let file = mot([1, 2, 4]);
    let mut rig = Rig::new(&file, &[REPLAY]);
    let caps: gst::Caps = variable().parse().unwrap();
    rig.event(gst::event::Caps::new(&caps));
    let errors = rig.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(rig.try_push(0), Err(gst::FlowError::NotNegotiated));
    for part in [
        "property model",
        "det.txt",
        "framerate=0/1",
        "seqinfo.ini",
        "videorate",
    ] {
        assert!(errors[0].contains(part), "{errors:?}");
    }
    drop(rig);
    std::fs::write(
        file.folder().join("seqinfo.ini"),
        "[Sequence]\nframeRate=25\n",
    )
    .unwrap();
    let mut rig = Rig::new(&file, &[REPLAY]);
    rig.caps(variable());
    let found: Vec<_> = (0..5).map(|_| places(&rig.push_and_wait(0))).collect();
    let expected = [
        Some(vec![1]),
        Some(vec![2]),
        Some(vec![]),
        Some(vec![4]),
        None,
    ];
    assert_eq!(found, expected);
    assert!(
        rig.stats()
            .get::<String>("engine-reason")
            .unwrap()
            .contains("seqinfo.ini")
    );
}

#[test]
fn another_rate_than_the_recorded_one_is_warned_of_once() {
    let file = mot([1, 2]);
    std::fs::write(
        file.folder().join("seqinfo.ini"),
        "[Sequence]\nframeRate=30\n",
    )
    .unwrap();
    let mut rig = Rig::new(&file, &[REPLAY]);
    rig.caps(&common::rgb(32, 32));
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["recorded at 30 frames per second", "this video has 25"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
    // The n-th frame of the video is the n-th of the file.
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![1]));
    assert_eq!(places(&rig.push_and_wait(0)), Some(vec![2]));
}

#[test]
fn boxes_follow_the_size_of_the_frames() {
    // Recorded on 64x64.
    let file = records(&[0, 40]);
    let mut rig = Rig::new(&file, &[REPLAY]);
    let boxes = |seen: Seen| {
        let bbox = seen.objects[0].bbox;
        [bbox.x, bbox.y, bbox.w, bbox.h]
    };
    assert_eq!(boxes(rig.push_and_wait(0)), [1.0, 2.0, 10.0, 20.0]);
    rig.caps(&common::rgb(128, 192));
    assert_eq!(boxes(rig.push_and_wait(0)), [4.0, 6.0, 20.0, 60.0]);
}

#[test]
fn a_live_stream_gets_every_record_and_no_latency() {
    let mut rig = Rig::live(&mot(1..=20), &[REPLAY]);
    // However late downstream says it is: looking up costs nothing.
    let late = gst::event::Qos::new(
        gst::QOSType::Underflow,
        1.0,
        10_000_000_000,
        gst::ClockTime::ZERO,
    );
    rig.upstream_event(late);
    for i in 0..20 {
        assert_eq!(places(&rig.push_and_wait(0)), Some(vec![i + 1]));
    }
    let ms = gst::ClockTime::from_mseconds;
    assert_eq!(rig.latency(), (true, ms(20), None));
    let stats = rig.stats();
    assert_eq!(stats.get::<bool>("live"), Ok(true));
    assert_eq!(stats.get::<u32>("workers"), Ok(0));
    rig.eos();
    assert_eq!((rig.stat("frames"), rig.stat("inferred")), (20, 20));
}

#[test]
fn order_flush_and_end_are_kept() {
    let mut rig = Rig::new(&mot(1..=50), &[REPLAY]);
    for _ in 0..20 {
        rig.push(0);
    }
    rig.flush_start();
    assert_eq!(rig.try_push(0), Err(gst::FlowError::Flushing));
    rig.flush_stop();
    rig.segment();
    rig.log.clear();
    for _ in 0..20 {
        rig.push(0);
    }
    let items = rig.eos();
    let frames = common::frames(&items);
    let came: Vec<_> = frames.iter().map(|seen| seen.index()).collect();
    assert_eq!(came, (21..41).collect::<Vec<_>>());
    for seen in &frames {
        assert_eq!(places(seen), Some(vec![seen.index() + 1]));
    }
    assert!(
        matches!(items.last(), Some(Item::Event(event)) if event.type_() == gst::EventType::Eos)
    );
    assert_eq!(rig.errors(), [""; 0]);
}
