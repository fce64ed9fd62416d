//! The command line, and what its words mean.

use clap::Parser;
use std::path::{Path, PathBuf};

use crate::Result;

/// Detects, tracks and reports what happens in a video or before a camera.
#[derive(Debug, Parser)]
#[command(name = "demo")]
pub struct Args {
    /// The detection model, an ONNX file.
    #[arg(long)]
    pub model: PathBuf,
    /// A video file, an URI (rtsp://…, v4l2:///dev/video0) or a camera (/dev/video0).
    #[arg(long)]
    pub input: String,
    /// What to report, a TOML file; default: objects that appear and leave.
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
    /// Stop after this many frames.
    #[arg(long)]
    pub frames: Option<u64>,
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number of seconds above 0 is needed".into()),
    }
}

impl Args {
    /// Refuses files that are not there, before anything is built.
    pub fn check(&self) -> Result<()> {
        readable("model", &self.model)?;
        if let Some(rules) = &self.rules {
            readable("rules", rules)?;
        }
        Ok(())
    }

    /// The input as an URI.
    ///
    /// # Errors
    /// For a file that is not there.
    pub fn uri(&self) -> Result<String> {
        if self.input.contains("://") {
            return Ok(self.input.clone());
        }
        if self.input.starts_with("/dev/video") {
            return Ok(format!("v4l2://{}", self.input));
        }
        let path = Path::new(&self.input);
        readable("input", path)?;
        Ok(gst::glib::filename_to_uri(std::path::absolute(path)?, None)?.into())
    }

    /// What the input is called in the report: a file's name, else the whole URI without its
    /// password.
    pub fn input_name(&self) -> String {
        if let Some((scheme, rest)) = self.input.split_once("://") {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            return format!("{scheme}://{rest}");
        }
        file_name(Path::new(&self.input))
    }
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

    fn args(input: &str) -> Args {
        Args::parse_from(["demo", "--model", "m.onnx", "--input", input])
    }

    #[test]
    fn cameras_and_uris_are_understood() {
        for (input, uri, name) in [
            ("/dev/video2", "v4l2:///dev/video2", "video2"),
            (
                "rtsp://u:p@cam/1",
                "rtsp://u:p@cam/1",
                "rtsp://cam/1", // no password in a picture that is passed on
            ),
        ] {
            let args = args(input);
            assert_eq!(args.uri().unwrap(), uri);
            assert_eq!(args.input_name(), name);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = args("no such.mp4").uri().unwrap_err().to_string();
        assert!(
            error.starts_with("input: no such.mp4 cannot be read"),
            "{error}"
        );
    }
}
