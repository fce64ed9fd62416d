//! What the tests of the apps share.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder of this crate.
pub fn examples() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with this build's plugins and nothing else.
fn plugins() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // Cargo builds them beside this test, for they are dependencies of this crate.
        let built = std::env::current_exe().unwrap();
        let built = built.parent().unwrap();
        let folder = built.join("vigil-plugins");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["detect", "track", "events", "testsrc"] {
            let library = format!("libgstvigil{name}.so");
            let from = built.join(&library);
            assert!(from.exists(), "{} was not built", from.display());
            let link = folder.join(&library);
            // A target folder that was moved or copied has links to where it was.
            if std::fs::read_link(&link).ok().as_ref() != Some(&from) {
                let new = folder.join(format!("{library}.{}", std::process::id()));
                std::os::unix::fs::symlink(&from, &new).unwrap();
                // Renamed in one step: another test may be loading it right now.
                std::fs::rename(&new, &link).unwrap();
            }
        }
        folder
    })
}

/// `command` with this build's plugins.
pub fn with_plugins(command: &mut Command) -> &mut Command {
    command
        .env("GST_PLUGIN_PATH", plugins())
        .env("GST_REGISTRY", plugins().join("registry.bin"))
}

/// Model and video, where the optional local test assets are.
pub fn assets() -> Option<(PathBuf, PathBuf)> {
    let assets = examples().join("../../shared/assets");
    let model = assets.join("models/yolov8n.onnx");
    let video = assets.join("videos/vtest_480x360_h264_aac.avi");
    if model.exists() && video.exists() {
        return Some((model, video));
    }
    println!("skipped: the optional local test assets (../shared/assets) are not there");
    None
}

/// Standard output and standard error.
pub fn text(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}
