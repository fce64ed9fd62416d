//! Ultralytics' own predict on the same file, model and threads.
//!
//! It comes from the Python package index into a folder of the benchmark's own,
//! `$VIGIL_CACHE/bench/ultralytics`; `tests/bench/install-ultralytics.sh` installs it and is never run
//! without being asked, since it is several gigabytes.

use super::detector::Job;
use super::table::{Table, median};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Frames a second of Ultralytics' predict and of the pipeline to vigildetect, in turns.
pub fn compare(job: &Job, sizes: &[u32]) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "peer",
        format!(
            "vigildetect against Ultralytics' predict, {} threads",
            job.threads
        ),
        &["ultralytics", "vigildetect", "ratio"],
    );
    let Some(packages) = packages() else {
        table.note("not installed: tests/bench/install-ultralytics.sh installs it");
        return Ok(table);
    };
    for &size in sizes {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..job.repeat.max(1) {
            match ultralytics(job, size, &packages) {
                Ok(fps) => theirs.push(fps),
                Err(error) => {
                    table.note(format!("{size}: {error}"));
                    return Ok(table);
                }
            }
            ours.push(super::detector::pipeline(job, size, "")?);
        }
        let (theirs, ours) = (median(theirs), median(ours));
        table.row(format!("{size}x{size}"), &[theirs, ours, ours / theirs]);
    }
    Ok(table)
}

fn packages() -> Option<PathBuf> {
    let cache = std::env::var_os("VIGIL_CACHE")?;
    let folder = Path::new(&cache).join("bench/ultralytics");
    folder.join("ultralytics").is_dir().then_some(folder)
}

fn ultralytics(job: &Job, size: u32, packages: &Path) -> Result<f64, Box<dyn Error>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/predict.py");
    let output = Command::new("python3")
        .arg(script)
        .args([job.model, job.video])
        .args([size.to_string(), job.threads.to_string()])
        .env("PYTHONPATH", packages)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let fps = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("fps "));
    match fps {
        Some(fps) => Ok(fps.trim().parse()?),
        None => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Err(errors
                .lines()
                .last()
                .unwrap_or("no figure")
                .to_owned()
                .into())
        }
    }
}
