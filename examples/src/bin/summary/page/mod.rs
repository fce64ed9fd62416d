//! The page: one HTML file with everything inside.
//!
//! | module | what |
//! |---|---|
//! | [`chart`] | charts with axes |
//! | [`timeline`] | the lanes |
//! | [`counts`] | objects over time, lines |
//! | [`zones`] | who is inside, dwell times |
//! | [`performance`] | speed, latency, comparison with the truth |
//! | [`gallery`] | pictures of moments |
//! | [`text`] | numbers as people read them |
//!
//! Text from files is escaped by the templates; style and script are constant.

mod chart;
mod counts;
mod gallery;
mod performance;
mod text;
mod timeline;
mod zones;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::axis::Clock;
use crate::figures::{Figures, ObjectsFrom};
use crate::moments::Moment;
use crate::run::Run;
use text::{count, duration, number, plural};

/// Nothing may be loaded, from nowhere.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Sections after the header: id and title.
const SECTIONS: [(&str, &str); 7] = [
    ("timeline", "Timeline"),
    ("counts", "Objects over time"),
    ("lines", "Lines"),
    ("zones", "Zones"),
    ("performance", "Speed and latency"),
    ("moments", "Moments"),
    ("notes", "Notes"),
];

/// The whole page.
pub fn render(title: &str, figures: &Figures, run: &Run, moments: &[Moment]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                (header(title, figures, run))
                main {
                    @for (id, name) in SECTIONS {
                        section id=(id) aria-label=(name) {
                            h2 { (name) }
                            (section(id, figures, run, moments))
                        }
                    }
                }
                div #tip role="status" hidden {}
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    };
    page.into_string()
}

fn section(id: &str, figures: &Figures, run: &Run, moments: &[Moment]) -> Markup {
    match id {
        "timeline" => timeline::render(figures),
        "counts" => counts::objects(figures),
        "lines" => counts::lines(figures),
        "zones" => zones::render(figures),
        "performance" => performance::render(run),
        "moments" => gallery::render(figures, moments),
        _ => notes(figures),
    }
}

fn header(title: &str, figures: &Figures, run: &Run) -> Markup {
    let made_by: Vec<&str> = [run.model.as_deref(), run.engine.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    html! {
        header {
            div.head {
                h1 { (title) }
                p { (facts(figures, run).join("  ·  ")) }
                @if !made_by.is_empty() { p.note { (made_by.join("  ·  ")) } }
                nav {
                    @for (id, name) in SECTIONS { a href={ "#" (id) } { (name) } }
                }
            }
            div.tiles { (tiles(figures, run)) }
        }
    }
}

/// What was analysed, in a line.
fn facts(figures: &Figures, run: &Run) -> Vec<String> {
    let axis = &figures.timeline.axis;
    let mut facts = Vec::new();
    if let Clock::Wall(origin) = axis.clock {
        let day = origin.to_string();
        let day = day.split('T').next().unwrap_or_default();
        facts.push(format!(
            "{day}, {} – {} UTC",
            axis.clock.label(axis.from, 0),
            axis.clock.label(axis.to, 0)
        ));
    }
    let length = run.duration.unwrap_or(axis.length());
    if figures.events > 0 || figures.frames.is_some() {
        facts.push(duration(length));
    }
    if let Some(frames) = figures.frames {
        facts.push(format!("{} frames", count(frames)));
    }
    facts.extend(figures.sizes.iter().cloned());
    match &figures.streams[..] {
        [] => (),
        [one] => facts.push(format!("stream {one}")),
        several => facts.push(format!("{} streams: {}", several.len(), some(several, 6))),
    }
    facts
}

/// A few of a list, and how many more there are.
fn some(list: &[String], most: usize) -> String {
    let shown: Vec<&str> = list.iter().take(most).map(String::as_str).collect();
    match list.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The key figures.
fn tiles(figures: &Figures, run: &Run) -> Markup {
    let latency = run.latency_ms.unwrap_or_default();
    let objects: usize = figures.objects.iter().map(|(_, n)| n).sum();
    html! {
        (tile("events", &count(figures.events as u64), &breakdown(&figures.kinds)))
        (tile("objects", &count(objects as u64), &breakdown(&figures.objects)))
        @if let Some(fps) = run.fps {
            @let frames = run.frames.map(|n| ("frames", count(n)));
            @let took = run.seconds.map(|s| ("took", duration(s)));
            @let details: Vec<_> = frames.into_iter().chain(took)
                .map(|(name, value)| (name.to_owned(), value)).collect();
            (tile("frames per second", &number(fps), &details))
        }
        @if let Some(p50) = latency.p50 {
            @let others = [("p95", latency.p95), ("p99", latency.p99), ("max", latency.max)];
            @let others: Vec<_> = others.iter()
                .filter_map(|(name, ms)| Some((name.to_string(), format!("{} ms", number((*ms)?)))))
                .collect();
            (tile("median latency", &format!("{} ms", number(p50)), &others))
        }
    }
}

/// Names with their counts, the first few.
fn breakdown(counts: &[(String, usize)]) -> Vec<(String, String)> {
    const MOST: usize = 6;
    let shown = counts.iter().take(MOST);
    let mut lines: Vec<_> = shown
        .map(|(name, n)| (timeline::class_name(name).to_owned(), count(*n as u64)))
        .collect();
    if let more @ 1.. = counts.len().saturating_sub(MOST) {
        let rest: usize = counts.iter().skip(MOST).map(|(_, n)| n).sum();
        lines.push((plural(more, "other", "others"), count(rest as u64)));
    }
    lines
}

fn tile(name: &str, value: &str, details: &[(String, String)]) -> Markup {
    html! {
        div.tile data-figure=(name) {
            strong { (value) }
            span { (name) }
            dl {
                @for (name, value) in details { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

fn notes(figures: &Figures) -> Markup {
    let objects = match figures.objects_from {
        ObjectsFrom::Frames => {
            "Objects are distinct tracks in the per-frame records, each counted as the class that it was seen as most often."
        }
        ObjectsFrom::Events => {
            "Objects are distinct tracks that events speak of. With --objects, all that were seen would be counted."
        }
    };
    html! {
        ul {
            @for note in &figures.notes { li.warning { (note) } }
            li { (objects) }
            li { "A tracker that loses an object may count it again as a new one." }
            @if let Clock::Wall(_) = figures.timeline.axis.clock {
                li { "Times are times of day in UTC, as the events tell them." }
            } @else {
                li { "Times are positions in the stream (PTS)." }
            }
        }
    }
}

#[cfg(test)]
mod tests;
