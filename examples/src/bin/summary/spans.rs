//! Events joined to what they are about: spans of a start and its end, and instants.

use std::collections::HashMap;
use vigil_analytics::{Event, Phase};

use crate::read::{Entry, Log, Timeline};

/// What an event is about: all events of one source share a lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// What kind of thing: the part of the event's name before the point, such as `zone`; the
    /// whole name for instants.
    pub kind: String,
    /// Name of the zone, the line or the rule.
    pub name: String,
    /// Index of the stream.
    pub stream: usize,
}

impl Source {
    fn of(entry: &Entry) -> Self {
        let event = &entry.event;
        let kind = match event.phase {
            Phase::Instant => &event.event,
            _ => family(&event.event),
        };
        let names = [&event.zone, &event.line, &event.rule];
        let name = names.into_iter().flatten().next();
        Self {
            kind: kind.to_owned(),
            name: name.cloned().unwrap_or_default(),
            stream: entry.stream,
        }
    }

    /// The part of the kind before the point.
    pub fn family(&self) -> &str {
        family(&self.kind)
    }
}

fn family(event: &str) -> &str {
    event.split('.').next().unwrap_or(event)
}

/// Whom it happened to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Who {
    /// Class; empty where unknown.
    pub label: String,
    /// Id of the track.
    pub track: Option<u64>,
}

impl Who {
    fn of(entry: &Entry) -> Self {
        let object = entry.event.object.as_ref();
        Self {
            label: object.map(|o| o.label.to_string()).unwrap_or_default(),
            track: object.and_then(|o| o.track),
        }
    }

    /// `person 7`; empty for nobody.
    pub fn text(&self) -> String {
        match (self.label.as_str(), self.track) {
            ("", None) => String::new(),
            ("", Some(track)) => format!("object {track}"),
            (label, None) => label.to_owned(),
            (label, Some(track)) => format!("{label} {track}"),
        }
    }
}

/// Something that lasted.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// What it is about.
    pub source: Source,
    /// Whom it happened to.
    pub who: Who,
    /// When the start event came, in seconds on the axis.
    pub begin: f64,
    /// When the end event came, not before `begin`; the end of the axis while it lasts.
    pub end: f64,
    /// From when to when the object was really there, where the events say it: an object is told
    /// to have appeared and left a little after it did.
    pub seen: (f64, f64),
    /// What the end says about its duration, in seconds.
    pub duration: Option<f64>,
    /// Why it ended; `None` while it lasts.
    pub reason: Option<String>,
    /// The start is missing: `begin` is reckoned from the duration.
    pub is_headless: bool,
    /// It had not ended when the file ended.
    pub is_open: bool,
}

impl Span {
    /// How long it lasted, in seconds: as its end says, else from event to event.
    pub fn lasted(&self) -> f64 {
        self.duration.unwrap_or(self.end - self.begin)
    }
}

/// Something that happened at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Instant {
    /// What it is about.
    pub source: Source,
    /// Whom it happened to.
    pub who: Who,
    /// When, in seconds on the axis.
    pub at: f64,
    /// `data.direction`, for lines.
    pub direction: Option<String>,
}

/// All that happened, joined.
#[derive(Debug, Default)]
pub struct Joined {
    /// What lasted, by the time of its start.
    pub spans: Vec<Span>,
    /// What happened at once, by time.
    pub instants: Vec<Instant>,
    /// Ends whose start is not in the file.
    pub headless: usize,
    /// Starts whose end is not in the file.
    pub open: usize,
    /// Events that do not say when they were.
    pub untimed: usize,
}

/// Joins each end to its start, by stream and id.
pub fn join(log: &Log, timeline: &Timeline) -> Joined {
    let mut joined = Joined::default();
    let mut waiting: HashMap<(usize, &str), usize> = HashMap::new();
    for entry in &log.events {
        let Some(at) = timeline.at(entry.stamp) else {
            joined.untimed += 1;
            continue;
        };
        let key = (entry.stream, entry.event.id.as_str());
        match entry.event.phase {
            Phase::Instant => joined.instants.push(Instant {
                source: Source::of(entry),
                who: Who::of(entry),
                at,
                direction: text(entry, "direction"),
            }),
            Phase::Start => {
                waiting.insert(key, joined.spans.len());
                joined.spans.push(started(entry, at, timeline.axis.to));
            }
            // What changed about it has no place of its own on a page.
            Phase::Update => (),
            Phase::End => match waiting.remove(&key) {
                Some(index) => finish(&mut joined.spans[index], entry, at),
                None => {
                    joined.headless += 1;
                    joined.spans.push(headless(entry, at, timeline.axis.from));
                }
            },
        }
    }
    joined.open = waiting.len();
    joined.spans.sort_by(|a, b| a.begin.total_cmp(&b.begin));
    joined.instants.sort_by(|a, b| a.at.total_cmp(&b.at));
    joined
}

/// A span that lasts until the end of the axis, as far as this event knows.
fn started(entry: &Entry, at: f64, axis_end: f64) -> Span {
    let first_seen = entry.event.object.as_ref().and_then(|o| o.first_seen);
    let ago = match (entry.event.pts, first_seen) {
        (Some(pts), Some(first)) => pts.saturating_sub(first) as f64 / 1e9,
        _ => 0.0,
    };
    let source = Source::of(entry);
    // Only objects: who enters a zone may have been in the scene for long.
    let seen = if source.kind == "object" {
        at - ago
    } else {
        at
    };
    Span {
        source,
        who: Who::of(entry),
        begin: at,
        end: axis_end.max(at),
        seen: (seen, axis_end.max(at)),
        duration: None,
        reason: None,
        is_headless: false,
        is_open: true,
    }
}

