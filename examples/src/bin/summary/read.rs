//! Reads JSON Lines of schema `vigil/1`: events, and what is on each frame.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use vigil_analytics::event::{Frame, SCHEMA};
use vigil_analytics::time::Timestamp;
use vigil_analytics::{Event, ObjectsRecord};

use crate::Result;
use crate::axis::{Axis, Clock};

/// Bytes of a line, at most: what is longer is no record.
const LONGEST: u64 = 16 << 20;

/// When something was, as records say it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stamp {
    /// PTS in nanoseconds.
    pub pts: Option<u64>,
    /// Wall clock.
    pub wall: Option<Timestamp>,
}

/// An event and when it was.
#[derive(Debug)]
pub struct Entry {
    /// Index of the stream.
    pub stream: usize,
    /// When.
    pub stamp: Stamp,
    /// The record.
    pub event: Event,
}

/// What a detector saw on one frame.
#[derive(Debug)]
pub struct Look {
    /// Index of the stream.
    pub stream: usize,
    /// When.
    pub stamp: Stamp,
    /// Index of a label, and how many objects have it.
    pub counts: Vec<(usize, u32)>,
}

/// One stream of video.
#[derive(Debug, Default)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Width and height in pixels; 0 where unknown.
    pub size: (u32, u32),
    /// Frames of which the objects are known.
    pub frames: u64,
    /// The first frame that a record speaks of: its number, and its PTS in nanoseconds.
    pub first: Option<(u64, u64)>,
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Log {
    /// The streams, in the order in which they come.
    pub streams: Vec<Stream>,
    /// The events, in the order of the file.
    pub events: Vec<Entry>,
    /// The frames that a detector looked at.
    pub looks: Vec<Look>,
    /// Names of classes that [`Look::counts`] speaks of.
    pub labels: Vec<String>,
    /// How often each track (stream, id) was seen with which label (index).
    pub tracks: HashMap<(usize, u64), HashMap<usize, u32>>,
    /// What is odd but no error.
    pub warnings: Vec<String>,
    indexes: Indexes,
}

#[derive(Debug, Default)]
struct Indexes {
    streams: HashMap<String, usize>,
    labels: HashMap<String, usize>,
}

/// As much of a line as says what it is.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    schema: Option<Cow<'a, str>>,
    event: Option<IgnoredAny>,
    objects: Option<IgnoredAny>,
}

impl Log {
    /// Reads a file of events, objects, or both.
    ///
    /// # Errors
    /// For a file that cannot be read, and for a line that is no record: file, line and what is
    /// wrong. A last line that breaks off, as an app leaves it that is killed, is a warning.
    pub fn read_file(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
        if path.is_dir() {
            return Err(format!("{name}: it is a folder, not a file of JSON Lines").into());
        }
        self.read(&name, BufReader::new(file))
    }

    /// Reads lines; `name` is what errors call them.
    pub fn read(&mut self, name: &str, mut lines: impl BufRead) -> Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let mut limited = (&mut lines).take(LONGEST);
            let read = limited
                .read_until(b'\n', &mut line)
                .map_err(|error| format!("{name}:{number}: {error}"))?;
            if read == 0 {
                break;
            }
            if read as u64 == LONGEST {
                let limit = LONGEST >> 20;
                return Err(format!("{name}:{number}: longer than {limit} MiB: no record").into());
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match self.read_line(line.trim_ascii()) {
                Ok(()) => (),
                Err(Wrong::Json(error)) if error.is_eof() && !line.ends_with(b"\n") => {
                    self.warnings.push(format!(
                        "{name}:{number}: the last line breaks off and was left out"
                    ));
                }
                Err(wrong) => return Err(format!("{name}:{number}: {}", wrong.text()).into()),
            }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) -> std::result::Result<(), Wrong> {
        let kind: Kind = serde_json::from_slice(line).map_err(Wrong::Json)?;
        match kind.schema.as_deref() {
            Some(SCHEMA) => (),
            Some(other) => {
                return Err(Wrong::Record(format!(
                    "its schema is \"{other}\", not \"{SCHEMA}\""
                )));
            }
            None => {
                return Err(Wrong::Record(format!(
                    "it has no \"schema\": \"{SCHEMA}\", so it is no record of vigilevents"
                )));
            }
        }
        match (kind.event, kind.objects) {
            (Some(_), _) => self.add_event(serde_json::from_slice(line).map_err(Wrong::Field)?),
            (None, Some(_)) => self.add_look(serde_json::from_slice(line).map_err(Wrong::Field)?),
            (None, None) => Err(Wrong::Record(
                "it has neither \"event\" nor \"objects\"".into(),
            )),
        }
    }

