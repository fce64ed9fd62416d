//! OpenVINO's C library: found, looked at, then loaded for the process.

use super::super::EngineError;
use super::super::search::{Search, dlopen};
use super::KIND;
use openvino::{Core, DeviceType, InferenceError, RwPropertyKey};
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(in super::super) const SEARCH: Search = Search {
    kind: KIND,
    variables: &["VIGIL_OPENVINO", "OPENVINO_LIB_PATH"],
    file: "libopenvino_c.so",
    fetched: "openvino-2026.4.1",
    system: &["libopenvino_c.so"],
    needed: "OpenVINO 2025.1 or newer",
};

/// The oldest version whose numbers for element types are those of the crate, as year and release.
const OLDEST: (u32, u32) = (2025, 1);

/// What the crate `openvino` calls here. It panics when it calls a function that is not there.
const FUNCTIONS: &[&CStr] = &[
    c"ov_version_free",
    c"ov_get_last_err_msg",
    c"ov_core_create",
    c"ov_core_free",
    c"ov_core_set_property",
    c"ov_core_read_model",
    c"ov_core_read_model_from_memory_buffer",
    c"ov_core_compile_model",
    c"ov_model_is_dynamic",
    c"ov_model_reshape",
    c"ov_model_free",
    c"ov_partial_shape_create_static",
    c"ov_partial_shape_is_dynamic",
    c"ov_partial_shape_free",
    c"ov_port_get_partial_shape",
    c"ov_output_const_port_free",
    c"ov_compiled_model_inputs_size",
    c"ov_compiled_model_outputs_size",
    c"ov_compiled_model_output_by_index",
    c"ov_compiled_model_get_property",
    c"ov_compiled_model_create_infer_request",
    c"ov_compiled_model_free",
    c"ov_infer_request_get_tensor",
    c"ov_infer_request_get_input_tensor_by_index",
    c"ov_infer_request_get_output_tensor_by_index",
    c"ov_infer_request_start_async",
    c"ov_infer_request_wait_for",
    c"ov_infer_request_free",
    c"ov_tensor_data",
    c"ov_tensor_get_shape",
    c"ov_tensor_get_size",
    c"ov_tensor_get_byte_size",
    c"ov_tensor_get_element_type",
    c"ov_tensor_free",
    c"ov_shape_free",
];

/// The loaded library.
pub(super) struct Library {
    core: Mutex<Core>,
    pub version: String,
    pub path: PathBuf,
}

impl Library {
    /// OpenVINO's own state. Its settings are those of who holds it.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The library, loaded by the first call that finds one.
pub(super) fn get() -> Result<Arc<Library>, EngineError> {
    static LIBRARY: Mutex<Option<Arc<Library>>> = Mutex::new(None);
    let mut loaded = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = &*loaded {
        return Ok(library.clone());
    }
    let library = SEARCH.open(|path| {
        // The crate keeps whatever it has loaded first, so only what it can use may get there.
        let version = examine(path)?;
        openvino_sys::library::load_from(path)?;
        let mut core = Core::new().map_err(|error| error.to_string())?;
        // Weights in a file that is replaced while it is mapped would be a bus error.
        let everywhere = DeviceType::Other("".into());
        core.set_property(&everywhere, &RwPropertyKey::EnableMmap, "NO")
            .map_err(words)?;
        Ok(Arc::new(Library {
            core: Mutex::new(core),
            version,
            path: path.into(),
        }))
    })?;
    Ok(loaded.insert(library).clone())
}

/// Version of the library at `path`, if it is one that can be used.
fn examine(path: &Path) -> Result<String, String> {
    type GetVersion =
        unsafe extern "C" fn(*mut openvino_sys::ov_version_t) -> openvino_sys::ov_status_e;
    type FreeVersion = unsafe extern "C" fn(*mut openvino_sys::ov_version_t);
    let library = dlopen(path)?;
    // SAFETY: these are the functions' types in all versions of the C API.
    let (get, free) = unsafe {
        let get = library.get::<GetVersion>(c"ov_get_openvino_version");
        let free = library.get::<FreeVersion>(c"ov_version_free");
        match (get, free) {
            (Ok(get), Ok(free)) => (get, free),
            _ => return Err("it is not OpenVINO's C library".into()),
        }
    };
    let mut version = openvino_sys::ov_version_t {
        buildNumber: std::ptr::null(),
        description: std::ptr::null(),
    };
    // SAFETY: the structure is the one that the function fills in; it is freed once.
    let build = unsafe {
        let status = get(&mut version);
        if status != openvino_sys::ov_status_e::OK || version.buildNumber.is_null() {
            return Err("it does not tell its version".into());
        }
        let build = CStr::from_ptr(version.buildNumber);
        let build = build.to_string_lossy().into_owned();
        free(&mut version);
        build
    };
    check_version(&build)?;
    let lacks = |name: &&&CStr| {
        // SAFETY: the address is only looked up.
        unsafe { library.get::<*const ()>(**name) }.is_err()
    };
    if let Some(name) = FUNCTIONS.iter().find(lacks) {
        let name = name.to_string_lossy();
        return Err(format!("it is OpenVINO {build} without {name}"));
    }
    Ok(short_version(&build).into())
}

/// Refuses a version that is too old.
fn check_version(build: &str) -> Result<(), String> {
    let mut numbers = build.split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(year)), Some(Ok(release))) if (year, release) >= OLDEST => Ok(()),
        (Some(Ok(_)), Some(Ok(_))) => Err(format!(
            "it is OpenVINO {}, and {}.{} or newer is needed",
            short_version(build),
            OLDEST.0,
            OLDEST.1
        )),
        _ => Err(format!("it says that its version is \"{build}\"")),
    }
}

/// `2026.4.1` of `2026.4.1-22982-97d0c6d5c21-releases/2026/4`.
fn short_version(build: &str) -> &str {
    build.split_once('-').map_or(build, |(version, _)| version)
}

/// Lines that say where in its source it was, and where to read how to write an operator.
const NOISE: [&str; 2] = ["Exception from ", "To facilitate the conversion"];

/// OpenVINO's own words in one line, without the places in its source.
pub(super) fn words(error: InferenceError) -> String {
    let InferenceError { kind, message } = error;
    let message = message.unwrap_or_default();
    let lines: Vec<_> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !NOISE.iter().any(|noise| line.starts_with(noise)))
        .collect();
    if lines.is_empty() {
        kind.to_string()
    } else {
        lines.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_2025_1_on_are_taken() {
        let taken = [
            "2025.1.0-18503-6fec06580ab-releases/2025/1",
            "2026.4.1",
            "2030.0",
        ];
        for build in taken {
            assert_eq!(check_version(build), Ok(()), "{build}");
        }
        let error = check_version("2024.6.0-17404-4c0f47d2335").unwrap_err();
        for part in ["2024.6.0,", "2025.1"] {
            assert!(error.contains(part), "{error}");
        }
        for build in ["", "2025", "custom-build", "2025.x.1"] {
            assert!(check_version(build).is_err(), "{build}");
        }
    }

    #[test]
    fn an_error_is_told_in_one_line() {
        let error = |message: &str| InferenceError {
            kind: openvino::InferenceErrorKind::GeneralError,
            message: Some(message.into()),
        };
        let long = "Exception from src/inference/src/cpp/core.cpp:97:\nException from a.cpp:1:\n\
                    Check 'x' failed at b.cpp:2:\nunknown operator\n\n";
        let expected = "Check 'x' failed at b.cpp:2: unknown operator";
        assert_eq!(words(error(long)), expected);
        assert_eq!(words(error("")), "general error");
    }
}
