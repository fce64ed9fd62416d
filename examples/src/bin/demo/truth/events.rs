//! Events: which of those that were told were to be told.
//!
//! What was to be told follows from the truth by the same rules, read in two ways: with the objects
//! of which half is seen, and with all of which anything is. What an object does by both readings
//! was to be told, at a time between the two. What it does by one of them only is open: one that
//! walks into a zone behind a car has entered it, but nobody can say that it should be told.
//!
//! An event is right where one of the same kind, rule, direction and class was to be told within
//! [`TOLERANCE`] of it, one to one. In the order of time, each takes what may be told for the
//! shortest time still: no other choice makes more pairs (Glover, "Maximum matching in a convex
//! bipartite graph", 1967). What is then left and fits to an open one counts neither way; what fits
//! to nothing is false.
//!
//! What ends only because the stream does (`data.reason` of `eos`) says nothing, and is left out.

use std::collections::BTreeMap;
use std::path::Path;
use vigil_analytics::Event;

use crate::Result;

/// How far the time of an event may be off, in nanoseconds.
pub const TOLERANCE: u64 = 500_000_000;

/// What has to be equal for two events to be the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: String,
    rule: String,
    direction: String,
    label: String,
}

/// From when to when an event is to be told, in nanoseconds.
type Span = (u64, u64);

/// Events that say the same, at different times.
#[derive(Debug, Default)]
struct Spans {
    due: Vec<Span>,
    open: Vec<Span>,
}

/// The events that were to be told.
#[derive(Debug, Default)]
pub struct Expected {
    by_key: BTreeMap<Key, Spans>,
}

/// An event without counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// When, in nanoseconds.
    pub time: u64,
    /// `zone.entered crossing, person`.
    pub text: String,
}

/// How many events were right.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// To be told, and told.
    pub right: usize,
    /// Told, and neither right nor wrong.
    pub open: usize,
    /// To be told, and not told, in the order of time.
    pub missed: Vec<Single>,
    /// Told, and not to be told, in the order of time.
    pub invented: Vec<Single>,
}

/// The events of a file.
///
/// # Errors
/// For a file that cannot be read, and a line that is no event.
pub fn read(file: &Path) -> Result<Vec<Event>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{name}, line {number}: {error}").into())
    };
    (1..).zip(text.lines()).map(line).collect()
}

impl Expected {
    /// What was to be told, of the events of the objects that are clearly seen, and of those that
    /// are seen at all. Objects are the same in both where their tracks are.
    pub fn new(clear: &[Event], glimpsed: &[Event]) -> Self {
        let mut glimpsed = by_key(glimpsed, track);
        let mut this = Self::default();
        for ((key, track), times) in by_key(clear, track) {
            let others = glimpsed.remove(&(key.clone(), track)).unwrap_or_default();
            let spans = this.by_key.entry(key).or_default();
            spans.add(&times, others);
        }
        for ((key, _), times) in glimpsed {
            let spans = this.by_key.entry(key).or_default();
            spans.add(&[], times);
        }
        this
    }

    /// Judges what was told.
    pub fn judge(mut self, told: &[Event]) -> Verdict {
        let mut verdict = Verdict::default();
        for ((key, ()), times) in by_key(told, |_| ()) {
            let spans = self.by_key.remove(&key).unwrap_or_default();
            let (right, missed, left) = pair(spans.due, times);
            let (open, _, invented) = pair(spans.open, left);
            verdict.right += right;
            verdict.open += open;
            verdict
                .missed
                .extend(missed.iter().map(|span| key.at(span.0)));
            verdict
                .invented
                .extend(invented.iter().map(|time| key.at(*time)));
        }
        for (key, spans) in &self.by_key {
            verdict
                .missed
                .extend(spans.due.iter().map(|span| key.at(span.0)));
        }
        verdict.missed.sort_by_key(|event| event.time);
        verdict.invented.sort_by_key(|event| event.time);
        verdict
    }
}

impl Spans {
    /// Adds what one object does: the times by one reading and the other. Each takes the nearest
    /// of the other reading; what is left is open.
    fn add(&mut self, clear: &[u64], mut glimpsed: Vec<u64>) {
        for time in clear {
            let nearest = (0..glimpsed.len()).min_by_key(|i| glimpsed[*i].abs_diff(*time));
            match nearest.map(|i| glimpsed.swap_remove(i)) {
                Some(other) => self.due.push((*time.min(&other), *time.max(&other))),
                None => self.open.push((*time, *time)),
            }
        }
        self.open
            .extend(glimpsed.into_iter().map(|time| (time, time)));
    }
}

