//! Everything that the page says, computed from the log: no HTML here.

use std::collections::{BTreeMap, HashMap};
use vigil_analytics::Event;

use crate::axis::Bins;
use crate::lanes;
use crate::read::{Log, Timeline};
use crate::run::Run;
use crate::series::{Counter, Steps, percentile};
use crate::spans::{self, Joined, Source};

/// Bins of charts over time, at most about.
const BINS: usize = 60;
/// Least width of them in seconds: a detector looks several times in it.
const BIN: f64 = 0.5;
/// Zones, and lines, that get a chart of their own: those with the most events.
const CHARTS: usize = 12;

/// What the page says.
#[derive(Debug)]
pub struct Figures {
    /// The axis of all times.
    pub timeline: Timeline,
    /// Bins of the charts over time.
    pub bins: Bins,
    /// Names of the streams.
    pub streams: Vec<String>,
    /// Sizes of their frames: `1280×720`.
    pub sizes: Vec<String>,
    /// Frames that were analysed, where that is known.
    pub frames: Option<u64>,
    /// How many events there are.
    pub events: usize,
    /// Events by name, most first.
    pub kinds: Vec<(String, usize)>,
    /// The events joined.
    pub joined: Joined,
    /// Distinct objects by class, most first.
    pub objects: Vec<(String, usize)>,
    /// The same, as colours.
    pub classes: Classes,
    /// Where the numbers of objects come from.
    pub objects_from: ObjectsFrom,
    /// Mean number of objects at once: for each class, for each bin. Empty where nothing is known.
    pub presence: Vec<(String, Vec<Option<f64>>)>,
    /// Lines that were crossed.
    pub lines: Vec<Line>,
    /// Zones that were visited.
    pub zones: Vec<Zone>,
    /// What a reader should know: warnings, and what was left out.
    pub notes: Vec<String>,
}

/// Where the numbers of objects come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectsFrom {
    /// Records of the `objects` pads.
    Frames,
    /// Objects that events speak of.
    Events,
}

/// Crossings of a line.
#[derive(Debug)]
pub struct Line {
    /// Its name, with the stream where there are several.
    pub name: String,
    /// Crossings so far, forward.
    pub forward: Steps,
    /// Crossings so far, backward.
    pub backward: Steps,
}

/// Visits to a zone.
#[derive(Debug)]
pub struct Zone {
    /// Its name, with the stream where there are several.
    pub name: String,
    /// How many objects were inside.
    pub inside: Steps,
    /// Dwell times of ended visits in seconds, sorted; and 1 where the visit did not end by going
    /// out, but with the sighting or the stream, so that it lasted that long at least.
    pub dwell: Vec<(f64, usize)>,
}

impl Zone {
    /// A percentile of the dwell times, in seconds.
    pub fn dwell_percentile(&self, p: f64) -> Option<f64> {
        let sorted: Vec<f64> = self.dwell.iter().map(|(seconds, _)| *seconds).collect();
        percentile(&sorted, p)
    }

    /// The mean of the dwell times, in seconds.
    pub fn dwell_mean(&self) -> Option<f64> {
        let sum: f64 = self.dwell.iter().map(|(seconds, _)| seconds).sum();
        (!self.dwell.is_empty()).then(|| sum / self.dwell.len() as f64)
    }
}

/// Colours of classes: the most frequent ones have one each, the others one together.
#[derive(Debug, Default)]
pub struct Classes(Vec<String>);

impl Classes {
    /// Classes with a colour of their own.
    pub const OWN: usize = 6;

    /// Of counted objects, most first, and of what was seen but had no track to be counted by.
    fn of(objects: &[(String, usize)], log: &Log) -> Self {
        let mut seen = vec![0; log.labels.len()];
        for (label, n) in log.looks.iter().flat_map(|look| &look.counts) {
            seen[*label] += *n as usize;
        }
        let seen = most_first(log.labels.iter().map(String::as_str).zip(seen));
        let counted = |label: &str| objects.iter().any(|(known, _)| known == label);
        let others = seen.into_iter().filter(|(label, _)| !counted(label));
        Self(
            objects
                .iter()
                .cloned()
                .chain(others)
                .map(|(label, _)| label)
                .collect(),
        )
    }

