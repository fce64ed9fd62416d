//! Tables of figures.

use crate::Failure;
use crate::record::Record;
use std::fmt::Write;

/// All tables of a bench, those without rows left out. In a rehearsal no cell has a figure.
pub fn all(record: &Record) -> Result<String, Failure> {
    let figure = |value: f64, digits: usize| match record.rehearsal {
        true => "rehearsed".to_owned(),
        false => format!("{value:.digits$}"),
    };
    let mut text = String::new();
    let mut table = |title: &str, head: &[&str], rows: Vec<Vec<String>>| -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(text, "### {title}\n\n| {} |", head.join(" | "))?;
        writeln!(text, "|{}", "---|".repeat(head.len()))?;
        for row in rows {
            writeln!(text, "| {} |", row.join(" | "))?;
        }
        writeln!(text)?;
        Ok(())
    };
    table(
        "Frames a second by batch, frames on the GPU",
        &[
            "model",
            "",
            "batch",
            "engine alone",
            "in this way",
            "pipeline",
            "without graphs",
            "pipeline / engine",
        ],
        (record.batches.iter())
            .map(|row| {
                let how = if record.rehearsal {
                    "rehearsed"
                } else {
                    &row.bare_how
                };
                vec![
                    row.model.clone(),
                    row.precision.clone(),
                    row.batch.to_string(),
                    figure(row.bare_fps, 0),
                    how.to_owned(),
                    figure(row.pipeline_fps, 0),
                    figure(row.no_graph_fps, 0),
                    figure(row.ratio, 3),
                ]
            })
            .collect(),
    )?;
    table(
        "One picture, alone on the GPU: frame to boxes, milliseconds",
        &["model", "", "frame in", "p50", "p99"],
        (record.latencies.iter())
            .map(|row| {
                vec![
                    row.model.clone(),
                    row.precision.clone(),
                    row.from.clone(),
                    figure(row.p50_ms, 3),
                    figure(row.p99_ms, 3),
                ]
            })
            .collect(),
    )?;
    table(
        "Preprocessing, microseconds a frame",
        &["model", "", "frame", "batch", "µs"],
        (record.preprocessing.iter())
            .map(|row| {
                vec![
                    row.model.clone(),
                    row.precision.clone(),
                    row.format.clone(),
                    row.batch.to_string(),
                    figure(row.micros_a_frame, 1),
                ]
            })
            .collect(),
    )?;
    table(
        "Streams that share a model",
        &[
            "model",
            "",
            "frames in",
            "streams",
            "sent, each a second",
            "all a second",
            "slowest stream",
            "not looked at",
            "p50 ms",
            "p99 ms",
            "frames a run",
            "busiest core %",
            "cores used",
        ],
        (record.streams.iter())
            .map(|row| {
                vec![
                    row.model.clone(),
                    row.precision.clone(),
                    row.from.clone(),
                    row.streams.to_string(),
                    row.pace.map_or("as taken".into(), |pace| format!("{pace}")),
                    figure(row.fps, 0),
                    figure(row.slowest_fps, 1),
                    figure(row.skipped as f64, 0),
                    figure(row.p50_ms, 2),
                    figure(row.p99_ms, 2),
                    figure(row.frames_per_run, 1),
                    figure(row.busiest_core, 0),
                    figure(row.cores_used, 2),
                ]
            })
            .collect(),
    )?;
    Ok(text)
}

/// How soon a model that captions answers; nothing where none was asked.
pub fn captions(record: &Record) -> Result<String, Failure> {
    let mut text = String::new();
    if record.captions.is_empty() {
        return Ok(text);
    }
    let figure = |value: f64| match record.rehearsal {
        true => "rehearsed".to_owned(),
        false => format!("{value:.0}"),
    };
    writeln!(text, "### Captions, milliseconds from question to answer\n")?;
    writeln!(
        text,
        "| server | model | question | answers | first word p50 | p95 | all p50 | p95 |"
    )?;
    writeln!(text, "|{}", "---|".repeat(8))?;
    for row in &record.captions {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.dialect,
            row.model,
            row.question,
            row.answers,
            figure(row.first_token_p50_ms),
            figure(row.first_token_p95_ms),
            figure(row.total_p50_ms),
            figure(row.total_p95_ms),
        )?;
    }
    writeln!(text)?;
    Ok(text)
}
