//! The step `report`: Markdown of the steps' files.

mod tables;
mod targets;

use crate::Failure;
use crate::machine::{Found, Machine};
use crate::record::{Outcome, Record};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The steps, in the order in which they run.
const STEPS: [&str; 8] = [
    "info",
    "check",
    "element",
    "faults",
    "leaks",
    "leaks-sanitizer",
    "bench",
    "caption",
];

/// Steps without which nothing is missing.
const OPTIONAL: [&str; 2] = ["leaks-sanitizer", "caption"];

/// What the report of a rehearsal begins with.
const REHEARSAL: &str = "**This is a rehearsal with fake libraries: it contains no GPU figure.**";

#[derive(clap::Args)]
pub struct Options {
    /// Folder with the steps' JSON
    #[arg(long, default_value = "target/gpu/results")]
    out: PathBuf,
    /// Where the report goes; report.md in that folder if nothing is said
    #[arg(long)]
    file: Option<PathBuf>,
    /// How the steps ended, as `tests/gpu/run` writes it: a line `STEP STATUS` for each
    #[arg(long)]
    steps: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let records = STEPS.map(|step| (step, read(&options.out, step)));
    let mut known = Vec::new();
    for (step, record) in records {
        known.push((step, record?));
    }
    let ended = match &options.steps {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => String::new(),
    };
    let path = options.file.clone();
    let path = path.unwrap_or_else(|| options.out.join("report.md"));
    std::fs::write(&path, markdown(&known, &ended)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(true)
}

/// The record of a step, if there is one.
fn read(folder: &Path, step: &str) -> Result<Option<Record>, Failure> {
    let path = folder.join(format!("{step}.json"));
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| format!("{}: {error}", path.display()).into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

/// The whole report.
fn markdown(steps: &[(&str, Option<Record>)], ended: &str) -> Result<String, Failure> {
    let records: Vec<&Record> = steps.iter().filter_map(|(_, r)| r.as_ref()).collect();
    // One fake library anywhere makes all of it a rehearsal.
    let rehearsal = records.iter().any(|record| record.rehearsal);
    let mut text = String::new();
    if rehearsal {
        writeln!(text, "{REHEARSAL}\n")?;
    }
    let machine = records.first().map(|record| &record.machine);
    let gpu = machine.and_then(|machine| machine.gpus.first());
    writeln!(
        text,
        "# Vigil on {}\n",
        gpu.map_or("no GPU", |gpu| &gpu.name)
    )?;
    match machine {
        Some(machine) => write!(text, "{}", machine_table(machine)?)?,
        None => writeln!(text, "No step has left anything.")?,
    }
    writeln!(
        text,
        "\n## Steps\n\n| step | ended | passed | failed | skipped |\n|---|---|---|---|---|"
    )?;
    for (step, record) in steps {
        if record.is_none() && OPTIONAL.contains(step) {
            continue;
        }
        writeln!(text, "{}", step_row(step, record.as_ref(), ended))?;
    }
    for record in &records {
        write!(text, "{}", checks(record)?)?;
    }
    writeln!(text, "\n## Figures\n")?;
    if rehearsal {
        writeln!(
            text,
            "What was measured says nothing about a GPU, and is left out: a cell says `rehearsed` where a figure would be.\n"
        )?;
    }
    let bench = records.iter().find(|record| record.step == "bench");
    match bench {
        Some(bench) => write!(text, "{}", tables::all(bench)?)?,
        None => writeln!(text, "Not measured: the step `bench` has left nothing.\n")?,
    }
    let caption = records.iter().find(|record| record.step == "caption");
    if let Some(caption) = caption {
        write!(text, "{}", tables::captions(caption)?)?;
    }
    writeln!(text, "## Targets\n\n| target | measured | |\n|---|---|---|")?;
    let real = |record: Option<&&Record>| record.copied().filter(|_| !rehearsal).cloned();
    let (bench, caption) = (real(bench), real(caption));
    let targets = targets::all(bench.as_ref()).into_iter();
    for target in targets.chain(targets::of_captions(caption.as_ref())) {
        writeln!(
            text,
            "| {} | {} | {} |",
            target.what,
            target.measured,
            target.verdict()
        )?;
    }
    Ok(text)
}

fn machine_table(machine: &Machine) -> Result<String, Failure> {
    let mut text = String::from("| | |\n|---|---|\n");
    for (number, gpu) in machine.gpus.iter().enumerate() {
        let gib = gpu.memory_bytes as f64 / f64::from(1 << 30);
        let (name, capability) = (&gpu.name, &gpu.capability);
        writeln!(
            text,
            "| GPU {number} | {name}, compute capability {capability}, {gib:.1} GiB |"
        )?;
    }
    let library = |found: &Option<Found>| match found {
        Some(found) => {
            let fake = if found.fake { ", a fake" } else { "" };
            format!("{}{fake} (`{}`)", found.version, found.path)
        }
        None => "not found".into(),
    };
    writeln!(
        text,
        "| driver, newest CUDA | {} |",
        library(&machine.driver)
    )?;
    if let Some(module) = &machine.kernel_module {
        writeln!(text, "| kernel module | {module} |")?;
    }
    writeln!(text, "| TensorRT | {} |", library(&machine.tensorrt))?;
    writeln!(text, "| GStreamer | {} |", machine.gstreamer)?;
    writeln!(text, "| CPU | {}, {} cores |", machine.cpu, machine.cores)?;
    writeln!(text, "| Linux | {} |", machine.kernel)?;
    for missing in &machine.missing {
        writeln!(text, "| missing | {} |", cell(missing))?;
    }
    Ok(text)
}

fn step_row(step: &str, record: Option<&Record>, ended: &str) -> String {
    let status = ended.lines().find_map(|line| {
        let (name, status) = line.split_once(' ')?;
        (name == step).then(|| status.to_owned())
    });
    let Some(record) = record else {
        let status = status.unwrap_or_else(|| "not run".into());
        return format!("| {step} | {status}, left nothing | | | |");
    };
    let state = match (record.finished, status) {
        (true, None) => "at its end".into(),
        (true, Some(status)) => status,
        (false, None) => "before its end".into(),
        (false, Some(status)) => format!("before its end: {status}"),
    };
    let count = |outcome| {
        record
            .checks
            .iter()
            .filter(|c| c.outcome == outcome)
            .count()
    };
    let [pass, fail, skip] = [Outcome::Pass, Outcome::Fail, Outcome::Skip].map(count);
    format!("| {step} | {state} | {pass} | {fail} | {skip} |")
}

fn checks(record: &Record) -> Result<String, Failure> {
    let mut text = format!("\n## {}\n\n| | | |\n|---|---|---|\n", record.step);
    for check in &record.checks {
        // What fails and why is the same in a rehearsal; that something was measured is no figure.
        let (outcome, detail) = (check.outcome.as_str(), cell(&check.detail));
        writeln!(text, "| {outcome} | {} | {detail} |", cell(&check.name))?;
    }
    Ok(text)
}

/// Text that stays in one cell of a table.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::BatchRow;
    use crate::record::Check;

    fn bench(rehearsal: bool) -> Record {
        Record {
            step: "bench".into(),
            rehearsal,
            finished: true,
            machine: Machine::default(),
            checks: vec![Check {
                name: "a|b".into(),
                outcome: Outcome::Fail,
                detail: "two\nlines".into(),
                seconds: 1.0,
            }],
            batches: vec![BatchRow {
                model: "yolov8n".into(),
                precision: "f16".into(),
                batch: 8,
                bare_fps: 1234.8,
                bare_how: "graph, 2 at once".into(),
                pipeline_fps: 1222.0,
                no_graph_fps: 1111.0,
                ratio: 0.9899,
            }],
            latencies: Vec::new(),
            preprocessing: Vec::new(),
            streams: Vec::new(),
            captions: Vec::new(),
        }
    }

    #[test]
    fn a_rehearsal_says_so_in_its_first_line_and_has_no_figure() {
        let text = markdown(&[("bench", Some(bench(true)))], "").unwrap();
        assert_eq!(text.lines().next(), Some(REHEARSAL));
        assert!(text.contains("rehearsed"));
        for figure in ["1234", "1222", "0.99", "0.98", "reached", "missed"] {
            assert!(!text.contains(figure), "{figure} in {text}");
        }
        assert!(text.contains("not measured"));
    }

    #[test]
    fn a_real_run_has_its_figures_and_says_what_was_not_measured() {
        let text = markdown(&[("check", None), ("bench", Some(bench(false)))], "").unwrap();
        assert!(text.starts_with("# Vigil on no GPU"));
        for part in [
            "1235",
            "1222",
            "0.990",
            "reached",
            "not measured",
            "| check | not run",
        ] {
            assert!(text.contains(part), "{part} not in {text}");
        }
        assert!(text.contains(r"| FAIL | a\|b | two lines |"));
    }

    #[test]
    fn a_step_that_was_stopped_says_how() {
        let record = Record {
            finished: false,
            ..bench(false)
        };
        let ended = "bench stopped after 9 s\n";
        let text = markdown(&[("bench", Some(record)), ("faults", None)], ended).unwrap();
        assert!(text.contains("| bench | before its end: stopped after 9 s | 0 | 1 | 0 |"));
        assert!(text.contains("| faults | not run, left nothing |"));
    }
}
