//! What is said of the objects: metadata, file, flaws.

use crate::common::{self, Frame, Player, SMALL};
use gst::prelude::*;
use gstvigiltestsrc::truth::clip;
use std::collections::HashMap;
use vigil_analytics::objects::Look;

const PROPERTIES: &str = "ground-truth=true seed=21 objects=30 num-buffers=60";

#[test]
fn every_visible_object_is_on_the_buffer_with_its_identity() {
    let frames = common::run(PROPERTIES, SMALL);
    let mut hidden = 0;
    for frame in &frames {
        assert_eq!(frame.look, Look::Inferred);
        let truth = frame.truth.as_ref().unwrap();
        assert_eq!((truth.width, truth.height), frame.size);
        let visible: Vec<_> = truth.objects.iter().filter(|o| o.visible > 0.0).collect();
        hidden += truth.objects.len() - visible.len();
        assert_eq!(frame.objects.len(), visible.len());
        for (object, expected) in frame.objects.iter().zip(visible) {
            let track = object.track.unwrap();
            assert_eq!(track.id, expected.id);
            assert_eq!(object.label, Some(expected.label));
            assert_eq!(Some(object.bbox), clip(expected.bbox, 320, 240));
            assert_eq!(object.confidence, 1.0);
            assert!(expected.visible <= 1.0);
            assert_eq!(track.last_seen, frame.pts);
            assert!(track.first_seen <= frame.pts && !track.lost);
        }
        let mut ids: Vec<_> = truth.objects.iter().map(|o| o.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), truth.objects.len(), "identities are unique");
    }
    println!("{hidden} boxes of objects that nothing is seen of");
    assert!(frames.iter().map(|f| f.objects.len()).sum::<usize>() > 60 * 10);
}

#[test]
fn an_identity_stays_with_its_object() {
    let frames = common::run(PROPERTIES, SMALL);
    let mut labels = HashMap::new();
    for pair in frames.windows(2) {
        let now: HashMap<_, _> = pair[1].boxes().into_iter().collect();
        for (id, bbox) in pair[0].boxes() {
            let Some(next) = now.get(&id) else { continue };
            let moved = (next.x + next.w / 2.0 - bbox.x - bbox.w / 2.0).abs();
            // Nobody crosses a tenth of the picture in a thirtieth of a second.
            assert!(moved < 32.0, "{id}: {bbox:?} {next:?}");
        }
        for object in &pair[0].truth.as_ref().unwrap().objects {
            assert_eq!(
                *labels.entry(object.id).or_insert(object.label),
                object.label
            );
        }
    }
}

#[test]
fn nothing_is_said_where_nothing_was_asked() {
    // More frames than buffers in the pool.
    let frames = common::run("objects=30 num-buffers=20", SMALL);
    for frame in frames {
        assert_eq!(
            (frame.look, frame.objects.len(), frame.truth),
            (Look::Skipped, 0, None)
        );
    }
}

#[test]
fn identities_may_be_left_to_a_tracker() {
    let with = common::run(PROPERTIES, SMALL);
    let without = common::run(&format!("{PROPERTIES} ground-truth-tracks=false"), SMALL);
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with.truth, without.truth);
        assert_eq!(with.objects.len(), without.objects.len());
        for (with, without) in with.objects.iter().zip(&without.objects) {
            assert_eq!((with.bbox, with.label), (without.bbox, without.label));
            assert!(with.track.is_some() && without.track.is_none());
        }
    }
}

#[test]
fn truth_may_be_switched_while_playing() {
    let player = Player::new("ground-truth=true", SMALL, "fakesink name=sink sync=true");
    player.set_state(gst::State::Playing);
    player.wait(|frames| frames.len() > 2);
    player.src.set_property("ground-truth", false);
    player.wait(|frames| {
        let [.., a, b] = frames else { return false };
        [a, b]
            .iter()
            .all(|f| f.look == Look::Skipped && f.truth.is_none())
    });
    player.src.set_property("ground-truth", true);
    player.wait(|frames| frames.last().is_some_and(|f| f.look == Look::Inferred));
}

#[test]
fn an_empty_scene_was_looked_at() {
    for frame in common::run("scene=empty ground-truth=true num-buffers=3", SMALL) {
        assert_eq!((frame.look, frame.objects.len()), (Look::Inferred, 0));
        assert!(frame.truth.unwrap().objects.is_empty());
    }
}

/// A line of a MOTChallenge file: identity, box, class, visible share.
type Line = (u64, [f32; 4], u32, f32);

