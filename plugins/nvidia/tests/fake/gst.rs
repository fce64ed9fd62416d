//! Fake libraries that need GStreamer's headers.

use super::fake::{compile as compile_with, nvidia, sources};
use std::path::PathBuf;
use std::process::Command;

/// The library of a folder in `tests/fake`, compiled with these flags.
///
/// # Panics
/// If it does not compile.
pub fn compile(folder: &str, flags: &[&str]) -> PathBuf {
    let sources_in = nvidia().join("tests/fake").join(folder);
    let mut config = Command::new("pkg-config");
    let packages = ["gstreamer-1.0", "gstreamer-video-1.0"];
    let result = config.arg("--cflags").args(packages).output().unwrap();
    assert!(result.status.success(), "pkg-config --cflags {packages:?}");
    let text = String::from_utf8(result.stdout).unwrap();
    // The libraries themselves are in the process already.
    let flags: Vec<&str> = flags
        .iter()
        .copied()
        .chain(text.split_whitespace())
        .collect();
    let name = format!("{folder}{}", flags[0].replace(['/', '='], "-"));
    compile_with(&name, &sources(&sources_in, "cpp"), &[sources_in], &flags)
}
