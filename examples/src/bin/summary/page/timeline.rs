//! The timeline: a lane for each zone, line and rule.

use maud::{Markup, html};
use std::collections::BTreeSet;

use super::chart::{Table, WIDTH, time_labels, time_ticks};
use super::text::{coordinate, count, duration, plural};
use crate::axis::{Axis, Bins};
use crate::figures::Figures;
use crate::lanes::{self, Density, Lane, Marks};
use crate::spans::{Instant, Span, Who};

/// Height of a row of spans in pixels.
const ROW: f64 = 12.0;
/// Height of other lanes in pixels.
const LANE: f64 = 32.0;
/// Ticks on the axis, at most about.
const TICKS: usize = 10;
/// Least width of a span, so that short ones can be seen.
const LEAST: f64 = 2.0;

/// The section's content.
pub fn render(figures: &Figures) -> Markup {
    let axis = &figures.timeline.axis;
    let (lanes, _) = lanes::lay_out(&figures.joined, axis);
    let ticks = time_ticks(axis, TICKS);
    html! {
        @if lanes.is_empty() {
            p.note { "No event says when it was." }
        } @else {
            (controls(&lanes, figures))
            div.lanes {
                @for lane in &lanes { (render_lane(lane, figures, &ticks)) }
                div.lane.axis { div.name {} (time_labels(&ticks)) }
            }
            (table(&lanes, figures).render())
        }
    }
}

/// The legend of classes, whose entries the script makes switches, and a search field.
fn controls(lanes: &[Lane], figures: &Figures) -> Markup {
    html! {
        div.controls {
            div.chips role="group" aria-label="Classes" {
                @for (index, name) in shown(lanes, figures) {
                    button.chip type="button" aria-pressed="true" data-class=(index) {
                        i class={ "key c" (index) } {} (class_name(&name))
                    }
                }
            }
            input #filter type="search" placeholder="Filter by zone, line, event, object" aria-label="Filter";
        }
    }
}

/// Colours that marks on the timeline have.
fn shown(lanes: &[Lane], figures: &Figures) -> Vec<(usize, String)> {
    let mut used = BTreeSet::new();
    for lane in lanes {
        let mut add = |who: &Who| used.insert(figures.classes.index(&who.label));
        match &lane.marks {
            Marks::Spans(placed, _) => placed.iter().for_each(|(_, span)| {
                add(&span.who);
            }),
            Marks::Ticks(instants) => instants.iter().for_each(|instant| {
                add(&instant.who);
            }),
            Marks::Density(..) => (),
        }
    }
    let mut legend = figures.classes.legend();
    legend.retain(|(index, _)| used.contains(index));
    legend
}

/// A class for people: what has no name is an object.
pub fn class_name(label: &str) -> &str {
    if label.is_empty() { "object" } else { label }
}

fn render_lane(lane: &Lane, figures: &Figures, ticks: &[(f64, String)]) -> Markup {
    let axis = &figures.timeline.axis;
    let height = match &lane.marks {
        Marks::Spans(_, rows) => (*rows as f64 * ROW + 8.0).max(LANE),
        _ => LANE,
    };
    let grid: String = ticks
        .iter()
        .map(|(at, _)| format!("M{} 0V{height}", coordinate(at * WIDTH)))
        .collect();
    let title = title(lane);
    let subtitle = subtitle(lane, figures);
    html! {
        div.lane data-name={ (title) " " (subtitle) } {
            div.name title={ (title) ", " (subtitle) } { b { (title) } span { (subtitle) } }
            svg viewBox={ "0 0 " (WIDTH) " " (height) } preserveAspectRatio="none"
                style={ "height:" (height) "px" } role="img" aria-label={ (title) ", " (subtitle) } {
                path.grid d=(grid) {}
                @match &lane.marks {
                    Marks::Spans(placed, rows) => {
                        @let top = (height - *rows as f64 * ROW) / 2.0;
                        @for (row, span) in placed {
                            (render_span(span, top + *row as f64 * ROW, figures))
                        }
                    }
                    Marks::Ticks(instants) => {
                        @for instant in instants { (render_tick(instant, height, figures)) }
                    }
                    Marks::Density(bins, density) => {
                        (render_density(lane, axis, bins, density, height))
                    }
                }
            }
        }
    }
}

/// Name of the zone, line or rule.
fn title<'a>(lane: &'a Lane) -> &'a str {
    match lane.source.name.as_str() {
        "" => &lane.source.kind,
        name => name,
    }
}

