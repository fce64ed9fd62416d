//! Other people's way to do the same: the same file, model and threads, in turns with ours.
//!
//! | peer | what it does | needs |
//! |---|---|---|
//! | `predict` | Ultralytics' predict as it comes: for a model with dynamic axes it takes the smallest rectangle that the video fits into, so fewer pixels than the others | [`python::packages`] |
//! | `predict, both its rectangle` | the same, with that rectangle as `input-size` of ours | [`python::packages`] |
//! | `predict, square` | the same on the square that the others have | [`python::packages`] |
//! | `python loop` | OpenCV reads and resizes, ONNX Runtime runs, NumPy and OpenCV find the boxes: what most people write | [`python::packages`] |
//! | `onnxinference` | GStreamer's own, behind `videoconvertscale`; without a tensor decoder, which 1.26 has not for these models | GStreamer's plugin `onnx` |

mod python;
mod upstream;

use super::detector::{self, Job};
use super::table::{Table, median};
use python::Script;
use std::error::Error;
use vigil_tests::pictures;

/// Frames a second of one run.
type Run<'a> = Box<dyn Fn(u32) -> Result<f64, Box<dyn Error>> + 'a>;

/// Somebody else's way.
struct Peer<'a> {
    name: &'a str,
    run: Run<'a>,
    /// Whether ours has the smallest rectangle that the video fits into, and not the square.
    rectangle: bool,
}

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
    let frame = pictures::frame_size(job.video)?;
    for Peer {
        name,
        run,
        rectangle,
    } in peers(job)
    {
        for &size in sizes {
            let (width, height) = match rectangle {
                true => pictures::rectangle(frame, size),
                false => (size, size),
            };
            let input = format!("{width}x{height}");
            let (mut theirs, mut ours) = (Vec::new(), Vec::new());
            let result = (0..job.repeat.max(1)).try_for_each(|_| {
                theirs.push(run(size)?);
                ours.push(detector::pipeline(job, &input, "")?);
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
    let script = |name, script: Script, rectangle| Peer {
        name,
        run: Box::new(move |size| python::run(job, size, script)),
        rectangle,
    };
    vec![
        script("predict", Script::Predict, false),
        script("predict, both its rectangle", Script::Predict, true),
        script("predict, square", Script::PredictSquare, false),
        script("python loop", Script::Loop, false),
        Peer {
            name: "onnxinference",
            run: Box::new(move |size| upstream::run(job, size)),
            rectangle: false,
        },
    ]
}
