//! What the user is told at the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::meter::{self, Totals};
use crate::pipeline::Files;

/// A run that is over.
pub struct Run {
    /// Name of the input.
    pub input: String,
    /// Name of the model's file.
    pub model: String,
    /// The input has its own pace, which nothing here may slow down.
    pub live: bool,
    /// From the start to the end, the loading of the model included.
    pub elapsed: Duration,
    /// What was counted.
    pub meter: Totals,
    /// What the elements say of themselves.
    pub stats: Vec<(String, gst::Structure)>,
}

impl Run {
    /// Frames per second, from the first frame on.
    pub fn fps(&self) -> f64 {
        self.meter.frames as f64 / self.meter.busy().unwrap_or(self.elapsed).as_secs_f64()
    }

    /// Distinct objects by label, most first.
    pub fn objects(&self) -> Vec<(&str, usize)> {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for label in self.meter.tracks.values() {
            *count.entry(label).or_default() += 1;
        }
        by_count(count)
    }

    /// Size and rate of the video: `480×360 at 10 fps`.
    pub fn video(&self) -> Option<String> {
        let caps = self.meter.caps.as_ref()?;
        let size = caps.structure(0)?;
        let (w, h) = (
            size.get::<i32>("width").ok()?,
            size.get::<i32>("height").ok()?,
        );
        Some(match meter::framerate(caps) {
            Some(rate) => format!("{w}×{h} at {} fps", round(rate)),
            None => format!("{w}×{h}"),
        })
    }

    /// The engine that ran the model.
    pub fn engine(&self) -> Option<String> {
        let (_, stats) = self.stats.iter().find(|(name, _)| name == "vigildetect")?;
        stats.get::<String>("engine").ok()
    }
}

/// What is in the events file.
#[derive(Debug, Default)]
pub struct Events {
    by_kind: BTreeMap<String, usize>,
}

impl Events {
    /// Counts the lines of an events file by kind.
    ///
    /// # Errors
    /// For a file that cannot be read, and a line that is no event.
    pub fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let lines = BufReader::new(File::open(file).map_err(|error| format!("{name}: {error}"))?);
        Self::count(lines).map_err(|error| format!("{name}, {error}").into())
    }

    fn count(lines: impl BufRead) -> Result<Self> {
        let mut by_kind = BTreeMap::new();
        for (number, line) in lines.lines().enumerate() {
            let event: serde_json::Value = serde_json::from_str(&line?)
                .map_err(|error| format!("line {}: {error}", number + 1))?;
            let kind = event["event"]
                .as_str()
                .ok_or_else(|| format!("line {}: no event", number + 1))?;
            *by_kind.entry(kind.to_owned()).or_default() += 1;
        }
        Ok(Self { by_kind })
    }

    /// How many there are of each kind, most first.
    pub fn by_kind(&self) -> Vec<(&str, usize)> {
        by_count(self.by_kind.iter().map(|(k, n)| (k.as_str(), *n)).collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_kind.values().sum()
    }
}

fn by_count(count: BTreeMap<&str, usize>) -> Vec<(&str, usize)> {
    let mut count: Vec<_> = count.into_iter().collect();
    count.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    count
}

/// `12 person, 3 dog`; `none` for nothing.
pub fn list(counts: &[(&str, usize)]) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    let parts: Vec<_> = counts
        .iter()
        .map(|(what, n)| format!("{n} {what}"))
        .collect();
    parts.join(", ")
}

/// A number with one digit after the point, or none where that would be 0.
fn round(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Prints the report.
pub fn print(run: &Run, events: &Events, files: &Files, has_sheet: bool) {
    let Totals {
        frames,
        inferred,
        latency,
        ..
    } = &run.meter;
    let engine = run.engine().map(|e| format!(" ({e})")).unwrap_or_default();
    println!("\n{} with {}{engine}\n", run.input, run.model);
    let video = run.video().map(|v| format!(", {v}")).unwrap_or_default();
    let looked = if inferred == frames {
        String::new()
    } else {
        format!(", {inferred} looked at")
    };
    println!("  frames    {frames}{looked}{video}");
    println!(
        "  speed     {:.1} fps, {:.1} s in all",
        run.fps(),
        run.elapsed.as_secs_f64()
    );
    if latency.count() > 0 {
        println!(
            "  latency   p50 {:.1}, p95 {:.1}, p99 {:.1}, max {:.1} ms, from decoded frame to events{}",
            latency.percentile_ms(50.0),
            latency.percentile_ms(95.0),
            latency.percentile_ms(99.0),
            latency.max_ms(),
            // Frames of a file come as fast as there is room for them.
            if run.live { "" } else { ", queues included" }
        );
    }
    println!("  objects   {}", list(&run.objects()));
    println!("  events    {}", events.len());
    for (kind, n) in events.by_kind() {
        println!("    {n:6}  {kind}");
    }
    println!();
    println!("  {}  the video with boxes", files.video.display());
    println!(
        "  {}  the events, one JSON object a line",
        files.events.display()
    );
    if has_sheet {
        println!("  {}  when they happened", files.sheet.display());
    } else {
        println!("  (nothing happened: no contact sheet)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_kind_most_first() {
        let lines = b"{\"event\":\"a\"}\n{\"event\":\"b\"}\n{\"event\":\"b\"}\n";
        let events = Events::count(&lines[..]).unwrap();
        assert_eq!(events.by_kind(), [("b", 2), ("a", 1)]);
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn a_broken_line_is_named() {
        for (lines, error) in [
            ("{\"event\":\"a\"}\n{\"ev", "line 2: EOF"),
            ("{}\n", "line 1: no event"),
        ] {
            let got = Events::count(lines.as_bytes()).unwrap_err().to_string();
            assert!(got.starts_with(error), "{got}");
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(10.0, "10"), (29.97, "30"), (12.5, "12.5")] {
            assert_eq!(round(value), text);
        }
    }
}
