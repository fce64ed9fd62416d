//! Figures of the run that made the events: the JSON file of `--run`.
//!
//! One JSON object. Every field may be missing or null, unknown ones are ignored:
//!
//! ```json
//! {
//!   "input": "street.mp4",
//!   "model": "yolov8n.onnx",
//!   "engine": "onnxruntime 1.22 (CPU)",
//!   "frames": 1800,
//!   "duration": 60.0,
//!   "seconds": 18.2,
//!   "fps": 98.9,
//!   "latency_ms": {"p50": 8.1, "p95": 12.0, "p99": 15.5, "max": 40.2},
//!   "fps_series": [[0.5, 97.0], [1.0, 99.5]],
//!   "latency_series": [[0.5, 8.0], [1.0, 8.3]],
//!   "truth": {"precision": 0.99, "recall": 0.97, "hota": 0.82,
//!             "events": {"right": 40, "missed": 1, "false": 0}}
//! }
//! ```
//!
//! | field | unit |
//! |---|---|
//! | `input`, `model`, `engine` | names, as text |
//! | `frames` | frames that went through |
//! | `duration` | length of the video in seconds |
//! | `seconds` | how long the run took, in seconds |
//! | `fps` | frames per second; from `frames` and `seconds` where it is missing |
//! | `latency_ms` | percentiles in milliseconds; from `latency_series` where they are missing |
//! | `fps_series` | pairs of seconds since the run began and frames per second |
//! | `latency_series` | pairs of seconds since the run began and milliseconds |
//! | `truth` | comparison with a known truth: numbers or texts by name, or objects of them. Precision, recall, F1, HOTA, DetA, AssA, MOTA and IDF1 are fractions of 1 |

use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

use crate::Result;
use crate::series;

/// The figures; see the module.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Run {
    /// What was analysed.
    pub input: Option<String>,
    /// With which model.
    pub model: Option<String>,
    /// By which engine.
    pub engine: Option<String>,
    /// Frames that went through.
    pub frames: Option<u64>,
    /// Length of the video in seconds.
    pub duration: Option<f64>,
    /// How long the run took, in seconds.
    pub seconds: Option<f64>,
    /// Frames per second.
    pub fps: Option<f64>,
    /// Percentiles in milliseconds.
    pub latency_ms: Option<Latency>,
    /// Seconds since the run began, frames per second.
    pub fps_series: Option<Vec<(f64, f64)>>,
    /// Seconds since the run began, milliseconds.
    pub latency_series: Option<Vec<(f64, f64)>>,
    /// Comparison with the truth.
    pub truth: Option<Map<String, Value>>,
}

/// Percentiles of the latency, in milliseconds.
#[derive(Debug, Default, Clone, Copy, Deserialize, PartialEq)]
#[serde(default)]
pub struct Latency {
    /// Half of the frames take longer.
    pub p50: Option<f64>,
    /// One in 20 takes longer.
    pub p95: Option<f64>,
    /// One in 100 takes longer.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

impl Run {
    /// Reads the file and fills in what follows from the rest.
    ///
    /// # Errors
    /// For a file that cannot be read or is no such JSON.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        let run: Self = serde_json::from_slice(&text)
            .map_err(|error| format!("{name}: not the figures of a run: {error}"))?;
        Ok(run.completed())
    }

    fn completed(mut self) -> Self {
        if let (None, Some(frames), Some(seconds)) = (self.fps, self.frames, self.seconds)
            && seconds > 0.0
        {
            self.fps = Some(frames as f64 / seconds);
        }
        let series = self.latency_series.as_deref().unwrap_or_default();
        if self.latency_ms.is_none() && !series.is_empty() {
            let mut values: Vec<f64> = series.iter().map(|(_, ms)| *ms).collect();
            values.sort_by(f64::total_cmp);
            let percentile = |p| series::percentile(&values, p);
            self.latency_ms = Some(Latency {
                p50: percentile(50.0),
                p95: percentile(95.0),
                p99: percentile(99.0),
                max: percentile(100.0),
            });
        }
        self
    }

    /// What the comparison with the truth says, by name: objects in it as `events: right`.
    pub fn truth_facts(&self) -> Vec<(String, Value)> {
        let mut facts = Vec::new();
        if let Some(truth) = &self.truth {
            flatten("", truth, &mut facts);
        }
        facts
    }
}

fn flatten(prefix: &str, map: &Map<String, Value>, facts: &mut Vec<(String, Value)>) {
    for (key, value) in map {
        let name = match prefix {
            "" => key.replace('_', " "),
            prefix => format!("{prefix}: {}", key.replace('_', " ")),
        };
        match value {
            Value::Object(inner) => flatten(&name, inner, facts),
            Value::Null | Value::Array(_) => (),
            value => facts.push((name, value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Run {
        serde_json::from_str::<Run>(text).unwrap().completed()
    }

    #[test]
    fn every_field_may_be_missing_null_or_unknown() {
        for text in [
            "{}",
            r#"{"fps": null, "latency_ms": null, "truth": null, "fps_series": null}"#,
            r#"{"weather": "rain"}"#,
        ] {
            assert_eq!(run(text), Run::default(), "{text}");
        }
    }

    #[test]
    fn what_follows_from_the_rest_is_filled_in() {
        let run = run(
            r#"{"frames": 100, "seconds": 4, "latency_series": [[0, 5], [1, 9], [2, 7], [3, 6]]}"#,
        );
        assert_eq!(run.fps, Some(25.0));
        let latency = run.latency_ms.unwrap();
        assert_eq!((latency.p50, latency.p95), (Some(6.0), Some(9.0)));
        assert_eq!(latency.max, Some(9.0));
    }

    #[test]
    fn truth_is_read_at_any_depth() {
        let run = run(
            r#"{"truth": {"recall": 0.97, "events": {"right": 40, "by_kind": {"line": 3}}, "list": [1]}}"#,
        );
        let facts = run.truth_facts();
        let facts: Vec<_> = facts.iter().map(|(n, v)| format!("{n} {v}")).collect();
        assert_eq!(facts.len(), 3);
        for expected in ["recall 0.97", "events: right 40", "events: by kind: line 3"] {
            assert!(facts.iter().any(|fact| fact == expected), "{facts:?}");
        }
    }

    #[test]
    fn wrong_types_are_told_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        for (text, expected) in [
            ("{\"fps\": \"fast\"}", "line 1 column 14"),
            ("{", "EOF"),
            ("[1]", "invalid"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = Run::read(&file).unwrap_err().to_string();
            assert!(
                error.contains("run.json") && error.contains(expected),
                "{error}"
            );
        }
    }
}