fn track(event: &Event) -> Option<u64> {
    event.object.as_ref()?.track
}

/// Times of events by what they say and by `of`; those without a time, and those that only the end
/// of the stream ended, are left out.
fn by_key<T: Ord>(events: &[Event], of: impl Fn(&Event) -> T) -> BTreeMap<(Key, T), Vec<u64>> {
    let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in events {
        let data = |name: &str| event.data.get(name).and_then(|value| value.as_str());
        let Some(pts) = event.pts.filter(|_| data("reason") != Some("eos")) else {
            continue;
        };
        let object = event.object.as_ref();
        let key = Key {
            kind: event.event.to_string(),
            rule: event.rule.clone().unwrap_or_default(),
            direction: data("direction").unwrap_or_default().to_owned(),
            label: object
                .map(|object| object.label.to_string())
                .unwrap_or_default(),
        };
        times.entry((key, of(event))).or_default().push(pts);
    }
    times
}

/// How many pairs there are, the spans without one, and the times without one.
fn pair(mut spans: Vec<Span>, mut times: Vec<u64>) -> (usize, Vec<Span>, Vec<u64>) {
    times.sort_unstable();
    let mut right = 0;
    times.retain(|time| {
        let fits = |(from, to): &Span| *time + TOLERANCE >= *from && *time <= *to + TOLERANCE;
        let fitting = (0..spans.len()).filter(|i| fits(&spans[*i]));
        match fitting.min_by_key(|i| spans[*i].1) {
            Some(i) => {
                spans.swap_remove(i);
                right += 1;
                false
            }
            None => true,
        }
    });
    (right, spans, times)
}

