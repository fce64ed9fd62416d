//! Builds and files of plans: what is cancelled, cut off, foreign, or wanted by two at once.

use crate::model::{Floats, Subject};
use crate::record::{Checked, Recorder, passed};
use crate::{Common, Failure};
use gstvigildetect::engine::gpu::Gpu;
use gstvigildetect::engine::tensorrt;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use vigil_nvidia::tensorrt::{
    Batches, BuildOptions, Cache, Cancel, Engine, Key, Library, Plan, TensorRtError, build,
};

/// How this program is started, where it is not by its own file.
const SELF: &str = "VIGIL_GPU_SELF";

#[derive(clap::Args)]
pub struct BuildOnce {
    #[arg(long)]
    cache: PathBuf,
    #[arg(long)]
    model: Subject,
    #[arg(long)]
    device: u32,
    /// Of the input
    #[arg(long)]
    width: u32,
    /// Of the input
    #[arg(long)]
    height: u32,
}

/// A model that is built into a cache.
struct Job {
    gpu: Arc<Gpu>,
    library: Library,
    onnx: Vec<u8>,
    options: BuildOptions,
    key: Key,
}

impl Job {
    fn new(subject: &Subject, device: u32, size: (u32, u32)) -> Result<Self, Failure> {
        let library = tensorrt::library()?;
        let gpu = Gpu::get(device)?;
        let onnx = subject.content()?;
        let options = BuildOptions {
            batches: Batches::up_to(1),
            size: Some(size),
            // The quickest build: what it makes is not what matters.
            level: Some(0),
            ..BuildOptions::default()
        };
        let key = Key::new(&library, gpu.context(), &onnx, &options);
        Ok(Self {
            gpu,
            library,
            onnx,
            options,
            key,
        })
    }

    fn build(&self, cancel: &Cancel, stop: bool) -> Result<Vec<u8>, TensorRtError> {
        let (progress, cancelled) = (cancel.clone(), cancel);
        build(
            &self.library,
            self.gpu.context(),
            &self.onnx,
            Path::new("model.onnx"),
            &self.options,
            Arc::new(move |_| {
                if stop {
                    progress.cancel();
                }
            }),
            cancelled,
        )
    }

    /// The engine from a cache, and whether it was built for that.
    fn engine(&self, cache: &Cache) -> Result<(Engine, bool), TensorRtError> {
        let (cancel, built) = (Cancel::default(), Cell::new(false));
        let engine = cache.engine(
            &self.library,
            self.gpu.context(),
            &self.key,
            &cancel,
            || {
                built.set(true);
                self.build(&cancel, false)
            },
        )?;
        Ok((engine, built.get()))
    }
}

/// One of two processes that want the same plan.
pub fn build_once(options: &BuildOnce) -> Result<bool, Failure> {
    let job = Job::new(
        &options.model,
        options.device,
        (options.height, options.width),
    )?;
    let (_, built) = job.engine(&Cache::at(&options.cache))?;
    println!("{}", if built { "built" } else { "kept" });
    Ok(true)
}

/// All checks of this module.
pub fn checks(
    recorder: &mut Recorder,
    subject: &Subject,
    floats: Floats,
    common: &Common,
) -> Result<(), Failure> {
    let mut job = None;
    let mut size = (0, 0);
    recorder.check("a build that is given up ends as that", || {
        let model = subject.on_gpu(floats, common)?;
        let input = &model.loaded.spec.input;
        size = (input.height, input.width);
        let made = Job::new(subject, common.device, size)?;
        let verdict = cancelled(&made);
        job = Some(made);
        verdict
    })?;
    let Some(job) = job else { return Ok(()) };
    recorder.check(
        "a plan in the cache that is cut off or foreign is built again",
        || damaged(&job),
    )?;
    recorder.check("a plan that is none is an error", || foreign(&job))?;
    recorder.check(
        "of two processes that want the same plan one builds",
        || two_processes(subject, common.device, size),
    )
}

