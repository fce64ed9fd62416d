//! Recorded detections in place of a network: a file of them is read, and each frame of a video
//! gets those that were recorded at its time.
//!
//! ```text
//!  det.txt ──[mot]──┐
//!                   ├─▶ frames in order of time ──[find]──▶ those of one frame ──▶ detections
//!  *.jsonl ─[json]──┘        (Recording)                    in its own pixels
//! ```
//!
//! A file is read once, line by line; what it says is kept in memory (some 24 bytes for each box).
//! Nothing here depends on the order in which frames are asked for.

mod error;
mod find;
mod json;
mod lines;
mod mot;
mod seqinfo;
mod store;

pub use error::ReplayError;
pub use find::{Clock, Cursor, Position, Rate};
pub use seqinfo::SequenceInfo;

use crate::decode::{Detection, Thresholds};
use crate::model::{self, Outline};
use find::{Match, Times};
use lines::Lines;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use store::{Entry, Store};

/// Bytes of a file that are read at a time; its format is found in the first of them.
const CHUNK: usize = 256 << 10;

/// A box that ends this much outside the frame, in pixels, is left as it is: records of
/// `vigilevents` are rounded to hundredths.
const ROUNDING: f32 = 0.0101;

/// What a file says, whatever its format.
struct Content {
    /// In the order of the times.
    store: Store,
    clock: Clock,
    /// Between the first and the last frame, one without a record was looked at.
    is_complete: bool,
    labels: Vec<String>,
    labels_source: &'static str,
    warnings: Vec<String>,
}

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// MOTChallenge's rows.
    Mot,
    /// JSON Lines.
    JsonLines,
}

impl Format {
    /// In words, for a log line or `stats`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mot => "MOTChallenge",
            Self::JsonLines => "JSON Lines",
        }
    }

    /// What a file that begins with these bytes is.
    fn of(head: &[u8]) -> Option<Self> {
        match head.trim_ascii_start().first()? {
            b'{' => Some(Self::JsonLines),
            b'0'..=b'9' | b'-' | b'+' | b'.' => Some(Self::Mot),
            _ => None,
        }
    }
}

/// What is recorded of a frame.
#[derive(Debug, Clone, Copy)]
pub enum Recorded<'a> {
    /// A detector looked at the frame, and this is what it found.
    Looked(Found<'a>),
    /// No detector looked at it; `true` where a record says so.
    Skipped(bool),
}

/// What was found on a frame.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// `None` where there is no record, because nothing was found.
    entry: Option<&'a Entry>,
    recording: &'a Recording,
}

/// A file of detections, read.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    format: Format,
    store: Store,
    times: Times,
    info: Option<SequenceInfo>,
    labels: Vec<String>,
    labels_source: &'static str,
    warnings: Vec<String>,
}

