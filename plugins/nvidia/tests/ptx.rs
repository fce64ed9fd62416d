//! The text of the kernels: it is what their sources give, and every GPU's assembler takes it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use vigil_nvidia::kernels::PTX;

/// From the oldest GPU that is served to the newest one that is known.
const GPUS: [u32; 11] = [53, 60, 61, 72, 75, 86, 87, 89, 90, 100, 120];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The compiler's version, as the first line of a text says it.
fn compiler(ptx: &str) -> &str {
    let line = ptx.lines().next().unwrap();
    let (_, version) = line.split_once("compiled by clang ").unwrap();
    version.split_whitespace().next().unwrap()
}

/// Names of the kernels, and the declarations of their parameters.
fn entries(ptx: &str) -> BTreeMap<String, Vec<String>> {
    let mut entries = BTreeMap::new();
    for part in ptx.split(".visible .entry ").skip(1) {
        let (name, rest) = part.split_once('(').unwrap();
        let (parameters, _) = rest.split_once(')').unwrap();
        let declared = parameters
            .split(',')
            .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
        entries.insert(name.into(), declared.collect());
    }
    entries
}

#[test]
fn the_committed_text_is_what_the_sources_give() {
    if Command::new("clang").arg("--version").output().is_err() {
        eprintln!("skipped: clang is not installed, so the kernels cannot be compiled");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(root().join("tools/kernels"))
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    for (name, committed) in PTX {
        let made = std::fs::read_to_string(folder.path().join(format!("{name}.ptx"))).unwrap();
        let advice = "run './dev tools/kernels' and commit what it writes";
        assert_eq!(entries(&made), entries(committed), "{name}: {advice}");
        assert!(entries(&made).len() >= 4, "{name} has its kernels");
        // Another version of the compiler gives other instructions for the same kernels.
        if compiler(&made) == compiler(committed) {
            assert!(
                made == committed,
                "{name}.ptx is not what its sources give: {advice}"
            );
        } else {
            let (here, there) = (compiler(&made), compiler(committed));
            eprintln!(
                "{name}: made with clang {here}, committed with {there}: only entries compared"
            );
        }
    }
}

#[test]
fn the_text_is_for_the_oldest_gpu_and_driver() {
    for (name, ptx) in PTX {
        let line = |start: &str| {
            ptx.lines()
                .find(|line| line.starts_with(start))
                .map(str::to_owned)
        };
        assert_eq!(line(".version").as_deref(), Some(".version 6.0"), "{name}");
        assert_eq!(line(".target").as_deref(), Some(".target sm_53"), "{name}");
        // Whatever is declared and not defined here would have to be linked.
        assert!(!ptx.contains(".extern"), "{name}");
    }
}

/// What `./dev engines nvidia-cuda-nvcc-cu12` has fetched.
fn ptxas() -> Option<PathBuf> {
    let pins = root().join("tools/engines/nvidia-cuda-nvcc-cu12.txt");
    let pins = std::fs::read_to_string(pins).unwrap();
    let (_, pin) = pins.split_once("\nnvidia-cuda-nvcc-cu12==").unwrap();
    let version = pin.split_whitespace().next().unwrap();
    let cache = std::env::var_os("VIGIL_CACHE").map(PathBuf::from)?;
    let path = cache.join(format!("engines/nvidia-cuda-nvcc-cu12-{version}/ptxas"));
    path.is_file().then_some(path)
}

#[test]
fn it_is_assembled_for_each_gpu_without_spilling() {
    let Some(ptxas) = ptxas() else {
        eprintln!("skipped: ptxas is not there (./dev engines nvidia-cuda-nvcc-cu12 fetches it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, ptx) in PTX {
        let text = folder.path().join(name);
        std::fs::write(&text, ptx).unwrap();
        for gpu in GPUS {
            let done = Command::new(&ptxas)
                .args(["-v", "-arch", &format!("sm_{gpu}"), "-o"])
                .arg(folder.path().join("out"))
                .arg(&text)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{name} for sm_{gpu}: {said}");
            let used = |unit: &str| -> Vec<u32> {
                let before = |line: &str| {
                    let (before, _) = line.split_once(unit)?;
                    before.split_whitespace().last()?.parse().ok()
                };
                said.lines()
                    .flat_map(|l| l.split(','))
                    .filter_map(before)
                    .collect()
            };
            for unit in [" bytes spill stores", " bytes spill loads"] {
                let spilled = used(unit);
                assert!(
                    spilled.len() >= 4 && spilled.iter().all(|n| *n == 0),
                    "sm_{gpu}: {said}"
                );
            }
            let registers = used(" registers");
            let most = registers.iter().max().unwrap();
            assert!(
                registers.len() == entries(ptx).len() && *most <= 128,
                "sm_{gpu}: {said}"
            );
            println!("{name} for sm_{gpu}: at most {most} registers, nothing spilled");
        }
    }
}
