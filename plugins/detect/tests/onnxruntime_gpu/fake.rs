//! An ONNX Runtime for GPUs without a GPU, from `tests/fake/onnxruntime` of the crate `vigil-nvidia`,
//! together with a driver without one.

use crate::cuda::{Cuda, compile, nvidia, sources};
use gstvigildetect::engine::EngineKind;
use std::ffi::{CString, c_char, c_int};
use std::mem::offset_of;
use std::path::PathBuf;

/// A driver, and the library in a folder. When it is dropped, which has to be after all that came of
/// it, the test fails if something was done wrong or is left.
pub struct Fake {
    pub cuda: Cuda,
    folder: tempfile::TempDir,
    library: libloading::Library,
}

/// Where a function is in the library's table, as the compiler is told.
macro_rules! slots {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), offset_of!(ort::sys::OrtApi, $name) / size_of::<usize>())),*]
    };
}

/// A process with this ONNX Runtime and these faults, as if they were installed; `None`, with a line that
/// says so, where the real one, which computes, was not fetched. Drop what uses it before.
pub fn installed(faults: &str) -> Option<Fake> {
    installed_on(Cuda::new(""), faults)
}

/// The same on a driver of the test's choice.
pub fn installed_on(cuda: Cuda, faults: &str) -> Option<Fake> {
    let Some(real) = real() else {
        println!("skipped: no ONNX Runtime here (./dev engines fetches it)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    std::fs::copy(compiled(), &path).unwrap();
    // What tells it from one for CPUs.
    std::fs::write(folder.path().join("libonnxruntime_providers_cuda.so"), "").unwrap();
    // SAFETY: made above, without constructors.
    let library = unsafe { libloading::Library::new(&path) }.unwrap();
    let variables = [
        ("VIGIL_CUDA", cuda.path()),
        ("VIGIL_ONNXRUNTIME", path),
        ("VIGIL_TENSORRT", "/nowhere".into()),
        ("VIGIL_CACHE", folder.path().join("cache")),
    ];
    for (name, value) in variables {
        // SAFETY: the test has no other threads yet.
        unsafe { std::env::set_var(name, value) };
    }
    let fake = Fake {
        cuda,
        folder,
        library,
    };
    let (cuda, real) = (fake.cuda.path(), real.display().to_string());
    let providers = "TensorrtExecutionProvider+CUDAExecutionProvider+CPUExecutionProvider";
    fake.set(&format!(
        "cuda={},real={real},providers={providers}",
        cuda.display()
    ));
    fake.set(faults);
    Some(fake)
}

/// The library that `./dev engines` has fetched.
pub fn real() -> Option<PathBuf> {
    let folder = std::fs::read_dir(EngineKind::OnnxRuntime.fetched()?).unwrap();
    let mut files = folder.map(|entry| entry.unwrap().path());
    files.find(|file| file.to_string_lossy().contains("libonnxruntime.so"))
}

fn compiled() -> PathBuf {
    let folder = nvidia().join("tests/fake/onnxruntime");
    let slots = slots![
        AddRunConfigEntry,
        BindInput,
        BindOutput,
        CreateCUDAProviderOptions,
        CreateCpuMemoryInfo,
        CreateIoBinding,
        CreateSession,
        CreateSessionFromArray,
        CreateStatus,
        CreateTensorRTProviderOptions,
        CreateTensorWithDataAsOrtValue,
        GetAvailableProviders,
        GetDimensions,
        GetDimensionsCount,
        GetErrorMessage,
        GetTensorElementType,
        GetTensorMemoryInfo,
        GetTensorMutableData,
        GetTensorTypeAndShape,
        MemoryInfoGetId,
        MemoryInfoGetName,
        ReleaseAvailableProviders,
        ReleaseCUDAProviderOptions,
        ReleaseIoBinding,
        ReleaseMemoryInfo,
        ReleaseSession,
        ReleaseSessionOptions,
        ReleaseStatus,
        ReleaseTensorRTProviderOptions,
        ReleaseTensorTypeAndShapeInfo,
        ReleaseValue,
        Run,
        RunWithBinding,
        SessionOptionsAppendExecutionProvider_CUDA_V2,
        SessionOptionsAppendExecutionProvider_TensorRT_V2,
        UpdateCUDAProviderOptions,
        UpdateTensorRTProviderOptions,
    ];
    let all = size_of::<ort::sys::OrtApi>() / size_of::<usize>();
    let flags: Vec<_> = slots
        .iter()
        .map(|(name, slot)| format!("-DSLOT_{name}={slot}"))
        .chain([format!("-DSLOTS={all}")])
        .collect();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    compile("onnxruntime", &sources(&folder, "cpp"), &[folder], &flags)
}

impl Fake {
    /// More faults.
    pub fn set(&self, faults: &str) {
        let text = CString::new(faults).unwrap();
        type Set = unsafe extern "C" fn(*const c_char);
        // SAFETY: the signature is that of the fake's source.
        unsafe { self.library.get::<Set>(b"vigil_fake_ort_set").unwrap()(text.as_ptr()) };
    }

    /// How often a function of the library was called.
    pub fn calls(&self, name: &str) -> usize {
        let name = CString::new(name).unwrap();
        type Calls = unsafe extern "C" fn(*const c_char) -> c_int;
        // SAFETY: the signature is that of the fake's source.
        unsafe {
            self.library.get::<Calls>(b"vigil_fake_ort_calls").unwrap()(name.as_ptr()) as usize
        }
    }

    /// What a provider was told last: lines of `key=value`.
    pub fn options(&self, provider: &str) -> String {
        let provider = CString::new(provider).unwrap();
        type Options = unsafe extern "C" fn(*const c_char, *mut c_char, usize);
        self.text(|text, size| {
            // SAFETY: the signature is that of the fake's source; so many bytes.
            unsafe {
                let options = self.library.get::<Options>(b"vigil_fake_ort_options");
                options.unwrap()(provider.as_ptr(), text, size)
            };
        })
    }

    /// Where everything of the test is.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn text(&self, fill: impl FnOnce(*mut c_char, usize)) -> String {
        let mut text = vec![0u8; 1 << 14];
        fill(text.as_mut_ptr().cast(), text.len());
        let end = text.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8_lossy(&text[..end]).into_owned()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        type Report = unsafe extern "C" fn(*mut c_char, usize);
        let report = self.text(|text, size| {
            // SAFETY: the signature is that of the fake's source; so many bytes.
            unsafe {
                self.library
                    .get::<Report>(b"vigil_fake_ort_report")
                    .unwrap()(text, size)
            };
        });
        assert!(report.is_empty(), "the fake ONNX Runtime says:\n{report}");
    }
}
