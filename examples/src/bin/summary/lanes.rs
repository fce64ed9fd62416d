//! The timeline's lanes: what happened to one zone, line or rule, laid out in rows; where there is
//! too much of it to be told apart, as density.

use std::collections::BTreeMap;

use crate::axis::{Axis, Bins};
use crate::series::Steps;
use crate::spans::{Instant, Joined, Source, Span};

/// Lanes on a page, at most: those with the most events.
const LANES: usize = 40;
/// Marks in a lane that can be told apart on a screen.
const MARKS: usize = 250;
/// Rows of a lane, at most.
const ROWS: usize = 12;
/// Bins of density over the axis, at most about.
const DENSITY_BINS: usize = 240;

/// All events of one source.
#[derive(Debug)]
pub struct Lane<'a> {
    /// The source.
    pub source: Source,
    /// How many spans or instants there are.
    pub count: usize,
    /// How long the spans lasted together, in seconds; `None` for instants.
    pub lasted: Option<f64>,
    /// What to draw.
    pub marks: Marks<'a>,
}

/// What is drawn in a lane.
#[derive(Debug)]
pub enum Marks<'a> {
    /// Each span by itself, with its row; and how many rows there are.
    Spans(Vec<(usize, &'a Span)>, usize),
    /// Each instant by itself.
    Ticks(Vec<&'a Instant>),
    /// How many began or happened in each bin, and how many there were at once.
    Density(Bins, Vec<Density>),
}

/// A bin of a dense lane.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Density {
    /// Spans that began, or instants.
    pub count: usize,
    /// Spans at once; for instants, as `count`.
    pub peak: usize,
}

/// The lanes in the order in which they are shown, and how many sources had no room.
pub fn lay_out<'a>(joined: &'a Joined, axis: &Axis) -> (Vec<Lane<'a>>, usize) {
    let mut spans: BTreeMap<&Source, Vec<&Span>> = BTreeMap::new();
    for span in &joined.spans {
        spans.entry(&span.source).or_default().push(span);
    }
    let mut instants: BTreeMap<&Source, Vec<&Instant>> = BTreeMap::new();
    for instant in &joined.instants {
        instants.entry(&instant.source).or_default().push(instant);
    }
    let spans = spans.into_iter().map(|(source, spans)| Lane {
        source: source.clone(),
        count: spans.len(),
        lasted: Some(spans.iter().map(|span| span.lasted()).sum()),
        marks: span_marks(spans, axis),
    });
    let instants = instants.into_iter().map(|(source, instants)| Lane {
        source: source.clone(),
        count: instants.len(),
        lasted: None,
        marks: instant_marks(instants, axis),
    });
    let mut lanes: Vec<Lane> = spans.chain(instants).collect();

    let left_out = lanes.len().saturating_sub(LANES);
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.count));
    lanes.truncate(LANES);
    lanes.sort_by(|a, b| order(&a.source).cmp(&order(&b.source)));
    (lanes, left_out)
}

/// Places first, objects, of which there are most, last.
fn order(source: &Source) -> (usize, &Source) {
    let rank = match source.family() {
        "zone" => 0,
        "line" => 1,
        "object" => 3,
        _ => 2,
    };
    (rank, source)
}

fn span_marks<'a>(spans: Vec<&'a Span>, axis: &Axis) -> Marks<'a> {
    if spans.len() <= MARKS
        && let Some((placed, rows)) = pack(&spans, 0.002 * axis.length())
    {
        return Marks::Spans(placed, rows);
    }
    let bins = axis.bins(DENSITY_BINS, 0.0);
    let mut density = vec![Density::default(); bins.count];
    for span in &spans {
        density[bins.index(span.begin)].count += 1;
    }
    let open = Steps::open(spans.iter().map(|span| (span.begin, span.end)));
    for (bin, (_, peak)) in density.iter_mut().zip(open.mean_and_peak(&bins)) {
        bin.peak = peak as usize;
    }
    Marks::Density(bins, density)
}

fn instant_marks<'a>(instants: Vec<&'a Instant>, axis: &Axis) -> Marks<'a> {
    if instants.len() <= MARKS {
        return Marks::Ticks(instants);
    }
    let bins = axis.bins(DENSITY_BINS, 0.0);
    let mut density = vec![Density::default(); bins.count];
    for instant in instants {
        let bin = &mut density[bins.index(instant.at)];
        bin.count += 1;
        bin.peak += 1;
    }
    Marks::Density(bins, density)
}

