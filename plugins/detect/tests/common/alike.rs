//! Whether two engines find the same.

use super::models::ModelFile;
use super::pixels::{noise, pixels};
use super::{Rig, frames};
use gst::prelude::*;
use vigil_analytics::objects::Object;

/// Frames of a run.
pub const FRAMES: u32 = 5;

/// The objects of some frames of noise, by an engine with the model whose boxes are its pixels, of so
/// many pictures a run.
pub fn found(engine: &str, batch: &str, caps: &str, more: &[(&str, &str)]) -> Vec<Vec<Object>> {
    found_by(&pixels(batch), engine, caps, more)
}

/// The same by another model.
pub fn found_by(
    model: &ModelFile,
    engine: &str,
    caps: &str,
    more: &[(&str, &str)],
) -> Vec<Vec<Object>> {
    let properties = [("engine", engine), ("confidence-threshold", "0.7")];
    let properties: Vec<_> = properties.iter().chain(more).copied().collect();
    let mut rig = Rig::new(model, &properties);
    rig.caps(caps);
    let caps: gst::Caps = caps.parse().unwrap();
    let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
    for number in 0..FRAMES {
        let buffer = rig.timed(noise(&info, number));
        rig.push_buffer(buffer).unwrap();
    }
    let seen = frames(&rig.eos());
    let stats = rig.stats();
    assert_eq!(stats.get::<&str>("engine"), Ok(engine));
    rig.element.set_state(gst::State::Null).unwrap();
    seen.into_iter().map(|seen| seen.objects).collect()
}

#[track_caller]
pub fn assert_same(gpu: &[Vec<Object>], cpu: &[Vec<Object>], what: &str) {
    assert_eq!(gpu.len(), FRAMES as usize, "{what}");
    assert!(
        cpu.iter().all(|objects| objects.len() > 3),
        "{what}: {cpu:?}"
    );
    for (number, (gpu, cpu)) in gpu.iter().zip(cpu).enumerate() {
        assert_eq!(gpu.len(), cpu.len(), "{what}, frame {number}");
        for (a, b) in gpu.iter().zip(cpu) {
            let is_near = |x: f32, y: f32| (x - y).abs() < 1e-3;
            let near = is_near(a.bbox.x, b.bbox.x)
                && is_near(a.bbox.y, b.bbox.y)
                && is_near(a.bbox.w, b.bbox.w)
                && is_near(a.bbox.h, b.bbox.h)
                && is_near(a.confidence, b.confidence);
            assert!(
                near && a.label == b.label,
                "{what}, frame {number}: {a:?} is not {b:?}"
            );
        }
    }
}
