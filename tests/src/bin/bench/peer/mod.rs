//! Other people's way to do the same: the same file, model and threads, in turns with ours.
//!
//! | peer | what it does | needs |
//! |---|---|---|
//! | `predict` | Ultralytics' predict as it comes: for a model with dynamic axes it takes the smallest rectangle that the video fits into, so fewer pixels than the others | [`python::packages`] |
//! | `predict, square` | the same on the square that the others have | [`python::packages`] |
//! | `python loop` | OpenCV reads and resizes, ONNX Runtime runs, NumPy and OpenCV find the boxes: what most people write | [`python::packages`] |
//! | `onnxinference` | GStreamer's own, behind `videoconvertscale`; without a tensor decoder, which 1.26 has not for these models | GStreamer's plugin `onnx` |

mod python;
mod upstream;

use super::detector::{self, Job};
use super::table::{Table, median};
use python::Script;
use std::error::Error;

/// Frames a second of one peer's run.
type Peer<'a> = (
    &'a str,
    Box<dyn Fn(u32) -> Result<f64, Box<dyn Error>> + 'a>,
);

/// Frames a second of each peer and of the pipeline to vigildetect, in turns.
pub fn compare(job: &Job, sizes: &[u32]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "peer",
        format!(
            "vigildetect against others, {} threads: frames a second",
            job.threads
        ),
        &["peer", "vigildetect", "ratio"],
    );
    for (name, run) in peers(job) {
        for &size in sizes {
            let (mut theirs, mut ours) = (Vec::new(), Vec::new());
            let result = (0..job.repeat.max(1)).try_for_each(|_| {
                theirs.push(run(size)?);
                ours.push(detector::pipeline(job, size, "")?);
                Ok::<_, Box<dyn Error>>(())
            });
            if let Err(error) = result {
                table.note(format!("{name}, {size}: {error}"));
                continue;
            }
            let (theirs, ours) = (median(theirs), median(ours));
            table.row(format!("{name}, {size}"), &[theirs, ours, ours / theirs]);
        }
    }
    Ok(table)
}

fn peers<'a>(job: &'a Job) -> Vec<Peer<'a>> {
    let script = |script: Script| move |size| python::run(job, size, script);
    vec![
        ("predict", Box::new(script(Script::Predict))),
        ("predict, square", Box::new(script(Script::PredictSquare))),
        ("python loop", Box::new(script(Script::Loop))),
        (
            "onnxinference",
            Box::new(move |size| upstream::run(job, size)),
        ),
    ]
}
