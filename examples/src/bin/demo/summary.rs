//! The page that sums the run up, made by the `summary` app that is built beside this one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::pipeline::Files;

/// Makes the page. One that cannot be made is told, and is no error: the results are there without
/// it.
pub fn write(files: &Files) {
    let app = std::env::current_exe()
        .map(|this| this.with_file_name("summary"))
        .unwrap_or_else(|_| "summary".into());
    if let Err(reason) = run(&app, files) {
        eprintln!("demo: WARNING: no summary.html: {reason}");
    }
}

fn run(app: &Path, files: &Files) -> Result<(), String> {
    let name = app.display();
    if !app.is_file() {
        return Err(format!(
            "{name} is not there; build it with: cargo build -p vigil-examples --bin summary"
        ));
    }
    let output = Command::new(app)
        .arg(&files.events)
        .arg("--objects")
        .arg(&files.objects)
        .arg("--video")
        .arg(&files.video)
        .arg("--run")
        .arg(&files.run)
        .arg("--output")
        .arg(&files.summary)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{name} failed: {}", said.trim()));
    }
    if !files.summary.is_file() {
        return Err(format!("{name} left no page"));
    }
    eprint!("{said}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_page_that_cannot_be_made_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path());
        let app = folder.path().join("summary");
        let reason = run(&app, &files).unwrap_err();
        assert!(
            reason.contains("summary is not there; build it with"),
            "{reason}"
        );
        for (script, expected) in [
            ("echo no events >&2; exit 3", "failed: no events"),
            ("true", "left no page"),
        ] {
            std::fs::write(&app, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&app, PermissionsExt::from_mode(0o755)).unwrap();
            let reason = run(&app, &files).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
