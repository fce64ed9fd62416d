//! TensorRT's library, opened and asked for its version before anything else is called.

use super::abi::{Family, Owned};
use super::error::TensorRtError;
use super::logger::{LogCallback, Logger, Severity};
use super::search::{Candidate, Search};
use super::version::Version;
use crate::driver::Driver;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

type VersionOf = unsafe extern "C" fn() -> i32;
type Create = unsafe extern "C" fn(logger: *mut c_void, version: i32) -> *mut c_void;
type CreateParser =
    unsafe extern "C" fn(network: *mut c_void, logger: *mut c_void, version: i32) -> *mut c_void;

/// A TensorRT that can be called. Cheap to clone; all objects that come from it keep it.
#[derive(Debug, Clone)]
pub struct Library(Arc<Loaded>);

#[derive(Debug)]
struct Loaded {
    candidate: Candidate,
    version: Version,
    family: Family,
    logger: Logger,
    driver: Driver,
    create_runtime: Create,
    create_builder: Option<Create>,
    parser: OnceLock<Result<Parser, String>>,
    /// Never closed: TensorRT has threads and static objects that outlive what we hold of it.
    _library: ManuallyDrop<libloading::Library>,
}

#[derive(Debug)]
struct Parser {
    create: CreateParser,
    version: i32,
    _libraries: Vec<ManuallyDrop<libloading::Library>>,
}

impl Library {
    /// Opens the first TensorRT that is found. That there is a driver is known by then, which is why
    /// it is asked for: 8.6.0 ends the process where there is none.
    ///
    /// `log` gets what TensorRT says from then on. TensorRT keeps one logger for the whole process:
    /// open it once, and share it.
    ///
    /// # Errors
    /// [`TensorRtError::Missing`] with each place and why it was none; [`TensorRtError::Version`]
    /// where the only ones found are of a version that is not known here.
    pub fn open(search: &Search, driver: &Driver, log: LogCallback) -> Result<Self, TensorRtError> {
        let mut tried = Vec::new();
        let mut wrong = None;
        for candidate in search.candidates() {
            match Self::try_open(&candidate, driver, &log) {
                Ok(library) => return Ok(library),
                Err(Refused::Version(version)) => wrong = wrong.or(Some(version)),
                Err(Refused::Library(reason)) => {
                    tried.push(format!("{} ({reason})", candidate.path.display()));
                }
            }
        }
        if let Some(error) = wrong {
            return Err(error);
        }
        let tried = if tried.is_empty() {
            "nothing of that name is there".to_owned()
        } else {
            format!("tried {}", tried.join(", "))
        };
        Err(TensorRtError::Missing(format!(
            "libnvinfer.so.10, .11 or .8 (8.6) was looked for {}: {tried}. {} names its folder",
            search.places(),
            super::search::VARIABLE,
        )))
    }

