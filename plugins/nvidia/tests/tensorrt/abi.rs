//! The slot tables against what they are of.

use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where the list of classes is from which the tables are made, which is no part of the repository.
fn list() -> Option<PathBuf> {
    let named = std::env::var_os("VIGIL_TENSORRT_ABI").map(PathBuf::from);
    let list = named.unwrap_or_else(|| repository().join("../shared/reference/tensorrt-abi.json"));
    list.is_file().then_some(list)
}

#[test]
fn the_tables_are_those_that_the_tool_writes() {
    let Some(list) = list() else {
        eprintln!("skipped: no list of TensorRT's classes (VIGIL_TENSORRT_ABI names one)");
        return;
    };
    let output = Command::new("python3")
        .arg(repository().join("tools/tensorrt-slots"))
        .arg(list)
        .arg("--check")
        .output()
        .expect("python3 runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_tables_agree_with_tensorrts_own_headers() {
    let Some(include) = std::env::var_os("TENSORRT_INCLUDE_DIR").map(PathBuf::from) else {
        eprintln!("skipped: TENSORRT_INCLUDE_DIR names no folder with NvInfer.h");
        return;
    };
    // CUDA's own header is only needed for the names of two handles.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("cuda_runtime_api.h"),
        "#pragma once\ntypedef struct CUstream_st* cudaStream_t;\ntypedef struct CUevent_st* cudaEvent_t;\n",
    )
    .unwrap();
    let tests = repository().join("plugins/nvidia/tests");
    let program = folder.path().join("check");
    let compiled = [8, 10, 11].into_iter().find_map(|major| {
        let output = Command::new("g++")
            .args(["-std=c++14", "-w", &format!("-DTRT_MAJOR={major}"), "-I"])
            .arg(&include)
            .arg("-I")
            .arg(folder.path())
            .arg("-I")
            .arg(tests.join("fake/tensorrt"))
            .arg(tests.join("tensorrt/abi_check.cpp"))
            .arg("-o")
            .arg(&program)
            .output()
            .expect("g++ runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_other = said.contains("headers of another major version");
        (!is_other).then_some((output.status.success(), said))
    });
    let (compiled, said) = compiled.expect("headers of TensorRT 8.6, 10 or 11");
    assert!(compiled, "{said}");
    let output = Command::new(&program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    eprintln!("{said}");
}
