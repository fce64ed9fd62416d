//! Checks and measures Vigil on a machine that has an NVIDIA GPU. `tests/gpu/run` calls it step by
//! step; `docs/gpu.md` says how.
//!
//! | module | what it does |
//! |---|---|
//! | [`machine`] | what is there: GPU, driver, TensorRT; whether they are real |
//! | [`model`], [`frames`] | models and pictures, for all steps |
//! | [`check`], [`agree`] | the same numbers and boxes as on the CPU |
//! | [`kernels`] | the kernels alone: the checks of `plugins/detect/tests/gpu_kernels` |
//! | [`element`] | `vigildetect` in a pipeline, frames in system and GPU memory |
//! | [`faults`], [`plans`] | what goes wrong: memory, builds, files of plans |
//! | [`leaks`] | memory is back where it was |
//! | [`bench`] | figures |
//! | [`caption`] | how soon a model that captions answers, where there is a server |
//! | [`record`], [`report`] | what was found, as JSON and as Markdown |
//! | [`tiny`] | a model that fake libraries can compute, for rehearsals |

mod agree;
mod bench;
mod caption;
mod check;
mod element;
mod faults;
mod frames;
mod leaks;
mod machine;
mod model;
mod plans;
mod record;
mod report;
mod tiny;

#[path = "../../../plugins/detect/tests/gpu_kernels/checks/mod.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test, and is caught by `record`"
)]
mod kernels;

use clap::{Args, Parser, Subcommand};
use model::{Floats, Subject};
use std::path::PathBuf;
use std::process::ExitCode;

/// What went wrong, for people.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Checks and measures Vigil on an NVIDIA GPU.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What this machine has
    Info(Common),
    /// The same numbers and boxes as on the CPU
    Check(check::Options),
    /// `vigildetect` in a pipeline
    Element(element::Options),
    /// What goes wrong is said, and what can go on goes on
    Faults(faults::Options),
    /// Memory is back where it was after loading, running and dropping
    Leaks(leaks::Options),
    /// Frames a second, latencies, shares of cores
    Bench(bench::Options),
    /// How soon a model that captions answers
    Caption(caption::Options),
    /// Markdown of the steps' files
    Report(report::Options),
    /// Writes the model of rehearsals
    #[command(hide = true)]
    TinyModel {
        /// Where to
        file: PathBuf,
    },
    /// Takes a plan from a cache or builds it; one of two processes that do
    #[command(hide = true)]
    BuildOnce(plans::BuildOnce),
}

/// What all steps are told.
#[derive(Args, Clone)]
struct Common {
    /// Folder for the JSON of each step
    #[arg(long, default_value = "target/gpu/results")]
    out: PathBuf,
    /// Number of the GPU
    #[arg(long, default_value_t = 0)]
    device: u32,
    /// An ONNX file, or `builtin`; may be given several times
    #[arg(long = "model", default_value = "builtin")]
    models: Vec<Subject>,
    /// What the GPU calculates in; the first one where a step needs one only
    #[arg(long, value_delimiter = ',', default_value = "f16,f32")]
    precision: Vec<Floats>,
    /// The most pictures of a batch: plans are built for so many, once for all steps
    #[arg(long, default_value_t = 64)]
    most: usize,
}

impl Common {
    /// The model and the precision of steps that need one only.
    fn first(&self) -> Result<(&Subject, Floats), Failure> {
        let model = self.models.first().ok_or("no model")?;
        Ok((model, *self.precision.first().ok_or("no precision")?))
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Info(common) => machine::info(&common),
        Command::Check(options) => check::run(&options),
        Command::Element(options) => element::run(&options),
        Command::Faults(options) => faults::run(&options),
        Command::Leaks(options) => leaks::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Caption(options) => caption::run(&options),
        Command::Report(options) => report::run(&options),
        Command::TinyModel { file } => tiny::write(&file),
        Command::BuildOnce(options) => plans::build_once(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vigil-gpu: {error}");
            ExitCode::FAILURE
        }
    }
}
