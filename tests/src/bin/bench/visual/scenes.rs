//! Rendered scenes, with a detector that is not perfect.

use super::run::{Gain, Job};
use std::error::Error;

/// Scene, seed, noise and shake.
const SCENES: [(&str, u32, f32, f32); 8] = [
    ("street", 1, 0.1, 0.0),
    ("street", 2, 0.3, 0.3),
    ("crossing", 3, 0.1, 0.0),
    ("crossing", 4, 0.2, 0.2),
    ("corridor", 5, 0.1, 0.0),
    ("corridor", 6, 0.2, 0.2),
    ("crowd", 7, 0.1, 0.0),
    ("crowd", 8, 0.1, 0.3),
];

/// What is gained on all of them together.
pub fn all(intervals: &[usize]) -> Result<Vec<Gain>, Box<dyn Error>> {
    let mut sum: Vec<Gain> = Vec::new();
    for (scene, seed, noise, shake) in SCENES {
        let job = Job::rendered(format!(
            "vigiltestsrc scene={scene} seed={seed} noise={noise} shake={shake} objects=14 \
             ground-truth=true ground-truth-tracks=false jitter=0.03 miss-rate=0.05 \
             score-noise=0.1 num-buffers=300 ! \
             video/x-raw,format=I420,width=960,height=540,framerate=25/1"
        ));
        let gains = job.run(intervals)?;
        if sum.is_empty() {
            sum = gains;
        } else {
            sum.iter_mut()
                .zip(&gains)
                .for_each(|(sum, gain)| *sum += gain);
        }
    }
    Ok(sum)
}