    fn add_event(&mut self, event: Event) -> std::result::Result<(), Wrong> {
        let stamp = stamp(event.pts, event.time.as_deref())?;
        let stream = self.stream(&event.stream, event.frame, event.pts);
        self.events.push(Entry {
            stream,
            stamp,
            event,
        });
        Ok(())
    }

    fn add_look(&mut self, record: ObjectsRecord) -> std::result::Result<(), Wrong> {
        let stamp = stamp(record.pts, record.time.as_deref())?;
        let stream = self.stream(&record.stream, record.frame, record.pts);
        self.streams[stream].frames += 1;
        if !record.inferred {
            return Ok(());
        }
        let mut counts: Vec<(usize, u32)> = Vec::new();
        for object in record.objects.iter().filter(|object| !object.coasted) {
            let label = self.label(&object.label);
            match counts.iter_mut().find(|(known, _)| *known == label) {
                Some((_, n)) => *n += 1,
                None => counts.push((label, 1)),
            }
            if let Some(track) = object.track {
                let seen = self.tracks.entry((stream, track)).or_default();
                *seen.entry(label).or_default() += 1;
            }
        }
        self.looks.push(Look {
            stream,
            stamp,
            counts,
        });
        Ok(())
    }

    fn stream(&mut self, name: &str, frame: Frame, pts: Option<u64>) -> usize {
        let index = index_of(&mut self.indexes.streams, name);
        if index == self.streams.len() {
            self.streams.push(Stream {
                name: name.to_owned(),
                ..Stream::default()
            });
        }
        let stream = &mut self.streams[index];
        if stream.size == (0, 0) {
            stream.size = (frame.width, frame.height);
        }
        let is_earlier = |(number, _)| frame.number < number;
        if let Some(pts) = pts
            && stream.first.is_none_or(is_earlier)
        {
            stream.first = Some((frame.number, pts));
        }
        index
    }

    fn label(&mut self, label: &str) -> usize {
        let index = index_of(&mut self.indexes.labels, label);
        if index == self.labels.len() {
            self.labels.push(label.to_owned());
        }
        index
    }

    /// The axis on which all is, and how the records' times become its seconds.
    ///
    /// By the wall clock where every record that says when it was says it by the wall clock: PTS of
    /// different apps, and of cameras that came back, have no common zero. Else by PTS.
    pub fn timeline(&self, length: Option<f64>) -> Timeline {
        let stamps = || {
            let events = self.events.iter().map(|entry| entry.stamp);
            events.chain(self.looks.iter().map(|look| look.stamp))
        };
        let timed = || stamps().filter(|stamp| *stamp != Stamp::default());
        let all_wall = timed().all(|stamp| stamp.wall.is_some());
        let origin = timed().filter_map(|stamp| stamp.wall).min();
        let clock = match origin {
            Some(origin) if all_wall => Clock::Wall(origin),
            _ => Clock::Media,
        };
        let seconds = || stamps().filter_map(|stamp| seconds(clock, stamp));
        let first = seconds().fold(f64::INFINITY, f64::min);
        let last = seconds().fold(f64::NEG_INFINITY, f64::max);
        let (first, last) = if first <= last {
            (first, last)
        } else {
            (0.0, 0.0)
        };
        let last = match clock {
            Clock::Media => length.map_or(last, |length| last.max(length)),
            Clock::Wall(_) => last,
        };
        Timeline {
            axis: Axis::new(first, last, clock),
        }
    }
}

