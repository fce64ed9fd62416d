//! The motion gate: what looking for motion costs, and what it saves where nothing moves.

use super::cost::{self, Planes};
use super::cpu;
use super::table::{Table, median};
use gstvigildetect::motion::{MotionGate, MotionSettings};
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use vigil_tests::assets;
use vigil_tests::pipeline::Pipeline;

/// Looking for motion on 1080p frames, on one thread.
pub fn cost(repeat: usize) -> Table {
    const FRAMES: u64 = 100;
    let mut table = Table::new(
        "gate",
        "Motion gate on 1920x1080, one thread",
        &["us/frame"],
    );
    for pixels in cost::FORMATS {
        let planes = Planes::new(pixels, 1920, 1080);
        // Several, as a frame of video has not been read by anybody but the decoder.
        let frames = [&planes; 8].map(Planes::clone);
        let views = frames.each_ref().map(Planes::view);
        let settings = MotionSettings::default();
        let mut times = Vec::new();
        for _ in 0..repeat.max(1) * 3 {
            let mut gate = MotionGate::default();
            let started = Instant::now();
            for number in 0..FRAMES {
                let view = &views[number as usize % views.len()];
                let time = Some(number * 40_000_000);
                black_box(gate.wants(black_box(view), None, time, &settings));
            }
            times.push(started.elapsed().as_secs_f64() * 1e6 / FRAMES as f64);
        }
        table.row(format!("{pixels:?}"), &[median(times)]);
    }
    table
}

/// Frames of the still scene, and those at its beginning that are not measured, in which the gate
/// learns what is usual.
const FRAMES: usize = 1000;
const LEARNING: usize = 100;

/// The suite on a still scene, with and without the gate: milliseconds of a processor for each
/// frame, decoding included.
pub fn saving(repeat: usize) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "still",
        "The suite on a still street, 1280x720 H.264 with noise: ms of a processor for each frame",
        &["decoder", "all frames", "gated", "all/gated"],
    );
    let folder = tempfile::tempdir()?;
    let video = folder.path().join("still.mkv");
    if let Err(error) = encode(&video) {
        table.note(format!("no still scene: {error}"));
        return Ok(table);
    }
    let mut models = vec![("built-in".to_owned(), String::new())];
    for (name, size) in [("yolov8n_320_int8", 320), ("yolov8n_dynamic", 640)] {
        if let Some(model) = assets::find(&format!("models/{name}.onnx")) {
            let properties = format!("model=\"{}\" input-size={size}", model.display());
            models.push((format!("{name} {size}"), properties));
        }
    }
    for (name, properties) in models {
        let mut figures: [Vec<f64>; 3] = Default::default();
        for _ in 0..repeat.max(1) {
            figures[0].push(run(&video, "")?);
            for (figure, gate) in figures[1..].iter_mut().zip([false, true]) {
                let suite = format!(
                    "! vigildetect {properties} motion-gate={gate} ! vigiltrack ! vigilevents"
                );
                figure.push(run(&video, &suite)?);
            }
        }
        let [decoder, all, gated] = figures.map(median);
        table.row(name, &[decoder, all, gated, all / gated]);
    }
    Ok(table)
}

fn encode(to: &Path) -> Result<(), Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "vigiltestsrc scene=empty noise=0.1 num-buffers={FRAMES} ! \
         video/x-raw,format=I420,width=1280,height=720,framerate=25/1 ! queue ! \
         x264enc speed-preset=veryfast ! h264parse ! matroskamux ! filesink location=\"{}\"",
        to.display()
    ))?;
    pipeline.play(600)?;
    Ok(())
}

fn run(video: &Path, suite: &str) -> Result<f64, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "filesrc location=\"{}\" ! decodebin3 {suite} ! fakesink name=out sync=false",
        video.display()
    ))?;
    Ok(cpu::steady(&pipeline, LEARNING)?.1)
}