/// Lines of a MOTChallenge file, by frame.
fn mot(text: &str) -> HashMap<u64, Vec<Line>> {
    let mut frames: HashMap<u64, Vec<_>> = HashMap::new();
    for line in text.lines() {
        let fields: Vec<f32> = line
            .split(',')
            .map(|field| field.parse().unwrap())
            .collect();
        let [frame, id, x, y, w, h, flag, class, visible] = fields[..] else {
            panic!("{line}")
        };
        assert_eq!(flag, 1.0);
        let row = (id as u64, [x, y, w, h], class as u32, visible);
        frames.entry(frame as u64).or_default().push(row);
    }
    frames
}

#[test]
fn the_file_agrees_with_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gt.txt");
    let properties = format!("{PROPERTIES} ground-truth-file={}", path.display());
    let player = Player::new(&properties, SMALL, "fakesink name=sink");
    let frames = player.play_to_the_end().unwrap();
    // The stream has ended, the element is still playing: all of it is there.
    let file = mot(&std::fs::read_to_string(&path).unwrap());
    let classes = HashMap::from([
        ("person", 1),
        ("car", 3),
        ("truck", 3),
        ("bicycle", 4),
        ("dog", 8),
    ]);
    for frame in &frames {
        let none = Vec::new();
        let lines = file.get(&(frame.number + 1)).unwrap_or(&none);
        let truth = frame.truth.as_ref().unwrap();
        assert_eq!(lines.len(), truth.objects.len());
        for (line, object) in lines.iter().zip(&truth.objects) {
            let (id, bbox, class, visible) = *line;
            assert_eq!(id, object.id);
            assert_eq!(class, classes[object.label.as_str().as_str()]);
            assert!((visible - object.visible).abs() < 0.001);
            let expected = clip(object.bbox, 320, 240).unwrap();
            for (a, b) in bbox
                .into_iter()
                .zip([expected.x, expected.y, expected.w, expected.h])
            {
                assert!((a - b).abs() < 0.006, "{line:?} {object:?}");
            }
        }
    }
    assert_eq!(player.stat("truth-lost"), 0);
}

#[test]
fn the_file_holds_the_truth_whatever_the_flaws() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [
        "",
        "miss-rate=0.5 jitter=0.2 false-positive-rate=3 ground-truth=false",
    ]
    .map(|flaws| {
        let path = folder.path().join("gt.txt");
        common::run(
            &format!("{PROPERTIES} {flaws} ground-truth-file={}", path.display()),
            SMALL,
        );
        std::fs::read_to_string(&path).unwrap()
    });
    assert!(texts[0].lines().count() > 100);
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_file_that_cannot_be_written_fails_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/gt.txt");
    let properties = format!("ground-truth-file={}", path.display());
    let error = common::try_run(&properties, SMALL).unwrap_err();
    assert!(error.contains("property ground-truth-file"), "{error}");
    assert!(error.contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_full_disk_ends_the_stream() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    let properties = "ground-truth-file=/dev/full objects=30";
    let error = common::try_run(properties, SMALL).unwrap_err();
    assert!(
        error.contains("cannot write /dev/full: No space left"),
        "{error}"
    );
}

/// Share of the visible objects that were found, and boxes a frame where nothing is.
fn rates(frames: &[Frame]) -> (f64, f64) {
    let (mut there, mut found, mut invented) = (0, 0, 0);
    for frame in frames {
        let truth = &frame.truth.as_ref().unwrap().objects;
        let visible: Vec<_> = truth
            .iter()
            .filter(|o| o.visible > 0.0)
            .map(|o| o.id)
            .collect();
        there += visible.len();
        for object in &frame.objects {
            match object.track {
                Some(track) => {
                    assert!(visible.contains(&track.id));
                    found += 1;
                }
                None => invented += 1,
            }
        }
    }
    (
        found as f64 / there as f64,
        invented as f64 / frames.len() as f64,
    )
}

#[test]
fn an_imperfect_detector_misses_and_invents_as_often_as_asked() {
    let flaws = "miss-rate=0.25 false-positive-rate=1.5 jitter=0.1 score-noise=0.2";
    let properties = format!("{PROPERTIES} {flaws}");
    let frames = common::run(&properties, SMALL);
    let (found, invented) = rates(&frames);
    assert!((found - 0.75).abs() < 0.05, "{found}");
    assert!((invented - 1.5).abs() < 0.5, "{invented}");
    let perfect = common::run(PROPERTIES, SMALL);
    for (frame, perfect) in frames.iter().zip(&perfect) {
        assert_eq!(frame.truth, perfect.truth, "the truth stays the truth");
        assert_eq!(frame.planes, perfect.planes);
    }
    let objects = || frames.iter().flat_map(|frame| &frame.objects);
    assert!(objects().any(|object| object.confidence < 0.9));
    assert!(objects().all(|object| object.confidence > 0.0));
    assert_eq!(
        frames,
        common::run(&properties, SMALL),
        "the same flaws each time"
    );
}
