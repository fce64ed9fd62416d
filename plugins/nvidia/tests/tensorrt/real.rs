//! The real library, where it is (`VIGIL_TENSORRT`), as far as it goes without a GPU.

use std::sync::{Arc, Mutex};
use vigil_nvidia::driver::{Driver, DriverError};
use vigil_nvidia::tensorrt::{Library, Search};

/// What the element does: the driver first, then TensorRT.
fn open() -> Result<Library, String> {
    let driver = Driver::load().map_err(|error| error.to_string())?;
    Library::open(&Search::default(), &driver, Arc::new(|_, _| {})).map_err(|e| e.to_string())
}

#[test]
fn without_a_driver_the_real_library_is_not_even_opened() {
    let Some(folder) = std::env::var_os("VIGIL_TENSORRT") else {
        eprintln!("skipped: VIGIL_TENSORRT names no TensorRT");
        return;
    };
    if Driver::load().is_ok() {
        eprintln!("skipped: there is a GPU here");
        return;
    }
    let error = open().unwrap_err();
    assert!(error.contains("no NVIDIA driver"), "{error}");
    assert!(!loaded().contains(folder.to_str().unwrap()));
}

/// With a driver that is a fake the real library opens, tells its version, and refuses to build,
/// because the CUDA that is in it finds no GPU.
#[test]
fn the_real_library_tells_its_version_and_refuses_to_build_without_a_gpu() {
    if std::env::var_os("VIGIL_TENSORRT").is_none() || Driver::load().is_ok() {
        eprintln!("skipped: VIGIL_TENSORRT names no TensorRT, or there is a GPU here");
        return;
    }
    assert!(matches!(
        Driver::load(),
        Err(DriverError::Library { .. } | DriverError::NoDevice | DriverError::Init { .. })
    ));
    let fake = crate::cuda::Cuda::new("");
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = log.clone();
    let callback = Arc::new(move |_, text: &str| sink.lock().unwrap().push(text.to_owned()));
    let library = Library::open(&Search::default(), &fake.driver(), callback).unwrap();
    eprintln!(
        "TensorRT {} at {}",
        library.version(),
        library.path().display()
    );
    if let Err(reason) = library.can_build() {
        eprintln!("{reason}");
        return;
    }
    let context = fake.context();
    let built = vigil_nvidia::tensorrt::build(
        &library,
        &context,
        &crate::model::net(1, 0.0),
        "net.onnx".as_ref(),
        &Default::default(),
        Arc::new(|_| {}),
        &Default::default(),
    );
    let error = built.unwrap_err().to_string();
    assert!(error.contains("createInferBuilder"), "{error}");
    // What the logger was told, by its slot, is in the error.
    assert!(error.contains("CUDA"), "{error}");
}

/// The libraries of this process.
fn loaded() -> String {
    std::fs::read_to_string("/proc/self/maps").unwrap()
}
