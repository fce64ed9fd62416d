//! Finding and opening the library.

use crate::cuda::Cuda;
use crate::fake::{Fake, Session};
use crate::model::net;
use std::path::Path;
use std::sync::Arc;
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{BuildOptions, Library, Search, TensorRtError};

#[test]
fn each_version_is_opened_and_says_what_it_is() {
    for (family, version) in [
        (Family::V8, "8.6.1"),
        (Family::V10, "10.16.0"),
        (Family::V11, "11.4.0"),
    ] {
        let fake = Fake::new(family, "");
        let library = fake.open().unwrap();
        assert_eq!(library.version().to_string(), version);
        assert!(library.path().starts_with(fake.folder()));
        library.can_build().unwrap();
        assert!(fake.logged(&format!("TensorRT {version} at ")));
    }
}

#[test]
fn the_library_is_asked_for_its_version_not_its_name() {
    // One that says it is 11 though its name says 10 would be called by the wrong slots otherwise.
    for (number, text) in [("9300", "9.3.0"), ("8503", "8.5.3"), ("120100", "12.1.0")] {
        let fake = Fake::new(Family::V10, &format!("version={number}"));
        let error = fake.open().unwrap_err();
        assert!(matches!(error, TensorRtError::Version { .. }), "{error}");
        let error = error.to_string();
        for part in [text, "8.6, 10 or 11 is needed", "libnvinfer.so.10"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn where_there_is_none_the_error_says_where_was_looked_and_what_helps() {
    let cuda = Cuda::new("");
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let search = Search {
            folder: Some(folder.path().into()),
        };
        Library::open(&search, &cuda.driver(), Arc::new(|_, _| {}))
            .unwrap_err()
            .to_string()
    };
    let error = open();
    for part in [
        "no TensorRT",
        folder.path().to_str().unwrap(),
        "VIGIL_TENSORRT",
    ] {
        assert!(error.contains(part), "{error}");
    }
    std::fs::write(folder.path().join("libnvinfer.so.10"), "no library").unwrap();
    let error = open();
    assert!(error.contains("libnvinfer.so.10 ("), "{error}");
    std::fs::copy(cuda.path(), folder.path().join("libnvinfer.so.10")).unwrap();
    let error = open();
    assert!(
        error.contains("has no function getInferLibVersion"),
        "{error}"
    );
}

#[test]
fn without_a_parser_plans_run_and_none_is_built() {
    let fake = Fake::new(Family::V10, "");
    let plan = fake
        .session()
        .build(&net(1, 0.0), &BuildOptions::default())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let name = "libnvinfer.so.10";
    std::fs::copy(fake.folder().join(name), folder.path().join(name)).unwrap();
    let search = Search {
        folder: Some(folder.path().into()),
    };
    let library = Library::open(&search, &fake.cuda.driver(), fake.callback()).unwrap();
    let context = fake.cuda.context();
    let session = Session { library, context };
    let error = session
        .build(&net(1, 0.0), &BuildOptions::default())
        .unwrap_err();
    assert!(
        matches!(error, TensorRtError::CannotBuild { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("libnvonnxparser.so.10"),
        "{error}"
    );
    session.load(plan).unwrap();
}

#[test]
fn a_library_that_is_named_by_its_file_is_the_one_that_is_opened() {
    let fake = Fake::new(Family::V11, "");
    let file = fake.folder().join("libnvinfer.so.11");
    let search = Search {
        folder: Some(file.clone()),
    };
    let library = Library::open(&search, &fake.cuda.driver(), fake.callback()).unwrap();
    assert_eq!(library.path(), Path::new(&file));
    library.can_build().unwrap();
}
