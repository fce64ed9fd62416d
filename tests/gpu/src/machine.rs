//! What this machine has, and whether it is real.

use crate::record::{Recorder, Verdict, passed};
use crate::{Common, Failure};
use gstvigildetect::engine::EngineKind;
use gstvigildetect::engine::gpu::Gpu;
use gstvigildetect::engine::tensorrt;
use serde::{Deserialize, Serialize};
use std::path::Path;
use vigil_nvidia::driver::{Context, Driver};

/// Functions that only the fake libraries of `plugins/nvidia/tests/fake` have.
const OF_FAKES: [&[u8]; 2] = [b"vigil_fake_cuda_report\0", b"vigil_fake_trt_report\0"];

/// A GPU.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GpuInfo {
    pub name: String,
    pub capability: String,
    pub memory_bytes: usize,
    pub uuid: String,
}

/// A library of NVIDIA's, or one that stands for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Found {
    pub version: String,
    pub path: String,
    pub fake: bool,
}

/// What a machine has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Machine {
    pub gpus: Vec<GpuInfo>,
    /// The newest CUDA that the driver serves.
    pub driver: Option<Found>,
    /// The kernel module's line, where there is one.
    pub kernel_module: Option<String>,
    pub tensorrt: Option<Found>,
    pub gstreamer: String,
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    /// Why something is not there.
    pub missing: Vec<String>,
}

impl Machine {
    /// Looks at this machine. What is missing is noted, and is no error.
    pub fn look(device: u32) -> Self {
        let mut this = Self {
            kernel_module: first_line("/proc/driver/nvidia/version"),
            gstreamer: gst::version_string().to_string(),
            cpu: cpu(),
            cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
            kernel: first_line("/proc/sys/kernel/osrelease").unwrap_or_default(),
            ..Self::default()
        };
        match Driver::load() {
            Ok(driver) => this.look_at_driver(&driver),
            Err(error) => this.missing.push(error.to_string()),
        }
        match tensorrt::library() {
            Ok(library) => {
                this.tensorrt = Some(found(library.version().to_string(), library.path()));
            }
            Err(error) => this.missing.push(error.to_string()),
        }
        if let Err(error) = Gpu::get(device) {
            this.missing.push(error.to_string());
        }
        this
    }

    fn look_at_driver(&mut self, driver: &Driver) {
        let version = driver.version();
        let version = format!("{}.{}", version / 1000, version % 1000 / 10);
        self.driver = Some(found(version, driver.table().path()));
        match driver.devices() {
            Ok(devices) => {
                self.gpus = (devices.iter())
                    .map(|device| {
                        let (major, minor) = device.capability();
                        GpuInfo {
                            name: device.name().into(),
                            capability: format!("{major}.{minor}"),
                            memory_bytes: device.memory(),
                            uuid: device.uuid(),
                        }
                    })
                    .collect();
            }
            Err(error) => self.missing.push(error.to_string()),
        }
    }

    /// Whether what stands for NVIDIA's libraries is none of them. What they do says nothing about
    /// a GPU.
    pub fn is_rehearsal(&self) -> bool {
        [&self.driver, &self.tensorrt]
            .into_iter()
            .flatten()
            .any(|library| library.fake)
    }
}

fn found(version: String, path: &Path) -> Found {
    // SAFETY: it is loaded already, so that none of its constructors runs.
    let library = unsafe { libloading::Library::new(path) };
    let fake = library.is_ok_and(|library| {
        // SAFETY: only whether it is there is asked.
        let has = |name: &&[u8]| unsafe { library.get::<unsafe extern "C" fn()>(*name) }.is_ok();
        OF_FAKES.iter().any(has)
    });
    Found {
        version,
        path: path.display().to_string(),
        fake,
    }
}

fn first_line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    model.unwrap_or("unknown").to_owned()
}

/// The context that steps work in.
pub fn context(device: u32) -> Result<Context, Failure> {
    Ok(Context::primary(&Driver::load()?.device(device as usize)?)?)
}

/// The step `info`.
pub fn info(common: &Common) -> Result<bool, Failure> {
    let machine = Machine::look(common.device);
    let mut recorder = Recorder::new("info", &common.out, machine.clone())?;
    let missing = machine.missing.join("; ");
    recorder.check("a driver and a GPU", || {
        match machine.gpus.get(common.device as usize) {
            Some(gpu) => passed(format!("{}, {} in all", gpu.name, machine.gpus.len())),
            None => Err(missing.clone().into()),
        }
    })?;
    recorder.check("TensorRT", || match &machine.tensorrt {
        Some(library) => passed(format!("{} at {}", library.version, library.path)),
        None => Err(missing.clone().into()),
    })?;
    recorder.check("an engine of the CPU to compare with", || {
        let there = EngineKind::OnnxRuntime.candidates();
        match there.iter().find(|path| path.is_file()) {
            Some(path) => passed(format!("ONNX Runtime at {}", path.display())),
            None => passed("rten, which is built in; ONNX Runtime was not found"),
        }
    })?;
    for model in &common.models {
        recorder.check(format!("model {model}"), || match model.bytes() {
            Ok(bytes) => passed(format!("{bytes} bytes")),
            Err(error) => Ok(Verdict::Skipped(error.to_string())),
        })?;
    }
    recorder.finish()
}