impl Recording {
    /// Reads a file. `labels` are names of classes that the file has numbers for.
    ///
    /// Takes seconds for hundreds of megabytes: not for a streaming thread.
    ///
    /// # Errors
    /// What is wrong with the file or with `labels`, with the line.
    pub fn load(path: &Path, labels: Option<Vec<String>>) -> Result<Self, ReplayError> {
        let (file, _) = model::open(path)?;
        let reader = BufReader::with_capacity(CHUNK, file);
        let (format, mut content) = read(reader, path, labels)?;
        let info = match content.clock {
            Clock::FrameNumber => SequenceInfo::beside(path)?,
            Clock::Pts | Clock::StreamTime => None,
        };
        content.store.finish();
        warn_of_scores(&content.store, &mut content.warnings);
        let complete = content
            .is_complete
            .then(|| range(&content.store, info.as_ref()));
        let rate = info.as_ref().and_then(|info| info.rate);
        Ok(Self {
            path: path.into(),
            format,
            times: Times::new(content.clock, rate, complete.flatten(), &content.store),
            store: content.store,
            info,
            labels: content.labels,
            labels_source: content.labels_source,
            warnings: content.warnings,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is written in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What its times are.
    pub fn clock(&self) -> Clock {
        self.times.clock
    }

    /// What is known of the recorded video, where the file numbers its frames.
    pub fn info(&self) -> Option<&SequenceInfo> {
        self.info.as_ref()
    }

    /// How many frames have a record.
    pub fn records(&self) -> usize {
        self.store.entries().len()
    }

    /// Names of the classes, by id.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Where they come from, in words.
    pub fn labels_source(&self) -> &'static str {
        self.labels_source
    }

    /// What a user should know, though the file can be replayed.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Makes names known that the file might have had, but has not: only where it is the file's
    /// records that bring the names, which tell of no class that was not seen.
    pub fn add_labels<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        if self.format != Format::JsonLines {
            return;
        }
        for name in names {
            let lower = name.to_lowercase();
            if !self
                .labels
                .iter()
                .any(|label| label.to_lowercase() == lower)
            {
                self.warnings.push(format!(
                    "classes: no object in {:?} is labelled {name:?}",
                    self.path
                ));
                self.labels.push(name.to_owned());
            }
        }
    }

    /// What is recorded of the frame at `position` of a video with this many frames a second;
    /// `None` for a variable rate.
    pub fn find(
        &self,
        position: Position,
        rate: Option<Rate>,
        cursor: &mut Cursor,
    ) -> Recorded<'_> {
        let entry = match self.times.find(&self.store, position, rate, cursor) {
            Match::Unknown => return Recorded::Skipped(false),
            Match::Entry(entry) if !entry.inferred => return Recorded::Skipped(true),
            Match::Entry(entry) => Some(entry),
            Match::Nothing => None,
        };
        Recorded::Looked(Found {
            entry,
            recording: self,
        })
    }
}

impl Found<'_> {
    /// Whether there is a record of the frame.
    pub fn is_recorded(&self) -> bool {
        self.entry.is_some()
    }

    /// The detections that are wanted, best first, in pixels of a frame of this width and height,
    /// clipped to it. `iou` is of no use: who recorded them has done with overlaps.
    ///
    /// A score that is the threshold passes, since recorded scores are rounded.
    pub fn detections(&self, frame: (u32, u32), thresholds: &Thresholds) -> Vec<Detection> {
        let Some(entry) = self.entry else {
            return Vec::new();
        };
        let to = [frame.0 as f32, frame.1 as f32];
        let scale = self.scale(entry, to);
        let rows = self.recording.store.rows_of(entry).iter();
        let wanted = rows
            .filter(|row| {
                row.score > 0.0 && row.score >= thresholds.confidence && thresholds.wants(row.class)
            })
            .filter_map(|row| {
                let [x, y, w, h] = row.xywh;
                let (x1, x2) = span(x, w, scale[0], to[0])?;
                let (y1, y2) = span(y, h, scale[1], to[1])?;
                Some(Detection {
                    class: row.class,
                    score: row.score.min(1.0),
                    xyxy: [x1, y1, x2, y2],
                })
            });
        wanted.take(thresholds.max_detections).collect()
    }

    /// From recorded pixels to those of the frame, along both axes.
    fn scale(&self, entry: &Entry, to: [f32; 2]) -> [f32; 2] {
        let info = self.recording.info.as_ref().map(|info| info.size);
        let size = match entry.size {
            [0, _] | [_, 0] => info.unwrap_or_default(),
            size => size,
        };
        match size {
            [0, _] | [_, 0] => [1.0, 1.0],
            [width, height] => [to[0] / width as f32, to[1] / height as f32],
        }
    }
}

/// Both ends of a box along an axis, on a frame that is `side` pixels long; `None` where nothing of
/// it is on the frame.
fn span(start: f32, length: f32, scale: f32, side: f32) -> Option<(f32, f32)> {
    let clip = |at: f32| {
        if (-ROUNDING..=side + ROUNDING).contains(&at) {
            at
        } else {
            at.clamp(0.0, side)
        }
    };
    let (start, end) = (clip(start * scale), clip((start + length) * scale));
    (start < end && start < side && end > 0.0).then_some((start, end))
}