fn cancelled(job: &Job) -> Checked {
    let version = job.library.version();
    let (cancel, how) = (
        Cancel::default(),
        match version.major {
            ..10 => "before it began: this version is asked no more later",
            _ => "at its first step",
        },
    );
    if version.major < 10 {
        cancel.cancel();
    }
    match job.build(&cancel, true) {
        Err(error @ TensorRtError::Cancelled { .. }) => passed(format!("{how}: {error}")),
        Err(error) => Err(format!("another error: {error}").into()),
        Ok(_) => Err("it was built all the same".into()),
    }
}

fn damaged(job: &Job) -> Checked {
    let folder = tempfile::tempdir()?;
    let cache = Cache::at(folder.path());
    let path = cache.path(&job.key);
    let expect = |what: &str, builds: bool| -> Result<(), Failure> {
        match job.engine(&cache) {
            Ok((_, built)) if built == builds => Ok(()),
            Ok((_, true)) => Err(format!("{what}: built again").into()),
            Ok((_, false)) => Err(format!("{what}: taken").into()),
            Err(error) => Err(format!("{what}: {error}").into()),
        }
    };
    expect("the first time", true)?;
    expect("the second time", false)?;
    let whole = std::fs::read(&path)?;
    let mut flipped = whole.clone();
    if let Some(last) = flipped.last_mut() {
        *last ^= 1;
    }
    let of_another =
        String::from_utf8_lossy(&whole[..whole.len().min(64)]).replace("model ", "model 0");
    let cases: [(&str, Vec<u8>); 4] = [
        ("cut off", whole[..whole.len() - whole.len() / 3].to_vec()),
        ("damaged", flipped),
        (
            "of another model",
            [of_another.as_bytes(), &whole[64.min(whole.len())..]].concat(),
        ),
        ("empty", Vec::new()),
    ];
    for (what, content) in &cases {
        std::fs::write(&path, content)?;
        expect(what, true)?;
        expect("after that", false)?;
    }
    passed(cases.map(|(what, _)| what).join(", "))
}

fn foreign(job: &Job) -> Checked {
    let plan = job.build(&Cancel::default(), false)?;
    let half = plan[..plan.len() / 2].to_vec();
    let mut said = Vec::new();
    for (what, bytes) in [
        ("half of a plan", half),
        ("text", b"no plan at all".repeat(100)),
    ] {
        let path = Path::new("foreign.plan");
        let loaded = Plan::of(bytes, path).and_then(|plan| {
            plan.check(job.library.version())?;
            Engine::load(&job.library, job.gpu.context(), &plan, false)
        });
        match loaded {
            Ok(_) => return Err(format!("{what} is taken for a plan").into()),
            Err(error) => said.push(error.to_string().lines().next().unwrap_or("").to_owned()),
        }
    }
    passed(said.join("; "))
}

fn two_processes(subject: &Subject, device: u32, (height, width): (u32, u32)) -> Checked {
    let folder = tempfile::tempdir()?;
    let program = match std::env::var_os(SELF) {
        Some(program) => program.into(),
        None => std::env::current_exe()?,
    };
    let start = || {
        let mut command = Command::new(&program);
        command.arg("build-once").arg("--cache").arg(folder.path());
        command.arg("--model").arg(subject.argument());
        for (name, number) in [
            ("--device", device),
            ("--width", width),
            ("--height", height),
        ] {
            command.arg(name).arg(number.to_string());
        }
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut said = Vec::new();
    for child in [start()?, start()?] {
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", output.status, error.trim()).into());
        }
        // TensorRT and the driver may print too.
        let line = text.lines().find(|line| ["built", "kept"].contains(line));
        said.push(line.unwrap_or("nothing").to_owned());
    }
    said.sort();
    match said.join(", ").as_str() {
        text @ "built, kept" => passed(text),
        text => Err(text.into()),
    }
}