/// How times of records become seconds on an axis.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    /// The axis.
    pub axis: Axis,
}

impl Timeline {
    /// When something was; `None` where the record does not say.
    pub fn at(&self, stamp: Stamp) -> Option<f64> {
        seconds(self.axis.clock, stamp)
    }
}

fn seconds(clock: Clock, stamp: Stamp) -> Option<f64> {
    match clock {
        Clock::Media => stamp.pts.map(|pts| pts as f64 / 1e9),
        Clock::Wall(origin) => {
            let ms = stamp.wall?.as_millisecond() - origin.as_millisecond();
            Some(ms as f64 / 1e3)
        }
    }
}

fn index_of(indexes: &mut HashMap<String, usize>, name: &str) -> usize {
    if let Some(index) = indexes.get(name) {
        return *index;
    }
    let index = indexes.len();
    indexes.insert(name.to_owned(), index);
    index
}

fn stamp(pts: Option<u64>, time: Option<&str>) -> std::result::Result<Stamp, Wrong> {
    let wall = time
        .map(|time| {
            time.parse()
                .map_err(|_| Wrong::Record(format!("its time \"{time}\" is not RFC 3339")))
        })
        .transpose()?;
    Ok(Stamp { pts, wall })
}

/// What is wrong with a line.
enum Wrong {
    Json(serde_json::Error),
    Field(serde_json::Error),
    Record(String),
}

impl Wrong {
    fn text(&self) -> String {
        match self {
            Self::Json(error) if error.is_data() => format!("not a record: {}", plain(error)),
            Self::Json(error) => {
                let column = error.column();
                format!("not JSON: {} at column {column}", plain(error))
            }
            Self::Field(error) => format!("not a record of {SCHEMA}: {}", plain(error)),
            Self::Record(text) => text.clone(),
        }
    }
}

