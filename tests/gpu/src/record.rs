//! What a step has found, as JSON. The file is written anew after each finding, so that a step that
//! is stopped or crashes leaves what it had.

use crate::Failure;
use crate::bench::{BatchRow, LatencyRow, PreprocessRow, StreamRow};
use crate::caption::CaptionRow;
use crate::machine::Machine;
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Pass,
    Fail,
    Skip,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Skip => "skip",
        }
    }
}

/// A check that did not fail.
pub enum Verdict {
    /// With what was compared.
    Passed(String),
    /// With what is missing.
    Skipped(String),
}

/// A verdict, or why it failed.
pub type Checked = Result<Verdict, Failure>;

/// Passes, with what was compared.
pub fn passed(what: impl Into<String>) -> Checked {
    Ok(Verdict::Passed(what.into()))
}

/// A check and how it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub outcome: Outcome,
    /// What was compared, what failed, or why it was skipped.
    pub detail: String,
    pub seconds: f64,
}

/// All that a step has found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub step: String,
    /// A library that stands for the driver or TensorRT is none of NVIDIA's.
    pub rehearsal: bool,
    /// Whether it came to its end.
    pub finished: bool,
    pub machine: Machine,
    pub checks: Vec<Check>,
    #[serde(default)]
    pub batches: Vec<BatchRow>,
    #[serde(default)]
    pub latencies: Vec<LatencyRow>,
    #[serde(default)]
    pub preprocessing: Vec<PreprocessRow>,
    #[serde(default)]
    pub streams: Vec<StreamRow>,
    #[serde(default)]
    pub captions: Vec<CaptionRow>,
}

/// A record that is being written.
pub struct Recorder {
    pub record: Record,
    path: PathBuf,
}

impl Recorder {
    /// Begins the record of a step, in this folder.
    pub fn new(step: &str, folder: &Path, machine: Machine) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let record = Record {
            step: step.into(),
            rehearsal: machine.is_rehearsal(),
            finished: false,
            machine,
            checks: Vec::new(),
            batches: Vec::new(),
            latencies: Vec::new(),
            preprocessing: Vec::new(),
            streams: Vec::new(),
            captions: Vec::new(),
        };
        let path = folder.join(format!("{step}.json"));
        let this = Self { record, path };
        this.save()?;
        Ok(this)
    }

    /// Runs a check and notes how it ended; a panic is a failure.
    pub fn check(
        &mut self,
        name: impl Into<String>,
        check: impl FnOnce() -> Checked,
    ) -> Result<(), Failure> {
        let (name, started) = (name.into(), Instant::now());
        let ended = catch_unwind(AssertUnwindSafe(check))
            .unwrap_or_else(|panic| Err(panic_text(&*panic).into()));
        let (outcome, detail) = match ended {
            Ok(Verdict::Passed(detail)) => (Outcome::Pass, detail),
            Ok(Verdict::Skipped(detail)) => (Outcome::Skip, detail),
            Err(error) => (Outcome::Fail, error.to_string()),
        };
        println!("{:4}  {name}: {detail}", outcome.as_str());
        self.record.checks.push(Check {
            name,
            outcome,
            detail,
            seconds: started.elapsed().as_secs_f64(),
        });
        self.save()
    }

    /// Writes what there is.
    pub fn save(&self) -> Result<(), Failure> {
        let made = self.path.with_extension("making");
        std::fs::write(&made, serde_json::to_vec_pretty(&self.record)?)
            .and_then(|()| std::fs::rename(&made, &self.path))
            .map_err(|error| format!("{}: {error}", self.path.display()).into())
    }

    /// Ends the record; whether nothing failed.
    pub fn finish(mut self) -> Result<bool, Failure> {
        self.record.finished = true;
        self.save()?;
        let checks = self.record.checks.iter();
        let failed = checks.filter(|c| c.outcome == Outcome::Fail).count();
        println!(
            "{}: {failed} failed of {}",
            self.record.step,
            self.record.checks.len()
        );
        Ok(failed == 0)
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "a panic without a word".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_on_disk_before_the_step_ends() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new("x", folder.path(), Machine::default()).unwrap();
        let read = || -> Record {
            let text = std::fs::read(folder.path().join("x.json")).unwrap();
            serde_json::from_slice(&text).unwrap()
        };
        recorder.check("a", || passed("1")).unwrap();
        recorder.check("b", || panic!("no {}", 2)).unwrap();
        recorder
            .check("c", || Ok(Verdict::Skipped("3".into())))
            .unwrap();
        let record = read();
        assert!(!record.finished);
        let checks: Vec<_> = record
            .checks
            .iter()
            .map(|c| (c.outcome, &*c.detail))
            .collect();
        let expected = [
            (Outcome::Pass, "1"),
            (Outcome::Fail, "no 2"),
            (Outcome::Skip, "3"),
        ];
        assert_eq!(checks, expected);
        assert!(!recorder.finish().unwrap());
        assert!(read().finished);
    }
}