/// Which frames are complete: those that are known to have been recorded, and all between.
fn range(store: &Store, info: Option<&SequenceInfo>) -> Option<(u64, u64)> {
    let (first, last) = (store.entries().first()?.at, store.entries().last()?.at);
    Some(match info.and_then(|info| info.length) {
        Some(length) => (0, last.max(length - 1)),
        None => (first, last),
    })
}

fn warn_of_scores(store: &Store, warnings: &mut Vec<String>) {
    let scores = store.rows().iter().map(|row| row.score);
    let Some(highest) = scores.max_by(f32::total_cmp) else {
        return;
    };
    if highest > 1.0 {
        warnings.push(format!(
            "recorded scores go up to {highest}: those above 1 are taken for 1"
        ));
    } else if highest <= 0.0 {
        warnings.push(format!(
            "no recorded score is above {highest}, so no object will be taken for one"
        ));
    }
}

/// A coordinate or side of a box, by this name; `Err` for what cannot be one.
fn pixels(value: f64, name: &str) -> Result<f32, String> {
    let pixels = value as f32;
    if !pixels.is_finite() {
        return Err(format!("{name} is {value}: too large for pixels"));
    }
    if value < 0.0 && matches!(name, "width" | "height" | "w" | "h") {
        return Err(format!("{name} is {value}: must not be negative"));
    }
    Ok(pixels)
}

enum Parser {
    Mot(mot::Parser),
    Json(json::Parser),
}

fn read(
    mut reader: impl BufRead,
    path: &Path,
    labels: Option<Vec<String>>,
) -> Result<(Format, Content), ReplayError> {
    let unreadable = |source| model::ModelError::Unreadable {
        path: path.into(),
        source,
    };
    let head = lines::without_bom(reader.fill_buf().map_err(unreadable)?);
    let Some(format) = Format::of(head) else {
        let path = path.into();
        if head.trim_ascii().is_empty() {
            return Err(ReplayError::NoRecords { path, hint: "" });
        }
        let looks_like = looks_like(head);
        return Err(ReplayError::Unknown { path, looks_like });
    };
    let mut parser = match (format, labels) {
        (Format::Mot, labels) => Parser::Mot(mot::Parser::new(labels)),
        (Format::JsonLines, None) => Parser::Json(json::Parser::default()),
        (Format::JsonLines, Some(_)) => {
            let why = format!("{path:?} has names of its own: labels must not be set");
            return Err(ReplayError::Labels { why });
        }
    };
    let mut lines = Lines::new(reader, path);
    while let Some((number, line)) = lines.next()? {
        let taken = match &mut parser {
            Parser::Mot(parser) => parser.take(number, line),
            Parser::Json(parser) => parser.take(line),
        };
        if let Err(why) = taken {
            return Err(lines.error(why));
        }
    }
    let content = match parser {
        Parser::Mot(parser) => parser.finish().map_err(|(line, why)| ReplayError::Line {
            path: path.into(),
            line,
            why,
        })?,
        Parser::Json(parser) if parser.has_events_only() => {
            return Err(ReplayError::NoRecords {
                path: path.into(),
                hint: ", but events: it is the pad objects of vigilevents that has the detections",
            });
        }
        Parser::Json(parser) => parser.finish(),
    };
    Ok((format, content))
}

fn looks_like(head: &[u8]) -> &'static str {
    if head.trim_ascii_start().first() == Some(&b'[') {
        return "a JSON array (JSON Lines are an object on each line)";
    }
    match (model::looks_like(head), model::outline(head)) {
        (Some(text), _) => text,
        (None, Outline::Model | Outline::Truncated(_)) => "an ONNX model (which other engines run)",
        (None, Outline::Other) => "binary data of some other kind",
    }
}

#[cfg(test)]
mod tests;