/// The error without its place: serde counts lines within the line.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = concat!(
        r#"{"schema":"vigil/1","id":"A","event":"zone.entered","phase":"start","stream":"cam","#,
        r#""pts":2000000000,"frame":{"number":20,"width":640,"height":360},"rule":"door","#,
        r#""zone":"door","object":{"track":7,"label":"person","confidence":0.9,"#,
        r#""box":{"x":1.0,"y":2.0,"w":3.0,"h":4.0},"first_seen":1000000000},"data":{"inside":1}}"#
    );

    fn objects(pts: u64, inferred: bool, objects: &[(&str, u64, bool)]) -> String {
        let objects: Vec<_> = objects
            .iter()
            .map(|(label, track, coasted)| {
                format!(
                    r#"{{"track":{track},"label":"{label}","confidence":0.5,"coasted":{coasted},"box":{{"x":0,"y":0,"w":1,"h":1}}}}"#
                )
            })
            .collect();
        format!(
            r#"{{"schema":"vigil/1","stream":"cam","pts":{pts},"frame":{{"number":0,"width":0,"height":0}},"inferred":{inferred},"objects":[{}]}}"#,
            objects.join(",")
        )
    }

    fn log(lines: &str) -> std::result::Result<Log, String> {
        let mut log = Log::default();
        log.read("e.jsonl", lines.as_bytes())
            .map_err(|error| error.to_string())?;
        Ok(log)
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        let future = EVENT.replace("vigil/1", "vigil/9");
        let no_phase = EVENT.replace(r#""phase":"start","#, "");
        let bad_pts = EVENT.replace("2000000000", "-3");
        let bad_time = EVENT.replace(r#""pts""#, r#""time":"noon","pts""#);
        for (line, expected) in [
            (
                "nonsense",
                "e.jsonl:2: not JSON: expected ident at column 2",
            ),
            ("[1, 2]", "e.jsonl:2: not a record: "),
            ("17", "e.jsonl:2: not a record: "),
            ("{}", r#"e.jsonl:2: it has no "schema": "vigil/1""#),
            (
                &future,
                r#"e.jsonl:2: its schema is "vigil/9", not "vigil/1""#,
            ),
            (
                r#"{"schema":"vigil/1","stream":"s"}"#,
                r#"e.jsonl:2: it has neither "event" nor "objects""#,
            ),
            (&no_phase, "missing field `phase`"),
            (&bad_pts, "e.jsonl:2: not a record of vigil/1: invalid"),
            (&bad_time, r#"e.jsonl:2: its time "noon" is not RFC 3339"#),
            ("\u{0}\u{1}", "e.jsonl:2: not JSON"),
            (r#"{"sch"#, "e.jsonl:2: not JSON: EOF"),
        ] {
            let error = log(&format!("{EVENT}\n{line}\n{EVENT}\n")).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_last_line_that_breaks_off_is_left_out_with_a_warning() {
        let half = &EVENT[..100];
        let log = log(&format!("{EVENT}\n\n{half}")).unwrap();
        assert_eq!(log.events.len(), 1);
        assert_eq!(
            log.warnings,
            ["e.jsonl:3: the last line breaks off and was left out"]
        );
    }

    #[test]
    fn seen_objects_are_counted_and_predicted_ones_are_not() {
        let lines = [
            objects(
                0,
                true,
                &[("car", 1, false), ("car", 2, false), ("dog", 3, true)],
            ),
            objects(1, false, &[("car", 1, true)]),
            objects(2, true, &[("bus", 1, false)]),
            objects(3, true, &[("car", 1, false)]),
        ];
        let log = log(&lines.join("\n")).unwrap();
        assert_eq!(log.streams[0].frames, 4);
        let counts: Vec<_> = log.looks.iter().map(|look| look.counts.clone()).collect();
        assert_eq!(counts, [vec![(0, 2)], vec![(1, 1)], vec![(0, 1)]]);
        assert_eq!(log.labels, ["car", "bus"]);
        assert_eq!(log.tracks[&(0, 1)], HashMap::from([(0, 2), (1, 1)]));
        assert!(!log.tracks.contains_key(&(0, 3)));
    }

    #[test]
    fn the_wall_clock_is_used_where_all_records_have_it() {
        let at = |pts: u64, time: Option<&str>| {
            let time = time
                .map(|t| format!(r#""time":"{t}","#))
                .unwrap_or_default();
            EVENT.replace(r#""pts":2000000000"#, &format!(r#"{time}"pts":{pts}"#))
        };
        let (a, b) = ("2026-01-01T12:00:05.000Z", "2026-01-01T12:00:08.500Z");
        let wall = log(&format!("{}\n{}", at(0, Some(b)), at(9, Some(a)))).unwrap();
        let timeline = wall.timeline(None);
        assert_eq!(timeline.axis.clock, Clock::Wall(a.parse().unwrap()));
        assert_eq!(timeline.at(wall.events[0].stamp), Some(3.5));
        assert_eq!((timeline.axis.from, timeline.axis.to), (0.0, 3.5));

        let mixed = log(&format!("{}\n{}", at(1_000_000_000, Some(a)), at(0, None))).unwrap();
        let timeline = mixed.timeline(Some(60.0));
        assert_eq!(timeline.axis.clock, Clock::Media);
        assert_eq!(timeline.at(mixed.events[0].stamp), Some(1.0));
        assert_eq!(timeline.axis.to, 60.0);
    }

    #[test]
    fn nothing_at_all_still_has_an_axis() {
        let timeline = log("").unwrap().timeline(None);
        assert_eq!((timeline.axis.from, timeline.axis.to), (0.0, 1.0));
    }
}