/// Each span in the first row that is free; `None` where that takes too many rows. `spans` are in
/// the order of their beginnings; `gap` seconds are kept between two in a row.
fn pack<'a>(spans: &[&'a Span], gap: f64) -> Option<(Vec<(usize, &'a Span)>, usize)> {
    let mut ends: Vec<f64> = Vec::new();
    let mut placed = Vec::with_capacity(spans.len());
    for span in spans {
        let free = ends.iter().position(|end| end + gap <= span.begin);
        let row = free.unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(span.end);
        } else {
            ends[row] = span.end;
        }
        if ends.len() > ROWS {
            return None;
        }
        placed.push((row, *span));
    }
    Some((placed, ends.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::Clock;
    use crate::spans::Who;

    fn source(kind: &str, name: &str) -> Source {
        Source {
            kind: kind.into(),
            name: name.into(),
            stream: 0,
        }
    }

    fn span(source: &Source, begin: f64, end: f64) -> Span {
        Span {
            source: source.clone(),
            who: Who::default(),
            begin,
            end,
            seen: (begin, end),
            duration: None,
            reason: None,
            is_headless: false,
            is_open: false,
        }
    }

    fn instant(source: &Source, at: f64) -> Instant {
        Instant {
            source: source.clone(),
            who: Who::default(),
            at,
            direction: None,
        }
    }

    fn axis() -> Axis {
        Axis::new(0.0, 100.0, Clock::Media)
    }

    #[test]
    fn spans_that_overlap_are_in_different_rows() {
        let zone = source("zone", "door");
        let spans = [(0.0, 10.0), (2.0, 5.0), (6.0, 8.0), (11.0, 12.0)];
        let joined = Joined {
            spans: spans.map(|(b, e)| span(&zone, b, e)).into(),
            ..Joined::default()
        };
        let (lanes, left_out) = lay_out(&joined, &axis());
        assert_eq!((lanes.len(), left_out), (1, 0));
        let Marks::Spans(placed, rows) = &lanes[0].marks else {
            panic!("{lanes:?}")
        };
        let placed: Vec<_> = placed.iter().map(|(row, _)| *row).collect();
        assert_eq!((placed, *rows), (vec![0, 1, 1, 0], 2));
    }

    #[test]
    fn places_come_first_and_each_kind_of_instant_has_its_lane() {
        let joined = Joined {
            spans: vec![
                span(&source("object", "all"), 0.0, 1.0),
                span(&source("zone", "b"), 0.0, 1.0),
                span(&source("zone", "a"), 0.0, 1.0),
            ],
            instants: vec![
                instant(&source("caption.made", "c"), 3.0),
                instant(&source("line.touched", "gate"), 2.0),
                instant(&source("line.crossed", "gate"), 1.0),
            ],
            ..Joined::default()
        };
        let (lanes, _) = lay_out(&joined, &axis());
        let order: Vec<_> = lanes
            .iter()
            .map(|lane| format!("{} {}", lane.source.kind, lane.source.name))
            .collect();
        let expected = [
            "zone a",
            "zone b",
            "line.crossed gate",
            "line.touched gate",
            "caption.made c",
            "object all",
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn what_cannot_be_told_apart_is_shown_as_density() {
        let (zone, line) = (source("zone", "z"), source("line.crossed", "l"));
        let joined = Joined {
            // 1000 spans of 0.2 s, one every 0.1 s: two at once, ends are before begins.
            spans: (0..1000)
                .map(|i| f64::from(i) / 10.0)
                .map(|t| span(&zone, t, t + 0.15))
                .collect(),
            instants: (0..500)
                .map(|i| instant(&line, f64::from(i) / 5.0))
                .collect(),
            ..Joined::default()
        };
        let (lanes, _) = lay_out(&joined, &axis());
        for (lane, count, peak) in [(&lanes[0], 1000, 2), (&lanes[1], 500, 3)] {
            let Marks::Density(bins, density) = &lane.marks else {
                panic!("{lane:?}")
            };
            assert_eq!((bins.width, bins.count), (0.5, 200));
            assert_eq!(density.iter().map(|bin| bin.count).sum::<usize>(), count);
            assert_eq!(lane.count, count);
            assert_eq!(density[10..20].iter().map(|bin| bin.peak).max(), Some(peak));
        }
    }

    #[test]
    fn a_crowd_in_one_lane_is_density_though_it_is_small() {
        let zone = source("zone", "z");
        let joined = Joined {
            spans: (0..20).map(|i| span(&zone, f64::from(i), 90.0)).collect(),
            ..Joined::default()
        };
        let (lanes, _) = lay_out(&joined, &axis());
        assert!(matches!(lanes[0].marks, Marks::Density(..)));
    }

    #[test]
    fn of_too_many_lanes_the_fullest_are_kept() {
        let joined = Joined {
            instants: (0..100)
                .flat_map(|i| {
                    let line = source("line.crossed", &format!("{i:03}"));
                    (0..=i).map(move |t| instant(&line, f64::from(t)))
                })
                .collect(),
            ..Joined::default()
        };
        let (lanes, left_out) = lay_out(&joined, &axis());
        assert_eq!((lanes.len(), left_out), (LANES, 60));
        assert_eq!(lanes[0].source.name, "060");
    }
}