    /// Index of a class' colour: 0..[`OWN`](Self::OWN), or that for others.
    pub fn index(&self, label: &str) -> usize {
        let own = self.0.iter().take(Self::OWN);
        own.into_iter()
            .position(|known| known == label)
            .unwrap_or(Self::OWN)
    }

    /// Name of each colour that is used, with its index.
    pub fn legend(&self) -> Vec<(usize, String)> {
        let own = self.0.iter().take(Self::OWN).enumerate();
        let mut legend: Vec<_> = own.map(|(i, label)| (i, label.clone())).collect();
        if self.0.len() > Self::OWN {
            legend.push((Self::OWN, "others".into()));
        }
        legend
    }
}

impl Figures {
    /// Computes all of it.
    pub fn of(log: &Log, run: &Run) -> Self {
        let timeline = log.timeline(run.duration);
        let bins = timeline.axis.bins(BINS, BIN);
        let joined = spans::join(log, &timeline);
        let (objects, objects_from) = objects(log, &joined);
        let classes = Classes::of(&objects, log);
        let mut notes = log.warnings.clone();
        let presence = match objects_from {
            ObjectsFrom::Frames => presence_in_frames(log, &timeline, &bins, &classes),
            ObjectsFrom::Events => presence_in_events(&joined, &bins, &classes),
        };
        let several = log.streams.len() > 1;
        let name = |stream: usize, name: &str| match log.streams.get(stream) {
            Some(stream) if several => format!("{name} ({})", stream.name),
            _ => name.to_owned(),
        };
        let lines = fullest("lines", lines(log, &timeline, &name), &mut notes);
        let zones = fullest("zones", zones(log, &timeline, &joined, &name), &mut notes);
        let lanes_left_out = lanes::lay_out(&joined, &timeline.axis).1;
        notes.extend(remarks(&joined, lanes_left_out));
        let frames: u64 = log.streams.iter().map(|stream| stream.frames).sum();
        Self {
            timeline,
            bins,
            streams: log.streams.iter().map(|s| s.name.clone()).collect(),
            sizes: sizes(log),
            frames: run.frames.or((frames > 0).then_some(frames)),
            events: log.events.len(),
            kinds: kinds(log),
            joined,
            objects,
            classes,
            objects_from,
            presence,
            lines,
            zones,
            notes,
        }
    }
}

