//! The command line, and what its words mean.

use clap::Parser;
use std::path::{Path, PathBuf};

use crate::Result;

/// Detects, tracks and reports what happens in a video or before a camera.
#[derive(Debug, Parser)]
#[command(name = "demo")]
pub struct Args {
    /// The detection model, an ONNX file; default: the one that is built in, which knows rendered
    /// scenes only.
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// A video file, an URI (rtsp://…, v4l2:///dev/video0) or a camera (/dev/video0); default: a
    /// rendered street, whose truth is known.
    #[arg(long)]
    pub input: Option<String>,
    /// What to report, a TOML file; default: objects that appear and leave, and for the rendered
    /// street its pavements, crossing and lanes.
    #[arg(long)]
    pub rules: Option<PathBuf>,
    /// Folder for the results; what earlier runs left there is replaced.
    #[arg(long, default_value = "vigil-demo")]
    pub output: PathBuf,
    /// Inference engine; default: the best that is found.
    #[arg(long)]
    pub engine: Option<String>,
    /// Size that the model is run at, for models that take several: 320 or 640x384.
    #[arg(long)]
    pub input_size: Option<String>,
    /// Least score of a detection, 0 to 1.
    #[arg(long)]
    pub confidence: Option<f64>,
    /// Inference threads.
    #[arg(long)]
    pub threads: Option<u32>,
    /// Classes to keep, names or numbers: person,car.
    #[arg(long)]
    pub classes: Option<String>,
    /// Stop after this much of the stream, in seconds.
    #[arg(long, value_parser = positive)]
    pub duration: Option<f64>,
    /// Stop after this many frames; so many are rendered where there is no input.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub frames: Option<u64>,
    /// Which street is rendered where there is no input: each number gives another one.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number of seconds above 0 is needed".into()),
    }
}

impl Args {
    /// Refuses files that are not there, before anything is built.
    ///
    /// # Errors
    /// Names the option, the file and what is wrong with it.
    pub fn check(&self) -> Result<()> {
        for (what, file) in [("model", &self.model), ("rules", &self.rules)] {
            if let Some(file) = file {
                readable(what, file)?;
            }
        }
        Ok(())
    }

    /// Stream time after which to stop, where that was asked for.
    pub fn time_limit(&self) -> Option<gst::ClockTime> {
        self.duration
            .map(|seconds| gst::ClockTime::from_nseconds((seconds * 1e9) as u64))
    }
}

/// An input as an URI.
///
/// # Errors
/// For a file that is not there.
pub fn uri(input: &str) -> Result<String> {
    if input.contains("://") {
        return Ok(input.to_owned());
    }
    if input.starts_with("/dev/video") {
        return Ok(format!("v4l2://{input}"));
    }
    let path = Path::new(input);
    readable("input", path)?;
    Ok(gst::glib::filename_to_uri(std::path::absolute(path)?, None)?.into())
}

/// What an input is called in the report: a file's name, else the whole URI without its password.
pub fn input_name(input: &str) -> String {
    if let Some((scheme, rest)) = input.split_once("://") {
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        return format!("{scheme}://{rest}");
    }
    file_name(Path::new(input))
}

/// The last component of a path.
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|| path.display().to_string())
}

fn readable(what: &str, path: &Path) -> Result<()> {
    let metadata = std::fs::metadata(path)
        .map_err(|error| format!("{what}: {} cannot be read: {error}", path.display()))?;
    if !metadata.is_file() {
        return Err(format!("{what}: {} is not a file", path.display()).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_and_uris_are_understood() {
        for (input, expected, name) in [
            ("/dev/video2", "v4l2:///dev/video2", "video2"),
            (
                "rtsp://u:p@cam/1",
                "rtsp://u:p@cam/1",
                "rtsp://cam/1", // no password in a picture that is passed on
            ),
        ] {
            assert_eq!(uri(input).unwrap(), expected);
            assert_eq!(input_name(input), name);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = uri("no such.mp4").unwrap_err().to_string();
        assert!(
            error.starts_with("input: no such.mp4 cannot be read"),
            "{error}"
        );
        let args = Args::parse_from(["demo", "--model", "no such.onnx"]);
        let error = args.check().unwrap_err().to_string();
        assert!(error.starts_with("model: no such.onnx"), "{error}");
    }

    #[test]
    fn nothing_is_needed() {
        let args = Args::parse_from(["demo"]);
        assert!(args.check().is_ok() && args.model.is_none() && args.input.is_none());
    }
}
