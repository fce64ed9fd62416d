//! `tests/gpu/run`, whole, on fake libraries: every step ends well, and the report says what it is.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Steps that leave a record.
const STEPS: [&str; 6] = ["info", "check", "element", "faults", "leaks", "bench"];

/// A rehearsal of some steps, or of all: whether it ended well, what it said, its report.
fn rehearse(out: &Path, arguments: &[&str]) -> (bool, String, String) {
    with_faults(out, arguments, "")
}

/// The same with faults of the fake TensorRT.
fn with_faults(out: &Path, arguments: &[&str], faults: &str) -> (bool, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run = Command::new(root.join("tests/gpu/run"))
        .arg("--rehearsal")
        .arg("--out")
        .arg(out)
        .args(arguments)
        .env("VIGIL_GPU", env!("CARGO_BIN_EXE_vigil-gpu"))
        .env("VIGIL_FAKE_TENSORRT", faults)
        .env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let report = std::fs::read_to_string(out.join("report.md")).unwrap_or_default();
    (run.status.success(), said, report)
}

fn record(out: &Path, step: &str) -> Value {
    let text = std::fs::read(out.join(step).with_extension("json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn a_rehearsal_runs_every_step_and_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let (ended_well, said, report) = rehearse(&out, &[]);
    assert!(ended_well, "{said}");
    for step in STEPS {
        let record = record(&out, step);
        assert_eq!(record["rehearsal"], true, "{step}");
        assert_eq!(record["finished"], true, "{step}");
        let checks = record["checks"].as_array().unwrap();
        assert!(!checks.is_empty(), "{step}");
        for check in checks {
            // Where this system's GStreamer was built without them.
            let detail = check["detail"].as_str().unwrap();
            let skips = detail.starts_with("GStreamer has no cudaupload");
            let expected = if skips { "skip" } else { "pass" };
            assert_eq!(check["outcome"], expected, "{step}: {check}");
        }
        assert!(report.contains(&format!("| {step} | passed |")), "{report}");
        assert!(report.contains(&format!("\n## {step}\n")), "{report}");
    }
    let bench = record(&out, "bench");
    let rows = |table: &str| bench[table].as_array().unwrap().len();
    // Two precisions each: batches of 1 and 2; 1 and 2 streams of three kinds.
    assert_eq!(rows("batches"), 4);
    assert_eq!(rows("latencies"), 4);
    assert_eq!(rows("preprocessing"), 6);
    assert_eq!(rows("streams"), 12);

    let first = report.lines().next().unwrap();
    assert!(first.contains("rehearsal with fake libraries"), "{first}");
    assert!(first.contains("no GPU figure"), "{first}");
    let (_, targets) = report.split_once("\n## Targets\n").unwrap();
    let targets: Vec<_> = targets
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    assert_eq!(targets.len(), 6, "a head and five targets: {targets:?}");
    for target in &targets[1..] {
        assert!(target.ends_with("| — | not measured |"), "{target}");
    }
    let (_, figures) = report.split_once("\n## Figures\n").unwrap();
    let rows: Vec<_> = figures
        .lines()
        .filter(|line| line.starts_with("| tiny"))
        .collect();
    assert_eq!(rows.len(), 4 + 4 + 6 + 12);
    for row in rows {
        assert!(row.contains("rehearsed") && !row.contains('.'), "{row}");
    }
    let plans = std::fs::read_dir(out.join("cache/tensorrt")).unwrap();
    let plans = plans.map(|entry| entry.unwrap().path());
    assert!(
        plans
            .filter(|path| path.extension().is_some_and(|e| e == "plan"))
            .count()
            > 0
    );
}

#[test]
fn a_step_that_fails_is_in_the_report_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    // No such GPU.
    let (ended_well, said, report) = rehearse(&out, &["--device", "7", "info", "leaks"]);
    assert!(!ended_well, "{said}");
    assert!(report.contains("rehearsal"), "{report}");
    assert!(report.contains("| info | failed |"), "{report}");
    assert!(
        report.contains("leaks | before its end: failed"),
        "{report}"
    );
    assert!(
        report.contains("| bench | not run, left nothing |"),
        "{report}"
    );
}

#[test]
fn an_engine_that_fails_fails_the_steps_that_run_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let steps = ["element", "leaks"];
    let (ended_well, said, report) = with_faults(&out, &steps, "fail=enqueueV3");
    assert!(!ended_well, "{said}");
    for step in steps {
        let checks = record(&out, step)["checks"].to_string();
        assert!(
            checks.contains("enqueueV3 was told to fail"),
            "{step}: {checks}"
        );
        assert!(report.contains(&format!("| {step} | failed |")), "{report}");
    }
}

#[test]
fn a_step_that_is_none_and_a_limit_that_is_no_number_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (argument, reason) in [
        ("dance", "'dance' is neither"),
        ("--limit", "needs a value"),
    ] {
        let (ended_well, said, _) = rehearse(folder.path(), &[argument]);
        assert!(!ended_well && said.contains(reason), "{said}");
    }
    let (ended_well, said, _) = rehearse(folder.path(), &["--limit", "soon"]);
    assert!(!ended_well && said.contains("whole seconds"), "{said}");
}
