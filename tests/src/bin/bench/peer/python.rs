//! Peers in Python.
//!
//! Their packages come from the Python package index into a folder of the benchmark's own,
//! `$VIGIL_CACHE/bench/ultralytics`; `tests/bench/install-ultralytics.sh` installs them and is never
//! run without being asked, since it is several gigabytes.

use super::super::detector::Job;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program in `tests/bench` with its options.
#[derive(Debug, Clone, Copy)]
pub enum Script {
    /// Ultralytics' predict as it comes.
    Predict,
    /// Ultralytics' predict on a square.
    PredictSquare,
    /// A loop of OpenCV and ONNX Runtime.
    Loop,
}

impl Script {
    fn file(self) -> &'static str {
        match self {
            Self::Predict | Self::PredictSquare => "bench/predict.py",
            Self::Loop => "bench/loop.py",
        }
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::PredictSquare => &["square"],
            Self::Predict | Self::Loop => &[],
        }
    }
}

/// Where the packages are, if they were installed.
pub fn packages() -> Option<PathBuf> {
    let cache = std::env::var_os("VIGIL_CACHE")?;
    let folder = Path::new(&cache).join("bench/ultralytics");
    folder.join("ultralytics").is_dir().then_some(folder)
}

/// Frames a second, as the program says.
pub fn run(job: &Job, size: u32, script: Script) -> Result<f64, Box<dyn Error>> {
    let packages =
        packages().ok_or("not installed: tests/bench/install-ultralytics.sh installs it")?;
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script.file()))
        .args([job.model, job.video])
        .args([size.to_string(), job.threads.to_string()])
        .args(script.options())
        .env("PYTHONPATH", packages)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let fps = (text.lines().rev()).find_map(|line| line.strip_prefix("fps "));
    match fps {
        Some(fps) => Ok(fps.trim().parse()?),
        None => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Err((errors.lines().last().unwrap_or("no figure").to_owned()).into())
        }
    }
}