fn finish(span: &mut Span, entry: &Entry, at: f64) {
    span.end = at.max(span.begin);
    span.duration = duration(&entry.event);
    span.reason = text(entry, "reason");
    span.is_open = false;
    span.seen.1 = match span.duration {
        Some(duration) if span.source.kind == "object" => span.seen.0 + duration,
        _ => span.end,
    };
}

fn headless(entry: &Entry, at: f64, axis_start: f64) -> Span {
    let lasted = duration(&entry.event).unwrap_or(0.0);
    let begin = (at - lasted).max(axis_start).min(at);
    Span {
        source: Source::of(entry),
        who: Who::of(entry),
        begin,
        end: at,
        seen: (begin, at),
        duration: duration(&entry.event),
        reason: text(entry, "reason"),
        is_headless: true,
        is_open: false,
    }
}

/// `data.duration`, in seconds.
pub fn duration(event: &Event) -> Option<f64> {
    let seconds = event.data.get("duration")?.as_f64()?;
    (seconds >= 0.0).then_some(seconds)
}

fn text(entry: &Entry, field: &str) -> Option<String> {
    Some(entry.event.data.get(field)?.as_str()?.to_owned())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A log of (event, phase, id, seconds, data); objects are `person`, first seen a second
    /// before.
    pub fn log(events: &[(&str, &str, &str, Option<f64>, &str)]) -> Log {
        let mut log = Log::default();
        for (event, phase, id, seconds, data) in events {
            let pts = seconds.map(|s| (s * 1e9) as u64);
            let at = pts
                .map(|pts| format!(r#""pts":{pts},"#))
                .unwrap_or_default();
            let first = pts.unwrap_or(0).saturating_sub(1_000_000_000);
            let family = family(event);
            let place = match family {
                "zone" | "line" => format!(r#""{family}":"{family}-1","#),
                _ => String::new(),
            };
            let line = format!(
                r#"{{"schema":"vigil/1","id":"{id}","event":"{event}","phase":"{phase}","stream":"cam",{at}"frame":{{"number":0,"width":640,"height":360}},"rule":"r",{place}"object":{{"track":7,"label":"person","confidence":0.9,"box":{{"x":1,"y":2,"w":3,"h":4}},"first_seen":{first}}},"data":{data}}}"#
            );
            log.read("test", line.as_bytes()).unwrap();
        }
        log
    }

    #[test]
    fn ends_find_their_starts_by_id() {
        let log = log(&[
            ("zone.entered", "start", "A", Some(1.0), r#"{"inside":1}"#),
            ("zone.entered", "start", "B", Some(2.0), r#"{"inside":2}"#),
            (
                "zone.exited",
                "end",
                "A",
                Some(5.0),
                r#"{"duration":3.8,"reason":"outside","inside":1}"#,
            ),
            (
                "line.crossed",
                "instant",
                "C",
                Some(3.0),
                r#"{"direction":"forward"}"#,
            ),
        ]);
        let joined = join(&log, &log.timeline(Some(9.0)));
        assert_eq!((joined.headless, joined.open, joined.untimed), (0, 1, 0));
        let [a, b] = &joined.spans[..] else {
            panic!("{joined:?}")
        };
        assert_eq!((a.begin, a.end, a.duration), (1.0, 5.0, Some(3.8)));
        assert_eq!((a.reason.as_deref(), a.is_open), (Some("outside"), false));
        assert_eq!(
            (a.source.kind.as_str(), a.source.name.as_str()),
            ("zone", "zone-1")
        );
        assert_eq!((b.begin, b.end, b.is_open), (2.0, 9.0, true));
        let crossing = &joined.instants[0];
        assert_eq!(crossing.source.kind, "line.crossed");
        assert_eq!(crossing.direction.as_deref(), Some("forward"));
        assert_eq!(crossing.who.text(), "person 7");
    }

    #[test]
    fn an_end_without_a_start_begins_as_long_before_as_it_says() {
        for (data, begin) in [
            (r#"{"duration":2.0,"reason":"eos"}"#, 3.0),
            (r#"{"duration":99,"reason":"eos"}"#, 0.0),
            (r#"{"reason":"eos"}"#, 5.0),
            (r#"{"duration":"long"}"#, 5.0),
        ] {
            let log = log(&[("zone.exited", "end", "A", Some(5.0), data)]);
            let joined = join(&log, &log.timeline(Some(10.0)));
            assert_eq!(joined.headless, 1);
            let span = &joined.spans[0];
            assert_eq!(
                (span.begin, span.end, span.is_headless),
                (begin, 5.0, true),
                "{data}"
            );
        }
    }

    #[test]
    fn objects_were_there_before_they_were_told() {
        let log = log(&[
            ("object.appeared", "start", "A", Some(2.0), "{}"),
            (
                "object.left",
                "end",
                "A",
                Some(9.0),
                r#"{"duration":6.0,"reason":"absent"}"#,
            ),
        ]);
        let joined = join(&log, &log.timeline(None));
        let span = &joined.spans[0];
        assert_eq!((span.begin, span.end), (2.0, 9.0));
        assert_eq!(span.seen, (1.0, 7.0));
    }

    #[test]
    fn an_end_before_its_start_makes_no_negative_span() {
        let log = log(&[
            ("zone.entered", "start", "A", Some(5.0), "{}"),
            (
                "zone.exited",
                "end",
                "A",
                Some(1.0),
                r#"{"reason":"discontinuity"}"#,
            ),
            ("zone.entered", "start", "B", None, "{}"),
        ]);
        let joined = join(&log, &log.timeline(None));
        assert_eq!((joined.spans[0].begin, joined.spans[0].end), (5.0, 5.0));
        assert_eq!(joined.untimed, 1);
    }
}