    fn try_open(
        candidate: &Candidate,
        driver: &Driver,
        log: &LogCallback,
    ) -> Result<Self, Refused> {
        let library = dlopen(&candidate.path).map_err(Refused::Library)?;
        // SAFETY: the signatures are those of TensorRT's headers, the same in all versions.
        let (version_of, create_runtime, create_builder) = unsafe {
            (
                symbol::<VersionOf>(&library, c"getInferLibVersion").map_err(Refused::Library)?,
                symbol::<Create>(&library, c"createInferRuntime_INTERNAL")
                    .map_err(Refused::Library)?,
                symbol::<Create>(&library, c"createInferBuilder_INTERNAL").ok(),
            )
        };
        // SAFETY: takes nothing and touches no GPU.
        let version = Version::of_number(unsafe { version_of() });
        let Some(family) = version.family() else {
            return Err(Refused::Version(TensorRtError::Version {
                path: candidate.path.clone(),
                found: version,
            }));
        };
        let logger = Logger::new(family, log.clone());
        logger.say(
            Severity::Info,
            &format!("TensorRT {version} at {}", candidate.path.display()),
        );
        Ok(Self(Arc::new(Loaded {
            candidate: Candidate {
                family,
                ..candidate.clone()
            },
            version,
            family,
            logger,
            driver: driver.clone(),
            create_runtime,
            create_builder,
            parser: OnceLock::new(),
            _library: ManuallyDrop::new(library),
        })))
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// What was opened.
    pub fn path(&self) -> &Path {
        &self.0.candidate.path
    }

    /// The driver that it was opened with.
    pub fn driver(&self) -> &Driver {
        &self.0.driver
    }

    /// Whether it can build engines, rather than only run plans.
    ///
    /// # Errors
    /// [`TensorRtError::CannotBuild`] with what is missing.
    pub fn can_build(&self) -> Result<(), TensorRtError> {
        self.builder_function()?;
        self.parser_functions().map(|_| ())
    }

    pub(super) fn family(&self) -> Family {
        self.0.family
    }

    pub(super) fn logger(&self) -> &Logger {
        &self.0.logger
    }

    /// Runs a call that returns an object, with what it logs as the error when it returns none. The
    /// object is one whose destructor is its first virtual function.
    pub(super) fn owned(
        &self,
        call: &'static str,
        run: impl FnOnce() -> *mut c_void,
    ) -> Result<Owned, TensorRtError> {
        self.0.logger.forget();
        // SAFETY: the functions that are run return null or an object that is the caller's.
        unsafe { Owned::new(run()) }.ok_or_else(|| self.failed(call))
    }

    /// As [`owned`](Self::owned), for a call that returns whether it worked.
    pub(super) fn done(
        &self,
        call: &'static str,
        run: impl FnOnce() -> bool,
    ) -> Result<(), TensorRtError> {
        self.0.logger.forget();
        if run() {
            Ok(())
        } else {
            Err(self.failed(call))
        }
    }

    /// The error of a call that failed just now on this thread.
    pub(super) fn failed(&self, call: &'static str) -> TensorRtError {
        TensorRtError::of_call(call, self.0.logger.take_errors())
    }

    /// An `IRuntime`. A context must be current.
    pub(super) fn create_runtime(&self) -> Result<Owned, TensorRtError> {
        self.owned("createInferRuntime", || {
            // SAFETY: there is a driver, the logger lives as long as the library, and the version is
            // the library's own.
            unsafe { (self.0.create_runtime)(self.0.logger.raw(), self.0.version.number()) }
        })
    }

    /// An `IBuilder`. A context must be current.
    pub(super) fn create_builder(&self) -> Result<Owned, TensorRtError> {
        let create = self.builder_function()?;
        self.owned("createInferBuilder", || {
            // SAFETY: as in `create_runtime`.
            unsafe { create(self.0.logger.raw(), self.0.version.number()) }
        })
    }

    /// An `IParser` that writes into this network.
    ///
    /// # Safety
    /// `network` must be an `INetworkDefinition` of this library that outlives the parser.
    pub(super) unsafe fn create_parser(
        &self,
        network: *mut c_void,
    ) -> Result<Owned, TensorRtError> {
        let parser = self.parser_functions()?;
        self.0.logger.forget();
        // SAFETY: by the caller, and as in `create_runtime`.
        let object = unsafe { (parser.create)(network, self.0.logger.raw(), parser.version) };
        // SAFETY: a parser of this version, which is ours.
        unsafe { Owned::parser(self.0.family, object) }
            .ok_or_else(|| self.failed("createNvOnnxParser"))
    }

    fn builder_function(&self) -> Result<Create, TensorRtError> {
        self.0.create_builder.ok_or_else(|| {
            self.cannot_build("it is the lean runtime, which runs plans only; install the whole library, or give it a plan".into())
        })
    }

    fn parser_functions(&self) -> Result<&Parser, TensorRtError> {
        let opened = self.0.parser.get_or_init(|| open_parser(&self.0.candidate));
        opened
            .as_ref()
            .map_err(|reason| self.cannot_build(reason.clone()))
    }

    fn cannot_build(&self, reason: String) -> TensorRtError {
        TensorRtError::CannotBuild {
            path: self.path().to_owned(),
            version: self.version(),
            reason,
        }
    }
}

/// Why a candidate was none.
enum Refused {
    Library(String),
    Version(TensorRtError),
}

/// Opens the ONNX parser that came with the library, and first its plugins, which it is linked with
/// and which the dynamic linker would not find in a folder that it does not know.
fn open_parser(candidate: &Candidate) -> Result<Parser, String> {
    let plugins_path = candidate.beside("nvinfer_plugin");
    let plugins = dlopen(&plugins_path);
    let path: PathBuf = candidate.beside("nvonnxparser");
    let opened = dlopen(&path).map_err(|reason| match &plugins {
        Err(why) if !reason.contains(&path.display().to_string()) => format!(
            "the ONNX parser {} cannot be opened ({reason}), and neither can {} ({why})",
            path.display(),
            plugins_path.display(),
        ),
        _ => format!(
            "the ONNX parser {} cannot be opened ({reason})",
            path.display()
        ),
    })?;
    // SAFETY: the signatures are those of the parser's headers, the same in all versions.
    let (create, version) = unsafe {
        (
            symbol::<CreateParser>(&opened, c"createNvOnnxParser_INTERNAL")?,
            symbol::<VersionOf>(&opened, c"getNvOnnxParserVersion")?,
        )
    };
    let libraries = plugins.into_iter().chain([opened]);
    Ok(Parser {
        create,
        // SAFETY: takes nothing.
        version: unsafe { version() },
        _libraries: libraries.map(ManuallyDrop::new).collect(),
    })
}

/// Opens a library, with the dynamic linker's own words as the error.
fn dlopen(path: &Path) -> Result<libloading::Library, String> {
    // SAFETY: the user, or the system, says that this is TensorRT; what else it may be runs its
    // constructors, as with any library that a plugin is told to load.
    unsafe { libloading::Library::new(path) }.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        cause.unwrap_or_else(|| error.to_string())
    })
}

/// A function of a library.
///
/// # Safety
/// `T` must be the type of that function, and the library must stay open while it is used.
unsafe fn symbol<T: Copy>(
    library: &libloading::Library,
    name: &std::ffi::CStr,
) -> Result<T, String> {
    // SAFETY: by the caller.
    unsafe { library.get::<T>(name) }
        .map(|symbol| *symbol)
        .map_err(|_| format!("it has no function {}", name.to_string_lossy()))
}