impl Key {
    fn at(&self, time: u64) -> Single {
        let Self {
            kind,
            rule,
            direction,
            label,
        } = self;
        let direction = match direction.as_str() {
            "" => String::new(),
            direction => format!(" {direction}"),
        };
        Single {
            time,
            text: format!("{kind} {rule}{direction}, {label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn event(kind: &str, place: &str, label: &str, ms: u64, data: serde_json::Value) -> Event {
        serde_json::from_value(serde_json::json!({
            "schema": "vigil/1", "id": "x", "event": kind, "phase": "instant", "stream": "s",
            "pts": ms * MS, "frame": {"number": 0, "width": 10, "height": 10},
            "rule": place, "zone": place, "data": data,
            "object": {"track": 1, "label": label, "confidence": 0.5,
                "box": {"x": 0, "y": 0, "w": 1, "h": 1}},
        }))
        .unwrap()
    }

    fn entered(place: &str, label: &str, ms: u64) -> Event {
        event("zone.entered", place, label, ms, serde_json::json!({}))
    }

    fn at(ms: &[u64]) -> Vec<Event> {
        ms.iter().map(|ms| entered("door", "person", *ms)).collect()
    }

    /// Right, missed, invented, where both readings of the truth are the same.
    fn count(expected: &[Event], told: &[Event]) -> (usize, usize, usize) {
        let verdict = Expected::new(expected, expected).judge(told);
        assert_eq!(verdict.open, 0);
        (verdict.right, verdict.missed.len(), verdict.invented.len())
    }

    #[test]
    fn the_same_thing_at_about_the_same_time_is_right() {
        let expected = at(&[5000]);
        for (told, counts) in [
            (entered("door", "person", 5000), (1, 0, 0)),
            (entered("door", "person", 4500), (1, 0, 0)),
            (entered("door", "person", 5500), (1, 0, 0)),
            (entered("door", "person", 4499), (0, 1, 1)),
            (entered("door", "person", 5501), (0, 1, 1)),
            (entered("gate", "person", 5000), (0, 1, 1)),
            (entered("door", "dog", 5000), (0, 1, 1)),
            (
                event("zone.exited", "door", "person", 5000, serde_json::json!({})),
                (0, 1, 1),
            ),
        ] {
            let got = count(&expected, std::slice::from_ref(&told));
            assert_eq!(got, counts, "{told:?}");
        }
        assert_eq!(count(&expected, &[]), (0, 1, 0));
        assert_eq!(count(&[], &expected), (0, 0, 1));
    }

    #[test]
    fn directions_of_a_line_differ() {
        let crossed = |direction: &str| {
            let data = serde_json::json!({"direction": direction});
            [event("line.crossed", "gate", "car", 100, data)]
        };
        assert_eq!(count(&crossed("forward"), &crossed("backward")), (0, 1, 1));
        assert_eq!(count(&crossed("forward"), &crossed("forward")), (1, 0, 0));
    }

    #[test]
    fn one_event_is_right_only_once() {
        for (expected, told, counts) in [
            (&[1000][..], &[900, 1100][..], (1, 0, 1)),
            (&[900, 1100], &[1000], (1, 1, 0)),
            // The nearest pair alone would leave two without counterpart.
            (&[1000, 1400], &[600, 1100], (2, 0, 0)),
            (&[1400, 1000], &[1800, 1450], (2, 0, 0)),
            (&[0, 10_000], &[9_000, 10_400, 20_000], (1, 1, 2)),
        ] {
            assert_eq!(
                count(&at(expected), &at(told)),
                counts,
                "{expected:?} {told:?}"
            );
        }
    }

    #[test]
    fn what_half_hidden_objects_do_is_due_sometime_or_open() {
        // Right, open, missed, invented.
        let judge = |clear: &[u64], glimpsed: &[u64], told: &[u64]| {
            let verdict = Expected::new(&at(clear), &at(glimpsed)).judge(&at(told));
            let (missed, invented) = (verdict.missed.len(), verdict.invented.len());
            (verdict.right, verdict.open, missed, invented)
        };
        // It was glimpsed on entering, and clearly seen three seconds later.
        assert_eq!(judge(&[8000], &[5000], &[6500]), (1, 0, 0, 0));
        assert_eq!(judge(&[8000], &[5000], &[4600]), (1, 0, 0, 0));
        assert_eq!(judge(&[8000], &[5000], &[8600]), (0, 0, 1, 1));
        assert_eq!(judge(&[8000], &[5000], &[]), (0, 0, 1, 0));
        // It was hidden for a while, and enters twice by one reading only.
        assert_eq!(judge(&[5000, 9000], &[5000], &[5000]), (1, 0, 0, 0));
        assert_eq!(judge(&[5000, 9000], &[5000], &[5000, 9000]), (1, 1, 0, 0));
        assert_eq!(judge(&[5000, 9000], &[5000], &[9000]), (0, 1, 1, 0));
        // It was never clearly seen.
        assert_eq!(judge(&[], &[5000], &[]), (0, 0, 0, 0));
        assert_eq!(judge(&[], &[5000], &[5100, 5200]), (0, 1, 0, 1));
    }

    #[test]
    fn readings_are_paired_by_object() {
        let by = |track: u64, ms: u64| {
            let mut event = entered("door", "person", ms);
            event.object.as_mut().unwrap().track = Some(track);
            event
        };
        // One object clearly, another one glimpsed: neither is what the other did.
        let expected = Expected::new(&[by(1, 1000)], &[by(2, 1000)]);
        let verdict = expected.judge(&[]);
        assert!(verdict.missed.is_empty(), "{verdict:?}");
        let expected = Expected::new(&[by(1, 1000)], &[by(1, 1000), by(2, 1000)]);
        assert_eq!(expected.judge(&[]).missed.len(), 1);
    }

    #[test]
    fn what_only_the_end_of_the_stream_ends_is_left_out() {
        let exit = |reason: &str| {
            let data = serde_json::json!({"reason": reason});
            [event("zone.exited", "door", "person", 100, data)]
        };
        assert_eq!(count(&exit("outside"), &exit("outside")), (1, 0, 0));
        assert_eq!(count(&exit("outside"), &exit("eos")), (0, 1, 0));
        assert_eq!(count(&exit("eos"), &exit("outside")), (0, 0, 1));
    }

    #[test]
    fn what_is_wrong_can_be_looked_up() {
        let told = [
            entered("door", "person", 7000),
            entered("door", "dog", 3000),
        ];
        let verdict = Expected::default().judge(&told);
        let singles = verdict.invented.iter();
        let texts: Vec<_> = singles.map(|s| (s.time / MS, s.text.as_str())).collect();
        let expected = [
            (3000, "zone.entered door, dog"),
            (7000, "zone.entered door, person"),
        ];
        assert_eq!(texts, expected);
    }
}
