//! A TensorRT without a GPU, from `tests/fake/tensorrt`, together with a driver without one.
//!
//! It reads ONNX files of elementwise operators and scalar weights, builds plans with TensorRT's
//! head, and really computes: its work goes onto streams of the fake driver, by `cuLaunchHostFunc`.

#![allow(dead_code, reason = "each test uses a part of it")]

use crate::cuda::{Cuda, compile, nvidia, sources};
use std::ffi::{CString, c_char, c_int};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use vigil_nvidia::driver::Context;
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{
    BuildOptions, Cancel, Engine, Library, LogCallback, Plan, Search, Severity, TensorRtError,
    build,
};

/// Lines that were logged.
pub type Log = Arc<Mutex<Vec<(Severity, String)>>>;

/// A driver, and TensorRT's libraries in a folder. When it is dropped, which has to be after all
/// that came of it, the test fails if something was done wrong or is left.
pub struct Fake {
    pub family: Family,
    pub cuda: Cuda,
    pub log: Log,
    folder: tempfile::TempDir,
    libraries: Vec<libloading::Library>,
}

impl Fake {
    /// The libraries of a version, with these faults, as `key=value` with commas between.
    pub fn new(family: Family, faults: &str) -> Self {
        Self::on(Cuda::new(""), family, faults)
    }

    /// The same on a driver of the test's choice.
    pub fn on(cuda: Cuda, family: Family, faults: &str) -> Self {
        let sources_folder = nvidia().join("tests/fake/tensorrt");
        let major = family.major();
        let made = compile(
            &format!("tensorrt-{major}"),
            &sources(&sources_folder, "cpp"),
            &[sources_folder],
            &[&format!("-DTRT_MAJOR={major}")],
        );
        let folder = tempfile::tempdir().unwrap();
        // The library and the parser are copies of one file, each with a state of its own.
        let libraries = ["nvinfer", "nvonnxparser"].map(|name| {
            let path = folder.path().join(format!("lib{name}.so.{major}"));
            std::fs::copy(&made, &path).unwrap();
            // SAFETY: made above, without constructors.
            unsafe { libloading::Library::new(&path) }.unwrap()
        });
        let fake = Self {
            family,
            cuda,
            log: Log::default(),
            folder,
            libraries: libraries.into(),
        };
        fake.set(&format!("cuda={}", fake.cuda.path().display()));
        fake.set(faults);
        fake
    }

    /// Where the libraries are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// More faults.
    pub fn set(&self, faults: &str) {
        let text = CString::new(faults).unwrap();
        for library in &self.libraries {
            type Set = unsafe extern "C" fn(*const c_char);
            // SAFETY: the signature is that of the fake's source.
            unsafe { library.get::<Set>(b"vigil_fake_trt_set").unwrap()(text.as_ptr()) };
        }
    }

    /// How often a function of the library was called.
    pub fn calls(&self, name: &str) -> usize {
        type Calls = unsafe extern "C" fn(*const c_char) -> c_int;
        let name = CString::new(name).unwrap();
        // SAFETY: the signature is that of the fake's source.
        unsafe {
            self.libraries[0]
                .get::<Calls>(b"vigil_fake_trt_calls")
                .unwrap()(name.as_ptr()) as usize
        }
    }

    fn report(&self) -> String {
        type Report = unsafe extern "C" fn(*mut c_char, usize);
        let reports = self.libraries.iter().map(|library| {
            let mut text = vec![0u8; 4096];
            // SAFETY: the signature is that of the fake's source; so many bytes.
            unsafe {
                library.get::<Report>(b"vigil_fake_trt_report").unwrap()(
                    text.as_mut_ptr().cast(),
                    text.len(),
                )
            };
            let end = text.iter().position(|byte| *byte == 0).unwrap();
            String::from_utf8_lossy(&text[..end]).into_owned()
        });
        reports.collect()
    }

    /// Opens it.
    pub fn open(&self) -> Result<Library, TensorRtError> {
        let search = Search {
            folder: Some(self.folder().into()),
        };
        Library::open(&search, &self.cuda.driver(), self.callback())
    }

    pub fn callback(&self) -> LogCallback {
        let log = self.log.clone();
        Arc::new(move |severity, text| log.lock().unwrap().push((severity, text.to_owned())))
    }

    /// Whether a line that was logged has this in it.
    pub fn logged(&self, part: &str) -> bool {
        self.log
            .lock()
            .unwrap()
            .iter()
            .any(|(_, text)| text.contains(part))
    }

    /// Opened, with the primary context of the first GPU.
    pub fn session(&self) -> Session {
        Session {
            library: self.open().unwrap(),
            context: self.cuda.context(),
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let report = self.report();
            assert!(report.is_empty(), "the fake TensorRT says:\n{report}");
        }
    }
}

/// An opened library and where it works.
#[derive(Clone)]
pub struct Session {
    pub library: Library,
    pub context: Context,
}

impl Session {
    /// Builds with no callbacks.
    pub fn build(&self, onnx: &[u8], options: &BuildOptions) -> Result<Vec<u8>, TensorRtError> {
        let path = Path::new("net.onnx");
        let cancel = Cancel::default();
        build(
            &self.library,
            &self.context,
            onnx,
            path,
            options,
            Arc::new(|_| {}),
            &cancel,
        )
    }

    /// An engine of a plan.
    pub fn load(&self, plan: Vec<u8>) -> Result<Engine, TensorRtError> {
        let plan = Plan::of(plan, Path::new("net.plan"))?;
        Engine::load(&self.library, &self.context, &plan, true)
    }

    /// An engine of a file.
    pub fn engine(&self, onnx: &[u8], options: &BuildOptions) -> Engine {
        self.load(self.build(onnx, options).unwrap()).unwrap()
    }
}

/// Runs a test with each version.
pub fn each(faults: &str, test: impl Fn(&Fake, Session)) {
    for family in Family::ALL {
        let fake = Fake::new(family, faults);
        test(&fake, fake.session());
    }
}

/// A folder of the test's own.
pub fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}