/// What the joined events leave to say.
fn remarks(joined: &Joined, lanes_left_out: usize) -> Vec<String> {
    let plural = |n: usize, one: &str, more: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {more}")),
    };
    [
        plural(
            joined.headless,
            "end has no start in the file: its start is reckoned from its duration",
            "ends have no start in the file: their starts are reckoned from their durations",
        ),
        plural(
            joined.open,
            "start has no end in the file: it is shown as lasting to the end",
            "starts have no end in the file: they are shown as lasting to the end",
        ),
        plural(
            joined.untimed,
            "event says neither PTS nor time: it is counted, but not on the timeline",
            "events say neither PTS nor time: they are counted, but not on the timeline",
        ),
        plural(
            lanes_left_out,
            "lane with few events is left out of the timeline",
            "lanes with few events are left out of the timeline",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn kinds(log: &Log) -> Vec<(String, usize)> {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &log.events {
        *kinds.entry(&entry.event.event).or_default() += 1;
    }
    most_first(kinds)
}

fn sizes(log: &Log) -> Vec<String> {
    let mut sizes: Vec<String> = Vec::new();
    for (width, height) in log.streams.iter().map(|s| s.size) {
        let size = format!("{width}×{height}");
        if width > 0 && height > 0 && !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    sizes
}

fn most_first<'a>(counts: impl IntoIterator<Item = (&'a str, usize)>) -> Vec<(String, usize)> {
    let mut counts: Vec<_> = counts.into_iter().map(|(k, n)| (k.to_owned(), n)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// Distinct tracks by the class that each was seen as most often.
fn objects(log: &Log, joined: &Joined) -> (Vec<(String, usize)>, ObjectsFrom) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    if !log.looks.is_empty() {
        for labels in log.tracks.values() {
            // Of two that are as frequent, the one that came first.
            let label = labels
                .iter()
                .max_by_key(|(i, n)| (**n, std::cmp::Reverse(**i)));
            if let Some((label, _)) = label {
                *counts.entry(&log.labels[*label]).or_default() += 1;
            }
        }
        return (most_first(counts), ObjectsFrom::Frames);
    }
    let of_spans = joined.spans.iter().map(|s| (s.source.stream, &s.who));
    let of_instants = joined.instants.iter().map(|i| (i.source.stream, &i.who));
    let mut tracks: BTreeMap<(usize, u64), &str> = BTreeMap::new();
    for (stream, who) in of_spans.chain(of_instants) {
        if let Some(track) = who.track {
            tracks.entry((stream, track)).or_insert(&who.label);
        }
    }
    for label in tracks.into_values() {
        *counts.entry(label).or_default() += 1;
    }
    (most_first(counts), ObjectsFrom::Events)
}

type Presence = Vec<(String, Vec<Option<f64>>)>;

/// Objects at once by what was seen: in each bin the mean over each stream's looks, and the sum of
/// that over the streams.
fn presence_in_frames(log: &Log, timeline: &Timeline, bins: &Bins, classes: &Classes) -> Presence {
    let colours = Classes::OWN + 1;
    let mut looks = vec![vec![0u32; bins.count]; log.streams.len()];
    let mut sums = vec![vec![vec![0u32; bins.count]; colours]; log.streams.len()];
    let colour_of: Vec<usize> = log.labels.iter().map(|l| classes.index(l)).collect();
    for look in &log.looks {
        let Some(at) = timeline.at(look.stamp) else {
            continue;
        };
        let bin = bins.index(at);
        looks[look.stream][bin] += 1;
        for (label, n) in &look.counts {
            sums[look.stream][colour_of[*label]][bin] += n;
        }
    }
    let mean = |colour: usize, bin: usize| {
        let streams = 0..log.streams.len();
        let means = streams
            .filter(|s| looks[*s][bin] > 0)
            .map(|s| f64::from(sums[s][colour][bin]) / f64::from(looks[s][bin]));
        means.fold(None, |sum, mean| Some(sum.unwrap_or(0.0) + mean))
    };
    let legend = classes.legend().into_iter();
    legend
        .map(|(colour, name)| (name, (0..bins.count).map(|bin| mean(colour, bin)).collect()))
        .collect()
}

/// Objects at once by when they appeared and left.
fn presence_in_events(joined: &Joined, bins: &Bins, classes: &Classes) -> Presence {
    // Several rules may tell of one object.
    let mut seen: HashMap<_, Vec<(f64, f64, usize)>> = HashMap::new();
    for (i, span) in joined.spans.iter().enumerate() {
        if span.source.kind == "object" {
            let colour = classes.index(&span.who.label);
            // Objects without a track are each their own: keyed apart by their index.
            let key = match span.who.track {
                Some(track) => (span.source.stream, Some(track)),
                None => (usize::MAX - i, None),
            };
            let times = (span.seen.0, span.seen.1, colour);
            seen.entry(key).or_default().push(times);
        }
    }
    if seen.is_empty() {
        return Vec::new();
    }
    let mut by_colour: Vec<Vec<(f64, f64)>> = vec![Vec::new(); Classes::OWN + 1];
    for mut times in seen.into_values() {
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut until = f64::NEG_INFINITY;
        for (from, to, colour) in times {
            if to > until {
                by_colour[colour].push((from.max(until), to));
                until = to;
            }
        }
    }
    let legend = classes.legend().into_iter();
    legend
        .map(|(colour, name)| {
            let open = Steps::open(by_colour[colour].iter().copied());
            let means = open.mean_and_peak(bins).into_iter();
            (name, means.map(|(mean, _)| Some(mean)).collect())
        })
        .collect()
}

/// The events of one place (stream, name), with when they were.
type Place<'a> = ((usize, &'a str), Vec<(f64, &'a Event)>);

/// Events of some names at each place; most first.
fn by_place<'a>(
    log: &'a Log,
    timeline: &Timeline,
    names: &[&str],
    place: fn(&Event) -> Option<&String>,
) -> Vec<Place<'a>> {
    let mut places: BTreeMap<(usize, &str), Vec<(f64, &Event)>> = BTreeMap::new();
    for entry in &log.events {
        let event = &entry.event;
        if names.contains(&event.event.as_ref())
            && let (Some(at), Some(place)) = (timeline.at(entry.stamp), place(event))
        {
            let key = (entry.stream, place.as_str());
            places.entry(key).or_default().push((at, event));
        }
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, events)| std::cmp::Reverse(events.len()));
    places
}

