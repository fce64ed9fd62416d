//! Fake libraries, compiled from C++ when a test needs them, and kept until their sources change.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use vigil_nvidia::driver::raw::{CUarray, CUcontext, CUresult};
use vigil_nvidia::driver::{Context, Driver};

/// Folder of the crate `vigil-nvidia`, from that of whichever crate's test this is.
pub fn nvidia() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.join("../nvidia");
    match beside.is_dir() {
        true => beside,
        false => here.join("../plugins/nvidia"),
    }
}

/// Compiles a shared library of these sources (`.cpp`, or `.cu` for the host) and gives its path.
/// `watched` are folders whose files, headers too, make it anew when they change.
///
/// # Panics
/// With the compiler's words, if it does not compile.
pub fn compile(name: &str, sources: &[PathBuf], watched: &[PathBuf], flags: &[&str]) -> PathBuf {
    let mut hash = DefaultHasher::new();
    flags.hash(&mut hash);
    for folder in watched {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        for file in files {
            file.file_name().hash(&mut hash);
            fs::read(&file).unwrap().hash(&mut hash);
        }
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fakes");
    fs::create_dir_all(&folder).unwrap();
    let library = folder.join(format!("{name}-{:016x}.so", hash.finish()));
    // Tests are processes of their own: one compiles, the others wait.
    let lock = File::create(folder.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if library.is_file() {
        return library;
    }
    let made = library.with_extension("making");
    let output = Command::new("g++")
        .args([
            "-std=c++17",
            "-O1",
            "-g",
            "-fPIC",
            "-shared",
            "-fvisibility=hidden",
        ])
        .args(["-Wall", "-Wextra", "-Werror", "-ffp-contract=off"])
        .args(
            watched
                .iter()
                .map(|folder| format!("-I{}", folder.display())),
        )
        .args(flags)
        .args(["-x", "c++"])
        .args(sources)
        .args(["-x", "none", "-ldl", "-pthread", "-o"])
        .arg(&made)
        .output()
        .expect("g++ compiles the fake libraries of the tests");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} does not compile:\n{said}");
    fs::rename(made, &library).unwrap();
    library
}

/// Sources of a folder with this extension, in order.
pub fn sources(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    found
}

/// A driver without a GPU: see `tests/fake/cuda/README.md`. Each has a state of its own. When it is
/// dropped the test fails if something was done wrong or is left; drop what uses it before.
pub struct Cuda {
    folder: tempfile::TempDir,
    library: libloading::Library,
}

impl Cuda {
    /// A driver with these faults, such as `"devices=2,oom-at=3"`.
    pub fn new(faults: &str) -> Self {
        Self::with_flags(faults, &[])
    }

    /// A driver that is older than some optional functions.
    pub fn old() -> Self {
        Self::with_flags("version=11040", &["-DVIGIL_FAKE_OLD"])
    }

    /// A driver that GStreamer's CUDA library finds too, under the name that it looks for.
    pub fn for_gstreamer() -> Self {
        Self::with_flags("", &["-Wl,-soname,libcuda.so.1"])
    }

    fn with_flags(faults: &str, flags: &[&str]) -> Self {
        let (cuda, kernels) = (
            nvidia().join("tests/fake/cuda"),
            nvidia().join("src/kernels"),
        );
        let mut files = sources(&cuda, "cpp");
        files.extend(sources(&kernels, "cu"));
        let name = match flags {
            [] => "cuda",
            [flag, ..] if flag.contains("soname") => "cuda-for-gstreamer",
            _ => "cuda-old",
        };
        let made = compile(name, &files, &[cuda, kernels], flags);
        // A file of its own is a library with a state of its own.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libcuda.so.1");
        fs::copy(made, &path).unwrap();
        // SAFETY: made above; its constructors only fill a table.
        let library = unsafe { libloading::Library::new(&path) }.unwrap();
        let cuda = Self { folder, library };
        cuda.set(faults);
        cuda
    }

    /// The library's file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("libcuda.so.1")
    }

    /// The driver, started.
    pub fn driver(&self) -> Driver {
        Driver::at(&self.path()).unwrap()
    }

    /// The primary context of the first device.
    pub fn context(&self) -> Context {
        Context::primary(&self.driver().device(0).unwrap()).unwrap()
    }

    /// A function of the library.
    pub fn symbol<T: Copy>(&self, name: &CStr) -> T {
        // SAFETY: callers name the type that the fake's source declares.
        *unsafe { self.library.get::<T>(name.to_bytes_with_nul()) }.unwrap()
    }

    /// More faults.
    pub fn set(&self, faults: &str) {
        let set: unsafe extern "C" fn(*const c_char) = self.symbol(c"vigil_fake_cuda_set");
        let text = CString::new(faults).unwrap();
        // SAFETY: a string, ended by a zero.
        unsafe { set(text.as_ptr()) };
    }

    /// How often a function was called.
    pub fn calls(&self, name: &str) -> usize {
        let calls: unsafe extern "C" fn(*const c_char) -> c_long =
            self.symbol(c"vigil_fake_cuda_calls");
        let name = CString::new(name).unwrap();
        // SAFETY: a string, ended by a zero.
        unsafe { calls(name.as_ptr()) as usize }
    }

    /// Bytes of a device that are allocated.
    pub fn used(&self, device: i32) -> usize {
        let used: unsafe extern "C" fn(c_int) -> usize = self.symbol(c"vigil_fake_cuda_used");
        // SAFETY: a number.
        unsafe { used(device) }
    }

    /// What was done wrong and what is left.
    pub fn report(&self) -> String {
        let report: unsafe extern "C" fn(*mut c_char, usize) -> c_int =
            self.symbol(c"vigil_fake_cuda_report");
        let mut text = vec![0u8; 1 << 14];
        // SAFETY: so many bytes.
        unsafe { report(text.as_mut_ptr().cast(), text.len()) };
        let end = text.iter().position(|b| *b == 0).unwrap();
        String::from_utf8_lossy(&text[..end]).into_owned()
    }

    /// A context of somebody else's, which is not current.
    pub fn foreign_context(&self, device: i32) -> CUcontext {
        type Create = unsafe extern "C" fn(*mut CUcontext, u32, c_int) -> CUresult;
        let driver = self.driver();
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` receives the context.
        let code = unsafe { self.symbol::<Create>(c"cuCtxCreate_v2")(&raw mut raw, 0, device) };
        assert_eq!(code, 0);
        let mut popped = std::ptr::null_mut();
        // SAFETY: creating has pushed it.
        unsafe { (driver.table().cuCtxPopCurrent)(&raw mut popped) };
        raw
    }

    /// Destroys a context of somebody else's.
    pub fn destroy(&self, context: CUcontext) {
        type Destroy = unsafe extern "C" fn(CUcontext) -> CUresult;
        // SAFETY: made by `foreign_context`.
        let code = unsafe { self.symbol::<Destroy>(c"cuCtxDestroy_v2")(context) };
        assert_eq!(code, 0);
    }

    /// An array of 8-bit samples with this content.
    pub fn array(&self, context: &Context, [width, channels]: [usize; 2], data: &[u8]) -> CUarray {
        #[repr(C)]
        struct Descriptor(usize, usize, c_int, u32);
        type Create = unsafe extern "C" fn(*mut CUarray, *const Descriptor) -> CUresult;
        use vigil_nvidia::driver::memory::Rows;
        let height = data.len() / (width * channels);
        let (mut array, _current) = (std::ptr::null_mut(), context.enter().unwrap());
        let descriptor = Descriptor(width, height, 1, channels as u32);
        let create: Create = self.symbol(c"cuArrayCreate_v2");
        // SAFETY: `array` receives the array; the copy is done before the data goes.
        unsafe {
            assert_eq!(create(&raw mut array, &raw const descriptor), 0);
            let stream = vigil_nvidia::driver::Stream::new(context).unwrap();
            let rows = Rows::Host(data.as_ptr(), width * channels);
            stream
                .copy_rows(Rows::Array(array), rows, width * channels, height)
                .unwrap();
            stream.synchronize().unwrap();
        }
        array
    }

    /// Destroys an array.
    pub fn destroy_array(&self, context: &Context, array: CUarray) {
        type Destroy = unsafe extern "C" fn(CUarray) -> CUresult;
        let _current = context.enter().unwrap();
        let destroy: Destroy = self.symbol(c"cuArrayDestroy");
        // SAFETY: made by `array`.
        let code = unsafe { destroy(array) };
        assert_eq!(code, 0);
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let report = self.report();
            assert!(report.is_empty(), "the fake driver says:\n{report}");
        }
    }
}
