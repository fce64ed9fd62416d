//! A real llama-server with the tiny model.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::tiny;

/// The wheel's library, where `./dev engines xllamacpp` put it.
fn library() -> Option<PathBuf> {
    let default = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/vigil"));
    let cache = std::env::var_os("VIGIL_CACHE")
        .map(PathBuf::from)
        .or_else(default)?;
    let folders = std::fs::read_dir(cache.join("engines")).ok()?.flatten();
    let mut found: Vec<_> = folders
        .filter(|folder| {
            folder
                .file_name()
                .to_string_lossy()
                .starts_with("xllamacpp-")
        })
        .map(|folder| folder.path().join("xllamacpp.abi3.so"))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop()
}

/// What it takes to start a server.
pub struct Llama {
    pub spawn: String,
    pub model: String,
    pub mmproj: String,
    _folder: tempfile::TempDir,
}

impl Llama {
    /// A server with so many slots; a line on standard error where there is none.
    pub fn new(parallel: usize) -> Option<Self> {
        static TOLD: OnceLock<()> = OnceLock::new();
        let Some(library) = library() else {
            TOLD.get_or_init(|| {
                eprintln!("skipped: there is no llama.cpp: ./dev engines xllamacpp fetches it");
            });
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (model, mmproj) = (
            folder.path().join("text.gguf"),
            folder.path().join("vision.gguf"),
        );
        tiny::write(&model, &mmproj).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/llama-server");
        let text = |path: &Path| path.to_str().unwrap().to_string();
        Some(Self {
            spawn: format!(
                "/usr/bin/env 'LLAMA_LIBRARY={}' python3 '{}' --parallel {parallel}",
                text(&library),
                text(&script)
            ),
            model: text(&model),
            mmproj: text(&mmproj),
            _folder: folder,
        })
    }

    /// The properties that start it.
    pub fn properties(&self) -> Vec<(&str, &str)> {
        vec![
            ("spawn", &self.spawn),
            ("spawn-model", &self.model),
            ("spawn-mmproj", &self.mmproj),
            // It has to come up first, beside other tests.
            ("deadline", "60000000000"),
            ("first-token-timeout", "50000000000"),
            ("idle-timeout", "50000000000"),
            ("max-age", "60000000000"),
            ("min-interval", "0"),
            ("per-minute", "0"),
        ]
    }
}
