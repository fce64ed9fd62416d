//! `vigiltrack`'s `visual`: what following by sight gains where frames are skipped, and what it
//! costs.

mod cost;
mod run;
mod scenes;

use super::table::Table;
use run::{Gain, Job};
use std::error::Error;
use std::path::Path;
use vigil_tests::assets;

pub use cost::cost;

/// The detector looks at every so-manieth frame.
const INTERVALS: [usize; 4] = [2, 3, 5, 10];

/// Videos of the assets.
const VIDEOS: [&str; 4] = [
    "vtest_480x360_h264",
    "person-bicycle-car-detection_trim38s",
    "one-by-one-person-detection",
    "Retail02_short_hevc1080p",
];

/// The element on frames of which the detector looks at some only, with and without `visual`:
/// rendered scenes against their truth, and videos against what the same detector and tracker make
/// of every frame. Videos are `video`, or those of the assets.
pub fn gain(video: Option<&Path>, model: Option<&Path>) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "visual",
        "vigiltrack where a detector looks at every k-th frame only: visual=off, and visual=on",
        &[
            "HOTA off",
            "on",
            "IDF1 off",
            "on",
            "switches off",
            "on",
            "IoU off",
            "on",
        ],
    );
    add(&mut table, "rendered", &scenes::all(&INTERVALS)?);
    let videos = match video {
        Some(video) => vec![video.to_owned()],
        None => VIDEOS
            .iter()
            .filter_map(|name| assets::find(&format!("videos/{name}.mp4")))
            .collect(),
    };
    if let Some(model) = model {
        for video in videos {
            let name = video.file_stem().unwrap_or_default().to_string_lossy();
            let job = Job::video(&video, model);
            add(&mut table, &name, &job.run(&INTERVALS)?);
        }
    }
    table.note("IoU: of each object with the box on it, on skipped frames; 0 where there is none");
    table.note("videos are scored against the same detector and tracker on every frame");
    Ok(table)
}

fn add(table: &mut Table, name: &str, gains: &[Gain]) {
    for gain in gains {
        let [off, on] = gain.figures();
        let pairs: Vec<f64> = off.iter().zip(on).flat_map(|(a, b)| [*a, b]).collect();
        table.row(format!("{name}, k={}", gain.interval), &pairs);
    }
}
