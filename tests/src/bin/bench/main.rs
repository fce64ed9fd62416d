//! `make bench`: what the suite costs, as ratios within one run.
//!
//! Absolute times say little on a busy machine, so everything that is compared runs in turns, and
//! the table gives medians. The same figures go to `target/bench/<name>.json`.

mod caption;
mod cost;
mod cpu;
mod decode;
mod detector;
mod files;
mod gate;
mod peer;
mod scene;
mod streams;
mod table;
mod visual;

use clap::Parser;
use std::error::Error;
use std::path::{Path, PathBuf};
use table::Table;
use vigil_tests::assets;

/// Benchmarks of the suite.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// A video file (default: vtest of the optional local test assets).
    #[arg(long)]
    video: Option<PathBuf>,
    /// An ONNX model; with dynamic axes it is run at each size (default: yolov8n of the assets).
    #[arg(long)]
    model: Option<PathBuf>,
    /// Sides of the model's input.
    #[arg(long, value_delimiter = ',', default_value = "320,640")]
    sizes: Vec<u32>,
    /// Engine, as the property of vigildetect.
    #[arg(long, default_value = "auto")]
    engine: String,
    /// Threads for inference (0: one for each core).
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// How often each comparison is made.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Only those whose name begins so: preprocess, decode, gate, tracker, visual-cost, visual,
    /// rules, scene, caption, still, detect, cpu, streams, peer, files.
    #[arg(long)]
    only: Option<String>,
    /// Where the JSON goes.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

impl Arguments {
    fn wants(&self, name: &str) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| name.starts_with(only))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    vigil_tests::init();
    let threads = match arguments.threads {
        0 => std::thread::available_parallelism()?.get(),
        n => n,
    };
    let mut tables = Vec::new();
    if arguments.wants("preprocess") {
        tables.push(cost::preprocess(arguments.repeat));
    }
    if arguments.wants("decode") {
        tables.push(decode::decode(arguments.repeat));
    }
    if arguments.wants("gate") {
        tables.push(gate::cost(arguments.repeat));
    }
    if arguments.wants("tracker") {
        tables.push(cost::tracker());
    }
    if arguments.wants("visual-cost") {
        tables.push(visual::cost(arguments.repeat));
    }
    if arguments.wants("rules") {
        tables.push(cost::rules()?);
    }
    if arguments.wants("scene") {
        tables.push(scene::scene(arguments.repeat)?);
    }
    if arguments.wants("caption") {
        tables.push(caption::cost()?);
        tables.push(caption::pace()?);
        tables.push(caption::cancel(arguments.repeat)?);
        tables.push(caption::fair()?);
    }
    if arguments.wants("still") {
        tables.push(gate::saving(arguments.repeat)?);
    }
    let video = arguments
        .video
        .clone()
        .or_else(|| assets::find("videos/vtest_480x360_h264.mp4"));
    let model = arguments
        .model
        .clone()
        .or_else(|| assets::find("models/yolov8n_dynamic.onnx"));
    if arguments.wants("visual") {
        tables.push(visual::gain(arguments.video.as_deref(), model.as_deref())?);
    }
    if let (Some(video), Some(model)) = (&video, &model) {
        let job = detector::Job {
            video,
            model,
            engine: &arguments.engine,
            threads,
            repeat: arguments.repeat,
        };
        if arguments.wants("detect") {
            tables.push(detector::compare(&job, &arguments.sizes)?);
        }
        if arguments.wants("cpu") {
            tables.push(cpu::compare(&job, &arguments.sizes)?);
        }
        if arguments.wants("streams") {
            tables.push(streams::compare(&job, &arguments.sizes)?);
        }
        if arguments.wants("peer") {
            tables.push(peer::compare(&job, &arguments.sizes)?);
        }
        if arguments.wants("files") && arguments.video.is_none() && arguments.model.is_none() {
            tables.push(files::compare(threads, arguments.repeat)?);
        }
    } else {
        println!(
            "detect, cpu, streams and peer need a video and a model: make bench VIDEO=… MODEL=…\n"
        );
    }
    for table in &tables {
        println!("{table}");
        save(&arguments.output, table)?;
    }
    println!("JSON: {}", arguments.output.display());
    Ok(())
}

fn save(folder: &Path, table: &Table) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.json", table.name));
    std::fs::write(path, serde_json::to_vec_pretty(&table.to_json())?)?;
    Ok(())
}
