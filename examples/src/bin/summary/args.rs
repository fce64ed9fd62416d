//! The command line.

use clap::Parser;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::run::Run;

/// Makes one HTML page, which needs no network, of an events file.
#[derive(Debug, Parser)]
#[command(name = "summary", version)]
pub struct Args {
    /// Events as JSON Lines (schema vigil/1), of one stream or several
    pub events: PathBuf,

    /// Objects of each frame as JSON Lines, from the `objects` pads
    #[arg(long, value_name = "JSONL")]
    pub objects: Option<PathBuf>,

    /// The video, from the first frame that was analysed on, for pictures of moments
    #[arg(long, value_name = "FILE")]
    pub video: Option<PathBuf>,

    /// Stream of the events that the video shows, where there are several
    #[arg(long, value_name = "NAME", requires = "video")]
    pub video_stream: Option<String>,

    /// Figures of the run as JSON: speed, latency, comparison with the truth
    #[arg(long, value_name = "JSON")]
    pub run: Option<PathBuf>,

    /// Title of the page [default: the run's input, or the name of the events file]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// The page to write
    #[arg(long, short, value_name = "HTML", default_value = "summary.html")]
    pub output: PathBuf,
}

impl Args {
    /// Looks for what can be known to be wrong before anything is read.
    ///
    /// # Errors
    /// For an output that is one of the inputs, or whose folder is not there.
    pub fn check(&self) -> Result<()> {
        let inputs = [&self.objects, &self.video, &self.run];
        let inputs = inputs.into_iter().flatten().chain([&self.events]);
        if let Ok(output) = self.output.canonicalize() {
            for input in inputs {
                if input.canonicalize().is_ok_and(|input| input == output) {
                    let input = input.display();
                    return Err(format!("output: it would overwrite the input {input}").into());
                }
            }
        }
        let folder = self.output.parent().filter(|f| !f.as_os_str().is_empty());
        match folder {
            Some(folder) if !folder.is_dir() => {
                Err(format!("output: there is no folder {}", folder.display()).into())
            }
            _ => Ok(()),
        }
    }

    /// The title of the page.
    pub fn title(&self, run: &Run) -> String {
        let given = self.title.clone().or_else(|| run.input.clone());
        given.unwrap_or_else(|| file_name(&self.events))
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
