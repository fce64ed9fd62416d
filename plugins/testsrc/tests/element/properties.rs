//! Properties, and scripts that are wrong.

use crate::common::{self, Player, SMALL};
use gst::prelude::*;

fn script(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walk.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_script_says_who_is_where_and_when() {
    let (_folder, path) = script(
        "[[object]]\n\
         class = \"person\"\n\
         path = [[0.5, 0.2, 0.8], [1.5, 0.7, 0.8]]\n",
    );
    let frames = common::run(
        &format!("scene=script script={path} ground-truth=true num-buffers=60"),
        "video/x-raw,format=I420,width=640,height=480,framerate=30/1",
    );
    for frame in &frames {
        let time = frame.pts.nseconds() as f64 / 1e9;
        let truth = frame.truth.as_ref().unwrap();
        if !(0.5..=1.5).contains(&time) {
            assert!(truth.objects.is_empty(), "{time}");
            continue;
        }
        let [person] = truth.objects.as_slice() else {
            panic!("{time}: {truth:?}")
        };
        assert_eq!(person.label.as_str(), "person");
        let foot = (
            f64::from(person.bbox.x + person.bbox.w / 2.0) / 640.0,
            f64::from(person.bbox.y + person.bbox.h) / 480.0,
        );
        let expected = 0.2 + 0.5 * (time - 0.5);
        // Feet are apart, and swing.
        let tolerance = f64::from(person.bbox.w) / 640.0 / 2.0;
        assert!(
            (foot.0 - expected).abs() < tolerance,
            "{time}: {foot:?} {expected}"
        );
        assert!((foot.1 - 0.8).abs() < 0.05, "{time}: {foot:?}");
    }
}

#[test]
fn a_script_needs_no_scene() {
    let (_folder, path) =
        script("background = \"empty\"\n[[object]]\nclass = \"dog\"\npath = [[0, 0.5, 0.8]]\n");
    let frames = common::run(
        &format!("script={path} ground-truth=true num-buffers=2"),
        SMALL,
    );
    let labels: Vec<_> = frames[1].objects.iter().map(|o| o.label_str()).collect();
    assert_eq!(labels, ["dog"]);
}

#[test]
fn a_script_that_is_wrong_is_refused_with_line_and_column() {
    let (_folder, path) = script("[[object]]\nclass = \"persn\"\npath = [[0, 0, 0]]\n");
    let error = common::try_run(&format!("script={path}"), SMALL).unwrap_err();
    let expected = format!(
        "property script: script {path}, line 2, column 9: unknown class \"persn\": did you mean \
         \"person\"?"
    );
    assert!(error.starts_with(&expected), "{error}");
    let error = common::try_run("scene=script", SMALL).unwrap_err();
    assert!(error.contains("property script is not set"), "{error}");
    let error = common::try_run("script=/nowhere.toml", SMALL).unwrap_err();
    assert!(
        error.contains("cannot read script /nowhere.toml"),
        "{error}"
    );
}

#[test]
fn what_was_set_right_plays_after_what_was_wrong() {
    let player = Player::new("scene=script num-buffers=2", SMALL, "fakesink name=sink");
    assert!(player.play_to_the_end().is_err());
    player.set_state(gst::State::Null);
    player.src.set_property_from_str("scene", "corridor");
    assert_eq!(player.play_to_the_end().unwrap().len(), 2);
}

#[test]
fn noise_may_change_while_playing() {
    let player = Player::new("scene=empty noise=0", SMALL, "fakesink name=sink sync=true");
    player.set_state(gst::State::Playing);
    let frames = player.wait(|frames| frames.len() >= 2);
    assert_eq!(frames[0].planes, frames[1].planes, "nothing moves");
    player.src.set_property("noise", 0.5f64);
    player.wait(|frames| {
        let [.., a, b] = frames else { return false };
        a.planes[0] != b.planes[0]
    });
}

#[test]
fn every_scene_has_a_picture_of_its_own() {
    let pictures = ["street", "crossing", "corridor", "crowd", "empty"].map(|scene| {
        let frames = common::run(
            &format!("scene={scene} num-buffers=1 noise=0 ground-truth=true"),
            SMALL,
        );
        let luma = &frames[0].planes[0];
        let (min, max) = (luma.iter().min().unwrap(), luma.iter().max().unwrap());
        assert!(max - min > 50, "{scene} is flat");
        assert_eq!(frames[0].objects.is_empty(), scene == "empty", "{scene}");
        frames[0].planes.clone()
    });
    for (i, picture) in pictures.iter().enumerate() {
        assert!(!pictures[..i].contains(picture));
    }
}

#[test]
fn statistics_count_what_was_made() {
    let player = Player::new("num-buffers=10 objects=20", SMALL, "fakesink name=sink");
    let frames = player.play_to_the_end().unwrap();
    assert_eq!(player.stat("frames"), frames.len() as u64);
    assert_eq!(player.stat("dropped"), 0);
    assert!(player.stat("objects") > 10);
    let stats: gst::Structure = player.src.property("stats");
    for field in ["fps", "render-p50-ms", "render-max-ms", "convert-p99-ms"] {
        assert!(stats.get::<f64>(field).unwrap() > 0.0, "{field}");
    }
}
