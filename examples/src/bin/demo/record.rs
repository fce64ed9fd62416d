//! The figures of a run as JSON, for the summary page and for whoever compares runs.

use serde_json::{Value, json};
use std::path::Path;

use crate::Result;
use crate::judge::Judgement;
use crate::report::Run;

/// Writes the figures of a run to a file.
///
/// # Errors
/// For a file that cannot be written.
pub fn write(file: &Path, run: &Run, judgement: Option<&Judgement>) -> Result<()> {
    let mut text = serde_json::to_string_pretty(&figures(run, judgement))?;
    text.push('\n');
    std::fs::write(file, text)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()).into())
}

fn figures(run: &Run, judgement: Option<&Judgement>) -> Value {
    let busy = run.busy().as_secs_f64();
    let latency = &run.meter.latency;
    let drawing = &run.drawing;
    let seconds = run.meter.seconds.until(busy);
    let fps: Vec<_> = seconds
        .iter()
        .map(|s| [round(s.end), round(s.fps)])
        .collect();
    let latencies: Vec<_> = seconds
        .iter()
        .filter_map(|second| Some([round(second.end), round(second.latency_ms?)]))
        .collect();
    let mut figures = json!({
        "input": run.job.input,
        "model": run.job.model,
        "engine": run.engine(),
        "frames": run.meter.frames,
        "seconds": round(busy),
        "fps": round(run.fps()),
        "latency_ms": {
            "p50": round(latency.percentile_ms(50.0)),
            "p95": round(latency.percentile_ms(95.0)),
            "p99": round(latency.percentile_ms(99.0)),
            "max": round(latency.max_ms()),
        },
        "drawing_ms": {
            "p50": round(drawing.percentile_ms(50.0)),
            "p99": round(drawing.percentile_ms(99.0)),
        },
        "fps_series": fps,
        "latency_series": latencies,
    });
    if let (Some(judgement), Some(figures)) = (judgement, figures.as_object_mut()) {
        figures.insert("truth".into(), compared(judgement));
    }
    figures
}

/// Shares are of 1.
fn compared(judgement: &Judgement) -> Value {
    let Judgement { found, events } = judgement;
    let tracks = &found.tracks;
    json!({
        "precision": share(found.boxes.precision()),
        "recall": share(found.boxes.recall()),
        "hota": share(tracks.hota.hota()),
        "idf1": share(tracks.identity.idf1()),
        "identity_switches": tracks.clear.switches(),
        "events": {
            "right": events.right,
            "missed": events.missed.len(),
            "false": events.invented.len(),
            "half_hidden": events.open,
        },
    })
}

/// To the hundredth.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Percent as a share of 1.
fn share(percent: f64) -> f64 {
    (percent * 100.0).round() / 1e4
}
