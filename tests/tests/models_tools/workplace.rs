//! A cache, cards and files of a test's own, and the tools run in them as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A folder that has everything that a tool reads and writes.
pub struct Workplace {
    pub folder: tempfile::TempDir,
}

/// How a tool ended.
pub struct Ended {
    /// The exit status; -1 for a signal.
    pub status: i32,
    /// Standard output without its last newline.
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ended {
    /// The path that was printed; fails the test if the tool did not end well.
    pub fn path(&self) -> PathBuf {
        assert_eq!(self.status, 0, "{}", self.stderr);
        assert_eq!(self.stdout.lines().count(), 1, "{:?}", self.stdout);
        PathBuf::from(&self.stdout)
    }

    /// Fails the test unless the tool ended with this status and these words on standard error.
    pub fn says(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{}", self.stderr);
        assert_eq!(self.stdout, "");
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{word:?} is not in: {}",
                self.stderr
            );
        }
        assert!(!self.stderr.contains("Traceback"), "{}", self.stderr);
    }
}

impl Workplace {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("cards")).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A tool with nothing of this machine's own settings.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(root().join("models").join(name));
        for (key, _) in std::env::vars() {
            let own = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"];
            if own.contains(&key.to_lowercase().as_str()) || key.starts_with("HF_") {
                command.env_remove(key);
            }
        }
        command
            .env_remove("VIGIL_MODEL_MIRROR")
            .env("VIGIL_CACHE", self.path("cache"))
            .env("VIGIL_MODEL_CARDS", self.path("cards"))
            .stdin(Stdio::null());
        command
    }

    /// Runs `models/fetch` with these arguments.
    pub fn fetch(&self, arguments: &[&str]) -> Ended {
        self.tool("fetch").args(arguments).output().unwrap().into()
    }

    /// Where `models/fetch` puts a model.
    pub fn cached(&self, name: &str) -> PathBuf {
        self.path("cache/models").join(format!("{name}.onnx"))
    }

    /// What lies in the cache's folder of models, hidden files too.
    pub fn in_cache(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path("cache/models")) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Writes a card for a model of the given name and licence; `download` is the rest of its table.
    pub fn card(&self, name: &str, spdx: &str, url: &str, download: &str) {
        let text = CARD
            .replace("{name}", name)
            .replace("{spdx}", spdx)
            .replace("{download}", &format!("url = \"{url}\"\n{download}"));
        std::fs::write(self.path("cards").join(format!("{name}.toml")), text).unwrap();
    }

    /// Writes a card that knows the file's hash, under a permissive licence.
    pub fn known(&self, name: &str, url: &str, body: &[u8]) {
        self.card(
            name,
            "MIT",
            url,
            &format!("sha256 = \"{}\"\nwitnesses = 1", self.sha256(body)),
        );
    }

    /// The hash of these bytes, by a tool that is not ours.
    pub fn sha256(&self, body: &[u8]) -> String {
        let path = self.path("to-be-hashed");
        std::fs::write(&path, body).unwrap();
        let output = Command::new("sha256sum").arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()[..64].to_owned()
    }
}

/// Bytes that do not repeat, so that a piece in the wrong place is seen.
pub fn body(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .collect()
}

/// A card with everything that one must have.
pub const CARD: &str = r#"card = 1
name = "{name}"
title = "A test's model"
what = "nothing"

[source]
project = "https://example.org/"
published-by = "a test"

[licence]
spdx = "{spdx}"
url = "https://example.org/LICENSE"
note = "What it means."

[vigildetect]
supported = "yes"

[classes]
names = ["ball"]
count = 1

[input]
name = "images"
type = "f32"
layout = "nchw"
shape = [1, 3, 160, 160]
size = [160, 160]
colour = "rgb"
scale = 0.004
mean = [0, 0, 0]
std = [1, 1, 1]
fit = "letterbox-centre"
pad = 114

[[outputs]]
name = "output0"
type = "f32"
shape = [1, 5, 525]
holds = "candidates"

[boxes]
head = "yolov8"
format = "cxcywh"
units = "input-pixels"
score = "class"
strides = [8, 16, 32]
nms = true

[figures]
dataset = "none"
source = "https://example.org/"
ap = 1.0

[download]
{download}
"#;
