//! What the user is told at the end.

use gst::ClockTime;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use vigil_analytics::stats::Latencies;

use crate::Result;
use crate::job::Job;
use crate::judge::Judgement;
use crate::meter::{self, Totals};
use crate::pipeline::Files;
use crate::truth::events::Single;

/// A run that is over.
pub struct Run {
    /// What was run.
    pub job: Job,
    /// The input has its own pace, which nothing here may slow down.
    pub live: bool,
    /// From the start to the end, the loading of the model included.
    pub elapsed: Duration,
    /// What was counted.
    pub meter: Totals,
    /// What the elements say of themselves.
    pub stats: Vec<(String, gst::Structure)>,
    /// What drawing cost.
    pub drawing: Latencies,
}

impl Run {
    /// From the first frame in to the last one out.
    pub fn busy(&self) -> Duration {
        self.meter.busy().unwrap_or(self.elapsed)
    }

    /// Frames per second, from the first frame on.
    pub fn fps(&self) -> f64 {
        self.meter.frames as f64 / self.busy().as_secs_f64()
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

/// `1:02:03.4`, without hours where there are none.
pub fn clock(time: ClockTime) -> String {
    let tenths = (time.mseconds() + 50) / 100;
    let (minutes, tenths) = (tenths / 600, tenths % 600);
    let seconds = format!("{:02}.{}", tenths / 10, tenths % 10);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}:{seconds}"),
        (hours, minutes) => format!("{hours}:{minutes:02}:{seconds}"),
    }
}

/// Prints what was found, and how fast.
pub fn print(out: &mut dyn Write, run: &Run, events: &Events) -> io::Result<()> {
    let Totals {
        frames,
        inferred,
        latency,
        ..
    } = &run.meter;
    let engine = run.engine().map(|e| format!(" ({e})")).unwrap_or_default();
    writeln!(out, "\n{} with {}{engine}\n", run.job.input, run.job.model)?;
    let video = run.video().map(|v| format!(", {v}")).unwrap_or_default();
    let looked = if inferred == frames {
        String::new()
    } else {
        format!(", {inferred} looked at")
    };
    writeln!(out, "  frames    {frames}{looked}{video}")?;
    writeln!(
        out,
        "  speed     {:.1} fps, {:.1} s in all",
        run.fps(),
        run.elapsed.as_secs_f64()
    )?;
    if latency.count() > 0 {
        writeln!(
            out,
            "  latency   p50 {:.1}, p95 {:.1}, p99 {:.1}, max {:.1} ms, from decoded frame to events{}",
            latency.percentile_ms(50.0),
            latency.percentile_ms(95.0),
            latency.percentile_ms(99.0),
            latency.max_ms(),
            // Frames of a file come as fast as there is room for them.
            if run.live { "" } else { ", queues included" }
        )?;
    }
    writeln!(out, "  objects   {}", list(&run.objects()))?;
    writeln!(out, "  events    {}", events.len())?;
    for (kind, n) in events.by_kind() {
        writeln!(out, "    {n:6}  {kind}")?;
    }
    Ok(())
}

/// Prints how that compares with the truth.
pub fn print_judgement(out: &mut dyn Write, judgement: &Judgement) -> io::Result<()> {
    let Judgement { found, events } = judgement;
    let tracks = &found.tracks;
    writeln!(
        out,
        "\n  against the truth (objects of which at least half is seen, IoU 0.5):"
    )?;
    writeln!(
        out,
        "  boxes     precision {:.1} %, recall {:.1} %",
        found.boxes.precision(),
        found.boxes.recall()
    )?;
    writeln!(
        out,
        "  tracks    HOTA {:.1}, IDF1 {:.1}, {} changes of identity",
        tracks.hota.hota(),
        tracks.identity.idf1(),
        tracks.clear.switches()
    )?;
    let open = match events.open {
        0 => String::new(),
        open => format!(" ({open} of half-hidden objects count neither way)"),
    };
    writeln!(
        out,
        "  events    {} right, {} missed, {} false{open}",
        events.right,
        events.missed.len(),
        events.invented.len()
    )?;
    print_singles(out, "missed", &events.missed)?;
    print_singles(out, "false", &events.invented)
}

fn print_singles(out: &mut dyn Write, what: &str, singles: &[Single]) -> io::Result<()> {
    /// More are only counted.
    const MOST: usize = 5;
    for Single { time, text } in singles.iter().take(MOST) {
        let time = clock(ClockTime::from_nseconds(*time));
        writeln!(out, "      {what:7} {time:>7}  {text}")?;
    }
    if let more @ 1.. = singles.len().saturating_sub(MOST) {
        writeln!(out, "      {what:7}          and {more} more")?;
    }
    Ok(())
}

/// Prints where the results are.
pub fn print_files(out: &mut dyn Write, files: &Files) -> io::Result<()> {
    writeln!(out)?;
    for (file, what) in [
        (&files.summary, "all of it on one page"),
        (
            &files.video,
            "the video with what was found and what happened",
        ),
        (&files.events, "the events, one JSON object a line"),
        (&files.objects, "the objects on each frame, likewise"),
        (&files.expected, "the events that follow from the truth"),
        (&files.sheet, "pictures of when they happened"),
        (&files.run, "the figures"),
    ] {
        if file.exists() {
            writeln!(out, "  {}  {what}", file.display())?;
        }
    }
    if !files.sheet.exists() {
        writeln!(out, "  (nothing happened: no contact sheet)")?;
    }
    Ok(())
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
    fn times_read_as_on_a_player() {
        for (ms, text) in [
            (0, "0:00.0"),
            (12_340, "0:12.3"),
            (59_990, "1:00.0"),
            (3_723_400, "1:02:03.4"),
        ] {
            assert_eq!(clock(ClockTime::from_mseconds(ms)), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(10.0, "10"), (29.97, "30"), (12.5, "12.5")] {
            assert_eq!(round(value), text);
        }
    }
}