fn lines(log: &Log, timeline: &Timeline, name: &impl Fn(usize, &str) -> String) -> Vec<Line> {
    let places = by_place(log, timeline, &["line.crossed"], |event| {
        event.line.as_ref()
    });
    let total = |events: &[(f64, &Event)], direction: &str| {
        let mut counter = Counter::default();
        let mut own = 0.0;
        let points = events.iter().filter_map(|(at, event)| {
            let mine = event.data.get("direction")?.as_str()? == direction;
            own += f64::from(u8::from(mine));
            // The element counts crossings too of which the rule makes no events.
            let counts = event.data.get("counts");
            let told = counts.and_then(|counts| counts.get(direction)?.as_f64());
            Some((*at, counter.shows(told.unwrap_or(own))))
        });
        Steps::new(points.collect())
    };
    places
        .into_iter()
        .map(|((stream, line), events)| Line {
            name: name(stream, line),
            forward: total(&events, "forward"),
            backward: total(&events, "backward"),
        })
        .collect()
}

fn zones(
    log: &Log,
    timeline: &Timeline,
    joined: &Joined,
    name: &impl Fn(usize, &str) -> String,
) -> Vec<Zone> {
    let names = ["zone.entered", "zone.exited"];
    let places = by_place(log, timeline, &names, |event| event.zone.as_ref());
    places
        .into_iter()
        .map(|((stream, zone), events)| {
            let told: Option<Vec<_>> = events
                .iter()
                .map(|(at, event)| Some((*at, event.data.get("inside")?.as_f64()?)))
                .collect();
            let source = Source {
                kind: "zone".into(),
                name: zone.to_owned(),
                stream,
            };
            let visits = joined.spans.iter().filter(|span| span.source == source);
            let inside = match told {
                Some(told) => Steps::new(told),
                None => Steps::open(visits.map(|span| (span.begin, span.end))),
            };
            let mut dwell: Vec<_> = events.iter().filter_map(|(_, e)| dwell(e)).collect();
            dwell.sort_by(|a, b| a.0.total_cmp(&b.0));
            Zone {
                name: name(stream, zone),
                inside,
                dwell,
            }
        })
        .collect()
}

/// How long a visit was, and whether it may have been longer.
fn dwell(event: &Event) -> Option<(f64, usize)> {
    let went_out = event.data.get("reason").and_then(|r| r.as_str()) == Some("outside");
    Some((spans::duration(event)?, usize::from(!went_out)))
}

/// The first ones, with a note of how many more there were.
fn fullest<T>(what: &str, mut all: Vec<T>, notes: &mut Vec<String>) -> Vec<T> {
    if let more @ 1.. = all.len().saturating_sub(CHARTS) {
        notes.push(format!("{more} {what} with fewer events have no chart"));
    }
    all.truncate(CHARTS);
    all
}

#[cfg(test)]
mod tests;
