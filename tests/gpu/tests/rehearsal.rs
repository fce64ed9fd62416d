//! `tests/gpu/run`, whole, on fake libraries: every step ends well, and the report says what it is.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
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
    assert_eq!(targets.len(), 9, "a head and eight targets: {targets:?}");
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

/// The steps in which versions of TensorRT differ.
fn rehearse_with(major: &str) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let steps = ["info", "element", "faults", "leaks"];
    let arguments = [&["--fake-tensorrt", major], &steps[..]].concat();
    let (ended_well, said, report) = rehearse(&out, &arguments);
    assert!(ended_well, "{said}");
    assert!(
        report.contains(&format!("| TensorRT | {major}.")),
        "{report}"
    );
    for step in steps {
        let record = record(&out, step);
        let checks = record["checks"].as_array().unwrap();
        let failed: Vec<_> = checks.iter().filter(|c| c["outcome"] == "fail").collect();
        assert!(
            record["rehearsal"] == true && failed.is_empty(),
            "{step}: {failed:?}"
        );
    }
}

#[test]
fn tensorrt_10_is_rehearsed() {
    rehearse_with("10");
}

#[test]
fn tensorrt_11_is_rehearsed() {
    rehearse_with("11");
}

/// A server that answers every question with two words, and says that its model is `tiny-vlm`.
fn server() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let answer = |mut stream: std::net::TcpStream| -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut line, mut length, mut is_question) = (String::new(), 0, None);
        while reader.read_line(&mut line)? > 2 {
            is_question.get_or_insert(line.starts_with("POST"));
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        reader.read_exact(&mut vec![0; length])?;
        let (kind, body) = match is_question {
            Some(true) => {
                let word = |word: &str| {
                    let chunk =
                        serde_json::json!({"choices": [{"index": 0, "delta": {"content": word}}]});
                    format!("data: {chunk}\n\n")
                };
                let end =
                    r#"data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}"#;
                let body = format!("{}{}{end}\n\ndata: [DONE]\n\n", word("A "), word("street."));
                ("text/event-stream", body)
            }
            _ => {
                let models = r#"{"data": [{"id": "tiny-vlm", "owned_by": "vllm"}]}"#;
                ("application/json", models.to_owned())
            }
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

#[test]
fn captions_are_measured_where_there_is_a_server_and_skipped_with_a_line_else() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let (ended_well, said, report) = rehearse(&out, &["caption"]);
    assert!(ended_well, "{said}");
    assert!(
        report.contains("no server is named: --base-url, or VIGIL_GPU_BASE_URL"),
        "{report}"
    );
    let url = server();
    let (ended_well, said, report) = rehearse(&out, &["caption", "--base-url", &url]);
    assert!(ended_well, "{said}");
    let rows = record(&out, "caption")["captions"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
    for row in rows.as_array().unwrap() {
        assert_eq!(row["model"], "tiny-vlm");
        assert!(
            row["answers"].as_u64().unwrap() >= 2 && row["total_p50_ms"].as_f64().unwrap() > 0.0
        );
    }
    assert!(
        report.contains("| tiny-vlm | yes or no |") && report.contains("rehearsed"),
        "{report}"
    );
    let url = "http://127.0.0.1:9/v1";
    let (ended_well, _, report) = rehearse(&out, &["caption", "--base-url", url]);
    assert!(!ended_well && report.contains("connection"), "{report}");
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
    let (ended_well, said, _) = rehearse(folder.path(), &["--fake-tensorrt", "9"]);
    assert!(!ended_well && said.contains("8, 10 or 11"), "{said}");
    let (ended_well, said, _) = rehearse(folder.path(), &["--limit", "soon"]);
    assert!(!ended_well && said.contains("whole seconds"), "{said}");
}