/// Which stream, where there are several, what kind, and how many: `cam-1 · zone: 12 visits`.
fn subtitle(lane: &Lane, figures: &Figures) -> String {
    let n = lane.count;
    let many = match lane.source.kind.as_str() {
        "zone" => plural(n, "visit", "visits"),
        "line.crossed" => plural(n, "crossing", "crossings"),
        "object" => plural(n, "appearance", "appearances"),
        _ => plural(n, "event", "events"),
    };
    let stream = figures.streams.get(lane.source.stream);
    let stream = stream.filter(|_| figures.streams.len() > 1);
    let stream = stream
        .map(|stream| format!("{stream} · "))
        .unwrap_or_default();
    let density = match &lane.marks {
        Marks::Density(..) => ", as density",
        _ => "",
    };
    format!("{stream}{}: {many}{density}", lane.source.family())
}

fn colour(label: &str, figures: &Figures) -> String {
    format!("c{}", figures.classes.index(label))
}

fn render_span(span: &Span, y: f64, figures: &Figures) -> Markup {
    let axis = &figures.timeline.axis;
    let from = axis.fraction(span.begin) * WIDTH;
    let width = (axis.fraction(span.end) * WIDTH - from).max(LEAST);
    let from = from.min(WIDTH - width);
    let cut = (span.is_open || span.is_headless).then_some("cut");
    html! {
        rect class={ "m " (colour(&span.who.label, figures)) " " (cut.unwrap_or_default()) }
            x=(coordinate(from)) y=(coordinate(y + 1.0)) width=(coordinate(width))
            height=(coordinate(ROW - 2.0)) { title { (span_text(span, axis)) } }
    }
}

/// `person 7 · 0:12.30 – 0:15.10 · 2.8 s · outside`.
fn span_text(span: &Span, axis: &Axis) -> String {
    let begin = axis.exact(span.begin);
    let times = match (span.is_headless, span.is_open) {
        (_, true) => format!("since {begin}, has not ended"),
        (true, _) => format!(
            "until {}, its start is not in the file",
            axis.exact(span.end)
        ),
        _ => format!("{begin} – {}", axis.exact(span.end)),
    };
    let who = span.who.text();
    let parts = [
        Some(who),
        Some(times),
        Some(duration(span.lasted())),
        span.reason.clone(),
    ];
    join(parts)
}

fn render_tick(instant: &Instant, height: f64, figures: &Figures) -> Markup {
    let axis = &figures.timeline.axis;
    let x = coordinate(axis.fraction(instant.at) * WIDTH);
    let middle = height / 2.0;
    // The direction is told by the place, colours tell the class.
    let (from, to) = match instant.direction.as_deref() {
        Some("forward") => (4.0, middle - 1.0),
        Some("backward") => (middle + 1.0, height - 4.0),
        _ => (4.0, height - 4.0),
    };
    let parts = [
        Some(instant.source.kind.clone()),
        Some(instant.who.text()),
        instant.direction.clone(),
        Some(axis.exact(instant.at)),
    ];
    html! {
        path class={ "m tick " (colour(&instant.who.label, figures)) }
            d={ "M" (x) " " (coordinate(from)) "V" (coordinate(to)) } { title { (join(parts)) } }
    }
}

fn join<const N: usize>(parts: [Option<String>; N]) -> String {
    let parts: Vec<_> = parts
        .into_iter()
        .flatten()
        .filter(|p| !p.is_empty())
        .collect();
    parts.join(" · ")
}

fn render_density(
    lane: &Lane,
    axis: &Axis,
    bins: &Bins,
    density: &[Density],
    height: f64,
) -> Markup {
    let highest = density.iter().map(|bin| bin.peak).max().unwrap_or(0).max(1) as f64;
    let bars = density.iter().enumerate().filter(|(_, bin)| bin.peak > 0);
    html! {
        @for (i, bin) in bars {
            @let (from, to) = bins.range(i);
            @let x = axis.fraction(from) * WIDTH;
            @let width = axis.fraction(to) * WIDTH - x;
            @let tall = (height - 6.0) * bin.peak as f64 / highest;
            @let text = if lane.lasted.is_none() {
                format!("{} in {}", count(bin.count as u64), bins.label(i))
            } else {
                format!("{} began, up to {} at once in {}", count(bin.count as u64),
                    count(bin.peak as u64), bins.label(i))
            };
            rect.m.dense x=(coordinate(x)) y=(coordinate(height - 3.0 - tall))
                width=(coordinate(width)) height=(coordinate(tall)) { title { (text) } }
        }
    }
}

fn table(lanes: &[Lane], figures: &Figures) -> Table {
    let rows = lanes.iter().map(|lane| {
        let stream = figures.streams.get(lane.source.stream);
        vec![
            lane.source.kind.clone(),
            title(lane).to_owned(),
            stream.cloned().unwrap_or_default(),
            count(lane.count as u64),
            lane.lasted.map_or_else(|| "–".into(), duration),
        ]
    });
    let header = ["Kind", "Name", "Stream", "Events", "Duration together"];
    Table {
        header: header.map(String::from).into(),
        rows: rows.collect(),
    }
}
